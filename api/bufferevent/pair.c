/* api/bufferevent/pair.c — two bufferevents that are each other's peer, without the kernel.
 *
 * Here:     moving what one has written into the other's input; flushing; the end, which a flush tells.
 * Not here: timeouts (timeouts.c).
 * Threads:  as in bufferevent_internal.h. Both ends have the same locks and the same strand, so that whoever may
 *           touch one may touch the other.
 *
 * Bytes move at once, inside of the call that makes it possible: a write, an enable, a drain below a watermark.
 * Callbacks always come from the loop, or two ends that answer each other would grow the stack.
 */
#include "api/bufferevent/bufferevent_internal.h"

#include <errno.h>
#include "base/mem.h"

#define RW (EV_READ | EV_WRITE)

struct pair_end {
	struct bufferevent_private p; /* first */
	struct pair_end *partner;     /* NULL: it was freed. Data lock, which is both ends' */
};

static const struct bufferevent_ops pair_ops;

static struct pair_end *
pair_end(struct bufferevent *bev)
{
	return (struct pair_end *)(void *)bev;
}

/* Moves up to `n` bytes; 0 or -1. The frozen ends are the program's to leave alone, not ours. */
static int
pair_move(struct pair_end *from, struct pair_end *to, size_t n)
{
	struct evbuffer *output = from->p.bev.output, *input = to->p.bev.input;

	evbuffer_unfreeze(output, 1);
	evbuffer_unfreeze(input, 0);
	int r = n >= evbuffer_get_length(output) ? evbuffer_add_buffer(input, output)
	    : evbuffer_remove_buffer(output, input, n) < 0 ? -1 : 0;
	evbuffer_freeze(output, 1);
	evbuffer_freeze(input, 0);
	return r;
}

/* Moves up to `n` bytes and tells both; locked, and both are kept alive by the caller. */
static void
pair_transfer(struct pair_end *from, struct pair_end *to, size_t n)
{
	if (pair_move(from, to, n) < 0) {
		evrt__bev_disable_nolock(&from->p, EV_WRITE);
		evrt__bev_call_event(&from->p, BEV_EVENT_WRITING | BEV_EVENT_ERROR, ENOMEM, 0);
		return;
	}
	evrt__bev_timers_update(&to->p, EV_READ, true);
	evrt__bev_timers_update(&from->p, EV_WRITE, true);
	evrt__bev_trigger_nolock(&to->p, EV_READ, 0);
	evrt__bev_trigger_nolock(&from->p, EV_WRITE, 0);
}

/* Lets bytes pass as far as both ends want them to. Locked; an evbuffer's callback may free either end. */
static void
pair_run(struct pair_end *from, struct pair_end *to)
{
	if (!from || !to || !(from->p.bev.enabled & EV_WRITE) || from->p.write_suspended ||
	    !(to->p.bev.enabled & EV_READ) || to->p.read_suspended || evbuffer_get_length(from->p.bev.output) == 0)
		return;
	size_t room = evrt__bev_input_room(&to->p);
	if (room == 0) {
		evrt__bev_suspend(&to->p, EV_READ, EVRT_BEV_SUSPEND_WATERMARK);
		return;
	}
	evrt__bev_lock_and_ref(&from->p);
	evrt__bev_lock_and_ref(&to->p);
	pair_transfer(from, to, room);
	evrt__bev_unref_and_unlock(&to->p);
	evrt__bev_unref_and_unlock(&from->p);
}

static int
pair_enable(struct bufferevent *bev, short events)
{
	struct pair_end *end = pair_end(bev);
	int err = evrt__bev_timers_set(&end->p, events, true);

	if (events & EV_READ)
		pair_run(end->partner, end);
	if (events & EV_WRITE)
		pair_run(end, end->partner);
	return evrt__public_result(err);
}

static void
pair_disable(struct bufferevent *bev, short events)
{
	(void)evrt__bev_timers_set(evrt__bev(bev), events, false); /* which ends them */
}

static void
pair_output_grew(struct bufferevent *bev)
{
	struct pair_end *end = pair_end(bev);

	evrt__bev_timers_update(&end->p, EV_WRITE, false);
	pair_run(end, end->partner);
}

static void
pair_stop(struct bufferevent *bev)
{
	struct pair_end *end = pair_end(bev);

	if (end->partner)
		end->partner->partner = NULL;
	end->partner = NULL;
	evrt__bev_timers_stop(&end->p);
}

static void
pair_destroy(struct bufferevent *bev)
{
	evrt__bev_timers_fini(evrt__bev(bev));
}

static int
pair_flush(struct bufferevent *bev, short iotype, enum bufferevent_flush_mode mode)
{
	struct pair_end *end = pair_end(bev), *partner = end->partner;

	if (!partner)
		return -1;
	if (mode == BEV_NORMAL)
		return 0;
	evrt__bev_lock_and_ref(&end->p);
	evrt__bev_lock_and_ref(&partner->p);
	if (iotype & EV_READ)
		pair_transfer(partner, end, SIZE_MAX);
	if (iotype & EV_WRITE)
		pair_transfer(end, partner, SIZE_MAX);
	if (mode == BEV_FINISHED)
		evrt__bev_call_event(&partner->p, (short)(BEV_EVENT_EOF | (iotype & EV_READ ? BEV_EVENT_WRITING : 0) |
		    (iotype & EV_WRITE ? BEV_EVENT_READING : 0)), 0, 0);
	evrt__bev_unref_and_unlock(&partner->p);
	evrt__bev_unref_and_unlock(&end->p);
	return 0;
}

static struct bufferevent *
pair_get_partner(const struct bufferevent *bev)
{
	const struct pair_end *end = (const struct pair_end *)(const void *)bev;

	return end->partner ? &end->partner->p.bev : NULL;
}

static const struct bufferevent_ops pair_ops = {
	.name = "pair",
	.enable = pair_enable,
	.disable = pair_disable,
	.output_grew = pair_output_grew,
	.adjust_timeouts = evrt__bev_timers_adjust,
	.stop = pair_stop,
	.destroy = pair_destroy,
	.flush = pair_flush,
	.get_partner = pair_get_partner,
};

/* 0 or -errno. */
static int
pair_end_new(struct event_base *base, int options, struct pair_end *with, struct pair_end **out)
{
	struct pair_end *end = evrt__calloc(1, sizeof(*end));
	int err = end ? evrt__bev_init(&end->p, base, &pair_ops, options, with ? &with->p : NULL) : -ENOMEM;

	if (err == 0) {
		err = evrt__bev_timers_init(&end->p);
		if (err < 0)
			evrt__bev_fini(&end->p);
	}
	if (err < 0) {
		evrt__free(end);
		return err;
	}
	evbuffer_freeze(end->p.bev.input, 0);
	evbuffer_freeze(end->p.bev.output, 1);
	*out = end;
	return 0;
}

int
bufferevent_pair_new(struct event_base *base, int options, struct bufferevent *pair[2])
{
	struct pair_end *ends[2];

	/* Nothing is below that could be closed. */
	options = (options & ~BEV_OPT_CLOSE_ON_FREE) | BEV_OPT_DEFER_CALLBACKS;
	int err = base ? pair_end_new(base, options, NULL, &ends[0]) : -EINVAL;
	if (err == 0) {
		err = pair_end_new(base, options, ends[0], &ends[1]);
		if (err < 0) {
			evrt__bev_timers_fini(&ends[0]->p);
			evrt__bev_fini(&ends[0]->p);
			evrt__free(ends[0]);
		}
	}
	if (err < 0)
		return evrt__public_result(err);
	ends[0]->partner = ends[1];
	ends[1]->partner = ends[0];
	pair[0] = &ends[0]->p.bev;
	pair[1] = &ends[1]->p.bev;
	return 0;
}

struct bufferevent *
bufferevent_pair_get_partner(struct bufferevent *bev)
{
	struct bufferevent *partner = NULL;

	if (!bev || bev->be_ops != &pair_ops)
		return NULL;
	evrt__bev_lock(evrt__bev(bev));
	partner = pair_get_partner(bev);
	evrt__bev_unlock(evrt__bev(bev));
	return partner;
}
