/* examples/serve/main.c — a static file server on all cores, over libevent's API.
 *
 *   ./evrt serve [DIR] [--port P] [--workers N] [--bind ADDR]
 *
 * Here:     building the server, running it, taking it down.
 * Threads:  main is one of the pool's workers while the loop runs, and alone before and after.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <evrt/pool.h>

#include "examples/serve/conn.h"
#include "examples/serve/server.h"

enum { EXIT_STOPPED = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* Called in the new connection's strand; calls for different connections may overlap. */
static void
main_on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int peer_len, void *arg)
{
	(void)listener;
	serve_conn_new(arg, fd, peer, peer_len);
}

static void
main_on_signal(evutil_socket_t signal, short what, void *arg)
{
	(void)signal;
	(void)what;
	serve_server_stop(arg);
}

static int
main_make_address(const struct serve_options *o, struct sockaddr_storage *out, int *len)
{
	char text[128];
	bool v6 = strchr(o->bind, ':') != NULL && o->bind[0] != '[';

	/* evutil_parse_sockaddr_port refuses port 0, which here asks for a free one: it is put in afterwards. */
	int n = snprintf(text, sizeof(text), v6 ? "[%s]:1" : "%s:1", o->bind);
	*len = sizeof(*out);
	memset(out, 0, sizeof(*out));
	if (n < 0 || n >= (int)sizeof(text) || evutil_parse_sockaddr_port(text, (struct sockaddr *)out, len) != 0)
		return -1;
	if (out->ss_family == AF_INET6)
		((struct sockaddr_in6 *)out)->sin6_port = htons((uint16_t)o->port);
	else
		((struct sockaddr_in *)out)->sin_port = htons((uint16_t)o->port);
	return 0;
}

static int
main_listen(struct serve_server *server, struct sockaddr_storage *address)
{
	int len;

	if (main_make_address(&server->options, address, &len) != 0) {
		fprintf(stderr, "evrt serve: --bind needs a numeric address, such as 127.0.0.1 or ::1, not %s\n",
		    server->options.bind);
		return EXIT_USAGE;
	}
	server->listener = evconnlistener_new_bind(server->base, main_on_accept, server,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE | LEV_OPT_THREADSAFE, 1024,
	    (struct sockaddr *)address, len);
	if (server->listener)
		return EXIT_STOPPED;
	if (errno == EADDRINUSE)
		fprintf(stderr, "evrt serve: port %u on %s is in use; choose another with --port P, or --port 0 for a "
		    "free one\n", server->options.port, server->options.bind);
	else
		fprintf(stderr, "evrt serve: cannot listen on %s port %u: %s; choose others with --bind and --port\n",
		    server->options.bind, server->options.port, strerror(errno));
	return EXIT_FAILED;
}

static void
main_announce(const struct serve_server *server)
{
	struct sockaddr_storage at;
	ev_socklen_t len = sizeof(at);
	char name[64] = "?";
	unsigned workers = evrt_pool_get_size(server->pool);

	if (getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&at, &len) != 0)
		return;
	bool v6 = at.ss_family == AF_INET6;
	const struct sockaddr_in *in = (const struct sockaddr_in *)&at;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&at;
	evutil_inet_ntop(at.ss_family, v6 ? (const void *)&in6->sin6_addr : (const void *)&in->sin_addr, name,
	    sizeof(name));
	printf("serving %s on http://%s%s%s:%u/ with %u worker%s (Ctrl-C stops)\n", server->options.dir,
	    v6 ? "[" : "", name, v6 ? "]" : "", ntohs(v6 ? in6->sin6_port : in->sin_port), workers,
	    workers == 1 ? "" : "s");
	fflush(stdout);
}

/* Runs until a signal ends it. */
static int
main_run(struct serve_server *server)
{
	static const int signals[] = {SIGINT, SIGTERM};
	struct event *on_signal[2] = {NULL, NULL};
	int result = EXIT_FAILED;

	for (int i = 0; i < 2; i++) {
		/* What deleting the event restores: a repeated signal must not kill us while we take all down. */
		signal(signals[i], SIG_IGN);
		on_signal[i] = evsignal_new(server->base, signals[i], main_on_signal, server);
		if (!on_signal[i] || event_add(on_signal[i], NULL) != 0)
			goto out;
	}
	main_announce(server);
	result = event_base_dispatch(server->base) < 0 ? EXIT_FAILED : EXIT_STOPPED;
out:
	if (result == EXIT_FAILED)
		fprintf(stderr, "evrt serve: the event loop failed: %s; try again with fewer --workers\n", strerror(errno));
	for (int i = 0; i < 2; i++) {
		if (on_signal[i])
			event_free(on_signal[i]);
	}
	return result;
}

/* After the loop, alone: connections that outlived the grace are cut. */
static void
main_cut_connections(struct serve_server *server)
{
	struct serve_conn *conn;
	unsigned cut = 0;

	while ((conn = LIST_FIRST(&server->conns))) {
		LIST_REMOVE(conn, link);
		serve_conn_free(conn);
		cut++;
	}
	if (cut)
		fprintf(stderr, "evrt serve: stopped with %u connection%s cut\n", cut, cut == 1 ? "" : "s");
}

static int
main_serve(struct serve_server *server)
{
	struct evrt_pool_config config;
	struct sockaddr_storage address;

	evrt_pool_config_init(&config);
	config.workers = server->options.workers;
	server->pool = evrt_pool_new(&config);
	if (!server->pool) {
		fprintf(stderr, "evrt serve: cannot make the workers: %s; try fewer with --workers N\n", strerror(errno));
		return EXIT_FAILED;
	}
	server->base = evrt_pool_as_base(server->pool);
	int result = main_listen(server, &address);
	if (result == EXIT_STOPPED) {
		result = main_run(server);
		main_cut_connections(server);
		if (server->listener)
			evconnlistener_free(server->listener);
	}
	evrt_pool_free(server->pool);
	return result;
}

/* Descriptors up to what an administrator allows: each connection takes one, and one more for a large file.
 * Where that fails the limit stays, and the listener copes with running out. */
static void
main_raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int
main(int argc, char **argv)
{
	static struct serve_server server;
	char problem[160];

	if (serve_options_parse(&server.options, argc, argv, problem, sizeof(problem)) != 0) {
		fprintf(stderr, "evrt serve: %s\n", problem);
		return EXIT_USAGE;
	}
	if (server.options.help)
		return fputs(serve_usage, stdout) < 0 || fflush(stdout) != 0 ? EXIT_FAILED : EXIT_STOPPED;
	/* A peer that closes early is an error of its connection, not a signal to all. */
	signal(SIGPIPE, SIG_IGN);
	main_raise_descriptor_limit();
	int failure = serve_tree_open(&server.tree, server.options.dir);
	if (failure) {
		fprintf(stderr, "evrt serve: cannot read the directory %s: %s; name another as DIR\n", server.options.dir,
		    strerror(-failure));
		return EXIT_FAILED;
	}
	pthread_mutex_init(&server.lock, NULL);
	LIST_INIT(&server.conns);
	int result = main_serve(&server);
	pthread_mutex_destroy(&server.lock);
	serve_tree_close(&server.tree);
	libevent_global_shutdown();
	return result;
}
