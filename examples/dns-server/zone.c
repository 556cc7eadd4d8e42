/* examples/dns-server/zone.c — reads zone files; see zone.h. */
#include "examples/dns-server/zone.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void
put_number(struct zone_record *r, uint32_t number, int octets)
{
	while (octets-- > 0)
		r->data[r->len++] = (char)(number >> 8 * octets);
}

/* As labels, each behind its length. */
static bool
put_name(struct zone_record *r, const char *name)
{
	while (*name) {
		size_t len = strcspn(name, ".");
		if (len == 0 || len > 63 || r->len + len > 600)
			return false;
		put_number(r, (uint32_t)len, 1);
		memcpy(r->data + r->len, name, len);
		r->len += (int)len;
		name += len + (name[len] == '.');
	}
	put_number(r, 0, 1);
	return true;
}

static bool
read_a(struct zone_record *r, const char *text)
{
	r->len = 4;
	return inet_pton(AF_INET, text, r->data) == 1;
}

static bool
read_aaaa(struct zone_record *r, const char *text)
{
	r->len = 16;
	return inet_pton(AF_INET6, text, r->data) == 1;
}

static bool
read_name(struct zone_record *r, const char *text)
{
	r->is_name = true;
	return sscanf(text, "%255s", r->data) == 1;
}

static bool
read_mx(struct zone_record *r, const char *text)
{
	unsigned preference;
	char exchange[256];

	if (sscanf(text, "%u %255s", &preference, exchange) != 2)
		return false;
	put_number(r, preference, 2);
	return put_name(r, exchange);
}

static bool
read_srv(struct zone_record *r, const char *text)
{
	unsigned priority, weight, port;
	char target[256];

	if (sscanf(text, "%u %u %u %255s", &priority, &weight, &port, target) != 4)
		return false;
	put_number(r, priority, 2);
	put_number(r, weight, 2);
	put_number(r, port, 2);
	return put_name(r, target);
}

static bool
read_soa(struct zone_record *r, const char *text)
{
	char server[256], mailbox[256];
	unsigned numbers[5];

	if (sscanf(text, "%255s %255s %u %u %u %u %u", server, mailbox, &numbers[0], &numbers[1], &numbers[2], &numbers[3],
	    &numbers[4]) != 7 || !put_name(r, server) || !put_name(r, mailbox))
		return false;
	for (int i = 0; i < 5; i++)
		put_number(r, numbers[i], 4);
	return true;
}

/* One string, between double quotes. */
static bool
read_txt(struct zone_record *r, const char *text)
{
	const char *end = *text == '"' ? strchr(text + 1, '"') : NULL;

	if (!end || end - text - 1 > 255)
		return false;
	put_number(r, (uint32_t)(end - text - 1), 1);
	memcpy(r->data + 1, text + 1, (size_t)(end - text - 1));
	r->len += (int)(end - text - 1);
	return true;
}

static const struct {
	const char *name;
	int type;
	bool (*read)(struct zone_record *, const char *text);
} types[] = {
	{ "A", 1, read_a }, { "AAAA", 28, read_aaaa }, { "CNAME", 5, read_name }, { "MX", 15, read_mx },
	{ "NS", 2, read_name }, { "PTR", 12, read_name }, { "SOA", 6, read_soa }, { "SRV", 33, read_srv },
	{ "TXT", 16, read_txt },
};
#define TYPES (sizeof(types) / sizeof(types[0]))

int
zone_type(const char *name)
{
	for (size_t i = 0; i < TYPES; i++)
		if (strcmp(types[i].name, name) == 0)
			return types[i].type;
	return 0;
}

static bool
read_record(struct zone_record *r, const char *line)
{
	char type[16];
	int data_at = 0;

	if (sscanf(line, "%255s %d %15s %n", r->name, &r->ttl, type, &data_at) != 3 || !data_at)
		return false;
	for (size_t i = 0; i < TYPES; i++)
		if (strcmp(types[i].name, type) == 0) {
			r->type = types[i].type;
			return types[i].read(r, line + data_at);
		}
	return false;
}

int
zone_read(struct zone *zone, FILE *file)
{
	struct zone_record **end = &zone->records;
	char line[1024];

	*zone = (struct zone){ NULL, NULL };
	for (int number = 1; fgets(line, sizeof(line), file); number++) {
		/* A comment is a whole line: texts may have a ';'. */
		line[strcspn(line, "\n")] = 0;
		if (line[strspn(line, " \t")] == ';' || line[strspn(line, " \t")] == 0)
			continue;
		struct zone_record *r = *end = calloc(1, sizeof(*r));
		if (!r || !read_record(r, line))
			return number;
		end = &r->next;
		if (r->type == zone_type("SOA"))
			zone->soa = r;
	}
	return zone->soa ? 0 : -1;
}

void
zone_free(struct zone *zone)
{
	while (zone->records) {
		struct zone_record *next = zone->records->next;
		free(zone->records);
		zone->records = next;
	}
}
