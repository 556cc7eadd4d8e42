/* testing/unit/api/bufferevent/tls_life_test.c — the life of a TLS bufferevent and of its TLS object.
 *
 * Here:     who frees what and when; making that fails; memory that runs out.
 * Not here: what it does while it lives (tls_openssl_test.c).
 * Threads:  one.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/harness/fault.h"
#include "testing/harness/test.h"
#include "testing/unit/api/bufferevent/tls_rig.h"

/* --- who frees what ------------------------------------------------------------------------------- */

static void
the_object_is_the_programs_at_once(enum transport transport)
{
	struct end ends[2];

	open_base(0);
	make_ends(ends, transport, 0);
	UNTIL(ends[0].connected && ends[1].connected);
	struct bufferevent *below[2] = { bufferevent_get_underlying(ends[0].bev), bufferevent_get_underlying(ends[1].bev) };
	for (int i = 0; i < 2; i++) {
		bufferevent_free(ends[i].bev);
		if (transport == SOCKET)
			CHECK_INT_EQ(SSL_get_fd(ends[i].ssl), fds[i]);
		SSL_free(ends[i].ssl);
		if (below[i])
			bufferevent_free(below[i]);
	}
	turns(3);
	if (transport != FILTER_OVER_PAIR)
		CHECK(close(fds[0]) == 0 && close(fds[1]) == 0);
	close_base();
}

static void object_is_free_socket(void) { the_object_is_the_programs_at_once(SOCKET); }
static void object_is_free_filter(void) { the_object_is_the_programs_at_once(FILTER_OVER_SOCKET); }
static void object_is_free_pair(void) { the_object_is_the_programs_at_once(FILTER_OVER_PAIR); }

static void
the_object_goes_on_alone(void)
{
	struct end ends[2];
	char text[8];

	open_base(0);
	make_ends(ends, SOCKET, 0);
	UNTIL(ends[0].connected && ends[1].connected);
	turns(3);
	bufferevent_free(ends[0].bev);
	turns(3);
	CHECK_INT_EQ(SSL_write(ends[0].ssl, "\0", 1), 1);
	UNTIL(ends[1].received == 1);
	/* And another bufferevent takes it over. */
	ends[0].bev = bufferevent_openssl_socket_new(base, -1, ends[0].ssl, BUFFEREVENT_SSL_OPEN, BEV_OPT_CLOSE_ON_FREE);
	CHECK(ends[0].bev != NULL);
	CHECK_INT_EQ(bufferevent_write(ends[1].bev, "abc", 3), 0);
	bufferevent_enable(ends[0].bev, EV_READ);
	UNTIL(bufferevent_read(ends[0].bev, text, 3) == 3);
	CHECK_MEM_EQ(text, "abc", 3);
	bufferevent_free(ends[0].bev);
	bufferevent_free(ends[1].bev);
	turns(3);
	SSL_free(ends[1].ssl);
	close(fds[1]);
	close_base();
}

/* A callback of OpenSSL's, in the middle of a handshake. */
static struct end *to_free;

static void
free_in_info(const SSL *ssl, int where, int ret)
{
	(void)ssl, (void)ret;
	if ((where & SSL_CB_LOOP) && to_free && to_free->bev) {
		bufferevent_free(to_free->bev);
		to_free->bev = NULL;
	}
}

static void
freed_inside_of_openssl(int options)
{
	struct end ends[2];

	open_base(0);
	make_ends(ends, SOCKET, options);
	to_free = &ends[1];
	SSL_set_info_callback(ends[1].ssl, free_in_info);
	UNTIL(ends[1].bev == NULL);
	turns(3);
	bufferevent_free(ends[0].bev);
	turns(3);
	if (!(options & BEV_OPT_CLOSE_ON_FREE)) {
		SSL_free(ends[0].ssl);
		SSL_free(ends[1].ssl);
		CHECK(close(fds[0]) == 0 && close(fds[1]) == 0);
	}
	close_base();
}

static void freed_inside_with_the_object(void) { freed_inside_of_openssl(BEV_OPT_CLOSE_ON_FREE); }
static void freed_inside_without_it(void) { freed_inside_of_openssl(0); }

/* --- making fails ------------------------------------------------------------------------------- */

static int objects_freed;

static void
count_freed(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
	(void)parent, (void)data, (void)index, (void)argl, (void)argp;
	objects_freed += ptr != NULL;
}

/* One attempt to make a bufferevent over `below` or fds[0]; whether it came to be. The SSL object is freed once in any
 * case, by whoever has it. */
static bool
attempt(int index, struct bufferevent *below, int fd, int options)
{
	SSL *ssl = SSL_new(contexts[0]);

	SSL_set_ex_data(ssl, index, ssl);
	objects_freed = 0;
	struct bufferevent *bev = below
	    ? bufferevent_openssl_filter_new(base, below, ssl, BUFFEREVENT_SSL_CONNECTING, options)
	    : bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_CONNECTING, options);
	bool made = bev != NULL;
	CHECK_INT_EQ(objects_freed, !made && (options & BEV_OPT_CLOSE_ON_FREE));
	if (bev)
		bufferevent_free(bev);
	turns(2);
	if (!(options & BEV_OPT_CLOSE_ON_FREE))
		SSL_free(ssl);
	CHECK_INT_EQ(objects_freed, 1);
	return made;
}

static void
nothing_is_freed_twice_or_never(void)
{
	open_base(0);
	int index = SSL_get_ex_new_index(0, NULL, NULL, NULL, count_freed);
	static const int both[2] = { 0, BEV_OPT_CLOSE_ON_FREE };

	for (int i = 0; i < 2; i++) {
		CHECK(!attempt(index, NULL, -1, both[i] | BEV_OPT_UNLOCK_CALLBACKS));
		CHECK(!attempt(index, NULL, 9999, both[i])); /* no such descriptor */
		for (uint64_t k = 1;; k++) {
			/* Another descriptor each time: CLOSE_ON_FREE closes it. */
			int fd = dup(STDERR_FILENO), pair[2];
			close(fd);
			CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
			evrt_test_fail_alloc(k);
			bool made = attempt(index, NULL, pair[0], both[i]);
			bool failed = evrt_test_alloc_has_failed();
			evrt_test_fail_alloc(0);
			CHECK(made || failed);
			CHECK_INT_EQ(close(pair[0]), made && both[i] ? -1 : 0);
			close(pair[1]);
			if (!failed)
				break;
		}
		for (uint64_t k = 1;; k++) {
			struct bufferevent *below = bufferevent_socket_new(base, -1, 0);
			evrt_test_fail_alloc(k);
			bool made = attempt(index, below, -1, both[i]);
			bool failed = evrt_test_alloc_has_failed();
			evrt_test_fail_alloc(0);
			CHECK(made || failed);
			if (!made || !both[i])
				bufferevent_free(below);
			turns(2);
			if (!failed)
				break;
		}
	}
	close_base();
}

/* Memory runs out anywhere in a conversation: it comes to its end, or to an error; nothing hangs. */
static void
memory_runs_out(void)
{
	open_base(TLS1_2_VERSION);
	for (uint64_t k = 1;; k++) {
		struct end ends[2];
		connect_ends(ends, SOCKET);
		struct event *deadline = deadline_new("an end");
		evrt_test_fail_alloc(k);
		for (int i = 0; i < 2; i++) {
			struct evbuffer *output = bufferevent_get_output(ends[i].bev);
			for (ends[i].to_send = 0; ends[i].to_send < 40000; ends[i].to_send++) {
				unsigned char byte = byte_at(ends[i].to_send);
				if (evbuffer_add(output, &byte, 1) < 0)
					break;
			}
			ends[i].sent = ends[i].to_send;
		}
		while (!((ends[0].received == ends[1].to_send || ends[0].failed) &&
		    (ends[1].received == ends[0].to_send || ends[1].failed)))
			event_base_loop(base, EVLOOP_ONCE);
		event_free(deadline);
		bool failed = evrt_test_alloc_has_failed();
		evrt_test_fail_alloc(0);
		free_ends(ends);
		if (!failed)
			break;
	}
	close_base();
}

static const struct evrt_test_case cases[] = {
	{ "object_is_free_socket", object_is_free_socket },
	{ "object_is_free_filter", object_is_free_filter },
	{ "object_is_free_pair", object_is_free_pair },
	{ "the_object_goes_on_alone", the_object_goes_on_alone },
	{ "freed_inside_with_the_object", freed_inside_with_the_object },
	{ "freed_inside_without_it", freed_inside_without_it },
	{ "nothing_is_freed_twice_or_never", nothing_is_freed_twice_or_never },
	{ "memory_runs_out", memory_runs_out },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
