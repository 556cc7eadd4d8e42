/* testing/tls/certs.c — see certs.h. */
#include "testing/tls/certs.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#define HOUR_S 3600L
#define DAY_S (24 * HOUR_S)

struct pair {
	EVP_PKEY *key;
	X509 *certificate;
};

static struct pair authority, other_authority;
static struct pair identities[EVRT_TEST_IDENTITIES];

static const struct {
	const char *name;
	const char *hosts; /* subjectAltName; NULL: none */
	struct pair *issuer;
	long from_s, to_s; /* seconds from now */
} wanted[EVRT_TEST_IDENTITIES] = {
	[EVRT_TEST_SERVER] = { "server.test", "DNS:localhost,DNS:server.test", &authority, -HOUR_S, DAY_S },
	[EVRT_TEST_CLIENT] = { "client.test", NULL, &authority, -HOUR_S, DAY_S },
	[EVRT_TEST_STRANGER] = { "stranger.test", "DNS:localhost", &other_authority, -HOUR_S, DAY_S },
	[EVRT_TEST_OUTDATED] = { "outdated.test", "DNS:localhost", &authority, -2 * DAY_S, -DAY_S },
};

static void
need(int is_done, const char *what)
{
	if (is_done)
		return;
	fprintf(stderr, "certs: %s\n", what);
	ERR_print_errors_fp(stderr);
	abort();
}

static void
extend(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	need(extension && X509_add_ext(certificate, extension, -1), value);
	X509_EXTENSION_free(extension);
}

/* `issuer` NULL: an authority, which signs itself. */
static void
make(struct pair *pair, const char *name, const char *hosts, const struct pair *issuer, long from_s, long to_s)
{
	static long serial;
	X509 *certificate = X509_new();
	X509_NAME *subject;

	pair->key = EVP_EC_gen("P-256");
	need(certificate && pair->key, "no key");
	subject = X509_get_subject_name(certificate);
	need(X509_set_version(certificate, X509_VERSION_3) &&
	    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial) &&
	    X509_gmtime_adj(X509_getm_notBefore(certificate), from_s) &&
	    X509_gmtime_adj(X509_getm_notAfter(certificate), to_s) &&
	    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) &&
	    X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer->certificate) : subject) &&
	    X509_set_pubkey(certificate, pair->key), name);
	extend(certificate, NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
	if (hosts)
		extend(certificate, NID_subject_alt_name, hosts);
	need(X509_sign(certificate, issuer ? issuer->key : pair->key, EVP_sha256()), "no signature");
	pair->certificate = certificate;
}

static void
make_all(void)
{
	if (authority.key)
		return;
	make(&authority, "authority", NULL, NULL, -2 * DAY_S, DAY_S);
	make(&other_authority, "other authority", NULL, NULL, -2 * DAY_S, DAY_S);
	for (int i = 0; i < EVRT_TEST_IDENTITIES; i++)
		make(&identities[i], wanted[i].name, wanted[i].hosts, wanted[i].issuer, wanted[i].from_s, wanted[i].to_s);
}

static SSL_CTX *
context(const SSL_METHOD *method, int version)
{
	make_all();
	SSL_CTX *ctx = SSL_CTX_new(method);

	need(ctx && SSL_CTX_set_min_proto_version(ctx, version ? version : TLS1_2_VERSION) &&
	    SSL_CTX_set_max_proto_version(ctx, version) &&
	    X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), authority.certificate), "no context");
	return ctx;
}

SSL_CTX *
evrt_test_tls_server(int version)
{
	SSL_CTX *ctx = context(TLS_server_method(), version);

	evrt_test_tls_show(ctx, EVRT_TEST_SERVER);
	need(SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"test", 4), "no session context");
	return ctx;
}

SSL_CTX *
evrt_test_tls_client(int version)
{
	SSL_CTX *ctx = context(TLS_client_method(), version);

	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return ctx;
}

void
evrt_test_tls_show(SSL_CTX *ctx, enum evrt_test_identity who)
{
	make_all();
	need(SSL_CTX_use_certificate(ctx, identities[who].certificate) &&
	    SSL_CTX_use_PrivateKey(ctx, identities[who].key), "no certificate");
}

static void
pair_free(struct pair *pair)
{
	EVP_PKEY_free(pair->key);
	X509_free(pair->certificate);
	*pair = (struct pair){ NULL, NULL };
}

void
evrt_test_certs_free(void)
{
	pair_free(&authority);
	pair_free(&other_authority);
	for (int i = 0; i < EVRT_TEST_IDENTITIES; i++)
		pair_free(&identities[i]);
}
