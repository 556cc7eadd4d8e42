/* testing/unit/api/bufferevent/filter_kinds_test.c — what filters do as all kinds do, and libevent's filters do not.
 *
 * Here:     all cases of testing/contract/libevent/bufferevent_cases.h on filters.
 * Threads:  one.
 */
#include "testing/contract/libevent/bufferevent_every_kind.h"

static const struct evrt_test_case cases[] = {
	CASES_OF(filters_over_sockets)
	CASES_OF(filters_over_pairs)
	CASES_OF(filters_over_filters)
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
