/* testing/contract/libevent/setup_nomemory_test.c — calls for which there is no memory fail, and change nothing.
 *
 * Here:     each allocation of each call fails once, through event_set_mem_functions.
 * Threads:  one.
 *
 * Built against evrt and against Debian's libevent from this one source. Public headers only.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>

#include <errno.h>
#include <netinet/in.h>

#include "testing/contract/libevent/setup_malloc.h"

static struct event_base *base;

static bool
make_config(void)
{
	struct event_config *cfg = event_config_new();
	if (cfg)
		event_config_free(cfg);
	return cfg != NULL;
}

static bool
make_event(void)
{
	struct event *ev = event_new(base, -1, 0, nothing, NULL);
	if (ev)
		event_free(ev);
	return ev != NULL;
}

static bool
avoid_method(void)
{
	long at = fail_at;
	fail_at = 0;
	struct event_config *cfg = event_config_new();
	asked = 0;
	fail_at = at;
	bool done = event_config_avoid_method(cfg, "poll") == 0;
	event_config_free(cfg);
	return done;
}

static bool
make_buffer(void)
{
	struct evbuffer *buf = evbuffer_new();
	bool done = buf && evbuffer_add(buf, "hello", 5) == 0;
	if (buf) {
		CHECK_INT_EQ(evbuffer_get_length(buf), done ? 5 : 0);
		evbuffer_free(buf);
	}
	return done;
}

static bool
make_bufferevent(void)
{
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
	fail_at = 0;
	if (bev)
		bufferevent_free(bev);
	event_base_loop(base, EVLOOP_NONBLOCK);
	return bev != NULL;
}

static bool
make_listener(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct evconnlistener *listener = evconnlistener_new_bind(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE, 5,
	    (struct sockaddr *)&sin, sizeof(sin));
	fail_at = 0;
	if (listener)
		evconnlistener_free(listener);
	event_base_loop(base, EVLOOP_NONBLOCK);
	return listener != NULL;
}

static bool
make_timer(void)
{
	struct evutil_monotonic_timer *timer = evutil_monotonic_timer_new();
	evutil_monotonic_timer_free(timer);
	return timer != NULL;
}

static bool
make_once(void)
{
	struct timeval now = { 0, 0 };
	bool done = event_base_once(base, -1, EV_TIMEOUT, nothing, NULL, &now) == 0;
	event_base_loop(base, EVLOOP_NONBLOCK);
	return done;
}

static const struct maker {
	const char *name;
	bool (*make)(void);
	bool may_do_without; /* libevent looks away from some that fail */
} makers[] = {
	{ "config", make_config, false }, { "event", make_event, false }, { "avoid", avoid_method, false },
	{ "buffer", make_buffer, false }, { "bufferevent", make_bufferevent, true },
	{ "listener", make_listener, false }, { "timer", make_timer, false }, { "once", make_once, false },
};

/* Makes the k-th allocation fail, for each k until there are no more; what fails leaves nothing behind. */
static void
fail_each(const struct maker *m)
{
	long before = live;
	for (long k = 1;; k++) {
		asked = 0;
		failed = false;
		fail_at = k;
		bool done = m->make();
		fail_at = 0;
		if (failed ? done && !m->may_do_without : !done)
			evrt_test_fail(__FILE__, __LINE__, "%s, allocation %ld: %s", m->name, k, done ? "succeeds" : "fails");
		if (live != before)
			evrt_test_fail(__FILE__, __LINE__, "%s, allocation %ld: %ld blocks left", m->name, k, live - before);
		if (!failed) {
			CHECK(k > 1);
			return;
		}
	}
}

static void
what_cannot_be_allocated_is_not_made(void)
{
	count();
	base = event_base_new();
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		makers[i].make(); /* what is kept for the next one is there from now on */
		fail_each(&makers[i]);
	}
	event_base_free(base);
	all_is_back();
}

static void
memory_that_is_out_is_said_in_errno(void)
{
	count();
	fail_at = 1;
	errno = 0;
	CHECK_PTR_EQ(event_config_new(), NULL);
	CHECK_INT_EQ(errno, ENOMEM);
}

/* Calls on what is there already: they say -1 or NULL, and work when there is memory again. */
static struct event *ev;
static const struct timeval hour = { 3600, 0 };

static bool add_a_timer(void) { return event_add(ev, &hour) == 0; }
static bool more_priorities(void) { return event_base_priority_init(base, 7) == 0; }
static bool common_timeout(void) { return event_base_init_common_timeout(base, &hour) != NULL; }
static bool loopexit(void) { return event_base_loopexit(base, &hour) == 0; }

static void
fails_and_works_later(bool (*call)(void))
{
	count();
	base = event_base_new();
	ev = event_new(base, -1, 0, nothing, NULL);
	asked = 0;
	failed = false;
	fail_at = 1;
	CHECK(!call());
	CHECK(failed);
	CHECK(call());
	CHECK(call());
	event_free(ev);
	event_base_free(base);
	all_is_back();
}

static void a_timer_is_not_added(void) { fails_and_works_later(add_a_timer); }
static void priorities_stay(void) { fails_and_works_later(more_priorities); }
static void a_common_timeout_is_not_made(void) { fails_and_works_later(common_timeout); }
static void an_exit_is_not_planned(void) { fails_and_works_later(loopexit); }

static void
a_failed_add_leaves_the_event_as_it_was(void)
{
	evutil_socket_t fds[2];
	count();
	base = event_base_new();
	pair(fds);
	ev = event_new(base, fds[0], EV_READ, nothing, NULL);
	asked = 0;
	fail_at = 1;
	int r = event_add(ev, &hour);
	fail_at = 0;
	CHECK_INT_EQ(r, -1);
	CHECK_INT_EQ(event_pending(ev, EV_READ | EV_TIMEOUT, NULL), 0);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	CHECK_INT_EQ(event_add(ev, &hour), 0);
	CHECK_INT_EQ(event_pending(ev, EV_READ | EV_TIMEOUT, NULL), EV_READ | EV_TIMEOUT);
	event_free(ev);
	event_base_free(base);
	close(fds[0]);
	close(fds[1]);
	all_is_back();
}

static const struct evrt_test_case cases[] = {
	SETUP_CASE(what_cannot_be_allocated_is_not_made),
	SETUP_CASE(memory_that_is_out_is_said_in_errno),
	SETUP_CASE(a_timer_is_not_added),
	SETUP_CASE(priorities_stay),
	SETUP_CASE(a_common_timeout_is_not_made),
	SETUP_CASE(an_exit_is_not_planned),
	SETUP_CASE(a_failed_add_leaves_the_event_as_it_was),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
