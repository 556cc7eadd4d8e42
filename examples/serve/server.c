/* examples/serve/server.c — what all connections share; see server.h. */
#include "examples/serve/server.h"

#include <stddef.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "examples/serve/conn.h"

/* timeout(1), for one, sends its signal twice at once: that is one wish, not impatience. */
#define SERVER_REPEAT_MS 1000

struct serve_counts *
serve_server_counts(struct serve_server *server)
{
	int worker = evrt_worker_current();

	return &server->counts[worker < 0 || worker >= EVRT_WORKERS_MAX ? EVRT_WORKERS_MAX : worker];
}

bool
serve_server_enter(struct serve_server *server, struct serve_conn *conn)
{
	pthread_mutex_lock(&server->lock);
	bool room = !atomic_load(&server->stopping) && server->conn_count < server->options.connections_max;
	if (room) {
		LIST_INSERT_HEAD(&server->conns, conn, link);
		server->conn_count++;
	}
	pthread_mutex_unlock(&server->lock);
	atomic_fetch_add(room ? &serve_server_counts(server)->accepted : &serve_server_counts(server)->refused, 1);
	return room;
}

bool
serve_server_leave(struct serve_server *server, struct serve_conn *conn)
{
	pthread_mutex_lock(&server->lock);
	LIST_REMOVE(conn, link);
	bool last = --server->conn_count == 0 && atomic_load(&server->stopping);
	pthread_mutex_unlock(&server->lock);
	return last;
}

static int64_t
server_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
serve_server_stop(struct serve_server *server)
{
	struct timeval grace = {.tv_sec = server->options.grace_s};
	struct serve_conn *conn;

	pthread_mutex_lock(&server->lock);
	bool again = atomic_exchange(&server->stopping, true);
	bool hurry = again && server_now_ms() - server->stopped_ms >= SERVER_REPEAT_MS;
	bool none = server->conn_count == 0;
	if (!again) {
		server->stopped_ms = server_now_ms();
		/* Each looks at the stop in its own strand. It cannot be freed meanwhile: it leaves the list first. */
		LIST_FOREACH(conn, &server->conns, link)
			serve_conn_nudge(conn);
	}
	pthread_mutex_unlock(&server->lock);
	if (hurry)
		event_base_loopbreak(server->base);
	if (again)
		return;
	event_base_loopexit(server->base, &grace);
	evconnlistener_free(server->listener);
	server->listener = NULL;
	if (none)
		event_base_loopexit(server->base, NULL);
}

static const struct stats_field {
	const char *name;
	size_t offset;
} stats_fields[] = {
	{"loops", offsetof(struct evrt_worker_stats, loops)},
	{"events", offsetof(struct evrt_worker_stats, events)},
	{"runs", offsetof(struct evrt_worker_stats, runs)},
	{"callbacks", offsetof(struct evrt_worker_stats, callbacks)},
	{"steals_tried", offsetof(struct evrt_worker_stats, steals_tried)},
	{"steals_hit", offsetof(struct evrt_worker_stats, steals_hit)},
	{"stolen", offsetof(struct evrt_worker_stats, stolen)},
	{"parks", offsetof(struct evrt_worker_stats, parks)},
	{"eventfd_writes", offsetof(struct evrt_worker_stats, eventfd_writes)},
	{"posts", offsetof(struct evrt_worker_stats, posts)},
	{"overflows", offsetof(struct evrt_worker_stats, overflows)},
	{"longest_run_ns", offsetof(struct evrt_worker_stats, longest_run_ns)},
	{"busy_ns", offsetof(struct evrt_worker_stats, busy_ns)},
	{"connections", offsetof(struct evrt_worker_stats, connections)},
	{"queue_strands", offsetof(struct evrt_worker_stats, queue_strands)},
};

static int
stats_write_worker(struct serve_server *server, unsigned worker, struct evbuffer *out)
{
	struct evrt_worker_stats stats;

	if (evrt_pool_stats(server->pool, worker, &stats) != 0)
		return -1;
	evbuffer_add_printf(out, "%s\n    {\"worker\": %u", worker ? "," : "", worker);
	for (size_t i = 0; i < sizeof(stats_fields) / sizeof(stats_fields[0]); i++) {
		uint64_t n = *(const uint64_t *)((const char *)&stats + stats_fields[i].offset);
		evbuffer_add_printf(out, ", \"%s\": %llu", stats_fields[i].name, (unsigned long long)n);
	}
	return evbuffer_add_printf(out, "}") < 0 ? -1 : 0;
}

int
serve_stats_write(struct serve_server *server, struct evbuffer *out)
{
	unsigned long long accepted = 0, refused = 0, requests = 0, failures = 0, bytes = 0;

	for (unsigned i = 0; i <= EVRT_WORKERS_MAX; i++) {
		accepted += atomic_load(&server->counts[i].accepted);
		refused += atomic_load(&server->counts[i].refused);
		requests += atomic_load(&server->counts[i].requests);
		failures += atomic_load(&server->counts[i].failures);
		bytes += atomic_load(&server->counts[i].bytes_promised);
	}
	pthread_mutex_lock(&server->lock);
	unsigned open = server->conn_count;
	pthread_mutex_unlock(&server->lock);
	evbuffer_add_printf(out, "{\n  \"connections_open\": %u,\n  \"connections_accepted\": %llu,\n"
	    "  \"connections_refused\": %llu,\n  \"requests\": %llu,\n  \"failures\": %llu,\n"
	    "  \"bytes_promised\": %llu,\n  \"workers\": [", open, accepted, refused, requests, failures, bytes);
	for (unsigned i = 0; i < evrt_pool_get_size(server->pool); i++) {
		if (stats_write_worker(server, i, out) != 0)
			return -1;
	}
	return evbuffer_add_printf(out, "\n  ]\n}\n") < 0 ? -1 : 0;
}
