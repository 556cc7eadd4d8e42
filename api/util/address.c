/* api/util/address.c — addresses as text and as numbers.
 *
 * Here:     inet_ntop, inet_pton with and without a scope, "address:port", order.
 * Not here: names (resolve.c).
 * Threads:  any.
 */
#include <event2/util.h>

#include <arpa/inet.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

/* "[" + address + "%" + name of an interface + "]:65535" all fit; longer text is no address. */
#define ADDRESS_TEXT_MAX 128

const char *
evutil_inet_ntop(int af, const void *src, char *dst, size_t len)
{
	return inet_ntop(af, src, dst, len < UINT_MAX ? (socklen_t)len : (socklen_t)UINT_MAX);
}

int
evutil_inet_pton(int af, const char *src, void *dst)
{
	return inet_pton(af, src, dst);
}

/* Digits only, no sign, no blanks; at most `max`. False for anything else. */
static bool
address_number(const char *s, unsigned max, unsigned *out)
{
	unsigned n = 0;
	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		unsigned digit = (unsigned)(*s - '0');
		if (n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*out = n;
	return true;
}

int
evutil_inet_pton_scope(int af, const char *src, void *dst, unsigned *indexp)
{
	char host[ADDRESS_TEXT_MAX];
	unsigned index = 0;
	*indexp = 0;
	const char *percent = af == AF_INET6 ? strchr(src, '%') : NULL;
	if (!percent)
		return evutil_inet_pton(af, src, dst);
	size_t host_len = (size_t)(percent - src);
	if (host_len >= sizeof(host))
		return 0;
	memcpy(host, src, host_len);
	host[host_len] = '\0';
	if (percent[1]) { /* an empty scope is none */
		index = if_nametoindex(percent + 1);
		if (index == 0 && !address_number(percent + 1, UINT_MAX, &index))
			return 0;
	}
	int result = evutil_inet_pton(af, host, dst);
	if (result == 1)
		*indexp = index;
	return result;
}

/* `text` cut into its parts. */
struct address_parts {
	char host[ADDRESS_TEXT_MAX];
	const char *port; /* NULL: none */
	bool is_ipv6;
};

/* Tells the five formats apart: brackets, or more than one colon, mean IPv6. */
static bool
address_split(const char *text, struct address_parts *out)
{
	size_t len = strlen(text);
	const char *colon = strchr(text, ':');
	out->port = NULL;
	out->is_ipv6 = true;
	if (*text == '[') {
		const char *close = strchr(text, ']');
		if (!close || (close[1] != '\0' && close[1] != ':'))
			return false;
		out->port = close[1] == ':' ? close + 2 : NULL;
		text++;
		len = (size_t)(close - text);
	} else if (!colon || !strchr(colon + 1, ':')) {
		out->is_ipv6 = false;
		out->port = colon ? colon + 1 : NULL;
		len = colon ? (size_t)(colon - text) : len;
	}
	if (len >= sizeof(out->host))
		return false;
	memcpy(out->host, text, len);
	out->host[len] = '\0';
	return true;
}

static bool
address_fill(const struct address_parts *parts, unsigned port, struct sockaddr_storage *ss, int *len)
{
	memset(ss, 0, sizeof(*ss));
	if (parts->is_ipv6) {
		struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;
		unsigned scope;
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons((uint16_t)port);
		if (evutil_inet_pton_scope(AF_INET6, parts->host, &sin6->sin6_addr, &scope) != 1)
			return false;
		sin6->sin6_scope_id = scope;
		*len = (int)sizeof(*sin6);
		return true;
	}
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;
	sin->sin_family = AF_INET;
	sin->sin_port = htons((uint16_t)port);
	*len = (int)sizeof(*sin);
	return evutil_inet_pton(AF_INET, parts->host, &sin->sin_addr) == 1;
}

int
evutil_parse_sockaddr_port(const char *str, struct sockaddr *out, int *outlen)
{
	struct address_parts parts;
	struct sockaddr_storage ss;
	unsigned port = 0;
	int len;
	if (!address_split(str, &parts))
		return -1;
	if (parts.port && (!address_number(parts.port, 65535, &port) || port == 0))
		return -1;
	if (!address_fill(&parts, port, &ss, &len) || len > *outlen)
		return -1;
	memset(out, 0, (size_t)*outlen);
	memcpy(out, &ss, (size_t)len);
	*outlen = len;
	return 0;
}

static int
address_order(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

int
evutil_sockaddr_cmp(const struct sockaddr *sa1, const struct sockaddr *sa2, int include_port)
{
	int order;
	if (sa1->sa_family != sa2->sa_family)
		return (int)sa1->sa_family - (int)sa2->sa_family;
	if (sa1->sa_family == AF_INET) {
		const struct sockaddr_in *a = (const struct sockaddr_in *)sa1;
		const struct sockaddr_in *b = (const struct sockaddr_in *)sa2;
		order = address_order(ntohl(a->sin_addr.s_addr), ntohl(b->sin_addr.s_addr));
		if (order == 0 && include_port)
			order = address_order(ntohs(a->sin_port), ntohs(b->sin_port));
		return order;
	}
	if (sa1->sa_family == AF_INET6) {
		const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)sa1;
		const struct sockaddr_in6 *b = (const struct sockaddr_in6 *)sa2;
		order = memcmp(&a->sin6_addr, &b->sin6_addr, sizeof(a->sin6_addr));
		if (order == 0 && include_port)
			order = address_order(ntohs(a->sin6_port), ntohs(b->sin6_port));
		return order;
	}
	return 1; /* as libevent: other families are never equal */
}
