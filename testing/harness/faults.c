/* testing/harness/faults.c — a case run again and again, each time with another fault.
 *
 * Here:     which faults are tried, and what a case may do about one.
 * Not here: making them come to pass (testing/fault/inject.c).
 * Threads:  the runner's one.
 */
#include "testing/harness/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Of one kind of call and one error, per case, and what their runs may take together. More are sampled, or a case
 * that allocates for every one of ten thousand events would take the day, and one that moves megabytes an hour. */
#define FAULTS_ALLOC_MAX (120 / EVRT_TEST_SLOWNESS)
#define FAULTS_ALLOC_MS 10000
#define FAULTS_SYS_MAX (16 / EVRT_TEST_SLOWNESS)
#define FAULTS_SYS_MS 1500

struct tally {
	const struct evrt_test_case *c;
	int64_t allocs_live; /* at the end of the run without a fault */
	unsigned tried, possible, bad;
	int64_t took_ms;
};

/* What is wrong with how the case took the fault, in buf; empty: nothing. */
static void
faults_judge(const struct tally *t, const struct evrt_test_fault *f, const struct evrt_test_attempt *a, char *buf,
    size_t len)
{
	const struct evrt_test_sight *sight = &evrt__test_page->sight;

	buf[0] = '\0';
	if (a->finished && !a->reason[0]) {
		if (sight->allocs_live > t->allocs_live)
			snprintf(buf, len, "leaked %lld allocations", (long long)(sight->allocs_live - t->allocs_live));
		return;
	}
	/* A failed check is how a case tells that it was told, unless nothing was to be told. */
	if (!a->checked)
		snprintf(buf, len, "%s", a->reason);
	else if (!sight->injected)
		snprintf(buf, len, "without the fault: %s", a->reason);
	else if (f->error == EINTR)
		snprintf(buf, len, "the interruption shows: %s", a->reason);
}

static void
faults_try(struct evrt_test_run *run, struct tally *t, const struct evrt_test_fault *f)
{
	struct evrt_test_attempt a;
	char problem[sizeof(a.reason) + 64];

	evrt__test_attempt(run, t->c, f, &a);
	faults_judge(t, f, &a, problem, sizeof(problem));
	t->tried++;
	t->took_ms += a.took_ms;
	if (!problem[0])
		return;
	t->bad++;
	printf("FAIL %s: %s %llu fails with \"%s\": %s [EVRT_TEST_SEED=%llu]\n", t->c->name,
	    evrt__test_injector->name(f->call), (unsigned long long)f->nth, strerror(f->error), problem,
	    evrt__test_seed_value());
	fflush(stdout);
}

/* How many of a kind are tried, where a run takes so long. */
static uint64_t
faults_max(bool allocs, int64_t took_ms)
{
	uint64_t max = allocs ? FAULTS_ALLOC_MAX : FAULTS_SYS_MAX;
	uint64_t in_time = 1 + (uint64_t)((allocs ? FAULTS_ALLOC_MS : FAULTS_SYS_MS) / (took_ms + 1));

	return in_time < max ? in_time : max;
}

/* Each of `count` calls fails once with `error`; of more than `max` a sample, shifted by the seed. */
static void
faults_try_each(struct evrt_test_run *run, struct tally *t, int call, int error, uint64_t count, uint64_t max)
{
	uint64_t tries = count < max ? count : max;

	t->possible += (unsigned)count;
	for (uint64_t i = 0; i < tries; i++) {
		uint64_t shift = evrt__test_seed_value() % count;
		struct evrt_test_fault f = { call, 1 + (count > max ? (i * count + shift) / max : i), error };
		faults_try(run, t, &f);
	}
}

void
evrt__test_with_faults(struct evrt_test_run *run, const struct evrt_test_case *c, const char *kind)
{
	const struct evrt_test_injector *injector = evrt__test_injector;
	const struct evrt_test_fault none = { 0 };
	struct evrt_test_attempt plain;
	bool allocs = strcmp(kind, "alloc") == 0;
	struct tally t = { .c = c };

	evrt__test_attempt(run, c, &none, &plain);
	struct evrt_test_sight sight = evrt__test_page->sight;
	if (plain.reason[0]) {
		run->failed++;
		printf("FAIL %s: without a fault: %s\n", c->name, plain.reason);
		return;
	}
	t.allocs_live = sight.allocs_live;
	uint64_t max = faults_max(allocs, plain.took_ms);
	for (int call = allocs ? 0 : 1; call < (allocs ? 1 : injector->calls); call++)
		for (const int *error = injector->errors(call); *error; error++)
			faults_try_each(run, &t, call, *error, sight.calls[call], max);
	run->failed += t.bad > 0;
	run->passed += t.bad == 0;
	if (t.bad == 0)
		printf("ok %s (%u of %u faults, %lld ms)\n", c->name, t.tried, t.possible, (long long)t.took_ms);
	fflush(stdout);
}
