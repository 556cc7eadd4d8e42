/* testing/unit/api/event/signal_methods_test.c — how a base gets its signals, and signalfd in full.
 *
 * Debian's libevent knows the handler only, whose cases are in testing/contract/libevent.
 */
#include <event2/event.h>
#include <event2/thread.h>
#include <evrt/pool.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "testing/harness/test.h"

#define CASE(fn) { #fn, fn }

static struct event_base *base;

static void
count(evutil_socket_t fd, short what, void *n)
{
	(void)fd;
	CHECK_INT_EQ(what, EV_SIGNAL);
	++*(int *)n;
}

static struct event_base *
base_with(int flags)
{
	struct event_config *cfg = event_config_new();

	CHECK_INT_EQ(event_config_set_flag(cfg, flags), 0);
	struct event_base *made = event_base_new_with_config(cfg);
	CHECK(made != NULL);
	event_config_free(cfg);
	return made;
}

static void
check_method(int flags, const char *name)
{
	base = base_with(flags);
	CHECK_STR_EQ(event_base_get_signal_method(base), name);
	event_base_free(base);
}

static bool
is_blocked(int signum)
{
	sigset_t now;

	pthread_sigmask(SIG_BLOCK, NULL, &now);
	return sigismember(&now, signum);
}

static void
the_method_is_chosen_by_flag_and_environment(void)
{
	unsetenv("EVENT_USE_SIGNALFD");
	check_method(0, "signal");
	check_method(0x4000, "signal"); /* flags of some day do no harm */
	check_method(EVENT_BASE_FLAG_USE_SIGNALFD, "signalfd_signal");
	check_method(EVENT_BASE_FLAG_USE_SIGNALFD | EVENT_BASE_FLAG_IGNORE_ENV, "signalfd_signal");
	setenv("EVENT_USE_SIGNALFD", "1", 1);
	check_method(0, "signalfd_signal");
	check_method(EVENT_BASE_FLAG_IGNORE_ENV, "signal");
}

static void
nothing_is_changed_but_the_mask(void)
{
	struct sigaction before, now;
	int told = 0, other = 0;
	sigaction(SIGUSR1, NULL, &before);
	base = base_with(EVENT_BASE_FLAG_USE_SIGNALFD);
	struct event *ev = evsignal_new(base, SIGUSR1, count, &told);
	struct event *once = event_new(base, SIGUSR1, EV_SIGNAL, count, &other);
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	CHECK_INT_EQ(event_add(once, NULL), 0);
	sigaction(SIGUSR1, NULL, &now);
	CHECK(now.sa_handler == before.sa_handler);
	CHECK(is_blocked(SIGUSR1) && !is_blocked(SIGUSR2));
	kill(getpid(), SIGUSR1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(told, 1);
	CHECK_INT_EQ(other, 1);
	raise(SIGUSR1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(told, 2);
	CHECK_INT_EQ(other, 1);
	CHECK(is_blocked(SIGUSR1)); /* one event is left */
	CHECK_INT_EQ(event_del(ev), 0);
	CHECK(!is_blocked(SIGUSR1));
	event_free(ev);
	event_free(once);
	event_base_free(base);
}

static void
what_was_blocked_before_stays_blocked(void)
{
	sigset_t one;
	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &one, NULL);
	base = base_with(EVENT_BASE_FLAG_USE_SIGNALFD);
	int told = 0;
	struct event *ev = evsignal_new(base, SIGUSR1, count, &told);
	struct event *two = evsignal_new(base, SIGUSR2, count, &told);
	event_add(ev, NULL);
	event_add(two, NULL);
	event_free(ev);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR2);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(told, 1);
	CHECK_INT_EQ(sigtimedwait(&one, NULL, &(struct timespec){ 0, 0 }), SIGUSR1); /* not taken from its owner */
	event_free(two);
	CHECK(is_blocked(SIGUSR1) && !is_blocked(SIGUSR2));
	event_base_free(base);
}

static void
the_base_gives_the_mask_back(void)
{
	int told = 0;
	base = base_with(EVENT_BASE_FLAG_USE_SIGNALFD);
	struct event *ev = evsignal_new(base, SIGUSR1, count, &told);
	event_add(ev, NULL);
	event_base_free(base);
	CHECK(!is_blocked(SIGUSR1));
	free(ev); /* its base is gone: there is nothing left to delete it from */
}

static void
standard_signals_merge_and_real_time_ones_do_not(void)
{
	int merged = 0, queued = 0;
	base = base_with(EVENT_BASE_FLAG_USE_SIGNALFD);
	struct event *a = evsignal_new(base, SIGUSR2, count, &merged);
	struct event *b = evsignal_new(base, SIGRTMIN + 1, count, &queued);
	event_add(a, NULL);
	event_add(b, NULL);
	for (int i = 0; i < 40; i++) {
		kill(getpid(), SIGUSR2);
		kill(getpid(), SIGRTMIN + 1);
	}
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(merged, 1);
	CHECK_INT_EQ(queued, 40);
	event_free(a);
	event_free(b);
	event_base_free(base);
}

static void
what_came_in_goes_with_the_event(void)
{
	int told = 0;
	base = base_with(EVENT_BASE_FLAG_USE_SIGNALFD);
	struct event *ev = evsignal_new(base, SIGUSR1, count, &told);
	event_add(ev, NULL);
	kill(getpid(), SIGUSR1);
	event_del(ev); /* its default would end the process */
	CHECK(!is_blocked(SIGUSR1));
	event_add(ev, NULL);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_INT_EQ(told, 0);
	event_free(ev);
	event_base_free(base);
}

/* `first` watches; `second`, on a base of the other kind or of the same, may not, until the first is gone. */
static void
check_refused(int first_flags, int second_flags)
{
	int first_told = 0, second_told = 0;
	struct event_base *other = base_with(second_flags);
	base = base_with(first_flags);
	struct event *first = evsignal_new(base, SIGUSR1, count, &first_told);
	struct event *second = evsignal_new(other, SIGUSR1, count, &second_told);
	CHECK_INT_EQ(event_add(first, NULL), 0);
	errno = 0;
	CHECK_INT_EQ(event_add(second, NULL), -1);
	CHECK_INT_EQ(errno, EBUSY);
	CHECK_INT_EQ(event_pending(second, EV_SIGNAL, NULL), 0);
	kill(getpid(), SIGUSR1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(first_told, 1);
	event_free(first);
	CHECK_INT_EQ(event_add(second, NULL), 0);
	kill(getpid(), SIGUSR1);
	CHECK_INT_EQ(event_base_loop(other, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(second_told, 1);
	event_free(second);
	event_base_free(other);
	event_base_free(base);
}

static void
a_signal_of_signalfd_has_one_base(void)
{
	check_refused(EVENT_BASE_FLAG_USE_SIGNALFD, EVENT_BASE_FLAG_USE_SIGNALFD);
	check_refused(EVENT_BASE_FLAG_USE_SIGNALFD, 0);
	check_refused(0, EVENT_BASE_FLAG_USE_SIGNALFD);
}

static void
what_is_no_signal_is_refused(void)
{
	static const int bad[] = { -1, 0, NSIG, 32, SIGKILL, SIGSTOP };
	sigset_t before, after;
	int told = 0;
	base = base_with(EVENT_BASE_FLAG_USE_SIGNALFD);
	pthread_sigmask(SIG_BLOCK, NULL, &before);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct event *ev = evsignal_new(base, bad[i], count, &told);
		errno = 0;
		CHECK_INT_EQ(event_add(ev, NULL), -1);
		CHECK_INT_EQ(errno, EINVAL);
		event_free(ev);
	}
	pthread_sigmask(SIG_BLOCK, NULL, &after);
	for (int signum = 1; signum < NSIG; signum++)
		CHECK_INT_EQ(sigismember(&before, signum), sigismember(&after, signum));
	event_base_free(base);
}

static int (*real_signalfd)(int, const sigset_t *, int);

static int
refuse_new(int fd, const sigset_t *mask, int flags)
{
	if (fd >= 0)
		return real_signalfd(fd, mask, flags);
	errno = ENOSYS;
	return -1;
}

static int
refuse_change(int fd, const sigset_t *mask, int flags)
{
	if (fd < 0)
		return real_signalfd(fd, mask, flags);
	errno = ENOMEM;
	return -1;
}

static int warnings;

static void
count_warning(int severity, const char *text)
{
	warnings += severity == EVENT_LOG_WARN && strstr(text, "signalfd") != NULL;
}

static void
where_signalfd_does_not_work_the_handler_does(void)
{
	int told = 0;
	real_signalfd = evrt__sys.signalfd;
	evrt__sys.signalfd = refuse_new;
	event_set_log_callback(count_warning);
	base = base_with(EVENT_BASE_FLAG_USE_SIGNALFD);
	struct event *ev = evsignal_new(base, SIGUSR1, count, &told);
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	CHECK_STR_EQ(event_base_get_signal_method(base), "signal");
	CHECK_INT_EQ(warnings, 1);
	CHECK(!is_blocked(SIGUSR1));
	raise(SIGUSR1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(told, 1);
	event_free(ev);
	event_base_free(base);
	evrt__sys.signalfd = real_signalfd;
}

static void
a_failed_add_changes_nothing(void)
{
	int told = 0;
	real_signalfd = evrt__sys.signalfd;
	base = base_with(EVENT_BASE_FLAG_USE_SIGNALFD);
	struct event *ev = evsignal_new(base, SIGUSR1, count, &told);
	evrt__sys.signalfd = refuse_change;
	CHECK_INT_EQ(event_add(ev, NULL), -1);
	CHECK_INT_EQ(errno, ENOMEM);
	CHECK(!is_blocked(SIGUSR1));
	evrt__sys.signalfd = real_signalfd;
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	kill(getpid(), SIGUSR1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(told, 1);
	event_free(ev);
	event_base_free(base);
}

static void
a_child_has_signals_of_its_own(void)
{
	int told = 0, status;
	base = base_with(EVENT_BASE_FLAG_USE_SIGNALFD);
	struct event *ev = evsignal_new(base, SIGUSR1, count, &told);
	struct event *two = evsignal_new(base, SIGUSR2, count, &told);
	event_add(ev, NULL);
	event_add(two, NULL);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		if (event_reinit(base) < 0)
			_exit(1);
		event_del(two); /* must not reach the set of the parent */
		kill(getpid(), SIGUSR1);
		event_base_loop(base, EVLOOP_ONCE);
		_exit(told == 1 ? 0 : 2);
	}
	CHECK_INT_EQ(waitpid(child, &status, 0), child);
	CHECK_INT_EQ(status, 0);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_INT_EQ(told, 0);
	kill(getpid(), SIGUSR2);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(told, 1);
	event_free(ev);
	event_free(two);
	event_base_free(base);
}

static void *
add_it(void *ev)
{
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	CHECK(is_blocked(SIGUSR1));
	return NULL;
}

static void *
delete_it(void *ev)
{
	CHECK_INT_EQ(event_del(ev), 0);
	CHECK(is_blocked(SIGUSR1)); /* inherited: this thread's mask is no business of the base */
	return NULL;
}

static void
in_thread(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	CHECK_INT_EQ(pthread_create(&thread, NULL, fn, arg), 0);
	CHECK_INT_EQ(pthread_join(thread, NULL), 0);
}

static void
only_the_thread_that_blocked_unblocks(void)
{
	sigset_t one;
	int told = 0;
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	base = base_with(EVENT_BASE_FLAG_USE_SIGNALFD);
	struct event *ev = evsignal_new(base, SIGUSR1, count, &told);
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	in_thread(delete_it, ev);
	CHECK(is_blocked(SIGUSR1));
	/* Blocked here by others: not ours to unblock, whoever adds. */
	in_thread(add_it, ev);
	CHECK_INT_EQ(event_del(ev), 0);
	CHECK(is_blocked(SIGUSR1));
	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &one, NULL);
	event_free(ev);
	event_base_free(base);
	libevent_global_shutdown();
}

static int on_pool;

static void
stop_pool(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	on_pool++;
	event_base_loopbreak(base);
}

static void
send_signal(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	kill(getpid(), SIGUSR1);
}

static void
a_pool_reads_a_signalfd_too(void)
{
	base = base_with(EVENT_BASE_FLAG_USE_SIGNALFD | EVRT_BASE_FLAG_POOLED);
	CHECK_STR_EQ(event_base_get_signal_method(base), "signalfd_signal");
	struct event *ev = evsignal_new(base, SIGUSR1, stop_pool, NULL);
	struct event *timer = evtimer_new(base, send_signal, NULL);
	CHECK_INT_EQ(event_add(ev, NULL), 0);
	CHECK_INT_EQ(event_add(timer, &(struct timeval){ 0, 1000 }), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK_INT_EQ(on_pool, 1);
	event_free(ev);
	event_free(timer);
	event_base_free(base);
	libevent_global_shutdown();
}

static const struct evrt_test_case cases[] = {
	CASE(the_method_is_chosen_by_flag_and_environment),
	CASE(nothing_is_changed_but_the_mask),
	CASE(what_was_blocked_before_stays_blocked),
	CASE(the_base_gives_the_mask_back),
	CASE(standard_signals_merge_and_real_time_ones_do_not),
	CASE(what_came_in_goes_with_the_event),
	CASE(a_signal_of_signalfd_has_one_base),
	CASE(what_is_no_signal_is_refused),
	CASE(where_signalfd_does_not_work_the_handler_does),
	CASE(a_failed_add_changes_nothing),
	CASE(a_child_has_signals_of_its_own),
	CASE(only_the_thread_that_blocked_unblocks),
	CASE(a_pool_reads_a_signalfd_too),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
