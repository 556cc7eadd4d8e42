/* event2/listener.h — accepting connections: a callback with each new socket.
 *
 *      static void
 *      accepted(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *peer, int len, void *arg)
 *      { serve(evconnlistener_get_base(lev), fd); }
 *
 *      lev = evconnlistener_new_bind(base, accepted, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1,
 *          (struct sockaddr *)&address, sizeof(address));
 *
 * The library calls accept until nobody waits, and hands out sockets that are non-blocking and the program's
 * to close. On a base of its own the callbacks come one at a time. On a pooled base (evrt/pool.h) each
 * connection begins a strand of its own on the worker that should serve it, and the callback runs in that
 * strand: what it makes (bufferevents, timers) belongs to the connection, and callbacks of different
 * connections may overlap. State that they share has to be guarded there.
 *
 * Threads: with LEV_OPT_THREADSAFE, any; without, one at a time, counting the loop. No lock is held in
 * callbacks, which may disable and free the listener. Int functions give 0, or -1 on failure.
 * Background: chapter Ref8 of the libevent book.
 */
#ifndef EVENT2_LISTENER_H_INCLUDED_
#define EVENT2_LISTENER_H_INCLUDED_

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <event2/event.h>

struct sockaddr;
struct evconnlistener;

/* A connection: the listener, the new socket, the peer's address (valid during the call), its length, and the
 * argument that was set. */
typedef void (*evconnlistener_cb)(struct evconnlistener *, evutil_socket_t, struct sockaddr *, int socklen,
    void *);

/* accept failed, and not only because a peer went away again; EVUTIL_SOCKET_ERROR() says why. The listener
 * goes on. When descriptors are out (EMFILE, ENFILE) it has accepted and closed the connection, or pauses for
 * a moment, so that a full queue does not keep the loop busy. */
typedef void (*evconnlistener_errorcb)(struct evconnlistener *, void *);

/* --- options, as an OR -------------------------------------------------------------------- */

/* Accepted sockets block. */
#define LEV_OPT_LEAVE_SOCKETS_BLOCKING (1u << 0)
/* evconnlistener_free closes the listening socket. */
#define LEV_OPT_CLOSE_ON_FREE (1u << 1)
/* Accepted sockets, and the one that new_bind makes, are closed by exec. */
#define LEV_OPT_CLOSE_ON_EXEC (1u << 2)
/* new_bind: the address may be bound again right after a server on it has ended. */
#define LEV_OPT_REUSEABLE (1u << 3)
/* A lock for several threads. Where threads are off (event2/thread.h) there is none, and no failure. */
#define LEV_OPT_THREADSAFE (1u << 4)
/* Do not begin to accept: evconnlistener_enable will. */
#define LEV_OPT_DISABLED (1u << 5)
/* new_bind: connections are reported when the client has sent something (TCP_DEFER_ACCEPT). */
#define LEV_OPT_DEFERRED_ACCEPT (1u << 6)
/* new_bind: several sockets may be bound to the address and share its connections (SO_REUSEPORT). */
#define LEV_OPT_REUSEABLE_PORT (1u << 7)
/* new_bind, of an IPv6 address: IPv4 is not served (IPV6_V6ONLY; RFC 3493 section 5.3). */
#define LEV_OPT_BIND_IPV6ONLY (1u << 8)
/* new_bind, of an IPv6 address: IPv4 is served as well, as ::ffff:1.2.3.4, whatever the system's default is
 * (libevent 2.2). Not together with the one before: EINVAL. */
#define LEV_OPT_BIND_IPV4_AND_IPV6 (1u << 9)

/* --- making ------------------------------------------------------------------------------- */

/* A listener on `fd`, a non-blocking socket that is bound. `backlog` above 0 is given to listen(2); below 0,
 * a good number is; 0: the socket listens already. `cb` NULL: nothing is accepted until one is set. `ptr` is
 * passed to the callbacks, `flags` an OR of LEV_OPT_*. NULL on failure, with fd still open and the
 * caller's. */
EVENT2_EXPORT_SYMBOL
struct evconnlistener *evconnlistener_new(struct event_base *base, evconnlistener_cb cb, void *ptr,
    unsigned flags, int backlog, evutil_socket_t fd);

/* The same on a socket of its own, bound to `sa` (`socklen` bytes), with keep-alive on. backlog 0 fails. NULL
 * on failure with errno of the call that failed (EADDRINUSE, EACCES), and nothing left open. */
EVENT2_EXPORT_SYMBOL
struct evconnlistener *evconnlistener_new_bind(struct event_base *base, evconnlistener_cb cb, void *ptr,
    unsigned flags, int backlog, const struct sockaddr *sa, int socklen);

/* Stops accepting and frees the listener, once none of its callbacks runs. */
EVENT2_EXPORT_SYMBOL
void evconnlistener_free(struct evconnlistener *lev);

/* --- using -------------------------------------------------------------------------------- */

/* Begins, and ends, to accept; connections wait in the kernel meanwhile. disable does not wait for a callback
 * that is running. */
EVENT2_EXPORT_SYMBOL
int evconnlistener_enable(struct evconnlistener *lev);
EVENT2_EXPORT_SYMBOL
int evconnlistener_disable(struct evconnlistener *lev);

/* The base, and the listening socket, which stays the listener's. */
EVENT2_EXPORT_SYMBOL
struct event_base *evconnlistener_get_base(struct evconnlistener *lev);
EVENT2_EXPORT_SYMBOL
evutil_socket_t evconnlistener_get_fd(struct evconnlistener *lev);

/* Sets the callback and the argument of both callbacks. NULL in place of one that was set: what connects is
 * accepted and closed at once. */
EVENT2_EXPORT_SYMBOL
void evconnlistener_set_cb(struct evconnlistener *lev, evconnlistener_cb cb, void *arg);

/* Sets the callback for errors. NULL, as at first: a warning is logged. */
EVENT2_EXPORT_SYMBOL
void evconnlistener_set_error_cb(struct evconnlistener *lev, evconnlistener_errorcb errorcb);

#ifdef __cplusplus
}
#endif

#endif
