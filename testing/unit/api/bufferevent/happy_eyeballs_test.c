/* testing/unit/api/bufferevent/happy_eyeballs_test.c — connecting to a name that has several addresses.
 *
 * Here:     the order and the times of attempts, who wins, and calling it off at every moment; with a resolver, a
 *           clock and a network of the test's own: connect(2) puts one end of a socket pair in the socket's place.
 *           Its buffer is full until the test lets the attempt end.
 * Threads:  one.
 */
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
#include "testing/harness/fault.h"
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

static void
fill(int fd)
{
	static char block[4096];
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while (write(fd, block, sizeof(block)) > 0)
		;
}

static int
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

static int
fake_socket(int family, int type, int protocol)
{
	CHECK_INT_EQ(type, SOCK_STREAM | SOCK_NONBLOCK);
	return real.socket(family == AF_INET6 ? AF_INET : family, type, protocol);
}

static int
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
static void
ends(int i, int result)
{
	static char block[65536];

	attempts[i].result = result;
	while (read(attempts[i].peer, block, sizeof(block)) > 0)
		;
}

static bool
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

static struct evdns_getaddrinfo_request *
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

static void
on_event(struct bufferevent *b, short what, void *arg)
{
	size_t used = strlen(told);

	(void)arg;
	told_errno = EVUTIL_SOCKET_ERROR();
	told_fd = bufferevent_getfd(b);
	snprintf(told + used, sizeof(told) - used, "%s%x", used ? " " : "", (unsigned)what);
}

/* Addresses from words like "4.1 6.101": family and last byte. */
static struct evutil_addrinfo *
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

static void
turns(int n)
{
	while (n-- > 0)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
pass_ms(long n)
{
	evrt__clock_fake_advance(fake_clock, n * EVRT_NS_PER_MS);
	turns(2);
}

static void
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

static void
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

static void
look_up(void)
{
	CHECK_INT_EQ(bufferevent_socket_connect_hostname(bev, &dns, AF_UNSPEC, "somewhere", PORT), 0);
}

static void
race_to(const char *words)
{
	set_up();
	look_up();
	dns.answer(0, list_of(words), dns.arg);
}

/* --- order and times ------------------------------------------------------------------------- */

static void
families_take_turns(void)
{
	static const char *const rows[][2] = {
		{ "6.1 6.2 6.3 4.4 4.5", "6.1 4.4 6.2 4.5 6.3" },
		{ "4.1 4.2 6.3", "4.1 6.3 4.2" },
		{ "6.1 4.2 4.3 4.4", "6.1 4.2 4.3 4.4" },
		{ "4.1 4.2 4.3", "4.1 4.2 4.3" },
		{ "6.1 4.2 6.3 4.4", "6.1 4.2 6.3 4.4" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		attempts_count = 0;
		tried[0] = '\0';
		race_to(rows[i][0]);
		for (int k = 0; k < 6; k++)
			pass_ms(250);
		CHECK_STR_EQ(tried, rows[i][1]);
		tear_down();
	}
	CHECK_STR_EQ(told, "");
}

static void
the_next_one_begins_after_250_ms(void)
{
	race_to("4.1 6.2 4.3");
	CHECK_STR_EQ(tried, "4.1");
	pass_ms(249);
	CHECK_STR_EQ(tried, "4.1");
	pass_ms(1);
	CHECK_STR_EQ(tried, "4.1 6.2");
	pass_ms(200);
	CHECK_STR_EQ(tried, "4.1 6.2");
	pass_ms(50);
	CHECK_STR_EQ(tried, "4.1 6.2 4.3");
	pass_ms(10000);
	CHECK_STR_EQ(told, "");
	CHECK_INT_EQ(bufferevent_getfd(bev), attempts[0].fd);
	tear_down();
}

static void
a_failure_begins_the_next_at_once_and_the_delay_anew(void)
{
	race_to("4.1 6.2 4.3");
	pass_ms(200);
	ends(0, ECONNREFUSED);
	turns(2);
	CHECK_STR_EQ(tried, "4.1 6.2");
	CHECK(!is_open(attempts[0].fd) || attempts[0].fd == attempts[1].fd);
	pass_ms(249);
	CHECK_STR_EQ(tried, "4.1 6.2");
	pass_ms(1);
	CHECK_STR_EQ(tried, "4.1 6.2 4.3");
	tear_down();
}

static void
what_fails_at_once_is_passed_over(void)
{
	race_to("4.101 6.111 4.102 6.7 4.8");
	CHECK_STR_EQ(tried, "4.101 6.111 4.102 6.7");
	ends(0, 0);
	turns(3);
	CHECK_STR_EQ(told, "80");
	CHECK_STR_EQ(tried, "4.101 6.111 4.102 6.7");
	tear_down();
}

/* --- who wins -------------------------------------------------------------------------------- */

static void
the_first_to_answer_wins_and_the_others_are_closed(void)
{
	for (int winner = 0; winner < 3; winner++) {
		attempts_count = 0;
		told[0] = '\0';
		race_to("4.1 6.2 4.3");
		bufferevent_write(bev, "hello", 5);
		pass_ms(250);
		pass_ms(250);
		ends(winner, 0);
		turns(3);
		CHECK_STR_EQ(told, "80");
		for (int i = 0; i < 3; i++)
			CHECK_INT_EQ(is_open(attempts[i].fd), i == winner);
		CHECK_INT_EQ(told_fd, attempts[winner].fd);
		CHECK_INT_EQ(bufferevent_getfd(bev), attempts[winner].fd);
		char got[8] = "";
		CHECK_INT_EQ(read(attempts[winner].peer, got, sizeof(got)), 5);
		CHECK_STR_EQ(got, "hello");
		pass_ms(1000);
		CHECK_STR_EQ(told, "80");
		tear_down();
	}
}

static void
two_answers_in_one_turn_have_one_winner(void)
{
	race_to("4.1 6.2");
	pass_ms(250);
	ends(0, 0);
	ends(1, 0);
	turns(3);
	CHECK_STR_EQ(told, "80");
	CHECK_INT_EQ(is_open(attempts[0].fd) + is_open(attempts[1].fd), 1);
	tear_down();
}

static void
a_failure_beside_a_success_does_not_matter(void)
{
	race_to("4.1 6.2 4.3");
	pass_ms(250);
	ends(0, ECONNREFUSED);
	ends(1, 0);
	turns(3);
	CHECK_STR_EQ(told, "80");
	CHECK_STR_EQ(tried, "4.1 6.2");
	tear_down();
}

static void
one_that_is_connected_at_once_wins(void)
{
	race_to("4.101 6.121 4.3");
	CHECK_STR_EQ(told, ""); /* not in the middle of the call */
	turns(2);
	CHECK_STR_EQ(told, "80");
	CHECK_STR_EQ(tried, "4.101 6.121");
	tear_down();
}

static void
when_all_have_failed_the_last_reason_is_told(void)
{
	race_to("4.1 6.2 4.111");
	pass_ms(250);
	ends(1, ETIMEDOUT);
	turns(2);
	CHECK_STR_EQ(tried, "4.1 6.2 4.111");
	CHECK_STR_EQ(told, "");
	ends(0, ECONNRESET);
	turns(3);
	CHECK_STR_EQ(told, "20");
	CHECK_INT_EQ(told_errno, ECONNRESET);
	CHECK_INT_EQ(told_fd, -1);
	CHECK_INT_EQ(bufferevent_socket_get_dns_error(bev), 0);
	pass_ms(1000);
	CHECK_STR_EQ(told, "20");
	/* And the bufferevent can try again. */
	look_up();
	dns.answer(0, list_of("4.1 6.2"), dns.arg);
	ends(2, 0);
	turns(3);
	CHECK_STR_EQ(told, "20 80");
	tear_down();
}

static void
when_all_fail_at_once_the_loop_tells(void)
{
	race_to("4.101 6.111");
	CHECK_STR_EQ(told, "");
	turns(1);
	CHECK_STR_EQ(told, "20");
	CHECK_INT_EQ(told_errno, ENETUNREACH);
	tear_down();
}

/* --- time, and what is enabled --------------------------------------------------------------- */

static void
timeouts_count_over_the_whole(void)
{
	struct timeval read_tv = { 1, 0 }, write_tv = { 0, 600000 };
	set_up();
	bufferevent_set_timeouts(bev, &read_tv, &write_tv);
	bufferevent_enable(bev, EV_READ);
	look_up();
	pass_ms(5000); /* not while the name is looked up */
	CHECK_STR_EQ(told, "");
	dns.answer(0, list_of("4.1 6.2 4.3 6.4"), dns.arg);
	pass_ms(250);
	ends(0, ECONNREFUSED);
	turns(2);
	pass_ms(250);
	CHECK_STR_EQ(told, "");
	pass_ms(100);
	CHECK_STR_EQ(told, "42");
	pass_ms(400);
	CHECK_STR_EQ(told, "42 41");
	pass_ms(5000);
	CHECK_STR_EQ(told, "42 41");
	/* The race goes on, as any connect does. */
	ends(3, 0);
	turns(3);
	CHECK_STR_EQ(told, "42 41 80");
	tear_down();
}

static void
the_loop_waits_for_the_outcome(void)
{
	race_to("4.1 6.2");
	bufferevent_disable(bev, EV_READ | EV_WRITE);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	ends(0, 0);
	turns(3);
	CHECK_STR_EQ(told, "80");
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	tear_down();
}

/* --- called off, at every moment ---------------------------------------------------------------- */

enum moment { LOOKING_UP, ONE_UNDER_WAY, TWO_UNDER_WAY, REPORTED, WON, LOST, MOMENTS };
enum action { FREES, SETS_FD, REPLACES_FD, CONNECTS_TO_NAME, ACTIONS };

static enum action action;
static int other[2];

static void
act(void)
{
	int before = bufferevent_getfd(bev);

	switch (action) {
	case FREES:
		bufferevent_free(bev);
		bev = NULL;
		break;
	case SETS_FD:
		CHECK_INT_EQ(bufferevent_setfd(bev, other[0]), 0);
		if (before >= 0)
			CHECK_INT_EQ(close(before), 0); /* it was left to us */
		break;
	case REPLACES_FD:
		CHECK_INT_EQ(bufferevent_replacefd(bev, other[0]), 0);
		break;
	default:
		look_up();
		CHECK_INT_EQ(bufferevent_getfd(bev), -1);
	}
}

static void
act_between(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	event_free(between);
	between = NULL;
	act();
}

static void
reach(enum moment m)
{
	if (m == LOOKING_UP)
		return;
	dns.answer(0, list_of(m == LOST ? "4.1 6.101" : "4.1 6.2"), dns.arg);
	if (m >= TWO_UNDER_WAY)
		pass_ms(250);
	if (m == REPORTED || m == WON)
		ends(1, 0);
	if (m == LOST)
		ends(0, ECONNREFUSED);
	if (m == WON || m == LOST)
		between = event_new(base, -1, 0, act_between, NULL);
}

static void
called_off(enum moment m)
{
	void *arg;
	answer_fn answer;

	attempts_count = 0;
	told[0] = '\0';
	set_up();
	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, other), 0);
	look_up();
	answer = dns.answer;
	arg = dns.arg;
	reach(m);
	if (!between)
		act();
	turns(3);
	CHECK(between == NULL);
	if (m == LOOKING_UP)
		answer(0, list_of("4.1 6.2"), arg);
	CHECK_STR_EQ(told, "");
	if (action == CONNECTS_TO_NAME) {
		dns.answer(0, list_of("4.5"), dns.arg);
		ends(attempts_count - 1, 0);
		turns(3);
		CHECK_STR_EQ(told, "80");
	}
	pass_ms(1000);
	if (action == SETS_FD || action == REPLACES_FD)
		CHECK_INT_EQ(bufferevent_getfd(bev), other[0]);
	else
		close(other[0]);
	tear_down();
	CHECK(!is_open(other[0]));
	close(other[1]);
}

static void
it_can_be_called_off_at_every_moment(void)
{
	called_off(LOOKING_UP); /* what is allocated once is there now */
	evrt_test_fail_alloc(0);
	int64_t before = evrt_test_allocs_live();
	for (int m = 0; m < MOMENTS; m++)
		for (int a = 0; a < ACTIONS; a++) {
			action = (enum action)a;
			called_off((enum moment)m);
			CHECK_INT_EQ(evrt_test_allocs_live(), before);
		}
}

static void
a_connect_to_an_address_meanwhile_is_refused(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	race_to("4.1 6.2");
	CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&sin, sizeof(sin)), -1);
	CHECK_INT_EQ(errno, EALREADY);
	CHECK_INT_EQ(bufferevent_socket_connect(bev, NULL, 0), -1);
	ends(0, 0);
	turns(3);
	CHECK_STR_EQ(told, "80");
	tear_down();
}

static void
without_close_on_free_what_the_program_cannot_know_is_closed(void)
{
	set_up();
	bufferevent_free(bev);
	bev = bufferevent_socket_new(base, -1, 0);
	look_up();
	dns.answer(0, list_of("4.1 6.2 4.3"), dns.arg);
	pass_ms(250);
	pass_ms(250);
	int known = bufferevent_getfd(bev);
	CHECK_INT_EQ(known, attempts[0].fd);
	bufferevent_free(bev);
	bev = NULL;
	turns(1);
	CHECK(is_open(known));
	close(known);
	tear_down();
}

/* --- faults ---------------------------------------------------------------------------------- */

static bool
race_with_fault(uint64_t k)
{
	struct evutil_addrinfo *list = list_of("4.1 6.2 4.3");

	attempts_count = 0;
	told[0] = '\0';
	evrt_test_fail_alloc(k);
	if (bufferevent_socket_connect_hostname(bev, &dns, AF_UNSPEC, "somewhere", PORT) == 0) {
		dns.answer(0, list, dns.arg);
		for (int i = 0; i < 4; i++) {
			pass_ms(250);
			if (i < attempts_count)
				ends(i, i < 2 ? ECONNREFUSED : 0);
			turns(2);
		}
		CHECK(strcmp(told, "80") == 0 || strcmp(told, "20") == 0);
	} else {
		evutil_freeaddrinfo(list);
	}
	bool failed = evrt_test_alloc_has_failed();
	evrt_test_fail_alloc(0);
	CHECK_INT_EQ(bufferevent_replacefd(bev, -1), 0);
	turns(1);
	for (int i = 0; i < attempts_count; i++) {
		CHECK(!is_open(attempts[i].fd));
		close(attempts[i].peer);
	}
	attempts_count = 0;
	return failed;
}

static void
memory_runs_out_at_every_point(void)
{
	uint64_t k = 1;
	set_up();
	race_with_fault(0);
	int64_t before = evrt_test_allocs_live();
	while (race_with_fault(k++))
		CHECK_INT_EQ(evrt_test_allocs_live(), before);
	CHECK(k > 5);
	CHECK_STR_EQ(told, "80");
	tear_down();
}

static int sockets_left;

static int
few_sockets(int family, int type, int protocol)
{
	if (sockets_left-- > 0)
		return fake_socket(family, type, protocol);
	errno = EMFILE;
	return -1;
}

static void
descriptors_run_out(void)
{
	for (int n = 0; n < 3; n++) {
		attempts_count = 0;
		told[0] = '\0';
		set_up();
		evrt__sys.socket = few_sockets;
		sockets_left = n;
		look_up();
		dns.answer(0, list_of("4.1 6.2"), dns.arg);
		pass_ms(250);
		CHECK_INT_EQ(attempts_count, n);
		for (int i = 0; i < n; i++)
			ends(i, i == 1 ? 0 : ECONNREFUSED);
		turns(3);
		CHECK_STR_EQ(told, n == 2 ? "80" : "20");
		if (n < 2)
			CHECK_INT_EQ(told_errno, n == 0 ? EMFILE : ECONNREFUSED);
		tear_down();
	}
}

static const struct evrt_test_case cases[] = {
	{ "families_take_turns", families_take_turns },
	{ "the_next_one_begins_after_250_ms", the_next_one_begins_after_250_ms },
	{ "a_failure_begins_the_next_at_once_and_the_delay_anew", a_failure_begins_the_next_at_once_and_the_delay_anew },
	{ "what_fails_at_once_is_passed_over", what_fails_at_once_is_passed_over },
	{ "the_first_to_answer_wins_and_the_others_are_closed", the_first_to_answer_wins_and_the_others_are_closed },
	{ "two_answers_in_one_turn_have_one_winner", two_answers_in_one_turn_have_one_winner },
	{ "a_failure_beside_a_success_does_not_matter", a_failure_beside_a_success_does_not_matter },
	{ "one_that_is_connected_at_once_wins", one_that_is_connected_at_once_wins },
	{ "when_all_have_failed_the_last_reason_is_told", when_all_have_failed_the_last_reason_is_told },
	{ "when_all_fail_at_once_the_loop_tells", when_all_fail_at_once_the_loop_tells },
	{ "timeouts_count_over_the_whole", timeouts_count_over_the_whole },
	{ "the_loop_waits_for_the_outcome", the_loop_waits_for_the_outcome },
	{ "it_can_be_called_off_at_every_moment", it_can_be_called_off_at_every_moment },
	{ "a_connect_to_an_address_meanwhile_is_refused", a_connect_to_an_address_meanwhile_is_refused },
	{ "without_close_on_free_what_the_program_cannot_know_is_closed",
	    without_close_on_free_what_the_program_cannot_know_is_closed },
	{ "memory_runs_out_at_every_point", memory_runs_out_at_every_point },
	{ "descriptors_run_out", descriptors_run_out },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
