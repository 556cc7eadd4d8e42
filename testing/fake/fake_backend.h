/* testing/fake/fake_backend.h — a poller whose readiness is written by the test.
 *
 * Here:     evrt__backend_fake, and a small kernel to go with it: what each fd is ready for, which fds are
 *           closed or refused, and counts of all calls. Readiness belongs to the fd, not to the poller, so
 *           that a test needs no hold on the poller that the engine opened.
 * Not here: descriptors. Numbers from 0 to EVRT_FAKE_FDS_MAX - 1 are open from the start; the real ones that
 *           the engine makes (its wake descriptor) are not looked at: a test says when they are ready.
 * Threads:  any; one lock guards everything. It is a leaf: nothing is called under it but the clock.
 *
 * Time: a wait with a finite timeout that finds nothing ready advances the test's clock by that timeout and
 * returns at once. A wait for ever blocks until another thread's call gives it something to report.
 */
#ifndef EVRT_TESTING_FAKE_FAKE_BACKEND_H_
#define EVRT_TESTING_FAKE_FAKE_BACKEND_H_

#include <stdint.h>
#include "backends/backend.h"
#include "base/clock.h"

#define EVRT_FAKE_FDS_MAX 8192

struct evrt_fake_counts {
	uint64_t opens;
	uint64_t closes;
	uint64_t adds;     /* set with old mask 0 */
	uint64_t changes;  /* set with two different masks */
	uint64_t rearms;   /* set with equal masks */
	uint64_t removes;  /* set with new mask 0 */
	uint64_t prepares;
	uint64_t waits;
	evrt_ns last_timeout_ns; /* as given to the latest wait */
};

/* Edges like epoll's, set takes effect on a running wait. */
extern const struct evrt_backend_ops evrt__backend_fake;

/* All fds open and not ready, counts zero, no failures planned. Waits advance `clock`; NULL: none.
 * No poller may be open. */
void evrt__fake_reset(struct evrt_clock *clock);
/* The fd is ready for the EVRT_READ|WRITE|CLOSED bits of `mask`, beside what it was; EVRT_HUP: it is in
 * error. Each call is an edge, as each arrival of data is. */
void evrt__fake_ready(int fd, unsigned mask);
/* No longer ready for `mask` (drained, or the buffer is full). */
void evrt__fake_unready(int fd, unsigned mask);
/* Closed, behind the back of every poller, which forgets it without a word. */
void evrt__fake_close(int fd);
/* Open again, not ready, not in any poller. */
void evrt__fake_reopen(int fd);
/* Every set of this fd that does not remove it answers `err` (-EPERM, say), until err is 0. */
void evrt__fake_refuse(int fd, int err);
/* The next wait answers `err`, once. */
void evrt__fake_fail_wait(int err);
struct evrt_fake_counts evrt__fake_counts(void);

#endif
