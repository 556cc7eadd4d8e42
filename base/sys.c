/* base/sys.c — the table of system calls, filled with the real ones.
 *
 * Here:     evrt__sys, and the calls that need a shape of their own.
 * Not here: policy: the caller's.
 * Threads:  see sys.h.
 */
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Variadic in the C library: no pointer of the table's type can name it. */
static int
sys_fcntl(int fd, int cmd, int arg)
{
	return fcntl(fd, cmd, arg);
}

static int
sys_open(const char *path, int flags, mode_t mode)
{
	return open(path, flags, mode);
}

static int
sys_thread_create(pthread_t *out, void *(*fn)(void *), void *arg)
{
	errno = pthread_create(out, NULL, fn, arg);
	return errno ? -1 : 0;
}

#ifdef SYS_epoll_pwait2
/* Not through the C library, which has the call only since 2.35: the kernel may be newer than it.
 * The kernel's sigset is 64 bits wide, and only where one is given does its size count. */
static int
sys_epoll_pwait2(int epfd, struct epoll_event *out, int cap, const struct timespec *timeout,
    const sigset_t *mask)
{
	return (int)syscall(SYS_epoll_pwait2, epfd, out, cap, timeout, mask, (size_t)8);
}
#else
static int
sys_epoll_pwait2(int epfd, struct epoll_event *out, int cap, const struct timespec *timeout,
    const sigset_t *mask)
{
	(void)epfd, (void)out, (void)cap, (void)timeout, (void)mask;
	errno = ENOSYS;
	return -1;
}
#endif

/* The system call itself: ThreadSanitizer takes the C library's for the making of a descriptor, also where it only
 * changes the mask of one that others use at that time, which the kernel allows. */
static int
sys_signalfd(int fd, const sigset_t *mask, int flags)
{
	return (int)syscall(SYS_signalfd4, fd, mask, (size_t)(_NSIG / 8), flags);
}

struct evrt_sys evrt__sys = {
	.close = close,
	.read = read,
	.write = write,
	.readv = readv,
	.writev = writev,
	.sendfile = sendfile,
	.socket = socket,
	.bind = bind,
	.listen = listen,
	.accept4 = accept4,
	.connect = connect,
	.getsockopt = getsockopt,
	.setsockopt = setsockopt,
	.epoll_create1 = epoll_create1,
	.epoll_ctl = epoll_ctl,
	.epoll_wait = epoll_wait,
	.epoll_pwait2 = sys_epoll_pwait2,
	.poll = poll,
	.ppoll = ppoll,
	.pselect = pselect,
	.eventfd = eventfd,
	.socketpair = socketpair,
	.fcntl = sys_fcntl,
	.fstat = fstat,
	.pread = pread,
	.mmap = mmap,
	.munmap = munmap,
	.getrandom = getrandom,
	.open = sys_open,
	.sched_getaffinity = sched_getaffinity,
	.pipe2 = pipe2,
	.gettid = gettid,
	.dup3 = dup3,
	.sigaction = sigaction,
	.signalfd = sys_signalfd,
	.madvise = madvise,
	.recvmmsg = recvmmsg,
	.sendmmsg = sendmmsg,
	.getsockname = getsockname,
	.timerfd_create = timerfd_create,
	.timerfd_settime = timerfd_settime,
	.thread_create = sys_thread_create,
	.sched_setaffinity = sched_setaffinity,
};
