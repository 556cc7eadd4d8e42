/* api/dns/text.h — the words of configuration files, and what a word may be: an address, a name.
 *
 * Here:     pieces of a text that need not end with NUL; lines, words, addresses, names as hash keys.
 * Not here: what the words mean (resolv_conf.c, hosts.c, options.c); names as messages carry them (wire_name.c).
 * Threads:  any; nothing is kept. Pure, but for the index of an interface that an address names ("fe80::1%eth0").
 */
#ifndef EVRT_API_DNS_TEXT_H_
#define EVRT_API_DNS_TEXT_H_

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* The longest name as text, without a dot at its end and without the NUL (RFC 1035 section 2.3.4). */
#define EVRT_DNS_NAME_TEXT_MAX 253

struct evrt_dns_text {
	const char *s;
	size_t len;
};

/* Each cuts one piece off the front of *rest: a line without its LF; a word between blanks (a CR is one). False:
 * there was none. A text may lack its last LF. */
bool evrt__dns_text_line(struct evrt_dns_text *rest, struct evrt_dns_text *line);
bool evrt__dns_text_word(struct evrt_dns_text *rest, struct evrt_dns_text *word);
/* Cuts *rest behind the first `separator`; without one, all of it goes into *head and *rest becomes empty. */
void evrt__dns_text_cut(struct evrt_dns_text *rest, char separator, struct evrt_dns_text *head);
bool evrt__dns_text_is(struct evrt_dns_text, const char *word);

union evrt_dns_sockaddr {
	struct sockaddr any; /* sa_family AF_UNSPEC: no address */
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
};

/* Reads "v4", "v6", "v6%scope", and these with a port as evutil_parse_sockaddr_port has it; 0 is no port. */
bool evrt__dns_text_address(struct evrt_dns_text, union evrt_dns_sockaddr *out);

/* Whether the text could be the name of a host: labels of 1 to 63 bytes with one dot between them, at most one
 * at the end, no byte that is a blank or a control character, and no longer than a name can be. */
bool evrt__dns_text_is_name(struct evrt_dns_text);

/* Names as keys: A-Z and a-z are equal (RFC 4343). The seed is secret where others choose the names. */
uint64_t evrt__dns_text_hash(struct evrt_dns_text, uint64_t seed);
bool evrt__dns_text_equal(struct evrt_dns_text, struct evrt_dns_text);
/* Without the one dot at the end that "example.org." has, and "." keeps. */
struct evrt_dns_text evrt__dns_text_undotted(struct evrt_dns_text);

#endif
