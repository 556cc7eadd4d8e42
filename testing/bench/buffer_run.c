/* testing/bench/buffer_run.c — the operations, on the library that is linked in; see buffer.c.
 *
 * Here:     a table of cases. A case makes its evbuffers, does its operation `n` times, checks that it did what it
 *           should, and frees them; it counts its time itself, so that what prepares it costs nothing.
 * Threads:  one.
 *
 * Usage: buffer_LIBRARY MILLISECONDS [PART_OF_A_NAME]   Prints lines for bench.h.
 */
#include <event2/buffer.h>
#include <event2/util.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "testing/bench/bench.h"

#define MEGABYTE (1u << 20)

struct run {
	unsigned n;
	double begun, ns;
};

struct op {
	const char *name;
	void (*fn)(struct run *, unsigned arg);
	unsigned arg;
};

static char text[MEGABYTE], scratch[MEGABYTE];

static void
expect(bool ok, const char *what)
{
	if (!ok)
		bench_die(what);
}

static void
go(struct run *r)
{
	r->begun = bench_thread_cpu_ns();
}

static void
stop(struct run *r)
{
	r->ns += bench_thread_cpu_ns() - r->begun;
}

/* `pieces` of 100 bytes in, and out again: 1 is the life of a short message. */
static void
op_queue(struct run *r, unsigned pieces)
{
	struct evbuffer *b = evbuffer_new();

	go(r);
	for (unsigned done = 0; done < r->n; done += pieces) {
		for (unsigned i = 0; i < pieces; i++)
			evbuffer_add(b, text, 100);
		for (unsigned i = 0; i < pieces; i++)
			expect(evbuffer_remove(b, scratch, 100) == 100, "remove");
	}
	stop(r);
	evbuffer_free(b);
}

static void
op_life(struct run *r, unsigned bytes)
{
	go(r);
	for (unsigned i = 0; i < r->n; i++) {
		struct evbuffer *b = evbuffer_new();
		evbuffer_add(b, text, bytes);
		evbuffer_free(b);
	}
	stop(r);
}

static void
op_add(struct run *r, unsigned bytes)
{
	struct evbuffer *b = evbuffer_new();

	for (unsigned done = 0; done < r->n;) {
		go(r);
		for (unsigned in = 0; in < MEGABYTE && done < r->n; in += bytes, done++)
			evbuffer_add(b, text, bytes);
		stop(r);
		evbuffer_drain(b, MEGABYTE);
	}
	evbuffer_free(b);
}

static void
op_prepend(struct run *r, unsigned bytes)
{
	struct evbuffer *b = evbuffer_new();

	go(r);
	for (unsigned i = 0; i < r->n; i++) {
		evbuffer_prepend(b, text, bytes);
		if (i % 64 == 63)
			evbuffer_drain(b, 64 * bytes);
	}
	stop(r);
	evbuffer_free(b);
}

static void
op_printf(struct run *r, unsigned per_drain)
{
	struct evbuffer *b = evbuffer_new();

	go(r);
	for (unsigned i = 0; i < r->n; i++) {
		evbuffer_add_printf(b, "%s: %d\r\n", "Content-Length", 12345);
		if (i % per_drain == per_drain - 1)
			evbuffer_drain(b, 100 * per_drain);
	}
	stop(r);
	evbuffer_free(b);
}

/* Lines of 40 bytes with their end, 1000 in an evbuffer. */
static void
op_readln(struct run *r, unsigned style)
{
	static const char *const end[] = {
		[EVBUFFER_EOL_ANY] = "\r\n",
		[EVBUFFER_EOL_CRLF] = "\r\n",
		[EVBUFFER_EOL_CRLF_STRICT] = "\r\n",
		[EVBUFFER_EOL_LF] = "\n",
		[EVBUFFER_EOL_NUL] = "",
	};
	struct evbuffer *b = evbuffer_new();
	size_t len;

	for (unsigned done = 0; done < r->n; done += 1000) {
		for (int i = 0; i < 1000; i++) {
			evbuffer_add(b, text, 38);
			evbuffer_add(b, end[style], style == EVBUFFER_EOL_NUL ? 1 : strlen(end[style]));
		}
		go(r);
		for (int i = 0; i < 1000; i++) {
			char *line = evbuffer_readln(b, &len, (enum evbuffer_eol_style)style);
			expect(line && len == 38, "readln");
			free(line);
		}
		stop(r);
	}
	evbuffer_free(b);
}

/* A megabyte in chains of 16 kB that the needle is at the end of. */
static struct evbuffer *
haystack(const char *fill, const char *needle)
{
	struct evbuffer *b = evbuffer_new();
	size_t period = strlen(fill), len = strlen(needle);

	for (size_t i = 0; i < MEGABYTE; i++)
		scratch[i] = fill[i % period];
	memcpy(scratch + MEGABYTE - len, needle, len);
	for (size_t i = 0; i < MEGABYTE; i += 16384)
		evbuffer_add_reference(b, scratch + i, 16384, NULL, NULL);
	return b;
}

static void
op_search(struct run *r, unsigned which)
{
	static const char *const cases[][2] = {
		{ "the quick brown fox jumps over the lazy dog ", "\r\n\r\n" },
		{ "the quick brown fox jumps over the lazy dog ", "the lazy cat" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n", "\r\n\r\n" },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "aaaaaaaaab!" },
		{ "abcdefgh", "!" },
	};
	const char *needle = cases[which][1];
	struct evbuffer *b = haystack(cases[which][0], needle);

	go(r);
	for (unsigned i = 0; i < r->n; i++) {
		struct evbuffer_ptr p = evbuffer_search(b, needle, strlen(needle), NULL);
		expect(p.pos == (ev_ssize_t)(MEGABYTE - strlen(needle)), "search");
	}
	stop(r);
	evbuffer_free(b);
}

/* A message of `bytes` goes from one evbuffer to the other: what an echo server does. From many places: a copy
 * between two places that are the same distance from a page is a third slower, and that is nobody's merit. */
static void
op_add_buffer(struct run *r, unsigned bytes)
{
	struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();

	go(r);
	for (unsigned i = 0; i < r->n; i++) {
		evbuffer_add(a, text + i % 64 * 64, bytes);
		evbuffer_add_buffer(b, a);
		evbuffer_drain(b, bytes);
	}
	stop(r);
	evbuffer_free(a);
	evbuffer_free(b);
}

static void
op_remove_buffer(struct run *r, unsigned bytes)
{
	struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();

	for (unsigned done = 0; done < r->n;) {
		evbuffer_add(a, text, MEGABYTE);
		go(r);
		for (unsigned out = 0; out + bytes <= MEGABYTE && done < r->n; out += bytes, done++) {
			expect(evbuffer_remove_buffer(a, b, bytes) == (int)bytes, "remove_buffer");
			evbuffer_drain(b, bytes);
		}
		stop(r);
		evbuffer_drain(a, MEGABYTE);
	}
	evbuffer_free(a);
	evbuffer_free(b);
}

static void
op_reference(struct run *r, unsigned bytes)
{
	struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();

	evbuffer_add(a, text, bytes);
	go(r);
	for (unsigned i = 0; i < r->n; i++) {
		expect(evbuffer_add_buffer_reference(b, a) == 0, "add_buffer_reference");
		evbuffer_drain(b, bytes);
	}
	stop(r);
	evbuffer_free(b);
	evbuffer_free(a);
}

static void
op_reserve(struct run *r, unsigned bytes)
{
	struct evbuffer *b = evbuffer_new();
	struct evbuffer_iovec vec[2];

	go(r);
	for (unsigned i = 0; i < r->n; i++) {
		int n = evbuffer_reserve_space(b, (ev_ssize_t)bytes, vec, 2);
		expect(n > 0, "reserve_space");
		size_t left = bytes;
		for (int k = 0; k < n; k++) {
			vec[k].iov_len = vec[k].iov_len < left ? vec[k].iov_len : left;
			left -= vec[k].iov_len;
		}
		expect(evbuffer_commit_space(b, vec, n) == 0, "commit_space");
		if (i % 64 == 63)
			evbuffer_drain(b, 64 * bytes);
	}
	stop(r);
	evbuffer_free(b);
}

static void
op_drain(struct run *r, unsigned bytes)
{
	struct evbuffer *b = evbuffer_new();

	for (unsigned done = 0; done < r->n;) {
		for (unsigned in = 0; in < MEGABYTE; in += 4096)
			evbuffer_add(b, text, 4096);
		go(r);
		for (unsigned out = 0; out < MEGABYTE && done < r->n; out += bytes, done++)
			evbuffer_drain(b, bytes);
		stop(r);
		evbuffer_drain(b, MEGABYTE);
	}
	evbuffer_free(b);
}

static void
op_pullup(struct run *r, unsigned bytes)
{
	struct evbuffer *b = evbuffer_new();

	go(r);
	for (unsigned i = 0; i < r->n; i++) {
		for (unsigned in = 0; in < 4; in++)
			evbuffer_add_reference(b, text + i % 64 * 64, bytes / 4, NULL, NULL);
		expect(evbuffer_pullup(b, -1) != NULL, "pullup");
		evbuffer_drain(b, bytes);
	}
	stop(r);
	evbuffer_free(b);
}

static void
op_pullup_head(struct run *r, unsigned bytes)
{
	struct evbuffer *b = evbuffer_new();

	evbuffer_add(b, text, bytes);
	go(r);
	for (unsigned i = 0; i < r->n; i++)
		expect(evbuffer_pullup(b, (ev_ssize_t)bytes) != NULL, "pullup");
	stop(r);
	evbuffer_free(b);
}

static void
op_peek(struct run *r, unsigned chains)
{
	struct evbuffer *b = evbuffer_new();
	struct evbuffer_iovec vec[64];

	for (unsigned i = 0; i < chains; i++)
		evbuffer_add_reference(b, text, 100, NULL, NULL);
	go(r);
	for (unsigned i = 0; i < r->n; i++)
		expect(evbuffer_peek(b, -1, NULL, vec, 64) == (int)chains, "peek");
	stop(r);
	evbuffer_free(b);
}

static void
op_copyout(struct run *r, unsigned bytes)
{
	struct evbuffer *b = evbuffer_new();

	evbuffer_add(b, text, bytes);
	go(r);
	for (unsigned i = 0; i < r->n; i++)
		expect(evbuffer_copyout(b, scratch, bytes) == (ev_ssize_t)bytes, "copyout");
	stop(r);
	evbuffer_free(b);
}

static void
on_change(struct evbuffer *b, const struct evbuffer_cb_info *info, void *arg)
{
	(void)b;
	*(size_t *)arg += info->n_added;
}

static void
op_callback(struct run *r, unsigned bytes)
{
	struct evbuffer *b = evbuffer_new();
	size_t added = 0;

	evbuffer_add_cb(b, on_change, &added);
	go(r);
	for (unsigned i = 0; i < r->n; i++) {
		evbuffer_add(b, text, bytes);
		evbuffer_drain(b, bytes);
	}
	stop(r);
	expect(added == (size_t)bytes * r->n, "callbacks");
	evbuffer_free(b);
}

/* `bytes` through a socket pair: from one evbuffer, into another. */
static void
op_socket(struct run *r, unsigned bytes)
{
	struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();
	int size = 1 << 20;
	evutil_socket_t fds[2];

	expect(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "socketpair");
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	evutil_make_socket_nonblocking(fds[0]);
	evutil_make_socket_nonblocking(fds[1]);
	go(r);
	for (unsigned i = 0; i < r->n; i++) {
		evbuffer_add_reference(a, text, bytes, NULL, NULL);
		expect(evbuffer_write(a, fds[0]) == (int)bytes, "write");
		while (evbuffer_get_length(b) < bytes)
			expect(evbuffer_read(b, fds[1], -1) > 0, "read");
		evbuffer_drain(b, bytes);
	}
	stop(r);
	close(fds[0]);
	close(fds[1]);
	evbuffer_free(a);
	evbuffer_free(b);
}

static const struct op ops[] = {
	{ "evbuffer_new, add 100 B, free (ns)", op_life, 100 },
	{ "add and remove 100 B, empty in between (ns)", op_queue, 1 },
	{ "add and remove 100 B, 1000 in the queue (ns)", op_queue, 1000 },
	{ "add 100 B, up to 1 MB (ns)", op_add, 100 },
	{ "add 64 kB, up to 1 MB (ns)", op_add, 65536 },
	{ "prepend 100 B (ns)", op_prepend, 100 },
	{ "add_printf, a header line, empty in between (ns)", op_printf, 1 },
	{ "add_printf, a header line, up to 50 (ns)", op_printf, 50 },
	{ "readln ANY (ns)", op_readln, EVBUFFER_EOL_ANY },
	{ "readln CRLF (ns)", op_readln, EVBUFFER_EOL_CRLF },
	{ "readln CRLF_STRICT (ns)", op_readln, EVBUFFER_EOL_CRLF_STRICT },
	{ "readln LF (ns)", op_readln, EVBUFFER_EOL_LF },
	{ "readln NUL (ns)", op_readln, EVBUFFER_EOL_NUL },
	{ "search 1 MB, first byte not there (us)", op_search, 0 },
	{ "search 1 MB, words (us)", op_search, 1 },
	{ "search 1 MB, the empty line after header lines (us)", op_search, 2 },
	{ "search 1 MB, first byte nearly everywhere (us)", op_search, 3 },
	{ "search 1 MB, one byte (us)", op_search, 4 },
	{ "add, add_buffer, drain 100 B (ns)", op_add_buffer, 100 },
	{ "add, add_buffer, drain 16 kB (ns)", op_add_buffer, 16384 },
	{ "remove_buffer, drain 100 B (ns)", op_remove_buffer, 100 },
	{ "remove_buffer, drain 4 kB (ns)", op_remove_buffer, 4096 },
	{ "add_buffer_reference, drain 1 kB (ns)", op_reference, 1024 },
	{ "reserve_space, commit_space 100 B (ns)", op_reserve, 100 },
	{ "reserve_space, commit_space 4 kB (ns)", op_reserve, 4096 },
	{ "drain 100 B (ns)", op_drain, 100 },
	{ "drain 16 kB (ns)", op_drain, 16384 },
	{ "add_reference 1 kB four times, pullup, drain (ns)", op_pullup, 4096 },
	{ "pullup 100 B that are in one piece (ns)", op_pullup_head, 100 },
	{ "peek 1 piece (ns)", op_peek, 1 },
	{ "peek 32 pieces (ns)", op_peek, 32 },
	{ "copyout 100 B (ns)", op_copyout, 100 },
	{ "add and drain 100 B with a callback (ns)", op_callback, 100 },
	{ "write and read 100 B (ns)", op_socket, 100 },
	{ "write and read 64 kB (us)", op_socket, 65536 },
};

/* Grows the number of operations until they take a tenth of the time, and then takes all of it. */
static void
measure(const struct op *op, double ms)
{
	struct run r = { .n = 1 };

	for (;;) {
		r.ns = 0;
		op->fn(&r, op->arg);
		if (r.ns > ms * 1e5 || r.n > 1u << 28)
			break;
		r.n *= 2;
	}
	r.n = (unsigned)((double)r.n * (ms * 1e6 / r.ns)) + 1;
	r.ns = 0;
	op->fn(&r, op->arg);
	double unit = strstr(op->name, "(us)") ? 1e3 : 1;
	printf("%f %s\n", r.ns / r.n / unit, op->name);
}

int
main(int argc, char **argv)
{
	double ms = argc > 1 ? atof(argv[1]) : 0;

	if (argc > 3 || ms < 1) {
		fprintf(stderr, "usage: %s MILLISECONDS [PART_OF_A_NAME]\n", argv[0]);
		return 2;
	}
	bench_pin(0);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (argc < 3 || strstr(ops[i].name, argv[2]))
			measure(&ops[i], ms);
	return 0;
}
