/* examples/tls-echo/server_context.h — what a TLS server has to decide before the first connection. */
#ifndef EVRT_EXAMPLES_TLS_ECHO_SERVER_CONTEXT_H_
#define EVRT_EXAMPLES_TLS_ECHO_SERVER_CONTEXT_H_

#include <openssl/ssl.h>

/* TLS 1.2 and 1.3 with the certificate chain and the key in these PEM files. Without files: with a certificate for
 * localhost that is made now, that nobody trusts and that is gone with the program. NULL after a message. One context
 * serves all connections, on all cores. */
SSL_CTX *server_context_new(const char *chain_file, const char *key_file);

#endif
