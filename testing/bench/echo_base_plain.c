/* testing/bench/echo_base_plain.c — see echo_base.h. */
#include "testing/bench/echo_base.h"

#include <event2/event.h>

#include <stdio.h>
#include <string.h>

struct event_base *
bench_base_new(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "pool") == 0) {
		fprintf(stderr, "echo_server: the oracle has no pool\n");
		return NULL;
	}
	return event_base_new();
}
