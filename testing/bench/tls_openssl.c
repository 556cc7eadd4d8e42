/* testing/bench/tls_openssl.c — see tls.h: OpenSSL alone, no loop, one end after the other. What no library can
 * undercut: it never waits, so it never asks what is ready. */
#include "testing/bench/tls.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static SSL *ends[2];
static int fds[2];
static char bytes[BENCH_TLS_WRITE_BYTES];

void
bench_tls_set_up(void)
{
}

/* The result of a call; 0 where it has to wait. */
static int
waits_at_most(SSL *ssl, int result)
{
	int error = SSL_get_error(ssl, result);

	if (result > 0)
		return result;
	if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
		ERR_print_errors_fp(stderr);
		exit(1);
	}
	return 0;
}

void
bench_tls_connect(SSL *client, int client_fd, SSL *server, int server_fd)
{
	ends[0] = client;
	ends[1] = server;
	fds[0] = client_fd;
	fds[1] = server_fd;
	SSL_set_fd(client, client_fd);
	SSL_set_fd(server, server_fd);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	while (waits_at_most(client, SSL_do_handshake(client)) + waits_at_most(server, SSL_do_handshake(server)) < 2)
		;
}

void
bench_tls_move(size_t n)
{
	static char in[16384];

	SSL_set_mode(ends[0], SSL_MODE_ENABLE_PARTIAL_WRITE);
	for (size_t sent = 0, received = 0; received < n;) {
		if (sent < n)
			sent += (size_t)waits_at_most(ends[0], SSL_write(ends[0], bytes, sizeof(bytes)));
		for (int got; received < n && (got = waits_at_most(ends[1], SSL_read(ends[1], in, sizeof(in)))) > 0;)
			received += (size_t)got;
	}
}

void
bench_tls_answer(void)
{
	waits_at_most(ends[1], SSL_write(ends[1], bytes, 1));
	while (waits_at_most(ends[0], SSL_read(ends[0], bytes, 1)) == 0)
		;
}

void
bench_tls_end(void)
{
	for (int i = 0; i < 2; i++) {
		SSL_shutdown(ends[i]);
		SSL_free(ends[i]);
		close(fds[i]);
	}
}
