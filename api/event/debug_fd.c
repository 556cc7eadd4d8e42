/* api/event/debug_fd.c — closed fds, and edge and level on one fd; see debug_fd.h.
 *
 * An fd is looked at with the map locked, and an event is noted as deleted, under the same lock, before a correct
 * program closes its fd: so what is found closed here was closed too early, whichever thread looks.
 */
#include "api/event/debug_fd.h"

#include <errno.h>
#include <stdio.h>

#include "api/event/debug_report.h"
#include "api/event/event_internal.h"
#include "base/sys.h"

#define IO_EVENTS (EV_READ | EV_WRITE | EV_CLOSED)
#define DEBUG_FD_BUCKETS 1024u
/* Looked at before a poller waits. */
#define DEBUG_FDS_PER_LOOK 64u

static struct evrt_debug_entry *fd_buckets[DEBUG_FD_BUCKETS]; /* guarded by the map's lock */
static unsigned fd_cursor;                                    /* the same */
static evrt_atomic(unsigned) fd_waiting;                      /* in the buckets; written under the same lock */

static struct evrt_debug_entry **
fd_bucket(evutil_socket_t fd)
{
	return &fd_buckets[(unsigned)fd % DEBUG_FD_BUCKETS];
}

void
evrt__debug_fd_wait(struct evrt_debug_entry *e)
{
	struct evrt_debug_entry **head = fd_bucket(e->fd);
	struct stat st = { 0 };

	/* Fails only if the fd is closed just now; then the next look says so. */
	(void)evrt__sys.fstat(e->fd, &st);
	e->file_dev = st.st_dev;
	e->file_ino = st.st_ino;
	e->told = false;
	e->waits = true;
	evrt_count_own(&fd_waiting, 1u);
	e->fd_next = *head;
	e->fd_link = head;
	if (*head)
		(*head)->fd_link = &e->fd_next;
	*head = e;
}

void
evrt__debug_fd_unwait(struct evrt_debug_entry *e)
{
	if (!e->waits)
		return;
	*e->fd_link = e->fd_next;
	if (e->fd_next)
		e->fd_next->fd_link = e->fd_link;
	e->waits = false;
	evrt_count_own(&fd_waiting, -1u);
}

void
evrt__debug_fd_clear(void)
{
	for (unsigned i = 0; i < DEBUG_FD_BUCKETS; i++)
		fd_buckets[i] = NULL;
	evrt_store_relaxed(&fd_waiting, 0u);
}

/* Map locked. */
static bool
fd_was_closed(const struct evrt_debug_entry *e)
{
	struct stat st;

	if (evrt__sys.fstat(e->fd, &st) < 0)
		return errno == EBADF;
	return st.st_dev != e->file_dev || st.st_ino != e->file_ino;
}

/* Map locked. Is there news to tell? It counts as told. */
static bool
fd_take_closed(struct evrt_debug_entry *e, struct evrt_debug_entry *out)
{
	if (e->told || !fd_was_closed(e))
		return false;
	e->told = true;
	*out = *e;
	return true;
}

static void
fd_tell_closed(const struct evrt_debug_entry *e)
{
	struct stat st;
	char problem[128];

	snprintf(problem, sizeof(problem), "fd %d was closed while this event waits on it%s", (int)e->fd,
	    evrt__sys.fstat(e->fd, &st) == 0 ? "; the number is another file's now" : "");
	evrt__debug_warn(e, problem, "call event_del (or event_free) first, then close the fd");
}

static bool
fd_find_closed(evutil_socket_t fd, struct evrt_debug_entry *out)
{
	bool found = false;

	evrt__debug_map_lock();
	for (struct evrt_debug_entry *e = *fd_bucket(fd); e && !found; e = e->fd_next)
		found = e->fd == fd && fd_take_closed(e, out);
	evrt__debug_map_unlock();
	return found;
}

void
evrt__debug_fd_check(evutil_socket_t fd)
{
	struct evrt_debug_entry closed;
	int saved_errno = errno;

	while (fd_find_closed(fd, &closed))
		fd_tell_closed(&closed);
	errno = saved_errno;
}

/* Looks at some more. */
static bool
fd_find_closed_around(struct evrt_debug_entry *out)
{
	unsigned looked = 0;
	bool found = false;

	evrt__debug_map_lock();
	for (unsigned n = 0; n < DEBUG_FD_BUCKETS && looked < DEBUG_FDS_PER_LOOK && !found; n++)
		for (struct evrt_debug_entry *e = fd_buckets[fd_cursor++ % DEBUG_FD_BUCKETS]; e && !found; looked++) {
			found = fd_take_closed(e, out);
			e = e->fd_next;
		}
	evrt__debug_map_unlock();
	return found;
}

void
evrt__debug_fd_look_around(void)
{
	struct evrt_debug_entry closed;

	/* What begins to wait this very moment is looked at later. */
	if (evrt_load_relaxed(&fd_waiting) == 0)
		return;
	while (fd_find_closed_around(&closed))
		fd_tell_closed(&closed);
}

/* Is there an event of the same base on the same fd that wants the other kind of trigger? */
static bool
fd_find_mixed(const struct event_core *ev, struct evrt_debug_entry *out)
{
	bool found = false;

	evrt__debug_map_lock();
	for (struct evrt_debug_entry *e = *fd_bucket(ev->fd); e && !found; e = e->fd_next) {
		found = e->fd == ev->fd && e->base == ev->base && e->ev != ev && ((e->events ^ ev->events) & EV_ET);
		if (found)
			*out = *e;
	}
	evrt__debug_map_unlock();
	return found;
}

int
evrt__debug_may_add_on(const struct event_core *ev)
{
	struct evrt_debug_entry other;
	char problem[160];

	if (ev->task.flags & EVLIST_FINALIZING) {
		evrt__debug_map_lock();
		struct evrt_debug_entry *e = evrt__debug_map_find(ev);
		other = e ? *e : (struct evrt_debug_entry){ .ev = ev };
		evrt__debug_map_unlock();
		evrt__debug_warn(&other, "event_add of an event that is being finalized: refused",
		    "add no event after event_finalize or event_free_finalize; make another one");
		return -EINVAL;
	}
	if (!(ev->events & IO_EVENTS) || (ev->events & EV_SIGNAL) || ev->fd < 0 ||
	    (ev->task.flags & EVLIST_INSERTED) || !fd_find_mixed(ev, &other))
		return 0;
	snprintf(problem, sizeof(problem), "event_add of event %p refused: it is %s-triggered, and on the same fd %d "
	    "waits the event below, which is not", (const void *)ev, ev->events & EV_ET ? "edge" : "level", (int)ev->fd);
	evrt__debug_warn(&other, problem, "give all events of one fd EV_ET, or none");
	return -EINVAL;
}
