/* testing/harness/internal.h — what the files of the runner share.
 *
 * Here:     the page that a case's process and the runner both see, the list of open descriptors.
 * Threads:  the page: any thread of the case writes, the runner reads once that process is gone.
 */
#ifndef EVRT_TESTING_HARNESS_INTERNAL_H_
#define EVRT_TESTING_HARNESS_INTERNAL_H_

#include <stddef.h>

/* A page of shared memory rather than a pipe: no descriptor that a case could close or count. */
struct evrt_test_page {
	int finished;  /* the case's function has returned */
	int seed_used; /* the case has asked for the seed */
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

#endif
