/* runtime/pool/post.c — run fn(arg) once, soon, in a strand; see pool.h.
 *
 * Threads:  any.
 */
#include <errno.h>
#include <stddef.h>

#include "base/mem.h"
#include "base/shake.h"
#include "base/trace.h"
#include "runtime/pool/pool.h"
#include "threading/lock.h"

struct post {
	struct evrt_node node;       /* in the strand's inbox; then… */
	struct evrt_task task;       /* … in its queue */
	struct evrt_strand *strand;  /* referenced */
	bool counted;                /* against the pool's posts_max (limits.h) */
	void (*fn)(void *);
	void *arg;
};

static void
post_run(struct evrt_task *t, void *arg)
{
	struct post *post = arg;
	struct evrt_strand *s = post->strand;
	void (*fn)(void *) = post->fn;
	void *fn_arg = post->arg;

	(void)t;
	if (post->counted)
		evrt__limits_give_post(s->owner);
	evrt__free(post);
	evrt__watch_name((evrt_watch_fn)fn);
	fn(fn_arg);
	s->ops->count(s, -1);
	evrt__strand_unref(s);
}

static void
post_arrive(struct evrt_node *n)
{
	struct post *post = EVRT_CONTAINER_OF(n, struct post, node);

	evrt__strand_push(post->strand, &post->task);
}

int
evrt__pool_post(struct evrt_pool_strand *ps, void (*fn)(void *), void *arg)
{
	struct evrt_strand *s = &ps->strand;
	struct evrt_pool *p = s->owner;
	struct evrt_worker *self = evrt__worker_self();
	bool foreign = !(self && self->pool == p);
	bool counted = foreign && p->set.limits.posts_max;

	if (evrt__pool_is_forked(p))
		return -ECHILD;
	/* What runs already may still post: that is how a graceful stop lets work finish. */
	if (foreign && evrt_load_acquire(&p->halt) != EVRT_HALT_NO) {
		evrt_add_relaxed(&p->posts_refused, (uint64_t)1);
		return -ECANCELED;
	}
	struct post *post = evrt__malloc(sizeof(*post));
	if (!post)
		return -ENOMEM;
	/* Nor are its posts limited: they go on with what was taken on already, and a worker that had to wait for room
	 * would wait for itself. */
	if (counted && !evrt__limits_take_post(p)) {
		evrt__free(post);
		return -EAGAIN;
	}
	*post = (struct post){ .node.arrive = post_arrive, .strand = s, .fn = fn, .arg = arg, .counted = counted };
	evrt__task_init(&post->task, post_run, post, (uint8_t)(p->set.priorities / 2));
	evrt__strand_ref(s);
	/* Counted until it has run, so that a dispatching pool does not end before. */
	s->ops->count(s, 1);
	EVRT_SHAKE(post);
	EVRT_TRACE(post_called, s);
	/* No lock is taken: a sender never waits for the strand. But who runs it already may run the post before we have
	 * notified, and the post may let go of the reference by which our caller has the strand, or lead to the end of the
	 * pool: we need a hold of our own on both. */
	if (foreign)
		evrt__pool_enter(p);
	evrt__strand_ref(s);
	evrt__inbox_push(&s->inbox, &post->node);
	s->ops->notify(s);
	evrt__strand_unref(s);
	if (foreign)
		evrt__pool_leave(p);
	return 0;
}

bool
evrt__pool_post_drop(struct evrt_task *t)
{
	if (t->closure != EVRT_CLOSURE_SELF || t->fn != post_run)
		return false;
	struct post *post = t->arg;
	struct evrt_strand *s = post->strand;
	if (post->counted)
		evrt__limits_give_post(s->owner);
	evrt__free(post);
	evrt__strand_unref(s);
	return true;
}
