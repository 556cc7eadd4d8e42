/* testing/contract/libevent/event_model.c — see event_model.h. */
#include "testing/contract/libevent/event_model.h"

#include <poll.h>
#include <stddef.h>

#include "testing/harness/test.h"

#define IO_EVENTS (EV_READ | EV_WRITE)

struct model model;

static int
index_of(const struct model_event *ev)
{
	return (int)(ev - model.events);
}

bool
model_is_idle(const struct model_event *ev)
{
	return !ev->inserted && !ev->active && ev->timer == TIMER_NONE;
}

void
model_edge(struct model_wire *w)
{
	w->has_edge = true;
}

static void
insert(struct model_event *ev, unsigned order)
{
	if (ev->inserted || !(ev->events & (IO_EVENTS | EV_SIGNAL)))
		return;
	ev->inserted = true;
	ev->inserted_order = order;
	/* Whoever begins to wait for an edge is told what is there already. */
	if (ev->wire != MODEL_NO_WIRE)
		model_edge(&model.wires[ev->wire]);
}

static void
deactivate(struct model_event *ev)
{
	ev->active = false;
	ev->is_vague = false;
	if (model.running == ev)
		model.running_calls = 0; /* of a signal's callback */
}

void
model_add(struct model_event *ev, enum model_timer timer, long seconds)
{
	bool has_timed_out = ev->active && (ev->must & EV_TIMEOUT);

	if (!ev->active || (timer != TIMER_NONE && has_timed_out))
		insert(ev, ev->is_vague ? 0 : ++model.order);
	if (timer == TIMER_NONE)
		return;
	/* A timeout that has passed and not run yet is called off. */
	if (has_timed_out)
		deactivate(ev);
	ev->timer = timer;
	ev->deadline_s = seconds;
	if (ev->events & EV_PERSIST) {
		ev->interval = timer;
		ev->interval_s = seconds;
	}
}

void
model_del(struct model_event *ev)
{
	deactivate(ev);
	ev->inserted = false;
	ev->timer = TIMER_NONE;
}

void
model_remove_timer(struct model_event *ev)
{
	if (ev->timer == TIMER_NONE)
		return;
	ev->timer = TIMER_NONE;
	ev->interval = TIMER_NONE;
}

static void
activate(struct model_event *ev, short what, int calls, unsigned order)
{
	if (!ev->active) {
		ev->active = true;
		ev->must = ev->may = 0;
		ev->active_order = order;
		ev->calls = calls;
	}
	ev->must |= what;
	ev->may |= what;
	if (model.running && ev->priority < model.turn_priority)
		model.preempted = true;
}

void
model_active(struct model_event *ev, short what, int calls)
{
	activate(ev, what, calls, ++model.order);
}

/* The events of one fd that want something of `what`, the newest first. Those activated at once have `order`;
 * which of two fds comes first is the kernel's affair. */
static void
report(int wire, short what, unsigned order)
{
	for (int i = 0; i < MODEL_EVENTS; i++) {
		struct model_event *ev = &model.events[i];
		if (!ev->in_use || ev->wire != wire)
			continue;
		if (ev->is_vague)
			ev->may |= ev->events & what;
		else if (ev->inserted && (ev->events & what & IO_EVENTS))
			activate(ev, ev->events & what, 0, order);
	}
}

void
model_active_by_wire(int wire, short what)
{
	report(wire, what, ++model.order);
}

static void
look_at_wires(void)
{
	unsigned order = ++model.order;

	for (int i = 0; i < MODEL_WIRES; i++) {
		struct model_wire *w = &model.wires[i];
		struct pollfd p = { .fd = w->fd, .events = POLLIN | POLLOUT };
		CHECK(poll(&p, 1, 0) >= 0);
		short what = (p.revents & (POLLIN | POLLHUP) ? EV_READ : 0) | (p.revents & (POLLOUT | POLLHUP) ? EV_WRITE : 0);
		if (!w->is_edge || w->has_edge)
			report(i, what ? what | EV_ET : 0, order);
		for (int j = 0; j < MODEL_EVENTS; j++)
			if (model.events[j].in_use && model.events[j].wire == i && model.events[j].inserted)
				w->has_edge = false;
	}
}

static void
time_out(struct model_event *ev, unsigned order)
{
	bool is_vague = ev->active || ev->inserted;
	short before = ev->active ? ev->must : 0;

	ev->timer = TIMER_NONE;
	ev->inserted = false;
	if (!ev->active)
		activate(ev, EV_TIMEOUT, 1, order);
	ev->must = EV_TIMEOUT;
	ev->may |= before | EV_TIMEOUT;
	if (is_vague) {
		ev->is_vague = true;
		ev->active_order = 0;
	}
}

static void
look_at_timers(void)
{
	unsigned order = ++model.order;

	for (int i = 0; i < MODEL_EVENTS; i++)
		if (model.events[i].in_use && model.events[i].timer == TIMER_DUE)
			time_out(&model.events[i], order);
}

static int
most_urgent(void)
{
	int found = model.priorities;

	for (int i = 0; i < MODEL_EVENTS; i++)
		if (model.events[i].in_use && model.events[i].active && model.events[i].priority < found)
			found = model.events[i].priority;
	return found;
}

static bool
has_events(void)
{
	for (int i = 0; i < MODEL_EVENTS; i++)
		if (model.events[i].in_use && !model_is_idle(&model.events[i]))
			return true;
	return false;
}

enum next { TURN_GOES_ON, TURN_BEGINS, LOOP_RETURNS_0, LOOP_RETURNS_1 };

/* What the loop does now that no callback runs. */
static enum next
model_next(void)
{
	if (model.running_calls)
		return TURN_GOES_ON;
	if (model.in_turn && !model.preempted && !model.broken && most_urgent() <= model.turn_priority)
		return TURN_GOES_ON;
	bool ends_once = (model.flags & EVLOOP_ONCE) && model.in_turn && model.turn_ran &&
	    most_urgent() == model.priorities;
	model.in_turn = false;
	if (model.broken || ends_once)
		return LOOP_RETURNS_0;
	if (!has_events())
		return LOOP_RETURNS_1;
	look_at_wires();
	look_at_timers();
	model.turn_priority = most_urgent();
	if (model.turn_priority == model.priorities)
		return LOOP_RETURNS_0; /* EVLOOP_NONBLOCK */
	model.in_turn = true;
	model.turn_ran = model.preempted = false;
	return TURN_BEGINS;
}

void
model_loop_begins(int flags)
{
	model.flags = flags;
	model.in_loop = true;
	model.in_turn = model.broken = model.preempted = false;
}

/* No other event of the turn's queue was to run before this one. */
static void
check_order(const struct model_event *ev)
{
	for (int i = 0; i < MODEL_EVENTS; i++) {
		const struct model_event *other = &model.events[i];
		if (!other->in_use || !other->active || other->priority != ev->priority || other == ev)
			continue;
		if (!other->active_order || !ev->active_order)
			continue;
		if (other->active_order < ev->active_order)
			evrt_test_fail(__FILE__, __LINE__, "event %d ran before %d, which was active earlier", index_of(ev), i);
		if (other->active_order == ev->active_order && other->wire == ev->wire && ev->inserted_order &&
		    other->inserted && ev->inserted && other->inserted_order > ev->inserted_order)
			evrt_test_fail(__FILE__, __LINE__, "event %d ran before %d, which was added later", index_of(ev), i);
	}
}

/* The changes of an event between activation and callback. */
static void
start(struct model_event *ev)
{
	bool was_vague = ev->is_vague;

	ev->active = ev->is_vague = false;
	if (!(ev->events & EV_PERSIST)) {
		ev->inserted = false;
		ev->timer = TIMER_NONE;
	} else if (ev->interval != TIMER_NONE && !(ev->events & EV_SIGNAL)) {
		/* After a timeout (which event_active may have told) from deadline to deadline, else from now. */
		ev->deadline_s = (ev->must & EV_TIMEOUT ? ev->deadline_s : 0) + ev->interval_s;
		ev->timer = ev->deadline_s ? TIMER_FAR : TIMER_DUE;
		if (!ev->inserted)
			insert(ev, was_vague ? 0 : ++model.order);
	}
}

void
model_callback_begins(struct model_event *ev, short what)
{
	CHECK(model.in_loop && !model.running);
	if (model.running_calls) {
		CHECK(ev == model.repeated);
		model.running = ev;
		model.running_calls--;
		return;
	}
	enum next next = model_next();
	if (next != TURN_GOES_ON && next != TURN_BEGINS)
		evrt_test_fail(__FILE__, __LINE__, "event %d ran where the loop should have returned", index_of(ev));
	if (!ev->active || ev->priority != most_urgent())
		evrt_test_fail(__FILE__, __LINE__, "event %d ran: active %d, priority %d, turn of %d", index_of(ev),
		    ev->active, ev->priority, model.turn_priority);
	if ((what & ev->must) != ev->must || (what & ~ev->may))
		evrt_test_fail(__FILE__, __LINE__, "event %d is told %#x, not %#x to %#x", index_of(ev), what, ev->must,
		    ev->may);
	check_order(ev);
	model.turn_ran = true;
	model.running = model.repeated = ev;
	model.running_calls = ev->events & EV_SIGNAL ? ev->calls - 1 : 0;
	start(ev);
}

void
model_callback_ends(void)
{
	if (model.running && model.running->is_once)
		model.running->in_use = false;
	model.running = NULL;
}

void
model_break(void)
{
	model.broken = true;
	model.running_calls = 0;
}

void
model_loop_ended(int result)
{
	enum next next = model_next();

	if (next == TURN_GOES_ON || next == TURN_BEGINS)
		evrt_test_fail(__FILE__, __LINE__, "the loop returned %d with something of priority %d to run", result,
		    most_urgent());
	CHECK_INT_EQ(result, next == LOOP_RETURNS_1);
	model.in_loop = false;
}
