/* testing/unit/api/datagram/datagram_test.c — what evrt/datagram.h promises of receiving and of objects.
 *
 * Here:     batches, addresses and what travels beside a packet; switching and freeing; what is refused.
 * Not here: the queue and errors (send_test.c), failing calls (faults_test.c), several threads (pool_test.c).
 * Threads:  one.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <time.h>

#include "testing/unit/api/datagram/datagram_rig.h"

#define PACKETS_MAX 256

static struct event_base *base;
static struct evrt_datagram *dg;
static union rig_address address; /* of dg */
static unsigned batches, largest;
static int received;
static struct {
	struct evrt_packet packet;
	unsigned char first[16];
	union rig_address peer, local;
} seen[PACKETS_MAX];

static void
note(struct evrt_datagram *which, const struct evrt_packet *packets, unsigned count, void *arg)
{
	CHECK_PTR_EQ(which, dg);
	CHECK_PTR_EQ(arg, &seen);
	CHECK(count > 0);
	batches++;
	largest = count > largest ? count : largest;
	for (unsigned i = 0; i < count; i++) {
		const struct evrt_packet *p = &packets[i];
		CHECK(received < PACKETS_MAX);
		seen[received].packet = *p;
		memcpy(seen[received].first, p->data, p->len < 16 ? p->len : 16);
		if (p->peer)
			memcpy(&seen[received].peer, p->peer, p->peer_len);
		if (p->local)
			memcpy(&seen[received].local, p->local, p->local_len);
		received++;
	}
}

static void
open_on(int family, unsigned options)
{
	union rig_address a = rig_loopback(family);

	base = event_base_new();
	dg = evrt_datagram_new_bind(base, &a.sa, (int)rig_len(&a), options);
	CHECK(dg != NULL);
	address = rig_address_of(evrt_datagram_get_fd(dg));
	evrt_datagram_setcb(dg, note, NULL, NULL, &seen);
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

static void
packets_come_in_batches(void)
{
	open_on(AF_INET, 0);
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
	int fd = rig_socket(AF_INET);
	union rig_address mine = rig_address_of(fd);
	for (int i = 0; i < 100; i++)
		rig_send(fd, &address, &i, sizeof(i));
	run();
	CHECK_INT_EQ(received, 100);
	CHECK_INT_EQ(largest, 32);
	CHECK_INT_EQ(batches, 4);
	for (int i = 0; i < 100; i++) {
		CHECK_INT_EQ(seen[i].packet.len, sizeof(i));
		CHECK_MEM_EQ(seen[i].first, &i, sizeof(i));
		CHECK_INT_EQ(seen[i].packet.peer_len, sizeof(mine.v4));
		CHECK_INT_EQ(seen[i].peer.v4.sin_port, mine.v4.sin_port);
		CHECK(!seen[i].packet.truncated && !seen[i].packet.tos && !seen[i].packet.segment_len);
		CHECK(!seen[i].packet.local && !seen[i].packet.received_at.tv_sec);
	}
	/* A full batch, and then none. */
	for (int i = 0; i < 32; i++)
		rig_send(fd, &address, &i, sizeof(i));
	run();
	CHECK_INT_EQ(received, 132);
	rig_send(fd, &address, "x", 1);
	run();
	CHECK_INT_EQ(received, 133);
	close(fd);
	close_all();
}

static void
an_empty_packet_is_one(void)
{
	open_on(AF_INET, 0);
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
	int fd = rig_socket(AF_INET);
	rig_send(fd, &address, "", 0);
	rig_send(fd, &address, "yz", 2);
	run();
	CHECK_INT_EQ(received, 2);
	CHECK_INT_EQ(seen[0].packet.len, 0);
	CHECK_INT_EQ(seen[1].packet.len, 2);
	close(fd);
	close_all();
}

static void
too_long_a_packet_is_cut_and_says_so(void)
{
	static char data[3000];
	open_on(AF_INET, 0);
	CHECK_INT_EQ(evrt_datagram_set_receive(dg, 100, 4), 0);
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
	CHECK_INT_EQ(evrt_datagram_set_receive(dg, 200, 4), -1);
	CHECK_INT_EQ(errno, EBUSY);
	int fd = rig_socket(AF_INET);
	rig_send(fd, &address, data, 3000);
	for (int i = 0; i < 6; i++)
		rig_send(fd, &address, data, 100);
	run();
	CHECK_INT_EQ(received, 7);
	CHECK_INT_EQ(largest, 4);
	CHECK_INT_EQ(seen[0].packet.len, 100);
	CHECK_INT_EQ(seen[0].packet.truncated, 1);
	CHECK_INT_EQ(seen[1].packet.truncated, 0);
	CHECK_INT_EQ(seen[4].packet.truncated, 0); /* the slot of the one that was cut */
	close(fd);
	close_all();
}

static void
the_longest_packet_is_whole(void)
{
	char *data = calloc(1, 65507);
	open_on(AF_INET, 0);
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
	int fd = rig_socket(AF_INET);
	rig_send(fd, &address, data, 65507);
	run();
	CHECK_INT_EQ(received, 1);
	CHECK_INT_EQ(seen[0].packet.len, 65507);
	CHECK_INT_EQ(seen[0].packet.truncated, 0);
	free(data);
	close(fd);
	close_all();
}

static void
check_beside(int family)
{
	const struct { int level, name; } tos_option[] = { { IPPROTO_IP, IP_TOS }, { IPPROTO_IPV6, IPV6_TCLASS } };
	int tos = 0xb9, six = family == AF_INET6; /* EF, ECT(1) */
	struct timespec now;
	open_on(family, EVRT_DATAGRAM_LOCAL | EVRT_DATAGRAM_TOS | EVRT_DATAGRAM_TIME);
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
	int fd = rig_socket(family);
	CHECK_INT_EQ(setsockopt(fd, tos_option[six].level, tos_option[six].name, &tos, sizeof(tos)), 0);
	rig_send(fd, &address, "a", 1);
	run();
	CHECK_INT_EQ(received, 1);
	CHECK_INT_EQ(seen[0].packet.tos, 0xb9);
	CHECK_INT_EQ(seen[0].packet.local_len, rig_len(&address));
	CHECK_MEM_EQ(&seen[0].local, &address, rig_len(&address));
	clock_gettime(CLOCK_REALTIME, &now);
	CHECK(now.tv_sec - seen[0].packet.received_at.tv_sec < 60);
	close(fd);
	close_all();
}

static void
address_tos_and_time(void)
{
	check_beside(AF_INET);
}

static void
address_tos_and_time_of_ipv6(void)
{
	if (rig_has_ipv6())
		check_beside(AF_INET6);
}

static void
answer(struct evrt_datagram *which, const struct evrt_packet *packets, unsigned count, void *arg)
{
	note(which, packets, count, arg);
	for (unsigned i = 0; i < count; i++)
		CHECK_INT_EQ(evrt_datagram_send(which, &packets[i]), 0);
}

static void
open_on_all(int family, unsigned options)
{
	union rig_address any;

	memset(&any, 0, sizeof(any));
	any.any.ss_family = (sa_family_t)family;
	base = event_base_new();
	dg = evrt_datagram_new_bind(base, &any.sa, (int)rig_len(&any), options);
	CHECK(dg != NULL);
	address = rig_address_of(evrt_datagram_get_fd(dg));
	evrt_datagram_setcb(dg, answer, NULL, NULL, &seen);
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
}

/* Asks at 127.0.0.2, and looks where the answer comes from, and with which TOS. */
static void
check_answer(void)
{
	union rig_address to = rig_loopback(AF_INET), from;
	int fd = rig_socket(AF_INET), tos = 0x02, on = 1;
	char data[8], control[64];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };

	to.v4.sin_addr.s_addr = htonl(0x7f000002);
	to.v4.sin_port = address.v4.sin_port;
	CHECK_INT_EQ(setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)), 0);
	CHECK_INT_EQ(setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on)), 0);
	rig_send(fd, &to, "ask", 3);
	run();
	CHECK_INT_EQ(received, 1);
	CHECK_INT_EQ(seen[0].packet.tos, 2);
	CHECK_INT_EQ(recvmsg(fd, &m, 0), 3);
	CHECK_INT_EQ(from.v4.sin_addr.s_addr, to.v4.sin_addr.s_addr);
	CHECK_INT_EQ(from.v4.sin_port, to.v4.sin_port);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	CHECK(c && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS);
	CHECK_INT_EQ(*CMSG_DATA(c), 2);
	close(fd);
}

static void
an_answer_leaves_from_where_the_question_came_to(void)
{
	open_on_all(AF_INET, EVRT_DATAGRAM_LOCAL | EVRT_DATAGRAM_TOS);
	check_answer();
	close_all();
}

static void
ipv4_on_an_ipv6_socket(void)
{
	if (!rig_has_ipv6())
		return;
	open_on_all(AF_INET6, EVRT_DATAGRAM_LOCAL | EVRT_DATAGRAM_TOS);
	check_answer();
	CHECK_INT_EQ(seen[0].local.sa.sa_family, AF_INET6);
	CHECK(IN6_IS_ADDR_V4MAPPED(&seen[0].local.v6.sin6_addr));
	close_all();
}

static void
an_answer_by_ipv6_keeps_its_class(void)
{
	int tos = 0x03, on = 1;
	if (!rig_has_ipv6())
		return;
	open_on_all(AF_INET6, EVRT_DATAGRAM_LOCAL | EVRT_DATAGRAM_TOS);
	union rig_address to = rig_loopback(AF_INET6);
	int fd = rig_socket(AF_INET6);
	char data[8], control[64];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	to.v6.sin6_port = address.v6.sin6_port;
	CHECK_INT_EQ(setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos)), 0);
	CHECK_INT_EQ(setsockopt(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof(on)), 0);
	rig_send(fd, &to, "ask", 3);
	run();
	CHECK_INT_EQ(seen[0].packet.tos, 3);
	CHECK_INT_EQ(recvmsg(fd, &m, 0), 3);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	CHECK(c && c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS);
	memcpy(&tos, CMSG_DATA(c), sizeof(tos));
	CHECK_INT_EQ(tos, 3);
	close(fd);
	close_all();
}

static void
ipv6_alone(void)
{
	int on = 0;
	socklen_t len = sizeof(on);
	if (!rig_has_ipv6())
		return;
	open_on_all(AF_INET6, EVRT_DATAGRAM_BIND_IPV6ONLY);
	CHECK_INT_EQ(getsockopt(evrt_datagram_get_fd(dg), IPPROTO_IPV6, IPV6_V6ONLY, &on, &len), 0);
	CHECK_INT_EQ(on, 1);
	close_all();
}

static void
two_share_a_port(void)
{
	open_on(AF_INET, EVRT_DATAGRAM_REUSEABLE_PORT);
	CHECK_PTR_EQ(evrt_datagram_new_bind(base, &address.sa, sizeof(address.v4), 0), NULL);
	CHECK_INT_EQ(errno, EADDRINUSE);
	struct evrt_datagram *other = evrt_datagram_new_bind(base, &address.sa, sizeof(address.v4),
	    EVRT_DATAGRAM_REUSEABLE_PORT);
	CHECK(other != NULL);
	evrt_datagram_free(other);
	close_all();
}

static void
switching(void)
{
	open_on(AF_INET, 0);
	int fd = rig_socket(AF_INET);
	rig_send(fd, &address, "1", 1);
	run();
	CHECK_INT_EQ(received, 0); /* not before it is enabled */
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 1);
	run();
	CHECK_INT_EQ(received, 1);
	CHECK_INT_EQ(evrt_datagram_disable(dg), 0);
	CHECK_INT_EQ(evrt_datagram_disable(dg), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1); /* it keeps no loop alive */
	rig_send(fd, &address, "2", 1);
	run();
	CHECK_INT_EQ(received, 1);
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
	run();
	CHECK_INT_EQ(received, 2);
	/* Without a callback packets are dropped. */
	evrt_datagram_setcb(dg, NULL, NULL, NULL, NULL);
	rig_send(fd, &address, "3", 1);
	run();
	evrt_datagram_setcb(dg, note, NULL, NULL, &seen);
	run();
	CHECK_INT_EQ(received, 2);
	close(fd);
	close_all();
}

static void
note_and_disable(struct evrt_datagram *which, const struct evrt_packet *packets, unsigned count, void *arg)
{
	note(which, packets, count, arg);
	evrt_datagram_disable(which);
}

static void
disabling_in_the_callback_stops_at_once(void)
{
	open_on(AF_INET, 0);
	evrt_datagram_setcb(dg, note_and_disable, NULL, NULL, &seen);
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
	int fd = rig_socket(AF_INET);
	for (int i = 0; i < 50; i++)
		rig_send(fd, &address, &i, sizeof(i));
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(received, 32);
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(received, 50);
	close(fd);
	close_all();
}

static void
note_and_free(struct evrt_datagram *which, const struct evrt_packet *packets, unsigned count, void *arg)
{
	struct evrt_packet back = packets[0];

	note(which, packets, count, arg);
	CHECK_INT_EQ(evrt_datagram_send(which, &back), 0);
	evrt_datagram_free(which);
	/* Until it returns, the packets stay, and the object refuses. */
	CHECK_INT_EQ(memcmp(packets[0].data, "bye", 3), 0);
	CHECK_INT_EQ(evrt_datagram_send(which, &back), -1);
	CHECK_INT_EQ(errno, ECANCELED);
	CHECK_INT_EQ(evrt_datagram_enable(which), -1);
}

static void
free_in_the_callback(void)
{
	char answered[4];
	open_on(AF_INET, 0);
	evrt_datagram_setcb(dg, note_and_free, NULL, NULL, &seen);
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
	int fd = rig_socket(AF_INET);
	rig_send(fd, &address, "bye", 3);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(received, 1);
	CHECK_INT_EQ(recv(fd, answered, sizeof(answered), 0), 3); /* what was queued had its chance */
	close(fd);
	event_base_free(base);
}

static void
freed_before_its_base(void)
{
	open_on(AF_INET, 0);
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
	int fd = rig_socket(AF_INET);
	rig_send(fd, &address, "x", 1);
	event_base_loop(base, EVLOOP_NONBLOCK);
	rig_send(fd, &address, "x", 1);
	close(fd);
	evrt_datagram_free(dg);
	evrt_datagram_free(NULL);
	event_base_free(base); /* runs the last step */
}

static void
a_socket_of_the_program(void)
{
	int fd = rig_socket(AF_INET);
	base = event_base_new();
	dg = evrt_datagram_new(base, fd, 0);
	CHECK(dg != NULL);
	CHECK_INT_EQ(evrt_datagram_get_fd(dg), fd);
	CHECK_PTR_EQ(evrt_datagram_get_base(dg), base);
	address = rig_address_of(fd);
	evrt_datagram_setcb(dg, note, NULL, NULL, &seen);
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
	rig_send(fd, &address, "self", 4);
	run(); /* although it blocks */
	CHECK_INT_EQ(received, 1);
	evrt_datagram_free(dg);
	rig_send(fd, &address, "mine", 4); /* still open */
	dg = evrt_datagram_new(base, fd, EVRT_DATAGRAM_CLOSE_ON_FREE);
	close_all();
	CHECK_INT_EQ(send(fd, "", 0, 0), -1);
	CHECK_INT_EQ(errno, EBADF);
}

static void
check_refused(struct evrt_datagram *made, int err)
{
	CHECK_PTR_EQ(made, NULL);
	CHECK_INT_EQ(errno, err);
}

static void
senseless_ones_are_refused(void)
{
	union rig_address a = rig_loopback(AF_INET);
	int stream = socket(AF_INET, SOCK_STREAM, 0), ends[2];
	CHECK_INT_EQ(pipe(ends), 0);
	base = event_base_new();
	check_refused(evrt_datagram_new(base, -1, 0), EBADF);
	check_refused(evrt_datagram_new(base, stream, 0), EPROTOTYPE);
	check_refused(evrt_datagram_new(base, ends[0], 0), ENOTSOCK);
	check_refused(evrt_datagram_new_bind(base, NULL, 0, 0), EINVAL);
	check_refused(evrt_datagram_new_bind(base, &a.sa, 1, 0), EINVAL);
	check_refused(evrt_datagram_new_bind(base, &a.sa, 3, 0), EINVAL);
	check_refused(evrt_datagram_new_bind(NULL, &a.sa, sizeof(a.v4), 0), EINVAL);
	check_refused(evrt_datagram_new_connect(base, NULL, 0, 0), EINVAL);
	a.v4.sin_addr.s_addr = htonl(0x08080808);
	check_refused(evrt_datagram_new_bind(base, &a.sa, sizeof(a.v4), 0), EADDRNOTAVAIL);
	a.sa.sa_family = 99;
	check_refused(evrt_datagram_new_bind(base, &a.sa, sizeof(a.v4), 0), EAFNOSUPPORT);
	close(stream);
	close(ends[0]);
	close(ends[1]);
	event_base_free(base);
	open_on(AF_INET, 0);
	CHECK_INT_EQ(evrt_datagram_set_receive(dg, 0, 1), -1);
	CHECK_INT_EQ(errno, EINVAL);
	CHECK_INT_EQ(evrt_datagram_set_receive(dg, 1, 0), -1);
	CHECK_INT_EQ(evrt_datagram_set_receive(dg, 1, 1025), -1);
	CHECK_INT_EQ(evrt_datagram_set_receive(dg, SIZE_MAX, 1), -1);
	CHECK_INT_EQ(evrt_datagram_set_queue_max(dg, 0), -1);
	close_all();
}

static void
unix_peers(void)
{
	struct sockaddr_un here, there;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), passed[2];
	char data[4];
	memset(&here, 0, sizeof(here));
	here.sun_family = AF_UNIX;
	there = here;
	snprintf(here.sun_path + 1, sizeof(here.sun_path) - 1, "evrt-dg-%d", getpid());
	snprintf(there.sun_path + 1, sizeof(there.sun_path) - 1, "evrt-dg-peer-%d", getpid());
	base = event_base_new();
	dg = evrt_datagram_new_bind(base, (struct sockaddr *)&here, sizeof(here), EVRT_DATAGRAM_LOCAL |
	    EVRT_DATAGRAM_TOS | EVRT_DATAGRAM_TIME | EVRT_DATAGRAM_SEGMENTS);
	CHECK(dg != NULL);
	evrt_datagram_setcb(dg, note, NULL, NULL, &seen);
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
	CHECK_INT_EQ(connect(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	CHECK_INT_EQ(send(fd, "x", 1, 0), 1);
	run();
	CHECK_INT_EQ(received, 1);
	CHECK(!seen[0].packet.peer && !seen[0].packet.peer_len); /* it has no address */
	CHECK_INT_EQ(bind(fd, (struct sockaddr *)&there, sizeof(there)), 0);
	evrt_datagram_setcb(dg, answer, NULL, NULL, &seen);
	/* Descriptors that come along do not stay: the harness counts. */
	CHECK_INT_EQ(pipe(passed), 0);
	union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(int))]; } control;
	memset(&control, 0, sizeof(control));
	struct iovec iov = { (void *)(uintptr_t)"ask", 3 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control) };
	control.head = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(&control.head), &passed[0], sizeof(int));
	CHECK_INT_EQ(sendmsg(fd, &m, 0), 3);
	run();
	CHECK_INT_EQ(received, 2);
	CHECK_INT_EQ(seen[1].packet.peer_len, sizeof(there));
	CHECK_INT_EQ(recv(fd, data, sizeof(data), MSG_DONTWAIT), 3);
	close(passed[0]);
	close(passed[1]);
	close(fd);
	close_all();
}

static const struct evrt_test_case cases[] = {
	{ "packets_come_in_batches", packets_come_in_batches },
	{ "an_empty_packet_is_one", an_empty_packet_is_one },
	{ "too_long_a_packet_is_cut_and_says_so", too_long_a_packet_is_cut_and_says_so },
	{ "the_longest_packet_is_whole", the_longest_packet_is_whole },
	{ "address_tos_and_time", address_tos_and_time },
	{ "address_tos_and_time_of_ipv6", address_tos_and_time_of_ipv6 },
	{ "an_answer_leaves_from_where_the_question_came_to", an_answer_leaves_from_where_the_question_came_to },
	{ "ipv4_on_an_ipv6_socket", ipv4_on_an_ipv6_socket },
	{ "an_answer_by_ipv6_keeps_its_class", an_answer_by_ipv6_keeps_its_class },
	{ "ipv6_alone", ipv6_alone },
	{ "two_share_a_port", two_share_a_port },
	{ "switching", switching },
	{ "disabling_in_the_callback_stops_at_once", disabling_in_the_callback_stops_at_once },
	{ "free_in_the_callback", free_in_the_callback },
	{ "freed_before_its_base", freed_before_its_base },
	{ "a_socket_of_the_program", a_socket_of_the_program },
	{ "senseless_ones_are_refused", senseless_ones_are_refused },
	{ "unix_peers", unix_peers },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
