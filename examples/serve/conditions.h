/* examples/serve/conditions.h — If-Match and its like. RFC 9110 section 13. */
#ifndef EVRT_EXAMPLES_SERVE_CONDITIONS_H_
#define EVRT_EXAMPLES_SERVE_CONDITIONS_H_

#include <stdbool.h>
#include <stdint.h>

struct evrt_http_head;

/* What a representation is compared by; the tag is strong, quoted. */
struct serve_version {
	char etag[64];
	int64_t modified;                /* seconds */
};

/* 200: none stands against the answer; 304; 412. For GET and HEAD. */
int serve_conditions(const struct evrt_http_head *head, const char *bytes, const struct serve_version *version,
    int64_t now);
/* Whether Range counts: If-Range is absent, or names exactly this version. */
bool serve_condition_range(const struct evrt_http_head *head, const char *bytes,
    const struct serve_version *version, int64_t now);

#endif
