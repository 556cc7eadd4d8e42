/* evrt/stats.h — what a pool tells about itself: statistics, and the watchdog for callbacks that do not return.
 *
 * Counters only grow, from the making of the pool on. They are read without stopping anybody, so they may be out of
 * step with each other by what happens meanwhile. Reading costs no more than the reading: a few microseconds for each
 * worker, and a lock for an instant while the common queue is in use. Any thread, also the watchdog's hook.
 *
 * A fork's child may read what was counted until the fork.
 *
 * Included by evrt/pool.h.
 */
#ifndef EVRT_STATS_H_INCLUDED_
#define EVRT_STATS_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>
#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct evrt_pool;
struct evrt_strand;

/** A histogram of times: element k counts those of 2^k nanoseconds up to, not including, 2^(k+1). The first also
 * counts 0, the last all that are longer, from 2.1 s. */
#define EVRT_STATS_BUCKETS 32

/** What a worker has done. Fields are added at the end. */
struct evrt_worker_stats {
	uint64_t loops;           /**< turns of the worker's loop */
	uint64_t events;          /**< reports taken from the kernel */
	uint64_t runs;            /**< times a strand was run */
	uint64_t callbacks;       /**< callbacks run */
	uint64_t steals_tried;    /**< looks into another worker's queue */
	uint64_t steals_hit;      /**< … that found something */
	uint64_t stolen;          /**< strands taken that way */
	uint64_t parks;           /**< times it went to sleep */
	uint64_t eventfd_writes;  /**< writes that woke this worker */
	uint64_t posts;           /**< messages taken from its inbox */
	uint64_t overflows;       /**< strands sent to the common queue because its own was full */
	uint64_t longest_run_ns;  /**< longest time that one strand held the worker */
	uint64_t busy_ns;         /**< time spent outside the kernel's wait */
	uint64_t connections;     /**< accepted connections dealt to it; in a set of several: that it took */
	uint64_t queue_strands;   /**< strands in its queue now (not a counter) */
	uint64_t polls;           /**< times it asked the kernel for reports, or waited for them */
	uint64_t rescues;         /**< times it found what another worker, stuck in a callback, had not looked at */
	uint64_t useless_wakes;   /**< sleeps that ended, and no strand ran here before the next one */
	uint64_t budget_yields;   /**< times a strand went to the end of the queue with its budget used up */
	uint64_t timers;          /**< timers of pooled and pinned bases whose time had come */
	uint64_t slow_callbacks;  /**< callbacks over the watchdog's limit; 0 without a watchdog */
	uint64_t longest_inbox;   /**< most messages that it found in its inbox at once */
	uint64_t longest_wait_ns; /**< longest time that a strand was ready and did not run */
	uint64_t longest_lag_ns;  /**< longest time from a timer's deadline until its callback was due to run */
	uint64_t oldest_ns;       /**< how long the first of its queues has been ready now (not a counter); 0: none is */
	/** Time that one strand held the worker, each time. */
	uint64_t run_ns_log2[EVRT_STATS_BUCKETS];
	/** Time that a strand was ready before it ran. It counts from the last time that whoever made it ready had read
	 * the clock: for a report from the kernel, then; for what a callback makes ready, the begin of its strand's run;
	 * from outside, when the first of those came that lie in the inbox with it. So it is never told too short. */
	uint64_t wait_ns_log2[EVRT_STATS_BUCKETS];
	/** Time from a timer's deadline until its callback was due to run. */
	uint64_t lag_ns_log2[EVRT_STATS_BUCKETS];
};

/** Of one worker of the evrt_pool_config.workers_max that there may be: one that has gone (evrt_pool_resize) keeps its
 * figures. @return 0; -1 with errno EINVAL */
EVENT2_EXPORT_SYMBOL
int evrt_pool_stats(const struct evrt_pool *pool, unsigned worker, struct evrt_worker_stats *out);

/** What a pool has done. Fields are added at the end. */
struct evrt_pool_totals {
	uint64_t workers;               /**< their number (evrt_pool_get_size) */
	uint64_t parked_workers;        /**< that sleep now, or are about to */
	uint64_t common_queue_strands;  /**< strands now in the queue for what does not fit into a worker's */
	uint64_t posts_refused;         /**< posts from outside that came while the pool was stopping */
	uint64_t oldest_ns;             /**< how long the oldest of all queues has been ready now; 0: none is */
	struct evrt_worker_stats all;   /**< of all workers: longest and oldest are the most, all else the sum */
};

/** Of all workers together. @return 0; -1 with errno EINVAL */
EVENT2_EXPORT_SYMBOL
int evrt_pool_stats_total(const struct evrt_pool *pool, struct evrt_pool_totals *out);

/**
 * Everything as JSON text (RFC 8259) on one line, terminated:
 *
 *     {"workers":2,"parked_workers":1,"common_queue_strands":0,"posts_refused":0,"oldest_ns":0,
 *      "all":{"loops":…},"worker":[{"loops":…},{"loops":…}]}
 *
 * The names are those of the fields above and stay as they are; more may come, in any place. Numbers are integers,
 * histograms arrays of EVRT_STATS_BUCKETS of them. About 2 KiB for each worker that there may be
 * (evrt_pool_config.workers_max): "worker" has one for each.
 *
 * @param buf may be NULL if `size` is 0
 * @return as snprintf: the length of the whole text without its end mark; if that is not less than `size`, what is in
 *   `buf` was cut off. It may need more at the next call. -1 with errno EINVAL
 */
EVENT2_EXPORT_SYMBOL
int evrt_pool_stats_json(const struct evrt_pool *pool, char *buf, size_t size);

/** A callback of a pool that runs, or ran, for longer than evrt_pool_config.watchdog_limit_ms. */
struct evrt_watchdog_report {
	/** The program's callback: of an event, bufferevent, listener or post. To be printed or compared, not called.
	 * What it calls is not known: a debugger tells where it is. */
	void (*callback)(void);
	/** Its symbol and file, or the file and an offset, or the address. Valid during the call. */
	const char *name;
	/** The strand, to be compared with what evrt_strand_new gave: it may have ended, and must not be used. */
	const struct evrt_strand *strand;
	unsigned worker;
	/** 0: it still runs, and has for duration_ns. 1: it has ended, and took duration_ns in all. */
	int ended;
	uint64_t duration_ns;
	uint64_t limit_ns;
};

/**
 * Puts a hook in place of the warning that the watchdog writes to the log.
 *
 * It is called twice for each run of a callback that takes too long: when the limit is reached, and when the
 * callback has ended. Of one that ends right at the limit it may hear at the end only; and it may miss one that ended
 * while the hook was busy for longer than the limit (evrt_worker_stats.slow_callbacks counts it).
 *
 * The hook runs in the watchdog's own thread, one call at a time. It must not block: meanwhile nothing is watched, and
 * evrt_pool_stop waits for it. It may read statistics, post, and write to its own memory with due care; it must not
 * stop or free the pool.
 *
 * The thread is there while the pool runs, if watchdog_limit_ms is not 0; the hook of another pool is never called.
 * It sleeps while no callback runs, and looks about once per limit while some do.
 *
 * @param hook NULL: the warning, as at the beginning
 * @return 0; -1 with errno EINVAL (no pool), EBUSY (the pool runs), ECHILD (forked)
 */
EVENT2_EXPORT_SYMBOL
int evrt_pool_set_watchdog(struct evrt_pool *pool, void (*hook)(const struct evrt_watchdog_report *, void *arg),
    void *arg);

#ifdef __cplusplus
}
#endif
#endif
