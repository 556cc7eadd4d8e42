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

void
fuzz_replay(const char *corpus, int seeds_min, void (*replay)(unsigned char *seed, size_t n))
{
	static unsigned char seed[FUZZ_SEED_BYTES_MAX];
	const char *named = getenv("EVRT_CORPUS");
	const char *folder = named ? named : corpus;
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int seeds = 0;

	CHECK(dir != NULL);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		replay(seed, seed_read(folder, entry->d_name, seed));
		seeds++;
	}
	closedir(dir);
	CHECK(seeds >= seeds_min);
}
