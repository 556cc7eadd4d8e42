/* threading/thread.c — see thread.h.
 *
 * Here:     start, name, join.
 * Not here: how many to start (cpus.c), what they do.
 * Threads:  any.
 */
#include "threading/thread.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>

#include "base/sys.h"

#define THREAD_NAME_MAX 16 /* the kernel's, end mark included */

int
evrt__thread_start(pthread_t *out, const char *name, void *(*fn)(void *), void *arg)
{
	sigset_t all, before;
	pthread_t thread;

	/* A thread inherits the mask of the one that starts it: there is no moment at which a signal could run the
	 * program's handler on the new thread. */
	sigfillset(&all);
	int err = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (err)
		return -err;
	err = evrt__sys.thread_create(&thread, fn, arg) < 0 ? errno : 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return -err;
	if (name) {
		char cut[THREAD_NAME_MAX];
		snprintf(cut, sizeof(cut), "%s", name);
		/* A name is a courtesy to debuggers: without it the thread works as well. */
		(void)pthread_setname_np(thread, cut);
	}
	*out = thread;
	return 0;
}

int
evrt__thread_join(pthread_t thread)
{
	return -pthread_join(thread, NULL);
}
