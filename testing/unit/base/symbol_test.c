/* testing/unit/base/symbol_test.c — addresses with and without a name. */
#include <stdint.h>
#include <string.h>
#include "base/symbol.h"
#include "testing/harness/test.h"

int symbol_test_known(int n) __attribute__((noinline, visibility("default")));
int symbol_test_known(int n) { return n * 3 + 1; }
static int __attribute__((noinline)) unknown(int n) { return n * 5 + 1; }

static char name[EVRT_SYMBOL_MAX];

static void
functions_have_names_and_files(void)
{
	const char *known = (const char *)(uintptr_t)symbol_test_known;

	evrt__symbol_name(known, name, sizeof(name));
	CHECK(strstr(name, "symbol_test_known (") == name && name[strlen(name) - 1] == ')');
	CHECK(!strchr(name, '/'));
	evrt__symbol_name(known + 1, name, sizeof(name));
	CHECK(strstr(name, "symbol_test_known+0x1 (") == name);
}

static void
other_addresses_are_numbers(void)
{
	evrt__symbol_name((const void *)(uintptr_t)unknown, name, sizeof(name));
	CHECK(strstr(name, "+0x") && !strstr(name, "unknown") && !strchr(name, '/'));
	evrt__symbol_name((const void *)16, name, sizeof(name));
	CHECK_STR_EQ(name, "0x10");
	evrt__symbol_name(NULL, name, sizeof(name));
	CHECK(name[0] != '\0');
}

static void
long_names_are_cut(void)
{
	char small[8];

	evrt__symbol_name((const void *)(uintptr_t)symbol_test_known, small, sizeof(small));
	CHECK_STR_EQ(small, "symbol_");
}

static const struct evrt_test_case cases[] = {
	{"functions_have_names_and_files", functions_have_names_and_files},
	{"other_addresses_are_numbers", other_addresses_are_numbers},
	{"long_names_are_cut", long_names_are_cut},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
