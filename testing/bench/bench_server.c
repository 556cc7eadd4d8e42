/* testing/bench/bench_server.c — see bench_server.h. */
#include "testing/bench/bench_server.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

void
bench_server_start(struct bench_server *s, const struct bench_contestant *c, const char *pass, int cpu)
{
	char path[4352], words[512];
	char *argv[BENCH_ARGS_MAX + 2];
	int in[2], out[2];

	bench_path(path, c->binary);
	bench_words(argv, words, path, c->args, pass);
	if (pipe(in) < 0 || pipe(out) < 0 || (s->pid = fork()) < 0)
		bench_die("fork");
	if (s->pid == 0) {
		if (cpu == BENCH_NONE)
			bench_unpin();
		else
			bench_pin(cpu);
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execv(path, argv);
		bench_die(path);
	}
	close(in[0]);
	close(out[1]);
	s->stop_fd = in[1];
	s->out = fdopen(out[0], "r");
	if (!s->out || fscanf(s->out, "%d", &s->port) != 1) {
		fprintf(stderr, "%s did not say its port\n", path);
		exit(1);
	}
}

double
bench_server_ask(const struct bench_server *s)
{
	double answer;

	if (write(s->stop_fd, "?", 1) != 1 || fscanf(s->out, "%lf", &answer) != 1)
		bench_die("the server does not answer");
	return answer;
}

void
bench_server_stop(struct bench_server *s)
{
	close(s->stop_fd);
	waitpid(s->pid, NULL, 0);
	fclose(s->out);
}

/* The sum over all threads of a number in the file `name` of /proc/PID/task/TID: the first one behind `label`. */
static double
sum_over_threads(const struct bench_server *s, const char *name, const char *label)
{
	char path[128], text[4096];
	double sum = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)s->pid);
	DIR *d = opendir(path);
	if (!d)
		bench_die(path);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(text, sizeof(text), "%s/%s/%s", path, e->d_name, name);
		FILE *f = fopen(text, "r");
		if (!f)
			continue;
		text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
		fclose(f);
		const char *at = strstr(text, label);
		sum += at ? atof(at + strlen(label)) : 0;
	}
	closedir(d);
	return sum;
}

double
bench_server_cpu_ns(const struct bench_server *s)
{
	return sum_over_threads(s, "schedstat", "");
}

double
bench_server_switches(const struct bench_server *s)
{
	return sum_over_threads(s, "status", "\nvoluntary_ctxt_switches:");
}

int
bench_server_connect(const struct bench_server *s)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)s->port) };
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		bench_die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}
