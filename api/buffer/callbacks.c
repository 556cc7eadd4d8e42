/* api/buffer/callbacks.c — telling the program, and bufferevents, that the length has changed.
 *
 * Here:     the list of callbacks, runs of it at once and deferred.
 * Not here: where a deferred run is queued (whoever called evrt__buffer_set_defer knows).
 * Threads:  those of the evbuffer; deferred runs come from the thread of an event loop.
 *
 * Every edit counts into two pairs of numbers, `changed` and `deferred`: with deferral on, some
 * callbacks are told at once and some later, and each kind must see every byte exactly once.
 * A run may nest, because a callback may edit; removed entries are therefore only marked, and swept by
 * the outermost run. New ones come in at the head, where no run that is under way sees them.
 */
#include "api/buffer/buffer_internal.h"

#include "base/mem.h"

static void
callbacks_insert(struct evbuffer *buf, struct evbuffer_cb_entry *e)
{
	/* What those that are gone were not told is nobody's business any more. */
	if (evrt__list_empty(&buf->callbacks))
		buf->changed = buf->deferred = (struct evrt_buffer_change){ 0, 0 };
	evrt__list_push_head(&buf->callbacks, &e->link);
}

struct evbuffer_cb_entry *
evrt__buffer_add_cb(struct evbuffer *buf, evbuffer_cb_func cb, void *arg, uint32_t flags)
{
	struct evbuffer_cb_entry *e = cb ? evrt__calloc(1, sizeof(*e)) : NULL;
	if (!e)
		return NULL;
	e->call.func = cb;
	e->arg = arg;
	e->flags = flags;
	evrt__buffer_lock(buf);
	callbacks_insert(buf, e);
	evrt__buffer_unlock(buf);
	return e;
}

struct evbuffer_cb_entry *
evbuffer_add_cb(struct evbuffer *buf, evbuffer_cb_func cb, void *arg)
{
	return evrt__buffer_add_cb(buf, cb, arg, EVBUFFER_CB_ENABLED);
}

static void
callbacks_remove(struct evbuffer *buf, struct evbuffer_cb_entry *e)
{
	if (buf->callback_depth) {
		e->dead = true;
		buf->has_dead_callbacks = true;
		return;
	}
	evrt__list_remove(&e->link);
	evrt__free(e);
}

static void
callbacks_sweep(struct evbuffer *buf)
{
	EVRT_LIST_FOREACH_SAFE(l, next, &buf->callbacks) {
		struct evbuffer_cb_entry *e = EVRT_CONTAINER_OF(l, struct evbuffer_cb_entry, link);
		if (!e->dead)
			continue;
		evrt__list_remove(l);
		evrt__free(e);
	}
	buf->has_dead_callbacks = false;
}

int
evbuffer_remove_cb_entry(struct evbuffer *buf, struct evbuffer_cb_entry *e)
{
	if (!e)
		return -1;
	evrt__buffer_lock(buf);
	callbacks_remove(buf, e);
	evrt__buffer_unlock(buf);
	return 0;
}

int
evbuffer_remove_cb(struct evbuffer *buf, evbuffer_cb_func cb, void *arg)
{
	int result = -1;
	evrt__buffer_lock(buf);
	EVRT_LIST_FOREACH(l, &buf->callbacks) {
		struct evbuffer_cb_entry *e = EVRT_CONTAINER_OF(l, struct evbuffer_cb_entry, link);
		if (e->dead || (e->flags & EVBUFFER_CB_OBSOLETE) || e->call.func != cb || e->arg != arg)
			continue;
		callbacks_remove(buf, e);
		result = 0;
		break;
	}
	evrt__buffer_unlock(buf);
	return result;
}

void
evrt__buffer_replace_callbacks(struct evbuffer *buf, struct evbuffer_cb_entry *only)
{
	evrt__buffer_lock(buf);
	EVRT_LIST_FOREACH_SAFE(l, next, &buf->callbacks) {
		struct evbuffer_cb_entry *e = EVRT_CONTAINER_OF(l, struct evbuffer_cb_entry, link);
		if (!(e->flags & EVBUFFER_CB_INTERNAL))
			callbacks_remove(buf, e);
	}
	if (only)
		callbacks_insert(buf, only);
	evrt__buffer_unlock(buf);
}

int
evbuffer_cb_set_flags(struct evbuffer *buf, struct evbuffer_cb_entry *e, ev_uint32_t flags)
{
	evrt__buffer_lock(buf);
	e->flags |= flags & EVBUFFER_CB_ENABLED;
	evrt__buffer_unlock(buf);
	return 0;
}

int
evbuffer_cb_clear_flags(struct evbuffer *buf, struct evbuffer_cb_entry *e, ev_uint32_t flags)
{
	evrt__buffer_lock(buf);
	e->flags &= ~(flags & EVBUFFER_CB_ENABLED);
	evrt__buffer_unlock(buf);
	return 0;
}

static void
callback_call(struct evbuffer *buf, struct evbuffer_cb_entry *e, const struct evbuffer_cb_info *info)
{
	if (e->flags & EVBUFFER_CB_OBSOLETE)
		e->call.obsolete(buf, info->orig_size, info->orig_size + info->n_added - info->n_deleted, e->arg);
	else
		e->call.func(buf, info, e->arg);
}

/* Tells `what`, and resets it, to the live callbacks whose flags within `mask` equal `want`. */
static void
callbacks_tell(struct evbuffer *buf, struct evrt_buffer_change *what, uint32_t mask, uint32_t want)
{
	if (!what->added && !what->deleted)
		return;
	/* The length now is orig_size + added - deleted; unsigned, so the order does not matter. */
	struct evbuffer_cb_info info = {
		.orig_size = buf->total_len + what->deleted - what->added,
		.n_added = what->added,
		.n_deleted = what->deleted,
	};
	*what = (struct evrt_buffer_change){ 0, 0 };
	buf->callback_depth++;
	EVRT_LIST_FOREACH(l, &buf->callbacks) {
		struct evbuffer_cb_entry *e = EVRT_CONTAINER_OF(l, struct evbuffer_cb_entry, link);
		if (!e->dead && (e->flags & mask) == want)
			callback_call(buf, e, &info);
	}
	if (--buf->callback_depth == 0 && buf->has_dead_callbacks)
		callbacks_sweep(buf);
}

static bool
callbacks_any_deferred(const struct evbuffer *buf)
{
	EVRT_LIST_FOREACH(l, &buf->callbacks) {
		struct evbuffer_cb_entry *e = EVRT_CONTAINER_OF(l, struct evbuffer_cb_entry, link);
		if (!e->dead && !(e->flags & EVBUFFER_CB_NODEFER))
			return true;
	}
	return false;
}

void
evrt__buffer_run_callbacks(struct evbuffer *buf)
{
	if (!buf->schedule) {
		buf->deferred = (struct evrt_buffer_change){ 0, 0 };
		callbacks_tell(buf, &buf->changed, EVBUFFER_CB_ENABLED, EVBUFFER_CB_ENABLED);
		return;
	}
	callbacks_tell(buf, &buf->changed, EVBUFFER_CB_ENABLED | EVBUFFER_CB_NODEFER,
	    EVBUFFER_CB_ENABLED | EVBUFFER_CB_NODEFER);
	if (!callbacks_any_deferred(buf)) {
		buf->deferred = (struct evrt_buffer_change){ 0, 0 };
		return;
	}
	if (buf->deferred_pending || (!buf->deferred.added && !buf->deferred.deleted))
		return;
	buf->deferred_pending = true;
	buf->refs++;
	if (buf->owner)
		buf->owner->ref(buf->owner->arg);
	buf->schedule(buf->schedule_arg, buf);
}

void
evrt__buffer_set_defer(struct evbuffer *buf, evrt__buffer_schedule_fn schedule, void *arg,
    void (*release)(void *arg))
{
	evrt__buffer_lock(buf);
	void (*old_release)(void *) = buf->schedule_release;
	void *old_arg = buf->schedule_arg;
	buf->schedule = schedule;
	buf->schedule_arg = arg;
	buf->schedule_release = release;
	evrt__buffer_unlock(buf);
	if (old_release)
		old_release(old_arg);
}

void
evrt__buffer_run_deferred(struct evbuffer *buf)
{
	evrt__buffer_lock(buf);
	const struct evrt__buffer_owner *owner = buf->owner;
	buf->deferred_pending = false;
	callbacks_tell(buf, &buf->deferred, EVBUFFER_CB_ENABLED | EVBUFFER_CB_NODEFER, EVBUFFER_CB_ENABLED);
	evrt__buffer_decref_and_unlock(buf);
	/* The owner's memory, where the struct lies, is kept by the reference that is given back here. */
	if (owner)
		owner->unref(owner->arg);
}
