/* examples/serve/conditions.c — conditional requests; see conditions.h. */
#include "examples/serve/conditions.h"

#include <string.h>

#include "api/http/parse.h"

/* Whether a list of entity tags holds `etag`. Strong comparison never matches a weak one. A malformed list
 * matches nothing behind the mistake. */
static bool
condition_list_has(const char *s, size_t len, const char *etag, bool strong)
{
	size_t at = 0, etag_len = strlen(etag);

	if (len == 1 && s[0] == '*')
		return true;
	while (at < len) {
		while (at < len && (s[at] == ' ' || s[at] == '\t' || s[at] == ','))
			at++;
		bool weak = len - at >= 2 && s[at] == 'W' && s[at + 1] == '/';
		size_t first = at + (weak ? 2 : 0);
		if (first >= len || s[first] != '"')
			return false;
		const char *end = memchr(s + first + 1, '"', len - first - 1);
		if (!end)
			return false;
		at = (size_t)(end - s) + 1;
		if (at - first == etag_len && memcmp(s + first, etag, etag_len) == 0 && !(weak && strong))
			return true;
	}
	return false;
}

/* Over all fields of that name. */
static bool
condition_any_has(const struct evrt_http_head *head, const char *bytes, enum evrt_http_name name,
    const char *etag, bool strong)
{
	const struct evrt_http_field *field = evrt__http_head_find(head, name, 0);

	for (; field; field = evrt__http_head_find(head, name, (unsigned)(field - head->fields) + 1)) {
		if (condition_list_has(bytes + field->value.at, field->value.len, etag, strong))
			return true;
	}
	return false;
}

/* The date of a field; false when it is absent or none, which then counts for nothing. */
static bool
condition_date(const struct evrt_http_head *head, const char *bytes, enum evrt_http_name name, int64_t now,
    int64_t *when)
{
	const struct evrt_http_field *field = evrt__http_head_find(head, name, 0);

	return field && evrt__http_date_parse(bytes + field->value.at, field->value.len, now, when) == 0;
}

int
serve_conditions(const struct evrt_http_head *head, const char *bytes, const struct serve_version *version,
    int64_t now)
{
	int64_t when;

	/* The order is RFC 9110's, 13.2.2: tags before dates, what guards before what saves. */
	if (evrt__http_head_find(head, EVRT_HTTP_IF_MATCH, 0)) {
		if (!condition_any_has(head, bytes, EVRT_HTTP_IF_MATCH, version->etag, true))
			return 412;
	} else if (condition_date(head, bytes, EVRT_HTTP_IF_UNMODIFIED_SINCE, now, &when)) {
		if (version->modified > when)
			return 412;
	}
	if (evrt__http_head_find(head, EVRT_HTTP_IF_NONE_MATCH, 0))
		return condition_any_has(head, bytes, EVRT_HTTP_IF_NONE_MATCH, version->etag, false) ? 304 : 200;
	if (condition_date(head, bytes, EVRT_HTTP_IF_MODIFIED_SINCE, now, &when) && version->modified <= when)
		return 304;
	return 200;
}

bool
serve_condition_range(const struct evrt_http_head *head, const char *bytes,
    const struct serve_version *version, int64_t now)
{
	const struct evrt_http_field *field = evrt__http_head_find(head, EVRT_HTTP_IF_RANGE, 0);
	int64_t when;

	if (!field)
		return true;
	if (field->value.len == strlen(version->etag))
		if (memcmp(bytes + field->value.at, version->etag, field->value.len) == 0)
			return true;
	return condition_date(head, bytes, EVRT_HTTP_IF_RANGE, now, &when) && when == version->modified;
}
