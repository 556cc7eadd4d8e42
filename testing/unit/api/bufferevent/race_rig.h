/* testing/unit/api/bufferevent/race_rig.h — a resolver, a clock and a network of the test's own, for connects by name.
 *
 * Here:     connect(2) puts one end of a socket pair in the socket's place, whose buffer is full until the test lets
 *           the attempt end; a bufferevent on a base whose clock stands still.
 * Threads:  one.
 */
#ifndef EVRT_TESTING_UNIT_API_BUFFEREVENT_RACE_RIG_H_
#define EVRT_TESTING_UNIT_API_BUFFEREVENT_RACE_RIG_H_

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/util.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/bufferevent/resolver.h"
#include "api/event/event_internal.h"
#include "api/util/addrinfo.h"
#include "base/sys.h"
#include "testing/harness/test.h"

/* --- the network --------------------------------------------------------------------------- */

#define ATTEMPTS_MAX 16
#define PORT 4711

static struct attempt {
	int fd, peer;
	int result; /* SO_ERROR, once it has ended */
} attempts[ATTEMPTS_MAX];
static int attempts_count;
static char tried[256]; /* "4.1 6.2": family and last byte of each address, in order */
static struct evrt_sys real;
static struct event *between; /* activated by each getsockopt, if set: runs before what that makes due */

/* The address's last byte says what comes of it. */
enum { REFUSES = 100, UNREACHABLE = 110, AT_ONCE = 120 }; /* below: hangs until the test ends it */

static inline void
fill(int fd)
{
	static char block[4096];
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while (write(fd, block, sizeof(block)) > 0)
		;
}

static inline int
fake_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)(const void *)sa;
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)(const void *)sa;
	int last = sa->sa_family == AF_INET ? (int)(ntohl(sin->sin_addr.s_addr) & 255) : sin6->sin6_addr.s6_addr[15];
	size_t used = strlen(tried);
	int pair[2];

	CHECK_INT_EQ(len, sa->sa_family == AF_INET ? sizeof(*sin) : sizeof(*sin6));
	snprintf(tried + used, sizeof(tried) - used, "%s%d.%d", used ? " " : "", sa->sa_family == AF_INET ? 4 : 6, last);
	if (last >= REFUSES && last < AT_ONCE) {
		errno = last < UNREACHABLE ? ECONNREFUSED : ENETUNREACH;
		return -1;
	}
	CHECK(attempts_count < ATTEMPTS_MAX);
	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	CHECK_INT_EQ(dup2(pair[0], fd), fd);
	close(pair[0]);
	attempts[attempts_count++] = (struct attempt){ fd, pair[1], 0 };
	if (last >= AT_ONCE)
		return 0;
	fill(fd);
	errno = EINPROGRESS;
	return -1;
}

static inline int
fake_socket(int family, int type, int protocol)
{
	CHECK_INT_EQ(type, SOCK_STREAM | SOCK_NONBLOCK);
	return real.socket(family == AF_INET6 ? AF_INET : family, type, protocol);
}

static inline int
fake_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	CHECK(level == SOL_SOCKET && name == SO_ERROR && *len == sizeof(int));
	if (between)
		event_active(between, EV_TIMEOUT, 0);
	for (int i = attempts_count; i-- > 0;)
		if (attempts[i].fd == fd) {
			*(int *)value = attempts[i].result;
			return 0;
		}
	CHECK(!"a socket of ours");
	return -1;
}

/* The i-th attempt that began has ended, so that the poller says so. */
static inline void
ends(int i, int result)
{
	static char block[65536];

	attempts[i].result = result;
	while (read(attempts[i].peer, block, sizeof(block)) > 0)
		;
}

static inline bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* --- the program --------------------------------------------------------------------------- */

typedef void (*answer_fn)(int err, struct evutil_addrinfo *, void *);
struct evdns_base {
	const struct evrt_resolver *ops;
	answer_fn answer;
	void *arg;
};

static inline struct evdns_getaddrinfo_request *
ask(struct evdns_base *dns, const char *host, const char *service, const struct evutil_addrinfo *hints, answer_fn cb,
    void *arg)
{
	(void)host;
	(void)service;
	(void)hints;
	dns->answer = cb;
	dns->arg = arg;
	return NULL;
}

static const struct evrt_resolver ask_ops = { ask };
static struct evdns_base dns = { .ops = &ask_ops };
static struct event_base *base;
static struct evrt_clock *fake_clock;
static struct bufferevent *bev;
static char told[64]; /* the event callbacks, in hexadecimal */
static int told_errno, told_fd;

static inline void
on_event(struct bufferevent *b, short what, void *arg)
{
	size_t used = strlen(told);

	(void)arg;
	told_errno = EVUTIL_SOCKET_ERROR();
	told_fd = bufferevent_getfd(b);
	snprintf(told + used, sizeof(told) - used, "%s%x", used ? " " : "", (unsigned)what);
}

/* Addresses from words like "4.1 6.101": family and last byte. */
static inline struct evutil_addrinfo *
list_of(const char *words)
{
	struct evutil_addrinfo *first = NULL, **end = &first;
	int family, last, used;

	for (; sscanf(words, " %d.%d%n", &family, &last, &used) == 2; words += used, end = &(*end)->ai_next) {
		struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
		struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(PORT) };
		sin6.sin6_addr.s6_addr[15] = (uint8_t)last;
		sin.sin_addr.s_addr = htonl((uint32_t)(0x0a000000 | last));
		*end = family == 4 ? evrt__addrinfo_new((struct sockaddr *)&sin, sizeof(sin), SOCK_STREAM, IPPROTO_TCP)
		    : evrt__addrinfo_new((struct sockaddr *)&sin6, sizeof(sin6), SOCK_STREAM, IPPROTO_TCP);
	}
	return first;
}

static inline void
turns(int n)
{
	while (n-- > 0)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static inline void
pass_ms(long n)
{
	evrt__clock_fake_advance(fake_clock, n * EVRT_NS_PER_MS);
	turns(2);
}

static inline void
set_up(void)
{
	real = evrt__sys;
	evrt__sys.connect = fake_connect;
	evrt__sys.socket = fake_socket;
	evrt__sys.getsockopt = fake_getsockopt;
	fake_clock = evrt__clock_fake_new(1000 * EVRT_NS_PER_SEC);
	base = event_base_new();
	base->loop.reactor.clock = fake_clock;
	bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, NULL, NULL, on_event, NULL);
}

static inline void
tear_down(void)
{
	if (bev)
		bufferevent_free(bev);
	if (between)
		event_free(between);
	turns(1);
	event_base_free(base);
	evrt__clock_fake_free(fake_clock);
	for (int i = 0; i < attempts_count; i++) {
		CHECK(!is_open(attempts[i].fd));
		close(attempts[i].peer);
	}
	evrt__sys = real;
}

static inline void
look_up(void)
{
	CHECK_INT_EQ(bufferevent_socket_connect_hostname(bev, &dns, AF_UNSPEC, "somewhere", PORT), 0);
}

static inline void
race_to(const char *words)
{
	set_up();
	look_up();
	dns.answer(0, list_of(words), dns.arg);
}

#endif
