/* evdns.h — the 1.x name of the resolver's headers, for old programs. New code includes <event2/dns.h> and what
 * else it uses. */
#ifndef EVENT1_EVDNS_H_INCLUDED_
#define EVENT1_EVDNS_H_INCLUDED_

#include <event.h>
#include <event2/dns.h>
#include <event2/dns_compat.h>
#include <event2/dns_struct.h>

#endif
