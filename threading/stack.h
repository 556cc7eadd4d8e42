/* threading/stack.h — who called: a thread's stack, taken cheaply and named later.
 *
 * Here:     taking it into an array of fixed size, and printing it.
 * Not here: what a single address is called (base/symbol.h).
 * Threads:  any.
 */
#ifndef EVRT_THREADING_STACK_H_
#define EVRT_THREADING_STACK_H_

#include <stddef.h>

#define EVRT_STACK_MAX 24

struct evrt_stack {
	unsigned depth;
	void *pc[EVRT_STACK_MAX]; /* return addresses, innermost first */
};

/* This thread's stack from `from` on, the return address of a function that is running: what lies further in is left
 * out. NULL, or an address that does not occur: all. What is deeper than EVRT_STACK_MAX is cut off. Allocates
 * nothing. */
void evrt__stack_capture(struct evrt_stack *, const void *from);
/* One line per frame, "\n    NAME", up to `size` bytes with the end; frames that find no room whole are left out. */
void evrt__stack_print(const struct evrt_stack *, char *buf, size_t size);

#endif
