/* testing/unit/api/bufferevent/graph_acts.c — see graph_rig.h: what is done to stations at random.
 *
 * Here:     a table of acts, drawn from by weight; how all of them are undone.
 * Threads:  one. Acts are also done inside of callbacks.
 */
#include "testing/unit/api/bufferevent/graph_rig.h"

#include <unistd.h>

#include "testing/harness/test.h"

#define HOLDS_MAX 16

static struct bufferevent *held[HOLDS_MAX];

/* --- enabling, marks, timeouts, limits ------------------------------------------------------------ */

static short
random_directions(void)
{
	static const short directions[] = { EV_READ, EV_WRITE, EV_READ | EV_WRITE };

	return directions[below(3)];
}

static void
act_enable(struct station *s)
{
	short events = random_directions();

	/* First: callbacks may come from inside, and do more. */
	s->enabled |= events;
	CHECK(bufferevent_enable(top(s), events) == 0 || graph.faults);
}

static void
act_disable(struct station *s)
{
	short events = random_directions();

	s->enabled &= (short)~events;
	CHECK_INT_EQ(bufferevent_disable(top(s), events), 0);
}

static void
set_read_marks(struct station *s, size_t low, size_t high)
{
	s->low = low;
	s->high = high;
	s->excused = true;
	bufferevent_setwatermark(top(s), EV_READ, low, high);
}

static void
act_read_marks(struct station *s)
{
	size_t high = one_in(3) ? 0 : 1 + below(one_in(4) ? 10 : 10000);

	set_read_marks(s, one_in(2) ? below(2000) : 0, high);
}

/* Of any layer: what is above looks at the high one. A TLS layer sets the marks below itself. */
static void
act_write_marks(struct station *s)
{
	struct bufferevent *bev = s->has_tls ? top(s) : s->layer[below((uint32_t)s->layers)];

	bufferevent_setwatermark(bev, EV_WRITE, one_in(2) ? below(4000) : 0, one_in(2) ? 1 + below(10000) : 0);
}

static void
act_timeouts(struct station *s)
{
	static const struct timeval long_time = { 1000, 0 };
	struct bufferevent *bev = s->layer[below((uint32_t)s->layers)];

	CHECK(bufferevent_set_timeouts(bev, one_in(2) ? &long_time : NULL, one_in(2) ? &long_time : NULL) == 0 ||
	    graph.faults);
}

static void
act_rate_limit(struct station *s)
{
	struct ev_token_bucket_cfg *const cfgs[] = { NULL, graph.slow, graph.fast };
	struct bufferevent *bev = s->layer[below((uint32_t)s->layers)];

	CHECK(bufferevent_set_rate_limit(bev, cfgs[below(3)]) == 0 || graph.faults);
}

static void
act_group(struct station *s)
{
	struct bufferevent *bev = s->layer[below((uint32_t)s->layers)];

	if (one_in(2))
		CHECK(bufferevent_add_to_rate_limit_group(bev, graph.group) == 0 || graph.faults);
	else
		CHECK_INT_EQ(bufferevent_remove_from_rate_limit_group(bev), 0);
}

static void
act_single(struct station *s)
{
	struct bufferevent *bev = s->layer[below((uint32_t)s->layers)];

	CHECK_INT_EQ(bufferevent_set_max_single_read(bev, one_in(2) ? 0 : 1 + below(5000)), 0);
	CHECK_INT_EQ(bufferevent_set_max_single_write(bev, one_in(2) ? 0 : 1 + below(5000)), 0);
}

static void
act_priority(struct station *s)
{
	int priority = (int)below(3);

	/* Fails while it is active. */
	if (bufferevent_priority_set(top(s), priority) == 0)
		CHECK_INT_EQ(bufferevent_get_priority(top(s)), priority);
}

/* --- callbacks ------------------------------------------------------------------------------------ */

static void
act_callbacks(struct station *s)
{
	bufferevent_event_cb on_event;
	void *arg;

	station_set_callbacks(s);
	if (one_in(2))
		return;
	bufferevent_getcb(top(s), NULL, NULL, &on_event, &arg);
	CHECK_PTR_EQ(arg, s);
	bufferevent_setcb(top(s), NULL, NULL, on_event, arg);
}

static void act_lazy(struct station *s) { s->lazy = !s->lazy; }

static void
act_trigger(struct station *s)
{
	bufferevent_trigger(top(s), random_directions(), (one_in(2) ? BEV_TRIG_IGNORE_WATERMARKS : 0) |
	    (one_in(2) ? BEV_TRIG_DEFER_CALLBACKS : 0));
}

static void
act_trigger_event(struct station *s)
{
	bufferevent_trigger_event(top(s), BEV_EVENT_CONNECTED, one_in(2) ? BEV_TRIG_DEFER_CALLBACKS : 0);
}

static void
act_flush(struct station *s)
{
	int number = (int)(s - s->route->station);
	short directions = random_directions();
	struct station *other = &s->route->station[number ^ 1];

	/* It takes no notice of marks, at both ends. */
	s->excused = other->excused = true;
	bufferevent_flush(s->layer[below((uint32_t)s->layers)], directions, one_in(4) ? BEV_NORMAL : BEV_FLUSH);
}

/* --- descriptors, references ----------------------------------------------------------------------- */

/* The same connection behind another descriptor, or once more behind the same. */
static void
act_descriptor(struct station *s)
{
	evutil_socket_t fd = bufferevent_getfd(top(s));

	if (s->has_tls || !s->has_fd) {
		CHECK(s->has_fd || s->has_tls || fd == -1);
		return;
	}
	if (one_in(3)) {
		CHECK(bufferevent_setfd(top(s), fd) == 0 || graph.faults);
		return;
	}
	evutil_socket_t copy = dup(fd);
	CHECK(copy >= 0);
	if (s->own_fd >= 0)
		s->own_fd = copy;
	CHECK(bufferevent_replacefd(top(s), copy) == 0 || graph.faults);
	CHECK_INT_EQ(bufferevent_getfd(top(s)), copy);
}

static void
act_hold(struct station *s)
{
	struct bufferevent **place = &held[below(HOLDS_MAX)], *before = *place;

	bufferevent_incref(top(s));
	*place = top(s);
	if (before)
		bufferevent_decref(before);
}

void
acts_let_go(void)
{
	for (int i = 0; i < HOLDS_MAX; i++) {
		if (held[i])
			bufferevent_decref(held[i]);
		held[i] = NULL;
	}
}

/* --- routes --------------------------------------------------------------------------------------- */

static void act_free(struct station *s) { route_free(s->route); }
static void act_extend(struct station *s) { route_extend(s->route); }

/* One station only: the others hear of it, or wait for ever. */
static void
act_break(struct station *s)
{
	s->route->broken = true;
	station_free(s);
}

static void
act_quota(struct station *s)
{
	if (!s->route->broken)
		s->route->stream[below(2)].quota += below(20000);
}

/* --- all ------------------------------------------------------------------------------------------ */

static const struct {
	unsigned weight;
	void (*act)(struct station *);
} acts[] = {
	{ 60, act_quota },
	{ 60, station_poke },
	{ 50, act_enable },
	{ 20, act_disable },
	{ 20, act_read_marks },
	{ 20, act_write_marks },
	{ 10, act_timeouts },
	{ 10, act_rate_limit },
	{ 10, act_group },
	{ 10, act_single },
	{ 5, act_priority },
	{ 20, act_callbacks },
	{ 10, act_lazy },
	{ 20, act_trigger },
	{ 5, act_trigger_event },
	{ 40, act_flush },
	{ 10, act_descriptor },
	{ 10, act_hold },
	{ 2, act_free },
	{ 1, act_break },
	{ 3, act_extend },
};

void
act_on(struct station *s)
{
	unsigned sum = 0, i;

	for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		sum += acts[i].weight;
	unsigned drawn = below(sum);
	for (i = 0; drawn >= acts[i].weight; i++)
		drawn -= acts[i].weight;
	acts[i].act(s);
}

void
station_reopen(struct station *s)
{
	for (int i = 0; i < s->layers; i++) {
		struct bufferevent *bev = s->layer[i];
		CHECK_INT_EQ(bufferevent_set_rate_limit(bev, NULL), 0);
		CHECK_INT_EQ(bufferevent_remove_from_rate_limit_group(bev), 0);
		CHECK_INT_EQ(bufferevent_set_timeouts(bev, NULL, NULL), 0);
		CHECK_INT_EQ(bufferevent_set_max_single_read(bev, 0), 0);
		CHECK_INT_EQ(bufferevent_set_max_single_write(bev, 0), 0);
		if (i == s->layers - 1 || !s->has_tls)
			bufferevent_setwatermark(bev, EV_WRITE, 0, 0);
	}
	s->lazy = false;
	station_set_callbacks(s);
	set_read_marks(s, 0, 0);
	s->enabled = EV_READ | EV_WRITE;
	CHECK_INT_EQ(bufferevent_enable(top(s), EV_READ | EV_WRITE), 0);
}
