/* testing/fuzz/buffer_ops/replay_test.c — every seed of the corpus, with and without faults, and cut short.
 * The folder is corpus/ beside this file, or the one that EVRT_CORPUS names. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "testing/fuzz/buffer_ops/buffer_ops_fuzz.h"
#include "testing/harness/test.h"

#define SEED_BYTES_MAX 4096
#define SEEDS_MIN 20

static const char *
corpus(void)
{
	const char *named = getenv("EVRT_CORPUS");

	return named ? named : "testing/fuzz/buffer_ops/corpus";
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
seeds_keep_the_models(void)
{
	static unsigned char seed[SEED_BYTES_MAX];
	DIR *dir = opendir(corpus());
	struct dirent *entry;
	int seeds = 0;

	CHECK(dir != NULL);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		size_t n = seed_read(entry->d_name, seed);
		for (size_t len = n; len; len = len * 3 / 4) {
			LLVMFuzzerTestOneInput(seed, len);
			seed[0] ^= 1;
			LLVMFuzzerTestOneInput(seed, len);
		}
		seeds++;
	}
	closedir(dir);
	CHECK(seeds >= SEEDS_MIN);
}

static const struct evrt_test_case cases[] = {
	{ "seeds_keep_the_models", seeds_keep_the_models },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
