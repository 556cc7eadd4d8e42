/* testing/contract/libevent/bufferevent_data_test.c — socket bufferevents: options, getters, buffers, and the ends of
 * a connection.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/bufferevent_rig.h"

#include <event2/bufferevent_compat.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

static int
threads_are_on(void)
{
	const char *variant = getenv("CONTRACT_VARIANT");

	return variant && strcmp(variant, "threaded") == 0;
}

static void
which_options_are_possible(void)
{
	base = event_base_new();
	for (int options = 0; options < 16; options++) {
		int fits = !(options & BEV_OPT_UNLOCK_CALLBACKS) || (options & BEV_OPT_DEFER_CALLBACKS);
		if ((options & BEV_OPT_THREADSAFE) && !threads_are_on())
			continue; /* whether it is made then is another matter */
		struct bufferevent *bev = bufferevent_socket_new(base, -1, options);
		CHECK_INT_EQ(bev != NULL, fits);
		if (bev)
			bufferevent_free(bev);
	}
	event_base_free(base);
}

static void
each_option_set_moves_data(void)
{
	static const int sets[] = {
		0,
		BEV_OPT_DEFER_CALLBACKS,
		BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS,
		BEV_OPT_THREADSAFE,
		BEV_OPT_THREADSAFE | BEV_OPT_DEFER_CALLBACKS,
		BEV_OPT_THREADSAFE | BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS,
	};
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		char got[4] = "";
		if ((sets[i] & BEV_OPT_THREADSAFE) && !threads_are_on())
			continue;
		trace[0] = '\0';
		struct bufferevent *bev = open_bev(sets[i]);
		bufferevent_enable(bev, EV_READ);
		bufferevent_write(bev, "out", 3);
		peer_writes("in");
		turns(3);
		shutdown(fds[1], SHUT_WR);
		turns(3);
		CHECK(strcmp(trace, "r2 w0 e11") == 0 || strcmp(trace, "w0 r2 e11") == 0);
		CHECK_INT_EQ(read(fds[1], got, 3), 3);
		CHECK_STR_EQ(got, "out");
		close_bev(bev);
	}
}

static void
a_new_one_says_what_it_is(void)
{
	bufferevent_data_cb readcb = note_read, writecb = note_write;
	bufferevent_event_cb eventcb = note_event;
	void *arg = &readcb;
	size_t low = 1, high = 1;
	base = event_base_new();
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
	bufferevent_getcb(bev, &readcb, &writecb, &eventcb, &arg);
	CHECK(!readcb && !writecb && !eventcb && !arg);
	CHECK(bufferevent_get_base(bev) == base);
	CHECK(bufferevent_get_underlying(bev) == NULL);
	CHECK_INT_EQ(bufferevent_getfd(bev), -1);
	CHECK_INT_EQ(bufferevent_get_enabled(bev), EV_WRITE);
	CHECK_INT_EQ(bufferevent_socket_get_dns_error(bev), 0);
	CHECK_INT_EQ(bufferevent_get_priority(bev), event_base_get_npriorities(base) / 2);
	for (short d = EV_READ; d <= EV_WRITE; d += EV_WRITE - EV_READ) {
		CHECK_INT_EQ(bufferevent_getwatermark(bev, d, &low, &high), 0);
		CHECK(low == 0 && high == 0);
	}
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_input(bev)), 0);
	CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_output(bev)), 0);
	CHECK(!evutil_timerisset(&bev->timeout_read) && !evutil_timerisset(&bev->timeout_write));
	bufferevent_free(bev);
	event_base_free(base);
}

static void
callbacks_are_told_one_by_one(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_data_cb data = NULL;
	bufferevent_event_cb event = NULL;
	void *arg = NULL;
	bufferevent_setcb(bev, note_read, note_write, note_event, &base);
	bufferevent_getcb(bev, &data, NULL, NULL, NULL);
	CHECK(data == note_read);
	bufferevent_getcb(bev, NULL, &data, NULL, NULL);
	CHECK(data == note_write);
	bufferevent_getcb(bev, NULL, NULL, &event, &arg);
	CHECK(event == note_event && arg == &base);
	bufferevent_getcb(bev, NULL, NULL, NULL, NULL);
	close_bev(bev);
}

static void
the_buffers_are_the_same_for_life(void)
{
	struct bufferevent *bev = open_bev(0);
	struct evbuffer *in = bufferevent_get_input(bev), *out = bufferevent_get_output(bev);
	CHECK(in && out && in != out);
	CHECK(EVBUFFER_INPUT(bev) == in && EVBUFFER_OUTPUT(bev) == out);
	CHECK(bev->input == in && bev->output == out);
	bufferevent_setfd(bev, -1);
	bufferevent_setfd(bev, fds[0]);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abc");
	turns(2);
	CHECK(bufferevent_get_input(bev) == in && bufferevent_get_output(bev) == out);
	close_bev(bev);
}

static void
the_headers_numbers_are_what_they_are(void)
{
	CHECK(BEV_EVENT_READING == 1 && BEV_EVENT_WRITING == 2 && BEV_EVENT_EOF == 0x10 && BEV_EVENT_ERROR == 0x20);
	CHECK(BEV_EVENT_TIMEOUT == 0x40 && BEV_EVENT_CONNECTED == 0x80);
	CHECK(EVBUFFER_READ == BEV_EVENT_READING && EVBUFFER_WRITE == BEV_EVENT_WRITING);
	CHECK(EVBUFFER_EOF == BEV_EVENT_EOF && EVBUFFER_ERROR == BEV_EVENT_ERROR);
	CHECK(EVBUFFER_TIMEOUT == BEV_EVENT_TIMEOUT);
	CHECK(BEV_OPT_CLOSE_ON_FREE == 1 && BEV_OPT_THREADSAFE == 2 && BEV_OPT_DEFER_CALLBACKS == 4);
	CHECK(BEV_OPT_UNLOCK_CALLBACKS == 8);
	CHECK(BEV_NORMAL == 0 && BEV_FLUSH == 1 && BEV_FINISHED == 2);
	CHECK(BEV_OK == 0 && BEV_NEED_MORE == 1 && BEV_ERROR == 2);
	CHECK(BEV_TRIG_IGNORE_WATERMARKS == 1 << 16 && BEV_TRIG_DEFER_CALLBACKS == 4);
	CHECK(EV_RATE_LIMIT_MAX == EV_SSIZE_MAX);
}

static void
enabling_and_disabling_add_up(void)
{
	static const struct { int enables; short which, enabled; } steps[] = {
		{ 1, EV_READ, EV_READ | EV_WRITE },
		{ 1, EV_READ, EV_READ | EV_WRITE },
		{ 0, EV_WRITE, EV_READ },
		{ 0, EV_WRITE, EV_READ },
		{ 0, EV_READ | EV_WRITE, 0 },
		{ 1, EV_WRITE, EV_WRITE },
		{ 1, EV_READ | EV_WRITE, EV_READ | EV_WRITE },
		{ 0, 0, EV_READ | EV_WRITE },
		{ 1, 0, EV_READ | EV_WRITE },
		{ 0, EV_READ, EV_WRITE },
	};
	struct bufferevent *bev = open_bev(0);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int r = steps[i].enables ? bufferevent_enable(bev, steps[i].which)
		    : bufferevent_disable(bev, steps[i].which);
		CHECK_INT_EQ(r, 0);
		CHECK_INT_EQ(bufferevent_get_enabled(bev), steps[i].enabled);
		CHECK_INT_EQ(event_pending(&bev->ev_read, EV_READ, NULL) != 0, (steps[i].enabled & EV_READ) != 0);
	}
	close_bev(bev);
}

static void
sockets_need_no_flushing(void)
{
	struct bufferevent *bev = open_bev(0);
	char c;
	bufferevent_write(bev, "x", 1);
	for (int mode = BEV_NORMAL; mode <= BEV_FINISHED; mode++)
		CHECK_INT_EQ(bufferevent_flush(bev, EV_READ | EV_WRITE, (enum bufferevent_flush_mode)mode), 0);
	CHECK_INT_EQ(read(fds[1], &c, 1), -1);
	CHECK_STR_EQ(trace, "");
	turns(2);
	CHECK_INT_EQ(read(fds[1], &c, 1), 1);
	close_bev(bev);
}

static void
reading_takes_what_there_is(void)
{
	struct bufferevent *bev = open_bev(0);
	struct evbuffer *to = evbuffer_new();
	char got[16] = "";
	CHECK_INT_EQ(bufferevent_read(bev, got, sizeof(got)), 0);
	CHECK_INT_EQ(bufferevent_read_buffer(bev, to), 0);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abcdef");
	turns(2);
	CHECK_INT_EQ(bufferevent_read(bev, got, 0), 0);
	CHECK_INT_EQ(bufferevent_read(bev, got, 4), 4);
	CHECK_STR_EQ(got, "abcd");
	CHECK_INT_EQ(bufferevent_read(bev, got, sizeof(got)), 2);
	CHECK_STR_EQ(got, "efcd");
	evbuffer_free(to);
	close_bev(bev);
}

static void
each_end_belongs_to_one_side(void)
{
	struct bufferevent *bev = open_bev(0);
	struct evbuffer *in = bufferevent_get_input(bev), *out = bufferevent_get_output(bev), *own = evbuffer_new();
	char c;
	bufferevent_enable(bev, EV_READ);
	bufferevent_disable(bev, EV_WRITE);
	peer_writes("abc");
	bufferevent_write(bev, "xyz", 3);
	turns(2);
	evbuffer_add(own, "1", 1);
	CHECK_INT_EQ(evbuffer_add(in, "x", 1), -1);
	CHECK_INT_EQ(evbuffer_add_buffer(in, own), -1);
	CHECK_INT_EQ(evbuffer_add_reference(in, "x", 1, NULL, NULL), -1);
	CHECK_INT_EQ(evbuffer_drain(out, 1), -1);
	CHECK_INT_EQ(evbuffer_remove(out, &c, 1), -1);
	CHECK_INT_EQ(evbuffer_prepend(out, "x", 1), -1);
	CHECK_INT_EQ(evbuffer_remove_buffer(out, own, 1), -1);
	CHECK_INT_EQ(evbuffer_add_buffer(own, out), -1);
	CHECK_INT_EQ(evbuffer_get_length(in), 3);
	CHECK_INT_EQ(evbuffer_get_length(out), 3);
	CHECK_INT_EQ(evbuffer_add(out, "x", 1), 0);
	CHECK_INT_EQ(evbuffer_prepend(in, "x", 1), 0);
	CHECK_INT_EQ(evbuffer_drain(in, 2), 0);
	CHECK_INT_EQ(evbuffer_copyout(out, &c, 1), -1); /* not even to look */
	evbuffer_free(own);
	close_bev(bev);
}

static void
note_change(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	(void)buf;
	(void)arg;
	note('+', info->n_added, 10);
	note('-', info->n_deleted, 10);
}

static void
callbacks_of_the_buffers_see_what_passes(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	evbuffer_add_cb(bufferevent_get_input(bev), note_change, NULL);
	bufferevent_enable(bev, EV_READ);
	peer_writes("abc");
	turns(2);
	evbuffer_drain(bufferevent_get_input(bev), 2);
	CHECK_STR_EQ(trace, "+3 -0 +0 -2");
	trace[0] = '\0';
	evbuffer_add_cb(bufferevent_get_output(bev), note_change, NULL);
	bufferevent_write(bev, "hello", 5);
	turns(2);
	CHECK_STR_EQ(trace, "+5 -0 +0 -5");
	close_bev(bev);
}

static void
let_go(const void *data, size_t len, void *arg)
{
	(void)data;
	note('c', len, 10);
	++*(int *)arg;
}

static void
references_are_let_go_when_they_are_sent(void)
{
	struct bufferevent *bev = open_bev(0);
	static char block[100000];
	int gone = 0;
	size_t got = 0;
	bufferevent_setcb(bev, NULL, NULL, note_event, NULL);
	evbuffer_add_reference(bufferevent_get_output(bev), block, sizeof(block), let_go, &gone);
	while (got < sizeof(block)) {
		char some[4096];
		turns(1);
		ssize_t n = read(fds[1], some, sizeof(some));
		got += n > 0 ? (size_t)n : 0;
	}
	turns(2);
	CHECK_INT_EQ(gone, 1);
	CHECK_STR_EQ(trace, "c100000");
	close_bev(bev);
}

/* --- ends ------------------------------------------------------------------------------------- */

static void
after_the_peers_end_writing_goes_on(void)
{
	struct bufferevent *bev = open_bev(0);
	char got[8] = "";
	bufferevent_enable(bev, EV_READ);
	peer_writes("q");
	shutdown(fds[1], SHUT_WR);
	turns(3);
	CHECK_STR_EQ(trace, "r1 e11");
	bufferevent_write(bev, "answer", 6);
	turns(2);
	CHECK_STR_EQ(trace, "r1 e11 w0");
	CHECK_INT_EQ(read(fds[1], got, sizeof(got)), 6);
	close_bev(bev);
}

static void
after_our_own_end_reading_goes_on(void)
{
	struct bufferevent *bev = open_bev(0);
	char c;
	bufferevent_enable(bev, EV_READ);
	CHECK_INT_EQ(shutdown(bufferevent_getfd(bev), SHUT_WR), 0);
	turns(1);
	CHECK_INT_EQ(read(fds[1], &c, 1), 0);
	peer_writes("ab");
	turns(2);
	CHECK_STR_EQ(trace, "r2");
	bufferevent_write(bev, "x", 1);
	turns(2);
	CHECK_STR_EQ(trace, "r2 e22");
	CHECK_INT_EQ(event_errno, EPIPE);
	close_bev(bev);
}

static void
what_is_not_sent_is_lost_by_free(void)
{
	struct bufferevent *bev = open_bev(0);
	char c;
	bufferevent_write(bev, "x", 1);
	bufferevent_free(bev);
	turns(2);
	CHECK_INT_EQ(read(fds[1], &c, 1), 0); /* the end, and no byte */
	event_base_free(base);
	close(fds[1]);
}

static void
a_socket_that_is_not_connected_fails(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, note_read, note_write, note_event, NULL);
	bufferevent_enable(bev, EV_READ);
	turns(2);
	CHECK_STR_EQ(trace, "e21");
	CHECK_INT_EQ(event_errno, ENOTCONN);
	bufferevent_write(bev, "x", 1);
	turns(2);
	CHECK_STR_EQ(trace, "e21 e22");
	CHECK_INT_EQ(event_errno, EPIPE);
	bufferevent_free(bev);
	event_base_free(base);
}

static void
pipes_will_do(void)
{
	int ends[2];
	char got[4] = "";
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	CHECK_INT_EQ(pipe2(ends, O_NONBLOCK), 0);
	struct bufferevent *from = bufferevent_socket_new(base, ends[0], BEV_OPT_CLOSE_ON_FREE);
	struct bufferevent *to = bufferevent_socket_new(base, ends[1], BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(from, note_read, NULL, note_event, NULL);
	bufferevent_enable(from, EV_READ);
	bufferevent_write(to, "abc", 3);
	turns(3);
	CHECK_STR_EQ(trace, "r3");
	CHECK_INT_EQ(bufferevent_read(from, got, 3), 3);
	bufferevent_free(to);
	turns(3);
	CHECK_STR_EQ(trace, "r3 e11");
	bufferevent_free(from);
	event_base_free(base);
}

static void
without_a_descriptor_output_waits(void)
{
	struct bufferevent *bev = open_bev(0);
	char got[4] = "";
	CHECK_INT_EQ(bufferevent_setfd(bev, -1), 0);
	CHECK_INT_EQ(bufferevent_getfd(bev), -1);
	bufferevent_setcb(bev, NULL, NULL, note_event, NULL);
	bufferevent_disable(bev, EV_WRITE);
	bufferevent_write(bev, "abc", 3);
	turns(2);
	CHECK_INT_EQ(bufferevent_setfd(bev, fds[0]), 0);
	bufferevent_enable(bev, EV_WRITE);
	turns(2);
	CHECK_INT_EQ(read(fds[1], got, 3), 3);
	CHECK_STR_EQ(trace, "");
	close_bev(bev);
}

static void
setfd_keeps_what_is_enabled_and_opens_the_buffers(void)
{
	struct bufferevent *bev = open_bev(0);
	bufferevent_enable(bev, EV_READ);
	bufferevent_disable(bev, EV_WRITE);
	CHECK_INT_EQ(evbuffer_add(bufferevent_get_input(bev), "x", 1), -1);
	CHECK_INT_EQ(bufferevent_setfd(bev, fds[0]), 0);
	CHECK_INT_EQ(bufferevent_get_enabled(bev), EV_READ);
	CHECK_INT_EQ(evbuffer_add(bufferevent_get_input(bev), "x", 1), 0);
	peer_writes("abc");
	turns(2);
	CHECK_STR_EQ(trace, "r4");
	CHECK_INT_EQ(evbuffer_add(bufferevent_get_input(bev), "x", 1), -1);
	close_bev(bev);
}

static void
urgent_ones_are_served_first(void)
{
	int pair[2];
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	CHECK_INT_EQ(event_base_priority_init(base, 3), 0);
	struct bufferevent *two[2];
	int peers[2];
	for (int i = 0; i < 2; i++) {
		CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		evutil_make_socket_nonblocking(pair[0]);
		peers[i] = pair[1];
		two[i] = bufferevent_socket_new(base, pair[0], BEV_OPT_CLOSE_ON_FREE);
		bufferevent_setcb(two[i], note_read, NULL, NULL, NULL);
		CHECK_INT_EQ(bufferevent_get_priority(two[i]), 1);
		CHECK_INT_EQ(bufferevent_priority_set(two[i], i == 0 ? 2 : 0), 0);
		CHECK_INT_EQ(bufferevent_get_priority(two[i]), i == 0 ? 2 : 0);
		CHECK_INT_EQ(bufferevent_priority_set(two[i], 3), -1);
		CHECK_INT_EQ(bufferevent_priority_set(two[i], -1), -1);
		bufferevent_enable(two[i], EV_READ);
	}
	CHECK_INT_EQ(write(peers[0], "a", 1), 1);
	CHECK_INT_EQ(write(peers[1], "bc", 2), 2);
	turns(3);
	CHECK_STR_EQ(trace, "r2 r1");
	for (int i = 0; i < 2; i++) {
		bufferevent_free(two[i]);
		close(peers[i]);
	}
	event_base_free(base);
}

static const struct evrt_test_case cases[] = {
	{ "which_options_are_possible", which_options_are_possible },
	{ "each_option_set_moves_data", each_option_set_moves_data },
	{ "a_new_one_says_what_it_is", a_new_one_says_what_it_is },
	{ "callbacks_are_told_one_by_one", callbacks_are_told_one_by_one },
	{ "the_buffers_are_the_same_for_life", the_buffers_are_the_same_for_life },
	{ "the_headers_numbers_are_what_they_are", the_headers_numbers_are_what_they_are },
	{ "enabling_and_disabling_add_up", enabling_and_disabling_add_up },
	{ "sockets_need_no_flushing", sockets_need_no_flushing },
	{ "reading_takes_what_there_is", reading_takes_what_there_is },
	{ "each_end_belongs_to_one_side", each_end_belongs_to_one_side },
	{ "callbacks_of_the_buffers_see_what_passes", callbacks_of_the_buffers_see_what_passes },
	{ "references_are_let_go_when_they_are_sent", references_are_let_go_when_they_are_sent },
	{ "after_the_peers_end_writing_goes_on", after_the_peers_end_writing_goes_on },
	{ "after_our_own_end_reading_goes_on", after_our_own_end_reading_goes_on },
	{ "what_is_not_sent_is_lost_by_free", what_is_not_sent_is_lost_by_free },
	{ "a_socket_that_is_not_connected_fails", a_socket_that_is_not_connected_fails },
	{ "pipes_will_do", pipes_will_do },
	{ "without_a_descriptor_output_waits", without_a_descriptor_output_waits },
	{ "setfd_keeps_what_is_enabled_and_opens_the_buffers", setfd_keeps_what_is_enabled_and_opens_the_buffers },
	{ "urgent_ones_are_served_first", urgent_ones_are_served_first },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
