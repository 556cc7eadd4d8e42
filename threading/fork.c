/* threading/fork.c — see fork.h. */
#include "threading/fork.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

evrt_atomic(unsigned) evrt__forks;
static evrt_atomic(bool) fork_watched;

static void
fork_in_child(void)
{
	evrt_add_relaxed(&evrt__forks, 1u);
}

int
evrt__fork_watch(void)
{
	/* Two threads that come here at once may have a fork counted twice: it differs all the same. */
	if (evrt_load_relaxed(&fork_watched))
		return 0;
	int err = pthread_atfork(NULL, NULL, fork_in_child);
	if (err == 0)
		evrt_store_relaxed(&fork_watched, true);
	return -err;
}
