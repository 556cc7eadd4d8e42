/* threading/lock_debug_on.c — the build's choice: locks are checked from the start. See lock_internal.h. */
#include "threading/lock_internal.h"

evrt_atomic(bool) evrt__lock_debug = true;
const bool evrt__lock_debug_default = true;
