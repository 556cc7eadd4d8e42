/* backends/poll.c — the poller for descriptors of any kind, regular files too.
 *
 * Here:     an array for poll(2), and from each fd to its place in it.
 * Not here: edges (runtime/loop/fdmap makes them by switching registrations off).
 * Threads:  set and prepare under the owner's lock; wait by one thread at a time, without it. They meet in
 *           nothing: wait reads the private copy that prepare took, so a set during a wait counts from the
 *           next prepare on.
 *
 * Quirks of the kernel
 *   2.6.17  POLLRDHUP appears.
 *   all     ERR, HUP and NVAL are reported whether asked for or not.
 *   all     A closed fd stays in the array and reports NVAL, at each wait: told as an error, so that its
 *           watcher's next call fails with EBADF and it can give up. set asks first, since poll would not
 *           refuse one that was never open.
 *   all     More entries than RLIMIT_NOFILE: EINVAL. Can happen only after the limit was lowered.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include "backends/backend.h"
#include "backends/descriptor.h"
#include "base/assert.h"
#include "base/mem.h"
#include "base/sys.h"

/* Parallel arrays, dense: generation[i] belongs to fds[i]. */
struct poll_set {
	struct pollfd *fds;
	uint32_t *generation;
	size_t count;
	size_t capacity;
};

struct poll_state {
	struct poll_set registered; /* guarded by the owner's lock */
	size_t *place;              /* by fd: index in `registered` plus one, 0 for none; owner's lock */
	size_t place_capacity;      /* owner's lock */
	bool changed;               /* `registered` is newer than `waited`; owner's lock */
	struct poll_set waited;     /* prepare's copy; the waiting thread's */
	size_t scan_from;           /* where the next look for ready ones begins; the waiting thread's */
};

#define POLL_CAPACITY_MIN 32u

/* At least `needed`, by doubling. Counts stay below 2^31 (fds are ints), so this cannot wrap. */
static size_t
poll_grown(size_t capacity, size_t needed)
{
	size_t grown = capacity ? capacity : POLL_CAPACITY_MIN;
	while (grown < needed)
		grown *= 2;
	return grown;
}

static int
poll_set_reserve(struct poll_set *set, size_t needed)
{
	if (needed <= set->capacity)
		return 0;
	size_t capacity = poll_grown(set->capacity, needed);
	struct pollfd *fds = evrt__realloc(set->fds, capacity * sizeof *fds);
	if (fds == NULL)
		return -ENOMEM;
	set->fds = fds; /* longer than `capacity` tells if the next step fails, which harms nobody */
	uint32_t *generation = evrt__realloc(set->generation, capacity * sizeof *generation);
	if (generation == NULL)
		return -ENOMEM;
	set->generation = generation;
	set->capacity = capacity;
	return 0;
}

static void
poll_set_free(struct poll_set *set)
{
	evrt__free(set->fds);
	evrt__free(set->generation);
}

static int
poll_place_reserve(struct poll_state *s, int fd)
{
	size_t needed = (size_t)fd + 1;

	if (needed <= s->place_capacity)
		return 0;
	size_t capacity = poll_grown(s->place_capacity, needed);
	size_t *place = evrt__realloc(s->place, capacity * sizeof *place);
	if (place == NULL)
		return -ENOMEM;
	memset(place + s->place_capacity, 0, (capacity - s->place_capacity) * sizeof *place);
	s->place = place;
	s->place_capacity = capacity;
	return 0;
}

static int
poll_open(void **out_state)
{
	struct poll_state *s = evrt__calloc(1, sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	*out_state = s;
	return 0;
}

static void
poll_close(void *state)
{
	struct poll_state *s = state;
	poll_set_free(&s->registered);
	poll_set_free(&s->waited);
	evrt__free(s->place);
	evrt__free(s);
}

static short
poll_interest(unsigned mask)
{
	return (short)((mask & EVRT_READ ? POLLIN : 0) | (mask & EVRT_WRITE ? POLLOUT : 0) |
	    (mask & EVRT_CLOSED ? POLLRDHUP : 0));
}

static unsigned
poll_report(int events)
{
	unsigned mask = (events & POLLIN ? EVRT_READ : 0u) | (events & POLLOUT ? EVRT_WRITE : 0u);

	if (events & (POLLERR | POLLHUP | POLLNVAL))
		mask = EVRT_READ | EVRT_WRITE | EVRT_HUP;
	if (events & POLLRDHUP)
		mask |= EVRT_CLOSED | EVRT_HUP;
	return mask;
}

/* The last entry moves into the gap: the order of the array means nothing. */
static void
poll_remove(struct poll_state *s, int fd)
{
	struct poll_set *set = &s->registered;

	if (fd < 0 || (size_t)fd >= s->place_capacity || s->place[fd] == 0)
		return;
	size_t gap = s->place[fd] - 1;
	size_t last = --set->count;
	set->fds[gap] = set->fds[last];
	set->generation[gap] = set->generation[last];
	s->place[set->fds[gap].fd] = gap + 1;
	s->place[fd] = 0;
	s->changed = true;
}

static int
poll_add(struct poll_state *s, int fd)
{
	int err = evrt__descriptor_check(fd);
	if (err == 0)
		err = poll_place_reserve(s, fd);
	if (err == 0)
		err = poll_set_reserve(&s->registered, s->registered.count + 1);
	if (err == 0)
		s->place[fd] = ++s->registered.count;
	return err;
}

static int
poll_set_interest(void *state, int fd, uint32_t generation, unsigned old_mask, unsigned new_mask)
{
	struct poll_state *s = state;

	if ((new_mask & EVRT_IO_MASK) == 0) {
		poll_remove(s, fd);
		return 0;
	}
	bool known = fd >= 0 && (size_t)fd < s->place_capacity && s->place[fd] != 0;
	/* A known fd that is added once more was closed in between: is the number open again? */
	bool added_again = known && (old_mask & EVRT_IO_MASK) == 0;
	int err = added_again ? evrt__descriptor_check(fd) : known ? 0 : poll_add(s, fd);
	if (err < 0)
		return err;
	size_t i = s->place[fd] - 1;
	s->registered.fds[i] = (struct pollfd){.fd = fd, .events = poll_interest(new_mask)};
	s->registered.generation[i] = generation;
	s->changed = true;
	return 0;
}

static int
poll_prepare(void *state)
{
	struct poll_state *s = state;
	const struct poll_set *from = &s->registered;

	if (!s->changed)
		return 0;
	int err = poll_set_reserve(&s->waited, from->count);
	if (err < 0)
		return err;
	if (from->count > 0) {
		memcpy(s->waited.fds, from->fds, from->count * sizeof *from->fds);
		memcpy(s->waited.generation, from->generation, from->count * sizeof *from->generation);
	}
	s->waited.count = from->count;
	s->changed = false;
	return 0;
}

/* Begins where the last look stopped for want of room, so that those behind get their turn. */
static int
poll_collect(struct poll_state *s, int ready, struct evrt_ready *out, int cap)
{
	const struct poll_set *set = &s->waited;
	int wanted = ready < cap ? ready : cap;
	int n = 0;
	size_t i = s->scan_from;

	for (size_t looked = 0; looked < set->count && n < wanted; looked++, i++) {
		if (i >= set->count)
			i = 0;
		if (set->fds[i].revents == 0)
			continue;
		out[n].fd = set->fds[i].fd;
		out[n].generation = set->generation[i];
		out[n].mask = poll_report(set->fds[i].revents);
		n++;
	}
	s->scan_from = i;
	return n;
}

static int
poll_wait(void *state, evrt_ns timeout_ns, struct evrt_ready *out, int cap)
{
	struct poll_state *s = state;
	struct timespec ts;

	EVRT_ASSERT(cap > 0);
	int ready = evrt__sys.ppoll(s->waited.fds, (nfds_t)s->waited.count,
	    evrt__timeout_spec(timeout_ns, &ts), NULL);
	if (ready < 0)
		return -errno;
	return poll_collect(s, ready, out, cap);
}

const struct evrt_backend_ops evrt__backend_poll = {
	.name = "poll",
	.features = EVRT_BF_FDS | EVRT_BF_EARLY_CLOSE,
	.open = poll_open,
	.close = poll_close,
	.set = poll_set_interest,
	.prepare = poll_prepare,
	.wait = poll_wait,
};
