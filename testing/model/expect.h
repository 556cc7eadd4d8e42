/* testing/model/expect.h — what a test says of a model that was checked.
 *
 * Threads:  one.
 */
#ifndef EVRT_TESTING_MODEL_EXPECT_H_
#define EVRT_TESTING_MODEL_EXPECT_H_

#include <string.h>

#include "testing/harness/test.h"
#include "testing/model/model.h"

/* No order of its steps broke it. */
static inline void
model_expect_holds(const char *name, const struct evrt_model_result *r)
{
	if (r->failed)
		evrt_test_fail(__FILE__, __LINE__, "%s: %s, by schedule %s", name, r->failure, r->schedule);
	CHECK(r->runs > 0);
}

/* A planted bug was found, and by this. */
static inline void
model_expect_failure(const char *name, const struct evrt_model_result *r, const char *failure)
{
	if (!r->failed || !strstr(r->failure, failure))
		evrt_test_fail(__FILE__, __LINE__, "%s: wanted \"%s\", got \"%s\"", name, failure, r->failure);
}

#endif
