/* runtime/loop/signal_method.h — what tells one kind of signal port from the other.
 *
 * Here:     the table that each kind fills.
 * Threads:  as signal.h; attach, detach and reopen with the signal lock held.
 */
#ifndef EVRT_RUNTIME_LOOP_SIGNAL_METHOD_H_
#define EVRT_RUNTIME_LOOP_SIGNAL_METHOD_H_

#include <signal.h>
#include <stdbool.h>

#include "runtime/loop/signal.h"

#define EVRT_SIGNAL_COUNT NSIG

struct evrt_sigport_method {
	const char *name;  /* libevent's */
	bool alone;        /* a signal that it watches may be watched by one port only */
	/* Makes read_fd, and write_fd if there is one. 0 or -errno. */
	int (*open)(struct evrt_sigport *);
	/* New descriptors for a port whose slots stay; read_fd keeps its number, for the fd map. 0 or -errno. */
	int (*reopen)(struct evrt_sigport *);
	/* Gives them back; nothing is attached. */
	void (*close)(struct evrt_sigport *);
	/* Adds up what has come in. */
	void (*read)(struct evrt_sigport *, unsigned counts[EVRT_SIGNAL_COUNT]);
	/* From now on `signum` comes in; `first`: no port of the process has it yet. 0 or -errno. */
	int (*attach)(struct evrt_sigport *, int signum, bool first);
	/* No more; `last`: nor to any other port. */
	void (*detach)(struct evrt_sigport *, int signum, bool last);
};

extern const struct evrt_sigport_method evrt__sigport_pipe, evrt__sigport_signalfd;

/* Does a slot of the port watch the signal? Lock held. */
bool evrt__sigport_has(struct evrt_sigport *, int signum);

#endif
