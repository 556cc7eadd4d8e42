/* testing/unit/api/dns/server/tcp_rig.h — a DNS server over TCP, and clients that are bare sockets in the same thread:
 * the loop turns while they wait.
 *
 * Threads:  one.
 */
#ifndef EVRT_TESTING_UNIT_API_DNS_SERVER_TCP_RIG_H_
#define EVRT_TESTING_UNIT_API_DNS_SERVER_TCP_RIG_H_

#include <event2/listener.h>

#include "testing/contract/libevent/dns_server_rig.h"

/* What a hook takes beside the request. */
static void *hook_arg;

/* The question behind its length. */
#define FRAMED "\0\x21" QUESTION
#define FRAMED_BYTES (sizeof(FRAMED) - 1)

#define PATIENCE_S 20

static struct evdns_server_request *kept[1024];
static int kept_count;
static struct sockaddr_in address;

static inline void
keep(struct evdns_server_request *req)
{
	kept[kept_count++] = req;
}

static inline void
serve_tcp(void (*with)(struct evdns_server_request *))
{
	socklen_t len = sizeof(address);

	address = loopback();
	hook = with;
	base = event_base_new();
	struct evconnlistener *lev = evconnlistener_new_bind(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE, -1,
	    (struct sockaddr *)&address, sizeof(address));
	CHECK(lev != NULL);
	CHECK_INT_EQ(getsockname(evconnlistener_get_fd(lev), (struct sockaddr *)&address, &len), 0);
	server_fd = evconnlistener_get_fd(lev);
	port = evdns_add_server_port_with_listener(base, lev, 0, on_request, &calls);
	CHECK(port != NULL);
}

static inline int
connect_tcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK_INT_EQ(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	turns(2);
	return fd;
}

static inline void
put(int fd, const void *bytes, size_t len)
{
	CHECK_INT_EQ(send(fd, bytes, len, MSG_NOSIGNAL), len);
	turns(4);
}

/* Up to `len` bytes, while the loop turns; fewer: the end has come. -1: reset. */
static inline ssize_t
take(int fd, void *bytes, size_t len)
{
	struct timeval begun, now;
	size_t have = 0;

	evutil_gettimeofday(&begun, NULL);
	while (have < len) {
		ssize_t n = recv(fd, (char *)bytes + have, len - have, MSG_DONTWAIT);
		if (n == 0)
			return (ssize_t)have;
		if (n < 0 && errno != EAGAIN)
			return -1;
		have += n > 0 ? (size_t)n : 0;
		event_base_loop(base, EVLOOP_NONBLOCK);
		evutil_gettimeofday(&now, NULL);
		CHECK(now.tv_sec - begun.tv_sec < PATIENCE_S);
	}
	return (ssize_t)have;
}

/* The next reply, into `reply`. False: the connection has ended. */
static inline bool
take_reply(int fd)
{
	unsigned char length[2];

	if (take(fd, length, 2) != 2)
		return false;
	reply_len = (size_t)length[0] << 8 | length[1];
	CHECK_INT_EQ(take(fd, reply, reply_len), reply_len);
	read_reply();
	return true;
}

static inline bool
has_ended(int fd)
{
	char byte;

	return take(fd, &byte, 1) == 0;
}

static inline bool
nothing_came(int fd)
{
	char byte;

	turns(4);
	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

static inline void
end_tcp(bool open)
{
	if (open)
		evdns_close_server_port(port);
	turns(3);
	event_base_free(base);
}

static inline void
put_many(int fd, int count)
{
	static char many[1000 * FRAMED_BYTES];

	CHECK(count <= 1000);
	for (int i = 0; i < count; i++)
		memcpy(many + (size_t)i * FRAMED_BYTES, FRAMED, FRAMED_BYTES);
	put(fd, many, (size_t)count * FRAMED_BYTES);
}

static inline void
add_large(struct evdns_server_request *req)
{
	static char data[60000];

	for (int i = 0; i < *(int *)hook_arg; i++)
		CHECK_INT_EQ(evdns_server_request_add_reply(req, 0, OWN_NAME, 999, 1, 1, sizeof(data), 0, data), 0);
	respond_empty(req);
}

#endif
