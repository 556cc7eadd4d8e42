/* testing/bench/skew_serve.h — what the servers of the benchmark skew have in common; see skew.c.
 *
 * Here:     the message, the socket, and the service: to sleep as long as the message says, and to send it back.
 * Threads:  any.
 */
#ifndef EVRT_TESTING_BENCH_SKEW_SERVE_H_
#define EVRT_TESTING_BENCH_SKEW_SERVE_H_

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A request, and its answer. Never divided: both sides write whole ones and read multiples of it. */
struct skew_message {
	uint64_t id;
	uint64_t service_ns;
};

/* Where the server with this process id listens: a Unix socket without a file, so that no packet waits for the
 * kernel's own threads on a machine that is busy. */
socklen_t skew_address(struct sockaddr_un *, int pid);
/* Listens there, non-blocking, and prints the process id (which bench_server.h takes for a port). Ends the program when
 * that fails. */
int skew_listen(void);
/* Keeps the calling thread occupied, but no CPU. */
void skew_sleep(uint64_t ns);
/* Reads one message from the socket, serves it, answers. False: the client has closed the connection. */
bool skew_serve_one(int fd);

#define SKEW_MESSAGES_AT_ONCE 16

enum skew_served {
	SKEW_CLOSED, /* by the client */
	SKEW_SERVED, /* and read dry: a read that got less than it had room for */
	SKEW_MORE,   /* may be there */
};
/* The same with all that is there, one after the other, as who is told of edges has to. */
enum skew_served skew_serve_all(int fd);

#endif
