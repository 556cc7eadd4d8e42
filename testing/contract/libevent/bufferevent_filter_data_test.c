/* testing/contract/libevent/bufferevent_filter_data_test.c — filters: which function is called when, with what.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/bufferevent_kinds.h"

static void
a_new_filter_takes_over_what_is_below(void)
{
	bufferevent_data_cb readcb, writecb;
	bufferevent_event_cb eventcb;
	void *arg;

	open_pair(0);
	below = a;
	a = bufferevent_filter_new(below, filter_in, filter_out, 0, NULL, NULL);
	CHECK(a != NULL);
	bufferevent_getcb(below, &readcb, &writecb, &eventcb, &arg);
	CHECK(readcb && readcb != on_read && writecb && writecb != on_write && eventcb && eventcb != on_event);
	CHECK_INT_EQ(bufferevent_get_enabled(a), EV_WRITE);
	CHECK_INT_EQ(bufferevent_get_enabled(below), EV_READ | EV_WRITE);
	CHECK_PTR_EQ(bufferevent_get_underlying(a), below);
	CHECK_PTR_EQ(bufferevent_get_base(a), base);
	close_all();
}

static void
a_filter_over_a_pair_has_its_limits(void)
{
	open_filter(0);
	CHECK_INT_EQ(bufferevent_getfd(a), -1);
	CHECK_INT_EQ(bufferevent_setfd(a, 1), -1);
	CHECK_INT_EQ(bufferevent_base_set(base, a), -1);
	CHECK_INT_EQ(bufferevent_priority_set(a, 0), -1);
	CHECK_INT_EQ(bufferevent_get_priority(a), 0);
	close_all();
}

static void
what_is_written_passes_at_once(void)
{
	open_filter(0);
	put(a, "hello");
	CHECK_SAID("o(5,0,-1,0) Aw0");
	CHECK_INT_EQ(out(a), 0);
	turn();
	CHECK_SAID("Br5");
	CHECK_GETS(b, "hello");
	close_all();
}

static void
what_arrives_passes_in_the_loop(void)
{
	open_filter(0);
	put(b, "hello");
	CHECK_SAID("");
	turn();
	CHECK_SAID("i(5,0,-1,0) Ar5 Bw0");
	CHECK_GETS(a, "hello");
	close_all();
}

static void
output_below_grows_while_it_cannot_go(void)
{
	open_filter(0);
	bufferevent_disable(b, EV_READ);
	put(a, "hello");
	put(a, "world");
	CHECK_SAID("o(5,0,-1,0) Aw0 o(5,5,-1,0) Aw0");
	CHECK_INT_EQ(out(below), 10);
	bufferevent_enable(b, EV_READ);
	turn();
	CHECK_SAID("Br10");
	close_all();
}

static void
a_disabled_reader_leaves_the_bytes_with_the_far_end(void)
{
	open_filter(0);
	bufferevent_disable(a, EV_READ);
	put(b, "hello");
	turn();
	CHECK_SAID("");
	CHECK_INT_EQ(out(b), 5);
	CHECK_INT_EQ(bufferevent_get_enabled(below), EV_READ | EV_WRITE);
	bufferevent_enable(a, EV_READ);
	CHECK_INT_EQ(in(below), 5);
	turn();
	CHECK_SAID("i(5,0,-1,0) Ar5 Bw0");
	close_all();
}

static void
a_disabled_writer_calls_nothing(void)
{
	open_filter(0);
	bufferevent_disable(a, EV_WRITE);
	put(a, "hello");
	turn();
	CHECK_SAID("");
	CHECK_INT_EQ(out(a), 5);
	close_all();
}

static void
what_has_passed_goes_on_although_writing_ends(void)
{
	open_filter(0);
	bufferevent_disable(b, EV_READ);
	put(a, "hello");
	bufferevent_disable(a, EV_WRITE);
	bufferevent_enable(b, EV_READ);
	turn();
	CHECK_SAID("o(5,0,-1,0) Aw0 Br5");
	close_all();
}

static void
functions_are_called_until_all_has_passed(void)
{
	open_filter(0);
	in_step = out_step = 2;
	put(a, "hello");
	CHECK_SAID("o(5,0,-1,0) o(3,0,-1,0) o(1,0,-1,0) Aw0");
	put(b, "hello");
	turn();
	CHECK_SAID("Br5 Bw0 i(5,0,-1,0) i(3,2,-1,0) i(1,4,-1,0) Ar5");
	close_all();
}

static void
output_that_needs_more_waits_for_it(void)
{
	open_filter(0);
	out_says = BEV_NEED_MORE;
	put(a, "hello");
	turn();
	CHECK_SAID("o(5,0,-1,0)");
	CHECK_INT_EQ(out(a), 5);
	out_says = BEV_OK;
	put(a, "!");
	CHECK_SAID("o(6,0,-1,0) Aw0");
	turn();
	CHECK_GETS(b, "hello!");
	close_all();
}

static void
input_that_needs_more_waits_for_it(void)
{
	open_filter(0);
	in_says = BEV_NEED_MORE;
	put(b, "hello");
	turn();
	CHECK_SAID("i(5,0,-1,0) Bw0");
	CHECK_INT_EQ(in(below), 5);
	in_says = BEV_OK;
	put(b, "!");
	turn();
	CHECK_SAID("i(6,0,-1,0) Ar6 Bw0");
	close_all();
}

static void
an_error_of_output_is_not_told(void)
{
	open_filter(0);
	out_says = BEV_ERROR;
	put(a, "hello");
	put(a, "!");
	turn();
	CHECK_SAID("o(5,0,-1,0) o(6,0,-1,0)");
	CHECK_INT_EQ(out(a), 6);
	CHECK_INT_EQ(bufferevent_get_enabled(a), EV_READ | EV_WRITE);
	close_all();
}

static void
an_error_of_input_is_not_told(void)
{
	open_filter(0);
	in_says = BEV_ERROR;
	put(b, "hello");
	turn();
	CHECK_SAID("i(5,0,-1,0) Bw0");
	in_says = BEV_OK;
	put(b, "!");
	turn();
	CHECK_SAID("i(6,0,-1,0) Ar6 Bw0");
	close_all();
}

static void
write_three_more(struct bufferevent *bev, void *who)
{
	static int times;

	on_write(bev, who);
	if (times++ < 3)
		put(bev, "q");
}

static void
the_write_callback_may_write(void)
{
	open_filter(0);
	bufferevent_setcb(a, on_read, write_three_more, on_event, "A");
	put(a, "abc");
	CHECK_SAID("o(3,0,-1,0) Aw0 o(1,0,-1,0) Aw0 o(1,0,-1,0) Aw0 o(1,0,-1,0) Aw0");
	turn();
	CHECK_GETS(b, "abcqqq");
	close_all();
}

static void
echo(struct bufferevent *bev, void *who)
{
	on_read(bev, who);
	bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

static void
the_read_callback_may_answer(void)
{
	open_filter(0);
	bufferevent_setcb(a, echo, NULL, on_event, "A");
	put(b, "hello");
	turn();
	CHECK_SAID("i(5,0,-1,0) Ar5 o(5,0,-1,0) Br5 Bw0");
	CHECK_GETS(b, "hello");
	close_all();
}

static void
the_programs_own_ends_are_not_frozen(void)
{
	open_filter(0);
	CHECK_INT_EQ(evbuffer_add(bufferevent_get_input(a), "x", 1), 0);
	bufferevent_disable(a, EV_WRITE);
	put(a, "abc");
	CHECK_INT_EQ(evbuffer_drain(bufferevent_get_output(a), 1), 0);
	CHECK_INT_EQ(out(a), 2);
	close_all();
}

static void
open_pass_through(void)
{
	open_pair(0);
	below = a;
	a = bufferevent_filter_new(below, NULL, NULL, 0, NULL, NULL);
	CHECK(a != NULL);
	bufferevent_setcb(a, on_read, on_write, on_event, "A");
	bufferevent_enable(a, EV_READ);
	bufferevent_enable(b, EV_READ);
}

static void
no_functions_change_nothing(void)
{
	open_pass_through();
	put(b, "abc");
	put(a, "xy");
	CHECK_SAID("Aw0");
	turn();
	CHECK_SAID("Ar3 Br2 Bw0");
	CHECK_GETS(a, "abc");
	CHECK_GETS(b, "xy");
	CHECK_INT_EQ(bufferevent_flush(a, EV_WRITE, BEV_FLUSH), 1);
	close_all();
}

static void
no_functions_keep_to_the_marks(void)
{
	open_pass_through();
	bufferevent_setcb(a, NULL, on_write, NULL, "A");
	bufferevent_disable(b, EV_READ);
	bufferevent_setwatermark(a, EV_READ, 0, 4);
	bufferevent_setwatermark(below, EV_WRITE, 0, 4);
	put(b, "abcdefgh");
	put(a, "0123456789");
	turn();
	CHECK_INT_EQ(in(a), 4);
	CHECK_INT_EQ(in(below), 4);
	CHECK_INT_EQ(out(a), 6);
	CHECK_INT_EQ(out(below), 4);
	bufferevent_enable(b, EV_READ);
	turn();
	CHECK_GETS(b, "0123456789");
	close_all();
}

/* --- watermarks --------------------------------------------------------------------------- */

static void
the_read_high_mark_limits_input(void)
{
	open_filter(0);
	bufferevent_setcb(a, NULL, NULL, NULL, NULL);
	bufferevent_setwatermark(a, EV_READ, 0, 4);
	put(b, "0123456789");
	turn();
	CHECK_SAID("i(10,0,4,0) Bw0");
	CHECK_INT_EQ(in(a), 4);
	CHECK_INT_EQ(in(below), 6);
	drain(a, 3);
	CHECK_SAID("i(6,1,3,0)");
	CHECK_INT_EQ(in(a), 4);
	close_all();
}

static void
the_read_low_mark_holds_the_callback_back(void)
{
	open_filter(0);
	bufferevent_setwatermark(a, EV_READ, 4, 0);
	put(b, "012");
	turn();
	CHECK_SAID("i(3,0,-1,0) Bw0");
	put(b, "3");
	turn();
	CHECK_SAID("i(1,3,-1,0) Ar4 Bw0");
	close_all();
}

static void
the_write_high_mark_below_limits_output(void)
{
	open_filter(0);
	bufferevent_disable(b, EV_READ);
	bufferevent_setwatermark(below, EV_WRITE, 0, 4);
	put(a, "0123456789");
	CHECK_SAID("o(10,0,4,0)");
	CHECK_INT_EQ(out(below), 4);
	CHECK_INT_EQ(out(a), 6);
	put(a, "x");
	CHECK_SAID("");
	bufferevent_enable(b, EV_READ);
	turn();
	CHECK_SAID("Br4 o(7,0,4,0) o(3,0,4,0) Aw0 Br11");
	CHECK_GETS(b, "0123456789x");
	close_all();
}

static void
the_write_low_mark_below_says_when_output_goes_on(void)
{
	open_filter(0);
	bufferevent_setcb(b, NULL, NULL, NULL, NULL);
	bufferevent_setwatermark(below, EV_WRITE, 2, 4);
	bufferevent_setwatermark(b, EV_READ, 0, 1);
	put(a, "01234567");
	turn();
	CHECK_SAID("o(8,0,4,0) o(4,3,1,0)"); /* the first byte has gone on meanwhile */
	drain(b, 1);
	turn();
	CHECK_SAID("");
	CHECK_INT_EQ(out(below), 3);
	drain(b, 1);
	turn();
	CHECK_SAID("o(3,2,2,0)");
	CHECK_INT_EQ(out(below), 4);
	close_all();
}

static void
the_filters_write_low_mark_brings_the_callback_forward(void)
{
	open_filter(0);
	bufferevent_disable(b, EV_READ);
	bufferevent_setwatermark(below, EV_WRITE, 0, 4);
	bufferevent_setwatermark(a, EV_WRITE, 7, 0);
	put(a, "0123456789");
	CHECK_SAID("o(10,0,4,0) Aw6");
	close_all();
}

static void
the_filters_write_high_mark_limits_nothing(void)
{
	open_filter(0);
	bufferevent_setwatermark(a, EV_WRITE, 0, 4);
	put(a, "0123456789");
	CHECK_SAID("o(10,0,-1,0) Aw0");
	close_all();
}

#define CASE(name) { #name, name }
static const struct evrt_test_case cases[] = {
	CASE(a_new_filter_takes_over_what_is_below),
	CASE(a_filter_over_a_pair_has_its_limits),
	CASE(what_is_written_passes_at_once),
	CASE(what_arrives_passes_in_the_loop),
	CASE(output_below_grows_while_it_cannot_go),
	CASE(a_disabled_reader_leaves_the_bytes_with_the_far_end),
	CASE(a_disabled_writer_calls_nothing),
	CASE(what_has_passed_goes_on_although_writing_ends),
	CASE(functions_are_called_until_all_has_passed),
	CASE(output_that_needs_more_waits_for_it),
	CASE(input_that_needs_more_waits_for_it),
	CASE(an_error_of_output_is_not_told),
	CASE(an_error_of_input_is_not_told),
	CASE(the_write_callback_may_write),
	CASE(the_read_callback_may_answer),
	CASE(the_programs_own_ends_are_not_frozen),
	CASE(no_functions_change_nothing),
	CASE(no_functions_keep_to_the_marks),
	CASE(the_read_high_mark_limits_input),
	CASE(the_read_low_mark_holds_the_callback_back),
	CASE(the_write_high_mark_below_limits_output),
	CASE(the_write_low_mark_below_says_when_output_goes_on),
	CASE(the_filters_write_low_mark_brings_the_callback_forward),
	CASE(the_filters_write_high_mark_limits_nothing),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
