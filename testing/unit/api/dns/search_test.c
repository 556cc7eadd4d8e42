/* testing/unit/api/dns/search_test.c — sequences of names, as libevent 2.1.12 was seen to ask for them. */
#include "api/dns/search.h"

#include <errno.h>

#include "testing/harness/fault.h"
#include "testing/unit/api/dns/text.h"

/* The whole sequence, with a blank behind each name; "!" for a step that makes no name. */
static const char *
sequence(const struct evrt_dns_search *list, const char *name, uint32_t ndots)
{
	static char all[8192];
	char out[EVRT_DNS_SEARCH_NAME_BYTES];
	int len;

	all[0] = '\0';
	for (unsigned step = 0; (len = evrt__dns_search_step(list, text_of(name), ndots, step, out)) != 0; step++) {
		CHECK(len == -EMSGSIZE || (len > 0 && (size_t)len == strlen(out)));
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s ", len > 0 ? out : "!");
	}
	return all;
}

static void
a_name_alone_is_asked_for_once(void)
{
	struct evrt_dns_search *list = evrt__dns_search_new();

	CHECK_STR_EQ(sequence(NULL, "www", 1), "www ");
	CHECK_STR_EQ(sequence(NULL, "www", 0), "www ");
	CHECK_STR_EQ(sequence(list, "www.x", 1), "www.x ");
	CHECK_STR_EQ(sequence(list, "www.x", 9), "www.x ");
	evrt__dns_search_unref(list);
}

static struct evrt_dns_search *
list_of_three(void)
{
	struct evrt_dns_search *list = evrt__dns_search_new();

	/* The one that was added last is searched first. */
	CHECK_INT_EQ(evrt__dns_search_add_first(list, text_of("a.test")), 0);
	CHECK_INT_EQ(evrt__dns_search_add_first(list, text_of(".b.test")), 0);
	CHECK_INT_EQ(evrt__dns_search_add_first(list, text_of("..c.test.")), 0);
	return list;
}

static void
dots_decide_where_the_name_itself_stands(void)
{
	struct evrt_dns_search *list = list_of_three();

	CHECK_STR_EQ(sequence(list, "www", 1), "www.c.test. www.b.test www.a.test www ");
	CHECK_STR_EQ(sequence(list, "www.x", 1), "www.x www.x.c.test. www.x.b.test www.x.a.test ");
	CHECK_STR_EQ(sequence(list, "www.x", 2), "www.x.c.test. www.x.b.test www.x.a.test www.x ");
	CHECK_STR_EQ(sequence(list, "www.x.y", 2), "www.x.y www.x.y.c.test. www.x.y.b.test www.x.y.a.test ");
	CHECK_STR_EQ(sequence(list, "www", 0), "www www.c.test. www.b.test www.a.test ");
	evrt__dns_search_unref(list);
}

static void
a_dot_at_the_end_is_a_dot(void)
{
	struct evrt_dns_search *list = list_of_three();

	CHECK_STR_EQ(sequence(list, "www.", 1), "www. www.c.test. www.b.test www.a.test ");
	CHECK_STR_EQ(sequence(list, "www.x.", 2), "www.x. www.x.c.test. www.x.b.test www.x.a.test ");
	CHECK_STR_EQ(sequence(list, ".", 1), ". ");
	CHECK_STR_EQ(sequence(list, "", 1), "");
	evrt__dns_search_unref(list);
}

static void
domains_of_files_stay_in_their_order(void)
{
	struct evrt_dns_search *list = evrt__dns_search_new();

	CHECK_INT_EQ(evrt__dns_search_add_last(list, text_of("a.test")), 0);
	CHECK_INT_EQ(evrt__dns_search_add_last(list, text_of("b.test")), 0);
	CHECK_INT_EQ(evrt__dns_search_add_first(list, text_of("z.test")), 0);
	CHECK_STR_EQ(sequence(list, "w", 1), "w.z.test w.a.test w.b.test w ");
	CHECK_INT_EQ(evrt__dns_search_add_last(list, text_of("..")), -EINVAL);
	CHECK_INT_EQ(evrt__dns_search_add_last(list, text_of("")), -EINVAL);
	CHECK_INT_EQ(evrt__dns_search_add_first(list, text_of("a..b")), -EINVAL);
	CHECK_INT_EQ(list->count, 3);
	evrt__dns_search_unref(list);
}

static void
names_that_would_be_too_long_are_passed_over(void)
{
	struct evrt_dns_search *list = evrt__dns_search_new();
	char name[300], domain[256], expected[700];

	CHECK_INT_EQ(evrt__dns_search_add_last(list, text_of("test")), 0);
	memset(name, 'x', sizeof(name));
	for (size_t i = 50; i < sizeof(name); i += 50)
		name[i] = '.';
	name[248] = '\0'; /* 248 + ".test" are 253 */
	snprintf(expected, sizeof(expected), "%s.test %s ", name, name);
	CHECK_STR_EQ(sequence(list, name, 9), expected);
	strcpy(name + 248, "x");
	snprintf(expected, sizeof(expected), "! %s ", name);
	CHECK_STR_EQ(sequence(list, name, 9), expected);
	strcpy(name + 249, "xxxx.");
	snprintf(expected, sizeof(expected), "%s ! ", name);
	CHECK_STR_EQ(sequence(list, name, 0), expected);
	strcpy(name + 253, "x");
	CHECK_STR_EQ(sequence(list, name, 0), "! ! ");
	memset(name, 'x', sizeof(name));
	name[299] = '\0';
	CHECK_STR_EQ(sequence(list, name, 0), "! ! ");
	/* The longest domain behind the longest name fills the buffer, and no more. */
	for (size_t i = 0; i < 253; i++)
		domain[i] = i % 2 ? '.' : 'd';
	strcpy(domain + 253, ".");
	CHECK_INT_EQ(evrt__dns_search_add_first(list, text_of(domain)), 0);
	CHECK_STR_EQ(sequence(list, "w", 1), "! w.test w ");
	CHECK_STR_EQ(sequence(list, domain, 0), "d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d."
	    "d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d."
	    "d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d.d. ! ! ");
	evrt__dns_search_unref(list);
}

static void
the_host_s_own_domain(void)
{
	CHECK_TEXT_EQ(evrt__dns_search_of_host(text_of("box.home.test")), "home.test");
	CHECK_TEXT_EQ(evrt__dns_search_of_host(text_of("box.")), "");
	CHECK_TEXT_EQ(evrt__dns_search_of_host(text_of("box")), "");
	CHECK_TEXT_EQ(evrt__dns_search_of_host(text_of("")), "");
}

static void
a_list_lives_as_long_as_its_last_user(void)
{
	evrt_test_fail_alloc(0);
	struct evrt_dns_search *list = list_of_three(), *again = evrt__dns_search_ref(list);

	evrt__dns_search_unref(list);
	CHECK_STR_EQ(sequence(again, "w", 1), "w.c.test. w.b.test w.a.test w ");
	evrt__dns_search_unref(again);
	evrt__dns_search_unref(NULL);
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
}

static void
without_memory_the_list_stays_as_it_was(void)
{
	struct evrt_dns_search *list = list_of_three();

	evrt_test_fail_alloc(1);
	CHECK(evrt__dns_search_new() == NULL);
	evrt_test_fail_alloc(1);
	CHECK_INT_EQ(evrt__dns_search_add_first(list, text_of("d.test")), -ENOMEM);
	CHECK_STR_EQ(sequence(list, "w", 1), "w.c.test. w.b.test w.a.test w ");
	evrt__dns_search_unref(list);
}

static const struct evrt_test_case cases[] = {
	{"a_name_alone_is_asked_for_once", a_name_alone_is_asked_for_once},
	{"dots_decide_where_the_name_itself_stands", dots_decide_where_the_name_itself_stands},
	{"a_dot_at_the_end_is_a_dot", a_dot_at_the_end_is_a_dot},
	{"domains_of_files_stay_in_their_order", domains_of_files_stay_in_their_order},
	{"names_that_would_be_too_long_are_passed_over", names_that_would_be_too_long_are_passed_over},
	{"the_host_s_own_domain", the_host_s_own_domain},
	{"a_list_lives_as_long_as_its_last_user", a_list_lives_as_long_as_its_last_user},
	{"without_memory_the_list_stays_as_it_was", without_memory_the_list_stays_as_it_was},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
