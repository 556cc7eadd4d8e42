/* base/arena.h — memory of a thread's own, where the allocator can do that.
 *
 * Here:     jemalloc's arenas: a thread that uses one of its own allocates from pages that nobody else does, and
 *           that the kernel, which places a page where it is touched first, takes from the memory next to it.
 * Not here: allocating (mem.h): malloc does as before, only from elsewhere.
 * Threads:  any.
 */
#ifndef EVRT_BASE_ARENA_H_
#define EVRT_BASE_ARENA_H_

#define EVRT_ARENAS_MAX 64u

/* From now on the calling thread allocates from arena `i` of the process, which is made when it is first used and
 * lives as long as the process: memory outlives the thread that asked for it. 0; -EINVAL (i); -ENOSYS: the program's
 * malloc is not jemalloc's; or what jemalloc says. */
int evrt__arena_use(unsigned i);

#endif
