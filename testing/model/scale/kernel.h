/* testing/model/scale/kernel.h — the simulated kernel: sets of descriptors, eventfds, timerfds, sockets.
 *
 * Here:     a poller for the engine (epoll's semantics), the system calls that it makes, and sockets whose other end
 *           is the world.
 * Not here: time, threads (machine.h); costs (costs.h).
 * Threads:  simulated ones, and the world where it says so.
 */
#ifndef EVRT_TESTING_MODEL_SCALE_KERNEL_H_
#define EVRT_TESTING_MODEL_SCALE_KERNEL_H_

#include "backends/backend.h"

/* Puts its calls into evrt__sys, for good. */
void sim_kernel_begin(void);
void sim_kernel_end(void);
extern const struct evrt_backend_ops sim_backend;

/* A socket without data. */
int sim_socket_open(void);
void sim_socket_close(int fd);
/* The world sends `message` (>= 0). */
void sim_socket_send(int fd, int message);
/* Self takes the first message; -1: there is none. */
int sim_socket_read(int fd);

/* Writes to eventfds so far. */
uint64_t sim_kernel_eventfd_writes(void);

#endif
