/* testing/bench/bench.c — runs the contestants and compares them; see bench.h. */
#include "testing/bench/bench.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPREAD_MAX 0.2

void
bench_print_head(const struct bench *b, int rounds)
{
	struct utsname u;
	cpu_set_t set;

	uname(&u);
	sched_getaffinity(0, sizeof(set), &set);
	printf("%s: %s\n%d round(s) on %d CPU(s), %s %s\n", b->name, b->about, rounds, CPU_COUNT(&set), u.sysname,
	    u.release);
}

void
bench_path(char path[4352], const char *name)
{
	ssize_t n = readlink("/proc/self/exe", path, 4096);

	if (n < 0)
		bench_die("/proc/self/exe");
	path[n] = '\0';
	char *end = name[0] == '/' ? path : strrchr(path, '/') + 1;
	snprintf(end, (size_t)(path + 4352 - end), "%s", name);
}

void
bench_words(char *argv[BENCH_ARGS_MAX + 2], char words[512], const char *path, const char *a, const char *b)
{
	int argc = 0;
	char *rest;

	argv[argc++] = (char *)path;
	snprintf(words, 512, "%s %s", a ? a : "", b ? b : "");
	for (char *word = strtok_r(words, " ", &rest); word && argc <= BENCH_ARGS_MAX; word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	argv[argc] = NULL;
}

void
bench_record(struct bench_metric *metrics, int *count, const char *metric, int contestant, int round, double value)
{
	int i = 0;

	while (i < *count && strcmp(metrics[i].name, metric) != 0)
		i++;
	if (i == BENCH_METRICS_MAX) {
		errno = ENOSPC;
		bench_die(metric);
	}
	if (i == *count) {
		snprintf(metrics[i].name, sizeof(metrics[i].name), "%s", metric);
		++*count;
	}
	metrics[i].value[contestant][round] = value;
}

/* Runs one child and takes down what it prints. */
static void
run_child(const struct bench *b, int contestant, const char *pass, int round, struct bench_metric *metrics, int *count)
{
	const struct bench_contestant *c = &b->contestants[contestant];
	char path[4352], words[512], metric[BENCH_METRIC_BYTES];
	char *argv[BENCH_ARGS_MAX + 2];
	int out[2], status;
	double value;

	bench_path(path, c->binary);
	bench_words(argv, words, path, c->args, pass);
	fflush(NULL);
	if (pipe(out) < 0)
		bench_die("pipe");
	pid_t pid = fork();
	if (pid < 0)
		bench_die("fork");
	if (pid == 0) {
		dup2(out[1], 1);
		close(out[0]);
		close(out[1]);
		execv(path, argv);
		bench_die(path);
	}
	close(out[1]);
	FILE *f = fdopen(out[0], "r");
	while (f && fscanf(f, "%lf %95[^\n]", &value, metric) == 2)
		bench_record(metrics, count, metric, contestant, round, value);
	if (f)
		fclose(f);
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "%s: %s failed: %s %s\n", b->name, c->name, path, pass);
		exit(1);
	}
}

/* The ratio of two contestants in each round: its median; *low and *high: its bounds. */
static double
ratio_of(const double *a, const double *b, int rounds, double *low, double *high)
{
	double ratio[BENCH_ROUNDS_MAX];

	for (int r = 0; r < rounds; r++)
		ratio[r] = a[r] / b[r];
	double m = bench_quantile(ratio, rounds, 0.5); /* which sorts */
	*low = ratio[0];
	*high = ratio[rounds - 1];
	return m;
}

static bool
is_cost(const struct bench_metric *m)
{
	size_t n = strlen(m->name);

	return n > 3 && (strcmp(m->name + n - 2, "s)") == 0 || strcmp(m->name + n - 3, "(B)") == 0);
}

static void
print_ratios(const struct bench *b, const struct bench_metric *m, const double *v, int rounds)
{
	double low, high;

	if (b->floor != BENCH_NONE && m->value[b->floor][0] > 0)
		printf(" %10.2f", ratio_of(v, m->value[b->floor], rounds, &low, &high));
	else if (b->floor != BENCH_NONE)
		printf(" %10s", "-");
	if (m->value[b->oracle][0] > 0) {
		double r = ratio_of(m->value[b->oracle], v, rounds, &low, &high);
		printf("  %8.2f (%.2f..%.2f)", r, low, high);
	}
}

static void
print_row(const struct bench *b, const struct bench_metric *m, int contestant, int rounds)
{
	const double *v = m->value[contestant];
	double sorted[BENCH_ROUNDS_MAX];

	memcpy(sorted, v, sizeof(sorted));
	bench_quantile(sorted, rounds, 0.5); /* which sorts */
	printf("  %-24s %10.2f %10.2f %10.2f", b->contestants[contestant].name, sorted[0],
	    sorted[rounds / 2], sorted[rounds - 1]);
	if (is_cost(m))
		print_ratios(b, m, v, rounds);
	double spread = (sorted[rounds - 1] - sorted[0]) / sorted[rounds / 2];
	if (is_cost(m) && spread > SPREAD_MAX)
		printf("  spread %.0f %%", 100 * spread);
	printf("\n");
}

void
bench_report(const struct bench *b, const struct bench_metric *metrics, int count, int rounds)
{
	for (int i = 0; i < count; i++) {
		printf("\n%s\n  %-24s %10s %10s %10s", metrics[i].name, "", "min", "median", "max");
		if (is_cost(&metrics[i]))
			printf("%s  cheaper than the oracle, times", b->floor != BENCH_NONE ? "   of floor" : "");
		printf("\n");
		for (int c = 0; c < b->contestant_count; c++)
			if (metrics[i].value[c][0] > 0)
				print_row(b, &metrics[i], c, rounds);
	}
	printf("\nWhere a spread is named, rounds differ by more than %.0f %%: the machine is not quiet, trust the ratios "
	    "only.\n", 100 * SPREAD_MAX);
}

int
bench_options(const struct bench *b, int argc, char **argv, bool *quick)
{
	int rounds = 0;
	bool wrong = false;

	*quick = false;
	for (int i = 1; i < argc; i++) {
		bool takes_number = strcmp(argv[i], "--rounds") == 0 && i + 1 < argc;
		if (strcmp(argv[i], "--quick") == 0)
			*quick = true;
		else if (takes_number && (rounds = atoi(argv[++i])) > 0)
			continue;
		else
			wrong = true;
	}
	if (wrong || rounds > BENCH_ROUNDS_MAX) {
		fprintf(stderr, "usage: %s [--quick] [--rounds N]: 1 to %d rounds\n", b->name, BENCH_ROUNDS_MAX);
		exit(2);
	}
	return rounds ? rounds : *quick ? b->rounds_quick : b->rounds;
}

int
bench_main(const struct bench *b, int argc, char **argv)
{
	static struct bench_metric metrics[BENCH_METRICS_MAX];
	bool quick;
	int rounds = bench_options(b, argc, argv, &quick), count = 0;
	const char *const *passes = quick ? b->passes_quick : b->passes;

	bench_print_head(b, rounds);
	for (int r = 0; r < rounds; r++)
		for (int p = 0; passes[p]; p++) {
			fprintf(stderr, "round %d of %d: %s\n", r + 1, rounds, passes[p]);
			for (int c = 0; c < b->contestant_count; c++)
				run_child(b, c, passes[p], r, metrics, &count);
		}
	bench_report(b, metrics, count, rounds);
	if (b->after)
		b->after(b);
	return 0;
}
