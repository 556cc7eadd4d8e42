/* testing/contract/backend/suite.c — choosing the cases for a poller, and what they share.
 *
 * Here:     suite_main and the helpers of suite.h.
 * Not here: cases.
 */
#include "testing/contract/backend/suite.h"

#include <stdlib.h>
#include <sys/resource.h>

#define SUITE_CASES_MAX 128

const struct evrt_backend_ops *suite_poller;
const struct wire_ops *suite_wires;

void *
suite_begin(void)
{
	void *state = NULL;
	suite_wires->setup();
	CHECK_INT_EQ(suite_poller->open(&state), 0);
	CHECK(state != NULL);
	return state;
}

void
suite_end(void *state)
{
	suite_poller->close(state);
	suite_wires->teardown();
}

void
suite_set(void *state, const struct wire *w, uint32_t generation, unsigned old_mask, unsigned new_mask)
{
	CHECK_INT_EQ(suite_poller->set(state, w->fd, generation, old_mask, new_mask), 0);
}

int
suite_wait(void *state, evrt_ns timeout_ns, struct evrt_ready *out, int cap)
{
	if (suite_poller->prepare != NULL)
		CHECK_INT_EQ(suite_poller->prepare(state), 0);
	return suite_poller->wait(state, timeout_ns, out, cap);
}

void
suite_expect_none(void *state)
{
	struct evrt_ready out[4];
	CHECK_INT_EQ(suite_wait(state, 0, out, 4), 0);
}

void
suite_expect_one(void *state, const struct wire *w, uint32_t generation, unsigned mask)
{
	struct evrt_ready out[4];
	CHECK_INT_EQ(suite_wait(state, 0, out, 4), 1);
	CHECK_INT_EQ(out[0].fd, w->fd);
	CHECK_INT_EQ(out[0].generation, generation);
	CHECK_INT_EQ(out[0].mask, mask);
}

int
suite_allow_fds(int wanted)
{
	enum { OTHERS = 64 }; /* descriptors that are there already, or that pollers open */
	struct rlimit limit;

	CHECK_INT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	rlim_t target = (rlim_t)wanted + OTHERS;
	if (limit.rlim_cur < target) {
		limit.rlim_cur = limit.rlim_max < target ? limit.rlim_max : target;
		CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	}
	return limit.rlim_cur < target ? (int)limit.rlim_cur - OTHERS : wanted;
}

static int
suite_select(struct evrt_test_case *into, int n, const struct suite_case *table, unsigned features)
{
	for (; table->name != NULL; table++) {
		if ((table->needs & ~features) != 0 || (table->lacks & features) != 0)
			continue;
		if (n == SUITE_CASES_MAX)
			abort();
		into[n++] = (struct evrt_test_case){table->name, table->run};
	}
	return n;
}

int
suite_main(const struct evrt_backend_ops *poller, const struct wire_ops *wires,
    const struct suite_case *extra, int argc, char **argv)
{
	static struct evrt_test_case cases[SUITE_CASES_MAX + 1];
	const struct suite_case *tables[] = {suite_basic_cases, suite_edge_cases, suite_hangup_cases,
	    suite_load_cases, suite_thread_cases, extra};
	int n = 0;

	suite_poller = poller;
	suite_wires = wires;
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		n = suite_select(cases, n, tables[i], poller->features);
	return evrt_test_main(argc, argv, cases);
}
