/* testing/contract/libevent/tls_kinds_test.c — the cases of bufferevent_cases.h on TLS.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/tls_kinds.h"

static const struct evrt_test_case cases[] = {
	CASES_OF_TLS(tls12)
	CASES_OF_TLS(tls13)
	CASES_OF_TLS_FILTER(filter_over_sockets)
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
