/* testing/unit/base/death.h — running what is meant to end the process, and looking at how it ended.
 *
 * Here:     one function. It forks once more, so that the case itself lives on.
 * Threads:  one.
 */
#ifndef EVRT_TESTING_UNIT_BASE_DEATH_H_
#define EVRT_TESTING_UNIT_BASE_DEATH_H_

struct evrt_test_death {
	int status;        /* of waitpid */
	int messages;      /* given to the log callback */
	int level;         /* of the last message */
	int fatal_code;    /* given to the fatal callback; 0: it was not called */
	char message[1024]; /* the last */
};

/* Exit status of a process whose fatal callback was called and did not return. */
#define EVRT_TEST_DEATH_FATAL 42

/* Runs `fn(arg)` in a process of its own, whose callbacks record. Its log callback is ours; so is its fatal
 * callback, which ends the process at once, unless `callback_returns`. */
void evrt_test_die(void (*fn)(void *), void *arg, int callback_returns, struct evrt_test_death *out);

#endif
