/* testing/unit/api/buffer/search_test.c — searches against the plain way to search.
 *
 * Here:     random contents of few letters, cut into random chains, so that needles begin and end at every border,
 *           and false starts are rare, common, and nearly everywhere.
 * Not here: line ends, and positions that are outside (testing/contract/libevent/buffer_search_test.c).
 */
#include "testing/harness/test.h"

#include <stdint.h>
#include <string.h>
#include <event2/buffer.h>

#define CONTENTS_MAX 4000u
#define NEEDLE_MAX 12u
#define CONTENTS 300
#define SEARCHES 60

static char text[CONTENTS_MAX];
static uint64_t state;

static unsigned
below(unsigned n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((state >> 33) % n);
}

static ev_ssize_t
plain_search(size_t from, size_t end, const char *what, size_t len)
{
	for (size_t at = from; at <= end && len <= end - at; at++)
		if (memcmp(text + at, what, len) == 0)
			return (ev_ssize_t)at;
	return -1;
}

static void
searches_agree_with_the_plain_way(void)
{
	state = evrt_test_seed();
	for (int round = 0; round < CONTENTS; round++) {
		struct evbuffer *buf = evbuffer_new();
		unsigned size = 1 + below(CONTENTS_MAX), letters = 1 + below(4), rare = 1 + below(200);
		unsigned piece_max = 1 + below(round % 2 ? 8 : 3000);
		for (unsigned i = 0; i < size; i++)
			text[i] = below(rare) ? 'a' : (char)('a' + below(letters));
		for (unsigned at = 0; at < size;) {
			unsigned n = 1 + below(piece_max);
			n = n < size - at ? n : size - at;
			CHECK_INT_EQ(evbuffer_add_reference(buf, text + at, n, NULL, NULL), 0);
			at += n;
		}
		for (int i = 0; i < SEARCHES; i++) {
			struct evbuffer_ptr start, end;
			char needle[NEEDLE_MAX];
			unsigned from = below(size + 1), upto = below(4) ? size : below(size + 1);
			unsigned len = 1 + below(NEEDLE_MAX), at = below(size);
			len = len < size - at ? len : size - at;
			memcpy(needle, text + at, len);
			if (below(2))
				needle[below(len)] = (char)('a' + below(letters + 1));
			CHECK_INT_EQ(evbuffer_ptr_set(buf, &start, from, EVBUFFER_PTR_SET), 0);
			CHECK_INT_EQ(evbuffer_ptr_set(buf, &end, upto, EVBUFFER_PTR_SET), 0);
			struct evbuffer_ptr hit = evbuffer_search_range(buf, needle, len, &start, &end);
			CHECK_INT_EQ(hit.pos, plain_search(from, upto, needle, len));
			char found[NEEDLE_MAX];
			if (hit.pos < 0)
				continue;
			CHECK_INT_EQ(evbuffer_copyout_from(buf, &hit, found, len), len);
			CHECK_MEM_EQ(found, needle, len);
		}
		evbuffer_free(buf);
	}
}

static const struct evrt_test_case cases[] = {
	{ "searches_agree_with_the_plain_way", searches_agree_with_the_plain_way },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
