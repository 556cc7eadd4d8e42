/* testing/unit/api/datagram/send_test.c — what evrt/datagram.h promises of sending.
 *
 * Here:     when packets leave, together and alone; the queue and its end; references; errors.
 * Not here: segments (segments_test.c).
 * Threads:  one.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/un.h>

#include "base/sys.h"
#include "testing/unit/api/datagram/datagram_rig.h"

static struct event_base *base;
static struct evrt_datagram *dg;
static struct evrt_sys real;
static int calls;      /* of sendmmsg */
static unsigned asked; /* messages in all of them */
static int fails_left, fail_with;
static int received, cleaned, rooms, errors, errors_lost, last_err;
static size_t lost_len;

static int
counting_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	calls++;
	asked += count;
	if (fails_left > 0) {
		fails_left--;
		errno = fail_with;
		return -1;
	}
	return real.sendmmsg(fd, messages, count, flags);
}

static void
watch_calls(void)
{
	real = evrt__sys;
	evrt__sys.sendmmsg = counting_sendmmsg;
}

static void
count_cleanup(const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	CHECK_PTR_EQ(arg, &cleaned);
	cleaned++;
}

static void
count_error(struct evrt_datagram *which, int err, const struct evrt_packet *lost, void *arg)
{
	(void)arg;
	CHECK_PTR_EQ(which, dg);
	errors++;
	errors_lost += lost != NULL;
	last_err = err;
	if (lost)
		lost_len = lost->len;
}

static void
count_room(struct evrt_datagram *which, void *arg)
{
	(void)arg;
	CHECK_PTR_EQ(which, dg);
	rooms++;
}

static void
count_packets(struct evrt_datagram *which, const struct evrt_packet *packets, unsigned count, void *arg)
{
	(void)which;
	(void)packets;
	(void)arg;
	received += (int)count;
}

static void
open_to(const union rig_address *peer)
{
	base = event_base_new();
	dg = evrt_datagram_new_connect(base, &peer->sa, (int)rig_len(peer), 0);
	CHECK(dg != NULL);
	evrt_datagram_setcb(dg, count_packets, count_room, count_error, NULL);
	watch_calls();
}

static void
run(void)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
close_all(void)
{
	evrt_datagram_free(dg);
	event_base_free(base);
}

static int
send_bytes(const void *data, size_t len)
{
	struct evrt_packet p = { .data = data, .len = len };

	return evrt_datagram_send(dg, &p);
}

static void
check_arrived(int fd, const char *data)
{
	char got[64];
	ssize_t n = recv(fd, got, sizeof(got), 0);

	CHECK_INT_EQ(n, strlen(data));
	CHECK_MEM_EQ(got, data, (size_t)n);
}

static void
check_nothing_more(int fd)
{
	char got[4];

	CHECK_INT_EQ(recv(fd, got, sizeof(got), MSG_DONTWAIT), -1);
	CHECK_INT_EQ(errno, EAGAIN);
}

static void
outside_of_callbacks_packets_leave_at_once(void)
{
	int fd = rig_socket(AF_INET);
	union rig_address peer = rig_address_of(fd);
	open_to(&peer);
	CHECK_INT_EQ(send_bytes("one", 3), 0);
	check_arrived(fd, "one");
	CHECK_INT_EQ(send_bytes(NULL, 0), 0);
	check_arrived(fd, "");
	struct evrt_packet to = { .data = "two", .len = 3, .peer = &peer.sa, .peer_len = sizeof(peer.v4) };
	CHECK_INT_EQ(evrt_datagram_send(dg, &to), 0);
	check_arrived(fd, "two");
	CHECK_INT_EQ(calls, 3);
	CHECK_INT_EQ(evrt_datagram_get_queued(dg), 0);
	close(fd);
	close_all();
}

static void
send_many(evutil_socket_t fd, short what, void *arg)
{
	int *count = arg;

	(void)fd;
	(void)what;
	for (int i = 0; i < *count; i++)
		CHECK_INT_EQ(send_bytes("many", 4), 0);
	CHECK_INT_EQ(calls, 0);
	CHECK_INT_EQ(evrt_datagram_get_queued(dg), *count);
}

static void
what_callbacks_send_leaves_together(void)
{
	int fd = rig_socket(AF_INET), count = 70;
	union rig_address peer = rig_address_of(fd);
	open_to(&peer);
	event_base_once(base, -1, EV_TIMEOUT, send_many, &count, NULL);
	run();
	CHECK_INT_EQ(calls, 3); /* 32 + 32 + 6 */
	CHECK_INT_EQ(asked, 70);
	for (int i = 0; i < 70; i++)
		check_arrived(fd, "many");
	check_nothing_more(fd);
	close(fd);
	close_all();
}

static void
send_and_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	CHECK_INT_EQ(send_bytes("now", 3), 0);
	CHECK_INT_EQ(calls, 0);
	CHECK_INT_EQ(evrt_datagram_flush(dg), 0);
	CHECK_INT_EQ(calls, 1);
	check_arrived(*(int *)arg, "now");
}

static void
flush_does_not_wait(void)
{
	int fd = rig_socket(AF_INET);
	union rig_address peer = rig_address_of(fd);
	open_to(&peer);
	event_base_once(base, -1, EV_TIMEOUT, send_and_flush, &fd, NULL);
	run();
	CHECK_INT_EQ(calls, 1);
	close(fd);
	close_all();
}

static void
echo(struct evrt_datagram *which, const struct evrt_packet *packets, unsigned count, void *arg)
{
	(void)arg;
	received += (int)count;
	for (unsigned i = 0; i < count; i++)
		CHECK_INT_EQ(evrt_datagram_send(which, &packets[i]), 0);
}

static void
an_echo_of_a_batch_is_one_call(void)
{
	int fd = rig_socket(AF_INET);
	union rig_address here = rig_loopback(AF_INET), peer;
	base = event_base_new();
	dg = evrt_datagram_new_bind(base, &here.sa, sizeof(here.v4), 0);
	CHECK(dg != NULL);
	peer = rig_address_of(evrt_datagram_get_fd(dg));
	evrt_datagram_setcb(dg, echo, NULL, NULL, NULL);
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
	watch_calls();
	for (int i = 0; i < 20; i++)
		rig_send(fd, &peer, "e", 1);
	run();
	CHECK_INT_EQ(received, 20);
	CHECK_INT_EQ(calls, 1);
	for (int i = 0; i < 20; i++)
		check_arrived(fd, "e");
	close(fd);
	close_all();
}

static void
references_are_given_back_once(void)
{
	int fd = rig_socket(AF_INET);
	union rig_address peer = rig_address_of(fd);
	struct evrt_packet p = { .data = "ref", .len = 3 };
	open_to(&peer);
	CHECK_INT_EQ(evrt_datagram_send_reference(dg, &p, count_cleanup, &cleaned), 0);
	CHECK_INT_EQ(cleaned, 1);
	check_arrived(fd, "ref");
	CHECK_INT_EQ(evrt_datagram_send_reference(dg, &p, NULL, NULL), 0);
	check_arrived(fd, "ref");
	/* Refused: it is the caller's still. */
	p.peer_len = 1;
	CHECK_INT_EQ(evrt_datagram_send_reference(dg, &p, count_cleanup, &cleaned), -1);
	CHECK_INT_EQ(errno, EINVAL);
	p.peer_len = 0;
	CHECK_INT_EQ(cleaned, 1);
	/* Lost. */
	fails_left = 2;
	fail_with = EPERM;
	CHECK_INT_EQ(evrt_datagram_send_reference(dg, &p, count_cleanup, &cleaned), 0);
	run();
	CHECK_INT_EQ(cleaned, 2);
	CHECK_INT_EQ(errors_lost, 1);
	/* Still queued in the end. */
	fails_left = 1000;
	fail_with = EAGAIN;
	CHECK_INT_EQ(evrt_datagram_send_reference(dg, &p, count_cleanup, &cleaned), 0);
	CHECK_INT_EQ(cleaned, 2);
	evrt_datagram_free(dg);
	CHECK_INT_EQ(cleaned, 3);
	close(fd);
	event_base_free(base);
}

/* A pair of AF_UNIX sockets: one's queue is bounded, and full soon. */
static int
open_pair(void)
{
	int ends[2];

	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	base = event_base_new();
	dg = evrt_datagram_new(base, ends[0], EVRT_DATAGRAM_CLOSE_ON_FREE);
	CHECK(dg != NULL);
	evrt_datagram_setcb(dg, count_packets, count_room, count_error, NULL);
	watch_calls();
	return ends[1];
}

/* Until send fails; returns how many did not. */
static int
fill(void)
{
	int sent = 0;

	while (send_bytes(&sent, sizeof(sent)) == 0)
		sent++;
	CHECK_INT_EQ(errno, ENOBUFS);
	return sent;
}

static void
drain(int fd, int from, int to)
{
	for (; from < to; from++) {
		int got;
		/* Turns of the loop move what the queue holds. */
		while (recv(fd, &got, sizeof(got), MSG_DONTWAIT) < 0)
			event_base_loop(base, EVLOOP_ONCE);
		CHECK_INT_EQ(got, from);
	}
}

static void
a_full_queue_says_so_and_when_it_is_not(void)
{
	int fd = open_pair();
	CHECK_INT_EQ(evrt_datagram_set_queue_max(dg, 10), 0);
	int sent = fill();
	CHECK_INT_EQ(evrt_datagram_get_queued(dg), 10);
	CHECK(sent > 10);
	/* One attempt more in a turn finds that there is no room; from then on nothing is tried. */
	run();
	int before = calls;
	run();
	CHECK_INT_EQ(send_bytes("", 0), -1);
	CHECK_INT_EQ(calls, before);
	CHECK_INT_EQ(rooms, 0);
	drain(fd, 0, sent);
	run();
	CHECK_INT_EQ(rooms, 1);
	CHECK_INT_EQ(evrt_datagram_get_queued(dg), 0);
	CHECK_INT_EQ(errors, 0);
	CHECK_INT_EQ(send_bytes("", 0), 0);
	close(fd);
	close_all();
}

static int reader = -1;

/* The kernel refuses; and before we know, there is room again, and the loop has been told so. */
static int
overtaken_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	int n = real.sendmmsg(fd, messages, count, flags), got;

	if (n >= 0 || reader < 0)
		return n;
	while (recv(reader, &got, sizeof(got), MSG_DONTWAIT) >= 0)
		;
	reader = -1;
	run();
	errno = EAGAIN;
	return -1;
}

static void
room_that_comes_during_the_attempt(void)
{
	int fd = reader = open_pair();
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0); /* or the loop would not look */
	run(); /* that there is room in the beginning is no news any more */
	evrt__sys.sendmmsg = overtaken_sendmmsg;
	for (int i = 0; reader >= 0; i++)
		CHECK_INT_EQ(send_bytes(&i, sizeof(i)), 0);
	CHECK_INT_EQ(evrt_datagram_get_queued(dg), 1);
	run();
	CHECK_INT_EQ(evrt_datagram_get_queued(dg), 0);
	close(fd);
	close_all();
}

static void
a_waiting_queue_keeps_the_loop_running(void)
{
	int fd = open_pair();
	fill();
	run();
	CHECK(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED) > 0);
	close(fd);
	/* The peer is gone: all of it is lost, and the loop ends. */
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(evrt_datagram_get_queued(dg), 0);
	CHECK(errors_lost > 1000);
	CHECK(last_err == ECONNREFUSED || last_err == ENOTCONN);
	CHECK_INT_EQ(rooms, 1);
	close_all();
}

static void
room_and_free(struct evrt_datagram *which, void *arg)
{
	count_room(which, arg);
	evrt_datagram_free(which);
}

static void
free_in_the_writable_callback(void)
{
	int fd = open_pair();
	evrt_datagram_setcb(dg, NULL, room_and_free, NULL, NULL);
	CHECK_INT_EQ(evrt_datagram_set_queue_max(dg, 2), 0);
	int sent = fill();
	drain(fd, 0, sent - 2);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(rooms, 1);
	close(fd);
	event_base_free(base);
}

/* Others have filled it, so that no packet of ours goes when it reads: the kernel tells us nothing of the room. */
static void
a_full_unix_peer_is_tried_again(void)
{
	struct sockaddr_un there;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), other = socket(AF_UNIX, SOCK_DGRAM, 0), filled = 0;
	memset(&there, 0, sizeof(there));
	there.sun_family = AF_UNIX;
	snprintf(there.sun_path + 1, sizeof(there.sun_path) - 1, "evrt-dg-full-%d", getpid());
	CHECK_INT_EQ(bind(fd, (struct sockaddr *)&there, sizeof(there)), 0);
	while (sendto(other, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&there, sizeof(there)) == 1)
		filled++;
	base = event_base_new();
	dg = evrt_datagram_new(base, socket(AF_UNIX, SOCK_DGRAM, 0), EVRT_DATAGRAM_CLOSE_ON_FREE);
	CHECK(dg != NULL);
	struct evrt_packet p = { .data = "ours", .len = 4, .peer = (struct sockaddr *)&there, .peer_len = sizeof(there) };
	CHECK_INT_EQ(evrt_datagram_send(dg, &p), 0);
	watch_calls();
	run();
	CHECK_INT_EQ(evrt_datagram_get_queued(dg), 1);
	CHECK(calls <= 5); /* nor does it try all the time */
	for (char c; filled > 0; filled--)
		CHECK_INT_EQ(recv(fd, &c, 1, MSG_DONTWAIT), 1);
	while (evrt_datagram_get_queued(dg) > 0)
		event_base_loop(base, EVLOOP_ONCE);
	check_arrived(fd, "ours");
	close(other);
	close(fd);
	close_all();
}

static void
a_packet_that_is_too_long_is_lost_alone(void)
{
	static char data[65536];
	int fd = rig_socket(AF_INET);
	union rig_address peer = rig_address_of(fd);
	open_to(&peer);
	CHECK_INT_EQ(send_bytes(data, 65536), -1);
	CHECK_INT_EQ(errno, EMSGSIZE);
	CHECK_INT_EQ(send_bytes("before", 6), 0);
	CHECK_INT_EQ(send_bytes(data, 65520), 0);
	CHECK_INT_EQ(send_bytes("after", 5), 0);
	CHECK_INT_EQ(errors, 0); /* told in the loop */
	CHECK_INT_EQ(evrt_datagram_get_queued(dg), 1);
	check_arrived(fd, "before");
	check_arrived(fd, "after");
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(errors, 1);
	CHECK_INT_EQ(errors_lost, 1);
	CHECK_INT_EQ(last_err, EMSGSIZE);
	CHECK_INT_EQ(lost_len, 65520);
	CHECK_INT_EQ(evrt_datagram_get_queued(dg), 0);
	close(fd);
	close_all();
}

static void
error_and_free(struct evrt_datagram *which, int err, const struct evrt_packet *lost, void *arg)
{
	count_error(which, err, lost, arg);
	evrt_datagram_free(which);
	CHECK_MEM_EQ(lost->data, "lost", 4);
}

static void
free_in_the_error_callback(void)
{
	int fd = rig_socket(AF_INET);
	union rig_address peer = rig_address_of(fd);
	open_to(&peer);
	evrt_datagram_setcb(dg, NULL, NULL, error_and_free, NULL);
	fails_left = 4;
	fail_with = EPERM;
	CHECK_INT_EQ(send_bytes("lost", 4), 0);
	CHECK_INT_EQ(send_bytes("lost", 4), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(errors, 1);
	close(fd);
	event_base_free(base);
}


static void
a_refusal_from_the_network_loses_no_packet(void)
{
	int fd = rig_socket(AF_INET);
	union rig_address peer = rig_address_of(fd);
	open_to(&peer);
	close(fd);
	CHECK_INT_EQ(send_bytes("to nobody", 9), 0);
	fd = rig_socket_at(&peer);
	CHECK_INT_EQ(send_bytes("next", 4), 0);
	check_arrived(fd, "next");
	run();
	CHECK_INT_EQ(errors, 1);
	CHECK_INT_EQ(errors_lost, 0);
	CHECK_INT_EQ(last_err, ECONNREFUSED);
	close(fd);
	close_all();
}

static void
a_refusal_is_told_while_receiving(void)
{
	int fd = rig_socket(AF_INET);
	union rig_address peer = rig_address_of(fd);
	open_to(&peer);
	union rig_address own = rig_address_of(evrt_datagram_get_fd(dg));
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
	close(fd);
	CHECK_INT_EQ(send_bytes("to nobody", 9), 0);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_INT_EQ(errors, 1);
	CHECK_INT_EQ(last_err, ECONNREFUSED);
	fd = rig_socket_at(&peer);
	rig_send(fd, &own, "alive", 5);
	run();
	CHECK_INT_EQ(received, 1);
	close(fd);
	close_all();
}

static void
senseless_packets_are_refused(void)
{
	union rig_address peer = rig_loopback(AF_INET);
	int fd = rig_socket(AF_INET);
	peer = rig_address_of(fd);
	open_to(&peer);
	const struct evrt_packet bad[] = {
		{ .len = 1 },
		{ .peer_len = 4 },
		{ .peer = &peer.sa, .peer_len = sizeof(struct sockaddr_storage) + 1 },
		{ .local = &peer.sa, .local_len = 2 },
		{ .local = &peer.sa, .local_len = 100 },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_INT_EQ(evrt_datagram_send(dg, &bad[i]), -1);
		CHECK_INT_EQ(errno, EINVAL);
	}
	CHECK_INT_EQ(evrt_datagram_send(dg, NULL), -1);
	CHECK_INT_EQ(calls, 0);
	close(fd);
	close_all();
}

static const struct evrt_test_case cases[] = {
	{ "outside_of_callbacks_packets_leave_at_once", outside_of_callbacks_packets_leave_at_once },
	{ "what_callbacks_send_leaves_together", what_callbacks_send_leaves_together },
	{ "flush_does_not_wait", flush_does_not_wait },
	{ "an_echo_of_a_batch_is_one_call", an_echo_of_a_batch_is_one_call },
	{ "references_are_given_back_once", references_are_given_back_once },
	{ "a_full_queue_says_so_and_when_it_is_not", a_full_queue_says_so_and_when_it_is_not },
	{ "room_that_comes_during_the_attempt", room_that_comes_during_the_attempt },
	{ "a_waiting_queue_keeps_the_loop_running", a_waiting_queue_keeps_the_loop_running },
	{ "free_in_the_writable_callback", free_in_the_writable_callback },
	{ "a_full_unix_peer_is_tried_again", a_full_unix_peer_is_tried_again },
	{ "a_packet_that_is_too_long_is_lost_alone", a_packet_that_is_too_long_is_lost_alone },
	{ "free_in_the_error_callback", free_in_the_error_callback },
	{ "a_refusal_from_the_network_loses_no_packet", a_refusal_from_the_network_loses_no_packet },
	{ "a_refusal_is_told_while_receiving", a_refusal_is_told_while_receiving },
	{ "senseless_packets_are_refused", senseless_packets_are_refused },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
