/* testing/contract/libevent/bufferevent_test.c — socket bufferevents: data, watermarks and time.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/bufferevent_rig.h"

#include <event2/bufferevent_compat.h>
#include <stdlib.h>

static void
writing_is_enabled_at_first(void)
{
	struct bufferevent *bev = open_bev(0);
	CHECK_INT_EQ(bufferevent_get_enabled(bev), EV_WRITE);
	peer_writes("abc");
	turns(2);
	CHECK_STR_EQ(trace, "");
	CHECK_INT_EQ(bufferevent_enable(bev, EV_READ), 0);
	CHECK_INT_EQ(bufferevent_get_enabled(bev), EV_READ | EV_WRITE);
	CHECK_INT_EQ(event_pending(&bev->ev_read, EV_READ, NULL), EV_READ);
	turns(2);
	CHECK_STR_EQ(trace, "r3");
	close_bev(bev);
}

static void
enabling_writing_tells_of_empty_output(void)
{
	struct bufferevent *bev = open_bev(0);
	CHECK_INT_EQ(bufferevent_enable(bev, EV_READ | EV_WRITE), 0);
	CHECK_INT_EQ(event_pending(&bev->ev_write, EV_WRITE, NULL), EV_WRITE);
	turns(3);
	CHECK_STR_EQ(trace, "w0");
	CHECK_INT_EQ(event_pending(&bev->ev_write, EV_WRITE, NULL), 0);
	close_bev(bev);
}

static void
what_is_written_arrives(void)
{
	struct bufferevent *bev = open_bev(0);
	char got[16] = "";
	struct evbuffer *more = evbuffer_new();
	CHECK_INT_EQ(bufferevent_write(bev, "hello ", 6), 0);
	evbuffer_add(more, "world", 5);
	CHECK_INT_EQ(bufferevent_write_buffer(bev, more), 0);
	CHECK_INT_EQ(evbuffer_get_length(more), 0);
	CHECK_INT_EQ(event_pending(&bev->ev_write, EV_WRITE, NULL), EV_WRITE);
	turns(2);
	CHECK_STR_EQ(trace, "w0");
	CHECK_INT_EQ(read(fds[1], got, sizeof(got)), 11);
	CHECK_STR_EQ(got, "hello world");
	/* Output is the bufferevent's to take from, after a write as before. */
	bufferevent_write(bev, "more", 4);
	CHECK_INT_EQ(evbuffer_drain(bufferevent_get_output(bev), 1), -1);
	evbuffer_free(more);
	close_bev(bev);
}

static void
nothing_is_written_while_writing_is_disabled(void)
{
	struct bufferevent *bev = open_bev(0);
	char c;
	CHECK_INT_EQ(bufferevent_disable(bev, EV_WRITE), 0);
	CHECK_INT_EQ(bufferevent_write(bev, "x", 1), 0);
	turns(2);
	CHECK_INT_EQ(read(fds[1], &c, 1), -1);
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_output(bev)), 1);
	CHECK_INT_EQ(bufferevent_enable(bev, EV_WRITE), 0);
	turns(2);
	CHECK_INT_EQ(read(fds[1], &c, 1), 1);
	CHECK_STR_EQ(trace, "w0");
	close_bev(bev);
}

static void
disabled_reading_leaves_the_bytes_and_enabling_finds_them(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_enable(bev, EV_READ);
	peer_writes("ab");
	turns(1);
	bufferevent_disable(bev, EV_READ);
	CHECK_INT_EQ(event_pending(&bev->ev_read, EV_READ, NULL), 0);
	peer_writes("cd");
	turns(2);
	CHECK_STR_EQ(trace, "r2");
	bufferevent_enable(bev, EV_READ);
	turns(2);
	CHECK_STR_EQ(trace, "r2 r4");
	close_bev(bev);
}

static void
data_moves_in_and_out_of_the_buffers(void)
{
	struct bufferevent *bev = open_bev(0);
	char got[8] = "";
	struct evbuffer *rest = evbuffer_new();
	bufferevent_enable(bev, EV_READ);
	peer_writes("abcdef");
	turns(2);
	CHECK_INT_EQ(bufferevent_read(bev, got, 2), 2);
	CHECK_STR_EQ(got, "ab");
	CHECK_INT_EQ(bufferevent_read_buffer(bev, rest), 0);
	CHECK_INT_EQ(evbuffer_get_length(rest), 4);
	CHECK_INT_EQ(bufferevent_read(bev, got, 2), 0);
	/* The program may not add to input, nor take from output. */
	CHECK_INT_EQ(evbuffer_add(bufferevent_get_input(bev), "x", 1), -1);
	bufferevent_write(bev, "xyz", 3);
	CHECK_INT_EQ(evbuffer_drain(bufferevent_get_output(bev), 1), -1);
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_output(bev)), 3);
	evbuffer_free(rest);
	close_bev(bev);
}

static void
read_low_watermark_holds_the_callback_back(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setwatermark(bev, EV_READ, 4, 0);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abc");
	turns(2);
	CHECK_STR_EQ(trace, "");
	peer_writes("d");
	turns(2);
	CHECK_STR_EQ(trace, "r4");
	close_bev(bev);
}

static void
read_high_watermark_stops_reading_until_drained(void)
{
	struct bufferevent *bev = open_bev(0);
	size_t some = 3;
	bufferevent_setcb(bev, drain_read, NULL, NULL, &some);
	bufferevent_setwatermark(bev, EV_READ, 0, 4);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abcdefgh");
	turns(6);
	/* 4 read, 3 drained; 3 of room, read, 3 drained; the last one beside the one that was left. */
	CHECK_STR_EQ(trace, "r4 r4 r2");
	close_bev(bev);
}

static void
disable_the_third_time(struct bufferevent *bev, void *arg)
{
	note_read(bev, arg);
	if (strlen(trace) == strlen("r2 r2 r2"))
		bufferevent_disable(bev, EV_READ);
}

static void
full_input_calls_again_until_reading_is_disabled(void)
{
	struct bufferevent *bev = open_bev(0);
	char c;
	bufferevent_setcb(bev, disable_the_third_time, NULL, NULL, NULL);
	bufferevent_setwatermark(bev, EV_READ, 0, 2);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abcd");
	turns(4);
	CHECK_STR_EQ(trace, "r2 r2 r2");
	/* Draining alone does not enable. */
	CHECK_INT_EQ(bufferevent_read(bev, &c, 1), 1);
	turns(2);
	CHECK_STR_EQ(trace, "r2 r2 r2");
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_input(bev)), 1);
	CHECK_INT_EQ(bufferevent_read(bev, &c, 1), 1);
	bufferevent_setcb(bev, drain_read, NULL, NULL, &(size_t){ 2 });
	bufferevent_enable(bev, EV_READ);
	turns(2);
	CHECK_STR_EQ(trace, "r2 r2 r2 r2");
	close_bev(bev);
}

static void
raising_the_high_watermark_resumes(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setcb(bev, NULL, NULL, note_event, NULL);
	bufferevent_setwatermark(bev, EV_READ, 0, 2);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abcd");
	turns(3);
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_input(bev)), 2);
	bufferevent_setwatermark(bev, EV_READ, 0, 3);
	turns(3);
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_input(bev)), 3);
	bufferevent_setwatermark(bev, EV_READ, 0, 0);
	turns(3);
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_input(bev)), 4);
	close_bev(bev);
}

static void
write_low_watermark_calls_early(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setwatermark(bev, EV_WRITE, 3, 0);
	bufferevent_set_max_single_write(bev, 2);
	bufferevent_write(bev, "abcdef", 6);
	turns(6);
	CHECK_STR_EQ(trace, "w2 w0");
	close_bev(bev);
}

static void
watermarks_are_told(void)
{
	struct bufferevent *bev = open_bev(0);
	size_t low = 9, high = 9;
	bufferevent_setwatermark(bev, EV_READ, 1, 2);
	bufferevent_setwatermark(bev, EV_WRITE, 3, 4);
	CHECK_INT_EQ(bufferevent_getwatermark(bev, EV_READ, &low, &high), 0);
	CHECK(low == 1 && high == 2);
	CHECK_INT_EQ(bufferevent_getwatermark(bev, EV_WRITE, &low, NULL), 0);
	CHECK_INT_EQ(low, 3);
	CHECK_INT_EQ(bufferevent_getwatermark(bev, EV_READ | EV_WRITE, &low, &high), -1);
	close_bev(bev);
}

static void
end_of_file_disables_reading_first(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_enable(bev, EV_READ);
	peer_writes("bye");
	shutdown(fds[1], SHUT_WR);
	turns(4);
	CHECK_STR_EQ(trace, "r3 e11");
	CHECK_INT_EQ(enabled_in_event, EV_WRITE);
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_input(bev)), 3);
	/* Asked again, it says so again. */
	bufferevent_enable(bev, EV_READ);
	turns(2);
	CHECK_STR_EQ(trace, "r3 e11 e11");
	/* The other direction goes on. */
	char c;
	bufferevent_write(bev, "x", 1);
	turns(2);
	CHECK_INT_EQ(read(fds[1], &c, 1), 1);
	close_bev(bev);
}

static void
much_data_then_end_of_file(void)
{
	struct bufferevent *bev = open_bev(0);
	static char block[100000];
	size_t sent = 0;
	bufferevent_setcb(bev, NULL, NULL, note_event, NULL);
	bufferevent_enable(bev, EV_READ);
	while (sent < 1000000) {
		ssize_t n = write(fds[1], block, sizeof(block));
		if (n > 0)
			sent += (size_t)n;
		else
			event_base_loop(base, EVLOOP_NONBLOCK);
	}
	close(fds[1]);
	fds[1] = -1;
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e11");
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_input(bev)), sent);
	close_bev(bev);
}

static void
much_output_goes_out_as_the_peer_reads(void)
{
	struct bufferevent *bev = open_bev(0);
	static char block[65536];
	size_t got = 0, size = 3000000;
	char *data = malloc(size);
	for (size_t i = 0; i < size; i++)
		data[i] = (char)(i * 31 >> 3);
	bufferevent_write(bev, data, size);
	while (got < size) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		ssize_t n = read(fds[1], block, sizeof(block));
		if (n > 0) {
			CHECK_MEM_EQ(block, data + got, (size_t)n);
			got += (size_t)n;
		}
	}
	turns(2);
	CHECK_STR_EQ(trace, "w0");
	free(data);
	close_bev(bev);
}

static void
a_write_to_a_gone_peer_is_an_error(void)
{
	struct bufferevent *bev = open_bev(0);
	close(fds[1]);
	fds[1] = -1;
	bufferevent_write(bev, "x", 1);
	turns(3);
	CHECK_STR_EQ(trace, "e22");
	CHECK_INT_EQ(event_errno, EPIPE);
	CHECK_INT_EQ(enabled_in_event, 0);
	close_bev(bev);
}

static void
a_reset_is_an_error(void)
{
	struct bufferevent *bev = open_bev(0);
	char byte = 'x';
	/* A unix peer that closes with unread bytes resets. */
	CHECK_INT_EQ(write(fds[0], &byte, 1), 1);
	bufferevent_enable(bev, EV_READ);
	close(fds[1]);
	fds[1] = -1;
	turns(3);
	CHECK_STR_EQ(trace, "e21");
	CHECK_INT_EQ(event_errno, ECONNRESET);
	CHECK_INT_EQ(enabled_in_event, EV_WRITE);
	close_bev(bev);
}

static void
event_and_leave(struct bufferevent *bev, short what, void *arg)
{
	note_event(bev, what, arg);
	event_base_loopbreak(base);
}

static void
read_timeout_counts_while_reading_is_wanted(void)
{
	struct bufferevent *bev = open_bev(0);
	struct timeval tv = ms(60);
	struct timespec start;
	bufferevent_setcb(bev, NULL, NULL, event_and_leave, NULL);
	CHECK_INT_EQ(bufferevent_set_timeouts(bev, &tv, NULL), 0);
	CHECK_INT_EQ(event_pending(&bev->ev_read, EV_TIMEOUT, NULL), 0);
	bufferevent_enable(bev, EV_READ);
	CHECK_INT_EQ(event_pending(&bev->ev_read, EV_TIMEOUT, NULL), EV_TIMEOUT);
	bufferevent_disable(bev, EV_READ);
	CHECK_INT_EQ(event_pending(&bev->ev_read, EV_TIMEOUT, NULL), 0);
	clock_gettime(CLOCK_MONOTONIC, &start);
	bufferevent_enable(bev, EV_READ);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e41");
	CHECK_INT_EQ(enabled_in_event, EV_WRITE);
	CHECK(elapsed_ms(&start) >= 50);
	CHECK_INT_EQ(event_pending(&bev->ev_read, EV_READ | EV_TIMEOUT, NULL), 0);
	close_bev(bev);
}

static void
write_timeout_counts_while_there_is_output(void)
{
	struct bufferevent *bev = open_bev(0);
	struct timeval tv = ms(60);
	struct timespec start;
	size_t size = 4000000;
	bufferevent_setcb(bev, NULL, NULL, event_and_leave, NULL);
	bufferevent_set_timeouts(bev, NULL, &tv);
	CHECK_INT_EQ(event_pending(&bev->ev_write, EV_TIMEOUT, NULL), 0);
	char *data = calloc(1, size);
	bufferevent_write(bev, data, size);
	CHECK_INT_EQ(event_pending(&bev->ev_write, EV_TIMEOUT, NULL), EV_TIMEOUT);
	clock_gettime(CLOCK_MONOTONIC, &start);
	event_base_dispatch(base);
	CHECK_STR_EQ(trace, "e42");
	CHECK_INT_EQ(enabled_in_event, 0);
	CHECK(elapsed_ms(&start) >= 50);
	free(data);
	close_bev(bev);
}

static void
timeouts_can_be_changed_and_cleared(void)
{
	struct bufferevent *bev = open_bev(0);
	struct timeval tv = ms(100000);
	bufferevent_enable(bev, EV_READ);
	bufferevent_set_timeouts(bev, &tv, &tv);
	CHECK_INT_EQ(event_pending(&bev->ev_read, EV_TIMEOUT, NULL), EV_TIMEOUT);
	bufferevent_set_timeouts(bev, NULL, NULL);
	CHECK_INT_EQ(event_pending(&bev->ev_read, EV_TIMEOUT | EV_READ, NULL), EV_READ);
	bufferevent_settimeout(bev, 100, 0);
	CHECK_INT_EQ(event_pending(&bev->ev_read, EV_TIMEOUT, NULL), EV_TIMEOUT);
	CHECK_INT_EQ(bev->timeout_read.tv_sec, 100);
	bufferevent_settimeout(bev, 0, 0);
	CHECK_INT_EQ(event_pending(&bev->ev_read, EV_TIMEOUT, NULL), 0);
	close_bev(bev);
}

static const struct evrt_test_case cases[] = {
	{ "writing_is_enabled_at_first", writing_is_enabled_at_first },
	{ "enabling_writing_tells_of_empty_output", enabling_writing_tells_of_empty_output },
	{ "what_is_written_arrives", what_is_written_arrives },
	{ "nothing_is_written_while_writing_is_disabled", nothing_is_written_while_writing_is_disabled },
	{ "disabled_reading_leaves_the_bytes_and_enabling_finds_them",
	    disabled_reading_leaves_the_bytes_and_enabling_finds_them },
	{ "data_moves_in_and_out_of_the_buffers", data_moves_in_and_out_of_the_buffers },
	{ "read_low_watermark_holds_the_callback_back", read_low_watermark_holds_the_callback_back },
	{ "read_high_watermark_stops_reading_until_drained", read_high_watermark_stops_reading_until_drained },
	{ "full_input_calls_again_until_reading_is_disabled",
	    full_input_calls_again_until_reading_is_disabled },
	{ "raising_the_high_watermark_resumes", raising_the_high_watermark_resumes },
	{ "write_low_watermark_calls_early", write_low_watermark_calls_early },
	{ "watermarks_are_told", watermarks_are_told },
	{ "end_of_file_disables_reading_first", end_of_file_disables_reading_first },
	{ "much_data_then_end_of_file", much_data_then_end_of_file },
	{ "much_output_goes_out_as_the_peer_reads", much_output_goes_out_as_the_peer_reads },
	{ "a_write_to_a_gone_peer_is_an_error", a_write_to_a_gone_peer_is_an_error },
	{ "a_reset_is_an_error", a_reset_is_an_error },
	{ "read_timeout_counts_while_reading_is_wanted", read_timeout_counts_while_reading_is_wanted },
	{ "write_timeout_counts_while_there_is_output", write_timeout_counts_while_there_is_output },
	{ "timeouts_can_be_changed_and_cleared", timeouts_can_be_changed_and_cleared },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
