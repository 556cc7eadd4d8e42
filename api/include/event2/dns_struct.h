/* event2/dns_struct.h — what a DNS server reads of a question.
 *
 * The library owns these objects; a program reads them between the callback of event2/dns.h and
 * evdns_server_request_respond or _drop. Their layout is libevent 2.1.12's.
 */
#ifndef EVENT2_DNS_STRUCT_H_INCLUDED_
#define EVENT2_DNS_STRUCT_H_INCLUDED_

#ifdef __cplusplus
extern "C" {
#endif

#include <event2/event-config.h>
#include <event2/util.h>

struct evdns_server_question;

struct evdns_server_request {
	int flags;                                  /* the reply's, EVDNS_FLAGS_* */
	int nquestions;
	struct evdns_server_question **questions;
};

struct evdns_server_question {
	int type;                                   /* EVDNS_TYPE_*, EVDNS_QTYPE_*, or another number */
	/* Read it as dns_question_class, in C and in C++; older C programs say `class`. */
#ifdef __cplusplus
	int dns_question_class;
#else
	int class;
#define dns_question_class class
#endif
	char name[1];                               /* a string as long as it has to be, without a dot at its end */
};

#ifdef __cplusplus
}
#endif

#endif
