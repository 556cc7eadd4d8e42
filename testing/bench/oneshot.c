/* testing/bench/oneshot.c — an event without EV_PERSIST that its own callback adds again.
 *
 * A token goes to and fro through a socket pair; each end has a one-shot EV_READ event, whose callback reads the
 * token, writes it back and adds its event. Measured is the CPU time per callback. In runs of their own, which are
 * not measured, strace counts the system calls: the difference of two runs of different length, per callback.
 * The floor needs three: wait, read, write.
 *
 * Goal: adding again costs no system call.
 *
 * Usage: oneshot [--quick] [--rounds N]
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testing/bench/bench.h"

#define COUNTED_SHORT 1000
#define COUNTED_LONG 3000

static const struct bench_contestant contestants[] = {
	{ "bare epoll", "oneshot_epoll", NULL },
	{ "oracle", "oneshot_oracle", NULL },
	{ "oracle, changelist", "oneshot_oracle", "changelist" },
	{ "evrt", "oneshot_evrt", NULL },
	{ "evrt, changelist", "oneshot_evrt", "changelist" },
	{ "libev", "oneshot_ev", NULL },
	{ "libuv", "oneshot_uv", NULL },
};

static const char *const passes[] = { "100000", NULL };
static const char *const passes_quick[] = { "20000", NULL };

struct calls {
	long all, epoll_ctl;
};

/* From the table of strace -c, whose lines are: share, seconds, usecs/call, calls, [errors,] name. */
static struct calls
read_calls(FILE *table)
{
	struct calls sum = { 0, 0 };
	char line[256], *rest;
	long calls;
	int at;

	while (fgets(line, sizeof(line), table)) {
		if (sscanf(line, "%*f %*f %*d %ld%n", &calls, &at) != 1)
			continue;
		const char *name = NULL;
		for (char *word = strtok_r(line + at, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest))
			name = word;
		if (!name || strcmp(name, "total") == 0)
			continue;
		sum.all += calls;
		if (strcmp(name, "epoll_ctl") == 0)
			sum.epoll_ctl += calls;
	}
	return sum;
}

/* False: there is no strace, or it may not trace. */
static bool
count_calls(const struct bench_contestant *c, int callbacks, struct calls *calls)
{
	char path[4352], out[] = "/tmp/oneshot.XXXXXX", tail[32], words[512];
	char *argv[BENCH_ARGS_MAX + 2];
	int fd = mkstemp(out), status;

	if (fd < 0)
		bench_die(out);
	bench_path(path, c->binary);
	snprintf(tail, sizeof(tail), "%d", callbacks);
	bench_words(argv, words, path, c->args, tail);
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		bench_die("fork");
	if (pid == 0) {
		char *traced[BENCH_ARGS_MAX + 8] = { "strace", "-f", "-c", "-o", out };
		for (int i = 0; argv[i]; i++)
			traced[5 + i] = argv[i];
		if (!freopen("/dev/null", "w", stdout))
			bench_die("/dev/null");
		execvp("strace", traced);
		_exit(127);
	}
	bool ok = waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	FILE *table = fdopen(fd, "r");
	if (!table)
		bench_die(out);
	*calls = read_calls(table);
	fclose(table);
	unlink(out);
	return ok && calls->all > 0;
}

static void
print_calls(const struct bench *b)
{
	printf("\nsystem calls per callback\n  %-24s %10s %10s\n", "", "all", "epoll_ctl");
	for (int i = 0; i < b->contestant_count; i++) {
		struct calls few, many;
		const double n = COUNTED_LONG - COUNTED_SHORT;
		if (!count_calls(&b->contestants[i], COUNTED_SHORT, &few) ||
		    !count_calls(&b->contestants[i], COUNTED_LONG, &many))
			printf("  %-24s not counted: strace is missing or may not trace\n", b->contestants[i].name);
		else
			printf("  %-24s %10.2f %10.2f\n", b->contestants[i].name, (double)(many.all - few.all) / n,
			    (double)(many.epoll_ctl - few.epoll_ctl) / n);
	}
}

int
main(int argc, char **argv)
{
	const struct bench bench = {
		.name = "oneshot",
		.about = "CPU time of a callback that reads, writes and waits again",
		.contestants = contestants,
		.contestant_count = sizeof(contestants) / sizeof(contestants[0]),
		.oracle = 1,
		.floor = 0,
		.rounds = 9,
		.rounds_quick = 3,
		.passes = passes,
		.passes_quick = passes_quick,
		.after = print_calls,
	};

	return bench_main(&bench, argc, argv);
}
