/* threading/thread.h — starting, naming and joining the pool's threads.
 *
 * Here:     pthread_create with all signals blocked, names, join, the number of usable CPUs, pinning.
 * Not here: what the threads do.
 */
#ifndef EVRT_THREADING_THREAD_H_
#define EVRT_THREADING_THREAD_H_

#include <pthread.h>

/* Starts `fn(arg)` with every signal blocked and the name cut to 15 bytes. 0 or -errno. */
int evrt__thread_start(pthread_t *out, const char *name, void *(*fn)(void *), void *arg);
int evrt__thread_join(pthread_t);
/* CPUs this process may use: its affinity mask, and a cgroup CPU quota rounded up. At least 1. */
unsigned evrt__cpu_count(void);
/* Keeps the calling thread on the i-th CPU (from 0, and round again) of its affinity mask, which a thread has from
 * the one that started it. 0 or -errno, and the mask is as it was. */
int evrt__cpu_pin(unsigned i);

#endif
