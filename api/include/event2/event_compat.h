/* event2/event_compat.h — calls that work on one base for the whole process. They work, and will stay.
 *
 * event_init makes a base and remembers it; the calls without a base mean the one made last. Two threads, or
 * two libraries in one program, cannot share that: event2/event.h says which base is meant.
 * Threads: as in event2/event.h; event_init while no other thread is in these calls. Where event_init has
 * not been called, the calls are not defined, except event_once, event_loopexit, event_loopbreak and
 * event_priority_init, which then return -1.
 */
#ifndef EVENT2_EVENT_COMPAT_H_INCLUDED_
#define EVENT2_EVENT_COMPAT_H_INCLUDED_

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <event2/event-config.h>
#include <sys/types.h>
#include <sys/time.h>
#include <event2/util.h>

struct event;
struct event_base;

/* event_base_new, remembered. Ends the process when that fails. */
EVENT2_EXPORT_SYMBOL
struct event_base *event_init(void);

/* event_base_dispatch, _loop, _loopexit, _loopbreak, _once, _get_method and _priority_init on that base. */
EVENT2_EXPORT_SYMBOL
int event_dispatch(void);
EVENT2_EXPORT_SYMBOL
int event_loop(int flags);
EVENT2_EXPORT_SYMBOL
int event_loopexit(const struct timeval *tv);
EVENT2_EXPORT_SYMBOL
int event_loopbreak(void);
EVENT2_EXPORT_SYMBOL
int event_once(evutil_socket_t fd, short events, void (*callback)(evutil_socket_t, short, void *), void *arg,
    const struct timeval *tv);
EVENT2_EXPORT_SYMBOL
const char *event_get_method(void);
EVENT2_EXPORT_SYMBOL
int event_priority_init(int npriorities);

/* event_assign with that base (none yet: event_base_set gives it one). Ends the process where event_assign
 * would fail. */
EVENT2_EXPORT_SYMBOL
void event_set(struct event *ev, evutil_socket_t fd, short events,
    void (*callback)(evutil_socket_t, short, void *), void *arg);

/* evtimer_ and evsignal_ (event2/event.h), and the same by older names. */
#define evtimer_set(ev, cb, arg) event_set((ev), -1, 0, (cb), (arg))
#define evsignal_set(ev, x, cb, arg) event_set((ev), (x), EV_SIGNAL | EV_PERSIST, (cb), (arg))

#define timeout_add(ev, tv) event_add((ev), (tv))
#define timeout_set(ev, cb, arg) event_set((ev), -1, 0, (cb), (arg))
#define timeout_del(ev) event_del(ev)
#define timeout_pending(ev, tv) event_pending((ev), EV_TIMEOUT, (tv))
#define timeout_initialized(ev) event_initialized(ev)

#define signal_add(ev, tv) event_add((ev), (tv))
#define signal_set(ev, x, cb, arg) event_set((ev), (x), EV_SIGNAL | EV_PERSIST, (cb), (arg))
#define signal_del(ev) event_del(ev)
#define signal_pending(ev, tv) event_pending((ev), EV_SIGNAL, (tv))
#define signal_initialized(ev) event_initialized(ev)

/* The descriptor of an event, and its signal. */
#ifndef EVENT_FD
#define EVENT_FD(ev) ((int)event_get_fd(ev))
#define EVENT_SIGNAL(ev) event_get_signal(ev)
#endif

#ifdef __cplusplus
}
#endif

#endif
