/* testing/unit/threading/verdict.c — see verdict.h. */
#include "testing/unit/threading/verdict.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "base/log.h"
#include "testing/harness/test.h"
#include "testing/unit/base/death.h"

/* Shared with the process that plays. */
struct page {
	int worst; /* level of message */
	char text[16384];
};
static struct page *page;

static void
keep_message(int level, const char *msg)
{
	size_t used = strlen(page->text);

	snprintf(page->text + used, sizeof(page->text) - used, "%s\n", msg);
	if (level > page->worst)
		page->worst = level;
}

static void
play(void *scenario)
{
	evrt__log_set_callback(keep_message);
	(*(void (**)(void))scenario)();
}

void
evrt_test_verdict(void (*scenario)(void), enum evrt_test_verdict wanted, const char *const *parts)
{
	static const int worst_levels[] = {0, EVRT_LOG_WARN, EVRT_LOG_ERR};
	struct evrt_test_death d;

	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(page != MAP_FAILED);
	evrt_test_die(play, &scenario, 0, &d);
	int status = wanted == EVRT_TEST_FATAL ? EVRT_TEST_DEATH_FATAL : 0;
	if (!WIFEXITED(d.status) || WEXITSTATUS(d.status) != status || page->worst != worst_levels[wanted])
		evrt_test_fail(__FILE__, __LINE__, "status 0x%x, worst level %d: %s", d.status, page->worst, page->text);
	CHECK_INT_EQ(d.fatal_code, wanted == EVRT_TEST_FATAL ? EVRT_ERR_ABORT : 0);
	const char *from = page->text;
	for (; parts && *parts; parts++) {
		const char *found = strstr(from, *parts);
		if (!found)
			evrt_test_fail(__FILE__, __LINE__, "\"%s\" is not in the rest of: %s", *parts, page->text);
		from = found + strlen(*parts);
	}
	munmap(page, sizeof(*page));
}
