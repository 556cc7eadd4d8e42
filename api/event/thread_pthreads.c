/* api/event/thread_pthreads.c — evthread_use_pthreads and its kin; a library of their own, as in libevent. */
#include <event2/thread.h>

#include "threading/lock.h"

int
evthread_use_pthreads_with_flags(int flags)
{
	return evrt__threads_use_pthreads_with((flags & EVTHREAD_PTHREAD_PRIO_INHERIT) != 0);
}

int
evthread_use_pthreads(void)
{
	return evthread_use_pthreads_with_flags(0);
}
