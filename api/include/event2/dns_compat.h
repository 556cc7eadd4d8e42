/* event2/dns_compat.h — the functions of event2/dns.h on one resolver for the whole program. They work, and will
 * stay; new programs have a resolver of their own (evdns_base_new).
 *
 * The resolver is on the base of event_init (event2/event_compat.h). evdns_init makes it, and so does the first
 * function below that configures it; what asks for names makes nothing, and fails when there is none.
 * Threads: evdns_init and evdns_shutdown while no other thread is in any of these; the others as in event2/dns.h,
 * where each is described under its name with `base`.
 */
#ifndef EVENT2_DNS_COMPAT_H_INCLUDED_
#define EVENT2_DNS_COMPAT_H_INCLUDED_

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <event2/event-config.h>
#include <event2/dns.h>
#include <event2/util.h>

/* Makes the resolver, with the nameservers of /etc/resolv.conf. 0, or evdns_resolv_conf_parse's codes, or -1. */
EVENT2_EXPORT_SYMBOL
int evdns_init(void);

/* evdns_base_free of it. */
EVENT2_EXPORT_SYMBOL
void evdns_shutdown(int fail_requests);

/* The resolver, or NULL. It stays the library's. */
EVENT2_EXPORT_SYMBOL
struct evdns_base *evdns_get_global_base(void);

/* Nameservers. */
EVENT2_EXPORT_SYMBOL
int evdns_nameserver_add(unsigned long int address);
EVENT2_EXPORT_SYMBOL
int evdns_nameserver_ip_add(const char *ip_as_string);
EVENT2_EXPORT_SYMBOL
int evdns_count_nameservers(void);
EVENT2_EXPORT_SYMBOL
int evdns_clear_nameservers_and_suspend(void);
EVENT2_EXPORT_SYMBOL
int evdns_resume(void);

/* Questions. 0, or -1 when it could not be asked; they cannot be cancelled. */
EVENT2_EXPORT_SYMBOL
int evdns_resolve_ipv4(const char *name, int flags, evdns_callback_type callback, void *ptr);
EVENT2_EXPORT_SYMBOL
int evdns_resolve_ipv6(const char *name, int flags, evdns_callback_type callback, void *ptr);
EVENT2_EXPORT_SYMBOL
int evdns_resolve_reverse(const struct in_addr *in, int flags, evdns_callback_type callback, void *ptr);
EVENT2_EXPORT_SYMBOL
int evdns_resolve_reverse_ipv6(const struct in6_addr *in, int flags, evdns_callback_type callback, void *ptr);

/* Configuration. `flags` of evdns_set_option is not used. */
EVENT2_EXPORT_SYMBOL
int evdns_set_option(const char *option, const char *val, int flags);
EVENT2_EXPORT_SYMBOL
int evdns_resolv_conf_parse(int flags, const char *const filename);
EVENT2_EXPORT_SYMBOL
void evdns_search_clear(void);
EVENT2_EXPORT_SYMBOL
void evdns_search_add(const char *domain);
EVENT2_EXPORT_SYMBOL
void evdns_search_ndots_set(const int ndots);

/* evdns_add_server_port_with_base on the base of event_init. */
EVENT2_EXPORT_SYMBOL
struct evdns_server_port *evdns_add_server_port(evutil_socket_t socket, int flags,
    evdns_request_callback_fn_type callback, void *user_data);

#ifdef __cplusplus
}
#endif

#endif
