/* threading/stack.h — who called: a thread's stack, taken cheaply and named later.
 *
 * Here:     taking it into an array of fixed size, and printing it.
 * Not here: what a single address is called (base/symbol.h).
 * Threads:  any.
 */
#ifndef EVRT_THREADING_STACK_H_
#define EVRT_THREADING_STACK_H_

#include <stddef.h>

#define EVRT_STACK_MAX 20

struct evrt_stack {
	unsigned depth;
	void *pc[EVRT_STACK_MAX]; /* return addresses, innermost first */
};

/* The caller's stack, its outermost frames cut off where it is deeper than EVRT_STACK_MAX. Allocates nothing. */
void evrt__stack_capture(struct evrt_stack *);
/* One line per frame, "\n    NAME", up to `size` bytes with the end; frames that find no room whole are left out. */
void evrt__stack_print(const struct evrt_stack *, char *buf, size_t size);

#endif
