/* testing/unit/loop/signal_test.c — signal ports by handler and pipe: who is told, how often, and what comes back.
 *
 * Here:     ports and slots on real loops, without events; signalfd is tested through the api
 *           (testing/unit/api/event/signal_methods_test.c).
 */
#include "runtime/loop/signal.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "runtime/loop/loop.h"
#include "testing/harness/test.h"

struct listener { /* a loop with a port and a slot, as a base has them */
	struct evrt_loop loop;
	struct evrt_sigport port;
	struct evrt_slot *slot;
	unsigned long heard;
};

static void
listener_ready(struct evrt_slot *slot, unsigned bits)
{
	struct listener *l = slot->owner;

	CHECK_INT_EQ(bits, EVRT_SLOT_SIGNAL);
	l->heard += evrt_swap_acq_rel(&slot->signals, 0u);
}

static void
listener_init(struct listener *l)
{
	memset(l, 0, sizeof(*l));
	CHECK_INT_EQ(evrt__loop_init(&l->loop, evrt__backends[0], evrt__clock_real(), 1, false), 0);
	evrt__sigport_init(&l->port, false);
	CHECK_INT_EQ(evrt__sigport_open(&l->port, &l->loop.strand), 0);
	CHECK((l->slot = evrt__slot_new(&l->loop.strand, listener_ready, l)) != NULL);
	l->loop.strand.added = 1;
}

static int
listener_watch(struct listener *l, int signum)
{
	return evrt__signal_watch(&l->port, l->slot, signum);
}

/* One look at the poller. What came in since the last one. */
static unsigned long
listener_hear(struct listener *l)
{
	l->heard = 0;
	CHECK_INT_EQ(evrt__loop_run(&l->loop, EVRT_LOOP_NONBLOCK), 0);
	return l->heard;
}

static void
listener_fini(struct listener *l)
{
	if (l->slot->signum)
		evrt__signal_unwatch(&l->port, l->slot);
	evrt__slot_disown(l->slot);
	evrt__sigport_close(&l->port);
	evrt__loop_fini(&l->loop);
}

static volatile sig_atomic_t old_calls;

static void
old_handler(int signum)
{
	(void)signum;
	old_calls++;
}

static void
the_handler_is_as_it_should_be_and_the_old_one_comes_back(void)
{
	struct sigaction old = { .sa_handler = old_handler, .sa_flags = SA_NODEFER }, now;
	struct listener a, b;
	sigemptyset(&old.sa_mask);
	sigaddset(&old.sa_mask, SIGWINCH);
	sigaction(SIGUSR1, &old, NULL);
	listener_init(&a);
	listener_init(&b);
	CHECK_INT_EQ(listener_watch(&a, SIGUSR1), 0);
	CHECK_INT_EQ(listener_watch(&b, SIGUSR1), 0);
	sigaction(SIGUSR1, NULL, &now);
	CHECK(now.sa_flags & SA_RESTART);
	CHECK(!(now.sa_flags & SA_NODEFER));
	for (int signum = 1; signum < NSIG; signum++)
		if (signum != SIGKILL && signum != SIGSTOP && (signum < 32 || signum >= SIGRTMIN))
			CHECK(sigismember(&now.sa_mask, signum));
	raise(SIGUSR1);
	CHECK_INT_EQ(old_calls, 0);
	CHECK_INT_EQ(listener_hear(&a), 1);
	listener_fini(&a);
	raise(SIGUSR1); /* one is left */
	CHECK_INT_EQ(old_calls, 0);
	CHECK_INT_EQ(listener_hear(&b), 2);
	listener_fini(&b);
	sigaction(SIGUSR1, NULL, &now);
	CHECK(now.sa_handler == old_handler && now.sa_flags & SA_NODEFER && sigismember(&now.sa_mask, SIGWINCH));
	raise(SIGUSR1);
	CHECK_INT_EQ(old_calls, 1);
}

static void
what_is_no_signal_is_refused_and_leaves_nothing(void)
{
	static const int bad[] = { -1, 0, NSIG, NSIG + 1, 1000000, SIGKILL, SIGSTOP, 32, 33 };
	struct listener l;
	listener_init(&l);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_INT_EQ(listener_watch(&l, bad[i]), -EINVAL);
		CHECK_INT_EQ(l.slot->signum, 0);
		CHECK(evrt__list_empty(&l.port.slots));
	}
	for (int signum = 1; signum < NSIG; signum++) {
		if (signum == SIGKILL || signum == SIGSTOP || (signum >= 32 && signum < SIGRTMIN))
			continue;
		CHECK_INT_EQ(listener_watch(&l, signum), 0);
		raise(signum);
		CHECK_INT_EQ(listener_hear(&l), 1);
		evrt__signal_unwatch(&l.port, l.slot);
	}
	listener_fini(&l);
}

static void
as_many_bases_as_promised(void)
{
	static struct listener l[EVRT_SIGNAL_PORTS_MAX + 1];
	for (unsigned round = 0; round < 2; round++) { /* twice: places are free again */
		for (unsigned i = 0; i <= EVRT_SIGNAL_PORTS_MAX; i++) {
			listener_init(&l[i]);
			CHECK_INT_EQ(listener_watch(&l[i], SIGUSR2), i < EVRT_SIGNAL_PORTS_MAX ? 0 : -ENOSPC);
		}
		CHECK_INT_EQ(listener_watch(&l[EVRT_SIGNAL_PORTS_MAX], SIGUSR1), 0);
		raise(SIGUSR2);
		for (unsigned i = 0; i <= EVRT_SIGNAL_PORTS_MAX; i++) {
			CHECK_INT_EQ(listener_hear(&l[i]), i < EVRT_SIGNAL_PORTS_MAX);
			listener_fini(&l[i]);
		}
	}
}

#define RAISES 200

static void *
raise_often(void *arg)
{
	for (int i = 0; i < RAISES; i++)
		raise(i % 2 ? SIGUSR1 : SIGUSR2);
	return arg;
}

static void
every_raise_of_every_thread_is_counted(void)
{
	pthread_t threads[4];
	struct listener a, b;
	unsigned long heard_a = 0, heard_b = 0;
	listener_init(&a);
	listener_init(&b);
	CHECK_INT_EQ(listener_watch(&a, SIGUSR1), 0);
	CHECK_INT_EQ(listener_watch(&b, SIGUSR2), 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, raise_often, NULL);
	for (int i = 0; i < 4; i++) {
		heard_a += listener_hear(&a);
		pthread_join(threads[i], NULL);
		heard_b += listener_hear(&b);
	}
	heard_a += listener_hear(&a);
	CHECK_INT_EQ(heard_a, 4 * RAISES / 2);
	CHECK_INT_EQ(heard_b, 4 * RAISES / 2);
	listener_fini(&a);
	listener_fini(&b);
}

static void *
come_and_go(void *arg)
{
	struct listener l;
	for (int i = 0; i < RAISES; i++) {
		listener_init(&l);
		CHECK_INT_EQ(listener_watch(&l, SIGUSR1), 0);
		listener_fini(&l);
	}
	return arg;
}

/* The handler writes to pipes that are about to be closed: under a sanitizer, and by the count of descriptors. */
static void
ports_come_and_go_while_signals_do(void)
{
	pthread_t coming[2];
	struct listener stays;
	listener_init(&stays);
	CHECK_INT_EQ(listener_watch(&stays, SIGUSR1), 0);
	for (int i = 0; i < 2; i++)
		pthread_create(&coming[i], NULL, come_and_go, NULL);
	for (int i = 0; i < RAISES; i++)
		raise(SIGUSR1);
	for (int i = 0; i < 2; i++)
		pthread_join(coming[i], NULL);
	CHECK_INT_EQ(listener_hear(&stays), RAISES);
	listener_fini(&stays);
}

static void
a_flood_blocks_nobody_and_errno_survives(void)
{
	struct listener l;
	listener_init(&l);
	CHECK_INT_EQ(listener_watch(&l, SIGUSR1), 0);
	errno = EXDEV;
	for (int i = 0; i < 70000; i++)
		raise(SIGUSR1);
	CHECK_INT_EQ(errno, EXDEV); /* though the pipe was full: EAGAIN */
	unsigned long heard = listener_hear(&l);
	CHECK(heard >= 4096 && heard <= 70000);
	raise(SIGUSR1);
	CHECK_INT_EQ(listener_hear(&l), 1);
	listener_fini(&l);
}

static void
expect_child_ends_well(pid_t child)
{
	int status;

	CHECK(child > 0);
	CHECK_INT_EQ(waitpid(child, &status, 0), child);
	CHECK_INT_EQ(status, 0);
}

static int
reinit(struct listener *l)
{
	int err = evrt__reactor_reopen(&l->loop.reactor);

	if (err == 0)
		err = evrt__sigport_reopen(&l->port);
	return err < 0 ? err : evrt__fdmap_register_again(&l->loop.fdmap, &l->loop.reactor);
}

static void
a_childs_signals_are_not_told_to_the_parent(void)
{
	struct listener a, b;
	listener_init(&a);
	listener_init(&b);
	CHECK_INT_EQ(listener_watch(&a, SIGUSR1), 0);
	CHECK_INT_EQ(listener_watch(&b, SIGUSR1), 0);
	pid_t child = fork();
	if (child == 0) {
		raise(SIGUSR1); /* nobody's */
		if (reinit(&a) < 0)
			_exit(1);
		raise(SIGUSR1); /* a's, not b's: that is the parent's still */
		_exit(listener_hear(&a) == 1 ? 0 : 2);
	}
	expect_child_ends_well(child);
	CHECK_INT_EQ(listener_hear(&a), 0);
	CHECK_INT_EQ(listener_hear(&b), 0);
	raise(SIGUSR1);
	CHECK_INT_EQ(listener_hear(&a), 1);
	CHECK_INT_EQ(listener_hear(&b), 1);
	listener_fini(&a);
	listener_fini(&b);
}

static void
a_child_may_throw_away_what_it_inherited_and_begin_anew(void)
{
	struct listener old, fresh;
	listener_init(&old);
	CHECK_INT_EQ(listener_watch(&old, SIGUSR1), 0);
	pid_t child = fork();
	if (child == 0) {
		listener_init(&fresh);
		if (listener_watch(&fresh, SIGUSR1) < 0)
			_exit(1);
		raise(SIGUSR1);
		if (listener_hear(&fresh) != 1)
			_exit(2);
		listener_fini(&old);
		raise(SIGUSR1);
		if (listener_hear(&fresh) != 1)
			_exit(3);
		listener_fini(&fresh);
		_exit(0);
	}
	expect_child_ends_well(child);
	CHECK_INT_EQ(listener_hear(&old), 0);
	listener_fini(&old);
}

static evrt_atomic(int) in_handler, may_leave;

static void
wait_for(evrt_atomic(int) *flag)
{
	evrt_ns began = evrt__clock_now(evrt__clock_real());

	while (!evrt_load_acquire(flag)) {
		CHECK(evrt__clock_now(evrt__clock_real()) - began < 30 * EVRT_NS_PER_SEC);
		sched_yield();
	}
}

static ssize_t
write_that_takes_long(int fd, const void *data, size_t len)
{
	evrt_store_release(&in_handler, 1);
	wait_for(&may_leave);
	return write(fd, data, len);
}

static void *
raise_once(void *arg)
{
	raise(SIGUSR1);
	return arg;
}

static void
a_child_does_not_wait_for_handlers_of_the_parents_threads(void)
{
	ssize_t (*real_write)(int, const void *, size_t) = evrt__sys.write;
	struct listener l;
	pthread_t thread;
	listener_init(&l);
	CHECK_INT_EQ(listener_watch(&l, SIGUSR1), 0);
	evrt__sys.write = write_that_takes_long;
	pthread_create(&thread, NULL, raise_once, NULL);
	wait_for(&in_handler);
	pid_t child = fork();
	if (child == 0) {
		alarm(30); /* ends a child that waits for ever */
		if (reinit(&l) < 0)
			_exit(1);
		listener_fini(&l);
		_exit(0);
	}
	expect_child_ends_well(child);
	evrt_store_release(&may_leave, 1);
	pthread_join(thread, NULL);
	evrt__sys.write = real_write;
	CHECK_INT_EQ(listener_hear(&l), 1);
	listener_fini(&l);
}

static void
reopening_without_a_fork_works_too(void)
{
	struct listener l;
	listener_init(&l);
	CHECK_INT_EQ(listener_watch(&l, SIGUSR1), 0);
	CHECK_INT_EQ(reinit(&l), 0);
	raise(SIGUSR1);
	CHECK_INT_EQ(listener_hear(&l), 1);
	listener_fini(&l);
}

static int
refuse_sigaction(int signum, const struct sigaction *sa, struct sigaction *old)
{
	(void)signum;
	(void)sa;
	(void)old;
	errno = EAGAIN;
	return -1;
}

static int
refuse_dup3(int from, int to, int flags)
{
	(void)from;
	(void)to;
	(void)flags;
	errno = EMFILE;
	return -1;
}

static int
refuse_pipe2(int fds[2], int flags)
{
	(void)fds;
	(void)flags;
	errno = ENFILE;
	return -1;
}

static void
failing_calls_leave_nothing(void)
{
	struct evrt_sys real = evrt__sys;
	struct listener l;
	listener_init(&l);
	evrt__sys.sigaction = refuse_sigaction;
	CHECK_INT_EQ(listener_watch(&l, SIGUSR1), -EAGAIN);
	evrt__sys = real;
	CHECK_INT_EQ(listener_watch(&l, SIGUSR1), 0);
	evrt__sys.pipe2 = refuse_pipe2;
	CHECK_INT_EQ(evrt__sigport_reopen(&l.port), -ENFILE);
	evrt__sys = real;
	raise(SIGUSR1);
	CHECK_INT_EQ(listener_hear(&l), 1); /* once: the refused one has left no second place */
	evrt__sys.dup3 = refuse_dup3;
	CHECK_INT_EQ(evrt__sigport_reopen(&l.port), -EMFILE);
	evrt__sys = real;
	raise(SIGUSR1); /* told to nobody, and no SIGPIPE */
	listener_fini(&l);
	evrt__sys.pipe2 = refuse_pipe2;
	evrt__sigport_init(&l.port, false);
	CHECK_INT_EQ(evrt__sigport_open(&l.port, NULL), -ENFILE);
	evrt__sys = real;
}

static const struct evrt_test_case cases[] = {
	{ "the_handler_is_as_it_should_be_and_the_old_one_comes_back",
	    the_handler_is_as_it_should_be_and_the_old_one_comes_back },
	{ "what_is_no_signal_is_refused_and_leaves_nothing", what_is_no_signal_is_refused_and_leaves_nothing },
	{ "as_many_bases_as_promised", as_many_bases_as_promised },
	{ "every_raise_of_every_thread_is_counted", every_raise_of_every_thread_is_counted },
	{ "ports_come_and_go_while_signals_do", ports_come_and_go_while_signals_do },
	{ "a_flood_blocks_nobody_and_errno_survives", a_flood_blocks_nobody_and_errno_survives },
	{ "a_childs_signals_are_not_told_to_the_parent", a_childs_signals_are_not_told_to_the_parent },
	{ "a_child_may_throw_away_what_it_inherited_and_begin_anew",
	    a_child_may_throw_away_what_it_inherited_and_begin_anew },
	{ "a_child_does_not_wait_for_handlers_of_the_parents_threads",
	    a_child_does_not_wait_for_handlers_of_the_parents_threads },
	{ "reopening_without_a_fork_works_too", reopening_without_a_fork_works_too },
	{ "failing_calls_leave_nothing", failing_calls_leave_nothing },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
