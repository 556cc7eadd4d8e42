/* testing/model/scale/calibrate.c — measures on this machine what costs.c has in its tables.
 *
 * Here:     loops of one call each, and two threads on two CPUs that wake each other. Medians, so that what other
 *           programs do in between matters little.
 * Not here: the engine's own part, which is what a benchmark of the whole has left over (costs.c).
 * Threads:  the main one, on CPU 0, is the server; a second one, on CPU 1, the client.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "testing/model/scale/costs.h"

#define LOOPS 2000
#define BLOCKS 41     /* of LOOPS calls: their median */
#define ROUND_TRIPS 3000
#define LINE_TRIPS 200000
#define STALL_NS 10e3
#define STALLS_NS 0.5e9 /* shorter than a period of the kernel's limit on real-time threads */
#define STALLS_MAX 10000

static int epfd, quiet_fd, ready_fd, pair[2], timer_fd;

static double
clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void
pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		fprintf(stderr, "CPU %d is not there: the figures of two CPUs are those of one\n", cpu);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* ---- One call at a time. */

static void call_nothing(void) { }
static void call_clock(void) { clock_ns(CLOCK_MONOTONIC); }

static void
call_wait_empty(void)
{
	struct epoll_event e;

	epoll_wait(quiet_fd, &e, 1, 0);
}

static void
call_wait_one(void)
{
	struct epoll_event e;

	epoll_wait(epfd, &e, 1, 0);
}

static void
call_change(void)
{
	struct epoll_event e = { .events = EPOLLIN };

	epoll_ctl(epfd, EPOLL_CTL_MOD, ready_fd, &e);
}

static void
call_eventfd(void)
{
	uint64_t one = 1;

	if (write(ready_fd, &one, sizeof(one)) < 0)
		abort();
}

static void
call_socket(void)
{
	char bytes[16] = "";

	if (write(pair[0], bytes, sizeof(bytes)) != sizeof(bytes) || read(pair[1], bytes, sizeof(bytes)) != sizeof(bytes))
		abort();
}

static void
call_timerfd(void)
{
	struct itimerspec when = { .it_value.tv_sec = 1000 };

	timerfd_settime(timer_fd, 0, &when, NULL);
}

static void
call_mutex(void)
{
	static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&m);
	pthread_mutex_unlock(&m);
}

static void
time_call(const char *what, void (*call)(void))
{
	double ns[BLOCKS];

	for (int b = 0; b < BLOCKS; b++) {
		double from = clock_ns(CLOCK_MONOTONIC);
		for (int i = 0; i < LOOPS; i++)
			call();
		ns[b] = (clock_ns(CLOCK_MONOTONIC) - from) / LOOPS;
	}
	qsort(ns, BLOCKS, sizeof(ns[0]), compare);
	printf("%-34s %8.0f ns\n", what, ns[BLOCKS / 2]);
}

/* ---- Delays. */

static void
print_times(const char *what, double *ns, int n)
{
	qsort(ns, (size_t)n, sizeof(*ns), compare);
	printf("%-34s {", what);
	for (int i = 0; i < SCALE_POINTS; i++)
		printf("%s %.0f", i ? "," : "", ns[(int)(scale_points[i] * (n - 1))]);
	printf(" }\n");
}

static void
sleep_ns(double ns)
{
	struct timespec t = { .tv_nsec = (long)ns };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

static void
time_sleeps(void)
{
	static double ns[ROUND_TRIPS];
	double cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	for (int i = 0; i < ROUND_TRIPS; i++) {
		double from = clock_ns(CLOCK_MONOTONIC);
		sleep_ns(0.2e6);
		ns[i] = clock_ns(CLOCK_MONOTONIC) - from - 0.2e6;
	}
	printf("%-34s %8.0f ns\n", "CPU of a sleep", (clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu) / ROUND_TRIPS);
	print_times("a sleep of 0.2 ms is longer by", ns, ROUND_TRIPS);
}

/* Reads the clock, and nothing else: what is longer than a moment, somebody else has taken. */
static void
time_stalls(void)
{
	static double ns[STALLS_MAX];
	int n = 0;
	double from = clock_ns(CLOCK_MONOTONIC), last = from, now = from;

	for (; now < from + STALLS_NS && n < STALLS_MAX; last = now)
		if ((now = clock_ns(CLOCK_MONOTONIC)) - last > STALL_NS)
			ns[n++] = now - last;
	if (n > 0) {
		printf("%-34s %8.0f ns\n", "stalls: one in", (now - from) / n);
		print_times("... so long", ns, n);
	}
}

static _Atomic(double) written_at;
static double wake_call_ns[ROUND_TRIPS];

/* Wakes the main thread, which waits in an epoll set, now and then. */
static void *
waker_main(void *arg)
{
	char bytes[16] = "";

	(void)arg;
	pin(1);
	for (int i = 0; i < ROUND_TRIPS; i++) {
		sleep_ns(0.15e6);
		double from = clock_ns(CLOCK_MONOTONIC);
		atomic_store(&written_at, from);
		if (write(pair[0], bytes, sizeof(bytes)) != sizeof(bytes))
			abort();
		wake_call_ns[i] = clock_ns(CLOCK_MONOTONIC) - from;
	}
	return NULL;
}

static void
time_wakes(void)
{
	static double ns[ROUND_TRIPS];
	struct epoll_event e = { .events = EPOLLIN };
	int set = epoll_create1(0);
	char bytes[16];
	pthread_t waker;

	epoll_ctl(set, EPOLL_CTL_ADD, pair[1], &e);
	pthread_create(&waker, NULL, waker_main, NULL);
	double cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; i < ROUND_TRIPS; i++) {
		epoll_wait(set, &e, 1, -1);
		ns[i] = clock_ns(CLOCK_MONOTONIC) - atomic_load(&written_at);
		if (read(pair[1], bytes, sizeof(bytes)) < 0)
			abort();
	}
	printf("%-34s %8.0f ns\n", "CPU of waiting and reading", (clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu) / ROUND_TRIPS);
	pthread_join(waker, NULL);
	print_times("a write that wakes", wake_call_ns, ROUND_TRIPS);
	print_times("... until the other one is there", ns, ROUND_TRIPS);
}

/* ---- A line between two processors. */

static _Alignas(64) _Atomic(unsigned) line;

static void *
line_main(void *arg)
{
	(void)arg;
	pin(1);
	for (unsigned i = 0; i < LINE_TRIPS; i++) {
		while (atomic_load(&line) != 2 * i + 1)
			continue;
		atomic_store(&line, 2 * i + 2);
	}
	return NULL;
}

static void
time_line(void)
{
	static double ns[LINE_TRIPS];
	pthread_t other;

	pthread_create(&other, NULL, line_main, NULL);
	for (unsigned i = 0; i < LINE_TRIPS; i++) {
		double from = clock_ns(CLOCK_MONOTONIC);
		atomic_store(&line, 2 * i + 1);
		while (atomic_load(&line) != 2 * i + 2)
			continue;
		ns[i] = (clock_ns(CLOCK_MONOTONIC) - from) / 4; /* there and back, each one read and one write */
	}
	pthread_join(other, NULL);
	print_times("a line goes over", ns, LINE_TRIPS);
}

int
main(void)
{
	struct epoll_event e = { .events = EPOLLIN };

	pin(0);
	epfd = epoll_create1(0);
	quiet_fd = epoll_create1(0);
	ready_fd = eventfd(0, EFD_NONBLOCK);
	timer_fd = timerfd_create(CLOCK_MONOTONIC, 0);
	if (epfd < 0 || quiet_fd < 0 || ready_fd < 0 || timer_fd < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		abort();
	time_call("a loop around nothing", call_nothing);
	time_call("clock_gettime", call_clock);
	time_call("a mutex", call_mutex);
	time_call("epoll_wait, nothing there", call_wait_empty);
	time_call("a write of an eventfd", call_eventfd);
	epoll_ctl(epfd, EPOLL_CTL_ADD, ready_fd, &e);
	time_call("epoll_wait, one report", call_wait_one);
	time_call("epoll_ctl, MOD", call_change);
	time_call("a write and read of a socket", call_socket);
	time_call("timerfd_settime", call_timerfd);
	time_sleeps();
	time_stalls();
	time_wakes();
	time_line();
	return 0;
}
