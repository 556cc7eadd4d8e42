/* testing/fake/fake_backend.c — the poller of tests, and its kernel.
 *
 * Here:     one table of fds for all pollers, and in each poller the registrations, by fd.
 * Not here: real descriptors.
 * Threads:  any. `kernel.lock` guards every field below and every poller's.
 */
#include "testing/fake/fake_backend.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include "base/assert.h"
#include "base/mem.h"

struct fake_fd {
	unsigned ready;  /* EVRT_IO_MASK, and EVRT_HUP for an error */
	uint32_t edges;  /* +1 per evrt__fake_ready */
	uint32_t life;   /* +1 per close: a registration of an earlier life is gone */
	bool closed;
	int refuse;      /* -errno for set, or 0 */
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* something may be ready that was not */
	struct evrt_clock *clock;
	struct evrt_fake_counts counts;
	int wait_error;
	struct fake_fd fd[EVRT_FAKE_FDS_MAX];
} kernel = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

struct fake_registration {
	unsigned mask;       /* 0: none */
	uint32_t generation;
	uint32_t life;       /* the fd's when it was added */
	uint32_t edges_seen; /* the fd's when it was reported last */
	bool armed;          /* set since it was reported last */
};

struct fake_state {
	struct fake_registration *registration; /* by fd */
	int count;                              /* entries of `registration` */
	int scan_from;
};

static void
fake_lock(void)
{
	pthread_mutex_lock(&kernel.lock);
}

static void
fake_unlock(void)
{
	pthread_mutex_unlock(&kernel.lock);
}

static int
fake_open(void **out_state)
{
	struct fake_state *s = evrt__calloc(1, sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	fake_lock();
	kernel.counts.opens++;
	fake_unlock();
	*out_state = s;
	return 0;
}

static void
fake_close(void *state)
{
	struct fake_state *s = state;
	fake_lock();
	kernel.counts.closes++;
	fake_unlock();
	evrt__free(s->registration);
	evrt__free(s);
}

static int
fake_reserve(struct fake_state *s, int fd)
{
	int count = s->count ? s->count : 16;
	while (count <= fd)
		count *= 2;
	if (count == s->count)
		return 0;
	struct fake_registration *grown = evrt__realloc(s->registration, (size_t)count * sizeof *grown);
	if (grown == NULL)
		return -ENOMEM;
	memset(grown + s->count, 0, (size_t)(count - s->count) * sizeof *grown);
	s->registration = grown;
	s->count = count;
	return 0;
}

static void
fake_count_set(unsigned old_mask, unsigned new_mask)
{
	if (new_mask == 0)
		kernel.counts.removes++;
	else if (old_mask == 0)
		kernel.counts.adds++;
	else if (old_mask == new_mask)
		kernel.counts.rearms++;
	else
		kernel.counts.changes++;
}

static int
fake_register(struct fake_state *s, int fd, uint32_t generation, unsigned mask)
{
	if (fd < 0 || fd >= EVRT_FAKE_FDS_MAX || kernel.fd[fd].closed)
		return -EBADF;
	if (kernel.fd[fd].refuse)
		return kernel.fd[fd].refuse;
	int err = fake_reserve(s, fd);
	if (err < 0)
		return err;
	s->registration[fd] = (struct fake_registration){
		.mask = mask,
		.generation = generation,
		.life = kernel.fd[fd].life,
		.armed = true,
	};
	pthread_cond_broadcast(&kernel.changed);
	return 0;
}

static int
fake_set(void *state, int fd, uint32_t generation, unsigned old_mask, unsigned new_mask)
{
	struct fake_state *s = state;
	int err = 0;

	fake_lock();
	fake_count_set(old_mask & EVRT_IO_MASK, new_mask & EVRT_IO_MASK);
	if (new_mask & EVRT_IO_MASK)
		err = fake_register(s, fd, generation, new_mask);
	else if (fd >= 0 && fd < s->count)
		s->registration[fd].mask = 0;
	fake_unlock();
	return err;
}

/* Nothing is copied: it exists so that a test can count that it is called. */
static int
fake_prepare(void *state)
{
	(void)state;
	fake_lock();
	kernel.counts.prepares++;
	fake_unlock();
	return 0;
}

/* The bits a poller with this registration sees; the same mapping as of the real ones. */
static unsigned
fake_visible(const struct fake_registration *r, const struct fake_fd *f)
{
	bool edge_read = (r->mask & (EVRT_EDGE | EVRT_READ)) == (EVRT_EDGE | EVRT_READ);
	unsigned seen = f->ready & (r->mask | (edge_read ? EVRT_CLOSED : 0u)) & EVRT_IO_MASK;

	if (f->ready & EVRT_HUP)
		seen |= EVRT_READ | EVRT_WRITE | EVRT_HUP;
	return seen & EVRT_CLOSED ? seen | EVRT_HUP : seen;
}

/* What to report of `fd` now, or 0. */
static unsigned
fake_due(const struct fake_state *s, int fd)
{
	const struct fake_registration *r = &s->registration[fd];
	const struct fake_fd *f = &kernel.fd[fd];

	if (r->mask == 0 || f->closed || r->life != f->life)
		return 0;
	if (r->mask & EVRT_EDGE && !r->armed && r->edges_seen == f->edges)
		return 0;
	return fake_visible(r, f);
}

static int
fake_collect(struct fake_state *s, struct evrt_ready *out, int cap)
{
	int n = 0;
	int fd = s->scan_from;

	for (int looked = 0; looked < s->count && n < cap; looked++, fd++) {
		if (fd >= s->count)
			fd = 0;
		unsigned mask = fake_due(s, fd);
		if (mask == 0)
			continue;
		struct fake_registration *r = &s->registration[fd];
		r->armed = false;
		r->edges_seen = kernel.fd[fd].edges;
		out[n++] = (struct evrt_ready){fd, r->generation, mask};
	}
	s->scan_from = fd;
	return n;
}

/* The planned failure, if any: taken once. */
static int
fake_take_error(void)
{
	int err = kernel.wait_error;
	kernel.wait_error = 0;
	return err;
}

static int
fake_wait(void *state, evrt_ns timeout_ns, struct evrt_ready *out, int cap)
{
	struct fake_state *s = state;

	EVRT_ASSERT(cap > 0);
	fake_lock();
	kernel.counts.waits++;
	kernel.counts.last_timeout_ns = timeout_ns;
	int n = fake_take_error();
	if (n == 0) {
		n = fake_collect(s, out, cap);
		while (n == 0 && timeout_ns < 0) {
			pthread_cond_wait(&kernel.changed, &kernel.lock);
			n = fake_take_error();
			if (n == 0)
				n = fake_collect(s, out, cap);
		}
		if (n == 0 && timeout_ns > 0 && kernel.clock != NULL)
			evrt__clock_fake_advance(kernel.clock, timeout_ns);
	}
	fake_unlock();
	return n;
}

void
evrt__fake_reset(struct evrt_clock *clock)
{
	fake_lock();
	EVRT_ASSERT(kernel.counts.opens == kernel.counts.closes);
	kernel.clock = clock;
	kernel.wait_error = 0;
	memset(&kernel.counts, 0, sizeof kernel.counts);
	memset(kernel.fd, 0, sizeof kernel.fd);
	fake_unlock();
}

/* The fd's entry, locked. */
static struct fake_fd *
fake_enter(int fd)
{
	EVRT_ASSERT(fd >= 0 && fd < EVRT_FAKE_FDS_MAX);
	fake_lock();
	return &kernel.fd[fd];
}

void
evrt__fake_ready(int fd, unsigned mask)
{
	struct fake_fd *f = fake_enter(fd);
	f->ready |= mask;
	f->edges++;
	pthread_cond_broadcast(&kernel.changed);
	fake_unlock();
}

void
evrt__fake_unready(int fd, unsigned mask)
{
	fake_enter(fd)->ready &= ~mask;
	fake_unlock();
}

void
evrt__fake_close(int fd)
{
	struct fake_fd *f = fake_enter(fd);
	f->closed = true;
	f->ready = 0;
	f->life++;
	fake_unlock();
}

void
evrt__fake_reopen(int fd)
{
	fake_enter(fd)->closed = false;
	fake_unlock();
}

void
evrt__fake_refuse(int fd, int err)
{
	fake_enter(fd)->refuse = err;
	fake_unlock();
}

void
evrt__fake_fail_wait(int err)
{
	fake_lock();
	kernel.wait_error = err;
	pthread_cond_broadcast(&kernel.changed);
	fake_unlock();
}

struct evrt_fake_counts
evrt__fake_counts(void)
{
	fake_lock();
	struct evrt_fake_counts counts = kernel.counts;
	fake_unlock();
	return counts;
}

const struct evrt_backend_ops evrt__backend_fake = {
	.name = "fake",
	.features = EVRT_BF_ET | EVRT_BF_EARLY_CLOSE | EVRT_BF_CONCURRENT,
	.open = fake_open,
	.close = fake_close,
	.set = fake_set,
	.prepare = fake_prepare,
	.wait = fake_wait,
};
