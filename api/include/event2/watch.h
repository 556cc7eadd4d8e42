/* event2/watch.h — being told when the loop is about to wait, and when it has waited. (Of libevent 2.2.)
 *
 * A prepare watcher is called in every turn of the loop right before it waits for events, a check watcher right
 * after. Uses: measuring how long callbacks keep a loop, driving another library's loop from this one, work
 * that is saved up and done once per turn.
 *
 *      static void
 *      about_to_wait(struct evwatch *w, const struct evwatch_prepare_cb_info *info, void *arg)
 *      {
 *              struct timeval timeout;
 *              if (evwatch_prepare_get_timeout(info, &timeout))
 *                      printf("waiting %ld s at most\n", (long)timeout.tv_sec);
 *      }
 *
 *      struct evwatch *watcher = evwatch_prepare_new(base, about_to_wait, NULL);
 *
 * The turn: prepare watchers, in the order of their creation; the wait; check watchers, in that order, too;
 * then timeouts, and the callbacks of events. What a prepare watcher adds, deletes or activates counts for the
 * wait that follows. When it ends the loop (event_base_loopbreak, or by deleting the last event) nothing is
 * waited for, and no check watcher called; loopbreak in either kind also skips the watchers behind it. A loop
 * that has nothing to do does not begin a turn: watchers do not keep it running.
 *
 * Inside a watcher anything may be called, as in callbacks of events: evwatch_free too, of itself or of
 * another, which is then not called any more. A new watcher is called from the next turn on.
 *
 * Threads: as functions on a base (event2/event.h). Watchers are called in the thread that runs the loop,
 * without a lock held. Not for pooled and pinned bases (evrt/pool.h), which have no turns in common.
 */
#ifndef EVENT2_WATCH_H_INCLUDED_
#define EVENT2_WATCH_H_INCLUDED_

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct timeval;
struct event_base;

/* A watcher of either kind. */
struct evwatch;

/* What a watcher is told; opaque, and valid until it returns. */
struct evwatch_prepare_cb_info;
struct evwatch_check_cb_info;

/* The watcher, what there is to know, and the argument of its creation. */
typedef void (*evwatch_prepare_cb)(struct evwatch *, const struct evwatch_prepare_cb_info *, void *);
typedef void (*evwatch_check_cb)(struct evwatch *, const struct evwatch_check_cb_info *, void *);

/* A new watcher on `base`, at work from the next turn on. The caller frees it with evwatch_free; what is left
 * when the base is freed goes with it. NULL when memory is out, for a NULL base or callback, and (with
 * a warning) on pooled and pinned bases. */
EVENT2_EXPORT_SYMBOL
struct evwatch *evwatch_prepare_new(struct event_base *base, evwatch_prepare_cb callback, void *arg);
EVENT2_EXPORT_SYMBOL
struct evwatch *evwatch_check_new(struct event_base *base, evwatch_check_cb callback, void *arg);

/* The base of a watcher. */
EVENT2_EXPORT_SYMBOL
struct event_base *evwatch_base(struct evwatch *watcher);

/* Ends a watcher and frees it. When another thread is inside of its callback, this waits until that has
 * returned, so hold no lock that the callback takes. */
EVENT2_EXPORT_SYMBOL
void evwatch_free(struct evwatch *watcher);

/* How long the loop is about to wait at most, in *timeout: 0 when something is to be run already. Returns 1, or 0
 * when it will wait for events alone, without a limit; *timeout is then left as it was. For all watchers of a
 * turn it is what held before the first of them. */
EVENT2_EXPORT_SYMBOL
int evwatch_prepare_get_timeout(const struct evwatch_prepare_cb_info *info, struct timeval *timeout);

#ifdef __cplusplus
}
#endif

#endif
