/* examples/blocking/blocking.c — a server of files on every core, whose workers never wait for a disk.
 *
 *   ./evrt example blocking [PORT]         then: echo /etc/hostname | nc 127.0.0.1 PORT
 *
 * Without a port it asks itself, for a pipe that has no writer yet and for a file, and ends:
 *
 *   | file: hello
 *   | pipe: at last
 *
 * A line is the path of a file, whose first 4 KiB are the answer. open(2) and read(2) may take their time, so they run
 * on a thread that may wait (evrt_blocking_run). The completion comes back in the strand of the connection: there is
 * nothing to lock. While a read is under way the connection is kept, also when its peer has gone.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <evrt/blocking.h>
#include <evrt/pool.h>

struct conn { /* touched in its strand only, and by read_file while `reading` */
	struct bufferevent *bev; /* NULL: the peer has gone */
	int reading;
	char path[256];
	char data[4096];
	ssize_t len;
};

/* On a thread that may wait. */
static void
read_file(void *arg)
{
	struct conn *c = arg;
	int fd = open(c->path, O_RDONLY | O_CLOEXEC);

	c->len = fd < 0 ? -1 : read(fd, c->data, sizeof(c->data));
	if (fd >= 0)
		close(fd);
}

static void next_line(struct conn *c);

/* Back in the strand. */
static void
file_read(int status, void *arg)
{
	struct conn *c = arg;

	c->reading = 0;
	if (!c->bev) {
		free(c);
		return;
	}
	if (status == 0 && c->len >= 0)
		bufferevent_write(c->bev, c->data, (size_t)c->len);
	else
		evbuffer_add_printf(bufferevent_get_output(c->bev), "cannot read %s\n", c->path);
	next_line(c);
}

static void
next_line(struct conn *c)
{
	char *line = c->reading ? NULL : evbuffer_readln(bufferevent_get_input(c->bev), NULL, EVBUFFER_EOL_LF);

	if (!line)
		return;
	snprintf(c->path, sizeof(c->path), "%s", line);
	free(line);
	if (evrt_blocking_run(bufferevent_get_base(c->bev), NULL, read_file, file_read, c, NULL) == 0)
		c->reading = 1;
	else /* EAGAIN: a thousand others wait already */
		evbuffer_add_printf(bufferevent_get_output(c->bev), "no time for %s\n", c->path);
}

static void
on_line(struct bufferevent *bev, void *arg)
{
	(void)bev;
	next_line(arg);
}

static void
on_end(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;

	(void)what;
	bufferevent_free(bev);
	c->bev = NULL;
	if (!c->reading)
		free(c);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int peer_len, void *arg)
{
	struct conn *c = calloc(1, sizeof(*c));

	(void)peer, (void)peer_len, (void)arg;
	if (!c || !(c->bev = bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE))) {
		free(c);
		evutil_closesocket(fd);
		return;
	}
	bufferevent_setcb(c->bev, on_line, NULL, on_end, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

/* Who asks, in the demonstration. */
struct demo {
	char dir[32], file[48], pipe[48];
	struct evconnlistener *listener;
};

static void
write_pipe(void *arg)
{
	struct demo *d = arg;
	int fd = open(d->pipe, O_WRONLY | O_CLOEXEC); /* waits for a reader */

	if (fd < 0 || write(fd, "at last\n", 8) != 8)
		perror(d->pipe);
	if (fd >= 0)
		close(fd);
}

static void
show_answer(const char *name, struct bufferevent *bev)
{
	char *line = evbuffer_readln(bufferevent_get_input(bev), NULL, EVBUFFER_EOL_LF);

	printf("%s: %s\n", name, line ? line : "?");
	free(line);
	bufferevent_free(bev);
}

static void
on_file(struct bufferevent *bev, void *arg)
{
	struct event_base *base = bufferevent_get_base(bev);

	show_answer("file", bev);
	if (evrt_blocking_run(base, NULL, write_pipe, NULL, arg, NULL) < 0)
		perror("evrt_blocking_run");
}

static void
on_pipe(struct bufferevent *bev, void *arg)
{
	struct demo *d = arg;

	show_answer("pipe", bev);
	evconnlistener_free(d->listener); /* nothing is pending any more: the dispatch returns */
}

static int
ask(struct event_base *base, struct sockaddr_in *server, const char *path, bufferevent_data_cb answer, struct demo *d)
{
	struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	if (!bev || bufferevent_socket_connect(bev, (struct sockaddr *)server, sizeof(*server)) < 0)
		return -1;
	bufferevent_setcb(bev, answer, NULL, NULL, d);
	evbuffer_add_printf(bufferevent_get_output(bev), "%s\n", path);
	return bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static int
demonstrate(struct event_base *base, struct demo *d)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);

	strcpy(d->dir, "/tmp/evrt-blocking-XXXXXX");
	if (!mkdtemp(d->dir))
		return -1;
	snprintf(d->file, sizeof(d->file), "%s/file", d->dir);
	snprintf(d->pipe, sizeof(d->pipe), "%s/pipe", d->dir);
	FILE *f = fopen(d->file, "w");
	if (!f || fputs("hello\n", f) < 0 || fclose(f) != 0 || mkfifo(d->pipe, 0600) < 0)
		return -1;
	getsockname(evconnlistener_get_fd(d->listener), (struct sockaddr *)&address, &len);
	return ask(base, &address, d->pipe, on_pipe, d) < 0 ? -1 : ask(base, &address, d->file, on_file, d);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0)) };
	struct event_base *base = evrt_base_new(0);
	struct demo d = { .listener = base ? evconnlistener_new_bind(base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE |
	    LEV_OPT_REUSEABLE | LEV_OPT_THREADSAFE, -1, (struct sockaddr *)&address, sizeof(address)) : NULL };

	if (!d.listener)
		return 1;
	int failed = argc < 2 && demonstrate(base, &d) < 0;
	if (!failed)
		event_base_dispatch(base);
	event_base_free(base);
	if (argc < 2) {
		unlink(d.file);
		unlink(d.pipe);
		rmdir(d.dir);
	}
	return failed;
}
