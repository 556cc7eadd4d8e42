/* testing/contract/libevent/event_model.h — what the events of one base and its loop must do, as plain data.
 *
 * Here:     the state of each event, and the rules by which calls, reports and time change it. The model is told
 *           of each call that the test makes and of each callback that comes; it fails the case when a callback
 *           comes that must not, or does not come that must.
 * Not here: the library under test, and choices (event_random_test.c).
 *
 * The loop's turns cannot be seen from outside, so the model follows them behind: when a callback comes that the
 * current turn does not have, that turn must be over, and the next has begun. What the next found is computed
 * then: nothing but callbacks changes descriptors, so they still are as the loop saw them.
 *
 * A turn: look at the fds, then at the timers; of what is active run the most urgent priority that there is, in
 * the order of activation, to its end, with what joins it meanwhile. Something more urgent, or
 * event_base_loopcontinue, ends the turn early.
 */
#ifndef EVRT_TESTING_CONTRACT_LIBEVENT_EVENT_MODEL_H_
#define EVRT_TESTING_CONTRACT_LIBEVENT_EVENT_MODEL_H_

#include <event2/event.h>

#include <stdbool.h>

#define MODEL_EVENTS 24
#define MODEL_WIRES 8
#define MODEL_NO_WIRE (-1)

/* A connected pair: events wait on `fd`, the test writes to and reads from `peer`. */
struct model_wire {
	int fd, peer;      /* peer -1: closed */
	bool is_edge;      /* its one event has EV_ET */
	bool has_edge;     /* something happened that an edge-triggered event has not been told */
};

enum model_timer { TIMER_NONE, TIMER_DUE, TIMER_FAR };

struct model_event {
	bool in_use;
	bool is_once;               /* made by event_base_once: nobody can reach it but its callback */
	int wire;                   /* index, or MODEL_NO_WIRE: fd -1, or a signal */
	short events;
	int priority;

	bool inserted;
	enum model_timer timer;
	long deadline_s;            /* of the timer that is, or was last, set: seconds from now, 0 for TIMER_DUE */
	enum model_timer interval;  /* with EV_PERSIST: how to set it again */
	long interval_s;
	unsigned inserted_order;    /* later ones on one fd are told first; 0: unknown */

	bool active;
	short must, may;            /* what its callback is told: at least, and at most */
	unsigned active_order;      /* the lower runs first; 0: unknown */
	int calls;                  /* EV_SIGNAL: calls still to come, when it runs */
	/* Timed out while it was active, or waited for an fd, too. Until it has run, what it is told beside the
	 * timeout, its place in the queue, and whether it is still inserted, are not the same in all libraries. */
	bool is_vague;
};

struct model {
	struct model_event events[MODEL_EVENTS];
	struct model_wire wires[MODEL_WIRES];
	int priorities;
	unsigned order;             /* the last one given */

	int flags;                  /* of event_base_loop */
	bool in_loop, in_turn;
	bool preempted;             /* this turn ends after the running callback */
	bool broken;                /* and the loop with it */
	int turn_priority;          /* what the turn runs */
	bool turn_ran;
	struct model_event *running; /* whose callback runs */
	struct model_event *repeated;
	int running_calls;          /* calls of the callback of `repeated`, a signal's, that still follow */
};

extern struct model model;

/* What the test did, in its words. `seconds` counts for TIMER_FAR. */
void model_add(struct model_event *, enum model_timer, long seconds);
void model_del(struct model_event *);
void model_remove_timer(struct model_event *);
void model_active(struct model_event *, short what, int calls);
/* event_base_active_by_fd. */
void model_active_by_wire(int wire, short what);
void model_edge(struct model_wire *);
bool model_is_idle(const struct model_event *);

/* Around event_base_loop, and at the begin and end of each callback. */
void model_loop_begins(int flags);
void model_callback_begins(struct model_event *, short what);
void model_callback_ends(void);
void model_break(void);
void model_loop_ended(int result);

/* event_model_check.c. Fails the case where the library says something else: of one event, and of all. handles[i]
 * is the library's event for model.events[i], `run` the callback of all of them. */
void model_check_event(const struct model_event *, const struct event *handle);
void model_check(struct event_base *, struct event *const *handles, event_callback_fn run);

#endif
