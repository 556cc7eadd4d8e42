/* testing/unit/pool/pool_life_test.c — how a pool is made, run, stopped, forked and freed. */
#include <event2/event.h>
#include <event2/util.h>
#include <evrt/pool.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/atomic.h"
#include "testing/unit/pool/pool_fixture.h"

static void
a_pool_starts_and_stops(void)
{
	pool = pool_of(3);
	CHECK_INT_EQ(evrt_pool_get_size(pool), 3);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evrt_pool_start(pool), -1);
	CHECK_INT_EQ(errno, EALREADY);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	done();
}

static void
a_config_is_checked(void)
{
	struct evrt_pool_config c;
	evrt_pool_config_init(&c);
	c.workers = EVRT_WORKERS_MAX + 1;
	CHECK(evrt_pool_new(&c) == NULL);
	CHECK_INT_EQ(errno, EINVAL);
	evrt_pool_config_init(&c);
	c.size = 3;
	CHECK(evrt_pool_new(&c) == NULL);
	evrt_pool_config_init(&c);
	c.strand_budget_callbacks = 0;
	CHECK(evrt_pool_new(&c) == NULL);
	evrt_pool_free(NULL);
	libevent_global_shutdown();
}

static void
the_environment_sets_the_default_size(void)
{
	setenv("EVRT_WORKERS", "5", 1);
	pool = pool_of(0);
	CHECK_INT_EQ(evrt_pool_get_size(pool), 5);
	evrt_pool_free(pool);
	pool = pool_of(2);
	CHECK_INT_EQ(evrt_pool_get_size(pool), 2);
	evrt_pool_free(pool);
	struct event_config *cfg = event_config_new();
	event_config_set_num_cpus_hint(cfg, 3);
	event_config_set_flag(cfg, EVRT_BASE_FLAG_POOLED);
	struct event_base *base = event_base_new_with_config(cfg);
	CHECK_INT_EQ(evrt_pool_get_size(evrt_base_get_pool(base)), 5);
	event_base_free(base);
	unsetenv("EVRT_WORKERS");
	base = event_base_new_with_config(cfg);
	CHECK_INT_EQ(evrt_pool_get_size(evrt_base_get_pool(base)), 3);
	event_base_free(base);
	event_config_free(cfg);
	libevent_global_shutdown();
}

static void
posts_that_never_ran_leak_nothing(void)
{
	pool = pool_of(2);
	struct evrt_strand *s = evrt_strand_new(pool);
	for (int i = 0; i < 10; i++) {
		CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), 0);
		CHECK_INT_EQ(evrt_strand_post(s, count_one, NULL), 0);
		CHECK_INT_EQ(evrt_pool_post_worker(pool, 1, count_one, NULL), 0);
	}
	evrt_strand_free(s);
	evrt_pool_free(pool);
	CHECK_INT_EQ(evrt_test_count_get(&ran), 0);
	libevent_global_shutdown();
}

static void
dispatch_ends_when_nothing_is_pending(void)
{
	struct event_base *base = evrt_base_new(3);
	struct timeval soon = { 0, 2000 };
	pool = evrt_base_get_pool(base);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	for (int i = 0; i < 20; i++)
		event_base_once(base, -1, EV_TIMEOUT, timer_ran, NULL, &soon);
	evrt_pool_post(pool, count_one, NULL);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(evrt_test_count_get(&ran), 21);
	event_base_free(base);
	libevent_global_shutdown();
}

static void *
delete_from_afar(void *arg)
{
	event_del(arg);
	return NULL;
}

static pthread_t deleter;

static void
delete_in_thread(void *arg)
{
	CHECK_INT_EQ(pthread_create(&deleter, NULL, delete_from_afar, arg), 0);
}

static void
dispatch_ends_when_a_foreign_thread_deletes_the_last_event(void)
{
	struct event_base *base = evrt_base_new(2);
	struct timeval never = { 600, 0 };
	struct event *ev = event_new(base, -1, 0, timer_ran, NULL);
	pool = evrt_base_get_pool(base);
	event_add(ev, &never);
	evrt_pool_post(pool, delete_in_thread, ev);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	/* It may still be on its way out of event_del. */
	pthread_join(deleter, NULL);
	event_free(ev);
	event_base_free(base);
	libevent_global_shutdown();
}

static void
exit_the_loop(void *base)
{
	event_base_loopexit(base, NULL);
}

static void
break_the_loop(void *base)
{
	event_base_loopbreak(base);
}

static void
loopexit_and_loopbreak_end_dispatch(void)
{
	struct event_base *base = evrt_base_new(3);
	struct timeval never = { 600, 0 };
	struct event *ev = event_new(base, -1, 0, timer_ran, NULL);
	event_add(ev, &never);
	pool = evrt_base_get_pool(base);
	evrt_pool_post(pool, exit_the_loop, base);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK(event_base_got_exit(base) && !event_base_got_break(base));
	evrt_pool_post(pool, break_the_loop, base);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK(event_base_got_break(base) && !event_base_got_exit(base));
	event_base_loopexit(base, &(struct timeval){ 0, 5000 });
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	event_free(ev);
	event_base_free(base);
	libevent_global_shutdown();
}

static void
signal_came(evutil_socket_t signum, short what, void *arg)
{
	(void)arg;
	CHECK_INT_EQ(signum, SIGUSR1);
	CHECK_INT_EQ(what, EV_SIGNAL);
	count_one(NULL);
}

static struct evrt_test_gate gate;

static void
stay_until_opened(void *arg)
{
	(void)arg;
	count_one(NULL);
	evrt_test_gate_wait(&gate);
	count_one(NULL);
}

static void
stop_has_a_deadline(void)
{
	pool = pool_of(2);
	evrt_pool_start(pool);
	evrt_pool_post(pool, stay_until_opened, NULL);
	evrt_test_count_wait(&ran, 1);
	CHECK_INT_EQ(evrt_pool_stop(pool, &(struct timeval){ 0, 1000 }), 1);
	CHECK_INT_EQ(evrt_pool_post(pool, count_one, NULL), -1);
	CHECK_INT_EQ(errno, ECANCELED);
	evrt_test_gate_open(&gate);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(evrt_test_count_get(&ran), 2);
	done();
}

static void
post_again(void *arg)
{
	static int left = 1000;
	count_one(NULL);
	if (--left)
		CHECK_INT_EQ(evrt_pool_post(pool, post_again, arg), 0);
}

static void
a_graceful_stop_lets_work_finish(void)
{
	pool = pool_of(3);
	evrt_pool_start(pool);
	CHECK_INT_EQ(evrt_pool_post(pool, post_again, NULL), 0);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(evrt_test_count_get(&ran), 1000);
	done();
}

static void
stop_inside(void *arg)
{
	(void)arg;
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 1);
	count_one(NULL);
}

static void
stop_from_a_callback_only_asks(void)
{
	pool = pool_of(2);
	evrt_pool_start(pool);
	evrt_pool_post(pool, stop_inside, NULL);
	evrt_test_count_wait(&ran, 1);
	done();
}

static void
a_pool_is_freed_with_events_on_it(void)
{
	int fds[2];
	struct timeval never = { 600, 0 };
	pool = pool_of(2);
	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	struct event *io = event_new(evrt_pool_as_base(pool), fds[0], EV_READ | EV_PERSIST, timer_ran, NULL);
	struct event *timer = event_new(evrt_pool_as_base(pool), -1, 0, timer_ran, NULL);
	struct event *pinned = event_new(evrt_pool_get_base(pool, 1), -1, 0, timer_ran, NULL);
	struct event *sig = event_new(evrt_pool_as_base(pool), SIGUSR1, EV_SIGNAL, signal_came, NULL);
	event_add(io, &never);
	event_add(timer, &never);
	event_add(pinned, &never);
	event_add(sig, NULL);
	event_base_once(evrt_pool_as_base(pool), -1, EV_TIMEOUT, timer_ran, NULL, &never);
	evrt_pool_start(pool);
	evrt_pool_post(pool, count_one, NULL);
	evrt_test_count_wait(&ran, 1);
	event_free(io);
	event_free(timer);
	event_free(pinned);
	event_free(sig);
	event_base_once(evrt_pool_as_base(pool), fds[0], EV_READ, timer_ran, NULL, &never);
	evrt_pool_free(pool);
	close(fds[0]);
	close(fds[1]);
	libevent_global_shutdown();
}

static void
a_forked_pool_refuses_to_run(void)
{
	pool = pool_of(2);
	evrt_pool_start(pool);
	evrt_pool_post(pool, count_one, NULL);
	evrt_test_count_wait(&ran, 1);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	pid_t child = fork();
	if (child == 0) {
		int refused = evrt_pool_start(pool) == -1 && errno == ECHILD;
		evrt_pool_free(pool);
		struct evrt_pool *own = pool_of(2);
		evrt_pool_start(own);
		evrt_pool_post(own, count_one, NULL);
		evrt_test_count_wait(&ran, 2);
		evrt_pool_free(own);
		_exit(refused ? 0 : 1);
	}
	int status;
	waitpid(child, &status, 0);
	CHECK_INT_EQ(status, 0);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	evrt_pool_post(pool, count_one, NULL);
	evrt_test_count_wait(&ran, 2);
	done();
}

static void
break_and_dispatch_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	event_base_loopbreak(arg);
	CHECK_INT_EQ(event_base_dispatch(arg), -1);
	CHECK_INT_EQ(event_base_got_break(arg), 1);
}

static void
a_refused_dispatch_changes_nothing(void)
{
	struct event_base *base = evrt_base_new(2);

	event_base_once(base, -1, EV_TIMEOUT, break_and_dispatch_again, base, NULL);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK_INT_EQ(event_base_got_break(base), 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(event_base_got_break(base), 0);
	event_base_free(base);
	libevent_global_shutdown();
}

static void *
stop_and_start(void *arg)
{
	(void)arg;
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK(evrt_pool_start(pool) == 0 || errno == EALREADY);
	evrt_test_count_add(&ran, 1);
	return NULL;
}

/* Each stop ends, though the pool may run again by then. */
static void
stops_at_once_and_a_start(void)
{
	pool = pool_of(4);
	for (int i = 1; i <= 200; i++) {
		pthread_t stopper[2];
		int err = evrt_pool_start(pool);
		CHECK(err == 0 || errno == EALREADY);
		for (int k = 0; k < 2; k++)
			CHECK_INT_EQ(pthread_create(&stopper[k], NULL, stop_and_start, NULL), 0);
		evrt_test_count_wait(&ran, 2 * i);
		for (int k = 0; k < 2; k++)
			pthread_join(stopper[k], NULL);
		evrt_pool_post(pool, count_one, NULL);
		evrt_test_count_wait(&ran, 2 * i + 1);
		evrt_test_count_add(&ran, -1);
	}
	done();
}

static const struct evrt_test_case cases[] = {
	CASE(a_pool_starts_and_stops),
	CASE(a_config_is_checked),
	CASE(the_environment_sets_the_default_size),
	CASE(posts_that_never_ran_leak_nothing),
	CASE(dispatch_ends_when_nothing_is_pending),
	CASE(dispatch_ends_when_a_foreign_thread_deletes_the_last_event),
	CASE(loopexit_and_loopbreak_end_dispatch),
	CASE(stop_has_a_deadline),
	CASE(a_graceful_stop_lets_work_finish),
	CASE(stop_from_a_callback_only_asks),
	CASE(a_pool_is_freed_with_events_on_it),
	CASE(a_forked_pool_refuses_to_run),
	CASE(a_refused_dispatch_changes_nothing),
	CASE(stops_at_once_and_a_start),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
