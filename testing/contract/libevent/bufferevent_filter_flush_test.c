/* testing/contract/libevent/bufferevent_filter_flush_test.c — filters: what each mode of a flush does.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/bufferevent_kinds.h"

/* --- flush -------------------------------------------------------------------------------- */

/* 5 bytes wait in output, 3 in the input below; what the functions hold back stays held back if `held`. */
static void
flush(short iotype, enum bufferevent_flush_mode mode, bool held, int result, const char *at_once, const char *later)
{
	open_filter(0);
	in_says = out_says = BEV_NEED_MORE;
	put(a, "hello");
	put(b, "abc");
	turn();
	trace[0] = '\0';
	if (!held)
		in_says = out_says = BEV_OK;
	CHECK_INT_EQ(bufferevent_flush(a, iotype, mode), result);
	CHECK_SAID(at_once);
	turn();
	CHECK_SAID(later);
	close_all();
}

static void normal_of_nothing(void) { flush(0, BEV_NORMAL, false, 0, "", ""); }
static void flush_of_nothing(void) { flush(0, BEV_FLUSH, false, 0, "", ""); }
static void finish_of_nothing(void) { flush(0, BEV_FINISHED, false, 0, "", "Be10"); }
static void normal_of_reading(void) { flush(EV_READ, BEV_NORMAL, false, 1, "i(3,0,-1,0)", ""); }
static void normal_of_writing(void) { flush(EV_WRITE, BEV_NORMAL, false, 1, "o(5,0,-1,0) Aw0", "Br5"); }

static void
normal_of_both(void)
{
	flush(EV_READ | EV_WRITE, BEV_NORMAL, false, 1, "i(3,0,-1,0) o(5,0,-1,0) Aw0", "Br5");
}

static void
normal_of_what_is_held_back(void)
{
	flush(EV_READ | EV_WRITE, BEV_NORMAL, true, 0, "i(3,0,-1,0) o(5,0,-1,0)", "");
}

static void
flush_of_reading(void)
{
	flush(EV_READ, BEV_FLUSH, false, 1, "i(3,0,-1,1)", "i(0,3,-1,0) Bw0");
}

static void
flush_of_writing(void)
{
	flush(EV_WRITE, BEV_FLUSH, false, 1, "o(5,0,-1,1) Aw0", "Br5");
}

static void
flush_of_both(void)
{
	flush(EV_READ | EV_WRITE, BEV_FLUSH, false, 1, "i(3,0,-1,1) o(5,0,-1,1) Aw0", "Br5 Bw0 i(0,3,-1,0)");
}

static void
flush_of_what_is_held_back(void)
{
	flush(EV_READ, BEV_FLUSH, true, 0, "i(3,0,-1,1)", "i(3,0,-1,0) Bw0");
}

static void
finish_of_reading(void)
{
	flush(EV_READ, BEV_FINISHED, false, 1, "i(3,0,-1,2)", "i(0,3,-1,0) Bw0 Be12");
}

static void
finish_of_writing(void)
{
	flush(EV_WRITE, BEV_FINISHED, false, 1, "o(5,0,-1,2) Aw0", "Br5 Be11");
}

static void
finish_of_what_is_held_back(void)
{
	flush(EV_WRITE, BEV_FINISHED, true, 0, "o(5,0,-1,2)", "Br0 Be11 o(5,0,-1,0)");
}

static void
functions_are_flushed_although_nothing_waits(void)
{
	open_filter(0);
	CHECK_INT_EQ(bufferevent_flush(a, EV_READ | EV_WRITE, BEV_NORMAL), 0);
	CHECK_SAID("i(0,0,-1,0)");
	CHECK_INT_EQ(bufferevent_flush(a, EV_READ | EV_WRITE, BEV_FLUSH), 0);
	CHECK_SAID("i(0,0,-1,1) o(0,0,-1,1)");
	close_all();
}

static void
a_flush_ignores_the_marks_and_normal_does_not(void)
{
	open_filter(0);
	bufferevent_setcb(a, NULL, NULL, NULL, NULL);
	bufferevent_disable(b, EV_READ);
	bufferevent_setwatermark(a, EV_READ, 0, 4);
	bufferevent_setwatermark(below, EV_WRITE, 0, 4);
	put(a, "0123456789");
	put(b, "0123456789");
	turn();
	CHECK_SAID("o(10,0,4,0) i(10,0,4,0) Bw0");
	CHECK_INT_EQ(bufferevent_flush(a, EV_READ | EV_WRITE, BEV_NORMAL), 0);
	CHECK_SAID("");
	CHECK_INT_EQ(bufferevent_flush(a, EV_READ | EV_WRITE, BEV_FLUSH), 1);
	CHECK_SAID("i(6,4,-1,1) o(6,4,-1,1)");
	CHECK_INT_EQ(in(a), 10);
	CHECK_INT_EQ(in(b), 10);
	close_all();
}

static void
a_flush_while_disabled_calls_once(void)
{
	open_filter(0);
	in_says = BEV_NEED_MORE;
	put(b, "0123456789");
	turn();
	bufferevent_disable(a, EV_READ | EV_WRITE);
	put(a, "0123456789");
	in_says = BEV_OK;
	in_step = out_step = 3;
	trace[0] = '\0';
	CHECK_INT_EQ(bufferevent_flush(a, EV_READ | EV_WRITE, BEV_NORMAL), 0);
	CHECK_SAID("");
	CHECK_INT_EQ(bufferevent_flush(a, EV_READ | EV_WRITE, BEV_FLUSH), 1);
	CHECK_SAID("i(10,0,-1,1) o(10,0,-1,1)");
	CHECK_INT_EQ(in(a), 3);
	CHECK_INT_EQ(out(a), 7);
	close_all();
}

static void
flush_in_it(struct bufferevent *bev, void *who)
{
	on_write(bev, who);
	if (evbuffer_get_length(bufferevent_get_input(bev)) == 0)
		(void)bufferevent_flush(bev, EV_WRITE, BEV_FINISHED);
	evbuffer_add(bufferevent_get_input(bev), "once", 4);
}

static void
the_write_callback_may_flush(void)
{
	open_filter(0);
	bufferevent_setcb(a, NULL, flush_in_it, NULL, "A");
	put(a, "abc");
	CHECK_SAID("o(3,0,-1,0) Aw0 o(0,0,-1,2)");
	turn();
	CHECK_SAID("Br3 Be11");
	close_all();
}

static void
write_in_it(struct bufferevent *bev, void *written)
{
	if ((*(int *)written)++ == 0)
		bufferevent_write(bev, "hello", 5);
}

/* Nothing happens below that would bring it along. */
static void
what_its_write_callback_writes_passes(void)
{
	int fds[2], written = 1;

	base = event_base_new();
	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	CHECK_INT_EQ(evutil_make_socket_nonblocking(fds[0]), 0);
	below = bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE);
	struct bufferevent *bev = bufferevent_filter_new(below, NULL, NULL, BEV_OPT_CLOSE_ON_FREE, NULL, NULL);
	bufferevent_setcb(bev, NULL, write_in_it, NULL, &written);
	bufferevent_enable(bev, EV_WRITE);
	turn();
	turn();
	written = 0;
	CHECK_INT_EQ(bufferevent_flush(bev, EV_WRITE, BEV_FLUSH), 1);
	CHECK_INT_EQ(written > 0, 1);
	CHECK_INT_EQ(out(bev), 0);
	CHECK_INT_EQ(out(below), 5);
	bufferevent_free(bev);
	turn();
	event_base_free(base);
	close(fds[1]);
}

#define CASE(name) { #name, name }
static const struct evrt_test_case cases[] = {
	CASE(normal_of_nothing),
	CASE(flush_of_nothing),
	CASE(finish_of_nothing),
	CASE(normal_of_reading),
	CASE(normal_of_writing),
	CASE(normal_of_both),
	CASE(normal_of_what_is_held_back),
	CASE(flush_of_reading),
	CASE(flush_of_writing),
	CASE(flush_of_both),
	CASE(flush_of_what_is_held_back),
	CASE(finish_of_reading),
	CASE(finish_of_writing),
	CASE(finish_of_what_is_held_back),
	CASE(functions_are_flushed_although_nothing_waits),
	CASE(a_flush_ignores_the_marks_and_normal_does_not),
	CASE(a_flush_while_disabled_calls_once),
	CASE(the_write_callback_may_flush),
	CASE(what_its_write_callback_writes_passes),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
