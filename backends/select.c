/* backends/select.c — the poller of last resort, and without select's usual limit.
 *
 * Here:     bit arrays for select(2) that grow with the largest fd.
 * Not here: edges and early close: select cannot tell them; those bits of a mask are ignored.
 * Threads:  set and prepare under the owner's lock; wait by one thread at a time, without it. They meet in
 *           nothing: wait reads the private copy that prepare took.
 *
 * Quirks of the kernel and the C library
 *   all     FD_SETSIZE (1024) binds fd_set and the FD_* macros only, which abort beyond it where fortified.
 *           The kernel takes arrays of any length, of unsigned longs, so we keep our own.
 *   all     nfds is cut to the size of the process's descriptor table, and result bits beyond are left as
 *           they were asked: no open fd is there, and a closed one then looks ready, which is an error told.
 *   all     One closed fd fails the whole call with EBADF and does not say which: they are sought one by one
 *           and reported as errors, so that their watchers give up instead of the loop.
 *   all     The timeout is rewritten by the system call; pselect of the C library hides that.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include "backends/backend.h"
#include "backends/descriptor.h"
#include "base/assert.h"
#include "base/mem.h"
#include "base/sys.h"

typedef unsigned long select_word;
#define SELECT_WORD_BITS ((int)(sizeof(select_word) * CHAR_BIT))
#define SELECT_WORDS_MIN 4

enum select_kind { SELECT_READ, SELECT_WRITE, SELECT_KINDS };
static const unsigned select_mask[SELECT_KINDS] = {EVRT_READ, EVRT_WRITE};

struct select_set {
	select_word *bits[SELECT_KINDS]; /* by fd */
	uint32_t *generation;            /* by fd */
	int words;                       /* of each of `bits`; generation has that many times WORD_BITS */
};

struct select_state {
	struct select_set registered; /* guarded by the owner's lock */
	bool changed;                 /* `registered` is newer than `waited`; owner's lock */
	struct select_set waited;     /* prepare's copy; the waiting thread's */
	bool waited_dropped;          /* closed ones were taken out of `waited`; the waiting thread's */
	struct select_set ready;      /* bits only: the kernel's answer; the waiting thread's */
	int scan_from;                /* where the next look for ready ones begins; the waiting thread's */
};

/* Lengthens an array to `count` items of `size` bytes, the new ones zero. NULL, and *array as it was, on
 * failure. */
static void *
select_extend(void *array, int old_count, int count, size_t size)
{
	char *grown = evrt__realloc(array, (size_t)count * size);
	if (grown != NULL)
		memset(grown + (size_t)old_count * size, 0, (size_t)(count - old_count) * size);
	return grown;
}

/* `words` is told last: after a failure some arrays are longer than it says, which harms nobody. */
static int
select_set_reserve(struct select_set *set, int words)
{
	if (words <= set->words)
		return 0;
	for (int k = 0; k < SELECT_KINDS; k++) {
		select_word *bits = select_extend(set->bits[k], set->words, words, sizeof *bits);
		if (bits == NULL)
			return -ENOMEM;
		set->bits[k] = bits;
	}
	uint32_t *generation = select_extend(set->generation, set->words, words,
	    (size_t)SELECT_WORD_BITS * sizeof *generation);
	if (generation == NULL)
		return -ENOMEM;
	set->generation = generation;
	set->words = words;
	return 0;
}

static void
select_set_free(struct select_set *set)
{
	for (int k = 0; k < SELECT_KINDS; k++)
		evrt__free(set->bits[k]);
	evrt__free(set->generation);
}

static int
select_open(void **out_state)
{
	struct select_state *s = evrt__calloc(1, sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	*out_state = s;
	return 0;
}

static void
select_close(void *state)
{
	struct select_state *s = state;
	select_set_free(&s->registered);
	select_set_free(&s->waited);
	select_set_free(&s->ready);
	evrt__free(s);
}

static select_word
select_bit(int fd)
{
	return (select_word)1 << (fd % SELECT_WORD_BITS);
}

static void
select_store(struct select_set *set, int fd, uint32_t generation, unsigned mask)
{
	for (int k = 0; k < SELECT_KINDS; k++) {
		select_word *word = &set->bits[k][fd / SELECT_WORD_BITS];
		*word = mask & select_mask[k] ? *word | select_bit(fd) : *word & ~select_bit(fd);
	}
	set->generation[fd] = generation;
}

/* Room for `fd`. It is open, so its number is below the process's limit, far from overflow. */
static int
select_reserve_fd(struct select_set *set, int fd)
{
	int needed = fd / SELECT_WORD_BITS + 1;
	int words = set->words ? set->words : SELECT_WORDS_MIN;
	while (words < needed)
		words *= 2;
	return select_set_reserve(set, words);
}

static int
select_set_interest(void *state, int fd, uint32_t generation, unsigned old_mask, unsigned new_mask)
{
	struct select_state *s = state;
	bool has_room = fd >= 0 && fd / SELECT_WORD_BITS < s->registered.words;

	if ((new_mask & EVRT_IO_MASK) != 0 && ((old_mask & EVRT_IO_MASK) == 0 || !has_room)) {
		int err = evrt__descriptor_check(fd);
		if (err == 0)
			err = select_reserve_fd(&s->registered, fd);
		if (err < 0)
			return err;
		has_room = true;
	}
	if (has_room) {
		select_store(&s->registered, fd, generation, new_mask);
		s->changed = true;
	}
	return 0;
}

static int
select_prepare(void *state)
{
	struct select_state *s = state;
	const struct select_set *from = &s->registered;

	if (!s->changed && !s->waited_dropped)
		return 0;
	int err = select_set_reserve(&s->waited, from->words);
	if (err == 0)
		err = select_set_reserve(&s->ready, from->words);
	if (err < 0)
		return err;
	for (int k = 0; k < SELECT_KINDS; k++)
		memcpy(s->waited.bits[k], from->bits[k], (size_t)from->words * sizeof(select_word));
	memcpy(s->waited.generation, from->generation,
	    (size_t)from->words * (size_t)SELECT_WORD_BITS * sizeof *from->generation);
	s->changed = false;
	s->waited_dropped = false;
	return 0;
}

/* The first fd at or after `from` with a bit in either array of `set`, or -1. */
static int
select_next(const struct select_set *set, int from)
{
	select_word keep = ~(select_word)0 << (from % SELECT_WORD_BITS);

	for (int w = from / SELECT_WORD_BITS; w < set->words; w++) {
		select_word word = (set->bits[SELECT_READ][w] | set->bits[SELECT_WRITE][w]) & keep;
		if (word != 0)
			return w * SELECT_WORD_BITS + __builtin_ctzl(word);
		keep = ~(select_word)0;
	}
	return -1;
}

static unsigned
select_report(const struct select_set *ready, int fd)
{
	unsigned mask = 0;
	for (int k = 0; k < SELECT_KINDS; k++)
		mask |= ready->bits[k][fd / SELECT_WORD_BITS] & select_bit(fd) ? select_mask[k] : 0u;
	return mask;
}

/* Begins where the last look stopped for want of room, and wraps once: those behind get their turn. */
static int
select_collect(struct select_state *s, struct evrt_ready *out, int cap)
{
	int n = 0;
	int start = s->scan_from < s->ready.words * SELECT_WORD_BITS ? s->scan_from : 0;
	int fd = start;
	bool wrapped = false;

	while (n < cap) {
		fd = select_next(&s->ready, fd);
		if (fd < 0 && !wrapped) {
			wrapped = true;
			fd = 0;
			continue;
		}
		if (fd < 0 || (wrapped && fd >= start))
			break;
		out[n++] = (struct evrt_ready){fd, s->waited.generation[fd], select_report(&s->ready, fd)};
		s->scan_from = ++fd;
	}
	return n;
}

/* After EBADF: reports the closed ones and drops them from the copy, so that the rest can be asked about. */
static int
select_collect_closed(struct select_state *s, struct evrt_ready *out, int cap)
{
	int n = 0;

	for (int fd = 0; n < cap && (fd = select_next(&s->waited, fd)) >= 0; fd++) {
		uint32_t generation = s->waited.generation[fd];
		if (evrt__descriptor_check(fd) != -EBADF)
			continue;
		out[n++] = (struct evrt_ready){fd, generation, EVRT_READ | EVRT_WRITE | EVRT_HUP};
		select_store(&s->waited, fd, generation, 0);
		s->waited_dropped = true; /* told again after the next prepare, if it is still registered */
	}
	return n;
}

/* Fills `ready` with the kernel's answer. How many bits are set, or -errno. */
static int
select_ask(struct select_state *s, evrt_ns timeout_ns)
{
	struct timespec ts;
	fd_set *sets[SELECT_KINDS];
	size_t size = (size_t)s->waited.words * sizeof(select_word);
	int nfds = s->waited.words * SELECT_WORD_BITS;

	for (int k = 0; k < SELECT_KINDS; k++) {
		if (size > 0)
			memcpy(s->ready.bits[k], s->waited.bits[k], size);
		sets[k] = (fd_set *)(void *)s->ready.bits[k];
	}
	int ready = evrt__sys.pselect(nfds, sets[SELECT_READ], sets[SELECT_WRITE], NULL,
	    evrt__timeout_spec(timeout_ns, &ts), NULL);
	return ready < 0 ? -errno : ready;
}

static int
select_wait(void *state, evrt_ns timeout_ns, struct evrt_ready *out, int cap)
{
	struct select_state *s = state;
	int closed = 0;

	EVRT_ASSERT(cap > 0);
	int ready = select_ask(s, timeout_ns);
	if (ready == -EBADF) {
		closed = select_collect_closed(s, out, cap);
		ready = closed < cap ? select_ask(s, 0) : 0;
	}
	if (ready < 0)
		return closed > 0 ? closed : ready;
	return ready > 0 ? closed + select_collect(s, out + closed, cap - closed) : closed;
}

const struct evrt_backend_ops evrt__backend_select = {
	.name = "select",
	.features = EVRT_BF_FDS,
	.open = select_open,
	.close = select_close,
	.set = select_set_interest,
	.prepare = select_prepare,
	.wait = select_wait,
};
