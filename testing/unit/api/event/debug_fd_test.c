/* testing/unit/api/event/debug_fd_test.c — fds that are closed too early, and edges beside levels.
 *
 * Here:     where debug mode notices a closed fd (deleting, adding another, waiting), how often it says so, and
 *           when it must be silent.
 */
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <evrt/pool.h>

#include <sys/socket.h>

#include "testing/unit/api/event/debug_rig.h"

static struct event_base *base;
static struct event *ev;
static int ends[2];

static void
begin_reading(void)
{
	debug_begin();
	base = event_base_new();
	open_pipe(ends);
	ev = event_new(base, ends[0], EV_READ | EV_PERSIST, nothing, NULL);
	CHECK_INT_EQ(event_add(ev, NULL), 0);
}

static void
end_reading(void)
{
	event_free(ev);
	event_base_free(base);
	close(ends[1]);
}

/* Another file under the number of the one that was waited on. */
static int
reuse_number(int fd)
{
	int other[2];

	open_pipe(other);
	if (other[0] != fd) {
		CHECK_INT_EQ(dup3(other[0], fd, O_CLOEXEC), fd);
		close(other[0]);
	}
	return other[1];
}

static void
closed_before_deleted(void)
{
	char want[64];

	begin_reading();
	close(ends[0]);
	CHECK_INT_EQ(heard_messages(), 0);
	event_del(ev);
	CHECK_INT_EQ(heard_messages(), 1);
	snprintf(want, sizeof(want), "2 event debug: fd %d was closed while this event waits on it\n", ends[0]);
	SAYS(heard, want, "READ|PERSIST, callback ", "to do: call event_del (or event_free) first, then close the fd",
	    ": added\n", ": assigned");
	end_reading();
	CHECK_INT_EQ(heard_messages(), 1);
}

static void
closed_and_taken_by_another_file(void)
{
	begin_reading();
	close(ends[0]);
	int writer = reuse_number(ends[0]);
	struct event *other = event_new(base, ends[0], EV_READ, nothing, NULL);
	CHECK_INT_EQ(heard_messages(), 0);
	CHECK_INT_EQ(event_add(other, NULL), 0);
	CHECK_INT_EQ(heard_messages(), 1);
	SAYS(heard, "was closed while this event waits on it; the number is another file's now\n", "READ|PERSIST",
	    ": added\n");
	event_free(other); /* whose file is still there */
	CHECK_INT_EQ(heard_messages(), 1);
	end_reading();
	close(ends[0]);
	close(writer);
	CHECK_INT_EQ(heard_messages(), 1);
}

static void
closed_before_the_loop_waits(void)
{
	begin_reading();
	struct event *second = event_new(base, ends[0], EV_READ, nothing, NULL);
	event_add(second, NULL);
	close(ends[0]);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT_EQ(heard_messages(), 2);
	SAYS(heard, "was closed", "READ, callback", "was closed", "READ|PERSIST, callback");
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_free(second);
	end_reading();
	CHECK_INT_EQ(heard_messages(), 2);
}

static void
end_pool(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

static void
closed_on_a_pool(void)
{
	static const struct timeval soon = { 0, 20000 };

	debug_begin();
	base = evrt_base_new(2);
	open_pipe(ends);
	ev = event_new(base, ends[0], EV_READ, nothing, NULL);
	event_add(ev, NULL);
	close(ends[0]);
	struct event *end = event_new(base, -1, 0, end_pool, base);
	event_add(end, &soon);
	event_base_dispatch(base);
	CHECK_INT_EQ(heard_messages(), 1);
	SAYS(heard, "was closed while this event waits on it");
	event_free(end);
	end_reading();
}

/* Each fd comes to be looked at, however many there are. */
static void
closed_among_many(void)
{
	enum { COUNT = 300 };
	struct event *many[COUNT];
	int pipes[COUNT][2];

	debug_begin();
	base = event_base_new();
	for (int i = 0; i < COUNT; i++) {
		open_pipe(pipes[i]);
		many[i] = event_new(base, pipes[i][0], EV_READ, nothing, NULL);
		event_add(many[i], NULL);
	}
	close(pipes[COUNT - 1][0]);
	for (int i = 0; i < 6; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT_EQ(heard_messages(), 1);
	for (int i = 0; i < COUNT; i++) {
		event_free(many[i]);
		close(pipes[i][1]);
		if (i < COUNT - 1)
			close(pipes[i][0]);
	}
	event_base_free(base);
	CHECK_INT_EQ(heard_messages(), 1);
}

static void
closed_in_the_right_order(void)
{
	begin_reading();
	CHECK_INT_EQ(write(ends[1], "x", 1), 1);
	event_base_loop(base, EVLOOP_ONCE);
	event_del(ev);
	close(ends[0]);
	event_base_loop(base, EVLOOP_NONBLOCK);
	int writer = reuse_number(ends[0]);
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_del(ev);
	close(ends[0]);
	end_reading();
	close(writer);
	CHECK_STR_EQ(heard, "");
}

/* It was called for its timeout alone, and that ended its wait. */
static void
closed_after_a_timeout(void)
{
	static const struct timeval at_once = { 0, 0 };

	debug_begin();
	base = event_base_new();
	open_pipe(ends);
	ev = event_new(base, ends[0], EV_READ, nothing, NULL);
	event_add(ev, &at_once);
	event_base_loop(base, EVLOOP_NONBLOCK);
	close(ends[0]);
	event_base_loop(base, EVLOOP_NONBLOCK);
	end_reading();
	CHECK_STR_EQ(heard, "");
}

static void
a_bufferevent_that_closes_its_fd(void)
{
	int pair[2];

	debug_begin();
	base = event_base_new();
	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	struct bufferevent *bev = bufferevent_socket_new(base, pair[0], BEV_OPT_CLOSE_ON_FREE);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	event_base_loop(base, EVLOOP_NONBLOCK);
	bufferevent_free(bev);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_STR_EQ(heard, "");
	bev = bufferevent_socket_new(base, pair[1], 0);
	bufferevent_enable(bev, EV_READ);
	close(pair[1]);
	bufferevent_free(bev);
	CHECK_INT_EQ(heard_messages(), 1);
	SAYS(heard, "was closed while", ", of a bufferevent");
	event_base_free(base);
}

static void
edge_and_level_do_not_mix(void)
{
	begin_reading();
	struct event *edge = event_new(base, ends[0], EV_READ | EV_ET, nothing, NULL);
	CHECK_INT_EQ(event_add(edge, NULL), -1);
	CHECK_INT_EQ(event_pending(edge, EV_READ, NULL), 0);
	CHECK_INT_EQ(heard_messages(), 1);
	SAYS(heard, "2 event debug: event_add of event 0x", "refused: it is edge-triggered", "READ|PERSIST, callback",
	    "to do: give all events of one fd EV_ET, or none", ": added\n");
	/* On another base, or another fd, or once the first is gone: fine. */
	struct event_base *second = event_base_new();
	struct event *elsewhere = event_new(second, ends[0], EV_READ | EV_ET, nothing, NULL);
	struct event *other_fd = event_new(base, ends[1], EV_WRITE | EV_ET, nothing, NULL);
	CHECK_INT_EQ(event_add(elsewhere, NULL), 0);
	CHECK_INT_EQ(event_add(other_fd, NULL), 0);
	event_del(ev);
	CHECK_INT_EQ(event_add(edge, NULL), 0);
	CHECK_INT_EQ(event_add(edge, NULL), 0);
	CHECK_INT_EQ(event_add(ev, NULL), -1);
	CHECK_INT_EQ(heard_messages(), 2);
	SAYS(heard, "refused: it is edge-", "refused: it is level-triggered", "READ|ET, callback");
	event_free(edge);
	event_free(elsewhere);
	event_free(other_fd);
	event_base_free(second);
	end_reading();
	close(ends[0]);
}

static const struct evrt_test_case cases[] = {
	CASE(closed_before_deleted),
	CASE(closed_and_taken_by_another_file),
	CASE(closed_before_the_loop_waits),
	CASE(closed_on_a_pool),
	CASE(closed_among_many),
	CASE(closed_in_the_right_order),
	CASE(closed_after_a_timeout),
	CASE(a_bufferevent_that_closes_its_fd),
	CASE(edge_and_level_do_not_mix),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
