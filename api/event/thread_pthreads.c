/* api/event/thread_pthreads.c — evthread_use_pthreads; a library of its own, as in libevent. */
#include <event2/thread.h>

#include "threading/lock.h"

int
evthread_use_pthreads(void)
{
	return evrt__threads_use_pthreads();
}
