/* api/event/debug.c — event debug mode; see debug.h. */
#include "api/event/debug.h"

#include <event2/event.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "api/event/debug_default.h"
#include "api/event/event_internal.h"
#include "base/atomic.h"
#include "base/log.h"
#include "base/sys.h"

#define DEBUG_BUCKETS 1024u

struct debug_entry {
	struct debug_entry *next;
	const struct event_core *ev;
	bool added;
};

/* Entries come from pages of their own and not from the program's allocator: what a program allocates, and in
 * which order, should not depend on whether somebody watches. */
#define DEBUG_SLAB_BYTES 65536u
struct debug_slab {
	struct debug_slab *next;
	struct debug_entry entry[(DEBUG_SLAB_BYTES - sizeof(void *)) / sizeof(struct debug_entry)];
};

static evrt_atomic(int) debug_mode = EVRT_EVENT_DEBUG_DEFAULT;
static evrt_atomic(bool) debug_late;
/* The map has lost an event for want of memory: from then on an unknown event proves nothing. */
static evrt_atomic(bool) debug_lost;
/* Guards the map; nothing is called under it. */
static pthread_mutex_t debug_lock = PTHREAD_MUTEX_INITIALIZER;
static struct debug_entry *debug_map[DEBUG_BUCKETS];
static struct debug_entry *debug_free;
static struct debug_slab *debug_slabs;

static bool
debug_on(void)
{
	return EVRT_UNLIKELY(evrt_load_relaxed(&debug_mode) != 0);
}

void
event_enable_debug_mode(void)
{
	if (evrt_load_relaxed(&debug_mode) && !EVRT_EVENT_DEBUG_DEFAULT)
		evrt__errx(1, "event_enable_debug_mode was called twice!");
	if (evrt_load_relaxed(&debug_late) && !EVRT_EVENT_DEBUG_DEFAULT)
		evrt__errx(1, "event_enable_debug_mode must be called *before* creating any events or event_bases");
	evrt_store_relaxed(&debug_mode, 1);
}

void
evrt__debug_too_late(void)
{
	/* A look before the store: every thread comes by here, and the line should stay shared. */
	if (!evrt_load_relaxed(&debug_late))
		evrt_store_relaxed(&debug_late, true);
}

static struct debug_entry **
debug_find(const struct event_core *ev)
{
	uint64_t hash = (uint64_t)(uintptr_t)ev * UINT64_C(0x9e3779b97f4a7c15);
	struct debug_entry **at = &debug_map[hash >> 54];

	while (*at && (*at)->ev != ev)
		at = &(*at)->next;
	return at;
}

/* A blank entry, or NULL; lock held. */
static struct debug_entry *
debug_entry_new(void)
{
	if (!debug_free) {
		struct debug_slab *slab = evrt__sys.mmap(NULL, sizeof(*slab), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (slab == MAP_FAILED)
			return NULL;
		slab->next = debug_slabs;
		debug_slabs = slab;
		for (size_t i = 0; i < sizeof(slab->entry) / sizeof(slab->entry[0]); i++) {
			slab->entry[i].next = debug_free;
			debug_free = &slab->entry[i];
		}
	}
	struct debug_entry *entry = debug_free;
	debug_free = entry->next;
	*entry = (struct debug_entry){ NULL, NULL, false };
	return entry;
}

static _Noreturn void
debug_fail(const struct event_core *ev, const char *problem)
{
	evrt__errx(EVRT_ERR_ABORT, "event debug: event %p (fd %d, events 0x%x, flags 0x%x, callback %p): %s",
	    (const void *)ev, (int)ev->fd, (unsigned)(uint16_t)ev->events, (unsigned)(uint16_t)ev->task.flags,
	    (void *)(uintptr_t)ev->task.fn, problem);
}

enum debug_step { STEP_SETUP, STEP_TEARDOWN, STEP_ADD, STEP_DEL };

/* Makes one step in the map; returns what is wrong with it, or NULL. */
static const char *
debug_step(const struct event_core *ev, enum debug_step step)
{
	const char *problem = NULL;

	pthread_mutex_lock(&debug_lock);
	struct debug_entry **at = debug_find(ev);
	struct debug_entry *entry = *at;
	if (step == STEP_SETUP && !entry) {
		entry = debug_entry_new();
		if (entry)
			entry->ev = ev;
		else
			evrt_store_relaxed(&debug_lost, true);
		*at = entry;
	} else if (step == STEP_SETUP) {
		entry->added = false;
	} else if (step == STEP_TEARDOWN && entry) {
		*at = entry->next;
		entry->next = debug_free;
		debug_free = entry;
	} else if (step != STEP_TEARDOWN && !entry && !evrt_load_relaxed(&debug_lost)) {
		problem = step == STEP_ADD ? "added, but never set up by event_assign or event_new (or freed since)"
		    : "deleted, but never set up by event_assign or event_new (or freed since)";
	} else if (entry) {
		entry->added = step == STEP_ADD;
	}
	pthread_mutex_unlock(&debug_lock);
	return problem;
}

static void
debug_do(const struct event_core *ev, enum debug_step step)
{
	const char *problem = debug_on() ? debug_step(ev, step) : NULL;

	if (problem)
		debug_fail(ev, problem);
}

void
evrt__debug_note_setup(const struct event_core *ev)
{
	evrt__debug_too_late();
	debug_do(ev, STEP_SETUP);
}

void
evrt__debug_note_teardown(const struct event_core *ev)
{
	debug_do(ev, STEP_TEARDOWN);
}

void
evrt__debug_note_add(const struct event_core *ev)
{
	debug_do(ev, STEP_ADD);
}

void
evrt__debug_note_del(const struct event_core *ev)
{
	debug_do(ev, STEP_DEL);
}

/* 1 added, 0 set up, -1 unknown. */
static int
debug_state(const struct event_core *ev)
{
	pthread_mutex_lock(&debug_lock);
	struct debug_entry *entry = *debug_find(ev);
	int state = entry ? entry->added : evrt_load_relaxed(&debug_lost) ? 0 : -1;
	pthread_mutex_unlock(&debug_lock);
	return state;
}

void
evrt__debug_assert_setup(const struct event_core *ev)
{
	if (debug_on() && debug_state(ev) < 0)
		debug_fail(ev, "used, but never set up by event_assign or event_new (or freed since)");
}

void
evrt__debug_assert_not_added(const struct event_core *ev)
{
	if (debug_on() && debug_state(ev) == 1)
		debug_fail(ev, "set up or torn down anew while it is added; call event_del first");
}

void
evrt__debug_assign_check(const struct event_core *ev, evutil_socket_t fd, short events)
{
	if (!debug_on())
		return;
	evrt__debug_assert_not_added(ev);
	if (fd < 0 || (events & EV_SIGNAL))
		return;
	int flags = evrt__sys.fcntl(fd, F_GETFL, 0);
	if (flags >= 0 && !(flags & O_NONBLOCK))
		evrt__errx(EVRT_ERR_ABORT, "event debug: event_assign of event %p: fd %d blocks; call "
		    "evutil_make_socket_nonblocking first", (const void *)ev, (int)fd);
}

void
evrt__debug_shutdown(void)
{
	pthread_mutex_lock(&debug_lock);
	memset(debug_map, 0, sizeof(debug_map));
	debug_free = NULL;
	while (debug_slabs) {
		struct debug_slab *slab = debug_slabs;
		debug_slabs = slab->next;
		evrt__sys.munmap(slab, sizeof(*slab));
	}
	pthread_mutex_unlock(&debug_lock);
	evrt_store_relaxed(&debug_late, false);
	evrt_store_relaxed(&debug_lost, false);
	evrt_store_relaxed(&debug_mode, EVRT_EVENT_DEBUG_DEFAULT);
}
