/* testing/harness/wait.c — see wait.h. */
#include "testing/harness/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define DEADLINE_S 30

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;

/* Waits for any change; lock held. */
static void
wait_moved(const struct timespec *until, const char *what)
{
	if (pthread_cond_timedwait(&moved, &lock, until) == 0)
		return;
	fprintf(stderr, "waited %d s for %s\n", DEADLINE_S, what);
	abort();
}

static struct timespec
deadline(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += DEADLINE_S;
	return t;
}

void
evrt_test_count_add(struct evrt_test_count *c, long n)
{
	pthread_mutex_lock(&lock);
	c->value += n;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&lock);
}

long
evrt_test_count_get(struct evrt_test_count *c)
{
	pthread_mutex_lock(&lock);
	long n = c->value;
	pthread_mutex_unlock(&lock);
	return n;
}

void
evrt_test_count_wait(struct evrt_test_count *c, long n)
{
	struct timespec until = deadline();

	pthread_mutex_lock(&lock);
	while (c->value < n)
		wait_moved(&until, "a count to be reached");
	pthread_mutex_unlock(&lock);
}

void
evrt_test_gate_open(struct evrt_test_gate *g)
{
	pthread_mutex_lock(&lock);
	g->open = 1;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&lock);
}

void
evrt_test_gate_wait(struct evrt_test_gate *g)
{
	struct timespec until = deadline();

	pthread_mutex_lock(&lock);
	while (!g->open)
		wait_moved(&until, "a gate to be opened");
	pthread_mutex_unlock(&lock);
}
