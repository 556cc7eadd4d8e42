/* api/event/debug_map.c — the map of events; see debug_map.h. */
#include "api/event/debug_map.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "api/event/debug_fd.h"
#include "base/sys.h"

#define DEBUG_BUCKETS_BITS 12
#define DEBUG_BUCKETS (1u << DEBUG_BUCKETS_BITS)
/* So many freed events are remembered as such. */
#define DEBUG_GONE_MAX 1024u

/* Entries come from pages of their own and not from the program's allocator: what a program allocates, and in
 * which order, should not depend on whether somebody watches. */
#define DEBUG_SLAB_BYTES 65536u
#define DEBUG_SLAB_ENTRIES ((DEBUG_SLAB_BYTES - sizeof(void *)) / sizeof(struct evrt_debug_entry))
struct debug_slab {
	struct debug_slab *next;
	struct evrt_debug_entry entry[DEBUG_SLAB_ENTRIES];
};

static pthread_mutex_t map_lock = PTHREAD_MUTEX_INITIALIZER; /* guards all below */
static struct evrt_debug_entry *map_buckets[DEBUG_BUCKETS];
static struct evrt_debug_entry *map_blank;
static struct debug_slab *map_slabs;
static bool map_lost;
static struct evrt_link map_gone = { &map_gone, &map_gone }; /* oldest first */
static unsigned map_gone_count;

void
evrt__debug_map_lock(void)
{
	pthread_mutex_lock(&map_lock);
}

void
evrt__debug_map_unlock(void)
{
	pthread_mutex_unlock(&map_lock);
}

/* Where the pointer to the entry is, or would go. */
static struct evrt_debug_entry **
map_place(const struct event_core *ev)
{
	uint64_t hash = (uint64_t)(uintptr_t)ev * UINT64_C(0x9e3779b97f4a7c15);
	struct evrt_debug_entry **at = &map_buckets[hash >> (64 - DEBUG_BUCKETS_BITS)];

	while (*at && (*at)->ev != ev)
		at = &(*at)->next;
	return at;
}

struct evrt_debug_entry *
evrt__debug_map_find(const struct event_core *ev)
{
	return *map_place(ev);
}

static void
map_put_blank(struct evrt_debug_entry *e)
{
	e->next = map_blank;
	map_blank = e;
}

static struct evrt_debug_entry *
map_take_blank(void)
{
	if (!map_blank) {
		struct debug_slab *slab = evrt__sys.mmap(NULL, sizeof(*slab), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (slab == MAP_FAILED)
			return NULL;
		slab->next = map_slabs;
		map_slabs = slab;
		for (size_t i = 0; i < DEBUG_SLAB_ENTRIES; i++)
			map_put_blank(&slab->entry[i]);
	}
	struct evrt_debug_entry *e = map_blank;
	map_blank = e->next;
	return e;
}

static void
map_ungone(struct evrt_debug_entry *e)
{
	evrt__list_remove(&e->gone_link);
	map_gone_count--;
}

struct evrt_debug_entry *
evrt__debug_map_renew(const struct event_core *ev)
{
	struct evrt_debug_entry **at = map_place(ev);
	struct evrt_debug_entry *e = *at;

	if (e) {
		evrt__debug_fd_unwait(e);
		if (e->gone)
			map_ungone(e);
		*at = e->next;
	} else if (!(e = map_take_blank())) {
		map_lost = true;
		return NULL;
	}
	*e = (struct evrt_debug_entry){ .next = *at, .ev = ev };
	*at = e;
	return e;
}

void
evrt__debug_map_retire(struct evrt_debug_entry *e)
{
	evrt__debug_fd_unwait(e);
	e->gone = true;
	e->busy = false;
	evrt__list_push_tail(&map_gone, &e->gone_link);
	if (++map_gone_count <= DEBUG_GONE_MAX)
		return;
	struct evrt_debug_entry *oldest = EVRT_CONTAINER_OF(map_gone.next, struct evrt_debug_entry, gone_link);
	map_ungone(oldest);
	*map_place(oldest->ev) = oldest->next;
	map_put_blank(oldest);
}

bool
evrt__debug_map_has_lost(void)
{
	return map_lost;
}

void
evrt__debug_map_base_freed(const struct event_base *base)
{
	for (unsigned i = 0; i < DEBUG_BUCKETS; i++)
		for (struct evrt_debug_entry *e = map_buckets[i]; e; e = e->next)
			if (e->base == base)
				e->base_gone = true;
}

void
evrt__debug_map_clear(void)
{
	memset(map_buckets, 0, sizeof(map_buckets));
	evrt__debug_fd_clear();
	map_blank = NULL;
	map_lost = false;
	evrt__list_init(&map_gone);
	map_gone_count = 0;
	while (map_slabs) {
		struct debug_slab *slab = map_slabs;
		map_slabs = slab->next;
		evrt__sys.munmap(slab, sizeof(*slab));
	}
}
