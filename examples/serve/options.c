/* examples/serve/options.c — the command line; see options.h. */
#include "examples/serve/options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <evrt/pool.h>

const char serve_usage[] =
    "usage: evrt serve [DIR] [FLAGS]\n"
    "Serves the files below DIR (default: the current directory) over HTTP/1.1, on all cores.\n"
    "\n"
    "  --port P               port to listen on (default 8080; 0 picks a free one)\n"
    "  --bind ADDR            address to listen on, e.g. 0.0.0.0 or :: (default 127.0.0.1)\n"
    "  --workers N            threads (default: EVRT_WORKERS, else one per CPU)\n"
    "  --idle-timeout=S       seconds that a connection may be silent between requests (default 60)\n"
    "  --head-timeout=S       seconds for a request's head, from its first byte on (default 10)\n"
    "  --stall-timeout=S      seconds that an answer may make no progress (default 60)\n"
    "  --grace=S              seconds that a stop waits for answers in flight (default 10)\n"
    "  --max-connections=N    more than these are answered with 503 (default 10000)\n"
    "  -v, --verbose          a line per request on stdout\n"
    "  -h, --help             this text\n"
    "\n"
    "Statistics: /.evrt/stats. Ctrl-C stops gracefully, a second one a second later at once.\n"
    "Exit status: 0 stopped, 1 failure, 2 wrong usage.\n";

static const struct option_number {
	const char *name;
	size_t field;                    /* offset in struct serve_options */
	unsigned min, max;
} option_numbers[] = {
	{"--port", offsetof(struct serve_options, port), 0, 65535},
	{"--workers", offsetof(struct serve_options, workers), 1, EVRT_WORKERS_MAX},
	{"--idle-timeout", offsetof(struct serve_options, idle_s), 1, 86400},
	{"--head-timeout", offsetof(struct serve_options, head_s), 1, 86400},
	{"--stall-timeout", offsetof(struct serve_options, stall_s), 1, 86400},
	{"--grace", offsetof(struct serve_options, grace_s), 0, 86400},
	{"--max-connections", offsetof(struct serve_options, connections_max), 1, 1000000},
};

static const struct option_flag {
	const char *name;
	size_t field;
} option_flags[] = {
	{"-v", offsetof(struct serve_options, verbose)},
	{"--verbose", offsetof(struct serve_options, verbose)},
	{"-h", offsetof(struct serve_options, help)},
	{"--help", offsetof(struct serve_options, help)},
};

struct option_reader {
	int argc, at;
	char **argv;
	char *problem;
	int problem_bytes;
};

/* Whether the current argument is the option `name`; then *value is what follows "=" or in the next
 * argument, or NULL when nothing does. */
static bool
option_is(struct option_reader *r, const char *name, const char **value)
{
	const char *argument = r->argv[r->at];
	size_t n = strlen(name);

	if (strncmp(argument, name, n) != 0 || (argument[n] != '\0' && argument[n] != '='))
		return false;
	*value = NULL;
	if (argument[n] == '=')
		*value = argument + n + 1;
	else if (r->at + 1 < r->argc)
		*value = r->argv[++r->at];
	return true;
}

static int
option_number(struct option_reader *r, const struct option_number *o, const char *value, unsigned *out)
{
	char *end;
	unsigned long n = value && *value >= '0' && *value <= '9' ? strtoul(value, &end, 10) : 0;

	if (!value || *value < '0' || *value > '9' || *end || n < o->min || n > o->max) {
		snprintf(r->problem, (size_t)r->problem_bytes, "%s needs a number from %u to %u", o->name, o->min, o->max);
		return -1;
	}
	*out = (unsigned)n;
	return 0;
}

/* One argument (and perhaps its value). */
static int
option_read(struct option_reader *r, struct serve_options *out)
{
	const char *argument = r->argv[r->at], *value;

	for (size_t i = 0; i < sizeof(option_flags) / sizeof(option_flags[0]); i++) {
		if (strcmp(argument, option_flags[i].name) == 0) {
			*(bool *)((char *)out + option_flags[i].field) = true;
			return 0;
		}
	}
	for (size_t i = 0; i < sizeof(option_numbers) / sizeof(option_numbers[0]); i++) {
		if (option_is(r, option_numbers[i].name, &value))
			return option_number(r, &option_numbers[i], value,
			    (unsigned *)((char *)out + option_numbers[i].field));
	}
	if (option_is(r, "--bind", &value)) {
		if (!value || !*value) {
			snprintf(r->problem, (size_t)r->problem_bytes, "--bind needs an address, such as 0.0.0.0");
			return -1;
		}
		out->bind = value;
		return 0;
	}
	if (argument[0] == '-' && argument[1]) {
		snprintf(r->problem, (size_t)r->problem_bytes, "unknown flag %.60s; --help lists the flags", argument);
		return -1;
	}
	if (out->dir) {
		snprintf(r->problem, (size_t)r->problem_bytes, "one DIR only, and %.60s is the second", argument);
		return -1;
	}
	out->dir = argument;
	return 0;
}

int
serve_options_parse(struct serve_options *out, int argc, char **argv, char *problem, int problem_bytes)
{
	struct option_reader reader = {argc, 1, argv, problem, problem_bytes};

	*out = (struct serve_options){.bind = "127.0.0.1", .port = 8080, .idle_s = 60, .head_s = 10, .stall_s = 60,
		.grace_s = 10, .connections_max = 10000};
	for (; reader.at < argc; reader.at++) {
		if (option_read(&reader, out) != 0)
			return -1;
	}
	if (!out->dir)
		out->dir = ".";
	return 0;
}
