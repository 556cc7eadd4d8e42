/* testing/unit/api/bufferevent/race_ends_test.c — a connect to several addresses is called off, or lacks something.
 *
 * Here:     every way to call it off at every moment; memory and descriptors that run out.
 * Threads:  one.
 */
#include "testing/unit/api/bufferevent/race_rig.h"

#include "testing/harness/fault.h"

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

/* The first address hangs: the others have their turn all the same. */
static void
without_memory_for_the_delay_the_next_begins_at_once(void)
{
	int without = 0;

	for (uint64_t k = 1; k < 20; k++) {
		attempts_count = 0;
		tried[0] = told[0] = '\0';
		set_up();
		look_up();
		struct evutil_addrinfo *list = list_of("4.1 6.2 4.3");
		evrt_test_fail_alloc(k);
		dns.answer(0, list, dns.arg);
		evrt_test_fail_alloc(0);
		turns(2);
		if (told[0] == '\0') {
			without += strcmp(tried, "4.1") != 0;
			pass_ms(250);
			pass_ms(250);
			CHECK_STR_EQ(tried, "4.1 6.2 4.3");
		}
		tear_down();
	}
	CHECK(without > 0);
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
	{ "it_can_be_called_off_at_every_moment", it_can_be_called_off_at_every_moment },
	{ "a_connect_to_an_address_meanwhile_is_refused", a_connect_to_an_address_meanwhile_is_refused },
	{ "without_close_on_free_what_the_program_cannot_know_is_closed",
	    without_close_on_free_what_the_program_cannot_know_is_closed },
	{ "memory_runs_out_at_every_point", memory_runs_out_at_every_point },
	{ "without_memory_for_the_delay_the_next_begins_at_once",
	    without_memory_for_the_delay_the_next_begins_at_once },
	{ "descriptors_run_out", descriptors_run_out },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
