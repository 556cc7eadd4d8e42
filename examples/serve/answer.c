/* examples/serve/answer.c — writing an answer; see answer.h. */
#include "examples/serve/answer.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "api/http/parse.h"
#include "examples/serve/conditions.h"
#include "examples/serve/respond.h"
#include "examples/serve/server.h"
#include "examples/serve/text.h"

/* What of a target goes into the access line. */
#define ANSWER_LOG_TARGET_BYTES_MAX 1024

static const struct {
	int status;
	const char *reason;
} answer_reasons[] = {
	{200, "OK"},
	{206, "Partial Content"},
	{301, "Moved Permanently"},
	{304, "Not Modified"},
	{400, "Bad Request"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{408, "Request Timeout"},
	{412, "Precondition Failed"},
	{414, "URI Too Long"},
	{416, "Range Not Satisfiable"},
	{417, "Expectation Failed"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{503, "Service Unavailable"},
	{505, "HTTP Version Not Supported"},
};

static const char *
answer_reason(int status)
{
	for (size_t i = 0; i < sizeof(answer_reasons) / sizeof(answer_reasons[0]); i++) {
		if (answer_reasons[i].status == status)
			return answer_reasons[i].reason;
	}
	return "Unknown";
}

bool
serve_answer_is_bare(const struct serve_exchange *x, int status)
{
	return status == 304 || (x->head->start_known && x->head->method == EVRT_HTTP_HEAD);
}

static void
answer_log_date(struct serve_text *line, int64_t now)
{
	char date[EVRT_HTTP_DATE_BYTES];

	/* "Sun, 06 Nov 1994 08:49:37 GMT" becomes "06/Nov/1994:08:49:37 +0000" */
	evrt__http_date_format(now, date);
	date[7] = date[11] = '/';
	date[16] = ':';
	serve_text_add_bytes(line, date + 5, 20);
	serve_text_add(line, " +0000");
}

/* A target holds printable characters only; the quote and the backslash would confuse readers of the log. */
static void
answer_log_target(struct serve_text *line, const char *s, size_t len)
{
	if (len > ANSWER_LOG_TARGET_BYTES_MAX)
		len = ANSWER_LOG_TARGET_BYTES_MAX;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '"' || s[i] == '\\')
			serve_text_add_bytes(line, "\\", 1);
		serve_text_add_bytes(line, s + i, 1);
	}
}

/* One line in the common log format, in one write, so that lines of different workers do not mix. */
static void
answer_log(const struct serve_exchange *x, const struct serve_answer *a, uint64_t length)
{
	const struct evrt_http_head *h = x->head;
	struct serve_text line;

	line.len = 0;
	line.cut = false;
	serve_text_add(&line, x->peer);
	serve_text_add(&line, " - - [");
	answer_log_date(&line, a->now);
	serve_text_add(&line, "] \"");
	if (h->start_known && x->bytes) {
		serve_text_add_bytes(&line, x->bytes + h->method_name.at, h->method_name.len < 32 ? h->method_name.len : 32);
		serve_text_add(&line, " ");
		answer_log_target(&line, x->bytes + h->target.at, h->target.len);
		serve_text_add(&line, h->minor ? " HTTP/1.1" : " HTTP/1.0");
	} else {
		serve_text_add(&line, "-");
	}
	serve_text_add(&line, "\" ");
	serve_text_add_number(&line, (uint64_t)a->status);
	serve_text_add(&line, " ");
	serve_text_add_number(&line, length);
	serve_text_add(&line, "\n");
	/* A log that cannot be written must not stop the service. */
	(void)!write(STDOUT_FILENO, line.bytes, line.len);
}

static void
answer_add_date(struct serve_text *t, const char *name, int64_t when)
{
	char date[EVRT_HTTP_DATE_BYTES];

	evrt__http_date_format(when, date);
	serve_text_add(t, name);
	serve_text_add(t, date);
	serve_text_add(t, "\r\n");
}

static void
answer_add_range(struct serve_text *t, const struct serve_answer *a)
{
	serve_text_add(t, "Content-Range: bytes ");
	if (a->status == 206) {
		serve_text_add_number(t, a->first);
		serve_text_add(t, "-");
		serve_text_add_number(t, a->last);
	} else {
		serve_text_add(t, "*");
	}
	serve_text_add(t, "/");
	serve_text_add_number(t, a->size);
	serve_text_add(t, "\r\n");
}

/* All fields but Location, whose length only the request bounds. */
static void
answer_add_fields(struct serve_text *t, const struct serve_exchange *x, const struct serve_answer *a)
{
	serve_text_add(t, "HTTP/1.1 ");
	serve_text_add_number(t, (uint64_t)a->status);
	serve_text_add(t, " ");
	serve_text_add(t, answer_reason(a->status));
	serve_text_add(t, "\r\nServer: evrt\r\n");
	answer_add_date(t, "Date: ", a->now);
	if (a->status != 304) {
		serve_text_add(t, "Content-Length: ");
		serve_text_add_number(t, a->length);
		serve_text_add(t, "\r\n");
	}
	if (a->type && a->status != 304) {
		serve_text_add(t, "Content-Type: ");
		serve_text_add(t, a->type);
		serve_text_add(t, "\r\nX-Content-Type-Options: nosniff\r\n");
	}
	if (a->version) {
		answer_add_date(t, "Last-Modified: ", a->version->modified);
		serve_text_add(t, "ETag: ");
		serve_text_add(t, a->version->etag);
		serve_text_add(t, "\r\n");
	}
	if (a->ranges)
		serve_text_add(t, "Accept-Ranges: bytes\r\n");
	if (a->ranges && (a->status == 206 || a->status == 416))
		answer_add_range(t, a);
	if (a->status == 405)
		serve_text_add(t, "Allow: GET, HEAD\r\n");
	if (a->dynamic)
		serve_text_add(t, "Cache-Control: no-store\r\n");
	if (x->close)
		serve_text_add(t, "Connection: close\r\n");
	else if (x->head->minor == 0)
		serve_text_add(t, "Connection: keep-alive\r\n");
}

static int
answer_add_location(const struct serve_exchange *x, const char *path)
{
	const struct evrt_http_span query = x->head->query;

	if (evbuffer_add(x->out, "Location: ", 10) != 0 || serve_url_escape(x->out, path) != 0 ||
	    evbuffer_add(x->out, x->bytes + query.at, query.len) != 0)
		return -1;
	return evbuffer_add(x->out, "\r\n", 2);
}

int
serve_answer_head(struct serve_exchange *x, const struct serve_answer *a)
{
	struct serve_counts *counts = serve_server_counts(x->server);
	uint64_t length = serve_answer_is_bare(x, a->status) ? 0 : a->length;
	struct serve_text t;

	t.len = 0;
	t.cut = false;
	answer_add_fields(&t, x, a);
	if (!a->location)
		serve_text_add(&t, "\r\n");
	if (t.cut || evbuffer_add(x->out, t.bytes, t.len) != 0)
		return -1;
	if (a->location && (answer_add_location(x, a->location) != 0 || evbuffer_add(x->out, "\r\n", 2) != 0))
		return -1;
	atomic_fetch_add(&counts->requests, 1);
	atomic_fetch_add(&counts->bytes_promised, length);
	if (a->status >= 400)
		atomic_fetch_add(&counts->failures, 1);
	if (x->server->options.verbose)
		answer_log(x, a, length);
	return 0;
}

int
serve_answer_buffer(struct serve_exchange *x, struct serve_answer *a, struct evbuffer *body)
{
	a->length = evbuffer_get_length(body);
	if (serve_answer_head(x, a) != 0)
		return -1;
	return serve_answer_is_bare(x, a->status) ? 0 : evbuffer_add_buffer(x->out, body);
}

int
serve_answer_status(struct serve_exchange *x, struct serve_answer *extra, int status)
{
	struct serve_text page;

	page.len = 0;
	page.cut = false;
	serve_text_add(&page, "<!doctype html>\n<title>");
	serve_text_add_number(&page, (uint64_t)status);
	serve_text_add(&page, "</title>\n<h1>");
	serve_text_add_number(&page, (uint64_t)status);
	serve_text_add(&page, " ");
	serve_text_add(&page, answer_reason(status));
	serve_text_add(&page, "</h1>\n");
	extra->status = status;
	extra->length = page.len;
	extra->type = "text/html; charset=utf-8";
	if (serve_answer_head(x, extra) != 0)
		return -1;
	return serve_answer_is_bare(x, status) ? 0 : evbuffer_add(x->out, page.bytes, page.len);
}
