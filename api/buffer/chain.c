/* api/buffer/chain.c — the blocks that contents are made of: allocation, sharing, release, loading.
 *
 * Here:     chains by themselves, and the room behind an evbuffer's contents.
 * Not here: edits of contents (edit.c, move.c), segments of files (file.c).
 * Threads:  those of the evbuffer, under its lock; the last drop of a shared chain may come from another.
 */
#include "api/buffer/buffer_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/sys.h"

struct evrt_chain *
evrt__chain_new(size_t room)
{
	if (room > EVRT_BUFFER_LEN_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	struct evrt_chain *c = room == EVRT_CHAIN_ROOM_BULK ? evrt__chain_cache_take() : NULL;
	size_t total = room + sizeof(*c);
	if (room != EVRT_CHAIN_ROOM_BULK) /* which is a size of its own, so that the cache knows its chains by it */
		total = (total + EVRT_CHAIN_TOTAL_STEP - 1) & ~(size_t)(EVRT_CHAIN_TOTAL_STEP - 1);
	if (!c)
		c = evrt__malloc(total);
	if (!c)
		return NULL;
	evrt__chain_init(c, EVRT_CHAIN_HEAP, (unsigned char *)(c + 1), total - sizeof(*c));
	return c;
}

struct evrt_chain *
evrt__chain_new_growing(size_t room, size_t held)
{
	/* As much as is held already: the number of chains stays logarithmic, and at most half is waste. */
	size_t least = held < EVRT_CHAIN_ROOM_BULK ? held : EVRT_CHAIN_ROOM_BULK;
	bool large = held >= EVRT_BUFFER_HELD_LARGE;
	if (large)
		least = EVRT_CHAIN_ROOM_LARGE;
	struct evrt_chain *c = evrt__chain_new(room > least ? room : least);
	if (c)
		c->gives_back = large;
	return c;
}

struct evrt_chain *
evrt__chain_new_shared(struct evrt_chain *origin)
{
	struct evrt_chain_shared *s = evrt__malloc(sizeof(*s));
	if (!s)
		return NULL;
	/* relaxed: the caller's evbuffer holds a reference, so it cannot be the last one now. */
	evrt_add_relaxed(&origin->refs, 1u);
	evrt__chain_init(&s->chain, EVRT_CHAIN_SHARED, origin->mem, origin->start + origin->len);
	s->chain.start = origin->start;
	s->chain.len = origin->len;
	s->origin = origin;
	return &s->chain;
}

struct evrt_chain *
evrt__chain_new_file(struct evbuffer_file_segment *seg, size_t start, size_t len)
{
	struct evrt_chain_file *f = evrt__malloc(sizeof(*f));
	if (!f)
		return NULL;
	evrt__segment_ref(seg);
	evrt__chain_init(&f->chain, EVRT_CHAIN_FILE, NULL, start + len);
	f->chain.start = start;
	f->chain.len = len;
	f->segment = seg;
	return &f->chain;
}

static void
chain_release_reference(struct evrt_chain *c)
{
	struct evrt_chain_reference *r = (struct evrt_chain_reference *)c;
	if (r->cleanup)
		r->cleanup(c->mem, c->cap, r->cleanup_arg);
}

static void
chain_release_file(struct evrt_chain *c)
{
	evrt__segment_drop(((struct evrt_chain_file *)c)->segment);
}

static void (*const chain_release[])(struct evrt_chain *) = {
	[EVRT_CHAIN_REFERENCE] = chain_release_reference,
	[EVRT_CHAIN_FILE] = chain_release_file,
};

/* One small block behind it keeps all of a heap with the process, and an evbuffer that was large once has many
 * such chains. What the bytes are does not matter any more; that this may fail does not either. */
static void
chain_give_back(struct evrt_chain *c)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)c->mem + page - 1) & ~(page - 1);
	uintptr_t to = ((uintptr_t)c->mem + c->cap) & ~(page - 1);
	if (from < to)
		evrt__sys.madvise((void *)from, to - from, MADV_DONTNEED);
}

void
evrt__chain_drop(struct evrt_chain *c)
{
	while (c) {
		/* acquire and acq_rel, see PAIRS: the last holder comes after all uses by the others. Whoever
		 * is alone already needs no locked instruction: nobody is left who could take a reference. */
		if (evrt_load_acquire(&c->refs) != 1 && evrt_sub_acq_rel(&c->refs, 1u) != 1)
			return;
		if (c->kind == EVRT_CHAIN_SHARED) {
			struct evrt_chain *origin = ((struct evrt_chain_shared *)c)->origin;
			evrt__free(c);
			c = origin;
			continue;
		}
		if (c->kind != EVRT_CHAIN_HEAP)
			chain_release[c->kind](c);
		else if (c->gives_back)
			chain_give_back(c);
		else if (c->cap == EVRT_CHAIN_ROOM_BULK && evrt__chain_cache_put(c))
			return;
		evrt__free(c);
		return;
	}
}

void
evrt__chain_drop_list(struct evrt_chain *first)
{
	while (first) {
		struct evrt_chain *next = first->next;
		evrt__chain_drop(first);
		first = next;
	}
}

size_t
evrt__chain_front_room(const struct evrt_chain *c)
{
	/* acquire, see PAIRS: whoever shared the bytes before `start` has finished with them. */
	if (!c || c->kind != EVRT_CHAIN_HEAP || evrt_load_acquire(&c->refs) != 1)
		return 0;
	return c->start;
}

void
evrt__chain_copy(const struct evrt_chain *c, size_t skip, void *out, size_t n)
{
	unsigned char *to = out;
	while (n) {
		size_t part = c->len - skip < n ? c->len - skip : n;
		memcpy(to, evrt__chain_data(c) + skip, part);
		to += part;
		n -= part;
		skip = 0;
		c = c->next;
	}
}

/* What room behind the contents may grow with: all of them, if they have grown so far by such room. Where references
 * and moved chains lie between small pieces, each new chain may soon be the last to be written to no more: it is
 * no more than twice what the one before was. */
static size_t
chain_grown(const struct evbuffer *buf)
{
	size_t cap = buf->last && buf->last->kind == EVRT_CHAIN_HEAP ? buf->last->cap : 0;

	return cap >= EVRT_CHAIN_ROOM_BULK || buf->total_len < 2 * cap ? buf->total_len : 2 * cap;
}

int
evrt__buffer_make_room(struct evbuffer *buf, size_t size, bool contiguous)
{
	size_t room = evrt__chain_room(buf->last);
	if (room >= size)
		return 0;
	size_t need = contiguous ? size : size - room;
	if (buf->spare && buf->spare->cap >= need)
		return 0;
	struct evrt_chain *c = evrt__chain_new_growing(need, chain_grown(buf));
	if (!c)
		return -ENOMEM;
	evrt__buffer_drop_spare(buf);
	buf->spare = c;
	return 0;
}

void
evrt__buffer_append(struct evbuffer *buf, const void *data, size_t size)
{
	size_t room = evrt__chain_room(buf->last);
	size_t in_last = room < size ? room : size;
	if (in_last)
		memcpy(evrt__chain_data(buf->last) + buf->last->len, data, in_last);
	if (in_last < size)
		memcpy(buf->spare->mem, (const unsigned char *)data + in_last, size - in_last);
	evrt__buffer_commit(buf, in_last, size - in_last);
}

void
evrt__buffer_take(struct evbuffer *buf, size_t n)
{
	struct evrt_chain *gone = buf->first;
	struct evrt_chain *last_gone = NULL;
	size_t left = n;
	while (left && left >= buf->first->len) {
		left -= buf->first->len;
		last_gone = buf->first;
		buf->first = buf->first->next;
	}
	if (left) {
		buf->first->start += left;
		buf->first->len -= left;
	}
	if (!buf->first) {
		buf->last = NULL;
		buf->may_have_files = false;
		evrt__buffer_drop_spare(buf);
	}
	evrt__buffer_deleted(buf, n);
	/* Last, because cleanup functions of the program run in here. */
	if (last_gone) {
		last_gone->next = NULL;
		evrt__chain_drop_list(gone);
	}
}

int
evrt__buffer_load_files(struct evbuffer *buf, size_t upto)
{
	size_t seen = 0;
	struct evrt_chain *c = buf->first;
	for (; c && seen < upto; c = c->next) {
		seen += c->len;
		if (c->mem)
			continue;
		int err = evrt__segment_load(((struct evrt_chain_file *)c)->segment, &c->mem);
		if (err)
			return err;
	}
	buf->may_have_files = c != NULL;
	return 0;
}
