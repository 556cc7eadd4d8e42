/* threading/lock_debug_off.c — the build's choice; see lock_internal.h. */
#include "threading/lock_internal.h"

const bool evrt__lock_debug_default = false;
