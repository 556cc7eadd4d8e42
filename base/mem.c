/* base/mem.c — see mem.h.
 *
 * Here:     the three replaceable functions, and what is built on them.
 * Not here: caches; those live where the objects are known.
 * Threads:  any. The pointers are relaxed atomics: the program orders a replacement before other calls, and
 *           they publish nothing.
 */
#include "base/mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/assert.h"
#include "base/atomic.h"

typedef void *(*mem_malloc_fn)(size_t);
typedef void *(*mem_realloc_fn)(void *, size_t);
typedef void (*mem_free_fn)(void *);

/* NULL: the C library's, called directly so that the compiler and the sanitizers know it. */
static evrt_atomic(mem_malloc_fn) user_malloc;
static evrt_atomic(mem_realloc_fn) user_realloc;
static evrt_atomic(mem_free_fn) user_free;

void
evrt__mem_set_functions(void *(*malloc_fn)(size_t), void *(*realloc_fn)(void *, size_t),
    void (*free_fn)(void *))
{
	evrt_store_relaxed(&user_malloc, malloc_fn);
	evrt_store_relaxed(&user_realloc, realloc_fn);
	evrt_store_relaxed(&user_free, free_fn);
}

/* A replacement need not know about errno. */
static void *
mem_result(void *p)
{
	if (!p)
		errno = ENOMEM;
	return p;
}

void *
evrt__malloc(size_t size)
{
	mem_malloc_fn fn = evrt_load_relaxed(&user_malloc);

	if (size == 0)
		return mem_result(NULL);
	return mem_result(fn ? fn(size) : malloc(size));
}

void *
evrt__calloc(size_t count, size_t size)
{
	mem_malloc_fn fn = evrt_load_relaxed(&user_malloc);
	size_t total;

	if (__builtin_mul_overflow(count, size, &total) || total == 0)
		return mem_result(NULL);
	if (!fn)
		return mem_result(calloc(count, size));
	void *p = fn(total);
	return mem_result(p ? memset(p, 0, total) : NULL);
}

void *
evrt__realloc(void *ptr, size_t size)
{
	mem_realloc_fn fn = evrt_load_relaxed(&user_realloc);

	if (!ptr && size == 0)
		return mem_result(NULL);
	if (fn)
		return mem_result(fn(ptr, size));
	if (size == 0) { /* said outright: libraries differ in what realloc(p, 0) does */
		free(ptr);
		return mem_result(NULL);
	}
	return mem_result(realloc(ptr, size));
}

char *
evrt__strdup(const char *s)
{
	if (!s) {
		errno = EINVAL;
		return NULL;
	}
	size_t len = strlen(s);
	if (len == SIZE_MAX)
		return mem_result(NULL);
	char *copy = evrt__malloc(len + 1);
	if (copy)
		memcpy(copy, s, len + 1);
	return copy;
}

void
evrt__free(void *ptr)
{
	mem_free_fn fn = evrt_load_relaxed(&user_free);

	if (!ptr)
		return;
	if (fn)
		fn(ptr);
	else
		free(ptr);
}

/* The user's allocator promises no more than malloc's alignment, so the true start is kept in the word before. */
void *
evrt__aligned_calloc(size_t count, size_t size)
{
	size_t extra = EVRT_CACHE_LINE + sizeof(void *);

	if (size && count > (SIZE_MAX - extra) / size) {
		errno = ENOMEM;
		return NULL;
	}
	char *raw = evrt__calloc(1, count * size + extra);
	if (!raw)
		return NULL;
	uintptr_t at = ((uintptr_t)raw + extra - 1) & ~(uintptr_t)(EVRT_CACHE_LINE - 1);
	((void **)at)[-1] = raw;
	return (void *)at;
}

void
evrt__aligned_free(void *ptr)
{
	if (ptr)
		evrt__free(((void **)ptr)[-1]);
}
