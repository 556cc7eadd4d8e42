/* api/dns/server/port.c — the life of a DNS server's ports.
 *
 * Here:     making, references, closing, options: what both kinds have in common.
 * Not here: sockets (udp.c, tcp.c), what is asked (request.c).
 * Threads:  any; see port.h.
 */
#include "api/dns/server/port.h"

#include <errno.h>
#include "api/event/event_internal.h"
#include "base/assert.h"
#include "base/mem.h"
#include "threading/lock.h"

int
evrt__dns_port_new(struct evdns_server_port **out, const struct evrt_dns_port_ops *ops, struct event_base *base,
    evdns_request_callback_fn_type callback, void *arg)
{
	struct evdns_server_port *port = base && callback ? evrt__calloc(1, sizeof(*port)) : NULL;

	if (!port)
		return base && callback ? -ENOMEM : -EINVAL;
	port->ops = ops;
	port->base = base;
	port->callback = callback;
	port->arg = arg;
	port->refs = 1;
	port->lock = evrt__threads_on() ? evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_dns) : NULL;
	if (evrt__threads_on() && !port->lock) {
		evrt__free(port);
		return -ENOMEM;
	}
	*out = port;
	return 0;
}

void
evrt__dns_port_lock(struct evdns_server_port *port)
{
	evrt__lock(port->lock);
}

void
evrt__dns_port_unlock(struct evdns_server_port *port)
{
	evrt__unlock(port->lock);
}

bool
evrt__dns_port_enter(struct evdns_server_port *port)
{
	evrt__dns_port_lock(port);
	bool open = !port->closed;
	if (open)
		port->refs++;
	evrt__dns_port_unlock(port);
	return open;
}

void
evrt__dns_port_unref(struct evdns_server_port *port)
{
	evrt__dns_port_lock(port);
	EVRT_ASSERT(port->refs > 0);
	bool last = --port->refs == 0;
	evrt__dns_port_unlock(port);
	if (last)
		port->ops->end(port);
}

void
evrt__dns_port_destroy(void *arg)
{
	struct evdns_server_port *port = arg;

	evrt__lock_free(port->lock, EVRT_LOCKTYPE_PLAIN);
	evrt__free(port);
}

void
evdns_close_server_port(struct evdns_server_port *port)
{
	evrt__dns_port_lock(port);
	EVRT_ASSERT(!port->closed);
	port->closed = true;
	port->ops->close(port);
	evrt__dns_port_unlock(port);
	evrt__dns_port_unref(port);
}

int
evdns_server_port_set_option(struct evdns_server_port *port, enum evdns_server_option option, size_t value)
{
	evrt__dns_port_lock(port);
	int err = port->ops->set_option(port, option, value);
	evrt__dns_port_unlock(port);
	return evrt__public_result(err);
}
