/* testing/fault/inject.c — makes the fault that the runner asks for come to pass: an allocation, or a call of
 * base/sys.h's table.
 *
 * Here:     a counting stand-in for each call, and what it may fail with: of EINTR, EAGAIN, ENOMEM, EMFILE and
 *           ENOSPC those that its manual page lists.
 * Not here: which faults are tried (testing/harness/faults.c); calls that cases make themselves.
 * Threads:  armed while one thread runs; the calls may come from any, and from signal handlers.
 *
 * The runner finds it by being linked: a constructor puts it in place.
 */
#include "testing/fault/inject.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "api/buffer/buffer_internal.h"
#include "base/atomic.h"
#include "base/sys.h"
#include "testing/harness/fault.h"
#include "testing/harness/internal.h"

/* How a call that "fails" treats the real one. SKIP: as if the kernel had refused. DONE: it is made all the
 * same: an interrupted close has closed, an interrupted connect goes on. */
enum { SKIP, DONE };

/* X(result, failed, mode, name, parameters, arguments, errors...)
 *
 * write: not EAGAIN. The core writes to its own wake descriptors, which are full only while they are readable,
 * and then nothing is lost. */
#define CALLS(X) \
	X(int, -1, DONE, close, (int a), (a), EINTR) \
	X(ssize_t, -1, SKIP, read, (int a, void *b, size_t c), (a, b, c), EINTR, EAGAIN) \
	X(ssize_t, -1, SKIP, write, (int a, const void *b, size_t c), (a, b, c), EINTR) \
	X(ssize_t, -1, SKIP, readv, (int a, const struct iovec *b, int c), (a, b, c), EINTR, EAGAIN) \
	X(ssize_t, -1, SKIP, writev, (int a, const struct iovec *b, int c), (a, b, c), EINTR, EAGAIN, ENOSPC) \
	X(ssize_t, -1, SKIP, sendfile, (int a, int b, off_t *c, size_t d), (a, b, c, d), EAGAIN, ENOMEM) \
	X(int, -1, SKIP, socket, (int a, int b, int c), (a, b, c), EMFILE, ENOMEM) \
	X(int, -1, SKIP, bind, (int a, const struct sockaddr *b, socklen_t c), (a, b, c), ENOMEM) \
	X(int, -1, SKIP, listen, (int a, int b), (a, b), 0) \
	X(int, -1, SKIP, accept4, (int a, struct sockaddr *b, socklen_t *c, int d), (a, b, c, d), EINTR, EAGAIN, \
	    EMFILE, ENOMEM) \
	X(int, -1, DONE, connect, (int a, const struct sockaddr *b, socklen_t c), (a, b, c), EINTR) \
	X(int, -1, SKIP, getsockopt, (int a, int b, int c, void *d, socklen_t *e), (a, b, c, d, e), 0) \
	X(int, -1, SKIP, setsockopt, (int a, int b, int c, const void *d, socklen_t e), (a, b, c, d, e), ENOMEM) \
	X(int, -1, SKIP, epoll_create1, (int a), (a), EMFILE, ENOMEM) \
	X(int, -1, SKIP, epoll_ctl, (int a, int b, int c, struct epoll_event *d), (a, b, c, d), ENOMEM, ENOSPC) \
	X(int, -1, SKIP, epoll_wait, (int a, struct epoll_event *b, int c, int d), (a, b, c, d), EINTR) \
	X(int, -1, SKIP, epoll_pwait2, (int a, struct epoll_event *b, int c, const struct timespec *d, \
	    const sigset_t *e), (a, b, c, d, e), EINTR) \
	X(int, -1, SKIP, poll, (struct pollfd *a, nfds_t b, int c), (a, b, c), EINTR, ENOMEM) \
	X(int, -1, SKIP, ppoll, (struct pollfd *a, nfds_t b, const struct timespec *c, const sigset_t *d), \
	    (a, b, c, d), EINTR, ENOMEM) \
	X(int, -1, SKIP, pselect, (int a, fd_set *b, fd_set *c, fd_set *d, const struct timespec *e, \
	    const sigset_t *f), (a, b, c, d, e, f), EINTR, ENOMEM) \
	X(int, -1, SKIP, eventfd, (unsigned a, int b), (a, b), EMFILE, ENOMEM) \
	X(int, -1, SKIP, socketpair, (int a, int b, int c, int d[2]), (a, b, c, d), EMFILE) \
	X(int, -1, SKIP, fcntl, (int a, int b, int c), (a, b, c), EMFILE) \
	X(int, -1, SKIP, fstat, (int a, struct stat *b), (a, b), ENOMEM) \
	X(ssize_t, -1, SKIP, pread, (int a, void *b, size_t c, off_t d), (a, b, c, d), EINTR, EAGAIN) \
	X(void *, MAP_FAILED, SKIP, mmap, (void *a, size_t b, int c, int d, int e, off_t f), (a, b, c, d, e, f), \
	    ENOMEM, EAGAIN) \
	X(int, -1, SKIP, munmap, (void *a, size_t b), (a, b), 0) \
	X(ssize_t, -1, SKIP, getrandom, (void *a, size_t b, unsigned c), (a, b, c), EINTR) \
	X(int, -1, SKIP, open, (const char *a, int b, mode_t c), (a, b, c), EINTR, EMFILE, ENOMEM, ENOSPC) \
	X(int, -1, SKIP, sched_getaffinity, (pid_t a, size_t b, cpu_set_t *c), (a, b, c), 0) \
	X(int, -1, SKIP, pipe2, (int a[2], int b), (a, b), EMFILE) \
	X(pid_t, -1, SKIP, gettid, (void), (), 0) \
	X(int, -1, SKIP, dup3, (int a, int b, int c), (a, b, c), EMFILE) \
	X(int, -1, SKIP, sigaction, (int a, const struct sigaction *b, struct sigaction *c), (a, b, c), 0) \
	X(int, -1, SKIP, signalfd, (int a, const sigset_t *b, int c), (a, b, c), EMFILE, ENOMEM) \
	X(int, -1, SKIP, madvise, (void *a, size_t b, int c), (a, b, c), ENOMEM) \
	X(int, -1, SKIP, recvmmsg, (int a, struct mmsghdr *b, unsigned c, int d, struct timespec *e), \
	    (a, b, c, d, e), EINTR, EAGAIN, ENOMEM) \
	X(int, -1, SKIP, sendmmsg, (int a, struct mmsghdr *b, unsigned c, int d), (a, b, c, d), EINTR, EAGAIN, \
	    ENOMEM) \
	X(int, -1, SKIP, getsockname, (int a, struct sockaddr *b, socklen_t *c), (a, b, c), ENOMEM) \
	X(int, -1, SKIP, timerfd_create, (int a, int b), (a, b), EMFILE, ENOMEM) \
	X(int, -1, SKIP, timerfd_settime, (int a, int b, const struct itimerspec *c, struct itimerspec *d), \
	    (a, b, c, d), 0) \
	X(int, -1, SKIP, sched_setaffinity, (pid_t a, size_t b, const cpu_set_t *c), (a, b, c), EINVAL) \
	X(int, -1, SKIP, thread_create, (pthread_t *a, void *(*b)(void *), void *c), (a, b, c), EAGAIN)

#define NUMBER(result, failed, mode, name, ...) CALL_##name,
enum { CALL_alloc, CALLS(NUMBER) CALL_COUNT };
#undef NUMBER
_Static_assert(CALL_COUNT <= EVRT_TEST_CALLS_MAX, "each has a place in the page");
_Static_assert((CALL_COUNT - 1) * sizeof(void (*)(void)) == sizeof(struct evrt_sys), "none was forgotten");

#define NAME(result, failed, mode, name, ...) #name,
static const char *const names[CALL_COUNT] = { "allocation", CALLS(NAME) };
#undef NAME

/* Relaxed throughout: counters that publish nothing. */
static evrt_atomic(uint64_t) calls[CALL_COUNT];
static evrt_atomic(bool) injected;
/* Written before threads. */
static struct evrt_test_fault fault;
static struct evrt_sys real;
static int (*kernel_epoll_ctl)(int, int, int, struct epoll_event *);

/* Counts a call; true: it is the one to fail. */
static bool
call_fails(int call)
{
	uint64_t nth = evrt_add_relaxed(&calls[call], (uint64_t)1) + 1;

	if (call != fault.call || nth != fault.nth)
		return false;
	evrt_store_relaxed(&injected, true);
	return true;
}

/* --- edges ---------------------------------------------------------------------------------------- */

/* After EAGAIN the kernel owes an edge: a call that only seems to have had it leaves the descriptor ready, and who
 * waits for the edge would wait for ever. Asking anew for what is watched makes it come. */

#define EDGES 1024 /* descriptors */

static pthread_mutex_t edges_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	int epoll;
	struct epoll_event watched; /* events 0: not by edges */
} edges[EDGES];

/* In the place of the real epoll_ctl. */
static int
edges_epoll_ctl(int epoll, int op, int fd, struct epoll_event *ev)
{
	pthread_mutex_lock(&edges_lock);
	int r = kernel_epoll_ctl(epoll, op, fd, ev);
	if (r == 0 && fd < EDGES) {
		bool by_edges = op != EPOLL_CTL_DEL && (ev->events & EPOLLET) && !(ev->events & EPOLLONESHOT);
		edges[fd].epoll = epoll;
		edges[fd].watched = by_edges ? *ev : (struct epoll_event){ 0 };
	}
	pthread_mutex_unlock(&edges_lock);
	return r;
}

static void
edges_come(void)
{
	pthread_mutex_lock(&edges_lock);
	for (int fd = 0; fd < EDGES; fd++)
		if (edges[fd].watched.events) /* fails where it was closed */
			(void)kernel_epoll_ctl(edges[fd].epoll, EPOLL_CTL_MOD, fd, &edges[fd].watched);
	pthread_mutex_unlock(&edges_lock);
}

/* --- the calls ------------------------------------------------------------------------------------ */

#define STAND_IN(result, failed, mode, name, parameters, arguments, ...) \
	static const int errors_##name[] = { __VA_ARGS__, 0 }; \
	static result fail_##name parameters \
	{ \
		bool fails = call_fails(CALL_##name); \
		result r = fails && mode == SKIP ? failed : real.name arguments; \
		if (!fails || (mode == DONE && r == failed)) \
			return r; \
		if (fault.error == EAGAIN) \
			edges_come(); \
		errno = fault.error; \
		return failed; \
	}
CALLS(STAND_IN)
#undef STAND_IN

static const int errors_alloc[] = { ENOMEM, 0 };
#define ERRORS(result, failed, mode, name, ...) errors_##name,
static const int *const errors[CALL_COUNT] = { errors_alloc, CALLS(ERRORS) };
#undef ERRORS

static void
inject_arm(const struct evrt_test_fault *f)
{
	fault = *f;
	real = evrt__sys;
	kernel_epoll_ctl = real.epoll_ctl;
	real.epoll_ctl = edges_epoll_ctl;
#define REPLACE(result, failed, mode, name, ...) evrt__sys.name = fail_##name;
	CALLS(REPLACE)
#undef REPLACE
	evrt_test_fail_alloc(f->call == CALL_alloc ? f->nth : 0);
}

static bool
fault_injected(void)
{
	return evrt_load_relaxed(&injected) || evrt_test_alloc_has_failed();
}

/* Calls nest, by callbacks: what an inner one leaves here is newer, and so as good for the outer one. */
static _Thread_local bool injected_at_begin;

void
evrt_test_fault_begin(void)
{
	injected_at_begin = fault_injected();
}

static void
fault_told(const char *file, int line, const char *call)
{
	int told = errno;

	if (injected_at_begin || !fault_injected())
		return;
	/* Nothing fails for an interruption: this is about something else. */
	if (fault.error == EINTR && told != EINTR)
		return;
	if (told != fault.error) {
		fprintf(stderr, "%s:%d: %s failed with \"%s\", and errno is \"%s\"\n", file, line, call,
		    strerror(fault.error), strerror(told));
		abort();
	}
	evrt_test_fail(file, line, "told: %s", call);
}

int
evrt_test_fault_result(int result, const char *file, int line, const char *call)
{
	if (result == -1)
		fault_told(file, line, call);
	return result;
}

const void *
evrt_test_fault_pointer(const void *result, const char *file, int line, const char *call)
{
	if (!result)
		fault_told(file, line, call);
	return result;
}

bool
evrt_test_fault_is(int error)
{
	return fault_injected() && error == fault.error;
}

/* The main thread's alone: event_init is for one. */
static const char *fatal_call;

static void
fatal_exit(void)
{
	if (fatal_call && fault_injected())
		evrt_test_fail(__FILE__, __LINE__, "told, by the end: %s", fatal_call);
}

void
evrt_test_fault_fatal(const char *call)
{
	static bool registered;

	if (!registered)
		atexit(fatal_exit);
	registered = true;
	fatal_call = call;
}

static void
inject_look(struct evrt_test_sight *sight)
{
	for (int call = 1; call < CALL_COUNT; call++)
		sight->calls[call] = evrt_load_relaxed(&calls[call]);
	sight->calls[CALL_alloc] = evrt_test_alloc_count();
	/* Which of its places have a chain depends on the CPUs that reads happened to run on: no leak. */
	evrt__chain_cache_release();
	sight->allocs_live = evrt_test_allocs_live();
	sight->injected = sight->injected || fault_injected();
}

static const char *
inject_name(int call)
{
	return names[call];
}

static const int *
inject_errors(int call)
{
	return errors[call];
}

static const struct evrt_test_injector injector = {
	.arm = inject_arm,
	.look = inject_look,
	.calls = CALL_COUNT,
	.name = inject_name,
	.errors = inject_errors,
};

__attribute__((constructor)) static void
inject_put_in_place(void)
{
	evrt__test_injector = &injector;
}
