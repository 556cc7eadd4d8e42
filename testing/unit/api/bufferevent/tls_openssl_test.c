/* testing/unit/api/bufferevent/tls_openssl_test.c — the engine of TLS bufferevents, over OpenSSL.
 *
 * Here:     bulk data of both protocols over each transport; new handshakes and keys; what is counted (records, system
 *           calls); what evrt adds (flush, flags); a BIO of the program's.
 * Not here: who frees what, and failures (tls_life_test.c); what libevent has too (testing/contract/libevent/tls_*);
 *           mbedTLS (tls_mbedtls_test.c).
 * Threads:  one.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/util.h>

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"
#include "testing/harness/test.h"
#include "testing/unit/api/bufferevent/tls_rig.h"

/* --- bulk --------------------------------------------------------------------------------------- */

static void
fifty_megabytes(int version, enum transport transport)
{
	struct end ends[2];

	open_base(version);
	connect_ends(ends, transport);
	for (int i = 0; i < 2; i++) {
		ends[i].to_send = (size_t)25 << 20;
		feed(&ends[i]);
	}
	UNTIL(ends[0].received == ends[1].to_send && ends[1].received == ends[0].to_send);
	CHECK_INT_EQ(SSL_version(ends[0].ssl), version);
	free_ends(ends);
	close_base();
}

static void fifty_megabytes_12_socket(void) { fifty_megabytes(TLS1_2_VERSION, SOCKET); }
static void fifty_megabytes_13_socket(void) { fifty_megabytes(TLS1_3_VERSION, SOCKET); }
static void fifty_megabytes_12_filter(void) { fifty_megabytes(TLS1_2_VERSION, FILTER_OVER_SOCKET); }
static void fifty_megabytes_13_filter(void) { fifty_megabytes(TLS1_3_VERSION, FILTER_OVER_SOCKET); }
static void fifty_megabytes_13_pair(void) { fifty_megabytes(TLS1_3_VERSION, FILTER_OVER_PAIR); }

/* In the middle of it each side asks for new keys, which reads and writes of both directions meet. */
static void
new_keys_amid_data(void)
{
	struct end ends[2];

	open_base(TLS1_3_VERSION);
	connect_ends(ends, SOCKET);
	for (int i = 0; i < 2; i++) {
		ends[i].to_send = (size_t)4 << 20;
		feed(&ends[i]);
	}
	for (size_t part = 1; part < 4; part++) {
		UNTIL(ends[0].received > part << 20);
		/* Not while a record is half written: then OpenSSL refuses. */
		(void)SSL_key_update(ends[part % 2].ssl, SSL_KEY_UPDATE_REQUESTED);
		ERR_clear_error();
	}
	UNTIL(ends[0].received == ends[1].to_send && ends[1].received == ends[0].to_send);
	free_ends(ends);
	close_base();
}

/* Both come in one read of the socket, and nothing more follows. */
static void
data_right_behind_the_handshake(enum transport transport)
{
	struct end ends[2];

	open_base(TLS1_3_VERSION);
	make_ends(ends, transport, BEV_OPT_CLOSE_ON_FREE);
	ends[0].to_send = 100;
	feed(&ends[0]);
	UNTIL(ends[1].received == 100);
	free_ends(ends);
	close_base();
}

static void data_behind_the_handshake_socket(void) { data_right_behind_the_handshake(SOCKET); }
static void data_behind_the_handshake_filter(void) { data_right_behind_the_handshake(FILTER_OVER_SOCKET); }

/* Whatever the limit has become meanwhile: OpenSSL insists on as many bytes. */
static void
a_record_that_was_begun_is_finished(void)
{
	struct end ends[2];

	open_base(TLS1_2_VERSION);
	connect_ends(ends, SOCKET);
	bufferevent_disable(ends[1].bev, EV_READ);
	ends[0].to_send = (size_t)2 << 20;
	feed(&ends[0]);
	size_t left;
	do {
		left = evbuffer_get_length(bufferevent_get_output(ends[0].bev));
		turns(3);
	} while (evbuffer_get_length(bufferevent_get_output(ends[0].bev)) != left || left == 0);
	size_t so_far = ends[0].sent;
	bufferevent_set_max_single_write(ends[0].bev, 100);
	bufferevent_enable(ends[1].bev, EV_READ);
	UNTIL(ends[1].received >= so_far);
	bufferevent_set_max_single_write(ends[0].bev, 0);
	UNTIL(ends[1].received == ends[0].to_send);
	CHECK_INT_EQ(ends[0].failed, 0);
	free_ends(ends);
	close_base();
}

/* --- renegotiation ------------------------------------------------------------------------------ */

static void
a_server_asks_for_a_new_handshake(void)
{
	struct end ends[2];

	open_base(TLS1_2_VERSION);
	connect_ends(ends, SOCKET);
	CHECK_INT_EQ(bufferevent_ssl_renegotiate(ends[1].bev), 0);
	ends[0].to_send = 100000;
	feed(&ends[0]);
	ends[1].to_send = 100000;
	UNTIL(ends[1].connected == 2);
	feed(&ends[1]);
	UNTIL(ends[0].received == 100000 && ends[1].received == 100000);
	CHECK_INT_EQ(SSL_num_renegotiations(ends[0].ssl), 1);
	CHECK_INT_EQ(ends[0].failed + ends[1].failed, 0);
	free_ends(ends);
	close_base();
}

static void
a_client_begins_a_new_handshake(void)
{
	struct end ends[2];

	open_base(TLS1_2_VERSION);
	SSL_CTX_set_options(contexts[1], SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
	connect_ends(ends, FILTER_OVER_SOCKET);
	CHECK_INT_EQ(bufferevent_ssl_renegotiate(ends[0].bev), 0);
	UNTIL(ends[0].connected == 2);
	ends[0].to_send = 1000;
	feed(&ends[0]);
	UNTIL(ends[1].received == 1000);
	CHECK_INT_EQ(SSL_num_renegotiations(ends[0].ssl), 1);
	free_ends(ends);
	close_base();
}

static void
tls_1_3_has_none(void)
{
	struct end ends[2];

	open_base(TLS1_3_VERSION);
	connect_ends(ends, SOCKET);
	CHECK_INT_EQ(bufferevent_ssl_renegotiate(ends[0].bev), -1);
	CHECK_INT_EQ(ERR_peek_error(), 0);
	ends[0].to_send = 1000;
	feed(&ends[0]);
	UNTIL(ends[1].received == 1000);
	CHECK_INT_EQ(ends[0].connected, 1);
	free_ends(ends);
	close_base();
}

/* --- flags and flush ---------------------------------------------------------------------------- */

static void
flags(void)
{
	struct end ends[2];

	open_base(0);
	connect_ends(ends, SOCKET);
	struct bufferevent *bev = ends[0].bev, *plain = bufferevent_socket_new(base, -1, 0);
	CHECK_INT_EQ(bufferevent_ssl_get_flags(bev), 0);
	CHECK_INT_EQ(bufferevent_ssl_set_flags(bev, BUFFEREVENT_SSL_BATCH_WRITE), 0);
	CHECK_INT_EQ(bufferevent_ssl_set_flags(bev, BUFFEREVENT_SSL_DIRTY_SHUTDOWN), BUFFEREVENT_SSL_BATCH_WRITE);
	CHECK_INT_EQ(bufferevent_openssl_get_allow_dirty_shutdown(bev), 1);
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 0);
	CHECK_INT_EQ(bufferevent_ssl_get_flags(bev), BUFFEREVENT_SSL_BATCH_WRITE);
	CHECK(bufferevent_ssl_set_flags(bev, 1u << 7) == EV_UINT64_MAX);
	CHECK_INT_EQ(bufferevent_ssl_clear_flags(bev, BUFFEREVENT_SSL_BATCH_WRITE), BUFFEREVENT_SSL_BATCH_WRITE);
	CHECK_INT_EQ(bufferevent_ssl_get_flags(bev), 0);
	CHECK(bufferevent_ssl_get_flags(plain) == EV_UINT64_MAX);
	CHECK(bufferevent_ssl_set_flags(plain, 1) == EV_UINT64_MAX);
	CHECK(bufferevent_ssl_clear_flags(plain, 1) == EV_UINT64_MAX);
	bufferevent_free(plain);
	free_ends(ends);
	close_base();
}

static int records;

static void
count_records(int write_p, int version, int content_type, const void *buf, size_t len, SSL *ssl, void *arg)
{
	const unsigned char *header = buf;

	(void)version, (void)ssl, (void)arg;
	if (write_p && content_type == SSL3_RT_HEADER && len >= 1)
		records += header[0] == SSL3_RT_APPLICATION_DATA;
}

/* A hundred chains of ten bytes each: the records that come of them. */
static int
records_of_small_pieces(ev_uint64_t set)
{
	struct end ends[2];
	unsigned char bytes[1000];

	connect_ends(ends, SOCKET);
	(void)bufferevent_ssl_set_flags(ends[0].bev, set);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = byte_at(i);
	records = 0;
	SSL_set_msg_callback(ends[0].ssl, count_records);
	for (size_t at = 0; at < sizeof(bytes); at += 10)
		CHECK_INT_EQ(evbuffer_add_reference(bufferevent_get_output(ends[0].bev), bytes + at, 10, NULL, NULL), 0);
	UNTIL(ends[1].received == sizeof(bytes));
	free_ends(ends);
	return records;
}

static void
small_pieces_are_joined_on_demand(void)
{
	open_base(TLS1_2_VERSION);
	CHECK_INT_EQ(records_of_small_pieces(0), 100);
	CHECK_INT_EQ(records_of_small_pieces(BUFFEREVENT_SSL_BATCH_WRITE), 1);
	close_base();
}

static void
flush_sends_close_notify_behind_output(enum transport transport)
{
	struct end ends[2];

	open_base(0);
	connect_ends(ends, transport);
	ends[0].to_send = 150000;
	feed(&ends[0]);
	CHECK_INT_EQ(bufferevent_flush(ends[0].bev, EV_WRITE, BEV_NORMAL), 0);
	CHECK_INT_EQ(bufferevent_flush(ends[0].bev, EV_WRITE, BEV_FINISHED), 0);
	UNTIL(ends[1].ended);
	CHECK_INT_EQ(ends[1].received, 150000);
	/* The other half stays open. */
	ends[1].to_send = 5000;
	feed(&ends[1]);
	UNTIL(ends[0].received == 5000);
	bufferevent_flush(ends[1].bev, EV_WRITE, BEV_FINISHED);
	UNTIL(ends[0].ended);
	CHECK_INT_EQ(ends[0].failed + ends[1].failed, 0);
	free_ends(ends);
	close_base();
}

static void flush_over_socket(void) { flush_sends_close_notify_behind_output(SOCKET); }
static void flush_over_pair(void) { flush_sends_close_notify_behind_output(FILTER_OVER_PAIR); }

/* --- system calls ------------------------------------------------------------------------------- */

static int read_calls, write_calls, read_errno;

static ssize_t
counting_read(int fd, void *buf, size_t len)
{
	read_calls++;
	if (read_errno) {
		errno = read_errno;
		read_errno = 0;
		return -1;
	}
	return real.read(fd, buf, len);
}

static ssize_t
counting_write(int fd, const void *buf, size_t len)
{
	write_calls++;
	return real.write(fd, buf, len);
}

static void
a_short_message_is_one_read_and_one_write(void)
{
	struct end ends[2];

	open_base(0);
	connect_ends(ends, SOCKET);
	evrt__sys.read = counting_read;
	evrt__sys.write = counting_write;
	for (int i = 1; i <= 20; i++) {
		read_calls = write_calls = 0;
		ends[0].to_send += 64;
		feed(&ends[0]);
		UNTIL(ends[1].received == 64 * (size_t)i);
		turns(2);
		CHECK_INT_EQ(write_calls, 1);
		CHECK_INT_EQ(read_calls, 1);
	}
	free_ends(ends);
	close_base();
}

static void
an_interrupted_read_is_made_again(void)
{
	struct end ends[2];

	open_base(0);
	connect_ends(ends, SOCKET);
	evrt__sys.read = counting_read;
	read_errno = EINTR;
	ends[0].to_send = 100;
	feed(&ends[0]);
	UNTIL(ends[1].received == 100);
	CHECK_INT_EQ(ends[1].failed, 0);
	read_errno = EIO;
	ends[0].to_send = 200;
	feed(&ends[0]);
	UNTIL(ends[1].failed == 1);
	CHECK_INT_EQ(bufferevent_get_openssl_error(ends[1].bev), SSL_ERROR_SYSCALL);
	CHECK_INT_EQ(bufferevent_get_openssl_error(ends[1].bev), 0);
	free_ends(ends);
	close_base();
}

/* --- a BIO of the program's ----------------------------------------------------------------------- */

static void
a_chain_of_bios_stays(void)
{
	struct end ends[2];

	open_base(TLS1_2_VERSION);
	memset(ends, 0, sizeof(ends));
	make_fds();
	for (int i = 0; i < 2; i++) {
		BIO *chain = BIO_push(BIO_new(BIO_f_null()), BIO_new_socket(fds[i], BIO_NOCLOSE));
		ends[i].ssl = SSL_new(contexts[i]);
		SSL_set_bio(ends[i].ssl, chain, chain);
		ends[i].bev = bufferevent_openssl_socket_new(base, i ? fds[i] : -1, ends[i].ssl, role_of(i),
		    BEV_OPT_CLOSE_ON_FREE);
		CHECK_PTR_EQ(SSL_get_rbio(ends[i].ssl), chain);
		watch(&ends[i]);
		ends[i].to_send = 1000000;
		feed(&ends[i]);
	}
	UNTIL(ends[0].received == 1000000 && ends[1].received == 1000000);
	free_ends(ends);
	close_base();
}

static const struct evrt_test_case cases[] = {
	{ "fifty_megabytes_12_socket", fifty_megabytes_12_socket },
	{ "fifty_megabytes_13_socket", fifty_megabytes_13_socket },
	{ "fifty_megabytes_12_filter", fifty_megabytes_12_filter },
	{ "fifty_megabytes_13_filter", fifty_megabytes_13_filter },
	{ "fifty_megabytes_13_pair", fifty_megabytes_13_pair },
	{ "new_keys_amid_data", new_keys_amid_data },
	{ "data_behind_the_handshake_socket", data_behind_the_handshake_socket },
	{ "data_behind_the_handshake_filter", data_behind_the_handshake_filter },
	{ "a_record_that_was_begun_is_finished", a_record_that_was_begun_is_finished },
	{ "a_server_asks_for_a_new_handshake", a_server_asks_for_a_new_handshake },
	{ "a_client_begins_a_new_handshake", a_client_begins_a_new_handshake },
	{ "tls_1_3_has_none", tls_1_3_has_none },
	{ "flags", flags },
	{ "small_pieces_are_joined_on_demand", small_pieces_are_joined_on_demand },
	{ "flush_over_socket", flush_over_socket },
	{ "flush_over_pair", flush_over_pair },
	{ "a_short_message_is_one_read_and_one_write", a_short_message_is_one_read_and_one_write },
	{ "an_interrupted_read_is_made_again", an_interrupted_read_is_made_again },
	{ "a_chain_of_bios_stays", a_chain_of_bios_stays },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
