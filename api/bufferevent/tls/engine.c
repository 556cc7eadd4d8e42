/* api/bufferevent/tls/engine.c — the turns of a TLS bufferevent: handshake, reading, writing, and their ends.
 *
 * Here:     what is waited for, and what is done when it is there.
 * Not here: the library that is asked (openssl.c), the bytes below (transport.c), the operations of the
 *           kind (kind.c).
 * Threads:  turns in the strand; evrt__tls_watch and evrt__tls_let_go any, locked.
 *
 *                   renegotiate
 *               .------------------.
 *               v                  |
 *      CONNECTING, ACCEPTING --> OPEN        state. CONNECTED is told at the arrow.
 *               |                  |
 *               v                  v
 *      ended = READ|WRITE     ended |= the direction whose end was found. It is told once, by ERROR or EOF.
 *
 * What a call of the TLS library wants may be the other direction of the transport: each part has its own
 * `_wants`, and a turn serves the parts that waited for what has come. A turn ends with one callback at most
 * for each direction; what is left is activated again, behind others. Between a callback and the end of the turn
 * everything may have changed, so nothing is remembered across it.
 */
#include "api/bufferevent/tls/tls_internal.h"

#include <errno.h>
#include "base/assert.h"
#include "threading/lock.h"

#define RW (EV_READ | EV_WRITE)
/* What fits into one TLS record. */
#define RECORD_MAX ((size_t)16384)
/* Room for what a short message needs: an evbuffer's smallest chains are not much larger. */
#define RECORD_LEAST ((size_t)512)

/* --- what is waited for ------------------------------------------------------------------------- */

bool
evrt__tls_serves(const struct evrt_tls *t, short event)
{
	uint8_t suspended = event == EV_READ ? t->p.read_suspended : t->p.write_suspended;

	return t->state == BUFFEREVENT_SSL_OPEN && !t->stopped && (t->p.bev.enabled & event) && !suspended &&
	    !(t->ended & event);
}

static bool
engine_has_output(const struct evrt_tls *t)
{
	return evbuffer_get_length(t->p.bev.output) > 0 || (t->finishing && !t->finished);
}

static short
engine_wanted(const struct evrt_tls *t)
{
	short wanted = 0;

	if (t->stopped)
		return 0;
	/* ev_write waits for the end of the connect; ev_read is there for its timeout. */
	if (t->p.connecting)
		return (short)((t->p.write_added ? EV_WRITE : 0) |
		    ((t->p.bev.enabled & EV_READ) && !t->p.read_suspended ? EV_READ : 0));
	if (!t->below && t->p.fd < 0)
		return 0;
	if (t->state != BUFFEREVENT_SSL_OPEN)
		return t->ended ? 0 : t->handshake_wants;
	if (evrt__tls_serves(t, EV_READ))
		wanted |= t->read_wants;
	if (evrt__tls_serves(t, EV_WRITE) && engine_has_output(t))
		wanted |= t->write_wants;
	return wanted;
}

int
evrt__tls_watch(struct evrt_tls *t)
{
	short wanted = engine_wanted(t);
	short added = (short)((t->p.read_added ? EV_READ : 0) | (t->p.write_added ? EV_WRITE : 0));
	short begins = (short)(wanted & ~added), ends = (short)(added & ~wanted);
	int err = 0;

	if (ends)
		evrt__bev_socket_del(&t->p, ends);
	if (begins & EV_READ)
		err = evrt__bev_socket_add(&t->p, EV_READ);
	if (err == 0 && (begins & EV_WRITE))
		err = evrt__bev_socket_add(&t->p, EV_WRITE);
	if (begins && t->below)
		evrt__tls_resume(t);
	return err;
}

/* --- calls of the TLS library ------------------------------------------------------------------- */

static void
engine_enter(struct evrt_tls *t)
{
	EVRT_ASSERT(!t->in_call);
	t->in_call = true;
	t->p.in_program++;
	t->drained = 0;
	t->received = t->io_ended = false;
	t->io_error = 0;
}

/* `reads`: the call was a read, whose caller sees to what is left. Others may leave bytes inside of the TLS library,
 * which no report will tell of. */
static void
engine_leave(struct evrt_tls *t, bool reads)
{
	t->in_call = false;
	t->p.in_program--;
	if (t->drained)
		evrt__tls_drained(t, t->drained);
	if (t->received && !reads)
		evrt__tls_ready(t, EVRT_READ);
	evrt__tls_let_go(t);
}

void
evrt__tls_let_go(struct evrt_tls *t)
{
	if (!t->stopped || !t->attached || t->in_call || (t->p.options & BEV_OPT_CLOSE_ON_FREE))
		return;
	t->attached = false;
	t->provider->detach(t);
}

void
evrt__tls_put_error(struct evrt_tls *t, unsigned long error)
{
	if (t->n_errors < EVRT_TLS_ERRORS_MAX)
		t->errors[t->n_errors++] = error;
}

/* Which direction of the transport a part waits for after `result`; what it waited for so far if it is none. */
static short
engine_wants(ssize_t result, short before)
{
	return result == EVRT_TLS_WANT_READ ? EV_READ : result == EVRT_TLS_WANT_WRITE ? EV_WRITE : before;
}

static bool
engine_is_end(ssize_t result)
{
	return result == EVRT_TLS_CLOSED || result == EVRT_TLS_FAILED;
}

/* --- ends --------------------------------------------------------------------------------------- */

/* How the call that is over has ended the connection. Cut: not by the peer's word, but because the transport has ended
 * or failed; out of memory is another matter. */
static struct evrt_tls_end
engine_end_of(const struct evrt_tls *t, ssize_t result)
{
	bool cut = t->io_ended || (t->io_error && t->io_error != ENOMEM);

	return (struct evrt_tls_end){ result, result != EVRT_TLS_CLOSED && cut, t->io_error };
}

static void
engine_end(struct evrt_tls *t, short event, struct evrt_tls_end end)
{
	bool clean = end.result == EVRT_TLS_CLOSED || (end.cut && (t->flags & BUFFEREVENT_SSL_DIRTY_SHUTDOWN));
	short what = clean ? BEV_EVENT_EOF : BEV_EVENT_ERROR;

	if (event & EV_READ)
		what |= BEV_EVENT_READING;
	else if (event & EV_WRITE)
		what |= BEV_EVENT_WRITING;
	t->ended |= t->state == BUFFEREVENT_SSL_OPEN ? event : RW;
	(void)evrt__tls_watch(t); /* which only ends something */
	evrt__bev_call_event(&t->p, what, end.err, 0);
}

void
evrt__tls_cut_off(struct evrt_tls *t)
{
	if (t->ended & EV_READ)
		return;
	t->ended |= EV_READ;
	engine_end(t, 0, (struct evrt_tls_end){ EVRT_TLS_FAILED, true, t->below_error });
}

void
evrt__tls_begin(struct evrt_tls *t)
{
	/* Both: it can be tried at once. */
	t->handshake_wants = RW;
	t->read_wants = EV_READ;
	t->write_wants = EV_WRITE;
	t->ended = 0;
	t->write_again = 0;
	t->read_end.result = 0;
	if (t->record == 0)
		t->record = RECORD_LEAST;
}

/* --- handshake ---------------------------------------------------------------------------------- */

static void
engine_handshake(struct evrt_tls *t)
{
	engine_enter(t);
	int result = t->provider->handshake(t);
	engine_leave(t, false);
	t->handshake_wants = engine_wants(result, RW);
	if (t->stopped)
		return;
	if (engine_is_end(result)) {
		engine_end(t, EV_READ, engine_end_of(t, result));
	} else if (result == 0) {
		t->state = BUFFEREVENT_SSL_OPEN;
		t->read_wants = EV_READ;
		t->write_wants = EV_WRITE;
		(void)evrt__tls_watch(t);
		evrt__bev_call_event(&t->p, BEV_EVENT_CONNECTED, 0, 0);
	}
}

/* --- reading ------------------------------------------------------------------------------------ */

/* One piece of at most `limit` bytes. Bytes, or a result. */
static ssize_t
engine_read_piece(struct evrt_tls *t, size_t limit)
{
	struct evbuffer *input = t->p.bev.input;
	struct evbuffer_iovec room;
	size_t held = t->provider->pending(t);
	size_t want = held ? held : t->record;

	want = want < limit ? want : limit;
	if (evbuffer_reserve_space(input, (ev_ssize_t)want, &room, 1) < 0) {
		engine_enter(t);
		t->io_error = ENOMEM;
		engine_leave(t, true);
		return EVRT_TLS_FAILED;
	}
	engine_enter(t);
	ssize_t n = t->provider->read(t, room.iov_base, room.iov_len < limit ? room.iov_len : limit);
	engine_leave(t, true);
	if (n > 0) {
		room.iov_len = (size_t)n;
		(void)evbuffer_commit_space(input, &room, 1); /* it is the room that was reserved */
	}
	return n;
}

/* Reads what is there, at most `limit` bytes. Returns how many; *result says why there are no more, or is above 0. */
static size_t
engine_fill(struct evrt_tls *t, size_t limit, ssize_t *result)
{
	struct evbuffer *input = t->p.bev.input;
	size_t total = 0;

	*result = 1;
	evbuffer_unfreeze(input, 0);
	while (total < limit && evrt__tls_serves(t, EV_READ)) {
		*result = engine_read_piece(t, limit - total);
		if (*result <= 0)
			break;
		total += (size_t)*result;
	}
	evbuffer_freeze(input, 0);
	/* The room that was kept for more; an idle connection holds none. */
	evrt__buffer_lock(input);
	if (evbuffer_get_length(input) == 0)
		evrt__buffer_drop_spare(input);
	evrt__buffer_unlock(input);
	return total;
}

static void
engine_learn(struct evrt_tls *t, size_t total)
{
	size_t record = total > RECORD_LEAST ? total : RECORD_LEAST;

	t->record = record < RECORD_MAX ? record : RECORD_MAX;
}

static void
engine_read(struct evrt_tls *t)
{
	struct evrt_tls_end end = t->read_end;
	size_t room = evrt__bev_input_room(&t->p);
	size_t total = 0;

	if (end.result == 0) {
		size_t budget = room ? evrt__bev_read_budget(&t->p) : 0;
		if (room == 0)
			evrt__bev_suspend(&t->p, EV_READ, EVRT_BEV_SUSPEND_WATERMARK);
		if (budget == 0)
			return;
		total = engine_fill(t, room < budget ? room : budget, &end.result);
		end = engine_end_of(t, end.result);
	}
	/* What is left inside of the TLS library, bytes or their end, will not be reported. */
	if (end.result != EVRT_TLS_WANT_READ || !(t->drained & EVRT_READ))
		evrt__tls_ready(t, EVRT_READ);
	t->read_wants = engine_wants(end.result, EV_READ);
	t->read_end.result = 0;
	if (total > 0) {
		engine_learn(t, total);
		/* The program hears of the bytes first. */
		if (engine_is_end(end.result))
			t->read_end = end;
		evrt__bev_moved_read(&t->p, total);
		evrt__bev_trigger_nolock(&t->p, EV_READ, 0);
	} else if (engine_is_end(end.result)) {
		engine_end(t, EV_READ, end);
	}
}

/* --- writing ------------------------------------------------------------------------------------ */

/* The bytes that the next record is to have, in one piece: at most `limit`, unless they were begun before. */
static struct evbuffer_iovec
engine_next_record(const struct evrt_tls *t, size_t limit)
{
	struct evbuffer *output = t->p.bev.output;
	struct evbuffer_iovec piece = { NULL, 0 };
	size_t len = evbuffer_get_length(output);
	size_t most = len < RECORD_MAX ? len : RECORD_MAX;

	if (t->write_again) {
		/* The TLS library insists on at least as many of the same bytes. */
		piece.iov_base = evbuffer_pullup(output, (ev_ssize_t)t->write_again);
		piece.iov_len = t->write_again;
		return piece;
	}
	most = most < limit ? most : limit;
	if (evbuffer_peek(output, (ev_ssize_t)most, NULL, &piece, 1) < 1)
		return (struct evbuffer_iovec){ NULL, 0 };
	if (piece.iov_len < most && (t->flags & BUFFEREVENT_SSL_BATCH_WRITE)) {
		piece.iov_base = evbuffer_pullup(output, (ev_ssize_t)most);
		piece.iov_len = most;
	}
	if (piece.iov_len > most)
		piece.iov_len = most;
	return piece;
}

/* Writes output, at most `limit` bytes. Returns how many; *result as for reading. */
static size_t
engine_empty(struct evrt_tls *t, size_t limit, ssize_t *result)
{
	struct evbuffer *output = t->p.bev.output;
	size_t total = 0;

	*result = 1;
	evbuffer_unfreeze(output, 1);
	/* A callback of output may end all. */
	while (evbuffer_get_length(output) > 0 && total < limit && evrt__tls_serves(t, EV_WRITE)) {
		struct evbuffer_iovec piece = engine_next_record(t, limit - total);
		engine_enter(t);
		if (piece.iov_base) {
			*result = t->provider->write(t, piece.iov_base, piece.iov_len);
		} else {
			t->io_error = ENOMEM;
			*result = EVRT_TLS_FAILED;
		}
		engine_leave(t, false);
		t->write_again = *result > 0 || engine_is_end(*result) ? 0 : piece.iov_len;
		if (*result <= 0)
			break;
		(void)evbuffer_drain(output, (size_t)*result);
		total += (size_t)*result;
	}
	evbuffer_freeze(output, 1);
	return total;
}

static void
engine_finish(struct evrt_tls *t, ssize_t *result)
{
	engine_enter(t);
	*result = t->provider->shutdown(t);
	engine_leave(t, false);
	if (*result == 0 || engine_is_end(*result))
		t->finished = true;
	if (*result == 0)
		t->ended |= EV_WRITE;
}

static void
engine_write(struct evrt_tls *t)
{
	struct evbuffer *output = t->p.bev.output;
	ssize_t result = 1;
	size_t total = 0;

	if (evbuffer_get_length(output) > 0) {
		size_t budget = evrt__bev_write_budget(&t->p);
		if (budget == 0)
			return;
		total = engine_empty(t, budget, &result);
	}
	if (evbuffer_get_length(output) == 0 && t->finishing && !t->finished && evrt__tls_serves(t, EV_WRITE))
		engine_finish(t, &result);
	t->write_wants = engine_wants(result, EV_WRITE);
	struct evrt_tls_end end = engine_end_of(t, result);
	if (total > 0) {
		evrt__bev_moved_write(&t->p, total);
		/* Before the callback, which may fill it again: its time is not to run on when nothing waits. */
		(void)evrt__tls_watch(t);
		evrt__bev_trigger_nolock(&t->p, EV_WRITE, 0);
	}
	if (engine_is_end(result) && evrt__tls_serves(t, EV_WRITE))
		engine_end(t, EV_WRITE, end);
}

/* --- turns -------------------------------------------------------------------------------------- */

static void
engine_turn(struct evrt_tls *t, short event)
{
	if (t->state != BUFFEREVENT_SSL_OPEN) {
		if (!t->ended)
			engine_handshake(t);
	} else {
		if (evrt__tls_serves(t, EV_READ) && (t->read_wants & event))
			engine_read(t);
		if (evrt__tls_serves(t, EV_WRITE) && (t->write_wants & event) && engine_has_output(t))
			engine_write(t);
	}
	(void)evrt__tls_watch(t); /* the descriptor is watched already */
	evrt__tls_resume(t);
}

/* As libevent: over a socket nothing is switched off, and it is told again when the same time has passed. */
static void
engine_timeout(struct evrt_tls *t, short event)
{
	short what = BEV_EVENT_TIMEOUT;

	if (t->p.connecting || t->state == BUFFEREVENT_SSL_OPEN)
		what |= event == EV_READ ? BEV_EVENT_READING : BEV_EVENT_WRITING;
	if (t->below && t->state == BUFFEREVENT_SSL_OPEN)
		evrt__bev_disable_nolock(&t->p, event);
	evrt__bev_call_event(&t->p, what, 0, 0);
}

void
evrt__tls_readable(evutil_socket_t fd, short what, void *tls)
{
	struct evrt_tls *t = tls;

	(void)fd;
	if (!evrt__bev_enter(&t->p))
		return;
	/* Another thread may have ended waiting between the report and our lock. */
	if (!t->p.read_added)
		;
	else if (!(what & EV_READ))
		engine_timeout(t, EV_READ);
	else if (!t->p.connecting)
		engine_turn(t, EV_READ);
	evrt__bev_unref_and_unlock(&t->p);
}

/* A connect that comes to a good end calls `connected` (kind.c), which takes back that all has ended. */
static void
engine_connect(struct evrt_tls *t)
{
	t->ended = RW;
	(void)evrt__bev_connect_finish(&t->p);
	(void)evrt__tls_watch(t);
	evrt__tls_resume(t);
}

void
evrt__tls_writable(evutil_socket_t fd, short what, void *tls)
{
	struct evrt_tls *t = tls;

	(void)fd;
	if (!evrt__bev_enter(&t->p))
		return;
	if (!t->p.write_added)
		;
	else if (!(what & EV_WRITE))
		engine_timeout(t, EV_WRITE);
	else if (t->p.connecting)
		engine_connect(t);
	else
		engine_turn(t, EV_WRITE);
	evrt__bev_unref_and_unlock(&t->p);
}
