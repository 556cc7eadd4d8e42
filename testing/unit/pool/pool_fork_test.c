/* testing/unit/pool/pool_fork_test.c — what the child of a fork may do with its parent's pool. */
#include <event2/event.h>
#include <event2/util.h>
#include <evrt/pool.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "testing/unit/pool/pool_fixture.h"

static int ends[2];

/* Runs fn in a child. A check that fails there ends the child with another status. */
static void
in_child(void (*fn)(void))
{
	int status;
	pid_t child = fork();

	CHECK(child >= 0);
	if (child == 0) {
		fn();
		_exit(0);
	}
	CHECK_INT_EQ(waitpid(child, &status, 0), child);
	CHECK_INT_EQ(status, 0);
}

#define CHECK_REFUSED(call) \
	do { \
		errno = 0; \
		CHECK_INT_EQ(call, -1); \
		CHECK_INT_EQ(errno, ECHILD); \
	} while (0)

static struct evrt_strand *strand;
static struct event *event;

/* Everything that needs a worker, or would wait for one. */
static void
all_is_refused(void)
{
	static const struct timeval at_once = { 0, 0 };
	struct event_base *base = evrt_pool_as_base(pool);

	CHECK_REFUSED(evrt_pool_start(pool));
	CHECK_REFUSED(evrt_pool_stop(pool, NULL));
	CHECK_REFUSED(evrt_pool_stop(pool, &at_once));
	CHECK_REFUSED(evrt_pool_resize(pool, 1));
	CHECK_REFUSED(evrt_pool_post(pool, count_one, NULL));
	CHECK_REFUSED(evrt_pool_post_worker(pool, 0, count_one, NULL));
	CHECK_REFUSED(evrt_strand_post(strand, count_one, NULL));
	CHECK_REFUSED(evrt_event_set_strand(event, strand));
	CHECK_REFUSED(event_base_dispatch(base));
	CHECK_REFUSED(event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY));
	CHECK_REFUSED(event_base_loopbreak(base));
	CHECK_REFUSED(event_base_loopbreak(evrt_pool_get_base(pool, 1)));
	errno = 0;
	CHECK(evrt_strand_new(pool) == NULL);
	CHECK_INT_EQ(errno, ECHILD);
}

/* What only looks works. */
static void
questions_are_answered(void)
{
	struct event_base *base = evrt_pool_as_base(pool);
	struct evrt_worker_stats stats;

	CHECK_INT_EQ(evrt_pool_get_size(pool), 2);
	CHECK_PTR_EQ(evrt_base_get_pool(evrt_pool_get_base(pool, 1)), pool);
	CHECK_INT_EQ(evrt_pool_stats(pool, 1, &stats), 0);
	CHECK(event_base_get_method(base) != NULL);
	CHECK_INT_EQ(event_base_get_npriorities(base), 1);
	CHECK_INT_EQ(event_base_got_exit(base), event_base_got_exit(base));
	CHECK(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED) >= 0);
	CHECK_PTR_EQ(evrt_strand_ref(strand), strand);
	evrt_strand_free(strand);
	CHECK_INT_EQ(event_base_loopcontinue(base), 0);
}

static void
use_a_stopped_one(void)
{
	all_is_refused();
	questions_are_answered();
	evrt_strand_free(strand);
	event_free(event);
	evrt_pool_free(pool);
}

static void
use_a_running_one(void)
{
	all_is_refused();
	CHECK_REFUSED(event_reinit(evrt_pool_as_base(pool)));
	questions_are_answered();
	evrt_strand_free(strand);
	evrt_pool_free(pool); /* its memory stays */
}

static void
a_child_is_told(void)
{
	pool = pool_of(2);
	strand = evrt_strand_new(pool);
	event = evtimer_new(evrt_pool_as_base(pool), timer_ran, NULL);
	in_child(use_a_stopped_one);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	for (int i = 0; i < 20; i++)
		in_child(use_a_running_one);
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	evrt_test_count_wait(&ran, 1);
	evrt_strand_free(strand);
	event_free(event);
	done();
}

static struct evrt_test_gate inside, leave;

/* Called with the locks of a strand and of an fd held. */
static int
epoll_ctl_that_waits(int set, int op, int fd, struct epoll_event *e)
{
	if (fd == ends[0]) {
		evrt_test_gate_open(&inside);
		evrt_test_gate_wait(&leave);
	}
	return epoll_ctl(set, op, fd, e);
}

static void *
add_from_afar(void *ev)
{
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	return NULL;
}

static void
free_it(void)
{
	evrt_pool_free(pool);
}

static void
a_child_does_not_wait_for_a_lock_of_nobody(void)
{
	pthread_t adder;

	pool = pool_of(1);
	CHECK_INT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	event = event_new(evrt_pool_as_base(pool), ends[0], EV_READ, timer_ran, NULL);
	evrt__sys.epoll_ctl = epoll_ctl_that_waits;
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(pthread_create(&adder, NULL, add_from_afar, event), 0);
	evrt_test_gate_wait(&inside);
	in_child(free_it);
	evrt_test_gate_open(&leave);
	pthread_join(adder, NULL);
	event_free(event);
	done();
	close(ends[0]);
	close(ends[1]);
}

static void
signal_came(evutil_socket_t signum, short what, void *arg)
{
	(void)signum;
	(void)what;
	(void)arg;
	count_one(NULL);
}

/* Watches, timers and signals that the parent added; posts that never ran; then all that is new. */
static void
serve_in_child(void)
{
	long so_far = evrt_test_count_get(&ran);
	struct event_base *base = evrt_pool_as_base(pool);

	CHECK_INT_EQ(event_reinit(base), 0);
	CHECK_INT_EQ(event_reinit(evrt_pool_get_base(pool, 0)), 0); /* done already */
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	evrt_test_count_wait(&ran, so_far + 3); /* the post and both timers */
	CHECK_INT_EQ(write(ends[1], "x", 1), 1);
	evrt_test_count_wait(&ran, so_far + 4);
	CHECK_INT_EQ(kill(getpid(), SIGUSR1), 0);
	evrt_test_count_wait(&ran, so_far + 5);
	CHECK_INT_EQ(evrt_pool_post_worker(pool, 1, count_one, NULL), 0);
	evrt_test_count_wait(&ran, so_far + 6);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(evrt_test_count_get(&ran), so_far + 6);
}

static void
and_in_grandchild(void)
{
	serve_in_child();
	event_base_once(evrt_pool_as_base(pool), -1, EV_TIMEOUT, timer_ran, NULL, NULL);
	event_base_once(evrt_pool_get_base(pool, 1), -1, EV_TIMEOUT, timer_ran, NULL, NULL);
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	in_child(serve_in_child);
	evrt_pool_free(pool);
}

static void
a_child_makes_it_its_own_with(const char *variable)
{
	static const struct timeval soon = { 0, 1000 };

	if (variable)
		setenv(variable, "1", 1);
	pool = pool_of(2);
	struct event_base *base = evrt_pool_as_base(pool);
	CHECK_INT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	struct event *io = event_new(base, ends[0], EV_READ | EV_PERSIST, take_byte, NULL);
	struct event *sig = evsignal_new(base, SIGUSR1, signal_came, NULL);
	CHECK_INT_EQ(event_add(io, NULL), 0);
	CHECK_INT_EQ(event_add(sig, NULL), 0);
	/* It has run once, so that all has been used. */
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(write(ends[1], "x", 1), 1);
	evrt_test_count_wait(&ran, 1);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	event_base_once(base, -1, EV_TIMEOUT, timer_ran, NULL, &soon);
	event_base_once(evrt_pool_get_base(pool, 1), -1, EV_TIMEOUT, timer_ran, NULL, &soon);
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	in_child(and_in_grandchild);
	/* The parent's own is as it was. */
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(write(ends[1], "x", 1), 1);
	CHECK_INT_EQ(kill(getpid(), SIGUSR1), 0);
	evrt_test_count_wait(&ran, 6);
	event_free(io);
	event_free(sig);
	done();
	close(ends[0]);
	close(ends[1]);
}

static void
a_child_makes_it_its_own(void)
{
	a_child_makes_it_its_own_with(NULL);
}

static void
a_child_makes_it_its_own_by_poll(void)
{
	a_child_makes_it_its_own_with("EVENT_NOEPOLL");
}

static void
a_child_makes_it_its_own_by_signalfd(void)
{
	a_child_makes_it_its_own_with("EVENT_USE_SIGNALFD");
}

static struct event *second;

/* Before event_reinit, which then knows of it. Nothing of it reaches the parent's poller. */
static void
change_events(void)
{
	CHECK_INT_EQ(event_del(event), 0);
	CHECK_INT_EQ(event_add(second, NULL), 0);
	CHECK_INT_EQ(event_reinit(evrt_pool_as_base(pool)), 0);
	CHECK_INT_EQ(write(ends[1], "x", 1), 1);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	evrt_test_count_wait(&ran, 1);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	event_free(event);
	event_free(second);
	evrt_pool_free(pool);
}

static void
delete_and_free(void)
{
	event_free(event);
	event_free(second);
	evrt_pool_free(pool);
}

static void
what_a_child_changes_the_parent_does_not_see(void)
{
	pool = pool_of(1);
	CHECK_INT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	event = event_new(evrt_pool_as_base(pool), ends[0], EV_READ | EV_PERSIST, take_byte, NULL);
	second = event_new(evrt_pool_get_base(pool, 0), ends[0], EV_READ | EV_PERSIST, take_byte, NULL);
	CHECK_INT_EQ(event_add(event, NULL), 0);
	in_child(change_events);
	in_child(delete_and_free);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(write(ends[1], "x", 1), 1);
	evrt_test_count_wait(&ran, 1);
	event_free(event);
	event_free(second);
	done();
	close(ends[0]);
	close(ends[1]);
}


static int
eventfd_once_in_three(unsigned count, int flags)
{
	static int calls;

	if (++calls % 3) {
		errno = EMFILE;
		return -1;
	}
	return eventfd(count, flags);
}

static void
try_until_it_works(void)
{
	int tries = 0;

	evrt__sys.eventfd = eventfd_once_in_three;
	for (; event_reinit(evrt_pool_as_base(pool)) < 0; tries++) {
		CHECK_INT_EQ(errno, EMFILE);
		CHECK_INT_EQ(evrt_pool_start(pool), -1);
		CHECK_INT_EQ(errno, ECHILD);
		if (tries == 1)
			evrt__sys.eventfd = eventfd;
	}
	CHECK_INT_EQ(tries, 2);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(write(ends[1], "x", 1), 1);
	evrt_test_count_wait(&ran, 1);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	event_free(event);
	evrt_pool_free(pool);
}

static void
an_event_reinit_that_fails_may_be_tried_again(void)
{
	pool = pool_of(2);
	CHECK_INT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	event = event_new(evrt_pool_as_base(pool), ends[0], EV_READ | EV_PERSIST, take_byte, NULL);
	CHECK_INT_EQ(event_add(event, NULL), 0);
	in_child(try_until_it_works);
	CHECK_INT_EQ(event_reinit(evrt_pool_as_base(pool)), 0); /* no child: nothing to do */
	event_free(event);
	done();
	close(ends[0]);
	close(ends[1]);
}

static pid_t child;

static void
fork_inside(void *arg)
{
	(void)arg;
	child = fork();
	if (child == 0)
		CHECK_REFUSED(evrt_pool_start(pool));
	else
		CHECK_INT_EQ(event_base_loopbreak(evrt_pool_as_base(pool)), 0);
}

/* The child's loop ends when the callback that forked comes back, and what was queued is the parent's. */
static void
a_callback_that_forks_leaves_the_loop_in_the_child(void)
{
	struct event_base *base = evrt_base_new(1);
	int status;

	pool = evrt_base_get_pool(base);
	CHECK_INT_EQ(evrt_pool_post(pool, fork_inside, NULL), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
	int r = event_base_dispatch(base);
	if (child == 0)
		_exit(r == -1 && errno == ECHILD && evrt_test_count_get(&ran) == 0 ? 0 : 1);
	CHECK_INT_EQ(r, 0);
	CHECK_INT_EQ(waitpid(child, &status, 0), child);
	CHECK_INT_EQ(status, 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(evrt_test_count_get(&ran), 1);
	event_base_free(base);
	libevent_global_shutdown();
}

static const struct evrt_test_case cases[] = {
	CASE(a_child_is_told),
	CASE(a_child_does_not_wait_for_a_lock_of_nobody),
	CASE(a_child_makes_it_its_own),
	CASE(a_child_makes_it_its_own_by_poll),
	CASE(a_child_makes_it_its_own_by_signalfd),
	CASE(what_a_child_changes_the_parent_does_not_see),
	CASE(an_event_reinit_that_fails_may_be_tried_again),
	CASE(a_callback_that_forks_leaves_the_loop_in_the_child),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
