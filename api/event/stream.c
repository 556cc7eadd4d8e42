/* api/event/stream.c — one fd behind a pair of events; see stream.h. */
#include "api/event/stream.h"

#include <errno.h>

#include "base/assert.h"
#include "threading/lock.h"

static inline struct event_core *stream_read(const struct evrt_stream *st) { return evrt__event(&st->pair[0]); }
static inline struct event_core *stream_write(const struct evrt_stream *st) { return evrt__event(&st->pair[1]); }

/* A report for the stream's slot; strand locked. */
static void
stream_ready(struct evrt_slot *slot, unsigned bits)
{
	struct evrt_stream *st = slot->owner;

	st->ready |= bits & (EVRT_READ | EVRT_WRITE | EVRT_HUP);
	/* The peer's end of file is found by reading. */
	if (bits & EVRT_CLOSED)
		st->ready |= EVRT_READ | EVRT_HUP;
	evrt__stream_resume_nolock(st);
}

static void
stream_activate(struct evrt_stream *st, struct event_core *ev, unsigned bit, int result)
{
	if ((st->ready & bit) && (ev->task.flags & EVLIST_INSERTED))
		evrt__event_active_nolock(st->strand, ev, result, 1);
}

void
evrt__stream_resume_nolock(struct evrt_stream *st)
{
	if (!st->slot)
		return;
	stream_activate(st, stream_read(st), EVRT_READ, EV_READ);
	stream_activate(st, stream_write(st), EVRT_WRITE, EV_WRITE);
}

void
evrt__stream_init(struct evrt_stream *st, struct evrt_strand *s, struct event *rd, struct event *wr)
{
	evrt__strand_ref(s);
	st->strand = s;
	EVRT_ASSERT(wr == rd + 1);
	st->pair = rd;
	st->slot = NULL;
	st->ready = 0;
	struct event_core *both[2] = { stream_read(st), stream_write(st) };
	for (int i = 0; i < 2; i++) {
		both[i]->task.flags |= EVRT_EV_SOFT;
		both[i]->stream = st;
		evrt__event_join(both[i], s);
	}
}

/* Strand locked. */
static void
stream_close(struct evrt_stream *st)
{
	struct evrt_slot *slot = st->slot;

	st->slot = NULL;
	st->ready = 0;
	if (slot)
		evrt__slot_disown(slot);
}

void
evrt__stream_fini(struct evrt_stream *st)
{
	if (!st->strand)
		return;
	evrt__lock(st->strand->lock);
	EVRT_ASSERT(!evrt__event_is_added(stream_read(st)) && !evrt__event_is_added(stream_write(st)));
	stream_close(st);
	evrt__unlock(st->strand->lock);
	evrt__strand_unref(st->strand);
	st->strand = NULL;
}

int
evrt__stream_open(struct evrt_stream *st, evutil_socket_t fd, unsigned ready)
{
	int err = 0;

	evrt__lock(st->strand->lock);
	stream_close(st);
	stream_read(st)->fd = stream_write(st)->fd = fd;
	if (fd >= 0) {
		st->slot = evrt__slot_new(st->strand, stream_ready, st);
		err = st->slot ? evrt__slot_watch(st->slot, fd, EVRT_READ | EVRT_WRITE | EVRT_EDGE) : -ENOMEM;
		st->ready = ready;
		if (err < 0)
			stream_close(st);
	}
	evrt__unlock(st->strand->lock);
	return err;
}

/* Strand locked. */
static void
stream_drained(struct evrt_stream *st, unsigned bits)
{
	st->ready &= ~(bits & (EVRT_READ | EVRT_WRITE));
	if (st->slot && evrt__slot_wants_rearm(st->slot))
		evrt__slot_rearm(st->slot, bits);
}

void
evrt__stream_drained(struct evrt_stream *st, unsigned bits)
{
	evrt__lock(st->strand->lock);
	stream_drained(st, bits);
	evrt__unlock(st->strand->lock);
}

void
evrt__stream_short_read(struct evrt_stream *st)
{
	evrt__lock(st->strand->lock);
	if (!(st->ready & EVRT_HUP))
		stream_drained(st, EVRT_READ);
	evrt__unlock(st->strand->lock);
}

void
evrt__stream_resume(struct evrt_stream *st)
{
	evrt__lock(st->strand->lock);
	evrt__stream_resume_nolock(st);
	evrt__unlock(st->strand->lock);
}

void
evrt__stream_ready(struct evrt_stream *st, unsigned bits)
{
	evrt__lock(st->strand->lock);
	if (st->slot) {
		st->ready |= bits;
		evrt__stream_resume_nolock(st);
	}
	evrt__unlock(st->strand->lock);
}

bool
evrt__stream_is_ready(struct evrt_stream *st, unsigned bit)
{
	evrt__lock(st->strand->lock);
	bool ready = (st->ready & bit) != 0;
	evrt__unlock(st->strand->lock);
	return ready;
}
