/* testing/unit/api/bufferevent/tls_rig.c — see tls_rig.h. */
#include "testing/unit/api/bufferevent/tls_rig.h"

#include <event2/buffer.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "testing/tls/certs.h"

struct event_base *base;
SSL_CTX *contexts[2];
int fds[2];
struct evrt_sys real;

unsigned char
byte_at(size_t at)
{
	return (unsigned char)(at * 31 + at / 251 + at / 65521);
}

void
feed(struct end *e)
{
	unsigned char bytes[30000];

	while (e->sent < e->to_send && evbuffer_get_length(bufferevent_get_output(e->bev)) < 200000) {
		size_t n = e->to_send - e->sent < sizeof(bytes) ? e->to_send - e->sent : sizeof(bytes);
		for (size_t i = 0; i < n; i++)
			bytes[i] = byte_at(e->sent + i);
		CHECK_INT_EQ(bufferevent_write(e->bev, bytes, n), 0);
		e->sent += n;
	}
}

void
on_read(struct bufferevent *bev, void *arg)
{
	struct end *e = arg;
	unsigned char bytes[16384];
	size_t n;

	e->reads++;
	while ((n = bufferevent_read(bev, bytes, sizeof(bytes))) > 0)
		for (size_t i = 0; i < n; i++)
			CHECK_INT_EQ(bytes[i], byte_at(e->received++));
}

void
on_write(struct bufferevent *bev, void *arg)
{
	struct end *e = arg;

	(void)bev;
	e->writes++;
	feed(e);
}

void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct end *e = arg;

	(void)bev;
	e->connected += (what & BEV_EVENT_CONNECTED) != 0;
	e->ended += (what & BEV_EVENT_EOF) != 0;
	e->failed += (what & BEV_EVENT_ERROR) != 0;
	e->timed_out += (what & BEV_EVENT_TIMEOUT) != 0;
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	evrt_test_fail(__FILE__, __LINE__, "did not become so: %s", (const char *)arg);
}

struct event *
deadline_new(const char *condition)
{
	struct timeval most = { 30, 0 };
	struct event *deadline = evtimer_new(base, on_deadline, (void *)(uintptr_t)condition);

	CHECK(deadline != NULL && event_add(deadline, &most) == 0);
	return deadline;
}

void
turns(int n)
{
	while (n-- > 0)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

void
open_base(int version)
{
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	contexts[0] = evrt_test_tls_client(version);
	contexts[1] = evrt_test_tls_server(version);
	CHECK(base && contexts[0] && contexts[1]);
	real = evrt__sys;
}

void
close_base(void)
{
	evrt__sys = real;
	event_base_free(base);
	SSL_CTX_free(contexts[0]);
	SSL_CTX_free(contexts[1]);
	evrt_test_certs_free();
}

void
make_fds(void)
{
	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
}

enum bufferevent_ssl_state
role_of(int side)
{
	return side == 0 ? BUFFEREVENT_SSL_CONNECTING : BUFFEREVENT_SSL_ACCEPTING;
}

void
watch(struct end *e)
{
	CHECK(e->bev != NULL);
	bufferevent_setcb(e->bev, on_read, on_write, on_event, e);
	bufferevent_enable(e->bev, EV_READ | EV_WRITE);
}

void
make_ends(struct end ends[2], enum transport transport, int options)
{
	struct bufferevent *below[2] = { NULL, NULL };

	memset(ends, 0, 2 * sizeof(*ends));
	if (transport == FILTER_OVER_PAIR)
		CHECK_INT_EQ(bufferevent_pair_new(base, options, below), 0);
	else
		make_fds();
	for (int i = 0; i < 2; i++) {
		ends[i].ssl = SSL_new(contexts[i]);
		if (transport == FILTER_OVER_SOCKET)
			below[i] = bufferevent_socket_new(base, fds[i], options);
		ends[i].bev = transport == SOCKET
		    ? bufferevent_openssl_socket_new(base, fds[i], ends[i].ssl, role_of(i), options)
		    : bufferevent_openssl_filter_new(base, below[i], ends[i].ssl, role_of(i), options);
		watch(&ends[i]);
	}
}

void
connect_ends(struct end ends[2], enum transport transport)
{
	make_ends(ends, transport, BEV_OPT_CLOSE_ON_FREE);
	UNTIL(ends[0].connected && ends[1].connected);
	turns(3); /* session tickets */
}

void
free_ends(struct end ends[2])
{
	for (int i = 0; i < 2; i++)
		if (ends[i].bev)
			bufferevent_free(ends[i].bev);
	turns(3);
}
