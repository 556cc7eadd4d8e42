/* testing/contract/libevent/setup_malloc.h — a program's own malloc, realloc and free, which count and may fail.
 *
 * Here:     static helpers; they check how they are called: never for nothing, never with what is not theirs.
 * Threads:  one at a time.
 */
#ifndef EVRT_TESTING_CONTRACT_LIBEVENT_SETUP_MALLOC_H_
#define EVRT_TESTING_CONTRACT_LIBEVENT_SETUP_MALLOC_H_

#include <event2/event.h>
#include <event2/util.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "testing/contract/libevent/setup_fixture.h"

/* In front of each block: whether it is one of ours, and alive. As big as the strictest alignment. */
struct head {
	_Alignas(max_align_t) uint64_t magic;
	size_t bytes;
};
#define ALIVE UINT64_C(0x616c697665616c69)
#define DEAD UINT64_C(0x6465616464656164)

/* Blocks that are out; calls so far; the one of them that fails (0: none), and whether it has. */
static long live, asked, fail_at;
static bool failed;

static inline bool
fails(void)
{
	bool now = ++asked == fail_at;
	failed |= now;
	return now;
}

static inline struct head *
head_of(void *p)
{
	CHECK(p != NULL);
	struct head *h = (struct head *)p - 1;
	CHECK(h->magic == ALIVE);
	return h;
}

static inline void *
counted_malloc(size_t bytes)
{
	CHECK(bytes > 0);
	if (fails())
		return NULL;
	struct head *h = malloc(sizeof(*h) + bytes);
	if (!h)
		return NULL;
	*h = (struct head){ ALIVE, bytes };
	memset(h + 1, 0xa5, bytes); /* nobody may count on zeroes */
	live++;
	return h + 1;
}

static inline void
counted_free(void *p)
{
	struct head *h = head_of(p);
	h->magic = DEAD;
	live--;
	free(h);
}

static inline void *
counted_realloc(void *p, size_t bytes)
{
	if (!p)
		return counted_malloc(bytes);
	struct head *old = head_of(p);
	if (bytes == 0) {
		counted_free(p);
		return NULL;
	}
	void *moved = counted_malloc(bytes);
	if (!moved)
		return NULL;
	memcpy(moved, p, bytes < old->bytes ? bytes : old->bytes);
	counted_free(p);
	return moved;
}

static inline void
count(void)
{
	event_set_log_callback(ignore_log);
	event_set_mem_functions(counted_malloc, counted_realloc, counted_free);
}

/* The program is over: nothing may be left. */
static inline void
all_is_back(void)
{
	libevent_global_shutdown();
	CHECK(asked > 0);
	CHECK_INT_EQ(live, 0);
	libevent_global_shutdown();
	CHECK_INT_EQ(live, 0);
}

static inline void nothing(evutil_socket_t fd, short what, void *arg) { (void)fd, (void)what, (void)arg; }

static inline void
pair(evutil_socket_t fds[2])
{
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	evutil_make_socket_nonblocking(fds[0]);
	evutil_make_socket_nonblocking(fds[1]);
}

#endif
