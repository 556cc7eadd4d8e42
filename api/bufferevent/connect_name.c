/* api/bufferevent/connect_name.c — connecting the socket of a bufferevent to a host.
 *
 * Here:     bufferevent_socket_connect_hostname and _hints: the look-up, and what its answer begins.
 * Not here: connecting to one address (connect.c), to several (happy_eyeballs.c), DNS (resolver.h names what is
 *           asked of it).
 * Threads:  any. A look-up is made without the lock, because the lock of a DNS base comes before ours, and because
 *           the blocking one may take long. Its answer may come in any thread: whatever it says, the program is
 *           told by the strand.
 *
 *                    answer: one address, or a socket of the program's         (connect.c)
 *   look-up ---------------------------------------------------------> WAITS
 *      |   \-- several --> RACES -- one has connected ----------------> WAITS, which ends by the next turn
 *      | no answer           | none has
 *      '--> FAILED <---------'
 *
 * During a look-up both directions are suspended. The bufferevent's timeouts count from the answer on, over all
 * attempts of a race.
 */
#include "api/bufferevent/bufferevent_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include "api/bufferevent/happy_eyeballs.h"
#include "api/bufferevent/resolver.h"
#include "base/mem.h"
#include "base/sys.h"

#define RW (EV_READ | EV_WRITE)

struct evrt_bev_name {
	struct bufferevent_private *p;
	bool asked;                        /* until the answer, which frees this and gives back a reference on p */
	struct evutil_addrinfo *addresses; /* the race's */
	struct evrt_race *race;
};

static void
name_free(struct evrt_bev_name *name)
{
	if (name->race)
		evrt__race_free(name->race, name->p->fd);
	if (name->addresses)
		evutil_freeaddrinfo(name->addresses);
	evrt__free(name);
}

void
evrt__bev_name_cancel(struct bufferevent_private *p)
{
	struct evrt_bev_name *name = p->name;

	p->name = NULL;
	if (name && name->asked)
		evrt__bev_resume(p, RW, EVRT_BEV_SUSPEND_LOOKUP); /* the answer will find nobody who waits for it */
	else if (name)
		name_free(name);
}

/* --- several addresses ---------------------------------------------------------------------- */

/* `result` as of evrt__race_step. Locked. */
static void
name_race_went(struct bufferevent_private *p, int result)
{
	if (result == -EINPROGRESS) {
		p->fd = evrt__race_fd(p->name->race);
		return;
	}
	p->fd = -1; /* nothing of the race stays */
	evrt__bev_connect_cancel(p);
	int err = result < 0 ? result : evrt__bev_connect_wait(p, result, 0);
	if (result >= 0 && err < 0) {
		evrt__bev_socket_attach(p, -1);
		evrt__sys.close(result);
	}
	if (err < 0)
		evrt__bev_connect_fail(p, -err);
	else
		p->fd_made = true;
}

/* Of the race's event; in the strand. */
static void
name_race_step(evutil_socket_t fd, short what, void *arg)
{
	struct bufferevent_private *p = arg;

	(void)fd;
	if (!evrt__bev_enter(p))
		return;
	/* It may have been called off while we waited for the lock, and another one begun: that one is in time for
	 * whatever it does. */
	if (p->connecting == EVRT_BEV_CONNECT_RACES)
		name_race_went(p, evrt__race_step(p->name->race, what));
	evrt__bev_unref_and_unlock(p);
}

/* Takes `list`. 0; -errno: nothing was begun, and p->name is as before. */
static int
name_race(struct bufferevent_private *p, struct evutil_addrinfo *list)
{
	struct evrt_bev_name *name = p->name;
	int err = 0;

	name->addresses = list;
	name->race = evrt__race_new(p->bev.ev_base, p->strand, list, name_race_step, p);
	if (!name->race)
		return -ENOMEM;
	evrt__bev_socket_del(p, RW);
	p->connecting = EVRT_BEV_CONNECT_RACES;
	p->fd_made = true;
	/* For their timeouts: no descriptor is watched by the stream. */
	err = evrt__bev_socket_add(p, EV_WRITE);
	if (err < 0)
		return err;
	name_race_went(p, evrt__race_step(name->race, 0));
	return 0;
}

/* --- the look-up ---------------------------------------------------------------------------- */

/* 0 or -errno; takes `list`. */
static int
name_connect(struct bufferevent_private *p, struct evutil_addrinfo *list)
{
	int err = -EHOSTUNREACH;

	if (list && p->fd < 0 && list->ai_next)
		return name_race(p, list);
	/* A socket of the program's is not ours to throw away for another try. */
	if (list)
		err = evrt__bev_connect_begin(p, list->ai_addr, (socklen_t)list->ai_addrlen);
	if (list)
		evutil_freeaddrinfo(list);
	evrt__bev_name_cancel(p);
	return err;
}

static void
name_answered(struct bufferevent_private *p, int dns_error, struct evutil_addrinfo *list)
{
	int err = 0;

	p->dns_error = dns_error;
	if (!dns_error)
		err = name_connect(p, list);
	else if (list)
		evutil_freeaddrinfo(list);
	if (dns_error || err < 0) {
		evrt__bev_connect_cancel(p);
		evrt__bev_connect_fail(p, -err);
	}
	evrt__bev_resume(p, RW, EVRT_BEV_SUSPEND_LOOKUP);
}

/* evdns_getaddrinfo_cb; no lock held. Takes the list and the look-up's reference. */
static void
name_looked_up(int dns_error, struct evutil_addrinfo *list, void *arg)
{
	struct evrt_bev_name *name = arg;
	struct bufferevent_private *p = name->p;

	evrt__bev_lock(p);
	name->asked = false;
	if (p->name == name) {
		name_answered(p, dns_error, list);
	} else {
		if (list)
			evutil_freeaddrinfo(list);
		name_free(name);
	}
	evrt__bev_unref_and_unlock(p);
}

/* Blocks. */
static void
name_look_up_here(const char *host, const char *service, const struct evutil_addrinfo *hints,
    struct evrt_bev_name *name)
{
	struct evutil_addrinfo *list = NULL;
	int dns_error = evutil_getaddrinfo(host, service, hints, &list);

	name_looked_up(dns_error, list, name);
}

/* A connect of before, by name or not, is called off; its socket is not the program's. */
static void
name_clear_way(struct bufferevent_private *p)
{
	bool made = p->fd_made;
	evutil_socket_t fd = p->fd;

	evrt__bev_connect_cancel(p);
	evrt__bev_socket_del(p, RW);
	if (!made)
		return;
	evrt__bev_socket_attach(p, -1);
	evrt__sys.close(fd);
}

static struct evrt_bev_name *
name_new(struct bufferevent_private *p)
{
	struct evrt_bev_name *name = evrt__calloc(1, sizeof(*name));

	if (!name)
		return NULL;
	name->p = p;
	name->asked = true;
	evrt__bev_lock_and_ref(p);
	name_clear_way(p);
	p->name = name;
	p->dns_error = 0;
	evrt__bev_suspend(p, RW, EVRT_BEV_SUSPEND_LOOKUP);
	evrt__bev_unlock(p);
	return name;
}

int
bufferevent_socket_connect_hostname_hints(struct bufferevent *bev, struct evdns_base *dns_base,
    const struct evutil_addrinfo *hints, const char *hostname, int port)
{
	struct evutil_addrinfo stream_hints;
	char service[16];

	memset(&stream_hints, 0, sizeof(stream_hints));
	if (hints)
		stream_hints = *hints;
	else
		stream_hints.ai_flags = EVUTIL_AI_ADDRCONFIG;
	int family = stream_hints.ai_family;
	int type = stream_hints.ai_socktype;
	if ((family != AF_INET && family != AF_INET6 && family != AF_UNSPEC) || (type && type != SOCK_STREAM) ||
	    port < 1 || port > 65535 || !bev->be_ops->connected) {
		errno = EINVAL;
		return -1;
	}
	snprintf(service, sizeof(service), "%d", port);
	stream_hints.ai_socktype = SOCK_STREAM;
	if (!stream_hints.ai_protocol)
		stream_hints.ai_protocol = IPPROTO_TCP;
	struct evrt_bev_name *name = name_new(evrt__bev(bev));
	if (!name)
		return -1;
	if (dns_base)
		evrt__resolver_of(dns_base)->getaddrinfo(dns_base, hostname, service, &stream_hints, name_looked_up,
		    name);
	else
		name_look_up_here(hostname, service, &stream_hints, name);
	return 0;
}

int
bufferevent_socket_connect_hostname(struct bufferevent *bev, struct evdns_base *dns_base, int family,
    const char *hostname, int port)
{
	struct evutil_addrinfo hints;

	memset(&hints, 0, sizeof(hints));
	hints.ai_family = family;
	hints.ai_flags = EVUTIL_AI_ADDRCONFIG;
	return bufferevent_socket_connect_hostname_hints(bev, dns_base, &hints, hostname, port);
}

int
bufferevent_socket_get_dns_error(struct bufferevent *bev)
{
	evrt__bev_lock(evrt__bev(bev));
	int err = evrt__bev(bev)->dns_error;
	evrt__bev_unlock(evrt__bev(bev));
	return err;
}
