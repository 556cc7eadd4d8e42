/* api/bufferevent/connect.c — connecting the socket of a bufferevent.
 *
 * Here:     bufferevent_socket_connect and _connect_hostname, and the end of a connect.
 * Not here: reading and writing (socket.c), DNS (resolver.h names what is asked of it).
 * Threads:  any, locked; a connect ends in the strand. A look-up is made without the lock, because the lock of
 *           a DNS base comes before ours, and because the blocking one may take long.
 *
 *            connect, in progress                    writable, SO_ERROR 0
 *   idle ------------------------> connecting -----------------------------> idle, CONNECTED told
 *    |  connected or refused at once  ^  |
 *    '--------------------------------'  |  error, and the name has another address: connect to that
 *       (told by the next turn)          '-------> error: idle, ERROR told
 *
 * While connecting, ev_write is added whatever the program has enabled: its report ends the connect. ev_read
 * is added if reading is enabled, so that its timeout counts, but nothing is read.
 */
#include "api/bufferevent/bufferevent_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include "api/bufferevent/resolver.h"
#include "api/util/socket_error.h"
#include "base/mem.h"
#include "base/sys.h"

#define RW (EV_READ | EV_WRITE)

struct evrt_bev_lookup {
	struct bufferevent_private *p; /* referenced */
};

static void
connect_forget_addresses(struct bufferevent_private *p)
{
	if (p->connect.addresses)
		evutil_freeaddrinfo(p->connect.addresses);
	p->connect.addresses = p->connect.next = NULL;
}

static void
connect_forget_name(struct bufferevent_private *p)
{
	connect_forget_addresses(p);
	if (p->connect.lookup) {
		p->connect.lookup = NULL; /* its answer will find nobody who waits for it */
		evrt__bev_resume(p, RW, EVRT_BEV_SUSPEND_LOOKUP);
	}
}

void
evrt__bev_connect_cancel(struct bufferevent_private *p)
{
	p->connect.connecting = false;
	p->connect.failed_with = 0;
	connect_forget_name(p);
}

/* Waits for the end of a connect on `fd`; `result` is what connect(2) said, 0 or -errno. */
static int
connect_wait(struct bufferevent_private *p, evutil_socket_t fd, int result)
{
	/* What is known already is told by the next turn, not in the middle of the program's call. */
	bool known = !evrt__err_connect_retriable(-result);

	evrt__bev_socket_del(p, RW);
	evrt__bev_socket_attach(p, fd);
	p->connect.connecting = true;
	p->connect.failed_with = known ? -result : 0;
	int err = evrt__bev_socket_open(p, known ? EVRT_WRITE : 0);
	if (err == 0)
		err = evrt__bev_socket_add(p, EV_WRITE);
	if (err == 0 && (p->bev.enabled & EV_READ) && !p->read_suspended)
		err = evrt__bev_socket_add(p, EV_READ);
	if (err < 0) {
		p->connect.connecting = false;
		p->connect.failed_with = 0;
		evrt__bev_socket_del(p, RW);
	}
	return err;
}

static int
connect_call(evutil_socket_t fd, const struct sockaddr *sa, socklen_t len)
{
	return evrt__sys.connect(fd, sa, len) == 0 ? 0 : -errno;
}

/* 0: the end will be told. -errno: nothing was begun; a socket that was made here is closed. */
static int
connect_begin(struct bufferevent_private *p, const struct sockaddr *sa, socklen_t len)
{
	evutil_socket_t fd = p->fd;
	bool ours = fd < 0;

	if (ours)
		fd = evrt__sys.socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int result = connect_call(fd, sa, len);
	bool begun = result == 0 || evrt__err_connect_retriable(-result) || evrt__err_connect_refused(-result);
	int err = begun ? connect_wait(p, fd, result) : result;
	if (err < 0 && ours) {
		if (p->fd == fd)
			evrt__bev_socket_attach(p, -1);
		evrt__sys.close(fd);
	}
	return err;
}

int
bufferevent_socket_connect(struct bufferevent *bev, const struct sockaddr *sa, int socklen)
{
	struct bufferevent_private *p = evrt__bev(bev);
	int err = -EINVAL;

	evrt__bev_lock_and_ref(p);
	bool right_kind = bev->be_ops == &evrt__bev_socket_ops && !p->freed;
	if (right_kind && sa && socklen > 0 && (size_t)socklen <= sizeof(struct sockaddr_storage))
		err = connect_begin(p, sa, (socklen_t)socklen);
	else if (right_kind && !sa && p->fd >= 0)
		err = connect_wait(p, p->fd, -EINPROGRESS);
	/* It is this connect that counts, not one by name; one that was refused here changes nothing. */
	if (err == 0)
		connect_forget_name(p);
	evrt__bev_unref_and_unlock(p);
	if (err < 0)
		errno = -err;
	return err < 0 ? -1 : 0;
}

/* Begins to connect to the next address that lets us begin. 0; or the last error, -errno. */
static int
connect_next(struct bufferevent_private *p)
{
	int err = -EHOSTUNREACH;

	while (p->connect.next) {
		const struct evutil_addrinfo *ai = p->connect.next;
		p->connect.next = ai->ai_next;
		err = connect_begin(p, ai->ai_addr, ai->ai_addrlen);
		if (err == 0)
			break;
	}
	return err;
}

/* With a socket of the program: it is not ours to throw away for another try. */
static int
connect_only(struct bufferevent_private *p, const struct evutil_addrinfo *ai)
{
	p->connect.next = NULL;
	return connect_begin(p, ai->ai_addr, ai->ai_addrlen);
}

/* The connect to one address of a name has failed; true when another one is under way. */
static bool
connect_retry(struct bufferevent_private *p, int *err)
{
	if (!p->connect.next)
		return false;
	evutil_socket_t fd = p->fd;
	evrt__bev_socket_del(p, RW);
	evrt__bev_socket_attach(p, -1);
	evrt__sys.close(fd); /* it was made here: with a socket of the program only one address is tried */
	int result = connect_next(p);
	if (result < 0)
		*err = -result;
	return result == 0;
}

/* 0 connected, EINPROGRESS not yet, else why not. */
static int
connect_result(evutil_socket_t fd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	return evrt__sys.getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 ? errno : err;
}

bool
evrt__bev_connect_finish(struct bufferevent_private *p)
{
	int err = p->connect.failed_with ? p->connect.failed_with : connect_result(p->fd);

	if (evrt__err_connect_retriable(err)) {
		evrt__stream_drained(&p->stream, EVRT_WRITE);
		return false;
	}
	p->connect.connecting = false;
	p->connect.failed_with = 0;
	if (err && connect_retry(p, &err))
		return false;
	connect_forget_addresses(p);
	if (err) {
		evrt__bev_socket_del(p, RW);
		evrt__bev_call_event(p, BEV_EVENT_ERROR, err, 0);
		return false;
	}
	evrt__bev_call_event(p, BEV_EVENT_CONNECTED, 0, 0);
	/* The callback may have begun anything, another connect included. */
	if (p->connect.connecting)
		return false;
	evrt__stream_resume(&p->stream); /* what became readable meanwhile */
	if (p->write_added && (!(p->bev.enabled & EV_WRITE) || p->write_suspended))
		evrt__bev_socket_del(p, EV_WRITE);
	return p->write_added;
}

/* --- by name -------------------------------------------------------------------------------- */

/* evdns_getaddrinfo_cb; no lock held. Takes the list, the look-up and its reference. */
static void
connect_looked_up(int dns_error, struct evutil_addrinfo *list, void *arg)
{
	struct evrt_bev_lookup *lookup = arg;
	struct bufferevent_private *p = lookup->p;
	int err = 0;

	evrt__bev_lock(p);
	if (p->connect.lookup != lookup) {
		if (list)
			evutil_freeaddrinfo(list);
	} else {
		p->connect.lookup = NULL;
		p->connect.dns_error = dns_error;
		p->connect.addresses = p->connect.next = list;
		if (dns_error == 0)
			err = p->fd < 0 || !list ? connect_next(p) : connect_only(p, list);
		if (dns_error || err < 0)
			connect_forget_addresses(p);
		evrt__bev_resume(p, RW, EVRT_BEV_SUSPEND_LOOKUP);
		if (dns_error || err < 0)
			evrt__bev_call_event(p, BEV_EVENT_ERROR, -err, 0);
	}
	evrt__bev_unref_and_unlock(p);
	evrt__free(lookup);
}

/* Blocks. */
static void
connect_look_up_here(const char *host, const char *service, const struct evutil_addrinfo *hints, void *lookup)
{
	struct evutil_addrinfo *list = NULL;
	int dns_error = evutil_getaddrinfo(host, service, hints, &list);

	connect_looked_up(dns_error, list, lookup);
}

static struct evrt_bev_lookup *
connect_lookup_new(struct bufferevent_private *p)
{
	struct evrt_bev_lookup *lookup = evrt__malloc(sizeof(*lookup));

	if (!lookup)
		return NULL;
	lookup->p = p;
	evrt__bev_lock_and_ref(p);
	evrt__bev_connect_cancel(p);
	p->connect.lookup = lookup;
	p->connect.dns_error = 0;
	evrt__bev_suspend(p, RW, EVRT_BEV_SUSPEND_LOOKUP);
	evrt__bev_unlock(p);
	return lookup;
}

int
bufferevent_socket_connect_hostname(struct bufferevent *bev, struct evdns_base *dns_base, int family,
    const char *hostname, int port)
{
	struct evutil_addrinfo hints;
	char service[16];

	if ((family != AF_INET && family != AF_INET6 && family != AF_UNSPEC) || port < 1 || port > 65535 ||
	    bev->be_ops != &evrt__bev_socket_ops)
		return -1;
	snprintf(service, sizeof(service), "%d", port);
	memset(&hints, 0, sizeof(hints));
	hints.ai_family = family;
	hints.ai_protocol = IPPROTO_TCP;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = EVUTIL_AI_ADDRCONFIG;
	struct evrt_bev_lookup *lookup = connect_lookup_new(evrt__bev(bev));
	if (!lookup)
		return -1;
	if (dns_base)
		evrt__resolver_of(dns_base)->getaddrinfo(dns_base, hostname, service, &hints, connect_looked_up,
		    lookup);
	else
		connect_look_up_here(hostname, service, &hints, lookup);
	return 0;
}

int
bufferevent_socket_get_dns_error(struct bufferevent *bev)
{
	evrt__bev_lock(evrt__bev(bev));
	int err = evrt__bev(bev)->connect.dns_error;
	evrt__bev_unlock(evrt__bev(bev));
	return err;
}
