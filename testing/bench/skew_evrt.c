/* testing/bench/skew_evrt.c — the service on evrt's pooled base; see skew.c.
 *
 * Usage: skew_evrt [FIELD=VALUE,...] WORKERS   with fields of struct evrt_pool_config, and edges=0 for level-triggered
 * events. Answers with the eventfd writes of all workers.
 */
#include <event2/event.h>
#include <evrt/pool.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "testing/bench/bench.h"
#include "testing/bench/bench_serve.h"
#include "testing/bench/skew_event.h"

struct settings {
	struct evrt_pool_config pool;
	int edges;
};

/* All as wide as an int. */
#define FIELD(name) { #name, offsetof(struct settings, pool.name) }
static const struct {
	const char *name;
	size_t at;
} fields[] = {
	FIELD(steal),
	FIELD(wake_queue_strands),
	FIELD(strand_budget_callbacks),
	FIELD(turn_budget_strands),
	FIELD(workers_per_set),
	{ "edges", offsetof(struct settings, edges) },
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static void
set_field(struct settings *settings, char *word)
{
	char *value = strchr(word, '=');

	if (value)
		*value++ = '\0';
	for (size_t i = 0; value && i < FIELDS; i++)
		if (strcmp(fields[i].name, word) == 0) {
			int number = atoi(value);
			memcpy((char *)settings + fields[i].at, &number, sizeof(number));
			return;
		}
	fprintf(stderr, "skew_evrt: no field %s of struct evrt_pool_config that it knows\n", word);
	exit(2);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	(void)addr;
	(void)len;
	skew_event_serve(evconnlistener_get_base(listener), fd, ((const struct settings *)arg)->edges);
}

static double
eventfd_writes(void *pool)
{
	struct evrt_worker_stats s;
	double sum = 0;

	for (unsigned w = 0; evrt_pool_stats(pool, w, &s) == 0; w++)
		sum += (double)s.eventfd_writes;
	return sum;
}

int
main(int argc, char **argv)
{
	struct settings settings = { .edges = 1 };
	char *rest;

	if (argc < 2)
		return 2;
	evrt_pool_config_init(&settings.pool);
	settings.pool.workers = (unsigned)atoi(argv[argc - 1]);
	if (argc > 2)
		for (char *word = strtok_r(argv[1], ",", &rest); word; word = strtok_r(NULL, ",", &rest))
			set_field(&settings, word);
	struct evrt_pool *pool = evrt_pool_new(&settings.pool);
	if (!pool)
		bench_die("evrt_pool_new");
	skew_event_listen(evrt_pool_as_base(pool), on_accept, &settings);
	return bench_serve_until_eof(evrt_pool_as_base(pool), eventfd_writes, pool);
}
