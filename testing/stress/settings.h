/* testing/stress/settings.h — what the environment says of a stress: how long, how many, how wide.
 *
 * Here:     EVRT_STRESS_S (seconds per case), EVRT_STRESS_POSTS, EVRT_STRESS_WORKERS. The seed is the harness's
 *           (EVRT_TEST_SEED, which a shake build draws from, too), the poller is event2's (EVENT_NOEPOLL, …).
 * Threads:  any.
 */
#ifndef EVRT_TESTING_STRESS_SETTINGS_H_
#define EVRT_TESTING_STRESS_SETTINGS_H_

#include <stdbool.h>

/* The number that the variable holds; `otherwise` when it is not set. */
long stress_number(const char *variable, long otherwise);
/* Returns after EVRT_STRESS_S seconds. */
void stress_sleep(long otherwise_s);
/* Should a loop that has done `done` steps do another one? Until `steps`; with EVRT_STRESS_S for so many seconds
 * from the first call on. */
bool stress_goes_on(long done, long steps);

#endif
