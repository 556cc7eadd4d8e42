/* api/util/text.c — printing, numbers and comparison with the same result on every platform.
 *
 * Here:     snprintf, strtoll, comparison in ASCII.
 * Not here: dates (time.c), addresses (address.c).
 * Threads:  any.
 */
#include <event2/util.h>

#include <stdio.h>
#include <stdlib.h>

int
evutil_vsnprintf(char *buf, size_t buflen, const char *format, va_list ap)
{
	if (buflen == 0)
		return 0;
	int n = vsnprintf(buf, buflen, format, ap);
	buf[buflen - 1] = '\0';
	return n;
}

int
evutil_snprintf(char *buf, size_t buflen, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int n = evutil_vsnprintf(buf, buflen, format, ap);
	va_end(ap);
	return n;
}

ev_int64_t
evutil_strtoll(const char *s, char **endptr, int base)
{
	return strtoll(s, endptr, base);
}

/* Only A-Z, whatever the locale says about the upper half of the byte. */
static unsigned char
text_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : (unsigned char)c;
}

int
evutil_ascii_strncasecmp(const char *str1, const char *str2, size_t n)
{
	for (; n; n--, str1++, str2++) {
		unsigned char a = text_lower(*str1);
		unsigned char b = text_lower(*str2);
		if (a != b)
			return a < b ? -1 : 1;
		if (a == '\0')
			break;
	}
	return 0;
}

int
evutil_ascii_strcasecmp(const char *str1, const char *str2)
{
	return evutil_ascii_strncasecmp(str1, str2, EV_SIZE_MAX);
}
