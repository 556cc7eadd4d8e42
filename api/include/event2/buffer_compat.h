/* event2/buffer_compat.h — calls on evbuffers that newer ones replaced. They work, and will stay.
 *
 * Threads, locks and errors are as in event2/buffer.h.
 */
#ifndef EVENT2_BUFFER_COMPAT_H_INCLUDED_
#define EVENT2_BUFFER_COMPAT_H_INCLUDED_

#include <event2/visibility.h>
#include <event2/buffer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* evbuffer_readln(buffer, NULL, EVBUFFER_EOL_ANY), which is right for hardly any protocol. */
EVENT2_EXPORT_SYMBOL
char *evbuffer_readline(struct evbuffer *buffer);

/* Told of a change: the length before and after. Otherwise like evbuffer_cb_func. */
typedef void (*evbuffer_cb)(struct evbuffer *buffer, size_t old_len, size_t new_len, void *arg);

/* Removes all callbacks that the program added, and adds this one unless it is NULL. Whoever shares the
 * evbuffer loses theirs: evbuffer_add_cb does not do that. -1, and nothing removed, when memory is out. */
EVENT2_EXPORT_SYMBOL
int evbuffer_setcb(struct evbuffer *buffer, evbuffer_cb cb, void *cbarg);

/* Finds `len` bytes, makes the contents contiguous up to their end, and returns the address of the first;
 * NULL when they are not there. evbuffer_search moves nothing. */
EVENT2_EXPORT_SYMBOL
unsigned char *evbuffer_find(struct evbuffer *buffer, const unsigned char *what, size_t len);

/* The length; all contents, made contiguous. */
#define EVBUFFER_LENGTH(x) evbuffer_get_length(x)
#define EVBUFFER_DATA(x) evbuffer_pullup((x), -1)

#ifdef __cplusplus
}
#endif

#endif
