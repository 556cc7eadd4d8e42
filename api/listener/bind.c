/* api/listener/bind.c — a listener with a socket of its own.
 *
 * Here:     evconnlistener_new_bind: socket, options, bind.
 * Threads:  any.
 */
#include <event2/listener.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include "base/sys.h"

static int
bind_keepalive(evutil_socket_t fd)
{
	int on = 1;

	return evrt__sys.setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

static int
bind_ipv4_too(evutil_socket_t fd)
{
	int off = 0;

	return evrt__sys.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
}

/* Options that are set before bind, each by one call. */
static const struct bind_option {
	unsigned flag; /* 0: always */
	int (*set)(evutil_socket_t);
} bind_options[] = {
	{ 0, bind_keepalive },
	{ LEV_OPT_REUSEABLE, evutil_make_listen_socket_reuseable },
	{ LEV_OPT_REUSEABLE_PORT, evutil_make_listen_socket_reuseable_port },
	{ LEV_OPT_DEFERRED_ACCEPT, evutil_make_tcp_listen_socket_deferred },
	{ LEV_OPT_BIND_IPV6ONLY, evutil_make_listen_socket_ipv6only },
	{ LEV_OPT_BIND_IPV4_AND_IPV6, bind_ipv4_too },
};

static bool
bind_set_options(evutil_socket_t fd, unsigned flags)
{
	for (size_t i = 0; i < sizeof(bind_options) / sizeof(bind_options[0]); i++) {
		const struct bind_option *o = &bind_options[i];
		if ((o->flag == 0 || (flags & o->flag)) && o->set(fd) < 0)
			return false;
	}
	return true;
}

struct evconnlistener *
evconnlistener_new_bind(struct event_base *base, evconnlistener_cb cb, void *ptr, unsigned flags, int backlog,
    const struct sockaddr *sa, int socklen)
{
	const unsigned both = LEV_OPT_BIND_IPV6ONLY | LEV_OPT_BIND_IPV4_AND_IPV6;

	/* With a backlog of 0 it would never listen. */
	if (backlog == 0 || (flags & both) == both) {
		errno = EINVAL;
		return NULL;
	}
	int type = SOCK_STREAM | SOCK_NONBLOCK | (flags & LEV_OPT_CLOSE_ON_EXEC ? SOCK_CLOEXEC : 0);
	int fd = evrt__sys.socket(sa ? sa->sa_family : AF_UNSPEC, type, 0);
	if (fd < 0)
		return NULL;
	struct evconnlistener *lev = NULL;
	if (bind_set_options(fd, flags) && (!sa || evrt__sys.bind(fd, sa, (socklen_t)socklen) == 0))
		lev = evconnlistener_new(base, cb, ptr, flags, backlog, fd);
	if (!lev) {
		int err = errno;
		evrt__sys.close(fd);
		errno = err;
	}
	return lev;
}
