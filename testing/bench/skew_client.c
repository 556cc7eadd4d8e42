/* testing/bench/skew_client.c — one run against a server; see skew.h.
 *
 * Here:     an open loop: each request goes out at its planned time whatever has come back, and its latency counts
 *           from then, so that a server that falls behind cannot slow its clients down. The client is charged for
 *           its own lateness by a figure of its own.
 * Not here: the plan (skew_plan.c).
 * Threads:  one, on CPU 1; it sleeps until the next request is due or an answer comes.
 */
#include "testing/bench/skew.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "testing/bench/bench_server.h"
#include "testing/bench/skew_serve.h"

#define BATCH 64
/* An answer that is still missing so long after the last request was lost. */
#define PATIENCE_NS 20e9
#define START_DELAY_NS 10e6

struct client {
	const struct skew_plan *plan;
	int *fds;
	int epfd;
	double start_ns;
	double *latency_ns, *late_ns; /* by request; a latency of 0: not answered yet */
	unsigned sent, answered;
};

static double
client_planned_ns(const struct client *c, unsigned i)
{
	return c->start_ns + c->plan->requests[i].at_ns;
}

static void
client_send_due(struct client *c)
{
	for (; c->sent < c->plan->count; c->sent++) {
		double late_ns = bench_wall_ns() - client_planned_ns(c, c->sent);
		if (late_ns < 0)
			return;
		const struct skew_request *r = &c->plan->requests[c->sent];
		struct skew_message m = { .id = c->sent, .service_ns = (uint64_t)r->service_ns };
		c->late_ns[c->sent] = late_ns;
		if (send(c->fds[r->connection], &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)sizeof(m))
			bench_die("send");
	}
}

static void
client_receive(struct client *c, int fd)
{
	struct skew_message m[BATCH];
	ssize_t n = recv(fd, m, sizeof(m), MSG_DONTWAIT);
	double now_ns = bench_wall_ns();

	if (n <= 0 || n % (ssize_t)sizeof(m[0]) != 0)
		bench_die("an answer");
	for (size_t i = 0; i < (size_t)n / sizeof(m[0]); i++) {
		if (m[i].id >= c->sent || c->latency_ns[m[i].id] != 0) {
			errno = EPROTO;
			bench_die("an answer to nothing");
		}
		c->latency_ns[m[i].id] = now_ns - client_planned_ns(c, (unsigned)m[i].id);
		c->answered++;
	}
}

/* Waits for an answer, or until the next request is due. */
static void
client_turn(struct client *c)
{
	struct epoll_event ready[BATCH];
	double wait_ns = c->sent < c->plan->count ? client_planned_ns(c, c->sent) - bench_wall_ns() : PATIENCE_NS;
	struct timespec timeout = { .tv_sec = 0 };

	if (wait_ns > 0)
		timeout = (struct timespec){ .tv_sec = (time_t)(wait_ns / 1e9), .tv_nsec = (long)wait_ns % 1000000000 };
	int n = epoll_pwait2(c->epfd, ready, BATCH, &timeout, NULL);
	if (n < 0 && errno != EINTR)
		bench_die("epoll_pwait2");
	if (n == 0 && c->sent == c->plan->count) {
		fprintf(stderr, "skew: %u of %u requests were answered, and nothing more came\n", c->answered, c->plan->count);
		exit(1);
	}
	for (int i = 0; i < n; i++)
		client_receive(c, ready[i].data.fd);
}

static void
client_run_plan(struct client *c, const struct skew_plan *p)
{
	c->plan = p;
	c->sent = c->answered = 0;
	free(c->latency_ns);
	free(c->late_ns);
	c->latency_ns = calloc(p->count, sizeof(double));
	c->late_ns = calloc(p->count, sizeof(double));
	if (!c->latency_ns || !c->late_ns)
		bench_die("memory for latencies");
	c->start_ns = bench_wall_ns() + START_DELAY_NS;
	while (c->answered < p->count) {
		client_send_due(c);
		client_turn(c);
	}
}

static void
client_connect(struct client *c, const struct bench_server *s, unsigned connections)
{
	struct sockaddr_un sun;
	socklen_t len = skew_address(&sun, s->port);

	c->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (c->epfd < 0 || !(c->fds = calloc(connections, sizeof(*c->fds))))
		bench_die("epoll_create1");
	for (unsigned i = 0; i < connections; i++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.fd = c->fds[i] = socket(AF_UNIX, SOCK_STREAM, 0) };
		if (ev.data.fd < 0 || connect(ev.data.fd, (struct sockaddr *)&sun, len) < 0)
			bench_die("connect");
		if (epoll_ctl(c->epfd, EPOLL_CTL_ADD, c->fds[i], &ev) < 0)
			bench_die("epoll_ctl");
	}
}

static void
client_close(struct client *c, unsigned connections)
{
	for (unsigned i = 0; i < connections; i++)
		close(c->fds[i]);
	close(c->epfd);
	free(c->fds);
	free(c->latency_ns);
	free(c->late_ns);
}

struct counters {
	double wall_ns, cpu_ns, switches, wakes;
	double busy_ns, stolen_ns; /* of the server's CPU: by anybody; by the machine's host */
};

static void
counters_read_cpu(struct counters *c)
{
	double ticks[8], tick_ns = 1e9 / (double)sysconf(_SC_CLK_TCK); /* user nice system idle iowait irq softirq steal */
	FILE *f = fopen("/proc/stat", "r");

	if (!f || fscanf(f, "%*[^\n] cpu0 %lf %lf %lf %lf %lf %lf %lf %lf", &ticks[0], &ticks[1], &ticks[2], &ticks[3],
	    &ticks[4], &ticks[5], &ticks[6], &ticks[7]) != 8)
		bench_die("/proc/stat");
	fclose(f);
	c->busy_ns = (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) * tick_ns;
	c->stolen_ns = ticks[7] * tick_ns;
}

static void
counters_read(struct counters *c, const struct bench_server *s, bool is_evrt)
{
	*c = (struct counters){
		.wall_ns = bench_wall_ns(),
		.cpu_ns = bench_server_cpu_ns(s),
		.switches = bench_server_switches(s),
		.wakes = is_evrt ? bench_server_ask(s) : BENCH_NONE,
	};
	counters_read_cpu(c);
}

static void
fill_in_costs(const struct counters *before, const struct counters *after, unsigned requests, struct skew_run *run)
{
	double wall_ns = after->wall_ns - before->wall_ns, cpu_ns = after->cpu_ns - before->cpu_ns;
	double others_ns = after->busy_ns - before->busy_ns - cpu_ns;

	run->value[SKEW_CPU_US] = cpu_ns / 1e3 / requests;
	run->value[SKEW_SWITCHES] = (after->switches - before->switches) / requests;
	run->value[SKEW_WAKES] = after->wakes == BENCH_NONE ? BENCH_NONE : (after->wakes - before->wakes) / requests;
	run->value[SKEW_OTHERS] = others_ns > 0 ? 100 * others_ns / wall_ns : 0;
	run->value[SKEW_STOLEN] = 100 * (after->stolen_ns - before->stolen_ns) / wall_ns;
}

void
skew_client_run(const struct bench_contestant *contestant, bool is_evrt, const struct skew_plan *warm,
    const struct skew_plan *p, struct skew_run *run)
{
	struct bench_server s;
	struct client c = { .plan = p };
	struct counters before, after;
	char workers[32];

	snprintf(workers, sizeof(workers), "%u", p->workers);
	bench_server_start(&s, contestant, workers, 0);
	client_connect(&c, &s, p->load->connections);
	client_run_plan(&c, warm);
	counters_read(&before, &s, is_evrt);
	client_run_plan(&c, p);
	counters_read(&after, &s, is_evrt);
	skew_plan_latencies(p, c.latency_ns, run);
	fill_in_costs(&before, &after, p->count, run);
	run->value[SKEW_LATE_US] = bench_quantile(c.late_ns, (int)p->count, 0.99) / 1e3;
	client_close(&c, p->load->connections);
	bench_server_stop(&s);
}
