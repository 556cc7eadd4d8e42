/* testing/unit/base/list_test.c — the intrusive list. */
#include "base/list.h"

#include "base/assert.h"
#include "testing/harness/test.h"

struct item {
	int value;
	struct evrt_link link;
};

/* The list holds exactly `values`, read in both directions. */
static void
check_holds(struct evrt_link *head, const int *values, int count)
{
	int i = 0;

	EVRT_LIST_FOREACH(it, head) {
		CHECK(i < count);
		CHECK_INT_EQ(EVRT_CONTAINER_OF(it, struct item, link)->value, values[i]);
		i++;
	}
	CHECK_INT_EQ(i, count);
	for (struct evrt_link *it = head->prev; it != head; it = it->prev)
		CHECK_INT_EQ(EVRT_CONTAINER_OF(it, struct item, link)->value, values[--i]);
	CHECK_INT_EQ(i, 0);
	CHECK_INT_EQ(evrt__list_empty(head), count == 0);
}

static void
both_ends_and_the_middle(void)
{
	struct item a = {1, {0}}, b = {2, {0}}, c = {3, {0}}, d = {4, {0}};
	struct evrt_link head;

	evrt__list_init(&head);
	check_holds(&head, NULL, 0);
	CHECK(!evrt__list_pop_head(&head));
	evrt__list_push_tail(&head, &b.link);
	evrt__list_push_tail(&head, &d.link);
	evrt__list_push_head(&head, &a.link);
	evrt__list_insert_after(&b.link, &c.link);
	check_holds(&head, (const int[]){1, 2, 3, 4}, 4);
	evrt__list_remove(&c.link);
	CHECK(!c.link.next && !c.link.prev);
	check_holds(&head, (const int[]){1, 2, 4}, 3);
	CHECK_PTR_EQ(evrt__list_pop_head(&head), &a.link);
	check_holds(&head, (const int[]){2, 4}, 2);
}

static void
splice_moves_all(void)
{
	struct item a = {1, {0}}, b = {2, {0}}, c = {3, {0}};
	struct evrt_link to, from;

	evrt__list_init(&to);
	evrt__list_init(&from);
	evrt__list_splice_tail(&to, &from);
	check_holds(&to, NULL, 0);
	evrt__list_push_tail(&to, &a.link);
	evrt__list_push_tail(&from, &b.link);
	evrt__list_push_tail(&from, &c.link);
	evrt__list_splice_tail(&to, &from);
	check_holds(&to, (const int[]){1, 2, 3}, 3);
	check_holds(&from, NULL, 0);
	evrt__list_splice_tail(&from, &to);
	check_holds(&from, (const int[]){1, 2, 3}, 3);
}

static void
safe_iteration_may_unlink(void)
{
	struct item items[4] = {{1, {0}}, {2, {0}}, {3, {0}}, {4, {0}}};
	struct evrt_link head;

	evrt__list_init(&head);
	for (int i = 0; i < 4; i++)
		evrt__list_push_tail(&head, &items[i].link);
	EVRT_LIST_FOREACH_SAFE(it, next, &head)
		if (EVRT_CONTAINER_OF(it, struct item, link)->value % 2)
			evrt__list_remove(it);
	check_holds(&head, (const int[]){2, 4}, 2);
}

static const struct evrt_test_case cases[] = {
	{"both_ends_and_the_middle", both_ends_and_the_middle},
	{"splice_moves_all", splice_moves_all},
	{"safe_iteration_may_unlink", safe_iteration_may_unlink},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
