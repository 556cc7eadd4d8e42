/* testing/model/timer_model_test.c — the deadline of a slot: a setter against those who serve the queue of timers.
 *
 * The real slot.c and the real queue, over stand-ins for the clock, the timerfd and the mutexes. The clock is a
 * script of its own. Where two workers are wanted, one serves the queue and another runs the strand.
 *
 * Checked:  a deadline that stands is delivered once it has passed, once, and not before; one that was cancelled or
 *           pushed back under the strand's lock is not; a cancelled one leaves nothing in the queue; the slot
 *           is freed in the end, and nobody touches it after. Then the same with bugs planted.
 */
#include "testing/model/expect.h"

#include <stddef.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "runtime/loop/fdmap.h"
#include "runtime/loop/reactor.h"
#include "runtime/loop/timers.h"
#include "threading/inbox.c"

static evrt_ns clock_now(void);
static void *slot_memory(size_t count, size_t size);
static void slot_memory_free(void *);
static int timers_add(struct evrt_timers *, struct evrt_timer *, evrt_ns deadline);

/* What slot.c calls of others. Its slots watch no descriptors. */
#define evrt__reactor_now(reactor) clock_now()
#define evrt__calloc slot_memory
#define evrt__free slot_memory_free
#define evrt__timers_add timers_add
#define evrt__fdmap_add(map, slot) (-ENOSYS)
#define evrt__fdmap_come_back(map, slot) (-ENOSYS)
#define evrt__fdmap_go(map, slot) ((void)0)
#define evrt__fdmap_linger(map, slot) ((void)0)
#define evrt__fdmap_remove(map, slot) ((void)0)
#define evrt__fdmap_rearm(map, slot, bits) ((void)(bits))
#include "runtime/loop/slot.c"
#undef evrt__timers_add

#define STEPS_MAX 5
#define CANCEL (-1)
#define DISOWN (-2)

enum bug {
	BUG_NONE,
	BUG_SET_LOOKS_FIRST,    /* the setter looks at the queue's entry, then stores the deadline */
	BUG_DUE_LOOKS_FIRST,    /* who serves looks at the deadline, then says that the entry is out */
	BUG_DUE_KEEPS_CANCELLED, /* who serves puts back what was cancelled meanwhile */
	BUG_ARRIVE_BELIEVES,    /* in the strand, the queue's word is taken for the truth */
	BUG_ARRIVE_KEEPS,       /* what was delivered stands on */
	BUG_DELIVER_BORROWS,    /* no reference for the way to the strand */
	BUG_SERVE_GIVES_UP,     /* who serves goes away when the queue is locked */
};

enum help {
	HELP_NONE,   /* one worker does all */
	HELP_RUNNER, /* another runs the strand */
	HELP_WORKER, /* two do all */
};

static struct scenario {
	const char *name;
	evrt_ns sets[STEPS_MAX];   /* in order, up to the first 0 */
	evrt_ns clock[STEPS_MAX];  /* the times it shows one after the other; none: it stands at 99 */
	evrt_ns again;             /* what the callback sets */
	unsigned short_of_memory;  /* so many times */
	enum help help;
	enum bug bug;
} now;

static struct evrt_reactor home;
static struct evrt_strand strand;
static struct evrt_pool_slot memory;
static struct evrt_inbox late;
static evrt_atomic(unsigned) timers_free, strand_free; /* mutexes */
static evrt_atomic(unsigned) alarm_rings, strand_ready;
static bool freed;
/* Kernel: stands for the clock and the timerfd; all of it changes in one step. */
static evrt_atomic(unsigned) kernel;
static evrt_ns time_now, alarm_at;
/* Guarded by the strand's lock: what the setter's program relies on. */
static evrt_ns wanted;
static bool disowned;
static unsigned short_of_memory; /* timers locked */
static bool expiring;            /* timers locked: there is room for what has just come out */

static evrt_ns
clock_now(void)
{
	evrt__model_access(&kernel, false);
	return time_now;
}

/* Behind a step of the kernel: does the alarm go off? The descriptor becomes ready in a step of its own. */
static bool
alarm_goes_off(void)
{
	bool due = alarm_at != 0 && alarm_at <= time_now;

	if (due)
		alarm_at = 0;
	return due;
}

static void
alarm_set(evrt_ns at)
{
	evrt__model_access(&kernel, true);
	alarm_at = at;
	if (alarm_goes_off())
		evrt_store_seq_cst(&alarm_rings, 1u);
}

static void
clock_runs(void)
{
	for (unsigned i = 0; i < STEPS_MAX && now.clock[i]; i++) {
		evrt__model_access(&kernel, true);
		time_now = now.clock[i];
		if (alarm_goes_off())
			evrt_store_seq_cst(&alarm_rings, 1u);
	}
}

static void *
slot_memory(size_t count, size_t size)
{
	(void)count;
	memset(&memory, 0, size);
	return &memory;
}

static void
slot_memory_free(void *p)
{
	MODEL_CHECK(p == &memory && !freed);
	freed = true;
	evrt__model_gone(&memory, sizeof(memory));
}

static int
timers_add(struct evrt_timers *q, struct evrt_timer *t, evrt_ns deadline)
{
	if (!expiring && short_of_memory > 0) {
		short_of_memory--;
		return -ENOMEM;
	}
	return evrt__timers_add(q, t, deadline);
}

void
evrt__reactor_lock_timers(struct evrt_reactor *r)
{
	(void)r;
	evrt__model_lock(&timers_free);
}

void
evrt__reactor_unlock_timers(struct evrt_reactor *r)
{
	(void)r;
	evrt__model_unlock(&timers_free);
}

bool
evrt__reactor_note_first(struct evrt_reactor *r)
{
	evrt_ns first = evrt__timers_next(&r->timers);
	evrt_ns was = evrt_load_relaxed(&r->first);

	if (first == was)
		return false;
	evrt_store_relaxed(&r->first, first);
	alarm_set(first == EVRT_NS_NEVER ? 0 : first);
	return first < was;
}

static void ops_timers_changed(struct evrt_strand *s) { (void)s; } /* they have a timerfd */
static void ops_notify(struct evrt_strand *s) { (void)s; evrt_store_seq_cst(&strand_ready, 1u); }

static void
ops_timers_later(struct evrt_strand *s, struct evrt_node *n)
{
	(void)s;
	evrt__inbox_push(&late, n);
	evrt_store_seq_cst(&alarm_rings, 1u); /* a call */
}

static const struct evrt_strand_ops ops = {
	.notify = ops_notify, .timers_changed = ops_timers_changed, .timers_later = ops_timers_later,
};

static void
buggy_set_deadline(evrt_ns deadline)
{
	evrt_ns armed_at = evrt_load_seq_cst(&memory.armed_at);

	evrt_store_seq_cst(&memory.deadline, deadline);
	if (deadline ? deadline >= armed_at : armed_at == EVRT_NS_NEVER)
		return;
	evrt__reactor_lock_timers(&home);
	if (deadline)
		slot_arm(&memory);
	else
		slot_disarm(&memory);
	evrt__reactor_unlock_timers(&home);
}

static void
set_deadline(struct evrt_slot *slot, evrt_ns deadline)
{
	wanted = deadline;
	if (now.bug == BUG_SET_LOOKS_FIRST)
		buggy_set_deadline(deadline);
	else
		evrt__slot_set_deadline(slot, deadline);
}

static void
ready(struct evrt_slot *slot, unsigned bits)
{
	MODEL_CHECK(bits == EVRT_SLOT_TIMER);
	MODEL_CHECK(wanted != 0 && wanted <= time_now);
	wanted = 0;
	if (now.again && now.again > time_now)
		set_deadline(slot, now.again);
}

static void
buggy_arrive(struct evrt_node *n)
{
	struct evrt_slot *slot = &EVRT_CONTAINER_OF(n, struct evrt_pool_slot, node)->slot;
	unsigned bits = evrt_swap_acq_rel(&slot->bits, 0u) & ~EVRT_SLOT_QUEUED;

	if (now.bug == BUG_ARRIVE_BELIEVES)
		evrt_store_seq_cst(&memory.deadline, (evrt_ns)0);
	else if (evrt_load_relaxed(&memory.deadline) == 0 || evrt_load_relaxed(&memory.deadline) > clock_now())
		bits &= ~EVRT_SLOT_TIMER;
	if (bits && slot->owner)
		slot->ready(slot, bits);
	evrt__slot_unref(slot);
}

static void
buggy_due(struct evrt_timer *entry)
{
	evrt_ns armed_at = evrt_load_relaxed(&memory.armed_at);
	evrt_ns early = evrt_load_seq_cst(&memory.deadline);

	evrt_store_seq_cst(&memory.armed_at, EVRT_NS_NEVER);
	evrt_ns deadline = now.bug == BUG_DUE_LOOKS_FIRST ? early : evrt_load_seq_cst(&memory.deadline);
	if (deadline > armed_at) {
		evrt__timers_add(&home.timers, entry, deadline);
		evrt_store_seq_cst(&memory.armed_at, deadline);
		return;
	}
	if (deadline != 0 && now.bug != BUG_DELIVER_BORROWS) {
		evrt__slot_deliver(&memory.slot, EVRT_SLOT_TIMER);
	} else if (deadline != 0 && !(evrt_or_acq_rel(&memory.slot.bits, EVRT_SLOT_TIMER | EVRT_SLOT_QUEUED) &
	    EVRT_SLOT_QUEUED)) {
		evrt__inbox_push(&strand.inbox, &memory.node);
		ops_notify(&strand);
	}
	evrt__slot_unref(&memory.slot);
}

static bool
bug_in_due(void)
{
	return now.bug == BUG_DUE_LOOKS_FIRST || now.bug == BUG_DUE_KEEPS_CANCELLED || now.bug == BUG_DELIVER_BORROWS;
}

static void
start(void)
{
	evrt__timers_fini(&home.timers); /* of the run before */
	evrt__timers_init(&home.timers);
	atomic_store(&home.first, EVRT_NS_NEVER);
	evrt__inbox_init(&strand.inbox);
	evrt__inbox_init(&late);
	atomic_store(&timers_free, 1u);
	atomic_store(&strand_free, 1u);
	atomic_store(&alarm_rings, 0u);
	atomic_store(&strand_ready, 0u);
	strand.ops = &ops;
	strand.home = &home;
	time_now = now.clock[0] ? 1 : 99;
	alarm_at = 0;
	wanted = 0;
	short_of_memory = now.short_of_memory;
	freed = expiring = disowned = false;
	evrt__slot_new(&strand, ready, &wanted);
	if (now.bug == BUG_ARRIVE_BELIEVES || now.bug == BUG_ARRIVE_KEEPS)
		memory.node.arrive = buggy_arrive;
}

static void
setter(void)
{
	for (unsigned i = 0; i < STEPS_MAX && now.sets[i]; i++) {
		evrt__model_lock(&strand_free);
		if (now.sets[i] == DISOWN) {
			wanted = 0;
			disowned = true;
			evrt__slot_disown(&memory.slot);
		} else {
			set_deadline(&memory.slot, now.sets[i] == CANCEL ? 0 : now.sets[i]);
		}
		evrt__model_unlock(&strand_free);
	}
}

static void
take(struct evrt_inbox *inbox)
{
	struct evrt_node *next;

	for (struct evrt_node *n = evrt__inbox_take(inbox); n; n = next) {
		next = n->next;
		n->arrive(n);
	}
}

/* As evrt__reactor_serve_timers. */
static void
serve(void)
{
	struct evrt_timer *t;
	evrt_ns armed_at;
	bool tries_late = !evrt__inbox_empty(&late);
	evrt_ns at = clock_now();

	if (tries_late)
		take(&late);
	if (evrt_load_relaxed(&home.first) > at)
		return;
	if (now.bug != BUG_SERVE_GIVES_UP)
		evrt__model_lock(&timers_free);
	else if (!evrt__model_trylock(&timers_free))
		return;
	evrt_store_relaxed(&home.first, EVRT_NS_NEVER);
	expiring = true;
	while ((t = evrt__timers_pop_due(&home.timers, at, &armed_at)))
		if (bug_in_due())
			buggy_due(t);
		else
			evrt__slot_timer_due(t);
	expiring = false;
	evrt__reactor_note_first(&home);
	evrt__model_unlock(&timers_free);
}

static void
run_strand(void)
{
	evrt__model_lock(&strand_free);
	take(&strand.inbox);
	evrt__model_unlock(&strand_free);
}

static void
worker(void)
{
	for (;;) {
		evrt__model_wait(&alarm_rings);
		serve();
		if (now.help != HELP_RUNNER && evrt_swap_seq_cst(&strand_ready, 0u))
			run_strand();
	}
}

static void
runner(void)
{
	for (;;) {
		evrt__model_wait(&strand_ready);
		run_strand();
	}
}

/* All sleep. */
static void
finish(void)
{
	MODEL_CHECK(evrt__inbox_empty(&strand.inbox) && evrt__inbox_empty(&late));
	MODEL_CHECK(atomic_load(&timers_free) && atomic_load(&strand_free));
	if (disowned) {
		MODEL_CHECK(home.timers.count == 0);
		MODEL_CHECK(freed);
		return;
	}
	MODEL_CHECK(atomic_load(&memory.deadline) == wanted);
	if (wanted) { /* has not come yet, and is not forgotten */
		MODEL_CHECK(wanted > time_now);
		MODEL_CHECK(home.timers.count == 1 && evrt__timers_next(&home.timers) <= wanted);
		MODEL_CHECK(alarm_at == evrt__timers_next(&home.timers));
	} else {
		MODEL_CHECK(home.timers.count == 0);
	}
	MODEL_CHECK(atomic_load(&memory.slot.refs) == 1 + home.timers.count);
}

static void
check(struct scenario scenario, struct evrt_model_result *out)
{
	struct evrt_model m = {scenario.name, 2, start, {setter, worker}, finish, 2000000, false, true};

	if (scenario.clock[0])
		m.script[m.threads++] = clock_runs;
	if (scenario.help)
		m.script[m.threads++] = scenario.help == HELP_RUNNER ? runner : worker;
	now = scenario;
	evrt__model_check(&m, out);
}

static void
check_holds(struct scenario scenario)
{
	struct evrt_model_result r;

	check(scenario, &r);
	model_expect_holds(scenario.name, &r);
}

static void
deadlines_that_stand_are_delivered(void)
{
	check_holds((struct scenario){"one that passes", {10}, {10}, 0, 0, HELP_NONE, BUG_NONE});
	check_holds((struct scenario){"an earlier one", {20, 10}, {10, 20}, 0, 0, HELP_NONE, BUG_NONE});
	check_holds((struct scenario){"pushed back", {10, 20}, {10, 20}, 0, 0, HELP_NONE, BUG_NONE});
	check_holds((struct scenario){"pushed back beyond the end", {10, 30}, {10, 20}, 0, 0, HELP_NONE, BUG_NONE});
	check_holds((struct scenario){"set anew by the callback", {10}, {10, 20}, 20, 0, HELP_NONE, BUG_NONE});
	check_holds((struct scenario){"again and again", {10, 15}, {10, 15, 20}, 20, 0, HELP_NONE, BUG_NONE});
	check_holds((struct scenario){"two who serve", {10, 15}, {10, 20}, 0, 0, HELP_WORKER, BUG_NONE});
	check_holds((struct scenario){"another one runs", {10, 20, 5}, {0}, 0, 0, HELP_RUNNER, BUG_NONE});
}

static void
what_is_cancelled_does_not_run(void)
{
	check_holds((struct scenario){"cancelled", {10, CANCEL}, {10}, 0, 0, HELP_NONE, BUG_NONE});
	check_holds((struct scenario){"pushed back, then cancelled", {10, 20, CANCEL}, {10}, 0, 0, HELP_NONE, BUG_NONE});
	check_holds((struct scenario){"cancelled and set", {10, CANCEL, 15}, {10, 20}, 0, 0, HELP_NONE, BUG_NONE});
	check_holds((struct scenario){"disowned", {10, 20, DISOWN}, {10}, 0, 0, HELP_NONE, BUG_NONE});
	check_holds((struct scenario){"disowned, another one runs", {10, DISOWN}, {0}, 0, 0, HELP_RUNNER, BUG_NONE});
	check_holds((struct scenario){"disowned, two who serve", {10, 20, DISOWN}, {0}, 0, 0, HELP_WORKER, BUG_NONE});
}

static void
memory_may_be_short(void)
{
	check_holds((struct scenario){"memory is short", {10}, {10}, 0, 2, HELP_NONE, BUG_NONE});
	check_holds((struct scenario){"short, and another one", {20, 10}, {10}, 0, 1, HELP_NONE, BUG_NONE});
	check_holds((struct scenario){"short, and cancelled", {20, CANCEL}, {10}, 0, 1, HELP_NONE, BUG_NONE});
	check_holds((struct scenario){"short, and disowned", {20, DISOWN}, {10}, 0, 1, HELP_NONE, BUG_NONE});
}

static void
planted_bugs_are_found(void)
{
	static const struct {
		struct scenario scenario;
		const char *failure;
	} planted[] = {
		{{"planted: set looks", {10, 20, 15}, {10, 15}, 0, 0, HELP_NONE, BUG_SET_LOOKS_FIRST}, "wanted > time_now"},
		{{"planted: due looks", {10, 20}, {10, 20}, 0, 0, HELP_NONE, BUG_DUE_LOOKS_FIRST}, "wanted > time_now"},
		{{"planted: due keeps", {10, 20, CANCEL}, {10}, 0, 0, HELP_NONE, BUG_DUE_KEEPS_CANCELLED}, "timers.count == 0"},
		{{"planted: arrive believes", {10, CANCEL}, {10}, 0, 0, HELP_NONE, BUG_ARRIVE_BELIEVES}, "wanted != 0"},
		{{"planted: arrive keeps", {10, 20}, {10, 20}, 0, 0, HELP_NONE, BUG_ARRIVE_KEEPS}, "deadline) == wanted"},
		{{"planted: borrowed", {10, DISOWN}, {0}, 0, 0, HELP_RUNNER, BUG_DELIVER_BORROWS}, "freed memory"},
		{{"planted: serve gives up", {10, 20}, {10, 20}, 0, 0, HELP_NONE, BUG_SERVE_GIVES_UP}, "wanted > time_now"},
	};
	struct evrt_model_result r;

	for (size_t i = 0; i < sizeof(planted) / sizeof(planted[0]); i++) {
		check(planted[i].scenario, &r);
		model_expect_failure(planted[i].scenario.name, &r, planted[i].failure);
	}
}

static const struct evrt_test_case cases[] = {
	{"deadlines_that_stand_are_delivered", deadlines_that_stand_are_delivered},
	{"what_is_cancelled_does_not_run", what_is_cancelled_does_not_run},
	{"memory_may_be_short", memory_may_be_short},
	{"planted_bugs_are_found", planted_bugs_are_found},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
