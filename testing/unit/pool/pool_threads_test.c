/* testing/unit/pool/pool_threads_test.c — how many threads a pool starts, and what they are like. */
#include <event2/event.h>
#include <evrt/pool.h>

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "testing/unit/pool/pool_fixture.h"

#define WORKERS 3

static cpu_set_t usable;
static struct {
	char name[16];
	cpu_set_t mask;
	unsigned arena;
} seen[WORKERS];

/* mallctl of jemalloc, or NULL. */
static int (*
allocator_ctl(void))(const char *, void *, size_t *, void *, size_t)
{
	union {
		void *object;
		int (*fn)(const char *, void *, size_t *, void *, size_t);
	} found = { .object = dlsym(RTLD_DEFAULT, "mallctl") };

	return found.fn;
}

/* Which arena a fresh piece of memory comes from; 0 without jemalloc. */
static unsigned
arena_of_memory(void)
{
	unsigned arena = 0;
	size_t len = sizeof(arena);
	/* Not from what the thread's cache has. */
	void *piece = malloc(100000);

	CHECK(piece != NULL);
	if (allocator_ctl())
		CHECK_INT_EQ(allocator_ctl()("arenas.lookup", &arena, &len, &piece, sizeof(piece)), 0);
	free(piece);
	return arena;
}

/* How many arenas there are: those made from now on have this number, or a higher one. */
static unsigned
arenas_so_far(void)
{
	unsigned count = 0;
	size_t len = sizeof(count);

	if (allocator_ctl())
		CHECK_INT_EQ(allocator_ctl()("arenas.narenas", &count, &len, NULL, 0), 0);
	return count;
}

static void
look_at_thread(void *arg)
{
	int w = evrt_worker_current();

	(void)arg;
	CHECK(w >= 0 && w < WORKERS);
	pthread_getname_np(pthread_self(), seen[w].name, sizeof(seen[w].name));
	CHECK_INT_EQ(sched_getaffinity(0, sizeof(seen[w].mask), &seen[w].mask), 0);
	seen[w].arena = arena_of_memory();
	count_one(NULL);
}

static void
look_at_all(void)
{
	long before = evrt_test_count_get(&ran);

	for (unsigned i = 0; i < WORKERS; i++)
		CHECK_INT_EQ(evrt_pool_post_worker(pool, i, look_at_thread, NULL), 0);
	evrt_test_count_wait(&ran, before + WORKERS);
}

static struct evrt_pool *
pool_with(int pin_workers, int worker_arenas)
{
	struct evrt_pool_config c;

	CHECK_INT_EQ(sched_getaffinity(0, sizeof(usable), &usable), 0);
	evrt_pool_config_init(&c);
	CHECK(!c.pin_workers && !c.worker_arenas);
	c.workers = WORKERS;
	c.pin_workers = pin_workers;
	c.worker_arenas = worker_arenas;
	struct evrt_pool *p = evrt_pool_new(&c);
	CHECK(p != NULL);
	return p;
}

static void
threads_have_names(void)
{
	pool = pool_with(0, 0);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	look_at_all();
	for (int i = 0; i < WORKERS; i++) {
		char name[16];
		snprintf(name, sizeof(name), "evrt-%d", i);
		CHECK_STR_EQ(seen[i].name, name);
		CHECK(CPU_EQUAL(&seen[i].mask, &usable));
	}
	done();
}

static void
the_size_follows_the_affinity_mask(void)
{
	cpu_set_t one;
	int cpu = 0;

	CHECK_INT_EQ(sched_getaffinity(0, sizeof(usable), &usable), 0);
	while (!CPU_ISSET(cpu, &usable))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	unsetenv("EVRT_WORKERS");
	CHECK_INT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
	pool = pool_of(0);
	CHECK_INT_EQ(evrt_pool_get_size(pool), 1);
	evrt_pool_free(pool);
	CHECK_INT_EQ(setenv("EVRT_WORKERS", "7", 1), 0);
	pool = pool_of(0);
	CHECK_INT_EQ(evrt_pool_get_size(pool), 7);
	evrt_pool_free(pool);
	libevent_global_shutdown();
}

static int
cpu_of_rank(const cpu_set_t *mask, int rank)
{
	int cpu = 0;

	while (!CPU_ISSET(cpu, mask) || rank-- > 0)
		cpu++;
	return cpu;
}

static void
workers_are_kept_on_a_cpu_each(void)
{
	cpu_set_t after;

	pool = pool_with(1, 0);
	for (int round = 0; round < 2; round++) {
		CHECK_INT_EQ(evrt_pool_start(pool), 0);
		look_at_all();
		for (int i = 0; i < WORKERS; i++) {
			CHECK_INT_EQ(CPU_COUNT(&seen[i].mask), 1);
			CHECK(CPU_ISSET(cpu_of_rank(&usable, i % CPU_COUNT(&usable)), &seen[i].mask));
		}
		CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	}
	CHECK_INT_EQ(sched_getaffinity(0, sizeof(after), &after), 0);
	CHECK(CPU_EQUAL(&after, &usable));
	done();
}

static void
the_caller_of_dispatch_is_not_pinned(void)
{
	pool = pool_with(1, 1);
	unsigned arena = arena_of_memory();
	for (unsigned i = 0; i < WORKERS; i++)
		CHECK_INT_EQ(evrt_pool_post_worker(pool, i, look_at_thread, NULL), 0);
	CHECK_INT_EQ(event_base_dispatch(evrt_pool_as_base(pool)), 1);
	CHECK(CPU_EQUAL(&seen[0].mask, &usable));
	CHECK_INT_EQ(seen[0].arena, arena);
	CHECK_INT_EQ(CPU_COUNT(&seen[1].mask), 1);
	done();
}

static struct evrt_test_count warnings;

static void
count_warning(int severity, const char *text)
{
	CHECK_INT_EQ(severity, EVENT_LOG_WARN);
	CHECK(strstr(text, "cannot be kept") != NULL);
	evrt_test_count_add(&warnings, 1);
}

static int
no_setaffinity(pid_t pid, size_t size, const cpu_set_t *mask)
{
	(void)pid, (void)size, (void)mask;
	errno = EPERM;
	return -1;
}

static void
where_pinning_is_forbidden_it_runs_all_the_same(void)
{
	event_set_log_callback(count_warning);
	evrt__sys.sched_setaffinity = no_setaffinity;
	pool = pool_with(1, 0);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	look_at_all();
	evrt_test_count_wait(&warnings, WORKERS);
	CHECK(CPU_EQUAL(&seen[1].mask, &usable));
	done();
}

/* Without jemalloc the option is accepted, and nothing is different. */
static void
workers_have_arenas_where_the_allocator_has(void)
{
	unsigned first[WORKERS];
	unsigned others = arenas_so_far();

	for (int round = 0; round < 2; round++) {
		pool = pool_with(0, 1);
		CHECK_INT_EQ(evrt_pool_start(pool), 0);
		look_at_all();
		for (int i = 0; i < WORKERS; i++) {
			if (round == 0)
				first[i] = seen[i].arena;
			CHECK_INT_EQ(seen[i].arena, first[i]); /* of every pool: they do not grow in number */
			for (int k = 0; k < i && allocator_ctl(); k++)
				CHECK(seen[i].arena != seen[k].arena);
			CHECK(seen[i].arena >= others);
		}
		CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
		evrt_pool_free(pool);
	}
	libevent_global_shutdown();
}

static const struct evrt_test_case cases[] = {
	CASE(threads_have_names),
	CASE(the_size_follows_the_affinity_mask),
	CASE(workers_are_kept_on_a_cpu_each),
	CASE(the_caller_of_dispatch_is_not_pinned),
	CASE(where_pinning_is_forbidden_it_runs_all_the_same),
	CASE(workers_have_arenas_where_the_allocator_has),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
