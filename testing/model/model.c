/* testing/model/model.c — see model.h.
 *
 * Here:     coroutines, the depth-first search, the reduction.
 * Not here: scripts (X_model_test.c).
 * Threads:  one.
 */
#include "testing/model/model.h"

#include <setjmp.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include "testing/model/fiber.h"

#define STACK_BYTES (64u * 1024u)
#define BIT(t) (1u << (t))

/* What a script is about to do. */
struct access {
	const volatile void *addr;
	bool writes;
	_Atomic(unsigned) *wait; /* evrt__model_wait: enabled while it is not 0 */
};

struct script {
	ucontext_t context;
	struct evrt__fiber fiber;
	struct access next;
	bool done;
	bool reusable; /* its coroutine stands where it can begin anew */
	int clock[EVRT_MODEL_THREADS_MAX]; /* the last step of each script that happens before its next one; -1: none */
};

/* A state on the current path, and the step taken from it. */
struct node {
	unsigned enabled, backtrack, tried, sleep; /* sets of scripts */
	unsigned chosen;
	struct access step;
	int clock[EVRT_MODEL_THREADS_MAX]; /* after the step */
};

static struct {
	const struct evrt_model *model;
	struct evrt_model_result *result;
	struct script scripts[EVRT_MODEL_THREADS_MAX];
	struct node path[EVRT_MODEL_STEPS_MAX];
	unsigned depth;   /* of the current run */
	unsigned replay;  /* so many steps of the path are given */
	int running;      /* script; -1: the search itself */
	ucontext_t home;
	struct evrt__fiber home_fiber;
	uintptr_t gone_from, gone_to; /* freed memory */
	jmp_buf finish_failed;
} s = {.running = -1};

static char stacks[EVRT_MODEL_THREADS_MAX][STACK_BYTES] __attribute__((aligned(64)));

static bool
dependent(const struct access *a, const struct access *b)
{
	return a->addr == b->addr && (a->writes || b->writes);
}

/* From the running script to the search. */
static void
leave_script(void)
{
	struct script *me = &s.scripts[s.running];

	evrt__fiber_switch(&s.home_fiber);
	swapcontext(&me->context, &s.home);
}

/* Lets script `t` go on until it stands before its next access, ends, or fails. */
static void
enter_script(unsigned t)
{
	s.running = (int)t;
	evrt__fiber_switch(&s.scripts[t].fiber);
	swapcontext(&s.home, &s.scripts[t].context);
	s.running = -1;
}

/* Goes round once a run: making a coroutine anew is only for those that were left in the middle. */
static void
script_main(void)
{
	for (;;) {
		s.model->script[s.running]();
		s.scripts[s.running].done = true;
		s.scripts[s.running].reusable = true;
		leave_script();
	}
}

void
evrt__model_access(const volatile void *addr, bool writes)
{
	if (s.running >= 0) {
		s.scripts[s.running].next = (struct access){addr, writes, NULL};
		leave_script();
	}
	if ((uintptr_t)addr >= s.gone_from && (uintptr_t)addr < s.gone_to)
		evrt__model_fail(__FILE__, __LINE__, "freed memory is accessed");
}

void
evrt__model_gone(const void *memory, size_t bytes)
{
	s.gone_from = (uintptr_t)memory;
	s.gone_to = s.gone_from + bytes;
}

void
evrt__model_lock(_Atomic(unsigned) *word)
{
	if (s.running >= 0)
		evrt__model_wait(word);
	else
		MODEL_CHECK(atomic_exchange(word, 0u));
}

bool
evrt__model_trylock(_Atomic(unsigned) *word)
{
	evrt__model_access(word, true);
	return atomic_exchange(word, 0u) != 0;
}

void
evrt__model_unlock(_Atomic(unsigned) *word)
{
	evrt__model_access(word, true);
	atomic_store(word, 1u);
}

void
evrt__model_wait(_Atomic(unsigned) *word)
{
	s.scripts[s.running].next = (struct access){word, true, word};
	leave_script();
	atomic_store(word, 0u);
}

static void
note_failure(const char *what)
{
	s.result->failed = true;
	snprintf(s.result->failure, sizeof(s.result->failure), "%s", what);
	for (unsigned i = 0; i < s.depth; i++)
		s.result->schedule[i] = (char)('0' + s.path[i].chosen);
	s.result->schedule[s.depth] = '\0';
}

_Noreturn void
evrt__model_fail(const char *file, int line, const char *what)
{
	char text[256];

	snprintf(text, sizeof(text), "%s:%d: %s", file, line, what);
	note_failure(text);
	if (s.running < 0)
		longjmp(s.finish_failed, 1);
	for (;;) /* the search gives the run up and does not come back */
		leave_script();
}

/* Functions of their own around what returns twice: no local variable lives across. */
static void
script_prepare(struct script *script, char *stack)
{
	getcontext(&script->context);
	script->context.uc_stack.ss_sp = stack;
	script->context.uc_stack.ss_size = STACK_BYTES;
	script->context.uc_link = NULL;
	makecontext(&script->context, script_main, 0);
	evrt__fiber_renew(&script->fiber);
}

static void
run_finish(void)
{
	if (setjmp(s.finish_failed) == 0)
		s.model->finish();
}

static void
scripts_start(void)
{
	for (unsigned t = 0; t < s.model->threads; t++) {
		s.scripts[t].done = false;
		for (unsigned i = 0; i < EVRT_MODEL_THREADS_MAX; i++)
			s.scripts[t].clock[i] = -1;
		if (!s.scripts[t].reusable)
			script_prepare(&s.scripts[t], stacks[t]);
		s.scripts[t].reusable = false;
	}
	for (unsigned t = 0; t < s.model->threads && !s.result->failed; t++)
		enter_script(t); /* to its first access */
}

static unsigned
enabled_set(void)
{
	unsigned set = 0;

	for (unsigned t = 0; t < s.model->threads; t++) {
		const struct script *script = &s.scripts[t];
		if (!script->done && (!script->next.wait || atomic_load(script->next.wait)))
			set |= BIT(t);
	}
	return set;
}

/* Who was enabled before step i and had a part in what comes before script t's next access. */
static unsigned
could_lead_to(unsigned t, unsigned i)
{
	unsigned set = 0;

	for (unsigned j = i + 1; j < s.depth; j++)
		if ((int)j <= s.scripts[t].clock[s.path[j].chosen])
			set |= BIT(s.path[j].chosen);
	return set & s.path[i].enabled;
}

/* Script t's next access races with the last dependent step that does not happen before it: there the search must
 * come back and let t go first. */
static void
note_race(unsigned t)
{
	for (unsigned i = s.depth; i-- > 0;) {
		struct node *n = &s.path[i];
		if (n->chosen == t || !dependent(&n->step, &s.scripts[t].next) ||
		    (int)i <= s.scripts[t].clock[n->chosen])
			continue;
		unsigned leads = could_lead_to(t, i);
		if (n->enabled & BIT(t))
			n->backtrack |= BIT(t);
		else if (leads)
			n->backtrack |= leads & -leads;
		else
			n->backtrack |= n->enabled;
		return;
	}
}

/* A new state at the end of the path. False when all that could be done here was done elsewhere. */
static bool
node_open(struct node *n, unsigned enabled)
{
	unsigned last = s.depth > 0 ? s.path[s.depth - 1].chosen : 0;

	*n = (struct node){.enabled = enabled};
	if (s.depth > 0 && !s.model->exhaustive) {
		const struct node *up = n - 1;
		for (unsigned t = 0; t < s.model->threads; t++)
			if (((up->sleep | up->tried) & BIT(t)) && !dependent(&s.scripts[t].next, &up->step))
				n->sleep |= BIT(t);
	}
	unsigned awake = enabled & ~n->sleep;
	if (!awake)
		return false;
	n->chosen = awake & BIT(last) ? last : (unsigned)__builtin_ctz(awake);
	n->backtrack = s.model->exhaustive ? enabled : BIT(n->chosen);
	return true;
}

/* The step's clock: what its script knew, and all earlier steps that it depends on. */
static void
node_step(struct node *n)
{
	struct script *script = &s.scripts[n->chosen];

	n->step = script->next;
	memcpy(n->clock, script->clock, sizeof(n->clock));
	for (const struct node *m = s.path; m < n; m++)
		for (unsigned i = 0; i < EVRT_MODEL_THREADS_MAX && dependent(&m->step, &n->step); i++)
			if (m->clock[i] > n->clock[i])
				n->clock[i] = m->clock[i];
	n->clock[n->chosen] = (int)s.depth;
	memcpy(script->clock, n->clock, sizeof(n->clock));
	s.depth++;
	enter_script(n->chosen);
}

static void
run_end(void)
{
	for (unsigned t = 0; t < s.model->threads && !s.model->may_rest; t++)
		if (!s.scripts[t].done) {
			note_failure("deadlock");
			return;
		}
	run_finish();
	s.result->runs++;
}

static void
run_once(void)
{
	s.depth = 0;
	s.gone_from = s.gone_to = 0;
	s.model->start();
	scripts_start();
	while (!s.result->failed) {
		unsigned enabled = enabled_set();
		for (unsigned t = 0; t < s.model->threads; t++)
			if (!s.scripts[t].done && !s.model->exhaustive)
				note_race(t);
		if (!enabled) {
			run_end();
			return;
		}
		if (s.depth == EVRT_MODEL_STEPS_MAX) {
			note_failure("a run does not end");
			return;
		}
		struct node *n = &s.path[s.depth];
		if (s.depth >= s.replay && !node_open(n, enabled)) {
			s.result->pruned++;
			return;
		}
		node_step(n);
	}
}

/* Turns the path into the next one to run. False when there is none. */
static bool
path_next(void)
{
	while (s.depth > 0) {
		struct node *n = &s.path[s.depth - 1];
		n->tried |= BIT(n->chosen);
		unsigned left = n->backtrack & ~n->tried & ~n->sleep;
		if (left) {
			n->chosen = (unsigned)__builtin_ctz(left);
			s.replay = s.depth;
			return true;
		}
		s.depth--;
	}
	return false;
}

void
evrt__model_check(const struct evrt_model *model, struct evrt_model_result *out)
{
	*out = (struct evrt_model_result){0};
	s.model = model;
	s.result = out;
	s.replay = 0;
	evrt__fiber_current(&s.home_fiber);
	do {
		run_once();
		if (s.depth > out->steps_max)
			out->steps_max = s.depth;
		if (!out->failed && out->runs + out->pruned >= model->runs_max)
			note_failure("more runs than the limit");
	} while (!out->failed && path_next());
	for (unsigned t = 0; t < model->threads; t++) {
		evrt__fiber_free(&s.scripts[t].fiber);
		s.scripts[t].reusable = false;
	}
	printf("model %s: %s%s; %llu runs, %llu pruned, up to %u steps\n", model->name,
	    out->failed ? "FAILED: " : "holds", out->failed ? out->failure : "", (unsigned long long)out->runs,
	    (unsigned long long)out->pruned, out->steps_max);
}
