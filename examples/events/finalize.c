/* examples/events/finalize.c — freeing what an event's callback uses, while the loop runs in another thread.
 *
 *   ./evrt example finalize
 *
 *   | the client has been read from
 *   | the client is freed by the loop's thread: yes
 *   | the loop has ended: 1
 *
 * event_del waits until the callback has ended, which is a deadlock where the callback waits for the caller's
 * lock. event_free_finalize does not wait: it takes the event out of everything, and has the loop run one last
 * callback, after which nothing of the event is in use anywhere.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <event2/event.h>
#include <event2/thread.h>

struct client {
	struct event *readable;
	evutil_socket_t fd;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t was_read = PTHREAD_COND_INITIALIZER;
static int reads; /* guarded by lock */
static pthread_t loop_thread;

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	char c;

	(void)what, (void)arg;
	if (read(fd, &c, 1) != 1)
		return;
	pthread_mutex_lock(&lock);
	reads++;
	pthread_cond_signal(&was_read);
	pthread_mutex_unlock(&lock);
}

static void
on_last(struct event *ev, void *arg)
{
	struct client *c = arg;

	(void)ev; /* freed by event_free_finalize when this returns */
	printf("the client is freed by the loop's thread: %s\n",
	    pthread_equal(pthread_self(), loop_thread) ? "yes" : "no");
	evutil_closesocket(c->fd);
	free(c);
}

static void *
run_loop(void *base)
{
	static int result;

	result = event_base_dispatch(base);
	return &result;
}

int
main(void)
{
	evutil_socket_t fds[2];
	void *result;
	struct event_base *base = evthread_use_pthreads() == 0 ? event_base_new() : NULL;
	struct client *c = malloc(sizeof(*c));

	if (!base || !c || evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 ||
	    evutil_make_socket_nonblocking(fds[0]) < 0)
		return 1;
	c->fd = fds[0];
	c->readable = event_new(base, fds[0], EV_READ | EV_PERSIST, on_readable, c);
	if (!c->readable || event_add(c->readable, NULL) < 0)
		return 1;
	/* Held over the start, so that loop_thread is known before anybody looks at it. */
	pthread_mutex_lock(&lock);
	if (pthread_create(&loop_thread, NULL, run_loop, base) != 0 || write(fds[1], "x", 1) != 1)
		return 1;
	while (reads == 0)
		pthread_cond_wait(&was_read, &lock);
	puts("the client has been read from");
	event_free_finalize(0, c->readable, on_last); /* with the lock held that the callback takes, too */
	pthread_mutex_unlock(&lock);
	pthread_join(loop_thread, &result);
	printf("the loop has ended: %d\n", *(int *)result);
	event_base_free(base);
	evutil_closesocket(fds[1]);
	return 0;
}
