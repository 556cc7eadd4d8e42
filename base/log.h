/* base/log.h — messages to the user, and the fatal path.
 *
 * Here:     four severities (libevent's numbers), the user's log and fatal callbacks, debug masks.
 * Not here: statistics, traces.
 * Threads:  any. A message is formatted in a stack buffer (1024 bytes, cut) and written in one call.
 */
#ifndef EVRT_BASE_LOG_H_
#define EVRT_BASE_LOG_H_

#include <stdint.h>

enum evrt_log_level { EVRT_LOG_DEBUG = 0, EVRT_LOG_MSG = 1, EVRT_LOG_WARN = 2, EVRT_LOG_ERR = 3 };

typedef void (*evrt_log_fn)(int level, const char *msg);
typedef void (*evrt_fatal_fn)(int err);

/* NULL restores the default: "[warn] text\n" and so on, on stderr. */
void evrt__log_set_callback(evrt_log_fn);
/* NULL restores the default: exit(err), or abort() for err == EVRT_ERR_ABORT. */
void evrt__log_set_fatal_callback(evrt_fatal_fn);
#define EVRT_ERR_ABORT ((int)0xdeaddead)
void evrt__log_set_debug_mask(uint32_t mask);
uint32_t evrt__log_debug_mask(void);

#define EVRT_PRINTF(a, b) __attribute__((format(printf, a, b)))
void evrt__msg(const char *fmt, ...) EVRT_PRINTF(1, 2);
void evrt__warnx(const char *fmt, ...) EVRT_PRINTF(1, 2);
/* Like evrt__warnx, followed by ": " and strerror(errno at entry). */
void evrt__warn(const char *fmt, ...) EVRT_PRINTF(1, 2);
/* Logs at EVRT_LOG_ERR, calls the fatal callback with `err`, and ends the process if that returns. */
_Noreturn void evrt__errx(int err, const char *fmt, ...) EVRT_PRINTF(2, 3);
_Noreturn void evrt__err(int err, const char *fmt, ...) EVRT_PRINTF(2, 3);

/* Detailed debug logging: compiled in where the build defines EVRT_DEBUG_LOG=1 (--//:debug_log=true),
 * spoken only while the mask is non-zero. Arguments are type-checked in every build. */
void evrt__debugx(const char *fmt, ...) EVRT_PRINTF(1, 2);
#ifndef EVRT_DEBUG_LOG
#define EVRT_DEBUG_LOG 0
#endif
#define EVRT_DEBUG(...) \
	((EVRT_DEBUG_LOG && evrt__log_debug_mask()) ? evrt__debugx(__VA_ARGS__) : (void)0)

#endif
