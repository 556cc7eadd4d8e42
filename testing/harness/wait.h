/* testing/harness/wait.h — waiting in tests without sleeping: a counter and a gate.
 *
 * Here:     both on a mutex and a condition with a deadline of 30 s, after which the case fails and says so.
 * Threads:  any.
 */
#ifndef EVRT_TESTING_HARNESS_WAIT_H_
#define EVRT_TESTING_HARNESS_WAIT_H_

#include <pthread.h>

/* Zero-initialised statics are ready to use. */
struct evrt_test_count {
	long value; /* guarded by one lock of wait.c for all */
};
struct evrt_test_gate {
	int open;
};

void evrt_test_count_add(struct evrt_test_count *, long n);
long evrt_test_count_get(struct evrt_test_count *);
/* Returns when the count is at least `n`. */
void evrt_test_count_wait(struct evrt_test_count *, long n);

void evrt_test_gate_open(struct evrt_test_gate *);
/* Returns when the gate is open. */
void evrt_test_gate_wait(struct evrt_test_gate *);

#endif
