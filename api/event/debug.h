/* api/event/debug.h — event debug mode: is every event used as its state allows?
 *
 * Here:     notes and checks that the event room makes at each step. They cost a load and a branch while
 *           debug mode is off.
 * Not here: lock debugging (threading/lock_debug.c).
 * Threads:  any; the map has a lock of its own.
 *
 * Each check ends in the fatal callback with a message that names the event.
 */
#ifndef EVRT_API_EVENT_DEBUG_H_
#define EVRT_API_EVENT_DEBUG_H_

#include <stdbool.h>
#include <event2/util.h>

struct event_core;

/* An event or base was made: debug mode can no longer be switched on. */
void evrt__debug_too_late(void);
void evrt__debug_shutdown(void);

/* Before an event is set up: it must not be added; its fd, if any, should not block. */
void evrt__debug_assign_check(const struct event_core *, evutil_socket_t fd, short events);
void evrt__debug_note_setup(const struct event_core *);
void evrt__debug_note_teardown(const struct event_core *);
void evrt__debug_note_add(const struct event_core *);
void evrt__debug_note_del(const struct event_core *);
void evrt__debug_assert_setup(const struct event_core *);
void evrt__debug_assert_not_added(const struct event_core *);

#endif
