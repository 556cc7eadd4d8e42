/* api/dns/search.c — see search.h. */
#include "api/dns/search.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

struct evrt_dns_search_domain {
	struct evrt_dns_search_domain *next;
	size_t len;
	char name[];
};

struct evrt_dns_search *
evrt__dns_search_new(void)
{
	struct evrt_dns_search *list = evrt__calloc(1, sizeof(*list));

	if (list)
		list->refs = 1;
	return list;
}

struct evrt_dns_search *
evrt__dns_search_ref(struct evrt_dns_search *list)
{
	list->refs++;
	return list;
}

void
evrt__dns_search_unref(struct evrt_dns_search *list)
{
	if (!list || --list->refs > 0)
		return;
	while (list->first) {
		struct evrt_dns_search_domain *d = list->first;
		list->first = d->next;
		evrt__free(d);
	}
	evrt__free(list);
}

static int
search_insert(struct evrt_dns_search *list, struct evrt_dns_search_domain **at, struct evrt_dns_text domain)
{
	while (domain.len > 0 && domain.s[0] == '.') {
		domain.s++;
		domain.len--;
	}
	if (!evrt__dns_text_is_name(domain))
		return -EINVAL;
	struct evrt_dns_search_domain *d = evrt__malloc(sizeof(*d) + domain.len);
	if (!d)
		return -ENOMEM;
	d->len = domain.len;
	memcpy(d->name, domain.s, domain.len);
	d->next = *at;
	*at = d;
	list->count++;
	return 0;
}

int
evrt__dns_search_add_first(struct evrt_dns_search *list, struct evrt_dns_text domain)
{
	return search_insert(list, &list->first, domain);
}

int
evrt__dns_search_add_last(struct evrt_dns_search *list, struct evrt_dns_text domain)
{
	struct evrt_dns_search_domain **at = &list->first;

	while (*at)
		at = &(*at)->next;
	return search_insert(list, at, domain);
}

struct evrt_dns_text
evrt__dns_search_of_host(struct evrt_dns_text hostname)
{
	struct evrt_dns_text head;

	evrt__dns_text_cut(&hostname, '.', &head);
	return hostname;
}

static uint32_t
search_dots(struct evrt_dns_text name)
{
	uint32_t dots = 0;

	for (size_t i = 0; i < name.len; i++)
		dots += name.s[i] == '.';
	return dots;
}

static bool
search_fits(struct evrt_dns_text name)
{
	return evrt__dns_text_undotted(name).len <= EVRT_DNS_NAME_TEXT_MAX;
}

static int
search_write(struct evrt_dns_text name, const struct evrt_dns_search_domain *domain, char *out)
{
	size_t len = name.len;

	if (!search_fits(name))
		return -EMSGSIZE;
	memcpy(out, name.s, name.len);
	if (domain) {
		if (out[len - 1] != '.')
			out[len++] = '.';
		memcpy(out + len, domain->name, domain->len);
		len += domain->len;
	}
	out[len] = '\0';
	return search_fits((struct evrt_dns_text){out, len}) ? (int)len : -EMSGSIZE;
}

/* The order is libevent's as it was shipped: as it is first if there are dots enough, else last; and a dot at the
 * end of the name is a dot like others, and does not keep it from being searched. */
int
evrt__dns_search_step(const struct evrt_dns_search *list, struct evrt_dns_text name, uint32_t ndots, unsigned step,
    char out[EVRT_DNS_SEARCH_NAME_BYTES])
{
	/* Nothing but a dot is the root: no domain can follow it. */
	unsigned domains = list && !evrt__dns_text_is(name, ".") ? list->count : 0;
	bool bare_first = search_dots(name) >= ndots;

	if (name.len == 0 || step > domains)
		return 0;
	if (step == (bare_first ? 0 : domains))
		return search_write(name, NULL, out);
	const struct evrt_dns_search_domain *d = list->first;
	for (unsigned i = bare_first ? 1 : 0; i < step; i++)
		d = d->next;
	return search_write(name, d, out);
}
