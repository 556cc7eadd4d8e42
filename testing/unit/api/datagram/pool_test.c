/* testing/unit/api/datagram/pool_test.c — datagrams on a pooled base.
 *
 * Here:     objects on all workers; sending, switching and freeing from other threads.
 * Threads:  a pool of four workers, and up to four of the test.
 */
#include <errno.h>
#include <event2/event.h>
#include <evrt/pool.h>
#include <pthread.h>
#include <stdint.h>

#include "base/atomic.h"
#include "testing/harness/wait.h"
#include "testing/unit/api/datagram/datagram_rig.h"
#include "testing/unit/pool/serving_pool.h"

#define THREADS 3
#define OBJECTS 4


static void
start(pthread_t threads[THREADS], void *(*fn)(void *))
{
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK_INT_EQ(pthread_create(&threads[i], NULL, fn, (void *)i), 0);
}

static void
join(pthread_t threads[THREADS])
{
	for (int i = 0; i < THREADS; i++)
		CHECK_INT_EQ(pthread_join(threads[i], NULL), 0);
}

/* --- servers ------------------------------------------------------------------------------------------ */

static struct server {
	struct evrt_datagram *dg;
	long packets; /* guarded by the strand alone */
	struct evrt_strand *strand;
} servers[OBJECTS];
static union rig_address address;

static void
serve(struct evrt_datagram *dg, const struct evrt_packet *packets, unsigned count, void *arg)
{
	struct server *s = arg;

	CHECK_PTR_EQ(dg, s->dg);
	if (!s->strand)
		s->strand = evrt_strand_current();
	CHECK_PTR_EQ(evrt_strand_current(), s->strand);
	s->packets += count;
	for (unsigned i = 0; i < count; i++)
		CHECK_INT_EQ(evrt_datagram_send(dg, &packets[i]), 0);
}

static void
open_servers(void)
{
	address = rig_loopback(AF_INET);
	for (int i = 0; i < OBJECTS; i++) {
		servers[i].dg = evrt_datagram_new_bind(base, &address.sa, sizeof(address.v4),
		    EVRT_DATAGRAM_REUSEABLE_PORT);
		CHECK(servers[i].dg != NULL);
		address = rig_address_of(evrt_datagram_get_fd(servers[i].dg));
	}
	for (int i = 0; i < OBJECTS; i++) {
		evrt_datagram_setcb(servers[i].dg, serve, NULL, NULL, &servers[i]);
		CHECK_INT_EQ(evrt_datagram_enable(servers[i].dg), 0);
	}
}

#define ROUNDS 100
#define SOCKETS 8

/* Each socket has one packet under way: the loopback loses none. */
static void *
ask(void *arg)
{
	int fds[SOCKETS], got;

	(void)arg;
	for (int i = 0; i < SOCKETS; i++)
		fds[i] = rig_socket(AF_INET);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < SOCKETS; i++)
			rig_send(fds[i], &address, &round, sizeof(round));
		for (int i = 0; i < SOCKETS; i++) {
			CHECK_INT_EQ(recv(fds[i], &got, sizeof(got), 0), sizeof(got));
			CHECK_INT_EQ(got, round);
		}
	}
	for (int i = 0; i < SOCKETS; i++)
		close(fds[i]);
	return NULL;
}

static void
an_object_for_each_worker(void)
{
	pthread_t threads[THREADS];
	long packets = 0;
	int used = 0;
	start_pool(4);
	open_servers();
	start(threads, ask);
	join(threads);
	for (int i = 0; i < OBJECTS; i++)
		evrt_datagram_free(servers[i].dg);
	stop_pool(); /* so that the counts may be read */
	for (int i = 0; i < OBJECTS; i++) {
		packets += servers[i].packets;
		used += servers[i].packets > 0;
	}
	CHECK_INT_EQ(packets, THREADS * SOCKETS * ROUNDS);
	CHECK(used > 1); /* 24 peers, dealt by a hash */
}

/* --- senders -------------------------------------------------------------------------------------------- */

#define SENT 3000

static struct evrt_datagram *shared;
static struct evrt_test_count room, cleaned;

static void
tell_room(struct evrt_datagram *dg, void *arg)
{
	(void)dg;
	(void)arg;
	evrt_test_count_add(&room, 1);
}

static void
count_cleanup(const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	(void)arg;
	evrt_test_count_add(&cleaned, 1);
}

struct numbered {
	uint32_t thread, number;
};
static struct numbered all[THREADS][SENT];

static void *
send_numbers(void *arg)
{
	uint32_t me = (uint32_t)(uintptr_t)arg;

	for (uint32_t i = 0; i < SENT; i++) {
		all[me][i] = (struct numbered){ me, i };
		struct evrt_packet p = { .data = &all[me][i], .len = sizeof(all[me][i]) };
		for (;;) {
			long rooms = evrt_test_count_get(&room);
			int r = i % 2 ? evrt_datagram_send(shared, &p) :
			    evrt_datagram_send_reference(shared, &p, count_cleanup, NULL);
			if (r == 0)
				break;
			CHECK_INT_EQ(errno, ENOBUFS);
			evrt_test_count_wait(&room, rooms + 1);
		}
	}
	return NULL;
}

static void
several_threads_send_in_order(void)
{
	pthread_t threads[THREADS];
	uint32_t next[THREADS] = { 0 };
	struct numbered got;
	int ends[2];
	start_pool(4);
	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	shared = evrt_datagram_new(base, ends[0], EVRT_DATAGRAM_CLOSE_ON_FREE);
	CHECK(shared != NULL);
	evrt_datagram_setcb(shared, NULL, tell_room, NULL, NULL);
	CHECK_INT_EQ(evrt_datagram_set_queue_max(shared, 20), 0);
	start(threads, send_numbers);
	for (int i = 0; i < THREADS * SENT; i++) {
		CHECK_INT_EQ(recv(ends[1], &got, sizeof(got), 0), sizeof(got));
		CHECK_INT_EQ(got.number, next[got.thread]);
		next[got.thread]++;
	}
	join(threads);
	evrt_datagram_free(shared);
	CHECK_INT_EQ(evrt_test_count_get(&cleaned), THREADS * SENT / 2);
	close(ends[1]);
	stop_pool();
}

/* --- life --------------------------------------------------------------------------------------------------- */

static evrt_atomic(bool) over;
static pthread_barrier_t barrier;

static void
echo(struct evrt_datagram *dg, const struct evrt_packet *packets, unsigned count, void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < count; i++)
		if (evrt_datagram_send(dg, &packets[i]) < 0)
			CHECK(errno == ECANCELED || errno == ENOBUFS);
}

/* Uses `shared` in every way, until the others have come as far; then one of them frees it. */
static void *
use_shared(void *arg)
{
	uintptr_t me = (uintptr_t)arg;
	int fd = rig_socket(AF_INET);

	for (;;) {
		pthread_barrier_wait(&barrier); /* there is one to be used, or it is over */
		if (evrt_load_relaxed(&over))
			break;
		union rig_address to = rig_address_of(evrt_datagram_get_fd(shared)), mine = rig_address_of(fd);
		struct evrt_packet p = { .data = &mine, .len = 8, .peer = &mine.sa, .peer_len = sizeof(mine.v4) };
		for (int i = 0; i < 20; i++) {
			rig_send(fd, &to, &i, sizeof(i));
			CHECK_INT_EQ(evrt_datagram_send_reference(shared, &p, count_cleanup, NULL), 0);
			if (me == 1 && i % 3 == 0) {
				evrt_datagram_disable(shared);
				evrt_datagram_enable(shared);
			}
			if (me == 2)
				evrt_datagram_setcb(shared, i % 2 ? echo : NULL, NULL, NULL, NULL);
			evrt_datagram_flush(shared);
			while (recv(fd, &mine.any, sizeof(mine), MSG_DONTWAIT) >= 0)
				;
			mine = rig_address_of(fd);
		}
		pthread_barrier_wait(&barrier); /* nobody uses it any more, but its callbacks */
	}
	close(fd);
	return NULL;
}

static void
freed_while_its_callbacks_run(void)
{
	pthread_t threads[THREADS];
	start_pool(4);
	CHECK_INT_EQ(pthread_barrier_init(&barrier, NULL, THREADS + 1), 0);
	start(threads, use_shared);
	for (int round = 0; round < 100; round++) {
		union rig_address a = rig_loopback(AF_INET);
		shared = evrt_datagram_new_bind(base, &a.sa, sizeof(a.v4), 0);
		CHECK(shared != NULL);
		evrt_datagram_setcb(shared, echo, NULL, NULL, NULL);
		CHECK_INT_EQ(evrt_datagram_enable(shared), 0);
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		evrt_datagram_free(shared);
	}
	evrt_store_relaxed(&over, true);
	pthread_barrier_wait(&barrier);
	join(threads);
	CHECK_INT_EQ(evrt_test_count_get(&cleaned), 100 * THREADS * 20);
	pthread_barrier_destroy(&barrier);
	stop_pool();
}

static void
nobody_is_called_while_the_pool_is_freed(void)
{
	int ends[2];
	start_pool(4);
	CHECK_INT_EQ(evrt_pool_stop(pool, NULL), 0);
	CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	shared = evrt_datagram_new(base, ends[0], EVRT_DATAGRAM_CLOSE_ON_FREE);
	close(ends[1]);
	evrt_datagram_setcb(shared, NULL, tell_room, NULL, NULL);
	/* Lost: a turn is due to tell, which never comes. */
	struct evrt_packet p = { .data = "x", .len = 1 };
	CHECK_INT_EQ(evrt_datagram_send_reference(shared, &p, count_cleanup, NULL), 0);
	CHECK_INT_EQ(evrt_test_count_get(&cleaned), 0);
	evrt_datagram_free(shared);
	CHECK_INT_EQ(evrt_test_count_get(&cleaned), 1);
	evrt_pool_free(pool);
}

static const struct evrt_test_case cases[] = {
	{ "an_object_for_each_worker", an_object_for_each_worker },
	{ "several_threads_send_in_order", several_threads_send_in_order },
	{ "freed_while_its_callbacks_run", freed_while_its_callbacks_run },
	{ "nobody_is_called_while_the_pool_is_freed", nobody_is_called_while_the_pool_is_freed },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
