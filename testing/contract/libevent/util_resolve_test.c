/* testing/contract/libevent/util_resolve_test.c — names and services to addresses, without a network.
 *
 * Here:     evutil_getaddrinfo with what needs no name server, evutil_freeaddrinfo, evutil_gai_strerror.
 * Threads:  one.
 *
 * Built against evrt and against Debian's libevent from this one source. Public headers only.
 */
#include <event2/util.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "testing/harness/test.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* What is asked, and what is told: an error, or the first address as "address:port". */
static const struct row {
	const char *node, *service;
	int flags, family, socktype, protocol;
	int error;
	const char *first;
} numbers[] = {
	{ "1.2.3.4", "80", 0, AF_UNSPEC, SOCK_STREAM, 0, 0, "1.2.3.4:80" },
	{ "1.2.3.4", "80", 0, AF_INET, SOCK_STREAM, 0, 0, "1.2.3.4:80" },
	{ "1.2.3.4", NULL, 0, AF_UNSPEC, SOCK_STREAM, 0, 0, "1.2.3.4:0" },
	{ "1.2.3.4", "80", EVUTIL_AI_NUMERICHOST | EVUTIL_AI_NUMERICSERV, AF_INET, SOCK_DGRAM, 0, 0, "1.2.3.4:80" },
	{ "::1", "80", 0, AF_UNSPEC, SOCK_STREAM, 0, 0, "::1:80" },
	{ "::1", "80", 0, AF_INET6, SOCK_STREAM, IPPROTO_TCP, 0, "::1:80" },
	{ "ffff::", "65535", EVUTIL_AI_NUMERICHOST, AF_INET6, SOCK_DGRAM, IPPROTO_UDP, 0, "ffff:::65535" },
	{ "127.0.0.1", "0", 0, AF_UNSPEC, SOCK_STREAM, 0, 0, "127.0.0.1:0" },
}, nobody[] = {
	{ NULL, "80", EVUTIL_AI_PASSIVE, AF_INET, SOCK_STREAM, 0, 0, "0.0.0.0:80" },
	{ NULL, "80", 0, AF_INET, SOCK_STREAM, 0, 0, "127.0.0.1:80" },
	{ NULL, "80", EVUTIL_AI_PASSIVE, AF_INET6, SOCK_STREAM, 0, 0, ":::80" },
	{ NULL, "80", 0, AF_INET6, SOCK_STREAM, 0, 0, "::1:80" },
	{ NULL, NULL, 0, AF_UNSPEC, SOCK_STREAM, 0, EVUTIL_EAI_NONAME, NULL },
	{ NULL, NULL, EVUTIL_AI_PASSIVE, AF_INET, SOCK_STREAM, 0, EVUTIL_EAI_NONAME, NULL },
}, errors[] = {
	{ "www.example.com", "80", EVUTIL_AI_NUMERICHOST, AF_UNSPEC, SOCK_STREAM, 0, EVUTIL_EAI_NONAME, NULL },
	{ "1.2.3.4.5", "80", EVUTIL_AI_NUMERICHOST, AF_UNSPEC, SOCK_STREAM, 0, EVUTIL_EAI_NONAME, NULL },
	{ "", "80", EVUTIL_AI_NUMERICHOST, AF_UNSPEC, SOCK_STREAM, 0, EVUTIL_EAI_NONAME, NULL },
	{ "1.2.3.4", "http", EVUTIL_AI_NUMERICSERV, AF_UNSPEC, SOCK_STREAM, 0, EVUTIL_EAI_NONAME, NULL },
	{ "1.2.3.4", "80", 0, 9999, SOCK_STREAM, 0, EVUTIL_EAI_FAMILY, NULL },
	{ "1.2.3.4", "80", 0, AF_UNSPEC, 9999, 0, EVUTIL_EAI_SOCKTYPE, NULL },
	{ "1.2.3.4", "no-such-service", 0, AF_UNSPEC, SOCK_STREAM, 0, EVUTIL_EAI_SERVICE, NULL },
}, services[] = {
	{ "1.2.3.4", "http", 0, AF_UNSPEC, SOCK_STREAM, 0, 0, "1.2.3.4:80" },
	{ "1.2.3.4", "https", 0, AF_UNSPEC, SOCK_STREAM, IPPROTO_TCP, 0, "1.2.3.4:443" },
	{ "1.2.3.4", "domain", 0, AF_UNSPEC, SOCK_DGRAM, IPPROTO_UDP, 0, "1.2.3.4:53" },
};

static struct evutil_addrinfo
hints(const struct row *row)
{
	struct evutil_addrinfo h;

	memset(&h, 0, sizeof(h));
	h.ai_flags = row->flags;
	h.ai_family = row->family;
	h.ai_socktype = row->socktype;
	h.ai_protocol = row->protocol;
	return h;
}

static void
format_address(const struct evutil_addrinfo *ai, char *buf, size_t len)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)(const void *)ai->ai_addr;
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)(const void *)ai->ai_addr;
	const void *addr = ai->ai_family == AF_INET ? (const void *)&sin->sin_addr : (const void *)&sin6->sin6_addr;

	CHECK(evutil_inet_ntop(ai->ai_family, addr, buf, len) != NULL);
	evutil_snprintf(buf + strlen(buf), len - strlen(buf), ":%d", ntohs(sin->sin_port));
}

static void
check_row(const struct row *row)
{
	struct evutil_addrinfo h = hints(row), *res = NULL;
	char text[80];
	int err = evutil_getaddrinfo(row->node, row->service, &h, &res);

	if (err != row->error)
		evrt_test_fail(__FILE__, __LINE__, "%s, %s: %d (%s)", row->node ? row->node : "NULL",
		    row->service ? row->service : "NULL", err, evutil_gai_strerror(err));
	if (err) {
		CHECK_PTR_EQ(res, NULL);
		return;
	}
	for (struct evutil_addrinfo *ai = res; ai; ai = ai->ai_next) {
		CHECK(row->family == AF_UNSPEC || ai->ai_family == row->family);
		CHECK_INT_EQ(ai->ai_socktype, row->socktype);
		CHECK_INT_EQ(ai->ai_family, ai->ai_addr->sa_family);
		CHECK_INT_EQ(ai->ai_addrlen,
		    ai->ai_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
	}
	format_address(res, text, sizeof(text));
	CHECK_STR_EQ(text, row->first);
	evutil_freeaddrinfo(res);
}

#define CHECK_ROWS(rows) \
	for (size_t i = 0; i < COUNT(rows); i++) \
		check_row(&(rows)[i]);

static void numbers_are_their_own_answer(void) { CHECK_ROWS(numbers) }
static void nobody_is_all_or_this_host(void) { CHECK_ROWS(nobody) }
static void what_cannot_be_is_an_error(void) { CHECK_ROWS(errors) }

static void
services_have_names(void)
{
	if (!getservbyname("http", "tcp") || !getservbyname("domain", "udp"))
		return; /* a system without a list of services */
	CHECK_ROWS(services)
}

static void
without_a_type_there_is_one_answer_for_each(void)
{
	struct evutil_addrinfo h, *res = NULL;
	int stream = 0, datagram = 0;
	memset(&h, 0, sizeof(h));
	h.ai_flags = EVUTIL_AI_NUMERICHOST;
	CHECK_INT_EQ(evutil_getaddrinfo("1.2.3.4", "80", &h, &res), 0);
	for (struct evutil_addrinfo *ai = res; ai; ai = ai->ai_next) {
		stream += ai->ai_socktype == SOCK_STREAM && ai->ai_protocol == IPPROTO_TCP;
		datagram += ai->ai_socktype == SOCK_DGRAM && ai->ai_protocol == IPPROTO_UDP;
	}
	CHECK_INT_EQ(stream, 1);
	CHECK_INT_EQ(datagram, 1);
	evutil_freeaddrinfo(res);
}

static void
hints_are_optional(void)
{
	struct evutil_addrinfo *res = NULL;
	CHECK_INT_EQ(evutil_getaddrinfo("1.2.3.4", "80", NULL, &res), 0);
	CHECK(res != NULL && res->ai_family == AF_INET);
	evutil_freeaddrinfo(res);
}

static void
a_canonical_name_can_be_asked_for(void)
{
	struct evutil_addrinfo h, *res = NULL;
	memset(&h, 0, sizeof(h));
	h.ai_flags = EVUTIL_AI_CANONNAME;
	h.ai_socktype = SOCK_STREAM;
	CHECK_INT_EQ(evutil_getaddrinfo("1.2.3.4", "80", &h, &res), 0);
	CHECK_STR_EQ(res->ai_canonname, "1.2.3.4");
	evutil_freeaddrinfo(res);
}

static void
this_host_has_a_name(void)
{
	struct evutil_addrinfo h, *res = NULL;
	memset(&h, 0, sizeof(h));
	h.ai_family = AF_INET;
	h.ai_socktype = SOCK_STREAM;
	CHECK_INT_EQ(evutil_getaddrinfo("localhost", "80", &h, &res), 0);
	char text[80];
	format_address(res, text, sizeof(text));
	CHECK_INT_EQ(strncmp(text, "127.", 4), 0);
	evutil_freeaddrinfo(res);
}

static void
errors_have_texts(void)
{
	static const int all[] = {
		EVUTIL_EAI_ADDRFAMILY, EVUTIL_EAI_AGAIN, EVUTIL_EAI_BADFLAGS, EVUTIL_EAI_FAIL, EVUTIL_EAI_FAMILY,
		EVUTIL_EAI_MEMORY, EVUTIL_EAI_NODATA, EVUTIL_EAI_NONAME, EVUTIL_EAI_SERVICE, EVUTIL_EAI_SOCKTYPE,
		EVUTIL_EAI_SYSTEM, EVUTIL_EAI_CANCEL,
	};
	for (size_t i = 0; i < COUNT(all); i++) {
		const char *text = evutil_gai_strerror(all[i]);
		CHECK(text && strlen(text) > 3);
		for (size_t j = 0; j < i; j++) {
			CHECK(all[i] != all[j]);
			CHECK(strcmp(text, evutil_gai_strerror(all[j])) != 0);
		}
	}
	CHECK_STR_EQ(evutil_gai_strerror(0), "No error");
	CHECK_STR_EQ(evutil_gai_strerror(EVUTIL_EAI_CANCEL), "Request canceled");
	CHECK(strlen(evutil_gai_strerror(123456)) > 3);
}

static void
flags_are_the_systems(void)
{
	CHECK_INT_EQ(EVUTIL_AI_PASSIVE, AI_PASSIVE);
	CHECK_INT_EQ(EVUTIL_AI_CANONNAME, AI_CANONNAME);
	CHECK_INT_EQ(EVUTIL_AI_NUMERICHOST, AI_NUMERICHOST);
	CHECK_INT_EQ(EVUTIL_AI_NUMERICSERV, AI_NUMERICSERV);
	CHECK_INT_EQ(EVUTIL_AI_V4MAPPED, AI_V4MAPPED);
	CHECK_INT_EQ(EVUTIL_AI_ALL, AI_ALL);
	CHECK_INT_EQ(EVUTIL_AI_ADDRCONFIG, AI_ADDRCONFIG);
	CHECK_INT_EQ(EVUTIL_EAI_NONAME, EAI_NONAME);
}

static const struct evrt_test_case cases[] = {
	{ "numbers_are_their_own_answer", numbers_are_their_own_answer },
	{ "nobody_is_all_or_this_host", nobody_is_all_or_this_host },
	{ "what_cannot_be_is_an_error", what_cannot_be_is_an_error },
	{ "services_have_names", services_have_names },
	{ "without_a_type_there_is_one_answer_for_each", without_a_type_there_is_one_answer_for_each },
	{ "hints_are_optional", hints_are_optional },
	{ "a_canonical_name_can_be_asked_for", a_canonical_name_can_be_asked_for },
	{ "this_host_has_a_name", this_host_has_a_name },
	{ "errors_have_texts", errors_have_texts },
	{ "flags_are_the_systems", flags_are_the_systems },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
