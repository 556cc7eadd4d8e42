/* testing/fault/inject.h — what a program built for faults asks about them. */
#ifndef EVRT_TESTING_FAULT_INJECT_H_
#define EVRT_TESTING_FAULT_INJECT_H_

#include <stdbool.h>

/* The fault of this run has come to pass. */
bool evrt_test_fault_injected(void);
/* `call` has failed, and the fault had not come to pass before it. If it has now, ends the case as by a failed
 * check; aborts where errno is not the fault's. Else returns. */
void evrt_test_fault_told(const char *file, int line, const char *call);

#endif
