/* base/atomic.h — the only file of the tree that spells memory orders.
 *
 * Here:     one verb per (operation, order); every use elsewhere says why that order and what it
 *           pairs with (docs/CONCURRENCY.md lists the pairs).
 * Not here: fences. ThreadSanitizer does not model them; the order goes on the variable itself.
 * Threads:  any.
 */
#ifndef EVRT_BASE_ATOMIC_H_
#define EVRT_BASE_ATOMIC_H_

#include <stdatomic.h>
#include <stdbool.h>

#define evrt_atomic(T) _Atomic(T)

#define evrt_load_relaxed(p)      atomic_load_explicit((p), memory_order_relaxed)
#define evrt_load_acquire(p)      atomic_load_explicit((p), memory_order_acquire)
#define evrt_load_seq_cst(p)      atomic_load_explicit((p), memory_order_seq_cst)
#define evrt_store_relaxed(p, v)  atomic_store_explicit((p), (v), memory_order_relaxed)
#define evrt_store_release(p, v)  atomic_store_explicit((p), (v), memory_order_release)
#define evrt_store_seq_cst(p, v)  atomic_store_explicit((p), (v), memory_order_seq_cst)

/* Read-modify-write: each returns the value before. */
#define evrt_swap_relaxed(p, v)   atomic_exchange_explicit((p), (v), memory_order_relaxed)
#define evrt_swap_acq_rel(p, v)   atomic_exchange_explicit((p), (v), memory_order_acq_rel)
#define evrt_swap_acquire(p, v)   atomic_exchange_explicit((p), (v), memory_order_acquire)
#define evrt_swap_seq_cst(p, v)   atomic_exchange_explicit((p), (v), memory_order_seq_cst)
#define evrt_add_relaxed(p, v)    atomic_fetch_add_explicit((p), (v), memory_order_relaxed)
#define evrt_add_acq_rel(p, v)    atomic_fetch_add_explicit((p), (v), memory_order_acq_rel)
#define evrt_add_seq_cst(p, v)    atomic_fetch_add_explicit((p), (v), memory_order_seq_cst)
#define evrt_sub_relaxed(p, v)    atomic_fetch_sub_explicit((p), (v), memory_order_relaxed)
#define evrt_sub_acq_rel(p, v)    atomic_fetch_sub_explicit((p), (v), memory_order_acq_rel)
#define evrt_sub_seq_cst(p, v)    atomic_fetch_sub_explicit((p), (v), memory_order_seq_cst)
#define evrt_or_relaxed(p, v)     atomic_fetch_or_explicit((p), (v), memory_order_relaxed)
#define evrt_or_acq_rel(p, v)     atomic_fetch_or_explicit((p), (v), memory_order_acq_rel)
#define evrt_or_seq_cst(p, v)     atomic_fetch_or_explicit((p), (v), memory_order_seq_cst)
#define evrt_and_relaxed(p, v)    atomic_fetch_and_explicit((p), (v), memory_order_relaxed)
#define evrt_and_acq_rel(p, v)    atomic_fetch_and_explicit((p), (v), memory_order_acq_rel)
#define evrt_and_seq_cst(p, v)    atomic_fetch_and_explicit((p), (v), memory_order_seq_cst)

/* Compare and swap, strong; on failure *expected is the value seen (acquired). */
#define evrt_cas_relaxed(p, expected, desired) \
	atomic_compare_exchange_strong_explicit((p), (expected), (desired), \
	    memory_order_relaxed, memory_order_relaxed)
#define evrt_cas_acq_rel(p, expected, desired) \
	atomic_compare_exchange_strong_explicit((p), (expected), (desired), \
	    memory_order_acq_rel, memory_order_acquire)
#define evrt_cas_release(p, expected, desired) \
	atomic_compare_exchange_strong_explicit((p), (expected), (desired), \
	    memory_order_release, memory_order_relaxed)
#define evrt_cas_seq_cst(p, expected, desired) \
	atomic_compare_exchange_strong_explicit((p), (expected), (desired), \
	    memory_order_seq_cst, memory_order_seq_cst)

/* A counter with one writer thread and any readers: a plain store, no locked instruction. */
#define evrt_count_own(p, n) evrt_store_relaxed((p), evrt_load_relaxed(p) + (n))

/* Happens-before edges that run through the kernel (epoll_ctl -> epoll_wait, write -> read of a
 * wake descriptor), which ThreadSanitizer cannot see. No code in other builds. */
#if defined(__SANITIZE_THREAD__)
#define EVRT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define EVRT_TSAN 1
#endif
#endif
#ifdef EVRT_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#define evrt_tsan_acquire(addr) __tsan_acquire((void *)(addr))
#define evrt_tsan_release(addr) __tsan_release((void *)(addr))
#else
#define evrt_tsan_acquire(addr) ((void)(addr))
#define evrt_tsan_release(addr) ((void)(addr))
#endif

#endif
