/* testing/contract/backend/changelist_test.c — the suite against epoll with a changelist, and what that alone
 * does: how many calls a turn costs, and what becomes of what the kernel refuses.
 */
#include "testing/contract/backend/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "base/sys.h"

#define R EVRT_READ
#define W EVRT_WRITE
#define E EVRT_EDGE

static int (*real_ctl)(int, int, int, struct epoll_event *);
static char ctl_ops[64]; /* a letter for each call: a, m, d */
static int ctl_error;    /* for all calls until it is 0 */
static int warnings;

static int
counting_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	static const char letters[] = {[EPOLL_CTL_ADD] = 'a', [EPOLL_CTL_MOD] = 'm', [EPOLL_CTL_DEL] = 'd'};
	size_t n = strlen(ctl_ops);

	CHECK(n + 1 < sizeof ctl_ops);
	ctl_ops[n] = letters[op];
	ctl_ops[n + 1] = '\0';
	errno = ctl_error;
	return ctl_error ? -1 : real_ctl(epfd, op, fd, event);
}

static void
count_warning(int level, const char *text)
{
	(void)text;
	warnings += level == EVRT_LOG_WARN;
}

static void *
counting_begin(void)
{
	real_ctl = evrt__sys.epoll_ctl;
	evrt__sys.epoll_ctl = counting_ctl;
	evrt__log_set_callback(count_warning);
	return suite_begin();
}

static void
expect_calls(const char *ops)
{
	CHECK_STR_EQ(ctl_ops, ops);
	ctl_ops[0] = '\0';
}

static void
what_came_and_went_costs_nothing(void)
{
	void *s = counting_begin();
	struct wire w;

	suite_wires->open(&w);
	suite_wires->feed(&w);
	for (int i = 0; i < 5; i++) {
		suite_set(s, &w, 1, 0, R);
		suite_set(s, &w, 1, R, R | W);
		suite_set(s, &w, 1, R | W, 0);
	}
	suite_expect_none(s);
	expect_calls("");
	CHECK_INT_EQ(warnings, 0);
	suite_wires->close(&w);
	suite_end(s);
}

static void
changed_often_costs_one_call(void)
{
	void *s = counting_begin();
	struct wire w, v;

	suite_wires->open(&w);
	suite_wires->open(&v);
	suite_set(s, &w, 1, 0, R);
	suite_set(s, &v, 2, 0, R);
	suite_set(s, &w, 1, R, R | W);
	expect_calls("");
	suite_expect_one(s, &w, 1, W);
	expect_calls("aa");
	for (int i = 0; i < 5; i++) {
		suite_set(s, &w, 1, R | W, W);
		suite_set(s, &w, 1, W, R | W);
	}
	suite_expect_one(s, &w, 1, W);
	expect_calls("m");
	for (int i = 0; i < 5; i++) {
		suite_set(s, &w, 1, R | W, 0);
		suite_set(s, &w, 3, 0, R | W);
	}
	suite_set(s, &w, 3, R | W, 0);
	suite_expect_none(s);
	expect_calls("d");
	suite_expect_none(s);
	expect_calls("");
	suite_wires->close(&w);
	suite_wires->close(&v);
	suite_end(s);
}

/* It looks as before, and is another file: nothing recorded may be taken for a no-op. */
static void
removed_and_added_may_be_another_file(void)
{
	void *s = counting_begin();
	struct wire w;

	suite_wires->open(&w);
	suite_set(s, &w, 1, 0, R);
	suite_expect_none(s);
	expect_calls("a");
	suite_set(s, &w, 1, R, 0);
	suite_wires->close_fd(&w);
	suite_wires->reopen_fd(&w);
	suite_set(s, &w, 1, 0, R);
	suite_wires->feed(&w);
	suite_expect_one(s, &w, 1, R);
	expect_calls("da");
	/* The same file: armed anew, under its new generation. */
	suite_set(s, &w, 1, R, 0);
	suite_set(s, &w, 2, 0, R);
	suite_expect_one(s, &w, 2, R);
	expect_calls("da");
	suite_wires->close(&w);
	suite_end(s);
}

static void
an_edge_of_a_removed_one_comes_again(void)
{
	void *s = counting_begin();
	struct wire w;

	suite_wires->open(&w);
	suite_wires->feed(&w);
	suite_set(s, &w, 1, 0, R | E);
	suite_expect_one(s, &w, 1, R);
	suite_expect_none(s);
	suite_set(s, &w, 1, R | E, 0);
	suite_set(s, &w, 2, 0, R | E);
	suite_expect_one(s, &w, 2, R);
	suite_expect_none(s);
	expect_calls("ada");
	suite_wires->close(&w);
	suite_end(s);
}

static void
what_is_closed_before_it_is_applied_is_a_warning(void)
{
	void *s = counting_begin();
	struct wire w, other;

	suite_wires->open(&w);
	suite_wires->open(&other);
	suite_set(s, &w, 1, 0, R);
	suite_set(s, &other, 2, 0, W);
	suite_wires->close_fd(&w);
	suite_expect_one(s, &other, 2, W);
	CHECK_INT_EQ(warnings, 1);
	expect_calls("aa");
	/* Told once, not tried again. */
	suite_expect_one(s, &other, 2, W);
	CHECK_INT_EQ(warnings, 1);
	expect_calls("");
	/* Removed after all, and closed before that: neither is worth a word. */
	suite_set(s, &w, 1, R, 0);
	suite_expect_one(s, &other, 2, W);
	CHECK_INT_EQ(warnings, 1);
	suite_wires->reopen_fd(&w);
	suite_set(s, &w, 3, 0, W);
	suite_set(s, &other, 2, W, 0);
	suite_expect_one(s, &w, 3, W);
	suite_wires->close(&w);
	suite_wires->close(&other);
	suite_end(s);
}

static void
files_are_refused_with_a_warning(void)
{
	void *s = counting_begin();
	struct wire w = {open("/proc/self/exe", O_RDONLY | O_CLOEXEC), -1};

	suite_set(s, &w, 1, 0, R);
	suite_expect_none(s);
	CHECK_INT_EQ(warnings, 1);
	suite_set(s, &w, 1, R, 0);
	suite_expect_none(s);
	CHECK_INT_EQ(warnings, 1);
	close(w.fd);
	suite_end(s);
}

static void
numbers_beyond_all_are_refused(void)
{
	void *s = counting_begin();

	CHECK_INT_EQ(suite_poller->set(s, -1, 1, 0, R), -EBADF);
	CHECK_INT_EQ(suite_poller->set(s, 1 << 30, 1, 0, R), -EBADF);
	CHECK_INT_EQ(suite_poller->set(s, -1, 1, R, 0), 0);
	CHECK_INT_EQ(suite_poller->set(s, 1 << 30, 1, R, 0), 0);
	suite_expect_none(s);
	expect_calls("dd");
	suite_end(s);
}

static void
a_shortage_is_tried_again(void)
{
	static const int shortages[] = {ENOMEM, ENOSPC};
	void *s = counting_begin();
	struct evrt_ready out[2];
	struct wire w, v;

	suite_wires->open(&w);
	suite_wires->open(&v);
	suite_wires->feed(&v);
	for (int i = 0; i < 2; i++) {
		suite_set(s, &w, 1, 0, W);
		suite_set(s, &v, 2, 0, R);
		ctl_error = shortages[i];
		/* Ends by itself, though it was to wait for ever: the next one tries again. */
		CHECK_INT_EQ(suite_wait(s, -1, out, 2), 0);
		CHECK_INT_EQ(suite_wait(s, 1, out, 2), 0);
		expect_calls("aaaa");
		CHECK_INT_EQ(warnings, 4 * (i + 1));
		ctl_error = 0;
		suite_set(s, &v, 2, R, 0);
		suite_expect_one(s, &w, 1, W);
		expect_calls("a");
		suite_set(s, &w, 1, W, 0);
		suite_expect_none(s);
		expect_calls("d");
	}
	suite_wires->close(&w);
	suite_wires->close(&v);
	suite_end(s);
}

static int
failing_create(int flags)
{
	(void)flags;
	errno = EMFILE;
	return -1;
}

static void
open_may_fail(void)
{
	void *s = NULL;

	evrt__sys.epoll_create1 = failing_create;
	CHECK_INT_EQ(suite_poller->open(&s), -EMFILE);
	CHECK_PTR_EQ(s, NULL);
}

static int poll_error;
static int poll_calls;

static int
failing_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	static int (*const real)(struct pollfd *, nfds_t, int) = poll;
	int error = poll_error;

	poll_calls++;
	poll_error = 0;
	errno = error;
	return error ? -1 : real(fds, n, timeout_ms);
}

static void
the_question_about_a_high_number_may_fail(void)
{
	void *s = counting_begin();
	struct wire w;

	evrt__sys.poll = failing_poll;
	suite_wires->open(&w);
	poll_error = ENOMEM;
	CHECK_INT_EQ(suite_poller->set(s, w.fd, 1, 0, W), -ENOMEM);
	poll_error = EINTR;
	suite_set(s, &w, 1, 0, W);
	CHECK_INT_EQ(poll_calls, 3);
	/* The table has grown: nobody asks any more. */
	suite_set(s, &w, 1, W, 0);
	suite_set(s, &w, 1, 0, W);
	CHECK_INT_EQ(poll_calls, 3);
	suite_expect_one(s, &w, 1, W);
	suite_wires->close(&w);
	suite_end(s);
}

static const struct suite_case extra[] = {
	{"what_came_and_went_costs_nothing", what_came_and_went_costs_nothing, 0, 0},
	{"changed_often_costs_one_call", changed_often_costs_one_call, 0, 0},
	{"removed_and_added_may_be_another_file", removed_and_added_may_be_another_file, 0, 0},
	{"an_edge_of_a_removed_one_comes_again", an_edge_of_a_removed_one_comes_again, 0, 0},
	{"what_is_closed_before_it_is_applied_is_a_warning",
	    what_is_closed_before_it_is_applied_is_a_warning, 0, 0},
	{"files_are_refused_with_a_warning", files_are_refused_with_a_warning, 0, 0},
	{"numbers_beyond_all_are_refused", numbers_beyond_all_are_refused, 0, 0},
	{"a_shortage_is_tried_again", a_shortage_is_tried_again, 0, 0},
	{"open_may_fail", open_may_fail, 0, 0},
	{"the_question_about_a_high_number_may_fail", the_question_about_a_high_number_may_fail, 0, 0},
	{NULL, NULL, 0, 0},
};

int
main(int argc, char **argv)
{
	return suite_main(&evrt__backend_epoll_changelist, &suite_wires_real, extra, argc, argv);
}
