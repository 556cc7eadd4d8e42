/* testing/contract/backend/suite.h — what every poller must do, as one suite for all of them.
 *
 * Here:     the wires that a poller is tried on, the tables of cases, and helpers that cases share.
 * Not here: what one poller alone does (X_test.c beside this file, as extra cases).
 *
 * A wire is something with an fd whose readiness the suite can make: sockets and the like for real pollers
 * (wires_real.c), script entries for the fake one (wires_fake.c). No case knows which.
 */
#ifndef EVRT_TESTING_CONTRACT_BACKEND_SUITE_H_
#define EVRT_TESTING_CONTRACT_BACKEND_SUITE_H_

#include "backends/backend.h"
#include "testing/harness/test.h"

struct wire {
	int fd;
	int peer; /* -1: none */
};

struct wire_ops {
	void (*setup)(void);
	void (*teardown)(void);
	/* A stream: writable, nothing to read, can hang up. */
	void (*open)(struct wire *);
	/* A single cheap descriptor: writable, can be fed and drained. */
	void (*open_light)(struct wire *);
	/* The sending end of something that has no receiver: in error. */
	void (*open_broken)(struct wire *);
	/* The receiving end of something that has no sender, and nothing left to read. */
	void (*open_orphan)(struct wire *);
	void (*feed)(struct wire *);       /* one more thing to read */
	void (*drain)(struct wire *);      /* reads all */
	void (*fill)(struct wire *);       /* until it is not writable (streams only) */
	void (*half_close)(struct wire *); /* the peer will send no more */
	void (*hang_up)(struct wire *);    /* the peer closes */
	void (*close_fd)(struct wire *);   /* closes our end, behind the poller's back */
	void (*reopen_fd)(struct wire *);  /* after close_fd: a new stream under the same number */
	void (*close)(struct wire *);      /* what is left of it */
	evrt_ns (*now)(void);              /* the clock that the poller's timeouts are of */
};

extern const struct wire_ops suite_wires_real;
extern const struct wire_ops suite_wires_fake;

struct suite_case {
	const char *name;
	void (*run)(void);
	unsigned needs; /* features the poller must have for the case to mean something */
	unsigned lacks; /* features it must not have */
};

extern const struct suite_case suite_basic_cases[];
extern const struct suite_case suite_edge_cases[];
extern const struct suite_case suite_hangup_cases[];
extern const struct suite_case suite_load_cases[];
extern const struct suite_case suite_thread_cases[];

/* Runs all tables and `extra` (ended by a NULL name) against one poller. For main to return. */
int suite_main(const struct evrt_backend_ops *, const struct wire_ops *, const struct suite_case *extra,
    int argc, char **argv);

/* ---- for cases; constant while they run ---- */

extern const struct evrt_backend_ops *suite_poller;
extern const struct wire_ops *suite_wires;

/* Each begins and ends with these; the poller is open in between. */
void *suite_begin(void);
void suite_end(void *state);
/* set, which must succeed. */
void suite_set(void *state, const struct wire *, uint32_t generation, unsigned old_mask, unsigned new_mask);
/* prepare and wait. */
int suite_wait(void *state, evrt_ns timeout_ns, struct evrt_ready *out, int cap);
/* Nothing is ready. */
void suite_expect_none(void *state);
/* Exactly this wire is ready, with this generation, for exactly this. */
void suite_expect_one(void *state, const struct wire *, uint32_t generation, unsigned mask);
/* Raises the limit of open descriptors; how many wires of one descriptor may be opened, at most `wanted`. */
int suite_allow_fds(int wanted);

#endif
