/* testing/harness/check.c — the checks, and the end of a case that fails one.
 *
 * Threads: any thread of the case's process. The first failure wins the page's reason; the process ends at
 *          once, without exit(): what other threads are doing would only hide the reason.
 */
#include "testing/harness/test.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "testing/harness/internal.h"

struct evrt_test_page *evrt__test_page;

static uint64_t seed;
/* Guards the page among the threads of a case. A failure never releases it: the process is ending. */
static pthread_mutex_t page_lock = PTHREAD_MUTEX_INITIALIZER;

void
evrt_test_fail(const char *file, int line, const char *fmt, ...)
{
	char text[sizeof(evrt__test_page->reason)];
	int head = snprintf(text, sizeof(text), "%s:%d: ", file, line);
	va_list ap;

	if (head < 0 || (size_t)head >= sizeof(text))
		head = 0;
	va_start(ap, fmt);
	vsnprintf(text + head, sizeof(text) - (size_t)head, fmt, ap);
	va_end(ap);

	pthread_mutex_lock(&page_lock);
	if (evrt__test_page && evrt__test_page->faulty)
		evrt__test_injector->look(&evrt__test_page->sight);
	if (evrt__test_page)
		memcpy(evrt__test_page->reason, text, sizeof(text));
	else
		fprintf(stderr, "%s\n", text);
	fflush(NULL);
	/* Outside of a run nobody reads an exit status but a fuzzer, and it takes note of signals only. */
	if (!evrt__test_page)
		abort();
	_exit(1);
}

void
evrt__test_int_eq(const char *file, int line, const char *expr, intmax_t a, intmax_t b)
{
	if (a != b)
		evrt_test_fail(file, line, "%s (%jd and %jd)", expr, a, b);
}

void
evrt__test_ptr_eq(const char *file, int line, const char *expr, const void *a, const void *b)
{
	if (a != b)
		evrt_test_fail(file, line, "%s (%p and %p)", expr, a, b);
}

void
evrt__test_str_eq(const char *file, int line, const char *expr, const char *a, const char *b)
{
	if (a == b || (a && b && strcmp(a, b) == 0))
		return;
	evrt_test_fail(file, line, "%s (%s%s%s and %s%s%s)", expr, a ? "\"" : "", a ? a : "NULL", a ? "\"" : "",
	    b ? "\"" : "", b ? b : "NULL", b ? "\"" : "");
}

void
evrt__test_mem_eq(const char *file, int line, const char *expr, const void *a, const void *b, size_t len)
{
	const unsigned char *x = a, *y = b;

	for (size_t i = 0; i < len; i++)
		if (x[i] != y[i])
			evrt_test_fail(file, line, "%s (byte %zu of %zu: 0x%02x and 0x%02x)", expr, i, len, x[i],
			    y[i]);
}

static int
seed_read(void)
{
	const char *text = getenv("EVRT_TEST_SEED");
	char *end;

	if (!text)
		return getrandom(&seed, sizeof(seed), 0) == (ssize_t)sizeof(seed) ? 0 : -1;
	errno = 0;
	seed = strtoull(text, &end, 0);
	return errno || end == text || *end ? -1 : 0;
}

int
evrt__test_seed_choose(void)
{
	char text[24];

	if (seed_read() < 0)
		return -1;
	/* A seed of its own, if there is one, stays. */
	snprintf(text, sizeof(text), "%llu", (unsigned long long)seed);
	return EVRT_SHAKE_BUILD ? setenv("EVRT_SHAKE_SEED", text, 0) : 0;
}

unsigned long long
evrt__test_seed_value(void)
{
	return seed;
}

uint64_t
evrt_test_seed(void)
{
	pthread_mutex_lock(&page_lock);
	if (evrt__test_page)
		evrt__test_page->seed_used = 1;
	pthread_mutex_unlock(&page_lock);
	return seed;
}
