/* testing/bench/tls_run.c — a contestant of tls.c: measures one thing and prints it.
 *
 * Usage: tls_CONTESTANT bulk|handshake 1.2|1.3 COUNT   (mebibytes, connections)
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "testing/bench/bench.h"
#include "testing/bench/tls.h"
#include "testing/tls/certs.h"

static SSL_CTX *client_context, *server_context;
static SSL_SESSION *session;

static int
keep_session(SSL *ssl, SSL_SESSION *fresh)
{
	(void)ssl;
	SSL_SESSION_free(session);
	session = fresh;
	return 1;
}

static void
connect_both(SSL_SESSION *with)
{
	int fds[2];
	SSL *client = SSL_new(client_context);

	if (with)
		SSL_set_session(client, with);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(fds[1], F_SETFL, O_NONBLOCK) < 0)
		bench_die("socketpair");
	bench_tls_connect(client, fds[0], SSL_new(server_context), fds[1]);
}

static double
bulk(long megabytes)
{
	connect_both(NULL);
	bench_tls_move((size_t)4 << 20); /* warm */
	double before = bench_thread_cpu_ns();
	bench_tls_move((size_t)megabytes << 20);
	double ns = bench_thread_cpu_ns() - before;
	bench_tls_end();
	return ns / (double)megabytes;
}

static double
handshakes(long count)
{
	double before = 0;

	for (long i = -20; i < count; i++) { /* those below zero warm */
		if (i == 0)
			before = bench_thread_cpu_ns();
		connect_both(session);
		bench_tls_answer();
		bench_tls_end();
	}
	if (!session) {
		fprintf(stderr, "tls: no session to resume\n");
		exit(1);
	}
	return (bench_thread_cpu_ns() - before) / (double)count;
}

int
main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	bool is_bulk = strcmp(argv[1], "bulk") == 0;
	int version = strcmp(argv[2], "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;

	signal(SIGPIPE, SIG_IGN);
	bench_pin(0);
	client_context = evrt_test_tls_client(version);
	server_context = evrt_test_tls_server(version);
	SSL_CTX_set_session_cache_mode(client_context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
	SSL_CTX_sess_set_new_cb(client_context, keep_session);
	bench_tls_set_up();
	double ns = is_bulk ? bulk(atol(argv[3])) : handshakes(atol(argv[3]));
	printf("%f %s, TLS %s (us)\n", ns / 1000, is_bulk ? "a mebibyte" : "a connection with a session resumed", argv[2]);
	return 0;
}
