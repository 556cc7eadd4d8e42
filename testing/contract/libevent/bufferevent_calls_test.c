/* testing/contract/libevent/bufferevent_calls_test.c — socket bufferevents: what callbacks may do, and triggers.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/bufferevent_rig.h"

#include <stdlib.h>

static int spare[2];
static int count;

/* --- triggers --------------------------------------------------------------------------------- */

static void
a_trigger_calls_at_once(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_trigger(bev, EV_READ, 0);
	CHECK_STR_EQ(trace, "r0");
	bufferevent_trigger(bev, EV_WRITE, 0);
	CHECK_STR_EQ(trace, "r0 w0");
	bufferevent_trigger(bev, EV_READ | EV_WRITE, 0);
	CHECK_STR_EQ(trace, "r0 w0 r0 w0");
	bufferevent_trigger(bev, 0, 0);
	bufferevent_trigger(bev, EV_TIMEOUT, 0);
	turns(2);
	CHECK_STR_EQ(trace, "r0 w0 r0 w0");
	close_bev(bev);
}

static void
a_trigger_can_be_deferred(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_trigger(bev, EV_READ | EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
	CHECK_STR_EQ(trace, "");
	turns(2);
	CHECK_STR_EQ(trace, "r0 w0");
	close_bev(bev);
}

static void
a_deferring_bufferevent_defers_triggers(void)
{
	struct bufferevent *bev = open_bev(BEV_OPT_DEFER_CALLBACKS);
	bufferevent_trigger(bev, EV_READ, 0);
	bufferevent_trigger_event(bev, BEV_EVENT_EOF, 0);
	CHECK_STR_EQ(trace, "");
	turns(2);
	CHECK_STR_EQ(trace, "r0 e10");
	close_bev(bev);
}

static void
deferred_triggers_are_told_once(void)
{
	struct bufferevent *bev = open_bev(0);
	for (int i = 0; i < 5; i++) {
		bufferevent_trigger(bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
		bufferevent_trigger_event(bev, (short)(1 << i), BEV_TRIG_DEFER_CALLBACKS);
	}
	turns(2);
	CHECK_STR_EQ(trace, "r0 e1f");
	close_bev(bev);
}

static void
triggers_look_at_the_marks_of_their_direction(void)
{
	static const struct row {
		short direction;
		int options;
		size_t read_low, write_low;
		const char *told;
	} rows[] = {
		{ EV_READ, 0, 0, 0, "r3" },
		{ EV_READ, 0, 3, 0, "r3" },
		{ EV_READ, 0, 4, 0, "" },
		{ EV_READ, BEV_TRIG_IGNORE_WATERMARKS, 4, 0, "r3" },
		{ EV_WRITE, 0, 0, 1, "" },
		{ EV_WRITE, 0, 0, 2, "w2" },
		{ EV_WRITE, BEV_TRIG_IGNORE_WATERMARKS, 0, 0, "w2" },
		{ EV_READ | EV_WRITE, 0, 4, 2, "w2" },
		{ EV_READ | EV_WRITE, 0, 3, 1, "r3" },
		{ EV_READ | EV_WRITE, BEV_TRIG_IGNORE_WATERMARKS, 9, 0, "r3 w2" },
		{ EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS, 9, 0, "r3" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bufferevent *bev = open_bev(0);
		bufferevent_enable(bev, EV_READ);
		bufferevent_disable(bev, EV_WRITE);
		peer_writes("abc");
		bufferevent_write(bev, "xy", 2);
		turns(2);
		trace[0] = '\0';
		bufferevent_setwatermark(bev, EV_READ, rows[i].read_low, 0);
		bufferevent_setwatermark(bev, EV_WRITE, rows[i].write_low, 0);
		bufferevent_trigger(bev, rows[i].direction, rows[i].options);
		turns(2);
		CHECK_STR_EQ(trace, rows[i].told);
		close_bev(bev);
	}
}

static void
disabled_directions_are_triggered_too(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_disable(bev, EV_READ | EV_WRITE);
	bufferevent_trigger(bev, EV_READ | EV_WRITE, 0);
	CHECK_STR_EQ(trace, "r0 w0");
	close_bev(bev);
}

static void
without_callbacks_triggers_are_forgotten(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	bufferevent_trigger(bev, EV_READ | EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
	bufferevent_trigger_event(bev, BEV_EVENT_EOF, BEV_TRIG_DEFER_CALLBACKS);
	bufferevent_setcb(bev, note_read, note_write, note_event, NULL);
	turns(2);
	CHECK_STR_EQ(trace, "");
	close_bev(bev);
}

static void
every_event_can_be_triggered(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_trigger_event(bev, BEV_EVENT_CONNECTED, 0);
	bufferevent_trigger_event(bev, BEV_EVENT_EOF | BEV_EVENT_READING, 0);
	bufferevent_trigger_event(bev, BEV_EVENT_TIMEOUT | BEV_EVENT_WRITING, BEV_TRIG_IGNORE_WATERMARKS);
	CHECK_STR_EQ(trace, "e80 e11 e42");
	CHECK_INT_EQ(bufferevent_get_enabled(bev), EV_WRITE); /* nothing has really happened */
	close_bev(bev);
}

static void
deferred_connected_comes_first_other_events_last(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_trigger_event(bev, BEV_EVENT_EOF | BEV_EVENT_CONNECTED, BEV_TRIG_DEFER_CALLBACKS);
	bufferevent_trigger(bev, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
	bufferevent_trigger(bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
	turns(2);
	CHECK_STR_EQ(trace, "e80 r0 w0 e10");
	close_bev(bev);
}

/* --- changes between and inside callbacks --------------------------------------------------------- */

static void
shout_read(struct bufferevent *bev, void *arg)
{
	(void)arg;
	note('R', evbuffer_get_length(bufferevent_get_input(bev)), 10);
}

static void
shout_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)arg;
	note('E', (unsigned short)what, 16);
}

static void
deferred_callbacks_go_to_whom_is_set_then(void)
{
	struct bufferevent *bev = open_bev(BEV_OPT_DEFER_CALLBACKS);
	bufferevent_trigger(bev, EV_READ, 0);
	bufferevent_trigger_event(bev, BEV_EVENT_EOF, 0);
	bufferevent_setcb(bev, shout_read, NULL, shout_event, NULL);
	turns(2);
	CHECK_STR_EQ(trace, "R0 E10");
	close_bev(bev);
}

static void
change_callbacks(struct bufferevent *bev, void *arg)
{
	note_read(bev, arg);
	bufferevent_setcb(bev, shout_read, NULL, shout_event, NULL);
}

static void
callbacks_can_be_changed_in_a_callback(void)
{
	for (int options = 0; options <= BEV_OPT_DEFER_CALLBACKS; options += BEV_OPT_DEFER_CALLBACKS) {
		struct bufferevent *bev = open_bev(options);
		trace[0] = '\0';
		bufferevent_setcb(bev, change_callbacks, NULL, note_event, NULL);
		bufferevent_enable(bev, EV_READ);
		peer_writes("a");
		turns(2);
		peer_writes("b");
		turns(2);
		shutdown(fds[1], SHUT_WR);
		turns(2);
		CHECK_STR_EQ(trace, "r1 R2 E11");
		close_bev(bev);
	}
}

static void
drop_callbacks(struct bufferevent *bev, void *arg)
{
	note_read(bev, arg);
	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
}

static void
callbacks_dropped_in_a_callback_are_not_called(void)
{
	struct bufferevent *bev = open_bev(BEV_OPT_DEFER_CALLBACKS);
	bufferevent_setcb(bev, drop_callbacks, note_write, note_event, NULL);
	bufferevent_trigger(bev, EV_READ | EV_WRITE, 0);
	bufferevent_trigger_event(bev, BEV_EVENT_EOF, 0);
	turns(2);
	CHECK_STR_EQ(trace, "r0");
	close_bev(bev);
}

static void
disable_in_read(struct bufferevent *bev, void *arg)
{
	note_read(bev, arg);
	bufferevent_disable(bev, EV_READ);
}

static void
reading_disabled_in_the_callback_reads_no_more(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setcb(bev, disable_in_read, NULL, note_event, NULL);
	bufferevent_set_max_single_read(bev, 2);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abcdef");
	shutdown(fds[1], SHUT_WR);
	turns(4);
	CHECK_STR_EQ(trace, "r2");
	bufferevent_enable(bev, EV_READ);
	turns(4);
	CHECK_STR_EQ(trace, "r2 r4");
	close_bev(bev);
}

static void
a_deferred_read_is_told_though_reading_was_disabled(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_enable(bev, EV_READ);
	bufferevent_trigger(bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
	bufferevent_disable(bev, EV_READ);
	turns(2);
	CHECK_STR_EQ(trace, "r0");
	close_bev(bev);
}

static void
enable_write_in_read(struct bufferevent *bev, void *arg)
{
	note_read(bev, arg);
	bufferevent_enable(bev, EV_WRITE);
}

static void
writing_enabled_in_a_callback_sends(void)
{
	struct bufferevent *bev = open_bev(0);
	char c;
	bufferevent_setcb(bev, enable_write_in_read, note_write, NULL, NULL);
	bufferevent_disable(bev, EV_WRITE);
	bufferevent_write(bev, "x", 1);
	bufferevent_enable(bev, EV_READ);
	peer_writes("a");
	turns(3);
	CHECK_STR_EQ(trace, "r1 w0");
	CHECK_INT_EQ(read(fds[1], &c, 1), 1);
	close_bev(bev);
}

static void
write_again(struct bufferevent *bev, void *arg)
{
	note_write(bev, arg);
	if (count-- > 0)
		bufferevent_write(bev, "x", 1);
}

static void
a_write_callback_can_write_on(void)
{
	for (int options = 0; options <= BEV_OPT_DEFER_CALLBACKS; options += BEV_OPT_DEFER_CALLBACKS) {
		struct bufferevent *bev = open_bev(options);
		char got[8];
		trace[0] = '\0';
		count = 3;
		bufferevent_setcb(bev, NULL, write_again, NULL, NULL);
		bufferevent_write(bev, "x", 1);
		turns(6);
		CHECK_STR_EQ(trace, "w0 w0 w0 w0");
		CHECK_INT_EQ(read(fds[1], got, sizeof(got)), 4);
		close_bev(bev);
	}
}

static void
move_to_spare(struct bufferevent *bev, void *arg)
{
	note_read(bev, arg);
	evbuffer_drain(bufferevent_get_input(bev), 100);
	bufferevent_setfd(bev, spare[0]);
	bufferevent_setcb(bev, note_read, NULL, note_event, NULL);
}

static void
the_descriptor_can_be_changed_in_a_callback(void)
{
	struct bufferevent *bev = open_bev(0);
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, spare), 0);
	evutil_make_socket_nonblocking(spare[0]);
	CHECK_INT_EQ(write(spare[1], "new", 3), 3);
	bufferevent_setcb(bev, move_to_spare, NULL, note_event, NULL);
	bufferevent_enable(bev, EV_READ);
	peer_writes("old!");
	turns(4);
	CHECK_STR_EQ(trace, "r4 r3");
	CHECK_INT_EQ(bufferevent_getfd(bev), spare[0]);
	close(fds[0]); /* it was left to us */
	close(spare[1]);
	turns(3);
	CHECK_STR_EQ(trace, "r4 r3 e11");
	close_bev(bev);
}

static void
free_in_write(struct bufferevent *bev, void *arg)
{
	note_write(bev, arg);
	bufferevent_free(bev);
}

static void
free_in_a_write_callback(void)
{
	for (int options = 0; options <= BEV_OPT_DEFER_CALLBACKS; options += BEV_OPT_DEFER_CALLBACKS) {
		struct bufferevent *bev = open_bev(options);
		char c;
		trace[0] = '\0';
		bufferevent_setcb(bev, note_read, free_in_write, note_event, NULL);
		bufferevent_enable(bev, EV_READ);
		bufferevent_write(bev, "x", 1);
		turns(3);
		CHECK_STR_EQ(trace, "w0");
		CHECK_INT_EQ(read(fds[1], &c, 1), 1);
		CHECK_INT_EQ(read(fds[1], &c, 1), 0); /* closed */
		event_base_free(base);
		close(fds[1]);
	}
}

/* Frees the other of the two. */
static void
free_the_other(struct bufferevent *bev, void *arg)
{
	struct bufferevent **two = arg;
	int other = two[0] == bev;

	note_read(bev, arg);
	bufferevent_free(two[other]);
	two[other] = NULL;
}

static void
one_can_free_another_that_is_active(void)
{
	struct bufferevent *two[2];
	two[0] = open_bev(0);
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, spare), 0);
	evutil_make_socket_nonblocking(spare[0]);
	two[1] = bufferevent_socket_new(base, spare[0], BEV_OPT_CLOSE_ON_FREE);
	for (int i = 0; i < 2; i++) {
		bufferevent_setcb(two[i], free_the_other, NULL, note_event, two);
		bufferevent_enable(two[i], EV_READ);
	}
	/* Both are reported in one turn; whoever comes first frees the one that is still to come. */
	peer_writes("a");
	CHECK_INT_EQ(write(spare[1], "b", 1), 1);
	turns(3);
	CHECK_STR_EQ(trace, "r1");
	CHECK((two[0] == NULL) != (two[1] == NULL));
	close(spare[1]);
	close_bev(two[0] ? two[0] : two[1]);
}

static void
stop_in_read(struct bufferevent *bev, void *arg)
{
	note_read(bev, arg);
	event_base_loopbreak(base);
}

static void
a_loop_that_was_broken_goes_on_where_it_was(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setcb(bev, stop_in_read, NULL, note_event, NULL);
	bufferevent_set_max_single_read(bev, 2);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abcde");
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "r2");
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "r2 r4");
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "r2 r4 r5");
	close_bev(bev);
}

static void
enable_in_event(struct bufferevent *bev, short what, void *arg)
{
	note_event(bev, what, arg);
	if (count-- > 0)
		bufferevent_enable(bev, EV_READ);
}

static void
reading_enabled_in_the_end_callback_ends_again(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setcb(bev, NULL, NULL, enable_in_event, NULL);
	count = 2;
	bufferevent_enable(bev, EV_READ);
	shutdown(fds[1], SHUT_WR);
	turns(5);
	CHECK_STR_EQ(trace, "e11 e11 e11");
	close_bev(bev);
}

static void
trigger_in_read(struct bufferevent *bev, void *arg)
{
	note_read(bev, arg);
	if (count-- > 0)
		bufferevent_trigger(bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

static void
a_callback_can_ask_to_be_called_again(void)
{
	struct bufferevent *bev = open_bev(0);
	count = 3;
	bufferevent_setcb(bev, trigger_in_read, NULL, NULL, NULL);
	bufferevent_trigger(bev, EV_READ, 0);
	CHECK_STR_EQ(trace, "r0");
	turns(6);
	CHECK_STR_EQ(trace, "r0 r0 r0 r0");
	close_bev(bev);
}

static const struct evrt_test_case cases[] = {
	{ "a_trigger_calls_at_once", a_trigger_calls_at_once },
	{ "a_trigger_can_be_deferred", a_trigger_can_be_deferred },
	{ "a_deferring_bufferevent_defers_triggers", a_deferring_bufferevent_defers_triggers },
	{ "deferred_triggers_are_told_once", deferred_triggers_are_told_once },
	{ "triggers_look_at_the_marks_of_their_direction", triggers_look_at_the_marks_of_their_direction },
	{ "disabled_directions_are_triggered_too", disabled_directions_are_triggered_too },
	{ "without_callbacks_triggers_are_forgotten", without_callbacks_triggers_are_forgotten },
	{ "every_event_can_be_triggered", every_event_can_be_triggered },
	{ "deferred_connected_comes_first_other_events_last", deferred_connected_comes_first_other_events_last },
	{ "deferred_callbacks_go_to_whom_is_set_then", deferred_callbacks_go_to_whom_is_set_then },
	{ "callbacks_can_be_changed_in_a_callback", callbacks_can_be_changed_in_a_callback },
	{ "callbacks_dropped_in_a_callback_are_not_called", callbacks_dropped_in_a_callback_are_not_called },
	{ "reading_disabled_in_the_callback_reads_no_more", reading_disabled_in_the_callback_reads_no_more },
	{ "a_deferred_read_is_told_though_reading_was_disabled", a_deferred_read_is_told_though_reading_was_disabled },
	{ "writing_enabled_in_a_callback_sends", writing_enabled_in_a_callback_sends },
	{ "a_write_callback_can_write_on", a_write_callback_can_write_on },
	{ "the_descriptor_can_be_changed_in_a_callback", the_descriptor_can_be_changed_in_a_callback },
	{ "free_in_a_write_callback", free_in_a_write_callback },
	{ "one_can_free_another_that_is_active", one_can_free_another_that_is_active },
	{ "a_loop_that_was_broken_goes_on_where_it_was", a_loop_that_was_broken_goes_on_where_it_was },
	{ "reading_enabled_in_the_end_callback_ends_again", reading_enabled_in_the_end_callback_ends_again },
	{ "a_callback_can_ask_to_be_called_again", a_callback_can_ask_to_be_called_again },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
