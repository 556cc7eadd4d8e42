/* testing/contract/backend/suite_edges.c — edge-triggered reports, and how the end of a wire is told. */
#include "testing/contract/backend/suite.h"

#define R EVRT_READ
#define W EVRT_WRITE
#define C EVRT_CLOSED
#define E EVRT_EDGE
#define HUP EVRT_HUP

static void
an_edge_is_reported_once(void)
{
	void *s = suite_begin();
	struct wire w;

	suite_wires->open(&w);
	suite_set(s, &w, 1, 0, R | E);
	suite_expect_none(s);
	suite_wires->feed(&w);
	suite_expect_one(s, &w, 1, R);
	suite_expect_none(s);
	suite_wires->feed(&w); /* undrained, and still an edge */
	suite_expect_one(s, &w, 1, R);
	suite_expect_none(s);
	suite_wires->close(&w);
	suite_end(s);
}

static void
what_is_true_at_adding_is_an_edge(void)
{
	void *s = suite_begin();
	struct wire w;

	suite_wires->open(&w);
	suite_wires->feed(&w);
	suite_set(s, &w, 1, 0, R | W | E);
	suite_expect_one(s, &w, 1, R | W);
	suite_expect_none(s);
	suite_wires->close(&w);
	suite_end(s);
}

static void
rearming_reports_what_is_still_true(void)
{
	void *s = suite_begin();
	struct wire w;

	suite_wires->open(&w);
	suite_wires->feed(&w);
	suite_set(s, &w, 1, 0, R | E);
	suite_expect_one(s, &w, 1, R);
	suite_set(s, &w, 1, R | E, R | E);
	suite_expect_one(s, &w, 1, R);
	suite_expect_none(s);
	suite_wires->drain(&w);
	suite_set(s, &w, 1, R | E, R | E);
	suite_expect_none(s);
	suite_wires->feed(&w);
	suite_expect_one(s, &w, 1, R);
	suite_wires->close(&w);
	suite_end(s);
}

static void
edge_and_level_can_be_exchanged(void)
{
	void *s = suite_begin();
	struct wire w;

	suite_wires->open(&w);
	suite_wires->feed(&w);
	suite_set(s, &w, 1, 0, R | E);
	suite_expect_one(s, &w, 1, R);
	suite_expect_none(s);
	suite_set(s, &w, 1, R | E, R);
	suite_expect_one(s, &w, 1, R);
	suite_expect_one(s, &w, 1, R);
	suite_set(s, &w, 1, R, R | E);
	suite_expect_one(s, &w, 1, R);
	suite_expect_none(s);
	suite_wires->close(&w);
	suite_end(s);
}

static void
edges_beyond_the_cap_come_once_each(void)
{
	enum { N = 50, CAP = 7 };
	void *s = suite_begin();
	struct evrt_ready out[CAP];
	struct wire w[N];
	int seen[N] = {0};
	int total = 0;

	for (int i = 0; i < N; i++) {
		suite_wires->open_light(&w[i]);
		suite_wires->feed(&w[i]);
		suite_set(s, &w[i], (uint32_t)i, 0, R | E);
	}
	for (int n; (n = suite_wait(s, 0, out, CAP)) > 0; total += n) {
		for (int i = 0; i < n; i++)
			seen[out[i].generation]++;
	}
	CHECK_INT_EQ(total, N);
	for (int i = 0; i < N; i++) {
		CHECK_INT_EQ(seen[i], 1);
		suite_wires->close(&w[i]);
	}
	suite_end(s);
}

/* ---- ends ---- */

static void
nothing(struct wire *w)
{
	(void)w;
}

/* Watches a wire made by `open` with this interest, lets `end` happen to it, and returns the one report's
 * mask, or 0 for none. */
static unsigned
mask_of(void (*open)(struct wire *), void (*end)(struct wire *), unsigned interest)
{
	void *s = suite_begin();
	struct evrt_ready out[2];
	struct wire w;

	open(&w);
	suite_set(s, &w, 5, 0, interest);
	end(&w);
	int n = suite_wait(s, 0, out, 2);
	if (n != 0) {
		CHECK_INT_EQ(n, 1);
		CHECK_INT_EQ(out[0].fd, w.fd);
		CHECK_INT_EQ(out[0].generation, 5);
	}
	suite_wires->close(&w);
	suite_end(s);
	return n == 0 ? 0 : out[0].mask;
}

static unsigned
mask_after(void (*end)(struct wire *), unsigned interest)
{
	return mask_of(suite_wires->open, end, interest);
}

static void
a_hang_up_wakes_readers_and_writers(void)
{
	CHECK_INT_EQ(mask_after(suite_wires->hang_up, R) & R, R);
	CHECK_INT_EQ(mask_after(suite_wires->hang_up, W) & W, W);
	CHECK_INT_EQ(mask_after(suite_wires->hang_up, R | W) & (R | W), R | W);
}

static void
a_hang_up_is_told_as_such(void)
{
	CHECK_INT_EQ(mask_after(suite_wires->hang_up, R) & HUP, HUP);
	CHECK_INT_EQ(mask_after(suite_wires->hang_up, W) & HUP, HUP);
	CHECK_INT_EQ(mask_after(suite_wires->hang_up, R | C) & (R | C | HUP), R | C | HUP);
}

static void
an_error_wakes_the_writer(void)
{
	CHECK_INT_EQ(mask_of(suite_wires->open_broken, nothing, W) & W, W);
	CHECK_INT_EQ(mask_of(suite_wires->open_broken, nothing, R | W) & W, W);
}

static void
an_error_is_read_write_and_hup(void)
{
	CHECK_INT_EQ(mask_of(suite_wires->open_broken, nothing, R), R | W | HUP);
	CHECK_INT_EQ(mask_of(suite_wires->open_broken, nothing, W), R | W | HUP);
	CHECK_INT_EQ(mask_of(suite_wires->open_broken, nothing, R | W), R | W | HUP);
	CHECK_INT_EQ(mask_of(suite_wires->open_broken, nothing, C) & HUP, HUP);
}

static void
an_orphan_wakes_the_reader(void)
{
	CHECK_INT_EQ(mask_of(suite_wires->open_orphan, nothing, R) & R, R);
}

static void
an_orphan_is_read_write_and_hup(void)
{
	CHECK_INT_EQ(mask_of(suite_wires->open_orphan, nothing, R), R | W | HUP);
	CHECK_INT_EQ(mask_of(suite_wires->open_orphan, nothing, W), R | W | HUP);
}

static void
the_end_of_the_stream_is_readable(void)
{
	CHECK_INT_EQ(mask_after(suite_wires->half_close, R), R);
	CHECK_INT_EQ(mask_after(suite_wires->half_close, W), W);
}

static void
early_close_is_told_to_who_asks(void)
{
	CHECK_INT_EQ(mask_after(suite_wires->half_close, C), C | HUP);
	CHECK_INT_EQ(mask_after(suite_wires->half_close, R | C), R | C | HUP);
	CHECK_INT_EQ(mask_after(suite_wires->feed, C), 0);
	CHECK_INT_EQ(mask_after(suite_wires->feed, R | C), R);
	CHECK_INT_EQ(mask_after(suite_wires->half_close, W | C), W | C | HUP);
}

static void
an_edge_tells_a_reader_of_the_end(void)
{
	CHECK_INT_EQ(mask_after(suite_wires->half_close, R | E) & (R | HUP), R | HUP);
	CHECK_INT_EQ(mask_after(suite_wires->half_close, W | E), W);
}

static void
closed_alone_is_ignored_where_unknown(void)
{
	CHECK_INT_EQ(mask_after(suite_wires->half_close, C), 0);
	CHECK_INT_EQ(mask_after(suite_wires->half_close, R | C), R);
}

const struct suite_case suite_edge_cases[] = {
	{"an_edge_is_reported_once", an_edge_is_reported_once, EVRT_BF_ET, 0},
	{"what_is_true_at_adding_is_an_edge", what_is_true_at_adding_is_an_edge, EVRT_BF_ET, 0},
	{"rearming_reports_what_is_still_true", rearming_reports_what_is_still_true, EVRT_BF_ET, 0},
	{"edge_and_level_can_be_exchanged", edge_and_level_can_be_exchanged, EVRT_BF_ET, 0},
	{"edges_beyond_the_cap_come_once_each", edges_beyond_the_cap_come_once_each, EVRT_BF_ET, 0},
	{NULL, NULL, 0, 0},
};

const struct suite_case suite_hangup_cases[] = {
	{"a_hang_up_wakes_readers_and_writers", a_hang_up_wakes_readers_and_writers, 0, 0},
	{"a_hang_up_is_told_as_such", a_hang_up_is_told_as_such, EVRT_BF_EARLY_CLOSE, 0},
	{"an_error_wakes_the_writer", an_error_wakes_the_writer, 0, 0},
	{"an_error_is_read_write_and_hup", an_error_is_read_write_and_hup, EVRT_BF_EARLY_CLOSE, 0},
	{"an_orphan_wakes_the_reader", an_orphan_wakes_the_reader, 0, 0},
	{"an_orphan_is_read_write_and_hup", an_orphan_is_read_write_and_hup, EVRT_BF_EARLY_CLOSE, 0},
	{"the_end_of_the_stream_is_readable", the_end_of_the_stream_is_readable, 0, 0},
	{"early_close_is_told_to_who_asks", early_close_is_told_to_who_asks, EVRT_BF_EARLY_CLOSE, 0},
	{"an_edge_tells_a_reader_of_the_end", an_edge_tells_a_reader_of_the_end, EVRT_BF_ET, 0},
	{"closed_alone_is_ignored_where_unknown", closed_alone_is_ignored_where_unknown,
	    0, EVRT_BF_EARLY_CLOSE},
	{NULL, NULL, 0, 0},
};
