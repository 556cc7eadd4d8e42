/* testing/unit/threading/cpus_test.c — the number of usable CPUs, from affinity masks and control groups
 * that a false kernel tells. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
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

static void
the_real_kernel_answers(void)
{
	cpu_set_t mask;

	CHECK_INT_EQ(sched_getaffinity(0, sizeof(mask), &mask), 0);
	CHECK(evrt__cpu_count() >= 1);
	CHECK(evrt__cpu_count() <= (unsigned)CPU_COUNT(&mask));
}

static const struct evrt_test_case cases[] = {
	{"affinity_alone", affinity_alone},
	{"version_2", version_2},
	{"version_1", version_1},
	{"nonsense_is_no_limit", nonsense_is_no_limit},
	{"memory_may_be_out", memory_may_be_out},
	{"the_real_kernel_answers", the_real_kernel_answers},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
