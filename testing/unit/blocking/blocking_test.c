/* testing/unit/blocking/blocking_test.c — the threads for calls that block, without any base.
 *
 * Here:     order, limits, growing and shrinking, cancelling in each state, closing, shutting, fork, and what
 *           happens when there is no memory and no thread.
 * Not here: where completions run (testing/unit/api/blocking).
 *
 * Threads that end are counted by the destructor of a value that work leaves in its thread. One that found its call
 * taken by another is not: where the number matters, all must have begun before the first may end.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/sys.h"
#include "runtime/blocking/blocking.h"
#include "testing/harness/fault.h"
#include "testing/harness/test.h"
#include "testing/harness/wait.h"

#define CASE(fn) { #fn, fn }
#define MS EVRT_NS_PER_MS

struct job {
	struct evrt_blocking_call call;
	int number;
	struct evrt_test_gate *begun, *go;
};

static struct evrt_blocking_group *group;
static struct evrt_test_count delivered, cancelled, freed, ended_threads, begun, closings;
static uint64_t closed_tag;
static int order[64], ordered; /* of deliveries; under the group's lock */
static pthread_key_t key;

static void
job_delivered(struct evrt_blocking_call *call)
{
	struct job *j = EVRT_CONTAINER_OF(call, struct job, call);

	CHECK_INT_EQ(call->state, EVRT_BLOCKING_ENDED);
	if (ordered < (int)(sizeof(order) / sizeof(order[0])))
		order[ordered++] = j->number;
	if (call->status == ECANCELED)
		evrt_test_count_add(&cancelled, 1);
	else
		CHECK_INT_EQ(call->status, 0);
	evrt_test_count_add(&delivered, 1);
	evrt__blocking_call_unref(call);
}

static void
job_freed(struct evrt_blocking_call *call)
{
	evrt__free(EVRT_CONTAINER_OF(call, struct job, call));
	evrt_test_count_add(&freed, 1);
}

static void
group_closed(void *owner, uint64_t tag)
{
	CHECK_PTR_EQ(owner, &group);
	closed_tag = tag;
	evrt_test_count_add(&closings, 1);
}

static void
thread_ended(void *value)
{
	(void)value;
	evrt_test_count_add(&ended_threads, 1);
}

static const struct evrt_blocking_ops ops = {
	.deliver = job_delivered, .free = job_freed, .closed = group_closed };

static void
setup(unsigned threads_max, unsigned queue_max, evrt_ns idle_ns)
{
	const struct evrt_blocking_settings set = { threads_max, queue_max, idle_ns };

	CHECK_INT_EQ(pthread_key_create(&key, thread_ended), 0);
	group = evrt__blocking_new(&ops, &group);
	CHECK(group != NULL);
	evrt__blocking_set(group, &set);
}

static void
done(void)
{
	evrt__blocking_shut(group);
	evrt__blocking_unref(group);
}

static void
work(void *arg)
{
	struct job *j = arg;

	pthread_setspecific(key, &key);
	evrt_test_count_add(&begun, 1);
	if (j->begun)
		evrt_test_gate_open(j->begun);
	if (j->go)
		evrt_test_gate_wait(j->go);
}

/* With a second reference, for cancelling, if `keep`. NULL: refused with *err. */
static struct job *
submit(int number, struct evrt_test_gate *begins, struct evrt_test_gate *go, bool keep, int *err)
{
	struct job *j = evrt__calloc(1, sizeof(*j));

	CHECK(j != NULL);
	*j = (struct job){ .call = { .work = work, .arg = j }, .number = number, .begun = begins, .go = go };
	evrt_store_relaxed(&j->call.refs, keep ? 2u : 1u);
	*err = evrt__blocking_submit(group, &j->call);
	if (*err == 0)
		return j;
	evrt__free(j);
	return NULL;
}

static struct job *
must_submit(int number, struct evrt_test_gate *begins, struct evrt_test_gate *go, bool keep)
{
	int err;
	struct job *j = submit(number, begins, go, keep, &err);

	CHECK_INT_EQ(err, 0);
	return j;
}

static void
one_thread_takes_calls_in_order(void)
{
	static struct evrt_test_gate go;

	setup(1, 20, EVRT_NS_NEVER);
	for (int i = 0; i < 10; i++)
		must_submit(i, NULL, &go, false);
	evrt_test_gate_open(&go);
	evrt_test_count_wait(&delivered, 10);
	done();
	for (int i = 0; i < 10; i++)
		CHECK_INT_EQ(order[i], i);
	CHECK_INT_EQ(evrt_test_count_get(&freed), 10);
	CHECK_INT_EQ(evrt_test_count_get(&ended_threads), 1);
}

static void
as_many_threads_as_calls_up_to_the_limit(void)
{
	static struct evrt_test_gate go;
	int err;

	setup(5, 2, EVRT_NS_NEVER);
	for (int i = 0; i < 7; i++)
		must_submit(i, NULL, &go, false);
	/* All five at once, or this waits for ever. */
	evrt_test_count_wait(&begun, 5);
	CHECK(submit(8, NULL, &go, false, &err) == NULL);
	CHECK_INT_EQ(err, -EAGAIN);
	CHECK_INT_EQ(evrt_test_count_get(&begun), 5);
	evrt_test_gate_open(&go);
	evrt_test_count_wait(&delivered, 7);
	done();
	CHECK_INT_EQ(evrt_test_count_get(&ended_threads), 5);
}

static void
a_queue_of_nothing_refuses_what_no_thread_is_free_for(void)
{
	static struct evrt_test_gate go;
	int err;

	setup(2, 0, EVRT_NS_NEVER);
	must_submit(0, NULL, &go, false);
	must_submit(1, NULL, &go, false);
	CHECK(submit(2, NULL, NULL, false, &err) == NULL);
	CHECK_INT_EQ(err, -EAGAIN);
	evrt_test_gate_open(&go);
	evrt_test_count_wait(&delivered, 2);
	done();
}

static void
a_thread_that_is_free_is_used_again(void)
{
	setup(8, 10, EVRT_NS_NEVER);
	for (int i = 0; i < 200; i++) {
		must_submit(i, NULL, NULL, false);
		evrt_test_count_wait(&delivered, i + 1);
	}
	done();
	/* One may be asked for while the other is still on its way to sleep. */
	CHECK(evrt_test_count_get(&ended_threads) <= 2);
}

static void
idle_threads_leave_and_come_again(void)
{
	static struct evrt_test_gate go;

	setup(6, 10, 5 * MS);
	for (int i = 0; i < 6; i++)
		must_submit(i, NULL, &go, false);
	evrt_test_count_wait(&begun, 6);
	evrt_test_gate_open(&go);
	evrt_test_count_wait(&ended_threads, 6);
	must_submit(6, NULL, NULL, false);
	evrt_test_count_wait(&ended_threads, 7);
	CHECK_INT_EQ(evrt_test_count_get(&delivered), 7);
	done();
}

static void
calls_that_one_thread_can_do_keep_one_only(void)
{
	static struct evrt_test_gate go;
	long calls = 4;

	setup(4, 10, 50 * MS);
	for (int i = 0; i < 4; i++)
		must_submit(i, NULL, &go, false);
	evrt_test_count_wait(&begun, 4);
	evrt_test_gate_open(&go);
	/* Called in turn, they would all stay for ever. */
	while (evrt_test_count_get(&ended_threads) < 2) {
		must_submit(9, NULL, NULL, false);
		evrt_test_count_wait(&delivered, ++calls);
	}
	done();
}

static void
limits_hold_for_threads_that_are_there(void)
{
	static struct evrt_test_gate go;

	setup(6, 10, EVRT_NS_NEVER);
	for (int i = 0; i < 6; i++)
		must_submit(i, NULL, &go, false);
	evrt_test_count_wait(&begun, 6);
	evrt_test_gate_open(&go);
	evrt_test_count_wait(&delivered, 6);
	evrt__blocking_set(group, &(struct evrt_blocking_settings){ 2, 10, EVRT_NS_NEVER });
	evrt_test_count_wait(&ended_threads, 4);
	/* And one that lasts longer than now is cut for those that sleep. */
	evrt__blocking_set(group, &(struct evrt_blocking_settings){ 2, 10, 1 * MS });
	evrt_test_count_wait(&ended_threads, 6);
	done();
}

static void
a_lower_limit_holds_although_calls_wait(void)
{
	static struct evrt_test_gate go, then;

	setup(3, 10, EVRT_NS_NEVER);
	for (int i = 0; i < 6; i++)
		must_submit(i, NULL, i < 3 ? &go : &then, false);
	evrt_test_count_wait(&begun, 3);
	evrt__blocking_set(group, &(struct evrt_blocking_settings){ 1, 10, EVRT_NS_NEVER });
	evrt_test_gate_open(&go);
	evrt_test_count_wait(&ended_threads, 2);
	CHECK(evrt_test_count_get(&begun) <= 4);
	evrt_test_gate_open(&then);
	evrt_test_count_wait(&delivered, 6);
	done();
}

static void
a_higher_limit_serves_what_waits(void)
{
	static struct evrt_test_gate go;

	setup(1, 10, EVRT_NS_NEVER);
	for (int i = 0; i < 4; i++)
		must_submit(i, NULL, &go, false);
	evrt_test_count_wait(&begun, 1);
	evrt__blocking_set(group, &(struct evrt_blocking_settings){ 3, 10, EVRT_NS_NEVER });
	evrt_test_count_wait(&begun, 3);
	evrt_test_gate_open(&go);
	evrt_test_count_wait(&delivered, 4);
	done();
}

static void
a_call_is_cancelled_before_it_begins_and_not_later(void)
{
	static struct evrt_test_gate began, go;

	setup(1, 10, EVRT_NS_NEVER);
	struct job *first = must_submit(0, &began, &go, true);
	struct job *second = must_submit(1, NULL, NULL, true);
	evrt_test_gate_wait(&began);
	CHECK_INT_EQ(evrt__blocking_cancel(&first->call), 1);
	CHECK_INT_EQ(evrt_test_count_get(&delivered), 0);
	CHECK_INT_EQ(evrt__blocking_cancel(&second->call), 0);
	CHECK_INT_EQ(evrt_test_count_get(&cancelled), 1);
	CHECK_INT_EQ(evrt__blocking_cancel(&second->call), 1);
	evrt_test_gate_open(&go);
	evrt_test_count_wait(&delivered, 2);
	CHECK_INT_EQ(evrt__blocking_cancel(&first->call), 1);
	CHECK_INT_EQ(evrt_test_count_get(&begun), 1);
	CHECK_INT_EQ(evrt_test_count_get(&freed), 0);
	done();
	/* The handles outlive the group. */
	CHECK_INT_EQ(evrt__blocking_cancel(&first->call), 1);
	evrt__blocking_call_unref(&first->call);
	evrt__blocking_call_unref(&second->call);
	CHECK_INT_EQ(evrt_test_count_get(&freed), 2);
}

static struct evrt_test_count cancels;

static void
cancel_oneself(void *arg)
{
	struct job *j = arg;

	CHECK_PTR_EQ(evrt__blocking_inside(), &group);
	CHECK_INT_EQ(evrt__blocking_cancel(&j->call), 1);
	evrt_test_count_add(&cancels, 1);
}

static void
work_may_cancel_itself_in_vain(void)
{
	setup(1, 10, EVRT_NS_NEVER);
	CHECK(evrt__blocking_inside() == NULL);
	struct job *j = evrt__calloc(1, sizeof(*j));
	CHECK(j != NULL);
	j->call = (struct evrt_blocking_call){ .work = cancel_oneself, .arg = j };
	evrt_store_relaxed(&j->call.refs, 1u);
	CHECK_INT_EQ(evrt__blocking_submit(group, &j->call), 0);
	evrt_test_count_wait(&delivered, 1);
	CHECK_INT_EQ(evrt_test_count_get(&cancels), 1);
	CHECK_INT_EQ(evrt_test_count_get(&cancelled), 0);
	done();
}

static void
closing_cancels_what_waits_and_tells_when_all_is_quiet(void)
{
	static struct evrt_test_gate began, go;
	int err;

	setup(1, 10, EVRT_NS_NEVER);
	evrt__blocking_close(group, 7); /* nothing runs: at once, and open again */
	CHECK_INT_EQ(closed_tag, 7);
	must_submit(0, &began, &go, false);
	must_submit(1, NULL, NULL, false);
	evrt_test_gate_wait(&began);
	evrt__blocking_close(group, 8);
	CHECK_INT_EQ(evrt_test_count_get(&cancelled), 1);
	CHECK_INT_EQ(closed_tag, 7);
	CHECK(submit(2, NULL, NULL, false, &err) == NULL);
	CHECK_INT_EQ(err, -ECANCELED);
	evrt__blocking_reopen(group, 7); /* somebody else's */
	CHECK(submit(2, NULL, NULL, false, &err) == NULL);
	evrt_test_gate_open(&go);
	evrt_test_count_wait(&closings, 2);
	CHECK_INT_EQ(closed_tag, 8);
	CHECK_INT_EQ(evrt_test_count_get(&delivered), 2);
	must_submit(3, NULL, NULL, false);
	evrt_test_count_wait(&delivered, 3);
	done();
	CHECK_INT_EQ(evrt_test_count_get(&closings), 2);
}

static void
who_has_given_up_is_not_told(void)
{
	static struct evrt_test_gate began, go;

	setup(1, 10, EVRT_NS_NEVER);
	must_submit(0, &began, &go, false);
	evrt_test_gate_wait(&began);
	evrt__blocking_close(group, 8);
	evrt__blocking_reopen(group, 8);
	must_submit(1, NULL, NULL, false);
	evrt_test_gate_open(&go);
	evrt_test_count_wait(&delivered, 2);
	done();
	CHECK_INT_EQ(evrt_test_count_get(&closings), 0);
}

static void *
shut_it(void *arg)
{
	(void)arg;
	evrt__blocking_shut(group);
	/* Nothing is left when it returns. */
	CHECK_INT_EQ(evrt_test_count_get(&delivered), 3);
	CHECK_INT_EQ(evrt_test_count_get(&ended_threads), 1);
	return NULL;
}

static void
shutting_waits_for_what_runs(void)
{
	static struct evrt_test_gate began, go;
	pthread_t shutter;
	int err;

	setup(1, 10, EVRT_NS_NEVER);
	must_submit(0, &began, &go, false);
	must_submit(1, NULL, NULL, false);
	must_submit(2, NULL, NULL, false);
	evrt_test_gate_wait(&began);
	CHECK_INT_EQ(pthread_create(&shutter, NULL, shut_it, NULL), 0);
	evrt_test_count_wait(&delivered, 2);
	CHECK_INT_EQ(evrt_test_count_get(&cancelled), 2);
	evrt_test_gate_open(&go);
	pthread_join(shutter, NULL);
	CHECK(submit(3, NULL, NULL, false, &err) == NULL);
	CHECK_INT_EQ(err, -ECANCELED);
	evrt__blocking_unref(group);
}

static void
look_at_this_thread(void *arg)
{
	sigset_t mask;
	char name[16];

	(void)arg;
	pthread_getname_np(pthread_self(), name, sizeof(name));
	CHECK_STR_EQ(name, "evrt-block-0");
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	CHECK_INT_EQ(sigismember(&mask, SIGTERM), 1);
	CHECK_INT_EQ(sigismember(&mask, SIGUSR1), 1);
}

static void
threads_have_names_and_block_signals(void)
{
	setup(1, 10, EVRT_NS_NEVER);
	struct job *j = evrt__calloc(1, sizeof(*j));
	CHECK(j != NULL);
	j->call = (struct evrt_blocking_call){ .work = look_at_this_thread, .arg = j };
	evrt_store_relaxed(&j->call.refs, 1u);
	CHECK_INT_EQ(evrt__blocking_submit(group, &j->call), 0);
	evrt_test_count_wait(&delivered, 1);
	done();
}

static int threads_left;
static int (*real_thread_create)(pthread_t *, void *(*)(void *), void *);

static int
thread_create_some(pthread_t *out, void *(*fn)(void *), void *arg)
{
	if (threads_left-- > 0)
		return real_thread_create(out, fn, arg);
	errno = EAGAIN;
	return -1;
}

static void
without_threads_calls_wait_for_those_that_exist(void)
{
	static struct evrt_test_gate began, go;
	int err;

	setup(4, 10, EVRT_NS_NEVER);
	real_thread_create = evrt__sys.thread_create;
	evrt__sys.thread_create = thread_create_some;
	CHECK(submit(0, NULL, NULL, false, &err) == NULL);
	CHECK_INT_EQ(err, -EAGAIN);
	threads_left = 1;
	must_submit(0, &began, &go, false);
	evrt_test_gate_wait(&began);
	must_submit(1, NULL, NULL, false);
	must_submit(2, NULL, NULL, false);
	CHECK_INT_EQ(evrt_test_count_get(&delivered), 0);
	/* Later there are threads again, and the next call brings as many as are needed. */
	threads_left = 3;
	must_submit(3, NULL, NULL, false);
	evrt_test_count_wait(&delivered, 3);
	evrt_test_gate_open(&go);
	evrt_test_count_wait(&delivered, 4);
	done();
	evrt__sys.thread_create = real_thread_create;
}

static void
without_memory_there_is_no_group(void)
{
	evrt_test_fail_alloc(1);
	CHECK(evrt__blocking_new(&ops, &group) == NULL);
	CHECK(evrt_test_alloc_has_failed());
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
}

static int began_pipe[2], end_pipe[2];

/* Held up without a lock: when the process forks no lock of the harness may be held. */
static void
work_on_pipes(void *arg)
{
	char byte = 0;

	(void)arg;
	CHECK_INT_EQ(write(began_pipe[1], &byte, 1), 1);
	CHECK_INT_EQ(read(end_pipe[0], &byte, 1), 1);
}

static void
a_forked_child_is_told(void)
{
	int err, status;
	char byte = 0;

	setup(1, 10, EVRT_NS_NEVER);
	CHECK(pipe(began_pipe) == 0 && pipe(end_pipe) == 0);
	struct job *j = evrt__calloc(1, sizeof(*j));
	CHECK(j != NULL);
	j->call = (struct evrt_blocking_call){ .work = work_on_pipes, .arg = j };
	evrt_store_relaxed(&j->call.refs, 2u);
	CHECK_INT_EQ(evrt__blocking_submit(group, &j->call), 0);
	CHECK_INT_EQ(read(began_pipe[0], &byte, 1), 1);
	must_submit(1, NULL, NULL, false);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		CHECK(submit(2, NULL, NULL, false, &err) == NULL);
		CHECK_INT_EQ(err, -ECHILD);
		CHECK_INT_EQ(evrt__blocking_cancel(&j->call), -ECHILD);
		evrt__blocking_abandon(group);
		CHECK_INT_EQ(evrt_test_count_get(&cancelled), 2);
		evrt__blocking_call_unref(&j->call);
		evrt__blocking_unref(group);
		CHECK_INT_EQ(evrt_test_count_get(&freed), 2);
		_exit(0);
	}
	CHECK_INT_EQ(waitpid(child, &status, 0), child);
	CHECK_INT_EQ(status, 0);
	CHECK_INT_EQ(write(end_pipe[1], &byte, 1), 1);
	evrt_test_count_wait(&delivered, 2);
	CHECK_INT_EQ(evrt_test_count_get(&cancelled), 0);
	evrt__blocking_call_unref(&j->call);
	for (int i = 0; i < 2; i++)
		close(began_pipe[i]), close(end_pipe[i]);
	done();
}

static const struct evrt_test_case cases[] = {
	CASE(one_thread_takes_calls_in_order),
	CASE(as_many_threads_as_calls_up_to_the_limit),
	CASE(a_queue_of_nothing_refuses_what_no_thread_is_free_for),
	CASE(a_thread_that_is_free_is_used_again),
	CASE(idle_threads_leave_and_come_again),
	CASE(calls_that_one_thread_can_do_keep_one_only),
	CASE(limits_hold_for_threads_that_are_there),
	CASE(a_lower_limit_holds_although_calls_wait),
	CASE(a_higher_limit_serves_what_waits),
	CASE(a_call_is_cancelled_before_it_begins_and_not_later),
	CASE(work_may_cancel_itself_in_vain),
	CASE(closing_cancels_what_waits_and_tells_when_all_is_quiet),
	CASE(who_has_given_up_is_not_told),
	CASE(shutting_waits_for_what_runs),
	CASE(threads_have_names_and_block_signals),
	CASE(without_threads_calls_wait_for_those_that_exist),
	CASE(without_memory_there_is_no_group),
	CASE(a_forked_child_is_told),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
