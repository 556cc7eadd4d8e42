/* api/dns/hosts.c — see hosts.h. */
#include "api/dns/hosts.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

#define HOSTS_ROOM_MIN 16u

/* A file of the system's is no adversary: no secret in the hash. */
static uint32_t *
hosts_bucket(const struct evrt_dns_hosts *t, struct evrt_dns_text name)
{
	return &t->buckets[evrt__dns_text_hash(name, 0) & (t->bucket_count - 1)];
}

static struct evrt_dns_text
hosts_name(const struct evrt_dns_hosts *t, const struct evrt_dns_host *h)
{
	return (struct evrt_dns_text){t->names + h->name_at, h->name_len};
}

/* Builds the buckets anew. From the last name to the first, each in front of those behind it: find gives the
 * file's order, and a name that is there a million times costs no more than a million names. */
static int
hosts_index(struct evrt_dns_hosts *t)
{
	uint32_t count = HOSTS_ROOM_MIN;

	while (count < t->host_count)
		count *= 2;
	uint32_t *buckets = evrt__calloc(count, sizeof(*buckets));
	if (!buckets)
		return -ENOMEM;
	evrt__free(t->buckets);
	t->buckets = buckets;
	t->bucket_count = count;
	for (uint32_t i = t->host_count; i > 0; i--) {
		struct evrt_dns_host *h = &t->hosts[i - 1];
		uint32_t *bucket = hosts_bucket(t, hosts_name(t, h));
		h->next = *bucket;
		*bucket = i;
	}
	return 0;
}

static int
hosts_grow(struct evrt_dns_hosts *t)
{
	uint32_t room = t->hosts_room ? t->hosts_room * 2 : HOSTS_ROOM_MIN;
	struct evrt_dns_host *hosts = evrt__realloc(t->hosts, room * sizeof(*hosts));

	if (!hosts)
		return -ENOMEM;
	t->hosts = hosts;
	t->hosts_room = room;
	return 0;
}

/* Room for one more name of any length. */
static int
hosts_names_grow(struct evrt_dns_hosts *t)
{
	uint32_t room = t->names_room ? t->names_room * 2 : HOSTS_ROOM_MIN * (EVRT_DNS_NAME_TEXT_MAX + 1);
	char *names = evrt__realloc(t->names, room);

	if (!names)
		return -ENOMEM;
	t->names = names;
	t->names_room = room;
	return 0;
}

static int
hosts_insert(struct evrt_dns_hosts *t, const union evrt_dns_sockaddr *address, struct evrt_dns_text name)
{
	if (t->host_count == EVRT_DNS_HOSTS_MAX)
		return -E2BIG;
	if (t->host_count == t->hosts_room && hosts_grow(t) != 0)
		return -ENOMEM;
	if (t->names_room - t->names_len < EVRT_DNS_NAME_TEXT_MAX && hosts_names_grow(t) != 0)
		return -ENOMEM;
	struct evrt_dns_host *h = &t->hosts[t->host_count++];
	h->address = *address;
	h->name_at = t->names_len;
	h->name_len = (uint8_t)name.len;
	memcpy(t->names + t->names_len, name.s, name.len);
	t->names_len += (uint32_t)name.len;
	return 0;
}

static void
hosts_problem(struct evrt_dns_hosts *t, unsigned line)
{
	if (t->problem_count++ == 0)
		t->problem_line = line;
}

static bool
hosts_address(struct evrt_dns_text word, union evrt_dns_sockaddr *out)
{
	/* sin_port and sin6_port lie at one place. */
	return evrt__dns_text_address(word, out) && out->in4.sin_port == 0;
}

static int
hosts_line(struct evrt_dns_hosts *t, struct evrt_dns_text rest, unsigned number)
{
	struct evrt_dns_text line, word;
	union evrt_dns_sockaddr address;
	int result = 0;

	evrt__dns_text_cut(&rest, '#', &line);
	if (!evrt__dns_text_word(&line, &word))
		return 0;
	if (!hosts_address(word, &address)) {
		hosts_problem(t, number);
		return 0;
	}
	while (result == 0 && evrt__dns_text_word(&line, &word)) {
		if (evrt__dns_text_is_name(word))
			result = hosts_insert(t, &address, evrt__dns_text_undotted(word));
		else
			hosts_problem(t, number);
	}
	return result;
}

int
evrt__dns_hosts_add(struct evrt_dns_hosts *t, struct evrt_dns_text text)
{
	uint32_t host_count = t->host_count, names_len = t->names_len;
	struct evrt_dns_text line;
	int result = 0;

	for (unsigned number = 1; result == 0 && evrt__dns_text_line(&text, &line); number++)
		result = hosts_line(t, line, number);
	if (result == -ENOMEM || hosts_index(t) != 0) {
		/* The buckets still are those of before. */
		t->host_count = host_count;
		t->names_len = names_len;
		return -ENOMEM;
	}
	return result;
}

const struct evrt_dns_host *
evrt__dns_hosts_find(const struct evrt_dns_hosts *t, struct evrt_dns_text name, const struct evrt_dns_host *after)
{
	if (t->host_count == 0)
		return NULL;
	name = evrt__dns_text_undotted(name);
	uint32_t at = after ? after->next : *hosts_bucket(t, name);
	while (at && !evrt__dns_text_equal(hosts_name(t, &t->hosts[at - 1]), name))
		at = t->hosts[at - 1].next;
	return at ? &t->hosts[at - 1] : NULL;
}

void
evrt__dns_hosts_clear(struct evrt_dns_hosts *t)
{
	evrt__free(t->hosts);
	evrt__free(t->names);
	evrt__free(t->buckets);
	memset(t, 0, sizeof(*t));
}
