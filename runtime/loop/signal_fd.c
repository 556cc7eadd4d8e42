/* runtime/loop/signal_fd.c — signals through signalfd(2): blocked, and read from a descriptor.
 *
 * Here:     the set of signals that a descriptor hears, and the mask of the thread that asked for them.
 * Not here: handlers: none is installed, and one of the program's is not called.
 * Threads:  as signal_method.h.
 *
 * A signal mask belongs to a thread, a signal to the process: it must be blocked in every thread, or the kernel
 * gives it to one that does not block it. We block it in the thread that adds the first event; a pool's workers
 * block all signals; other threads are the program's to see to. What we blocked is unblocked with the last event,
 * if that is deleted in the same thread: another thread's mask is out of reach.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/signalfd.h>

#include "base/sys.h"
#include "runtime/loop/signal_method.h"

#define SIGNALFD_FLAGS (SFD_CLOEXEC | SFD_NONBLOCK)

static int
signalfd_open(struct evrt_sigport *port)
{
	int fd = evrt__sys.signalfd(-1, &port->heard, SIGNALFD_FLAGS);

	if (fd < 0)
		return -errno;
	port->read_fd = fd;
	return 0;
}

static void
signalfd_close(struct evrt_sigport *port)
{
	evrt__sys.close(port->read_fd);
}

static int
signalfd_reopen(struct evrt_sigport *port)
{
	/* The parent shares our copy, and the set of signals with it: a change here would be one there. */
	int err = 0;
	int fd = evrt__sys.signalfd(-1, &port->heard, SIGNALFD_FLAGS);

	if (fd < 0)
		return -errno;
	if (evrt__sys.dup3(fd, port->read_fd, O_CLOEXEC) < 0)
		err = -errno;
	evrt__sys.close(fd);
	return err;
}

static void
signalfd_read(struct evrt_sigport *port, unsigned counts[EVRT_SIGNAL_COUNT])
{
	struct signalfd_siginfo buf[16];
	ssize_t n;

	while ((n = evrt__sys.read(port->read_fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR))
		for (ssize_t i = 0; i < n / (ssize_t)sizeof(buf[0]); i++)
			if (buf[i].ssi_signo < EVRT_SIGNAL_COUNT)
				counts[buf[i].ssi_signo]++;
}

/* Blocks one signal, and remembers that, where it was not blocked. 0 or -errno. */
static int
signalfd_block(struct evrt_sigport *port, int signum)
{
	sigset_t one, before;

	sigemptyset(&one);
	sigaddset(&one, signum);
	int err = pthread_sigmask(SIG_BLOCK, &one, &before);
	if (err)
		return -err;
	if (sigisemptyset(&port->blocked))
		port->blocker = pthread_self();
	if (!sigismember(&before, signum) && pthread_equal(port->blocker, pthread_self()))
		sigaddset(&port->blocked, signum);
	return 0;
}

static void
signalfd_unblock(struct evrt_sigport *port, int signum)
{
	static const struct timespec at_once = { 0, 0 };
	sigset_t one;

	if (!sigismember(&port->blocked, signum))
		return;
	sigdelset(&port->blocked, signum);
	if (!pthread_equal(port->blocker, pthread_self()))
		return;
	sigemptyset(&one);
	sigaddset(&one, signum);
	/* What came in for the events that are gone goes with them, as it does in a pipe: unblocked, it would end
	 * most programs. */
	while (sigtimedwait(&one, NULL, &at_once) > 0)
		continue;
	pthread_sigmask(SIG_UNBLOCK, &one, NULL);
}

static int
signalfd_attach(struct evrt_sigport *port, int signum, bool first)
{
	(void)first; /* always */
	if (signum == SIGKILL || signum == SIGSTOP || sigaddset(&port->heard, signum) < 0)
		return -EINVAL;
	/* Blocked first: in between it would take its usual way. */
	int err = signalfd_block(port, signum);
	if (err == 0 && evrt__sys.signalfd(port->read_fd, &port->heard, SIGNALFD_FLAGS) < 0) {
		err = -errno;
		signalfd_unblock(port, signum);
	}
	if (err < 0)
		sigdelset(&port->heard, signum);
	return err;
}

static void
signalfd_detach(struct evrt_sigport *port, int signum, bool last)
{
	(void)last; /* always */
	sigdelset(&port->heard, signum);
	/* It cannot fail for a descriptor that is one; what it would report has no slot that listens. */
	(void)evrt__sys.signalfd(port->read_fd, &port->heard, SIGNALFD_FLAGS);
	signalfd_unblock(port, signum);
}

const struct evrt_sigport_method evrt__sigport_signalfd = {
	.name = "signalfd_signal",
	.alone = true,
	.open = signalfd_open,
	.reopen = signalfd_reopen,
	.close = signalfd_close,
	.read = signalfd_read,
	.attach = signalfd_attach,
	.detach = signalfd_detach,
};
