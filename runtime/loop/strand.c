/* runtime/loop/strand.c — the serial unit; see strand.h. */
#include "runtime/loop/strand.h"

#include <errno.h>
#include <stddef.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/trace.h"
#include "threading/lock.h"

/* The strand whose task this thread is in. Set around each task, so that it nests. */
static _Thread_local struct evrt_strand *strand_current;

struct evrt_strand *
evrt__strand_current(void)
{
	return strand_current;
}

/* For lock debugging; a pool's strands are those that are counted. */
static void *
strand_serial(bool *migrates)
{
	const struct evrt_strand *s = strand_current;

	*migrates = s && s->ops->ref;
	return s ? s->lock : NULL;
}

int
evrt__strand_init(struct evrt_strand *s, const struct evrt_strand_ops *ops, unsigned priorities, bool locked)
{
	EVRT_ASSERT(priorities >= 1);
	*s = (struct evrt_strand){ .ops = ops, .queues = &s->queue_one, .queues_count = 1 };
	evrt__inbox_init(&s->inbox);
	evrt__list_init(&s->queue_one);
	s->running_pri = 1;
	if (locked && evrt__threads_on()) {
		evrt__threads_set_serial_fn(strand_serial);
		s->lock = evrt__lock_new(EVRT_LOCKTYPE_PLAIN, EVRT_RANK_base);
		if (!s->lock)
			return -ENOMEM;
	}
	if (priorities > 1 && evrt__strand_set_priorities(s, priorities) < 0) {
		evrt__lock_free(s->lock, EVRT_LOCKTYPE_PLAIN);
		return -ENOMEM;
	}
	return 0;
}

void
evrt__strand_fini(struct evrt_strand *s)
{
	EVRT_ASSERT(s->active_count == 0 && s->waiters == 0);
	if (s->queues != &s->queue_one)
		evrt__free(s->queues);
	evrt__cond_free(s->ended);
	evrt__lock_free(s->lock, EVRT_LOCKTYPE_PLAIN);
	s->queues = NULL;
	s->lock = s->ended = NULL;
}

int
evrt__strand_set_priorities(struct evrt_strand *s, unsigned priorities)
{
	struct evrt_link *queues = &s->queue_one;

	if (s->active_count)
		return -EBUSY;
	if (priorities == s->queues_count)
		return 0;
	if (s->running) /* the queue that is being run must stay */
		return -EBUSY;
	if (priorities > 1) {
		queues = evrt__calloc(priorities, sizeof(*queues));
		if (!queues)
			return -ENOMEM;
	}
	for (unsigned i = 0; i < priorities; i++)
		evrt__list_init(&queues[i]);
	if (s->queues != &s->queue_one)
		evrt__free(s->queues);
	s->queues = queues;
	s->queues_count = priorities;
	s->running_pri = priorities;
	return 0;
}

void
evrt__strand_push(struct evrt_strand *s, struct evrt_task *t)
{
	unsigned pri = t->pri < s->queues_count ? t->pri : s->queues_count - 1;
	struct evrt_link *at = s->queues[pri].prev;

	EVRT_DCHECK(!(t->flags & EVRT_TASK_ACTIVE));
	EVRT_TRACE(task_queued, s);
	/* Where one queue serves all priorities (a pool's strands), it is kept sorted; the walk is over the
	 * less urgent ones behind, of which a strand has a handful. */
	while (at != &s->queues[pri] && EVRT_CONTAINER_OF(at, struct evrt_task, link)->pri > t->pri)
		at = at->prev;
	evrt__list_insert_after(at, &t->link);
	t->flags |= EVRT_TASK_ACTIVE;
	s->active_count++;
	if (!(t->flags & EVRT_TASK_INTERNAL)) {
		if (++s->active_user_count > s->active_user_max)
			s->active_user_max = s->active_user_count;
		evrt__strand_note_max(s);
	}
	if (pri < s->running_pri && s->running)
		s->preempt = true;
	if (!s->attended)
		s->ops->notify(s);
}

void
evrt__strand_remove(struct evrt_strand *s, struct evrt_task *t)
{
	EVRT_DCHECK(t->flags & EVRT_TASK_ACTIVE);
	evrt__list_remove(&t->link);
	t->flags &= (int16_t)~EVRT_TASK_ACTIVE;
	s->active_count--;
	if (!(t->flags & EVRT_TASK_INTERNAL))
		s->active_user_count--;
}

struct evrt_task *
evrt__strand_first(struct evrt_strand *s)
{
	if (s->active_count == 0)
		return NULL;
	for (unsigned i = 0; i < s->queues_count; i++)
		if (!evrt__list_empty(&s->queues[i]))
			return EVRT_CONTAINER_OF(s->queues[i].next, struct evrt_task, link);
	return NULL;
}

void
evrt__strand_run_task(struct evrt_strand *s, struct evrt_task *t)
{
	struct evrt_strand *outer = strand_current;

	evrt__strand_remove(s, t);
	s->running = t;
	s->running_pri = t->pri < s->queues_count ? t->pri : s->queues_count - 1;
	strand_current = s;
	EVRT_TRACE(task_begins, s);
	if (t->closure == EVRT_CLOSURE_SELF) {
		evrt_task_fn fn = t->fn;
		void *arg = t->arg;
		evrt__unlock(s->lock);
		fn(t, arg);
		evrt__lock(s->lock);
	} else {
		s->execute(s, t);
	}
	EVRT_TRACE(task_ends, s);
	strand_current = outer;
	s->running = NULL;
	s->running_pri = s->queues_count;
	s->run_sequence++;
	if (s->waiters)
		evrt__cond_broadcast(s->ended);
}

bool
evrt__strand_runs_elsewhere(struct evrt_strand *s, const struct evrt_task *t)
{
	return s->running == t && s->lock && s->runner != evrt__thread_id();
}

void
evrt__strand_wait_ended_on(struct evrt_strand *s, const struct evrt_task *t)
{
	uint64_t sequence = s->run_sequence;

	if (!evrt__strand_runs_elsewhere(s, t))
		return;
	if (!s->ended && !(s->ended = evrt__cond_new()))
		return; /* out of memory: libevent cannot wait without a condition either */
	s->waiters++;
	/* The sequence, not only `running`: the task may be run again and again, and we wait for this run. */
	while (s->running == t && s->run_sequence == sequence)
		evrt__cond_wait(s->ended, s->lock, NULL);
	s->waiters--;
}

void
evrt__strand_take_inbox(struct evrt_strand *s)
{
	(void)evrt__inbox_deliver(&s->inbox);
}
