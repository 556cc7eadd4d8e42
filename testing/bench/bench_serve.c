/* testing/bench/bench_serve.c — see bench_serve.h. */
#include "testing/bench/bench_serve.h"

#include <event2/event.h>

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct serve {
	struct event_base *base;
	double (*answer)(void *arg);
	void *arg;
};

static void
on_stdin(evutil_socket_t fd, short what, void *arg)
{
	struct serve *s = arg;
	char c;

	(void)what;
	if (read(fd, &c, 1) <= 0) {
		event_base_loopbreak(s->base);
		return;
	}
	printf("%.0f\n", s->answer ? s->answer(s->arg) : 0);
	fflush(stdout);
}

int
bench_serve_until_eof(struct event_base *base, double (*answer)(void *arg), void *arg)
{
	struct serve s = { .base = base, .answer = answer, .arg = arg };
	struct event *in = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_stdin, &s);

	if (!in || event_add(in, NULL) < 0)
		return 1;
	event_base_dispatch(base);
	return 0;
}

int
bench_serve(struct event_base *base, evconnlistener_cb on_accept, void *arg)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	struct evconnlistener *listener = evconnlistener_new_bind(base, on_accept, arg,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1, (struct sockaddr *)&sin, sizeof(sin));

	if (!listener) {
		perror("cannot listen on the loopback address");
		return 1;
	}
	getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&sin, &len);
	printf("%d\n", ntohs(sin.sin_port));
	fflush(stdout);
	return bench_serve_until_eof(base, NULL, NULL);
}
