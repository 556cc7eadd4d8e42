/* testing/unit/threading/park_test.c — the transitions of the park word. */
#include "threading/park.h"

#include <stddef.h>
#include "testing/harness/test.h"

static void
one_write_per_sleep_none_while_awake(void)
{
	struct evrt_park p;

	evrt__park_init(&p);
	CHECK(!evrt__park_is_sleeping(&p));
	CHECK(!evrt__park_notify(&p)); /* awake */
	evrt__park_announce(&p);       /* forgets notices of before */
	CHECK(evrt__park_is_sleeping(&p));
	CHECK(evrt__park_notify(&p));
	CHECK(!evrt__park_notify(&p));
	CHECK(evrt__park_is_sleeping(&p));
	evrt__park_leave(&p);
	CHECK(!evrt__park_is_sleeping(&p));
	CHECK(!evrt__park_notify(&p));
	evrt__park_announce(&p);
	CHECK(evrt__park_notify(&p));
	evrt__park_leave(&p);
}

static void
leaving_without_notice(void)
{
	struct evrt_park p;

	evrt__park_init(&p);
	evrt__park_announce(&p);
	evrt__park_leave(&p);
	CHECK(!evrt__park_notify(&p));
	evrt__park_announce(&p);
	CHECK(evrt__park_notify(&p));
}

static const struct evrt_test_case cases[] = {
	{"one_write_per_sleep_none_while_awake", one_write_per_sleep_none_while_awake},
	{"leaving_without_notice", leaving_without_notice},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
