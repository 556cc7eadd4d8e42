/* base/mem.c — the only door to the allocator; see mem.h. */
#include "base/mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"

/* Set before threads exist, or in the middle of a program's life: relaxed, since whoever replaces them must
 * order that before its other calls anyway. */
static evrt_atomic(void *(*)(size_t)) mem_malloc;
static evrt_atomic(void *(*)(void *, size_t)) mem_realloc;
static evrt_atomic(void (*)(void *)) mem_free;

void
evrt__mem_set_functions(void *(*malloc_fn)(size_t), void *(*realloc_fn)(void *, size_t), void (*free_fn)(void *))
{
	evrt_store_relaxed(&mem_malloc, malloc_fn);
	evrt_store_relaxed(&mem_realloc, realloc_fn);
	evrt_store_relaxed(&mem_free, free_fn);
}

static void *
out_of_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

void *
evrt__malloc(size_t size)
{
	void *(*fn)(size_t) = evrt_load_relaxed(&mem_malloc);

	if (size == 0)
		return out_of_memory();
	void *p = fn ? fn(size) : malloc(size);
	return p ? p : out_of_memory();
}

void *
evrt__calloc(size_t count, size_t size)
{
	void *(*fn)(size_t) = evrt_load_relaxed(&mem_malloc);
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || bytes == 0)
		return out_of_memory();
	if (!fn) {
		void *p = calloc(count, size);
		return p ? p : out_of_memory();
	}
	void *p = fn(bytes);
	return p ? memset(p, 0, bytes) : out_of_memory();
}

void *
evrt__realloc(void *ptr, size_t size)
{
	void *(*fn)(void *, size_t) = evrt_load_relaxed(&mem_realloc);

	if (!ptr && size == 0)
		return out_of_memory();
	void *p = fn ? fn(ptr, size) : realloc(ptr, size);
	return p || size == 0 ? p : out_of_memory();
}

char *
evrt__strdup(const char *s)
{
	size_t bytes = strlen(s) + 1;
	char *copy = evrt__malloc(bytes);

	return copy ? memcpy(copy, s, bytes) : NULL;
}

void
evrt__free(void *ptr)
{
	void (*fn)(void *) = evrt_load_relaxed(&mem_free);

	if (!ptr)
		return;
	if (fn)
		fn(ptr);
	else
		free(ptr);
}
