/* testing/unit/api/blocking/blocking_base_test.c — blocking calls on a base of its own.
 *
 * Here:     completions in the loop, what keeps it going, cancelling, freeing, fork, want of memory and threads.
 * Not here: pools (blocking_pool_test.c), the threads themselves (testing/unit/blocking).
 */
#include <event2/thread.h>
#include <event2/watch.h>

#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "testing/harness/fault.h"
#include "testing/unit/api/blocking/blocking_rig.h"


static void
setup(void)
{
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	base = event_base_new();
	CHECK(base != NULL);
}

static void
done(void)
{
	event_base_free(base);
	libevent_global_shutdown();
}

static void
a_completion_runs_in_the_loop_which_waits_for_it(void)
{
	static struct call c;

	setup();
	run_call(base, &c);
	evrt_test_gate_wait(&c.began);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_VIRTUAL), 1);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED | EVENT_BASE_COUNT_ACTIVE) <= 2, 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	check_call(&c, 0);
	CHECK(pthread_equal(c.completed_in, pthread_self()));
	CHECK(!pthread_equal(c.worked_in, pthread_self()));
	CHECK(c.strand == NULL);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_VIRTUAL), 0);
	CHECK_INT_EQ(event_base_get_max_events(base, EVENT_BASE_COUNT_VIRTUAL, 1), 1);
	done();
}

static struct call asleep; /* ends only when the loop waits for nothing else */

static void
let_it_end(void *arg)
{
	evrt_test_gate_open(arg);
}

static void *
open_when_the_loop_sleeps(void *arg)
{
	(void)arg;
	evrt_test_gate_wait(&asleep.began);
	/* Whether the loop sleeps already is not known; both ways must end. */
	let_it_end(&asleep.may_end);
	return NULL;
}

static void
a_sleeping_loop_is_awakened(void)
{
	pthread_t other;

	setup();
	for (int i = 0; i < 300; i++) {
		asleep = (struct call){ .held = true };
		run_call(base, &asleep);
		CHECK_INT_EQ(pthread_create(&other, NULL, open_when_the_loop_sleeps, NULL), 0);
		CHECK_INT_EQ(event_base_dispatch(base), 1);
		check_call(&asleep, 0);
		pthread_join(other, NULL);
	}
	done();
}

static int chained;

static void
chain_done(int status, void *arg)
{
	call_done(status, arg);
	if (++chained < 20)
		CHECK_INT_EQ(evrt_blocking_run(base, NULL, call_work, chain_done, arg, NULL), 0);
}

static void
a_completion_may_ask_for_more(void)
{
	static struct call c;

	setup();
	CHECK_INT_EQ(evrt_blocking_run(base, NULL, call_work, chain_done, &c, NULL), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(c.completions, 20);
	CHECK_INT_EQ(evrt_blocking_run(base, NULL, call_work, NULL, &c, NULL), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(c.completions, 20);
	done();
}

static void
what_is_asked_is_checked(void)
{
	struct evrt_blocking_limits limits;
	struct evrt_blocking *handle = (void *)&limits;
	static struct call c;

	setup();
	CHECK_INT_EQ(evrt_blocking_run(NULL, NULL, call_work, call_done, &c, &handle), -1);
	CHECK_INT_EQ(errno, EINVAL);
	CHECK(handle == NULL);
	CHECK_INT_EQ(evrt_blocking_run(base, NULL, NULL, call_done, &c, NULL), -1);
	CHECK_INT_EQ(errno, EINVAL);
	struct evrt_pool *pool = evrt_pool_new(NULL);
	struct evrt_strand *strand = evrt_strand_new(pool);
	CHECK_INT_EQ(evrt_blocking_run(base, strand, call_work, call_done, &c, NULL), -1);
	CHECK_INT_EQ(errno, EINVAL);
	evrt_strand_free(strand);
	evrt_pool_free(pool);
	evrt_blocking_limits_init(&limits);
	limits.threads_max = 0;
	CHECK_INT_EQ(evrt_blocking_set_limits(base, &limits), -1);
	CHECK_INT_EQ(errno, EINVAL);
	limits.threads_max = 1;
	limits.size++;
	CHECK_INT_EQ(evrt_blocking_set_limits(base, &limits), -1);
	CHECK_INT_EQ(evrt_blocking_set_limits(base, NULL), 0);
	CHECK_INT_EQ(evrt_blocking_set_limits(NULL, NULL), -1);
	CHECK_INT_EQ(evrt_blocking_cancel(NULL), -1);
	CHECK_INT_EQ(errno, EINVAL);
	evrt_blocking_release(NULL);
	done();
}

static void
a_base_without_locks_cannot(void)
{
	static struct call c;

	base = event_base_new();
	CHECK_INT_EQ(evrt_blocking_run(base, NULL, call_work, call_done, &c, NULL), -1);
	CHECK_INT_EQ(errno, ENOTSUP);
	done();
}

static void
what_is_too_much_is_refused(void)
{
	static struct call c[3] = { { .held = true } };
	struct evrt_blocking *handle;

	setup();
	set_limits(base, 1, 1);
	run_call(base, &c[0]);
	evrt_test_gate_wait(&c[0].began);
	run_call(base, &c[1]);
	CHECK_INT_EQ(evrt_blocking_run(base, NULL, call_work, call_done, &c[2], &handle), -1);
	CHECK_INT_EQ(errno, EAGAIN);
	CHECK(handle == NULL);
	evrt_test_gate_open(&c[0].may_end);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	check_call(&c[0], 0);
	check_call(&c[1], 0);
	CHECK_INT_EQ(c[2].completions, 0);
	done();
}

static void
done_and_cancel(int status, void *arg)
{
	struct call *c = arg;

	CHECK_INT_EQ(evrt_blocking_cancel(c->handle), 1);
	evrt_blocking_release(c->handle);
	call_done(status, arg);
}

static void
a_call_is_cancelled_once(void)
{
	static struct call c[2] = { { .held = true } };

	setup();
	set_limits(base, 1, 1);
	for (int i = 0; i < 2; i++)
		CHECK_INT_EQ(evrt_blocking_run(base, NULL, call_work, done_and_cancel, &c[i], &c[i].handle), 0);
	evrt_test_gate_wait(&c[0].began);
	CHECK_INT_EQ(evrt_blocking_cancel(c[0].handle), 1);
	CHECK_INT_EQ(evrt_blocking_cancel(c[1].handle), 0);
	CHECK_INT_EQ(evrt_blocking_cancel(c[1].handle), 1);
	CHECK_INT_EQ(c[1].completions, 0); /* not inside the cancel */
	evrt_test_gate_open(&c[0].may_end);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	check_call(&c[0], 0);
	check_call(&c[1], ECANCELED);
	done();
}

static void
freeing_completes_all(void)
{
	static struct call c[3] = { { .held = true } };
	pthread_t other;

	evrt_test_fail_alloc(0);
	setup();
	set_limits(base, 1, 2);
	for (int i = 0; i < 3; i++) {
		CHECK_INT_EQ(evrt_blocking_run(base, NULL, call_work, done_and_refused, &c[i], &c[i].handle), 0);
		evrt_test_gate_wait(&c[0].began);
	}
	CHECK_INT_EQ(pthread_create(&other, NULL, let_it_end_when_all_is_being_freed, c), 0);
	done();
	check_call(&c[0], 0);
	check_call(&c[1], ECANCELED);
	check_call(&c[2], ECANCELED);
	CHECK(pthread_equal(c[0].completed_in, pthread_self()));
	pthread_join(other, NULL);
	for (int i = 0; i < 3; i++) {
		CHECK_INT_EQ(evrt_blocking_cancel(c[i].handle), 1);
		evrt_blocking_release(c[i].handle);
	}
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
}

static void
freeing_without_finalisers_tells_nobody(void)
{
	static struct call c[2];

	evrt_test_fail_alloc(0);
	setup();
	set_limits(base, 1, 10);
	run_call(base, &c[0]);
	run_call(base, &c[1]);
	event_base_free_nofinalize(base);
	libevent_global_shutdown();
	CHECK_INT_EQ(c[0].completions + c[1].completions, 0);
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
}

static void
free_the_base(void *arg)
{
	event_base_free(base);
	call_work(arg);
}

static void
hear_a_warning(int severity, const char *text)
{
	(void)text;
	if (severity == EVENT_LOG_WARN)
		evrt_test_count_add(&completed, 100);
}

static void
work_cannot_free_its_base(void)
{
	static struct call c;

	setup();
	event_set_log_callback(hear_a_warning);
	CHECK_INT_EQ(evrt_blocking_run(base, NULL, free_the_base, call_done, &c, NULL), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(evrt_test_count_get(&completed), 101);
	done();
}

static void
a_broken_loop_keeps_its_completions(void)
{
	static struct call c;

	setup();
	run_call(base, &c);
	CHECK_INT_EQ(event_base_loopexit(base, NULL), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	if (c.completions == 0)
		CHECK_INT_EQ(event_base_dispatch(base), 1);
	check_call(&c, 0);
	done();
}

static void
child_of_a_fork(struct call *c)
{
	static struct call own;

	CHECK_INT_EQ(evrt_blocking_run(base, NULL, call_work, call_done, &own, NULL), -1);
	CHECK_INT_EQ(errno, ECHILD);
	CHECK_INT_EQ(evrt_blocking_set_limits(base, NULL), -1);
	CHECK_INT_EQ(errno, ECHILD);
	CHECK_INT_EQ(event_reinit(base), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	check_call(&c[0], ECANCELED);
	check_call(&c[1], ECANCELED);
	if (A_CHILD_MAY_START_THREADS) {
		run_call(base, &own);
		CHECK_INT_EQ(event_base_dispatch(base), 1);
		check_call(&own, 0);
	}
	done();
	_exit(0);
}

static void
a_child_is_told_until_it_begins_anew(void)
{
	static struct call c[2];
	int status;

	setup();
	open_pipes();
	set_limits(base, 1, 10);
	CHECK_INT_EQ(evrt_blocking_run(base, NULL, call_work_on_pipes, call_done, &c[0], NULL), 0);
	run_call(base, &c[1]);
	wait_until_held();
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0)
		child_of_a_fork(c);
	CHECK_INT_EQ(waitpid(child, &status, 0), child);
	CHECK_INT_EQ(status, 0);
	let_go();
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	check_call(&c[0], 0);
	check_call(&c[1], 0);
	close_pipes();
	done();
}

static int
no_thread(pthread_t *out, void *(*fn)(void *), void *arg)
{
	(void)out, (void)fn, (void)arg;
	errno = EAGAIN;
	return -1;
}

static void
without_a_thread_it_says_so(void)
{
	static struct call c;
	int (*real)(pthread_t *, void *(*)(void *), void *) = evrt__sys.thread_create;

	setup();
	evrt__sys.thread_create = no_thread;
	CHECK_INT_EQ(evrt_blocking_run(base, NULL, call_work, call_done, &c, NULL), -1);
	CHECK_INT_EQ(errno, EAGAIN);
	evrt__sys.thread_create = real;
	/* Nothing is left that the loop would wait for. */
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(c.completions, 0);
	run_call(base, &c);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	check_call(&c, 0);
	done();
}

static struct evrt_test_gate counted, sleeps;

static int
no_thread_while_the_loop_sleeps(pthread_t *out, void *(*fn)(void *), void *arg)
{
	evrt_test_gate_open(&counted);
	evrt_test_gate_wait(&sleeps);
	return no_thread(out, fn, arg);
}

static void
about_to_sleep(struct evwatch *watch, const struct evwatch_prepare_cb_info *info, void *arg)
{
	(void)watch, (void)info, (void)arg;
	evrt_test_gate_open(&sleeps);
}

static void *
ask_in_vain(void *arg)
{
	CHECK_INT_EQ(evrt_blocking_run(base, NULL, call_work, call_done, arg, NULL), -1);
	return NULL;
}

static void
a_loop_does_not_sleep_for_what_was_refused(void)
{
	static struct call c;
	pthread_t other;

	setup();
	CHECK(evwatch_prepare_new(base, about_to_sleep, NULL) != NULL);
	evrt__sys.thread_create = no_thread_while_the_loop_sleeps;
	CHECK_INT_EQ(pthread_create(&other, NULL, ask_in_vain, &c), 0);
	evrt_test_gate_wait(&counted);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	pthread_join(other, NULL);
	done();
}

static void
without_memory_it_says_so(void)
{
	setup();
	for (uint64_t k = 1;; k++) {
		static struct call c;
		c = (struct call){ .held = false };
		evrt_test_fail_alloc(k);
		int r = evrt_blocking_run(base, NULL, call_work, call_done, &c, &c.handle);
		bool failed = evrt_test_alloc_has_failed();
		int err = errno;
		evrt_test_fail_alloc(0);
		CHECK_INT_EQ(r, failed ? -1 : 0);
		if (failed)
			CHECK_INT_EQ(err, ENOMEM);
		CHECK_INT_EQ(event_base_dispatch(base), 1);
		CHECK_INT_EQ(c.completions, failed ? 0 : 1);
		evrt_blocking_release(c.handle);
		if (!failed) {
			CHECK(k > 2); /* the group, and the call */
			break;
		}
	}
	done();
}

static const struct evrt_test_case cases[] = {
	CASE(a_completion_runs_in_the_loop_which_waits_for_it),
	CASE(a_sleeping_loop_is_awakened),
	CASE(a_completion_may_ask_for_more),
	CASE(what_is_asked_is_checked),
	CASE(a_base_without_locks_cannot),
	CASE(what_is_too_much_is_refused),
	CASE(a_call_is_cancelled_once),
	CASE(freeing_completes_all),
	CASE(freeing_without_finalisers_tells_nobody),
	CASE(work_cannot_free_its_base),
	CASE(a_broken_loop_keeps_its_completions),
	CASE(a_child_is_told_until_it_begins_anew),
	CASE(without_a_thread_it_says_so),
	CASE(a_loop_does_not_sleep_for_what_was_refused),
	CASE(without_memory_it_says_so),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
