/* testing/contract/libevent/tls_rig.h — what the suites about TLS share.
 *
 * Here:     TLS bufferevents that count what they are told, OpenSSL alone as their peer, bytes that can be checked,
 *           and turns of the loop until something is so.
 * Threads:  one.
 *
 * TLS_RIG in the environment says over what each case runs, words with a comma between: "filter" (over a socket
 * bufferevent; else a socket), "tls12" (else 1.3), "server" (is what a bufferevent is that has a `peer`; else the
 * client), "deferred", "threadsafe", "unlocked".
 */
#ifndef EVRT_TESTING_CONTRACT_LIBEVENT_TLS_RIG_H_
#define EVRT_TESTING_CONTRACT_LIBEVENT_TLS_RIG_H_

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/harness/test.h"
#include "testing/tls/certs.h"

struct tls_rig {
	bool filter, server;
	int version; /* TLS1_2_VERSION, TLS1_3_VERSION */
	int options; /* for bufferevents; BEV_OPT_CLOSE_ON_FREE is not among them */
};
extern struct tls_rig rig;
extern struct event_base *base;
extern SSL_CTX *server_context, *client_context;

/* A bufferevent, and what its callbacks were told. The read callback takes all of the input and compares it with the
 * pattern. */
struct side {
	struct bufferevent *bev;
	int connected, ended, failed, timed_out; /* callbacks with CONNECTED, EOF, ERROR, TIMEOUT */
	int readable, writable;                  /* read and write callbacks */
	short last;                              /* the flags of the last event callback */
	unsigned long error;                     /* the first that bufferevent_get_openssl_error gave at an ERROR */
	int errors;                              /* how many it gave */
	size_t received, sent;
	bool is_reading;                         /* the read callback runs: taking from full input may bring it again */
	bool echoes;                             /* the read callback sends it back instead of comparing */
};

/* OpenSSL alone, on a descriptor that does not block. */
struct peer {
	SSL *ssl;
	int fd;
	size_t received, sent;
};

/* Turns the loop, without waiting in it, until `condition`, whose evaluation may do something each time. */
#define UNTIL(condition)                                                               \
	do {                                                                               \
		long long end_ms_ = rig_now_ms() + 30000;                                      \
		while (!(condition)) {                                                         \
			event_base_loop(base, EVLOOP_NONBLOCK);                                    \
			if (rig_now_ms() > end_ms_)                                                \
				evrt_test_fail(__FILE__, __LINE__, "did not become so: %s", #condition); \
		}                                                                              \
	} while (0)

long long rig_now_ms(void);
/* A few turns, for what ought not to happen. */
void rig_turns(int n);

/* What every case begins and ends with: base and contexts. */
void rig_open(void);
void rig_close(void);
/* Descriptors that do not block: a socket pair; over TCP. */
void rig_socketpair(int fds[2]);
void rig_tcp_pair(int fds[2]);

/* A bufferevent for `ssl` (consumed) on `fd` (-1: none yet), as the rig says, with BEV_OPT_CLOSE_ON_FREE, callbacks
 * set, enabled for both. */
void side_open(struct side *, int fd, SSL *ssl, enum bufferevent_ssl_state);
/* The same with the options as they are given, nothing enabled, and no callbacks; NULL if it cannot be made. */
struct bufferevent *rig_bev(int fd, SSL *ssl, enum bufferevent_ssl_state, int options);
void side_watch(struct side *);
/* Takes the read callback away, so that input stays where it is; and gives it back, and calls it. */
void side_leave_input(struct side *);
void side_take_input(struct side *);
/* Sends `n` more bytes of the pattern. */
void side_send(struct side *, size_t n);
/* Frees the bufferevent, if there is one. */
void side_close(struct side *);

/* Two bufferevents connected with each other; with the handshake done. */
void rig_pair(struct side *client, struct side *server);
void rig_pair_done(struct side *client, struct side *server);
/* A bufferevent and OpenSSL alone at the other end; with the handshake done. */
void rig_one(struct side *, struct peer *);
void rig_one_done(struct side *, struct peer *);
/* The same over these descriptors. */
void rig_one_over(struct side *, struct peer *, const int fds[2]);

/* One attempt each; whether it is done. Other failures than having to wait end the case. */
bool peer_shakes_hands(struct peer *);
bool peer_sends(struct peer *, size_t up_to);
bool peer_receives(struct peer *, size_t up_to);
/* Whether close_notify has come; reads and compares what is before it. */
bool peer_sees_the_end(struct peer *);
void peer_close(struct peer *);

/* The byte at `at` of what is sent everywhere. */
unsigned char rig_byte(size_t at);

#endif
