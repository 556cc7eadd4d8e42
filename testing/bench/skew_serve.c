/* testing/bench/skew_serve.c — see skew_serve.h. */
#include "testing/bench/skew_serve.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include "testing/bench/bench.h"

socklen_t
skew_address(struct sockaddr_un *sun, int pid)
{
	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	/* A name that begins with a zero byte is no file, and ends where the length says. */
	int n = snprintf(sun->sun_path + 1, sizeof(sun->sun_path) - 1, "evrt-skew-%d", pid);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

int
skew_listen(void)
{
	struct sockaddr_un sun;
	socklen_t len = skew_address(&sun, (int)getpid());
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sun, len) < 0 || listen(fd, SOMAXCONN) < 0)
		bench_die("cannot listen on a Unix socket");
	printf("%d\n", (int)getpid());
	fflush(stdout);
	return fd;
}

void
skew_sleep(uint64_t ns)
{
	struct timespec left = { .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		continue;
}

bool
skew_serve_one(int fd)
{
	struct skew_message m;
	ssize_t n = read(fd, &m, sizeof(m));

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n != (ssize_t)sizeof(m))
		return false;
	skew_sleep(m.service_ns);
	return write(fd, &m, sizeof(m)) == (ssize_t)sizeof(m);
}

enum skew_served
skew_serve_all(int fd)
{
	struct skew_message m[SKEW_MESSAGES_AT_ONCE];
	size_t served = 0;
	ssize_t n = read(fd, m, sizeof(m));

	if (n < 0 && errno == EAGAIN)
		return SKEW_SERVED;
	if (n <= 0 || (size_t)n % sizeof(m[0]))
		return SKEW_CLOSED;
	for (; served < (size_t)n / sizeof(m[0]); served++) {
		skew_sleep(m[served].service_ns);
		if (write(fd, &m[served], sizeof(m[0])) != (ssize_t)sizeof(m[0]))
			return SKEW_CLOSED;
	}
	return served == SKEW_MESSAGES_AT_ONCE ? SKEW_MORE : SKEW_SERVED;
}
