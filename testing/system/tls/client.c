/* testing/system/tls/client.c — a TLS client on libevent's API, for servers that are not ours.
 *
 * Sends its standard input, prints what comes back until close_notify. Exit status 0 then; 1, with OpenSSL's reason on
 * standard error, when the connection ended in another way.
 *
 * Usage: client PORT CA.pem
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int status = 1;

static void
on_read(struct bufferevent *bev, void *arg)
{
	char bytes[4096];
	size_t n;

	(void)arg;
	while ((n = bufferevent_read(bev, bytes, sizeof(bytes))) > 0)
		fwrite(bytes, 1, n, stdout);
}

static void
on_event(struct bufferevent *bev, short what, void *base)
{
	unsigned long error;

	if (what & BEV_EVENT_CONNECTED) {
		fprintf(stderr, "%s\n", SSL_get_version(bufferevent_openssl_get_ssl(bev)));
		return;
	}
	if (what & BEV_EVENT_EOF)
		status = 0;
	while ((error = bufferevent_get_openssl_error(bev)) != 0)
		fprintf(stderr, "%s\n", ERR_reason_error_string(error));
	event_base_loopbreak(base);
}

int
main(int argc, char **argv)
{
	struct event_base *base = event_base_new();
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	char bytes[4096];
	ssize_t n;

	if (argc < 3 || !base || !ctx || SSL_CTX_load_verify_locations(ctx, argv[2], NULL) != 1)
		return 2;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL *ssl = SSL_new(ctx);
	SSL_set_tlsext_host_name(ssl, "localhost");
	SSL_set1_host(ssl, "localhost");
	struct bufferevent *bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_CONNECTING,
	    BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, on_read, NULL, on_event, base);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	while ((n = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0)
		bufferevent_write(bev, bytes, (size_t)n);
	bufferevent_socket_connect_hostname(bev, NULL, AF_INET, "localhost", atoi(argv[1]));
	event_base_dispatch(base);
	bufferevent_free(bev);
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_base_free(base);
	SSL_CTX_free(ctx);
	return status;
}
