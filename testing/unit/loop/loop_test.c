/* testing/unit/loop/loop_test.c — the loop on a scripted poller and a clock that stands still.
 *
 * Here:     turns, slots, the fd map and timers, without kernel, threads or waiting.
 */
#include "runtime/loop/loop.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "runtime/loop/slot.h"
#include "testing/fake/fake_backend.h"
#include "testing/harness/test.h"

static struct evrt_clock *fake_clock;
static struct evrt_loop loop;
static struct evrt_strand *strand;

struct probe { /* an owner of a slot that keeps a log */
	struct evrt_slot *slot;
	struct evrt_task task;
	struct evrt_timer timer;
	evrt_ns deadline;
	unsigned bits;         /* all that was reported */
	int reports, runs;
	evrt_ns ran_at;
	evrt_ns again_in;      /* arm anew when run */
	char letter;
};
static char trace[64];

static void
probe_arm(struct probe *p, evrt_ns deadline)
{
	CHECK_INT_EQ(evrt__loop_arm(&loop, &p->timer, &p->deadline, deadline), 0);
}

static void
probe_run(struct evrt_task *t, void *arg)
{
	struct probe *p = arg;

	(void)t;
	p->runs++;
	p->ran_at = evrt__clock_now(fake_clock);
	strncat(trace, &p->letter, 1);
	if (p->again_in)
		probe_arm(p, p->ran_at + p->again_in);
}

static void
probe_timer_due(struct evrt_loop *l, struct evrt_timer *t, evrt_ns armed_for)
{
	struct probe *p = EVRT_CONTAINER_OF(t, struct probe, timer);

	if (!evrt__loop_put_back(l, t, armed_for, p->deadline))
		evrt__strand_push(strand, &p->task);
}

static void
probe_ready(struct evrt_slot *slot, unsigned bits)
{
	struct probe *p = slot->owner;

	p->bits |= bits;
	p->reports++;
	if (!(p->task.flags & EVRT_TASK_ACTIVE))
		evrt__strand_push(strand, &p->task);
}

static void
probe_init(struct probe *p, char letter)
{
	memset(p, 0, sizeof(*p));
	p->letter = letter;
	evrt__task_init(&p->task, probe_run, p, 0);
	CHECK((p->slot = evrt__slot_new(strand, probe_ready, p)) != NULL);
}

static void
setup(void)
{
	fake_clock = evrt__clock_fake_new(1000 * EVRT_NS_PER_SEC);
	evrt__fake_reset(fake_clock);
	CHECK_INT_EQ(evrt__loop_init(&loop, &evrt__backend_fake, fake_clock, 1, false), 0);
	strand = &loop.strand;
	loop.timer_due = probe_timer_due;
}

static void
teardown(void)
{
	evrt__loop_fini(&loop);
	evrt__clock_fake_free(fake_clock);
}

static void
an_empty_loop_makes_no_system_call(void)
{
	setup();
	CHECK_INT_EQ(evrt__loop_run(&loop, 0), 1);
	CHECK_INT_EQ(evrt__fake_counts().waits, 0);
	teardown();
}

static void
reports_go_to_those_who_asked(void)
{
	struct probe r, w;
	setup();
	probe_init(&r, 'r');
	probe_init(&w, 'w');
	CHECK_INT_EQ(evrt__slot_watch(r.slot, 5, EVRT_READ), 0);
	CHECK_INT_EQ(evrt__slot_watch(w.slot, 5, EVRT_WRITE), 0);
	CHECK_INT_EQ(evrt__fake_counts().adds, 1);
	CHECK_INT_EQ(evrt__fake_counts().changes, 1);
	evrt__fake_ready(5, EVRT_WRITE);
	loop.strand.added = 1;
	CHECK_INT_EQ(evrt__loop_run(&loop, EVRT_LOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "w");
	CHECK_INT_EQ(w.bits, EVRT_WRITE);
	evrt__slot_disown(w.slot);
	evrt__fake_ready(5, EVRT_READ);
	CHECK_INT_EQ(evrt__loop_run(&loop, EVRT_LOOP_ONCE), 0);
	CHECK_STR_EQ(trace, "wr");
	evrt__slot_disown(r.slot);
	CHECK_INT_EQ(evrt__fake_counts().removes, 1);
	teardown();
}

static void
a_refused_fd_changes_nothing(void)
{
	struct probe p;
	setup();
	probe_init(&p, 'p');
	evrt__fake_refuse(7, -1);
	CHECK_INT_EQ(evrt__slot_watch(p.slot, 7, EVRT_READ), -1);
	evrt__fake_refuse(7, 0);
	CHECK_INT_EQ(evrt__slot_watch(p.slot, 7, EVRT_READ), 0);
	evrt__slot_disown(p.slot);
	teardown();
}

static void
a_stale_report_is_dropped(void)
{
	struct probe p;
	struct evrt_ready stale = { .fd = 9, .generation = 1, .mask = EVRT_READ };
	setup();
	probe_init(&p, 'p');
	CHECK_INT_EQ(evrt__slot_watch(p.slot, 9, EVRT_READ), 0);
	CHECK_INT_EQ(evrt__fdmap_report(&loop.fdmap, &loop.reactor, &stale), 1);
	evrt__slot_unwatch(p.slot);
	CHECK_INT_EQ(evrt__fdmap_report(&loop.fdmap, &loop.reactor, &stale), -1);
	CHECK_INT_EQ(evrt__slot_watch(p.slot, 9, EVRT_READ), 0);
	CHECK_INT_EQ(evrt__fdmap_report(&loop.fdmap, &loop.reactor, &stale), -1);
	evrt__strand_remove(strand, &p.task);
	evrt__slot_disown(p.slot);
	teardown();
}

static void
fds_of_all_sizes_have_a_place(void)
{
	static const int fds[] = { 0, 1, 63, 64, 65, 127, 128, 191, 192, 4095, 8191 };
	enum { N = sizeof(fds) / sizeof(fds[0]) };
	struct probe p[N];
	setup();
	for (int i = 0; i < N; i++) {
		probe_init(&p[i], 'x');
		CHECK_INT_EQ(evrt__slot_watch(p[i].slot, fds[i], EVRT_READ), 0);
	}
	for (int i = 0; i < N; i++) {
		struct evrt_ready ready = { .fd = fds[i], .generation = 1, .mask = EVRT_READ };
		CHECK_INT_EQ(evrt__fdmap_report(&loop.fdmap, &loop.reactor, &ready), 1);
		CHECK_INT_EQ(p[i].reports, 1);
	}
	for (int i = 0; i < N; i++) {
		evrt__strand_remove(strand, &p[i].task);
		evrt__slot_disown(p[i].slot);
	}
	teardown();
}

static void
level_watchers_beside_an_edge_are_rearmed(void)
{
	struct probe level, edge;
	setup();
	probe_init(&level, 'l');
	probe_init(&edge, 'e');
	CHECK_INT_EQ(evrt__slot_watch(level.slot, 3, EVRT_READ), 0);
	CHECK_INT_EQ(evrt__slot_watch(edge.slot, 3, EVRT_READ | EVRT_EDGE), 0);
	evrt__fake_ready(3, EVRT_READ);
	loop.strand.added = 1;
	evrt__loop_run(&loop, EVRT_LOOP_NONBLOCK);
	CHECK_INT_EQ(level.reports, 1);
	evrt__loop_run(&loop, EVRT_LOOP_NONBLOCK);
	CHECK_INT_EQ(level.reports, 1); /* an edge is told once… */
	CHECK(evrt__slot_wants_rearm(level.slot) && !evrt__slot_wants_rearm(edge.slot));
	evrt__slot_rearm(level.slot, EVRT_READ);
	evrt__loop_run(&loop, EVRT_LOOP_NONBLOCK);
	CHECK_INT_EQ(level.reports, 2); /* …and again when re-armed */
	evrt__slot_disown(level.slot);
	evrt__slot_disown(edge.slot);
	teardown();
}

static void
a_deadline_runs_at_its_time(void)
{
	struct probe p;
	evrt_ns start;
	setup();
	start = evrt__clock_now(fake_clock);
	probe_init(&p, 'p');
	probe_arm(&p, start + 1500);
	loop.strand.added = 1;
	CHECK_INT_EQ(evrt__loop_run(&loop, EVRT_LOOP_ONCE), 0);
	CHECK_INT_EQ(p.runs, 1);
	CHECK_INT_EQ(p.ran_at - start, 1500);
	CHECK_INT_EQ(evrt__fake_counts().last_timeout_ns, 1500);
	evrt__slot_disown(p.slot);
	teardown();
}

static void
pushing_back_is_a_store(void)
{
	struct probe p;
	evrt_ns start;
	setup();
	start = evrt__clock_now(fake_clock);
	probe_init(&p, 'p');
	probe_arm(&p, start + 1000);
	for (int i = 0; i < 1000; i++)
		probe_arm(&p, start + 2000 + i);
	CHECK_INT_EQ(evrt__timers_next(&loop.reactor.timers), start + 1000); /* the queue was not touched */
	loop.strand.added = 1;
	evrt__loop_run(&loop, EVRT_LOOP_ONCE);
	CHECK_INT_EQ(p.runs, 1);
	CHECK_INT_EQ(p.ran_at - start, 2999);
	evrt__slot_disown(p.slot);
	teardown();
}

static void
pulling_forward_and_cancelling_take_effect(void)
{
	struct probe a, b;
	evrt_ns start;
	setup();
	start = evrt__clock_now(fake_clock);
	probe_init(&a, 'a');
	probe_init(&b, 'b');
	probe_arm(&a, start + 5000);
	probe_arm(&b, start + 3000);
	probe_arm(&a, start + 1000);
	evrt__timers_remove(&loop.reactor.timers, &b.timer);
	loop.strand.added = 1;
	evrt__loop_run(&loop, EVRT_LOOP_ONCE);
	CHECK_STR_EQ(trace, "a");
	CHECK_INT_EQ(a.ran_at - start, 1000);
	CHECK(evrt__timers_next(&loop.reactor.timers) == EVRT_NS_NEVER);
	evrt__slot_disown(a.slot);
	evrt__slot_disown(b.slot);
	teardown();
}

static void
equal_deadlines_keep_the_order_of_arming(void)
{
	struct probe p[5];
	setup();
	for (int i = 0; i < 5; i++) {
		probe_init(&p[i], (char)('a' + i));
		probe_arm(&p[i], evrt__clock_now(fake_clock) + 777);
	}
	loop.strand.added = 1;
	evrt__loop_run(&loop, EVRT_LOOP_ONCE);
	CHECK_STR_EQ(trace, "abcde");
	for (int i = 0; i < 5; i++)
		evrt__slot_disown(p[i].slot);
	teardown();
}

/* Of those that fall due together, one that was pushed back takes the place that its last deadline gives it. */
static void
pushed_back_ones_follow_even_if_all_is_late(void)
{
	struct probe p[3];
	evrt_ns start;
	setup();
	start = evrt__clock_now(fake_clock);
	for (int i = 0; i < 3; i++) {
		probe_init(&p[i], (char)('a' + i));
		probe_arm(&p[i], start + 100 * (i + 1));
	}
	probe_arm(&p[0], start + 250);
	evrt__clock_fake_advance(fake_clock, 1000);
	loop.strand.added = 1;
	evrt__loop_run(&loop, EVRT_LOOP_NONBLOCK);
	CHECK_STR_EQ(trace, "bac");
	for (int i = 0; i < 3; i++)
		evrt__slot_disown(p[i].slot);
	teardown();
}

static int order_next;

static void
check_order(struct evrt_task *t, void *arg)
{
	struct probe *p = arg;

	(void)t;
	CHECK_INT_EQ(p->letter - 'a', order_next % 26);
	order_next++;
	if (p->again_in)
		probe_arm(p, evrt__clock_now(fake_clock));
	if (p->slot) /* what is activated in between comes after all that was due */
		evrt__strand_push(strand, &((struct probe *)(void *)p->slot)->task);
}

static void
note_end(struct evrt_task *t, void *arg)
{
	(void)t;
	*(int *)arg = order_next;
}

static void
many_due_at_once_run_in_order_and_before_what_comes_meanwhile(void)
{
	enum { N = 1000 };
	static struct probe p[N], between;
	int ended_at = 0;
	setup();
	evrt__task_init(&between.task, note_end, &ended_at, 0);
	for (int i = 0; i < N; i++) {
		p[i].letter = (char)('a' + i % 26);
		evrt__task_init(&p[i].task, check_order, &p[i], 0);
		probe_arm(&p[i], evrt__clock_now(fake_clock) + i);
	}
	p[10].slot = (struct evrt_slot *)(void *)&between;
	p[20].again_in = 1; /* due at once, but only in the next turn */
	evrt__clock_fake_advance(fake_clock, N);
	loop.strand.added = 1;
	CHECK_INT_EQ(evrt__loop_run(&loop, EVRT_LOOP_ONCE), 0);
	CHECK_INT_EQ(order_next, N);
	CHECK_INT_EQ(ended_at, N);
	evrt__timers_remove(&loop.reactor.timers, &p[20].timer);
	teardown();
}

static void
a_failing_poller_ends_the_loop(void)
{
	setup();
	loop.strand.added = 1;
	evrt__fake_fail_wait(-9);
	CHECK_INT_EQ(evrt__loop_run(&loop, 0), -9);
	CHECK(!loop.running);
	teardown();
}

/* A look that a signal interrupts is made again; a sleep that it interrupts is over, with nothing to tell. */
static void
interrupted_waits_do_not_fail(void)
{
	setup();
	loop.strand.added = 1;
	evrt__fake_fail_wait(-EINTR);
	CHECK_INT_EQ(evrt__loop_run(&loop, EVRT_LOOP_NONBLOCK), 0);
	CHECK_INT_EQ(evrt__fake_counts().waits, 2);
	evrt__fake_fail_wait(-EINTR);
	CHECK_INT_EQ(evrt__reactor_wait(&loop.reactor, EVRT_NS_NEVER), 0);
	CHECK_INT_EQ(evrt__fake_counts().waits, 3);
	teardown();
}

static void
queued_tasks_run_by_priority_in_one_queue(void)
{
	struct probe p[4];
	static const uint8_t pri[4] = { 2, 0, 1, 0 };
	setup();
	for (int i = 0; i < 4; i++) {
		probe_init(&p[i], (char)('a' + i));
		p[i].task.pri = pri[i];
		evrt__strand_push(strand, &p[i].task);
	}
	evrt__loop_run(&loop, EVRT_LOOP_NONBLOCK);
	CHECK_STR_EQ(trace, "bdca");
	for (int i = 0; i < 4; i++)
		evrt__slot_disown(p[i].slot);
	teardown();
}

#define CASE(fn) { #fn, fn }
static const struct evrt_test_case cases[] = {
	CASE(an_empty_loop_makes_no_system_call),
	CASE(reports_go_to_those_who_asked),
	CASE(a_refused_fd_changes_nothing),
	CASE(a_stale_report_is_dropped),
	CASE(fds_of_all_sizes_have_a_place),
	CASE(level_watchers_beside_an_edge_are_rearmed),
	CASE(a_deadline_runs_at_its_time),
	CASE(pushing_back_is_a_store),
	CASE(pulling_forward_and_cancelling_take_effect),
	CASE(equal_deadlines_keep_the_order_of_arming),
	CASE(pushed_back_ones_follow_even_if_all_is_late),
	CASE(many_due_at_once_run_in_order_and_before_what_comes_meanwhile),
	CASE(a_failing_poller_ends_the_loop),
	CASE(interrupted_waits_do_not_fail),
	CASE(queued_tasks_run_by_priority_in_one_queue),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
