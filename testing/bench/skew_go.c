/* testing/bench/skew_go.c — the service in Go, compiled when it is needed; see skew.h. */
#include "testing/bench/skew.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];

static bool
run(char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		setenv("GOCACHE", folder, 1);
		setenv("GO111MODULE", "off", 1);
		dup2(2, 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void
remove_folder(void)
{
	char *argv[] = { "rm", "-rf", folder, NULL };

	run(argv);
}

const char *
skew_go_build(void)
{
	static char binary[80];
	char source[4352];

	snprintf(folder, sizeof(folder), "/tmp/skew_go.XXXXXX");
	if (!mkdtemp(folder))
		bench_die(folder);
	atexit(remove_folder);
	snprintf(binary, sizeof(binary), "%s/server", folder);
	bench_path(source, "skew_server.go");
	char *argv[] = { "go", "build", "-o", binary, source, NULL };
	return run(argv) ? binary : NULL;
}
