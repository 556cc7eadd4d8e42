/* backends/changelist.c — epoll, told of changes only when it is about to wait.
 *
 * Here:     the changes of a turn, one per fd however often it changed; what is applied is epoll.c's.
 * Not here: the epoll set (epoll.c), which poller is chosen (the user's configuration: api).
 * Threads:  set and prepare under the owner's lock; wait by one thread at a time, without it, and it touches
 *           nothing of ours but `retry`, which prepare writes before.
 *
 * What a change costs: nothing where an fd was added and removed within the turn, one epoll_ctl where it was
 * changed however often. The removal of what the kernel has is not put off: its caller may close the fd next, and
 * then the number is another file's, perhaps in another thread, or nobody's while a duplicate of the file lives on.
 *
 * What it cannot do is refuse: set() does not ask the kernel, which would be the call that is to be saved. What the
 * kernel refuses later is a warning, as in libevent, and the fd is not watched.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include "backends/backend.h"
#include "backends/descriptor.h"
#include "base/log.h"
#include "base/mem.h"

struct change {
	int fd;
	uint32_t generation; /* the latest */
	uint8_t old_mask;    /* before the first change of the turn: what the kernel has */
	uint8_t new_mask;    /* the latest; never empty */
};

struct changelist {
	void *epoll;            /* evrt__backend_epoll's state; const after open */
	struct change *changes; /* owner's lock, like all below but `retry` */
	uint32_t count;
	uint32_t capacity;
	uint32_t *place; /* by fd: index in `changes` plus one, 0 for none */
	uint32_t place_capacity;
	bool retry; /* a change could not be applied for want of memory; prepare's and then wait's, in turn */
};

#define CHANGELIST_CAPACITY_MIN 32u

/* A wait is no longer than this while a change has to be tried again. */
#define CHANGELIST_RETRY_NS (100 * EVRT_NS_PER_MS)

static int
changelist_open(void **out_state)
{
	struct changelist *s = evrt__calloc(1, sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	int err = evrt__backend_epoll.open(&s->epoll);
	if (err < 0) {
		evrt__free(s);
		return err;
	}
	*out_state = s;
	return 0;
}

static void
changelist_close(void *state)
{
	struct changelist *s = state;
	evrt__backend_epoll.close(s->epoll);
	evrt__free(s->changes);
	evrt__free(s->place);
	evrt__free(s);
}

/* At least `needed`, by doubling. Numbers of fds stay below 2^31, so this cannot wrap. */
static uint32_t
changelist_grown(uint32_t capacity, uint32_t needed)
{
	uint32_t grown = capacity ? capacity : CHANGELIST_CAPACITY_MIN;
	while (grown < needed)
		grown *= 2;
	return grown;
}

/* Asks whether `fd` is open before the table grows for it, which is rare: a stray number must not cost
 * gigabytes. */
static int
changelist_reserve_place(struct changelist *s, int fd)
{
	if (fd >= 0 && (uint32_t)fd < s->place_capacity)
		return 0;
	int err = evrt__descriptor_check(fd);
	if (err < 0)
		return err;
	uint32_t capacity = changelist_grown(s->place_capacity, (uint32_t)fd + 1);
	uint32_t *place = evrt__realloc(s->place, capacity * sizeof *place);
	if (place == NULL)
		return -ENOMEM;
	memset(place + s->place_capacity, 0, (capacity - s->place_capacity) * sizeof *place);
	s->place = place;
	s->place_capacity = capacity;
	return 0;
}

/* The change of `fd` in this turn, made if there is none. NULL: out of memory. */
static struct change *
changelist_entry(struct changelist *s, int fd, unsigned old_mask)
{
	if (s->place[fd] != 0)
		return &s->changes[s->place[fd] - 1];
	if (s->count == s->capacity) {
		uint32_t capacity = changelist_grown(s->capacity, s->count + 1);
		struct change *changes = evrt__realloc(s->changes, capacity * sizeof *changes);
		if (changes == NULL)
			return NULL;
		s->changes = changes;
		s->capacity = capacity;
	}
	struct change *c = &s->changes[s->count++];
	*c = (struct change){.fd = fd, .old_mask = (uint8_t)old_mask};
	s->place[fd] = s->count;
	return c;
}

/* The change of `fd` in this turn, if there is one, is none any more. What the kernel has of it: a mask. */
static unsigned
changelist_forget(struct changelist *s, int fd, unsigned old_mask)
{
	if (fd < 0 || (uint32_t)fd >= s->place_capacity || s->place[fd] == 0)
		return old_mask;
	struct change *c = &s->changes[s->place[fd] - 1];
	old_mask = c->old_mask;
	*c = s->changes[--s->count];
	s->place[c->fd] = s->place[fd];
	s->place[fd] = 0;
	return old_mask;
}

static int
changelist_set(void *state, int fd, uint32_t generation, unsigned old_mask, unsigned new_mask)
{
	struct changelist *s = state;

	if ((new_mask & EVRT_IO_MASK) == 0) {
		old_mask = changelist_forget(s, fd, old_mask);
		return old_mask & EVRT_IO_MASK ? evrt__backend_epoll.set(s->epoll, fd, generation, old_mask, 0) : 0;
	}
	int err = changelist_reserve_place(s, fd);
	if (err < 0)
		return err;
	struct change *c = changelist_entry(s, fd, old_mask);
	if (c == NULL)
		return -ENOMEM;
	c->generation = generation;
	c->new_mask = (uint8_t)new_mask;
	return 0;
}

/* False: a shortage; to be tried again. */
static bool
changelist_apply(struct changelist *s, const struct change *c)
{
	int err = evrt__backend_epoll.set(s->epoll, c->fd, c->generation, c->old_mask, c->new_mask);
	if (err == 0)
		return true;
	evrt__warnx("epoll: fd %d could not be registered for 0x%x (before: 0x%x): %s", c->fd, c->new_mask,
	    c->old_mask, strerror(-err));
	return err != -ENOMEM && err != -ENOSPC;
}

static int
changelist_prepare(void *state)
{
	struct changelist *s = state;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		struct change c = s->changes[i];
		s->place[c.fd] = 0;
		if (changelist_apply(s, &c))
			continue;
		s->changes[kept++] = c;
		s->place[c.fd] = kept;
	}
	s->count = kept;
	s->retry = kept > 0;
	return 0;
}

static int
changelist_wait(void *state, evrt_ns timeout_ns, struct evrt_ready *out, int cap)
{
	struct changelist *s = state;

	if (s->retry && (timeout_ns < 0 || timeout_ns > CHANGELIST_RETRY_NS))
		timeout_ns = CHANGELIST_RETRY_NS;
	return evrt__backend_epoll.wait(s->epoll, timeout_ns, out, cap);
}

const struct evrt_backend_ops evrt__backend_epoll_changelist = {
	.name = "epoll (with changelist)",
	.features = EVRT_BF_ET | EVRT_BF_O1 | EVRT_BF_EARLY_CLOSE | EVRT_BF_DEFERRED,
	.open = changelist_open,
	.close = changelist_close,
	.set = changelist_set,
	.prepare = changelist_prepare,
	.wait = changelist_wait,
};
