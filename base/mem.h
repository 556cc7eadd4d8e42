/* base/mem.h — the only door to the allocator.
 *
 * Here:     malloc, calloc, realloc, free, strdup over the functions that the user may replace
 *           (event_set_mem_functions), with the rules that libevent promises to such functions.
 * Not here: pools and caches; those live where the objects are known.
 * Threads:  any; replacing the functions is the user's to order before other calls.
 *
 * Rules kept towards user functions: malloc is never asked for 0 bytes (we return NULL ourselves),
 * free is never given NULL, realloc(NULL, n) and realloc(p, 0) may be asked for.
 */
#ifndef EVRT_BASE_MEM_H_
#define EVRT_BASE_MEM_H_

#include <stddef.h>

/* NULL in a place restores the C library's function there. */
void evrt__mem_set_functions(void *(*malloc_fn)(size_t), void *(*realloc_fn)(void *, size_t),
    void (*free_fn)(void *));

/* Each returns NULL with errno ENOMEM when memory is out (or `size`, or count*size, is 0 or overflows). */
void *evrt__malloc(size_t size);
void *evrt__calloc(size_t count, size_t size);
void *evrt__realloc(void *ptr, size_t size);
char *evrt__strdup(const char *s);
/* Does nothing for NULL. */
void evrt__free(void *ptr);
/* Zeroed, on a cache line of its own. Freed by evrt__aligned_free alone. */
void *evrt__aligned_calloc(size_t count, size_t size);
void evrt__aligned_free(void *ptr);

#endif
