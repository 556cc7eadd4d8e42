/* testing/contract/backend/select_test.c — the suite against select, and what select alone does. */
#include "testing/contract/backend/suite.h"

#include <errno.h>
#include "base/sys.h"
#include "testing/contract/backend/files.h"

static int pselect_error;

static int
failing_pselect(int n, fd_set *reads, fd_set *writes, fd_set *excepts, const struct timespec *ts,
    const sigset_t *mask)
{
	(void)n, (void)reads, (void)writes, (void)excepts, (void)ts, (void)mask;
	errno = pselect_error;
	return -1;
}

static void
waits_may_fail_or_be_interrupted(void)
{
	static const int errors[] = {ENOMEM, EINVAL, EBADF};
	void *s = suite_begin();
	struct evrt_ready out[1];

	evrt__sys.pselect = failing_pselect;
	pselect_error = EINTR;
	CHECK_INT_EQ(suite_wait(s, -1, out, 1), -EINTR);
	for (int i = 0; i < 3; i++) {
		pselect_error = errors[i];
		CHECK_INT_EQ(suite_wait(s, -1, out, 1), -errors[i]);
	}
	suite_end(s);
}

/* The kernel says only that one of them is closed. More of them than there is room for, too. */
static void
closed_ones_are_found_beside_open_ones(void)
{
	enum { CLOSED = 5, CAP = 2 };
	void *s = suite_begin();
	struct evrt_ready out[CAP];
	struct wire gone[CLOSED], other;
	int told[CLOSED] = {0};
	int heard = 0;

	suite_wires->open(&other);
	suite_set(s, &other, CLOSED, 0, EVRT_WRITE);
	for (int i = 0; i < CLOSED; i++) {
		suite_wires->open(&gone[i]);
		suite_set(s, &gone[i], (uint32_t)i, 0, EVRT_READ);
	}
	for (int i = 0; i < CLOSED; i++)
		suite_wires->close_fd(&gone[i]);
	for (int round = 0; round < CLOSED + 1; round++) {
		/* Their watchers remove them, as a loop's would. */
		int n = suite_wait(s, 0, out, CAP);
		CHECK(n > 0);
		for (int i = 0; i < n; i++) {
			uint32_t g = out[i].generation;
			heard += g == CLOSED;
			if (g == CLOSED)
				continue;
			CHECK_INT_EQ(out[i].mask, EVRT_READ | EVRT_WRITE | EVRT_HUP);
			CHECK_INT_EQ(told[g]++, 0);
			suite_set(s, &gone[g], g, EVRT_READ, 0);
		}
	}
	CHECK(heard > 0);
	for (int i = 0; i < CLOSED; i++) {
		CHECK_INT_EQ(told[i], 1);
		suite_wires->reopen_fd(&gone[i]);
		suite_wires->close(&gone[i]);
	}
	suite_wires->close(&other);
	suite_end(s);
}

static void
a_closed_one_is_told_until_removed(void)
{
	void *s = suite_begin();
	struct wire w;

	suite_wires->open(&w);
	suite_set(s, &w, 1, 0, EVRT_READ);
	suite_wires->close_fd(&w);
	for (int i = 0; i < 3; i++)
		suite_expect_one(s, &w, 1, EVRT_READ | EVRT_WRITE | EVRT_HUP);
	suite_set(s, &w, 1, EVRT_READ, 0);
	suite_expect_none(s);
	suite_wires->reopen_fd(&w);
	suite_wires->close(&w);
	suite_end(s);
}

static const struct suite_case extra[] = {
	{"waits_may_fail_or_be_interrupted", waits_may_fail_or_be_interrupted, 0, 0},
	{"closed_ones_are_found_beside_open_ones", closed_ones_are_found_beside_open_ones, 0, 0},
	{"a_closed_one_is_told_until_removed", a_closed_one_is_told_until_removed, 0, 0},
	{"files_are_always_ready", files_are_always_ready, 0, 0},
	{"the_check_may_fail", the_check_may_fail, 0, 0},
	{"numbers_beyond_fd_setsize", numbers_beyond_fd_setsize, 0, 0},
	{NULL, NULL, 0, 0},
};

int
main(int argc, char **argv)
{
	return suite_main(&evrt__backend_select, &suite_wires_real, extra, argc, argv);
}
