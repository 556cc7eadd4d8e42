/* base/sys.c — the system's own calls; see sys.h. */
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* The C library declares these with other types, variable arguments or macros. */
static int
sys_eventfd(unsigned initial, int flags)
{
	return eventfd(initial, flags);
}

static int
sys_fcntl(int fd, int cmd, int arg)
{
	return fcntl(fd, cmd, arg);
}

static int
sys_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return bind(fd, addr, len);
}

static int
sys_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return connect(fd, addr, len);
}

static int
sys_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return accept4(fd, addr, len, flags);
}

struct evrt_sys evrt__sys = {
	.close = close,
	.read = read,
	.write = write,
	.readv = readv,
	.writev = writev,
	.sendfile = sendfile,
	.socket = socket,
	.bind = sys_bind,
	.listen = listen,
	.accept4 = sys_accept4,
	.connect = sys_connect,
	.getsockopt = getsockopt,
	.setsockopt = setsockopt,
	.epoll_create1 = epoll_create1,
	.epoll_ctl = epoll_ctl,
	.epoll_wait = epoll_wait,
	.epoll_pwait2 = epoll_pwait2,
	.poll = poll,
	.ppoll = ppoll,
	.pselect = pselect,
	.eventfd = sys_eventfd,
	.socketpair = socketpair,
	.fcntl = sys_fcntl,
	.fstat = fstat,
	.pread = pread,
	.mmap = mmap,
	.munmap = munmap,
};
