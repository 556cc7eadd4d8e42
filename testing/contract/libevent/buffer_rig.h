/* testing/contract/libevent/buffer_rig.h — what the suites of evbuffers share: contents, traces, cleanups, sockets.
 *
 * Here:     static functions only; each suite includes what it uses. Public headers and the harness.
 * Threads:  one.
 */
#ifndef EVRT_TESTING_CONTRACT_LIBEVENT_BUFFER_RIG_H_
#define EVRT_TESTING_CONTRACT_LIBEVENT_BUFFER_RIG_H_

#include "testing/harness/test.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/buffer_compat.h>
#include <event2/util.h>

static inline struct evbuffer *
rig_holding(const char *text)
{
	struct evbuffer *buf = evbuffer_new();
	CHECK(buf && evbuffer_add(buf, text, strlen(text)) == 0);
	return buf;
}

/* Adds text as one piece of its own: references are never merged. */
static inline void
rig_add_piece(struct evbuffer *buf, const char *text, size_t len)
{
	CHECK_INT_EQ(evbuffer_add_reference(buf, text, len, NULL, NULL), 0);
}

/* "abc", "defg", "hi" in three pieces. */
static inline struct evbuffer *
rig_three_pieces(void)
{
	struct evbuffer *buf = evbuffer_new();
	CHECK(buf != NULL);
	rig_add_piece(buf, "abc", 3);
	rig_add_piece(buf, "defg", 4);
	rig_add_piece(buf, "hi", 2);
	return buf;
}

/* Compares without changing how the contents lie. */
static inline void
rig_check_bytes(struct evbuffer *buf, const void *bytes, size_t n)
{
	static char out[100000];
	CHECK(n < sizeof(out));
	CHECK_INT_EQ(evbuffer_get_length(buf), n);
	CHECK_INT_EQ(evbuffer_copyout(buf, out, sizeof(out)), n);
	CHECK_MEM_EQ(out, bytes, n);
}

static inline void
rig_check(struct evbuffer *buf, const char *text)
{
	rig_check_bytes(buf, text, strlen(text));
}

/* The same n bytes in every suite. n up to 100000. */
static inline const char *
rig_pattern(void)
{
	static char pattern[100000];
	for (size_t i = 0; !pattern[1] && i < sizeof(pattern); i++)
		pattern[i] = (char)('A' + (i * 7 + i / 251) % 26);
	return pattern;
}

/* --- what callbacks are told: "b:3+2-0 " is callback b, 3 bytes before, 2 added, 0 removed --------------- */

static char rig_trace[1024];
static inline void
rig_note_text(const char *text)
{
	CHECK(strlen(rig_trace) + strlen(text) < sizeof(rig_trace));
	strcat(rig_trace, text);
}

/* `arg` is the name. */
static inline void
rig_note(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	char text[100];
	(void)buf;
	evutil_snprintf(text, sizeof(text), "%s:%d+%d-%d ", (const char *)arg, (int)info->orig_size,
	    (int)info->n_added, (int)info->n_deleted);
	rig_note_text(text);
}

static inline struct evbuffer_cb_entry *
rig_watch(struct evbuffer *buf, const char *name)
{
	struct evbuffer_cb_entry *e = evbuffer_add_cb(buf, rig_note, (void *)(uintptr_t)name);
	CHECK(e != NULL);
	return e;
}

/* Compares, and begins anew. */
static inline void
rig_check_trace(const char *expect)
{
	CHECK_STR_EQ(rig_trace, expect);
	rig_trace[0] = '\0';
}

/* --- cleanup functions of references ------------------------------------------------------------------ */

struct rig_cleanup {
	int calls;
	const void *data;
	size_t len;
};

static inline void
rig_cleanup(const void *data, size_t len, void *extra)
{
	struct rig_cleanup *c = extra;
	c->calls++;
	c->data = data;
	c->len = len;
}

/* --- descriptors -------------------------------------------------------------------------------------- */

/* Non-blocking at both ends. */
static inline void
rig_open_pair(evutil_socket_t sv[2])
{
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	CHECK_INT_EQ(evutil_make_socket_nonblocking(sv[0]), 0);
	CHECK_INT_EQ(evutil_make_socket_nonblocking(sv[1]), 0);
}

static inline void
rig_close_pair(const evutil_socket_t sv[2])
{
	CHECK_INT_EQ(close(sv[0]), 0);
	CHECK_INT_EQ(close(sv[1]), 0);
}

/* A file in memory. */
static inline int
rig_file(const void *bytes, size_t n)
{
	int fd = memfd_create("evrt", MFD_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_INT_EQ(write(fd, bytes, n), n);
	return fd;
}

/* As a program does it: a call that was interrupted is made again. */
static inline int
rig_read(struct evbuffer *buf, evutil_socket_t fd, int howmuch)
{
	int n;
	do {
		errno = 0;
		n = evbuffer_read(buf, fd, howmuch);
	} while (n < 0 && errno == EINTR);
	return n;
}

static inline int
rig_write(struct evbuffer *buf, evutil_socket_t fd, ev_ssize_t howmuch)
{
	int n;
	do {
		errno = 0;
		n = evbuffer_write_atmost(buf, fd, howmuch);
	} while (n < 0 && errno == EINTR);
	return n;
}

#endif
