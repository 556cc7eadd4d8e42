/* api/http/parse.h — HTTP/1.x as bytes: heads, bodies, paths, ranges, dates.
 *
 * Here:     pure functions over (bytes, length). They allocate nothing, call nothing, keep nothing but the
 *           small structs below; results are spans into the caller's bytes.
 *           parse.c heads, head_end.c what a finished head means, body.c framing, path.c, range.c, date.c
 * Not here: sockets, buffers, what to answer (examples/serve, and whoever speaks HTTP in api/).
 * Threads:  any; a struct belongs to one caller at a time.
 *
 * Strictness (RFC 9112, RFC 9110). What two parties could read differently is refused, not repaired: bare LF,
 * bare CR, NUL, space before the colon, folded lines, two lengths, a length beside a transfer coding.
 *
 * Results: EVRT_HTTP_MORE, EVRT_HTTP_OK, or the status code (>= 400) that a server should answer with.
 * Splitting the input at other places never changes the result, only when it is known.
 */
#ifndef EVRT_API_HTTP_PARSE_H_
#define EVRT_API_HTTP_PARSE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVRT_HTTP_MORE 0
#define EVRT_HTTP_OK 1

/* Bytes [at, at + len) of the input; offsets, so that the caller may move the bytes between two calls. */
struct evrt_http_span {
	uint32_t at;
	uint32_t len;
};

enum evrt_http_method {
	EVRT_HTTP_UNKNOWN,       /* a well-formed token that is none of these */
	EVRT_HTTP_GET,
	EVRT_HTTP_HEAD,
	EVRT_HTTP_POST,
	EVRT_HTTP_PUT,
	EVRT_HTTP_DELETE,
	EVRT_HTTP_OPTIONS,
	EVRT_HTTP_TRACE,
	EVRT_HTTP_CONNECT,
	EVRT_HTTP_PATCH,
};

enum evrt_http_target {
	EVRT_HTTP_ORIGIN,        /* /path?query */
	EVRT_HTTP_ABSOLUTE,      /* scheme://authority/path?query */
	EVRT_HTTP_AUTHORITY,     /* host:port, with CONNECT only */
	EVRT_HTTP_ASTERISK,      /* *, with OPTIONS only */
};

/* Fields that are recognised once, while the head is scanned. */
enum evrt_http_name {
	EVRT_HTTP_OTHER,
	EVRT_HTTP_CONNECTION,
	EVRT_HTTP_CONTENT_LENGTH,
	EVRT_HTTP_EXPECT,
	EVRT_HTTP_HOST,
	EVRT_HTTP_IF_MATCH,
	EVRT_HTTP_IF_MODIFIED_SINCE,
	EVRT_HTTP_IF_NONE_MATCH,
	EVRT_HTTP_IF_RANGE,
	EVRT_HTTP_IF_UNMODIFIED_SINCE,
	EVRT_HTTP_RANGE,
	EVRT_HTTP_TRANSFER_ENCODING,
};

struct evrt_http_field {
	uint32_t name_at;
	uint16_t name_len;
	uint16_t name;                   /* enum evrt_http_name */
	struct evrt_http_span value;     /* without the blanks around it; may be empty */
};

enum evrt_http_framing {
	EVRT_HTTP_BODY_NONE,
	EVRT_HTTP_BODY_LENGTH,
	EVRT_HTTP_BODY_CHUNKED,
	EVRT_HTTP_BODY_UNTIL_CLOSE,      /* responses only */
};

struct evrt_http_limits {
	uint32_t line_bytes_max;         /* first line, its line end included: beyond it 414 */
	uint32_t head_bytes_max;         /* all of the head: beyond it 431; at most EVRT_HTTP_HEAD_BYTES_LIMIT */
	uint16_t fields_max;             /* entries in the caller's array: beyond it 431 */
};

/* Spans are 32 bits wide and names 16: heads can be no longer than this. */
#define EVRT_HTTP_HEAD_BYTES_LIMIT 65535u

/* One head, while it is read and afterwards. Made by evrt__http_head_init; what is below "out" means
 * something once the parser has returned EVRT_HTTP_OK. */
struct evrt_http_head {
	/* in */
	struct evrt_http_limits limits;
	struct evrt_http_field *fields;
	bool response;
	/* between calls */
	uint8_t stage;
	uint16_t failure;                /* the status that was returned; it is returned again */
	uint32_t line_at;                /* where the first line not yet understood begins */
	uint32_t scanned;                /* no LF in [line_at, scanned) */
	/* out */
	bool start_known;                /* the first line was understood; true before OK, for logs of failures */
	uint8_t minor;                   /* HTTP/1.minor */
	uint16_t status;                 /* responses */
	enum evrt_http_method method;    /* requests, as the next four */
	enum evrt_http_target form;
	struct evrt_http_span method_name, target;
	struct evrt_http_span authority; /* of the absolute and authority forms, else empty */
	struct evrt_http_span path;      /* of the origin and absolute forms, still encoded; empty means "/" */
	struct evrt_http_span query;     /* with its '?', or empty */
	struct evrt_http_span reason;    /* responses */
	uint16_t field_count;
	enum evrt_http_framing framing;  /* a response's also depends on its request: HEAD has none */
	uint64_t content_length;         /* with EVRT_HTTP_BODY_LENGTH */
	bool keep_alive;                 /* by version and Connection */
	bool expect_continue;            /* requests of HTTP/1.1 */
	uint32_t consumed;               /* bytes of the head, the empty line included */
};

/* `fields` has limits->fields_max entries and stays the caller's. */
void evrt__http_head_init(struct evrt_http_head *, bool response, const struct evrt_http_limits *limits,
    struct evrt_http_field *fields);
/* `bytes` begin where the head begins, at every call; `len` may only grow. Looks at no byte twice, except
 * those of the last, incomplete line's end. */
int evrt__http_head_parse(struct evrt_http_head *, const char *bytes, size_t len);
/* The first field of that name at or after index `from`, or NULL. */
const struct evrt_http_field *evrt__http_head_find(const struct evrt_http_head *, enum evrt_http_name,
    unsigned from);

/* What a whole head says about the message: framing, Connection, Expect, Host. For parse.c. */
int evrt__http_head_end(struct evrt_http_head *, const char *bytes);
/* Whether `s` is host[:port] as RFC 3986 spells it. */
bool evrt__http_host_valid(const char *s, size_t len, bool port_required);
/* Whether `s` is a token of RFC 9110 and not empty. */
bool evrt__http_token_valid(const char *s, size_t len);

/* A body while it is read. Trailers are checked as fields are, counted, and skipped. */
struct evrt_http_body {
	enum evrt_http_framing framing;
	uint8_t stage;
	uint16_t failure;
	uint16_t trailer_count;
	uint32_t trailer_bytes;
	uint64_t left;                   /* of the body or of the chunk */
};

#define EVRT_HTTP_CHUNK_LINE_BYTES_MAX 256
#define EVRT_HTTP_TRAILER_BYTES_MAX 4096
#define EVRT_HTTP_TRAILERS_MAX 32

void evrt__http_body_init(struct evrt_http_body *, enum evrt_http_framing, uint64_t content_length);
/* Reads on at `bytes`: `data` gets the next piece of content (perhaps none), *consumed how many bytes to drop
 * afterwards, the content included. OK: that was the end. MORE with nothing consumed: needs further bytes. */
int evrt__http_body_next(struct evrt_http_body *, const char *bytes, size_t len, struct evrt_http_span *data,
    size_t *consumed);
/* One chunk-size line with its CRLF: hexadecimal digits, then perhaps ";extension". */
int evrt__http_chunk_line(const char *bytes, size_t len, uint64_t *size, size_t *consumed);
/* Checks one field line, given without its CRLF, and splits it; spans relative to `line`. OK or 400. */
int evrt__http_field_line(const char *line, size_t len, struct evrt_http_field *out);

/* Decodes the path of a request target and removes "." and ".." segments and empty ones, in this order, so
 * that no spelling of a dot or a slash survives. `out` gets an absolute path with a NUL behind it; a final
 * slash is kept. 400: a broken escape; a NUL, a control character, a slash or a backslash behind an escape or
 * a plain backslash; a ".." above the root (refused, although RFC 3986 would let it stay at the root: no
 * honest client sends one). 414: longer than out_max - 1. */
int evrt__http_path_decode(const char *in, size_t len, char *out, size_t out_max, size_t *out_len);

enum evrt_http_range_result {
	EVRT_HTTP_RANGE_NONE,            /* not to be honoured: other units, malformed, several: answer 200 */
	EVRT_HTTP_RANGE_ONE,             /* first..last, both inclusive, within the size: answer 206 */
	EVRT_HTTP_RANGE_UNSATISFIABLE,   /* answer 416 */
};

/* The value of Range against a representation of `size` bytes. */
enum evrt_http_range_result evrt__http_range_parse(const char *value, size_t len, uint64_t size,
    uint64_t *first, uint64_t *last);

/* "Sun, 06 Nov 1994 08:49:37 GMT" and a NUL. */
#define EVRT_HTTP_DATE_BYTES 30
/* Seconds since 1970; years 1 to 9999, what lies outside is clamped. */
void evrt__http_date_format(int64_t when, char out[EVRT_HTTP_DATE_BYTES]);
/* All three formats of RFC 9110. `now` settles the century of two-digit years. 0, or -1 when malformed. */
int evrt__http_date_parse(const char *s, size_t len, int64_t now, int64_t *when);

#endif
