/* examples/serve/options.h — the command line. */
#ifndef EVRT_EXAMPLES_SERVE_OPTIONS_H_
#define EVRT_EXAMPLES_SERVE_OPTIONS_H_

#include <stdbool.h>

struct serve_options {
	const char *dir;
	const char *bind;                /* numeric address, IPv6 without brackets */
	unsigned port;                   /* 0: the kernel picks one */
	unsigned workers;                /* 0: the pool decides */
	unsigned idle_s;                 /* how long a connection may be silent between requests */
	unsigned head_s;                 /* how long a request's head may take, from its first byte on */
	unsigned stall_s;                /* how long an answer may make no progress */
	unsigned grace_s;                /* how long a stop waits for answers in flight */
	unsigned connections_max;
	bool verbose;
	bool help;
};

/* Fills `out`. 0, or -1 with one line in `problem` that says what to do. */
int serve_options_parse(struct serve_options *out, int argc, char **argv, char *problem, int problem_bytes);

extern const char serve_usage[];

#endif
