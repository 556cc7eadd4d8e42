/* api/buffer/locking.c — the lock of an evbuffer, and of two evbuffers at once.
 *
 * Here:     enable, take, release. Two locks are taken in the order of their addresses; where both
 *           evbuffers use the same one (those of a bufferevent, say) it is taken once.
 * Not here: what is done under the lock.
 * Threads:  any.
 */
#include "api/buffer/buffer_internal.h"

#include "threading/lock.h"

int
evbuffer_enable_locking(struct evbuffer *buf, void *lock)
{
	if (buf->lock)
		return -1;
	if (lock) {
		buf->lock = lock;
		return 0;
	}
	buf->lock = evrt__lock_new(EVRT_LOCKTYPE_RECURSIVE, EVRT_RANK_evbuffer);
	if (!buf->lock)
		return -1;
	buf->owns_lock = true;
	return 0;
}

void
evrt__buffer_lock(const struct evbuffer *buf)
{
	if (buf->lock)
		evrt__lock(buf->lock);
}

void
evrt__buffer_unlock(const struct evbuffer *buf)
{
	if (buf->lock)
		evrt__unlock(buf->lock);
}

void
evrt__buffer_lock2(struct evbuffer *x, struct evbuffer *y)
{
	if (x->lock == y->lock) {
		evrt__buffer_lock(x);
		return;
	}
	bool x_first = (uintptr_t)x->lock < (uintptr_t)y->lock;
	evrt__buffer_lock(x_first ? x : y);
	evrt__buffer_lock(x_first ? y : x);
}

void
evrt__buffer_unlock2(struct evbuffer *x, struct evbuffer *y)
{
	evrt__buffer_unlock(x);
	if (x->lock != y->lock)
		evrt__buffer_unlock(y);
}

void
evbuffer_lock(struct evbuffer *buf)
{
	evrt__buffer_lock(buf);
}

void
evbuffer_unlock(struct evbuffer *buf)
{
	evrt__buffer_unlock(buf);
}
