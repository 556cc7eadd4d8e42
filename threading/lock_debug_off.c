/* threading/lock_debug_off.c — the build's choice: locks are checked when asked. See lock_internal.h. */
#include "threading/lock_internal.h"

evrt_atomic(bool) evrt__lock_debug = false;
const bool evrt__lock_debug_default = false;
