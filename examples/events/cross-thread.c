/* examples/events/cross-thread.c — handing work from another thread to the loop.
 *
 *   ./evrt example cross-thread
 *
 *   | the loop got 1
 *   | the loop got 4
 *   | the loop got 9
 *   | the loop got 16
 *   | the loop got 25
 *   | the other thread has ended
 *
 * evthread_use_pthreads() comes before the base is made: then every call on it takes a lock, and wakes the loop
 * where it must. event_active makes an event ready by hand; several calls before its callback runs are one. So
 * the items themselves wait in a queue of the program's, under its own mutex.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <event2/event.h>
#include <event2/thread.h>

#define ITEMS 5

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int queue[ITEMS], queued; /* guarded by lock */
static int taken;                /* the loop's own */

static void *
produce(void *ready)
{
	for (int i = 1; i <= ITEMS; i++) {
		pthread_mutex_lock(&lock);
		queue[queued++] = i * i;
		pthread_mutex_unlock(&lock);
		event_active(ready, EV_READ, 1);
	}
	return NULL;
}

static bool
take(int *item)
{
	pthread_mutex_lock(&lock);
	bool found = taken < queued;
	if (found)
		*item = queue[taken++];
	pthread_mutex_unlock(&lock);
	return found;
}

static void
on_ready(evutil_socket_t fd, short what, void *base)
{
	int item;

	(void)fd, (void)what;
	while (take(&item))
		printf("the loop got %d\n", item);
	if (taken == ITEMS)
		event_base_loopbreak(base);
}

int
main(void)
{
	pthread_t producer;
	struct event_base *base = evthread_use_pthreads() == 0 ? event_base_new() : NULL;
	struct event *ready = base ? event_new(base, -1, EV_PERSIST, on_ready, base) : NULL;

	if (!ready || pthread_create(&producer, NULL, produce, ready) != 0)
		return 1;
	/* Nothing is pending, and yet the loop shall wait: somebody else will come. */
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	pthread_join(producer, NULL);
	puts("the other thread has ended");
	event_free(ready);
	event_base_free(base);
	return 0;
}
