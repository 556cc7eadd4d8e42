/* api/event/debug_fd.h — is the fd that an event waits on still the file that it was?
 *
 * Here:     the waiting entries by fd, and what may go wrong among those of one fd.
 * Not here: when an event waits (debug.c tells us).
 * Threads:  any; see the map's lock (debug_map.h) at each function.
 *
 * A file is told by device and inode. Those of one kind of anonymous file (eventfd, timerfd, epoll) are all the
 * same: that one took the place of another is not seen.
 */
#ifndef EVRT_API_EVENT_DEBUG_FD_H_
#define EVRT_API_EVENT_DEBUG_FD_H_

#include "api/event/debug_map.h"

/* Map locked. The entry's event waits on entry->fd from now on; no longer (nothing if it did not). */
void evrt__debug_fd_wait(struct evrt_debug_entry *);
void evrt__debug_fd_unwait(struct evrt_debug_entry *);
void evrt__debug_fd_clear(void);

/* Map not locked. Warns of each event that waits on `fd` although that was closed, once per wait. */
void evrt__debug_fd_check(evutil_socket_t fd);
/* The same for some more fds with each call, in turn: for those who are about to wait. */
void evrt__debug_fd_look_around(void);

#endif
