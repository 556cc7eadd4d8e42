/* api/event/config.h — what event_config_new makes.
 *
 * Here:     the struct, and the choice of a poller by it.
 */
#ifndef EVRT_API_EVENT_CONFIG_H_
#define EVRT_API_EVENT_CONFIG_H_

#include <stdbool.h>

#include "backends/backend.h"

#define EVRT_AVOID_MAX 16

struct event_config {
	char *avoid[EVRT_AVOID_MAX];
	unsigned avoid_count;
	int features;            /* EV_FEATURE_* that the poller must have */
	int flags;               /* EVENT_BASE_FLAG_* */
	int cpus_hint;
	evrt_ns dispatch_max_ns; /* EVRT_NS_NEVER: no limit */
	int dispatch_callbacks_max;
	int dispatch_after_pri;
};

/* The first poller, in order of preference, that `config` (NULL: defaults) and the environment allow; NULL: none.
 * `pooled`: not the changelist. A pool's strands change what another, sleeping worker watches: to wake it
 * for each change costs more than the call that is saved. */
const struct evrt_backend_ops *evrt__config_choose_backend(const struct event_config *config, bool pooled);
/* These EVENT_BASE_FLAG_*, and those that the environment sets unless they say to ignore it. */
int evrt__config_add_environment(int flags);
/* getenv, unless the process runs with somebody else's rights. */
const char *evrt__getenv(const char *name);

#endif
