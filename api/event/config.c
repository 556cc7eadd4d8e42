/* api/event/config.c — event_config: how a base is to be made.
 *
 * Threads:  a config belongs to one thread at a time.
 */
#include "api/event/config.h"

#include <event2/event.h>

#include <ctype.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/event/event_internal.h"
#include "api/util/timeval.h"
#include "base/log.h"
#include "base/mem.h"

struct event_config *
event_config_new(void)
{
	struct event_config *cfg = evrt__calloc(1, sizeof(*cfg));

	if (!cfg)
		return NULL;
	cfg->dispatch_max_ns = EVRT_NS_NEVER;
	cfg->dispatch_callbacks_max = INT_MAX;
	cfg->dispatch_after_pri = 1;
	return cfg;
}

void
event_config_free(struct event_config *cfg)
{
	for (unsigned i = 0; i < cfg->avoid_count; i++)
		evrt__free(cfg->avoid[i]);
	evrt__free(cfg);
}

int
event_config_avoid_method(struct event_config *cfg, const char *method)
{
	if (cfg->avoid_count == EVRT_AVOID_MAX)
		return -1;
	char *copy = evrt__strdup(method);
	if (!copy)
		return -1;
	cfg->avoid[cfg->avoid_count++] = copy;
	return 0;
}

int
event_config_require_features(struct event_config *cfg, int features)
{
	if (!cfg)
		return -1;
	cfg->features = features;
	return 0;
}

int
event_config_set_flag(struct event_config *cfg, int flag)
{
	if (!cfg)
		return -1;
	cfg->flags |= flag;
	return 0;
}

int
event_config_set_num_cpus_hint(struct event_config *cfg, int cpus)
{
	if (!cfg)
		return -1;
	cfg->cpus_hint = cpus;
	return 0;
}

int
event_config_set_max_dispatch_interval(struct event_config *cfg, const struct timeval *max_interval,
    int max_callbacks, int min_priority)
{
	cfg->dispatch_max_ns = max_interval ? evrt__ns_from_timeval(max_interval) : EVRT_NS_NEVER;
	cfg->dispatch_callbacks_max = max_callbacks >= 0 ? max_callbacks : INT_MAX;
	cfg->dispatch_after_pri = min_priority < 0 ? 0 : min_priority;
	return 0;
}

const char *
evrt__getenv(const char *name)
{
	return secure_getenv(name);
}

/* EVENT_NOEPOLL and so on. */
static bool
forbidden_by_environment(const char *method)
{
	char name[64] = "EVENT_NO";
	size_t at = strlen(name);

	for (const char *c = method; *c && at < sizeof(name) - 1; c++)
		name[at++] = (char)toupper((unsigned char)*c);
	name[at] = '\0';
	return evrt__getenv(name) != NULL;
}

static bool
avoided(const struct event_config *cfg, const char *method)
{
	for (unsigned i = 0; i < cfg->avoid_count; i++)
		if (strcmp(cfg->avoid[i], method) == 0)
			return true;
	return false;
}

int
evrt__config_add_environment(int flags)
{
	static const struct { const char *name; int flag; } variables[] = {
		{ "EVENT_EPOLL_USE_CHANGELIST", EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST },
		{ "EVENT_PRECISE_TIMER", EVENT_BASE_FLAG_PRECISE_TIMER },
		{ "EVENT_USE_SIGNALFD", EVENT_BASE_FLAG_USE_SIGNALFD },
	};

	if (flags & EVENT_BASE_FLAG_IGNORE_ENV)
		return flags;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		if (evrt__getenv(variables[i].name))
			flags |= variables[i].flag;
	return flags;
}

const struct evrt_backend_ops *
evrt__config_choose_backend(const struct event_config *cfg, bool pooled)
{
	int flags = evrt__config_add_environment(cfg ? cfg->flags : 0);

	for (const struct evrt_backend_ops *const *b = evrt__backends; *b; b++) {
		if (cfg && avoided(cfg, (*b)->name))
			continue;
		if (cfg && ((int)(*b)->features & cfg->features) != cfg->features)
			continue;
		if (!(flags & EVENT_BASE_FLAG_IGNORE_ENV) && forbidden_by_environment((*b)->name))
			continue;
		/* To avoid, require or forbid epoll speaks of both of its kinds. */
		return (flags & EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) && !pooled && *b == &evrt__backend_epoll
		    ? &evrt__backend_epoll_changelist : *b;
	}
	return NULL;
}

/* As many as there are pollers, plus the NULL at the end; names never change, so one array serves all. */
static const char *methods[EVRT_AVOID_MAX];

static void
methods_list(void)
{
	unsigned n = 0;

	for (const struct evrt_backend_ops *const *b = evrt__backends; *b && n < EVRT_AVOID_MAX - 1; b++)
		methods[n++] = (*b)->name;
}

const char **
event_get_supported_methods(void)
{
	static pthread_once_t listed = PTHREAD_ONCE_INIT;

	pthread_once(&listed, methods_list);
	return methods;
}
