/* testing/unit/api/event/debug_rig.h — hearing what event debugging says.
 *
 * Here:     a log callback that keeps the messages, and a check that a text says certain things in order.
 * Threads:  any; the messages have a lock.
 */
#ifndef EVRT_TESTING_UNIT_API_EVENT_DEBUG_RIG_H_
#define EVRT_TESTING_UNIT_API_EVENT_DEBUG_RIG_H_

#include <event2/event.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "testing/harness/test.h"

#define CASE(fn) { #fn, fn }

static pthread_mutex_t heard_lock = PTHREAD_MUTEX_INITIALIZER;
static char heard[16384]; /* all messages since heard_begin, each with its severity's number before it */
static int heard_count;

static inline void
heard_note(int level, const char *msg)
{
	pthread_mutex_lock(&heard_lock);
	size_t length = strlen(heard);
	snprintf(heard + length, sizeof(heard) - length, "%d %s\n", level, msg);
	heard_count++;
	pthread_mutex_unlock(&heard_lock);
}

static inline int
heard_messages(void)
{
	pthread_mutex_lock(&heard_lock);
	int count = heard_count;
	pthread_mutex_unlock(&heard_lock);
	return count;
}

static inline void
heard_begin(void)
{
	event_set_log_callback(heard_note);
	pthread_mutex_lock(&heard_lock);
	heard[0] = '\0';
	heard_count = 0;
	pthread_mutex_unlock(&heard_lock);
}

/* Debug mode on, and ears open. */
static inline void
debug_begin(void)
{
	heard_begin();
	event_enable_debug_mode();
}

/* Each of the strings, up to NULL, one after the other. */
static inline void
check_says(int line, const char *text, ...)
{
	const char *at = text, *part;
	va_list ap;

	va_start(ap, text);
	while ((part = va_arg(ap, const char *))) {
		const char *found = strstr(at, part);
		if (!found)
			evrt_test_fail(__FILE__, line, "\"%s\" is missing, or out of order, in: %s", part, text);
		at = found + strlen(part);
	}
	va_end(ap);
}
#define SAYS(text, ...) check_says(__LINE__, (text), __VA_ARGS__, (const char *)NULL)

static inline void
nothing(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static inline void
open_pipe(int ends[2])
{
	CHECK_INT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
}

static inline void
close_pipe(int ends[2])
{
	close(ends[0]);
	close(ends[1]);
}

#endif
