/* runtime/loop/timers_sort.h — sorting a crowd of timers that are due.
 *
 * Threads:  any; it touches its arguments only.
 */
#ifndef EVRT_RUNTIME_LOOP_TIMERS_SORT_H_
#define EVRT_RUNTIME_LOOP_TIMERS_SORT_H_

#include <stdint.h>

struct evrt_timers_node;

/* Sorts `nodes` by (deadline, order). `spare` is room for as many. */
void evrt__timers_sort(struct evrt_timers_node *nodes, struct evrt_timers_node *spare, uint32_t count);

#endif
