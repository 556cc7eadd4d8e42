/* testing/contract/libevent/variant.c — switches on what a program may switch on before it uses the library.
 *
 * Here:     CONTRACT_VARIANT in the environment (variants.sh), read before main, so that the suites know nothing
 *           of it. The poller needs no code here: libevent's own variables choose it.
 * Threads:  one.
 */
#include <event2/event.h>
#include <event2/thread.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void nothing(void) {}

static void
locks(void)
{
	if (evthread_use_pthreads() != 0)
		abort();
	evthread_enable_lock_debugging();
}

static const struct {
	const char *name;
	void (*set_up)(void);
} variants[] = {
	{ "plain", nothing },
	{ "debug", event_enable_debug_mode },
	{ "threaded", locks },
};

__attribute__((constructor)) static void
choose_variant(void)
{
	const char *name = getenv("CONTRACT_VARIANT");

	for (size_t i = 0; name && i < sizeof(variants) / sizeof(variants[0]); i++)
		if (strcmp(variants[i].name, name) == 0) {
			variants[i].set_up();
			return;
		}
	if (name) {
		fprintf(stderr, "CONTRACT_VARIANT=%s: there is no such variant\n", name);
		exit(2);
	}
}
