/* testing/contract/libevent/bufferevent_kinds_test.c — the cases of bufferevent_cases.h on every kind but TLS.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/bufferevent_every_kind.h"

static const struct evrt_test_case cases[] = {
	CASES_OF(sockets)
	CASES_OF(pairs)
	CASES_OF_FILTER(filters_over_sockets)
	CASES_OF_FILTER(filters_over_pairs)
	CASES_OF_FILTER(filters_over_filters)
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
