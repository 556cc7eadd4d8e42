/* testing/fuzz/replay.c — see replay.h. */
#include "testing/fuzz/replay.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "testing/harness/test.h"

static size_t
seed_read(const char *corpus, const char *name, unsigned char *out)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", corpus, name);
	FILE *file = fopen(path, "rb");
	CHECK(file != NULL);
	size_t n = fread(out, 1, FUZZ_SEED_BYTES_MAX, file);
	fclose(file);
	return n;
}

/* What the case is about: a case has no arguments. */
static struct {
	const char *corpus;
	int seeds_min;
	fuzz_replay_fn replay;
} about;

static void
seeds_keep_the_invariants(void)
{
	static unsigned char seed[FUZZ_SEED_BYTES_MAX];
	const char *named = getenv("EVRT_CORPUS");
	const char *folder = named ? named : about.corpus;
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int seeds = 0;

	CHECK(dir != NULL);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		about.replay(seed, seed_read(folder, entry->d_name, seed));
		seeds++;
	}
	closedir(dir);
	CHECK(seeds >= about.seeds_min);
}

int
fuzz_replay_main(int argc, char **argv, const char *corpus, int seeds_min, fuzz_replay_fn replay)
{
	static const struct evrt_test_case cases[] = {
		{"seeds_keep_the_invariants", seeds_keep_the_invariants},
		{NULL, NULL},
	};

	about.corpus = corpus;
	about.seeds_min = seeds_min;
	about.replay = replay;
	return evrt_test_main(argc, argv, cases);
}

void
fuzz_replay_second_byte(unsigned char *seed, size_t n, int step)
{
	for (size_t len = 2; len <= n; len++)
		LLVMFuzzerTestOneInput(seed, len);
	for (int value = 0; n >= 2 && value < 256; value += step) {
		seed[1] = (unsigned char)value;
		LLVMFuzzerTestOneInput(seed, n);
	}
}
