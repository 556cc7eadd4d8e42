/* testing/unit/threading/verdict.h — what lock debugging says of a scenario.
 *
 * Here:     one function, which plays the scenario in a process of its own and keeps all messages.
 * Threads:  one; the scenario may have more.
 */
#ifndef EVRT_TESTING_UNIT_THREADING_VERDICT_H_
#define EVRT_TESTING_UNIT_THREADING_VERDICT_H_

enum evrt_test_verdict { EVRT_TEST_SILENT, EVRT_TEST_WARNED, EVRT_TEST_FATAL };

/* The case fails unless the verdict on `scenario()` is as wanted, and its messages together have all of the
 * `parts`, up to NULL, in this order. */
void evrt_test_verdict(void (*scenario)(void), enum evrt_test_verdict wanted, const char *const *parts);

#endif
