/* runtime/loop/wheel_walk.c — see wheel_walk.h. */
#include "runtime/loop/wheel_walk.h"

#include <stddef.h>

#include "base/assert.h"

static int
walk_list(const struct evrt_link *head, int (*fn)(struct evrt_wheel_entry *, void *), void *arg)
{
	EVRT_LIST_FOREACH(it, head) {
		int r = fn(EVRT_CONTAINER_OF(it, struct evrt_wheel_entry, link), arg);
		if (r)
			return r;
	}
	return 0;
}

int
evrt__wheel_walk(const struct evrt_wheel *w, int (*fn)(struct evrt_wheel_entry *, void *), void *arg)
{
	int r = walk_list(&w->due, fn, arg);

	for (unsigned level = 0; level < EVRT_WHEEL_LEVELS && r == 0; level++)
		for (unsigned i = 0; i < EVRT_WHEEL_SLOTS && r == 0; i++)
			r = walk_list(&w->slot[level][i], fn, arg);
	return r ? r : walk_list(&w->far, fn, arg);
}
