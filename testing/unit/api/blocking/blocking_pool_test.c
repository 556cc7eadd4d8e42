/* testing/unit/api/blocking/blocking_pool_test.c — blocking calls on the bases of a pool.
 *
 * Here:     in which strand completions run, what keeps a dispatch, stopping with work outstanding, freeing, fork.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/sys.h"
#include "testing/harness/fault.h"
#include "testing/unit/api/blocking/blocking_rig.h"

static struct evrt_pool *pool;

static void
setup(unsigned workers)
{
	struct evrt_pool_config config;

	evrt_pool_config_init(&config);
	config.workers = workers;
	pool = evrt_pool_new(&config);
	CHECK(pool != NULL);
	base = evrt_pool_as_base(pool);
}

static void
done(void)
{
	evrt_pool_free(pool);
	libevent_global_shutdown();
}

static void
open_gate(void *arg)
{
	evrt_test_gate_open(arg);
}

static struct evrt_strand *asked_in;
static struct event_base *asked_base;

static void
ask(void *arg)
{
	asked_in = evrt_strand_current();
	run_call(asked_base, arg);
}

static void
the_strand_that_asks_gets_the_completion(void)
{
	static struct call c, pinned, from_pinned;

	setup(3);
	struct evrt_strand *s = evrt_strand_new(pool);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	asked_base = base;
	CHECK_INT_EQ(evrt_strand_post(s, ask, &c), 0);
	evrt_test_gate_wait(&c.completed);
	CHECK_PTR_EQ(c.strand, s);
	/* Also one that is pinned: whoever asks gets the answer. */
	CHECK_INT_EQ(evrt_pool_post_worker(pool, 1, ask, &from_pinned), 0);
	evrt_test_gate_wait(&from_pinned.completed);
	CHECK_PTR_EQ(from_pinned.strand, asked_in);
	struct evrt_strand *worker_1 = asked_in;
	/* What is asked of a pinned base runs on it, whoever asks. */
	asked_base = evrt_pool_get_base(pool, 1);
	CHECK_INT_EQ(evrt_strand_post(s, ask, &pinned), 0);
	evrt_test_gate_wait(&pinned.completed);
	CHECK_PTR_EQ(pinned.strand, worker_1);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	check_call(&c, 0);
	check_call(&from_pinned, 0);
	check_call(&pinned, 0);
	evrt_strand_free(s);
	done();
}

static void
others_get_a_strand_given_or_new(void)
{
	static struct call given, none, wrong;

	setup(2);
	struct evrt_strand *s = evrt_strand_new(pool);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	CHECK_INT_EQ(evrt_blocking_run(base, s, call_work, call_done, &given, NULL), 0);
	run_call(base, &none);
	CHECK_INT_EQ(evrt_blocking_run(evrt_pool_get_base(pool, 0), s, call_work, call_done, &wrong, NULL), -1);
	CHECK_INT_EQ(errno, EINVAL);
	CHECK(evrt_pool_get_base(pool, 2) == NULL);
	evrt_test_gate_wait(&given.completed);
	evrt_test_gate_wait(&none.completed);
	CHECK_PTR_EQ(given.strand, s);
	CHECK(none.strand != NULL && none.strand != s);
	evrt_strand_free(s);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	done();
}

static void
a_dispatch_waits_for_completions(void)
{
	static struct call c[40];

	evrt_test_fail_alloc(0);
	base = evrt_base_new(3);
	CHECK(base != NULL);
	int64_t live = 0;
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 40; i++) {
			c[i] = (struct call){ .held = false };
			run_call(base, &c[i]);
		}
		CHECK_INT_EQ(event_base_dispatch(base), 1);
		for (int i = 0; i < 40; i++)
			check_call(&c[i], 0);
		/* Calls and strands are given back: what the first rounds have made is enough for all. */
		if (round == 2)
			live = evrt_test_allocs_live();
	}
	CHECK_INT_EQ(evrt_test_allocs_live(), live);
	event_base_free(base);
	libevent_global_shutdown();
}

static void *
stop_it(void *arg)
{
	(void)arg;
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	return NULL;
}

static void
stopping_lets_work_end_and_cancels_the_rest(void)
{
	static struct call c[3] = { { .held = true } }, more;
	pthread_t stopper;

	setup(2);
	set_limits(base, 1, 2);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	for (int i = 0; i < 3; i++) {
		run_call(base, &c[i]);
		evrt_test_gate_wait(&c[0].began);
	}
	CHECK_INT_EQ(pthread_create(&stopper, NULL, stop_it, NULL), 0);
	evrt_test_gate_wait(&c[1].completed);
	evrt_test_gate_wait(&c[2].completed);
	CHECK_INT_EQ(evrt_blocking_run(base, NULL, call_work, call_done, &more, NULL), -1);
	CHECK_INT_EQ(errno, ECANCELED);
	evrt_test_gate_open(&c[0].may_end);
	pthread_join(stopper, NULL);
	check_call(&c[0], 0);
	check_call(&c[1], ECANCELED);
	check_call(&c[2], ECANCELED);
	/* It can be started again, and all is as before. */
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	run_call(base, &more);
	evrt_test_gate_wait(&more.completed);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	done();
}

static void
a_deadline_ends_the_stop_but_not_the_work(void)
{
	static struct call c = { .held = true }, next;
	static struct evrt_test_gate posted;
	const struct timeval now = { 0, 0 }, soon = { 0, 2000 };

	setup(2);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	run_call(base, &c);
	evrt_test_gate_wait(&c.began);
	int ended = evrt_pool_stop(pool, &soon);
	CHECK(ended == 0 || ended == 1);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0); /* only the workers are awaited */
	CHECK_INT_EQ(c.completions, 0);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	/* The stop that gave up refuses nothing any more, and does not reach the next run. */
	run_call(base, &next);
	evrt_test_gate_wait(&next.completed);
	evrt_test_gate_open(&c.may_end);
	evrt_test_gate_wait(&c.completed);
	CHECK_INT_EQ(evrt_pool_post(pool, open_gate, &posted), 0);
	evrt_test_gate_wait(&posted);
	CHECK(evrt_pool_stop(pool, &now) >= 0);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	check_call(&c, 0);
	check_call(&next, 0);
	done();
}

static void
stop_from_inside(void *arg)
{
	(void)arg;
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 1);
}

static void
stop_from_work(void *arg)
{
	stop_from_inside(NULL);
	call_work(arg);
}

static void
ask_for_a_stop_from_work(void *arg)
{
	CHECK_INT_EQ(evrt_blocking_run(base, NULL, stop_from_work, call_done, arg, NULL), 0);
}

/* The end of a run that a callback asked for is seen without asking oneself: the loop returns. */
static void
a_stop_from_inside_lets_work_end_too(void)
{
	static struct call c, held = { .held = true }, in_work;

	setup(2);
	run_call(base, &held);
	evrt_test_gate_wait(&held.began);
	/* What was not cancelled completes in this run, before the dispatch is back. */
	CHECK_INT_EQ(evrt_pool_post(pool, stop_from_inside, NULL), 0);
	CHECK_INT_EQ(evrt_pool_post(pool, open_gate, &held.may_end), 0);
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	check_call(&held, 0);
	CHECK_INT_EQ(evrt_pool_post(pool, ask_for_a_stop_from_work, &in_work), 0);
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	check_call(&in_work, 0);
	run_call(base, &c);
	event_base_dispatch(base);
	check_call(&c, 0);
	done();
}

static void
freeing_completes_all(void)
{
	static struct call c[3] = { { .held = true } };
	pthread_t other;

	evrt_test_fail_alloc(0);
	setup(2); /* and never started */
	set_limits(base, 1, 2);
	for (int i = 0; i < 3; i++) {
		struct event_base *b = i == 1 ? evrt_pool_get_base(pool, 1) : base;
		CHECK_INT_EQ(evrt_blocking_run(b, NULL, call_work, done_and_refused, &c[i], &c[i].handle), 0);
		evrt_test_gate_wait(&c[0].began);
	}
	CHECK_INT_EQ(pthread_create(&other, NULL, let_it_end_when_all_is_being_freed, c), 0);
	done();
	pthread_join(other, NULL);
	check_call(&c[0], 0);
	check_call(&c[1], ECANCELED);
	check_call(&c[2], ECANCELED);
	CHECK(c[0].strand == NULL && pthread_equal(c[0].completed_in, pthread_self()));
	for (int i = 0; i < 3; i++) {
		CHECK_INT_EQ(evrt_blocking_cancel(c[i].handle), 1);
		evrt_blocking_release(c[i].handle);
	}
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
}

static void
freeing_a_running_pool_waits_for_work(void)
{
	static struct call c[64];

	evrt_test_fail_alloc(0);
	for (int round = 0; round < 30; round++) {
		setup(2);
		set_limits(base, 4, 100);
		CHECK_INT_EQ(evrt_pool_start(pool), 0);
		for (int i = 0; i < 64; i++) {
			c[i] = (struct call){ .held = false };
			run_call(base, &c[i]);
		}
		done();
		for (int i = 0; i < 64; i++)
			check_call(&c[i], c[i].status);
	}
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
}

static void
child_of_a_fork(struct call *c)
{
	static struct call own;

	CHECK_INT_EQ(evrt_blocking_run(base, NULL, call_work, call_done, &own, NULL), -1);
	CHECK_INT_EQ(errno, ECHILD);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), -1);
	CHECK_INT_EQ(errno, ECHILD);
	evrt_pool_free(pool);
	check_call(c, ECANCELED);
	base = evrt_base_new(2);
	if (A_CHILD_MAY_START_THREADS) {
		run_call(base, &own);
		CHECK_INT_EQ(event_base_dispatch(base), 1);
		check_call(&own, 0);
	}
	event_base_free(base);
	_exit(0);
}

static void
a_child_can_only_free(void)
{
	static struct call c;
	int status;

	setup(2); /* not started yet: its workers could hold locks */
	open_pipes();
	CHECK_INT_EQ(evrt_blocking_run(base, NULL, call_work_on_pipes, call_done, &c, NULL), 0);
	wait_until_held();
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0)
		child_of_a_fork(&c);
	CHECK_INT_EQ(waitpid(child, &status, 0), child);
	CHECK_INT_EQ(status, 0);
	let_go();
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	check_call(&c, 0);
	close_pipes();
	done();
}

static void
without_memory_it_says_so(void)
{
	setup(2);
	for (uint64_t k = 1;; k++) {
		static struct call c;
		c = (struct call){ .held = false };
		evrt_test_fail_alloc(k);
		int r = evrt_blocking_run(base, NULL, call_work, call_done, &c, NULL);
		bool failed = evrt_test_alloc_has_failed();
		int err = errno;
		evrt_test_fail_alloc(0);
		CHECK_INT_EQ(r, failed ? -1 : 0);
		if (failed)
			CHECK_INT_EQ(err, ENOMEM);
		CHECK_INT_EQ(event_base_dispatch(base), 1);
		CHECK_INT_EQ(c.completions, failed ? 0 : 1);
		if (!failed) {
			CHECK(k > 2);
			break;
		}
	}
	done();
}

static const struct evrt_test_case cases[] = {
	CASE(the_strand_that_asks_gets_the_completion),
	CASE(others_get_a_strand_given_or_new),
	CASE(a_dispatch_waits_for_completions),
	CASE(stopping_lets_work_end_and_cancels_the_rest),
	CASE(a_deadline_ends_the_stop_but_not_the_work),
	CASE(a_stop_from_inside_lets_work_end_too),
	CASE(freeing_completes_all),
	CASE(freeing_a_running_pool_waits_for_work),
	CASE(a_child_can_only_free),
	CASE(without_memory_it_says_so),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
