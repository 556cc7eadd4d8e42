/* testing/bench/tls.h — what a TLS contestant does; one of tls_event.c, tls_openssl.c.
 *
 * Both ends are in one process and one thread. At most one connection at a time.
 */
#ifndef EVRT_TESTING_BENCH_TLS_H_
#define EVRT_TESTING_BENCH_TLS_H_

#include <openssl/ssl.h>
#include <stddef.h>

#define BENCH_TLS_WRITE_BYTES 65536

void bench_tls_set_up(void);
/* Takes the SSL objects and descriptors, which do not block. Returns when both ends say that they are connected. */
void bench_tls_connect(SSL *client, int client_fd, SSL *server, int server_fd);
/* Moves so many bytes from the client to the server, BENCH_TLS_WRITE_BYTES at a time. */
void bench_tls_move(size_t bytes);
/* Moves one byte from the server to the client: after it the client has its tickets. */
void bench_tls_answer(void);
/* Closes both ends, the client's with close_notify, and frees all. */
void bench_tls_end(void);

#endif
