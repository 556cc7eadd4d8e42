/* testing/model/home_model_test.c — a strand moves house: from the set of one group to that of another.
 *
 * The real fd map and the real strand word, over a kernel of one descriptor and two sets. Data arrive; a set in which
 * the descriptor is registered then has a report, with the generation of the registration. A worker of each group
 * fetches reports of its set, hands them to the fd map, and runs the strand if that made it the owner. The
 * callback reads one unit, and then the watch is armed anew. When it begins the other group's worker has stolen
 * the strand. Now and then the runner moves the strand's home: takes
 * the slot out of the map, changes `home`, and puts the slot in again.
 *
 * Checked:  in the end, when nobody can go on, all data were read; no report is told that was fetched from a
 *           registration which is gone; one runner at a time. Then the same with bugs planted.
 */
#include "testing/model/expect.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include "runtime/loop/reactor.h"
#include "runtime/loop/slot.h"

static void map_lock(pthread_mutex_t *);
static void map_unlock(pthread_mutex_t *);
static void deliver(unsigned bits, const struct evrt_reactor *);

/* One descriptor needs one stripe; its segment is made before the scripts begin. */
#define pthread_mutex_lock map_lock
#define pthread_mutex_unlock map_unlock
/* In evrt__fdmap_report, with what the report is of. */
#define evrt__slot_deliver(slot, bits) deliver(bits, r)
#define evrt__slot_forget_levels(slot) ((void)(slot)) /* no level in this model */
#include "runtime/loop/fdmap.c"
#undef pthread_mutex_lock
#undef pthread_mutex_unlock
#include "runtime/pool/strand_word.h"

#define FD 3
#define HOMES 2u
#define MOVES_MAX 2u

enum bug {
	BUG_NONE,
	BUG_REPORT_BELIEVES,  /* a report is told whatever it is of */
	BUG_KEEPS_GENERATION, /* a new registration with an old generation */
	BUG_MOVE_IN_MIND,     /* `home` and the map change, the sets do not */
	BUG_MOVE_IS_DEAF,     /* the new set reports only what comes from now on */
};

static struct scenario {
	const char *name;
	unsigned units;            /* that arrive one by one; another one is there already */
	unsigned moves[MOVES_MAX]; /* after the callbacks of these numbers, from 1; 0: none */
	enum bug bug;
} now;

static struct evrt_fdmap map;
static struct evrt_reactor homes[HOMES];
static struct evrt_strand strand;
static struct evrt_slot slot;
static evrt_atomic(uint64_t) word;
static evrt_atomic(unsigned) map_free, bits, set_ready[HOMES];
static unsigned callbacks; /* runner */
static bool running;       /* runner */
/* The kernel's: each call is one step of `kernel`, which makes a descriptor ready in a step of its own. */
static evrt_atomic(unsigned) kernel;
static unsigned unread, serials;
static struct {
	uint32_t generation; /* 0: not registered */
	unsigned serial;     /* of the registration; never the same again */
	bool ready;          /* a report waits */
} set[HOMES];
/* A worker's. */
static unsigned fetched[HOMES]; /* the registration that its report is of */
static bool owns[HOMES];        /* its report made it the runner */

static void map_lock(pthread_mutex_t *m) { (void)m; evrt__model_lock(&map_free); }
static void map_unlock(pthread_mutex_t *m) { (void)m; evrt__model_unlock(&map_free); }

int
evrt__reactor_set(struct evrt_reactor *r, int fd, uint32_t generation, unsigned old_mask, unsigned new_mask)
{
	unsigned at = (unsigned)(r - homes);

	(void)fd;
	evrt__model_access(&kernel, true);
	set[at].ready = false;
	set[at].generation = new_mask ? generation : 0;
	if (!new_mask)
		return 0;
	if (!old_mask)
		set[at].serial = ++serials;
	set[at].ready = unread > 0 && !(now.bug == BUG_MOVE_IS_DEAF && !old_mask);
	if (set[at].ready)
		evrt_store_seq_cst(&set_ready[at], 1u);
	return 0;
}

static void
kernel_receives(void)
{
	bool rings[HOMES];

	for (unsigned i = 0; i < now.units; i++) {
		evrt__model_access(&kernel, true);
		unread++;
		for (unsigned at = 0; at < HOMES; at++)
			rings[at] = set[at].ready = set[at].generation != 0;
		for (unsigned at = 0; at < HOMES; at++)
			if (rings[at])
				evrt_store_seq_cst(&set_ready[at], 1u);
	}
}

static bool
kernel_fetch(unsigned at, struct evrt_ready *out)
{
	evrt__model_access(&kernel, true);
	*out = (struct evrt_ready){FD, set[at].generation, EVRT_READ};
	fetched[at] = set[at].serial;
	bool any = set[at].ready;
	set[at].ready = false;
	return any;
}

static bool
kernel_read(void)
{
	evrt__model_access(&kernel, true);
	return unread > 0 && unread--;
}

/* Told under the map's lock, under which registrations change, too. As the real one, up to the strand's inbox. */
static void
deliver(unsigned reported, const struct evrt_reactor *r)
{
	unsigned at = (unsigned)(r - homes);

	MODEL_CHECK(set[at].generation && set[at].serial == fetched[at]);
	evrt_or_acq_rel(&bits, reported);
	owns[at] = evrt__strand_word_notify(&word);
}

static void
move_house(void)
{
	struct evrt_reactor *to = strand.home == &homes[0] ? &homes[1] : &homes[0];
	struct evrt_fd *e = fdmap_find(&map, FD);

	if (now.bug == BUG_MOVE_IN_MIND) {
		map_lock(NULL);
		strand.home = e->reactor = to;
		e->generation++;
		map_unlock(NULL);
		return;
	}
	evrt__fdmap_remove(&map, &slot);
	strand.home = to;
	if (now.bug == BUG_KEEPS_GENERATION)
		e->generation--;
	evrt__fdmap_add(&map, &slot);
}

static void
callback(void)
{
	MODEL_CHECK(!running);
	running = true;
	callbacks++;
	kernel_read();
	if (callbacks == now.moves[0] || callbacks == now.moves[1])
		move_house();
	else
		evrt__fdmap_rearm(&map, &slot, EVRT_READ);
	running = false;
}

static void
run_strand(void)
{
	do {
		evrt__strand_word_begin(&word);
		if (evrt_swap_acq_rel(&bits, 0u))
			callback();
	} while (!evrt__strand_word_finish(&word));
}

static void
report(unsigned at, const struct evrt_ready *ready)
{
	if (now.bug != BUG_REPORT_BELIEVES) {
		evrt__fdmap_report(&map, &homes[at], ready);
		return;
	}
	map_lock(NULL);
	if (!evrt__list_empty(&fdmap_find(&map, FD)->slots))
		deliver(EVRT_READ, &homes[at]);
	map_unlock(NULL);
}

static void
worker(unsigned at)
{
	struct evrt_ready ready;

	for (;;) {
		evrt__model_wait(&set_ready[at]);
		if (!kernel_fetch(at, &ready))
			continue;
		owns[at] = false;
		report(at, &ready);
		if (owns[at])
			run_strand();
	}
}

static void worker_0(void) { worker(0); }
static void worker_1(void) { run_strand(); worker(1); } /* has stolen it */

static void
start(void)
{
	static const struct evrt_backend_ops by_edges = {.features = EVRT_BF_ET};

	if (slot.strand)
		evrt__fdmap_fini(&map); /* of the run before */
	evrt__fdmap_init(&map, true);
	atomic_store(&map_free, 1u);
	for (unsigned at = 0; at < HOMES; at++) {
		homes[at].backend = &by_edges;
		atomic_store(&set_ready[at], 0u);
	}
	memset(set, 0, sizeof(set));
	serials = callbacks = 0;
	running = false;
	/* The first unit was reported already. */
	unread = 1;
	atomic_store(&bits, EVRT_READ);
	atomic_store(&word, EVRT_STRAND_OWNED | EVRT_STRAND_PENDING);
	strand.home = &homes[0];
	slot = (struct evrt_slot){.strand = &strand, .fd = FD, .interest = EVRT_READ};
	evrt__fdmap_add(&map, &slot);
	set[0].ready = false;
	atomic_store(&set_ready[0], 0u);
}

/* All sleep. */
static void
finish(void)
{
	unsigned home = (unsigned)(strand.home - homes);

	MODEL_CHECK(unread == 0);
	MODEL_CHECK(!(atomic_load(&word) & (EVRT_STRAND_OWNED | EVRT_STRAND_PENDING)));
	MODEL_CHECK(atomic_load(&bits) == 0);
	MODEL_CHECK(set[home].generation && !set[!home].generation);
}

static void
check(struct scenario scenario, struct evrt_model_result *out)
{
	struct evrt_model m = {scenario.name, 3, start, {worker_0, worker_1, kernel_receives}, finish, 2000000, false,
		true};

	now = scenario;
	evrt__model_check(&m, out);
}

static void
no_report_is_lost_or_late(void)
{
	static const struct scenario scenarios[] = {
		{"no move", 1, {0}, BUG_NONE},
		{"one move", 1, {1}, BUG_NONE},
		{"one move, two units", 2, {1}, BUG_NONE},
		{"a late move", 1, {2}, BUG_NONE},
		{"there and back", 1, {1, 2}, BUG_NONE},
		{"there and back, two units", 2, {1, 2}, BUG_NONE},
	};
	struct evrt_model_result r;

	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		check(scenarios[i], &r);
		model_expect_holds(scenarios[i].name, &r);
	}
}

static void
planted_bugs_are_found(void)
{
	static const struct {
		struct scenario scenario;
		const char *failure;
	} planted[] = {
		{{"planted: a report is believed", 1, {1}, BUG_REPORT_BELIEVES}, "serial"},
		{{"planted: the generation is kept", 2, {1, 2}, BUG_KEEPS_GENERATION}, "serial"},
		{{"planted: the sets stay as they were", 1, {1}, BUG_MOVE_IN_MIND}, "unread"},
		{{"planted: the new set is deaf", 1, {1}, BUG_MOVE_IS_DEAF}, "unread"},
	};
	struct evrt_model_result r;

	for (size_t i = 0; i < sizeof(planted) / sizeof(planted[0]); i++) {
		check(planted[i].scenario, &r);
		model_expect_failure(planted[i].scenario.name, &r, planted[i].failure);
	}
}

static const struct evrt_test_case cases[] = {
	{"no_report_is_lost_or_late", no_report_is_lost_or_late},
	{"planted_bugs_are_found", planted_bugs_are_found},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
