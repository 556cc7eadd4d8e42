/* testing/unit/threading/stack_test.c — where a stack begins, where it ends, and how it is printed. */
#include <stdio.h>
#include <string.h>
#include "testing/harness/test.h"
#include "threading/stack.h"

/* In the table of dynamic symbols, so that stacks name it. */
#define NAMED __attribute__((noinline, visibility("default")))

int stack_test_inner(struct evrt_stack *, const void *from) NAMED;
int stack_test_outer(struct evrt_stack *, const void *from, int own) NAMED;
int stack_test_deep(struct evrt_stack *, int depth) NAMED;

static char text[4096];

int
stack_test_inner(struct evrt_stack *stack, const void *from)
{
	evrt__stack_capture(stack, from);
	return (int)stack->depth; /* not a tail call above: this frame is looked for */
}

int
stack_test_outer(struct evrt_stack *stack, const void *from, int own)
{
	return stack_test_inner(stack, own ? __builtin_return_address(0) : from) + 1;
}

static void
all_from_the_caller_on(void)
{
	struct evrt_stack stack;

	for (int i = 0; i < 2; i++) {
		stack_test_outer(&stack, i == 0 ? NULL : "no code", 0);
		evrt__stack_print(&stack, text, sizeof(text));
		char *inner = strstr(text, "\n    stack_test_inner+0x");
		CHECK(inner && strstr(inner, "\n    stack_test_outer+0x"));
	}
}

static void
what_lies_further_in_is_left_out(void)
{
	struct evrt_stack stack;

	stack_test_outer(&stack, NULL, 1);
	CHECK(stack.depth > 0);
	evrt__stack_print(&stack, text, sizeof(text));
	CHECK(!strstr(text, "stack_test_"));
}

/* Not to be made a loop of. */
static int (*volatile deep)(struct evrt_stack *, int) = stack_test_deep;

int
stack_test_deep(struct evrt_stack *stack, int depth)
{
	return depth ? deep(stack, depth - 1) + 1 : stack_test_inner(stack, NULL);
}

static void
deep_stacks_are_cut(void)
{
	struct evrt_stack stack;

	stack_test_deep(&stack, 2 * EVRT_STACK_MAX);
	CHECK_INT_EQ(stack.depth, EVRT_STACK_MAX);
	evrt__stack_print(&stack, text, sizeof(text));
	size_t whole = strlen(text);
	char *last = strrchr(text, '\n');
	CHECK(last != NULL);
	char cut[4096];
	evrt__stack_print(&stack, cut, whole); /* one byte short: the last frame goes, whole */
	CHECK_INT_EQ(strlen(cut), last - text);
	CHECK_MEM_EQ(cut, text, strlen(cut));
	evrt__stack_print(&stack, cut, 1);
	CHECK_STR_EQ(cut, "");
}

static const struct evrt_test_case cases[] = {
	{"all_from_the_caller_on", all_from_the_caller_on},
	{"what_lies_further_in_is_left_out", what_lies_further_in_is_left_out},
	{"deep_stacks_are_cut", deep_stacks_are_cut},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
