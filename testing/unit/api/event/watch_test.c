/* testing/unit/api/event/watch_test.c — prepare and check watchers: when they are called, and when no more.
 *
 * Debian's libevent has none to compare with: this is the only test of event2/watch.h.
 */
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/watch.h>
#include <evrt/pool.h>

#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/event/event_internal.h"
#include "testing/harness/fault.h"
#include "testing/harness/test.h"
#include "testing/harness/wait.h"
#include "threading/lock.h"

#define CASE(fn) { #fn, fn }

static struct event_base *base;
static char trace[64]; /* the letters of what was called */

static void
note(const void *letter)
{
	size_t n = strlen(trace);

	if (n + 1 < sizeof(trace))
		trace[n] = *(const char *)letter;
}

static void
note_event(evutil_socket_t fd, short what, void *letter)
{
	(void)fd;
	(void)what;
	note(letter);
}

static void
note_prepare(struct evwatch *w, const struct evwatch_prepare_cb_info *info, void *letter)
{
	(void)info;
	CHECK_PTR_EQ(evwatch_base(w), base);
	CHECK_PTR_EQ(event_base_get_running_event(base), NULL);
	note(letter);
}

static void
note_check(struct evwatch *w, const struct evwatch_check_cb_info *info, void *letter)
{
	(void)info;
	CHECK_PTR_EQ(evwatch_base(w), base);
	note(letter);
}

/* An event that keeps the loop going, and that nothing ever makes active. */
static struct event *
idle_event(void)
{
	struct event *ev = event_new(base, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), EV_READ | EV_PERSIST, note_event, "!");

	CHECK_INT_EQ(event_add(ev, NULL), 0);
	return ev;
}

static void
idle_free(struct event *ev)
{
	evutil_closesocket(event_get_fd(ev));
	event_free(ev);
}

/* One turn that does not wait. */
static const char *
turn(void)
{
	memset(trace, 0, sizeof(trace));
	CHECK(event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK) >= 0);
	return trace;
}

static void
prepare_wait_check_and_then_events(void)
{
	base = event_base_new();
	struct event *readable = event_new(base, eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK), EV_READ, note_event, "r");
	struct event *timer = event_new(base, -1, 0, note_event, "t");
	struct evwatch *c = evwatch_check_new(base, note_check, "c");
	struct evwatch *p = evwatch_prepare_new(base, note_prepare, "p");
	struct evwatch *q = evwatch_prepare_new(base, note_prepare, "q");
	struct evwatch *d = evwatch_check_new(base, note_check, "d");
	event_add(readable, NULL);
	event_add(timer, &(struct timeval){ 0, 0 });
	CHECK_STR_EQ(turn(), "pqcdrt");
	idle_free(readable);
	event_free(timer);
	evwatch_free(c);
	evwatch_free(p);
	struct event *idle = idle_event();
	CHECK_STR_EQ(turn(), "qd");
	evwatch_free(q);
	CHECK_STR_EQ(turn(), "d");
	CHECK(base->loop.watch != NULL);
	evwatch_free(d);
	CHECK_PTR_EQ(base->loop.watch, NULL); /* the loop pays for watchers while there are some */
	CHECK_STR_EQ(turn(), "");
	idle_free(idle);
	event_base_free(base);
}

static void
watchers_do_not_keep_a_loop_running(void)
{
	base = event_base_new();
	struct evwatch *p = evwatch_prepare_new(base, note_prepare, "p");
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "");
	CHECK_INT_EQ(event_base_get_num_events(base, 7), 0);
	evwatch_free(p);
	event_base_free(base);
}

struct told { /* what a prepare watcher learnt of the timeout */
	int limited;
	struct timeval timeout;
};

static void
ask_timeout(struct evwatch *w, const struct evwatch_prepare_cb_info *info, void *arg)
{
	struct told *told = arg;

	(void)w;
	told->timeout = (struct timeval){ -1, -1 };
	told->limited = evwatch_prepare_get_timeout(info, &told->timeout);
}

static void
the_timeout_is_that_of_the_wait(void)
{
	struct told told;
	base = event_base_new();
	struct event *readable =
	    event_new(base, eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK), EV_READ | EV_PERSIST, note_event, "r");
	struct event *timer = event_new(base, -1, 0, note_event, "t");
	struct evwatch *p = evwatch_prepare_new(base, ask_timeout, &told);
	event_add(readable, NULL);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(told.limited, 0);
	CHECK_INT_EQ(told.timeout.tv_sec, -1);
	event_add(timer, &(struct timeval){ 1000, 0 });
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(told.limited, 1);
	CHECK(told.timeout.tv_sec == 999 || (told.timeout.tv_sec == 1000 && told.timeout.tv_usec <= 50000));
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK), 0);
	CHECK_INT_EQ(told.limited, 1);
	CHECK(told.timeout.tv_sec == 0 && told.timeout.tv_usec == 0);
	event_active(timer, EV_TIMEOUT, 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(told.limited, 1);
	CHECK(told.timeout.tv_sec == 0 && told.timeout.tv_usec == 0);
	evwatch_free(p);
	event_free(timer);
	idle_free(readable);
	event_base_free(base);
}

static void
activate(struct evwatch *w, const struct evwatch_prepare_cb_info *info, void *ev)
{
	(void)w;
	(void)info;
	note("a");
	event_active(ev, EV_TIMEOUT, 1);
}

static void
add_now(struct evwatch *w, const struct evwatch_prepare_cb_info *info, void *ev)
{
	(void)w;
	(void)info;
	note("n");
	event_add(ev, &(struct timeval){ 0, 0 });
}

static void
what_prepare_changes_counts_for_the_wait(void)
{
	static void (*const changes[])(struct evwatch *, const struct evwatch_prepare_cb_info *, void *) = {
		activate, add_now };
	static const char *const traces[] = { "act", "nct" };
	base = event_base_new();
	struct event *idle = idle_event();
	struct event *timer = event_new(base, -1, 0, note_event, "t");
	struct evwatch *c = evwatch_check_new(base, note_check, "c");
	for (int i = 0; i < 2; i++) {
		struct evwatch *p = evwatch_prepare_new(base, changes[i], timer);
		memset(trace, 0, sizeof(trace));
		/* Would wait for ever, were it not for the watcher. */
		CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
		CHECK_STR_EQ(trace, traces[i]);
		evwatch_free(p);
	}
	evwatch_free(c);
	event_free(timer);
	idle_free(idle);
	event_base_free(base);
}

static void
delete_event(struct evwatch *w, const struct evwatch_prepare_cb_info *info, void *ev)
{
	(void)w;
	(void)info;
	note("x");
	event_del(ev);
}

static void
break_prepare(struct evwatch *w, const struct evwatch_prepare_cb_info *info, void *arg)
{
	(void)info;
	note(arg);
	event_base_loopbreak(evwatch_base(w));
}

static void
break_check(struct evwatch *w, const struct evwatch_check_cb_info *info, void *arg)
{
	(void)info;
	note(arg);
	event_base_loopbreak(evwatch_base(w));
}

static void
prepare_may_end_the_loop(void)
{
	base = event_base_new();
	struct event *idle = idle_event();
	struct evwatch *c = evwatch_check_new(base, note_check, "c");
	struct evwatch *b = evwatch_prepare_new(base, break_prepare, "b");
	struct evwatch *p = evwatch_prepare_new(base, note_prepare, "p");
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK_STR_EQ(trace, "b");
	CHECK(event_base_got_break(base));
	evwatch_free(b);
	b = evwatch_prepare_new(base, delete_event, idle);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "bpx");
	evwatch_free(b);
	evwatch_free(c);
	evwatch_free(p);
	idle_free(idle);
	event_base_free(base);
}

static void
check_may_end_the_loop_before_any_callback(void)
{
	base = event_base_new();
	struct event *timer = event_new(base, -1, 0, note_event, "t");
	struct evwatch *b = evwatch_check_new(base, break_check, "b");
	struct evwatch *c = evwatch_check_new(base, note_check, "c");
	event_active(timer, EV_TIMEOUT, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK_STR_EQ(trace, "b");
	evwatch_free(b);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "bct");
	evwatch_free(c);
	event_free(timer);
	event_base_free(base);
}

static struct evwatch *victims[3]; /* freed by the next free_victims, those that are not NULL */

static void
free_victims(struct evwatch *w, const struct evwatch_prepare_cb_info *info, void *letter)
{
	(void)w;
	(void)info;
	note(letter);
	for (int i = 0; i < 3; i++)
		if (victims[i])
			evwatch_free(victims[i]);
	memset(victims, 0, sizeof(victims));
}

/* p, the one that frees, q: frees those of `which` (1: p, 2: itself, 4: q); a turn is `first`, the next `then`. */
static void
free_inside(unsigned which, const char *first, const char *then)
{
	base = event_base_new();
	struct event *idle = idle_event();
	struct evwatch *all[3];
	all[0] = evwatch_prepare_new(base, note_prepare, "p");
	all[1] = evwatch_prepare_new(base, free_victims, "f");
	all[2] = evwatch_prepare_new(base, note_prepare, "q");
	for (int i = 0; i < 3; i++)
		victims[i] = which & 1u << i ? all[i] : NULL;
	CHECK_STR_EQ(turn(), first);
	CHECK_STR_EQ(turn(), then);
	for (int i = 0; i < 3; i++)
		if (!(which & 1u << i))
			evwatch_free(all[i]);
	idle_free(idle);
	event_base_free(base);
}

static void
a_watcher_may_free_any(void)
{
	free_inside(1, "pfq", "fq");
	free_inside(2, "pfq", "pq");
	free_inside(4, "pf", "pf");
	free_inside(6, "pf", "p");
	free_inside(7, "pf", "");
}

static struct evwatch *added[2];

static void
add_watchers(struct evwatch *w, const struct evwatch_prepare_cb_info *info, void *arg)
{
	(void)w;
	(void)info;
	(void)arg;
	note("w");
	if (!added[0]) {
		added[0] = evwatch_prepare_new(base, note_prepare, "p");
		added[1] = evwatch_check_new(base, note_check, "c");
	}
}

static void
a_new_watcher_begins_with_the_next_turn(void)
{
	base = event_base_new();
	struct event *idle = idle_event();
	struct evwatch *w = evwatch_prepare_new(base, add_watchers, NULL);
	CHECK_STR_EQ(turn(), "w");
	CHECK_STR_EQ(turn(), "wpc");
	evwatch_free(w);
	evwatch_free(added[0]);
	evwatch_free(added[1]);
	idle_free(idle);
	event_base_free(base);
}

static void
what_is_left_goes_with_the_base(void)
{
	evrt_test_fail_alloc(0);
	int64_t live = evrt_test_allocs_live();
	base = event_base_new();
	CHECK(evwatch_check_new(base, note_check, "c") != NULL);
	CHECK(evwatch_prepare_new(base, note_prepare, "p") != NULL);
	CHECK(evwatch_prepare_new(base, note_prepare, "q") != NULL);
	event_base_free(base);
	CHECK_INT_EQ(evrt_test_allocs_live(), live);
}

static void
what_cannot_be_watched(void)
{
	base = event_base_new();
	CHECK_PTR_EQ(evwatch_prepare_new(NULL, note_prepare, NULL), NULL);
	CHECK_PTR_EQ(evwatch_check_new(NULL, note_check, NULL), NULL);
	CHECK_PTR_EQ(evwatch_prepare_new(base, NULL, NULL), NULL);
	CHECK_PTR_EQ(evwatch_check_new(base, NULL, NULL), NULL);
	evrt_test_fail_alloc(1);
	CHECK_PTR_EQ(evwatch_check_new(base, note_check, NULL), NULL);
	CHECK(evrt_test_alloc_has_failed());
	evrt_test_fail_alloc(0);
	event_base_free(base);
	base = evrt_base_new(2);
	CHECK_PTR_EQ(evwatch_prepare_new(base, note_prepare, NULL), NULL);
	CHECK_PTR_EQ(evwatch_check_new(evrt_pool_get_base(evrt_base_get_pool(base), 0), note_check, NULL), NULL);
	event_base_free(base);
	libevent_global_shutdown();
}

static struct evrt_test_gate inside;
static evrt_atomic(bool) left;

/* Does not return before another thread waits for that. */
static void
stay_inside(struct evwatch *w, const struct evwatch_check_cb_info *info, void *arg)
{
	struct timespec began, now;
	unsigned waiters;

	(void)w;
	(void)info;
	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &began);
	evrt_test_gate_open(&inside);
	do {
		evrt__lock(base->strand->lock);
		waiters = base->strand->waiters;
		evrt__unlock(base->strand->lock);
		clock_gettime(CLOCK_MONOTONIC, &now);
		CHECK(now.tv_sec - began.tv_sec < 30);
	} while (!waiters);
	evrt_store_release(&left, true);
}

static void *
free_from_afar(void *watcher)
{
	evrt_test_gate_wait(&inside);
	evwatch_free(watcher);
	CHECK(evrt_load_acquire(&left));
	return NULL;
}

static void
freeing_from_another_thread_waits_for_the_callback(void)
{
	pthread_t thread;
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	base = event_base_new();
	struct event *idle = idle_event();
	struct evwatch *c = evwatch_check_new(base, stay_inside, NULL);
	pthread_create(&thread, NULL, free_from_afar, c);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK), 0);
	pthread_join(thread, NULL);
	idle_free(idle);
	event_base_free(base);
	libevent_global_shutdown();
}

#define ROUNDS 300
static struct evrt_test_count seen;

static void
count_check(struct evwatch *w, const struct evwatch_check_cb_info *info, void *arg)
{
	(void)w;
	(void)info;
	(void)arg;
	evrt_test_count_add(&seen, 1);
}

static void
again(evutil_socket_t fd, short what, void *ev)
{
	(void)fd;
	(void)what;
	event_add(ev, &(struct timeval){ 0, 0 });
}

static void *
come_and_go(void *arg)
{
	for (long i = 0; i < ROUNDS; i++) {
		long before = evrt_test_count_get(&seen);
		struct evwatch *w = evwatch_check_new(base, count_check, arg);
		if (i % 10 == 0)
			evrt_test_count_wait(&seen, before + 1);
		evwatch_free(w);
	}
	event_base_loopbreak(base);
	return NULL;
}

static void
watchers_come_and_go_while_the_loop_runs(void)
{
	pthread_t thread;
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	base = event_base_new();
	struct event *busy = event_new(base, -1, 0, again, event_self_cbarg());
	event_active(busy, EV_TIMEOUT, 1);
	pthread_create(&thread, NULL, come_and_go, NULL);
	/* A loopbreak that comes before the loop would be forgotten: the thread sees watchers run before it. */
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	pthread_join(thread, NULL);
	CHECK(evrt_test_count_get(&seen) >= ROUNDS / 10);
	event_free(busy);
	event_base_free(base);
	libevent_global_shutdown();
}

static const struct evrt_test_case cases[] = {
	CASE(prepare_wait_check_and_then_events),
	CASE(watchers_do_not_keep_a_loop_running),
	CASE(the_timeout_is_that_of_the_wait),
	CASE(what_prepare_changes_counts_for_the_wait),
	CASE(prepare_may_end_the_loop),
	CASE(check_may_end_the_loop_before_any_callback),
	CASE(a_watcher_may_free_any),
	CASE(a_new_watcher_begins_with_the_next_turn),
	CASE(what_is_left_goes_with_the_base),
	CASE(what_cannot_be_watched),
	CASE(freeing_from_another_thread_waits_for_the_callback),
	CASE(watchers_come_and_go_while_the_loop_runs),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
