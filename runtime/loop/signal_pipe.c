/* runtime/loop/signal_pipe.c — signals through a handler that writes their numbers into pipes.
 *
 * Here:     the process's handler, and what it may touch: for each signal the pipes that want it.
 * Threads:  the handler: any thread, at any time, interrupting anything; it only loads, counts and writes. All
 *           else as signal_method.h.
 *
 * After fork the child has the parent's handler and shares its pipes. Until it adopts them (event_reinit, or a
 * new base that watches a signal) its handler does nothing: else the parent would be told of the child's signals.
 *
 * PAIRS  signal.inside / signal.fds: the handler counts itself in, then loads the fds; who takes an fd away
 *        stores first, then loads the count. All seq_cst: either the handler is seen inside, and waited for, or
 *        it sees the fd gone.
 *        signal.pid: a child stores it last, when what it has inherited is forgotten; the handler loads it first.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/log.h"
#include "base/sys.h"
#include "runtime/loop/signal_method.h"

/* What the handler reads: write ends + 1 (0: free place), per signal. */
static evrt_atomic(int) signal_fds[EVRT_SIGNAL_COUNT][EVRT_SIGNAL_PORTS_MAX];
static evrt_atomic(int) signal_inside; /* handlers that are running */
static evrt_atomic(int) signal_pid;    /* the process that both are about */
/* Guarded by the signal lock. */
static struct sigaction signal_before[EVRT_SIGNAL_COUNT];

static void
pipe_handler(int signum)
{
	int saved = errno;
	unsigned char byte = (unsigned char)signum;

	if (evrt_load_seq_cst(&signal_pid) != getpid())
		return;
	evrt_add_seq_cst(&signal_inside, 1); /* PAIRS signal.inside / signal.fds */
	for (unsigned i = 0; i < EVRT_SIGNAL_PORTS_MAX; i++) {
		int fd = evrt_load_seq_cst(&signal_fds[signum][i]) - 1;
		if (fd < 0)
			continue;
		/* A full pipe means that the reader has enough to read; signals coalesce. */
		while (evrt__sys.write(fd, &byte, 1) < 0 && errno == EINTR)
			continue;
	}
	evrt_sub_seq_cst(&signal_inside, 1);
	errno = saved;
}

/* Waits for handlers that may have seen an fd which is in no place any more. They wait for nobody. */
static void
pipe_wait_for_handlers(void)
{
	/* In a child that has not adopted anything they do nothing, and the count is the parent's. */
	while (evrt_load_seq_cst(&signal_pid) == getpid() && evrt_load_seq_cst(&signal_inside) > 0)
		sched_yield();
}

/* The first change after fork: what the handler reads is the parent's, and is forgotten. Lock held. */
static void
pipe_adopt(void)
{
	if (evrt_load_relaxed(&signal_pid) == getpid())
		return;
	for (int signum = 0; signum < EVRT_SIGNAL_COUNT; signum++)
		for (unsigned i = 0; i < EVRT_SIGNAL_PORTS_MAX; i++)
			evrt_store_relaxed(&signal_fds[signum][i], 0);
	evrt_store_relaxed(&signal_inside, 0); /* by threads that do not exist here */
	evrt_store_seq_cst(&signal_pid, getpid());
}

/* Puts `to` where `from` is among the fds of a signal (each an fd + 1, or 0). False: it is not there. Lock held. */
static bool
pipe_replace(int signum, int from, int to)
{
	for (unsigned i = 0; i < EVRT_SIGNAL_PORTS_MAX; i++) {
		if (evrt_load_relaxed(&signal_fds[signum][i]) != from)
			continue;
		evrt_store_seq_cst(&signal_fds[signum][i], to);
		return true;
	}
	return false;
}

static int
pipe_open(struct evrt_sigport *port)
{
	int fds[2];

	if (evrt__sys.pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	port->read_fd = fds[0];
	port->write_fd = fds[1];
	return 0;
}

static void
pipe_close(struct evrt_sigport *port)
{
	pipe_wait_for_handlers();
	evrt__sys.close(port->read_fd);
	evrt__sys.close(port->write_fd);
}

/* The port's signals go to `to` from now on (an fd + 1; 0: nowhere), and no handler writes to its old fd any more.
 * Lock held. */
static void
pipe_redirect(struct evrt_sigport *port, int to)
{
	for (int signum = 1; signum < EVRT_SIGNAL_COUNT; signum++)
		if (evrt__sigport_has(port, signum) && !pipe_replace(signum, port->write_fd + 1, to))
			pipe_replace(signum, 0, to); /* adopted: there is room for all that were there */
	pipe_wait_for_handlers();
}

static int
pipe_reopen(struct evrt_sigport *port)
{
	int fds[2];
	int err = 0;

	if (evrt__sys.pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	pipe_adopt();
	pipe_redirect(port, fds[1] + 1);
	evrt__sys.close(port->write_fd);
	port->write_fd = fds[1];
	/* The reader last: who writes to a pipe without one gets SIGPIPE. */
	if (evrt__sys.dup3(fds[0], port->read_fd, O_CLOEXEC) < 0) {
		err = -errno;
		pipe_redirect(port, 0);
	}
	evrt__sys.close(fds[0]);
	return err;
}

static void
pipe_read(struct evrt_sigport *port, unsigned counts[EVRT_SIGNAL_COUNT])
{
	unsigned char buf[256];
	ssize_t n;

	while ((n = evrt__sys.read(port->read_fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR))
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] < EVRT_SIGNAL_COUNT)
				counts[buf[i]]++;
}

static int
pipe_attach(struct evrt_sigport *port, int signum, bool first)
{
	struct sigaction sa = { .sa_handler = pipe_handler, .sa_flags = SA_RESTART };

	pipe_adopt();
	if (!pipe_replace(signum, 0, port->write_fd + 1)) {
		evrt__warnx("signal %d: watched by %d event bases already", signum, EVRT_SIGNAL_PORTS_MAX);
		return -ENOSPC;
	}
	sigfillset(&sa.sa_mask); /* handlers do not interrupt each other in one thread */
	if (first && evrt__sys.sigaction(signum, &sa, &signal_before[signum]) < 0) {
		int err = -errno;
		pipe_replace(signum, port->write_fd + 1, 0);
		return err;
	}
	return 0;
}

static void
pipe_detach(struct evrt_sigport *port, int signum, bool last)
{
	/* The old handler first: a signal that comes meanwhile is told to one of the two. */
	if (last)
		evrt__sys.sigaction(signum, &signal_before[signum], NULL);
	pipe_replace(signum, port->write_fd + 1, 0);
}

const struct evrt_sigport_method evrt__sigport_pipe = {
	.name = "signal",
	.open = pipe_open,
	.reopen = pipe_reopen,
	.close = pipe_close,
	.read = pipe_read,
	.attach = pipe_attach,
	.detach = pipe_detach,
};
