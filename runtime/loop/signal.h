/* runtime/loop/signal.h — Unix signals as reports.
 *
 * Here:     the process's handler, and a port per base: a pipe that the handler writes the signal's number
 *           to, and the slots that want to know. Any number of bases may watch the same signal.
 * Not here: events (api/event); signalfd.
 * Threads:  watch and unwatch: any, with the slot's strand locked. The handler: any thread, at any time; it
 *           only loads, counts and writes.
 * Locks:    one for the process, rank signal: the table of handlers and every port's list.
 */
#ifndef EVRT_RUNTIME_LOOP_SIGNAL_H_
#define EVRT_RUNTIME_LOOP_SIGNAL_H_

#include "base/list.h"
#include "runtime/loop/slot.h"

/* Bases that may watch the same signal at the same time. */
#define EVRT_SIGNAL_PORTS_MAX 64

struct evrt_sigport {
	struct evrt_slot *slot; /* watches the pipe; NULL: not open */
	int read_fd, write_fd;
	struct evrt_link slots; /* guarded by the signal lock */
};

/* Opens the port where it is not open: its reports arrive in `strand` (lock held). 0 or -errno. */
int evrt__sigport_open(struct evrt_sigport *, struct evrt_strand *strand);
/* No slot watches any more; strand locked. Returns when no handler can write to the pipe. */
void evrt__sigport_close(struct evrt_sigport *);
/* After fork: a pipe of our own in place of the one shared with the parent; strand locked. 0 or -errno.
 * The fd map must be registered again afterwards. */
int evrt__sigport_reopen(struct evrt_sigport *);

/* Reports `signum` to `slot` (EVRT_SLOT_SIGNAL, slot->signals). Installs the handler with the first slot of
 * the process. 0 or -errno: -EINVAL (no such signal), -ENOSPC (too many bases). */
int evrt__signal_watch(struct evrt_sigport *, struct evrt_slot *slot, int signum);
/* Puts the old handler back with the last slot of the process. */
void evrt__signal_unwatch(struct evrt_sigport *, struct evrt_slot *slot);

#endif
