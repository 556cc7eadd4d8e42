/* examples/events/methods.c — which ways of waiting there are, and how to choose one.
 *
 *   ./evrt example methods
 *
 *   | here: epoll poll select
 *   | by default: epoll, O(1), edge-triggered
 *   | without epoll: poll, any kind of file
 *   | nothing offers all of it: NULL
 *
 * A program seldom needs to choose: it asks for what it needs (event_config_require_features), and gets the best
 * method that has it. For a trial, EVENT_NOEPOLL=1 in the environment leaves one out.
 */
#include <stdio.h>
#include <event2/event.h>

static void
print_base(const char *title, const struct event_config *cfg)
{
	static const struct { int bit; const char *name; } names[] = {
		{ EV_FEATURE_O1, "O(1)" }, { EV_FEATURE_ET, "edge-triggered" }, { EV_FEATURE_FDS, "any kind of file" },
	};
	struct event_base *base = event_base_new_with_config(cfg);

	printf("%s: %s", title, base ? event_base_get_method(base) : "NULL");
	for (int i = 0; base && i < 3; i++)
		if (event_base_get_features(base) & names[i].bit)
			printf(", %s", names[i].name);
	puts("");
	if (base)
		event_base_free(base);
}

int
main(void)
{
	struct event_config *cfg = event_config_new();

	if (!cfg)
		return 1;
	printf("here:");
	for (const char **name = event_get_supported_methods(); *name; name++)
		printf(" %s", *name);
	puts("");
	print_base("by default", cfg);
	event_config_avoid_method(cfg, "epoll");
	print_base("without epoll", cfg);
	event_config_require_features(cfg, EV_FEATURE_O1 | EV_FEATURE_ET | EV_FEATURE_FDS);
	print_base("nothing offers all of it", cfg);
	event_config_free(cfg);
	return 0;
}
