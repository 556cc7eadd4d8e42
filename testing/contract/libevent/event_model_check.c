/* testing/contract/libevent/event_model_check.c — what the library says of its events, against the model.
 *
 * Here:     pending, deadlines, priorities, counts, who is visited by event_base_foreach_event.
 */
#include <event2/event.h>
#include <event2/util.h>

#include "testing/contract/libevent/event_model.h"
#include "testing/harness/test.h"

#define SLACK_S 500 /* deadlines are compared this roughly: tests set them further apart */

static int
index_of(const struct model_event *m)
{
	return (int)(m - model.events);
}

static void
check_time(const struct model_event *m, const struct timeval *at)
{
	struct timeval now, left;

	evutil_gettimeofday(&now, NULL);
	evutil_timersub(at, &now, &left);
	long off_s = (long)left.tv_sec - m->deadline_s;
	if (off_s <= -SLACK_S || off_s >= SLACK_S)
		evrt_test_fail(__FILE__, __LINE__, "event %d is due in %ld s, not in %ld s", index_of(m), (long)left.tv_sec,
		    m->deadline_s);
}

void
model_check_event(const struct model_event *m, const struct event *handle)
{
	const short all = EV_READ | EV_WRITE | EV_SIGNAL | EV_TIMEOUT;
	struct timeval at;
	short want = (m->inserted ? m->events & all : 0) | (m->timer != TIMER_NONE ? EV_TIMEOUT : 0) |
	    (m->active ? m->must & all : 0);
	short got = (short)event_pending(handle, all, &at);
	short vague = m->is_vague ? m->may | m->events : 0;

	if ((got & ~vague) != (want & ~vague) || (got & want) != want)
		evrt_test_fail(__FILE__, __LINE__, "event %d is pending for %#x, not %#x", index_of(m), got, want);
	if (m->timer != TIMER_NONE)
		check_time(m, &at);
	CHECK_INT_EQ(event_get_priority(handle), m->priority);
	CHECK_INT_EQ(event_get_events(handle), m->events);
}

struct visits {
	event_callback_fn run; /* of this test's events; the library's own are visited, too */
	int count[MODEL_EVENTS];
};

static int
count_visit(const struct event_base *b, const struct event *ev, void *arg)
{
	struct visits *v = arg;

	(void)b;
	if (event_get_callback(ev) == v->run)
		v->count[index_of(event_get_callback_arg(ev))]++;
	return 0;
}

static void
check_visits(struct event_base *base, event_callback_fn run)
{
	struct visits v = { .run = run };

	CHECK_INT_EQ(event_base_foreach_event(base, count_visit, &v), 0);
	for (int i = 0; i < MODEL_EVENTS; i++) {
		const struct model_event *m = &model.events[i];
		/* One that waits for the fd -1 is nowhere. */
		bool is_nowhere = m->wire == MODEL_NO_WIRE && !(m->events & EV_SIGNAL) && m->inserted;
		bool is_known = m->in_use && !m->is_once && !model_is_idle(m) && !is_nowhere;
		if (!m->is_vague && v.count[i] != is_known)
			evrt_test_fail(__FILE__, __LINE__, "event %d is visited %d times", i, v.count[i]);
	}
}

void
model_check(struct event_base *base, struct event *const *handles, event_callback_fn run)
{
	int active = 0, added = 0;
	bool is_vague = false;

	for (int i = 0; i < MODEL_EVENTS; i++) {
		const struct model_event *m = &model.events[i];
		if (!m->in_use)
			continue;
		if (!m->is_once)
			model_check_event(m, handles[i]);
		active += m->active;
		added += m->inserted + m->active + (m->timer != TIMER_NONE);
		is_vague |= m->is_vague;
	}
	CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), active);
	if (!is_vague)
		CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), added);
	check_visits(base, run);
}
