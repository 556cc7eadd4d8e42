/* testing/unit/api/bufferevent/filter_test.c — filters, where they differ from libevent's on purpose.
 *
 * Here:     what docs/COMPAT.md lists of them; functions that lie; freeing from inside; memory that is out.
 * Not here: what both libraries do (testing/contract/libevent), several threads (kinds_threads_test.c).
 * Threads:  one.
 */
#include "testing/unit/api/bufferevent/kinds_rig.h"

#include <event2/util.h>

#include <sys/socket.h>
#include <unistd.h>

static int calls;

static void
an_enabled_filter_sees_what_waits(void)
{
	open_filter(NULL, NULL);
	bufferevent_disable(a, EV_WRITE);
	bufferevent_enable(b, EV_READ);
	bufferevent_write(a, "out", 3);
	bufferevent_write(b, "in", 2);
	bufferevent_flush(b, EV_WRITE, BEV_FLUSH);
	turn();
	CHECK_INT_EQ(in(below(a)), 2);
	reads = writes = 0;
	bufferevent_enable(a, EV_READ | EV_WRITE);
	CHECK_INT_EQ(in(a), 2);
	CHECK_INT_EQ(in(b), 3);
	CHECK_INT_EQ(reads + writes, 0); /* told by the loop */
	turn();
	CHECK_INT_EQ(reads, 2);
	CHECK_INT_EQ(writes, 1);
	close_all();
}

static enum bufferevent_filter_result
do_nothing(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *arg)
{
	(void)src, (void)dst, (void)limit, (void)mode, (void)arg;
	calls++;
	return BEV_OK;
}

static void
a_function_that_does_nothing_is_not_called_for_ever(void)
{
	open_filter(do_nothing, do_nothing);
	bufferevent_enable(a, EV_READ);
	bufferevent_write(a, "x", 1);
	bufferevent_write(b, "x", 1);
	turn();
	CHECK(calls >= 2 && calls < 10);
	close_all();
}

static void
write_one(struct bufferevent *bev, void *arg)
{
	(void)arg;
	if (++writes == 1)
		bufferevent_write(bev, "x", 1);
}

static void
what_is_written_when_a_flush_of_nothing_is_told_passes(void)
{
	open_filter(NULL, NULL);
	bufferevent_setcb(a, NULL, write_one, NULL, NULL);
	bufferevent_flush(a, EV_WRITE, BEV_FLUSH);
	CHECK_INT_EQ(writes, 2);
	CHECK_INT_EQ(out(a), 0);
	CHECK_INT_EQ(in(b), 1);
	close_all();
}

/* A filter over a socket, whose peer is returned; the k-th allocation of the filter's making fails. -1: too much
 * did. */
static int
open_over_socket(uint64_t k)
{
	evutil_socket_t fds[2];

	base = event_base_new();
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	for (int i = 0; i < 2; i++)
		CHECK_INT_EQ(evutil_make_socket_nonblocking(fds[i]), 0);
	struct bufferevent *bottom = bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE);
	evrt_test_fail_alloc(k);
	a = bufferevent_filter_new(bottom, NULL, NULL, BEV_OPT_CLOSE_ON_FREE, NULL, NULL);
	b = NULL;
	if (a)
		return fds[1];
	bufferevent_free(bottom);
	close_all();
	close(fds[1]);
	return -1;
}

static void
read_over_socket(int peer, uint64_t k, int *failed)
{
	evrt_test_fail_alloc(k);
	if (bufferevent_enable(a, EV_READ) < 0)
		CHECK_INT_EQ(bufferevent_enable(a, EV_READ), 0);
	*failed += evrt_test_alloc_has_failed();
	CHECK_INT_EQ(write(peer, "x", 1), 1);
	evrt_test_fail_alloc(0);
	turn();
	CHECK_INT_EQ(in(a), 1);
}

static void
write_over_socket(int peer, uint64_t k, int *left)
{
	char byte;

	evrt_test_fail_alloc(k);
	int r = bufferevent_write(a, "x", 1);
	evrt_test_fail_alloc(0);
	if (r < 0)
		return;
	turn();
	*left += out(below(a)) != 0;
	CHECK_INT_EQ(bufferevent_enable(a, EV_WRITE), 0);
	turn();
	CHECK_INT_EQ(read(peer, &byte, 1), 1);
}

/* What is below was refused memory when the filter was made, and once more later: enabling the filter tells of it, or
 * sets it right. */
static void
enabling_a_filter_repairs_what_is_below(void (*act)(int peer, uint64_t k, int *counter))
{
	int counter = 0;

	for (uint64_t k = 1; k < 20; k++)
		for (uint64_t then = 1; then < 10; then++) {
			int peer = open_over_socket(k);
			if (peer < 0)
				break;
			act(peer, then, &counter);
			close_all();
			close(peer);
		}
	CHECK(counter > 0); /* or none of it has happened */
}

static void reading_is_repaired(void) { enabling_a_filter_repairs_what_is_below(read_over_socket); }
static void writing_is_repaired(void) { enabling_a_filter_repairs_what_is_below(write_over_socket); }

static void
a_reader_that_drains_in_its_callback_goes_on(void)
{
	size_t two = 2;

	open_filter(NULL, NULL);
	bufferevent_setcb(a, on_read, NULL, NULL, &two);
	bufferevent_setwatermark(a, EV_READ, 0, 4);
	bufferevent_enable(a, EV_READ);
	bufferevent_write(b, "0123456789", 10);
	turn();
	CHECK_INT_EQ(in(below(a)), 0);
	CHECK_INT_EQ(in(a), 2);
	close_all();
}

static void
a_full_filter_takes_nothing_from_below(void)
{
	open_filter(NULL, NULL);
	bufferevent_setcb(a, NULL, NULL, NULL, NULL);
	bufferevent_setwatermark(a, EV_READ, 0, 4);
	bufferevent_enable(a, EV_READ);
	bufferevent_write(b, "0123", 4);
	turn();
	bufferevent_write(b, "45", 2);
	turn();
	CHECK_INT_EQ(out(b), 2);
	evbuffer_drain(bufferevent_get_input(a), 4);
	turn();
	CHECK_INT_EQ(in(a), 2);
	close_all();
}

static void
full_input_below_a_filter_that_waits_lets_the_loop_end(void)
{
	open_filter(NULL, NULL);
	bufferevent_setwatermark(below(a), EV_READ, 0, 2);
	bufferevent_write(b, "0123", 4);
	bufferevent_enable(a, EV_READ);
	bufferevent_disable(a, EV_READ);
	CHECK_INT_EQ(in(below(a)), 2);
	turn(); /* and returns */
	CHECK_INT_EQ(in(a), 0);
	bufferevent_enable(a, EV_READ);
	turn();
	CHECK_INT_EQ(in(a), 4);
	close_all();
}

static void
the_write_time_of_a_filter_is_that_of_bytes_that_wait(void)
{
	struct timeval tv = ms(60000);

	open_filter(NULL, NULL);
	bufferevent_set_timeouts(a, NULL, &tv);
	bufferevent_write(a, "x", 1);
	CHECK_INT_EQ(timer_of(&a->ev_write), 0);
	bufferevent_setwatermark(below(a), EV_WRITE, 0, 1);
	bufferevent_write(a, "yz", 2);
	CHECK_INT_EQ(timer_of(&a->ev_write), 1);
	bufferevent_enable(b, EV_READ);
	turn();
	CHECK_INT_EQ(in(b), 3);
	CHECK_INT_EQ(timer_of(&a->ev_write), 0);
	close_all();
}

static void
what_the_program_has_freed_is_not_freed_again(void)
{
	open_filter(NULL, NULL);
	bufferevent_free(below(a));
	bufferevent_free(a);
	a = NULL;
	turn();
	CHECK_INT_EQ(contexts_freed, 1);
	CHECK_PTR_EQ(bufferevent_pair_get_partner(b), NULL);
	close_all();
}

static enum bufferevent_filter_result
free_within(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *arg)
{
	(void)limit, (void)mode, (void)arg;
	calls++;
	evbuffer_remove_buffer(src, dst, 1);
	if (a)
		bufferevent_free(a);
	a = NULL;
	return BEV_OK;
}

static void
a_filter_is_freed_in_its_own_function(void)
{
	open_filter(free_within, free_within);
	bufferevent_enable(a, EV_READ);
	bufferevent_write(b, "xyz", 3);
	turn();
	CHECK_INT_EQ(calls, 1);
	CHECK_INT_EQ(reads, 0);
	CHECK_INT_EQ(contexts_freed, 1);
	close_all();
}

static void
a_write_frees_a_filter_in_its_own_function(void)
{
	open_filter(free_within, free_within);
	bufferevent_write(a, "xyz", 3);
	turn();
	CHECK_INT_EQ(calls, 1);
	CHECK_INT_EQ(contexts_freed, 1);
	close_all();
}

static enum bufferevent_filter_result
one_byte(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *arg)
{
	static int inside;

	(void)limit, (void)mode, (void)arg;
	calls++;
	CHECK_INT_EQ(inside++, 0);
	int moved = evbuffer_remove_buffer(src, dst, 1);
	inside--;
	return moved > 0 ? BEV_OK : BEV_NEED_MORE;
}

static void
drain_all(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	(void)arg;
	if (info->n_added)
		evbuffer_drain(buf, evbuffer_get_length(buf));
}

static void
a_drain_inside_of_a_function_does_not_call_it_again(void)
{
	open_filter(one_byte, NULL);
	/* Called after that of the watermark: reading stops, and then goes on. */
	evbuffer_add_cb(bufferevent_get_input(a), drain_all, NULL);
	bufferevent_setwatermark(a, EV_READ, 0, 1);
	bufferevent_enable(a, EV_READ);
	bufferevent_write(b, "0123456789", 10);
	turn();
	CHECK_INT_EQ(calls, 10);
	CHECK_INT_EQ(in(below(a)), 0);
	close_all();
}

/* Every call of the filter above below's own makes room, and tells of it. */
static void
a_function_that_makes_room_below_is_not_called_again(void)
{
	open_filter(NULL, NULL);
	a = bufferevent_filter_new(a, NULL, one_byte, BEV_OPT_CLOSE_ON_FREE, on_context, NULL);
	bufferevent_enable(b, EV_READ);
	bufferevent_write(a, "0123456789", 10);
	CHECK_INT_EQ(calls, 10);
	CHECK_INT_EQ(in(b), 10);
	close_all();
	CHECK_INT_EQ(contexts_freed, 2);
}

static void
write_on(struct bufferevent *bev, void *arg)
{
	static int inside;

	(void)arg;
	CHECK_INT_EQ(inside++, 0);
	if (++writes < 10000)
		bufferevent_write(bev, "x", 1);
	inside--;
}

static void
a_write_in_the_write_callback_needs_no_stack(void)
{
	open_filter(NULL, NULL);
	bufferevent_setcb(a, NULL, write_on, NULL, NULL);
	bufferevent_enable(b, EV_READ);
	bufferevent_write(a, "x", 1);
	CHECK_INT_EQ(writes, 10000);
	CHECK_INT_EQ(in(b), 10000);
	bufferevent_setcb(b, NULL, NULL, NULL, NULL);
	close_all();
}

static void
read_three_times(struct bufferevent *bev, void *arg)
{
	(void)arg;
	if (++reads == 3)
		bufferevent_disable(bev, EV_READ);
}

static void
what_was_below_is_called_while_it_is_full_again(void)
{
	struct bufferevent *f;

	open_pair();
	f = bufferevent_filter_new(a, NULL, NULL, 0, on_context, NULL);
	bufferevent_free(f);
	bufferevent_setcb(a, read_three_times, NULL, NULL, NULL);
	bufferevent_setwatermark(a, EV_READ, 0, 2);
	bufferevent_write(b, "0123", 4);
	turn();
	CHECK_INT_EQ(contexts_freed, 1);
	CHECK_INT_EQ(reads, 3);
	close_all();
}

static void
threadsafe_needs_threads(void)
{
	struct bufferevent *ends[2];

	open_pair();
	CHECK_PTR_EQ(bufferevent_filter_new(a, NULL, NULL, BEV_OPT_THREADSAFE, on_context, NULL), NULL);
	CHECK_INT_EQ(contexts_freed, 0);
	CHECK_INT_EQ(bufferevent_pair_new(base, BEV_OPT_THREADSAFE, ends), -1);
	close_all();
}

static void
a_filter_is_made_whole_or_not_at_all(void)
{
	bufferevent_data_cb readcb;
	struct bufferevent *f = NULL;

	open_pair();
	for (uint64_t k = 1; !f; k++) {
		evrt_test_fail_alloc(k);
		int64_t live = evrt_test_allocs_live();
		f = bufferevent_filter_new(a, NULL, NULL, BEV_OPT_CLOSE_ON_FREE, on_context, NULL);
		CHECK(f || evrt_test_alloc_has_failed());
		if (f)
			break;
		CHECK_INT_EQ(errno, ENOMEM);
		CHECK_INT_EQ(evrt_test_allocs_live(), live);
		bufferevent_getcb(a, &readcb, NULL, NULL, NULL);
		CHECK(readcb == on_read);
		CHECK_INT_EQ(contexts_freed, 0);
	}
	a = f;
	close_all();
	CHECK_INT_EQ(contexts_freed, 1);
}

static void
what_cannot_be_watched_below_a_new_filter_is_told(void)
{
	int failures = 0;

	for (uint64_t k = 1; k < 20; k++) {
		events_told = 0;
		int peer = open_over_socket(k);
		bool failed = evrt_test_alloc_has_failed();
		evrt_test_fail_alloc(0);
		if (peer < 0)
			continue;
		bufferevent_setcb(a, on_read, on_write, on_event, NULL);
		turn();
		CHECK_INT_EQ(events_told, failed);
		CHECK(!failed || last_event == (BEV_EVENT_READING | BEV_EVENT_WRITING | BEV_EVENT_ERROR));
		failures += failed;
		close_all();
		close(peer);
	}
	CHECK(failures > 0);
}

/* Without a function of the program's, there is nobody else who knows. */
static void
a_copy_that_finds_no_memory_is_an_error(void)
{
	int failures = 0;

	for (uint64_t k = 1; k < 8; k++) {
		open_filter(NULL, NULL);
		bufferevent_setwatermark(below(a), EV_WRITE, 0, 2); /* so that it is a part that moves */
		events_told = 0;
		evrt_test_fail_alloc(k);
		int r = bufferevent_write(a, "hello", 5);
		bool failed = evrt_test_alloc_has_failed();
		evrt_test_fail_alloc(0);
		turn();
		if (failed && r == 0 && out(a) == 5) {
			failures++;
			CHECK_INT_EQ(events_told, 1);
			CHECK_INT_EQ(last_event, BEV_EVENT_WRITING | BEV_EVENT_ERROR);
			CHECK_INT_EQ(bufferevent_enable(a, EV_WRITE), 0);
			CHECK_INT_EQ(out(a), 3);
		}
		close_all();
	}
	CHECK(failures > 0);
}

#define CASE(name) { #name, name }
static const struct evrt_test_case cases[] = {
	CASE(an_enabled_filter_sees_what_waits),
	CASE(a_function_that_does_nothing_is_not_called_for_ever),
	CASE(what_is_written_when_a_flush_of_nothing_is_told_passes),
	CASE(reading_is_repaired),
	CASE(writing_is_repaired),
	CASE(a_reader_that_drains_in_its_callback_goes_on),
	CASE(a_full_filter_takes_nothing_from_below),
	CASE(full_input_below_a_filter_that_waits_lets_the_loop_end),
	CASE(the_write_time_of_a_filter_is_that_of_bytes_that_wait),
	CASE(what_the_program_has_freed_is_not_freed_again),
	CASE(a_filter_is_freed_in_its_own_function),
	CASE(a_write_frees_a_filter_in_its_own_function),
	CASE(a_drain_inside_of_a_function_does_not_call_it_again),
	CASE(a_function_that_makes_room_below_is_not_called_again),
	CASE(a_write_in_the_write_callback_needs_no_stack),
	CASE(what_was_below_is_called_while_it_is_full_again),
	CASE(threadsafe_needs_threads),
	CASE(a_filter_is_made_whole_or_not_at_all),
	CASE(what_cannot_be_watched_below_a_new_filter_is_told),
	CASE(a_copy_that_finds_no_memory_is_an_error),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
