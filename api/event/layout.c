/* api/event/layout.c — the checks that tie struct event_core to the public struct event.
 *
 * Here:     static asserts only; a layout that drifts does not compile.
 */
#include <event2/event.h>
#include <event2/event_struct.h>

#include <stddef.h>

#include "api/event/event_internal.h"

#define SAME_PLACE(inside, outside) \
	_Static_assert(offsetof(struct event_core, inside) == offsetof(struct event, outside), #inside)

_Static_assert(sizeof(struct event_core) == sizeof(struct event), "one lies over the other");
_Static_assert(sizeof(struct evrt_task) == sizeof(struct event_callback), "one lies over the other");
SAME_PLACE(task, ev_evcallback);
SAME_PLACE(task.flags, ev_evcallback.evcb_flags);
SAME_PLACE(task.pri, ev_evcallback.evcb_pri);
SAME_PLACE(task.closure, ev_evcallback.evcb_closure);
SAME_PLACE(task.fn, ev_evcallback.evcb_cb_union);
SAME_PLACE(task.arg, ev_evcallback.evcb_arg);
SAME_PLACE(fd, ev_fd);
SAME_PLACE(base, ev_base);
SAME_PLACE(events, ev_events);
SAME_PLACE(result, ev_res);
SAME_PLACE(timeout, ev_timeout);

_Static_assert(EVLIST_ACTIVE == EVRT_TASK_ACTIVE && EVLIST_INTERNAL == EVRT_TASK_INTERNAL, "flags agree");
_Static_assert(EVLOOP_ONCE == EVRT_LOOP_ONCE && EVLOOP_NONBLOCK == EVRT_LOOP_NONBLOCK &&
    EVLOOP_NO_EXIT_ON_EMPTY == EVRT_LOOP_NO_EXIT_ON_EMPTY, "flags agree");
_Static_assert((int)EV_FEATURE_ET == (int)EVRT_BF_ET && (int)EV_FEATURE_O1 == (int)EVRT_BF_O1 &&
    (int)EV_FEATURE_FDS == (int)EVRT_BF_FDS && (int)EV_FEATURE_EARLY_CLOSE == (int)EVRT_BF_EARLY_CLOSE,
    "features agree");

#if defined(__x86_64__) || defined(__aarch64__)
_Static_assert(sizeof(struct event) == 128, "the ABI of 2.1.12 on 64-bit systems");
_Static_assert(offsetof(struct event, ev_fd) == 56 && offsetof(struct event, ev_base) == 64 &&
    offsetof(struct event, ev_events) == 104 && offsetof(struct event, ev_res) == 106 &&
    offsetof(struct event, ev_timeout) == 112, "the ABI of 2.1.12 on 64-bit systems");
#endif
