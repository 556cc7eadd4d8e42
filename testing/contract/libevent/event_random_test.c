/* testing/contract/libevent/event_random_test.c — random calls on the events of one base, against a model.
 *
 * Here:     the choices: thousands of steps from one seed (EVRT_TEST_SEED repeats them), each made in the library
 *           and in the model, outside of the loop and inside callbacks. After each one all events are compared.
 *           EVENT_RANDOM_TRACE=1 in the environment prints the steps.
 * Not here: what the answers should be (event_model.h); real signals, other threads, EV_CLOSED.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 *
 * Time: timers are due in the next turn, or not before this is over. To be sure of the first, the test lets some
 * microseconds pass between turns, and asks for precise timers.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/util.h>

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "testing/contract/libevent/event_model.h"
#include "testing/harness/test.h"

#define BASES 30
#define ONCE_EVENTS 4 /* of MODEL_EVENTS, the last ones */
#define STEPS_PER_BASE 250
#define EDGE_WIRES 2
#define COMMON_TIMEOUTS 2
#define FAR_UNIT_S 1000
#define CALLS_MAX 3

static struct event_base *base;
static struct event storage[MODEL_EVENTS]; /* those that event_assign makes */
static struct event *handles[MODEL_EVENTS];
static const struct timeval *common[COMMON_TIMEOUTS];
static bool has_edges, is_traced;
static int callbacks_left;
static uint64_t rng;

#define TRACE(...) (is_traced ? (void)fprintf(stderr, __VA_ARGS__) : (void)0)

static unsigned
roll(unsigned n)
{
	/* splitmix64 */
	uint64_t z = (rng += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (unsigned)((z ^ (z >> 31)) % n);
}

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Timers that are due soon are due now. */
static void
let_time_pass(void)
{
	int64_t until = now_ns() + 3000;

	while (now_ns() < until)
		continue;
}

static int
index_of(const struct model_event *m)
{
	return (int)(m - model.events);
}

static int
fd_of(const struct model_event *m)
{
	return m->events & EV_SIGNAL ? SIGUSR1 : m->wire == MODEL_NO_WIRE ? -1 : model.wires[m->wire].fd;
}

static void run(evutil_socket_t, short, void *);

/* ---- Steps on one event. */

/* A wire whose kind fits; one that is edge-triggered serves one event at a time. */
static int
choose_wire(void)
{
	int w = (int)roll(MODEL_WIRES + 3) - 3;

	if (w < 0)
		return MODEL_NO_WIRE;
	for (int i = 0; i < MODEL_EVENTS; i++)
		if (model.wires[w].is_edge && model.events[i].in_use && model.events[i].wire == w)
			return MODEL_NO_WIRE;
	return w;
}

static void
set_up(struct model_event *m)
{
	static const short kinds[] = { EV_READ, EV_WRITE, EV_READ | EV_WRITE, EV_READ };
	int i = index_of(m), wire = choose_wire();

	*m = (struct model_event){ .in_use = true, .wire = wire, .priority = model.priorities / 2 };
	if (wire == MODEL_NO_WIRE)
		m->events = (const short[]){ 0, 0, EV_SIGNAL, EV_READ }[roll(4)];
	else if (model.wires[wire].is_edge)
		m->events = EV_READ | EV_ET;
	else
		m->events = kinds[roll(4)];
	m->events |= roll(2) ? EV_PERSIST : 0;
	TRACE("set up %d: events %#x, wire %d\n", i, m->events, wire);
	if (roll(2)) {
		handles[i] = event_new(base, fd_of(m), m->events, run, m);
	} else {
		handles[i] = &storage[i];
		CHECK_INT_EQ(event_assign(handles[i], base, fd_of(m), m->events, run, m), 0);
	}
	CHECK(handles[i]);
}

static void
del(struct model_event *m)
{
	static int (*const dels[])(struct event *) = { event_del, event_del, event_del_block, event_del_noblock };

	TRACE("del %d\n", index_of(m));
	CHECK_INT_EQ(dels[roll(4)](handles[index_of(m)]), 0);
	model_del(m);
}

/* Out of it all; what it was made as may change. */
static void
step_set_up_anew(struct model_event *m)
{
	int i = index_of(m);

	if (handles[i] != &storage[i]) {
		TRACE("free %d\n", i);
		event_free(handles[i]);
		model_del(m);
	} else if (!model_is_idle(m) || m == model.running) {
		del(m); /* which ends the calls of a signal's callback */
	}
	set_up(m);
}

static void
step_del(struct model_event *m)
{
	/* A signal's event whose calls were cut short writes into libevent's stack when it is deleted again. */
	if (m == model.running && model.running_calls)
		step_set_up_anew(m);
	else
		del(m);
}

static enum model_timer
choose_timer(const struct model_event *m, struct timeval *tv)
{
	bool may_be_due = !(m->events & EV_ET) && !(m->active && (m->events & EV_SIGNAL));

	/* Whether a timeout that is called off also called off the wait for the fd: docs/COMPAT.md. */
	if (m->active && (m->must & EV_TIMEOUT) && (m->events & (EV_READ | EV_WRITE | EV_SIGNAL)) && !m->inserted)
		return TIMER_NONE;
	switch (roll(may_be_due ? 6 : 4)) {
	case 0:
	case 1:
		return TIMER_NONE;
	case 2:
		*tv = *common[roll(COMMON_TIMEOUTS)];
		return TIMER_FAR;
	case 3:
		*tv = (struct timeval){ .tv_sec = (1 + roll(9)) * FAR_UNIT_S };
		return TIMER_FAR;
	case 4:
		*tv = (struct timeval){ .tv_usec = 1 };
		return TIMER_DUE;
	default:
		/* Does not repeat, and so is for events where that makes no difference. */
		*tv = (struct timeval){ .tv_usec = m->events & EV_PERSIST ? 1 : 0 };
		return TIMER_DUE;
	}
}

static void
step_add(struct model_event *m)
{
	struct timeval tv = { 0, 0 };
	enum model_timer timer = choose_timer(m, &tv);

	TRACE("add %d: timer %d (%ld s)\n", index_of(m), timer, (long)tv.tv_sec);
	CHECK_INT_EQ(event_add(handles[index_of(m)], timer == TIMER_NONE ? NULL : &tv), 0);
	model_add(m, timer, (long)tv.tv_sec);
}

static void
step_remove_timer(struct model_event *m)
{
	if ((m->events & EV_SIGNAL) && (m->active || m == model.running))
		return; /* calls get lost: docs/COMPAT.md */
	TRACE("remove the timer of %d\n", index_of(m));
	CHECK_INT_EQ(event_remove_timer(handles[index_of(m)]), 0);
	model_remove_timer(m);
}

static void
step_active(struct model_event *m)
{
	short what = (const short[]){ EV_READ, EV_WRITE, EV_TIMEOUT }[roll(3)];
	int calls = 1;

	if (m->events & EV_SIGNAL) {
		if (m == model.running)
			return; /* calls get lost: docs/COMPAT.md */
		what = EV_SIGNAL;
		calls = m->timer == TIMER_DUE ? 1 : 1 + (int)roll(CALLS_MAX);
	}
	TRACE("activate %d: %#x, %d calls\n", index_of(m), what, calls);
	event_active(handles[index_of(m)], what, (short)calls);
	model_active(m, what, calls);
}

static void
step_priority(struct model_event *m)
{
	int priority = (int)roll((unsigned)model.priorities + 1);
	bool is_good = !m->active && priority < model.priorities;

	TRACE("priority of %d: %d\n", index_of(m), priority);
	CHECK_INT_EQ(event_priority_set(handles[index_of(m)], priority), is_good ? 0 : -1);
	if (is_good)
		m->priority = priority;
}

/* ---- Steps on wires, and others. */

static void
make_wire(struct model_wire *w, int fd)
{
	int fds[2];

	CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	if (fds[1] == fd) {
		fds[1] = fds[0];
		fds[0] = fd;
	} else if (fd >= 0 && fds[0] != fd) {
		CHECK_INT_EQ(dup2(fds[0], fd), fd);
		close(fds[0]);
		fds[0] = fd;
	}
	CHECK_INT_EQ(evutil_make_socket_nonblocking(fds[0]), 0);
	CHECK_INT_EQ(evutil_make_socket_nonblocking(fds[1]), 0);
	w->fd = fds[0];
	w->peer = fds[1];
	model_edge(w);
}

/* Another file under the same number, where nobody waits for the old one. */
static void
step_reopen(struct model_wire *w)
{
	for (int i = 0; i < MODEL_EVENTS; i++) {
		struct model_event *m = &model.events[i];
		if (!m->in_use || m->wire != (int)(w - model.wires))
			continue;
		/* One that is running, and is added again here without a word, may be told a turn later (COMPAT.md). */
		if (!m->inserted && !m->is_vague && m != model.running)
			continue;
		if (m->is_once)
			return;
		step_del(m);
	}
	TRACE("reopen %d\n", w->fd);
	if (w->peer >= 0)
		close(w->peer);
	if (roll(2)) /* else dup2 closes it */
		close(w->fd);
	make_wire(w, w->fd);
}

static void
step_wire(struct model_wire *w)
{
	static char bytes[65536];

	switch (roll(8)) {
	case 0:
		step_reopen(w);
		return;
	case 1:
		TRACE("close the peer of %d\n", w->fd);
		if (w->peer >= 0) {
			close(w->peer);
			w->peer = -1;
			model_edge(w);
		}
		return;
	case 2: /* until it is full */
		while (!w->is_edge && w->peer >= 0 && write(w->fd, bytes, sizeof(bytes)) > 0)
			continue;
		TRACE("fill %d\n", w->fd);
		return;
	case 3:
		while (!w->is_edge && w->peer >= 0 && read(w->peer, bytes, sizeof(bytes)) > 0)
			continue;
		TRACE("drain the peer of %d\n", w->fd);
		return;
	case 4:
	case 5:
		while (read(w->fd, bytes, sizeof(bytes)) > 0)
			continue;
		TRACE("drain %d\n", w->fd);
		return;
	default:
		TRACE("write to %d\n", w->fd);
		if (w->peer >= 0 && write(w->peer, bytes, 1) == 1)
			model_edge(w);
	}
}

static void
step_once(void)
{
	struct timeval zero = { 0, 0 };
	struct model_event *m = NULL;

	for (int i = MODEL_EVENTS - ONCE_EVENTS; i < MODEL_EVENTS && !m; i++)
		m = model.events[i].in_use ? NULL : &model.events[i];
	if (!m)
		return;
	*m = (struct model_event){ .in_use = true, .is_once = true, .wire = MODEL_NO_WIRE,
		.priority = model.priorities / 2 };
	int wire = choose_wire();
	if (wire == MODEL_NO_WIRE || model.wires[wire].is_edge) {
		TRACE("once: %d\n", index_of(m));
		CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, run, m, roll(2) ? &zero : NULL), 0);
		model_active(m, EV_TIMEOUT, 1);
		return;
	}
	m->wire = wire;
	m->events = roll(2) ? EV_READ : EV_WRITE;
	TRACE("once: %d, events %#x, wire %d\n", index_of(m), m->events, wire);
	CHECK_INT_EQ(event_base_once(base, fd_of(m), m->events, run, m, NULL), 0);
	model_add(m, TIMER_NONE, 0);
}

static void
step_active_by_fd(void)
{
	int wire = (int)roll(MODEL_WIRES);
	short what = roll(2) ? EV_READ : EV_WRITE;

	for (int i = 0; i < MODEL_EVENTS; i++)
		if (model.events[i].in_use && model.events[i].wire == wire && model.events[i].is_vague)
			return; /* nobody knows whether it is inserted */
	TRACE("activate all of wire %d: %#x\n", wire, what);
	event_base_active_by_fd(base, model.wires[wire].fd, what);
	model_active_by_wire(wire, what);
}

static void
step(void)
{
	static void (*const on_event[])(struct model_event *) = { step_add, step_add, step_add, step_add, step_del,
		step_remove_timer, step_active, step_active, step_priority, step_set_up_anew };
	const unsigned kinds = sizeof(on_event) / sizeof(on_event[0]);
	struct model_event *m = &model.events[roll(MODEL_EVENTS - ONCE_EVENTS)];
	unsigned kind = roll(kinds + 5);

	if (kind < kinds) {
		if (!m->in_use)
			set_up(m);
		else
			on_event[kind](m);
	} else if (kind < kinds + 3) {
		step_wire(&model.wires[roll(MODEL_WIRES)]);
	} else if (kind < kinds + 4) {
		step_once();
	} else {
		step_active_by_fd();
	}
	model_check(base, handles, run);
}

/* ---- The loop. */

static void
run(evutil_socket_t fd, short what, void *arg)
{
	struct model_event *m = arg;

	TRACE("callback of %d: %#x\n", index_of(m), what);
	CHECK_INT_EQ(fd, fd_of(m));
	model_callback_begins(m, what);
	if (!m->is_once)
		model_check_event(m, handles[index_of(m)]);
	for (unsigned n = roll(4); n > 0; n--)
		step();
	if (roll(16) == 0) {
		TRACE("loopcontinue\n");
		CHECK_INT_EQ(event_base_loopcontinue(base), 0);
		model.preempted = true;
	}
	if (--callbacks_left <= 0 && !model.running_calls) { /* see step_del */
		TRACE("loopbreak\n");
		CHECK_INT_EQ(event_base_loopbreak(base), 0);
		model_break();
	}
	model_callback_ends();
	let_time_pass();
}

static void
step_loop(void)
{
	int flags = EVLOOP_NONBLOCK | (roll(3) ? EVLOOP_ONCE : 0);

	callbacks_left = 1 + (int)roll(20);
	TRACE("loop %#x, at most %d callbacks\n", flags, callbacks_left);
	let_time_pass();
	model_loop_begins(flags);
	int result = event_base_loop(base, flags);
	TRACE("loop returns %d\n", result);
	bool broken = model.broken;
	model_loop_ended(result);
	CHECK_INT_EQ(event_base_got_break(base), broken);
	model_check(base, handles, run);
}

static void
begin(void)
{
	struct event_config *cfg = event_config_new();

	event_config_set_flag(cfg, EVENT_BASE_FLAG_PRECISE_TIMER);
	base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	CHECK(base);
	has_edges = event_base_get_features(base) & EV_FEATURE_ET;
	memset(&model, 0, sizeof(model));
	model.priorities = 1 + (int)roll(4);
	CHECK_INT_EQ(event_base_priority_init(base, model.priorities), 0);
	for (int i = 0; i < COMMON_TIMEOUTS; i++)
		common[i] = event_base_init_common_timeout(base, &(struct timeval){ .tv_sec = (i + 2) * FAR_UNIT_S });
	for (int i = 0; i < MODEL_WIRES; i++) {
		make_wire(&model.wires[i], -1);
		model.wires[i].is_edge = has_edges && i < EDGE_WIRES;
	}
}

static void
end(void)
{
	for (int i = 0; i < MODEL_EVENTS; i++) {
		const struct model_event *m = &model.events[i];
		if (m->in_use && !m->is_once && handles[i] != &storage[i])
			event_free(handles[i]);
		else if (m->in_use && !m->is_once)
			event_del(handles[i]);
	}
	event_base_free(base);
	for (int i = 0; i < MODEL_WIRES; i++) {
		close(model.wires[i].fd);
		if (model.wires[i].peer >= 0)
			close(model.wires[i].peer);
	}
}

static void
random_calls_do_what_the_model_says(void)
{
	rng = evrt_test_seed();
	is_traced = getenv("EVENT_RANDOM_TRACE") != NULL;
	/* With faults it is run hundreds of times. */
	int bases = getenv("EVRT_TEST_FAULTS") ? 1 : BASES;
	for (int b = 0; b < bases; b++) {
		TRACE("base %d\n", b);
		begin();
		for (int i = 0; i < STEPS_PER_BASE; i++) {
			for (unsigned n = roll(6); n > 0; n--)
				step();
			step_loop();
		}
		end();
	}
}

static const struct evrt_test_case cases[] = {
	{ "random_calls_do_what_the_model_says", random_calls_do_what_the_model_says },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
