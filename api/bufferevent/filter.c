/* api/bufferevent/filter.c — a bufferevent that sees another one through two functions of the program.
 *
 * Here:     running the functions, for as long as they have something to do; what happens below; flushing.
 * Not here: timeouts (timeouts.c), TLS, which is a kind of its own.
 * Threads:  as in bufferevent_internal.h. A filter has the locks and the strand of what is below it, so that
 *           whoever may touch one may touch the other.
 *
 * Bytes move at once, inside of the call that makes it possible. While a function of a direction runs, a call that
 * comes in from there (a stack of filters that tell each other of room) leaves it to the run that is under way.
 * While the write callback runs, a write in it does so, too, or the stack would grow; a flush does not.
 *
 * Life: the filter holds a reference on what is below. That is told of neither direction any more from `stop` on,
 * and let go of by `destroy`.
 */
#include "api/bufferevent/bufferevent_internal.h"

#include <errno.h>
#include "base/mem.h"

#define RW (EV_READ | EV_WRITE)

enum filter_state {
	FILTER_IDLE,
	FILTER_TELLING, /* the write callback runs */
	FILTER_ASKED,   /* and output has been written meanwhile: it is looked at again */
	FILTER_RUNNING,
};

struct filter {
	struct bufferevent_private p;  /* first */
	struct bufferevent *below;     /* referenced; const */
	bufferevent_filter_cb input;   /* const */
	bufferevent_filter_cb output;  /* const */
	void (*free_context)(void *);  /* const */
	void *context;                 /* const */
	bool stopped;                  /* nothing comes from below any more */
	enum filter_state pulling, pushing;
};

static const struct bufferevent_ops filter_ops;

static struct filter *
filter_of(struct bufferevent *bev)
{
	return (struct filter *)(void *)bev;
}

static const struct filter *
filter_of_const(const struct bufferevent *bev)
{
	return (const struct filter *)(const void *)bev;
}

/* In place of a function that the program did not give. */
static enum bufferevent_filter_result
filter_nothing(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit, enum bufferevent_flush_mode mode,
    void *context)
{
	size_t n = evbuffer_get_length(src);

	(void)mode, (void)context;
	if (limit < 0 || (size_t)limit >= n)
		return evbuffer_add_buffer(dst, src) < 0 ? BEV_ERROR : BEV_OK;
	return evbuffer_remove_buffer(src, dst, (size_t)limit) < 0 ? BEV_ERROR : BEV_OK;
}

/* One call. False when it has nothing more to do now; *passed is set when it has done something. One that says OK
 * and has done nothing would say so for ever. */
static bool
filter_call(struct filter *f, bufferevent_filter_cb function, struct evbuffer *src, struct evbuffer *dst,
    ev_ssize_t limit, enum bufferevent_flush_mode mode, bool *passed)
{
	size_t src_len = evbuffer_get_length(src), dst_len = evbuffer_get_length(dst);

	f->p.in_program++;
	enum bufferevent_filter_result result = function(src, dst, limit, mode, f->context);
	f->p.in_program--;
	/* A function of the program's knows that it has failed; only the program can know of ours. */
	if (result == BEV_ERROR && function == filter_nothing)
		evrt__bev_call_failed(&f->p, src == f->below->input ? EV_READ : EV_WRITE, ENOMEM);
	if (result != BEV_OK)
		return false;
	*passed = true;
	return evbuffer_get_length(src) != src_len || evbuffer_get_length(dst) != dst_len;
}

/* --- from below into input -------------------------------------------------------------------- */

static bool
filter_may_read(const struct filter *f)
{
	return (f->p.bev.enabled & EV_READ) && !f->p.read_suspended && !f->p.freed;
}

/* Locked, with a reference. Returns whether something has passed. */
static bool
filter_pull(struct filter *f, enum bufferevent_flush_mode mode)
{
	struct evbuffer *src = f->below->input;
	bool passed = false, goes_on = mode != BEV_NORMAL || filter_may_read(f);

	if (f->pulling != FILTER_IDLE)
		return false;
	f->pulling = FILTER_RUNNING;
	while (goes_on) {
		size_t room = evrt__bev_input_room(&f->p);
		if (mode == BEV_NORMAL && room == 0)
			break;
		ev_ssize_t limit = mode == BEV_NORMAL && f->p.bev.wm_read.high ? (ev_ssize_t)room : -1;
		goes_on = filter_call(f, f->input, src, f->p.bev.input, limit, mode, &passed) &&
		    filter_may_read(f) && evbuffer_get_length(src) > 0;
	}
	f->pulling = FILTER_IDLE;
	if (passed)
		evrt__bev_timers_update(&f->p, EV_READ, true);
	return passed;
}

/* --- from output to below --------------------------------------------------------------------- */

/* How much more output below should hold: 0 when it is full, -1 for any amount. */
static ev_ssize_t
filter_room_below(const struct filter *f)
{
	size_t high = f->below->wm_write.high, len = evbuffer_get_length(f->below->output);

	if (high == 0)
		return -1;
	return len < high ? (ev_ssize_t)(high - len) : 0;
}

static bool
filter_can_push(const struct filter *f, enum bufferevent_flush_mode mode)
{
	return (f->p.bev.enabled & EV_WRITE) && !f->p.write_suspended && !f->p.freed &&
	    evbuffer_get_length(f->p.bev.output) > 0 && (mode != BEV_NORMAL || filter_room_below(f) != 0);
}

/* The same for output. `options`: how the write callback is called. */
static bool
filter_push(struct filter *f, enum bufferevent_flush_mode mode, int options)
{
	struct evbuffer *src = f->p.bev.output, *dst = f->below->output;
	enum filter_state before = f->pushing;
	bool passed_any = false, goes_on = mode != BEV_NORMAL || filter_can_push(f, mode);

	if (before == FILTER_RUNNING)
		return false;
	if (before != FILTER_IDLE && mode == BEV_NORMAL) {
		f->pushing = FILTER_ASKED;
		return false;
	}
	f->pushing = FILTER_RUNNING;
	while (goes_on) {
		bool passed = false, moved = false;
		do {
			ev_ssize_t limit = mode == BEV_NORMAL ? filter_room_below(f) : -1;
			goes_on = filter_call(f, f->output, src, dst, limit, mode, &passed);
			moved |= goes_on;
			goes_on = goes_on && filter_can_push(f, mode);
		} while (goes_on);
		/* A function that says OK and does nothing is told of once, or that would go on for ever. */
		if (!passed || (passed_any && !moved))
			break;
		passed_any = true;
		evrt__bev_timers_update(&f->p, EV_WRITE, true);
		f->pushing = FILTER_TELLING;
		evrt__bev_trigger_nolock(&f->p, EV_WRITE, options);
		/* What the callback has written. */
		mode = BEV_NORMAL;
		goes_on = (moved || f->pushing == FILTER_ASKED) && filter_can_push(f, mode);
		f->pushing = FILTER_RUNNING;
	}
	f->pushing = before;
	return passed_any;
}

/* --- what happens below ----------------------------------------------------------------------- */

static void
filter_below_read(struct bufferevent *below, void *arg)
{
	struct filter *f = arg;

	(void)below;
	if (!evrt__bev_enter(&f->p))
		return;
	if (filter_pull(f, BEV_NORMAL))
		evrt__bev_trigger_nolock(&f->p, EV_READ, 0);
	evrt__bev_unref_and_unlock(&f->p);
}

static void
filter_below_write(struct bufferevent *below, void *arg)
{
	struct filter *f = arg;

	(void)below;
	if (!evrt__bev_enter(&f->p))
		return;
	(void)filter_push(f, BEV_NORMAL, 0);
	evrt__bev_unref_and_unlock(&f->p);
}

static void
filter_below_event(struct bufferevent *below, short what, void *arg)
{
	struct filter *f = arg;
	int err = EVUTIL_SOCKET_ERROR();

	(void)below;
	if (!evrt__bev_enter(&f->p))
		return;
	evrt__bev_call_event(&f->p, what, err, 0);
	evrt__bev_unref_and_unlock(&f->p);
}

/* --- the kind --------------------------------------------------------------------------------- */

static int
filter_enable(struct bufferevent *bev, short events)
{
	struct filter *f = filter_of(bev);
	int r = evrt__public_result(evrt__bev_timers_set(&f->p, events, true));

	/* What waits passes now; the program hears of it from the loop, not from inside of its own call. */
	evrt__bev_lock_and_ref(&f->p);
	if (events & EV_READ) {
		if (evbuffer_get_length(f->below->input) > 0 && filter_pull(f, BEV_NORMAL))
			evrt__bev_trigger_nolock(&f->p, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
		if (filter_may_read(f)) /* if that fails, it fails again at the bottom */
			(void)evrt__bev_try_resume(evrt__bev(f->below), EV_READ, EVRT_BEV_SUSPEND_ABOVE);
	}
	if (events & EV_WRITE)
		(void)filter_push(f, BEV_NORMAL, BEV_TRIG_DEFER_CALLBACKS);
	if (evrt__bev_enable_bottom(f->below, events) < 0)
		r = -1;
	evrt__bev_unref_and_unlock(&f->p);
	return r;
}

static void
filter_disable(struct bufferevent *bev, short events)
{
	struct filter *f = filter_of(bev);

	(void)evrt__bev_timers_set(&f->p, events, false); /* which ends them */
	if ((events & EV_READ) && !f->stopped)
		evrt__bev_suspend(evrt__bev(f->below), EV_READ, EVRT_BEV_SUSPEND_ABOVE);
}

static void
filter_output_grew(struct bufferevent *bev)
{
	struct filter *f = filter_of(bev);

	evrt__bev_lock_and_ref(&f->p);
	(void)filter_push(f, BEV_NORMAL, 0);
	evrt__bev_timers_update(&f->p, EV_WRITE, false);
	evrt__bev_unref_and_unlock(&f->p);
}

static void
filter_stop(struct bufferevent *bev)
{
	struct filter *f = filter_of(bev);

	evrt__bev_timers_stop(&f->p);
	if (f->stopped)
		return;
	f->stopped = true;
	evrt__bev_give_back(f->below, filter_below_event, &f->p);
}

static void
filter_destroy(struct bufferevent *bev)
{
	struct filter *f = filter_of(bev);

	evrt__bev_timers_fini(&f->p);
	if (f->free_context)
		f->free_context(f->context);
	evrt__bev_release_below(f->below, &f->p);
}

static int
filter_flush(struct bufferevent *bev, short iotype, enum bufferevent_flush_mode mode)
{
	struct filter *f = filter_of(bev);
	bool passed = false;

	if (iotype & EV_READ)
		passed = filter_pull(f, mode);
	if (iotype & EV_WRITE)
		passed |= filter_push(f, mode, 0);
	/* Its callbacks run with the data lock released, which is ours too. */
	evrt__bev_unlock(&f->p);
	(void)bufferevent_flush(f->below, iotype, mode);
	evrt__bev_lock(&f->p);
	return passed;
}

static evutil_socket_t
filter_get_fd(const struct bufferevent *bev)
{
	return bufferevent_getfd(filter_of_const(bev)->below);
}

static int
filter_set_fd(struct bufferevent *bev, evutil_socket_t fd)
{
	return bufferevent_setfd(filter_of(bev)->below, fd);
}

static struct bufferevent *
filter_get_underlying(const struct bufferevent *bev)
{
	return filter_of_const(bev)->below;
}

static const struct bufferevent_ops filter_ops = {
	.name = "filter",
	.enable = filter_enable,
	.disable = filter_disable,
	.output_grew = filter_output_grew,
	.adjust_timeouts = evrt__bev_timers_adjust,
	.stop = filter_stop,
	.destroy = filter_destroy,
	.flush = filter_flush,
	.get_fd = filter_get_fd,
	.set_fd = filter_set_fd,
	.get_underlying = filter_get_underlying,
};

struct bufferevent *
bufferevent_filter_new(struct bufferevent *underlying, bufferevent_filter_cb input_filter,
    bufferevent_filter_cb output_filter, int options, void (*free_context)(void *), void *ctx)
{
	struct filter *f = underlying ? evrt__calloc(1, sizeof(*f)) : NULL;
	int err = f ? evrt__bev_init(&f->p, underlying->ev_base, &filter_ops, options, evrt__bev(underlying))
	    : underlying ? -ENOMEM : -EINVAL;

	if (err == 0) {
		err = evrt__bev_timers_init(&f->p);
		if (err < 0)
			evrt__bev_fini(&f->p);
	}
	if (err < 0) {
		evrt__free(f);
		errno = -err;
		return NULL;
	}
	f->below = underlying;
	f->input = input_filter ? input_filter : filter_nothing;
	f->output = output_filter ? output_filter : filter_nothing;
	f->free_context = free_context;
	f->context = ctx;
	bufferevent_setcb(underlying, filter_below_read, filter_below_write, filter_below_event, f);
	evrt__bev_lock_and_ref(evrt__bev(underlying));
	evrt__bev(underlying)->above_pulls = true;
	evrt__bev_suspend(evrt__bev(underlying), EV_READ, EVRT_BEV_SUSPEND_ABOVE);
	/* A descriptor that will come is enabled then. */
	if (evrt__bev_enable_nolock(evrt__bev(underlying), RW) < 0)
		evrt__bev_call_failed(evrt__bev(underlying), RW, errno);
	evrt__bev_unlock(evrt__bev(underlying));
	return &f->p.bev;
}
