/* api/buffer/buffer_internal.h — an evbuffer from inside, and what the rooms above build on.
 *
 * Here:     the evbuffer and its chains, the calls for bufferevents (owner, deferral, internal
 *           callbacks, one read with its measure), and the small verbs shared by the files of this room.
 * Not here: the public contract (event2/buffer.h), bufferevents, event loops.
 * Threads:  everything in struct evbuffer is guarded by its lock, when it has one. The reference counts
 *           of chains and segments are atomic, because evbuffers with different locks can share them.
 * PAIRS     chain_place.chain (cache.c): put (CAS acq_rel) -> take (swap acquire): who takes a chain comes after
 *           all that was done with it before.
 *           chain.refs: drop (sub acq_rel) <-> drop: whoever takes the last reference sees all uses of
 *           the memory before it frees it. Who reads 1 (load acquire, in evrt__chain_drop and
 *           evrt__chain_front_room) comes after the last other holder, and stays alone.
 *
 * Shape: contents are the list first..last, in which every chain holds at least one byte. Room for the next
 * bytes is the rest of the last chain, then `spare`: one empty chain outside of the list.
 *
 *      first                     last                  spare
 *      [..DDDDDD] -> [DDDDDD] -> [DDDD....]            [..........]
 *        ^start                       ^room              ^ committed only when used
 */
#ifndef EVRT_API_BUFFER_BUFFER_INTERNAL_H_
#define EVRT_API_BUFFER_BUFFER_INTERNAL_H_

#include <stdbool.h>
#include <stdint.h>
#include <event2/buffer.h>
#include "base/assert.h"
#include "base/atomic.h"
#include "base/list.h"
#include "threading/lock.h"

/* --- sizes -------------------------------------------------------------------------------- */
#define EVRT_BUFFER_LEN_MAX ((size_t)EV_SSIZE_MAX / 2)
#define EVRT_CHAIN_TOTAL_STEP 256u          /* header and data of the smallest chain, and what larger ones grow by */
#define EVRT_CHAIN_ROOM_BULK 65536u         /* chains grow with the contents up to here; larger on demand */
#define EVRT_CHAIN_ROOM_LARGE (1u << 18)    /* what they grow by once there are ... */
#define EVRT_BUFFER_HELD_LARGE (1u << 20)   /* ... so many bytes: such chains give their pages back themselves */
#define EVRT_BUFFER_READ_MAX_DEFAULT 65536u
#define EVRT_BUFFER_WRITE_VECS 64          /* pieces of one writev; 1 KiB of stack */

/* --- chains ------------------------------------------------------------------------------- */
enum evrt_chain_kind {
	EVRT_CHAIN_HEAP,      /* its memory follows the header; the only kind that has room */
	EVRT_CHAIN_REFERENCE, /* the program's memory, and a cleanup function */
	EVRT_CHAIN_SHARED,    /* the memory of another chain, on which it holds a reference */
	EVRT_CHAIN_FILE,      /* a part of a segment, on which it holds a reference; mem NULL until loaded */
};

struct evrt_chain {
	struct evrt_chain *next;
	unsigned char *mem; /* storage; NULL: a FILE chain whose bytes are not in memory */
	size_t cap;         /* bytes of storage; FILE: start + len */
	size_t start;       /* first byte of contents within mem; FILE: within the segment */
	size_t len;         /* bytes of contents */
	evrt_atomic(uint32_t) refs; /* its evbuffer, and every SHARED chain that points here */
	uint8_t kind;               /* enum evrt_chain_kind; constant */
	bool gives_back;            /* its pages go to the system before its memory goes to the allocator; constant */
};

struct evrt_chain_reference {
	struct evrt_chain chain;
	evbuffer_ref_cleanup_cb cleanup;
	void *cleanup_arg;
};
struct evrt_chain_shared {
	struct evrt_chain chain;
	struct evrt_chain *origin;
};
struct evrt_chain_file {
	struct evrt_chain chain;
	struct evbuffer_file_segment *segment;
};

static inline void
evrt__chain_init(struct evrt_chain *c, enum evrt_chain_kind kind, unsigned char *mem, size_t cap)
{
	c->next = NULL;
	c->mem = mem;
	c->cap = cap;
	c->start = 0;
	c->len = 0;
	evrt_store_relaxed(&c->refs, 1u); /* not yet seen by another thread */
	c->kind = (uint8_t)kind;
	c->gives_back = false;
}
/* A chain without contents and with room for `room` bytes or more. NULL when memory is out. */
struct evrt_chain *evrt__chain_new(size_t room);
/* The same with as much room as fits contents of `held` bytes that grow: at least `room`. */
struct evrt_chain *evrt__chain_new_growing(size_t room, size_t held);
struct evrt_chain *evrt__chain_new_shared(struct evrt_chain *origin);
struct evrt_chain *evrt__chain_new_file(struct evbuffer_file_segment *, size_t start, size_t len);
/* Lets go of a chain; the last holder frees it, running cleanup functions. NULL is accepted. */
void evrt__chain_drop(struct evrt_chain *);
void evrt__chain_drop_list(struct evrt_chain *first);

static inline unsigned char *evrt__chain_data(const struct evrt_chain *c) { return c->mem + c->start; }
/* Bytes that may be written behind the contents (also while shared: no one else looks there), and before
 * them (only by a sole holder). */
static inline size_t
evrt__chain_room(const struct evrt_chain *c)
{
	return c && c->kind == EVRT_CHAIN_HEAP ? c->cap - c->start - c->len : 0;
}
size_t evrt__chain_front_room(const struct evrt_chain *);

/* A few chains of EVRT_CHAIN_ROOM_BULK that are in nobody's use, for all threads. Take: NULL when there is none
 * at hand; what it holds is of no meaning. Put: false when there is no place; the chain remains the caller's. */
struct evrt_chain *evrt__chain_cache_take(void);
bool evrt__chain_cache_put(struct evrt_chain *);
/* Frees them all. For libevent_global_shutdown, and before other memory functions are set. */
void evrt__chain_cache_release(void);

/* --- evbuffers ---------------------------------------------------------------------------- */

/* Whoever the evbuffer is a part of; kept alive while deferred callbacks are on their way. The
 * struct stays where it is as long as the evbuffer lives. `changed` is called behind the program's callbacks, never
 * deferred, for an evbuffer that evrt__buffer_tell_owner has asked it for. It and ref are called with the evbuffer's
 * lock held, unref without. */
struct evrt__buffer_owner;
struct evrt__buffer_owner_ops {
	void (*ref)(const struct evrt__buffer_owner *);
	void (*unref)(const struct evrt__buffer_owner *);
	void (*changed)(const struct evrt__buffer_owner *, struct evbuffer *, const struct evbuffer_cb_info *);
};
struct evrt__buffer_owner {
	const struct evrt__buffer_owner_ops *ops;
};

/* Bit of a callback beside EVBUFFER_CB_ENABLED; not the program's to change. */
#define EVBUFFER_CB_OBSOLETE 4u  /* has the signature of evbuffer_setcb */

struct evbuffer_cb_entry {
	struct evrt_link link; /* in evbuffer.callbacks */
	union {
		evbuffer_cb_func func;
		void (*obsolete)(struct evbuffer *, size_t old_len, size_t new_len, void *arg);
	} call;
	void *arg;
	uint32_t flags;
	bool dead; /* removed while callbacks run; swept by the outermost run */
};

struct evrt_buffer_change { size_t added, deleted; };

/* How the callbacks of an evbuffer are deferred; made by whoever can run something later. */
struct evrt__buffer_defer {
	/* Called with the evbuffer's lock held when there is something to tell; answered by one
	 * evrt__buffer_run_deferred(buf, this), later and from elsewhere. */
	void (*schedule)(struct evrt__buffer_defer *, struct evbuffer *buf);
	/* The evbuffer needs it no more, and no answer is outstanding. May be NULL. */
	void (*release)(struct evrt__buffer_defer *);
	/* Of this room: */
	struct evrt_buffer_change untold;
	bool scheduled; /* schedule was called, and not yet answered */
};

struct evbuffer {
	struct evrt_chain *first; /* contents; see the head of this file */
	struct evrt_chain *last;
	struct evrt_chain *spare;
	size_t total_len;
	void *lock;                        /* NULL: not locked. Constant once set */
	struct evrt_link callbacks;        /* struct evbuffer_cb_entry, newest first */
	struct evrt_buffer_change changed; /* not yet told; nothing is counted while there is nobody to be told */
	struct evrt__buffer_defer *defer;  /* NULL: callbacks are not deferred */
	const struct evrt__buffer_owner *owner;
	uint32_t refs;
	uint32_t max_read;
	uint16_t callback_depth;      /* runs of the callbacks that are under way */
	bool read_filled : 1;         /* the last read filled all that it was offered */
	bool owns_lock : 1;
	bool frozen_front : 1;
	bool frozen_end : 1;
	bool drains_to_fd : 1;
	bool deferred_pending : 1;    /* schedule was called, run_deferred not yet */
	bool may_have_files : 1;      /* some FILE chain may not be in memory; false: none is */
	bool has_dead_callbacks : 1;
	bool tells_owner : 1;
};

/* --- for bufferevents --------------------------------------------------------------------- */

/* All may be called with or without the lock held. `owner` may be NULL. */
void evrt__buffer_set_owner(struct evbuffer *, const struct evrt__buffer_owner *owner);
/* From now on, or no more, the owner hears of every change. */
void evrt__buffer_tell_owner(struct evbuffer *, bool on);
/* `defer` is released when the evbuffer is gone, or another call has replaced it. */
void evrt__buffer_set_defer(struct evbuffer *, struct evrt__buffer_defer *defer);
/* Runs what is pending and gives back the references that were taken for it: the evbuffer may be gone, and
 * `defer`, whose schedule this answers. */
void evrt__buffer_run_deferred(struct evbuffer *, struct evrt__buffer_defer *defer);
/* For evbuffer_setcb: removes the program's callbacks, and puts `only` (evrt__calloc'ed, filled in; NULL: none)
 * in their place. */
void evrt__buffer_replace_callbacks(struct evbuffer *, struct evbuffer_cb_entry *only);
/* evbuffer_read that returns -errno, and in *out_offered the bytes the kernel was offered room for: a
 * result below that means that a stream is drained. */
ssize_t evrt__buffer_read(struct evbuffer *, int fd, ssize_t howmuch, size_t *out_offered);
/* evbuffer_write_atmost that returns -errno. 0: nothing to write. -EPERM: frozen. */
ssize_t evrt__buffer_write(struct evbuffer *, int fd, ssize_t howmuch);

/* The lock is held and is released; the evbuffer may be gone. */
void evrt__buffer_decref_and_unlock(struct evbuffer *);

/* Checks every invariant of the structure; true when all hold. Lock held. */
bool evrt__buffer_validate(const struct evbuffer *);

/* --- within the room ---------------------------------------------------------------------- *
 * All are called with the lock held. A public call locks, edits, and ends by evrt__buffer_finish, which
 * tells the callbacks what the edit has counted, and unlocks. */
static inline void evrt__buffer_finish(struct evbuffer *);
void evrt__buffer_finish_told(struct evbuffer *); /* its part for an evbuffer that is heard */
/* The same for two: callbacks of `x` run first. */
void evrt__buffer_finish2(struct evbuffer *x, struct evbuffer *y);
/* Runs callbacks without unlocking. The caller holds a reference. */
void evrt__buffer_run_callbacks(struct evbuffer *);

static inline void
evrt__buffer_lock(const struct evbuffer *buf)
{
	if (buf->lock)
		evrt__lock(buf->lock);
}
static inline void
evrt__buffer_unlock(const struct evbuffer *buf)
{
	if (buf->lock)
		evrt__unlock(buf->lock);
}
/* The one with the lower address first; once, where both use the same (those of a bufferevent, or none). */
static inline void
evrt__buffer_lock2(struct evbuffer *x, struct evbuffer *y)
{
	bool x_first = (uintptr_t)x->lock < (uintptr_t)y->lock;
	evrt__buffer_lock(x_first ? x : y);
	if (x->lock != y->lock)
		evrt__buffer_lock(x_first ? y : x);
}
static inline void
evrt__buffer_unlock2(struct evbuffer *x, struct evbuffer *y)
{
	evrt__buffer_unlock(x);
	if (x->lock != y->lock)
		evrt__buffer_unlock(y);
}
/* Is there anybody who wants to hear of changes? */
static inline bool
evrt__buffer_is_heard(const struct evbuffer *buf)
{
	return buf->tells_owner || !evrt__list_empty(&buf->callbacks);
}
static inline void
evrt__buffer_finish(struct evbuffer *buf)
{
	EVRT_DCHECK(evrt__buffer_validate(buf));
	if (evrt__buffer_is_heard(buf)) {
		evrt__buffer_finish_told(buf);
		return;
	}
	evrt__buffer_unlock(buf);
}

static inline void
evrt__buffer_added(struct evbuffer *buf, size_t n)
{
	buf->total_len += n;
	if (!evrt__buffer_is_heard(buf))
		return;
	buf->changed.added += n;
	if (buf->defer)
		buf->defer->untold.added += n;
}
static inline void
evrt__buffer_deleted(struct evbuffer *buf, size_t n)
{
	buf->total_len -= n;
	if (!evrt__buffer_is_heard(buf))
		return;
	buf->changed.deleted += n;
	if (buf->defer)
		buf->defer->untold.deleted += n;
}
static inline bool
evrt__buffer_fits(const struct evbuffer *buf, size_t n)
{
	return n <= EVRT_BUFFER_LEN_MAX - buf->total_len;
}

/* Appends chains that hold bytes, first..last; counts nothing. */
static inline void
evrt__buffer_link_list(struct evbuffer *buf, struct evrt_chain *first, struct evrt_chain *last)
{
	if (buf->last)
		buf->last->next = first;
	else
		buf->first = first;
	buf->last = last;
}
static inline void
evrt__buffer_link(struct evbuffer *buf, struct evrt_chain *c)
{
	c->next = NULL;
	evrt__buffer_link_list(buf, c, c);
}
/* Makes the rest of the last chain and the spare hold `size` bytes, `contiguous`: one of them alone. 0 or
 * -ENOMEM. */
int evrt__buffer_make_room(struct evbuffer *, size_t size, bool contiguous);
/* Bytes written into that room become contents: first the rest of the last chain, then the spare. */
static inline void
evrt__buffer_commit(struct evbuffer *buf, size_t in_last, size_t in_spare)
{
	if (in_last)
		buf->last->len += in_last;
	if (in_spare) {
		buf->spare->len = in_spare;
		evrt__buffer_link(buf, buf->spare);
		buf->spare = NULL;
	}
	evrt__buffer_added(buf, in_last + in_spare);
}
/* Copies into room that evrt__buffer_make_room(size) has made. */
void evrt__buffer_append(struct evbuffer *, const void *data, size_t size);
/* Removes the first n <= total_len bytes and drops the spare if none are left. */
void evrt__buffer_take(struct evbuffer *, size_t n);
static inline void
evrt__buffer_drop_spare(struct evbuffer *buf)
{
	if (buf->spare)
		evrt__chain_drop(buf->spare);
	buf->spare = NULL;
}
/* Copies n bytes that begin `skip` bytes into chain c. They exist, and are in memory. */
void evrt__chain_copy(const struct evrt_chain *c, size_t skip, void *out, size_t n);
int evrt__buffer_load_files(struct evbuffer *, size_t upto);
/* Brings FILE chains within the first `upto` bytes into memory. 0 or -errno. */
static inline int
evrt__buffer_load(struct evbuffer *buf, size_t upto)
{
	return buf->may_have_files ? evrt__buffer_load_files(buf, upto) : 0;
}

/* A position of the program, looked up. `chain` is NULL just behind the last byte. */
struct evrt_buffer_cursor {
	struct evrt_chain *chain;
	size_t in_chain;
	size_t pos;
};
/* NULL stands for the front. -1 when it is outside of the contents. */
int evrt__buffer_cursor(
    const struct evbuffer *, const struct evbuffer_ptr *, struct evrt_buffer_cursor *out);

/* Segments, for chains. */
void evrt__segment_ref(struct evbuffer_file_segment *);
void evrt__segment_drop(struct evbuffer_file_segment *);
/* The bytes of the whole segment in memory. 0 or -errno. Any thread. */
int evrt__segment_load(struct evbuffer_file_segment *, unsigned char **out_mem);
int evrt__segment_fd(const struct evbuffer_file_segment *);
off_t evrt__segment_offset(const struct evbuffer_file_segment *);

#endif
