/* testing/contract/libevent/event_steps.h — steps that the suites on the loop and on events take again and again.
 *
 * Here:     static helpers beside event_fixture.h: events that note a letter, turns of the loop, the passing of time.
 */
#ifndef EVRT_TESTING_CONTRACT_LIBEVENT_EVENT_STEPS_H_
#define EVRT_TESTING_CONTRACT_LIBEVENT_EVENT_STEPS_H_

#include <sched.h>
#include <stdint.h>
#include <time.h>

#include "testing/contract/libevent/event_fixture.h"

#define EV_ALL (EV_TIMEOUT | EV_READ | EV_WRITE | EV_SIGNAL | EV_CLOSED)

/* An event on `base` that notes `letter`. */
static inline struct event *
lettered(evutil_socket_t fd, short events, const char *letter)
{
	struct event *ev = event_new(base, fd, events, note_letter, (void *)letter);

	CHECK(ev != NULL);
	return ev;
}

static inline struct event *
user_event(const char *letter)
{
	return lettered(-1, 0, letter);
}

/* Events in a table end with NULL. */
static inline void
free_events(struct event *const *ev)
{
	for (; *ev; ev++)
		event_free(*ev);
}

#define FREE_EVENTS(...) free_events((struct event *const[]){ __VA_ARGS__, NULL })

static inline int
added(void)
{
	return event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED);
}

static inline int
pending(const struct event *ev)
{
	return event_pending(ev, EV_ALL, NULL);
}

/* Makes a descriptor ready to be read, or more so. */
static inline void
send_text(int fd, const char *text)
{
	CHECK_INT_EQ(write(fd, text, strlen(text)), (intmax_t)strlen(text));
}

static inline int64_t
clock_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline int64_t
us_of(struct timeval tv)
{
	return (int64_t)tv.tv_sec * 1000000 + tv.tv_usec;
}

/* Lets n milliseconds pass by the coarse clock, too, by which a loop may go. */
static inline void
pass_ms(long n)
{
	int64_t end = clock_us(CLOCK_MONOTONIC) + n * 1000;

	while (clock_us(CLOCK_MONOTONIC_COARSE) < end)
		sched_yield();
}

struct arming { /* a table of them ends with ev NULL */
	struct event *ev;
	const struct timeval *tv;
};

static inline void
arm_all(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	for (const struct arming *a = arg; a->ev; a++)
		CHECK_INT_EQ(event_add(a->ev, a->tv), 0);
}

static inline void
pass_time(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pass_ms(*(const long *)arg);
}

/* Lets the next turn add timeouts, all at the one time that is cached then, and linger until they are due. */
static inline void
arm_together(const struct arming *table, const long *linger_ms)
{
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, arm_all, (void *)table, NULL), 0);
	CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, pass_time, (void *)linger_ms, NULL), 0);
}

/* For cases that provoke warnings: the report is for what fails. */
static inline void
say_nothing(int severity, const char *msg)
{
	(void)severity;
	(void)msg;
}

#endif
