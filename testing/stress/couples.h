/* testing/stress/couples.h — kinds of bufferevents for kinds_test.c: two ends that are connected.
 *
 * Here:     the table of kinds; a kind makes both ends, disabled, on a base.
 * Not here: what is done with them.
 * Threads:  any.
 */
#ifndef EVRT_TESTING_STRESS_COUPLES_H_
#define EVRT_TESTING_STRESS_COUPLES_H_

#include <stdbool.h>

struct bufferevent;
struct event_base;

struct couple_kind {
	const char *name;
	/* False when memory or descriptors are out; nothing is left then. `options`: BEV_OPT_*, THREADSAFE among them. */
	bool (*make)(struct event_base *base, int options, struct bufferevent *end[2]);
};

/* Around all use of the table, one thread each. */
void couples_begin(void);
void couples_end(void);

extern const struct couple_kind couple_kinds[];
extern const unsigned couple_kind_count;

#endif
