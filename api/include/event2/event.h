/* event2/event.h — events, and the loop that calls back when they happen.
 *
 * An event is a condition (a descriptor is ready, a signal arrived, a time has come, or the program says
 * so) with a function to call. An event_base holds the events and runs the loop that waits for them.
 *
 *      static void
 *      tick(evutil_socket_t fd, short what, void *arg)
 *      { puts("tick"); }
 *
 *      struct event_base *base = event_base_new();
 *      struct event *ev = event_new(base, -1, EV_PERSIST, tick, NULL);
 *      struct timeval second = { 1, 0 };
 *      event_add(ev, &second);
 *      event_base_dispatch(base);
 *      event_free(ev);
 *      event_base_free(base);
 *
 * The life of an event: *initialised* by event_new; *pending* from event_add on; *active* when what it waits
 * for has happened; then its callback runs. Without EV_PERSIST it stops being pending just before that.
 *
 * Threads. On a base of its own, callbacks run one at a time, in the thread that runs the loop. On a pooled
 * base (evrt/pool.h) those of one strand do, and strands run in parallel on all workers; texts say where
 * that makes a difference. With locks (event2/thread.h) functions on a base and its events may be called
 * from any thread at any time, unless their text says otherwise; without, from one thread at a time.
 * No lock of the library is held while a callback runs: it may call anything here, and free its event.
 *
 * Results: functions that return int give 0, or -1 on failure, if nothing else is said; pointers, NULL.
 * An event without a base (event_assign with NULL, before event_init) fails with a warning.
 * Background: chapters Ref1 to Ref4 of the libevent book.
 */
#ifndef EVENT2_EVENT_H_INCLUDED_
#define EVENT2_EVENT_H_INCLUDED_

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <event2/event-config.h>
#include <sys/types.h>
#include <sys/time.h>
#include <stdio.h>
#include <event2/util.h>

/* Opaque; event2/event_struct.h shows the layout of struct event to programs that embed it. */
struct event_base;
struct event;
struct event_config;

/* --- making a base ------------------------------------------------------------------------ */

/* A new base with the best poller that the system has: event_base_new_with_config(NULL). */
EVENT2_EXPORT_SYMBOL
struct event_base *event_base_new(void);

/* A new base as `cfg` asks; NULL asks for nothing. `cfg` may be freed afterwards. NULL when no poller has
 * what it requires, when memory or descriptors are out, or EVRT_BASE_FLAG_POOLED has bad values (errno as
 * evrt_pool_new). Unless EVENT_BASE_FLAG_IGNORE_ENV is set, EVENT_NOEPOLL, EVENT_NOPOLL and EVENT_NOSELECT
 * in the environment forbid a poller each, and EVENT_EPOLL_USE_CHANGELIST, EVENT_PRECISE_TIMER and
 * EVENT_USE_SIGNALFD set the flags of their names (enum event_base_config_flag). With EVENT_SHOW_METHOD, whatever
 * the flags, a message names the poller. The environment does not count in set-user-ID programs. */
EVENT2_EXPORT_SYMBOL
struct event_base *event_base_new_with_config(const struct event_config *cfg);

/* Frees a base that no thread runs or uses any more. Its events are deleted, not freed: that is the program's
 * part, with event_free before this call. Callbacks of event_base_once that have not run never will.
 * Finalizers that wait are run, by this call. A pooled base is freed with its pool, workers stopped first.
 * NULL frees the base of event_init. */
EVENT2_EXPORT_SYMBOL
void event_base_free(struct event_base *base);

/* The same, except that waiting finalizers are dropped, and what they would have freed is lost: for a child
 * process that throws away its parent's base. */
EVENT2_EXPORT_SYMBOL
void event_base_free_nofinalize(struct event_base *base);

/* In the child of a fork that wants to use the base: makes new kernel objects and registers all events
 * with them; the parent's are not touched. Call it before anything else on the base. On a pooled or pinned base
 * it does so for the whole pool, which must not have run when the process forked (see "Fork" in evrt/pool.h).
 * -1 with errno (ECHILD, where it did; what the kernel said): the base is of use for freeing, or for another try. */
EVENT2_EXPORT_SYMBOL
int event_reinit(struct event_base *base);

/* The poller in use: "epoll", "epoll (with changelist)", "poll" or "select". Never to be freed. */
EVENT2_EXPORT_SYMBOL
const char *event_base_get_method(const struct event_base *base);

/* How the base gets its signals: "signal", by a handler, or "signalfd_signal". Where signalfd was asked for and
 * does not work, that shows after the first event_add of a signal. Never to be freed. (Of libevent 2.2.) */
EVENT2_EXPORT_SYMBOL
const char *event_base_get_signal_method(const struct event_base *base);

/* The pollers of this build, best first, ending with NULL; not all may work here. Never to be freed. */
EVENT2_EXPORT_SYMBOL
const char **event_get_supported_methods(void);

/* What the poller in use can do: an OR of enum event_method_feature. */
EVENT2_EXPORT_SYMBOL
int event_base_get_features(const struct event_base *base);

/* --- configuring a base ------------------------------------------------------------------- *
 * One thread at a time uses an event_config. */

/* What a poller may be required to do. */
enum event_method_feature {
	/* Edge-triggered events: EV_ET. */
	EV_FEATURE_ET = 0x01,
	/* Adding, deleting and reporting an event take no time that grows with their number. */
	EV_FEATURE_O1 = 0x02,
	/* Any kind of descriptor, regular files too. */
	EV_FEATURE_FDS = 0x04,
	/* A peer that has closed its side is noticed without reading all it sent: EV_CLOSED. */
	EV_FEATURE_EARLY_CLOSE = 0x08
};

/* For event_config_set_flag. evrt/pool.h adds EVRT_BASE_FLAG_POOLED. */
enum event_base_config_flag {
	/* No lock for this base, though threads are on: one thread alone may call anything on it or its
	 * events. Not for pooled bases, where it has no effect. */
	EVENT_BASE_FLAG_NOLOCK = 0x01,
	/* Ignore the environment: it neither forbids pollers nor sets flags. */
	EVENT_BASE_FLAG_IGNORE_ENV = 0x02,
	/* Of Windows; no effect. */
	EVENT_BASE_FLAG_STARTUP_IOCP = 0x04,
	/* Read the clock whenever a time is needed, not once per turn of the loop. Pooled bases always do. */
	EVENT_BASE_FLAG_NO_CACHE_TIME = 0x08,
	/* Where epoll is chosen, what is added and deleted is noted, and the kernel told when the loop is about
	 * to wait: an event added and deleted in one turn costs no system call, one changed often costs one.
	 * event_add then succeeds for a descriptor that epoll will refuse; the refusal is a warning. Not with
	 * descriptors made by dup or its kin. The environment variable EVENT_EPOLL_USE_CHANGELIST does the
	 * same. No effect on pooled bases. */
	EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST = 0x10,
	/* The finest clock for all timeouts. evrt uses it anyway, but for those of a second or more, which may be
	 * late by three ticks of the kernel's (mostly 12 ms) without this flag. The environment variable
	 * EVENT_PRECISE_TIMER does the same. */
	EVENT_BASE_FLAG_PRECISE_TIMER = 0x20,
	/* Of libevent 2.2: precise timers without a timerfd. evrt uses no timerfd; no effect. */
	EVENT_BASE_FLAG_EPOLL_DISALLOW_TIMERFD = 0x40,
	/* Of libevent 2.2: signals through signalfd(2), see evsignal_new. (2.2.1-alpha alone gave this number the
	 * opposite meaning.) */
	EVENT_BASE_FLAG_USE_SIGNALFD = 0x80
};

/* A new configuration that asks for nothing, to be freed with event_config_free. */
EVENT2_EXPORT_SYMBOL
struct event_config *event_config_new(void);

/* Frees a configuration; bases made by it stay. */
EVENT2_EXPORT_SYMBOL
void event_config_free(struct event_config *cfg);

/* Forbids the poller named `method`, which is copied. May be called for several. -1: memory is out, or too
 * many are forbidden already. */
EVENT2_EXPORT_SYMBOL
int event_config_avoid_method(struct event_config *cfg, const char *method);

/* Only pollers that can do all of `feature` (an OR of EV_FEATURE_*) will do. Replaces what was required
 * before. -1 for a NULL cfg. */
EVENT2_EXPORT_SYMBOL
int event_config_require_features(struct event_config *cfg, int feature);

/* Sets flags of enum event_base_config_flag, in addition to those set before. -1 for a NULL cfg. */
EVENT2_EXPORT_SYMBOL
int event_config_set_flag(struct event_config *cfg, int flag);

/* How many CPUs the base should use: the number of workers where EVRT_BASE_FLAG_POOLED is set; elsewhere
 * without effect. -1 for a NULL cfg. */
EVENT2_EXPORT_SYMBOL
int event_config_set_num_cpus_hint(struct event_config *cfg, int cpus);

/* Bounds how long, and for how many callbacks, the loop runs events of priority `min_priority` and of less
 * important (greater) ones before it looks for new, more important ones. max_interval NULL and max_callbacks
 * below 0: no bound. min_priority below 0 counts as 0. No effect on a pooled base, where
 * struct evrt_pool_config has bounds for strands. */
EVENT2_EXPORT_SYMBOL
int event_config_set_max_dispatch_interval(struct event_config *cfg, const struct timeval *max_interval,
    int max_callbacks, int min_priority);

/* --- running the loop --------------------------------------------------------------------- *
 * The loop waits until events become active, runs their callbacks, the more important priorities first,
 * and again. One thread runs a base at a time. Pinned bases are run by their pool alone. */

/* Wait, run what became active until nothing is active, return. */
#define EVLOOP_ONCE 0x01
/* Do not wait: run what is ready now, return. */
#define EVLOOP_NONBLOCK 0x02
/* Do not return for want of events: another thread will add some. Ended by loopexit or loopbreak. */
#define EVLOOP_NO_EXIT_ON_EMPTY 0x04

/* Runs the loop, as an OR of EVLOOP_* asks. Returns 0 when it was told to end (or, with ONCE or NONBLOCK,
 * is done), 1 when nothing is pending or active any more, -1 when the poller fails (errno is its), the loop
 * runs already (EBUSY), or the base is pinned.
 * On a pooled base the caller becomes one of the workers, the others run as threads, and all have ended
 * when it returns; -1 as well when they could not be started. */
EVENT2_EXPORT_SYMBOL
int event_base_loop(struct event_base *base, int flags);

/* event_base_loop(base, 0). */
EVENT2_EXPORT_SYMBOL
int event_base_dispatch(struct event_base *base);

/* Ends the loop after `tv` (NULL: now), once what is active then has run. It is a timer of middle priority:
 * if the loop does not run when it is due, the next one ends after its first turn. */
EVENT2_EXPORT_SYMBOL
int event_base_loopexit(struct event_base *base, const struct timeval *tv);

/* Ends the loop after the callback that is running; what is active besides runs when the loop is started
 * again. Without a running loop it is forgotten. On a pooled base each worker ends after its present
 * callback; -1 with ECHILD in the child of a fork. -1 for NULL. Not for signal handlers, but for those of programs
 * whose base is a pool's: use evsignal_new. */
EVENT2_EXPORT_SYMBOL
int event_base_loopbreak(struct event_base *base);

/* Lets the loop look for new events after the callback that is running, before it runs what else is active:
 * so that more important ones come first. No effect outside of callbacks and on a pooled base, whose
 * workers look often. -1 for NULL. */
EVENT2_EXPORT_SYMBOL
int event_base_loopcontinue(struct event_base *base);

/* Whether the running loop, or the last one, was ended by loopexit, and by loopbreak. 1 or 0. */
EVENT2_EXPORT_SYMBOL
int event_base_got_exit(struct event_base *base);
EVENT2_EXPORT_SYMBOL
int event_base_got_break(struct event_base *base);

/* --- priorities --------------------------------------------------------------------------- *
 * 0 is the most important. While an event of a queue has run in a turn, queues behind it wait. */

/* Priorities are below this number, and a base has fewer than this number of them. */
#define EVENT_MAX_PRIORITIES 256

/* Gives a base `npriorities` of them (1 to 255; at first there is 1). -1 while something is active. Of a pool
 * they are set in struct evrt_pool_config, and hold within a strand: this only accepts the same number. */
EVENT2_EXPORT_SYMBOL
int event_base_priority_init(struct event_base *base, int npriorities);

/* The number of priorities. */
EVENT2_EXPORT_SYMBOL
int event_base_get_npriorities(struct event_base *eb);

/* Gives an event a priority (at first: the number of the base's priorities, halved). -1 when it is active,
 * or there is no such priority. */
EVENT2_EXPORT_SYMBOL
int event_priority_set(struct event *ev, int priority);

/* --- events ------------------------------------------------------------------------------- */

/* What an event waits for (the `events` of event_new) and what has happened (the `what` of its callback). */
#define EV_TIMEOUT 0x01 /* the timeout of event_add has passed; need not be asked for */
#define EV_READ 0x02    /* there is something to read: data, a connection, an end, an error */
#define EV_WRITE 0x04   /* there is room to write, or a connection was made, or failed */
#define EV_SIGNAL 0x08  /* the signal was delivered; not to be combined with the other conditions */
#define EV_PERSIST 0x10 /* stay pending until deleted, the timeout beginning again after each callback */
#define EV_ET 0x20      /* report a descriptor when it becomes ready, not as long as it is */
#define EV_FINALIZE 0x40 /* event_del need not wait for the callback: the program will use event_finalize */
#define EV_CLOSED 0x80  /* the peer has closed its side */

/* The descriptor (or signal, or -1), what happened (EV_*), and the argument of event_new. On a pooled base
 * it runs in the strand of its event, in any worker. */
typedef void (*event_callback_fn)(evutil_socket_t, short, void *);

/* Stands for "the event itself" as the argument of event_new: it is passed to the callback. */
EVENT2_EXPORT_SYMBOL
void *event_self_cbarg(void);

/* A new event on `base`, not pending. `fd` is a descriptor, a signal's number with EV_SIGNAL, or -1: then it
 * is only for timeouts and event_active. Several events may wait for one descriptor, which must stay open
 * while one is pending. On a pooled base the event joins the strand that is running, if any; else it gets
 * one of its own when it is added. NULL when memory is out, or EV_SIGNAL comes with EV_READ, EV_WRITE or
 * EV_CLOSED. */
EVENT2_EXPORT_SYMBOL
struct event *event_new(struct event_base *base, evutil_socket_t fd, short events, event_callback_fn callback,
    void *arg);

/* Deletes an event of event_new (as event_del: it may wait for the callback) and frees it. Its own callback
 * may do that, and must not touch the event afterwards. */
EVENT2_EXPORT_SYMBOL
void event_free(struct event *ev);

/* Sets up an event in memory of the program, as event_new does; allocates nothing. `base` NULL means that of
 * event_init. Never on an event that is pending or active: delete it first. */
EVENT2_EXPORT_SYMBOL
int event_assign(struct event *ev, struct event_base *base, evutil_socket_t fd, short events,
    event_callback_fn callback, void *arg);

/* Moves an event that was set up, and nothing else, to `base`; the priority becomes the middle one there.
 * -1 when it is pending or active. Not while another thread uses the event. */
EVENT2_EXPORT_SYMBOL
int event_base_set(struct event_base *base, struct event *ev);

/* Makes an event pending, with a timeout `timeout` from now unless it is NULL. On a pending event, a timeout
 * replaces the old one, and NULL changes nothing. With EV_PERSIST the timeout repeats: from the time when it
 * was due if it expired, so that it does not drift, from now if something else happened; ticks that
 * were missed are not made up. -1 with errno (ENOMEM, EBADF, EPERM for a regular file with epoll, EINVAL when
 * it is being finalized), and nothing changed. */
EVENT2_EXPORT_SYMBOL
int event_add(struct event *ev, const struct timeval *timeout);

/* Takes the timeout off a pending event, and leaves the rest. 0 also when there was none. */
EVENT2_EXPORT_SYMBOL
int event_remove_timer(struct event *ev);

/* Makes an event neither pending nor active: a callback that has not begun will not. When another thread is
 * in its callback, this waits until that has returned (not for EV_FINALIZE), so hold no lock that the
 * callback takes. Inside of the callback itself, and elsewhere in its strand, it returns at once. 0 also
 * when there was nothing to delete. */
EVENT2_EXPORT_SYMBOL
int event_del(struct event *ev);

/* The same, never waiting: the callback may be running when it returns. */
EVENT2_EXPORT_SYMBOL
int event_del_noblock(struct event *ev);

/* The same, waiting although the event has EV_FINALIZE. */
EVENT2_EXPORT_SYMBOL
int event_del_block(struct event *ev);

/* Makes an event active with `res` (EV_*), pending or not; bits are added to those of an event that is active
 * already. `ncalls` is how often the callback of an EV_SIGNAL event is to be called; without meaning for
 * others. Another thread that waits for the base is woken. Ignored on an event that is being finalized. */
EVENT2_EXPORT_SYMBOL
void event_active(struct event *ev, int res, short ncalls);

/* Which of `events` (EV_TIMEOUT, EV_READ, EV_WRITE, EV_CLOSED, EV_SIGNAL) the event waits for or is active
 * with. If that includes EV_TIMEOUT and `tv` is not NULL, *tv is when it is due, by the wall clock. */
EVENT2_EXPORT_SYMBOL
int event_pending(const struct event *ev, short events, struct timeval *tv);

/* Not 0 when the event was set up. The memory must have been zeroed, or set up, before. */
EVENT2_EXPORT_SYMBOL
int event_initialized(const struct event *ev);

/* The event whose callback the calling thread is in, on `base`; else NULL. */
EVENT2_EXPORT_SYMBOL
struct event *event_base_get_running_event(struct event_base *base);

/* Calls back once, and needs no event. With EV_TIMEOUT alone, after `tv`; NULL or zero: as soon as the loop
 * comes by, in the order of the calls. With EV_READ, EV_WRITE or EV_CLOSED, when that happens, or `tv`
 * passed. -1 when memory is out, for a NULL base or callback, EV_SIGNAL, EV_PERSIST, or nothing to wait
 * for. */
EVENT2_EXPORT_SYMBOL
int event_base_once(struct event_base *base, evutil_socket_t fd, short events, event_callback_fn callback,
    void *arg, const struct timeval *tv);

/* --- finalizing --------------------------------------------------------------------------- *
 * The way to free something that another thread's callback may be using, without waiting for it: delete the
 * event at once, and free when the finalizer is called, after which no callback can come. */

/* Called once, from the loop (in the event's strand), with the event and its callback's argument. */
typedef void (*event_finalize_callback_fn)(struct event *, void *);

/* Deletes an event without waiting, and has `cb` called when its callback does not run any more. Until then
 * its memory must stay; adding it fails. `flags` is 0. */
EVENT2_EXPORT_SYMBOL
int event_finalize(unsigned flags, struct event *ev, event_finalize_callback_fn cb);

/* The same for an event of event_new, which is freed after `cb`. `cb` may be NULL. */
EVENT2_EXPORT_SYMBOL
int event_free_finalize(unsigned flags, struct event *ev, event_finalize_callback_fn cb);

/* --- shorthands --------------------------------------------------------------------------- */

/* Events for timeouts only. */
#define evtimer_assign(ev, b, cb, arg) event_assign((ev), (b), -1, 0, (cb), (arg))
#define evtimer_new(b, cb, arg) event_new((b), -1, 0, (cb), (arg))
#define evtimer_add(ev, tv) event_add((ev), (tv))
#define evtimer_del(ev) event_del(ev)
#define evtimer_pending(ev, tv) event_pending((ev), EV_TIMEOUT, (tv))
#define evtimer_initialized(ev) event_initialized(ev)

/* Events for signals, which stay pending. Several events, also of several bases, may watch the same signal:
 * each is told, as often as the signal came, up to what the kernel merges. A handler that the program
 * installed itself is back when the last of them is deleted. In the child of a fork, signals are told to
 * nobody until event_reinit.
 *
 * With EVENT_BASE_FLAG_USE_SIGNALFD no handler is installed. Instead:
 * - event_add blocks the signal in the thread that calls it. Every other thread must have it blocked, too, which
 *   those started later do by themselves, and a pool's workers always: else the signal does there what it
 *   does by default. A signal sent to one thread (raise, pthread_kill) is seen if that one runs the loop.
 * - event_del of the last event for a signal unblocks it again, in the thread that had added the first; what had
 *   come in and was not told yet is dropped. Deleted in another thread, it stays blocked.
 * - The mask is inherited over fork and exec: a program that starts others must unblock signals for them.
 * - One base has the signal for itself: event_add fails with EBUSY where a second base, of either kind,
 *   watches it. (Without signalfd up to 64 bases may; ENOSPC then.)
 * - Signals of one number that come before the loop looks count once, except real-time signals.
 * Where signalfd does not work, there is a warning, and the handler. */
#define evsignal_assign(ev, b, x, cb, arg) event_assign((ev), (b), (x), EV_SIGNAL | EV_PERSIST, cb, (arg))
#define evsignal_new(b, x, cb, arg) event_new((b), (x), EV_SIGNAL | EV_PERSIST, (cb), (arg))
#define evsignal_add(ev, tv) event_add((ev), (tv))
#define evsignal_del(ev) event_del(ev)
#define evsignal_pending(ev, tv) event_pending((ev), EV_SIGNAL, (tv))
#define evsignal_initialized(ev) event_initialized(ev)

/* Events that only the program triggers. evuser_pending names no condition, so it is always 0. */
#define evuser_new(b, cb, arg) event_new((b), -1, 0, (cb), (arg))
#define evuser_del(ev) event_del(ev)
#define evuser_pending(ev, tv) event_pending((ev), 0, (tv))
#define evuser_initialized(ev) event_initialized(ev)
#define evuser_trigger(ev) event_active((ev), 0, 0)

/* --- what an event was made of ------------------------------------------------------------ */

/* The signal of an EV_SIGNAL event. */
#define event_get_signal(ev) ((int)event_get_fd(ev))

/* The descriptor (or signal, or -1), the base, the EV_* asked for, the callback, its argument, the
 * priority. */
EVENT2_EXPORT_SYMBOL
evutil_socket_t event_get_fd(const struct event *ev);
EVENT2_EXPORT_SYMBOL
struct event_base *event_get_base(const struct event *ev);
EVENT2_EXPORT_SYMBOL
short event_get_events(const struct event *ev);
EVENT2_EXPORT_SYMBOL
event_callback_fn event_get_callback(const struct event *ev);
EVENT2_EXPORT_SYMBOL
void *event_get_callback_arg(const struct event *ev);
EVENT2_EXPORT_SYMBOL
int event_get_priority(const struct event *ev);

/* All that event_assign was given at once. Any of the places may be NULL. */
EVENT2_EXPORT_SYMBOL
void event_get_assignment(const struct event *event, struct event_base **base_out, evutil_socket_t *fd_out,
    short *events_out, event_callback_fn *callback_out, void **arg_out);

/* sizeof(struct event) as the library sees it: what to allocate without including event_struct.h. */
EVENT2_EXPORT_SYMBOL
size_t event_get_struct_event_size(void);

/* --- time --------------------------------------------------------------------------------- */

/* For timeouts that thousands of events share: returns a marked copy of `duration`, to be passed to
 * event_add in its place. It belongs to the base, and may be copied. NULL: memory is out, or 256 are in
 * use. In evrt all timers are that fast: it brings nothing, and costs nothing. */
EVENT2_EXPORT_SYMBOL
const struct timeval *event_base_init_common_timeout(struct event_base *base, const struct timeval *duration);

/* The wall clock when the loop last looked, during callbacks; else, and on a pooled base, now. base NULL
 * means that of event_init. */
EVENT2_EXPORT_SYMBOL
int event_base_gettimeofday_cached(struct event_base *base, struct timeval *tv);

/* Lets the loop look at the clock now: for callbacks that have run for long and add timeouts afterwards. -1
 * for NULL where event_init was not called. */
EVENT2_EXPORT_SYMBOL
int event_base_update_cache_time(struct event_base *base);

/* What the clock of the timeouts of `base` shows now; it never goes back. -1 for NULL. */
EVENT2_EXPORT_SYMBOL
int event_gettime_monotonic(struct event_base *base, struct timeval *tp);

/* --- looking into a base ------------------------------------------------------------------ */

/* What to count, as an OR. */
#define EVENT_BASE_COUNT_ACTIVE 1U  /* active, not run yet */
#define EVENT_BASE_COUNT_VIRTUAL 2U /* what keeps the loop running without being an event */
#define EVENT_BASE_COUNT_ADDED 4U   /* pending, of the program and not internal */

/* The number now; and the greatest since the base was made, or since a call with `clear` not 0 set it to 0. A
 * pooled base knows only what is pending, as a sum over its workers while they go on. */
EVENT2_EXPORT_SYMBOL
int event_base_get_num_events(struct event_base *base, unsigned int flags);
EVENT2_EXPORT_SYMBOL
int event_base_get_max_events(struct event_base *base, unsigned int flags, int clear);

/* Not 0 ends the walk. */
typedef int (*event_base_foreach_event_cb)(const struct event_base *, const struct event *, void *);

/* Calls `fn` for every event that is pending or active, the library's own too, with the base locked: `fn`
 * may read the event and must call nothing that changes the base. Returns what `fn` returned last, 0
 * without events, -1 for NULL and for pooled and pinned bases, whose events are in many strands. */
EVENT2_EXPORT_SYMBOL
int event_base_foreach_event(struct event_base *base, event_base_foreach_event_cb fn, void *arg);

/* Writes all events to `output`, one a line, for people. Not of a pool. */
EVENT2_EXPORT_SYMBOL
void event_base_dump_events(struct event_base *base, FILE *output);

/* Makes those events active that wait for `fd` with one of `events`, or that have that descriptor and a
 * timeout if EV_TIMEOUT is among them; and those that wait for signal `sig`. Not on a pool: warns. */
EVENT2_EXPORT_SYMBOL
void event_base_active_by_fd(struct event_base *base, evutil_socket_t fd, short events);
EVENT2_EXPORT_SYMBOL
void event_base_active_by_signal(struct event_base *base, int sig);

/* --- the library as a whole --------------------------------------------------------------- *
 * What is set here is set before other threads, and before anything else of the library is used. */

/* The version whose interface this is: as text, and as 0xMMmmpp00. The functions tell that of the library
 * that runs, the macros that of these headers. */
EVENT2_EXPORT_SYMBOL
const char *event_get_version(void);
EVENT2_EXPORT_SYMBOL
ev_uint32_t event_get_version_number(void);
#define LIBEVENT_VERSION EVENT__VERSION
#define LIBEVENT_VERSION_NUMBER EVENT__NUMERIC_VERSION

/* Severities of messages. */
#define EVENT_LOG_DEBUG 0
#define EVENT_LOG_MSG 1
#define EVENT_LOG_WARN 2
#define EVENT_LOG_ERR 3
/* The same under the names of old programs. */
#define _EVENT_LOG_DEBUG EVENT_LOG_DEBUG
#define _EVENT_LOG_MSG EVENT_LOG_MSG
#define _EVENT_LOG_WARN EVENT_LOG_WARN
#define _EVENT_LOG_ERR EVENT_LOG_ERR

/* A message of a line, without its end. May be called from any thread, and must not call the library. */
typedef void (*event_log_cb)(int severity, const char *msg);

/* Gives messages to `cb`; NULL: to stderr, as at first. */
EVENT2_EXPORT_SYMBOL
void event_set_log_callback(event_log_cb cb);

/* Called when the library cannot go on, with a number for exit(). It should not return: the process ends then
 * all the same. */
typedef void (*event_fatal_cb)(int err);

/* Calls `cb` in place of exit() or abort(); NULL: as at first. */
EVENT2_EXPORT_SYMBOL
void event_set_fatal_callback(event_fatal_cb cb);

#define EVENT_DBG_ALL 0xffffffffu
#define EVENT_DBG_NONE 0
/* Turns messages of EVENT_LOG_DEBUG on (EVENT_DBG_ALL) or off, in builds that have them. */
EVENT2_EXPORT_SYMBOL
void event_enable_debug_logging(ev_uint32_t which);

/* From now on the library allocates by these; NULL in a place: the C library's. What it hands out to be
 * freed by free() is then to be freed by free_fn. malloc_fn is never asked for 0 bytes, nor free_fn given
 * NULL; realloc_fn may get (NULL, n) and (p, 0). All are called from any thread, with locks held. */
EVENT2_EXPORT_SYMBOL
void event_set_mem_functions(void *(*malloc_fn)(size_t sz), void *(*realloc_fn)(void *ptr, size_t sz),
    void (*free_fn)(void *ptr));
#define EVENT_SET_MEM_FUNCTIONS_IMPLEMENTED

/* Checks how events are used: one never set up is added or deleted, a pending one is set up anew, a
 * descriptor that blocks is assigned. Such a mistake ends the process with a message. Slow, and remembers
 * every event until event_free or event_debug_unassign. To be called once, before the first event or base:
 * else it is fatal. */
EVENT2_EXPORT_SYMBOL
void event_enable_debug_mode(void);

/* Tells debug mode that an event of event_assign, not pending, is to be forgotten before its memory goes. */
EVENT2_EXPORT_SYMBOL
void event_debug_unassign(struct event *ev);

/* Frees what the library keeps for the process, for leak checkers. Every base, event and other object must
 * have been freed before; the library may be set up anew afterwards. Again is harmless. */
EVENT2_EXPORT_SYMBOL
void libevent_global_shutdown(void);

#ifdef __cplusplus
}
#endif

#endif
