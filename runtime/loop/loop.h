/* runtime/loop/loop.h — one thread's event loop: libevent's event_base, in native words.
 *
 * Here:     the turn (wait, report, expire, run), its flags, how it ends.
 * Not here: events (api/event), many workers (runtime/pool).
 * Threads:  one runs it; others enter through the strand's lock and wake it.
 * Locks:    strand.lock (rank base) guards everything here unless a field says otherwise.
 */
#ifndef EVRT_RUNTIME_LOOP_LOOP_H_
#define EVRT_RUNTIME_LOOP_LOOP_H_

#include "runtime/loop/fdmap.h"
#include "runtime/loop/reactor.h"
#include "runtime/loop/strand.h"

enum evrt_loop_flag { /* libevent's EVLOOP_* numbers */
	EVRT_LOOP_ONCE = 0x01,
	EVRT_LOOP_NONBLOCK = 0x02,
	EVRT_LOOP_NO_EXIT_ON_EMPTY = 0x04,
};

struct evrt_loop {
	struct evrt_strand strand;
	struct evrt_reactor reactor;
	struct evrt_fdmap fdmap;
	int event_count;             /* what keeps the loop from ending: added, not internal */
	int event_count_max;
	int virtual_count;           /* the same, for things that are no events */
	int virtual_count_max;
	bool running;
	unsigned long owner;         /* evrt__thread_id() of the thread that runs it */
	bool exit, stop, again;      /* loopexit has fired; loopbreak; loopcontinue. Kept after the loop */
	evrt_ns now;                 /* time of this turn while callbacks run; 0: ask the clock */
	bool cache_time;
	evrt_ns dispatch_max_ns;     /* look for new events at least this often … */
	int dispatch_callbacks_max;  /* … or after so many callbacks … */
	unsigned dispatch_after_pri; /* … while running this priority or a less urgent one */
};

/* 0 or -errno. `locked` false: a base that only one thread will ever use. */
int evrt__loop_init(struct evrt_loop *, const struct evrt_backend_ops *, struct evrt_clock *,
    unsigned priorities, bool locked);
/* Everything watched, armed or active must be gone. */
void evrt__loop_fini(struct evrt_loop *);

/* Runs turns until done. 0; 1: nothing is pending; -errno: the poller failed, or (-EBUSY) the loop runs already. */
int evrt__loop_run(struct evrt_loop *, unsigned flags);
/* The time of this turn, or the clock's where none is cached. Lock held. */
evrt_ns evrt__loop_now(struct evrt_loop *);
/* Keeps event_count_max true, which has what is active besides. Lock held. */
void evrt__loop_note_events(struct evrt_loop *);
/* Another thread changed something that the sleeping owner must see. Lock held. */
void evrt__loop_nudge(struct evrt_loop *);
/* Is the caller another thread than the one that runs the loop now? Lock held. */
bool evrt__loop_runs_elsewhere(const struct evrt_loop *);

#endif
