/* api/bufferevent/buffer_defer.c — evbuffer_defer_callbacks: an evbuffer's callbacks in a base's loop.
 *
 * Here:     the task that ties the two together. It lives in this room because the evbuffer's room knows no
 *           events, and the events' room no evbuffers.
 * Threads:  scheduling: any, with the evbuffer's lock held (rank evbuffer, below the strand's). Running: the
 *           strand.
 */
#include <event2/buffer.h>
#include <event2/event.h>

#include "api/buffer/buffer_internal.h"
#include "api/event/event_internal.h"
#include "base/mem.h"

struct deferral {
	struct evrt__buffer_defer defer; /* the evbuffer's */
	struct evrt_task task;       /* queued, or running, while defer.scheduled */
	struct evrt_strand *strand;  /* referenced, const */
};

static void
deferral_run(struct evrt_task *task, void *buf)
{
	struct deferral *d = EVRT_CONTAINER_OF(task, struct deferral, task);

	evrt__buffer_run_deferred(buf, &d->defer);
}

static void
deferral_schedule(struct evrt__buffer_defer *defer, struct evbuffer *buf)
{
	struct deferral *d = EVRT_CONTAINER_OF(defer, struct deferral, defer);

	(void)buf;
	evrt__strand_submit(d->strand, &d->task);
}

static void
deferral_release(struct evrt__buffer_defer *defer)
{
	struct deferral *d = EVRT_CONTAINER_OF(defer, struct deferral, defer);

	evrt__strand_unref(d->strand);
	evrt__free(d);
}

int
evbuffer_defer_callbacks(struct evbuffer *buf, struct event_base *base)
{
	struct deferral *d = evrt__malloc(sizeof(*d));

	if (!d)
		return -1;
	d->strand = evrt__base_strand_for_new(base);
	if (!d->strand) {
		evrt__free(d);
		return -1;
	}
	d->defer.schedule = deferral_schedule;
	d->defer.release = deferral_release;
	evrt__task_init(&d->task, deferral_run, buf, 0);
	/* A base that is freed runs it a last time, so that the evbuffer's reference is given back. */
	d->task.flags |= EVLIST_FINALIZING;
	evrt__buffer_set_defer(buf, &d->defer);
	return 0;
}
