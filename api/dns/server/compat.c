/* api/dns/server/compat.c — the DNS server's call without a base.
 *
 * Threads:  one, as in libevent: it looks at the base of event_init.
 */
#include <event2/dns_compat.h>

#include <event2/dns.h>

#include "api/event/globals.h"

struct evdns_server_port *
evdns_add_server_port(evutil_socket_t socket, int flags, evdns_request_callback_fn_type callback, void *user_data)
{
	return evdns_add_server_port_with_base(evrt__global_base, socket, flags, callback, user_data);
}
