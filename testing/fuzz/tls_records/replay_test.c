/* testing/fuzz/tls_records/replay_test.c — every seed of the corpus in front of each kind of bufferevent, and its
 * prefixes. The folder is corpus/ beside this file, or the one that EVRT_CORPUS names. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testing/fuzz/tls_records/tls_records_fuzz.h"
#include "testing/harness/test.h"

#define SEED_BYTES_MAX 4096
#define SEEDS_MIN 20

static const char *
corpus(void)
{
	const char *named = getenv("EVRT_CORPUS");

	return named ? named : "testing/fuzz/tls_records/corpus";
}

static size_t
seed_read(const char *name, unsigned char *out)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", corpus(), name);
	FILE *file = fopen(path, "rb");
	CHECK(file != NULL);
	size_t n = fread(out, 1, SEED_BYTES_MAX, file);
	fclose(file);
	return n;
}

static void
seed_replay(unsigned char *seed, size_t n)
{
	for (int kind = 0; n >= 1 && kind < 128; kind += 5) {
		seed[0] = (unsigned char)kind;
		LLVMFuzzerTestOneInput(seed, n);
	}
	for (size_t len = 0; len < n; len += 1 + n / 16)
		LLVMFuzzerTestOneInput(seed, len);
}

static void
seeds_keep_the_invariants(void)
{
	static unsigned char seed[SEED_BYTES_MAX];
	DIR *dir = opendir(corpus());
	struct dirent *entry;
	int seeds = 0;

	CHECK(dir != NULL);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		seed_replay(seed, seed_read(entry->d_name, seed));
		seeds++;
	}
	closedir(dir);
	CHECK(seeds >= SEEDS_MIN);
}

static const struct evrt_test_case cases[] = {
	{"seeds_keep_the_invariants", seeds_keep_the_invariants},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
