/* event2/event_struct.h — the layout of struct event, for programs that place one in memory of theirs.
 *
 * event_new allocates an event; event_assign sets up one that lies inside a struct, or on a stack:
 *
 *      struct client {
 *              struct event timer;
 *              int replies;
 *      };
 *      evtimer_assign(&client->timer, base, client_is_idle, client);
 *
 * That saves an allocation and binds the program to these 128 bytes: it must be built again if they ever
 * change (event_get_struct_event_size tells the library's view). Such memory may be reused or freed as
 * soon as event_del has returned; on one that was never assigned, nothing but event_assign is defined.
 *
 * What may be read: ev_fd, ev_base, ev_events, ev_res, ev_timeout and what ev_evcallback names; the
 * functions event_get_* are the better way. What may be written: nothing. Words named `reserved` belong
 * to the library. Sizes and offsets are those of libevent 2.1.12 on 64-bit Linux.
 * Threads: fields that change while the event is pending or active are guarded by the library.
 */
#ifndef EVENT2_EVENT_STRUCT_H_INCLUDED_
#define EVENT2_EVENT_STRUCT_H_INCLUDED_

#ifdef __cplusplus
extern "C" {
#endif

#include <event2/event-config.h>
#include <sys/types.h>
#include <sys/time.h>
#include <event2/util.h>
#include <event2/keyvalq_struct.h>

/* --- where an event stands ---------------------------------------------------------------- *
 * Bits of evcb_flags. An event that was assigned, and no more, has INIT alone; event_pending and
 * event_initialized ask the same questions without a data race. */
#define EVLIST_TIMEOUT 0x01      /* a timeout is armed */
#define EVLIST_INSERTED 0x02     /* its descriptor, or signal, is watched */
#define EVLIST_SIGNAL 0x04       /* not used any more */
#define EVLIST_ACTIVE 0x08       /* its callback is about to run */
#define EVLIST_INTERNAL 0x10     /* the library's own: alone it keeps no loop running */
#define EVLIST_ACTIVE_LATER 0x20 /* active from the next turn of the loop on */
#define EVLIST_FINALIZING 0x40   /* event_finalize was called: it cannot be added or activated */
#define EVLIST_INIT 0x80         /* it was set up by event_assign or event_new */
#define EVLIST_ALL 0xff

struct event;
struct event_base;

/* What to call, shared by events and by the library's own tasks. Its flags, the priority and the callback
 * of an event may be read; `evcb_closure` tells the library how to call. */
struct event_callback {
	void *evcb_reserved_[2];
	short evcb_flags;
	ev_uint8_t evcb_pri;
	ev_uint8_t evcb_closure;
	union {
		void (*evcb_callback)(evutil_socket_t, short, void *);
		void (*evcb_selfcb)(struct event_callback *, void *);
		void (*evcb_evfinalize)(struct event *, void *);
		void (*evcb_cbfinalize)(struct event_callback *, void *);
	} evcb_cb_union;
	void *evcb_arg;
};

/* An event. What it means is told in event2/event.h. */
struct event {
	struct event_callback ev_evcallback;
	/* Engine state while it is pending; never a pointer that the program should follow. */
	ev_uint64_t ev_reserved_a_[2];
	/* The descriptor, the number of the signal, or -1. */
	evutil_socket_t ev_fd;
	struct event_base *ev_base;
	ev_uint64_t ev_reserved_b_[4];
	/* EV_* as given to event_assign. */
	short ev_events;
	/* EV_* of the last activation: what the callback is, or was, called with. */
	short ev_res;
	/* When the timeout is, or was last, due: a monotonic time, as event_gettime_monotonic measures. */
	struct timeval ev_timeout;
};

/* Heads for TAILQ_ and LIST_ macros (<sys/queue.h>) over events, for programs that name these types. */
struct event_list {
	struct event *tqh_first;
	struct event **tqh_last;
};
struct event_dlist {
	struct event *lh_first;
};

#ifdef __cplusplus
}
#endif

#endif
