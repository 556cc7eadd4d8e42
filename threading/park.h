/* threading/park.h — one word that decides who writes the wake descriptor of a sleeper.
 *
 * Here:     SLEEPING and NOTIFIED, and the three transitions. HAProxy's form.
 * Not here: the descriptor and the wait (runtime/loop/reactor.c), what to re-check (the sleeper).
 * Threads:  announce and leave: the sleeper. notify: any.
 * PAIRS     park.word: both sides are read-modify-writes of the same word. If notify comes first,
 *           announce reads from it, and what was published before notify is visible to the sleeper's
 *           re-check. If announce comes first, notify sees SLEEPING and says "write".
 *           Exactly one true answer per sleep, none while awake.
 * Model-checked together with the inbox: testing/model.
 *
 *      awake --announce--> SLEEPING --notify--> SLEEPING|NOTIFIED --leave--> NOTIFIED (awake)
 *        ^---------------leave-----|
 */
#ifndef EVRT_THREADING_PARK_H_
#define EVRT_THREADING_PARK_H_

#include "base/atomic.h"
#include "base/shake.h"

#define EVRT_PARK_SLEEPING 1u
#define EVRT_PARK_NOTIFIED 2u

struct evrt_park {
	evrt_atomic(unsigned) word;
};

static inline void evrt__park_init(struct evrt_park *p) { evrt_store_relaxed(&p->word, 0u); }

/* The sleeper says it is about to sleep. It must look at all its sources once more before it does. */
static inline void
evrt__park_announce(struct evrt_park *p)
{
	unsigned seen = evrt_load_relaxed(&p->word);
	EVRT_SHAKE(park_announce);
	while (!evrt_cas_seq_cst(&p->word, &seen, EVRT_PARK_SLEEPING))
		continue;
	EVRT_SHAKE(park_announced);
}

/* The sleeper is awake again (or did not sleep after all). */
static inline void
evrt__park_leave(struct evrt_park *p)
{
	EVRT_SHAKE(park_leave);
	evrt_and_seq_cst(&p->word, ~EVRT_PARK_SLEEPING);
}

/* Work was published. True: the caller must write the sleeper's wake descriptor, once. */
static inline bool
evrt__park_notify(struct evrt_park *p)
{
	EVRT_SHAKE(park_notify);
	unsigned before = evrt_or_seq_cst(&p->word, EVRT_PARK_NOTIFIED);
	EVRT_SHAKE(park_notified);
	return (before & (EVRT_PARK_SLEEPING | EVRT_PARK_NOTIFIED)) == EVRT_PARK_SLEEPING;
}

/* The sleeper asks: has somebody notified it since it announced its sleep? */
static inline bool
evrt__park_was_notified(struct evrt_park *p)
{
	return (evrt_load_seq_cst(&p->word) & EVRT_PARK_NOTIFIED) != 0;
}

/* Does it sleep (or is about to)? With the order of a read-modify-write, as notify; changes nothing. */
static inline bool
evrt__park_is_sleeping(struct evrt_park *p)
{
	return (evrt_or_seq_cst(&p->word, 0u) & EVRT_PARK_SLEEPING) != 0;
}

#endif
