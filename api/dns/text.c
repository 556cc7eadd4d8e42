/* api/dns/text.c — see text.h. */
#include "api/dns/text.h"

#include <event2/util.h>
#include <string.h>

#define LABEL_MAX 63
/* The longest text of an address: 39 of IPv6, a scope of 15 letters, brackets, and a port. */
#define ADDRESS_TEXT_BYTES 80

void
evrt__dns_text_cut(struct evrt_dns_text *rest, char separator, struct evrt_dns_text *head)
{
	const char *end = rest->len ? memchr(rest->s, separator, rest->len) : NULL;

	*head = *rest;
	if (end) {
		head->len = (size_t)(end - rest->s);
		rest->s += head->len + 1;
		rest->len -= head->len + 1;
	} else {
		rest->len = 0;
	}
}

bool
evrt__dns_text_line(struct evrt_dns_text *rest, struct evrt_dns_text *line)
{
	if (rest->len == 0)
		return false;
	evrt__dns_text_cut(rest, '\n', line);
	return true;
}

static bool
text_is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool
evrt__dns_text_word(struct evrt_dns_text *rest, struct evrt_dns_text *word)
{
	size_t begin = 0, end;

	while (begin < rest->len && text_is_blank(rest->s[begin]))
		begin++;
	for (end = begin; end < rest->len && !text_is_blank(rest->s[end]); end++)
		;
	*word = (struct evrt_dns_text){rest->s + begin, end - begin};
	rest->s += end;
	rest->len -= end;
	return word->len > 0;
}

bool
evrt__dns_text_is(struct evrt_dns_text text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.s, word, text.len) == 0;
}

bool
evrt__dns_text_address(struct evrt_dns_text text, union evrt_dns_sockaddr *out)
{
	char copy[ADDRESS_TEXT_BYTES];
	struct sockaddr_storage ss;
	int len = (int)sizeof(ss);

	if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.s, '\0', text.len))
		return false;
	memcpy(copy, text.s, text.len);
	copy[text.len] = '\0';
	if (evutil_parse_sockaddr_port(copy, (struct sockaddr *)&ss, &len) != 0)
		return false;
	memset(out, 0, sizeof(*out));
	memcpy(out, &ss, (size_t)len);
	return true;
}

struct evrt_dns_text
evrt__dns_text_undotted(struct evrt_dns_text name)
{
	if (name.len > 1 && name.s[name.len - 1] == '.')
		name.len--;
	return name;
}

bool
evrt__dns_text_is_name(struct evrt_dns_text name)
{
	struct evrt_dns_text rest = evrt__dns_text_undotted(name);
	size_t label = 0;

	if (rest.len > EVRT_DNS_NAME_TEXT_MAX)
		return false;
	for (size_t i = 0; i < rest.len; i++) {
		unsigned char c = (unsigned char)rest.s[i];
		if (c <= ' ' || c == 0x7f || (c == '.' && label == 0))
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
	}
	return label > 0; /* an empty name, and a second dot at the end */
}

static unsigned char
text_lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* The shift after each byte carries high bits down again: without it, names that collide under one seed would
 * collide under every other. */
uint64_t
evrt__dns_text_hash(struct evrt_dns_text name, uint64_t seed)
{
	uint64_t h = seed ^ name.len;

	for (size_t i = 0; i < name.len; i++) {
		h = (h ^ text_lower(name.s[i])) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	return h;
}

bool
evrt__dns_text_equal(struct evrt_dns_text a, struct evrt_dns_text b)
{
	return a.len == b.len && evutil_ascii_strncasecmp(a.s, b.s, a.len) == 0;
}
