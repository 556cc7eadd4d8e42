/* testing/contract/backend/wires_real.c — wires made of socket pairs, event descriptors and pipes.
 *
 * All are local, so what one end does is visible at the other when the call returns: no case has to wait.
 */
#include "testing/contract/backend/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static void
real_setup(void)
{
	signal(SIGPIPE, SIG_IGN);
}

static void
real_teardown(void)
{
}

static void
real_open(struct wire *w)
{
	int fds[2];
	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	*w = (struct wire){fds[0], fds[1]};
}

static void
real_open_light(struct wire *w)
{
	*w = (struct wire){eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), -1};
	CHECK(w->fd >= 0);
}

static void
real_open_broken(struct wire *w)
{
	int fds[2];
	CHECK_INT_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	close(fds[0]);
	*w = (struct wire){fds[1], -1};
}

static void
real_open_orphan(struct wire *w)
{
	int fds[2];
	CHECK_INT_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	close(fds[1]);
	*w = (struct wire){fds[0], -1};
}

static void
real_feed(struct wire *w)
{
	static const uint64_t one = 1;
	CHECK_INT_EQ(write(w->peer >= 0 ? w->peer : w->fd, &one, sizeof one), sizeof one);
}

static void
real_drain(struct wire *w)
{
	char buf[256];
	while (read(w->fd, buf, sizeof buf) > 0)
		continue;
	CHECK_INT_EQ(errno, EAGAIN);
}

static void
real_fill(struct wire *w)
{
	static const char buf[4096];
	while (write(w->fd, buf, sizeof buf) > 0)
		continue;
	CHECK_INT_EQ(errno, EAGAIN);
}

static void
real_half_close(struct wire *w)
{
	CHECK_INT_EQ(shutdown(w->peer, SHUT_WR), 0);
}

static void
real_hang_up(struct wire *w)
{
	CHECK_INT_EQ(close(w->peer), 0);
	w->peer = -1;
}

static void
real_close_fd(struct wire *w)
{
	CHECK_INT_EQ(close(w->fd), 0);
}

static void
real_reopen_fd(struct wire *w)
{
	int number = w->fd;
	struct wire fresh;

	if (w->peer >= 0)
		close(w->peer);
	real_open(&fresh);
	if (fresh.peer == number) { /* the lowest free number went to the other end */
		fresh.peer = fresh.fd;
		fresh.fd = number;
	}
	if (fresh.fd != number) {
		CHECK_INT_EQ(dup3(fresh.fd, number, O_CLOEXEC), number);
		close(fresh.fd);
		fresh.fd = number;
	}
	*w = fresh;
}

static void
real_close(struct wire *w)
{
	close(w->fd);
	if (w->peer >= 0)
		close(w->peer);
}

static evrt_ns
real_now(void)
{
	return evrt__clock_now(evrt__clock_real());
}

const struct wire_ops suite_wires_real = {
	.setup = real_setup,
	.teardown = real_teardown,
	.open = real_open,
	.open_light = real_open_light,
	.open_broken = real_open_broken,
	.open_orphan = real_open_orphan,
	.feed = real_feed,
	.drain = real_drain,
	.fill = real_fill,
	.half_close = real_half_close,
	.hang_up = real_hang_up,
	.close_fd = real_close_fd,
	.reopen_fd = real_reopen_fd,
	.close = real_close,
	.now = real_now,
};
