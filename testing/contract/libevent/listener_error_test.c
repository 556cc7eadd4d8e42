/* testing/contract/libevent/listener_error_test.c — listeners whose accept fails.
 *
 * Here:     whom it is told, and what may be done then. Running out of descriptors is in listener_test.c.
 * Threads:  one.
 */
#include "testing/contract/libevent/listener_rig.h"

/* On a socket that does not listen: each accept fails with EINVAL. */
static struct evconnlistener *
listen_deaf(void)
{
	struct sockaddr_in sin = loopback();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	base = event_base_new();
	CHECK_INT_EQ(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	struct evconnlistener *lev = evconnlistener_new(base, keep, &base, LEV_OPT_CLOSE_ON_FREE, 0, fd);
	CHECK(lev != NULL);
	return lev;
}

static void
an_error_is_told(void)
{
	struct evconnlistener *lev = listen_deaf();
	evconnlistener_set_error_cb(lev, count_error);
	CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
	CHECK_INT_EQ(errors, 1);
	CHECK_INT_EQ(last_errno, EINVAL);
	CHECK_PTR_EQ(last_arg, &base);
	CHECK_INT_EQ(accepted_count, 0);
	close_all(lev);
}

static void
the_argument_is_that_of_both_callbacks(void)
{
	struct evconnlistener *lev = listen_deaf();
	int other;
	evconnlistener_set_error_cb(lev, count_error);
	evconnlistener_set_cb(lev, keep, &other);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_PTR_EQ(last_arg, &other);
	close_all(lev);
}

static int warnings;

static void
count_warnings(int severity, const char *text)
{
	(void)text;
	warnings += severity == EVENT_LOG_WARN;
}

static void
an_error_that_nobody_wants_is_logged(void)
{
	struct evconnlistener *lev = listen_deaf();
	event_set_log_callback(count_warnings);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_INT_EQ(warnings, 1);
	/* With a callback it is not; and again, when that is taken away. */
	evconnlistener_set_error_cb(lev, count_error);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_INT_EQ(warnings, 1);
	evconnlistener_set_error_cb(lev, NULL);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_INT_EQ(warnings, 2);
	event_set_log_callback(NULL);
	close_all(lev);
}

static void
disable_on_error(struct evconnlistener *lev, void *arg)
{
	count_error(lev, arg);
	evconnlistener_disable(lev);
}

static void
disabling_in_the_error_callback(void)
{
	struct evconnlistener *lev = listen_deaf();
	evconnlistener_set_error_cb(lev, disable_on_error);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(errors, 1);
	close_all(lev);
}

static void
free_on_error(struct evconnlistener *lev, void *arg)
{
	count_error(lev, arg);
	evconnlistener_free(lev);
}

static void
free_in_the_error_callback(void)
{
	struct evconnlistener *lev = listen_deaf();
	evconnlistener_set_error_cb(lev, free_on_error);
	CHECK_INT_EQ(event_base_dispatch(base), 1);
	CHECK_INT_EQ(errors, 1);
	close_all(NULL);
}

static void
listen_on_error(struct evconnlistener *lev, void *arg)
{
	count_error(lev, arg);
	CHECK_INT_EQ(listen(evconnlistener_get_fd(lev), 5), 0);
}

static void
after_an_error_it_goes_on(void)
{
	struct evconnlistener *lev = listen_deaf();
	evconnlistener_set_error_cb(lev, listen_on_error);
	event_base_loop(base, EVLOOP_ONCE);
	int fd = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	CHECK_INT_EQ(errors, 1);
	close(fd);
	close_all(lev);
}

static const struct evrt_test_case cases[] = {
	{ "an_error_is_told", an_error_is_told },
	{ "the_argument_is_that_of_both_callbacks", the_argument_is_that_of_both_callbacks },
	{ "an_error_that_nobody_wants_is_logged", an_error_that_nobody_wants_is_logged },
	{ "disabling_in_the_error_callback", disabling_in_the_error_callback },
	{ "free_in_the_error_callback", free_in_the_error_callback },
	{ "after_an_error_it_goes_on", after_an_error_it_goes_on },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
