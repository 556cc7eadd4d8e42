/* testing/unit/api/datagram/faults_test.c — datagrams when calls fail.
 *
 * Here:     the k-th allocation fails; receiving fails for the moment, or for good; other pollers.
 * Threads:  one.
 */
#include <errno.h>

#include "base/sys.h"
#include "testing/harness/fault.h"
#include "testing/unit/api/datagram/datagram_rig.h"

static struct event_base *base;
static struct evrt_datagram *dg;
static union rig_address address;
static struct evrt_sys real;
static int fails_left, fail_with, calls;
static int received, errors, last_err, cleaned;

static int
failing_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *limit)
{
	calls++;
	if (fails_left > 0) {
		fails_left--;
		errno = fail_with;
		return -1;
	}
	return real.recvmmsg(fd, messages, count, flags, limit);
}

static int
failing_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	if (fails_left > 0) {
		fails_left--;
		errno = fail_with;
		return -1;
	}
	return real.sendmmsg(fd, messages, count, flags);
}

static void
echo(struct evrt_datagram *which, const struct evrt_packet *packets, unsigned count, void *arg)
{
	(void)arg;
	received += (int)count;
	for (unsigned i = 0; i < count; i++)
		evrt_datagram_send(which, &packets[i]);
}

static void
count_error(struct evrt_datagram *which, int err, const struct evrt_packet *lost, void *arg)
{
	(void)which;
	(void)lost;
	(void)arg;
	errors++;
	last_err = err;
}

static void
count_cleanup(const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	(void)arg;
	cleaned++;
}

static struct evrt_datagram *
make(void)
{
	union rig_address a = rig_loopback(AF_INET);
	struct evrt_datagram *made = evrt_datagram_new_bind(base, &a.sa, sizeof(a.v4), EVRT_DATAGRAM_LOCAL |
	    EVRT_DATAGRAM_TOS | EVRT_DATAGRAM_TIME | EVRT_DATAGRAM_SEGMENTS | EVRT_DATAGRAM_THREADSAFE);

	if (made) {
		address = rig_address_of(evrt_datagram_get_fd(made));
		evrt_datagram_setcb(made, echo, NULL, count_error, NULL);
	}
	return made;
}

static void
open_failing(void)
{
	base = event_base_new();
	dg = make();
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
	real = evrt__sys;
	evrt__sys.recvmmsg = failing_recvmmsg;
}

static void
run(void)
{
	for (int i = 0; i < 30; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
close_all(void)
{
	evrt_datagram_free(dg);
	event_base_free(base);
}

static void
receiving_goes_on_after(int err, int times)
{
	open_failing();
	int fd = rig_socket(AF_INET);
	fails_left = times;
	fail_with = err;
	rig_send(fd, &address, "x", 1);
	run();
	CHECK_INT_EQ(fails_left, 0);
	CHECK_INT_EQ(received, 1);
	close(fd);
	close_all();
}

static void
interrupted_receiving_shows_nowhere(void)
{
	receiving_goes_on_after(EINTR, 5);
	CHECK_INT_EQ(errors, 0);
}

static void
no_memory_for_receiving_is_told_and_passes(void)
{
	receiving_goes_on_after(ENOMEM, 5);
	CHECK_INT_EQ(errors, 5);
	CHECK_INT_EQ(last_err, ENOMEM);
}

static void
a_socket_that_is_none_is_disabled(void)
{
	open_failing();
	int fd = rig_socket(AF_INET);
	fails_left = 1000;
	fail_with = EBADF;
	rig_send(fd, &address, "x", 1);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(calls, 1);
	CHECK_INT_EQ(errors, 1);
	CHECK_INT_EQ(last_err, EBADF);
	/* It may be right again. */
	fails_left = 0;
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
	run();
	CHECK_INT_EQ(received, 1);
	close(fd);
	close_all();
}

static void
interrupted_sending_shows_nowhere(void)
{
	char got[4];
	open_failing();
	int fd = rig_socket(AF_INET);
	union rig_address mine = rig_address_of(fd);
	struct evrt_packet p = { .data = "abc", .len = 3, .peer = &mine.sa, .peer_len = sizeof(mine.v4) };
	evrt__sys.sendmmsg = failing_sendmmsg;
	fails_left = 3;
	fail_with = EINTR;
	CHECK_INT_EQ(evrt_datagram_send(dg, &p), 0);
	CHECK_INT_EQ(recv(fd, got, sizeof(got), 0), 3);
	run();
	CHECK_INT_EQ(errors, 0);
	close(fd);
	close_all();
}

static void
an_option_that_cannot_be_set(void)
{
	int fd = rig_socket(AF_INET);
	base = event_base_new();
	evrt_test_fail_alloc(0);
	int64_t before = evrt_test_allocs_live();
	close(fd);
	CHECK_PTR_EQ(evrt_datagram_new(base, fd, 0), NULL);
	CHECK_INT_EQ(errno, EBADF);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_INT_EQ(evrt_test_allocs_live(), before);
	event_base_free(base);
}

/* Makes, uses and frees an object; true: nothing failed on the way. */
static bool
live_once(int fd)
{
	union rig_address mine = rig_address_of(fd);
	struct evrt_packet p = { .data = "data", .len = 4, .peer = &mine.sa, .peer_len = sizeof(mine.v4),
		.tos = 1, .local = &address.sa, .local_len = sizeof(address.v4) };
	char got[8];

	dg = make();
	if (!dg) {
		CHECK_INT_EQ(errno, ENOMEM);
		return false;
	}
	address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bool well = evrt_datagram_enable(dg) == 0;
	well = evrt_datagram_send(dg, &p) == 0 && well;
	bool taken = evrt_datagram_send_reference(dg, &p, count_cleanup, NULL) == 0;
	well = taken && well;
	int before = received;
	rig_send(fd, &address, "q", 1);
	run();
	well = well && received == before + 1;
	evrt_datagram_free(dg);
	run();
	CHECK_INT_EQ(cleaned, taken);
	cleaned = 0;
	while (recv(fd, got, sizeof(got), MSG_DONTWAIT) >= 0)
		;
	return well;
}

static void
memory_runs_out_at_every_point(void)
{
	int fd = rig_socket(AF_INET);
	evrt_test_fail_alloc(0);
	base = event_base_new();
	int64_t before = 0;
	bool failed = true;
	for (uint64_t k = 0; failed || k <= 1; k++) { /* the first time none fails */
		evrt_test_fail_alloc(k);
		bool well = live_once(fd);
		failed = evrt_test_alloc_has_failed();
		evrt_test_fail_alloc(0);
		if (k == 0)
			before = evrt_test_allocs_live();
		CHECK_INT_EQ(evrt_test_allocs_live(), before);
		CHECK(well || failed);
	}
	event_base_free(base);
	close(fd);
}

static void
works_with(const char *const *avoid)
{
	struct event_config *config = event_config_new();
	int fd = rig_socket(AF_INET), got = 0;

	for (; *avoid; avoid++)
		event_config_avoid_method(config, *avoid);
	base = event_base_new_with_config(config);
	event_config_free(config);
	dg = make();
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
	for (int i = 0; i < 70; i++)
		rig_send(fd, &address, &i, sizeof(i));
	run();
	CHECK_INT_EQ(received, 70);
	for (int i = 0, n; i < 70; i++) {
		CHECK_INT_EQ(recv(fd, &n, sizeof(n), 0), sizeof(n));
		got += n;
	}
	CHECK_INT_EQ(got, 69 * 70 / 2);
	rig_send(fd, &address, "x", 1);
	run();
	CHECK_INT_EQ(received, 71);
	close(fd);
	close_all();
}

/* Sends more than the kernel takes, and reads it all. */
static void
sends_with(const char *const *avoid)
{
	struct event_config *config = event_config_new();
	int ends[2], sent = 0;

	for (; *avoid; avoid++)
		event_config_avoid_method(config, *avoid);
	base = event_base_new_with_config(config);
	event_config_free(config);
	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	dg = evrt_datagram_new(base, ends[0], EVRT_DATAGRAM_CLOSE_ON_FREE);
	CHECK_INT_EQ(evrt_datagram_set_queue_max(dg, 40), 0);
	for (;; sent++) {
		struct evrt_packet p = { .data = &sent, .len = sizeof(sent) };
		if (evrt_datagram_send(dg, &p) < 0)
			break;
	}
	for (int i = 0, got; i < sent; i++) {
		while (recv(ends[1], &got, sizeof(got), MSG_DONTWAIT) < 0)
			event_base_loop(base, EVLOOP_ONCE);
		CHECK_INT_EQ(got, i);
	}
	close(ends[1]);
	close_all();
}

static void
works_with_poll(void)
{
	works_with((const char *const[]){ "epoll", NULL });
}

static void
sends_with_poll(void)
{
	sends_with((const char *const[]){ "epoll", NULL });
}

static void
works_with_select(void)
{
	works_with((const char *const[]){ "epoll", "poll", NULL });
}

static void
sends_with_select(void)
{
	sends_with((const char *const[]){ "epoll", "poll", NULL });
}

static const struct evrt_test_case cases[] = {
	{ "interrupted_receiving_shows_nowhere", interrupted_receiving_shows_nowhere },
	{ "no_memory_for_receiving_is_told_and_passes", no_memory_for_receiving_is_told_and_passes },
	{ "a_socket_that_is_none_is_disabled", a_socket_that_is_none_is_disabled },
	{ "interrupted_sending_shows_nowhere", interrupted_sending_shows_nowhere },
	{ "an_option_that_cannot_be_set", an_option_that_cannot_be_set },
	{ "memory_runs_out_at_every_point", memory_runs_out_at_every_point },
	{ "works_with_poll", works_with_poll },
	{ "works_with_select", works_with_select },
	{ "sends_with_poll", sends_with_poll },
	{ "sends_with_select", sends_with_select },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
