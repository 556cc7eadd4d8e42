/* testing/fault/inject.h — what a program built for faults says and asks about them (told.h does).
 *
 * Threads:  any; a call begins and ends on one thread.
 */
#ifndef EVRT_TESTING_FAULT_INJECT_H_
#define EVRT_TESTING_FAULT_INJECT_H_

#include <stdbool.h>

/* A call that may fail is about to begin. */
void evrt_test_fault_begin(void);
/* It has ended with this result, which is passed on. A failure (NULL, -1) is the fault's where that has come to
 * pass since the latest beginning on this thread: then the case ends as by a failed check, or the process
 * aborts where errno is not the fault's. */
int evrt_test_fault_result(int result, const char *file, int line, const char *call);
const void *evrt_test_fault_pointer(const void *result, const char *file, int line, const char *call);
/* It has come to pass, and `error` is its. */
bool evrt_test_fault_is(int error);
/* From here on, until NULL is given, `call` runs, which ends the process where it fails: that is telling, too. */
void evrt_test_fault_fatal(const char *call);

#endif
