/* event2/dns.h — names to addresses and back without blocking, and answering such questions: a resolver and a
 * DNS server.
 *
 *      static void
 *      resolved(int result, struct evutil_addrinfo *list, void *arg)
 *      {
 *              if (result == 0)
 *                      connect_to(list->ai_addr, list->ai_addrlen);
 *              else
 *                      fprintf(stderr, "%s\n", evutil_gai_strerror(result));
 *              if (list)
 *                      evutil_freeaddrinfo(list);
 *      }
 *
 *      struct evdns_base *dns = evdns_base_new(base, EVDNS_BASE_INITIALIZE_NAMESERVERS);
 *      evdns_getaddrinfo(dns, "example.org", "443", &hints, resolved, NULL);
 *
 * A resolver (struct evdns_base) has nameservers, domains to search, options and names of a hosts file. It asks
 * the nameservers in turn, leaves out one that keeps silent, and asks that one again from time to time until it
 * answers. No more than max-inflight questions are under way at a time; others wait for their turn.
 *
 * Searching: a name with fewer dots than `ndots` (1 unless set) is asked for in each search domain first and
 * then as it is; another is asked for as it is first. "www" with the domain home.test is www.home.test, then
 * www; "www.abc" is www.abc, then www.abc.home.test. It stops at the first name that has an answer.
 *
 * Threads: any function here may be called from any thread, once evthread_use_pthreads was called; a resolver
 * and a server port each have one lock, and no lock is held in callbacks, which may call anything here,
 * evdns_base_free included. Callbacks run in the loop of the event_base; on a pooled base (evrt/pool.h) in the
 * strand that asked, or in the port's own.
 * Errors: functions that return int give 0, or -1 on failure, unless their text says otherwise.
 * Background: chapter Ref9 of the libevent book.
 */
#ifndef EVENT2_DNS_H_INCLUDED_
#define EVENT2_DNS_H_INCLUDED_

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <event2/util.h>

struct event_base;
struct evconnlistener;
struct in_addr;
struct in6_addr;
struct sockaddr;

struct evdns_base;
struct evdns_request;
struct evdns_getaddrinfo_request;
struct evdns_server_port;
struct evdns_server_question;
struct evdns_server_request;

/* --- results ------------------------------------------------------------------------------ */

/* 0 to 5 are the response codes of RFC 1035 section 4.1.1, as a server sent them. */
#define DNS_ERR_NONE 0
/* The server could not read the question. */
#define DNS_ERR_FORMAT 1
/* The server failed. */
#define DNS_ERR_SERVERFAILED 2
/* There is no such name. */
#define DNS_ERR_NOTEXIST 3
/* The server does not know this kind of question. */
#define DNS_ERR_NOTIMPL 4
/* The server will not say. */
#define DNS_ERR_REFUSED 5
/* The answer was cut off, or cannot be read. */
#define DNS_ERR_TRUNCATED 65
/* Something else. */
#define DNS_ERR_UNKNOWN 66
/* No server answered in time. */
#define DNS_ERR_TIMEOUT 67
/* The resolver was freed, by evdns_base_free with fail_requests. */
#define DNS_ERR_SHUTDOWN 68
/* evdns_cancel_request was called. */
#define DNS_ERR_CANCEL 69
/* The name exists, and has no record of the type asked for. */
#define DNS_ERR_NODATA 70

/* Text for a DNS_ERR_ code, or for an unknown one. The program must not free or change it. */
EVENT2_EXPORT_SYMBOL
const char *evdns_err_to_string(int err);

/* --- the resolver ------------------------------------------------------------------------- */

/* evdns_base_new, flags: read /etc/resolv.conf and /etc/hosts. */
#define EVDNS_BASE_INITIALIZE_NAMESERVERS 1
/* A resolver that waits for no answer does not keep the loop from ending. */
#define EVDNS_BASE_DISABLE_WHEN_INACTIVE 0x8000
/* With INITIALIZE_NAMESERVERS: when resolv.conf names no server, do not take 127.0.0.1:53. */
#define EVDNS_BASE_NAMESERVERS_NO_DEFAULT 0x10000
/* Answers are not remembered (libevent 2.2). */
#define EVDNS_BASE_NO_CACHE 0x20000

/* A resolver on `event_base`, with an OR of EVDNS_BASE_* (0: without nameservers). NULL on failure: memory, or
 * files that cannot be read. Free it with evdns_base_free before its event_base. */
EVENT2_EXPORT_SYMBOL
struct evdns_base *evdns_base_new(struct event_base *event_base, int initialize_nameservers);

/* Frees the resolver. Requests that are pending end with DNS_ERR_SHUTDOWN, or EVUTIL_EAI_FAIL, when
 * fail_requests is not 0; else they are dropped and their callbacks never called. */
EVENT2_EXPORT_SYMBOL
void evdns_base_free(struct evdns_base *base, int fail_requests);

/* --- nameservers -------------------------------------------------------------------------- */

/* Adds a nameserver: an IPv4 address in network byte order, on port 53. Not 0 on failure: 3 when it is there
 * already. */
EVENT2_EXPORT_SYMBOL
int evdns_base_nameserver_add(struct evdns_base *base, unsigned long int address);

/* Adds a nameserver by its address as text: "v4", "v4:port", "v6", "[v6]" or "[v6]:port", an IPv6 address with
 * "%scope" or without. Without a port it is 53. Not 0 on failure: 3 when it is there already, 4 when the text is
 * no address. */
EVENT2_EXPORT_SYMBOL
int evdns_base_nameserver_ip_add(struct evdns_base *base, const char *ip_as_string);

/* Adds a nameserver by its address of `len` bytes. flags: 0. Not 0 on failure, as before. */
EVENT2_EXPORT_SYMBOL
int evdns_base_nameserver_sockaddr_add(struct evdns_base *base, const struct sockaddr *sa, ev_socklen_t len,
    unsigned flags);

/* How many nameservers there are, silent ones included. */
EVENT2_EXPORT_SYMBOL
int evdns_base_count_nameservers(struct evdns_base *base);

/* Copies the address of nameserver `idx` (from 0) into `sa`, which has room for `len` bytes. Returns its length;
 * one greater than `len` means that the room was too small. -1: there is no such server. */
EVENT2_EXPORT_SYMBOL
int evdns_base_get_nameserver_addr(struct evdns_base *base, int idx, struct sockaddr *sa, ev_socklen_t len);

/* The UDP socket towards nameserver `idx`, which stays the resolver's; -1: there is none (libevent 2.2). */
EVENT2_EXPORT_SYMBOL
int evdns_base_get_nameserver_fd(struct evdns_base *base, int idx);

/* Removes all nameservers. Requests that are pending wait: for new servers, and for evdns_base_resume. */
EVENT2_EXPORT_SYMBOL
int evdns_base_clear_nameservers_and_suspend(struct evdns_base *base);

/* Goes on with the requests that evdns_base_clear_nameservers_and_suspend has left waiting. */
EVENT2_EXPORT_SYMBOL
int evdns_base_resume(struct evdns_base *base);

/* --- configuration ------------------------------------------------------------------------ */

/* What a resolv.conf is read for, as an OR: domain, search and ndots; */
#define DNS_OPTION_SEARCH 1
/* nameserver (127.0.0.1:53 when there is none) and bind-to; */
#define DNS_OPTION_NAMESERVERS 2
/* all other options; */
#define DNS_OPTION_MISC 4
/* and /etc/hosts is loaded as well. */
#define DNS_OPTION_HOSTSFILE 8
#define DNS_OPTIONS_ALL (DNS_OPTION_SEARCH | DNS_OPTION_NAMESERVERS | DNS_OPTION_MISC | DNS_OPTION_HOSTSFILE)
/* With DNS_OPTION_NAMESERVERS: without 127.0.0.1:53. */
#define DNS_OPTION_NAMESERVERS_NO_DEFAULT 16

/* Sets an option, "name" or "name:", to a value. An option that is not known is 0 and a warning; a value that
 * cannot be read is -1. Numbers outside the range are brought into it; seconds may have decimals, from 0.001.
 *
 *      ndots                    0..           1     dots from which on a name is asked for as it is first
 *      timeout                  seconds       5     how long to wait for an answer before asking again
 *      attempts                 1..255        3     how often a question is sent
 *      max-timeouts             1..255        3     answers in a row that stay away until a server is left out
 *      max-inflight             1..65000      64    questions under way at a time
 *      randomize-case           0, 1          1     random case of letters in questions, which answers must repeat
 *      bind-to                  an address    any   where questions are sent from
 *      initial-probe-timeout    ..3600 s      10    until a server that was left out is asked again
 *      getaddrinfo-allow-skew   seconds       3     from the first of the A and AAAA answers to giving up the other
 *      so-rcvbuf, so-sndbuf     bytes         0     size of the socket's buffers; 0: the system's choice
 *
 * and, of libevent 2.2:
 *
 *      max-probe-timeout        1..3600 s     3600  the longest pause between two such tries
 *      probe-backoff-factor     1..10         3     by which each pause is longer than the one before
 *      tcp-idle-timeout         seconds       10    until a TCP connection without a question is closed
 *      use-vc                   "", 0, 1      0     ask over TCP at once
 *      ignore-tc                "", 0, 1      0     take answers that were cut off as they are
 *      edns-udp-size            512..65535    512   the largest UDP answer; above 512 servers are told (EDNS)
 *
 * The other options of resolv.conf(5) are known as well. */
EVENT2_EXPORT_SYMBOL
int evdns_base_set_option(struct evdns_base *base, const char *option, const char *val);

/* Reads a file as resolv.conf(5) describes it, for what `flags` says. Its options are those of
 * evdns_base_set_option. 0, or: 1 the file cannot be opened, 2 its size is not known, 3 it is too large, 4 out of
 * memory, 5 it cannot be read, 6 no nameserver is there. After 1 and 6, with DNS_OPTION_NAMESERVERS, 127.0.0.1:53 is
 * in use; NO_DEFAULT forbids that, and then there is no 6. */
EVENT2_EXPORT_SYMBOL
int evdns_base_resolv_conf_parse(struct evdns_base *base, int flags, const char *const filename);

/* Adds the names of a file as hosts(5) describes it; NULL adds localhost alone. Names that were added before stay.
 * evdns_getaddrinfo answers from them, the functions below do not. Below 0 when the file cannot be read. */
EVENT2_EXPORT_SYMBOL
int evdns_base_load_hosts(struct evdns_base *base, const char *hosts_fname);

/* Forgets all names that evdns_base_load_hosts and evdns_base_resolv_conf_parse have added. */
EVENT2_EXPORT_SYMBOL
void evdns_base_clear_host_addresses(struct evdns_base *base);

/* Search domains: remove all; add one before those that are there (a file's are in the file's order); how many
 * dots make a name be asked for as it is first. */
EVENT2_EXPORT_SYMBOL
void evdns_base_search_clear(struct evdns_base *base);
EVENT2_EXPORT_SYMBOL
void evdns_base_search_add(struct evdns_base *base, const char *domain);
EVENT2_EXPORT_SYMBOL
void evdns_base_search_ndots_set(struct evdns_base *base, const int ndots);

/* --- asking for one type ------------------------------------------------------------------ */

/* The type of an answer. */
#define DNS_IPv4_A 1
#define DNS_PTR 2
#define DNS_IPv6_AAAA 3
#define DNS_CNAME 4

/* Flags of a question: the search domains are left alone; */
#define DNS_QUERY_NO_SEARCH 1
#define DNS_NO_SEARCH DNS_QUERY_NO_SEARCH
/* TCP instead of UDP; an answer that was cut off is taken as it is (both libevent 2.2). */
#define DNS_QUERY_USEVC 0x02
#define DNS_QUERY_IGNTC 0x04
/* The name that an alias stands for is reported too, in a call of its own before the answer: DNS_CNAME, with one
 * string (libevent 2.2). */
#define DNS_CNAME_CALLBACK 0x80

/* An answer. result: DNS_ERR_NONE, and then `count` results of `type`, which may be kept for `ttl` seconds, at
 * `addresses`: an array of 4 bytes each (DNS_IPv4_A) or 16 bytes each (DNS_IPv6_AAAA) in network byte order, or
 * one name as a string (DNS_PTR), valid during the call; or another DNS_ERR_ code. arg: as it was given. */
typedef void (*evdns_callback_type)(int result, char type, int count, int ttl, void *addresses, void *arg);

/* Each asks for the records of a type: A and AAAA of a name, PTR of an address. `flags` is an OR of DNS_QUERY_*
 * and DNS_CNAME_CALLBACK. The callback is called once (but see the latter), never during the call itself. Returns
 * the request, which is valid until the callback begins, for evdns_cancel_request; or NULL when it could not be
 * made (memory; a name that is empty or too long), and then the callback is not called. `name` and `in` are
 * copied. */
EVENT2_EXPORT_SYMBOL
struct evdns_request *evdns_base_resolve_ipv4(struct evdns_base *base, const char *name, int flags,
    evdns_callback_type callback, void *ptr);
EVENT2_EXPORT_SYMBOL
struct evdns_request *evdns_base_resolve_ipv6(struct evdns_base *base, const char *name, int flags,
    evdns_callback_type callback, void *ptr);
EVENT2_EXPORT_SYMBOL
struct evdns_request *evdns_base_resolve_reverse(struct evdns_base *base, const struct in_addr *in, int flags,
    evdns_callback_type callback, void *ptr);
EVENT2_EXPORT_SYMBOL
struct evdns_request *evdns_base_resolve_reverse_ipv6(struct evdns_base *base, const struct in6_addr *in,
    int flags, evdns_callback_type callback, void *ptr);

/* Ends a request early: its callback is called with DNS_ERR_CANCEL, from the loop. Does nothing when a callback
 * of the request is already on its way. `base` may be NULL: the request knows it. */
EVENT2_EXPORT_SYMBOL
void evdns_cancel_request(struct evdns_base *base, struct evdns_request *req);

/* --- getaddrinfo -------------------------------------------------------------------------- */

/* result: 0 and a list, which is the program's to free (evutil_freeaddrinfo), or an EVUTIL_EAI_ code and NULL. */
typedef void (*evdns_getaddrinfo_cb)(int result, struct evutil_addrinfo *res, void *arg);

/* As evutil_getaddrinfo, without blocking. The callback is called exactly once: during this call, which returns
 * NULL then, when the answer is known at once (numeric addresses, the hosts file, errors); else later, and the
 * request that is returned is valid until it begins. The arguments are copied. */
EVENT2_EXPORT_SYMBOL
struct evdns_getaddrinfo_request *evdns_getaddrinfo(struct evdns_base *dns_base, const char *nodename,
    const char *servname, const struct evutil_addrinfo *hints_in, evdns_getaddrinfo_cb cb, void *arg);

/* Ends a request early: its callback is called with EVUTIL_EAI_CANCEL. Not after the callback has begun. */
EVENT2_EXPORT_SYMBOL
void evdns_getaddrinfo_cancel(struct evdns_getaddrinfo_request *req);

/* --- a server: ports ---------------------------------------------------------------------- */

/* A question has arrived (its fields: event2/dns_struct.h). Answers are added to it, then it is responded to or
 * dropped, here or later, on any thread: exactly one of the two, or it stays in memory; and before the base is freed.
 * Called without a lock held; one call at a time for a UDP port, or for a connection of a TCP one, whose calls run in
 * parallel on a pooled base (evrt/pool.h). */
typedef void (*evdns_request_callback_fn_type)(struct evdns_server_request *, void *);

/* Serves questions that arrive on a bound UDP socket, which the port closes in the end. flags: 0. NULL on failure, with
 * errno EBADF, EINVAL, EPROTOTYPE (not a datagram socket), ENOMEM, and the socket still the caller's. Thread: any.
 *
 * Messages that break the protocol are ignored, and so are responses. Opcodes other than QUERY are answered with
 * NOTIMP. With EDNS a reply may have up to 4096 bytes, as the client wants, else 512. A port is one strand of a pooled
 * base; to use all workers make several, each on a socket of its own with SO_REUSEPORT. */
EVENT2_EXPORT_SYMBOL
struct evdns_server_port *evdns_add_server_port_with_base(struct event_base *base, evutil_socket_t socket,
    int flags, evdns_request_callback_fn_type callback, void *user_data);

/* Serves questions that arrive over the TCP connections of `listener`, whose callbacks the port sets and which
 * the port frees (libevent 2.2). flags: 0. NULL on failure, with errno EINVAL or ENOMEM, and the listener still the
 * caller's. A connection on which something else than a question arrives is closed, when those before are answered. */
EVENT2_EXPORT_SYMBOL
struct evdns_server_port *evdns_add_server_port_with_listener(struct event_base *base,
    struct evconnlistener *listener, int flags, evdns_request_callback_fn_type callback, void *user_data);

/* Options of a TCP port (libevent 2.2). */
enum evdns_server_option {
	/* Connections at a time, 128 at first. One more takes the place of the one that has asked nothing for longest and
	 * waits for no answer; if all wait, it is refused. */
	EVDNS_SOPT_TCP_MAX_CLIENTS,
	/* Seconds, 10 at first, until a connection is closed on which no whole question has come and no reply was given. */
	EVDNS_SOPT_TCP_IDLE_TIMEOUT
};

/* Sets one of them. -1 with errno EINVAL on a UDP port, for 0, and for an option that is not known. Thread: any. */
EVENT2_EXPORT_SYMBOL
int evdns_server_port_set_option(struct evdns_server_port *port, enum evdns_server_option option, size_t value);

/* Takes no more questions. Those that are neither responded to nor dropped may still be, and their replies are sent:
 * socket, connections and memory are released after the last of them, which may be at once. Thread: any; from a
 * callback, too. Before the base is freed. */
EVENT2_EXPORT_SYMBOL
void evdns_close_server_port(struct evdns_server_port *port);

/* --- a server: replies -------------------------------------------------------------------- */

/* Where a record goes. */
#define EVDNS_ANSWER_SECTION 0
#define EVDNS_AUTHORITY_SECTION 1
#define EVDNS_ADDITIONAL_SECTION 2

/* Types of records, types of questions, and the class (RFC 1035 section 3.2, RFC 3596). */
#define EVDNS_TYPE_A 1
#define EVDNS_TYPE_NS 2
#define EVDNS_TYPE_CNAME 5
#define EVDNS_TYPE_SOA 6
#define EVDNS_TYPE_PTR 12
#define EVDNS_TYPE_MX 15
#define EVDNS_TYPE_TXT 16
#define EVDNS_TYPE_AAAA 28
#define EVDNS_QTYPE_AXFR 252
#define EVDNS_QTYPE_ALL 255
#define EVDNS_CLASS_INET 1

/* Flags of a reply: authoritative answer, recursion desired. */
#define EVDNS_FLAGS_AA 0x400
#define EVDNS_FLAGS_RD 0x080

/* Sets the flags of the reply, an OR of EVDNS_FLAGS_*, in place of those of them that were set. At first a
 * reply has the question's own flags that it must repeat. */
EVENT2_EXPORT_SYMBOL
void evdns_server_request_set_flags(struct evdns_server_request *req, int flags);

/* Adds a record to a section: its owner's name, type, class, seconds to live, and data: with is_name, the string
 * at `data` is a name and written as one (datalen is not used); else `datalen` bytes. Everything is copied. In names a
 * backslash makes the byte behind it, or the three digits, part of a label. -1 with errno ENOMEM, or EINVAL for a
 * malformed argument. */
EVENT2_EXPORT_SYMBOL
int evdns_server_request_add_reply(struct evdns_server_request *req, int section, const char *name, int type,
    int dns_class, int ttl, int datalen, int is_name, const char *data);

/* The same for common records in the answer section. A and AAAA: `n` addresses, as one record each, of 4 or 16
 * bytes in network byte order at `addrs`. */
EVENT2_EXPORT_SYMBOL
int evdns_server_request_add_a_reply(struct evdns_server_request *req, const char *name, int n,
    const void *addrs, int ttl);
EVENT2_EXPORT_SYMBOL
int evdns_server_request_add_aaaa_reply(struct evdns_server_request *req, const char *name, int n,
    const void *addrs, int ttl);
/* PTR, of an IPv4 address `in`, or of `inaddr_name` as it is; exactly one of the two is not NULL. */
EVENT2_EXPORT_SYMBOL
int evdns_server_request_add_ptr_reply(struct evdns_server_request *req, struct in_addr *in,
    const char *inaddr_name, const char *hostname, int ttl);
EVENT2_EXPORT_SYMBOL
int evdns_server_request_add_cname_reply(struct evdns_server_request *req, const char *name,
    const char *cname, int ttl);

/* Sends the reply with response code `err`, and frees the request. What does not fit is cut off, and the reply says so.
 * -1 with errno EINVAL: `err` is not 0 to 15, and nothing has happened. -1 with another errno: the reply could not be
 * sent (ENOBUFS: too many wait for the socket already; EPIPE: the connection is gone; ENOMEM), and the request is
 * freed. */
EVENT2_EXPORT_SYMBOL
int evdns_server_request_respond(struct evdns_server_request *req, int err);
/* Frees the request without a reply. */
EVENT2_EXPORT_SYMBOL
int evdns_server_request_drop(struct evdns_server_request *req);

/* Copies the address that the question came from into `sa`, which has room for `addr_len` bytes. Returns its
 * length, or -1 with errno EINVAL when the room is too small. */
EVENT2_EXPORT_SYMBOL
int evdns_server_request_get_requesting_addr(struct evdns_server_request *req, struct sockaddr *sa, int addr_len);

/* --- logging, and what has no effect ------------------------------------------------------ */

/* A message of the resolver or the server, as a string that is valid during the call. */
typedef void (*evdns_debug_log_fn_type)(int is_warning, const char *msg);

/* Sets where such messages go; NULL, as at first: to event_set_log_callback's. Any thread may log: the function
 * is called on that thread, and must not call the library. Set it before other calls. */
EVENT2_EXPORT_SYMBOL
void evdns_set_log_fn(evdns_debug_log_fn_type fn);

/* Do nothing: ids, ports and letters' case come from the kernel's generator. For programs that call them. */
EVENT2_EXPORT_SYMBOL
void evdns_set_transaction_id_fn(ev_uint16_t (*fn)(void));
EVENT2_EXPORT_SYMBOL
void evdns_set_random_bytes_fn(void (*fn)(char *, size_t));

#ifdef __cplusplus
}
#endif

#endif
