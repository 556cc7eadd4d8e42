/* testing/unit/api/bufferevent/tls_rig.h — two ends of a TLS connection, over OpenSSL, on one base.
 *
 * Here:     what sends a pattern and checks it, over each transport; turns of the loop with a deadline.
 * Not here: the rig of the contract suites, which know nothing from inside (testing/contract/libevent/tls_rig.h).
 * Threads:  one.
 */
#ifndef EVRT_TESTING_UNIT_API_BUFFEREVENT_TLS_RIG_H_
#define EVRT_TESTING_UNIT_API_BUFFEREVENT_TLS_RIG_H_

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sys.h"
#include "testing/harness/test.h"

enum transport { SOCKET, FILTER_OVER_SOCKET, FILTER_OVER_PAIR };

/* The read callback compares what comes with the pattern; the write callback goes on sending. */
struct end {
	struct bufferevent *bev;
	SSL *ssl;
	size_t sent, received, to_send;
	int connected, ended, failed, timed_out; /* callbacks with that */
	int reads, writes;
};

extern struct event_base *base;
extern SSL_CTX *contexts[2]; /* client's, server's */
extern int fds[2];           /* of the last make_fds */
extern struct evrt_sys real; /* the system calls as they were; close_base puts them back */

unsigned char byte_at(size_t at);
/* Writes as much of `to_send` as output should hold at a time. */
void feed(struct end *);
void on_read(struct bufferevent *, void *end);
void on_write(struct bufferevent *, void *end);
void on_event(struct bufferevent *, short what, void *end);

/* `version`: TLS1_2_VERSION, ...; 0: any. */
void open_base(int version);
void close_base(void);
void make_fds(void);
enum bufferevent_ssl_state role_of(int side);
/* Sets the callbacks and enables both directions. */
void watch(struct end *);
/* Two ends, client first. */
void make_ends(struct end ends[2], enum transport, int options);
/* The same with BEV_OPT_CLOSE_ON_FREE and the handshake done. */
void connect_ends(struct end ends[2], enum transport);
void free_ends(struct end ends[2]);
void turns(int n);

/* Fails the case after 30 s, saying what did not become so. */
struct event *deadline_new(const char *condition);

/* Turns the loop until the condition holds. */
#define UNTIL(condition)                                 \
	do {                                                 \
		struct event *deadline_ = deadline_new(#condition); \
		while (!(condition))                             \
			event_base_loop(base, EVLOOP_ONCE);          \
		event_free(deadline_);                           \
	} while (0)

#endif
