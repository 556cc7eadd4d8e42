/* testing/system/memory/resident_test.c — memory that was needed once is given back to the system.
 *
 * Here:     the resident size of the process (/proc/self/statm) after contents and connections have come and gone,
 *           against the size before: what stays is the cache of chains and what the C library keeps.
 * Not here: leaks (testing/system/shutdown), the size of a chain (testing/unit/api/buffer/io_test.c).
 * Threads:  one.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/util.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "testing/harness/test.h"

#define MEGABYTE (1024l * 1024)
#define KEPT_MAX (2 * MEGABYTE)      /* after small things have gone */
#define KEPT_LARGE_MAX (4 * MEGABYTE) /* after HELD_BYTES in one evbuffer: the first megabyte, edges of chains */
#define HELD_BYTES (100 * MEGABYTE)
#define BUFFERS 10000
#define IDLE_BYTES_MAX 512 /* of one evbuffer without contents, and whatever else it needs */
#define WAVES 100
#define CONNECTIONS_PER_WAVE 100

static char data[65536];

static long
resident(void)
{
	long all, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	CHECK(f && fscanf(f, "%ld %ld", &all, &pages) == 2);
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

static void
check_grown_by_less_than(long before, long most)
{
	long grown = resident() - before;

	if (grown >= most)
		evrt_test_fail(__FILE__, __LINE__, "%ld kB more are resident, of %ld that may", grown / 1024, most / 1024);
}

/* With small blocks between the chains, as any program has them: they keep a heap from shrinking by its end. */
static void
contents_of_100_megabytes_are_given_back(void)
{
	static const size_t pieces[] = { 100, 4096, sizeof(data) };
	void *between[3][HELD_BYTES / MEGABYTE];

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct evbuffer *buf = evbuffer_new();
		long before = resident();
		for (long m = 0; m < HELD_BYTES / MEGABYTE; m++) {
			for (long in = 0; in < MEGABYTE; in += (long)pieces[i])
				CHECK_INT_EQ(evbuffer_add(buf, data, pieces[i]), 0);
			between[i][m] = malloc(1000);
		}
		CHECK(resident() - before > HELD_BYTES / 2); /* or nothing is shown below */
		CHECK_INT_EQ(evbuffer_drain(buf, evbuffer_get_length(buf)), 0);
		check_grown_by_less_than(before, KEPT_LARGE_MAX);
		evbuffer_free(buf);
	}
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		for (long m = 0; m < HELD_BYTES / MEGABYTE; m++)
			free(between[i][m]);
}

static void
pass_on(struct evbuffer *buf, const int sv[2], size_t n)
{
	CHECK_INT_EQ(write(sv[0], data, n), n);
	CHECK_INT_EQ(evbuffer_read(buf, sv[1], -1), n);
}

/* As many inputs as there are connections; the bytes come through one socket, for which there is no limit. */
static void
idle_inputs_are_small_and_go(void)
{
	static struct evbuffer *bufs[BUFFERS];
	int sv[2];
	long before = resident();

	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	for (int i = 0; i < BUFFERS; i++) {
		bufs[i] = evbuffer_new();
		pass_on(bufs[i], sv, 100);
	}
	check_grown_by_less_than(before, BUFFERS * (IDLE_BYTES_MAX + 512l)); /* 100 unread bytes in each */
	for (int i = 0; i < BUFFERS; i++) {
		pass_on(bufs[i], sv, 5000);
		CHECK_INT_EQ(evbuffer_drain(bufs[i], 5100), 0);
	}
	check_grown_by_less_than(before, BUFFERS * (long)IDLE_BYTES_MAX + KEPT_MAX);
	for (int i = 0; i < BUFFERS; i++)
		evbuffer_free(bufs[i]);
	/* glibc joins blocks of up to 128 bytes, as an evbuffer is, only when it is given back a large one. */
	void *volatile large = malloc(100000);
	free(large);
	check_grown_by_less_than(before, KEPT_MAX);
	close(sv[0]);
	close(sv[1]);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	unsigned *left = arg;

	if (evbuffer_get_length(bufferevent_get_input(bev)) < 10000)
		return;
	--*left;
	if (*left == 0)
		event_base_loopbreak(bufferevent_get_base(bev));
}

/* Connections that have each read something, and go with it unread. */
static void
run_wave(struct event_base *base)
{
	struct bufferevent *bevs[2 * CONNECTIONS_PER_WAVE];
	unsigned left = CONNECTIONS_PER_WAVE;

	for (int i = 0; i < 2 * CONNECTIONS_PER_WAVE; i += 2) {
		int sv[2];
		CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
		for (int k = 0; k < 2; k++) {
			CHECK_INT_EQ(evutil_make_socket_nonblocking(sv[k]), 0);
			bevs[i + k] = bufferevent_socket_new(base, sv[k], BEV_OPT_CLOSE_ON_FREE);
			bufferevent_setcb(bevs[i + k], on_read, NULL, NULL, &left);
			bufferevent_enable(bevs[i + k], EV_READ);
		}
		CHECK_INT_EQ(bufferevent_write(bevs[i], data, 10000), 0);
	}
	CHECK_INT_EQ(event_base_dispatch(base), 0);
	CHECK_INT_EQ(left, 0);
	for (int i = 0; i < 2 * CONNECTIONS_PER_WAVE; i++)
		bufferevent_free(bevs[i]);
	CHECK(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
}

static void
ten_thousand_connections_leave_nothing(void)
{
	struct event_base *base = event_base_new();

	run_wave(base);
	long before = resident();
	for (int i = 1; i < WAVES; i++)
		run_wave(base);
	check_grown_by_less_than(before, KEPT_MAX);
	event_base_free(base);
	libevent_global_shutdown();
}

static const struct evrt_test_case cases[] = {
	{ "contents_of_100_megabytes_are_given_back", contents_of_100_megabytes_are_given_back },
	{ "idle_inputs_are_small_and_go", idle_inputs_are_small_and_go },
	{ "ten_thousand_connections_leave_nothing", ten_thousand_connections_leave_nothing },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
