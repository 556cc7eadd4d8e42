/* event2/bufferevent.h — a connection with a buffer in each direction, and callbacks about them.
 *
 * A bufferevent reads what arrives into its *input* and sends what is put into its *output* (two evbuffers,
 * event2/buffer.h), and calls back when there is something to read, when output has gone, and about the
 * connection itself: connected, ended, failed, timed out.
 *
 *      static void
 *      echo(struct bufferevent *bev, void *arg)
 *      { bufferevent_write_buffer(bev, bufferevent_get_input(bev)); }
 *
 *      struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
 *      bufferevent_setcb(bev, echo, NULL, ended, NULL);
 *      bufferevent_enable(bev, EV_READ);
 *
 * Kinds: over a socket, over another bufferevent with a filter between, in pairs without the kernel, and
 * over TLS (event2/bufferevent_ssl.h). Writing is enabled from the start, reading is not.
 *
 * Threads. With BEV_OPT_THREADSAFE each call is atomic, and its lock is that of both evbuffers; one callback runs
 * at a time. While one runs in a thread, others may write, enable, disable and ask: two that write to each other's
 * bufferevents never wait for each other. bufferevent_lock, _setcb and _free wait for its end, except with
 * BEV_OPT_UNLOCK_CALLBACKS: two callbacks that use these on each other's bufferevents need that, or an order of
 * their own. Without THREADSAFE, one thread at a time uses a bufferevent and the loop counts as one.
 * On a pooled base (evrt/pool.h) the callbacks of a bufferevent run in its strand, which is that of the
 * callback that made it (an accepted connection's, in a listener's callback). Inside of its strand no lock is
 * needed; from anywhere else BEV_OPT_THREADSAFE is. What other threads trigger there is always deferred.
 *
 * Callbacks may call anything here on any bufferevent, and free it. Results: int functions give 0, or -1 on
 * failure, if nothing else is said. NULL is no bufferevent.
 * Background: chapters Ref6 and Ref6a of the libevent book.
 */
#ifndef EVENT2_BUFFEREVENT_H_INCLUDED_
#define EVENT2_BUFFEREVENT_H_INCLUDED_

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <event2/event-config.h>
#include <sys/types.h>
#include <sys/time.h>
#include <event2/util.h>

struct bufferevent;
struct event_base;
struct evbuffer;
struct evdns_base;
struct sockaddr;

/* --- callbacks ---------------------------------------------------------------------------- */

/* What an event callback is told: what happened, and in which direction. */
#define BEV_EVENT_READING 0x01   /* while reading */
#define BEV_EVENT_WRITING 0x02   /* while writing */
#define BEV_EVENT_EOF 0x10       /* the peer will send no more */
#define BEV_EVENT_ERROR 0x20     /* it failed; EVUTIL_SOCKET_ERROR() says why */
#define BEV_EVENT_TIMEOUT 0x40   /* nothing could be read, or written, for as long as was set */
#define BEV_EVENT_CONNECTED 0x80 /* bufferevent_socket_connect has succeeded, or a TLS handshake */

/* Read: input holds as much as its low watermark, or more. Write: output is down to its low watermark. `ctx`
 * is the argument of bufferevent_setcb. */
typedef void (*bufferevent_data_cb)(struct bufferevent *bev, void *ctx);

/* `what` is an OR of BEV_EVENT_*. With EOF, ERROR and TIMEOUT that direction was disabled before; what input
 * holds can still be read. It stays enabled where bufferevent_enable would have failed, but it was not the program
 * that asked: output has grown, a limit has ended. Then no byte is lost, and bufferevent_enable tries again. */
typedef void (*bufferevent_event_cb)(struct bufferevent *bev, short what, void *ctx);

/* Sets the three callbacks and their argument; NULL: none. The next callback is to the new ones, also one
 * that was deferred before. With BEV_OPT_THREADSAFE it waits as bufferevent_free does. */
EVENT2_EXPORT_SYMBOL
void bufferevent_setcb(struct bufferevent *bufev, bufferevent_data_cb readcb, bufferevent_data_cb writecb,
    bufferevent_event_cb eventcb, void *cbarg);

/* Stores what is set. Any of the places may be NULL. */
EVENT2_EXPORT_SYMBOL
void bufferevent_getcb(struct bufferevent *bufev, bufferevent_data_cb *readcb_ptr,
    bufferevent_data_cb *writecb_ptr, bufferevent_event_cb *eventcb_ptr, void **cbarg_ptr);

/* --- making ------------------------------------------------------------------------------- */

/* Options of making, as an OR. */
enum bufferevent_options {
	/* bufferevent_free closes the descriptor, or frees the bufferevent below. */
	BEV_OPT_CLOSE_ON_FREE = (1 << 0),
	/* A lock for several threads; see above. Making fails where threads are off (event2/thread.h). */
	BEV_OPT_THREADSAFE = (1 << 1),
	/* Callbacks come from the loop, not from inside of calls: never deeper in the stack. They are told in
	 * the order CONNECTED, read, write, all other events, and at most once each per turn. */
	BEV_OPT_DEFER_CALLBACKS = (1 << 2),
	/* Nothing waits for a callback that runs; see above. Needs BEV_OPT_DEFER_CALLBACKS. */
	BEV_OPT_UNLOCK_CALLBACKS = (1 << 3)
};

/* A bufferevent over a non-blocking stream socket; fd -1: one will come with bufferevent_setfd or be made by
 * bufferevent_socket_connect. `options` is an OR of BEV_OPT_*. NULL: memory is out, or the options are not
 * possible. */
EVENT2_EXPORT_SYMBOL
struct bufferevent *bufferevent_socket_new(struct event_base *base, evutil_socket_t fd, int options);

/* Gives up the program's reference: no callback of it begins any more, and, as soon as none is running, all
 * is freed. What output holds is not sent; unread input is lost. The program may have the descriptor back at
 * once, unless BEV_OPT_CLOSE_ON_FREE closes it. With BEV_OPT_THREADSAFE it waits for a callback that runs in
 * another thread (see above), so that what the callback uses may be freed afterwards; not so when it is called
 * in a strand of a pool. */
EVENT2_EXPORT_SYMBOL
void bufferevent_free(struct bufferevent *bufev);

/* One more reference, and one less: decref returns 1 when it was the last (then all is freed), else 0. */
EVENT2_EXPORT_SYMBOL
void bufferevent_incref(struct bufferevent *bufev);
EVENT2_EXPORT_SYMBOL
int bufferevent_decref(struct bufferevent *bufev);

/* Keeps callbacks and other threads out, and takes a reference; gives up both. They nest. Waits for a callback that
 * runs in another thread. Without BEV_OPT_THREADSAFE: only the reference. */
EVENT2_EXPORT_SYMBOL
void bufferevent_lock(struct bufferevent *bufev);
EVENT2_EXPORT_SYMBOL
void bufferevent_unlock(struct bufferevent *bufev);

/* --- connecting --------------------------------------------------------------------------- */

/* Connects to `sa` (`socklen` bytes, copied), making a non-blocking socket first if there is none; sa NULL: the
 * program has called connect() on the socket itself. The outcome is told by the event callback, once, from the
 * loop and never from inside of this call: CONNECTED, or ERROR, for which EVUTIL_SOCKET_ERROR() says why. Output
 * may be filled before and is sent then. Timeouts count meanwhile, and writing may be disabled: then CONNECTED is
 * told all the same, and nothing sent. bufferevent_free, bufferevent_setfd and another connect that begins call
 * this one off: then its outcome is not told. For AF_UNIX `socklen` says how long the name is, which needs no
 * zero at its end, and may begin with one (an abstract name). Any thread, as above.
 * -1 with errno, and no callback follows: no socket could be made (EMFILE, EAFNOSUPPORT, ...), the kernel would not
 * begin (ENETUNREACH, EACCES, ENOENT for a path, EALREADY when one is under way), EINVAL for a `socklen` that is
 * negative or longer than struct sockaddr_storage, for sa NULL without a socket, or a kind without sockets. */
EVENT2_EXPORT_SYMBOL
int bufferevent_socket_connect(struct bufferevent *bufev, const struct sockaddr *sa, int socklen);

/* Looks up `hostname` and connects to `port` there. `family` is AF_INET, AF_INET6, or AF_UNSPEC for both. Without a
 * resolver (evdns_base NULL) this call blocks until the name is known; an address in digits takes no time.
 * Several addresses are tried as RFC 8305 says: families in turn, the next one 250 ms after the last, or as soon as
 * one has failed; the first that answers is kept. (A socket that was set before is connected to the first address
 * only.) The outcome is told once, as above, after the last address has failed: ERROR with the last one's reason; or,
 * for a name that is not found, ERROR and bufferevent_socket_get_dns_error. Both directions rest, and timeouts do not
 * count, until the name is known; from then on they count over all addresses. While several are under way,
 * bufferevent_getfd tells the first of them, and bufferevent_setfd leaves that one open and closes the others.
 * A connect that is under way is called off by this one. -1 with errno for another family, a port that is not 1 to
 * 65535, a kind without sockets (all EINVAL), or when memory is out. */
EVENT2_EXPORT_SYMBOL
int bufferevent_socket_connect_hostname(struct bufferevent *bufev, struct evdns_base *evdns_base, int family,
    const char *hostname, int port);

/* The same with the family, flags (EVUTIL_AI_*) and protocol of `hints`, as for evutil_getaddrinfo; NULL: both
 * families, and only those that the host has an address of (EVUTIL_AI_ADDRCONFIG), as above. `hints` is not
 * kept. -1 (EINVAL) also for an ai_socktype that is neither SOCK_STREAM nor 0. As in libevent 2.2. */
EVENT2_EXPORT_SYMBOL
int bufferevent_socket_connect_hostname_hints(struct bufferevent *bufev, struct evdns_base *evdns_base,
    const struct evutil_addrinfo *hints, const char *hostname, int port);

/* Why the last look-up failed: an EVUTIL_EAI_ code for evutil_gai_strerror, or 0. Kept until the next one. */
EVENT2_EXPORT_SYMBOL
int bufferevent_socket_get_dns_error(struct bufferevent *bev);

/* Serves `fd` from now on, or none: -1. The descriptor before is not closed; what is enabled stays so, and
 * buffers keep what they hold. A connect or look-up that is under way is called off. Filters pass it on to the
 * bufferevent below. -1 for kinds without descriptors, and with errno where `fd` cannot be watched. */
EVENT2_EXPORT_SYMBOL
int bufferevent_setfd(struct bufferevent *bufev, evutil_socket_t fd);

/* The same, and closes the descriptor before, whatever the options say. As in libevent 2.2. */
EVENT2_EXPORT_SYMBOL
int bufferevent_replacefd(struct bufferevent *bufev, evutil_socket_t fd);

/* The descriptor (of a filter: of what is below it), or -1. It stays the bufferevent's. */
EVENT2_EXPORT_SYMBOL
evutil_socket_t bufferevent_getfd(struct bufferevent *bufev);

/* The bufferevent below a filter (or TLS); NULL for other kinds. */
EVENT2_EXPORT_SYMBOL
struct bufferevent *bufferevent_get_underlying(struct bufferevent *bufev);

/* --- base and priority -------------------------------------------------------------------- */

/* Moves a socket bufferevent that waits for nothing, and has nothing deferred, to another base (disable it
 * before). -1 where that is not so, and for other kinds. Not while another thread uses it. */
EVENT2_EXPORT_SYMBOL
int bufferevent_base_set(struct event_base *base, struct bufferevent *bufev);

/* The base. */
EVENT2_EXPORT_SYMBOL
struct event_base *bufferevent_get_base(struct bufferevent *bev);

/* The priority of its events and deferred callbacks (at first: the number of priorities, halved). -1 when it
 * is out of range, something is active, or for kinds other than sockets. */
EVENT2_EXPORT_SYMBOL
int bufferevent_priority_set(struct bufferevent *bufev, int pri);
EVENT2_EXPORT_SYMBOL
int bufferevent_get_priority(const struct bufferevent *bufev);

/* --- data --------------------------------------------------------------------------------- */

/* Appends a copy of `size` bytes to output. It is sent by the loop as soon as writing is enabled. */
EVENT2_EXPORT_SYMBOL
int bufferevent_write(struct bufferevent *bufev, const void *data, size_t size);

/* Moves all of `buf` to output, without copying. */
EVENT2_EXPORT_SYMBOL
int bufferevent_write_buffer(struct bufferevent *bufev, struct evbuffer *buf);

/* Takes up to `size` bytes from input; returns how many. */
EVENT2_EXPORT_SYMBOL
size_t bufferevent_read(struct bufferevent *bufev, void *data, size_t size);

/* Moves all of input to the end of `buf`, without copying. */
EVENT2_EXPORT_SYMBOL
int bufferevent_read_buffer(struct bufferevent *bufev, struct evbuffer *buf);

/* The evbuffers, which live as long as the bufferevent. Input only ends by the program's hand, output only
 * grows by it: to add to input, or remove from output, fails. */
EVENT2_EXPORT_SYMBOL
struct evbuffer *bufferevent_get_input(struct bufferevent *bufev);
EVENT2_EXPORT_SYMBOL
struct evbuffer *bufferevent_get_output(struct bufferevent *bufev);

/* --- flow --------------------------------------------------------------------------------- */

/* Begins, and ends, to read or write: `event` is EV_READ, EV_WRITE or both. No read callback comes while
 * reading is disabled, unless it was under way or deferred; disable does not wait for it. Enabling twice is
 * harmless. */
EVENT2_EXPORT_SYMBOL
int bufferevent_enable(struct bufferevent *bufev, short event);
EVENT2_EXPORT_SYMBOL
int bufferevent_disable(struct bufferevent *bufev, short event);

/* EV_READ, EV_WRITE, both or 0: what is enabled, held back or not. */
EVENT2_EXPORT_SYMBOL
short bufferevent_get_enabled(struct bufferevent *bufev);

/* When nothing could be read for `timeout_read`, or nothing of output written for `timeout_write`, that
 * direction is disabled and the event callback told TIMEOUT with READING or WRITING. NULL or zero: never.
 * Time counts only while the direction is enabled, not held back by a watermark or rate limit, and, for
 * writing, while there is something to write. */
EVENT2_EXPORT_SYMBOL
int bufferevent_set_timeouts(struct bufferevent *bufev, const struct timeval *timeout_read,
    const struct timeval *timeout_write);

/* Watermarks, in bytes, for EV_READ, EV_WRITE or both in `events`. Read: callbacks come from lowmark on,
 * reading stops at highmark until the program has drained input below it, and a callback that leaves input
 * full is called again. Write: callbacks come when output is down to lowmark; highmark is kept by filters
 * only. At first lows are 0, and highs 0: none. */
EVENT2_EXPORT_SYMBOL
void bufferevent_setwatermark(struct bufferevent *bufev, short events, size_t lowmark, size_t highmark);

/* Stores the marks of EV_READ or of EV_WRITE; either place may be NULL. -1 when `events` is neither. */
EVENT2_EXPORT_SYMBOL
int bufferevent_getwatermark(struct bufferevent *bufev, short events, size_t *lowmark, size_t *highmark);

/* How urgently bufferevent_flush means it. */
enum bufferevent_flush_mode {
	BEV_NORMAL = 0,  /* as always */
	BEV_FLUSH = 1,   /* all that can be passed on */
	BEV_FINISHED = 2 /* that, and no more will come */
};

/* Passes data on, for EV_READ (towards input), EV_WRITE (from output) or both, as far as the kind knows how.
 * Sockets need no help: 0.
 * Pairs: BEV_NORMAL does nothing. BEV_FLUSH and BEV_FINISHED move the partner's output here, or this one's there,
 * whatever is enabled and whatever the high watermarks say, and call both ends back, deferred; FINISHED also tells
 * the partner EOF, with READING for EV_WRITE and WRITING for EV_READ, and disables nothing. -1 without a partner.
 * Filters: the functions run with that mode, then what is below is flushed. With BEV_NORMAL only where the
 * direction is enabled and below its marks; with the others at least once, even with nothing to pass, and without a
 * limit. No read callback follows, so look at input. 1 when a function has said BEV_OK, else 0. */
EVENT2_EXPORT_SYMBOL
int bufferevent_flush(struct bufferevent *bufev, short iotype, enum bufferevent_flush_mode mode);

/* Options of the triggers. Other bits are ignored. */
enum bufferevent_trigger_options {
	/* Call whatever the low watermarks say. */
	BEV_TRIG_IGNORE_WATERMARKS = (1 << 16),
	/* Call from the loop, although the bufferevent does not defer. */
	BEV_TRIG_DEFER_CALLBACKS = BEV_OPT_DEFER_CALLBACKS
};

/* Calls the read callback (EV_READ in `iotype`), the write callback (EV_WRITE), or both, where the watermarks
 * allow it; and the event callback, with `what`. From inside of this call, or deferred. */
EVENT2_EXPORT_SYMBOL
void bufferevent_trigger(struct bufferevent *bufev, short iotype, int options);
EVENT2_EXPORT_SYMBOL
void bufferevent_trigger_event(struct bufferevent *bufev, short what, int options);

/* --- filters ------------------------------------------------------------------------------ */

/* What a filter's function says. */
enum bufferevent_filter_result {
	BEV_OK = 0,        /* something was done: src or dst has changed. It is called again while src holds bytes */
	BEV_NEED_MORE = 1, /* nothing more, until src has more */
	BEV_ERROR = 2      /* the data is broken. The program is not told: keep it in ctx, or trigger an event */
};

/* Takes bytes from `src` and puts what they become into `dst`, no more than `dst_limit` bytes (-1: any
 * number). With BEV_FLUSH and BEV_FINISHED nothing should be kept back. `ctx` is that of
 * bufferevent_filter_new. It is called inside of whatever call lets bytes pass, with the lock held (nothing else of
 * the stack runs meanwhile), never inside of itself; it should touch the three only. An answer BEV_OK that has changed
 * neither buffer counts as BEV_NEED_MORE. A function that keeps all it was given inside says BEV_OK, so that the write
 * callback is called for the room in output. */
typedef enum bufferevent_filter_result (*bufferevent_filter_cb)(struct evbuffer *src, struct evbuffer *dst,
    ev_ssize_t dst_limit, enum bufferevent_flush_mode mode, void *ctx);

/* A bufferevent whose input is that of `underlying` seen through `input_filter`, and whose output passes
 * through `output_filter` on its way to it; NULL: unchanged. It takes over the callbacks of `underlying`, enables it
 * in both directions, and shares its lock and strand; `underlying` may be a filter. It holds a reference on
 * `underlying`, so that the two may be freed in any order; with BEV_OPT_CLOSE_ON_FREE it frees it at the end, unless
 * the program has done so. Without, `underlying` is left without callbacks, and reads on.
 *
 * What is written passes inside of bufferevent_write, as far as the write high watermark of `underlying` goes, and the
 * write callback comes from there, too; the rest follows when output below is down to its low one. What arrives below
 * passes from the loop up to the filter's own read high watermark; while the filter is full or does not read,
 * `underlying` does not read. What waits when a direction is enabled passes at once, and is told by the loop. Events of
 * `underlying` are passed on. The filter's timeouts are its own, beside those of `underlying`.
 * `free_context`, if not NULL, is called once with `ctx`, when neither function will be called any more, by the loop.
 * NULL on failure, with `underlying` as it was and `ctx` still the program's. */
EVENT2_EXPORT_SYMBOL
struct bufferevent *bufferevent_filter_new(struct bufferevent *underlying, bufferevent_filter_cb input_filter,
    bufferevent_filter_cb output_filter, int options, void (*free_context)(void *), void *ctx);

/* --- pairs -------------------------------------------------------------------------------- */

/* Two bufferevents in pair[0] and pair[1], connected to each other: what is written to one can be read from
 * the other, at once, while one is enabled to write and the other to read and below its read high watermark. No
 * descriptors: the pair keeps no loop from ending, but for its timeouts. Callbacks are always deferred;
 * BEV_OPT_CLOSE_ON_FREE means nothing. One lock and one strand for both. Each is freed by itself: what it has sent
 * stays, and the partner is not told (bufferevent_flush with BEV_FINISHED does that). */
EVENT2_EXPORT_SYMBOL
int bufferevent_pair_new(struct event_base *base, int options, struct bufferevent *pair[2]);

/* The other one; NULL when it was freed, or for kinds other than pairs. */
EVENT2_EXPORT_SYMBOL
struct bufferevent *bufferevent_pair_get_partner(struct bufferevent *bev);

/* --- how much at once --------------------------------------------------------------------- */

/* The most that is read, and written, for one bufferevent before others get their turn. At first 64 KiB and
 * 256 KiB: read sizes follow what has arrived lately, a write is one system call. 0, or more than
 * EV_SSIZE_MAX: back to that. */
EVENT2_EXPORT_SYMBOL
int bufferevent_set_max_single_read(struct bufferevent *bev, size_t size);
EVENT2_EXPORT_SYMBOL
int bufferevent_set_max_single_write(struct bufferevent *bev, size_t size);
EVENT2_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_max_single_read(struct bufferevent *bev);
EVENT2_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_max_single_write(struct bufferevent *bev);

/* --- rate limits -------------------------------------------------------------------------- *
 * A limit is a bucket for each direction. Every tick puts the rate into it, up to the burst; every byte takes
 * one out; while it is empty, that direction waits. A bufferevent may have a bucket of its own and be in one
 * group, whose members share a bucket: the tightest of the two and the most at once holds. Sockets (TLS, too)
 * are limited; pairs and filters move bytes freely, and wait only while their own bucket was emptied by hand.
 *
 * A direction is held back when it has something to move and no bytes for it, and goes on with the tick that brings
 * some: until then its timeout does not count. What is idle has no timer, however empty the bucket.
 * All calls may come from any thread: those about a group where threads are on, those about a bufferevent if it has
 * BEV_OPT_THREADSAFE. Callbacks may make any of them. */

struct ev_token_bucket_cfg;
struct bufferevent_rate_limit_group;

/* The greatest rate and burst: no limit. */
#define EV_RATE_LIMIT_MAX EV_SSIZE_MAX

/* A configuration, in bytes per tick and bytes. `tick_len` NULL: ticks of a second; fractions of a millisecond are
 * dropped, and no tick is shorter than one. It stays the program's, and must live as long as it is set on a
 * bufferevent (groups copy it). NULL: EINVAL for a rate of 0, a burst below its rate, a number above
 * EV_RATE_LIMIT_MAX; ENOMEM. */
EVENT2_EXPORT_SYMBOL
struct ev_token_bucket_cfg *ev_token_bucket_cfg_new(size_t read_rate, size_t read_burst, size_t write_rate,
    size_t write_burst, const struct timeval *tick_len);

/* Frees a configuration that is set nowhere. NULL: nothing. */
EVENT2_EXPORT_SYMBOL
void ev_token_bucket_cfg_free(struct ev_token_bucket_cfg *cfg);

/* Gives a bufferevent a bucket of its own, which begins its first tick now and holds one tick's worth; NULL takes
 * it away, and what it held back goes on. Another configuration keeps what the bucket holds or owes, clipped to the
 * new burst, and begins a tick. 0; -1 and ENOMEM. */
EVENT2_EXPORT_SYMBOL
int bufferevent_set_rate_limit(struct bufferevent *bev, struct ev_token_bucket_cfg *cfg);

/* The configuration that was set, or NULL. */
EVENT2_EXPORT_SYMBOL
const struct ev_token_bucket_cfg *bufferevent_get_token_bucket_cfg(const struct bufferevent *bev);

/* A group without members, limited as `cfg` says, which is copied. The loop of `base` refills it, and has a timer for
 * that only while a member waits. Members may be of other bases, and on a pooled base of any strand: each is let go
 * in its own. Free it before `base`. NULL: EINVAL where an argument is NULL; ENOMEM. */
EVENT2_EXPORT_SYMBOL
struct bufferevent_rate_limit_group *bufferevent_rate_limit_group_new(struct event_base *base,
    const struct ev_token_bucket_cfg *cfg);

/* Changes the limit of a group, as bufferevent_set_rate_limit does for one. 0; -1 where an argument is NULL. */
EVENT2_EXPORT_SYMBOL
int bufferevent_rate_limit_group_set_cfg(struct bufferevent_rate_limit_group *group,
    const struct ev_token_bucket_cfg *cfg);

/* What the group holds is divided among its active members: those that wanted to move bytes in this tick or the one
 * before, or wait. This is the least that one of them may move in its turn while anything is left, so that many
 * members do not send crumbs; what it takes beyond what is there is owed. At first 64 bytes; it counts clipped
 * to both rates. 0; -1 above EV_SSIZE_MAX. */
EVENT2_EXPORT_SYMBOL
int bufferevent_rate_limit_group_set_min_share(struct bufferevent_rate_limit_group *group, size_t min_share);

/* Frees a group without members: one with members ends the process. A bufferevent has left when bufferevent_free
 * returns. */
EVENT2_EXPORT_SYMBOL
void bufferevent_rate_limit_group_free(struct bufferevent_rate_limit_group *group);

/* Joins a group, leaving the one before; `g` NULL, and the second: leaves it. What was held back for the old one's
 * sake goes on. 0, also where nothing changes; -1 and ENOMEM, and nothing has changed. */
EVENT2_EXPORT_SYMBOL
int bufferevent_add_to_rate_limit_group(struct bufferevent *bev, struct bufferevent_rate_limit_group *g);
EVENT2_EXPORT_SYMBOL
int bufferevent_remove_from_rate_limit_group(struct bufferevent *bev);

/* What the bucket of the bufferevent's own holds now: below 0 when more was taken; EV_SSIZE_MAX without a bucket. */
EVENT2_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_read_limit(struct bufferevent *bev);
EVENT2_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_write_limit(struct bufferevent *bev);

/* What could be read, or written, now: the bucket, the share of the group's and the most at once, whichever
 * is least; 0 where one of them has nothing. */
EVENT2_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_max_to_read(struct bufferevent *bev);
EVENT2_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_max_to_write(struct bufferevent *bev);

/* What the bucket of the group holds now; below 0: owes. */
EVENT2_EXPORT_SYMBOL
ev_ssize_t bufferevent_rate_limit_group_get_read_limit(struct bufferevent_rate_limit_group *group);
EVENT2_EXPORT_SYMBOL
ev_ssize_t bufferevent_rate_limit_group_get_write_limit(struct bufferevent_rate_limit_group *group);

/* Takes `decr` bytes out of a bucket, for traffic that the library did not see; below 0, puts them in, beyond the
 * burst even, until the next tick. A bufferevent whose bucket is empty stops at once; a group's members when
 * they want to move something. What waited goes on when there is something again. 0; the first two: -1 and EINVAL
 * without a bucket of the bufferevent's own. */
EVENT2_EXPORT_SYMBOL
int bufferevent_decrement_read_limit(struct bufferevent *bev, ev_ssize_t decr);
EVENT2_EXPORT_SYMBOL
int bufferevent_decrement_write_limit(struct bufferevent *bev, ev_ssize_t decr);
EVENT2_EXPORT_SYMBOL
int bufferevent_rate_limit_group_decrement_read(struct bufferevent_rate_limit_group *group, ev_ssize_t decr);
EVENT2_EXPORT_SYMBOL
int bufferevent_rate_limit_group_decrement_write(struct bufferevent_rate_limit_group *group, ev_ssize_t decr);

/* All bytes that members have read and written while they were members, since the last reset, without what was taken
 * out by hand; either place may be NULL. And the reset. */
EVENT2_EXPORT_SYMBOL
void bufferevent_rate_limit_group_get_totals(struct bufferevent_rate_limit_group *grp,
    ev_uint64_t *total_read_out, ev_uint64_t *total_written_out);
EVENT2_EXPORT_SYMBOL
void bufferevent_rate_limit_group_reset_totals(struct bufferevent_rate_limit_group *grp);

#ifdef __cplusplus
}
#endif

#endif
