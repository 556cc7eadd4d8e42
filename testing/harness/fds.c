/* testing/harness/fds.c — which descriptors are open, and how two moments differ. */
#include "testing/harness/internal.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
evrt__test_fds_list(struct evrt_test_fds *fds)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	fds->count = 0;
	if (!dir)
		return;
	while ((entry = readdir(dir)) != NULL && fds->count < EVRT_TEST_FDS_MAX) {
		int fd = atoi(entry->d_name);
		if (entry->d_name[0] != '.' && fd != dirfd(dir))
			fds->fd[fds->count++] = fd;
	}
	closedir(dir);
}

static bool
fds_has(const struct evrt_test_fds *fds, int fd)
{
	for (size_t i = 0; i < fds->count; i++)
		if (fds->fd[i] == fd)
			return true;
	return false;
}

/* Appends "WHAT: FD (TARGET)" for the members of `a` that are not in `b`; returns the new length. */
static size_t
fds_append_missing(const struct evrt_test_fds *a, const struct evrt_test_fds *b, const char *what, char *buf,
    size_t used, size_t len)
{
	for (size_t i = 0; i < a->count && used + 1 < len; i++) {
		char link[64], target[128];
		if (fds_has(b, a->fd[i]))
			continue;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", a->fd[i]);
		ssize_t n = readlink(link, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		int add = snprintf(buf + used, len - used, "%s%s: %d%s%s%s", used ? ", " : "", what, a->fd[i],
		    n > 0 ? " (" : "", target, n > 0 ? ")" : "");
		used += add < 0 ? 0 : (size_t)add;
	}
	return used < len ? used : len - 1;
}

int
evrt__test_fds_differ(const struct evrt_test_fds *before, const struct evrt_test_fds *after, char *buf,
    size_t len)
{
	size_t used = 0;

	buf[0] = '\0';
	used = fds_append_missing(after, before, "descriptor left open", buf, used, len);
	used = fds_append_missing(before, after, "descriptor closed that is not the case's", buf, used, len);
	return used > 0;
}
