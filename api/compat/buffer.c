/* api/compat/buffer.c — the older calls on evbuffers: those of event2/buffer_compat.h.
 *
 * Threads:  as in event2/buffer.h.
 */
#include <event2/buffer_compat.h>

#include "api/buffer/buffer_internal.h"
#include "base/mem.h"

char *
evbuffer_readline(struct evbuffer *buf)
{
	return evbuffer_readln(buf, NULL, EVBUFFER_EOL_ANY);
}

unsigned char *
evbuffer_find(struct evbuffer *buf, const unsigned char *what, size_t len)
{
	unsigned char *result = NULL;

	evbuffer_lock(buf);
	struct evbuffer_ptr at = evbuffer_search(buf, (const char *)what, len, NULL);
	if (at.pos >= 0) {
		unsigned char *mem = evbuffer_pullup(buf, at.pos + (ev_ssize_t)len);
		result = mem ? mem + at.pos : NULL;
	}
	evbuffer_unlock(buf);
	return result;
}

int
evbuffer_setcb(struct evbuffer *buf, evbuffer_cb cb, void *arg)
{
	struct evbuffer_cb_entry *only = NULL;

	if (cb) {
		only = evrt__calloc(1, sizeof(*only));
		if (!only)
			return -1;
		only->call.obsolete = cb;
		only->arg = arg;
		only->flags = EVBUFFER_CB_ENABLED | EVBUFFER_CB_OBSOLETE;
	}
	evrt__buffer_replace_callbacks(buf, only);
	return 0;
}
