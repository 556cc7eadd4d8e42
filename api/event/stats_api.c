/* api/event/stats_api.c — statistics and the watchdog's hook; the contract is in evrt/stats.h.
 *
 * Here:     reading the counters, adding them up, writing them as JSON; the hook's report.
 * Not here: counting (runtime/pool/stats.h), watching (runtime/pool/watchdog.c).
 * Threads:  any; the hook is called by the watchdog's.
 */
#include <evrt/stats.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "api/event/pool_internal.h"
#include "base/symbol.h"

_Static_assert(EVRT_STATS_BUCKETS == EVRT_TIME_BUCKETS, "the public number of buckets is the engine's");

enum field_kind { FIELD_SUM, FIELD_MAX, FIELD_BUCKETS };

static const struct field {
	const char *name;
	size_t offset;
	enum field_kind kind;
} fields[] = {
#define FIELD(kind, name) { #name, offsetof(struct evrt_worker_stats, name), FIELD_##kind }
	FIELD(SUM, loops), FIELD(SUM, events), FIELD(SUM, runs), FIELD(SUM, callbacks), FIELD(SUM, steals_tried),
	FIELD(SUM, steals_hit), FIELD(SUM, stolen), FIELD(SUM, parks), FIELD(SUM, eventfd_writes), FIELD(SUM, posts),
	FIELD(SUM, overflows), FIELD(MAX, longest_run_ns), FIELD(SUM, busy_ns), FIELD(SUM, connections),
	FIELD(SUM, queue_strands), FIELD(SUM, polls), FIELD(SUM, rescues), FIELD(SUM, useless_wakes),
	FIELD(SUM, budget_yields), FIELD(SUM, timers), FIELD(SUM, slow_callbacks), FIELD(MAX, longest_inbox),
	FIELD(MAX, longest_wait_ns), FIELD(MAX, longest_lag_ns), FIELD(MAX, oldest_ns),
	FIELD(BUCKETS, run_ns_log2), FIELD(BUCKETS, wait_ns_log2), FIELD(BUCKETS, lag_ns_log2),
#undef FIELD
};
#define FIELDS_COUNT (sizeof(fields) / sizeof(fields[0]))

/* Every field is in the table. */
_Static_assert(sizeof(struct evrt_worker_stats) == (FIELDS_COUNT - 3 + 3 * EVRT_STATS_BUCKETS) * sizeof(uint64_t),
    "a field of struct evrt_worker_stats is missing in fields[]");

static void
read_buckets(const evrt_atomic(uint64_t) *from, uint64_t *to)
{
	for (unsigned i = 0; i < EVRT_STATS_BUCKETS; i++)
		to[i] = evrt_load_relaxed(&from[i]);
}

static void
read_worker(struct evrt_worker *w, evrt_ns now, struct evrt_worker_stats *out)
{
	struct evrt_worker_counters *c = &w->counters;

	*out = (struct evrt_worker_stats){
		.loops = evrt_load_relaxed(&c->loops),
		.events = evrt_load_relaxed(&c->events),
		.runs = evrt_load_relaxed(&c->runs),
		.callbacks = evrt_load_relaxed(&c->callbacks),
		.steals_tried = evrt_load_relaxed(&c->steals_tried),
		.steals_hit = evrt_load_relaxed(&c->steals_hit),
		.stolen = evrt_load_relaxed(&c->stolen),
		.parks = evrt_load_relaxed(&c->parks),
		.eventfd_writes = evrt_load_relaxed(&w->reactor.wake_writes) + (w->index == w->group->first &&
		    evrt__group_is_shared(w->group) ? evrt_load_relaxed(&w->group->calls) : 0),
		.posts = evrt_load_relaxed(&c->posts),
		.overflows = evrt_load_relaxed(&c->overflows),
		.longest_run_ns = evrt_load_relaxed(&c->longest_run_ns),
		.busy_ns = evrt_load_relaxed(&c->busy_ns),
		.connections = evrt_load_relaxed(&w->connections),
		.queue_strands = evrt__ring_length(&w->ring),
		.polls = evrt_load_relaxed(&c->polls),
		.rescues = evrt_load_relaxed(&c->rescues),
		.useless_wakes = evrt_load_relaxed(&c->useless_wakes),
		.budget_yields = evrt_load_relaxed(&c->budget_yields),
		.timers = evrt_load_relaxed(&c->timers),
		.slow_callbacks = evrt_load_relaxed(&w->watch.slow),
		.longest_inbox = evrt_load_relaxed(&c->longest_inbox),
		.longest_wait_ns = evrt_load_relaxed(&c->longest_wait_ns),
		.longest_lag_ns = evrt_load_relaxed(&c->longest_lag_ns),
		.oldest_ns = (uint64_t)evrt__stats_oldest(w, now),
	};
	read_buckets(c->run_ns, out->run_ns_log2);
	read_buckets(c->wait_ns, out->wait_ns_log2);
	read_buckets(c->lag_ns, out->lag_ns_log2);
}

static const uint64_t *
field_of(const struct evrt_worker_stats *s, const struct field *f)
{
	return (const uint64_t *)(const void *)((const char *)s + f->offset);
}

static void
add_worker(struct evrt_worker_stats *all, const struct evrt_worker_stats *one)
{
	for (const struct field *f = fields; f < fields + FIELDS_COUNT; f++) {
		uint64_t *to = (uint64_t *)(void *)((char *)all + f->offset);
		const uint64_t *from = field_of(one, f);
		if (f->kind == FIELD_MAX)
			*to = *from > *to ? *from : *to;
		for (unsigned i = 0; f->kind != FIELD_MAX && i < (f->kind == FIELD_SUM ? 1 : EVRT_STATS_BUCKETS); i++)
			to[i] += from[i];
	}
}

int
evrt_pool_stats(const struct evrt_pool *pool, unsigned worker, struct evrt_worker_stats *out)
{
	if (!pool || !out || worker >= pool->set.workers)
		return evrt__public_result(-EINVAL);
	read_worker(&pool->workers[worker], evrt__clock_now(pool->set.clock), out);
	return 0;
}

int
evrt_pool_stats_total(const struct evrt_pool *pool, struct evrt_pool_totals *out)
{
	struct evrt_worker_stats one;

	if (!pool || !out)
		return evrt__public_result(-EINVAL);
	evrt_ns now = evrt__clock_now(pool->set.clock);
	*out = (struct evrt_pool_totals){
		.workers = evrt_load_relaxed(&pool->size),
		.parked_workers = (uint64_t)__builtin_popcountll(evrt_load_relaxed(&pool->parked)),
		.common_queue_strands = evrt_load_relaxed(&pool->inject_length),
		.posts_refused = evrt_load_relaxed(&pool->posts_refused),
	};
	for (unsigned i = 0; i < pool->set.workers; i++) {
		read_worker(&pool->workers[i], now, &one);
		add_worker(&out->all, &one);
	}
	/* The pool of a worker: it is not ours to change, but its lock is to be taken. */
	uint64_t injected = (uint64_t)evrt__stats_oldest_injected(pool->workers[0].pool, now);
	out->oldest_ns = injected > out->all.oldest_ns ? injected : out->all.oldest_ns;
	return 0;
}

struct text {
	char *buf;
	size_t size;
	size_t length; /* of the whole, however much of it fits */
};

static __attribute__((format(printf, 2, 3))) void
text_add(struct text *t, const char *fmt, ...)
{
	size_t at = t->length < t->size ? t->length : t->size;
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(t->buf ? t->buf + at : NULL, t->size - at, fmt, ap);
	va_end(ap);
	t->length += n > 0 ? (size_t)n : 0;
}

static void
text_add_worker(struct text *t, const struct evrt_worker_stats *s)
{
	for (const struct field *f = fields; f < fields + FIELDS_COUNT; f++) {
		const uint64_t *n = field_of(s, f);
		bool buckets = f->kind == FIELD_BUCKETS;
		text_add(t, "%s\"%s\":%s%llu", f == fields ? "{" : ",", f->name, buckets ? "[" : "", (unsigned long long)*n);
		for (unsigned i = 1; buckets && i < EVRT_STATS_BUCKETS; i++)
			text_add(t, ",%llu", (unsigned long long)n[i]);
		text_add(t, "%s", buckets ? "]" : "");
	}
	text_add(t, "}");
}

int
evrt_pool_stats_json(const struct evrt_pool *pool, char *buf, size_t size)
{
	struct text t = { .buf = size ? buf : NULL, .size = size };
	struct evrt_pool_totals totals;
	struct evrt_worker_stats one;

	if ((!buf && size) || evrt_pool_stats_total(pool, &totals) < 0)
		return evrt__public_result(-EINVAL);
	text_add(&t, "{\"workers\":%llu,\"parked_workers\":%llu,\"common_queue_strands\":%llu,\"posts_refused\":%llu,"
	    "\"oldest_ns\":%llu,\"all\":", (unsigned long long)totals.workers, (unsigned long long)totals.parked_workers,
	    (unsigned long long)totals.common_queue_strands, (unsigned long long)totals.posts_refused,
	    (unsigned long long)totals.oldest_ns);
	text_add_worker(&t, &totals.all);
	for (unsigned i = 0; i < pool->set.workers; i++) {
		text_add(&t, "%s", i ? "," : ",\"worker\":[");
		read_worker(&pool->workers[i], evrt__clock_now(pool->set.clock), &one);
		text_add_worker(&t, &one);
	}
	text_add(&t, "]}");
	return (int)t.length;
}

typedef void (*watchdog_hook_fn)(const struct evrt_watchdog_report *, void *arg);

/* evrt_watchdog_tell_fn */
static void
tell_hook(const struct evrt_watchdog *dog, unsigned worker, const struct evrt_watch_run *run, evrt_ns limit)
{
	char name[EVRT_SYMBOL_MAX];

	evrt__symbol_name((const void *)(uintptr_t)run->callback, name, sizeof(name));
	const struct evrt_watchdog_report report = {
		.callback = run->callback,
		.name = name,
		.strand = run->strand,
		.worker = worker,
		.ended = run->ended,
		.duration_ns = (uint64_t)run->took,
		.limit_ns = (uint64_t)limit,
	};
	((watchdog_hook_fn)dog->hook)(&report, dog->hook_arg);
}

int
evrt_pool_set_watchdog(struct evrt_pool *pool, void (*hook)(const struct evrt_watchdog_report *, void *arg), void *arg)
{
	int err = pool ? evrt__watchdog_set(pool, hook ? tell_hook : NULL, (evrt_watch_fn)hook, arg) : -EINVAL;

	return evrt__public_result(err);
}
