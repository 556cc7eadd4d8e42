/* testing/bench/skew_oracle.c — the service as it is done with libevent: a base per thread, connections dealt in
 * turn; see skew.c.
 *
 * Usage: skew_oracle WORKERS
 */
#include <event2/event.h>
#include <event2/thread.h>

#include <pthread.h>
#include <stdlib.h>

#include "testing/bench/bench.h"
#include "testing/bench/bench_serve.h"
#include "testing/bench/skew_event.h"

struct bases {
	unsigned count, next;
	struct event_base **base;
};

static void *
thread_main(void *base)
{
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	struct bases *b = arg;

	(void)listener;
	(void)addr;
	(void)len;
	skew_event_serve(b->base[b->next++ % b->count], fd, true);
}

int
main(int argc, char **argv)
{
	struct bases b = { .count = argc > 1 ? (unsigned)atoi(argv[1]) : 1 };

	if (evthread_use_pthreads() < 0 || !(b.base = calloc(b.count, sizeof(struct event_base *))))
		bench_die("evthread_use_pthreads");
	for (unsigned i = 0; i < b.count; i++) {
		pthread_t thread;
		if (!(b.base[i] = event_base_new()) || pthread_create(&thread, NULL, thread_main, b.base[i]))
			bench_die("a thread");
	}
	struct event_base *main_base = event_base_new();
	if (!main_base)
		bench_die("event_base_new");
	skew_event_listen(main_base, on_accept, &b);
	return bench_serve_until_eof(main_base, NULL, NULL);
}
