/* base/assert.h — the three kinds of assertion.
 *
 * Here:     EVRT_ASSERT (cheap, in every build), EVRT_DCHECK (may be costly, only where the build
 *           defines EVRT_DCHECKS=1: debug, lockdebug, eventdebug and sanitizer configs).
 * Not here: errors of users or of the system; those are returned, or end in base/log.h's fatal path.
 * Threads:  any.
 */
#ifndef EVRT_BASE_ASSERT_H_
#define EVRT_BASE_ASSERT_H_

#ifndef EVRT_DCHECKS
#define EVRT_DCHECKS 0
#endif

/* Reports through base/log.h (EVRT_LOG_ERR) and aborts. Never returns. */
_Noreturn void evrt__assert_failed(const char *expr, const char *file, int line, const char *func);

#define EVRT_ASSERT(expr) \
	((expr) ? (void)0 : evrt__assert_failed(#expr, __FILE__, __LINE__, __func__))

/* The operand is type-checked in every build, evaluated only where checks are on. */
#define EVRT_DCHECK(expr) ((!EVRT_DCHECKS || (expr)) ? (void)0 \
	: evrt__assert_failed(#expr, __FILE__, __LINE__, __func__))

#define EVRT_LIKELY(x)   __builtin_expect(!!(x), 1)
#define EVRT_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define EVRT_CACHE_LINE 64

/* The enclosing object of type `type` whose member `member` is at `ptr`. */
#define EVRT_CONTAINER_OF(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

#endif
