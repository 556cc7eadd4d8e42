/* testing/bench/udp.h — a UDP echo server as one library has it, for udp_run.c.
 *
 * Here:     what udp_epoll.c, udp_event.c and udp_evrt.c implement. What fails ends the program.
 * Threads:  one.
 */
#ifndef EVRT_TESTING_BENCH_UDP_H_
#define EVRT_TESTING_BENCH_UDP_H_

#include <stdbool.h>

/* Longer than any packet of the benchmark. */
#define UDP_BYTES_MAX 2048

/* Gets ready to serve `fd`, a non-blocking socket. `batches`: with recvmmsg and sendmmsg, where there is a choice. */
void udp_start(int fd, bool batches);
/* Returns when so many packets more have gone back to where they came from. */
void udp_serve(unsigned packets);

#endif
