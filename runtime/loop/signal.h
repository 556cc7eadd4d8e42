/* runtime/loop/signal.h — Unix signals as reports.
 *
 * Here:     a port per base: a descriptor from which signals are read, and the slots that want to know.
 * Not here: how signals get to that descriptor: by a handler and a pipe (signal_pipe.c), of which any number of
 *           bases may have one for the same signal, or by signalfd (signal_fd.c). Events (api/event).
 * Threads:  watch and unwatch: any, with the slot's strand locked. Ports are opened and closed by one thread
 *           at a time.
 * Locks:    one for the process, rank signal: which signals are watched, and every port's list.
 */
#ifndef EVRT_RUNTIME_LOOP_SIGNAL_H_
#define EVRT_RUNTIME_LOOP_SIGNAL_H_

#include <pthread.h>
#include <signal.h>

#include "base/list.h"
#include "runtime/loop/slot.h"

/* Bases that may watch the same signal through handler and pipe at the same time. */
#define EVRT_SIGNAL_PORTS_MAX 64

struct evrt_sigport_method;

struct evrt_sigport {
	const struct evrt_sigport_method *method; /* const once the port is open */
	struct evrt_slot *slot;  /* watches read_fd; NULL: not open */
	int read_fd;             /* the pipe's end, or the signalfd */
	int write_fd;            /* the pipe's other end; -1 */
	struct evrt_link slots;  /* guarded by the signal lock, as what follows */
	sigset_t heard;          /* signalfd: what it reports */
	sigset_t blocked;        /* signalfd: of these, what we blocked, in the thread `blocker` */
	pthread_t blocker;
};

/* A port that is not open, and will be of the kind asked for. */
void evrt__sigport_init(struct evrt_sigport *, bool by_signalfd);
/* libevent's name of the method. Settled once the port is open: signalfd may turn out not to work. */
const char *evrt__sigport_method_name(const struct evrt_sigport *);
/* Opens the port where it is not open: its reports arrive in `strand` (lock held). 0 or -errno. */
int evrt__sigport_open(struct evrt_sigport *, struct evrt_strand *strand);
/* No slot watches any more; strand locked. Returns when no handler can write to the pipe. */
void evrt__sigport_close(struct evrt_sigport *);
/* After fork: a descriptor of our own in place of the one shared with the parent; strand locked. 0 or -errno.
 * The fd map must be registered again afterwards. */
int evrt__sigport_reopen(struct evrt_sigport *);

/* Reports `signum` to `slot` (EVRT_SLOT_SIGNAL, slot->signals). 0 or -errno: -EINVAL (no such signal, or not
 * one that can be caught), -ENOSPC (too many bases), -EBUSY (another base watches it, and one of the two by
 * signalfd). */
int evrt__signal_watch(struct evrt_sigport *, struct evrt_slot *slot, int signum);
/* With the last slot, what was there before takes effect again: handler, or mask. */
void evrt__signal_unwatch(struct evrt_sigport *, struct evrt_slot *slot);

#endif
