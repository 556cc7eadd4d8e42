/* testing/contract/libevent/bufferevent_life_test.c — socket bufferevents: callbacks, freeing, settings.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/bufferevent_rig.h"

#include <event2/bufferevent_compat.h>
#include <event2/event_compat.h>
#include <stdbool.h>
#include <stdlib.h>

static void
deferred_callbacks_come_in_order(void)
{
	struct bufferevent *bev = open_bev(BEV_OPT_DEFER_CALLBACKS);
	errno = EIO;
	bufferevent_trigger_event(bev, BEV_EVENT_ERROR, 0);
	bufferevent_trigger(bev, EV_WRITE, 0);
	bufferevent_trigger(bev, EV_READ, 0);
	bufferevent_trigger_event(bev, BEV_EVENT_CONNECTED, 0);
	errno = 0;
	CHECK_STR_EQ(trace, "");
	turns(2);
	CHECK_STR_EQ(trace, "e80 r0 w0 e20");
	close_bev(bev);
}

static void
deferred_errors_keep_their_errno(void)
{
	struct bufferevent *bev = open_bev(BEV_OPT_DEFER_CALLBACKS);
	errno = EIO;
	bufferevent_trigger_event(bev, BEV_EVENT_ERROR, 0);
	errno = ENOENT;
	turns(2);
	CHECK_STR_EQ(trace, "e20");
	CHECK_INT_EQ(event_errno, EIO);
	close_bev(bev);
}

static void
deferred_reading_tells_data_before_the_end(void)
{
	struct bufferevent *bev = open_bev(BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS);
	peer_writes("abc");
	shutdown(fds[1], SHUT_WR);
	bufferevent_enable(bev, EV_READ);
	turns(4);
	CHECK_STR_EQ(trace, "r3 e11");
	close_bev(bev);
}

static void
triggers_obey_watermarks_unless_told(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setwatermark(bev, EV_READ, 2, 0);
	bufferevent_trigger(bev, EV_READ | EV_WRITE, 0);
	CHECK_STR_EQ(trace, "w0");
	bufferevent_trigger(bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS);
	CHECK_STR_EQ(trace, "w0 r0");
	bufferevent_trigger(bev, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
	CHECK_STR_EQ(trace, "w0 r0");
	turns(1);
	CHECK_STR_EQ(trace, "w0 r0 w0");
	bufferevent_trigger_event(bev, BEV_EVENT_EOF, 0);
	CHECK_STR_EQ(trace, "w0 r0 w0 e10");
	close_bev(bev);
}

static void
free_in_read(struct bufferevent *bev, void *arg)
{
	note_read(bev, arg);
	bufferevent_free(bev);
}

static void
free_in_event(struct bufferevent *bev, short what, void *arg)
{
	note_event(bev, what, arg);
	bufferevent_free(bev);
}

static void
free_in_a_read_callback(void)
{
	for (int options = 0; options <= BEV_OPT_DEFER_CALLBACKS; options += BEV_OPT_DEFER_CALLBACKS) {
		struct bufferevent *bev = open_bev(options);
		trace[0] = '\0';
		bufferevent_setcb(bev, free_in_read, note_write, note_event, NULL);
		bufferevent_enable(bev, EV_READ);
		bufferevent_trigger(bev, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
		peer_writes("ab");
		shutdown(fds[1], SHUT_WR);
		event_base_dispatch(base);
		CHECK(strstr(trace, "r2") && !strchr(trace, 'e'));
		CHECK_INT_EQ(fcntl(fds[0], F_GETFD), -1);
		event_base_free(base);
		close(fds[1]);
	}
}

static void
free_in_an_event_callback(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setcb(bev, note_read, NULL, free_in_event, NULL);
	bufferevent_enable(bev, EV_READ);
	close(fds[1]);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "e11");
	CHECK_INT_EQ(fcntl(fds[0], F_GETFD), -1);
	event_base_free(base);
}

static void
free_in_a_buffer_callback(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	(void)buf;
	if (info->n_added)
		bufferevent_free(arg);
}

static void
free_while_the_buffer_is_being_filled(void)
{
	struct bufferevent *bev = open_bev(0);
	evbuffer_add_cb(bufferevent_get_input(bev), free_in_a_buffer_callback, bev);
	bufferevent_enable(bev, EV_READ);
	peer_writes("ab");
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "");
	event_base_free(base);
	close(fds[1]);
}

static void
a_free_with_deferred_callbacks_calls_nobody(void)
{
	struct bufferevent *bev = open_bev(BEV_OPT_DEFER_CALLBACKS);
	bufferevent_trigger(bev, EV_READ | EV_WRITE, 0);
	bufferevent_free(bev);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "");
	CHECK_INT_EQ(fcntl(fds[0], F_GETFD), -1);
	event_base_free(base);
	close(fds[1]);
}

static void
event_base_free_ends_what_was_freed(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_enable(bev, EV_READ);
	bufferevent_free(bev);
	event_base_free(base);
	CHECK_STR_EQ(trace, "");
	CHECK_INT_EQ(fcntl(fds[0], F_GETFD), -1);
	close(fds[1]);
}

static void
without_close_on_free_the_descriptor_stays(void)
{
	struct bufferevent *bev = open_bev(0);
	struct bufferevent *other = bufferevent_socket_new(base, fds[1], 0);
	bufferevent_enable(other, EV_READ);
	turns(1);
	bufferevent_free(other);
	/* At once, before the loop has run: a new owner of the same number must work. */
	struct bufferevent *next = bufferevent_socket_new(base, fds[1], 0);
	bufferevent_setcb(next, note_read, NULL, NULL, NULL);
	bufferevent_enable(next, EV_READ);
	bufferevent_write(bev, "x", 1);
	turns(3);
	CHECK(strstr(trace, "r1") != NULL);
	bufferevent_free(next);
	close_bev(bev);
}

static void
a_number_used_again_is_another_descriptor(void)
{
	struct bufferevent *bev = open_bev(0);
	int other[2], number = fds[1];
	struct bufferevent *old = bufferevent_socket_new(base, number, 0);
	bufferevent_enable(old, EV_READ);
	turns(1);
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, other), 0);
	bufferevent_free(old);
	close(number);
	CHECK_INT_EQ(dup2(other[0], number), number);
	close(other[0]);
	evutil_make_socket_nonblocking(number);
	struct bufferevent *young = bufferevent_socket_new(base, number, 0);
	bufferevent_setcb(young, note_read, NULL, note_event, NULL);
	bufferevent_enable(young, EV_READ);
	for (int i = 0; i < 3; i++) {
		CHECK_INT_EQ(write(other[1], "x", 1), 1);
		turns(2);
	}
	CHECK_STR_EQ(trace, "r1 r2 r3");
	bufferevent_free(young);
	close(other[1]);
	close_bev(bev);
}

static void
references_keep_it(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_incref(bev);
	CHECK_INT_EQ(bufferevent_decref(bev), 0);
	bufferevent_incref(bev);
	bufferevent_free(bev);
	turns(1);
	CHECK(fcntl(fds[0], F_GETFD) >= 0);
	CHECK_INT_EQ(bufferevent_getfd(bev), fds[0]);
	CHECK_INT_EQ(bufferevent_decref(bev), 1);
	turns(1);
	CHECK_INT_EQ(fcntl(fds[0], F_GETFD), -1);
	event_base_free(base);
	close(fds[1]);
}

static void
setfd_changes_the_descriptor(void)
{
	struct bufferevent *bev = open_bev(0);
	int other[2];
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, other), 0);
	evutil_make_socket_nonblocking(other[0]);
	bufferevent_setcb(bev, note_read, NULL, note_event, NULL);
	bufferevent_enable(bev, EV_READ);
	peer_writes("lost");
	CHECK_INT_EQ(bufferevent_setfd(bev, other[0]), 0);
	CHECK_INT_EQ(bufferevent_getfd(bev), other[0]);
	CHECK_INT_EQ(event_get_fd(&bev->ev_read), other[0]);
	CHECK_INT_EQ(event_pending(&bev->ev_read, EV_READ, NULL), EV_READ);
	CHECK_INT_EQ(write(other[1], "new", 3), 3);
	turns(3);
	CHECK_STR_EQ(trace, "r3");
	CHECK(fcntl(fds[0], F_GETFD) >= 0);
	CHECK_INT_EQ(bufferevent_setfd(bev, -1), 0);
	CHECK_INT_EQ(bufferevent_getfd(bev), -1);
	close(fds[0]);
	close(other[0]);
	close(other[1]);
	close_bev(bev);
}

static void
without_a_descriptor_it_waits_for_one(void)
{
	struct bufferevent *bev = open_bev(0);
	struct bufferevent *later = bufferevent_socket_new(base, -1, 0);
	char c;
	CHECK_INT_EQ(bufferevent_getfd(later), -1);
	CHECK_INT_EQ(bufferevent_enable(later, EV_READ | EV_WRITE), 0);
	CHECK_INT_EQ(bufferevent_write(later, "x", 1), 0);
	turns(2);
	CHECK_INT_EQ(bufferevent_setfd(later, fds[1]), 0);
	bufferevent_enable(bev, EV_READ);
	turns(3);
	CHECK_INT_EQ(bufferevent_read(bev, &c, 1), 1);
	bufferevent_free(later);
	close_bev(bev);
}

static void
getters_tell_what_was_set(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_data_cb r, w;
	bufferevent_event_cb e;
	void *arg;
	int anything;
	bufferevent_setcb(bev, note_read, note_write, note_event, &anything);
	bufferevent_getcb(bev, &r, &w, &e, &arg);
	CHECK(r == note_read && w == note_write && e == note_event && arg == &anything);
	bufferevent_getcb(bev, NULL, NULL, NULL, NULL);
	CHECK_PTR_EQ(bufferevent_get_base(bev), base);
	CHECK_PTR_EQ(bufferevent_get_underlying(bev), NULL);
	CHECK_PTR_EQ(bufferevent_get_input(bev), bev->input);
	CHECK_PTR_EQ(bufferevent_get_output(bev), bev->output);
	CHECK_INT_EQ(bufferevent_getfd(bev), fds[0]);
	CHECK_INT_EQ(bufferevent_flush(bev, EV_WRITE, BEV_FLUSH), 0);
	CHECK_INT_EQ(bufferevent_get_read_limit(bev), EV_SSIZE_MAX);
	CHECK_INT_EQ(bufferevent_get_write_limit(bev), EV_SSIZE_MAX);
	CHECK_INT_EQ(bufferevent_socket_get_dns_error(bev), 0);
	close_bev(bev);
}

static void
single_calls_are_limited(void)
{
	struct bufferevent *bev = open_bev(0);
	ssize_t by_default = bufferevent_get_max_single_read(bev);
	CHECK(by_default >= 16384 && bufferevent_get_max_single_write(bev) >= 16384);
	CHECK_INT_EQ(bufferevent_set_max_single_read(bev, 3), 0);
	CHECK_INT_EQ(bufferevent_set_max_single_write(bev, 4), 0);
	CHECK_INT_EQ(bufferevent_get_max_single_read(bev), 3);
	CHECK_INT_EQ(bufferevent_get_max_single_write(bev), 4);
	CHECK_INT_EQ(bufferevent_get_max_to_read(bev), 3);
	CHECK_INT_EQ(bufferevent_get_max_to_write(bev), 4);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abcdefg");
	turns(6);
	CHECK_STR_EQ(trace, "r3 r6 r7");
	bufferevent_set_max_single_read(bev, 0);
	CHECK_INT_EQ(bufferevent_get_max_single_read(bev), by_default);
	close_bev(bev);
}

static void
priorities_are_those_of_the_base(void)
{
	struct bufferevent *bev = open_bev(0);
	CHECK_INT_EQ(bufferevent_get_priority(bev), 0);
	CHECK_INT_EQ(bufferevent_priority_set(bev, 3), -1);
	event_base_priority_init(base, 5);
	CHECK_INT_EQ(bufferevent_priority_set(bev, 3), 0);
	CHECK_INT_EQ(bufferevent_get_priority(bev), 3);
	CHECK_INT_EQ(event_get_priority(&bev->ev_read), 3);
	CHECK_INT_EQ(bufferevent_priority_set(bev, 5), -1);
	struct bufferevent *other = bufferevent_socket_new(base, -1, 0);
	CHECK_INT_EQ(bufferevent_get_priority(other), 2);
	bufferevent_free(other);
	close_bev(bev);
}

static void
an_idle_one_moves_to_another_base(void)
{
	struct bufferevent *bev = open_bev(0);
	struct event_base *second = event_base_new();
	struct event_base *first = base;
	CHECK_INT_EQ(bufferevent_base_set(second, bev), 0);
	CHECK_PTR_EQ(bufferevent_get_base(bev), second);
	bufferevent_enable(bev, EV_READ);
	CHECK_INT_EQ(bufferevent_base_set(first, bev), -1);
	peer_writes("ab");
	turns(2);
	CHECK_STR_EQ(trace, "");
	base = second;
	turns(2);
	CHECK_STR_EQ(trace, "r2");
	close_bev(bev);
	event_base_free(first);
}

static void
it_does_not_move_while_it_waits(void)
{
	struct event_base *other = event_base_new();
	struct bufferevent *bev = open_bev(0);
	bufferevent_enable(bev, EV_READ);
	CHECK_INT_EQ(bufferevent_base_set(other, bev), -1);
	peer_writes("a");
	turns(2);
	CHECK_STR_EQ(trace, "r1");
	close_bev(bev);
	event_base_free(other);
}

static void
the_old_way_of_making_one(void)
{
	signal(SIGPIPE, SIG_IGN);
	base = event_init();
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	evutil_make_socket_nonblocking(fds[0]);
	struct bufferevent *bev = bufferevent_new(fds[0], note_read, note_write, note_event, NULL);
	CHECK(bev != NULL);
	CHECK_INT_EQ(bufferevent_base_set(base, bev), 0);
	CHECK_INT_EQ(bufferevent_enable(bev, EV_READ), 0);
	peer_writes("ab");
	turns(2);
	CHECK_STR_EQ(trace, "r2");
	close(fds[0]);
	close_bev(bev);
}

static void
some_options_make_no_sense(void)
{
	struct evbuffer *probe = evbuffer_new();
	base = event_base_new();
	CHECK_PTR_EQ(bufferevent_socket_new(base, -1, BEV_OPT_UNLOCK_CALLBACKS), NULL);
	bool threads = evbuffer_enable_locking(probe, NULL) == 0;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_THREADSAFE);
	CHECK_INT_EQ(bev != NULL, threads);
	if (bev)
		bufferevent_free(bev);
	evbuffer_free(probe);
	event_base_free(base);
}

static void
a_bad_descriptor_fails_to_be_enabled(void)
{
	base = event_base_new();
	struct bufferevent *bev = bufferevent_socket_new(base, 999, 0);
	CHECK(bev != NULL);
	int r = bufferevent_enable(bev, EV_READ);
	/* Other pollers look at it only when they wait. */
	if (strcmp(event_base_get_method(base), "epoll") == 0)
		CHECK_INT_EQ(r, -1);
	bufferevent_free(bev);
	event_base_free(base);
}

static void
echo_read(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

static size_t echoed;

static void
client_read(struct bufferevent *bev, void *arg)
{
	size_t n = evbuffer_get_length(bufferevent_get_input(bev));

	echoed += n;
	evbuffer_drain(bufferevent_get_input(bev), n);
	if (echoed == *(size_t *)arg)
		event_base_loopbreak(base);
}

static void
two_of_them_echo_much(void)
{
	for (int options = 0; options <= BEV_OPT_DEFER_CALLBACKS; options += BEV_OPT_DEFER_CALLBACKS) {
		struct bufferevent *server = open_bev(options);
		struct bufferevent *client = bufferevent_socket_new(base, fds[1], options);
		size_t size = 2000000;
		char *data = calloc(1, size);
		echoed = 0;
		bufferevent_setcb(server, echo_read, NULL, NULL, NULL);
		bufferevent_setcb(client, client_read, NULL, NULL, &size);
		bufferevent_enable(server, EV_READ);
		bufferevent_enable(client, EV_READ);
		bufferevent_write(client, data, size);
		event_base_dispatch(base);
		CHECK_INT_EQ(echoed, size);
		free(data);
		bufferevent_free(client);
		close_bev(server);
	}
}

static const struct evrt_test_case cases[] = {
	{ "deferred_callbacks_come_in_order", deferred_callbacks_come_in_order },
	{ "deferred_errors_keep_their_errno", deferred_errors_keep_their_errno },
	{ "deferred_reading_tells_data_before_the_end", deferred_reading_tells_data_before_the_end },
	{ "triggers_obey_watermarks_unless_told", triggers_obey_watermarks_unless_told },
	{ "free_in_a_read_callback", free_in_a_read_callback },
	{ "free_in_an_event_callback", free_in_an_event_callback },
	{ "free_while_the_buffer_is_being_filled", free_while_the_buffer_is_being_filled },
	{ "a_free_with_deferred_callbacks_calls_nobody", a_free_with_deferred_callbacks_calls_nobody },
	{ "event_base_free_ends_what_was_freed", event_base_free_ends_what_was_freed },
	{ "without_close_on_free_the_descriptor_stays", without_close_on_free_the_descriptor_stays },
	{ "a_number_used_again_is_another_descriptor", a_number_used_again_is_another_descriptor },
	{ "references_keep_it", references_keep_it },
	{ "setfd_changes_the_descriptor", setfd_changes_the_descriptor },
	{ "without_a_descriptor_it_waits_for_one", without_a_descriptor_it_waits_for_one },
	{ "getters_tell_what_was_set", getters_tell_what_was_set },
	{ "single_calls_are_limited", single_calls_are_limited },
	{ "priorities_are_those_of_the_base", priorities_are_those_of_the_base },
	{ "an_idle_one_moves_to_another_base", an_idle_one_moves_to_another_base },
	{ "it_does_not_move_while_it_waits", it_does_not_move_while_it_waits },
	{ "the_old_way_of_making_one", the_old_way_of_making_one },
	{ "some_options_make_no_sense", some_options_make_no_sense },
	{ "a_bad_descriptor_fails_to_be_enabled", a_bad_descriptor_fails_to_be_enabled },
	{ "two_of_them_echo_much", two_of_them_echo_much },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
