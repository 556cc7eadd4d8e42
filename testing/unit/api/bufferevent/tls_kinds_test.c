/* testing/unit/api/bufferevent/tls_kinds_test.c — what TLS does as all kinds do, and libevent's TLS does not.
 *
 * Here:     all cases of testing/contract/libevent/bufferevent_cases.h, but for the read timeout over a socket.
 * Threads:  one.
 */
#include "testing/contract/libevent/tls_kinds.h"

#define CASES_OF_SOCKET(kind) \
	CASE_LIST(CASE_ROW, kind) CASE_LIST_NO_TLS(CASE_ROW, kind) CASE_LIST_NO_FILTER(CASE_ROW, kind)

static const struct evrt_test_case cases[] = {
	CASES_OF_SOCKET(tls12)
	CASES_OF_SOCKET(tls13)
	CASES_OF(filter_over_sockets)
	CASES_OF(filter_over_pairs)
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
