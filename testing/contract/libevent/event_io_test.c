/* testing/contract/libevent/event_io_test.c — events that wait for descriptors.
 *
 * Here:     what is told and to whom; several events, and several bases, at one descriptor; edges, ends, errors.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include <event2/event.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "testing/contract/libevent/event_steps.h"

static void
see_what(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	*(int *)arg = what;
	note('x');
}

static void
one_callback_hears_of_reading_and_writing(void)
{
	int fds[2], seen = 0;
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ | EV_WRITE | EV_PERSIST, see_what, &seen);
	event_add(ev, NULL);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_INT_EQ(seen, EV_WRITE);
	send_text(fds[1], "x");
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_INT_EQ(seen, EV_READ | EV_WRITE);
	CHECK_STR_EQ(trace, "xx");
	FREE_EVENTS(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
only_what_was_asked_for_is_told(void)
{
	int fds[2], read_seen = 0, write_seen = 0;
	base = event_base_new();
	pair(fds);
	struct event *r = event_new(base, fds[0], EV_READ, see_what, &read_seen);
	struct event *w = event_new(base, fds[0], EV_WRITE, see_what, &write_seen);
	event_add(r, NULL);
	event_add(w, NULL);
	send_text(fds[1], "x");
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(read_seen, EV_READ);
	CHECK_INT_EQ(write_seen, EV_WRITE);
	FREE_EVENTS(r, w);
	event_base_free(base);
	close_pair(fds);
}

static void
the_newest_event_of_a_descriptor_runs_first(void)
{
	int fds[2];
	base = event_base_new();
	pair(fds);
	struct event *a = lettered(fds[0], EV_READ | EV_PERSIST, "a");
	struct event *b = lettered(fds[0], EV_WRITE | EV_PERSIST, "b");
	struct event *c = lettered(fds[0], EV_READ | EV_WRITE | EV_PERSIST, "c");
	event_add(a, NULL);
	event_add(b, NULL);
	event_add(c, NULL);
	send_text(fds[1], "x");
	event_base_loop(base, EVLOOP_ONCE);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_STR_EQ(trace, "cbacba");
	event_add(a, NULL); /* pending already: its place stays */
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_STR_EQ(trace, "cbacbacba");
	event_del(a);
	event_add(a, NULL);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_STR_EQ(trace, "cbacbacbaacb");
	FREE_EVENTS(a, b, c);
	event_base_free(base);
	close_pair(fds);
}

static void
a_level_is_told_again_an_edge_is_not(void)
{
	int level[2], edge[2];
	base = event_base_new();
	if (!(event_base_get_features(base) & EV_FEATURE_ET)) {
		event_base_free(base);
		return;
	}
	pair(level);
	pair(edge);
	struct event *l = lettered(level[0], EV_WRITE | EV_PERSIST, "l");
	struct event *e = lettered(edge[0], EV_WRITE | EV_PERSIST | EV_ET, "e");
	event_add(e, NULL);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_STR_EQ(trace, "e");
	event_add(l, NULL);
	for (int i = 0; i < 3; i++)
		event_base_loop(base, EVLOOP_ONCE);
	CHECK_STR_EQ(trace, "elll");
	FREE_EVENTS(l, e);
	event_base_free(base);
	close_pair(level);
	close_pair(edge);
}

static void
adding_again_tells_an_edge_that_is_there(void)
{
	int fds[2];
	base = event_base_new();
	if (!(event_base_get_features(base) & EV_FEATURE_ET)) {
		event_base_free(base);
		return;
	}
	pair(fds);
	struct event *ev = lettered(fds[0], EV_READ | EV_PERSIST | EV_ET, "e");
	send_text(fds[1], "x");
	for (int i = 0; i < 2; i++) {
		event_add(ev, NULL);
		event_base_loop(base, EVLOOP_NONBLOCK);
		event_base_loop(base, EVLOOP_NONBLOCK);
		event_del(ev);
	}
	CHECK_STR_EQ(trace, "ee");
	FREE_EVENTS(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
an_edge_and_a_level_on_one_descriptor_are_for_experts(void)
{
	int fds[2];
	event_set_log_callback(say_nothing);
	base = event_base_new();
	pair(fds);
	struct event *level = lettered(fds[0], EV_READ | EV_PERSIST, "l");
	struct event *edge = lettered(fds[0], EV_READ | EV_PERSIST | EV_ET, "e");
	event_add(level, NULL);
	/* Debug mode refuses it. In any case the level goes on to be heard. */
	int r = event_add(edge, NULL);
	CHECK(r == 0 || r == -1);
	send_text(fds[1], "x");
	event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
	CHECK_STR_EQ(trace, r == 0 ? "el" : "l");
	FREE_EVENTS(level, edge);
	event_base_free(base);
	close_pair(fds);
}

static void
the_end_of_a_stream_is_something_to_read(void)
{
	int fds[2], seen = 0;
	char c;
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ, see_what, &seen);
	event_add(ev, NULL);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_INT_EQ(seen, 0);
	shutdown(fds[1], SHUT_WR);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_INT_EQ(seen, EV_READ);
	CHECK_INT_EQ(read(fds[0], &c, 1), 0);
	CHECK_INT_EQ(write(fds[0], "y", 1), 1); /* only one half is closed */
	CHECK_INT_EQ(read(fds[1], &c, 1), 1);
	FREE_EVENTS(ev);
	event_base_free(base);
	close_pair(fds);
}

static void
early_close_comes_with_what_there_is_to_read(void)
{
	int fds[2], both = 0, reads = 0;
	base = event_base_new();
	if (!(event_base_get_features(base) & EV_FEATURE_EARLY_CLOSE)) {
		event_base_free(base);
		return;
	}
	pair(fds);
	struct event *b = event_new(base, fds[0], EV_READ | EV_CLOSED, see_what, &both);
	struct event *r = event_new(base, fds[0], EV_READ, see_what, &reads);
	event_add(b, NULL);
	event_add(r, NULL);
	CHECK_INT_EQ(pending(b), EV_READ | EV_CLOSED);
	send_text(fds[1], "last words");
	shutdown(fds[1], SHUT_WR);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_INT_EQ(both, EV_READ | EV_CLOSED);
	CHECK_INT_EQ(reads, EV_READ);
	FREE_EVENTS(b, r);
	event_base_free(base);
	close_pair(fds);
}

static void
a_peer_that_is_gone_lets_read_and_write_go_on(void)
{
	int fds[2], seen = 0;
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ | EV_WRITE, see_what, &seen);
	event_add(ev, NULL);
	close(fds[1]);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_INT_EQ(seen, EV_READ | EV_WRITE);
	FREE_EVENTS(ev);
	event_base_free(base);
	close(fds[0]);
}

static void
the_ends_of_a_pipe_hear_of_each_other(void)
{
	int ends[2], read_seen = 0, write_seen = 0;
	char c;
	base = event_base_new();
	CHECK_INT_EQ(pipe2(ends, O_NONBLOCK), 0);
	struct event *r = event_new(base, ends[0], EV_READ, see_what, &read_seen);
	struct event *w = event_new(base, ends[1], EV_WRITE | EV_PERSIST, see_what, &write_seen);
	event_add(w, NULL);
	event_add(r, NULL);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_INT_EQ(write_seen, EV_WRITE);
	CHECK_INT_EQ(read_seen, 0);
	event_del(w);
	close(ends[1]);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_INT_EQ(read_seen, EV_READ);
	CHECK_INT_EQ(read(ends[0], &c, 1), 0);
	FREE_EVENTS(r, w);
	event_base_free(base);
	close(ends[0]);
}

static void
a_pipe_without_a_reader_wakes_its_writer(void)
{
	int ends[2], seen = 0;
	char full[4096] = { 0 };
	base = event_base_new();
	signal(SIGPIPE, SIG_IGN);
	CHECK_INT_EQ(pipe2(ends, O_NONBLOCK), 0);
	while (write(ends[1], full, sizeof(full)) > 0)
		;
	struct event *ev = event_new(base, ends[1], EV_WRITE, see_what, &seen);
	event_add(ev, NULL);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_INT_EQ(seen, 0);
	close(ends[0]);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_INT_EQ(seen, EV_WRITE);
	CHECK_INT_EQ(write(ends[1], full, 1), -1);
	FREE_EVENTS(ev);
	event_base_free(base);
	close(ends[1]);
}

/* A listening socket on the loopback; its address in *sin. */
static int
listen_somewhere(struct sockaddr_in *sin)
{
	socklen_t len = sizeof(*sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	*sin = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	CHECK_INT_EQ(bind(fd, (struct sockaddr *)sin, sizeof(*sin)), 0);
	CHECK_INT_EQ(listen(fd, 4), 0);
	CHECK_INT_EQ(getsockname(fd, (struct sockaddr *)sin, &len), 0);
	return fd;
}

static void
connecting_is_reading_here_and_writing_there(void)
{
	struct sockaddr_in sin;
	int there = 0, here = 0;
	base = event_base_new();
	int listener = listen_somewhere(&sin), fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct event *l = event_new(base, listener, EV_READ, see_what, &here);
	struct event *c = event_new(base, fd, EV_WRITE, see_what, &there);
	event_add(l, NULL);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	CHECK_STR_EQ(trace, "");
	(void)connect(fd, (struct sockaddr *)&sin, sizeof(sin));
	event_add(c, NULL);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(here, EV_READ);
	CHECK_INT_EQ(there, EV_WRITE);
	FREE_EVENTS(l, c);
	event_base_free(base);
	close(fd);
	close(listener);
}

static void
a_refused_connection_is_told_to_who_waits_to_write(void)
{
	struct sockaddr_in sin;
	int seen = 0, error = 0;
	socklen_t len = sizeof(error);
	base = event_base_new();
	close(listen_somewhere(&sin));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	(void)connect(fd, (struct sockaddr *)&sin, sizeof(sin));
	struct event *ev = event_new(base, fd, EV_WRITE, see_what, &seen);
	event_add(ev, NULL);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_INT_EQ(seen, EV_WRITE);
	CHECK_INT_EQ(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
	FREE_EVENTS(ev);
	event_base_free(base);
	close(fd);
}

static void
a_number_is_free_for_another_descriptor_after_event_del(void)
{
	int fds[2], again[2];
	base = event_base_new();
	pair(fds);
	struct event *old = lettered(fds[0], EV_READ | EV_PERSIST, "o");
	event_add(old, NULL);
	send_text(fds[1], "x");
	event_base_loop(base, EVLOOP_ONCE);
	event_del(old);
	close_pair(fds);
	pair(again);
	CHECK_INT_EQ(again[0], fds[0]);
	struct event *new = lettered(again[0], EV_READ, "n");
	event_add(new, NULL);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	send_text(again[1], "y");
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "on");
	FREE_EVENTS(old, new);
	event_base_free(base);
	close_pair(again);
}

static void
two_bases_may_watch_one_descriptor(void)
{
	int fds[2];
	base = event_base_new();
	struct event_base *other = event_base_new();
	pair(fds);
	struct event *mine = lettered(fds[0], EV_READ, "m");
	struct event *theirs = event_new(other, fds[0], EV_READ, note_letter, "t");
	event_add(mine, NULL);
	event_add(theirs, NULL);
	send_text(fds[1], "x");
	CHECK_INT_EQ(event_base_dispatch(other), 1);
	CHECK_STR_EQ(trace, "t");
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "tm");
	FREE_EVENTS(mine, theirs);
	event_base_free(base);
	event_base_free(other);
	close_pair(fds);
}

static void
a_descriptor_with_a_high_number_is_one_like_any_other(void)
{
	int fds[2], high = 900;
	base = event_base_new();
	pair(fds);
	CHECK_INT_EQ(dup2(fds[0], high), high);
	struct event *low = lettered(fds[0], EV_READ, "l"), *ev = lettered(high, EV_READ, "h");
	event_add(ev, NULL);
	event_add(low, NULL);
	event_del(low);
	send_text(fds[1], "x");
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_STR_EQ(trace, "h");
	FREE_EVENTS(low, ev);
	event_base_free(base);
	close(high);
	close_pair(fds);
}

static void
a_file_on_disk_is_always_ready_or_refused(void)
{
	FILE *file = tmpfile();
	CHECK(file != NULL);
	evutil_make_socket_nonblocking(fileno(file));
	event_set_log_callback(say_nothing);
	base = event_base_new();
	struct event *ev = lettered(fileno(file), EV_READ, "f");
	int r = event_add(ev, NULL);
	int polls_files = event_base_get_features(base) & EV_FEATURE_FDS;
	/* The changelist learns of it too late to say so. */
	int told_later = strcmp(event_base_get_method(base), "epoll (with changelist)") == 0;
	CHECK_INT_EQ(r, polls_files || told_later ? 0 : -1);
	CHECK_INT_EQ(pending(ev), r == 0 ? EV_READ : 0);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), told_later ? 0 : 1);
	CHECK_STR_EQ(trace, polls_files ? "f" : "");
	FREE_EVENTS(ev);
	event_base_free(base);
	fclose(file);
}

static void
what_is_ready_in_time_is_not_late(void)
{
	int fds[2], seen = 0;
	base = event_base_new();
	pair(fds);
	struct event *ev = event_new(base, fds[0], EV_READ, see_what, &seen);
	event_add(ev, &(struct timeval){ 3600, 0 });
	send_text(fds[1], "x");
	CHECK_INT_EQ(event_base_dispatch(base), 1); /* the timeout is gone with it */
	CHECK_INT_EQ(seen, EV_READ);
	FREE_EVENTS(ev);
	event_base_free(base);
	close_pair(fds);
}

static const struct evrt_test_case cases[] = {
	CASE(one_callback_hears_of_reading_and_writing),
	CASE(only_what_was_asked_for_is_told),
	CASE(the_newest_event_of_a_descriptor_runs_first),
	CASE(a_level_is_told_again_an_edge_is_not),
	CASE(adding_again_tells_an_edge_that_is_there),
	CASE(an_edge_and_a_level_on_one_descriptor_are_for_experts),
	CASE(the_end_of_a_stream_is_something_to_read),
	CASE(early_close_comes_with_what_there_is_to_read),
	CASE(a_peer_that_is_gone_lets_read_and_write_go_on),
	CASE(the_ends_of_a_pipe_hear_of_each_other),
	CASE(a_pipe_without_a_reader_wakes_its_writer),
	CASE(connecting_is_reading_here_and_writing_there),
	CASE(a_refused_connection_is_told_to_who_waits_to_write),
	CASE(a_number_is_free_for_another_descriptor_after_event_del),
	CASE(two_bases_may_watch_one_descriptor),
	CASE(a_descriptor_with_a_high_number_is_one_like_any_other),
	CASE(a_file_on_disk_is_always_ready_or_refused),
	CASE(what_is_ready_in_time_is_not_late),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
