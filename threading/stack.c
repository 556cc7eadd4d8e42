/* threading/stack.c — see stack.h. The unwinder is the compiler's: <execinfo.h> loads a library, and with it
 * allocates, on first use; and not every C library has it. */
#include "threading/stack.h"

#include <stdio.h>
#include <string.h>
#include <unwind.h>
#include "base/symbol.h"

struct stack_walk {
	struct evrt_stack *stack;
	const void *from; /* still to be met; NULL: frames are kept */
};

static _Unwind_Reason_Code
stack_frame(struct _Unwind_Context *context, void *arg)
{
	struct stack_walk *walk = arg;
	struct evrt_stack *stack = walk->stack;
	void *pc = (void *)_Unwind_GetIP(context);

	if (!pc || stack->depth == EVRT_STACK_MAX)
		return _URC_END_OF_STACK;
	if (walk->from == pc)
		walk->from = NULL;
	if (!walk->from)
		stack->pc[stack->depth++] = pc;
	return _URC_NO_REASON;
}

void
evrt__stack_capture(struct evrt_stack *stack, const void *from)
{
	struct stack_walk walk = {stack, from};

	stack->depth = 0;
	_Unwind_Backtrace(stack_frame, &walk);
	if (walk.from) {
		walk.from = NULL;
		_Unwind_Backtrace(stack_frame, &walk);
	}
}

void
evrt__stack_print(const struct evrt_stack *stack, char *buf, size_t size)
{
	char name[EVRT_SYMBOL_MAX];
	size_t used = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < stack->depth; i++) {
		/* A return address may be the first of the next function: what called lies before it. */
		evrt__symbol_name((const char *)stack->pc[i] - 1, name, sizeof(name));
		int n = snprintf(buf + used, size - used, "\n    %s", name);
		if (n < 0 || (size_t)n >= size - used) {
			buf[used] = '\0';
			return;
		}
		used += (size_t)n;
	}
}
