/* base/list.h — intrusive circular doubly linked list with a sentinel head.
 *
 * Here:     link, unlink, splice and iterate in O(1) without allocation.
 * Not here: any locking; the owner of the list guards it.
 */
#ifndef EVRT_BASE_LIST_H_
#define EVRT_BASE_LIST_H_

#include <stdbool.h>
#include <stddef.h>

struct evrt_link {
	struct evrt_link *next;
	struct evrt_link *prev;
};

static inline void evrt__list_init(struct evrt_link *head) { head->next = head->prev = head; }
static inline bool evrt__list_empty(const struct evrt_link *head) { return head->next == head; }

static inline void
evrt__list_insert_after(struct evrt_link *where, struct evrt_link *n)
{
	n->prev = where;
	n->next = where->next;
	where->next->prev = n;
	where->next = n;
}

static inline void
evrt__list_push_tail(struct evrt_link *head, struct evrt_link *n)
{
	evrt__list_insert_after(head->prev, n);
}

static inline void
evrt__list_push_head(struct evrt_link *head, struct evrt_link *n)
{
	evrt__list_insert_after(head, n);
}

static inline void
evrt__list_remove(struct evrt_link *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->next = n->prev = NULL;
}

static inline struct evrt_link *
evrt__list_pop_head(struct evrt_link *head)
{
	struct evrt_link *n = head->next;
	if (n == head)
		return NULL;
	evrt__list_remove(n);
	return n;
}

/* Moves all of `from` behind the tail of `to`; `from` is empty afterwards. */
static inline void
evrt__list_splice_tail(struct evrt_link *to, struct evrt_link *from)
{
	if (evrt__list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	evrt__list_init(from);
}

#define EVRT_LIST_FOREACH(it, head) \
	for (struct evrt_link *it = (head)->next; it != (head); it = it->next)
/* Safe when the body unlinks `it` itself (and nothing else of the list). */
#define EVRT_LIST_FOREACH_SAFE(it, nx, head) \
	for (struct evrt_link *it = (head)->next, *nx = it->next; it != (head); it = nx, nx = it->next)

#endif
