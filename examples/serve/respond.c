/* examples/serve/respond.c — which file, which part of it, and how; see respond.h.
 *
 * Opening files and reading directories may wait for a disk: that holds up this connection's strand and the
 * worker it runs on, while the others take the rest of the work.
 */
#include "examples/serve/respond.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "api/http/parse.h"
#include "examples/serve/answer.h"
#include "examples/serve/conditions.h"
#include "examples/serve/listing.h"
#include "examples/serve/mime.h"
#include "examples/serve/server.h"
#include "examples/serve/text.h"

/* Up to here a body is copied behind its head and both leave in one system call; above it sendfile(2) saves
 * the copy. */
#define RESPOND_COPY_BYTES_MAX (16 * 1024)

#define RESPOND_INDEX "index.html"
#define RESPOND_STATS "/.evrt/stats"

static int
respond_status_of(int failure)
{
	switch (failure) {
	case -ENOENT:
		return 404;
	case -EACCES:
		return 403;
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
	case -EAGAIN:
		return 503;
	default:
		return 500;
	}
}

/* The inode tells replaced files apart, size and time changed ones. */
static void
respond_version(struct serve_version *v, const struct stat *stat)
{
	struct serve_text t;

	t.len = 0;
	t.cut = false;
	serve_text_add(&t, "\"");
	serve_text_add_hex(&t, (uint64_t)stat->st_ino);
	serve_text_add(&t, "-");
	serve_text_add_hex(&t, (uint64_t)stat->st_size);
	serve_text_add(&t, "-");
	serve_text_add_hex(&t, (uint64_t)stat->st_mtim.tv_sec * 1000000000u + (uint64_t)stat->st_mtim.tv_nsec);
	serve_text_add(&t, "\"");
	memcpy(v->etag, t.bytes, t.len);
	v->etag[t.len] = '\0';
	v->modified = stat->st_mtim.tv_sec;
}

/* A small body. Reads before it promises a length. Takes no fd over. */
static int
respond_copy(struct serve_exchange *x, struct serve_answer *a, int fd)
{
	char body[RESPOND_COPY_BYTES_MAX];
	size_t got = 0;

	while (got < a->length) {
		ssize_t n = pread(fd, body + got, (size_t)a->length - got, (off_t)(a->first + got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return serve_answer_status(x, &(struct serve_answer){.now = a->now}, 500);
		got += (size_t)n;
	}
	if (serve_answer_head(x, a) != 0)
		return -1;
	return evbuffer_add(x->out, body, got);
}

/* A large body, sent by the kernel. Not mapped: a file that shrinks meanwhile would end the process. */
static int
respond_sendfile(struct serve_exchange *x, struct serve_answer *a, int fd)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct evbuffer_file_segment *segment = own < 0 ? NULL : evbuffer_file_segment_new(own,
	    (ev_off_t)a->first, (ev_off_t)a->length, EVBUF_FS_CLOSE_ON_FREE | EVBUF_FS_DISABLE_MMAP);

	if (!segment) {
		if (own >= 0)
			close(own);
		return serve_answer_status(x, &(struct serve_answer){.now = a->now}, 503);
	}
	int result = serve_answer_head(x, a);
	if (result == 0)
		result = evbuffer_add_file_segment(x->out, segment, 0, (ev_off_t)a->length);
	/* The output holds a reference of its own until the last byte has left. */
	evbuffer_file_segment_free(segment);
	return result;
}

static int
respond_file(struct serve_exchange *x, const char *path, int fd, const struct stat *stat, int64_t now)
{
	const struct evrt_http_head *h = x->head;
	const struct evrt_http_field *range = evrt__http_head_find(h, EVRT_HTTP_RANGE, 0);
	struct serve_version version;
	struct serve_answer a = {.now = now, .type = serve_mime_type(path), .version = &version, .ranges = true,
		.size = (uint64_t)stat->st_size, .length = (uint64_t)stat->st_size};

	respond_version(&version, stat);
	a.status = serve_conditions(h, x->bytes, &version, now);
	if (a.status == 412)
		return serve_answer_status(x, &(struct serve_answer){.now = now}, 412);
	/* Range means something with GET only. */
	if (a.status == 200 && h->method == EVRT_HTTP_GET && range &&
	    serve_condition_range(h, x->bytes, &version, now)) {
		enum evrt_http_range_result part = evrt__http_range_parse(x->bytes + range->value.at, range->value.len,
		    a.size, &a.first, &a.last);
		if (part == EVRT_HTTP_RANGE_UNSATISFIABLE)
			return serve_answer_status(x, &(struct serve_answer){.now = now, .ranges = true, .size = a.size}, 416);
		if (part == EVRT_HTTP_RANGE_ONE) {
			a.status = 206;
			a.length = a.last - a.first + 1;
		}
	}
	if (serve_answer_is_bare(x, a.status))
		return serve_answer_head(x, &a);
	return a.length <= RESPOND_COPY_BYTES_MAX ? respond_copy(x, &a, fd) : respond_sendfile(x, &a, fd);
}

/* The index of the directory at `path`, which ends with a slash. False: there is none. */
static bool
respond_index(struct serve_exchange *x, char *path, size_t len, int64_t now, int *result)
{
	struct stat stat;

	if (len + sizeof(RESPOND_INDEX) > PATH_MAX)
		return false;
	memcpy(path + len, RESPOND_INDEX, sizeof(RESPOND_INDEX));
	int fd = serve_tree_find(&x->server->tree, path, &stat);
	bool found = fd >= 0 && S_ISREG(stat.st_mode);
	if (found)
		*result = respond_file(x, path, fd, &stat, now);
	else if (fd < 0 && fd != -ENOENT)
		*result = serve_answer_status(x, &(struct serve_answer){.now = now}, respond_status_of(fd));
	if (fd >= 0)
		close(fd);
	path[len] = '\0';
	return found || (fd < 0 && fd != -ENOENT);
}

static int
respond_listing(struct serve_exchange *x, const char *path, int dir, int64_t now)
{
	struct serve_answer a = {.status = 200, .now = now, .type = "text/html; charset=utf-8", .dynamic = true};
	struct evbuffer *page = evbuffer_new();

	if (!page)
		return -1;
	int failure = serve_listing_write(page, dir, path);
	int result = failure ? serve_answer_status(x, &(struct serve_answer){.now = now}, respond_status_of(failure)) :
	    serve_answer_buffer(x, &a, page);
	evbuffer_free(page);
	return result;
}

static int
respond_stats(struct serve_exchange *x, int64_t now)
{
	struct serve_answer a = {.status = 200, .now = now, .type = "application/json", .dynamic = true};
	struct evbuffer *page = evbuffer_new();
	int result = -1;

	if (page && serve_stats_write(x->server, page) == 0)
		result = serve_answer_buffer(x, &a, page);
	if (page)
		evbuffer_free(page);
	return result;
}

static int
respond_path(struct serve_exchange *x, char *path, size_t len, int64_t now)
{
	struct serve_answer none = {.now = now};
	bool slash = path[len - 1] == '/';
	struct stat stat;
	int result;

	if (strcmp(path, RESPOND_STATS) == 0)
		return respond_stats(x, now);
	if (slash && respond_index(x, path, len, now, &result))
		return result;
	int fd = serve_tree_find(&x->server->tree, path, &stat);
	if (fd < 0)
		return serve_answer_status(x, &none, respond_status_of(fd));
	if (S_ISDIR(stat.st_mode) && slash) {
		result = respond_listing(x, path, fd, now);
	} else if (S_ISDIR(stat.st_mode) && len + 2 <= PATH_MAX) {
		memcpy(path + len, "/", 2);
		none.location = path;
		result = serve_answer_status(x, &none, 301);
	} else if (slash || S_ISDIR(stat.st_mode)) {
		result = serve_answer_status(x, &none, 404);
	} else {
		result = respond_file(x, path, fd, &stat, now);
	}
	close(fd);
	return result;
}

bool
serve_respond(struct serve_exchange *x)
{
	const struct evrt_http_head *h = x->head;
	struct serve_answer none = {.now = time(NULL)};
	char path[PATH_MAX];
	size_t len;

	if (h->method == EVRT_HTTP_UNKNOWN)
		return serve_answer_status(x, &none, 501) == 0;
	if (h->method != EVRT_HTTP_GET && h->method != EVRT_HTTP_HEAD)
		return serve_answer_status(x, &none, 405) == 0;
	int status = evrt__http_path_decode(x->bytes + h->path.at, h->path.len, path, sizeof(path), &len);
	if (status != EVRT_HTTP_OK)
		return serve_answer_status(x, &none, status) == 0;
	return respond_path(x, path, len, none.now) == 0;
}

bool
serve_respond_failure(struct serve_exchange *x, int status)
{
	return serve_answer_status(x, &(struct serve_answer){.now = time(NULL)}, status) == 0;
}
