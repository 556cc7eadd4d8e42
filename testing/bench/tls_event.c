/* testing/bench/tls_event.c — see tls.h: bufferevents, of evrt and of the oracle. */
#include "testing/bench/tls.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define HELD_BYTES (2 * BENCH_TLS_WRITE_BYTES)

static struct event_base *base;
static struct bufferevent *ends[2]; /* client, server */
static int connected;
static bool is_failed;
static size_t left_to_write, received, answered;
static char bytes[BENCH_TLS_WRITE_BYTES];

void
bench_tls_set_up(void)
{
	base = event_base_new();
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)arg;
	if (what & BEV_EVENT_CONNECTED)
		connected++;
	else
		is_failed = true;
}

static void
on_drain(struct bufferevent *bev, void *counter)
{
	struct evbuffer *input = bufferevent_get_input(bev);
	size_t n = evbuffer_get_length(input);

	*(size_t *)counter += n;
	evbuffer_drain(input, n);
}

static void
on_room(struct bufferevent *bev, void *arg)
{
	(void)arg;
	while (left_to_write > 0 && evbuffer_get_length(bufferevent_get_output(bev)) < HELD_BYTES) {
		bufferevent_write(bev, bytes, sizeof(bytes));
		left_to_write -= left_to_write < sizeof(bytes) ? left_to_write : sizeof(bytes);
	}
}

static void
loop_once(void)
{
	event_base_loop(base, EVLOOP_ONCE);
	if (is_failed) {
		fprintf(stderr, "tls: a connection failed\n");
		exit(1);
	}
}

void
bench_tls_connect(SSL *client, int client_fd, SSL *server, int server_fd)
{
	connected = 0;
	ends[0] = bufferevent_openssl_socket_new(base, client_fd, client, BUFFEREVENT_SSL_CONNECTING,
	    BEV_OPT_CLOSE_ON_FREE);
	ends[1] = bufferevent_openssl_socket_new(base, server_fd, server, BUFFEREVENT_SSL_ACCEPTING,
	    BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(ends[0], on_drain, on_room, on_event, &answered);
	bufferevent_setcb(ends[1], on_drain, NULL, on_event, &received);
	bufferevent_setwatermark(ends[0], EV_WRITE, HELD_BYTES / 2, 0);
	bufferevent_enable(ends[0], EV_READ | EV_WRITE);
	bufferevent_enable(ends[1], EV_READ | EV_WRITE);
	while (connected < 2)
		loop_once();
}

void
bench_tls_move(size_t n)
{
	size_t until = received + n;

	left_to_write = n;
	on_room(ends[0], NULL);
	while (received < until)
		loop_once();
}

void
bench_tls_answer(void)
{
	size_t until = answered + 1;

	bufferevent_write(ends[1], bytes, 1);
	while (answered < until)
		loop_once();
}

void
bench_tls_end(void)
{
	for (int i = 0; i < 2; i++) {
		SSL_shutdown(bufferevent_openssl_get_ssl(ends[i]));
		bufferevent_free(ends[i]);
	}
	event_base_loop(base, EVLOOP_NONBLOCK);
}
