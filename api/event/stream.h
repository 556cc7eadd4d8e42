/* api/event/stream.h — one fd, registered once by edges, behind a pair of events.
 *
 * Here:     how a bufferevent's ev_read and ev_write are served: a single watch of both directions for the
 *           life of the fd, and remembered readiness. event_add and event_del on the two are then plain
 *           stores: event_pending tells the true wish, and no system call is made.
 * Not here: reading and writing (api/bufferevent/socket.c).
 * Threads:  any; each call takes the strand's lock. Reports arrive in the strand.
 *
 * Readiness is a pair of bits, set by a report and cleared only by evrt__stream_drained. While a bit is
 * set and the event of that direction is added, the event is activated: at event_add, at the report, and at
 * evrt__stream_resume, which its callback calls when it stopped before it was drained (budget, watermark).
 * An edge that is reported between a short read and evrt__stream_drained is not lost: reports arrive only
 * between callbacks of the strand, hence after it, and set the bit again.
 */
#ifndef EVRT_API_EVENT_STREAM_H_
#define EVRT_API_EVENT_STREAM_H_

#include "api/event/event_internal.h"

struct evrt_stream {
	struct evrt_strand *strand; /* referenced; const from init to fini */
	struct event *pair;         /* [0] reads, [1] writes; const */
	struct evrt_slot *slot;     /* NULL: no fd. Strand lock */
	unsigned ready;             /* EVRT_READ|EVRT_WRITE|EVRT_HUP. Strand lock */
};

/* Ties two assigned, unadded events (EV_READ|EV_PERSIST and EV_WRITE|EV_PERSIST on one base; `wr` lies behind `rd`,
 * as in struct bufferevent) to the stream, and all three to `strand`, of which a reference is taken. They become
 * EVRT_EV_SOFT. */
void evrt__stream_init(struct evrt_stream *, struct evrt_strand *strand, struct event *rd, struct event *wr);
/* Both events must be deleted. Forgets fd and strand. Also right after a failed or no open. */
void evrt__stream_fini(struct evrt_stream *);
/* Serves `fd` from now on (instead of what it served before); fd < 0: none. `ready` is what may be tried
 * without a report: EVRT_WRITE on a connected socket, 0 while connecting. The events' ev_fd is set.
 * Call it with both events deleted. 0 or -errno (-EBADF, -EPERM, -ENOMEM). */
int evrt__stream_open(struct evrt_stream *, evutil_socket_t fd, unsigned ready);
/* The fd said EAGAIN. In the strand. */
void evrt__stream_drained(struct evrt_stream *, unsigned bits);
/* A read gave less than it could have: drained, unless an end of file, error or hang-up was reported, after
 * which only EAGAIN or reading the end means that. In the strand. */
void evrt__stream_short_read(struct evrt_stream *);
/* The direction may be tried, although nothing was reported: bytes were read elsewhere than in ev_read's callback. */
void evrt__stream_ready(struct evrt_stream *, unsigned bits);
bool evrt__stream_is_ready(struct evrt_stream *, unsigned bit);
/* Activates the events that are added and whose direction is still ready, behind others. In the strand. */
void evrt__stream_resume(struct evrt_stream *);
/* The same with the strand's lock held. */
void evrt__stream_resume_nolock(struct evrt_stream *);

#endif
