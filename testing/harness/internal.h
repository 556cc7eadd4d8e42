/* testing/harness/internal.h — what the files of the runner share.
 *
 * Here:     the page that a case's process and the runner both see, the list of open descriptors, and what a
 *           run with faults needs: the runner asks for one, an injector (testing/fault) makes it come to pass.
 * Threads:  the page: any thread of the case writes, the runner reads once that process is gone.
 */
#ifndef EVRT_TESTING_HARNESS_INTERNAL_H_
#define EVRT_TESTING_HARNESS_INTERNAL_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "testing/harness/test.h"

#define EVRT_TEST_CALLS_MAX 64

/* The `nth` call of kind `call` (as the injector numbers them) fails with `error`; nth 0: none does. */
struct evrt_test_fault {
	int call;
	uint64_t nth;
	int error;
};

/* What the injector saw, up to now. */
struct evrt_test_sight {
	uint64_t calls[EVRT_TEST_CALLS_MAX]; /* how often each kind was called */
	int64_t allocs_live;
	bool injected; /* the fault has come to pass */
};

struct evrt_test_injector {
	/* In the case's process, before it begins. */
	void (*arm)(const struct evrt_test_fault *);
	/* When the case ends, by itself or by a check. Any thread, and processes that the case has made: what one
	 * of them was told counts for all. */
	void (*look)(struct evrt_test_sight *);
	/* Kind 0 is an allocation. */
	int calls;
	const char *(*name)(int call);
	/* What the kind may fail with, 0 at the end. */
	const int *(*errors)(int call);
};

/* NULL where no injector is linked. */
extern const struct evrt_test_injector *evrt__test_injector;

/* A page of shared memory rather than a pipe: no descriptor that a case could close or count. */
struct evrt_test_page {
	int finished;  /* the case's function has returned */
	int seed_used; /* the case has asked for the seed */
	int faulty;    /* `fault` is to be armed; set by the runner, like that */
	struct evrt_test_fault fault;
	struct evrt_test_sight sight;
	char reason[1024];
};

/* NULL outside a run. */
extern struct evrt_test_page *evrt__test_page;

#define EVRT_TEST_FDS_MAX 4096

struct evrt_test_fds {
	size_t count;
	int fd[EVRT_TEST_FDS_MAX];
};

/* The descriptors open now; more than EVRT_TEST_FDS_MAX are cut off. */
void evrt__test_fds_list(struct evrt_test_fds *);
/* Describes in buf how two lists differ: "left open: 7 (socket:[123])". 0 when they are equal. */
int evrt__test_fds_differ(const struct evrt_test_fds *before, const struct evrt_test_fds *after, char *buf,
    size_t len);

/* Chooses the run's seed. -1 when EVRT_TEST_SEED is no number. */
int evrt__test_seed_choose(void);
unsigned long long evrt__test_seed_value(void);

struct evrt_test_run {
	int64_t timeout_ms;
	unsigned passed, failed;
};

/* How one run of a case ended. */
struct evrt_test_attempt {
	bool finished;   /* the function of the case returned */
	int64_t took_ms;
	char reason[1024]; /* why it failed; empty: it passed */
	bool checked;      /* it was a check of the case that failed */
};

/* Runs a case in a process of its own; with a `fault` (or NULL), and then what was seen is in the page. */
void evrt__test_attempt(const struct evrt_test_run *, const struct evrt_test_case *,
    const struct evrt_test_fault *fault, struct evrt_test_attempt *);

/* Runs a case once for each fault of a kind, "alloc" or "sys", reports, and counts it in the run. */
void evrt__test_with_faults(struct evrt_test_run *, const struct evrt_test_case *, const char *kind);

/* Where base/shake.h is on, what a case does follows from a seed whether it asks for it or not. */
#ifndef EVRT_SHAKE_BUILD
#define EVRT_SHAKE_BUILD 0
#endif

/* Under a sanitizer: all takes several times as long. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define EVRT_TEST_SLOWNESS 4
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define EVRT_TEST_SLOWNESS 4
#endif
#endif
#ifndef EVRT_TEST_SLOWNESS
#define EVRT_TEST_SLOWNESS 1
#endif

#endif
