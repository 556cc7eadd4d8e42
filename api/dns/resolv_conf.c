/* api/dns/resolv_conf.c — see resolv_conf.h. */
#include "api/dns/resolv_conf.h"

#include <errno.h>
#include <event2/util.h>
#include <string.h>

struct conf {
	struct evrt_dns_resolv_conf *out;
	struct evrt_dns_options *options;
	unsigned classes;
	unsigned line;
};

static void
conf_problem(struct conf *c, const char *problem, struct evrt_dns_text word)
{
	if (c->out->problem_count++ > 0)
		return;
	c->out->problem_line = c->line;
	c->out->problem = problem;
	c->out->problem_word = word;
}

/* A word of a line's values; a comment may stand behind them, which is no place for one in resolv.conf(5), but no
 * value begins like that either. */
static bool
conf_value(struct evrt_dns_text *rest, struct evrt_dns_text *word)
{
	return evrt__dns_text_word(rest, word) && word->s[0] != '#' && word->s[0] != ';';
}

static bool
conf_has_nameserver(const struct evrt_dns_resolv_conf *out, const union evrt_dns_sockaddr *address)
{
	for (unsigned i = 0; i < out->nameserver_count; i++) {
		if (memcmp(&out->nameservers[i], address, sizeof(*address)) == 0)
			return true;
	}
	return false;
}

/* One address to a line; what is behind it is ignored, as the C library does. */
static void
conf_nameserver(struct conf *c, struct evrt_dns_text rest)
{
	struct evrt_dns_resolv_conf *out = c->out;
	struct evrt_dns_text word = rest;
	union evrt_dns_sockaddr address;

	if (!conf_value(&rest, &word) || !evrt__dns_text_address(word, &address)) {
		conf_problem(c, "no address", word);
		return;
	}
	if (conf_has_nameserver(out, &address))
		return;
	if (out->nameserver_count == EVRT_DNS_NAMESERVERS_MAX) {
		conf_problem(c, "too many nameservers", word);
		return;
	}
	out->nameservers[out->nameserver_count++] = address;
}

static void
conf_domains(struct conf *c, struct evrt_dns_text rest, unsigned max)
{
	struct evrt_dns_resolv_conf *out = c->out;
	struct evrt_dns_text word;

	out->search_given = true;
	out->domain_count = 0;
	while (conf_value(&rest, &word)) {
		while (word.len > 0 && word.s[0] == '.') {
			word.s++;
			word.len--;
		}
		if (word.len == 0)
			continue; /* "search ." asks for no search */
		if (!evrt__dns_text_is_name(word))
			conf_problem(c, "no domain", word);
		else if (out->domain_count == max)
			conf_problem(c, "too many domains", word);
		else
			out->domains[out->domain_count++] = word;
	}
}

static void
conf_search(struct conf *c, struct evrt_dns_text rest)
{
	conf_domains(c, rest, EVRT_DNS_DOMAINS_MAX);
}

static void
conf_domain(struct conf *c, struct evrt_dns_text rest)
{
	conf_domains(c, rest, 1);
}

static void
conf_options(struct conf *c, struct evrt_dns_text rest)
{
	struct evrt_dns_text word, name, value;

	while (conf_value(&rest, &word)) {
		value = word;
		evrt__dns_text_cut(&value, ':', &name);
		int result = evrt__dns_option_set(c->options, name, value, c->classes);
		if (result != 0)
			conf_problem(c, result == -ENOENT ? "unknown option" : "malformed option", word);
	}
}

static void
conf_ignore(struct conf *c, struct evrt_dns_text rest)
{
	(void)c;
	(void)rest;
}

static const struct {
	const char *name;
	void (*read)(struct conf *, struct evrt_dns_text rest);
} keywords[] = {
	{"domain", conf_domain},
	{"family", conf_ignore}, /* of the BSDs, as is lookup */
	{"lookup", conf_ignore},
	{"nameserver", conf_nameserver},
	{"options", conf_options},
	{"search", conf_search},
	{"sortlist", conf_ignore},
};

static void
conf_line(struct conf *c, struct evrt_dns_text rest)
{
	struct evrt_dns_text word;

	if (!conf_value(&rest, &word))
		return;
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (evrt__dns_text_is(word, keywords[i].name)) {
			keywords[i].read(c, rest);
			return;
		}
	}
	conf_problem(c, "unknown keyword", word);
}

void
evrt__dns_resolv_conf_parse(struct evrt_dns_resolv_conf *out, struct evrt_dns_options *options,
    struct evrt_dns_text text, unsigned classes)
{
	struct conf c = {.out = out, .options = options, .classes = classes};
	struct evrt_dns_text line;

	memset(out, 0, sizeof(*out));
	while (evrt__dns_text_line(&text, &line)) {
		c.line++;
		conf_line(&c, line);
	}
}
