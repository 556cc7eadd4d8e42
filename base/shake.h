/* base/shake.h — random delays and decisions at the steps of the protocols between threads.
 *
 * Here:     EVRT_SHAKE (a delay, perhaps), EVRT_SHAKE_CHOOSE (a question that may be answered either way without
 *           being wrong) and EVRT_SHAKE_THREAD (which thread this is), and the table of places. They are nothing
 *           at all, and false, but where the build defines EVRT_SHAKE_BUILD=1 (--config=shake).
 * Not here: what is decided (shake.c), the tests that are run so (testing/stress).
 * Threads:  any, also in a handler of a signal, and with any lock held.
 *
 * A place is put where another thread could come between two steps: before what publishes, and after what claims.
 * Each thread draws from a sequence of its own, which follows from EVRT_SHAKE_SEED and the thread's number: with the
 * same seed a thread that takes the same steps makes the same decisions at them.
 */
#ifndef EVRT_BASE_SHAKE_H_
#define EVRT_BASE_SHAKE_H_

#include <stdbool.h>
#include <stdint.h>

#ifndef EVRT_SHAKE_BUILD
#define EVRT_SHAKE_BUILD 0
#endif

/* The places, by file. Which one it is decides, together with the seed, how often and how long is waited there. */
enum evrt_shake_place {
	/* threading/ */
	EVRT_SHAKE_AT_ring_push, EVRT_SHAKE_AT_ring_pop, EVRT_SHAKE_AT_ring_claim, EVRT_SHAKE_AT_ring_copy,
	EVRT_SHAKE_AT_ring_release, EVRT_SHAKE_AT_ring_loot, EVRT_SHAKE_AT_ring_steal_one,
	EVRT_SHAKE_AT_inbox_push, EVRT_SHAKE_AT_inbox_pushed, EVRT_SHAKE_AT_inbox_take,
	EVRT_SHAKE_AT_park_announce, EVRT_SHAKE_AT_park_announced, EVRT_SHAKE_AT_park_leave,
	EVRT_SHAKE_AT_park_notify, EVRT_SHAKE_AT_park_notified,
	EVRT_SHAKE_AT_lock, EVRT_SHAKE_AT_unlock, EVRT_SHAKE_AT_wait_for_nothing,
	/* runtime/loop/ */
	EVRT_SHAKE_AT_slot_deliver, EVRT_SHAKE_AT_slot_delivered, EVRT_SHAKE_AT_slot_arrive,
	EVRT_SHAKE_AT_slot_deadline, EVRT_SHAKE_AT_slot_deadline_set, EVRT_SHAKE_AT_slot_armed_at_seen,
	EVRT_SHAKE_AT_slot_move,
	EVRT_SHAKE_AT_slot_due, EVRT_SHAKE_AT_slot_due_said,
	EVRT_SHAKE_AT_fdmap_sync, EVRT_SHAKE_AT_fdmap_report, EVRT_SHAKE_AT_fdmap_unlock,
	EVRT_SHAKE_AT_reactor_set, EVRT_SHAKE_AT_reactor_wait, EVRT_SHAKE_AT_reactor_woken, EVRT_SHAKE_AT_reactor_wake,
	EVRT_SHAKE_AT_reactor_take_one, EVRT_SHAKE_AT_reactor_wake_early,
	/* runtime/pool/ */
	EVRT_SHAKE_AT_word_notify, EVRT_SHAKE_AT_word_notified, EVRT_SHAKE_AT_word_begin, EVRT_SHAKE_AT_word_finish,
	EVRT_SHAKE_AT_word_finished,
	EVRT_SHAKE_AT_worker_parked, EVRT_SHAKE_AT_worker_look, EVRT_SHAKE_AT_worker_unpark, EVRT_SHAKE_AT_worker_report,
	EVRT_SHAKE_AT_worker_go, EVRT_SHAKE_AT_worker_gone, EVRT_SHAKE_AT_worker_hold, EVRT_SHAKE_AT_worker_lost_one,
	EVRT_SHAKE_AT_pool_send_away,
	EVRT_SHAKE_AT_worker_end_turn, EVRT_SHAKE_AT_worker_steal, EVRT_SHAKE_AT_worker_overflow,
	EVRT_SHAKE_AT_idle_share, EVRT_SHAKE_AT_idle_injected, EVRT_SHAKE_AT_idle_sum,
	EVRT_SHAKE_AT_strand_homed, EVRT_SHAKE_AT_strand_find, EVRT_SHAKE_AT_strand_dead, EVRT_SHAKE_AT_strand_count,
	EVRT_SHAKE_AT_post, EVRT_SHAKE_AT_group_call, EVRT_SHAKE_AT_group_called, EVRT_SHAKE_AT_group_bell,
	EVRT_SHAKE_AT_group_timers, EVRT_SHAKE_AT_guard,
	/* api/ */
	EVRT_SHAKE_AT_event_add, EVRT_SHAKE_AT_event_del, EVRT_SHAKE_AT_event_active, EVRT_SHAKE_AT_event_raise,
	EVRT_SHAKE_AT_bev_lock, EVRT_SHAKE_AT_bev_unlock, EVRT_SHAKE_AT_bev_defer,

	EVRT_SHAKE_PLACES
};

/* Mostly nothing; sometimes gives the processor away, spins, or sleeps for some microseconds. errno stays. */
#define EVRT_SHAKE(place) \
	((void)(EVRT_SHAKE_BUILD && (evrt__shake(EVRT_SHAKE_AT_##place), true)))
/* True once in `one_in` times, at random; with some seeds never at this place. */
#define EVRT_SHAKE_CHOOSE(place, one_in) \
	(EVRT_SHAKE_BUILD && evrt__shake_choose(EVRT_SHAKE_AT_##place, (one_in)))
/* The calling thread is number `n` from here on. Threads that nobody numbers are numbered as they come by. */
#define EVRT_SHAKE_THREAD(n) ((void)(EVRT_SHAKE_BUILD && (evrt__shake_thread(n), true)))
/* Writes "shake seed N" to standard error, once. */
#define EVRT_SHAKE_TELL() ((void)(EVRT_SHAKE_BUILD && (evrt__shake_tell(), true)))

/* Behind the macros; defined in shake builds. */
void evrt__shake(enum evrt_shake_place);
bool evrt__shake_choose(enum evrt_shake_place, uint32_t one_in);
void evrt__shake_thread(unsigned n);
void evrt__shake_tell(void);
/* What this run's decisions follow from. */
uint64_t evrt__shake_seed(void);

#endif
