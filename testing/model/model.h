/* testing/model/model.h — a model checker for short concurrent scripts over the tree's real code.
 *
 * Here:     a few scripts of ordinary C, run as coroutines in every order of their atomic operations
 *           that can make a difference. The code under test is built over shim/base/atomic.h, which calls
 *           evrt__model_access before each operation.
 * Not here: weak memory: an execution is a sequentially consistent interleaving.
 * Threads:  one.
 *
 * How:      depth-first, without storing states: each run re-executes the scripts from the start along a
 *           changed schedule. Two operations depend on each other when they touch the same object and one
 *           writes. Dynamic partial-order reduction (Flanagan and Godefroid, POPL 2005) with sleep sets leaves
 *           out runs that only swap independent operations: every order of dependent ones is still
 *           run, so a broken check in any interleaving is found. Exhaustive mode runs all, to check the checker.
 *
 * Scripts:  plain variables may be changed between operations; they change in one step with the operation
 *           before. Where the order of such changes matters to a check, it must follow from an operation on a
 *           common object: in doubt, make the variable an evrt_atomic. Scripts must end under every schedule:
 *           a loop that waits uses evrt__model_wait. What one kernel call does at once is plain code behind one
 *           evrt__model_access of an object that stands for the kernel.
 */
#ifndef EVRT_TESTING_MODEL_MODEL_H_
#define EVRT_TESTING_MODEL_MODEL_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVRT_MODEL_THREADS_MAX 4
#define EVRT_MODEL_STEPS_MAX 256

struct evrt_model {
	const char *name;
	unsigned threads;
	void (*start)(void); /* makes the state of a run, before any script */
	void (*script[EVRT_MODEL_THREADS_MAX])(void);
	void (*finish)(void); /* checks after all scripts have ended */
	uint64_t runs_max;    /* more is a failure: the model is too large */
	bool exhaustive;
	bool may_rest; /* a run in which nobody can go on has ended: `finish` says whether they should sleep */
};

struct evrt_model_result {
	bool failed;
	char failure[256];                    /* the broken check, "deadlock", or a limit */
	char schedule[EVRT_MODEL_STEPS_MAX + 1]; /* of the failed run: one digit a step, which script went on */
	uint64_t runs;                        /* carried out to their end */
	uint64_t pruned;                      /* given up as equal to one already run */
	unsigned steps_max;
};

/* Runs until all is explored or a run fails. */
void evrt__model_check(const struct evrt_model *, struct evrt_model_result *out);

/* A scheduling point; does nothing outside of a script. */
void evrt__model_access(const volatile void *addr, bool writes);
/* Waits until *word is not 0, and makes it 0: an edge-triggered descriptor, or a queue of one entry. When nobody
 * can go on the run has failed: "deadlock". */
void evrt__model_wait(_Atomic(unsigned) *word);
/* A mutex of the code under test is a word that is 1 while it is free. Outside of scripts it must be. */
void evrt__model_lock(_Atomic(unsigned) *word);
bool evrt__model_trylock(_Atomic(unsigned) *word);
void evrt__model_unlock(_Atomic(unsigned) *word);
/* This memory was freed: until the end of the run, an atomic access of it fails. One piece a run. */
void evrt__model_gone(const void *memory, size_t bytes);

/* Ends the run as failed. Scripts and finish only. */
_Noreturn void evrt__model_fail(const char *file, int line, const char *what);
#define MODEL_CHECK(expr) ((expr) ? (void)0 : evrt__model_fail(__FILE__, __LINE__, #expr))

#endif
