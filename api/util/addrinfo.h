/* api/util/addrinfo.h — address lists that the library makes itself, beside those of the system.
 *
 * Here:     one item of such a list; evutil_freeaddrinfo tells the two kinds apart.
 * Not here: resolving (resolve.c, and evdns for the kind that does not block).
 * Threads:  any.
 */
#ifndef EVRT_API_UTIL_ADDRINFO_H_
#define EVRT_API_UTIL_ADDRINFO_H_

#include <event2/util.h>

/* Set in ai_flags of the first item of a list of ours; the system uses no such bit. */
#define EVRT_AI_OURS ((int)0x40000000)

/* A list of one item with a copy of `sa`, socket type and protocol as given; NULL when memory is out.
 * Lists are joined by ai_next; canonical names are made by evrt__strdup. */
struct evutil_addrinfo *evrt__addrinfo_new(
    const struct sockaddr *sa, socklen_t sa_len, int socktype, int protocol);

#endif
