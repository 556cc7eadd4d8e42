/* base/log.c — see log.h.
 *
 * Here:     formatting, the callbacks, and what becomes of a fatal error.
 * Not here: deciding what is worth a message.
 * Threads:  any. The callbacks and the mask are relaxed atomics: the program sets them before it has threads,
 *           and they publish nothing.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/atomic.h"

#define LOG_TEXT_MAX 1024

static evrt_atomic(evrt_log_fn) user_log;
static evrt_atomic(evrt_fatal_fn) user_fatal;
static evrt_atomic(uint32_t) debug_mask;

void
evrt__log_set_callback(evrt_log_fn fn)
{
	evrt_store_relaxed(&user_log, fn);
}

void
evrt__log_set_fatal_callback(evrt_fatal_fn fn)
{
	evrt_store_relaxed(&user_fatal, fn);
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
log_emit(int level, const char *text)
{
	static const char *const names[] = {"debug", "msg", "warn", "err"};
	evrt_log_fn fn = evrt_load_relaxed(&user_log);

	if (fn) {
		fn(level, text);
		return;
	}
	/* Through stdio, which the program may have redirected; stderr hands a line over in one write. */
	fprintf(stderr, "[%s] %s\n", level >= 0 && level < 4 ? names[level] : "???", text);
}

/* Formats and sends. `err` > 0 adds ": " and its text, inside the same limit. */
static void __attribute__((format(printf, 3, 0)))
log_format(int level, int err, const char *fmt, va_list ap)
{
	char text[LOG_TEXT_MAX];
	char why[128];
	int saved_errno = errno;

	if (!fmt || vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	if (err > 0) {
		size_t len = strlen(text);
		snprintf(text + len, sizeof(text) - len, ": %s", strerror_r(err, why, sizeof(why)));
	}
	log_emit(level, text);
	errno = saved_errno; /* a message on an error path must not change the error */
}

void
evrt__msg(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_format(EVRT_LOG_MSG, 0, fmt, ap);
	va_end(ap);
}

void
evrt__warnx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_format(EVRT_LOG_WARN, 0, fmt, ap);
	va_end(ap);
}

void
evrt__warn(const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	va_start(ap, fmt);
	log_format(EVRT_LOG_WARN, err, fmt, ap);
	va_end(ap);
}

void
evrt__debugx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_format(EVRT_LOG_DEBUG, 0, fmt, ap);
	va_end(ap);
}

static _Noreturn void
log_die(int err)
{
	evrt_fatal_fn fn = evrt_load_relaxed(&user_fatal);

	if (fn)
		fn(err); /* is asked not to return; if it does, we end here all the same */
	if (err == EVRT_ERR_ABORT)
		abort();
	exit(err);
}

_Noreturn void
evrt__errx(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_format(EVRT_LOG_ERR, 0, fmt, ap);
	va_end(ap);
	log_die(err);
}

_Noreturn void
evrt__err(int err, const char *fmt, ...)
{
	int why = errno;
	va_list ap;

	va_start(ap, fmt);
	log_format(EVRT_LOG_ERR, why, fmt, ap);
	va_end(ap);
	log_die(err);
}
