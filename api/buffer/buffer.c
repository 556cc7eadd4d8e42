/* api/buffer/buffer.c — an evbuffer's life: birth, references, death, flags, freezing, size.
 *
 * Here:     what concerns the evbuffer as a whole, and the check of its invariants.
 * Not here: its contents (the other files of this room), its locks (locking.c).
 * Threads:  as in event2/buffer.h.
 */
#include "api/buffer/buffer_internal.h"

#include <limits.h>
#include "base/mem.h"
#include "threading/lock.h"

_Static_assert(sizeof(struct evbuffer_ptr) == 24, "the ABI of libevent 2.1");
_Static_assert(sizeof(struct evbuffer_cb_info) == 24, "the ABI of libevent 2.1");

struct evbuffer *
evbuffer_new(void)
{
	struct evbuffer *buf = evrt__malloc(sizeof(*buf));
	if (!buf)
		return NULL;
	*buf = (struct evbuffer){ .refs = 1, .max_read = EVRT_BUFFER_READ_MAX_DEFAULT };
	evrt__list_init(&buf->callbacks);
	return buf;
}

/* No one else knows the evbuffer any more, so its lock is not needed, and may be someone's who is gone. */
static void
buffer_destroy(struct evbuffer *buf)
{
	struct evrt_link *l;
	evrt__chain_drop_list(buf->first);
	evrt__chain_drop(buf->spare);
	while ((l = evrt__list_pop_head(&buf->callbacks)) != NULL)
		evrt__free(EVRT_CONTAINER_OF(l, struct evbuffer_cb_entry, link));
	if (buf->defer && buf->defer->release)
		buf->defer->release(buf->defer);
	if (buf->owns_lock)
		evrt__lock_free(buf->lock, EVRT_LOCKTYPE_RECURSIVE);
	evrt__free(buf);
}

void
evrt__buffer_decref_and_unlock(struct evbuffer *buf)
{
	bool gone = --buf->refs == 0;
	evrt__buffer_unlock(buf);
	if (gone)
		buffer_destroy(buf);
}

void
evbuffer_free(struct evbuffer *buf)
{
	if (!buf)
		return;
	evrt__buffer_lock(buf);
	evrt__buffer_decref_and_unlock(buf);
}

void
evrt__buffer_finish2(struct evbuffer *x, struct evbuffer *y)
{
	EVRT_DCHECK(evrt__buffer_validate(x) && evrt__buffer_validate(y));
	if (!evrt__buffer_is_heard(x) && !evrt__buffer_is_heard(y)) {
		evrt__buffer_unlock2(x, y);
		return;
	}
	x->refs++;
	y->refs++;
	evrt__buffer_run_callbacks(x);
	evrt__buffer_run_callbacks(y);
	bool x_gone = --x->refs == 0;
	bool y_gone = --y->refs == 0;
	evrt__buffer_unlock2(x, y);
	if (x_gone)
		buffer_destroy(x);
	if (y_gone)
		buffer_destroy(y);
}

void
evrt__buffer_set_owner(struct evbuffer *buf, const struct evrt__buffer_owner *owner)
{
	evrt__buffer_lock(buf);
	buf->owner = owner;
	evrt__buffer_unlock(buf);
}

static int
buffer_set_drains_to_fd(struct evbuffer *buf, ev_uint64_t flags, bool on)
{
	evrt__buffer_lock(buf);
	if (flags & EVBUFFER_FLAG_DRAINS_TO_FD)
		buf->drains_to_fd = on;
	evrt__buffer_unlock(buf);
	return 0;
}

int
evbuffer_set_flags(struct evbuffer *buf, ev_uint64_t flags)
{
	return buffer_set_drains_to_fd(buf, flags, true);
}

int
evbuffer_clear_flags(struct evbuffer *buf, ev_uint64_t flags)
{
	return buffer_set_drains_to_fd(buf, flags, false);
}

static int
buffer_set_frozen(struct evbuffer *buf, int at_front, bool on)
{
	evrt__buffer_lock(buf);
	if (at_front)
		buf->frozen_front = on;
	else
		buf->frozen_end = on;
	evrt__buffer_unlock(buf);
	return 0;
}

int
evbuffer_freeze(struct evbuffer *buf, int at_front)
{
	return buffer_set_frozen(buf, at_front, true);
}

int
evbuffer_unfreeze(struct evbuffer *buf, int at_front)
{
	return buffer_set_frozen(buf, at_front, false);
}

size_t
evbuffer_get_length(const struct evbuffer *buf)
{
	evrt__buffer_lock(buf);
	size_t n = buf->total_len;
	evrt__buffer_unlock(buf);
	return n;
}

size_t
evbuffer_get_contiguous_space(const struct evbuffer *buf)
{
	evrt__buffer_lock(buf);
	size_t n = buf->first ? buf->first->len : 0;
	evrt__buffer_unlock(buf);
	return n;
}

int
evbuffer_set_max_read(struct evbuffer *buf, size_t max)
{
	if (max == 0 || max > INT_MAX)
		return -1;
	evrt__buffer_lock(buf);
	buf->max_read = (uint32_t)max;
	evrt__buffer_unlock(buf);
	return 0;
}

size_t
evbuffer_get_max_read(struct evbuffer *buf)
{
	evrt__buffer_lock(buf);
	size_t max = buf->max_read;
	evrt__buffer_unlock(buf);
	return max;
}

static bool
chain_is_valid(const struct evrt_chain *c, bool may_have_files)
{
	if (c->start > c->cap || c->len > c->cap - c->start || evrt_load_relaxed(&c->refs) == 0)
		return false;
	if (c->kind > EVRT_CHAIN_FILE || (c->gives_back && c->kind != EVRT_CHAIN_HEAP))
		return false;
	if (c->kind == EVRT_CHAIN_HEAP && (c->mem != (const unsigned char *)(c + 1) || c->cap > EVRT_BUFFER_LEN_MAX))
		return false;
	return c->mem || (c->kind == EVRT_CHAIN_FILE && may_have_files);
}

/* Nothing is counted for callbacks that do not exist, nor does a removed one stay unless a run is under way. */
static bool
buffer_counts_are_valid(const struct evbuffer *buf)
{
	if (buf->has_dead_callbacks && !buf->callback_depth)
		return false;
	return buf->refs > 0 && (!buf->deferred_pending || buf->refs > 1 || buf->callback_depth);
}

bool
evrt__buffer_validate(const struct evbuffer *buf)
{
	const struct evrt_chain *last = NULL;
	size_t total = 0;
	for (const struct evrt_chain *c = buf->first; c; c = c->next) {
		if (!chain_is_valid(c, buf->may_have_files) || c->len == 0 || c == buf->spare)
			return false;
		total += c->len;
		last = c;
	}
	if (last != buf->last || total != buf->total_len || total > EVRT_BUFFER_LEN_MAX)
		return false;
	const struct evrt_chain *spare = buf->spare;
	if (spare && (!chain_is_valid(spare, false) || spare->len || spare->start || spare->next))
		return false;
	if (spare && (spare->kind != EVRT_CHAIN_HEAP || evrt_load_relaxed(&spare->refs) != 1))
		return false;
	return buffer_counts_are_valid(buf);
}
