/* testing/fuzz/dns_config/dns_config_fuzz.c — arbitrary bytes as the files that configure a resolver.
 *
 * Here:     one entry point, for a fuzzer and for replay_test.c alike. A broken invariant aborts: nothing is read
 *           beyond its end (the bytes lie in blocks of their exact size, for address sanitizers), counts and ranges
 *           hold, what was found lies in the text, and what was added is found again.
 * Threads:  one.
 *
 * The input's first byte says which parser: see `targets`.
 */
#include <event2/dns.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "api/dns/hosts.h"
#include "api/dns/options.h"
#include "api/dns/resolv_conf.h"
#include "api/dns/search.h"
#include "testing/fuzz/replay.h"

#define MUST(condition) ((condition) ? (void)0 : abort())

static void
options_must_be_sound(const struct evrt_dns_options *o)
{
	MUST(o->ndots <= INT_MAX && o->so_rcvbuf_bytes <= INT_MAX && o->so_sndbuf_bytes <= INT_MAX);
	MUST(o->attempts >= 1 && o->attempts <= 255 && o->max_timeouts >= 1 && o->max_timeouts <= 255);
	MUST(o->max_inflight >= 1 && o->max_inflight <= 65000);
	MUST(o->edns_udp_size >= 512 && o->edns_udp_size <= 65535);
	MUST(o->probe_backoff_factor >= 1 && o->probe_backoff_factor <= 10);
	const uint64_t times[] = {o->timeout_ns, o->allow_skew_ns, o->initial_probe_ns, o->max_probe_ns, o->tcp_idle_ns};
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		MUST(times[i] >= 1000000 && times[i] <= INT_MAX * 1000000000ull);
	MUST(o->initial_probe_ns <= 3600 * 1000000000ull && o->max_probe_ns <= 3600 * 1000000000ull);
}

static void
text_must_lie_within(struct evrt_dns_text part, struct evrt_dns_text whole)
{
	MUST(part.s >= whole.s && part.s <= whole.s + whole.len);
	MUST(part.len <= (size_t)(whole.s + whole.len - part.s));
}

/* A search list of the domains: each name of the sequence ends in its place, and fits. */
static void
domains_must_search(const struct evrt_dns_resolv_conf *conf)
{
	struct evrt_dns_search *list = evrt__dns_search_new();
	struct evrt_dns_text name = {"www.test", 8};
	char out[EVRT_DNS_SEARCH_NAME_BYTES];
	unsigned step = 0;

	MUST(list != NULL);
	for (unsigned i = 0; i < conf->domain_count; i++)
		MUST(evrt__dns_search_add_last(list, conf->domains[i]) == 0);
	for (int len; (len = evrt__dns_search_step(list, name, 1, step, out)) != 0; step++)
		MUST(len < 0 || (memcmp(out, "www.test", 8) == 0 && strlen(out) == (size_t)len && len < 255));
	MUST(step == conf->domain_count + 1);
	evrt__dns_search_unref(list);
}

static void
fuzz_resolv_conf(struct evrt_dns_text text)
{
	struct evrt_dns_resolv_conf conf;
	struct evrt_dns_options options;

	evrt__dns_options_init(&options);
	evrt__dns_resolv_conf_parse(&conf, &options, text, DNS_OPTIONS_ALL);
	options_must_be_sound(&options);
	MUST(conf.nameserver_count <= EVRT_DNS_NAMESERVERS_MAX && conf.domain_count <= EVRT_DNS_DOMAINS_MAX);
	for (unsigned i = 0; i < conf.nameserver_count; i++)
		MUST(conf.nameservers[i].any.sa_family == AF_INET || conf.nameservers[i].any.sa_family == AF_INET6);
	for (unsigned i = 0; i < conf.domain_count; i++)
		text_must_lie_within(conf.domains[i], text);
	MUST((conf.problem_count > 0) == (conf.problem != NULL));
	if (conf.problem)
		text_must_lie_within(conf.problem_word, text);
	domains_must_search(&conf);
}

static void
fuzz_hosts(struct evrt_dns_text text)
{
	struct evrt_dns_hosts table = {0};

	MUST(evrt__dns_hosts_add(&table, text) == 0);
	for (uint32_t i = 0; i < table.host_count; i++) {
		const struct evrt_dns_host *h = &table.hosts[i], *at = NULL;
		struct evrt_dns_text name = {table.names + h->name_at, h->name_len};
		MUST(evrt__dns_text_is_name(name) && h->address.in4.sin_port == 0);
		/* In the order of the file, itself among them. */
		bool seen = false;
		for (const struct evrt_dns_host *last = NULL; (at = evrt__dns_hosts_find(&table, name, last)); last = at) {
			MUST(!last || at > last);
			seen |= at == h;
		}
		MUST(seen);
	}
	evrt__dns_hosts_clear(&table);
}

/* "name=value" */
static void
fuzz_option(struct evrt_dns_text text)
{
	struct evrt_dns_options options, before;
	struct evrt_dns_text name;

	evrt__dns_options_init(&options);
	before = options;
	evrt__dns_text_cut(&text, '=', &name);
	if (evrt__dns_option_set(&options, name, text, DNS_OPTIONS_ALL) != 0)
		MUST(memcmp(&options, &before, sizeof(options)) == 0);
	options_must_be_sound(&options);
}

static void (*const targets[])(struct evrt_dns_text) = {fuzz_resolv_conf, fuzz_hosts, fuzz_option};

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	if (size < 1)
		return 0;
	char *bytes = malloc(size > 1 ? size - 1 : 1);
	MUST(bytes != NULL);
	memcpy(bytes, data + 1, size - 1);
	/* Letters, so that seeds can be written by hand: 'r' modulo 3 is 0, 's' 1, 't' 2. */
	targets[data[0] % 3]((struct evrt_dns_text){bytes, size - 1});
	free(bytes);
	return 0;
}
