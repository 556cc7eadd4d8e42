/* examples/dns-server/zone.h — a zone file as records that a DNS server can send.
 *
 * A line is NAME TTL TYPE DATA, with TYPE one of A AAAA CNAME MX NS PTR SOA SRV TXT; one that begins with ';' is a
 * comment. Names are complete. The zone is the name of its SOA record. Nothing changes after it was read: any thread
 * may look.
 */
#ifndef EVRT_EXAMPLES_DNS_SERVER_ZONE_H_
#define EVRT_EXAMPLES_DNS_SERVER_ZONE_H_

#include <stdbool.h>
#include <stdio.h>

struct zone_record {
	struct zone_record *next;
	char name[256];
	int type, ttl;
	bool is_name;      /* data is a name, as text */
	int len;
	char data[1024];
};

struct zone {
	struct zone_record *records, *soa;
};

/* 0; else the number of the line that is not understood, or -1: there is no SOA record. */
int zone_read(struct zone *, FILE *);
void zone_free(struct zone *);
/* The number of a type's name, or 0. */
int zone_type(const char *name);

#endif
