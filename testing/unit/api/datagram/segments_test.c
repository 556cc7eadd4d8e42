/* testing/unit/api/datagram/segments_test.c — packets that travel several at a time: UDP_SEGMENT and UDP_GRO.
 *
 * Here:     with the kernel's help, without it, and where it refuses in the middle.
 * Threads:  one.
 */
#include <errno.h>
#include <netinet/udp.h>

#include "base/sys.h"
#include "testing/unit/api/datagram/datagram_rig.h"

static struct event_base *base;
static struct evrt_datagram *dg;
static struct evrt_sys real;
static unsigned asked; /* messages given to sendmmsg, in all calls */
static int fail_with, received, errors;

static void
count_error(struct evrt_datagram *which, int err, const struct evrt_packet *lost, void *arg)
{
	(void)which;
	(void)err;
	(void)lost;
	(void)arg;
	errors++;
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

static bool refuse_cutting;
static int refused;

static int
refusing_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	for (unsigned i = 0; refuse_cutting && i < count; i++)
		if (messages[i].msg_hdr.msg_control) {
			refused++;
			errno = fail_with;
			return i > 0 ? real.sendmmsg(fd, messages, i, flags) : -1;
		}
	asked += count;
	return real.sendmmsg(fd, messages, count, flags);
}

static int
no_segments(int fd, int level, int name, void *value, socklen_t *len)
{
	if (level == IPPROTO_UDP && name == UDP_SEGMENT) {
		errno = ENOPROTOOPT;
		return -1;
	}
	return real.getsockopt(fd, level, name, value, len);
}

#define SEGMENT 100
#define SEGMENTS 71 /* more than one call and more than one cut can take */

static void
check_segments(void)
{
	unsigned char data[SEGMENT * (SEGMENTS - 1) + 7], got[SEGMENT + 1];
	struct evrt_packet p = { .data = data, .len = sizeof(data), .segment_len = SEGMENT };
	int fd = rig_socket(AF_INET);
	union rig_address peer = rig_address_of(fd);

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i / SEGMENT + i);
	base = event_base_new();
	dg = evrt_datagram_new_connect(base, &peer.sa, sizeof(peer.v4), 0);
	CHECK(dg != NULL);
	evrt_datagram_setcb(dg, NULL, NULL, count_error, NULL);
	evrt__sys.sendmmsg = refusing_sendmmsg;
	CHECK_INT_EQ(evrt_datagram_send(dg, &p), 0);
	for (int i = 0; i < SEGMENTS; i++) {
		size_t len = i < SEGMENTS - 1 ? SEGMENT : 7;
		CHECK_INT_EQ(recv(fd, got, sizeof(got), 0), len);
		CHECK_MEM_EQ(got, data + i * SEGMENT, len);
	}
	CHECK_INT_EQ(recv(fd, got, sizeof(got), MSG_DONTWAIT), -1);
	run();
	CHECK_INT_EQ(errors, 0);
	close(fd);
}

static void
segments_leave_in_one_step(void)
{
	real = evrt__sys;
	check_segments();
	if (evrt_datagram_can_segment(dg))
		CHECK_INT_EQ(asked, 2); /* 64 and 7 */
	close_all();
}

static void
segments_without_the_kernel(void)
{
	real = evrt__sys;
	evrt__sys.getsockopt = no_segments;
	check_segments();
	CHECK_INT_EQ(evrt_datagram_can_segment(dg), 0);
	CHECK(asked >= SEGMENTS);
	close_all();
}

static void
segments_that_the_kernel_refuses(void)
{
	real = evrt__sys;
	refuse_cutting = true;
	fail_with = EINVAL;
	check_segments();
	CHECK(refused > 0 || !evrt_datagram_can_segment(dg));
	CHECK(asked >= SEGMENTS);
	close_all();
}

static void
segments_that_the_kernel_can_never_cut(void)
{
	real = evrt__sys;
	refuse_cutting = true;
	fail_with = EIO;
	check_segments();
	CHECK_INT_EQ(evrt_datagram_can_segment(dg), 0);
	close_all();
}

static size_t segments_bytes, segments_count;

static void
note_segments(struct evrt_datagram *which, const struct evrt_packet *packets, unsigned count, void *arg)
{
	(void)which;
	(void)arg;
	for (unsigned i = 0; i < count; i++) {
		size_t each = packets[i].segment_len ? packets[i].segment_len : packets[i].len;
		CHECK_INT_EQ(each, SEGMENT);
		segments_bytes += packets[i].len;
		segments_count += (packets[i].len + each - 1) / each;
	}
	received += (int)count;
}

static void
segments_arrive(void)
{
	static char data[SEGMENT * 10];
	struct evrt_packet p = { .data = data, .len = sizeof(data), .segment_len = SEGMENT };
	union rig_address here = rig_loopback(AF_INET);
	base = event_base_new();
	dg = evrt_datagram_new_bind(base, &here.sa, sizeof(here.v4), EVRT_DATAGRAM_SEGMENTS);
	CHECK(dg != NULL);
	here = rig_address_of(evrt_datagram_get_fd(dg));
	evrt_datagram_setcb(dg, note_segments, NULL, NULL, NULL);
	CHECK_INT_EQ(evrt_datagram_enable(dg), 0);
	p.peer = &here.sa;
	p.peer_len = sizeof(here.v4);
	CHECK_INT_EQ(evrt_datagram_send(dg, &p), 0);
	run();
	CHECK_INT_EQ(segments_bytes, sizeof(data));
	CHECK_INT_EQ(segments_count, 10);
	CHECK(received == 1 || received == 10);
	close_all();
}

static const struct evrt_test_case cases[] = {
	{ "segments_leave_in_one_step", segments_leave_in_one_step },
	{ "segments_without_the_kernel", segments_without_the_kernel },
	{ "segments_that_the_kernel_refuses", segments_that_the_kernel_refuses },
	{ "segments_that_the_kernel_can_never_cut", segments_that_the_kernel_can_never_cut },
	{ "segments_arrive", segments_arrive },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
