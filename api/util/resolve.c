/* api/util/resolve.c — names to addresses by the system's resolver, which blocks.
 *
 * Here:     evutil_getaddrinfo and the release and error texts that it shares with evdns_getaddrinfo.
 * Not here: DNS (api/dns).
 * Threads:  any.
 */
#include <event2/util.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include "api/util/addrinfo.h"
#include "base/mem.h"

static bool
resolve_is_numeric(const char *host)
{
	struct in6_addr any;
	unsigned scope;
	return host && (evutil_inet_pton(AF_INET, host, &any) == 1 ||
	    evutil_inet_pton_scope(AF_INET6, host, &any, &scope) == 1);
}

int
evutil_getaddrinfo(const char *nodename, const char *servname, const struct evutil_addrinfo *hints_in,
    struct evutil_addrinfo **res)
{
	struct addrinfo hints;
	memset(&hints, 0, sizeof(hints));
	*res = NULL;
	/* Only the fields that are hints: others are to be 0, and some systems insist. */
	if (hints_in) {
		hints.ai_flags = hints_in->ai_flags;
		hints.ai_family = hints_in->ai_family;
		hints.ai_socktype = hints_in->ai_socktype;
		hints.ai_protocol = hints_in->ai_protocol;
	}
	/* The flag is there to save look-ups; a number needs none, and is to work without any interface. */
	if ((hints.ai_flags & AI_ADDRCONFIG) && resolve_is_numeric(nodename))
		hints.ai_flags &= ~AI_ADDRCONFIG;
	int err = getaddrinfo(nodename, servname, &hints, res);
	if (err)
		*res = NULL;
	return err;
}

struct evutil_addrinfo *
evrt__addrinfo_new(const struct sockaddr *sa, socklen_t sa_len, int socktype, int protocol)
{
	struct evutil_addrinfo *ai = evrt__calloc(1, sizeof(*ai) + sa_len);
	if (!ai)
		return NULL;
	ai->ai_flags = EVRT_AI_OURS;
	ai->ai_family = sa->sa_family;
	ai->ai_socktype = socktype;
	ai->ai_protocol = protocol;
	ai->ai_addrlen = sa_len;
	ai->ai_addr = (struct sockaddr *)(ai + 1);
	memcpy(ai->ai_addr, sa, sa_len);
	return ai;
}

void
evutil_freeaddrinfo(struct evutil_addrinfo *ai)
{
	if (ai && !(ai->ai_flags & EVRT_AI_OURS)) {
		freeaddrinfo(ai);
		return;
	}
	while (ai) {
		struct evutil_addrinfo *next = ai->ai_next;
		evrt__free(ai->ai_canonname);
		evrt__free(ai);
		ai = next;
	}
}

const char *
evutil_gai_strerror(int err)
{
	if (err == 0)
		return "No error";
	if (err == EVUTIL_EAI_CANCEL)
		return "Request canceled";
	return gai_strerror(err);
}
