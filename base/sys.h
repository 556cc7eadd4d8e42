/* base/sys.h — the system calls of the engine, through one table.
 *
 * Here:     struct evrt_sys: a pointer per call, so that a test can make the k-th one fail.
 * Not here: policy (retry, back-off): the caller's.
 * Threads:  the table is const after start; tests replace it before any thread runs.
 */
#ifndef EVRT_BASE_SYS_H_
#define EVRT_BASE_SYS_H_

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

struct evrt_sys {
	int (*close)(int);
	ssize_t (*read)(int, void *, size_t);
	ssize_t (*write)(int, const void *, size_t);
	ssize_t (*readv)(int, const struct iovec *, int);
	ssize_t (*writev)(int, const struct iovec *, int);
	ssize_t (*sendfile)(int, int, off_t *, size_t);
	int (*socket)(int, int, int);
	int (*bind)(int, const struct sockaddr *, socklen_t);
	int (*listen)(int, int);
	int (*accept4)(int, struct sockaddr *, socklen_t *, int);
	int (*connect)(int, const struct sockaddr *, socklen_t);
	int (*getsockopt)(int, int, int, void *, socklen_t *);
	int (*setsockopt)(int, int, int, const void *, socklen_t);
	int (*epoll_create1)(int);
	int (*epoll_ctl)(int, int, int, struct epoll_event *);
	int (*epoll_wait)(int, struct epoll_event *, int, int);
	/* timeout NULL: for ever. -1/ENOSYS where the kernel is older than 5.11. */
	int (*epoll_pwait2)(int, struct epoll_event *, int, const struct timespec *, const sigset_t *);
	int (*poll)(struct pollfd *, nfds_t, int);
	int (*ppoll)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
	int (*pselect)(int, fd_set *, fd_set *, fd_set *, const struct timespec *, const sigset_t *);
	int (*eventfd)(unsigned, int);
	int (*socketpair)(int, int, int, int[2]);
	/* fcntl of commands that take an int, or nothing (then pass 0). */
	int (*fcntl)(int, int, int);
	int (*fstat)(int, struct stat *);
	ssize_t (*pread)(int, void *, size_t, off_t);
	void *(*mmap)(void *, size_t, int, int, int, off_t);
	int (*munmap)(void *, size_t);
	ssize_t (*getrandom)(void *, size_t, unsigned);
	/* mode: 0 where nothing is created. */
	int (*open)(const char *, int, mode_t);
	int (*sched_getaffinity)(pid_t, size_t, cpu_set_t *);
	int (*pipe2)(int[2], int);
	pid_t (*gettid)(void);
	int (*dup3)(int, int, int);
	int (*sigaction)(int, const struct sigaction *, struct sigaction *);
	int (*signalfd)(int, const sigset_t *, int);
	int (*madvise)(void *, size_t, int);
	/* timeout: NULL; the kernel's idea of one is of no use. */
	int (*recvmmsg)(int, struct mmsghdr *, unsigned, int, struct timespec *);
	int (*sendmmsg)(int, struct mmsghdr *, unsigned, int);
	int (*getsockname)(int, struct sockaddr *, socklen_t *);
	int (*timerfd_create)(int, int);
	int (*timerfd_settime)(int, int, const struct itimerspec *, struct itimerspec *);
	/* pthread_create, with its error in errno. */
	int (*thread_create)(pthread_t *, void *(*)(void *), void *);
	int (*sched_setaffinity)(pid_t, size_t, const cpu_set_t *);
};

/* Semantics and errno are the kernel's. */
extern struct evrt_sys evrt__sys;

#endif
