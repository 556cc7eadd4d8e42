/* testing/harness/test.h — tables of test cases, each run in a process of its own.
 *
 * Here:     the checks, the runner, the seed of random tests. A case is forked off, so that a crash, a hang
 *           or a leaked descriptor is one line of the report and the next case starts clean.
 * Not here: failing allocations (fault.h), waiting for other threads (wait.h).
 * Threads:  checks may be made on any thread; the first that fails ends the whole case.
 *
 * Nothing here depends on the library under test: a test may be linked against another one.
 */
#ifndef EVRT_TESTING_HARNESS_TEST_H_
#define EVRT_TESTING_HARNESS_TEST_H_

#include <stddef.h>
#include <stdint.h>

struct evrt_test_case {
	const char *name;
	void (*run)(void);
};

/* Runs the cases of a table that ends in {NULL, NULL}: all of them, or those whose name begins with one of
 * the arguments. One line per case, "ok NAME (MS ms)" or "FAIL NAME: REASON", then "N passed, N failed".
 * The exit status to return from main: 0 all passed; 1 a case failed, or there was none; 2 a bad argument.
 *
 * A case passes when its function returns, within EVRT_TEST_TIMEOUT_S seconds (default 60, several times
 * that under sanitizers), with the descriptors open that were open before, and exit() then ends in 0 (leak
 * checkers report there). Processes that it leaves behind are killed.
 *
 * With EVRT_TEST_FAULTS=alloc, in a program that testing/fault:inject is linked into, each case is
 * run again and again, while one allocation fails: the first, the second, and so on. EVRT_TEST_FAULTS=sys does so
 * with the system calls of base/sys.h's table, and each error that they may meet. Such a run may pass, or
 * fail in a check, for the case was told of the error. It may not crash, hang, leak, or show EINTR. A case
 * that makes very many calls meets a sample of the faults, chosen by the seed. */
int evrt_test_main(int argc, char **argv, const struct evrt_test_case *cases);

/* The seed for this run's random choices: EVRT_TEST_SEED if set, else random. The report of a failed case
 * names it, if the case asked for it. The same for all cases of one run. In a shake build (base/shake.h) the delays
 * follow from it, too, unless EVRT_SHAKE_SEED is set. */
uint64_t evrt_test_seed(void);

/* Ends the case as failed; the printf-style reason is cut at about 1 kB. */
_Noreturn void evrt_test_fail(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Each argument is evaluated once. NULL strings are equal to each other only. */
#define CHECK(expr) ((expr) ? (void)0 : evrt_test_fail(__FILE__, __LINE__, "%s", #expr))
#define CHECK_INT_EQ(a, b) \
	evrt__test_int_eq(__FILE__, __LINE__, #a " == " #b, (intmax_t)(a), (intmax_t)(b))
#define CHECK_PTR_EQ(a, b) evrt__test_ptr_eq(__FILE__, __LINE__, #a " == " #b, (a), (b))
#define CHECK_STR_EQ(a, b) evrt__test_str_eq(__FILE__, __LINE__, #a " == " #b, (a), (b))
#define CHECK_MEM_EQ(a, b, len) evrt__test_mem_eq(__FILE__, __LINE__, #a " == " #b, (a), (b), (len))

void evrt__test_int_eq(const char *file, int line, const char *expr, intmax_t a, intmax_t b);
void evrt__test_ptr_eq(const char *file, int line, const char *expr, const void *a, const void *b);
void evrt__test_str_eq(const char *file, int line, const char *expr, const char *a, const char *b);
void evrt__test_mem_eq(const char *file, int line, const char *expr, const void *a, const void *b,
    size_t len);

#endif
