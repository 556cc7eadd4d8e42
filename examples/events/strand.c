/* examples/events/strand.c — a counter that four threads use without a lock. evrt's own API (evrt/pool.h).
 *
 *   ./evrt example strand
 *
 *   | 4 senders, 1000 posts each: 4000 counted
 *
 * A pool runs callbacks on all its threads at once; what is posted to one strand never runs at the same time as
 * another callback of it, and sees what those before it wrote. So a strand takes the place of a mutex, and nobody
 * ever waits for it.
 */
#include <pthread.h>
#include <stdio.h>
#include <evrt/pool.h>

#define SENDERS 4
#define POSTS 1000

static int counted; /* touched in the strand only, and by main when the pool has stopped */

static void
count(void *arg)
{
	(void)arg;
	counted++;
}

static void *
send_posts(void *strand)
{
	for (int i = 0; i < POSTS; i++)
		if (evrt_strand_post(strand, count, NULL) < 0)
			break;
	return NULL;
}

int
main(void)
{
	pthread_t senders[SENDERS];
	struct evrt_pool *pool = evrt_pool_new(NULL);
	struct evrt_strand *counter = pool ? evrt_strand_new(pool) : NULL;

	if (!counter || evrt_pool_start(pool) < 0)
		return 1;
	for (int i = 0; i < SENDERS; i++)
		if (pthread_create(&senders[i], NULL, send_posts, counter) != 0)
			return 1;
	for (int i = 0; i < SENDERS; i++)
		pthread_join(senders[i], NULL);
	/* Stopping lets everything run that was accepted. */
	evrt_pool_stop(pool, NULL);
	printf("%d senders, %d posts each: %d counted\n", SENDERS, POSTS, counted);
	evrt_strand_free(counter);
	evrt_pool_free(pool);
	return 0;
}
