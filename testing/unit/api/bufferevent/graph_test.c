/* testing/unit/api/bufferevent/graph_test.c — random graphs of bufferevents, bytes checked from end to end.
 *
 * Here:     rounds: random acts on random stations of several routes, the loop between, and what must always be true;
 *           then everything is opened, nothing is touched any more, and all bytes of the routes that live must
 *           arrive by themselves.
 * Not here: routes (graph_rig.h).
 * Threads:  one.
 *
 * EVRT_GRAPH_STEPS is the number of acts of each case (default 8000). A long run:
 *      EVRT_GRAPH_STEPS=2000000 EVRT_TEST_TIMEOUT_S=3600 graph_test
 */
#include "testing/unit/api/bufferevent/graph_rig.h"

#include <event2/thread.h>

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "testing/harness/fault.h"
#include "testing/harness/test.h"

#define ROUTES 8
#define ROUND_STEPS 400
#define GONE_MAX 4096
#define STALLED_S 20 /* so long without a byte is for ever */

static struct route *routes[ROUTES];
/* Freed, until no callback of theirs can come. */
static struct route *gone[GONE_MAX];
static int gone_count;

static long
steps_wanted(void)
{
	const char *text = getenv("EVRT_GRAPH_STEPS");

	return text ? atol(text) : 8000;
}

static void
run_loop(int callbacks)
{
	graph.callbacks_left = callbacks;
	CHECK(event_base_loop(graph.base, EVLOOP_NONBLOCK | EVLOOP_ONCE) >= 0);
}

/* --- steps ---------------------------------------------------------------------------------------- */

static void
route_replace(struct route **place)
{
	if (*place) {
		route_free(*place);
		CHECK(gone_count < GONE_MAX);
		gone[gone_count++] = *place;
	}
	*place = route_new();
}

static void
plan_fault(void)
{
	if (graph.faults && one_in(4))
		evrt_test_fail_alloc(1 + below(200));
}

static void
step(void)
{
	struct route **place = &routes[below(ROUTES)];

	plan_fault();
	if (!*place || (*place)->freed || ((*place)->broken && one_in(10)))
		route_replace(place);
	else {
		struct station *s = &(*place)->station[below(2 * (uint32_t)(*place)->links)];
		if (!s->freed)
			act_on(s);
	}
	if (one_in(2))
		run_loop(1 + (int)below(100));
	for (int i = 0; i < ROUTES; i++)
		if (routes[i])
			route_check(routes[i]);
}

/* --- settling ------------------------------------------------------------------------------------- */

static void
for_stations(void (*act)(struct station *))
{
	for (int i = 0; i < ROUTES; i++)
		for (int k = 0; routes[i] && !routes[i]->broken && k < 2 * routes[i]->links; k++)
			act(&routes[i]->station[k]);
}

/* What a filter keeps for a flush. TLS does not pass one on. */
static void
flush_output(struct station *s)
{
	for (int i = s->layers - 1; i >= 0; i--)
		bufferevent_flush(s->layer[i], EV_WRITE, BEV_FLUSH);
}

static bool
all_whole(void)
{
	for (int i = 0; i < ROUTES; i++)
		if (routes[i] && !routes[i]->broken && !route_whole(routes[i]))
			return false;
	return true;
}

static void
stalled(void)
{
	for (int i = 0; i < ROUTES; i++)
		if (routes[i] && !routes[i]->broken && !route_whole(routes[i]))
			route_print(routes[i]);
	evrt_test_fail(__FILE__, __LINE__, "bytes do not arrive, after %d callbacks", -graph.callbacks_left);
}

static void
settle(void)
{
	static const struct timeval tick = { 0, 20000 };
	uint64_t moved = graph.moved;

	evrt_test_fail_alloc(0);
	/* A station that nobody empties is called for ever, and keeps those of lower priorities from their turn. */
	for (int i = 0; i < ROUTES; i++)
		if (routes[i] && routes[i]->broken && !routes[i]->freed)
			route_free(routes[i]);
	graph.settling = true;
	graph.callbacks_left = 0; /* without end */
	for_stations(station_reopen);
	for_stations(flush_output);
	for_stations(station_poke);
	evrt_ns since = evrt__clock_now(evrt__clock_real());
	while (!all_whole()) {
		CHECK_INT_EQ(event_base_loopexit(graph.base, &tick), 0);
		CHECK(event_base_loop(graph.base, 0) >= 0);
		evrt_ns now = evrt__clock_now(evrt__clock_real());
		if (graph.moved != moved)
			since = now;
		moved = graph.moved;
		if (now - since > STALLED_S * INT64_C(1000000000))
			stalled();
	}
	graph.settling = false;
}

/* All that was freed is over when the loop has nothing of it any more. */
static void
forget_the_gone(void)
{
	acts_let_go();
	for (int i = 0; i < 10; i++)
		run_loop(1000);
	while (gone_count > 0)
		free(gone[--gone_count]);
}

/* --- cases ---------------------------------------------------------------------------------------- */

static void
open_graph(bool faults)
{
	const struct timeval tick = { 0, 5000 };

	CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	evrt__rand_init(&graph.rand, evrt_test_seed() + faults);
	CHECK((graph.base = event_base_new()) != NULL);
	CHECK_INT_EQ(event_base_priority_init(graph.base, 3), 0);
	graph.slow = ev_token_bucket_cfg_new(10000, 20000, 10000, 20000, &tick);
	graph.fast = ev_token_bucket_cfg_new(1000000, 2000000, 1000000, 2000000, &tick);
	CHECK(graph.slow && graph.fast);
	CHECK((graph.group = bufferevent_rate_limit_group_new(graph.base, graph.fast)) != NULL);
	graph.act = act_on;
	graph.faults = faults;
}

static void
close_graph(void)
{
	graph.act = NULL;
	for (int i = 0; i < ROUTES; i++)
		if (routes[i]) {
			route_free(routes[i]);
			gone[gone_count++] = routes[i];
			routes[i] = NULL;
		}
	forget_the_gone();
	CHECK_INT_EQ(graph.contexts, 0);
	bufferevent_rate_limit_group_free(graph.group);
	ev_token_bucket_cfg_free(graph.slow);
	ev_token_bucket_cfg_free(graph.fast);
	event_base_free(graph.base);
	libevent_global_shutdown();
}

static void
run(bool faults)
{
	long rounds = (steps_wanted() + ROUND_STEPS - 1) / ROUND_STEPS;

	open_graph(faults);
	for (long round = 0; round < rounds; round++) {
		for (int i = 0; i < ROUND_STEPS; i++)
			step();
		settle();
		forget_the_gone();
	}
	CHECK(graph.moved > (uint64_t)rounds * 1000);
	close_graph();
}

static void bytes_arrive(void) { run(false); }
static void nothing_breaks_without_memory(void) { run(true); }

static const struct evrt_test_case cases[] = {
	{ "bytes_arrive", bytes_arrive },
	{ "nothing_breaks_without_memory", nothing_breaks_without_memory },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
