/* examples/tls-echo/server_context.c — a TLS server's context, and a certificate when there is none. */
#include "examples/tls-echo/server_context.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define DAY_S (24 * 3600)

static int
certificate_fill(X509 *certificate, EVP_PKEY *key)
{
	X509_NAME *name = X509_get_subject_name(certificate);
	X509_EXTENSION *hosts = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
	int is_done = hosts && X509_set_version(certificate, X509_VERSION_3) &&
	    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) &&
	    X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_S) &&
	    X509_gmtime_adj(X509_getm_notAfter(certificate), 30L * DAY_S) &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0) &&
	    X509_set_issuer_name(certificate, name) && X509_set_pubkey(certificate, key) &&
	    X509_add_ext(certificate, hosts, -1) && X509_sign(certificate, key, EVP_sha256());

	X509_EXTENSION_free(hosts);
	return is_done;
}

static int
use_made_certificate(SSL_CTX *ctx)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	int is_done = key && certificate && certificate_fill(certificate, key) &&
	    SSL_CTX_use_certificate(ctx, certificate) && SSL_CTX_use_PrivateKey(ctx, key);

	X509_free(certificate);
	EVP_PKEY_free(key);
	return is_done;
}

static int
use_files(SSL_CTX *ctx, const char *chain_file, const char *key_file)
{
	return SSL_CTX_use_certificate_chain_file(ctx, chain_file) == 1 &&
	    SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) == 1 && SSL_CTX_check_private_key(ctx);
}

SSL_CTX *
server_context_new(const char *chain_file, const char *key_file)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) &&
	    (chain_file ? use_files(ctx, chain_file, key_file) : use_made_certificate(ctx))) {
		/* A client that asks for handshakes again and again costs more than it pays. */
		SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
		return ctx;
	}
	ERR_print_errors_fp(stderr);
	SSL_CTX_free(ctx);
	return NULL;
}
