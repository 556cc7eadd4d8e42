/* api/buffer/reference.c — contents that are not copied: the program's memory, and another evbuffer's.
 *
 * Here:     add_reference, add_buffer_reference.
 * Not here: files (file.c), the end of such chains (chain.c).
 * Threads:  as in event2/buffer.h. A cleanup function runs once, in the thread of the last release.
 */
#include "api/buffer/buffer_internal.h"

#include "base/mem.h"

int
evbuffer_add_reference_with_offset(struct evbuffer *buf, const void *data, size_t offset, size_t datlen,
    evbuffer_ref_cleanup_cb cleanupfn, void *cleanupfn_arg)
{
	int result = -1;
	evrt__buffer_lock(buf);
	if (buf->frozen_end || !evrt__buffer_fits(buf, datlen) || offset > EVRT_BUFFER_LEN_MAX - datlen)
		goto out;
	if (datlen) {
		struct evrt_chain_reference *r = evrt__malloc(sizeof(*r));
		if (!r)
			goto out;
		/* Only read, and given back as it came: the kind has no room before or behind. */
		evrt__chain_init(&r->chain, EVRT_CHAIN_REFERENCE, (unsigned char *)(uintptr_t)data, offset + datlen);
		r->chain.start = offset;
		r->chain.len = datlen;
		r->cleanup = cleanupfn;
		r->cleanup_arg = cleanupfn_arg;
		evrt__buffer_link(buf, &r->chain);
		evrt__buffer_added(buf, datlen);
	}
	result = 0;
out:
	evrt__buffer_finish(buf);
	/* No chain is ever empty, so nothing of a reference to 0 bytes is kept that could dangle. */
	if (result == 0 && datlen == 0 && cleanupfn)
		cleanupfn(data, offset, cleanupfn_arg);
	return result;
}

int
evbuffer_add_reference(struct evbuffer *buf, const void *data, size_t datlen,
    evbuffer_ref_cleanup_cb cleanupfn, void *cleanupfn_arg)
{
	return evbuffer_add_reference_with_offset(buf, data, 0, datlen, cleanupfn, cleanupfn_arg);
}

/* A list of shared chains for the contents, of which there are some; NULL when they cannot be shared, or memory is
 * out. */
static struct evrt_chain *
reference_share(const struct evbuffer *src, struct evrt_chain **out_last)
{
	struct evrt_chain *first = NULL;
	struct evrt_chain **at = &first;
	for (struct evrt_chain *c = src->first; c; c = c->next) {
		bool can = c->kind == EVRT_CHAIN_HEAP || c->kind == EVRT_CHAIN_REFERENCE;
		*at = can ? evrt__chain_new_shared(c) : NULL;
		if (!*at) {
			evrt__chain_drop_list(first);
			return NULL;
		}
		*out_last = *at;
		at = &(*at)->next;
	}
	return first;
}

int
evbuffer_add_buffer_reference(struct evbuffer *outbuf, struct evbuffer *inbuf)
{
	int result = -1;
	evrt__buffer_lock2(inbuf, outbuf);
	if (inbuf->total_len == 0) {
		result = 0;
		goto out;
	}
	if (inbuf == outbuf || outbuf->frozen_end || !evrt__buffer_fits(outbuf, inbuf->total_len))
		goto out;
	struct evrt_chain *last = NULL;
	struct evrt_chain *first = reference_share(inbuf, &last);
	if (!first)
		goto out;
	evrt__buffer_link_list(outbuf, first, last);
	evrt__buffer_added(outbuf, inbuf->total_len);
	result = 0;
out:
	evrt__buffer_finish2(inbuf, outbuf);
	return result;
}
