/* testing/contract/libevent/tls_session_test.c — what the two sides of a handshake agree on: whom they trust,
 * protocols and names, sessions that are taken up again.
 *
 * OpenSSL does all of it; a bufferevent must neither hinder it nor hide how it ended. See tls_handshake_test.c.
 */
#include "testing/contract/libevent/tls_rig.h"

#include <openssl/x509v3.h>

/* Connects two bufferevents with these objects. */
static void
meet(struct side *client, struct side *server, SSL *client_ssl, SSL *server_ssl)
{
	int fds[2];

	*client = *server = (struct side){ 0 };
	rig_socketpair(fds);
	side_open(server, fds[1], server_ssl, BUFFEREVENT_SSL_ACCEPTING);
	side_open(client, fds[0], client_ssl, BUFFEREVENT_SSL_CONNECTING);
}

static void
part(struct side *client, struct side *server)
{
	side_close(client);
	side_close(server);
}

static SSL *
ssl_of(const struct side *side)
{
	return bufferevent_openssl_get_ssl(side->bev);
}

/* ---- whom to trust */

static void
a_server_of_an_unknown_authority(void)
{
	struct side client, server;
	rig_open();
	evrt_test_tls_show(server_context, EVRT_TEST_STRANGER);
	meet(&client, &server, SSL_new(client_context), SSL_new(server_context));
	UNTIL(client.failed && server.failed);
	CHECK_INT_EQ(client.connected, 0);
	CHECK_INT_EQ(ERR_GET_REASON(client.error), SSL_R_CERTIFICATE_VERIFY_FAILED);
	CHECK_INT_EQ(ERR_GET_REASON(server.error), SSL_R_TLSV1_ALERT_UNKNOWN_CA);
	CHECK_INT_EQ(SSL_get_verify_result(ssl_of(&client)), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
	part(&client, &server);
	rig_close();
}

static void
a_server_whose_certificate_is_out_of_date(void)
{
	struct side client, server;
	rig_open();
	evrt_test_tls_show(server_context, EVRT_TEST_OUTDATED);
	meet(&client, &server, SSL_new(client_context), SSL_new(server_context));
	UNTIL(client.failed && server.failed);
	CHECK_INT_EQ(client.connected, 0);
	CHECK_INT_EQ(SSL_get_verify_result(ssl_of(&client)), X509_V_ERR_CERT_HAS_EXPIRED);
	CHECK_INT_EQ(ERR_GET_REASON(server.error), SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED);
	part(&client, &server);
	rig_close();
}

static void
a_server_of_another_name(void)
{
	struct side client, server;
	rig_open();
	SSL *ssl = SSL_new(client_context);
	SSL_set1_host(ssl, "elsewhere.test");
	meet(&client, &server, ssl, SSL_new(server_context));
	UNTIL(client.failed && server.failed);
	CHECK_INT_EQ(client.connected, 0);
	CHECK_INT_EQ(SSL_get_verify_result(ssl_of(&client)), X509_V_ERR_HOSTNAME_MISMATCH);
	part(&client, &server);
	rig_close();
}

static void
a_server_of_the_right_name(void)
{
	struct side client, server;
	rig_open();
	SSL *ssl = SSL_new(client_context);
	SSL_set1_host(ssl, "server.test");
	meet(&client, &server, ssl, SSL_new(server_context));
	UNTIL(client.connected && server.connected);
	CHECK_INT_EQ(SSL_get_verify_result(ssl_of(&client)), X509_V_OK);
	CHECK_STR_EQ(SSL_get0_peername(ssl_of(&client)), "server.test");
	part(&client, &server);
	rig_close();
}

static int verify_calls;

static int
accept_whoever(int is_good, X509_STORE_CTX *ctx)
{
	(void)is_good;
	(void)ctx;
	verify_calls++;
	return 1;
}

static void
a_program_that_trusts_whoever_it_is(void)
{
	struct side client, server;
	rig_open();
	evrt_test_tls_show(server_context, EVRT_TEST_STRANGER);
	SSL_CTX_set_verify(client_context, SSL_VERIFY_PEER, accept_whoever);
	meet(&client, &server, SSL_new(client_context), SSL_new(server_context));
	side_send(&client, 100);
	UNTIL(client.connected && server.received == 100);
	CHECK(verify_calls > 0);
	CHECK(SSL_get_verify_result(ssl_of(&client)) != X509_V_OK);
	part(&client, &server);
	rig_close();
}

static void
a_client_with_a_certificate(void)
{
	struct side client, server;
	rig_open();
	evrt_test_tls_show(client_context, EVRT_TEST_CLIENT);
	SSL_CTX_set_verify(server_context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	meet(&client, &server, SSL_new(client_context), SSL_new(server_context));
	UNTIL(client.connected && server.connected);
	X509 *shown = SSL_get0_peer_certificate(ssl_of(&server));
	char name[64];
	CHECK(shown != NULL);
	X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name, sizeof(name));
	CHECK_STR_EQ(name, "client.test");
	part(&client, &server);
	rig_close();
}

static void
a_client_without_the_certificate_that_it_needs(void)
{
	struct side client, server;
	rig_open();
	SSL_CTX_set_verify(server_context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	meet(&client, &server, SSL_new(client_context), SSL_new(server_context));
	UNTIL(client.failed && server.failed);
	CHECK_INT_EQ(server.connected, 0);
	/* In 1.3 the client is done before the server has looked. */
	CHECK_INT_EQ(client.connected, rig.version == TLS1_3_VERSION);
	CHECK_INT_EQ(ERR_GET_REASON(server.error), SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE);
	CHECK_INT_EQ(ERR_GET_REASON(client.error), rig.version == TLS1_3_VERSION
	    ? SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED : SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE);
	part(&client, &server);
	rig_close();
}

static void
a_client_without_the_certificate_that_it_may_have(void)
{
	struct side client, server;
	rig_open();
	SSL_CTX_set_verify(server_context, SSL_VERIFY_PEER, NULL);
	meet(&client, &server, SSL_new(client_context), SSL_new(server_context));
	side_send(&client, 10);
	UNTIL(client.connected && server.received == 10);
	CHECK_PTR_EQ(SSL_get0_peer_certificate(ssl_of(&server)), NULL);
	part(&client, &server);
	rig_close();
}

static void
a_client_of_an_unknown_authority(void)
{
	struct side client, server;
	rig_open();
	evrt_test_tls_show(client_context, EVRT_TEST_STRANGER);
	SSL_CTX_set_verify(server_context, SSL_VERIFY_PEER, NULL);
	meet(&client, &server, SSL_new(client_context), SSL_new(server_context));
	UNTIL(client.failed && server.failed);
	CHECK_INT_EQ(server.connected, 0);
	CHECK_INT_EQ(ERR_GET_REASON(server.error), SSL_R_CERTIFICATE_VERIFY_FAILED);
	CHECK_INT_EQ(ERR_GET_REASON(client.error), SSL_R_TLSV1_ALERT_UNKNOWN_CA);
	part(&client, &server);
	rig_close();
}

static void
errors_are_taken_once(void)
{
	struct side client, server;
	rig_open();
	evrt_test_tls_show(server_context, EVRT_TEST_STRANGER);
	meet(&client, &server, SSL_new(client_context), SSL_new(server_context));
	UNTIL(client.failed && server.failed);
	CHECK(client.errors >= 1 && server.errors >= 1);
	CHECK_INT_EQ(bufferevent_get_openssl_error(client.bev), 0);
	CHECK_INT_EQ(bufferevent_get_openssl_error(server.bev), 0);
	/* They are with the bufferevent, not in the thread's queue. */
	CHECK_INT_EQ(ERR_peek_error(), 0);
	part(&client, &server);
	rig_close();
}

/* ---- protocols and names */

static const unsigned char offered[] = "\x02h2\x08http/1.1";

static int
choose_http(SSL *ssl, const unsigned char **out, unsigned char *len, const unsigned char *in, unsigned in_len,
    void *wanted)
{
	(void)ssl;
	for (unsigned i = 0; i < in_len; i += 1u + in[i])
		if (in[i] == strlen(wanted) && memcmp(&in[i + 1], wanted, in[i]) == 0) {
			*out = &in[i + 1];
			*len = in[i];
			return SSL_TLSEXT_ERR_OK;
		}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void
alpn_is_agreed_on(void)
{
	struct side client, server;
	const unsigned char *chosen[2];
	unsigned len[2];
	rig_open();
	SSL_CTX_set_alpn_protos(client_context, offered, sizeof(offered) - 1);
	SSL_CTX_set_alpn_select_cb(server_context, choose_http, "http/1.1");
	meet(&client, &server, SSL_new(client_context), SSL_new(server_context));
	UNTIL(client.connected && server.connected);
	SSL_get0_alpn_selected(ssl_of(&client), &chosen[0], &len[0]);
	SSL_get0_alpn_selected(ssl_of(&server), &chosen[1], &len[1]);
	CHECK_INT_EQ(len[0], 8);
	CHECK_MEM_EQ(chosen[0], "http/1.1", 8);
	CHECK_INT_EQ(len[1], 8);
	part(&client, &server);
	rig_close();
}

static void
alpn_with_nothing_in_common(void)
{
	struct side client, server;
	rig_open();
	SSL_CTX_set_alpn_protos(client_context, offered, sizeof(offered) - 1);
	SSL_CTX_set_alpn_select_cb(server_context, choose_http, "imap");
	meet(&client, &server, SSL_new(client_context), SSL_new(server_context));
	UNTIL(client.failed && server.failed);
	CHECK_INT_EQ(client.connected + server.connected, 0);
	CHECK_INT_EQ(ERR_GET_REASON(client.error), SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
	part(&client, &server);
	rig_close();
}

static SSL_CTX *other_context;

static int
by_name(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)arg;
	if (name && strcmp(name, "other.test") == 0) {
		SSL_set_SSL_CTX(ssl, other_context);
		return SSL_TLSEXT_ERR_OK;
	}
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	return name ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
}

static void
a_name_chooses_the_context(void)
{
	struct side client, server;
	rig_open();
	other_context = evrt_test_tls_server(rig.version);
	evrt_test_tls_show(other_context, EVRT_TEST_CLIENT);
	SSL_CTX_set_tlsext_servername_callback(server_context, by_name);
	SSL *ssl = SSL_new(client_context);
	SSL_set_tlsext_host_name(ssl, "other.test");
	meet(&client, &server, ssl, SSL_new(server_context));
	side_send(&client, 10);
	UNTIL(client.connected && server.received == 10);
	CHECK_STR_EQ(SSL_get_servername(ssl_of(&server), TLSEXT_NAMETYPE_host_name), "other.test");
	char name[64];
	X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(ssl_of(&client))), NID_commonName,
	    name, sizeof(name));
	CHECK_STR_EQ(name, "client.test");
	part(&client, &server);
	SSL_CTX_free(other_context);
	rig_close();
}

static void
a_name_that_the_server_does_not_know(void)
{
	struct side client, server;
	rig_open();
	SSL_CTX_set_tlsext_servername_callback(server_context, by_name);
	SSL *ssl = SSL_new(client_context);
	SSL_set_tlsext_host_name(ssl, "nobody.test");
	meet(&client, &server, ssl, SSL_new(server_context));
	UNTIL(client.failed && server.failed);
	CHECK_INT_EQ(client.connected + server.connected, 0);
	CHECK_INT_EQ(ERR_GET_REASON(client.error), SSL_R_TLSV1_UNRECOGNIZED_NAME);
	part(&client, &server);
	rig_close();
}

/* ---- sessions */

static SSL_SESSION *session;
static int sessions;

static int
keep_session(SSL *ssl, SSL_SESSION *fresh)
{
	(void)ssl;
	SSL_SESSION_free(session);
	session = fresh;
	sessions++;
	return 1;
}

static void
keep_sessions(void)
{
	SSL_CTX_set_session_cache_mode(client_context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
	SSL_CTX_sess_set_new_cb(client_context, keep_session);
}

/* Connects with the session kept, if there is one; says whether it was taken up. */
static bool
resumes(void)
{
	struct side client, server;
	SSL *ssl = SSL_new(client_context);

	if (session)
		SSL_set_session(ssl, session);
	int before = sessions;
	bool had_one = session != NULL;
	meet(&client, &server, ssl, SSL_new(server_context));
	side_send(&client, 1000);
	side_send(&server, 500);
	UNTIL(client.received == 500 && server.received == 1000);
	CHECK_INT_EQ(SSL_session_reused(ssl_of(&client)), SSL_session_reused(ssl_of(&server)));
	bool is_reused = SSL_session_reused(ssl_of(&client));
	if (!had_one || rig.version == TLS1_3_VERSION)
		UNTIL(sessions > before);
	/* A session that ends without close_notify is not taken up again. */
	SSL_shutdown(ssl_of(&client));
	SSL_shutdown(ssl_of(&server));
	part(&client, &server);
	rig_turns(3);
	return is_reused;
}

static void
resume_by_ticket(void)
{
	rig_open();
	keep_sessions();
	CHECK(!resumes());
	CHECK(resumes());
	CHECK(resumes());
	SSL_SESSION_free(session);
	rig_close();
}

static void
resume_without_tickets(void)
{
	rig_open();
	keep_sessions();
	SSL_CTX_set_options(server_context, SSL_OP_NO_TICKET);
	CHECK(!resumes());
	CHECK_INT_EQ(SSL_SESSION_has_ticket(session), rig.version == TLS1_3_VERSION);
	CHECK(resumes());
	SSL_SESSION_free(session);
	rig_close();
}

static void
a_server_that_forgot_the_session(void)
{
	rig_open();
	keep_sessions();
	CHECK(!resumes());
	SSL_CTX_free(server_context);
	server_context = evrt_test_tls_server(rig.version);
	CHECK(!resumes());
	CHECK(resumes());
	SSL_SESSION_free(session);
	rig_close();
}

static void
tickets_are_no_data(void)
{
	struct side client, server;
	rig_open();
	keep_sessions();
	SSL_CTX_set_num_tickets(server_context, 5);
	meet(&client, &server, SSL_new(client_context), SSL_new(server_context));
	UNTIL(client.connected && server.connected && sessions >= (rig.version == TLS1_3_VERSION ? 5 : 1));
	rig_turns(5);
	CHECK_INT_EQ(client.readable, 0);
	CHECK_INT_EQ(client.failed + client.ended, 0);
	part(&client, &server);
	SSL_SESSION_free(session);
	rig_close();
}

static const struct evrt_test_case cases[] = {
	{ "a_server_of_an_unknown_authority", a_server_of_an_unknown_authority },
	{ "a_server_whose_certificate_is_out_of_date", a_server_whose_certificate_is_out_of_date },
	{ "a_server_of_another_name", a_server_of_another_name },
	{ "a_server_of_the_right_name", a_server_of_the_right_name },
	{ "a_program_that_trusts_whoever_it_is", a_program_that_trusts_whoever_it_is },
	{ "a_client_with_a_certificate", a_client_with_a_certificate },
	{ "a_client_without_the_certificate_that_it_needs", a_client_without_the_certificate_that_it_needs },
	{ "a_client_without_the_certificate_that_it_may_have", a_client_without_the_certificate_that_it_may_have },
	{ "a_client_of_an_unknown_authority", a_client_of_an_unknown_authority },
	{ "errors_are_taken_once", errors_are_taken_once },
	{ "alpn_is_agreed_on", alpn_is_agreed_on },
	{ "alpn_with_nothing_in_common", alpn_with_nothing_in_common },
	{ "a_name_chooses_the_context", a_name_chooses_the_context },
	{ "a_name_that_the_server_does_not_know", a_name_that_the_server_does_not_know },
	{ "resume_by_ticket", resume_by_ticket },
	{ "resume_without_tickets", resume_without_tickets },
	{ "a_server_that_forgot_the_session", a_server_that_forgot_the_session },
	{ "tickets_are_no_data", tickets_are_no_data },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
