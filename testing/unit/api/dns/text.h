/* testing/unit/api/dns/text.h — strings as texts, in blocks of their exact size: an address sanitizer sees a read
 * beyond their end. */
#ifndef EVRT_TESTING_UNIT_API_DNS_TEXT_H_
#define EVRT_TESTING_UNIT_API_DNS_TEXT_H_

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/dns/text.h"
#include "testing/harness/test.h"

struct text_block {
	struct text_block *next;
	char bytes[];
};

/* The block lives as long as the case's process; the list says that it is not lost. */
static inline struct evrt_dns_text
text_of_bytes(const char *bytes, size_t len)
{
	static struct text_block *blocks;
	struct text_block *b = malloc(sizeof(*b) + len);

	CHECK(b != NULL);
	b->next = blocks;
	blocks = b;
	memcpy(b->bytes, bytes, len);
	return (struct evrt_dns_text){b->bytes, len};
}

static inline struct evrt_dns_text
text_of(const char *s)
{
	return text_of_bytes(s, strlen(s));
}

#define CHECK_TEXT_EQ(text, string) CHECK_STR_EQ(text_string(text), string)

/* One at a time. */
static inline const char *
text_string(struct evrt_dns_text text)
{
	static char buf[1024];

	CHECK(text.len < sizeof(buf));
	memcpy(buf, text.s, text.len);
	buf[text.len] = '\0';
	return buf;
}

/* An address as text, with "%index" and "#port" where there are such. One at a time. */
static inline const char *
text_address(const union evrt_dns_sockaddr *a)
{
	static char buf[80];
	bool v6 = a->any.sa_family == AF_INET6;
	const void *address = v6 ? (const void *)&a->in6.sin6_addr : &a->in4.sin_addr;
	unsigned port = ntohs(v6 ? a->in6.sin6_port : a->in4.sin_port);

	CHECK(inet_ntop(a->any.sa_family, address, buf, sizeof(buf)) != NULL);
	if (v6 && a->in6.sin6_scope_id)
		snprintf(buf + strlen(buf), sizeof(buf) - strlen(buf), "%%%u", (unsigned)a->in6.sin6_scope_id);
	if (port)
		snprintf(buf + strlen(buf), sizeof(buf) - strlen(buf), "#%u", port);
	return buf;
}

#endif
