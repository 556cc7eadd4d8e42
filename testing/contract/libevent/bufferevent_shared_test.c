/* testing/contract/libevent/bufferevent_shared_test.c — bufferevents with BEV_OPT_THREADSAFE, whose settings and life
 * other threads change while the loop serves them.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/bufferevent_rig.h"

#include <event2/thread.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>

#include "testing/harness/wait.h"

#define ROUNDS 500

static struct bufferevent *
open_shared(int options)
{
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	return open_bev(BEV_OPT_THREADSAFE | options);
}

static void *
loop_thread(void *arg)
{
	(void)arg;
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static pthread_t
start(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	CHECK_INT_EQ(pthread_create(&t, NULL, fn, arg), 0);
	return t;
}

static void
stop_loop(pthread_t t)
{
	struct timeval now = { 0, 0 };

	event_base_loopexit(base, &now);
	CHECK_INT_EQ(pthread_join(t, NULL), 0);
}

static void
join(pthread_t t)
{
	CHECK_INT_EQ(pthread_join(t, NULL), 0);
}

/* --- each call is atomic ------------------------------------------------------------------------ */

#define WRITERS 4
#define RECORD 37

struct writer {
	struct bufferevent *bev;
	char letter;
};

static void *
write_records(void *arg)
{
	const struct writer *w = arg;
	char record[RECORD];

	memset(record, w->letter, sizeof(record));
	for (int i = 0; i < ROUNDS; i++)
		CHECK_INT_EQ(bufferevent_write(w->bev, record, sizeof(record)), 0);
	return NULL;
}

static void
writes_of_many_threads_stay_whole(void)
{
	struct bufferevent *bev = open_shared(0);
	struct writer writing[WRITERS];
	pthread_t writers[WRITERS], loop;
	int records[WRITERS] = { 0 };
	bufferevent_setcb(bev, NULL, NULL, note_event, NULL);
	CHECK_INT_EQ(fcntl(fds[1], F_SETFL, 0), 0);
	loop = start(loop_thread, NULL);
	for (int i = 0; i < WRITERS; i++) {
		writing[i] = (struct writer){ bev, (char)('a' + i) };
		writers[i] = start(write_records, &writing[i]);
	}
	for (int n = 0; n < WRITERS * ROUNDS; n++) {
		char record[RECORD];
		for (size_t got = 0; got < sizeof(record);) {
			ssize_t r = read(fds[1], record + got, sizeof(record) - got);
			CHECK(r > 0);
			got += (size_t)r;
		}
		for (size_t k = 1; k < sizeof(record); k++)
			CHECK_INT_EQ(record[k], record[0]);
		records[record[0] - 'a']++;
	}
	for (int i = 0; i < WRITERS; i++) {
		CHECK_INT_EQ(records[i], ROUNDS);
		join(writers[i]);
	}
	stop_loop(loop);
	close_bev(bev);
}

static void
a_lock_makes_several_calls_one(void)
{
	struct bufferevent *bev = open_shared(0);
	char got[20];
	bufferevent_setcb(bev, NULL, NULL, note_event, NULL);
	CHECK_INT_EQ(fcntl(fds[1], F_SETFL, 0), 0);
	pthread_t loop = start(loop_thread, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		bufferevent_lock(bev);
		bufferevent_lock(bev); /* they nest */
		bufferevent_write(bev, "first", 5);
		CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_output(bev)), 5);
		bufferevent_unlock(bev);
		bufferevent_write(bev, "second", 6);
		CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_output(bev)), 11); /* nobody has written it meanwhile */
		bufferevent_unlock(bev);
		for (size_t n = 0; n < 11;) {
			ssize_t r = read(fds[1], got + n, 11 - n);
			CHECK(r > 0);
			n += (size_t)r;
		}
		CHECK(memcmp(got, "firstsecond", 11) == 0);
	}
	stop_loop(loop);
	close_bev(bev);
}

/* --- settings ----------------------------------------------------------------------------------- */

static struct evrt_test_count told;

static void
count_read(struct bufferevent *bev, void *arg)
{
	size_t n = evbuffer_get_length(bufferevent_get_input(bev));

	(void)arg;
	evbuffer_drain(bufferevent_get_input(bev), n);
	evrt_test_count_add(&told, (long)n);
}

static void
count_read_too(struct bufferevent *bev, void *arg)
{
	count_read(bev, arg);
}

static void
settings_change_while_bytes_come(void)
{
	struct bufferevent *bev = open_shared(0);
	struct timeval tv = ms(100000);
	pthread_t loop = start(loop_thread, NULL);
	CHECK_INT_EQ(fcntl(fds[1], F_SETFL, 0), 0);
	bufferevent_setcb(bev, count_read, NULL, NULL, NULL);
	bufferevent_enable(bev, EV_READ);
	for (int i = 0; i < ROUNDS; i++) {
		bufferevent_data_cb readcb;
		CHECK_INT_EQ(write(fds[1], "abc", 3), 3);
		bufferevent_setcb(bev, i % 2 ? count_read : count_read_too, NULL, NULL, NULL);
		bufferevent_getcb(bev, &readcb, NULL, NULL, NULL);
		CHECK(readcb == (i % 2 ? count_read : count_read_too));
		bufferevent_set_timeouts(bev, i % 3 ? &tv : NULL, i % 4 ? &tv : NULL);
		bufferevent_set_max_single_read(bev, (size_t)(i % 5));
		CHECK_INT_EQ(bufferevent_get_enabled(bev), EV_READ | EV_WRITE);
		evrt_test_count_wait(&told, (i + 1) * 3);
	}
	stop_loop(loop);
	close_bev(bev);
}

static void
triggers_of_another_thread_are_told(void)
{
	struct bufferevent *bev = open_shared(BEV_OPT_DEFER_CALLBACKS);
	pthread_t loop = start(loop_thread, NULL);
	bufferevent_setcb(bev, count_read, NULL, NULL, NULL);
	bufferevent_enable(bev, EV_READ);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_INT_EQ(write(fds[1], "x", 1), 1);
		bufferevent_trigger(bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS);
		evrt_test_count_wait(&told, i + 1);
	}
	stop_loop(loop);
	close_bev(bev);
}

/* --- life --------------------------------------------------------------------------------------- */

static void *
take_and_give(void *arg)
{
	for (int i = 0; i < ROUNDS * 10; i++) {
		bufferevent_incref(arg);
		bufferevent_lock(arg);
		bufferevent_unlock(arg);
		CHECK_INT_EQ(bufferevent_decref(arg), 0);
	}
	return NULL;
}

static void
references_are_counted_over_threads(void)
{
	struct bufferevent *bev = open_shared(0);
	pthread_t loop = start(loop_thread, NULL), others[3];
	bufferevent_enable(bev, EV_READ);
	for (int i = 0; i < 3; i++)
		others[i] = start(take_and_give, bev);
	for (int i = 0; i < 3; i++)
		join(others[i]);
	bufferevent_incref(bev);
	bufferevent_free(bev);
	CHECK_INT_EQ(bufferevent_getfd(bev), fds[0]); /* it is still there */
	CHECK_INT_EQ(bufferevent_decref(bev), 1);
	stop_loop(loop);
	turns(2);
	event_base_free(base);
	close(fds[1]);
}

static void
dialling_is_called_off_by_another_thread(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	signal(SIGPIPE, SIG_IGN);
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_INT_EQ(bind(listener, (struct sockaddr *)&sin, len), 0);
	CHECK_INT_EQ(getsockname(listener, (struct sockaddr *)&sin, &len), 0);
	CHECK_INT_EQ(listen(listener, 128), 0);
	base = event_base_new();
	pthread_t loop = start(loop_thread, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		struct bufferevent *bev = bufferevent_socket_new(base, -1,
		    BEV_OPT_THREADSAFE | BEV_OPT_CLOSE_ON_FREE | (i % 2 ? BEV_OPT_DEFER_CALLBACKS : 0));
		bufferevent_setcb(bev, count_read, NULL, NULL, NULL);
		bufferevent_write(bev, "x", 1);
		CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&sin, (int)len), 0);
		if (i % 3 == 0)
			bufferevent_enable(bev, EV_READ);
		bufferevent_free(bev);
		close(accept(listener, NULL, NULL));
	}
	stop_loop(loop);
	turns(2);
	event_base_free(base);
	close(listener);
}

static const struct evrt_test_case cases[] = {
	{ "writes_of_many_threads_stay_whole", writes_of_many_threads_stay_whole },
	{ "a_lock_makes_several_calls_one", a_lock_makes_several_calls_one },
	{ "settings_change_while_bytes_come", settings_change_while_bytes_come },
	{ "triggers_of_another_thread_are_told", triggers_of_another_thread_are_told },
	{ "references_are_counted_over_threads", references_are_counted_over_threads },
	{ "dialling_is_called_off_by_another_thread", dialling_is_called_off_by_another_thread },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
