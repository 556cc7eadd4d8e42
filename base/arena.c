/* base/arena.c — see arena.h. */
#include "base/arena.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>

typedef int (*arena_ctl_fn)(const char *name, void *old, size_t *old_len, void *new, size_t new_len);

/* Two pools may start a worker of the same number at once. Nothing is taken under it but jemalloc's own locks. */
static pthread_mutex_t arena_lock = PTHREAD_MUTEX_INITIALIZER;
/* jemalloc's number of each + 1; 0: not made. Guarded by arena_lock. */
static unsigned arena_made[EVRT_ARENAS_MAX];

/* Looked up at run time: the program chooses its malloc, by linking or by preloading. */
static arena_ctl_fn
arena_ctl(void)
{
	union {
		void *object;
		arena_ctl_fn fn;
	} found = { .object = dlsym(RTLD_DEFAULT, "mallctl") };

	return found.fn;
}

int
evrt__arena_use(unsigned i)
{
	arena_ctl_fn ctl = arena_ctl();
	unsigned number;
	size_t len = sizeof(number);
	int err = 0;

	if (i >= EVRT_ARENAS_MAX)
		return -EINVAL;
	if (!ctl)
		return -ENOSYS;
	pthread_mutex_lock(&arena_lock);
	if (arena_made[i])
		number = arena_made[i] - 1;
	else if ((err = ctl("arenas.create", &number, &len, NULL, 0)) == 0)
		arena_made[i] = number + 1;
	pthread_mutex_unlock(&arena_lock);
	if (err == 0)
		err = ctl("thread.arena", NULL, NULL, &number, sizeof(number));
	return -err;
}
