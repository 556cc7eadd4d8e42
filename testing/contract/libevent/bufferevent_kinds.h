/* testing/contract/libevent/bufferevent_kinds.h — what the suites about pairs and filters share.
 *
 * Here:     a pair; a filter over one of its ends; callbacks and filter functions that write a trace.
 * Threads:  one.
 */
#ifndef EVRT_TESTING_CONTRACT_LIBEVENT_BUFFEREVENT_KINDS_H_
#define EVRT_TESTING_CONTRACT_LIBEVENT_BUFFEREVENT_KINDS_H_

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/util.h>

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/harness/test.h"

/* What callbacks said: who (their argument), then "r5", "w0" as lengths of input and output, or "e11". Filter
 * functions: "i(3,0,-1,0)" and "o(…)", the lengths of src and dst, the limit and the mode. */
static char trace[1024];
static struct event_base *base;
static struct bufferevent *a, *b; /* ends of a pair; with filters: a filter over `below`, and the far end */
static struct bufferevent *below;

static inline void
say(const char *format, ...)
{
	size_t n = strlen(trace);
	va_list args;

	CHECK(n < sizeof(trace) / 2); /* a callback that comes again and again */
	if (n > 0)
		trace[n++] = ' ';
	va_start(args, format);
	vsnprintf(trace + n, sizeof(trace) - n, format, args);
	va_end(args);
}

static inline void
said(const char *file, int line, const char *words)
{
	evrt__test_str_eq(file, line, "trace", trace, words);
	trace[0] = '\0';
}
#define CHECK_SAID(words) said(__FILE__, __LINE__, words)

static inline void
on_read(struct bufferevent *bev, void *who)
{
	say("%sr%zu", (char *)who, evbuffer_get_length(bufferevent_get_input(bev)));
}

static inline void
on_write(struct bufferevent *bev, void *who)
{
	say("%sw%zu", (char *)who, evbuffer_get_length(bufferevent_get_output(bev)));
}

static inline void
on_event(struct bufferevent *bev, short what, void *who)
{
	(void)bev;
	say("%se%x", (char *)who, (unsigned)(unsigned short)what);
}

static inline size_t in(struct bufferevent *bev) { return evbuffer_get_length(bufferevent_get_input(bev)); }
static inline size_t out(struct bufferevent *bev) { return evbuffer_get_length(bufferevent_get_output(bev)); }
static inline void drain(struct bufferevent *bev, size_t n) { evbuffer_drain(bufferevent_get_input(bev), n); }

static inline void
put(struct bufferevent *bev, const char *text)
{
	CHECK_INT_EQ(bufferevent_write(bev, text, strlen(text)), 0);
}

static inline void
check_gets(const char *file, int line, struct bufferevent *bev, const char *text)
{
	char got[256] = "";

	bufferevent_read(bev, got, sizeof(got) - 1);
	evrt__test_str_eq(file, line, "what arrives", got, text);
}
#define CHECK_GETS(bev, text) check_gets(__FILE__, __LINE__, bev, text)

static inline void
turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static inline struct timeval
ms(long n)
{
	return (struct timeval){ n / 1000, (n % 1000) * 1000 };
}

static inline void
open_pair(int options)
{
	struct bufferevent *ends[2];

	base = event_base_new();
	CHECK_INT_EQ(bufferevent_pair_new(base, options, ends), 0);
	a = ends[0];
	b = ends[1];
	bufferevent_setcb(a, on_read, on_write, on_event, "A");
	bufferevent_setcb(b, on_read, on_write, on_event, "B");
}

/* A case sets to NULL what it has freed. */
static inline void
close_all(void)
{
	if (a)
		bufferevent_free(a);
	turn(); /* a filter's context goes before what is below it */
	if (below)
		bufferevent_free(below);
	if (b)
		bufferevent_free(b);
	turn();
	event_base_free(base);
}

/* --- filters ------------------------------------------------------------------------------ */

/* How the functions behave. */
static enum bufferevent_filter_result in_says = BEV_OK, out_says = BEV_OK;
static size_t in_step = 1024, out_step = 1024; /* bytes a call moves at most */
static int contexts_freed;

static inline enum bufferevent_filter_result
filter_step(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, size_t step)
{
	size_t n = evbuffer_get_length(src);

	n = n > step ? step : n;
	if (limit >= 0 && n > (size_t)limit)
		n = (size_t)limit;
	if (n == 0)
		return BEV_NEED_MORE;
	CHECK_INT_EQ(evbuffer_remove_buffer(src, dst, n), n);
	return BEV_OK;
}

static inline enum bufferevent_filter_result
filter_in(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *arg)
{
	(void)arg;
	say("i(%zu,%zu,%ld,%d)", evbuffer_get_length(src), evbuffer_get_length(dst), (long)limit, (int)mode);
	return in_says == BEV_OK ? filter_step(src, dst, limit, in_step) : in_says;
}

static inline enum bufferevent_filter_result
filter_out(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode, void *arg)
{
	(void)arg;
	say("o(%zu,%zu,%ld,%d)", evbuffer_get_length(src), evbuffer_get_length(dst), (long)limit, (int)mode);
	return out_says == BEV_OK ? filter_step(src, dst, limit, out_step) : out_says;
}

static inline void
count_context(void *arg)
{
	(void)arg;
	contexts_freed++;
}

/* Both may read. */
static inline void
open_filter(int options)
{
	open_pair(0);
	below = a;
	a = bufferevent_filter_new(below, filter_in, filter_out, options, count_context, NULL);
	CHECK(a != NULL);
	bufferevent_setcb(a, on_read, on_write, on_event, "A");
	CHECK_INT_EQ(bufferevent_enable(a, EV_READ), 0);
	CHECK_INT_EQ(bufferevent_enable(b, EV_READ), 0);
	if (options & BEV_OPT_CLOSE_ON_FREE)
		below = NULL;
}

#endif
