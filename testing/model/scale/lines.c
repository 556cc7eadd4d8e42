/* testing/model/scale/lines.c — mutexes, and the cache lines that the engine's atomics lie in.
 *
 * Lines. Each has one processor that wrote it last, and some that have a copy. Who reads one without a copy, or
 * writes one that is not its alone, waits for line_ns, and writers queue up. The addresses are the engine's own
 * structures: what shares a line there does so here. Stores wait as if there were no store buffers.
 * Mutexes. As pthreads': who finds one taken sleeps, whoever comes first when it is free gets it. Their state lies in
 * the engine's own pthread_mutex_t.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "testing/model/scale/machine.h"
#include "testing/model/scale/shim.h"

#define LINE_SHIFT 6
#define SHARERS 64u /* threads of one pool; those of others do not share lines with them */
#define NOBODY (-1)

struct line {
	uintptr_t key; /* address >> LINE_SHIFT; 0: free */
	int owner;
	uint64_t copies;
	evrt_ns free_at, busy_ns, waited_ns;
};

static struct line *lines;
static size_t lines_count, lines_room;

void evrt__model_access(const volatile void *addr, bool writes);

static struct line *
line_slot(struct line *table, size_t room, uintptr_t key)
{
	size_t i = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (room - 1);

	while (table[i].key && table[i].key != key)
		i = (i + 1) & (room - 1);
	return &table[i];
}

static void
lines_grow(void)
{
	size_t room = lines_room ? 2 * lines_room : 4096;
	struct line *table = calloc(room, sizeof(*table));

	EVRT_ASSERT(table);
	for (size_t i = 0; i < lines_room; i++)
		if (lines[i].key)
			*line_slot(table, room, lines[i].key) = lines[i];
	free(lines);
	lines = table;
	lines_room = room;
}

static struct line *
line_at(const volatile void *addr)
{
	uintptr_t key = (uintptr_t)addr >> LINE_SHIFT;

	if (2 * lines_count >= lines_room)
		lines_grow();
	struct line *l = line_slot(lines, lines_room, key);
	if (!l->key) {
		*l = (struct line){ .key = key, .owner = NOBODY };
		lines_count++;
	}
	return l;
}

/* The step of an atomic of the engine; see testing/model/shim. */
void
evrt__model_access(const volatile void *addr, bool writes)
{
	int self = sim_self_index();

	if (self < 0)
		return;
	sim_sync();
	struct line *l = line_at(addr);
	uint64_t bit = UINT64_C(1) << ((unsigned)self % SHARERS);
	if (writes ? l->owner == self && l->copies == bit : l->copies & bit)
		return;
	evrt_ns line_ns = l->owner == NOBODY ? 0 : sim_costs()->line_ns;
	evrt_ns now = sim_now(), from = l->free_at > now ? l->free_at : now;
	l->copies = writes ? bit : l->copies | bit;
	if (writes) {
		l->owner = self;
		l->free_at = from + line_ns;
		l->busy_ns += line_ns;
	}
	if (line_ns) {
		l->waited_ns += from + line_ns - now;
		sim_compute(from + line_ns - now);
		sim_sync();
	}
}

struct sim_lines_use
sim_lines_use(const void *from, size_t bytes)
{
	uintptr_t first = (uintptr_t)from >> LINE_SHIFT, last = ((uintptr_t)from + bytes - 1) >> LINE_SHIFT;
	struct sim_lines_use use = { 0, 0 };

	for (size_t i = 0; i < lines_room; i++) {
		const struct line *l = &lines[i];
		if (!l->key || (from && (l->key < first || l->key > last)))
			continue;
		use.waited_ns += l->waited_ns;
		if (l->busy_ns > use.busiest_ns)
			use.busiest_ns = l->busy_ns;
	}
	return use;
}

void
sim_lines_count_anew(void)
{
	for (size_t i = 0; i < lines_room; i++)
		lines[i].busy_ns = lines[i].waited_ns = 0;
}

void
sim_lines_begin(void)
{
	lines_grow();
}

void
sim_lines_end(void)
{
	free(lines);
	lines = NULL;
	lines_count = lines_room = 0;
}

/* ---- Mutexes. */

#define MUTEX_WAITERS 64u

struct mutex {
	struct mutex_state *state;
};

struct mutex_state {
	struct sim_resource resource; /* busy: locked */
	bool locked;
	evrt_ns locked_at;
	struct sim_thread *waiting[MUTEX_WAITERS]; /* the first come first */
	unsigned waiting_count;
};

_Static_assert(sizeof(struct mutex) <= sizeof(pthread_mutex_t), "the engine has room for a pthread_mutex_t");

static struct mutex_state *
mutex_of(pthread_mutex_t *m)
{
	struct mutex mutex;

	memcpy(&mutex, m, sizeof(mutex));
	return mutex.state;
}

void
sim_mutex_init(pthread_mutex_t *m, const char *name)
{
	struct mutex mutex = { calloc(1, sizeof(*mutex.state)) };

	EVRT_ASSERT(mutex.state);
	sim_resource_init(&mutex.state->resource, name);
	memcpy(m, &mutex, sizeof(mutex));
}

void
sim_mutex_fini(pthread_mutex_t *m)
{
	EVRT_ASSERT(!mutex_of(m)->locked);
	free(mutex_of(m)); /* the machine's list of resources was read before */
}

bool
sim_mutex_trylock(pthread_mutex_t *m)
{
	struct mutex_state *s = mutex_of(m);

	evrt__model_access(m, true);
	if (s->locked)
		return false;
	s->locked = true;
	s->locked_at = sim_now();
	s->resource.uses++;
	return true;
}

void
sim_mutex_lock(pthread_mutex_t *m)
{
	struct mutex_state *s = mutex_of(m);
	evrt_ns came = sim_now();

	while (!sim_mutex_trylock(m)) {
		EVRT_ASSERT(sim_self()); /* nobody holds one when the world goes on */
		sim_compute(sim_costs()->futex_ns);
		sim_sync();
		if (!s->locked)
			continue;
		EVRT_ASSERT(s->waiting_count < MUTEX_WAITERS);
		s->waiting[s->waiting_count++] = sim_self();
		sim_block(EVRT_NS_NEVER);
	}
	s->resource.waited_ns += sim_now() - came;
}

void
sim_mutex_unlock(pthread_mutex_t *m)
{
	struct mutex_state *s = mutex_of(m);

	EVRT_ASSERT(s->locked);
	sim_compute(sim_costs()->lock_ns);
	evrt__model_access(m, true);
	s->locked = false;
	s->resource.busy_ns += sim_now() - s->locked_at;
	if (!s->waiting_count)
		return;
	struct sim_thread *first = s->waiting[0];
	s->waiting_count--;
	memmove(s->waiting, s->waiting + 1, s->waiting_count * sizeof(s->waiting[0]));
	sim_compute(sim_costs()->futex_ns);
	sim_wake(first);
}
