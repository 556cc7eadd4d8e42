/* threading/thread.c — see thread.h. */
#include "threading/thread.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

int
evrt__thread_start(pthread_t *out, const char *name, void *(*fn)(void *), void *arg)
{
	sigset_t all, before;
	char short_name[16];

	/* The new thread inherits the mask: signals are for the program's own threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int err = pthread_create(out, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return -err;
	snprintf(short_name, sizeof(short_name), "%s", name);
	pthread_setname_np(*out, short_name);
	return 0;
}

int
evrt__thread_join(pthread_t thread)
{
	return -pthread_join(thread, NULL);
}

/* CPUs that a cgroup's quota amounts to, rounded up; 0: no quota found. */
static unsigned
quota_from(const char *quota_file, const char *period_file)
{
	long long quota = -1, period = -1;
	FILE *f = fopen(quota_file, "re");

	if (!f)
		return 0;
	/* cgroup v2 has both in one file ("max 100000" where there is none), v1 one in each (-1). */
	int n = fscanf(f, period_file ? "%lld" : "%lld %lld", &quota, &period);
	fclose(f);
	if (n >= 1 && period_file && (f = fopen(period_file, "re")) != NULL) {
		n = fscanf(f, "%lld", &period) == 1 ? 2 : 0;
		fclose(f);
	}
	if (n != 2 || quota <= 0 || period <= 0)
		return 0;
	return (unsigned)((quota + period - 1) / period);
}

unsigned
evrt__cpu_count(void)
{
	cpu_set_t set;
	unsigned cpus = 1;

	if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
		cpus = (unsigned)CPU_COUNT(&set);
	unsigned quota = quota_from("/sys/fs/cgroup/cpu.max", NULL);
	if (!quota)
		quota = quota_from("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us");
	return quota && quota < cpus ? quota : cpus;
}
