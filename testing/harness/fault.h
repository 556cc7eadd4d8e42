/* testing/harness/fault.h — allocations that fail when a test wants them to, and their balance.
 *
 * Here:     a plan over base/mem.h: the k-th allocation from now returns NULL; counts of what is alive.
 * Not here: failing system calls: tests replace entries of base/sys.h's table.
 * Threads:  the plan is made while one thread runs; the allocations may come from any.
 *
 *     for (uint64_t k = 1;; k++) {
 *             evrt_test_fail_alloc(k);
 *             int r = thing_do();
 *             if (!evrt_test_alloc_has_failed())
 *                     break;
 *             CHECK_INT_EQ(r, -ENOMEM);
 *             CHECK_INT_EQ(evrt_test_allocs_live(), 0);
 *     }
 */
#ifndef EVRT_TESTING_HARNESS_FAULT_H_
#define EVRT_TESTING_HARNESS_FAULT_H_

#include <stdbool.h>
#include <stdint.h>

/* The k-th malloc, calloc or realloc through base/mem.h from now on fails, once; 0: none does. Begins to
 * count anew. The first call puts the counting functions in place, for the rest of the case. */
void evrt_test_fail_alloc(uint64_t k);
/* Whether the planned failure has come to pass. */
bool evrt_test_alloc_has_failed(void);
/* Allocations asked for since the last evrt_test_fail_alloc, failed one included. */
uint64_t evrt_test_alloc_count(void);
/* Blocks allocated and not yet freed since the first evrt_test_fail_alloc of the case. */
int64_t evrt_test_allocs_live(void);

#endif
