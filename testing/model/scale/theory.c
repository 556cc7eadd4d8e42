/* testing/model/scale/theory.c — the queue M/M/n by formula (Erlang C), which the model must be in the limit; see
 * scale.h. */
#include "testing/model/scale/scale.h"

#include <math.h>

/* The probability that an arrival has to wait, by Erlang B's recursion, which does not overflow. */
static double
erlang_c(unsigned n, double load)
{
	double a = n * load, b = 1;

	for (unsigned i = 1; i <= n; i++)
		b = a * b / (i + a * b);
	return b / (1 - load * (1 - b));
}

double
scale_theory_mean(unsigned n, double load)
{
	return 1 + erlang_c(n, load) / (n * (1 - load));
}

/* The probability that it takes longer than t: a service, and with probability C a wait at rate n (1 - load) before. */
static double
longer_than(unsigned n, double load, double t)
{
	double c = erlang_c(n, load), rate = n * (1 - load);

	if (fabs(rate - 1) < 1e-9)
		return (1 + c * t) * exp(-t);
	return (1 - c) * exp(-t) + c * (rate * exp(-t) - exp(-rate * t)) / (rate - 1);
}

double
scale_theory_quantile(unsigned n, double load, double fraction)
{
	double low = 0, high = 1;

	while (longer_than(n, load, high) > 1 - fraction)
		high *= 2;
	for (int i = 0; i < 60; i++) {
		double middle = (low + high) / 2;
		*(longer_than(n, load, middle) > 1 - fraction ? &low : &high) = middle;
	}
	return low;
}
