/* testing/contract/backend/fake_test.c — the suite against the fake poller, which must not lie to tests. */
#include "testing/contract/backend/suite.h"

#include <errno.h>
#include "testing/fake/fake_backend.h"

static void
calls_are_counted(void)
{
	void *s = suite_begin();
	struct evrt_ready out[1];
	struct wire w;

	suite_wires->open(&w);
	suite_set(s, &w, 1, 0, EVRT_READ);
	suite_set(s, &w, 1, EVRT_READ, EVRT_READ);
	suite_set(s, &w, 1, EVRT_READ, EVRT_WRITE);
	suite_set(s, &w, 1, EVRT_WRITE, 0);
	CHECK_INT_EQ(suite_wait(s, 42, out, 1), 0);
	CHECK_INT_EQ(suite_wait(s, 0, out, 1), 0);
	CHECK_INT_EQ(suite_wait(s, 43, out, 1), 0);
	struct evrt_fake_counts c = evrt__fake_counts();
	CHECK_INT_EQ(c.opens, 1);
	CHECK_INT_EQ(c.closes, 0);
	CHECK_INT_EQ(c.adds, 1);
	CHECK_INT_EQ(c.rearms, 1);
	CHECK_INT_EQ(c.changes, 1);
	CHECK_INT_EQ(c.removes, 1);
	CHECK_INT_EQ(c.prepares, 3);
	CHECK_INT_EQ(c.waits, 3);
	CHECK_INT_EQ(c.last_timeout_ns, 43);
	suite_end(s);
	CHECK_INT_EQ(evrt__fake_counts().opens, 0);
}

static void
time_passes_only_in_waits(void)
{
	void *s = suite_begin();
	struct evrt_ready out[1];
	struct wire w;
	evrt_ns start = suite_wires->now();

	suite_wires->open(&w);
	CHECK_INT_EQ(suite_wait(s, 1000, out, 1), 0);
	CHECK_INT_EQ(suite_wires->now(), start + 1000);
	suite_set(s, &w, 1, 0, EVRT_WRITE);
	CHECK_INT_EQ(suite_wait(s, 1000, out, 1), 1);
	CHECK_INT_EQ(suite_wires->now(), start + 1000);
	suite_end(s);
}

static void
planned_failures_come_once(void)
{
	void *s = suite_begin();
	struct evrt_ready out[1];
	struct wire w;

	suite_wires->open(&w);
	evrt__fake_refuse(w.fd, -EPERM);
	CHECK_INT_EQ(suite_poller->set(s, w.fd, 1, 0, EVRT_WRITE), -EPERM);
	suite_expect_none(s);
	evrt__fake_refuse(w.fd, 0);
	suite_set(s, &w, 1, 0, EVRT_WRITE);
	evrt__fake_fail_wait(-EBADF);
	CHECK_INT_EQ(suite_wait(s, 0, out, 1), -EBADF);
	evrt__fake_fail_wait(-EINTR);
	CHECK_INT_EQ(suite_wait(s, -1, out, 1), -EINTR);
	suite_expect_one(s, &w, 1, EVRT_WRITE);
	suite_end(s);
}

static const struct suite_case extra[] = {
	{"calls_are_counted", calls_are_counted, 0, 0},
	{"time_passes_only_in_waits", time_passes_only_in_waits, 0, 0},
	{"planned_failures_come_once", planned_failures_come_once, 0, 0},
	{NULL, NULL, 0, 0},
};

int
main(int argc, char **argv)
{
	return suite_main(&evrt__backend_fake, &suite_wires_fake, extra, argc, argv);
}
