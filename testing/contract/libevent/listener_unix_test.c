/* testing/contract/libevent/listener_unix_test.c — listeners on AF_UNIX: files, abstract names, and their lengths.
 *
 * Threads: one.
 */
#include <stddef.h>
#include <sys/un.h>

#include "testing/contract/libevent/listener_rig.h"

static void
check_unbindable(const void *sa, int len, int err)
{
	errno = 0;
	CHECK_PTR_EQ(evconnlistener_new_bind(base, keep, NULL, 0, 5, sa, len), NULL);
	CHECK_INT_EQ(errno, err);
}

/* A name of this process; not in TEST_TMPDIR, which may be longer than a socket's name can be. */
static struct sockaddr_un
address_unix(const char *what)
{
	struct sockaddr_un sun;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "/tmp/lev-%s-%d", what, getpid());
	unlink(sun.sun_path);
	return sun;
}

static struct evconnlistener *
listen_unix(const struct sockaddr_un *sun, size_t len, unsigned flags)
{
	base = event_base_new();
	struct evconnlistener *lev = evconnlistener_new_bind(base, keep, NULL, flags | LEV_OPT_CLOSE_ON_FREE, 5,
	    (const struct sockaddr *)sun, (int)len);
	CHECK(lev != NULL);
	return lev;
}

static void
a_path(void)
{
	struct sockaddr_un sun = address_unix("path");
	struct evconnlistener *lev = listen_unix(&sun, sizeof(sun), 0);
	int fd = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	CHECK_INT_EQ(last_address.ss_family, AF_UNIX);
	CHECK_INT_EQ(last_len, offsetof(struct sockaddr_un, sun_path)); /* the client has no name */
	CHECK(fcntl(accepted[0], F_GETFL) & O_NONBLOCK);
	close(fd);
	close_all(lev);
	/* The name is the program's. */
	CHECK_INT_EQ(unlink(sun.sun_path), 0);
}

static void
a_path_that_is_reuseable(void)
{
	struct sockaddr_un sun = address_unix("again");
	struct evconnlistener *lev = listen_unix(&sun, sizeof(sun), LEV_OPT_REUSEABLE);
	evconnlistener_free(lev);
	turns(1);
	/* The option means nothing for files. */
	CHECK_PTR_EQ(evconnlistener_new_bind(base, keep, NULL, LEV_OPT_REUSEABLE, 5, (struct sockaddr *)&sun, sizeof(sun)),
	    NULL);
	CHECK_INT_EQ(errno, EADDRINUSE);
	close_all(NULL);
	unlink(sun.sun_path);
}

static void
an_abstract_name(void)
{
	struct sockaddr_un sun = address_unix("abstract");
	size_t len = offsetof(struct sockaddr_un, sun_path) + strlen(sun.sun_path);
	sun.sun_path[0] = '\0';
	struct evconnlistener *lev = listen_unix(&sun, len, 0);
	int fd = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	close(fd);
	close_all(lev);
}

static void
a_client_with_a_name(void)
{
	struct sockaddr_un sun = address_unix("server"), mine = address_unix("client");
	size_t len = offsetof(struct sockaddr_un, sun_path) + strlen(mine.sun_path);
	mine.sun_path[0] = '\0';
	struct evconnlistener *lev = listen_unix(&sun, sizeof(sun), 0);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_INT_EQ(bind(fd, (struct sockaddr *)&mine, (socklen_t)len), 0);
	CHECK_INT_EQ(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	CHECK_INT_EQ(last_len, len);
	CHECK_MEM_EQ(&last_address, &mine, len);
	close(fd);
	close_all(lev);
	unlink(sun.sun_path);
}

static void
the_longest_path(void)
{
	struct sockaddr_un sun = address_unix("long");
	char name[sizeof(sun.sun_path) + 1] = { 0 };
	memset(sun.sun_path + strlen(sun.sun_path), 'x', sizeof(sun.sun_path) - strlen(sun.sun_path)); /* and no 0 */
	memcpy(name, sun.sun_path, sizeof(sun.sun_path));
	unlink(name);
	struct evconnlistener *lev = listen_unix(&sun, sizeof(sun), 0);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_INT_EQ(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	close(fd);
	close_all(lev);
	CHECK_INT_EQ(unlink(name), 0);
}

static void
a_name_of_the_kernels_choice(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct evconnlistener *lev = listen_unix(&sun, sizeof(sa_family_t), 0);
	int fd = connect_to(lev);
	turns(2);
	CHECK_INT_EQ(accepted_count, 1);
	close(fd);
	close_all(lev);
}

static void
unix_names_that_are_no_good(void)
{
	struct { struct sockaddr_un sun; char more[4]; } longer = { .sun = address_unix("bad") };
	struct sockaddr_un nowhere = { .sun_family = AF_UNIX, .sun_path = "/nonexistent/lev" };
	base = event_base_new();
	check_unbindable(&longer, sizeof(struct sockaddr_un) + 1, EINVAL);
	check_unbindable(&nowhere, sizeof(nowhere), ENOENT);
	event_base_free(base);
}

/* Only a file's name: whoever listens there is not asked. */
static void
a_path_in_use(void)
{
	struct sockaddr_un sun = address_unix("used");
	struct evconnlistener *lev = listen_unix(&sun, sizeof(sun), 0);
	check_unbindable(&sun, sizeof(sun), EADDRINUSE);
	close_all(lev);
	unlink(sun.sun_path);
}

static const struct evrt_test_case cases[] = {
	{ "a_path", a_path },
	{ "a_path_that_is_reuseable", a_path_that_is_reuseable },
	{ "an_abstract_name", an_abstract_name },
	{ "a_client_with_a_name", a_client_with_a_name },
	{ "the_longest_path", the_longest_path },
	{ "a_name_of_the_kernels_choice", a_name_of_the_kernels_choice },
	{ "unix_names_that_are_no_good", unix_names_that_are_no_good },
	{ "a_path_in_use", a_path_in_use },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
