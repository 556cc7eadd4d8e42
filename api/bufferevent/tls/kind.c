/* api/bufferevent/tls/kind.c — TLS bufferevents as a kind: making, operations, what all providers have.
 *
 * Here:     struct bufferevent_ops of both transports; the flags.
 * Not here: what a turn does (engine.c).
 * Threads:  as in event2/bufferevent_ssl.h.
 *
 * The TLS object is let go of by `stop`, not by `destroy`, where it is the program's afterwards: that may free it as
 * soon as bufferevent_free has returned.
 */
#include "api/bufferevent/tls/tls_internal.h"

#include <errno.h>
#include "base/mem.h"
#include "base/sys.h"
#include "threading/lock.h"

#define RW (EV_READ | EV_WRITE)
#define FLAGS_ALL ((ev_uint64_t)(BUFFEREVENT_SSL_DIRTY_SHUTDOWN | BUFFEREVENT_SSL_BATCH_WRITE))

static const struct evrt_tls *
tls_const(const struct bufferevent *bev)
{
	return (const struct evrt_tls *)(const void *)bev;
}

static int
tls_enable(struct bufferevent *bev, short events)
{
	struct evrt_tls *t = evrt__tls(bev);
	int err = evrt__tls_watch(t);

	/* A timeout counts from here. */
	if (err == 0 && (events & EV_READ) && t->p.read_added && evutil_timerisset(&bev->timeout_read))
		err = evrt__bev_socket_add(&t->p, EV_READ);
	if (err == 0 && (events & EV_WRITE) && t->p.write_added && evutil_timerisset(&bev->timeout_write))
		err = evrt__bev_socket_add(&t->p, EV_WRITE);
	/* The TLS library's bytes go both ways, whatever the program enables. */
	if (err == 0 && t->below)
		return evrt__bev_enable_bottom(t->below, EV_READ | EV_WRITE);
	return evrt__public_result(err);
}

static void
tls_disable(struct bufferevent *bev, short events)
{
	(void)events;
	(void)evrt__tls_watch(evrt__tls(bev)); /* which only ends something */
}

static void
tls_output_grew(struct bufferevent *bev)
{
	int err = evrt__tls_watch(evrt__tls(bev));

	if (err < 0)
		evrt__bev_call_failed(evrt__bev(bev), EV_WRITE, -err);
}

static int
tls_adjust_timeouts(struct bufferevent *bev)
{
	return evrt__bev_socket_ops.adjust_timeouts(bev);
}

static void
tls_stop(struct bufferevent *bev)
{
	struct evrt_tls *t = evrt__tls(bev);

	evrt__bev_socket_ops.stop(bev);
	if (t->stopped)
		return;
	t->stopped = true;
	if (t->below)
		evrt__tls_below_end(t);
	evrt__tls_let_go(t);
}

static void
tls_destroy(struct bufferevent *bev)
{
	struct evrt_tls *t = evrt__tls(bev);

	if (t->p.options & BEV_OPT_CLOSE_ON_FREE)
		t->provider->free(t->ssl);
	if (t->below) {
		event_debug_unassign(&bev->ev_read);
		event_debug_unassign(&bev->ev_write);
		evrt__bev_release_below(t->below, &t->p);
	} else {
		evrt__bev_socket_ops.destroy(bev); /* closes the descriptor, too, after the TLS object */
	}
}

/* close_notify behind what is in output. */
static int
tls_flush(struct bufferevent *bev, short iotype, enum bufferevent_flush_mode mode)
{
	struct evrt_tls *t = evrt__tls(bev);

	if (!(iotype & EV_WRITE) || mode != BEV_FINISHED)
		return 0;
	t->finishing = true;
	return evrt__public_result(evrt__tls_watch(t));
}

static evutil_socket_t
tls_get_fd(const struct bufferevent *bev)
{
	const struct evrt_tls *t = tls_const(bev);

	return t->below ? bufferevent_getfd(t->below) : t->p.fd;
}

/* The TLS object, and the descriptor if there is one. */
static int
tls_open(struct evrt_tls *t)
{
	int err = t->provider->attach(t);

	t->attached = err == 0;
	/* An open TLS object may hold bytes, which nothing will report. */
	if (err == 0 && !t->below && t->state == BUFFEREVENT_SSL_OPEN)
		err = evrt__bev_socket_open(&t->p, EVRT_READ | EVRT_WRITE);
	return err < 0 ? err : evrt__tls_watch(t);
}

static int
tls_set_fd(struct bufferevent *bev, evutil_socket_t fd)
{
	struct evrt_tls *t = evrt__tls(bev);

	evrt__bev_connect_cancel(&t->p);
	evrt__bev_socket_del(&t->p, RW);
	evrt__bev_socket_attach(&t->p, fd);
	t->finishing = t->finished = false;
	evrt__tls_begin(t);
	return evrt__public_result(tls_open(t));
}

static struct bufferevent *
tls_get_below(const struct bufferevent *bev)
{
	return tls_const(bev)->below;
}

static int
tls_set_priority(struct bufferevent *bev, int priority)
{
	return evrt__bev_socket_ops.set_priority(bev, priority);
}

static void
tls_connected(struct bufferevent *bev)
{
	struct evrt_tls *t = evrt__tls(bev);

	evrt__tls_begin(t);
	if (t->state == BUFFEREVENT_SSL_OPEN)
		evrt__bev_call_event(&t->p, BEV_EVENT_CONNECTED, 0, 0);
}

static const struct bufferevent_ops tls_socket_ops = {
	.name = "tls",
	.enable = tls_enable,
	.disable = tls_disable,
	.output_grew = tls_output_grew,
	.adjust_timeouts = tls_adjust_timeouts,
	.stop = tls_stop,
	.destroy = tls_destroy,
	.flush = tls_flush,
	.get_fd = tls_get_fd,
	.set_fd = tls_set_fd,
	.set_priority = tls_set_priority,
	.connected = tls_connected,
};

static const struct bufferevent_ops tls_filter_ops = {
	.name = "tls filter",
	.enable = tls_enable,
	.disable = tls_disable,
	.output_grew = tls_output_grew,
	.adjust_timeouts = tls_adjust_timeouts,
	.stop = tls_stop,
	.destroy = tls_destroy,
	.flush = tls_flush,
	.get_fd = tls_get_fd,
	.get_underlying = tls_get_below,
	.set_priority = tls_set_priority,
};

/* --- making ------------------------------------------------------------------------------------- */

/* Over a bufferevent the events are timers, and are activated by hand: they keep no loop running by being added. */
static int
tls_assign(struct evrt_tls *t, struct event_base *base)
{
	short reads = t->below ? EV_PERSIST : EV_PERSIST | EV_READ;
	short writes = t->below ? EV_PERSIST : EV_PERSIST | EV_WRITE;
	struct bufferevent *bev = &t->p.bev;

	if (event_assign(&bev->ev_read, base, t->p.fd, reads, evrt__tls_readable, t) < 0 ||
	    event_assign(&bev->ev_write, base, t->p.fd, writes, evrt__tls_writable, t) < 0)
		return -EINVAL;
	if (t->below) {
		evrt__event_join(evrt__event(&bev->ev_read), t->p.strand);
		evrt__event_join(evrt__event(&bev->ev_write), t->p.strand);
	} else {
		evrt__stream_init(&t->p.stream, t->p.strand, &bev->ev_read, &bev->ev_write);
	}
	return 0;
}

/* Takes back what tls_start has done, of an object that nobody else knows. */
static void
tls_unmake(struct evrt_tls *t)
{
	evrt__bev_lock(&t->p);
	evrt__bev_socket_ops.stop(&t->p.bev);
	t->stopped = true;
	evrt__tls_let_go(t);
	evrt__bev_unlock(&t->p);
	if (!t->below)
		evrt__stream_fini(&t->p.stream);
	event_debug_unassign(&t->p.bev.ev_read);
	event_debug_unassign(&t->p.bev.ev_write);
	evrt__bev_fini(&t->p);
}

static int
tls_start(struct evrt_tls *t, struct event_base *base)
{
	int err = tls_assign(t, base);

	if (err < 0) {
		evrt__bev_fini(&t->p);
		return err;
	}
	evrt__tls_begin(t);
	evbuffer_freeze(t->p.bev.input, 0);
	evbuffer_freeze(t->p.bev.output, 1);
	evrt__bev_lock(&t->p);
	err = tls_open(t);
	evrt__bev_unlock(&t->p);
	if (err < 0)
		tls_unmake(t);
	return err;
}

/* The bufferevent below is taken over when nothing can fail any more; from then on there is something to do. */
static void
tls_start_below(struct evrt_tls *t)
{
	bufferevent_incref(t->below);
	evrt__tls_below_begin(t);
	evrt__bev_lock(&t->p);
	evrt__tls_resume(t);
	evrt__bev_unlock(&t->p);
}

static int
tls_init(struct evrt_tls *t, const struct evrt_tls_provider *provider, struct event_base *base,
    struct bufferevent *below, evutil_socket_t fd, void *ssl, enum bufferevent_ssl_state state, int options)
{
	struct bufferevent_private *with = below ? evrt__bev(below) : NULL;
	evutil_socket_t has = below ? -1 : provider->fd(ssl);

	if (fd >= 0 && has >= 0 && fd != has)
		return -EINVAL; /* which one is meant? */
	int err = evrt__bev_init(&t->p, base, below ? &tls_filter_ops : &tls_socket_ops, options, with);
	if (err < 0)
		return err;
	t->provider = provider;
	t->ssl = ssl;
	t->below = below;
	t->state = state;
	if (!below)
		t->p.fd = fd >= 0 ? fd : has;
	err = tls_start(t, base);
	if (err == 0 && below)
		tls_start_below(t);
	return err;
}

/* `valid`: what the program gave can be used. */
static struct bufferevent *
tls_new(bool valid, const struct evrt_tls_provider *provider, struct event_base *base, struct bufferevent *below,
    evutil_socket_t fd, void *ssl, enum bufferevent_ssl_state state, int options)
{
	valid = valid && base && ssl && state >= BUFFEREVENT_SSL_OPEN && state <= BUFFEREVENT_SSL_ACCEPTING;
	struct evrt_tls *t = valid ? evrt__calloc(1, sizeof(*t)) : NULL;
	int err = t ? tls_init(t, provider, base, below, fd, ssl, state, options) : valid ? -ENOMEM : -EINVAL;

	if (err == 0)
		return &t->p.bev;
	evrt__free(t);
	if (ssl && (options & BEV_OPT_CLOSE_ON_FREE))
		provider->free(ssl);
	errno = -err;
	return NULL;
}

struct bufferevent *
evrt__tls_filter_new(const struct evrt_tls_provider *provider, struct event_base *base, struct bufferevent *below,
    void *ssl, enum bufferevent_ssl_state state, int options)
{
	return tls_new(below && below->ev_base == base, provider, base, below, -1, ssl, state, options);
}

struct bufferevent *
evrt__tls_socket_new(const struct evrt_tls_provider *provider, struct event_base *base, evutil_socket_t fd, void *ssl,
    enum bufferevent_ssl_state state, int options)
{
	return tls_new(true, provider, base, NULL, fd, ssl, state, options);
}

/* --- for all providers -------------------------------------------------------------------------- */

void *
evrt__tls_alloc(size_t size)
{
	return evrt__calloc(1, size);
}

void
evrt__tls_free(void *ptr)
{
	evrt__free(ptr);
}

static struct evrt_tls *
tls_of(struct bufferevent *bev)
{
	bool is = bev && (bev->be_ops == &tls_socket_ops || bev->be_ops == &tls_filter_ops);

	return is ? evrt__tls(bev) : NULL;
}

struct evrt_tls *
evrt__tls_of(struct bufferevent *bev, const struct evrt_tls_provider *provider)
{
	struct evrt_tls *t = tls_of(bev);

	return t && t->provider == provider ? t : NULL;
}

int
evrt__tls_allows_dirty(struct bufferevent *bev, const struct evrt_tls_provider *provider)
{
	if (!evrt__tls_of(bev, provider))
		return -1;
	return (bufferevent_ssl_get_flags(bev) & BUFFEREVENT_SSL_DIRTY_SHUTDOWN) != 0;
}

void
evrt__tls_allow_dirty(struct bufferevent *bev, const struct evrt_tls_provider *provider, int allow)
{
	if (!evrt__tls_of(bev, provider))
		return;
	if (allow)
		(void)bufferevent_ssl_set_flags(bev, BUFFEREVENT_SSL_DIRTY_SHUTDOWN);
	else
		(void)bufferevent_ssl_clear_flags(bev, BUFFEREVENT_SSL_DIRTY_SHUTDOWN);
}

int
evrt__tls_renegotiate(struct bufferevent *bev, const struct evrt_tls_provider *provider)
{
	struct evrt_tls *t = evrt__tls_of(bev, provider);
	int r = -1;

	if (!t)
		return -1;
	evrt__bev_lock(&t->p);
	if (t->state == BUFFEREVENT_SSL_OPEN && !t->stopped && !t->ended && !t->write_again)
		r = provider->renegotiate(t);
	if (r == 0) {
		/* Who begins does not matter to the engine. */
		t->state = BUFFEREVENT_SSL_CONNECTING;
		t->handshake_wants = RW;
		r = evrt__public_result(evrt__tls_watch(t));
	}
	evrt__bev_unlock(&t->p);
	return r;
}

unsigned long
evrt__tls_take_error(struct bufferevent *bev, const struct evrt_tls_provider *provider)
{
	struct evrt_tls *t = evrt__tls_of(bev, provider);
	unsigned long error = 0;

	if (!t)
		return 0;
	evrt__bev_lock(&t->p);
	if (t->n_errors)
		error = t->errors[--t->n_errors];
	evrt__bev_unlock(&t->p);
	return error;
}

/* Those of `clear` go, then those of `set` come. The flags before. */
static ev_uint64_t
tls_change_flags(struct bufferevent *bev, ev_uint64_t clear, ev_uint64_t set)
{
	struct evrt_tls *t = tls_of(bev);

	if (!t || ((clear | set) & ~FLAGS_ALL))
		return EV_UINT64_MAX;
	evrt__bev_lock(&t->p);
	ev_uint64_t before = t->flags;
	t->flags = (before & ~clear) | set;
	evrt__bev_unlock(&t->p);
	return before;
}

ev_uint64_t
bufferevent_ssl_get_flags(struct bufferevent *bev)
{
	return tls_change_flags(bev, 0, 0);
}

ev_uint64_t
bufferevent_ssl_set_flags(struct bufferevent *bev, ev_uint64_t flags)
{
	return tls_change_flags(bev, 0, flags);
}

ev_uint64_t
bufferevent_ssl_clear_flags(struct bufferevent *bev, ev_uint64_t flags)
{
	return tls_change_flags(bev, flags, 0);
}
