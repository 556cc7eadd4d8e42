/* api/buffer/callbacks.c — telling the program, and bufferevents, that the length has changed.
 *
 * Here:     the list of callbacks, runs of it at once and deferred.
 * Not here: where a deferred run is queued (whoever called evrt__buffer_set_defer knows).
 * Threads:  those of the evbuffer; deferred runs come from the thread of an event loop.
 *
 * Every edit counts into two pairs of numbers, `changed` and, with deferral on, the deferral's `untold`: the owner is
 * told at once and the program's callbacks later, and each must see every byte exactly once.
 * A run may nest, because a callback may edit; removed entries are therefore only marked, and swept by
 * the outermost run. New ones come in at the head, where no run that is under way sees them.
 */
#include "api/buffer/buffer_internal.h"

#include "base/mem.h"

static void
callbacks_insert(struct evbuffer *buf, struct evbuffer_cb_entry *e)
{
	/* What those that are gone were not told is nobody's business any more. */
	if (evrt__list_empty(&buf->callbacks) && buf->defer)
		buf->defer->untold = (struct evrt_buffer_change){ 0, 0 };
	if (!evrt__buffer_is_heard(buf))
		buf->changed = (struct evrt_buffer_change){ 0, 0 };
	evrt__list_push_head(&buf->callbacks, &e->link);
}

struct evbuffer_cb_entry *
evbuffer_add_cb(struct evbuffer *buf, evbuffer_cb_func cb, void *arg)
{
	struct evbuffer_cb_entry *e = cb ? evrt__calloc(1, sizeof(*e)) : NULL;
	if (!e)
		return NULL;
	e->call.func = cb;
	e->arg = arg;
	e->flags = EVBUFFER_CB_ENABLED;
	evrt__buffer_lock(buf);
	callbacks_insert(buf, e);
	evrt__buffer_unlock(buf);
	return e;
}

void
evrt__buffer_tell_owner(struct evbuffer *buf, bool on)
{
	evrt__buffer_lock(buf);
	if (!evrt__buffer_is_heard(buf))
		buf->changed = (struct evrt_buffer_change){ 0, 0 };
	buf->tells_owner = on;
	evrt__buffer_unlock(buf);
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
		callbacks_remove(buf, EVRT_CONTAINER_OF(l, struct evbuffer_cb_entry, link));
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

/* Tells `what`, and resets it: the program's live callbacks, if `program`, and the owner, if `owner`. */
static void
callbacks_tell(struct evbuffer *buf, struct evrt_buffer_change *what, bool program, bool owner)
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
	if (program)
		EVRT_LIST_FOREACH(l, &buf->callbacks) {
			struct evbuffer_cb_entry *e = EVRT_CONTAINER_OF(l, struct evbuffer_cb_entry, link);
			if (!e->dead && (e->flags & EVBUFFER_CB_ENABLED))
				callback_call(buf, e, &info);
		}
	if (owner && buf->tells_owner)
		buf->owner->ops->changed(buf->owner, buf, &info);
	if (--buf->callback_depth == 0 && buf->has_dead_callbacks)
		callbacks_sweep(buf);
}

static bool
callbacks_any(const struct evbuffer *buf)
{
	EVRT_LIST_FOREACH(l, &buf->callbacks)
		if (!EVRT_CONTAINER_OF(l, struct evbuffer_cb_entry, link)->dead)
			return true;
	return false;
}

void
evrt__buffer_run_callbacks(struct evbuffer *buf)
{
	struct evrt__buffer_defer *defer = buf->defer;
	callbacks_tell(buf, &buf->changed, !defer, true);
	if (!defer || defer != buf->defer)
		return;
	if (!callbacks_any(buf)) {
		defer->untold = (struct evrt_buffer_change){ 0, 0 };
		return;
	}
	if (buf->deferred_pending || (!defer->untold.added && !defer->untold.deleted))
		return;
	buf->deferred_pending = defer->scheduled = true;
	buf->refs++;
	if (buf->owner)
		buf->owner->ops->ref(buf->owner);
	defer->schedule(defer, buf);
}

void
evrt__buffer_finish_told(struct evbuffer *buf)
{
	buf->refs++; /* a callback may free the evbuffer */
	evrt__buffer_run_callbacks(buf);
	evrt__buffer_decref_and_unlock(buf);
}

void
evrt__buffer_set_defer(struct evbuffer *buf, struct evrt__buffer_defer *defer)
{
	evrt__buffer_lock(buf);
	struct evrt__buffer_defer *old = buf->defer;
	defer->untold = old ? old->untold : (struct evrt_buffer_change){ 0, 0 };
	defer->scheduled = false;
	buf->defer = defer;
	/* One that is on its way to its loop, or there already, is released by the run. */
	bool done = old && !old->scheduled;
	evrt__buffer_unlock(buf);
	if (done && old->release)
		old->release(old);
}

void
evrt__buffer_run_deferred(struct evbuffer *buf, struct evrt__buffer_defer *defer)
{
	evrt__buffer_lock(buf);
	const struct evrt__buffer_owner *owner = buf->owner;
	/* Before the callbacks, which may schedule it again, replace it, and free the evbuffer with it. */
	bool replaced = buf->defer != defer;
	buf->deferred_pending = defer->scheduled = false;
	callbacks_tell(buf, &buf->defer->untold, true, false);
	evrt__buffer_decref_and_unlock(buf);
	if (replaced && defer->release)
		defer->release(defer);
	/* The owner's memory, where the struct lies, is kept by the reference that is given back here. */
	if (owner)
		owner->ops->unref(owner);
}
