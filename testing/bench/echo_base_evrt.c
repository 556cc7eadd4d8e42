/* testing/bench/echo_base_evrt.c — see echo_base.h. */
#include "testing/bench/echo_base.h"

#include <event2/event.h>
#include <evrt/pool.h>

#include <stdlib.h>
#include <string.h>

struct event_base *
bench_base_new(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "pool") == 0)
		return evrt_base_new((unsigned)atoi(argv[2]));
	return event_base_new();
}
