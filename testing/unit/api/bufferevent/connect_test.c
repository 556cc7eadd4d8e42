/* testing/unit/api/bufferevent/connect_test.c — connecting by name, with a resolver of the test's own.
 *
 * Here:     addresses tried in turn, look-ups that are called off, failures of memory and of the kernel.
 * Threads:  one.
 */
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/util.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/bufferevent/resolver.h"
#include "api/util/addrinfo.h"
#include "base/sys.h"
#include "testing/harness/fault.h"
#include "testing/harness/test.h"

typedef void (*answer_fn)(int err, struct evutil_addrinfo *, void *);

/* Stands for evdns: keeps the question; the test answers. */
struct evdns_base {
	const struct evrt_resolver *ops;
	answer_fn answer;
	void *arg;
	int asked;
	char service[16];
};

static struct event_base *base;
static int listener, bound_only;
static struct sockaddr_in good, bad;
static short events[8];
static int events_count, last_errno;

static struct evdns_getaddrinfo_request *
ask(struct evdns_base *dns, const char *host, const char *service, const struct evutil_addrinfo *hints,
    answer_fn cb, void *arg)
{
	CHECK_STR_EQ(host, "somewhere");
	CHECK_INT_EQ(hints->ai_socktype, SOCK_STREAM);
	strncpy(dns->service, service, sizeof(dns->service) - 1);
	dns->answer = cb;
	dns->arg = arg;
	dns->asked++;
	return (struct evdns_getaddrinfo_request *)(void *)dns;
}

static const struct evrt_resolver ask_ops = { ask };
static struct evdns_base dns = { .ops = &ask_ops };

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)arg;
	last_errno = EVUTIL_SOCKET_ERROR();
	if (events_count < 8)
		events[events_count++] = what;
}

static int
bind_loopback(struct sockaddr_in *sin)
{
	socklen_t len = sizeof(*sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(sin, 0, sizeof(*sin));
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_INT_EQ(bind(fd, (struct sockaddr *)sin, sizeof(*sin)), 0);
	CHECK_INT_EQ(getsockname(fd, (struct sockaddr *)sin, &len), 0);
	return fd;
}

static struct bufferevent *
open_asking(void)
{
	base = event_base_new();
	listener = bind_loopback(&good);
	CHECK_INT_EQ(listen(listener, 8), 0);
	bound_only = bind_loopback(&bad);
	struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, NULL, NULL, on_event, NULL);
	CHECK_INT_EQ(bufferevent_socket_connect_hostname(bev, &dns, AF_INET, "somewhere", 4711), 0);
	CHECK_INT_EQ(dns.asked, 1);
	CHECK_STR_EQ(dns.service, "4711");
	return bev;
}

static void
close_asking(struct bufferevent *bev)
{
	if (bev)
		bufferevent_free(bev);
	event_base_free(base);
	close(listener);
	close(bound_only);
}

static struct evutil_addrinfo *
list_of(const struct sockaddr_in *first, const struct sockaddr_in *second)
{
	struct evutil_addrinfo *a =
	    evrt__addrinfo_new((const struct sockaddr *)first, sizeof(*first), SOCK_STREAM, IPPROTO_TCP);

	if (second)
		a->ai_next = list_of(second, NULL);
	return a;
}

static void
turns(int n)
{
	while (n-- > 0)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
nothing_moves_during_a_look_up(void)
{
	struct bufferevent *bev = open_asking();
	CHECK_INT_EQ(bufferevent_enable(bev, EV_READ | EV_WRITE), 0);
	bufferevent_write(bev, "x", 1);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1); /* no event is pending */
	dns.answer(0, list_of(&good, NULL), dns.arg);
	turns(2);
	CHECK_INT_EQ(events_count, 1);
	CHECK_INT_EQ(events[0], BEV_EVENT_CONNECTED);
	close_asking(bev);
}

static void
a_refusing_address_is_followed_by_the_next(void)
{
	struct bufferevent *bev = open_asking();
	dns.answer(0, list_of(&bad, &good), dns.arg);
	turns(4);
	CHECK_INT_EQ(events_count, 1);
	CHECK_INT_EQ(events[0], BEV_EVENT_CONNECTED);
	int peer = accept(listener, NULL, NULL);
	CHECK(peer >= 0);
	close(peer);
	close_asking(bev);
}

static void
the_last_failure_is_told(void)
{
	struct bufferevent *bev = open_asking();
	dns.answer(0, list_of(&bad, &bad), dns.arg);
	turns(4);
	CHECK_INT_EQ(events_count, 1);
	CHECK_INT_EQ(events[0], BEV_EVENT_ERROR);
	CHECK_INT_EQ(last_errno, ECONNREFUSED);
	CHECK_INT_EQ(bufferevent_socket_get_dns_error(bev), 0);
	close_asking(bev);
}

static void
an_address_that_cannot_be_begun_is_passed_over(void)
{
	struct bufferevent *bev = open_asking();
	struct sockaddr_in odd = good;
	odd.sin_family = AF_INET;
	odd.sin_addr.s_addr = htonl(INADDR_BROADCAST);
	dns.answer(0, list_of(&odd, &good), dns.arg);
	turns(2);
	CHECK_INT_EQ(events[0], BEV_EVENT_CONNECTED);
	close_asking(bev);
}

static void
a_failed_look_up_is_an_error(void)
{
	struct bufferevent *bev = open_asking();
	dns.answer(EVUTIL_EAI_NONAME, NULL, dns.arg);
	turns(1);
	CHECK_INT_EQ(events_count, 1);
	CHECK_INT_EQ(events[0], BEV_EVENT_ERROR);
	CHECK_INT_EQ(bufferevent_socket_get_dns_error(bev), EVUTIL_EAI_NONAME);
	close_asking(bev);
}

static void
free_during_a_look_up(void)
{
	struct bufferevent *bev = open_asking();
	bufferevent_free(bev);
	turns(1);
	dns.answer(0, list_of(&good, &bad), dns.arg);
	turns(2);
	CHECK_INT_EQ(events_count, 0);
	close_asking(NULL);
}

static void
another_descriptor_calls_a_look_up_off(void)
{
	struct bufferevent *bev = open_asking();
	int fds[2];
	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	evutil_make_socket_nonblocking(fds[0]);
	CHECK_INT_EQ(bufferevent_setfd(bev, fds[0]), 0);
	dns.answer(0, list_of(&good, NULL), dns.arg);
	bufferevent_write(bev, "x", 1);
	turns(3);
	char c;
	CHECK_INT_EQ(read(fds[1], &c, 1), 1);
	CHECK_INT_EQ(events_count, 0);
	close(fds[1]);
	close_asking(bev);
}

static void
a_connect_by_address_calls_a_look_up_off(void)
{
	struct bufferevent *bev = open_asking();
	CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&good, sizeof(good)), 0);
	dns.answer(EVUTIL_EAI_NONAME, NULL, dns.arg);
	turns(3);
	CHECK_INT_EQ(events_count, 1);
	CHECK_INT_EQ(events[0], BEV_EVENT_CONNECTED);
	CHECK_INT_EQ(bufferevent_socket_get_dns_error(bev), 0);
	close_asking(bev);
}

static void
a_socket_of_the_program_is_tried_once(void)
{
	struct bufferevent *bev = open_asking();
	dns.answer(EVUTIL_EAI_NONAME, NULL, dns.arg);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	bufferevent_setfd(bev, fd);
	CHECK_INT_EQ(bufferevent_socket_connect_hostname(bev, &dns, AF_INET, "somewhere", 4711), 0);
	events_count = 0;
	dns.answer(0, list_of(&bad, &good), dns.arg);
	turns(4);
	CHECK_INT_EQ(events_count, 1);
	CHECK_INT_EQ(events[0], BEV_EVENT_ERROR);
	CHECK_INT_EQ(bufferevent_getfd(bev), fd);
	close_asking(bev);
}

static struct evrt_sys real;

static int
connect_at_once(int fd, const struct sockaddr *sa, socklen_t len)
{
	int r = real.connect(fd, sa, len);

	return r < 0 && errno == EINPROGRESS ? 0 : r;
}

static int
connect_refused(int fd, const struct sockaddr *sa, socklen_t len)
{
	(void)fd;
	(void)sa;
	(void)len;
	errno = ECONNREFUSED;
	return -1;
}

static void
what_is_known_at_once_is_told_by_the_loop(void)
{
	struct bufferevent *bev = open_asking();
	dns.answer(EVUTIL_EAI_NONAME, NULL, dns.arg);
	events_count = 0;
	real = evrt__sys;
	evrt__sys.connect = connect_at_once;
	CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&good, sizeof(good)), 0);
	CHECK_INT_EQ(events_count, 0);
	turns(1);
	CHECK_INT_EQ(events[0], BEV_EVENT_CONNECTED);
	int fd = bufferevent_getfd(bev);
	bufferevent_setfd(bev, -1);
	close(fd);
	events_count = 0;
	evrt__sys.connect = connect_refused;
	CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&good, sizeof(good)), 0);
	CHECK_INT_EQ(events_count, 0);
	turns(1);
	CHECK_INT_EQ(events[0], BEV_EVENT_ERROR);
	CHECK_INT_EQ(last_errno, ECONNREFUSED);
	close_asking(bev);
}

static void
lengths_are_checked(void)
{
	struct bufferevent *bev = open_asking();
	dns.answer(EVUTIL_EAI_NONAME, NULL, dns.arg);
	CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&good, 0), -1);
	CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&good, -5), -1);
	CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&good, 100000), -1);
	CHECK_INT_EQ(bufferevent_getfd(bev), -1);
	close_asking(bev);
}

/* One connect by name to two addresses, as far as memory lets it come; everything is given back. */
static void
connect_once(struct bufferevent *bev, uint64_t k, bool *failed)
{
	struct evutil_addrinfo *list = list_of(&bad, &good);

	evrt_test_fail_alloc(k);
	events_count = 0;
	if (bufferevent_socket_connect_hostname(bev, &dns, AF_INET, "somewhere", 4711) == 0) {
		dns.answer(0, list, dns.arg);
		turns(4);
		CHECK_INT_EQ(events_count, 1);
	} else {
		evutil_freeaddrinfo(list);
	}
	*failed = evrt_test_alloc_has_failed();
	evrt_test_fail_alloc(0);
	int fd = bufferevent_getfd(bev);
	bufferevent_setfd(bev, -1);
	if (fd >= 0)
		close(fd);
	turns(1);
}

static void
memory_runs_out_at_every_point(void)
{
	struct bufferevent *bev = open_asking();
	bool failed;
	dns.answer(EVUTIL_EAI_NONAME, NULL, dns.arg);
	connect_once(bev, 0, &failed); /* what the base allocates once is there now */
	int64_t before = evrt_test_allocs_live();
	uint64_t k = 1;
	do {
		connect_once(bev, k++, &failed);
		CHECK_INT_EQ(evrt_test_allocs_live(), before);
	} while (failed);
	CHECK(k > 3);
	CHECK_INT_EQ(events[0], BEV_EVENT_CONNECTED);
	close_asking(bev);
}

static const struct evrt_test_case cases[] = {
	{ "nothing_moves_during_a_look_up", nothing_moves_during_a_look_up },
	{ "a_refusing_address_is_followed_by_the_next", a_refusing_address_is_followed_by_the_next },
	{ "the_last_failure_is_told", the_last_failure_is_told },
	{ "an_address_that_cannot_be_begun_is_passed_over", an_address_that_cannot_be_begun_is_passed_over },
	{ "a_failed_look_up_is_an_error", a_failed_look_up_is_an_error },
	{ "free_during_a_look_up", free_during_a_look_up },
	{ "another_descriptor_calls_a_look_up_off", another_descriptor_calls_a_look_up_off },
	{ "a_connect_by_address_calls_a_look_up_off", a_connect_by_address_calls_a_look_up_off },
	{ "a_socket_of_the_program_is_tried_once", a_socket_of_the_program_is_tried_once },
	{ "what_is_known_at_once_is_told_by_the_loop", what_is_known_at_once_is_told_by_the_loop },
	{ "lengths_are_checked", lengths_are_checked },
	{ "memory_runs_out_at_every_point", memory_runs_out_at_every_point },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
