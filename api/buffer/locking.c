/* api/buffer/locking.c — the lock of an evbuffer, for the program.
 *
 * Here:     enable, take, release.
 * Not here: the room's own way to take it, and two at once (buffer_internal.h); what is done under the lock.
 * Threads:  any.
 */
#include "api/buffer/buffer_internal.h"

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
evbuffer_lock(struct evbuffer *buf)
{
	evrt__buffer_lock(buf);
}

void
evbuffer_unlock(struct evbuffer *buf)
{
	evrt__buffer_unlock(buf);
}
