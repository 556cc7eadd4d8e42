/* testing/unit/base/mem_test.c — the door to the allocator, and the rules towards replaced functions. */
#include "base/mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "testing/harness/fault.h"
#include "testing/harness/test.h"

static int mallocs, reallocs, frees, broken_rules;

static void *
rule_malloc(size_t size)
{
	mallocs++;
	broken_rules += size == 0;
	void *p = malloc(size);
	if (p)
		memset(p, 0xa5, size); /* calloc must not rely on clean memory */
	return p;
}

static void *
rule_realloc(void *p, size_t size)
{
	reallocs++;
	broken_rules += !p && size == 0;
	if (size == 0) {
		free(p);
		return NULL;
	}
	return realloc(p, size);
}

static void
rule_free(void *p)
{
	frees++;
	broken_rules += p == NULL;
	free(p);
}

/* The behaviour that does not depend on whose functions do the work. */
static void
check_door(void)
{
	static const unsigned char zeros[80];
	char *p = evrt__malloc(10);

	CHECK(p != NULL);
	memcpy(p, "123456789", 10);
	p = evrt__realloc(p, 1000);
	CHECK_STR_EQ(p, "123456789");
	CHECK(!evrt__realloc(p, 0));
	p = evrt__realloc(NULL, 5);
	CHECK(p != NULL);
	evrt__free(p);
	p = evrt__calloc(8, 10);
	CHECK_MEM_EQ(p, zeros, 80);
	evrt__free(p);
	p = evrt__strdup("text");
	CHECK_STR_EQ(p, "text");
	evrt__free(p);
	evrt__free(NULL);
}

#define CHECK_NO_MEMORY(call) \
	do { \
		errno = 0; \
		CHECK(!(call)); \
		CHECK_INT_EQ(errno, ENOMEM); \
	} while (0)

static void
check_refusals(void)
{
	volatile size_t most = SIZE_MAX; /* volatile: or the compiler warns of what is asked here on purpose */

	CHECK_NO_MEMORY(evrt__malloc(0));
	CHECK_NO_MEMORY(evrt__calloc(0, 5));
	CHECK_NO_MEMORY(evrt__calloc(5, 0));
	CHECK_NO_MEMORY(evrt__realloc(NULL, 0));
	CHECK_NO_MEMORY(evrt__calloc(most, 2));
	CHECK_NO_MEMORY(evrt__calloc(most / 2 + 1, 2));
	errno = 0;
	CHECK(!evrt__strdup(NULL));
	CHECK_INT_EQ(errno, EINVAL);
}

static void
library_functions_by_default(void)
{
	check_door();
	check_refusals();
}

static void
replaced_functions_get_all_and_only_what_they_may(void)
{
	evrt__mem_set_functions(rule_malloc, rule_realloc, rule_free);
	check_door();
	CHECK_INT_EQ(mallocs, 3);
	CHECK_INT_EQ(reallocs, 3);
	CHECK_INT_EQ(frees, 3);
	check_refusals();
	CHECK_INT_EQ(mallocs + reallocs + frees, 9);
	CHECK_INT_EQ(broken_rules, 0);
}

static void
null_restores_each(void)
{
	evrt__mem_set_functions(rule_malloc, rule_realloc, rule_free);
	evrt__mem_set_functions(rule_malloc, NULL, NULL);
	check_door();
	CHECK_INT_EQ(mallocs, 3);
	CHECK_INT_EQ(reallocs + frees, 0);
	evrt__mem_set_functions(NULL, NULL, NULL);
	check_door();
	CHECK_INT_EQ(mallocs, 3);
}

static void *
silent_malloc(size_t size)
{
	(void)size;
	return NULL;
}

static void *
silent_realloc(void *p, size_t size)
{
	(void)p, (void)size;
	return NULL;
}

static void
failure_is_enomem_though_the_function_sets_nothing(void)
{
	evrt__mem_set_functions(silent_malloc, silent_realloc, NULL);
	CHECK_NO_MEMORY(evrt__malloc(8));
	CHECK_NO_MEMORY(evrt__calloc(8, 8));
	CHECK_NO_MEMORY(evrt__realloc(NULL, 8));
	CHECK_NO_MEMORY(evrt__strdup("x"));
}

static void
failed_realloc_leaves_the_block(void)
{
	evrt_test_fail_alloc(0);
	char *p = evrt__strdup("kept");
	evrt_test_fail_alloc(1);
	CHECK(!evrt__realloc(p, 100));
	CHECK_STR_EQ(p, "kept");
	evrt__free(p);
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
}

static const struct evrt_test_case cases[] = {
	{"library_functions_by_default", library_functions_by_default},
	{"replaced_functions_get_all_and_only_what_they_may", replaced_functions_get_all_and_only_what_they_may},
	{"null_restores_each", null_restores_each},
	{"failure_is_enomem_though_the_function_sets_nothing", failure_is_enomem_though_the_function_sets_nothing},
	{"failed_realloc_leaves_the_block", failed_realloc_leaves_the_block},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
