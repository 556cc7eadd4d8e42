/* testing/unit/threading/inbox_test.c — order, emptiness, and many producers at once. */
#include "threading/inbox.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "testing/harness/test.h"

#define PRODUCERS 3
#define ITEMS 20000

static void
oldest_comes_first(void)
{
	struct evrt_node a, b, c;
	struct evrt_inbox q;

	evrt__inbox_init(&q);
	CHECK(evrt__inbox_empty(&q));
	CHECK(!evrt__inbox_take(&q));
	CHECK(evrt__inbox_push(&q, &a));
	CHECK(!evrt__inbox_push(&q, &b));
	CHECK(!evrt__inbox_push(&q, &c));
	CHECK(!evrt__inbox_empty(&q));
	struct evrt_node *n = evrt__inbox_take(&q);
	CHECK_PTR_EQ(n, &a);
	CHECK_PTR_EQ(n->next, &b);
	CHECK_PTR_EQ(n->next->next, &c);
	CHECK(!n->next->next->next);
	CHECK(evrt__inbox_empty(&q));
	CHECK(evrt__inbox_push(&q, &b)); /* a node taken may be pushed anew */
	CHECK_PTR_EQ(evrt__inbox_take(&q), &b);
}

struct message {
	struct evrt_node node;
	unsigned producer, number; /* plain on purpose: the inbox must order them */
};

struct producer {
	struct evrt_inbox *q;
	struct message *messages;
	long was_empty;
};

static void *
produce(void *arg)
{
	struct producer *p = arg;

	for (unsigned i = 0; i < ITEMS; i++) {
		p->messages[i].number = i + 1;
		p->was_empty += evrt__inbox_push(p->q, &p->messages[i].node);
	}
	return NULL;
}

static void
nothing_is_lost_or_out_of_order(void)
{
	struct producer producers[PRODUCERS];
	pthread_t threads[PRODUCERS];
	unsigned last[PRODUCERS] = {0};
	long got = 0, takes = 0, was_empty = 0;
	struct evrt_inbox q;

	evrt__inbox_init(&q);
	for (unsigned p = 0; p < PRODUCERS; p++) {
		producers[p] = (struct producer){&q, calloc(ITEMS, sizeof(struct message)), 0};
		CHECK(producers[p].messages != NULL);
		for (unsigned i = 0; i < ITEMS; i++)
			producers[p].messages[i].producer = p;
		CHECK_INT_EQ(pthread_create(&threads[p], NULL, produce, &producers[p]), 0);
	}
	while (got < PRODUCERS * ITEMS) {
		struct evrt_node *n = evrt__inbox_take(&q);
		takes += n != NULL;
		for (; n; n = n->next, got++) {
			struct message *m = (struct message *)(void *)n;
			CHECK_INT_EQ(m->number, ++last[m->producer]);
		}
	}
	CHECK(evrt__inbox_empty(&q));
	for (unsigned p = 0; p < PRODUCERS; p++) {
		pthread_join(threads[p], NULL);
		was_empty += producers[p].was_empty;
		free(producers[p].messages);
	}
	/* One pusher finds it empty for each time that it was emptied. */
	CHECK_INT_EQ(was_empty, takes);
}

static const struct evrt_test_case cases[] = {
	{"oldest_comes_first", oldest_comes_first},
	{"nothing_is_lost_or_out_of_order", nothing_is_lost_or_out_of_order},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
