/* runtime/loop/signal.c — Unix signals as reports; see signal.h. */
#include "runtime/loop/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/atomic.h"
#include "base/log.h"
#include "base/sys.h"

#define SIGNAL_COUNT NSIG

/* Rank signal. A pthread mutex and not an evthread lock: it outlives every change of callbacks. */
static pthread_mutex_t signal_lock = PTHREAD_MUTEX_INITIALIZER;
/* What the handler reads: write ends + 1 (0: free place), per signal. */
static evrt_atomic(int) signal_fds[SIGNAL_COUNT][EVRT_SIGNAL_PORTS_MAX];
static evrt_atomic(int) handlers_inside;
/* Guarded by signal_lock. */
static struct sigaction signal_before[SIGNAL_COUNT];
static unsigned signal_ports[SIGNAL_COUNT];

static void
signal_handler(int signum)
{
	int saved = errno;
	unsigned char byte = (unsigned char)signum;

	/* seq_cst, against sigport_close: either it sees us inside, or we see its fd gone. */
	evrt_add_seq_cst(&handlers_inside, 1);
	for (unsigned i = 0; i < EVRT_SIGNAL_PORTS_MAX; i++) {
		int fd = evrt_load_seq_cst(&signal_fds[signum][i]) - 1;
		if (fd < 0)
			continue;
		/* A full pipe means that the reader has enough to read; signals coalesce. */
		while (evrt__sys.write(fd, &byte, 1) < 0 && errno == EINTR)
			continue;
	}
	evrt_sub_seq_cst(&handlers_inside, 1);
	errno = saved;
}

/* The port's pipe is readable: count, and tell the slots. Port's strand locked. */
static void
sigport_ready(struct evrt_slot *slot, unsigned bits)
{
	struct evrt_sigport *port = slot->owner;
	unsigned counts[SIGNAL_COUNT] = { 0 };
	unsigned char buf[256];
	ssize_t n;

	while ((n = evrt__sys.read(port->read_fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR))
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] < SIGNAL_COUNT)
				counts[buf[i]]++;
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

int
evrt__sigport_open(struct evrt_sigport *port, struct evrt_strand *strand)
{
	int fds[2];
	int err = 0;

	if (port->slot)
		return 0;
	if (evrt__sys.pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	struct evrt_slot *slot = evrt__slot_new(strand, sigport_ready, port);
	if (!slot)
		err = -ENOMEM;
	else if ((err = evrt__slot_watch(slot, fds[0], EVRT_READ)) < 0)
		evrt__slot_disown(slot);
	if (err < 0) {
		evrt__sys.close(fds[0]);
		evrt__sys.close(fds[1]);
		return err;
	}
	evrt__list_init(&port->slots);
	port->read_fd = fds[0];
	port->write_fd = fds[1];
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
	/* The last unwatch took our fd out of the handlers' sight; one that had read it before may still be
	 * about to write. It runs to its end without waiting for anybody. */
	while (evrt_load_seq_cst(&handlers_inside) > 0)
		sched_yield();
	evrt__sys.close(port->read_fd);
	evrt__sys.close(port->write_fd);
}

int
evrt__sigport_reopen(struct evrt_sigport *port)
{
	int fds[2];

	if (evrt__sys.pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	/* The pipe's numbers stay what they were for the fd map: the new ends take the old ones' places. */
	if (dup3(fds[0], port->read_fd, O_CLOEXEC) < 0) {
		int err = -errno;
		evrt__sys.close(fds[0]);
		evrt__sys.close(fds[1]);
		return err;
	}
	evrt__sys.close(fds[0]);
	pthread_mutex_lock(&signal_lock);
	for (unsigned signum = 0; signum < SIGNAL_COUNT; signum++)
		for (unsigned i = 0; i < EVRT_SIGNAL_PORTS_MAX; i++)
			if (evrt_load_relaxed(&signal_fds[signum][i]) == port->write_fd + 1)
				evrt_store_seq_cst(&signal_fds[signum][i], fds[1] + 1);
	pthread_mutex_unlock(&signal_lock);
	evrt__sys.close(port->write_fd);
	port->write_fd = fds[1];
	return 0;
}

/* Does another slot of the port watch the same signal? Lock held. */
static bool
sigport_has(struct evrt_sigport *port, int signum)
{
	EVRT_LIST_FOREACH(it, &port->slots)
		if (EVRT_CONTAINER_OF(it, struct evrt_slot, fd_link)->signum == signum)
			return true;
	return false;
}

/* Shows the port to the handler, and installs that with the first port. Lock held. */
static int
signal_attach(struct evrt_sigport *port, int signum)
{
	unsigned place = 0;

	while (place < EVRT_SIGNAL_PORTS_MAX && evrt_load_relaxed(&signal_fds[signum][place]))
		place++;
	if (place == EVRT_SIGNAL_PORTS_MAX) {
		evrt__warnx("signal %d: watched by %d event bases already", signum, EVRT_SIGNAL_PORTS_MAX);
		return -ENOSPC;
	}
	evrt_store_seq_cst(&signal_fds[signum][place], port->write_fd + 1);
	if (signal_ports[signum] == 0) {
		struct sigaction sa = { .sa_handler = signal_handler, .sa_flags = SA_RESTART };
		sigfillset(&sa.sa_mask);
		if (sigaction(signum, &sa, &signal_before[signum]) < 0) {
			int err = -errno;
			evrt_store_seq_cst(&signal_fds[signum][place], 0);
			return err;
		}
	}
	signal_ports[signum]++;
	return 0;
}

static void
signal_detach(struct evrt_sigport *port, int signum)
{
	for (unsigned i = 0; i < EVRT_SIGNAL_PORTS_MAX; i++)
		if (evrt_load_relaxed(&signal_fds[signum][i]) == port->write_fd + 1)
			evrt_store_seq_cst(&signal_fds[signum][i], 0);
	if (--signal_ports[signum] == 0)
		sigaction(signum, &signal_before[signum], NULL);
}

int
evrt__signal_watch(struct evrt_sigport *port, struct evrt_slot *slot, int signum)
{
	int err = 0;

	if (signum <= 0 || signum >= SIGNAL_COUNT)
		return -EINVAL;
	pthread_mutex_lock(&signal_lock);
	if (!sigport_has(port, signum))
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
	pthread_mutex_lock(&signal_lock);
	evrt__list_remove(&slot->fd_link);
	if (!sigport_has(port, slot->signum))
		signal_detach(port, slot->signum);
	slot->signum = 0;
	pthread_mutex_unlock(&signal_lock);
}
