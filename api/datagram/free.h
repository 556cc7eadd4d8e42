/* api/datagram/free.h — freeing an evrt_datagram whose callbacks use an object of another room.
 *
 * Not here: the public contract (evrt/datagram.h).
 * Threads:  any.
 */
#ifndef EVRT_API_DATAGRAM_FREE_H_
#define EVRT_API_DATAGRAM_FREE_H_

struct evrt_datagram;

/* evrt_datagram_free; and then, when no callback of the object runs in another thread any more, gone(arg): in the
 * object's strand, or where the base is freed, without a lock. So what the callbacks use can be freed there. */
void evrt__datagram_free_then(struct evrt_datagram *, void (*gone)(void *), void *arg);

#endif
