/* api/dns/wire_name.c — names: out of messages, compared, to text and back; see wire.h. */
#include "api/dns/wire.h"

#include <errno.h>
#include <string.h>

#define NAME_OCTETS_MAX 255
/* As many as a name can have labels: a writer that points once for each label is the most wasteful honest one. */
#define NAME_POINTERS_MAX 127

int
evrt__dns_name_read(const uint8_t *bytes, size_t len, size_t *at, uint8_t out[EVRT_DNS_NAME_BYTES])
{
	size_t here = *at, run = here, behind = 0, n = 0;
	int pointers = 0;

	while (here < len) {
		size_t octet = bytes[here];
		if (octet >= 0xc0) {
			if (len - here < 2 || ++pointers > NAME_POINTERS_MAX)
				return -EBADMSG;
			size_t target = (octet & 0x3f) << 8 | bytes[here + 1];
			if (target < EVRT_DNS_HEADER_BYTES)
				return -EBADMSG;
			if (behind == 0)
				behind = here + 2;
			/* What is pointed at was there before: it ends where this run began at the latest. A target that is not
			 * even before that ends the loop. */
			len = run;
			here = run = target;
			continue;
		}
		/* 01 and 10 in the top bits are label types that were never put to use (RFC 6891 section 5). */
		if (octet > EVRT_DNS_LABEL_BYTES_MAX || len - here <= octet || n + octet + 1 > NAME_OCTETS_MAX)
			return -EBADMSG;
		memcpy(out + n, bytes + here, octet + 1);
		n += octet + 1;
		here += octet + 1;
		if (octet == 0) {
			*at = behind ? behind : here;
			return (int)n;
		}
	}
	return -EBADMSG;
}

size_t
evrt__dns_name_len(const uint8_t *name)
{
	size_t n = 0;

	while (name[n] != 0)
		n += name[n] + 1u;
	return n + 1;
}

static uint8_t
name_fold(uint8_t octet)
{
	return octet >= 'A' && octet <= 'Z' ? octet | 0x20 : octet;
}

bool
evrt__dns_name_equal(const uint8_t *a, const uint8_t *b)
{
	size_t n = evrt__dns_name_len(a);

	/* Length octets are no letters: names of other shapes differ there at the latest, before b's end. */
	for (size_t i = 0; i < n; i++) {
		if (name_fold(a[i]) != name_fold(b[i]))
			return false;
	}
	return true;
}

bool
evrt__dns_name_equal_exactly(const uint8_t *a, const uint8_t *b)
{
	size_t n = evrt__dns_name_len(a);

	return n == evrt__dns_name_len(b) && memcmp(a, b, n) == 0;
}

static char *
name_octet_write(uint8_t octet, char *out)
{
	if (octet <= ' ' || octet > '~') {
		*out++ = '\\';
		*out++ = (char)('0' + octet / 100);
		*out++ = (char)('0' + octet / 10 % 10);
		octet = '0' + octet % 10;
	} else if (octet == '.' || octet == '\\') {
		*out++ = '\\';
	}
	*out++ = (char)octet;
	return out;
}

size_t
evrt__dns_name_to_text(const uint8_t *name, char out[EVRT_DNS_TEXT_BYTES])
{
	/* 255 octets have at least 5 that are lengths: at most 250 * 4 characters, with 3 dots and the NUL. */
	_Static_assert(EVRT_DNS_TEXT_BYTES >= 250 * 4 + 3 + 1, "the longest text fits");
	char *to = out;

	if (name[0] == 0)
		*to++ = '.';
	while (name[0] != 0) {
		if (to != out)
			*to++ = '.';
		for (size_t i = 1; i <= name[0]; i++)
			to = name_octet_write(name[i], to);
		name += name[0] + 1;
	}
	*to = '\0';
	return (size_t)(to - out);
}

static bool
name_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The octet that the text at *at stands for; *at moves behind it. -EINVAL: a broken escape. */
static int
name_octet_read(const char *text, size_t len, size_t *at)
{
	const char *s = text + *at;
	size_t left = len - *at;

	if (s[0] != '\\') {
		*at += 1;
		return (uint8_t)s[0];
	}
	if (left < 2)
		return -EINVAL;
	if (!name_is_digit(s[1])) {
		*at += 2;
		return (uint8_t)s[1];
	}
	if (left < 4 || !name_is_digit(s[2]) || !name_is_digit(s[3]))
		return -EINVAL;
	*at += 4;
	int octet = (s[1] - '0') * 100 + (s[2] - '0') * 10 + (s[3] - '0');
	return octet <= 255 ? octet : -EINVAL;
}

int
evrt__dns_name_from_text(const char *text, size_t len, uint8_t out[EVRT_DNS_NAME_BYTES])
{
	size_t label = 0, n = 1;         /* where the open label's length octet is; where its next octet goes */
	size_t at = len == 1 && text[0] == '.';

	while (at < len) {
		if (text[at] == '.') {
			if (n - label == 1)
				return -EINVAL;
			out[label] = (uint8_t)(n - label - 1);
			label = n++;
			at++;
			continue;
		}
		int octet = name_octet_read(text, len, &at);
		if (octet < 0 || n - label > EVRT_DNS_LABEL_BYTES_MAX || n >= NAME_OCTETS_MAX)
			return -EINVAL;
		out[n++] = (uint8_t)octet;
	}
	if (n - label > 1) {
		out[label] = (uint8_t)(n - label - 1);
		label = n;
	}
	out[label] = 0;
	return label < NAME_OCTETS_MAX ? (int)label + 1 : -EINVAL;
}

static uint8_t *
name_put_label(uint8_t *to, const char *label, size_t len)
{
	*to = (uint8_t)len;
	memcpy(to + 1, label, len);
	return to + 1 + len;
}

void
evrt__dns_name_of_address(const uint8_t *address, size_t address_len, uint8_t out[EVRT_DNS_NAME_BYTES])
{
	uint8_t *to = out;

	for (size_t i = address_len; i-- > 0;) {
		uint8_t octet = address[i];
		char digits[3] = {(char)('0' + octet / 100), (char)('0' + octet / 10 % 10), (char)('0' + octet % 10)};
		size_t skip = octet >= 100 ? 0 : octet >= 10 ? 1 : 2;
		if (address_len == 4) {
			to = name_put_label(to, digits + skip, 3 - skip);
		} else {
			to = name_put_label(to, &"0123456789abcdef"[octet & 15], 1);
			to = name_put_label(to, &"0123456789abcdef"[octet >> 4], 1);
		}
	}
	to = address_len == 4 ? name_put_label(to, "in-addr", 7) : name_put_label(to, "ip6", 3);
	to = name_put_label(to, "arpa", 4);
	*to = 0;
}
