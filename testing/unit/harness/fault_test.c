/* testing/unit/harness/fault_test.c — the plan of failing allocations, against base/mem.h. */
#include <errno.h>
#include "base/mem.h"
#include "testing/harness/fault.h"
#include "testing/harness/test.h"

static void
fault_fails_the_kth_once(void)
{
	void *p[4];

	evrt_test_fail_alloc(2);
	for (int i = 0; i < 4; i++) {
		errno = 0;
		p[i] = evrt__malloc(8);
		CHECK_INT_EQ(p[i] == NULL, i == 1);
		CHECK_INT_EQ(errno, i == 1 ? ENOMEM : 0);
		CHECK_INT_EQ(evrt_test_alloc_has_failed(), i >= 1);
	}
	CHECK_INT_EQ(evrt_test_alloc_count(), 4);
	for (int i = 0; i < 4; i++)
		evrt__free(p[i]);
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
}

static void
fault_zero_fails_none(void)
{
	evrt_test_fail_alloc(0);
	void *p = evrt__calloc(3, 5);
	CHECK(p);
	CHECK(!evrt_test_alloc_has_failed());
	CHECK_INT_EQ(evrt_test_allocs_live(), 1);
	evrt__free(p);
}

static void
fault_follows_realloc(void)
{
	evrt_test_fail_alloc(0);
	void *p = evrt__realloc(NULL, 10);
	CHECK_INT_EQ(evrt_test_allocs_live(), 1);
	evrt_test_fail_alloc(1);
	CHECK_PTR_EQ(evrt__realloc(p, 20), NULL);
	CHECK_INT_EQ(evrt_test_allocs_live(), 1);
	p = evrt__realloc(p, 30);
	CHECK(p);
	CHECK_INT_EQ(evrt_test_allocs_live(), 1);
	evrt__free(p);
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
}

static const struct evrt_test_case cases[] = {
	{ "fault_fails_the_kth_once", fault_fails_the_kth_once },
	{ "fault_zero_fails_none", fault_zero_fails_none },
	{ "fault_follows_realloc", fault_follows_realloc },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
