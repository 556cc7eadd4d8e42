/* testing/bench/skew_ideal.c — M/G/N with serial connections: what a scheduler without any cost would reach.
 *
 * Here:     how much longer sleeps take on this machine than was asked, measured at the load's own rate on the server's
 *           CPU; and the queue, event by event: N workers, first come first served, and of each connection one request
 *           at a time. A request that waits for an earlier one of its connection queues up when that ends.
 * Threads:  the measurement is a child process with as many as there are workers.
 */
#include "testing/bench/skew.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testing/bench/skew_serve.h"

#define SAMPLES 4096
#define NOBODY (-1)

struct sleeper {
	pthread_t thread;
	const struct skew_plan *plan;
	unsigned first, step; /* the plan's requests that are its own */
	double *overshoot_ns; /* SAMPLES of them, in all */
};

/* Sleeps the services of its requests, and in between as long as keeps all sleepers together at the plan's rate. */
static void *
sleeper_main(void *arg)
{
	struct sleeper *s = arg;
	const struct skew_request *r = s->plan->requests;
	double due_ns = bench_wall_ns();

	for (unsigned i = s->first; i < SAMPLES; i += s->step) {
		const struct skew_request *q = &r[i % s->plan->count];
		double now_ns = bench_wall_ns();
		due_ns += r[s->plan->count - 1].at_ns / s->plan->count * s->step;
		skew_sleep((uint64_t)q->service_ns);
		double end_ns = bench_wall_ns();
		s->overshoot_ns[i] = end_ns - now_ns - q->service_ns;
		if (end_ns < due_ns)
			skew_sleep((uint64_t)(due_ns - end_ns));
	}
	return NULL;
}

/* In the child: measures, and writes the samples to `fd`. */
static void
measure_in_child(const struct skew_plan *p, int fd)
{
	static double overshoot_ns[SAMPLES];
	struct sleeper *s = calloc(p->workers, sizeof(*s));

	bench_pin(0);
	for (unsigned i = 0; s && i < p->workers; i++) {
		s[i] = (struct sleeper){ .plan = p, .first = i, .step = p->workers, .overshoot_ns = overshoot_ns };
		if (pthread_create(&s[i].thread, NULL, sleeper_main, &s[i]))
			bench_die("a thread that sleeps");
	}
	for (unsigned i = 0; s && i < p->workers; i++)
		pthread_join(s[i].thread, NULL);
	for (size_t done = 0; done < sizeof(overshoot_ns);) {
		ssize_t n = write(fd, (char *)overshoot_ns + done, sizeof(overshoot_ns) - done);
		if (n <= 0)
			bench_die("write");
		done += (size_t)n;
	}
	_exit(0);
}

static void
measure_overshoot(const struct skew_plan *p, double overshoot_ns[SAMPLES])
{
	int out[2];
	pid_t pid;

	fflush(NULL);
	if (pipe(out) < 0 || (pid = fork()) < 0)
		bench_die("fork");
	if (pid == 0)
		measure_in_child(p, out[1]);
	close(out[1]);
	FILE *f = fdopen(out[0], "r");
	if (!f || fread(overshoot_ns, sizeof(*overshoot_ns), SAMPLES, f) != SAMPLES)
		bench_die("the overshoot of sleep");
	fclose(f);
	waitpid(pid, NULL, 0);
}

/* Requests by index, linked through `next`. */
struct list {
	int first, last;
};

/* A request that has arrived is in one place: waiting for its connection, ready, or served. */
struct sim {
	const struct skew_plan *plan;
	const double *service_ns; /* with the overshoot */
	double *end_ns;
	int *next;
	struct list ready;
	struct list *waiting;     /* by connection */
	bool *is_busy;            /* by connection: one of its requests is ready or served */
	int *serves;              /* by worker: the request, or NOBODY */
};

static void
list_append(struct sim *s, struct list *l, int i)
{
	s->next[i] = NOBODY;
	*(l->first == NOBODY ? &l->first : &s->next[l->last]) = i;
	l->last = i;
}

static int
list_take(struct sim *s, struct list *l)
{
	int i = l->first;

	if (i != NOBODY)
		l->first = s->next[i];
	return i;
}

static void
sim_dispatch(struct sim *s, double now_ns)
{
	for (unsigned w = 0; w < s->plan->workers; w++) {
		if (s->serves[w] != NOBODY || (s->serves[w] = list_take(s, &s->ready)) == NOBODY)
			continue;
		s->end_ns[s->serves[w]] = now_ns + s->service_ns[s->serves[w]];
	}
}

/* The worker that is done first, or NOBODY. */
static int
sim_first_done(const struct sim *s)
{
	int first = NOBODY;

	for (unsigned w = 0; w < s->plan->workers; w++)
		if (s->serves[w] != NOBODY && (first == NOBODY || s->end_ns[s->serves[w]] < s->end_ns[s->serves[first]]))
			first = (int)w;
	return first;
}

static void
sim_arrive(struct sim *s, int i)
{
	unsigned c = s->plan->requests[i].connection;

	list_append(s, s->is_busy[c] ? &s->waiting[c] : &s->ready, i);
	s->is_busy[c] = true;
	sim_dispatch(s, s->plan->requests[i].at_ns);
}

static void
sim_end(struct sim *s, int worker)
{
	int i = s->serves[worker];
	unsigned c = s->plan->requests[i].connection;
	int following = list_take(s, &s->waiting[c]);

	s->serves[worker] = NOBODY;
	s->is_busy[c] = following != NOBODY;
	if (following != NOBODY)
		list_append(s, &s->ready, following);
	sim_dispatch(s, s->end_ns[i]);
}

/* Fills in when each request ends. */
static void
simulate(const struct skew_plan *p, const double *service_ns, double *end_ns)
{
	struct sim s = {
		.plan = p,
		.service_ns = service_ns,
		.end_ns = end_ns,
		.next = calloc(p->count, sizeof(*s.next)),
		.ready = { NOBODY, NOBODY },
		.waiting = calloc(p->load->connections, sizeof(*s.waiting)),
		.is_busy = calloc(p->load->connections, sizeof(*s.is_busy)),
		.serves = calloc(p->workers, sizeof(*s.serves)),
	};
	unsigned arrived = 0;
	int done;

	if (!s.next || !s.waiting || !s.is_busy || !s.serves)
		bench_die("memory for the simulation");
	for (unsigned c = 0; c < p->load->connections; c++)
		s.waiting[c].first = NOBODY;
	for (unsigned w = 0; w < p->workers; w++)
		s.serves[w] = NOBODY;
	while ((done = sim_first_done(&s)) != NOBODY || arrived < p->count)
		if (done == NOBODY || (arrived < p->count && p->requests[arrived].at_ns < end_ns[s.serves[done]]))
			sim_arrive(&s, (int)arrived++);
		else
			sim_end(&s, done);
	free(s.next);
	free(s.waiting);
	free(s.is_busy);
	free(s.serves);
}

void
skew_ideal_run(const struct skew_plan *p, struct skew_run *run)
{
	double overshoot_ns[SAMPLES];
	double *service_ns = calloc(p->count, sizeof(double)), *end_ns = calloc(p->count, sizeof(double));
	unsigned long long state = 1;

	if (!service_ns || !end_ns)
		bench_die("memory for the simulation");
	measure_overshoot(p, overshoot_ns);
	for (unsigned i = 0; i < p->count; i++)
		service_ns[i] = p->requests[i].service_ns + overshoot_ns[bench_random(&state, SAMPLES)];
	simulate(p, service_ns, end_ns);
	for (unsigned i = 0; i < p->count; i++)
		end_ns[i] -= p->requests[i].at_ns;
	skew_plan_latencies(p, end_ns, run);
	for (int v = SKEW_CPU_US; v < SKEW_VALUES; v++)
		run->value[v] = BENCH_NONE;
	free(service_ns);
	free(end_ns);
}
