/* base/log.c — messages, and the fatal path; see log.h. */
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic.h"

#define LOG_BYTES_MAX 1024

static evrt_atomic(evrt_log_fn) log_fn;
static evrt_atomic(evrt_fatal_fn) fatal_fn;
static evrt_atomic(uint32_t) debug_mask;

void
evrt__log_set_callback(evrt_log_fn fn)
{
	evrt_store_relaxed(&log_fn, fn);
}

void
evrt__log_set_fatal_callback(evrt_fatal_fn fn)
{
	evrt_store_relaxed(&fatal_fn, fn);
}

void
evrt__log_set_debug_mask(uint32_t mask)
{
	evrt_store_relaxed(&debug_mask, mask);
}

uint32_t
evrt__log_debug_mask(void)
{
	return evrt_load_relaxed(&debug_mask);
}

static void
log_emit(int level, const char *msg)
{
	static const char *const names[] = { "debug", "msg", "warn", "err" };
	evrt_log_fn fn = evrt_load_relaxed(&log_fn);
	char line[LOG_BYTES_MAX + 16];

	if (fn) {
		fn(level, msg);
		return;
	}
	int n = snprintf(line, sizeof(line), "[%s] %s\n", level >= 0 && level <= 3 ? names[level] : "???", msg);
	/* One call, so that lines of several threads do not mix. */
	ssize_t ignored = write(STDERR_FILENO, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
	(void)ignored;
}

/* `error`: 0, or an errno whose text is appended. */
static void
log_format(int level, int error, const char *fmt, va_list ap)
{
	char buf[LOG_BYTES_MAX];
	int n = fmt ? vsnprintf(buf, sizeof(buf), fmt, ap) : 0;

	if (n < 0 || !fmt)
		buf[n = 0] = '\0';
	if (error && (size_t)n < sizeof(buf) - 3)
		snprintf(buf + n, sizeof(buf) - (size_t)n, ": %s", strerror(error));
	log_emit(level, buf);
}

void
evrt__logv(int level, const char *fmt, va_list ap)
{
	log_format(level, 0, fmt, ap);
}

static _Noreturn void
log_die(int err)
{
	evrt_fatal_fn fn = evrt_load_relaxed(&fatal_fn);

	if (fn) {
		fn(err);
		log_emit(EVRT_LOG_ERR, "the fatal callback returned, which it must not; ending the process");
	}
	if (fn || err == EVRT_ERR_ABORT)
		abort();
	exit(err);
}

#define LOG_ARGS(level, error) \
	do { \
		va_list ap; \
		va_start(ap, fmt); \
		log_format((level), (error), fmt, ap); \
		va_end(ap); \
	} while (0)

void
evrt__msg(const char *fmt, ...)
{
	LOG_ARGS(EVRT_LOG_MSG, 0);
}

void
evrt__warnx(const char *fmt, ...)
{
	LOG_ARGS(EVRT_LOG_WARN, 0);
}

void
evrt__warn(const char *fmt, ...)
{
	int error = errno;

	LOG_ARGS(EVRT_LOG_WARN, error);
}

void
evrt__errx(int err, const char *fmt, ...)
{
	LOG_ARGS(EVRT_LOG_ERR, 0);
	log_die(err);
}

void
evrt__err(int err, const char *fmt, ...)
{
	int error = errno;

	LOG_ARGS(EVRT_LOG_ERR, error);
	log_die(err);
}

void
evrt__debugx(const char *fmt, ...)
{
	LOG_ARGS(EVRT_LOG_DEBUG, 0);
}
