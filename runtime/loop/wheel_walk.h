/* runtime/loop/wheel_walk.h — visiting every entry of a wheel, in no particular order.
 *
 * Threads:  the wheel's owner; fn must not change the wheel.
 */
#ifndef EVRT_RUNTIME_LOOP_WHEEL_WALK_H_
#define EVRT_RUNTIME_LOOP_WHEEL_WALK_H_

#include "runtime/loop/wheel.h"

/* Stops at the first fn that does not return 0, and returns that. */
int evrt__wheel_walk(const struct evrt_wheel *, int (*fn)(struct evrt_wheel_entry *, void *), void *arg);

#endif
