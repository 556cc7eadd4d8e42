/* testing/contract/backend/suite_basic.c — registering, and level-triggered reports. */
#include "testing/contract/backend/suite.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define R EVRT_READ
#define W EVRT_WRITE

static void
the_table_is_complete(void)
{
	const unsigned known = EVRT_BF_ET | EVRT_BF_O1 | EVRT_BF_FDS | EVRT_BF_EARLY_CLOSE |
	    EVRT_BF_CONCURRENT | EVRT_BF_DEFERRED | EVRT_BF_SHARED;
	CHECK(strlen(suite_poller->name) > 0);
	CHECK_INT_EQ(suite_poller->features & ~known, 0);
	/* One without CONCURRENT must have a private copy, and so somewhere to take it. */
	CHECK((suite_poller->features & EVRT_BF_CONCURRENT) != 0 || suite_poller->prepare != NULL);
	/* Whoever shares it may watch it from another one. */
	CHECK_INT_EQ((suite_poller->features & EVRT_BF_SHARED) != 0, suite_poller->descriptor != NULL);
}

static void
an_empty_poller_reports_nothing(void)
{
	void *s = suite_begin();
	suite_expect_none(s);
	suite_end(s);
}

static void
level_is_reported_until_drained(void)
{
	void *s = suite_begin();
	struct wire w;

	suite_wires->open(&w);
	suite_set(s, &w, 7, 0, R);
	suite_expect_none(s);
	suite_wires->feed(&w);
	for (int i = 0; i < 3; i++)
		suite_expect_one(s, &w, 7, R);
	suite_wires->drain(&w);
	suite_expect_none(s);
	suite_wires->close(&w);
	suite_end(s);
}

static void
both_directions_come_in_one_report(void)
{
	void *s = suite_begin();
	struct wire w;

	suite_wires->open(&w);
	suite_set(s, &w, 1, 0, R | W);
	suite_expect_one(s, &w, 1, W);
	suite_wires->feed(&w);
	suite_expect_one(s, &w, 1, R | W);
	suite_wires->fill(&w);
	suite_expect_one(s, &w, 1, R);
	suite_wires->drain(&w);
	suite_expect_none(s);
	suite_wires->close(&w);
	suite_end(s);
}

static void
only_what_was_asked_is_reported(void)
{
	void *s = suite_begin();
	struct wire w;

	suite_wires->open(&w);
	suite_wires->feed(&w);
	suite_set(s, &w, 1, 0, R);
	suite_expect_one(s, &w, 1, R);
	suite_set(s, &w, 2, R, W);
	suite_expect_one(s, &w, 2, W);
	suite_set(s, &w, 3, W, R | W);
	suite_expect_one(s, &w, 3, R | W);
	suite_set(s, &w, 4, R | W, R);
	suite_expect_one(s, &w, 4, R);
	suite_wires->close(&w);
	suite_end(s);
}

static void
removed_is_silent_and_can_come_back(void)
{
	void *s = suite_begin();
	struct wire a, b;

	suite_wires->open(&a);
	suite_wires->open(&b);
	suite_wires->feed(&a);
	suite_wires->feed(&b);
	suite_set(s, &a, 1, 0, R);
	suite_set(s, &b, 2, 0, R);
	suite_set(s, &a, 1, R, 0);
	suite_expect_one(s, &b, 2, R);
	suite_set(s, &a, 1, R, 0);
	suite_expect_one(s, &b, 2, R);
	suite_set(s, &b, 2, R, 0);
	suite_expect_none(s);
	suite_set(s, &a, 3, 0, R);
	suite_expect_one(s, &a, 3, R);
	suite_wires->close(&a);
	suite_wires->close(&b);
	suite_end(s);
}

static void
adding_what_is_there_changes_it(void)
{
	void *s = suite_begin();
	struct wire w;

	suite_wires->open(&w);
	suite_set(s, &w, 1, 0, R);
	suite_set(s, &w, 2, 0, W);
	suite_expect_one(s, &w, 2, W);
	suite_wires->close(&w);
	suite_end(s);
}

static void
changing_what_is_gone_adds_it(void)
{
	void *s = suite_begin();
	struct wire w;

	suite_wires->open(&w);
	suite_set(s, &w, 9, R, W);
	suite_expect_one(s, &w, 9, W);
	suite_wires->close(&w);
	suite_end(s);
}

static void
the_generation_is_the_latest(void)
{
	void *s = suite_begin();
	struct wire w;

	suite_wires->open(&w);
	suite_wires->feed(&w);
	suite_set(s, &w, UINT32_MAX, 0, R);
	suite_expect_one(s, &w, UINT32_MAX, R);
	suite_set(s, &w, 0, R, R);
	suite_expect_one(s, &w, 0, R);
	suite_set(s, &w, 0x80000001u, R, 0);
	suite_set(s, &w, 0x80000002u, 0, R);
	suite_expect_one(s, &w, 0x80000002u, R);
	suite_wires->close(&w);
	suite_end(s);
}

static void
a_reused_number_is_a_new_registration(void)
{
	void *s = suite_begin();
	struct wire w;

	suite_wires->open(&w);
	suite_wires->feed(&w);
	suite_set(s, &w, 1, 0, R);
	suite_expect_one(s, &w, 1, R);
	suite_wires->close_fd(&w);
	suite_wires->reopen_fd(&w);
	suite_set(s, &w, 2, 0, R);
	suite_expect_none(s);
	suite_wires->feed(&w);
	suite_expect_one(s, &w, 2, R);
	/* The same once more, by someone who has not noticed and changes instead of adding. */
	suite_wires->close_fd(&w);
	suite_wires->reopen_fd(&w);
	suite_set(s, &w, 3, R, R | W);
	suite_expect_one(s, &w, 3, W);
	suite_wires->close(&w);
	suite_end(s);
}

/* Told as an error with its own generation, or not told at all; and the others are not lost over it. */
static void
a_closed_fd_does_no_harm(void)
{
	void *s = suite_begin();
	struct evrt_ready out[4];
	struct wire gone, other;
	int seen = 0;

	suite_wires->open(&gone);
	suite_wires->open(&other);
	suite_wires->feed(&other);
	suite_set(s, &gone, 1, 0, R);
	suite_set(s, &other, 2, 0, R);
	suite_wires->close_fd(&gone);
	for (int round = 0; round < 4; round++) {
		int n = suite_wait(s, 0, out, 4);
		CHECK(n >= 0);
		for (int i = 0; i < n; i++) {
			bool is_other = out[i].fd == other.fd;
			CHECK_INT_EQ(out[i].generation, is_other ? 2 : 1);
			CHECK_INT_EQ(out[i].mask, is_other ? R : R | W | EVRT_HUP);
			seen += is_other;
		}
	}
	CHECK_INT_EQ(seen, 4);
	suite_set(s, &gone, 1, R, 0);
	suite_expect_one(s, &other, 2, R);
	suite_wires->reopen_fd(&gone);
	suite_wires->close(&gone);
	suite_wires->close(&other);
	suite_end(s);
}

static void
bad_fds_are_refused(void)
{
	void *s = suite_begin();
	struct wire w;

	suite_wires->open(&w);
	suite_wires->close_fd(&w);
	CHECK_INT_EQ(suite_poller->set(s, w.fd, 1, 0, R), -EBADF);
	CHECK_INT_EQ(suite_poller->set(s, w.fd, 1, 0, R), -EBADF);
	CHECK_INT_EQ(suite_poller->set(s, -1, 1, 0, R), -EBADF);
	CHECK_INT_EQ(suite_poller->set(s, 1 << 30, 1, 0, R), -EBADF);
	CHECK_INT_EQ(suite_poller->set(s, w.fd, 1, R, 0), 0);
	CHECK_INT_EQ(suite_poller->set(s, -1, 1, R, 0), 0);
	CHECK_INT_EQ(suite_poller->set(s, 1 << 30, 1, R, 0), 0);
	suite_expect_none(s);
	suite_wires->reopen_fd(&w);
	suite_set(s, &w, 1, 0, W);
	suite_expect_one(s, &w, 1, W);
	suite_wires->close(&w);
	suite_end(s);
}

static void
a_closed_one_cannot_be_added_again(void)
{
	void *s = suite_begin();
	struct wire w;

	suite_wires->open(&w);
	suite_set(s, &w, 1, 0, R);
	suite_wires->close_fd(&w);
	CHECK_INT_EQ(suite_poller->set(s, w.fd, 2, 0, W), -EBADF);
	suite_set(s, &w, 1, R, 0);
	suite_expect_none(s);
	suite_wires->reopen_fd(&w);
	suite_wires->close(&w);
	suite_end(s);
}

static void
pollers_are_independent(void)
{
	void *a = suite_begin();
	void *b;
	struct wire w;

	CHECK_INT_EQ(suite_poller->open(&b), 0);
	suite_wires->open(&w);
	suite_wires->feed(&w);
	suite_set(a, &w, 1, 0, R);
	suite_set(b, &w, 2, 0, W);
	suite_expect_one(a, &w, 1, R);
	suite_expect_one(b, &w, 2, W);
	suite_set(a, &w, 1, R, 0);
	suite_expect_none(a);
	suite_expect_one(b, &w, 2, W);
	suite_poller->close(b);
	suite_wires->close(&w);
	suite_end(a);
}

const struct suite_case suite_basic_cases[] = {
	{"the_table_is_complete", the_table_is_complete, 0, 0},
	{"an_empty_poller_reports_nothing", an_empty_poller_reports_nothing, 0, 0},
	{"level_is_reported_until_drained", level_is_reported_until_drained, 0, 0},
	{"both_directions_come_in_one_report", both_directions_come_in_one_report, 0, 0},
	{"only_what_was_asked_is_reported", only_what_was_asked_is_reported, 0, 0},
	{"removed_is_silent_and_can_come_back", removed_is_silent_and_can_come_back, 0, 0},
	{"adding_what_is_there_changes_it", adding_what_is_there_changes_it, 0, 0},
	{"changing_what_is_gone_adds_it", changing_what_is_gone_adds_it, 0, 0},
	{"the_generation_is_the_latest", the_generation_is_the_latest, 0, 0},
	{"a_reused_number_is_a_new_registration", a_reused_number_is_a_new_registration, 0, 0},
	{"a_closed_fd_does_no_harm", a_closed_fd_does_no_harm, 0, 0},
	{"bad_fds_are_refused", bad_fds_are_refused, 0, EVRT_BF_DEFERRED},
	{"a_closed_one_cannot_be_added_again", a_closed_one_cannot_be_added_again, 0, EVRT_BF_DEFERRED},
	{"pollers_are_independent", pollers_are_independent, 0, 0},
	{NULL, NULL, 0, 0},
};
