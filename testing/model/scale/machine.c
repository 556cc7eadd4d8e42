/* testing/model/scale/machine.c — see machine.h.
 *
 * Here:     the events of the world, coroutines and their processors, resources.
 * Not here: cache lines and mutexes (lines.c).
 */
#include "testing/model/scale/machine.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "base/assert.h"
#include "testing/model/fiber.h"
#include "testing/model/scale/shim.h"
#include "threading/thread.h"

#define STACK_BYTES (64u * 1024u)
#define TLS_BYTES 256u

struct context {
	ucontext_t u;
	struct evrt__fiber fiber;
	char tls[TLS_BYTES];
};

struct sim_thread {
	struct context context;
	void *(*fn)(void *);
	void *arg;
	unsigned index;
	char *stack;
	evrt_ns now;       /* while it runs */
	evrt_ns got_core;
	evrt_ns cpu_ns;    /* up to got_core */
	uint64_t blocks;   /* +1 each time that it blocks or is awakened: tells a deadline that is stale */
	bool blocked, timed_out, ended;
	bool is_host;      /* what it does is nobody's processor time */
	struct sim_thread *next_ready, *next;
};

struct event {
	evrt_ns at;
	uint64_t order;
	sim_event_fn fn; /* NULL: the thread `arg` goes on */
	void *arg;
	uint64_t tag;
};

static struct {
	const struct scale_costs *costs;
	struct evrt_rand rand;
	evrt_ns now;                      /* of the last event */
	struct event *heap;
	size_t count, room;
	uint64_t order;
	bool stopped;
	struct sim_thread *self;
	struct context home;
	struct sim_thread *threads;
	unsigned threads_count, cores_free;
	bool threads_end;                 /* the host's thread is to end, too */
	struct sim_thread *ready, **ready_end; /* want a processor */
	struct sim_resource *resources;
} m;

/* The engine's thread-local variables; see shim.h. */
extern char __start_sim_tls[], __stop_sim_tls[];

static void
switch_context(struct context *from, struct context *to)
{
	size_t bytes = (size_t)(__stop_sim_tls - __start_sim_tls);

	EVRT_ASSERT(bytes <= TLS_BYTES);
	memcpy(from->tls, __start_sim_tls, bytes);
	memcpy(__start_sim_tls, to->tls, bytes);
	evrt__fiber_switch(&to->fiber);
	swapcontext(&from->u, &to->u);
}

static bool
event_before(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void
push(struct event e)
{
	if (m.count == m.room) {
		m.room = m.room ? 2 * m.room : 1024;
		m.heap = realloc(m.heap, m.room * sizeof(*m.heap));
		EVRT_ASSERT(m.heap);
	}
	e.order = m.order++;
	size_t i = m.count++;
	for (; i && event_before(&e, &m.heap[(i - 1) / 2]); i = (i - 1) / 2)
		m.heap[i] = m.heap[(i - 1) / 2];
	m.heap[i] = e;
}

static struct event
pop(void)
{
	struct event first = m.heap[0], last = m.heap[--m.count];
	size_t i = 0;

	for (size_t child; (child = 2 * i + 1) < m.count; i = child) {
		child += child + 1 < m.count && event_before(&m.heap[child + 1], &m.heap[child]);
		if (event_before(&last, &m.heap[child]))
			break;
		m.heap[i] = m.heap[child];
	}
	m.heap[i] = last;
	return first;
}

/* Goes on with what comes first, until that is `self` (NULL: the host's own stack, which comes back at the end). */
static void
pass(struct sim_thread *self)
{
	struct context *from = self ? &self->context : &m.home;
	struct context *to = NULL;

	m.self = NULL;
	while (!to && m.count && !m.stopped) {
		struct event e = pop();
		m.now = e.at;
		if (e.fn)
			e.fn(e.arg, e.tag);
		else if (e.arg == self)
			to = from;
		else
			to = &((struct sim_thread *)e.arg)->context;
		m.self = to ? e.arg : NULL;
	}
	if (!to)
		to = &m.home;
	if (to != from)
		switch_context(from, to);
}

bool
sim_run(void)
{
	m.stopped = false;
	pass(NULL);
	return m.stopped;
}

void
sim_stop(void)
{
	m.stopped = true;
}

void
sim_at(evrt_ns at, sim_event_fn fn, void *arg, uint64_t tag)
{
	push((struct event){ .at = at, .fn = fn, .arg = arg, .tag = tag });
}

evrt_ns
sim_now(void)
{
	return m.self ? m.self->now : m.now;
}

static void
thread_goes_on(struct sim_thread *t, evrt_ns at)
{
	t->now = at;
	push((struct event){ .at = at, .arg = t });
}

static void
thread_gets_core(struct sim_thread *t, evrt_ns at, evrt_ns takes_ns)
{
	t->got_core = at;
	thread_goes_on(t, at + takes_ns);
}

static void
thread_wants_core(void *arg, uint64_t tag)
{
	struct sim_thread *t = arg;

	(void)tag;
	if (m.cores_free) {
		m.cores_free--;
		thread_gets_core(t, m.now, m.costs->rouse_ns);
		return;
	}
	t->next_ready = NULL;
	*m.ready_end = t;
	m.ready_end = &t->next_ready;
}

static void
thread_leaves_core(struct sim_thread *t)
{
	struct sim_thread *next = m.ready;

	t->cpu_ns += t->now - t->got_core;
	t->got_core = t->now;
	if (!next) {
		m.cores_free++;
		return;
	}
	m.ready = next->next_ready;
	if (!m.ready)
		m.ready_end = &m.ready;
	thread_gets_core(next, t->now, m.costs->switch_ns);
}

static void
thread_main(void)
{
	struct sim_thread *t = m.self;

	t->fn(t->arg);
	sim_sync();
	t->ended = true;
	thread_leaves_core(t);
	pass(t);
}

struct sim_thread *
sim_thread_new(void *(*fn)(void *), void *arg)
{
	struct sim_thread *t = calloc(1, sizeof(*t));

	EVRT_ASSERT(t);
	t->stack = malloc(STACK_BYTES);
	EVRT_ASSERT(t->stack);
	t->fn = fn;
	t->arg = arg;
	t->index = m.threads_count++;
	getcontext(&t->context.u);
	t->context.u.uc_stack.ss_sp = t->stack;
	t->context.u.uc_stack.ss_size = STACK_BYTES;
	makecontext(&t->context.u, thread_main, 0);
	evrt__fiber_renew(&t->context.fiber);
	t->next = m.threads;
	m.threads = t;
	sim_at(sim_now(), thread_wants_core, t, 0);
	return t;
}

bool
sim_threads_ended(void)
{
	for (const struct sim_thread *t = m.threads; t; t = t->next)
		if (!t->ended)
			return false;
	return true;
}

evrt_ns
sim_cpu_ns(void)
{
	evrt_ns sum = 0;

	for (const struct sim_thread *t = m.threads; t; t = t->next)
		sum += t->is_host ? 0 : t->cpu_ns + (t->blocked || t->ended ? 0 : t->now - t->got_core);
	return sum;
}

struct sim_thread *
sim_self(void)
{
	return m.self;
}

bool
sim_has_idle_core(void)
{
	return m.cores_free > 0;
}

int
sim_self_index(void)
{
	return m.self ? (int)m.self->index : -1;
}

void
sim_sync(void)
{
	struct sim_thread *t = m.self;

	if (!t || !m.count || m.heap[0].at > t->now)
		return;
	thread_goes_on(t, t->now);
	pass(t);
}

void
sim_compute(evrt_ns ns)
{
	if (m.self)
		m.self->now += ns;
}

int
sim_yield(void)
{
	sim_compute(m.costs->wait_ns);
	sim_sync();
	return 0;
}

evrt_ns
sim_clock_now(void)
{
	sim_compute(m.costs->clock_ns);
	return sim_now();
}

static void
thread_deadline(void *arg, uint64_t blocks)
{
	struct sim_thread *t = arg;

	if (!t->blocked || t->blocks != blocks)
		return;
	t->blocked = false;
	t->timed_out = true;
	thread_wants_core(t, 0);
}

bool
sim_block(evrt_ns deadline)
{
	struct sim_thread *t = m.self;

	t->blocked = true;
	t->blocks++;
	if (deadline != EVRT_NS_NEVER)
		sim_at(deadline > t->now ? deadline : t->now, thread_deadline, t, t->blocks);
	t->now += m.costs->block_ns;
	thread_leaves_core(t);
	pass(t);
	return !t->timed_out;
}

void
sim_wake(struct sim_thread *t)
{
	if (!t->blocked)
		return;
	t->blocked = t->timed_out = false;
	t->blocks++;
	sim_compute(m.costs->wake_ns);
	/* A processor that is busy takes it when it is free; one that is idle has to be got going. */
	sim_at(sim_now() + (m.cores_free ? sim_draw(&m.costs->wake) : 0), thread_wants_core, t, 0);
}

void
sim_sleep(evrt_ns ns)
{
	sim_compute(m.costs->sleep_ns);
	sim_sync();
	sim_block(sim_now() + ns + sim_draw(&m.costs->overshoot));
}

double
sim_uniform(void)
{
	return ((double)(evrt__rand_next(&m.rand) >> 12) + 0.5) / (double)(UINT64_C(1) << 52);
}

evrt_ns
sim_draw(const struct scale_times *t)
{
	double u = sim_uniform();
	unsigned i = 1;

	while (i < SCALE_POINTS - 1 && u > scale_points[i])
		i++;
	double part = (u - scale_points[i - 1]) / (scale_points[i] - scale_points[i - 1]);
	return (evrt_ns)(t->ns[i - 1] + part * (t->ns[i] - t->ns[i - 1]));
}

void
sim_resource_init(struct sim_resource *r, const char *name)
{
	*r = (struct sim_resource){ .name = name, .next = m.resources };
	m.resources = r;
}

void
sim_use(struct sim_resource *r, evrt_ns hold_ns)
{
	r->busy_ns += hold_ns;
	r->uses++;
	if (!m.self)
		return;
	sim_sync();
	evrt_ns now = m.self->now, from = r->free_at > now ? r->free_at : now;
	r->waited_ns += from - now;
	r->free_at = m.self->now = from + hold_ns;
	sim_sync();
}

struct sim_resource *
sim_resources(void)
{
	return m.resources;
}

/* Takes a processor now and then, behind whoever waits for one already. */
static void *
host_main(void *unused)
{
	while (!m.threads_end) {
		sim_sync();
		sim_block(sim_now() + (evrt_ns)(-log(sim_uniform()) * m.costs->stall_every_ns));
		sim_compute(sim_draw(&m.costs->stall));
	}
	return unused;
}

void
sim_host_begin(void)
{
	if (m.costs->stall_every_ns > 0 && m.cores_free == 1)
		sim_thread_new(host_main, NULL)->is_host = true;
}

void
sim_host_end(void)
{
	m.threads_end = true;
}

const struct scale_costs *
sim_costs(void)
{
	return m.costs;
}

void
sim_machine_begin(const struct scale_costs *costs, unsigned cores, uint64_t seed)
{
	memset(&m, 0, sizeof(m));
	memset(__start_sim_tls, 0, (size_t)(__stop_sim_tls - __start_sim_tls));
	m.costs = costs;
	m.cores_free = cores;
	m.ready_end = &m.ready;
	m.now = EVRT_NS_PER_SEC; /* as if the machine had been up for a while: 0 means "none" here and there */
	evrt__rand_init(&m.rand, seed);
	evrt__fiber_current(&m.home.fiber);
	sim_lines_begin();
}

void
sim_machine_end(void)
{
	struct sim_thread *next;

	for (struct sim_thread *t = m.threads; t; t = next) {
		next = t->next;
		evrt__fiber_free(&t->context.fiber);
		free(t->stack);
		free(t);
	}
	free(m.heap);
	sim_lines_end();
	memset(&m, 0, sizeof(m));
}

/* ---- What the engine knows of threads: threading/thread.h. */

int
evrt__thread_start(pthread_t *out, const char *name, void *(*fn)(void *), void *arg)
{
	(void)name;
	*out = (pthread_t)sim_thread_new(fn, arg);
	return 0;
}

int
evrt__thread_join(pthread_t thread)
{
	const struct sim_thread *t = (const struct sim_thread *)thread;

	EVRT_ASSERT(t->ended);
	return 0;
}

int
evrt__cpu_pin(unsigned i)
{
	(void)i;
	return 0;
}
