/* threading/cpus.c — how many CPUs this process may use, and keeping a thread on one; see thread.h.
 *
 * Here:     the affinity mask, and the CPU quota of the control group (version 2 or 1) with its ancestors.
 * Not here: how many threads to start on them.
 * Threads:  any; nothing is kept.
 */
#include "threading/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/sys.h"

#define CPUS_MASK_MAX 65536u /* where growing the mask is given up */
#define CPUS_FILE_MAX 4096u  /* /proc/self/cgroup has a short line per hierarchy */

/* The affinity mask of the calling thread, to be freed, and its size. NULL with *out_err = -errno. */
static cpu_set_t *
cpus_mask(size_t *out_size, int *out_err)
{
	for (unsigned cpus = CPU_SETSIZE; cpus <= CPUS_MASK_MAX; cpus *= 2) {
		size_t size = CPU_ALLOC_SIZE(cpus);
		cpu_set_t *mask = evrt__calloc(1, size);
		*out_size = size;
		*out_err = -ENOMEM;
		if (!mask)
			return NULL;
		if (evrt__sys.sched_getaffinity(0, size, mask) == 0)
			return mask;
		*out_err = -errno;
		evrt__free(mask);
		if (*out_err != -EINVAL) /* EINVAL: the kernel's mask is wider */
			return NULL;
	}
	return NULL;
}

/* CPUs in the affinity mask; 0 when the kernel does not tell. */
static unsigned
cpus_affinity(void)
{
	size_t size;
	int err;
	cpu_set_t *mask = cpus_mask(&size, &err);
	unsigned count = mask ? (unsigned)CPU_COUNT_S(size, mask) : 0;

	evrt__free(mask);
	return count;
}

/* The i-th CPU of a mask that has more than `i`. */
static size_t
cpus_nth(const cpu_set_t *mask, size_t size, unsigned i)
{
	size_t cpu = 0;

	while (!CPU_ISSET_S(cpu, size, mask) || i-- > 0)
		cpu++;
	return cpu;
}

int
evrt__cpu_pin(unsigned i)
{
	size_t size;
	int err;
	cpu_set_t *mask = cpus_mask(&size, &err);

	if (!mask)
		return err;
	unsigned count = (unsigned)CPU_COUNT_S(size, mask);
	err = count ? 0 : -EINVAL;
	if (count) {
		size_t cpu = cpus_nth(mask, size, i % count);
		CPU_ZERO_S(size, mask);
		CPU_SET_S(cpu, size, mask);
		err = evrt__sys.sched_setaffinity(0, size, mask) < 0 ? -errno : 0;
	}
	evrt__free(mask);
	return err;
}

/* The file as a string, cut to fit. False when it cannot be read. */
static bool
cpus_read_file(const char *path, char *buf, size_t size)
{
	int fd = evrt__sys.open(path, O_RDONLY | O_CLOEXEC, 0);
	size_t len = 0;
	ssize_t n = 1;

	if (fd < 0)
		return false;
	while (n != 0 && len < size - 1) {
		n = evrt__sys.read(fd, buf + len, size - 1 - len);
		if (n < 0 && errno != EINTR)
			break;
		if (n > 0)
			len += (size_t)n;
	}
	evrt__sys.close(fd);
	buf[len] = '\0';
	return n >= 0;
}

/* quota/period in whole CPUs, rounded up; UINT_MAX where that means "no limit" or makes no sense. */
static unsigned
cpus_of_quota(long long quota, long long period)
{
	if (quota <= 0 || period <= 0)
		return UINT_MAX;
	long long cpus = quota / period + (quota % period != 0);
	return cpus < UINT_MAX ? (unsigned)cpus : UINT_MAX;
}

/* One directory of version 2: "max 100000" or "150000 100000". */
static unsigned
cpus_group_v2(const char *dir)
{
	char path[PATH_MAX], text[64];
	long long quota, period;

	int n = snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cpu.max", dir);
	if (n < 0 || (size_t)n >= sizeof(path) || !cpus_read_file(path, text, sizeof(text)))
		return UINT_MAX;
	return sscanf(text, "%lld %lld", &quota, &period) == 2 ? cpus_of_quota(quota, period) : UINT_MAX;
}

/* A file of version 1 that holds one number; 0 where there is none. */
static long long
cpus_number_v1(const char *dir, const char *name)
{
	char path[PATH_MAX], text[64];

	int n = snprintf(path, sizeof(path), "/sys/fs/cgroup/cpu%s/cpu.%s", dir, name);
	if (n < 0 || (size_t)n >= sizeof(path) || !cpus_read_file(path, text, sizeof(text)))
		return 0;
	return strtoll(text, NULL, 10);
}

/* One directory of version 1: a quota of -1 is none. */
static unsigned
cpus_group_v1(const char *dir)
{
	return cpus_of_quota(cpus_number_v1(dir, "cfs_quota_us"), cpus_number_v1(dir, "cfs_period_us"));
}

/* The least of a group and its ancestors: each limits what is below it. Cuts `dir` down to "". */
static unsigned
cpus_up_the_tree(char *dir, unsigned (*of_group)(const char *))
{
	unsigned least = UINT_MAX;

	for (;;) {
		unsigned here = of_group(dir);
		if (here < least)
			least = here;
		char *slash = strrchr(dir, '/');
		if (!slash)
			return least;
		*slash = '\0';
	}
}

/* Is "cpu" in the comma-separated list of controllers? */
static bool
cpus_has_controller(const char *list)
{
	for (size_t len; *list; list += len + (list[len] != '\0')) {
		len = strcspn(list, ",");
		if (len == 3 && memcmp(list, "cpu", 3) == 0)
			return true;
	}
	return false;
}

/* What the control groups leave us; UINT_MAX where there is no limit. Lines are "ID:CONTROLLERS:PATH";
 * version 2 has the id 0 and no controllers. Both versions may be in use at once. */
static unsigned
cpus_quota(void)
{
	char text[CPUS_FILE_MAX];
	char *rest = text;
	unsigned least = UINT_MAX;

	if (!cpus_read_file("/proc/self/cgroup", text, sizeof(text)))
		return UINT_MAX;
	for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
		char *id = strsep(&line, ":");
		char *controllers = strsep(&line, ":");
		unsigned here = UINT_MAX;
		if (!controllers || !line) /* `line` is the path now */
			continue;
		if (strcmp(id, "0") == 0 && !*controllers)
			here = cpus_up_the_tree(line, cpus_group_v2);
		else if (cpus_has_controller(controllers))
			here = cpus_up_the_tree(line, cpus_group_v1);
		if (here < least)
			least = here;
	}
	return least;
}

unsigned
evrt__cpu_count(void)
{
	unsigned cpus = cpus_affinity();
	unsigned quota = cpus_quota();

	if (cpus == 0)
		return 1; /* unknown: what is certain */
	return quota < cpus ? quota : cpus;
}
