/* base/assert.c — the end of a failed assertion.
 *
 * Here:     the out-of-line half of EVRT_ASSERT and EVRT_DCHECK.
 * Not here: the macros (assert.h), what "fatal" does (log.c).
 * Threads:  any.
 */
#include "base/assert.h"

#include "base/log.h"
#include "base/shake.h"

_Noreturn void
evrt__assert_failed(const char *expr, const char *file, int line, const char *func)
{
	EVRT_SHAKE_TELL();
	evrt__errx(EVRT_ERR_ABORT, "%s:%d: %s: assertion failed: %s", file, line, func, expr);
}
