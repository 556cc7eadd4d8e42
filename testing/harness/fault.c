/* testing/harness/fault.c — see fault.h. */
#include "testing/harness/fault.h"

#include <errno.h>
#include <stdlib.h>
#include "base/atomic.h"
#include "base/mem.h"

/* Relaxed throughout: counters that publish nothing; tests read them when their threads are joined. */
static evrt_atomic(uint64_t) asked;
static evrt_atomic(uint64_t) fail_at;
static evrt_atomic(int64_t) live;

/* Counts an allocation; true: it is the one to fail. */
static bool
plan_fails(void)
{
	if (evrt_add_relaxed(&asked, 1) + 1 != evrt_load_relaxed(&fail_at))
		return false;
	errno = ENOMEM;
	return true;
}

static void *
plan_malloc(size_t size)
{
	if (plan_fails())
		return NULL;
	void *p = malloc(size);
	if (p)
		evrt_add_relaxed(&live, 1);
	return p;
}

static void *
plan_realloc(void *old, size_t size)
{
	if (plan_fails())
		return NULL;
	void *p = realloc(old, size);
	if (!old && p)
		evrt_add_relaxed(&live, 1);
	/* Some allocators free at size 0, others return a small block. */
	if (old && !p && size == 0)
		evrt_sub_relaxed(&live, 1);
	return p;
}

static void
plan_free(void *p)
{
	if (p)
		evrt_sub_relaxed(&live, 1);
	free(p);
}

void
evrt_test_fail_alloc(uint64_t k)
{
	static bool in_place;

	evrt_store_relaxed(&asked, 0);
	evrt_store_relaxed(&fail_at, k);
	if (in_place)
		return;
	evrt__mem_set_functions(plan_malloc, plan_realloc, plan_free);
	in_place = true;
}

bool
evrt_test_alloc_has_failed(void)
{
	uint64_t k = evrt_load_relaxed(&fail_at);
	return k != 0 && evrt_load_relaxed(&asked) >= k;
}

uint64_t
evrt_test_alloc_count(void)
{
	return evrt_load_relaxed(&asked);
}

int64_t
evrt_test_allocs_live(void)
{
	return evrt_load_relaxed(&live);
}
