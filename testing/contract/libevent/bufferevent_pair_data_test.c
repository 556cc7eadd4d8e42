/* testing/contract/libevent/bufferevent_pair_data_test.c — pairs: what moves when, and who is told.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/bufferevent_kinds.h"

static void
a_new_pair_writes_and_does_not_read(void)
{
	open_pair(0);
	CHECK_INT_EQ(bufferevent_get_enabled(a), EV_WRITE);
	CHECK_INT_EQ(bufferevent_get_enabled(b), EV_WRITE);
	CHECK_PTR_EQ(bufferevent_get_base(a), base);
	turn();
	CHECK_SAID("");
	close_all();
}

static void
partners_know_each_other(void)
{
	open_pair(0);
	CHECK_PTR_EQ(bufferevent_pair_get_partner(a), b);
	CHECK_PTR_EQ(bufferevent_pair_get_partner(b), a);
	close_all();
}

static void
other_kinds_have_no_partner(void)
{
	open_filter(0);
	CHECK_PTR_EQ(bufferevent_pair_get_partner(a), NULL);
	struct bufferevent *socket = bufferevent_socket_new(base, -1, 0);
	CHECK_PTR_EQ(bufferevent_pair_get_partner(socket), NULL);
	bufferevent_free(socket);
	close_all();
}

static void
there_is_no_descriptor(void)
{
	open_pair(0);
	CHECK_INT_EQ(bufferevent_getfd(a), -1);
	CHECK_INT_EQ(bufferevent_setfd(a, 1), -1);
	CHECK_PTR_EQ(bufferevent_get_underlying(a), NULL);
	close_all();
}

static void
base_and_priority_are_fixed(void)
{
	open_pair(0);
	CHECK_INT_EQ(bufferevent_base_set(base, a), -1);
	CHECK_INT_EQ(bufferevent_priority_set(a, 0), -1);
	CHECK_INT_EQ(bufferevent_get_priority(a), 0);
	close_all();
}

static void
a_pair_does_not_keep_the_loop(void)
{
	open_pair(0);
	bufferevent_enable(a, EV_READ);
	put(a, "x");
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	close_all();
}

static void
bytes_move_at_once_and_callbacks_come_from_the_loop(void)
{
	open_pair(0);
	bufferevent_enable(b, EV_READ);
	put(a, "hello");
	CHECK_INT_EQ(out(a), 0);
	CHECK_INT_EQ(in(b), 5);
	CHECK_SAID("");
	turn();
	CHECK_SAID("Br5 Aw0");
	CHECK_GETS(b, "hello");
	close_all();
}

static void
two_writes_are_told_once(void)
{
	open_pair(0);
	bufferevent_enable(b, EV_READ);
	put(a, "one");
	put(a, "two");
	turn();
	CHECK_SAID("Br6 Aw0");
	close_all();
}

static void
both_directions_at_once(void)
{
	open_pair(0);
	bufferevent_enable(a, EV_READ);
	bufferevent_enable(b, EV_READ);
	put(a, "hello");
	put(b, "abc");
	turn();
	CHECK_SAID("Br5 Bw0 Ar3 Aw0");
	CHECK_GETS(a, "abc");
	CHECK_GETS(b, "hello");
	close_all();
}

static void
a_reader_that_is_enabled_finds_what_waits(void)
{
	open_pair(0);
	put(a, "hello");
	turn();
	CHECK_INT_EQ(out(a), 5);
	CHECK_SAID("");
	CHECK_INT_EQ(bufferevent_enable(b, EV_READ), 0);
	CHECK_INT_EQ(in(b), 5);
	turn();
	CHECK_SAID("Br5 Aw0");
	close_all();
}

static void
a_writer_that_is_enabled_sends_what_waits(void)
{
	open_pair(0);
	bufferevent_enable(b, EV_READ);
	CHECK_INT_EQ(bufferevent_disable(a, EV_WRITE), 0);
	put(a, "hello");
	turn();
	CHECK_INT_EQ(out(a), 5);
	CHECK_SAID("");
	CHECK_INT_EQ(bufferevent_enable(a, EV_WRITE), 0);
	CHECK_INT_EQ(in(b), 5);
	turn();
	CHECK_SAID("Br5 Aw0");
	close_all();
}

static void
enabling_without_data_tells_nobody(void)
{
	open_pair(0);
	bufferevent_enable(a, EV_READ | EV_WRITE);
	bufferevent_enable(b, EV_READ | EV_WRITE);
	turn();
	CHECK_SAID("");
	close_all();
}

static void
a_callback_that_is_deferred_comes_although_reading_ends(void)
{
	open_pair(0);
	bufferevent_enable(b, EV_READ);
	put(a, "hello");
	bufferevent_disable(b, EV_READ);
	put(a, "more");
	turn();
	CHECK_SAID("Br5 Aw4");
	CHECK_INT_EQ(out(a), 4);
	close_all();
}

static void
the_program_leaves_the_inner_ends_alone(void)
{
	open_pair(0);
	bufferevent_enable(b, EV_READ);
	for (int i = 0; i < 2; i++) {
		CHECK_INT_EQ(evbuffer_add(bufferevent_get_input(b), "x", 1), -1);
		bufferevent_disable(b, EV_READ);
		put(a, "abc");
		CHECK_INT_EQ(evbuffer_drain(bufferevent_get_output(a), 1), -1);
		CHECK_INT_EQ(evbuffer_prepend(bufferevent_get_output(a), "x", 1), -1);
		CHECK_INT_EQ(evbuffer_prepend(bufferevent_get_input(b), "y", 1), 0);
		bufferevent_enable(b, EV_READ);
	}
	CHECK_GETS(b, "yyabcabc");
	close_all();
}

static void
buffers_move_whole(void)
{
	struct evbuffer *buf = evbuffer_new();

	open_pair(0);
	bufferevent_enable(b, EV_READ);
	evbuffer_add(buf, "hello", 5);
	CHECK_INT_EQ(bufferevent_write_buffer(a, buf), 0);
	CHECK_INT_EQ(evbuffer_get_length(buf), 0);
	CHECK_INT_EQ(bufferevent_read_buffer(b, buf), 0);
	CHECK_INT_EQ(evbuffer_get_length(buf), 5);
	evbuffer_free(buf);
	close_all();
}

/* --- watermarks --------------------------------------------------------------------------- */

static void
the_read_high_mark_leaves_the_rest_with_the_writer(void)
{
	open_pair(0);
	bufferevent_setcb(b, NULL, on_write, on_event, "B");
	bufferevent_setwatermark(b, EV_READ, 0, 4);
	bufferevent_enable(b, EV_READ);
	put(a, "0123456789");
	CHECK_INT_EQ(in(b), 4);
	CHECK_INT_EQ(out(a), 6);
	turn();
	CHECK_SAID("");
	drain(b, 1);
	CHECK_INT_EQ(in(b), 4);
	CHECK_INT_EQ(out(a), 5);
	drain(b, 4);
	drain(b, 4);
	turn();
	CHECK_SAID("Aw0");
	CHECK_GETS(b, "9");
	close_all();
}

static void
drain_two(struct bufferevent *bev, void *who)
{
	on_read(bev, who);
	drain(bev, 2);
}

static void
a_reader_that_drains_gets_all(void)
{
	open_pair(0);
	bufferevent_setcb(b, drain_two, on_write, on_event, "B");
	bufferevent_setwatermark(b, EV_READ, 0, 4);
	bufferevent_enable(b, EV_READ);
	put(a, "0123456789");
	turn();
	CHECK_SAID("Br4 Br4 Br4 Br4 Aw0");
	CHECK_GETS(b, "89");
	close_all();
}

static int until_disabled;

static void
read_and_give_up(struct bufferevent *bev, void *who)
{
	on_read(bev, who);
	if (--until_disabled == 0)
		bufferevent_disable(bev, EV_READ);
}

static void
a_full_reader_is_called_until_it_is_disabled(void)
{
	open_pair(0);
	until_disabled = 3;
	bufferevent_setcb(b, read_and_give_up, on_write, on_event, "B");
	bufferevent_setwatermark(b, EV_READ, 0, 4);
	bufferevent_enable(b, EV_READ);
	put(a, "0123456789");
	turn();
	CHECK_SAID("Br4 Br4 Br4");
	drain(b, 2);
	CHECK_INT_EQ(in(b), 2);
	until_disabled = 1;
	bufferevent_enable(b, EV_READ);
	CHECK_INT_EQ(in(b), 4);
	turn();
	CHECK_SAID("Br4");
	close_all();
}

static void
the_read_low_mark_holds_the_callback_back(void)
{
	open_pair(0);
	bufferevent_setwatermark(b, EV_READ, 4, 0);
	bufferevent_enable(b, EV_READ);
	put(a, "012");
	turn();
	CHECK_SAID("Aw0");
	put(a, "3");
	turn();
	CHECK_SAID("Br4 Aw0");
	close_all();
}

static void
the_write_low_mark_brings_the_callback_forward(void)
{
	open_pair(0);
	bufferevent_setcb(b, NULL, NULL, NULL, NULL);
	bufferevent_setwatermark(a, EV_WRITE, 3, 0);
	bufferevent_setwatermark(b, EV_READ, 0, 4);
	bufferevent_enable(b, EV_READ);
	put(a, "0123456789");
	drain(b, 2);
	turn();
	CHECK_SAID("");
	drain(b, 2);
	turn();
	CHECK_SAID("Aw2");
	close_all();
}

static void
the_write_high_mark_limits_nothing(void)
{
	open_pair(0);
	bufferevent_setwatermark(a, EV_WRITE, 0, 4);
	bufferevent_enable(b, EV_READ);
	put(a, "0123456789");
	turn();
	CHECK_SAID("Br10 Aw0");
	close_all();
}

static void
a_high_mark_that_comes_late_holds_and_goes(void)
{
	open_pair(0);
	bufferevent_setcb(b, NULL, NULL, NULL, NULL);
	bufferevent_enable(b, EV_READ);
	put(a, "0123456789");
	bufferevent_setwatermark(b, EV_READ, 0, 4);
	put(a, "abc");
	CHECK_INT_EQ(out(a), 3);
	bufferevent_setwatermark(b, EV_READ, 0, 0);
	CHECK_INT_EQ(out(a), 0);
	CHECK_GETS(b, "0123456789abc");
	close_all();
}

/* --- callbacks that write ----------------------------------------------------------------- */

static void
write_twice_more(struct bufferevent *bev, void *who)
{
	static int times;

	on_write(bev, who);
	if (times++ < 2)
		put(bev, "zz");
}

static void
the_write_callback_may_write(void)
{
	open_pair(0);
	bufferevent_setcb(a, on_read, write_twice_more, on_event, "A");
	bufferevent_enable(b, EV_READ);
	put(a, "x");
	turn();
	CHECK_SAID("Br1 Aw0 Br3 Aw0 Br5 Aw0");
	close_all();
}

static int echoes;

static void
echo(struct bufferevent *bev, void *who)
{
	(void)who;
	if (echoes++ < 1000)
		bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

static void
ends_that_answer_each_other_need_no_stack(void)
{
	open_pair(0);
	bufferevent_setcb(a, echo, NULL, NULL, NULL);
	bufferevent_setcb(b, echo, NULL, NULL, NULL);
	bufferevent_enable(a, EV_READ);
	bufferevent_enable(b, EV_READ);
	put(a, "ball");
	turn();
	CHECK_INT_EQ(echoes, 1001);
	CHECK_GETS(b, "ball");
	close_all();
}

static void
triggers_are_deferred(void)
{
	open_pair(0);
	bufferevent_trigger(a, EV_READ | EV_WRITE, 0);
	bufferevent_trigger_event(a, BEV_EVENT_ERROR, 0);
	CHECK_SAID("");
	turn();
	CHECK_SAID("Ar0 Aw0 Ae20");
	close_all();
}

static void
megabytes_arrive_as_they_were(void)
{
	static unsigned char block[65536], got[65536];
	uint32_t written = 1, seen = 1;

	open_pair(0);
	bufferevent_setcb(b, NULL, NULL, NULL, NULL);
	bufferevent_setwatermark(b, EV_READ, 0, 100000);
	bufferevent_enable(b, EV_READ);
	for (int round = 0; round < 64; round++) {
		for (size_t i = 0; i < sizeof(block); i++)
			block[i] = (unsigned char)((written = written * 1664525u + 1013904223u) >> 24);
		CHECK_INT_EQ(bufferevent_write(a, block, sizeof(block)), 0);
		for (size_t n; (n = bufferevent_read(b, got, 1 + round * 1000u)) > 0;)
			for (size_t i = 0; i < n; i++)
				CHECK_INT_EQ(got[i], (seen = seen * 1664525u + 1013904223u) >> 24);
	}
	CHECK_INT_EQ(written, seen);
	close_all();
}

#define CASE(name) { #name, name }
static const struct evrt_test_case cases[] = {
	CASE(a_new_pair_writes_and_does_not_read),
	CASE(partners_know_each_other),
	CASE(other_kinds_have_no_partner),
	CASE(there_is_no_descriptor),
	CASE(base_and_priority_are_fixed),
	CASE(a_pair_does_not_keep_the_loop),
	CASE(bytes_move_at_once_and_callbacks_come_from_the_loop),
	CASE(two_writes_are_told_once),
	CASE(both_directions_at_once),
	CASE(a_reader_that_is_enabled_finds_what_waits),
	CASE(a_writer_that_is_enabled_sends_what_waits),
	CASE(enabling_without_data_tells_nobody),
	CASE(a_callback_that_is_deferred_comes_although_reading_ends),
	CASE(the_program_leaves_the_inner_ends_alone),
	CASE(buffers_move_whole),
	CASE(the_read_high_mark_leaves_the_rest_with_the_writer),
	CASE(a_reader_that_drains_gets_all),
	CASE(a_full_reader_is_called_until_it_is_disabled),
	CASE(the_read_low_mark_holds_the_callback_back),
	CASE(the_write_low_mark_brings_the_callback_forward),
	CASE(the_write_high_mark_limits_nothing),
	CASE(a_high_mark_that_comes_late_holds_and_goes),
	CASE(the_write_callback_may_write),
	CASE(ends_that_answer_each_other_need_no_stack),
	CASE(triggers_are_deferred),
	CASE(megabytes_arrive_as_they_were),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
