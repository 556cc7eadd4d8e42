/* api/listener/free.h — freeing a listener whose callbacks use an object of another room.
 *
 * Not here: the public contract (event2/listener.h).
 * Threads:  any.
 */
#ifndef EVRT_API_LISTENER_FREE_H_
#define EVRT_API_LISTENER_FREE_H_

struct evconnlistener;

/* evconnlistener_free; and then, when no callback of the listener runs in another thread any more, gone(arg): in the
 * listener's strand, or where the base is freed, without a lock. So what the callbacks use can be freed there. */
void evrt__listener_free_then(struct evconnlistener *, void (*gone)(void *), void *arg);

#endif
