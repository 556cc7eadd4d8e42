/* testing/contract/libevent/bufferevent_filter_life_test.c — filters: events, timeouts, sockets, stacks, and the end.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/bufferevent_kinds.h"

#include <stdlib.h>

/* --- events ------------------------------------------------------------------------------- */

static void
the_end_comes_after_the_data(void)
{
	open_filter(0);
	put(b, "abc");
	bufferevent_flush(b, EV_WRITE, BEV_FINISHED);
	turn();
	CHECK_SAID("i(3,0,-1,0) Ar3 Ae11 Bw0");
	CHECK_INT_EQ(bufferevent_get_enabled(a), EV_READ | EV_WRITE);
	close_all();
}

static void
all_events_below_are_passed_on(void)
{
	open_filter(0);
	bufferevent_trigger_event(below, BEV_EVENT_CONNECTED, 0);
	turn();
	CHECK_SAID("Ae80");
	bufferevent_trigger_event(below, BEV_EVENT_ERROR | BEV_EVENT_WRITING, 0);
	turn();
	CHECK_SAID("Ae22");
	close_all();
}

static void
triggers_of_a_filter_are_not_deferred(void)
{
	open_filter(0);
	bufferevent_trigger(a, EV_READ | EV_WRITE, 0);
	bufferevent_trigger_event(a, BEV_EVENT_ERROR, 0);
	CHECK_SAID("Ar0 Aw0 Ae20");
	close_all();
}

static void
triggers_below_run_the_functions(void)
{
	open_filter(0);
	out_says = BEV_NEED_MORE;
	put(a, "abc");
	out_says = BEV_OK;
	bufferevent_trigger(below, EV_READ | EV_WRITE, 0);
	turn();
	CHECK_SAID("o(3,0,-1,0) i(0,0,-1,0) o(3,0,-1,0) Aw0 Br3");
	close_all();
}

static void
deferred_filters_call_from_the_loop(void)
{
	open_filter(BEV_OPT_DEFER_CALLBACKS);
	put(a, "xy");
	CHECK_SAID("o(2,0,-1,0)");
	put(b, "abc");
	turn();
	/* Who is told first is not said. */
	CHECK(strstr(trace, "i(3,0,-1,0)") && strstr(trace, "Br2") && strstr(trace, "Ar3") && strstr(trace, "Aw0"));
	close_all();
}

/* --- timeouts ----------------------------------------------------------------------------- */

static void
wait_for_event(void)
{
	for (int i = 0; i < 100 && !trace[0]; i++)
		event_base_loop(base, EVLOOP_ONCE);
}

static void
nothing_to_read_times_out(void)
{
	struct timeval tv = ms(20);

	open_filter(0);
	bufferevent_set_timeouts(a, &tv, NULL);
	CHECK_INT_EQ(event_pending(&a->ev_read, EV_TIMEOUT, NULL), EV_TIMEOUT);
	CHECK_INT_EQ(event_pending(&below->ev_read, EV_TIMEOUT, NULL), 0);
	wait_for_event();
	CHECK_SAID("Ae41");
	CHECK_INT_EQ(bufferevent_get_enabled(a), EV_WRITE);
	CHECK_INT_EQ(bufferevent_get_enabled(below), EV_READ | EV_WRITE);
	close_all();
}

static void
what_is_below_times_out_by_itself(void)
{
	struct timeval tv = ms(20);

	open_filter(0);
	bufferevent_set_timeouts(below, &tv, NULL);
	wait_for_event();
	CHECK_SAID("Ae41");
	CHECK_INT_EQ(bufferevent_get_enabled(a), EV_READ | EV_WRITE);
	CHECK_INT_EQ(bufferevent_get_enabled(below), EV_WRITE);
	close_all();
}

/* --- over a socket ------------------------------------------------------------------------ */

static int peer;

static void
open_over_socket(void)
{
	evutil_socket_t fds[2];

	base = event_base_new();
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	CHECK_INT_EQ(evutil_make_socket_nonblocking(fds[0]), 0);
	peer = fds[1];
	struct bufferevent *socket = bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE);
	a = bufferevent_filter_new(socket, filter_in, filter_out, BEV_OPT_CLOSE_ON_FREE, count_context, NULL);
	bufferevent_setcb(a, on_read, on_write, on_event, "A");
	CHECK_INT_EQ(bufferevent_getfd(a), fds[0]);
}

static void
turns(int n)
{
	while (n-- > 0)
		turn();
}

static void
over_a_socket_both_directions_pass(void)
{
	char got[8] = "";

	open_over_socket();
	bufferevent_enable(a, EV_READ);
	CHECK_INT_EQ(write(peer, "abc", 3), 3);
	turns(2);
	CHECK_SAID("i(3,0,-1,0) Ar3");
	put(a, "xy");
	CHECK_SAID("o(2,0,-1,0) Aw0");
	turns(2);
	CHECK_INT_EQ(read(peer, got, sizeof(got)), 2);
	CHECK_STR_EQ(got, "xy");
	close(peer);
	close_all();
	CHECK_INT_EQ(contexts_freed, 1);
}

static void
a_filter_that_does_not_read_leaves_bytes_and_end_in_the_socket(void)
{
	open_over_socket();
	CHECK_INT_EQ(write(peer, "abc", 3), 3);
	close(peer);
	turns(2);
	CHECK_SAID("");
	CHECK_INT_EQ(in(bufferevent_get_underlying(a)), 0);
	bufferevent_enable(a, EV_READ);
	turns(3);
	CHECK_SAID("i(3,0,-1,0) Ar3 Ae11");
	CHECK_INT_EQ(bufferevent_get_enabled(bufferevent_get_underlying(a)), EV_WRITE);
	close_all();
}

static void
the_descriptor_is_set_below(void)
{
	open_over_socket();
	evutil_socket_t fd = bufferevent_getfd(a);
	CHECK_INT_EQ(bufferevent_setfd(a, -1), 0);
	CHECK_INT_EQ(bufferevent_getfd(a), -1);
	CHECK_INT_EQ(bufferevent_getfd(bufferevent_get_underlying(a)), -1);
	CHECK_INT_EQ(bufferevent_setfd(a, fd), 0);
	put(a, "x");
	turns(2);
	char c;
	CHECK_INT_EQ(read(peer, &c, 1), 1);
	close(peer);
	close_all();
}

static void
finishing_over_a_socket_ends_nothing(void)
{
	char c;

	open_over_socket();
	put(a, "x");
	CHECK_INT_EQ(bufferevent_flush(a, EV_WRITE, BEV_FINISHED), 0);
	CHECK_SAID("o(1,0,-1,0) Aw0 o(0,1,-1,2)");
	turns(2);
	CHECK_INT_EQ(read(peer, &c, 1), 1);
	CHECK_INT_EQ(recv(peer, &c, 1, MSG_DONTWAIT), -1);
	close(peer);
	close_all();
}

/* --- stacks ------------------------------------------------------------------------------- */

/* Adds its level to every byte on the way down, and takes it off on the way up, three bytes at most per call. */
static enum bufferevent_filter_result
shift(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, int by)
{
	unsigned char bytes[3];
	int n = evbuffer_remove(src, bytes, limit >= 0 && limit < 3 ? (size_t)limit : 3);

	for (int i = 0; i < n; i++)
		bytes[i] = (unsigned char)(bytes[i] + by);
	if (n <= 0)
		return BEV_NEED_MORE;
	evbuffer_add(dst, bytes, (size_t)n);
	return BEV_OK;
}

static enum bufferevent_filter_result
shift_in(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *level)
{
	(void)mode;
	return shift(src, dst, limit, -*(int *)level);
}

static enum bufferevent_filter_result
shift_out(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *level)
{
	(void)mode;
	return shift(src, dst, limit, *(int *)level);
}

#define LEVELS 5
static int levels[LEVELS] = { 1, 2, 3, 4, 5 };

static struct bufferevent *
stack_of(struct bufferevent *bev, int n)
{
	for (int i = 0; i < n; i++)
		bev = bufferevent_filter_new(bev, shift_in, shift_out, BEV_OPT_CLOSE_ON_FREE, count_context, &levels[i]);
	return bev;
}

static void
five_filters_work_in_both_directions(void)
{
	open_pair(0);
	a = stack_of(a, LEVELS);
	bufferevent_setcb(a, on_read, on_write, on_event, "A");
	bufferevent_enable(a, EV_READ);
	bufferevent_enable(b, EV_READ);
	put(a, "abcdefgh");
	CHECK(strncmp(trace, "Aw0", 3) == 0);
	CHECK_GETS(b, "pqrstuvw");
	put(b, "pqrstuvw");
	turn();
	CHECK(strstr(trace, "Ar8") != NULL);
	CHECK_GETS(a, "abcdefgh");
	close_all();
	CHECK_INT_EQ(contexts_freed, LEVELS);
}

static void
two_stacks_face_each_other(void)
{
	static char big[20000], got[20000];
	size_t size = getenv("EVRT_TEST_FAULTS") ? 1000 : sizeof(big); /* with faults it is done a hundred times */

	open_pair(0);
	a = stack_of(a, LEVELS);
	b = stack_of(b, LEVELS);
	bufferevent_enable(a, EV_READ);
	bufferevent_enable(b, EV_READ);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 + i / 251);
	bufferevent_write(a, big, size);
	bufferevent_write(b, big, size / 2);
	turn();
	CHECK_INT_EQ(bufferevent_read(b, got, sizeof(got)), size);
	CHECK_MEM_EQ(got, big, size);
	CHECK_INT_EQ(bufferevent_read(a, got, sizeof(got)), size / 2);
	CHECK_MEM_EQ(got, big, size / 2);
	close_all();
	CHECK_INT_EQ(contexts_freed, 2 * LEVELS);
}

static void
the_end_passes_through_a_stack(void)
{
	open_pair(0);
	a = stack_of(a, LEVELS);
	bufferevent_setcb(a, on_read, on_write, on_event, "A");
	bufferevent_enable(a, EV_READ);
	put(b, "p");
	bufferevent_flush(b, EV_WRITE, BEV_FINISHED);
	turn();
	CHECK_SAID("Ar1 Ae11 Bw0");
	close_all();
}

static void
a_flush_passes_through_a_stack(void)
{
	open_pair(0);
	a = stack_of(a, LEVELS);
	put(a, "x");
	turn();
	trace[0] = '\0';
	bufferevent_flush(a, EV_WRITE, BEV_FINISHED);
	turn();
	CHECK_SAID("Br1 Be11");
	close_all();
}

/* --- the end ------------------------------------------------------------------------------ */

static void
a_filter_that_goes_gives_back_what_is_below(void)
{
	bufferevent_data_cb readcb, writecb;
	bufferevent_event_cb eventcb;

	open_filter(0);
	bufferevent_disable(a, EV_READ);
	bufferevent_free(a);
	a = NULL;
	turn();
	CHECK_INT_EQ(contexts_freed, 1);
	bufferevent_getcb(below, &readcb, &writecb, &eventcb, NULL);
	CHECK(!readcb && !writecb && !eventcb);
	put(b, "x");
	CHECK_INT_EQ(in(below), 1);
	close_all();
}

static void
callbacks_that_the_program_has_set_below_stay(void)
{
	bufferevent_data_cb readcb;

	open_filter(0);
	bufferevent_setcb(below, on_read, on_write, on_event, "X");
	put(b, "abc");
	turn();
	CHECK_SAID("Xr3 Bw0");
	bufferevent_free(a);
	a = NULL;
	turn();
	bufferevent_getcb(below, &readcb, NULL, NULL, NULL);
	CHECK(readcb == on_read);
	close_all();
}

static void
close_on_free_frees_what_is_below(void)
{
	open_filter(BEV_OPT_CLOSE_ON_FREE);
	CHECK_PTR_EQ(bufferevent_pair_get_partner(b), bufferevent_get_underlying(a));
	bufferevent_free(a);
	a = NULL;
	turn();
	CHECK_PTR_EQ(bufferevent_pair_get_partner(b), NULL);
	CHECK_INT_EQ(contexts_freed, 1);
	close_all();
}

static void
what_is_below_may_go_first(void)
{
	open_filter(0);
	bufferevent_free(below);
	below = NULL;
	turn();
	put(a, "abc");
	CHECK_SAID("o(3,0,-1,0) Aw0");
	CHECK(bufferevent_get_underlying(a) != NULL);
	turn();
	close_all();
	CHECK_INT_EQ(contexts_freed, 1);
}

static void
the_far_end_may_go_first(void)
{
	open_filter(BEV_OPT_CLOSE_ON_FREE);
	bufferevent_free(b);
	b = NULL;
	put(a, "abc");
	turn();
	CHECK_SAID("o(3,0,-1,0) Aw0");
	CHECK_INT_EQ(bufferevent_flush(a, EV_READ | EV_WRITE, BEV_FINISHED), 0);
	close_all();
	CHECK_INT_EQ(contexts_freed, 1);
}

static void
free_it(struct bufferevent *bev, void *who)
{
	say("%sfrees", (char *)who);
	bufferevent_free(bev);
	a = NULL;
}

static void
free_it_at_event(struct bufferevent *bev, short what, void *who)
{
	(void)what;
	free_it(bev, who);
}

static void
freed_in_the_read_callback(void)
{
	open_filter(BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(a, free_it, on_write, on_event, "A");
	put(b, "abc");
	turn();
	CHECK_SAID("i(3,0,-1,0) Afrees Bw0");
	CHECK_INT_EQ(contexts_freed, 1);
	close_all();
}

static void
freed_in_the_write_callback(void)
{
	open_filter(BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(a, on_read, free_it, on_event, "A");
	put(a, "abc");
	turn();
	CHECK_SAID("o(3,0,-1,0) Afrees Br3");
	CHECK_INT_EQ(contexts_freed, 1);
	close_all();
}

static void
freed_in_the_event_callback(void)
{
	open_filter(BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(a, on_read, on_write, free_it_at_event, "A");
	bufferevent_flush(b, EV_WRITE, BEV_FINISHED);
	turn();
	CHECK_SAID("i(0,0,-1,0) Afrees Bw0");
	CHECK_INT_EQ(contexts_freed, 1);
	close_all();
}

static void
free_the_far_end(struct bufferevent *bev, void *who)
{
	on_read(bev, who);
	bufferevent_free(b);
	b = NULL;
}

static void
the_far_end_is_freed_in_the_read_callback(void)
{
	open_filter(BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(a, free_the_far_end, on_write, on_event, "A");
	put(b, "abc");
	turn();
	CHECK_SAID("i(3,0,-1,0) Ar3");
	close_all();
}

static void
unlocked_callbacks_must_be_deferred(void)
{
	open_pair(0);
	CHECK_PTR_EQ(bufferevent_filter_new(a, filter_in, filter_out, BEV_OPT_UNLOCK_CALLBACKS, count_context, NULL),
	    NULL);
	CHECK_INT_EQ(contexts_freed, 0);
	close_all();
}

#define CASE(name) { #name, name }
static const struct evrt_test_case cases[] = {
	CASE(the_end_comes_after_the_data),
	CASE(all_events_below_are_passed_on),
	CASE(triggers_of_a_filter_are_not_deferred),
	CASE(triggers_below_run_the_functions),
	CASE(deferred_filters_call_from_the_loop),
	CASE(nothing_to_read_times_out),
	CASE(what_is_below_times_out_by_itself),
	CASE(over_a_socket_both_directions_pass),
	CASE(a_filter_that_does_not_read_leaves_bytes_and_end_in_the_socket),
	CASE(the_descriptor_is_set_below),
	CASE(finishing_over_a_socket_ends_nothing),
	CASE(five_filters_work_in_both_directions),
	CASE(two_stacks_face_each_other),
	CASE(the_end_passes_through_a_stack),
	CASE(a_flush_passes_through_a_stack),
	CASE(a_filter_that_goes_gives_back_what_is_below),
	CASE(callbacks_that_the_program_has_set_below_stay),
	CASE(close_on_free_frees_what_is_below),
	CASE(what_is_below_may_go_first),
	CASE(the_far_end_may_go_first),
	CASE(freed_in_the_read_callback),
	CASE(freed_in_the_write_callback),
	CASE(freed_in_the_event_callback),
	CASE(the_far_end_is_freed_in_the_read_callback),
	CASE(unlocked_callbacks_must_be_deferred),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
