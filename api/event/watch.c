/* api/event/watch.c — prepare and check watchers.
 *
 * Here:     making, calling and freeing them.
 * Not here: the turn (runtime/loop/loop.c), which calls us only while there is a watcher.
 * Threads:  see event2/watch.h.
 *
 * A watcher is run as a task of the base's strand, out of turn: so whoever frees it from another thread waits
 * for its callback as event_del does. The walk over a list survives any change: it keeps its next step in
 * the base, where evwatch_free finds it, and never reaches watchers that are newer than the turn.
 */
#include <event2/watch.h>

#include <event2/event.h>

#include "api/event/event_internal.h"
#include "api/util/timeval.h"
#include "base/log.h"
#include "base/mem.h"
#include "threading/lock.h"

struct evwatch {
	struct evrt_task task;
	struct evrt_link link;    /* in one of evrt_watchers.list */
	struct event_base *base;
	uint64_t number;          /* evrt_watchers.made with this one */
	union {
		evwatch_prepare_cb prepare;
		evwatch_check_cb check;
	} call;
};

struct evwatch_prepare_cb_info {
	evrt_ns timeout_ns; /* -1: none */
};

struct evwatch_check_cb_info {
	char nothing; /* to tell so far */
};

static void
run_prepare(struct evrt_task *t, void *arg)
{
	struct evwatch *w = EVRT_CONTAINER_OF(t, struct evwatch, task);
	struct evwatch_prepare_cb_info info = { w->base->watchers.timeout_ns };

	w->call.prepare(w, &info, arg);
}

static void
run_check(struct evrt_task *t, void *arg)
{
	static const struct evwatch_check_cb_info info;
	struct evwatch *w = EVRT_CONTAINER_OF(t, struct evwatch, task);

	w->call.check(w, &info, arg);
}

static const evrt_task_fn run_kind[EVRT_WATCH_KINDS] = {
	[EVRT_WATCH_PREPARE] = run_prepare, [EVRT_WATCH_CHECK] = run_check };

/* Base locked, but not during callbacks. Ends early when one of them ends the loop. */
static void
run_all(struct event_base *base, enum evrt_watch_kind kind)
{
	struct evrt_watchers *ws = &base->watchers;
	struct evrt_link *list = &ws->list[kind];

	for (ws->next = list->next; ws->next != list && !base->loop.stop;) {
		struct evwatch *w = EVRT_CONTAINER_OF(ws->next, struct evwatch, link);
		if (w->number > ws->turn_made)
			break;
		ws->next = w->link.next;
		evrt__strand_push(base->strand, &w->task);
		evrt__strand_run_task(base->strand, &w->task);
	}
	ws->next = NULL;
}

static void
watch_prepare(struct evrt_loop *l, evrt_ns deadline)
{
	struct event_base *base = EVRT_CONTAINER_OF(l, struct event_base, loop);
	struct evrt_watchers *ws = &base->watchers;

	ws->turn_made = ws->made;
	ws->timeout_ns = -1;
	if (deadline != EVRT_NS_NEVER) {
		evrt_ns now = evrt__reactor_now(&l->reactor);
		ws->timeout_ns = deadline > now ? deadline - now : 0;
	}
	run_all(base, EVRT_WATCH_PREPARE);
}

static void
watch_check(struct evrt_loop *l)
{
	run_all(EVRT_CONTAINER_OF(l, struct event_base, loop), EVRT_WATCH_CHECK);
}

static const struct evrt_loop_watch loop_watch = { .prepare = watch_prepare, .check = watch_check };

/* A watcher that is in no list yet. */
static struct evwatch *
watch_alloc(struct event_base *base, enum evrt_watch_kind kind, void *arg)
{
	if (!base)
		return NULL;
	if (base->kind != EVRT_BASE_PLAIN) {
		evrt__warnx("evwatch: pooled and pinned bases have no watchers: their workers share no turns");
		return NULL;
	}
	struct evwatch *w = evrt__calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	evrt__task_init(&w->task, run_kind[kind], arg, 0);
	w->task.flags = EVRT_TASK_INTERNAL;
	w->base = base;
	return w;
}

static struct evwatch *
watch_begin(struct evwatch *w, enum evrt_watch_kind kind)
{
	struct event_base *base = w->base;

	evrt__lock(base->strand->lock);
	base->loop.watch = &loop_watch;
	w->number = ++base->watchers.made;
	evrt__list_push_tail(&base->watchers.list[kind], &w->link);
	evrt__unlock(base->strand->lock);
	return w;
}

struct evwatch *
evwatch_prepare_new(struct event_base *base, evwatch_prepare_cb callback, void *arg)
{
	struct evwatch *w = callback ? watch_alloc(base, EVRT_WATCH_PREPARE, arg) : NULL;

	if (!w)
		return NULL;
	w->call.prepare = callback;
	return watch_begin(w, EVRT_WATCH_PREPARE);
}

struct evwatch *
evwatch_check_new(struct event_base *base, evwatch_check_cb callback, void *arg)
{
	struct evwatch *w = callback ? watch_alloc(base, EVRT_WATCH_CHECK, arg) : NULL;

	if (!w)
		return NULL;
	w->call.check = callback;
	return watch_begin(w, EVRT_WATCH_CHECK);
}

struct event_base *
evwatch_base(struct evwatch *w)
{
	return w->base;
}

void
evwatch_free(struct evwatch *w)
{
	struct event_base *base = w->base;
	struct evrt_watchers *ws = &base->watchers;

	evrt__lock(base->strand->lock);
	if (ws->next == &w->link)
		ws->next = w->link.next;
	evrt__list_remove(&w->link);
	if (evrt__list_empty(&ws->list[EVRT_WATCH_PREPARE]) && evrt__list_empty(&ws->list[EVRT_WATCH_CHECK]))
		base->loop.watch = NULL;
	evrt__strand_wait_ended(base->strand, &w->task);
	evrt__unlock(base->strand->lock);
	evrt__free(w);
}

void
evrt__watchers_init(struct evrt_watchers *ws)
{
	for (int kind = 0; kind < EVRT_WATCH_KINDS; kind++)
		evrt__list_init(&ws->list[kind]);
}

void
evrt__watchers_free(struct evrt_watchers *ws)
{
	for (int kind = 0; kind < EVRT_WATCH_KINDS; kind++)
		while (!evrt__list_empty(&ws->list[kind]))
			evwatch_free(EVRT_CONTAINER_OF(ws->list[kind].next, struct evwatch, link));
}

int
evwatch_prepare_get_timeout(const struct evwatch_prepare_cb_info *info, struct timeval *timeout)
{
	if (info->timeout_ns < 0)
		return 0;
	*timeout = evrt__timeval_from_ns(info->timeout_ns);
	return 1;
}
