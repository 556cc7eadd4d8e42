/* api/event/base.c — making and freeing an event_base of its own.
 *
 * Here:     event_base_new and its kin, event_base_free, priorities, fork.
 * Not here: configs (config.c), pooled and pinned bases (pool_base.c), running (dispatch.c), questions (query.c).
 * Threads:  making: any. Freeing: the last to use it.
 */
#include <event2/event.h>
#include <evrt/pool.h>

#include <errno.h>

#include "api/event/blocking.h"
#include "api/event/config.h"
#include "api/event/debug.h"
#include "api/event/event_internal.h"
#include "api/event/globals.h"
#include "api/event/guest.h"
#include "api/event/pool_base.h"
#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "threading/lock.h"

struct event_base *evrt__global_base;
char evrt__event_self_arg;

int
evrt__base_init_common(struct event_base *base, enum evrt_base_kind kind, int flags, unsigned priorities)
{
	base->kind = kind;
	base->flags = evrt__config_add_environment(flags);
	evrt_store_relaxed(&base->priorities, (int)priorities);
	evrt__sigport_init(&base->signals, base->flags & EVENT_BASE_FLAG_USE_SIGNALFD);
	evrt__list_init(&base->guests);
	return -pthread_mutex_init(&base->setup_lock, NULL);
}

void
evrt__base_fini_common(struct event_base *base)
{
	if (base->signal_strand) {
		struct evrt_strand *s = base->signal_strand;
		evrt__lock(s->lock);
		evrt__sigport_close(&base->signals);
		evrt__unlock(s->lock);
		evrt__strand_unref(s);
	}
	evrt__base_blocking_forget(base);
	evrt__debug_base_freed(base);
	evrt__free(base->common_timeouts);
	pthread_mutex_destroy(&base->setup_lock);
}

static struct event_base *
plain_base_new(const struct event_config *cfg, const struct evrt_backend_ops *backend)
{
	struct event_base *base = evrt__calloc(1, sizeof(*base));
	int flags = cfg ? cfg->flags : 0;

	if (!base)
		return NULL;
	evrt__base_init_common(base, EVRT_BASE_PLAIN, flags, 1);
	int err = evrt__loop_init(&base->loop, backend, evrt__clock_real(), 1, !(flags & EVENT_BASE_FLAG_NOLOCK));
	if (err < 0) {
		evrt__base_fini_common(base);
		evrt__free(base);
		errno = -err;
		return NULL;
	}
	base->strand = &base->loop.strand;
	evrt__watchers_init(&base->watchers);
	base->strand->execute = evrt__event_execute;
	base->loop.timer_due = evrt__event_timer_due;
	base->loop.cache_time = !(flags & EVENT_BASE_FLAG_NO_CACHE_TIME);
	if (cfg) {
		base->loop.dispatch_max_ns = cfg->dispatch_max_ns;
		base->loop.dispatch_callbacks_max = cfg->dispatch_callbacks_max;
		base->loop.dispatch_after_pri = (unsigned)cfg->dispatch_after_pri;
	}
	return base;
}

struct event_base *
event_base_new_with_config(const struct event_config *cfg)
{
	evrt__debug_too_late();
	bool pooled = cfg && (cfg->flags & EVRT_BASE_FLAG_POOLED);
	const struct evrt_backend_ops *backend = evrt__config_choose_backend(cfg, pooled);
	if (!backend) {
		evrt__warnx("event_base_new: no event mechanism is available");
		return NULL;
	}
	if (evrt__getenv("EVENT_SHOW_METHOD"))
		evrt__msg("libevent using: %s", backend->name);
	if (pooled)
		return evrt__pooled_base_new(cfg->cpus_hint > 0 ? (unsigned)cfg->cpus_hint : 0, backend, cfg->flags);
	return plain_base_new(cfg, backend);
}

struct event_base *
event_base_new(void)
{
	return event_base_new_with_config(NULL);
}

static int
orphan_slot(struct evrt_slot *slot, void *finalize)
{
	evrt__event_orphan(slot, *(bool *)finalize);
	return 0;
}

void
evrt__fdmap_drop_watches(struct evrt_fdmap *map, bool finalize)
{
	evrt__fdmap_foreach(map, orphan_slot, &finalize);
}

void
evrt__strand_drop_tasks(struct evrt_strand *s, bool finalize)
{
	struct evrt_task *t;

	while ((t = evrt__strand_first(s)) != NULL)
		evrt__event_drop(s, t, finalize);
}

static void
plain_base_drop_timers(struct event_base *base, bool finalize)
{
	struct evrt_timer *t;
	evrt_ns armed_for;

	while ((t = evrt__timers_pop_due(&base->loop.reactor.timers, EVRT_NS_NEVER, &armed_for)))
		evrt__event_abandon(base->strand, evrt__event_of_timer(t), finalize);
}

void
evrt__base_drop_signals(struct event_base *base, bool finalize)
{
	while (!evrt__list_empty(&base->signals.slots)) {
		struct evrt_link *first = base->signals.slots.next;
		evrt__event_orphan(EVRT_CONTAINER_OF(first, struct evrt_slot, fd_link), finalize);
	}
}

static void
base_free_with(struct event_base *base, bool finalize)
{
	if (!base && evrt__global_base)
		base = evrt__global_base;
	if (!base) {
		evrt__warnx("event_base_free: no base to free");
		return;
	}
	if (evrt__base_blocking_is_inside(base)) {
		evrt__warnx("event_base_free: called from inside blocking work of this base, which it waits for");
		return;
	}
	if (base == evrt__global_base)
		evrt__global_base = NULL;
	if (base->kind != EVRT_BASE_PLAIN) {
		evrt__pool_base_free(base, finalize);
		return;
	}
	evrt__base_blocking_shut(base);
	evrt__base_guests_leave(base);
	/* Finalisers first: what they destroy may still delete its events here. */
	evrt__strand_drop_tasks(base->strand, finalize);
	evrt__base_drop_signals(base, finalize);
	plain_base_drop_timers(base, finalize);
	evrt__fdmap_drop_watches(&base->loop.fdmap, finalize);
	evrt__strand_drop_tasks(base->strand, finalize);
	evrt__watchers_free(&base->watchers);
	evrt__base_fini_common(base);
	evrt__loop_fini(&base->loop);
	evrt__free(base);
}

void
event_base_free(struct event_base *base)
{
	base_free_with(base, true);
}

void
event_base_free_nofinalize(struct event_base *base)
{
	base_free_with(base, false);
}

int
event_base_priority_init(struct event_base *base, int priorities)
{
	if (!base || priorities < 1 || priorities >= EVENT_MAX_PRIORITIES)
		return -1;
	if (base->kind == EVRT_BASE_POOLED) { /* a strand keeps its few tasks sorted: there are no queues to change */
		evrt_store_relaxed(&base->priorities, priorities);
		return 0;
	}
	evrt__lock(base->strand->lock);
	int err = evrt__strand_set_priorities(base->strand, (unsigned)priorities);
	if (err == 0)
		evrt_store_relaxed(&base->priorities, priorities);
	evrt__unlock(base->strand->lock);
	return evrt__public_result(err);
}

int
evrt__base_open_signals(struct event_base *base)
{
	int err = 0;

	pthread_mutex_lock(&base->setup_lock);
	if (!base->signal_strand) {
		struct evrt_strand *s = evrt__base_strand_for_signals(base);
		err = s ? 0 : -ENOMEM;
		if (s) {
			evrt__lock(s->lock);
			err = evrt__sigport_open(&base->signals, s);
			evrt__unlock(s->lock);
		}
		if (err == 0)
			base->signal_strand = s;
		else if (s)
			evrt__strand_unref(s);
	}
	pthread_mutex_unlock(&base->setup_lock);
	return err;
}

int
event_reinit(struct event_base *base)
{
	if (base->kind != EVRT_BASE_PLAIN)
		return evrt__public_result(evrt__pool_base_reinit(base));
	evrt__base_blocking_reinit(base);
	evrt__lock(base->strand->lock);
	int err = evrt__reactor_reopen(&base->loop.reactor);
	if (err == 0 && base->signal_strand)
		err = evrt__sigport_reopen(&base->signals);
	if (err == 0)
		err = evrt__fdmap_register_again(&base->loop.fdmap, &base->loop.reactor);
	evrt__unlock(base->strand->lock);
	return evrt__public_result(err);
}
