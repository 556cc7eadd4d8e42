/* runtime/loop/signal.c — ports and their slots; see signal.h. */
#include "runtime/loop/signal.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "base/atomic.h"
#include "base/log.h"
#include "runtime/loop/signal_method.h"

/* Rank signal. A pthread mutex and not an evthread lock: it outlives every change of callbacks. */
static pthread_mutex_t signal_lock = PTHREAD_MUTEX_INITIALIZER;
/* Which kind of port watches a signal, and how many do. Guarded by signal_lock. */
static struct {
	const struct evrt_sigport_method *method;
	unsigned ports;
} signal_use[EVRT_SIGNAL_COUNT];

/* The port's descriptor is readable: count, and tell the slots. Port's strand locked. */
static void
sigport_ready(struct evrt_slot *slot, unsigned bits)
{
	struct evrt_sigport *port = slot->owner;
	unsigned counts[EVRT_SIGNAL_COUNT] = { 0 };

	port->method->read(port, counts);
	pthread_mutex_lock(&signal_lock);
	EVRT_LIST_FOREACH(it, &port->slots) {
		struct evrt_slot *watcher = EVRT_CONTAINER_OF(it, struct evrt_slot, fd_link);
		unsigned count = counts[watcher->signum];
		if (!count)
			continue;
		/* relaxed: deliver publishes it. */
		evrt_add_relaxed(&watcher->signals, count);
		evrt__slot_deliver(watcher, EVRT_SLOT_SIGNAL);
	}
	pthread_mutex_unlock(&signal_lock);
	if (evrt__slot_wants_rearm(slot))
		evrt__slot_rearm(slot, bits);
}

void
evrt__sigport_init(struct evrt_sigport *port, bool by_signalfd)
{
	*port = (struct evrt_sigport){ .read_fd = -1, .write_fd = -1 };
	port->method = by_signalfd ? &evrt__sigport_signalfd : &evrt__sigport_pipe;
	evrt__list_init(&port->slots);
	sigemptyset(&port->heard);
	sigemptyset(&port->blocked);
}

const char *
evrt__sigport_method_name(const struct evrt_sigport *port)
{
	return port->method->name;
}

int
evrt__sigport_open(struct evrt_sigport *port, struct evrt_strand *strand)
{
	if (port->slot)
		return 0;
	int err = port->method->open(port);
	if (err < 0 && port->method != &evrt__sigport_pipe) {
		evrt__warnx("signals: %s does not work (%s); using a handler", port->method->name, strerror(-err));
		port->method = &evrt__sigport_pipe;
		err = port->method->open(port);
	}
	if (err < 0)
		return err;
	struct evrt_slot *slot = evrt__slot_new(strand, sigport_ready, port);
	if (!slot)
		err = -ENOMEM;
	else if ((err = evrt__slot_watch(slot, port->read_fd, EVRT_READ)) < 0)
		evrt__slot_disown(slot);
	if (err < 0) {
		port->method->close(port);
		return err;
	}
	port->slot = slot;
	return 0;
}

void
evrt__sigport_close(struct evrt_sigport *port)
{
	if (!port->slot)
		return;
	EVRT_ASSERT(evrt__list_empty(&port->slots));
	evrt__slot_disown(port->slot);
	port->slot = NULL;
	port->method->close(port);
}

int
evrt__sigport_reopen(struct evrt_sigport *port)
{
	pthread_mutex_lock(&signal_lock);
	int err = port->method->reopen(port);
	pthread_mutex_unlock(&signal_lock);
	return err;
}

bool
evrt__sigport_has(struct evrt_sigport *port, int signum)
{
	EVRT_LIST_FOREACH(it, &port->slots)
		if (EVRT_CONTAINER_OF(it, struct evrt_slot, fd_link)->signum == signum)
			return true;
	return false;
}

/* Lock held. */
static int
signal_attach(struct evrt_sigport *port, int signum)
{
	unsigned ports = signal_use[signum].ports;

	/* signalfd takes a signal away from everybody else: such a signal has one port. */
	if (ports && (port->method->alone || signal_use[signum].method->alone)) {
		evrt__warnx("signal %d: another event base watches it, and with signalfd it can have one only", signum);
		return -EBUSY;
	}
	int err = port->method->attach(port, signum, ports == 0);
	if (err < 0)
		return err;
	signal_use[signum].method = port->method;
	signal_use[signum].ports++;
	return 0;
}

int
evrt__signal_watch(struct evrt_sigport *port, struct evrt_slot *slot, int signum)
{
	int err = 0;

	if (signum <= 0 || signum >= EVRT_SIGNAL_COUNT)
		return -EINVAL;
	pthread_mutex_lock(&signal_lock);
	if (!evrt__sigport_has(port, signum))
		err = signal_attach(port, signum);
	if (err == 0) {
		slot->signum = signum;
		evrt__list_push_head(&port->slots, &slot->fd_link);
	}
	pthread_mutex_unlock(&signal_lock);
	return err;
}

void
evrt__signal_unwatch(struct evrt_sigport *port, struct evrt_slot *slot)
{
	int signum = slot->signum;

	pthread_mutex_lock(&signal_lock);
	evrt__list_remove(&slot->fd_link);
	slot->signum = 0;
	if (!evrt__sigport_has(port, signum))
		port->method->detach(port, signum, --signal_use[signum].ports == 0);
	pthread_mutex_unlock(&signal_lock);
}
