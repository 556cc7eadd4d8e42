/* testing/contract/backend/suite_load.c — many fds, little room, time, and memory that runs out. */
#include "testing/contract/backend/suite.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include "base/rand.h"
#include "testing/harness/fault.h"

#define R EVRT_READ
#define W EVRT_WRITE

static void
nobody_starves_behind_a_small_cap(void)
{
	enum { N = 50, CAP = 7, ROUNDS = 2 * (N / CAP + 1) };
	void *s = suite_begin();
	struct evrt_ready out[CAP];
	struct wire w[N];
	int seen[N] = {0};

	for (int i = 0; i < N; i++) {
		suite_wires->open_light(&w[i]);
		suite_wires->feed(&w[i]);
		suite_set(s, &w[i], (uint32_t)i, 0, R);
	}
	for (int round = 0; round < ROUNDS; round++) {
		CHECK_INT_EQ(suite_wait(s, 0, out, CAP), CAP);
		for (int i = 0; i < CAP; i++) {
			CHECK_INT_EQ(out[i].fd, w[out[i].generation].fd);
			seen[out[i].generation]++;
		}
	}
	for (int i = 0; i < N; i++) {
		CHECK(seen[i] >= 1 && seen[i] <= 3);
		suite_wires->close(&w[i]);
	}
	suite_end(s);
}

static void
a_report_names_an_fd_once(void)
{
	enum { N = 20 };
	void *s = suite_begin();
	struct evrt_ready out[2 * N];
	struct wire w[N];
	int seen[N] = {0};

	for (int i = 0; i < N; i++) {
		suite_wires->open_light(&w[i]);
		suite_wires->feed(&w[i]);
		suite_set(s, &w[i], (uint32_t)i, 0, R | W);
	}
	CHECK_INT_EQ(suite_wait(s, 0, out, 5), 5); /* so that the next look begins in the middle */
	CHECK_INT_EQ(suite_wait(s, 0, out, 2 * N), N);
	for (int i = 0; i < N; i++) {
		CHECK_INT_EQ(out[i].mask, R | W);
		CHECK_INT_EQ(seen[out[i].generation]++, 0);
	}
	for (int i = 0; i < N; i++)
		suite_wires->close(&w[i]);
	suite_end(s);
}

static void
five_thousand_fds(void)
{
	enum { WANTED = 5000, CAP = 64 };
	const int n = suite_allow_fds(WANTED);
	void *s = suite_begin();
	struct wire *w = calloc((size_t)n, sizeof *w);
	int *seen = calloc((size_t)n, sizeof *seen);
	struct evrt_ready out[CAP];

	CHECK(w != NULL && seen != NULL && n >= 100);
	for (int i = 0; i < n; i++) {
		suite_wires->open_light(&w[i]);
		suite_set(s, &w[i], (uint32_t)i, 0, R);
	}
	suite_expect_none(s);
	suite_wires->feed(&w[n - 1]);
	suite_expect_one(s, &w[n - 1], (uint32_t)(n - 1), R);
	for (int i = 0; i < n; i++) {
		if (i != n - 1)
			suite_wires->feed(&w[i]);
		if (i % 2 == 0)
			suite_set(s, &w[i], (uint32_t)i, R, 0);
	}
	int total = 0;
	for (int got; (got = suite_wait(s, 0, out, CAP)) != 0; total += got) {
		CHECK(got > 0);
		for (int i = 0; i < got; i++) {
			int which = (int)out[i].generation;
			CHECK_INT_EQ(out[i].fd, w[which].fd);
			CHECK_INT_EQ(which % 2, 1);
			CHECK_INT_EQ(seen[which]++, 0);
			suite_wires->drain(&w[which]);
		}
	}
	CHECK_INT_EQ(total, n / 2);
	for (int i = 0; i < n; i++)
		suite_wires->close(&w[i]);
	free(w);
	free(seen);
	suite_end(s);
}

/* What the poller should know of one wire in a random script. */
struct expected {
	struct wire wire;
	unsigned mask;
	uint32_t generation;
	bool fed;
};

/* One random change: of an interest, or of whether there is something to read. */
static void
change_something(void *s, struct evrt_rand *r, struct expected *x, uint32_t generation)
{
	unsigned mask = evrt__rand_below(r, 4); /* of R and W */

	if (evrt__rand_below(r, 3) > 0) {
		suite_set(s, &x->wire, generation, x->mask, mask);
		x->mask = mask;
		x->generation = generation;
	} else if (x->fed) {
		suite_wires->drain(&x->wire);
		x->fed = false;
	} else {
		suite_wires->feed(&x->wire);
		x->fed = true;
	}
}

static void
random_scripts_are_followed(void)
{
	enum { N = 40, STEPS = 4000 };
	void *s = suite_begin();
	struct evrt_ready out[N + 1];
	struct expected x[N] = {0};
	struct evrt_rand r;

	evrt__rand_init(&r, 4711);
	for (int i = 0; i < N; i++)
		suite_wires->open_light(&x[i].wire);
	for (int step = 0; step < STEPS; step++) {
		change_something(s, &r, &x[evrt__rand_below(&r, N)], (uint32_t)step);
		int n = suite_wait(s, 0, out, N + 1);
		for (int i = 0; i < N; i++) {
			unsigned want = x[i].mask & (W | (x[i].fed ? R : 0u));
			int k = 0;
			while (k < n && out[k].fd != x[i].wire.fd)
				k++;
			CHECK_INT_EQ(k < n ? out[k].mask : 0, want);
			CHECK(k == n || out[k].generation == x[i].generation);
			if (k < n)
				out[k] = out[--n];
		}
		CHECK_INT_EQ(n, 0);
	}
	for (int i = 0; i < N; i++)
		suite_wires->close(&x[i].wire);
	suite_end(s);
}

static void
a_timeout_is_never_cut_short(void)
{
	static const evrt_ns timeouts[] = {1, 999, 100000, 999999, 1000001, 2500000, 20000000};
	void *s = suite_begin();
	struct evrt_ready out[1];
	struct wire w;

	suite_wires->open(&w);
	suite_set(s, &w, 1, 0, R);
	for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
		evrt_ns before = suite_wires->now();
		CHECK_INT_EQ(suite_wait(s, timeouts[i], out, 1), 0);
		CHECK(suite_wires->now() - before >= timeouts[i]);
	}
	suite_wires->close(&w);
	suite_end(s);
}

/* The test's own time limit is what would catch a wait that sleeps. */
static void
what_is_ready_ends_any_wait(void)
{
	static const evrt_ns timeouts[] = {-1, 0, 1, 3600 * EVRT_NS_PER_SEC, EVRT_NS_NEVER};
	void *s = suite_begin();
	struct evrt_ready out[1];
	struct wire w;

	suite_wires->open(&w);
	suite_set(s, &w, 1, 0, W);
	for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++)
		CHECK_INT_EQ(suite_wait(s, timeouts[i], out, 1), 1);
	suite_wires->close(&w);
	suite_end(s);
}

/* ---- memory ---- */

/* Opens, registers all, and is asked once, with the k-th allocation failing: the step that meets it says
 * -ENOMEM, and succeeds when tried again. Returns how many steps failed. */
static int
run_short_of_memory(struct wire *w, int n, uint64_t k)
{
	struct evrt_ready out[4];
	void *s = NULL;
	int failed = 0;
	int err;

	evrt_test_fail_alloc(k);
	for (; (err = suite_poller->open(&s)) != 0; failed++)
		CHECK_INT_EQ(err, -ENOMEM);
	for (int i = 0; i < n; i++) {
		for (; (err = suite_poller->set(s, w[i].fd, (uint32_t)i, 0, R)) != 0; failed++)
			CHECK_INT_EQ(err, -ENOMEM);
	}
	for (; suite_poller->prepare != NULL && (err = suite_poller->prepare(s)) != 0; failed++)
		CHECK_INT_EQ(err, -ENOMEM);
	CHECK_INT_EQ(failed, evrt_test_alloc_has_failed());
	uint64_t allocations = evrt_test_alloc_count();
	CHECK_INT_EQ(suite_poller->wait(s, 0, out, 4), 2);
	CHECK_INT_EQ(evrt_test_alloc_count(), allocations);
	CHECK_INT_EQ(out[0].generation + out[1].generation, n - 1);
	suite_poller->close(s);
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
	return failed;
}

static void
memory_may_run_out_anywhere(void)
{
	enum { WANTED = 600 }; /* beyond every array's first size */
	const int n = suite_allow_fds(WANTED);
	struct wire *w = calloc((size_t)n, sizeof *w);
	uint64_t k = 1;

	suite_wires->setup();
	CHECK(w != NULL);
	for (int i = 0; i < n; i++)
		suite_wires->open_light(&w[i]);
	suite_wires->feed(&w[0]);
	suite_wires->feed(&w[n - 1]);
	while (run_short_of_memory(w, n, k) > 0)
		k++;
	CHECK(k > 1);
	for (int i = 0; i < n; i++)
		suite_wires->close(&w[i]);
	free(w);
	suite_wires->teardown();
}

const struct suite_case suite_load_cases[] = {
	{"nobody_starves_behind_a_small_cap", nobody_starves_behind_a_small_cap, 0, 0},
	{"a_report_names_an_fd_once", a_report_names_an_fd_once, 0, 0},
	{"five_thousand_fds", five_thousand_fds, 0, 0},
	{"random_scripts_are_followed", random_scripts_are_followed, 0, 0},
	{"a_timeout_is_never_cut_short", a_timeout_is_never_cut_short, 0, 0},
	{"what_is_ready_ends_any_wait", what_is_ready_ends_any_wait, 0, 0},
	{"memory_may_run_out_anywhere", memory_may_run_out_anywhere, 0, 0},
	{NULL, NULL, 0, 0},
};
