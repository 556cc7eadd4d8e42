/* testing/stress/kinds_test.c — bufferevents of all kinds made, written, limited, disabled and freed at random.
 *
 * Here:     a pool of 8 workers; foreign threads that make couples of bufferevents, write to them, change and free
 *           them; and their callbacks, which do the same to their own and to others'.
 * Checked:  callbacks of one bufferevent never overlap, and never meet somebody who has it locked; bytes arrive in
 *           order, each once; a couple that nobody frees has all of its bytes in the end; nothing hangs, and nothing
 *           is left (descriptors here, memory under asan, races under tsan, lock order under lockdebug).
 *
 * settings.h says what the environment may set.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <evrt/pool.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "base/rand.h"
#include "base/shake.h"
#include "testing/harness/test.h"
#include "testing/harness/wait.h"
#include "testing/stress/couples.h"
#include "testing/stress/settings.h"

#define DURATION_S 20
#define WORKERS 8
#define MEDDLERS 3
#define PLACES 64
#define COUPLES_MAX 40000
#define WHOLE_BYTES 200000 /* each end of a lasting couple sends so many */

struct couple;
struct side {
	struct couple *couple;
	uint32_t sent, got;        /* with the bufferevent locked, or in its callbacks */
	evrt_atomic(int) inside;   /* callbacks that run, and threads that have it locked */
	struct bufferevent *bev;   /* place_lock of its couple; NULL: freed */
};

/* Never used again, so that a callback in another strand may still look at it after bufferevent_free. */
struct couple {
	struct side side[2];
	const struct couple_kind *kind;
	pthread_mutex_t place_lock;
	bool lasts;                /* nobody frees it before all has arrived; const */
	evrt_atomic(int) whole;    /* ends that have got all */
};

static struct evrt_pool *pool;
static struct event_base *base;
static struct couple *couples;
static evrt_atomic(unsigned) made;
static evrt_atomic(bool) stopping;
static pthread_rwlock_t disturbing = PTHREAD_RWLOCK_INITIALIZER; /* shared while a callback meddles with others */
static evrt_atomic(struct couple *) places[PLACES];
static evrt_atomic(long) received, freed;
static struct evrt_test_count lasting_made, lasting_done;
static struct bufferevent_rate_limit_group *group;
static struct ev_token_bucket_cfg *slow, *fast;

static unsigned char byte_at(uint32_t position) { return (unsigned char)(position * 131 + (position >> 8)); }

static void enter(struct side *s) { CHECK_INT_EQ(evrt_add_acq_rel(&s->inside, 1), 0); }
static void leave(struct side *s) { evrt_sub_acq_rel(&s->inside, 1); }

/* A reference, or NULL when it was freed. */
static struct bufferevent *
side_hold(struct side *s)
{
	pthread_mutex_lock(&s->couple->place_lock);
	struct bufferevent *bev = s->bev;
	if (bev)
		bufferevent_incref(bev);
	pthread_mutex_unlock(&s->couple->place_lock);
	return bev;
}

static void
side_free(struct side *s)
{
	pthread_mutex_lock(&s->couple->place_lock);
	struct bufferevent *bev = s->bev;
	s->bev = NULL;
	pthread_mutex_unlock(&s->couple->place_lock);
	if (!bev)
		return;
	bufferevent_free(bev);
	evrt_add_relaxed(&freed, 1);
}

/* The next bytes of its stream. In its callback, or with it locked. */
static void
side_write(struct side *s, struct bufferevent *bev, uint32_t n)
{
	unsigned char block[2048];

	if (s->couple->lasts && n > WHOLE_BYTES - s->sent)
		n = WHOLE_BYTES - s->sent;
	if (n > sizeof(block))
		n = sizeof(block);
	/* Without a bound a side that is not read from would grow for ever. */
	if (n == 0 || evbuffer_get_length(bufferevent_get_output(bev)) > 100000)
		return;
	for (uint32_t i = 0; i < n; i++)
		block[i] = byte_at(s->sent + i);
	CHECK_INT_EQ(bufferevent_write(bev, block, n), 0);
	s->sent += n;
}

static void
meddle(struct side *s, struct bufferevent *bev, struct evrt_rand *rand)
{
	static const struct timeval long_time = { 30, 0 };

	switch (evrt__rand_below(rand, 16)) {
	case 0: bufferevent_disable(bev, EV_READ); break;
	case 1: bufferevent_disable(bev, EV_WRITE); break;
	case 2: bufferevent_set_timeouts(bev, &long_time, &long_time); break;
	case 3: bufferevent_set_timeouts(bev, NULL, NULL); break;
	case 4: bufferevent_setwatermark(bev, EV_READ, 0, 1 + evrt__rand_below(rand, 10000)); break;
	case 5: bufferevent_setwatermark(bev, EV_READ, 0, 0); break;
	case 6: bufferevent_trigger(bev, EV_READ | EV_WRITE, (int)evrt__rand_below(rand, 2)); break;
	case 7: bufferevent_set_rate_limit(bev, slow); break;
	case 8: bufferevent_set_rate_limit(bev, fast); break;
	case 9: bufferevent_set_rate_limit(bev, NULL); break;
	case 10: bufferevent_add_to_rate_limit_group(bev, group); break;
	case 11: bufferevent_remove_from_rate_limit_group(bev); break;
	case 12:
		/* A filter that is flushed does not tell of what has passed, but by the result. */
		if (bufferevent_flush(bev, EV_READ | EV_WRITE, BEV_FLUSH) > 0)
			bufferevent_trigger(bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
		break;
	case 13:
		if (!s->couple->lasts)
			side_free(s);
		break;
	default: bufferevent_enable(bev, EV_READ | EV_WRITE); break;
	}
}

/* ---- Callbacks. */

static struct evrt_rand *
own_rand(void)
{
	static _Thread_local struct evrt_rand rand;
	static evrt_atomic(unsigned) threads;

	if (rand.s[0] == 0 && rand.s[1] == 0)
		evrt__rand_init(&rand, evrt_test_seed() + evrt_add_relaxed(&threads, 1u));
	return &rand;
}

/* Writes to a bufferevent of somebody else, which may be in a callback of its own that does the same to us. */
static void
disturb_another(struct evrt_rand *rand)
{
	struct couple *c = evrt_load_acquire(&places[evrt__rand_below(rand, PLACES)]);
	struct side *s = c ? &c->side[evrt__rand_below(rand, 2)] : NULL;
	struct bufferevent *bev = s ? side_hold(s) : NULL;

	if (!bev)
		return;
	meddle(s, bev, rand);
	bufferevent_decref(bev);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct side *s = arg;
	struct evrt_rand *rand = own_rand();
	unsigned char block[4096];
	int n;

	enter(s);
	while ((n = evbuffer_remove(bufferevent_get_input(bev), block, sizeof(block))) > 0) {
		for (int i = 0; i < n; i++)
			CHECK_INT_EQ(block[i], byte_at(s->got + (uint32_t)i));
		s->got += (uint32_t)n;
		evrt_add_relaxed(&received, n);
	}
	if (s->couple->lasts && n >= 0 && s->got == WHOLE_BYTES) {
		s->got++; /* told once */
		if (evrt_add_acq_rel(&s->couple->whole, 1) == 1)
			evrt_test_count_add(&lasting_done, 1);
	}
	if (!s->couple->lasts || s->got < WHOLE_BYTES)
		side_write(s, bev, evrt__rand_below(rand, 2048));
	leave(s);
	if (evrt__rand_below(rand, 8) == 0 && pthread_rwlock_tryrdlock(&disturbing) == 0) {
		if (!evrt_load_acquire(&stopping))
			disturb_another(rand);
		pthread_rwlock_unlock(&disturbing);
	}
}

static void
on_write(struct bufferevent *bev, void *arg)
{
	struct side *s = arg;

	enter(s);
	side_write(s, bev, 1 + evrt__rand_below(own_rand(), 2000));
	leave(s);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct side *s = arg;

	(void)bev;
	enter(s);
	/* Once both ends have got all, the first that is freed ends the other. */
	if (s->couple->lasts && evrt_load_acquire(&s->couple->whole) < 2 &&
	    (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)))
		evrt_test_fail(__FILE__, __LINE__, "%s: 0x%x for what nobody ends", s->couple->kind->name, (unsigned)what);
	leave(s);
	if (!s->couple->lasts)
		side_free(s);
}

/* ---- Foreign threads. */

static void
couple_make(unsigned place, struct evrt_rand *rand)
{
	unsigned number = evrt_add_relaxed(&made, 1u);
	const struct couple_kind *kind = &couple_kinds[evrt__rand_below(rand, couple_kind_count)];
	int options = BEV_OPT_THREADSAFE;
	struct bufferevent *end[2];

	if (number >= COUPLES_MAX)
		return;
	if (evrt__rand_below(rand, 3) == 0)
		options |= BEV_OPT_DEFER_CALLBACKS;
	struct couple *c = &couples[number];
	c->kind = kind;
	c->lasts = evrt__rand_below(rand, 4) == 0;
	CHECK_INT_EQ(pthread_mutex_init(&c->place_lock, NULL), 0);
	CHECK(kind->make(base, options, end));
	for (int i = 0; i < 2; i++) {
		c->side[i].couple = c;
		c->side[i].bev = end[i];
	}
	if (c->lasts)
		evrt_test_count_add(&lasting_made, 1);
	/* Held meanwhile: once the first has callbacks, they may free either. */
	for (int i = 0; i < 2; i++)
		bufferevent_incref(end[i]);
	for (int i = 0; i < 2; i++)
		bufferevent_setcb(end[i], on_read, on_write, on_event, &c->side[i]);
	for (int i = 0; i < 2; i++)
		bufferevent_enable(end[i], EV_READ | EV_WRITE);
	for (int i = 0; i < 2; i++)
		bufferevent_decref(end[i]);
	evrt_store_release(&places[place], c);
}

static bool
couple_is_over(struct couple *c)
{
	pthread_mutex_lock(&c->place_lock);
	bool over = c->lasts ? evrt_load_acquire(&c->whole) == 2 : !c->side[0].bev || !c->side[1].bev;
	pthread_mutex_unlock(&c->place_lock);
	return over;
}

static void
couple_end(struct couple *c)
{
	side_free(&c->side[0]);
	side_free(&c->side[1]);
}

static void *
meddler(void *arg)
{
	struct evrt_rand rand;
	unsigned first = (unsigned)(uintptr_t)arg;

	evrt__rand_init(&rand, evrt_test_seed() + 1000 + first);
	EVRT_SHAKE_THREAD(1000 + first);
	while (!evrt_load_acquire(&stopping)) {
		/* Each has places of its own to fill. */
		unsigned place = first + MEDDLERS * evrt__rand_below(&rand, PLACES / MEDDLERS);
		struct couple *c = evrt_load_acquire(&places[place]);
		if (!c || couple_is_over(c)) {
			couple_make(place, &rand);
			if (c)
				couple_end(c);
			continue;
		}
		struct side *s = &c->side[evrt__rand_below(&rand, 2)];
		struct bufferevent *bev = side_hold(s);
		if (!bev)
			continue;
		bufferevent_lock(bev);
		enter(s);
		side_write(s, bev, 1 + evrt__rand_below(&rand, 2000));
		leave(s);
		bufferevent_unlock(bev);
		meddle(s, bev, &rand);
		bufferevent_decref(bev);
	}
	return NULL;
}

/* ---- The whole. */

/* Nobody meddles any more: whatever was switched off is on again, and lasting couples come to their end. */
static void
let_the_lasting_finish(void)
{
	for (unsigned i = 0; i < evrt_load_acquire(&made) && i < COUPLES_MAX; i++)
		for (int k = 0; couples[i].lasts && k < 2; k++) {
			struct side *s = &couples[i].side[k];
			struct bufferevent *bev = side_hold(s);
			if (!bev)
				continue;
			bufferevent_set_rate_limit(bev, NULL);
			bufferevent_remove_from_rate_limit_group(bev);
			bufferevent_setwatermark(bev, EV_READ, 0, 0);
			bufferevent_set_timeouts(bev, NULL, NULL);
			bufferevent_enable(bev, EV_READ | EV_WRITE);
			bufferevent_decref(bev);
		}
	/* What they have not sent by themselves yet. */
	for (unsigned i = 0; i < evrt_load_acquire(&made) && i < COUPLES_MAX; i++)
		for (int k = 0; couples[i].lasts && k < 2; k++) {
			struct side *s = &couples[i].side[k];
			struct bufferevent *bev = side_hold(s);
			if (!bev)
				continue;
			bufferevent_lock(bev);
			side_write(s, bev, 1);
			bufferevent_unlock(bev);
			bufferevent_trigger(bev, EV_WRITE, BEV_TRIG_IGNORE_WATERMARKS);
			bufferevent_decref(bev);
		}
	/* One by one: each has the deadline to itself, however many there are and however slow the build is. */
	while (evrt_test_count_get(&lasting_done) < evrt_test_count_get(&lasting_made))
		evrt_test_count_wait(&lasting_done, evrt_test_count_get(&lasting_done) + 1);
}

static void
everything_at_random(void)
{
	struct evrt_pool_config config;
	pthread_t meddlers[MEDDLERS];
	const struct timeval tick = { 0, 10000 };

	evrt_pool_config_init(&config);
	config.workers = (unsigned)stress_number("EVRT_STRESS_WORKERS", WORKERS);
	CHECK((pool = evrt_pool_new(&config)) != NULL);
	base = evrt_pool_as_base(pool);
	couples_begin();
	CHECK((couples = calloc(COUPLES_MAX, sizeof(*couples))) != NULL);
	slow = ev_token_bucket_cfg_new(2000, 4000, 2000, 4000, &tick);
	fast = ev_token_bucket_cfg_new(100000, 200000, 100000, 200000, &tick);
	CHECK(slow && fast && (group = bufferevent_rate_limit_group_new(base, fast)) != NULL);
	CHECK_INT_EQ(evrt_pool_start(pool), 0);
	for (uintptr_t i = 0; i < MEDDLERS; i++)
		CHECK_INT_EQ(pthread_create(&meddlers[i], NULL, meddler, (void *)i), 0);
	stress_sleep(DURATION_S);
	evrt_store_release(&stopping, true);
	for (int i = 0; i < MEDDLERS; i++)
		CHECK_INT_EQ(pthread_join(meddlers[i], NULL), 0);
	pthread_rwlock_wrlock(&disturbing); /* callbacks see `stopping` from here on */
	pthread_rwlock_unlock(&disturbing);
	let_the_lasting_finish();
	for (unsigned i = 0; i < evrt_load_acquire(&made) && i < COUPLES_MAX; i++)
		couple_end(&couples[i]);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	bufferevent_rate_limit_group_free(group);
	evrt_pool_free(pool);
	ev_token_bucket_cfg_free(slow);
	ev_token_bucket_cfg_free(fast);
	for (unsigned i = 0; i < evrt_load_acquire(&made) && i < COUPLES_MAX; i++)
		pthread_mutex_destroy(&couples[i].place_lock);
	free(couples);
	couples_end();
	libevent_global_shutdown();
	CHECK(evrt_load_relaxed(&received) > 100000);
	CHECK(evrt_load_relaxed(&freed) > 100);
	CHECK(evrt_test_count_get(&lasting_made) > 3);
}

static const struct evrt_test_case cases[] = {
	{ "everything_at_random", everything_at_random },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
