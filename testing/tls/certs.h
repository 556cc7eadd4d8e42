/* testing/tls/certs.h — certificates for tests, made when a program asks for them.
 *
 * Here:     an authority with a server's and a client's certificate, a stranger of another authority, and one that
 *           is out of date; OpenSSL contexts that use them. Keys are P-256: making all takes about a millisecond.
 * Not here: connections. Nothing here depends on the library under test.
 * Threads:  one at a time. Whatever fails ends the program with a message.
 */
#ifndef EVRT_TESTING_TLS_CERTS_H_
#define EVRT_TESTING_TLS_CERTS_H_

#include <openssl/ssl.h>

enum evrt_test_identity {
	EVRT_TEST_SERVER,   /* of the authority, for localhost and server.test */
	EVRT_TEST_CLIENT,   /* of the authority */
	EVRT_TEST_STRANGER, /* of an authority that nobody trusts, for localhost */
	EVRT_TEST_OUTDATED, /* of the authority, for localhost, and over since yesterday */
	EVRT_TEST_IDENTITIES
};

/* A context that trusts the authority, and speaks TLS `version` only (TLS1_2_VERSION, ...; 0: 1.2 and later).
 * The server's has the server's certificate and asks for none; the client's verifies what it is shown. */
SSL_CTX *evrt_test_tls_server(int version);
SSL_CTX *evrt_test_tls_client(int version);
/* Has the context show this certificate. */
void evrt_test_tls_show(SSL_CTX *, enum evrt_test_identity);
/* Frees what was made; contexts keep what they use. */
void evrt_test_certs_free(void);

#endif
