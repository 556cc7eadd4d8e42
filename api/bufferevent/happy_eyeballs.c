/* api/bufferevent/happy_eyeballs.c — see happy_eyeballs.h.
 *
 * Attempts begin one by one, in an order in which the families alternate: 250 ms after the one before, or as soon
 * as one has failed. None is given up before another one has won, for the slow one may be all there is.
 *
 * One event drives it: its timeout is the delay, and a report for any of the sockets activates it. So there is one
 * callback, in the strand, and none of it is called from inside of a call of the program.
 */
#include "api/bufferevent/happy_eyeballs.h"

#include <errno.h>
#include "base/mem.h"
#include "base/sys.h"
#include "api/util/socket_error.h"
#include "threading/lock.h"

struct attempt {
	struct evrt_race *race;
	const struct evutil_addrinfo *address;
	struct evrt_slot *slot; /* NULL: not under way. Strand lock */
	evutil_socket_t fd;     /* -1: not under way */
	bool reported;          /* Strand lock */
};

struct evrt_race {
	struct event step;
	struct evrt_strand *strand; /* outlives the race */
	int last_error;             /* why the last one that failed did; > 0 */
	unsigned begun, count;      /* of `attempts`, in order */
	struct attempt attempts[];
};

/* --- the order ------------------------------------------------------------------------------- */

/* The first one from `ai` on that is of this family, or (`same` false) is not. */
static const struct evutil_addrinfo *
race_find(const struct evutil_addrinfo *ai, int family, bool same)
{
	while (ai && (ai->ai_family == family) != same)
		ai = ai->ai_next;
	return ai;
}

/* The resolver has sorted them (RFC 6724); the families take turns, its favourite first, and stay in order. */
static void
race_order(struct evrt_race *race, const struct evutil_addrinfo *list)
{
	int family = list->ai_family;
	const struct evutil_addrinfo *next[2] = { list, race_find(list, family, false) };

	for (unsigned i = 0, turn = 0; i < race->count; i++, turn ^= 1) {
		if (!next[turn])
			turn ^= 1;
		race->attempts[i] = (struct attempt){ .race = race, .address = next[turn], .fd = -1 };
		next[turn] = race_find(next[turn]->ai_next, family, turn == 0);
	}
}

struct evrt_race *
evrt__race_new(struct event_base *base, struct evrt_strand *strand, const struct evutil_addrinfo *list,
    event_callback_fn step, void *arg)
{
	unsigned count = 0;

	for (const struct evutil_addrinfo *ai = list; ai; ai = ai->ai_next)
		count++;
	struct evrt_race *race = evrt__calloc(1, sizeof(*race) + count * sizeof(race->attempts[0]));
	if (!race)
		return NULL;
	race->strand = strand;
	race->count = count;
	race->last_error = EHOSTUNREACH;
	race_order(race, list);
	if (event_assign(&race->step, base, -1, 0, step, arg) < 0) {
		evrt__free(race);
		return NULL;
	}
	evrt__event_join(evrt__event(&race->step), strand);
	return race;
}

/* --- one attempt ------------------------------------------------------------------------------- */

/* evrt_slot_ready_fn; strand locked. */
static void
attempt_reported(struct evrt_slot *slot, unsigned bits)
{
	struct attempt *a = slot->owner;

	(void)bits;
	a->reported = true;
	evrt__event_active_nolock(a->race->strand, evrt__event(&a->race->step), EV_WRITE, 1);
}

/* Takes the descriptor away from it; nothing is reported any more. */
static evutil_socket_t
attempt_take(struct attempt *a)
{
	evutil_socket_t fd = a->fd;

	evrt__lock(a->race->strand->lock);
	if (a->slot)
		evrt__slot_disown(a->slot);
	a->slot = NULL;
	a->reported = false;
	evrt__unlock(a->race->strand->lock);
	a->fd = -1;
	return fd;
}

static int
attempt_watch(struct attempt *a)
{
	struct evrt_strand *s = a->race->strand;

	evrt__lock(s->lock);
	a->slot = evrt__slot_new(s, attempt_reported, a);
	int err = a->slot ? evrt__slot_watch(a->slot, a->fd, EVRT_WRITE) : -ENOMEM;
	evrt__unlock(s->lock);
	return err;
}

/* 0: connected at once. -EINPROGRESS: under way. Else it has failed, and nothing is left of it. */
static int
attempt_begin(struct attempt *a)
{
	const struct evutil_addrinfo *ai = a->address;

	a->fd = evrt__sys.socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (a->fd < 0)
		return -errno;
	if (evrt__sys.connect(a->fd, ai->ai_addr, (socklen_t)ai->ai_addrlen) == 0)
		return 0;
	int err = evrt__err_connect_retriable(errno) ? attempt_watch(a) : -errno;
	if (err == 0)
		return -EINPROGRESS;
	evrt__sys.close(attempt_take(a));
	return err;
}

/* The same for one that is under way. */
static int
attempt_look(struct attempt *a)
{
	int err = 0;
	socklen_t len = sizeof(err);

	evrt__lock(a->race->strand->lock);
	bool reported = a->reported;
	a->reported = false;
	evrt__unlock(a->race->strand->lock);
	if (!reported)
		return -EINPROGRESS;
	if (evrt__sys.getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	if (err == 0 || evrt__err_connect_retriable(err))
		return err ? -EINPROGRESS : 0;
	evrt__sys.close(attempt_take(a));
	return -err;
}

/* --- the race ---------------------------------------------------------------------------------- */

/* Looks at all that are under way. The descriptor of the winner; -EINPROGRESS; -EAGAIN when one has failed. */
static int
race_look(struct evrt_race *race)
{
	int result = -EINPROGRESS;

	for (unsigned i = 0; i < race->begun; i++) {
		struct attempt *a = &race->attempts[i];
		int r = a->fd >= 0 ? attempt_look(a) : -EINPROGRESS;
		if (r == 0)
			return attempt_take(a);
		if (r == -EINPROGRESS)
			continue;
		race->last_error = -r;
		result = -EAGAIN;
	}
	return result;
}

/* Begins the next one that lets us. The descriptor of one that is connected at once; -EINPROGRESS; -EAGAIN when
 * there is none left. */
static int
race_begin_next(struct evrt_race *race)
{
	while (race->begun < race->count) {
		struct attempt *a = &race->attempts[race->begun++];
		int r = attempt_begin(a);
		if (r == 0)
			return attempt_take(a);
		if (r == -EINPROGRESS)
			return r;
		race->last_error = -r;
	}
	return -EAGAIN;
}

/* 0 or -errno. */
static int
race_delay(struct evrt_race *race)
{
	const struct timeval delay = { 0, EVRT_RACE_DELAY_MS * 1000 };

	evrt__lock(race->strand->lock);
	int err = evrt__event_add_nolock(race->strand, evrt__event(&race->step), &delay);
	evrt__unlock(race->strand->lock);
	return err;
}

int
evrt__race_step(struct evrt_race *race, short what)
{
	int r = race_look(race);

	if (r >= 0)
		return r;
	if (r == -EAGAIN || (what & EV_TIMEOUT) || race->begun == 0)
		r = race_begin_next(race);
	if (r >= 0)
		return r;
	if (evrt__race_fd(race) < 0)
		return -race->last_error;
	/* Without memory for the delay there is none. */
	while (race->begun < race->count && race_delay(race) < 0) {
		r = race_begin_next(race);
		if (r >= 0)
			return r;
	}
	return -EINPROGRESS;
}

evutil_socket_t
evrt__race_fd(const struct evrt_race *race)
{
	for (unsigned i = 0; i < race->begun; i++)
		if (race->attempts[i].fd >= 0)
			return race->attempts[i].fd;
	return -1;
}

void
evrt__race_free(struct evrt_race *race, evutil_socket_t keep)
{
	for (unsigned i = 0; i < race->begun; i++) {
		struct attempt *a = &race->attempts[i];
		evutil_socket_t fd = a->fd >= 0 ? attempt_take(a) : -1;
		if (fd >= 0 && fd != keep)
			evrt__sys.close(fd);
	}
	evrt__lock(race->strand->lock);
	evrt__event_del_nolock(race->strand, evrt__event(&race->step), false);
	evrt__unlock(race->strand->lock);
	event_debug_unassign(&race->step);
	evrt__free(race);
}
