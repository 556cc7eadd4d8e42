/* testing/model/shim/base/atomic.h — the verbs of base/atomic.h, each a step of the model checker.
 *
 * Here:     the same names under the same include guard: a file that is built with `-include` of this one gets
 *           these, whatever it includes later.
 * Not here: memory orders. The checker explores sequentially consistent interleavings only; whether the orders
 *           suffice is for ThreadSanitizer and the reader.
 * Threads:  coroutines of one thread (testing/model/model.c).
 */
#ifndef EVRT_BASE_ATOMIC_H_
#define EVRT_BASE_ATOMIC_H_

#include <stdatomic.h>
#include <stdbool.h>

/* The checker goes through all orders itself, and must meet the same steps each time. */
#undef EVRT_SHAKE_BUILD
#define EVRT_SHAKE_BUILD 0
#undef EVRT_TRACE_BUILD
#define EVRT_TRACE_BUILD 0

/* A scheduling point before an access of the object at `addr`; see testing/model/model.h. */
void evrt__model_access(const volatile void *addr, bool writes);

#define evrt_atomic(T) _Atomic(T)

/* The operand is worked out first: it may hold accesses of its own. */
#define EVRT_MODEL_WRITE(op, p, v) __extension__ ({ \
	__typeof__(v) evrt__value = (v); \
	evrt__model_access((p), true); \
	op((p), evrt__value); \
})

#define evrt__model_load(p) (evrt__model_access((p), false), atomic_load(p))
#define evrt__model_store(p, v) EVRT_MODEL_WRITE(atomic_store, p, v)
#define evrt__model_swap(p, v) EVRT_MODEL_WRITE(atomic_exchange, p, v)
#define evrt__model_add(p, v) EVRT_MODEL_WRITE(atomic_fetch_add, p, v)
#define evrt__model_sub(p, v) EVRT_MODEL_WRITE(atomic_fetch_sub, p, v)
#define evrt__model_or(p, v) EVRT_MODEL_WRITE(atomic_fetch_or, p, v)
#define evrt__model_and(p, v) EVRT_MODEL_WRITE(atomic_fetch_and, p, v)
#define evrt__model_cas(p, e, d) __extension__ ({ \
	__typeof__(d) evrt__value = (d); \
	evrt__model_access((p), true); \
	atomic_compare_exchange_strong((p), (e), evrt__value); \
})

#define evrt_load_relaxed evrt__model_load
#define evrt_load_acquire evrt__model_load
#define evrt_load_seq_cst evrt__model_load
#define evrt_store_relaxed evrt__model_store
#define evrt_store_release evrt__model_store
#define evrt_store_seq_cst evrt__model_store
#define evrt_swap_acq_rel evrt__model_swap
#define evrt_swap_acquire evrt__model_swap
#define evrt_swap_seq_cst evrt__model_swap
#define evrt_add_relaxed evrt__model_add
#define evrt_add_acq_rel evrt__model_add
#define evrt_add_seq_cst evrt__model_add
#define evrt_sub_relaxed evrt__model_sub
#define evrt_sub_acq_rel evrt__model_sub
#define evrt_sub_seq_cst evrt__model_sub
#define evrt_or_acq_rel evrt__model_or
#define evrt_or_seq_cst evrt__model_or
#define evrt_and_acq_rel evrt__model_and
#define evrt_and_seq_cst evrt__model_and
#define evrt_cas_acq_rel evrt__model_cas
#define evrt_cas_release evrt__model_cas
#define evrt_cas_seq_cst evrt__model_cas
#define evrt_count_own(p, n) evrt_store_relaxed((p), evrt_load_relaxed(p) + (n))

#define evrt_tsan_acquire(addr) ((void)(addr))
#define evrt_tsan_release(addr) ((void)(addr))

#endif
