/* testing/unit/threading/cpus_test.c — the number of usable CPUs, from affinity masks and control groups
 * that a false kernel or a false root folder tells; and keeping a thread on one. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/sys.h"
#include "testing/harness/fault.h"
#include "testing/harness/test.h"
#include "threading/thread.h"

struct file {
	const char *path;
	const char *text;
};

/* The false kernel: `cpus` in the mask, which needs `mask_bytes`; the files, up to a NULL path. */
static int cpus;
static size_t mask_bytes;
static const struct file *files;

#define FD_BASE 1000
static const struct file *open_file;
static size_t open_at;
static int opened, closed, interrupts;

static int
false_open(const char *path, int flags, mode_t mode)
{
	(void)flags, (void)mode;
	for (const struct file *f = files; f->path; f++)
		if (strcmp(f->path, path) == 0) {
			open_file = f;
			open_at = 0;
			opened++;
			return FD_BASE;
		}
	errno = ENOENT;
	return -1;
}

/* Seven bytes at a time, with an interruption before each. */
static ssize_t
false_read(int fd, void *buf, size_t len)
{
	CHECK_INT_EQ(fd, FD_BASE);
	if (interrupts++ % 2 == 0) {
		errno = EINTR;
		return -1;
	}
	if (!open_file->text) {
		errno = EIO;
		return -1;
	}
	size_t left = strlen(open_file->text) - open_at;
	size_t n = left < len ? left : len;
	n = n < 7 ? n : 7;
	memcpy(buf, open_file->text + open_at, n);
	open_at += n;
	return (ssize_t)n;
}

static int
false_close(int fd)
{
	CHECK_INT_EQ(fd, FD_BASE);
	closed++;
	return 0;
}

static int
false_getaffinity(pid_t pid, size_t size, cpu_set_t *mask)
{
	CHECK_INT_EQ(pid, 0);
	if (size < mask_bytes) {
		errno = EINVAL;
		return -1;
	}
	for (int i = 0; i < cpus; i++)
		CPU_SET_S((size_t)i * 2, size, mask);
	return 0;
}

static int
failing_getaffinity(pid_t pid, size_t size, cpu_set_t *mask)
{
	(void)pid, (void)size, (void)mask;
	errno = ENOSYS;
	return -1;
}

static void
false_kernel(int mask_cpus, const struct file *its_files)
{
	cpus = mask_cpus;
	files = its_files;
	evrt__sys.open = false_open;
	evrt__sys.read = false_read;
	evrt__sys.close = false_close;
	evrt__sys.sched_getaffinity = false_getaffinity;
}

static const struct file no_files[] = {{NULL, NULL}};

static void
affinity_alone(void)
{
	false_kernel(6, no_files);
	CHECK_INT_EQ(evrt__cpu_count(), 6);
	mask_bytes = 1024; /* a kernel for 8192 CPUs */
	CHECK_INT_EQ(evrt__cpu_count(), 6);
	mask_bytes = SIZE_MAX;
	CHECK_INT_EQ(evrt__cpu_count(), 1);
	evrt__sys.sched_getaffinity = failing_getaffinity;
	CHECK_INT_EQ(evrt__cpu_count(), 1);
}

static void
version_2(void)
{
	static const struct file group[] = {{"/proc/self/cgroup", "0::/a/b\n"},
		{"/sys/fs/cgroup/a/b/cpu.max", "350000 100000\n"}, {NULL, NULL}};
	static const struct file parent[] = {{"/proc/self/cgroup", "0::/a/b\n"},
		{"/sys/fs/cgroup/a/b/cpu.max", "max 100000\n"}, {"/sys/fs/cgroup/a/cpu.max", "200000 100000\n"},
		{NULL, NULL}};
	static const struct file top[] = {{"/proc/self/cgroup", "0::/\n"},
		{"/sys/fs/cgroup/cpu.max", "1000 100000\n"}, {NULL, NULL}};
	static const struct file wide[] = {{"/proc/self/cgroup", "0::/a\n"},
		{"/sys/fs/cgroup/a/cpu.max", "9900000 100000\n"}, {NULL, NULL}};

	false_kernel(8, group);
	CHECK_INT_EQ(evrt__cpu_count(), 4); /* rounded up */
	false_kernel(8, parent);
	CHECK_INT_EQ(evrt__cpu_count(), 2); /* the least on the way up */
	false_kernel(8, top);
	CHECK_INT_EQ(evrt__cpu_count(), 1);
	false_kernel(8, wide);
	CHECK_INT_EQ(evrt__cpu_count(), 8);
	CHECK_INT_EQ(opened, closed);
}

static void
version_1(void)
{
	static const struct file group[] = {{"/proc/self/cgroup", "5:cpuset:/x\n4:cpu,cpuacct:/a\n0::/\n"},
		{"/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "300000\n"},
		{"/sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n"}, {NULL, NULL}};
	static const struct file none[] = {{"/proc/self/cgroup", "1:cpu:/\n"},
		{"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"},
		{"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}, {NULL, NULL}};
	static const struct file others[] = {{"/proc/self/cgroup", "5:cpuset:/\n4:cpuacct:/\n"},
		{"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n"},
		{"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}, {NULL, NULL}};

	false_kernel(8, group);
	CHECK_INT_EQ(evrt__cpu_count(), 3);
	false_kernel(8, none);
	CHECK_INT_EQ(evrt__cpu_count(), 8);
	false_kernel(8, others);
	CHECK_INT_EQ(evrt__cpu_count(), 8);
	CHECK_INT_EQ(opened, closed);
}

static void
nonsense_is_no_limit(void)
{
	static const char *const texts[] = {"", "max", "0 0\n", "5 0\n", "-3 100\n", "word", "12",
		"99999999999999999999 1\n", NULL};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const struct file kernel[] = {{"/proc/self/cgroup", "\n:\n::\n0:x\n0::/a\n"},
			{"/sys/fs/cgroup/a/cpu.max", texts[i]}, {NULL, NULL}};
		false_kernel(8, kernel);
		CHECK_INT_EQ(evrt__cpu_count(), 8);
	}
	CHECK_INT_EQ(opened, closed);
}

static void
memory_may_be_out(void)
{
	false_kernel(8, no_files);
	evrt_test_fail_alloc(1);
	CHECK_INT_EQ(evrt__cpu_count(), 1);
	CHECK_INT_EQ(evrt__cpu_count(), 8);
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
}

static char root[PATH_MAX];

static int
open_below_root(const char *path, int flags, mode_t mode)
{
	char below[2 * PATH_MAX];

	snprintf(below, sizeof(below), "%s%s", root, path);
	return open(below, flags, mode);
}

/* Makes a file below the root, and the folders on its way. */
static void
put_file(const char *path, const char *text)
{
	char below[2 * PATH_MAX];

	snprintf(below, sizeof(below), "%s%s", root, path);
	for (char *slash = below + strlen(root); (slash = strchr(slash + 1, '/')) != NULL; *slash = '/') {
		*slash = '\0';
		CHECK(mkdir(below, 0700) == 0 || errno == EEXIST);
	}
	FILE *f = fopen(below, "w");
	CHECK(f != NULL);
	CHECK(fputs(text, f) >= 0);
	CHECK_INT_EQ(fclose(f), 0);
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

/* Real files, as a system has them where both versions are mounted and the process is in a container. */
static void
a_root_folder(void)
{
	const char *tmp = getenv("TEST_TMPDIR");

	snprintf(root, sizeof(root), "%s/evrt-cpus-%d", tmp ? tmp : "/tmp", (int)getpid());
	CHECK_INT_EQ(mkdir(root, 0700), 0);
	cpus = 16;
	evrt__sys.sched_getaffinity = false_getaffinity;
	evrt__sys.open = open_below_root;
	CHECK_INT_EQ(evrt__cpu_count(), 16);
	put_file("/proc/self/cgroup", "7:memory:/\n3:cpuacct,cpu:/docker/abc\n0::/system.slice/x.service\n");
	CHECK_INT_EQ(evrt__cpu_count(), 16);
	put_file("/sys/fs/cgroup/system.slice/cpu.max", "max 100000\n");
	put_file("/sys/fs/cgroup/system.slice/x.service/cpu.max", "1050000 100000\n");
	CHECK_INT_EQ(evrt__cpu_count(), 11);
	put_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "700001\n"); /* of the container's own root */
	put_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
	CHECK_INT_EQ(evrt__cpu_count(), 8);
	put_file("/sys/fs/cgroup/system.slice/cpu.max", "10000 100000\n");
	CHECK_INT_EQ(evrt__cpu_count(), 1);
	CHECK_INT_EQ(nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static int pinned_to;

static int
false_setaffinity(pid_t pid, size_t size, const cpu_set_t *mask)
{
	CHECK_INT_EQ(pid, 0);
	CHECK_INT_EQ(CPU_COUNT_S(size, mask), 1);
	for (pinned_to = 0; !CPU_ISSET_S((size_t)pinned_to, size, mask); pinned_to++)
		continue;
	return 0;
}

static void
a_thread_is_kept_on_one_of_the_mask(void)
{
	false_kernel(3, no_files); /* 0, 2 and 4 */
	mask_bytes = 1024;
	evrt__sys.sched_setaffinity = false_setaffinity;
	for (int i = 0; i < 7; i++) {
		CHECK_INT_EQ(evrt__cpu_pin((unsigned)i), 0);
		CHECK_INT_EQ(pinned_to, i % 3 * 2);
	}
	evrt_test_fail_alloc(1);
	CHECK_INT_EQ(evrt__cpu_pin(0), -ENOMEM);
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
	cpus = 0;
	CHECK_INT_EQ(evrt__cpu_pin(0), -EINVAL);
	evrt__sys.sched_getaffinity = failing_getaffinity;
	CHECK_INT_EQ(evrt__cpu_pin(0), -ENOSYS);
	CHECK_INT_EQ(evrt_test_allocs_live(), 0);
}

static void
the_real_kernel_answers(void)
{
	cpu_set_t mask;

	CHECK_INT_EQ(sched_getaffinity(0, sizeof(mask), &mask), 0);
	CHECK(evrt__cpu_count() >= 1);
	CHECK(evrt__cpu_count() <= (unsigned)CPU_COUNT(&mask));
	CHECK_INT_EQ(evrt__cpu_pin(1), 0);
	CHECK_INT_EQ(evrt__cpu_count(), 1);
	CHECK_INT_EQ(sched_getaffinity(0, sizeof(mask), &mask), 0);
	CHECK_INT_EQ(CPU_COUNT(&mask), 1);
}

static const struct evrt_test_case cases[] = {
	{"affinity_alone", affinity_alone},
	{"version_2", version_2},
	{"version_1", version_1},
	{"nonsense_is_no_limit", nonsense_is_no_limit},
	{"memory_may_be_out", memory_may_be_out},
	{"a_root_folder", a_root_folder},
	{"a_thread_is_kept_on_one_of_the_mask", a_thread_is_kept_on_one_of_the_mask},
	{"the_real_kernel_answers", the_real_kernel_answers},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
