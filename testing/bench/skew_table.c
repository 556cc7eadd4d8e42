/* testing/bench/skew_table.c — the tables; see skew.h. Figures are medians over the rounds, (low..high) all there was;
 * ratios are taken within a round. */
#include "testing/bench/skew.h"

/* A client whose 99th percentile of lateness is more has no say about latencies of that order. */
#define NOISY_LATE_US 200

/* Sorts into `v` one value of all rounds. Returns the number of them: 0 when it is not known. */
static int
values_of(const struct skew_table *t, int contestant, enum skew_value value, double v[SKEW_ROUNDS_MAX])
{
	for (int r = 0; r < t->rounds; r++)
		v[r] = t->runs[contestant][r].value[value];
	bench_quantile(v, t->rounds, 0.5); /* which sorts */
	return v[0] == BENCH_NONE ? 0 : t->rounds;
}

/* The same of the ratios to another contestant. */
static int
ratios_of(const struct skew_table *t, int contestant, int to, enum skew_value value, double v[SKEW_ROUNDS_MAX])
{
	if (to == BENCH_NONE)
		return 0;
	for (int r = 0; r < t->rounds; r++) {
		double a = t->runs[contestant][r].value[value], b = t->runs[to][r].value[value];
		if (a == BENCH_NONE || b == BENCH_NONE || b == 0)
			return 0;
		v[r] = a / b;
	}
	bench_quantile(v, t->rounds, 0.5);
	return t->rounds;
}

static void
print_median(const double *v, int count)
{
	if (count)
		printf(" %8.3f", v[count / 2]);
	else
		printf(" %8s", "-");
}

static void
print_spread(const double *v, int count)
{
	char range[64] = "";

	if (count)
		snprintf(range, sizeof(range), "(%.2f..%.2f)", v[0], v[count - 1]);
	print_median(v, count);
	printf(" %-17s", range);
}

static void
print_latencies(const struct skew_table *t, int c)
{
	double v[SKEW_ROUNDS_MAX];

	printf("  %-22s", t->names[c]);
	print_median(v, values_of(t, c, SKEW_P50_MS, v));
	print_spread(v, values_of(t, c, SKEW_P99_MS, v));
	print_median(v, values_of(t, c, SKEW_P999_MS, v));
	print_spread(v, ratios_of(t, c, t->floor, SKEW_P99_MS, v));
	print_spread(v, ratios_of(t, c, t->ideal, SKEW_P99_MS, v));
	printf("\n");
}

static void
print_costs(const struct skew_table *t, int c)
{
	double v[SKEW_ROUNDS_MAX];
	int noisy = 0;

	printf("  %-22s", t->names[c]);
	print_spread(v, values_of(t, c, SKEW_CPU_US, v));
	print_spread(v, ratios_of(t, c, t->floor, SKEW_CPU_US, v));
	print_median(v, values_of(t, c, SKEW_SWITCHES, v));
	print_median(v, values_of(t, c, SKEW_WAKES, v));
	print_median(v, values_of(t, c, SKEW_OTHERS, v));
	print_median(v, values_of(t, c, SKEW_STOLEN, v));
	int n = values_of(t, c, SKEW_LATE_US, v);
	print_median(v, n);
	for (int r = 0; r < n; r++)
		noisy += v[r] > NOISY_LATE_US;
	if (noisy)
		printf("  noisy: %d of %d", noisy, n);
	printf("\n");
}

void
skew_table_print(const struct skew_table *t)
{
	printf("\n%s: %s\n", t->load->name, t->load->about);
	printf("  %-22s %8s %8s %-17s %8s %8s %-17s %8s\n", "latency (ms)", "p50", "p99", "", "p99.9", "p99 of",
	    "the floor's", "p99 of the ideal's");
	for (int c = 0; c < t->contestants; c++)
		print_latencies(t, c);
	printf("  %-22s %8s %-17s %8s %-17s %8s %8s %8s %8s %8s\n", "cost per request", "CPU (us)", "", "CPU of",
	    "the floor's", "switches", "eventfd", "others%", "stolen%", "late(us)");
	for (int c = 0; c < t->contestants; c++)
		if (c != t->ideal)
			print_costs(t, c);
}
