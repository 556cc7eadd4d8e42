/* testing/model/scale/scale.c — see scale.h.
 *
 * Here:     pools, their connections and the service; the world that sends requests; the figures.
 * Not here: loads and what was measured (loads.c).
 */
#include "testing/model/scale/scale.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "runtime/loop/slot.h"
#include "runtime/pool/pool.h"
#include "runtime/pool/tuning.h"
#include "testing/bench/skew.h"
#include "testing/model/scale/kernel.h"
#include "testing/model/scale/machine.h"

#define WARM_PART 4 /* one more request for so many goes before: until then workers do not know what theirs take */
#define PAUSE_NS (300 * EVRT_NS_PER_MS) /* then, before a plan: all is answered */

struct connection {
	struct evrt_task task;
	struct evrt_slot *slot;
	struct evrt_strand *strand;
	int fd;
};

static struct {
	const struct scale_setup *set;
	struct evrt_pool **pools;
	unsigned pools_count;
	struct connection *connections;
	unsigned connections_count;
	/* Requests: planned, answered. */
	double planned_ns;         /* of the next one, since the start */
	evrt_ns start, count_from; /* times */
	evrt_ns *sent_ns;          /* by request: when it was due */
	double *service_ns, *latency_ns;
	unsigned requests, warm, sent, answered;
	double served_ns;          /* all services */
	evrt_ns client_free_at;    /* of the one client, where there is one */
} s;

static bool
is_short(unsigned i)
{
	return s.set->load->long_ns == 0 || s.service_ns[i] < s.set->load->long_ns;
}

/* ---- The one client, a thread on a processor of its own. */

/* It is at work: what is due next, or comes in, it finds by itself as soon as it is done. */
static bool
client_is_up(evrt_ns now)
{
	return s.set->plan && s.client_free_at > now;
}

static evrt_ns
client_has_at(evrt_ns now, bool was_up)
{
	const struct scale_costs *c = s.set->costs;
	evrt_ns at = now + sim_draw(&c->answer);

	if (was_up)
		at = s.client_free_at > now ? s.client_free_at : now;
	s.client_free_at = at + c->read_ns;
	return at;
}

/* ---- The service, in a worker. */

static void
serve_request(int i)
{
	const struct scale_costs *costs = s.set->costs;

	if (s.set->sleeps)
		sim_sleep((evrt_ns)s.service_ns[i]);
	else
		sim_compute((evrt_ns)s.service_ns[i]);
	sim_sync();
	bool was_up = client_is_up(sim_now());
	sim_compute(costs->write_ns + (s.set->plan && !was_up ? costs->wake_ns : 0));
	sim_sync();
	s.latency_ns[i] = (double)(client_has_at(sim_now(), was_up) - s.sent_ns[i]);
	if (++s.answered == s.requests)
		sim_stop();
}

static void
serve(struct evrt_task *t, void *arg)
{
	struct connection *c = arg;
	int i = sim_socket_read(c->fd);

	(void)t;
	if (i >= 0)
		serve_request(i);
	sim_compute(s.set->costs->run_ns);
	evrt__slot_rearm(c->slot, EVRT_READ);
}

static void
connection_ready(struct evrt_slot *slot, unsigned bits)
{
	struct connection *c = slot->owner;

	(void)bits;
	if (!(c->task.flags & EVRT_TASK_ACTIVE))
		evrt__strand_push(c->strand, &c->task);
}

static void
connection_open(struct connection *c, struct evrt_pool *p)
{
	struct evrt_pool_strand *ps = evrt__pool_strand_new(evrt__pool_place(p), NULL);

	EVRT_ASSERT(ps);
	c->strand = &ps->strand;
	evrt__task_init(&c->task, serve, c, 0);
	c->fd = sim_socket_open();
	c->slot = evrt__slot_new(c->strand, connection_ready, c);
	EVRT_ASSERT(c->fd >= 0 && c->slot && evrt__slot_watch(c->slot, c->fd, EVRT_READ) == 0);
	evrt__strand_unref(c->strand); /* the slot has one */
}

/* ---- Pools. */

/* A pool that cannot be shared by so many: as many as are needed, of about the same size. */
static void
pools_open(void)
{
	const struct scale_setup *set = s.set;

	s.pools_count = (set->workers + EVRT_POOL_WORKERS_MAX - 1) / EVRT_POOL_WORKERS_MAX;
	s.pools = calloc(s.pools_count, sizeof(struct evrt_pool *));
	EVRT_ASSERT(s.pools);
	for (unsigned i = 0, left = set->workers; i < s.pools_count; i++) {
		unsigned workers = left / (s.pools_count - i);
		struct evrt_pool_settings settings = {
			.workers = workers,
			.size = workers,
			.priorities = 1,
			.wake_queue_strands = EVRT_WAKE_QUEUE_STRANDS,
			.strand_budget_callbacks = EVRT_STRAND_BUDGET_CALLBACKS,
			.turn_budget_strands = EVRT_TURN_BUDGET_STRANDS,
			.workers_per_set = set->workers_per_set ? set->workers_per_set : EVRT_WORKERS_PER_SET,
			.strand_budget_ns = EVRT_STRAND_BUDGET_US * EVRT_NS_PER_US,
			.turn_budget_ns = EVRT_TURN_BUDGET_US * EVRT_NS_PER_US,
			.steal = !set->no_steal,
			.backend = &sim_backend,
		};
		int err;
		s.pools[i] = evrt__pool_new(&settings, &err);
		EVRT_ASSERT(s.pools[i]);
		left -= workers;
	}
	for (unsigned c = 0; c < s.connections_count; c++)
		connection_open(&s.connections[c], s.pools[c % s.pools_count]);
	for (unsigned i = 0; i < s.pools_count; i++)
		EVRT_ASSERT(evrt__pool_start(s.pools[i], 0, false) == 0);
}

static void
pools_close(void)
{
	sim_host_end();
	for (unsigned i = 0; i < s.pools_count; i++)
		evrt__pool_halt(s.pools[i], EVRT_HALT_NOW);
	EVRT_ASSERT(!sim_run() && sim_threads_ended());
	for (unsigned i = 0; i < s.pools_count; i++)
		EVRT_ASSERT(evrt__pool_wait_ended(s.pools[i], evrt__pool_current_run(s.pools[i]), EVRT_NS_NEVER));
	for (unsigned c = 0; c < s.connections_count; c++) {
		evrt__slot_disown(s.connections[c].slot);
		sim_socket_close(s.connections[c].fd);
	}
	for (unsigned i = 0; i < s.pools_count; i++)
		evrt__pool_free(s.pools[i]);
	free(s.pools);
}

/* ---- The world. */

static double
draw_service_ns(const struct scale_load *l)
{
	double u = sim_uniform();

	if (l->long_ns == 0)
		return floor(-log(u) * l->short_ns);
	return u < l->long_fraction ? l->long_ns : l->short_ns;
}

/* NULL: left to chance. */
static const struct skew_request *
planned(uint64_t i)
{
	return s.set->plan && i >= s.warm ? &s.set->plan->requests[i - s.warm] : NULL;
}

static void count_anew(void);
static void plan_next(void);

/* When its time has come, or later. */
static void
request_goes(void *arg, uint64_t i)
{
	const struct skew_request *r = planned(i);
	const struct scale_costs *costs = s.set->costs;
	unsigned c = r ? r->connection : (unsigned)(sim_uniform() * s.connections_count);

	(void)arg;
	if (client_is_up(sim_now())) {
		sim_at(s.client_free_at, request_goes, NULL, i);
		return;
	}
	s.client_free_at = sim_now() + costs->write_ns + (sim_has_idle_core() ? costs->wake_ns : 0);
	if (i == s.warm)
		count_anew();
	s.service_ns[i] = r ? r->service_ns : draw_service_ns(s.set->load);
	if (i >= s.warm)
		s.served_ns += s.service_ns[i];
	sim_socket_send(s.connections[c].fd, (int)i);
	plan_next();
}

/* The client sleeps until it is due, and gets up late; if it is up, it finds out by itself. */
static void
request_is_due(void *arg, uint64_t i)
{
	(void)arg;
	if (client_is_up(sim_now()))
		request_goes(NULL, i);
	else
		sim_at(sim_now() + sim_draw(&s.set->costs->late), request_goes, NULL, i);
}

static void
plan_next(void)
{
	double gap_ns = 1e9 / (s.set->load->requests_per_s * s.set->workers);

	if (s.sent == s.requests)
		return;
	const struct skew_request *r = planned(s.sent);
	if (s.set->plan && s.sent == s.warm)
		s.start += (evrt_ns)s.planned_ns + PAUSE_NS;
	s.planned_ns = r ? r->at_ns : s.planned_ns - log(sim_uniform()) * gap_ns;
	evrt_ns due = s.start + (evrt_ns)s.planned_ns;
	s.sent_ns[s.sent] = due;
	sim_at(due > sim_now() ? due : sim_now(), s.set->plan ? request_is_due : request_goes, NULL, s.sent++);
}

/* ---- Figures. */

static struct {
	evrt_ns cpu_ns;
	uint64_t eventfd, eventfd_told, steals, rescues;
} before;

static uint64_t
told_eventfd_writes(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < s.pools_count; i++) {
		struct evrt_pool *p = s.pools[i];
		for (unsigned w = 0; w < p->set.workers; w++)
			sum += evrt_load_relaxed(&p->workers[w].reactor.wake_writes);
		for (unsigned g = 0; g < p->groups_count; g++)
			sum += evrt_load_relaxed(&p->groups[g].calls);
	}
	return sum;
}

static void
told_steals(uint64_t *steals, uint64_t *rescues)
{
	*steals = *rescues = 0;
	for (unsigned i = 0; i < s.pools_count; i++)
		for (unsigned w = 0; w < s.pools[i]->set.workers; w++) {
			*steals += evrt_load_relaxed(&s.pools[i]->workers[w].counters.steals_hit);
			*rescues += evrt_load_relaxed(&s.pools[i]->workers[w].counters.rescues);
		}
}

/* The first request that counts goes. */
static void
count_anew(void)
{
	for (struct sim_resource *r = sim_resources(); r; r = r->next)
		r->busy_ns = r->waited_ns = 0;
	sim_lines_count_anew();
	s.count_from = sim_now();
	before.cpu_ns = sim_cpu_ns();
	before.eventfd = sim_kernel_eventfd_writes();
	before.eventfd_told = told_eventfd_writes();
	told_steals(&before.steals, &before.rescues);
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
fill_in_latencies(struct scale_result *out)
{
	double *ms = calloc(s.requests, sizeof(*ms)), sum = 0;
	unsigned n = 0;

	EVRT_ASSERT(ms);
	for (unsigned i = s.warm; i < s.requests; i++)
		if (is_short(i))
			sum += ms[n++] = s.latency_ns[i] / 1e6;
	qsort(ms, n, sizeof(*ms), compare_doubles);
	out->mean_ms = sum / n;
	out->p50_ms = ms[n / 2];
	out->p99_ms = ms[(size_t)(n * 0.99)];
	out->p999_ms = ms[(size_t)(n * 0.999)];
	free(ms);
}

static struct scale_use *
use_named(struct scale_result *out, const char *name)
{
	for (unsigned i = 0; i < out->uses_count; i++)
		if (strcmp(out->uses[i].name, name) == 0)
			return &out->uses[i];
	EVRT_ASSERT(out->uses_count < SCALE_USES_MAX);
	out->uses[out->uses_count] = (struct scale_use){ .name = name };
	return &out->uses[out->uses_count++];
}

static void
fill_in_lines(struct scale_result *out, const char *name, double time_ns, const void *from, size_t bytes)
{
	struct scale_use *u = use_named(out, name);
	struct sim_lines_use use = sim_lines_use(from, bytes);
	double share = (double)use.busiest_ns / time_ns;

	u->share = share > u->share ? share : u->share;
	u->wait_us += (double)use.waited_ns / 1e3 / (s.requests - s.warm);
}

static void
fill_in_pool_lines(struct scale_result *out, double time_ns, const struct evrt_pool *p)
{
	fill_in_lines(out, "line of pool.parked", time_ns, &p->parked, sizeof(p->parked));
	for (unsigned g = 0; g < p->groups_count; g++) {
		const struct evrt_group *group = &p->groups[g];
		fill_in_lines(out, "line of group.word", time_ns, &group->word, sizeof(group->word));
		fill_in_lines(out, "line of group.inbox", time_ns, &group->inbox, sizeof(group->inbox));
	}
	for (unsigned i = 0; i < p->set.workers; i++) {
		const struct evrt_worker *w = &p->workers[i];
		fill_in_lines(out, "lines of a ring", time_ns, &w->ring, sizeof(w->ring));
		fill_in_lines(out, "line of worker.busy_since", time_ns, &w->busy_since, sizeof(w->busy_since));
	}
}

static void
fill_in_uses(struct scale_result *out, double time_ns)
{
	double counted = s.requests - s.warm;

	for (struct sim_resource *r = sim_resources(); r; r = r->next) {
		if (!r->busy_ns)
			continue;
		struct scale_use *u = use_named(out, r->name);
		double share = (double)r->busy_ns / time_ns;
		u->share = share > u->share ? share : u->share;
		u->wait_us += (double)r->waited_ns / 1e3 / counted;
	}
	for (unsigned i = 0; i < s.pools_count; i++)
		fill_in_pool_lines(out, time_ns, s.pools[i]);
	fill_in_lines(out, "any line", time_ns, NULL, 0);
}

static void
fill_in(struct scale_result *out)
{
	double counted = s.requests - s.warm, time_ns = (double)(sim_now() - s.count_from);
	double service_ns = s.set->sleeps ? 0 : s.served_ns;
	uint64_t steals, rescues;

	told_steals(&steals, &rescues);
	fill_in_latencies(out);
	fill_in_uses(out, time_ns);
	out->worker_share = (s.set->sleeps ? s.served_ns : 0) + (double)(sim_cpu_ns() - before.cpu_ns);
	out->worker_share /= time_ns * s.set->workers;
	out->cpu_us = ((double)(sim_cpu_ns() - before.cpu_ns) - service_ns) / 1e3 / counted;
	out->eventfd = (double)(sim_kernel_eventfd_writes() - before.eventfd) / counted;
	out->eventfd_told = (double)(told_eventfd_writes() - before.eventfd_told) / counted;
	out->steals = (double)(steals - before.steals) / counted;
	out->rescues = (double)(rescues - before.rescues) / counted;
	out->served = counted / time_ns * 1e9;
}

void
scale_run(const struct scale_setup *set, struct scale_result *out)
{
	memset(&s, 0, sizeof(s));
	memset(out, 0, sizeof(*out));
	s.set = set;
	s.requests = set->plan ? set->plan->count : set->requests;
	s.warm = s.requests / WARM_PART;
	s.requests += s.warm;
	s.connections_count = set->load->connections * set->workers;
	s.connections = calloc(s.connections_count, sizeof(*s.connections));
	s.sent_ns = calloc(s.requests, sizeof(*s.sent_ns));
	s.service_ns = calloc(s.requests, sizeof(double));
	s.latency_ns = calloc(s.requests, sizeof(double));
	EVRT_ASSERT(s.connections && s.sent_ns && s.service_ns && s.latency_ns);
	sim_machine_begin(set->costs, set->cores ? set->cores : set->workers, set->seed);
	sim_kernel_begin();
	pools_open();
	sim_host_begin();
	s.start = sim_now() + EVRT_NS_PER_MS;
	plan_next();
	out->lost = !sim_run();
	if (!out->lost)
		fill_in(out);
	pools_close();
	sim_kernel_end();
	sim_machine_end();
	free(s.connections);
	free(s.sent_ns);
	free(s.service_ns);
	free(s.latency_ns);
}

const struct scale_use *
scale_busiest(const struct scale_result *r)
{
	const struct scale_use *most = NULL;

	for (unsigned i = 0; i < r->uses_count; i++)
		if (!most || r->uses[i].share > most->share)
			most = &r->uses[i];
	return most;
}
