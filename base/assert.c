/* base/assert.c — see assert.h. */
#include "base/assert.h"

#include <stdlib.h>

#include "base/log.h"

void
evrt__assert_failed(const char *expr, const char *file, int line, const char *func)
{
	evrt__errx(EVRT_ERR_ABORT, "%s:%d: assertion failed in %s: %s", file, line, func, expr);
}
