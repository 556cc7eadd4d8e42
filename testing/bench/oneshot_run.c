/* testing/bench/oneshot_run.c — passes a token to and fro, on the library that is linked in; see oneshot.c.
 *
 * Usage: oneshot_LIBRARY [changelist] CALLBACKS   Prints a line for bench.h.
 */
#include "testing/bench/oneshot.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/bench/bench.h"

static int fds[2];
static unsigned callbacks_left;

static void
pass_token(int fd)
{
	if (write(fd, "e", 1) != 1)
		bench_die("write");
}

bool
oneshot_ready(unsigned i)
{
	char c;

	if (read(fds[i], &c, 1) != 1)
		bench_die("called for nothing");
	pass_token(fds[i]);
	return --callbacks_left > 0;
}

int
main(int argc, char **argv)
{
	bool changelist = argc > 1 && strcmp(argv[1], "changelist") == 0;
	unsigned callbacks = argc > 1 ? (unsigned)atoi(argv[argc - 1]) : 0;

	if (argc != 2 + (changelist ? 1 : 0) || callbacks < 1) {
		fprintf(stderr, "usage: %s [changelist] CALLBACKS\n", argv[0]);
		return 2;
	}
	bench_pin(0);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		bench_die("socketpair");
	callbacks_left = callbacks;
	pass_token(fds[0]);
	double t = bench_thread_cpu_ns();
	oneshot_run(fds, changelist);
	printf("%f wait again in the callback (ns)\n", (bench_thread_cpu_ns() - t) / callbacks);
	return 0;
}
