/* api/event/walk.c — visiting the events of a base: foreach, dump, activation by fd or signal.
 *
 * Here:     the walk, in libevent's order: by fd, by signal, by time, then what is only active.
 * Threads:  any; the base's lock is held all the while, so callbacks must not touch the base.
 *           A pooled base cannot be walked while it runs: its events belong to many strands.
 */
#include <event2/event.h>

#include "api/event/event_internal.h"
#include "api/event/walk.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/loop/timers.h"
#include "threading/lock.h"

struct walk {
	evrt_walk_fn fn;
	void *arg;
};

static int
visit_slot(struct evrt_slot *slot, void *arg)
{
	struct walk *w = arg;
	struct event_core *ev = evrt__slot_event(slot);

	return ev ? w->fn(ev, w->arg) : 0;
}

static int
visit_timer(struct evrt_timer *timer, void *arg)
{
	struct event_core *ev = evrt__event_of_timer(timer);
	struct walk *w = arg;

	/* Those that wait for an fd or signal too were visited there. */
	return ev->task.flags & EVLIST_INSERTED ? 0 : w->fn(ev, w->arg);
}

int
evrt__base_walk(struct event_base *base, evrt_walk_fn fn, void *arg)
{
	struct walk w = { fn, arg };
	struct evrt_strand *s = base->strand;
	int r = evrt__fdmap_foreach(&base->loop.fdmap, visit_slot, &w);

	if (r == 0)
		EVRT_LIST_FOREACH(it, &base->signals.slots)
			if (r == 0)
				r = visit_slot(EVRT_CONTAINER_OF(it, struct evrt_slot, fd_link), &w);
	if (r == 0)
		r = evrt__timers_walk(&base->loop.reactor.timers, visit_timer, &w);
	for (unsigned i = 0; i < s->queues_count && r == 0; i++) {
		EVRT_LIST_FOREACH(it, &s->queues[i]) {
			struct evrt_task *t = EVRT_CONTAINER_OF(it, struct evrt_task, link);
			if (t->closure == EVRT_CLOSURE_SELF || (t->flags & (EVLIST_INSERTED | EVLIST_TIMEOUT)))
				continue;
			if ((r = fn(evrt__event_of_task(t), arg)) != 0)
				break;
		}
	}
	return r;
}

struct foreach {
	const struct event_base *base;
	event_base_foreach_event_cb fn;
	void *arg;
};

static int
foreach_visit(struct event_core *ev, void *arg)
{
	struct foreach *f = arg;

	return f->fn(f->base, evrt__event_public(ev), f->arg);
}

int
event_base_foreach_event(struct event_base *base, event_base_foreach_event_cb fn, void *arg)
{
	struct foreach f = { base, fn, arg };

	if (!base || !fn)
		return -1;
	if (base->kind != EVRT_BASE_PLAIN) {
		evrt__warnx("event_base_foreach_event: a pool's events belong to many strands and cannot be walked");
		return -1;
	}
	evrt__lock(base->strand->lock);
	int r = evrt__base_walk(base, foreach_visit, &f);
	evrt__unlock(base->strand->lock);
	return r;
}

static void
dump_flags(FILE *out, int io)
{
	static const struct { int bit; const char *name; } names[] = {
		{ EV_READ, " Read" }, { EV_WRITE, " Write" }, { EV_CLOSED, " EOF" }, { EV_SIGNAL, " Signal" },
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (io & names[i].bit)
			fputs(names[i].name, out);
}

static int
dump_inserted(struct event_core *ev, void *arg)
{
	FILE *out = arg;

	if (!(ev->task.flags & (EVLIST_INSERTED | EVLIST_TIMEOUT)))
		return 0;
	fprintf(out, "  %p [%s %d]", (void *)ev, ev->events & EV_SIGNAL ? "sig" : "fd ", (int)ev->fd);
	dump_flags(out, ev->events);
	fputs(ev->events & EV_PERSIST ? " Persist" : "", out);
	fputs(ev->events & EV_ET ? " ET" : "", out);
	fputs(ev->task.flags & EVLIST_INTERNAL ? " Internal" : "", out);
	if (ev->task.flags & EVLIST_TIMEOUT) {
		struct timeval at = evrt__event_wall_deadline(ev, ev->base->strand);
		fprintf(out, " Timeout=%ld.%06d", (long)at.tv_sec, (int)at.tv_usec);
	}
	fputc('\n', out);
	return 0;
}

static int
dump_active(struct event_core *ev, void *arg)
{
	FILE *out = arg;

	if (!(ev->task.flags & (EVLIST_ACTIVE | EVLIST_ACTIVE_LATER)))
		return 0;
	fprintf(out, "  %p [%s %d, priority=%d]", (void *)ev, ev->events & EV_SIGNAL ? "sig" : "fd ", (int)ev->fd,
	    ev->task.pri);
	dump_flags(out, ev->result);
	fprintf(out, "%s active%s\n", ev->result & EV_TIMEOUT ? " Timeout" : "",
	    ev->task.flags & EVLIST_INTERNAL ? " [Internal]" : "");
	return 0;
}

void
event_base_dump_events(struct event_base *base, FILE *out)
{
	if (base->kind != EVRT_BASE_PLAIN) {
		fputs("(a pool's events belong to many strands and cannot be listed)\n", out);
		return;
	}
	evrt__lock(base->strand->lock);
	fputs("Inserted events:\n", out);
	evrt__base_walk(base, dump_inserted, out);
	fputs("Active events:\n", out);
	evrt__base_walk(base, dump_active, out);
	evrt__unlock(base->strand->lock);
}

struct activation {
	evutil_socket_t fd;
	short what;
	bool is_signal;
};

static int
activate_visit(struct event_core *ev, void *arg)
{
	struct activation *a = arg;
	bool is_signal = (ev->events & EV_SIGNAL) != 0;
	/* Only what waits for it; EV_TIMEOUT, which has the others ignored, is for those that have a timeout. */
	int what = a->what & EV_TIMEOUT ? (ev->task.flags & EVLIST_TIMEOUT ? EV_TIMEOUT : 0)
	    : ev->task.flags & EVLIST_INSERTED ? a->what & ev->events : 0;

	if (ev->fd != a->fd || is_signal != a->is_signal || !what)
		return 0;
	evrt__event_active_nolock(ev->base->strand, ev, is_signal ? EV_SIGNAL : what, 1);
	return 0;
}

static void
base_activate(struct event_base *base, struct activation *a)
{
	if (base->kind != EVRT_BASE_PLAIN) {
		evrt__warnx("event_base_active_by_fd: a pool's events belong to many strands; use event_active");
		return;
	}
	evrt__lock(base->strand->lock);
	evrt__base_walk(base, activate_visit, a);
	evrt__unlock(base->strand->lock);
}

void
event_base_active_by_fd(struct event_base *base, evutil_socket_t fd, short events)
{
	struct activation a = { fd, events & (EV_READ | EV_WRITE | EV_CLOSED | EV_TIMEOUT), false };

	if (a.what)
		base_activate(base, &a);
}

void
event_base_active_by_signal(struct event_base *base, int signum)
{
	struct activation a = { signum, EV_SIGNAL, true };

	base_activate(base, &a);
}
