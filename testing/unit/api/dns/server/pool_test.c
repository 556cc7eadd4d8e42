/* testing/unit/api/dns/server/pool_test.c — the DNS server on a pooled base, and on a plain one with threads.
 *
 * Here:     answers from other threads; ports that are closed from another thread while questions come.
 * Threads:  a pool of four workers, clients that block in threads of their own, and threads that answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <evrt/pool.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/harness/test.h"
#include "testing/harness/wait.h"
#include "testing/unit/pool/serving_pool.h"

#define QUESTION "\0\x21\x12\x34\x01\x00\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1"
#define QUESTION_BYTES 35
#define CLIENTS 4
#define ROUNDS 200

static struct sockaddr_in address;
static struct evdns_server_port *port;

/* Requests on their way to the threads that answer. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct evdns_server_request *requests[4096];
	int first, end;
	int over;
} queue = { .lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER };

static void
queue_request(struct evdns_server_request *req, void *arg)
{
	(void)arg;
	CHECK(evrt_strand_current() != NULL || pool == NULL);
	pthread_mutex_lock(&queue.lock);
	CHECK(queue.end < 4096);
	queue.requests[queue.end++] = req;
	pthread_cond_signal(&queue.more);
	pthread_mutex_unlock(&queue.lock);
}

static struct evdns_server_request *
next_request(void)
{
	struct evdns_server_request *req = NULL;

	pthread_mutex_lock(&queue.lock);
	while (queue.first == queue.end && !queue.over)
		pthread_cond_wait(&queue.more, &queue.lock);
	if (queue.first < queue.end)
		req = queue.requests[queue.first++];
	pthread_mutex_unlock(&queue.lock);
	return req;
}

static void
answer(struct evdns_server_request *req)
{
	CHECK_INT_EQ(evdns_server_request_add_a_reply(req, req->questions[0]->name, 1, "abcd", 1), 0);
	/* It fails where the client has gone, or did not read. */
	(void)evdns_server_request_respond(req, 0);
}

static void *
answer_all(void *arg)
{
	struct evdns_server_request *req;

	while ((req = next_request()))
		answer(req);
	return arg;
}

static void
end_queue(void)
{
	pthread_mutex_lock(&queue.lock);
	queue.over = 1;
	pthread_cond_broadcast(&queue.more);
	pthread_mutex_unlock(&queue.lock);
}

static void
answer_here(struct evdns_server_request *req, void *arg)
{
	(void)arg;
	answer(req);
}

/* --- what serves --------------------------------------------------------------------------------- */

static void
serve_udp(evdns_request_callback_fn_type cb)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(address);

	address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	CHECK_INT_EQ(bind(fd, (struct sockaddr *)&address, len), 0);
	CHECK_INT_EQ(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	port = evdns_add_server_port_with_base(base, fd, 0, cb, NULL);
	CHECK(port != NULL);
}

static void
serve_tcp(evdns_request_callback_fn_type cb)
{
	socklen_t len = sizeof(address);

	address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct evconnlistener *lev = evconnlistener_new_bind(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_THREADSAFE,
	    -1, (struct sockaddr *)&address, sizeof(address));
	CHECK(lev != NULL);
	CHECK_INT_EQ(getsockname(evconnlistener_get_fd(lev), (struct sockaddr *)&address, &len), 0);
	port = evdns_add_server_port_with_listener(base, lev, 0, cb, NULL);
	CHECK(port != NULL);
}

/* --- who asks ------------------------------------------------------------------------------------ */

static int
connected(int type)
{
	const struct timeval patience = { 20, 0 };
	int fd = socket(AF_INET, type, 0);

	CHECK(fd >= 0);
	CHECK_INT_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void *
ask_udp(void *arg)
{
	unsigned char reply[512];
	int fd = connected(SOCK_DGRAM);

	for (int i = 0; i < ROUNDS; i++) {
		CHECK_INT_EQ(send(fd, &QUESTION[2], QUESTION_BYTES - 2, 0), QUESTION_BYTES - 2);
		CHECK_INT_EQ(recv(fd, reply, sizeof(reply), 0), QUESTION_BYTES - 2 + 16);
	}
	close(fd);
	return arg;
}

/* Four at a time. */
static void *
ask_tcp(void *arg)
{
	unsigned char reply[QUESTION_BYTES + 16];
	int fd = connected(SOCK_STREAM);

	for (int i = 0; i < ROUNDS; i++) {
		if (i % 4 == 0)
			for (int k = 0; k < 4; k++)
				CHECK_INT_EQ(send(fd, QUESTION, QUESTION_BYTES, MSG_NOSIGNAL), QUESTION_BYTES);
		CHECK_INT_EQ(recv(fd, reply, sizeof(reply), MSG_WAITALL), sizeof(reply));
	}
	close(fd);
	return arg;
}

static struct evrt_test_count asked;

/* Until nobody serves any more: some of it is lost. */
static void *
ask_udp_until_over(void *arg)
{
	int fd = connected(SOCK_DGRAM);

	while (send(fd, &QUESTION[2], QUESTION_BYTES - 2, 0) == QUESTION_BYTES - 2)
		evrt_test_count_add(&asked, 1);
	close(fd);
	return arg;
}

static void *
ask_tcp_until_over(void *arg)
{
	unsigned char reply[4096];
	int fd;

	while ((fd = connected(SOCK_STREAM)) >= 0) {
		for (int i = 0; i < 20 && send(fd, QUESTION, QUESTION_BYTES, MSG_NOSIGNAL) == QUESTION_BYTES; i++) {
			evrt_test_count_add(&asked, 1);
			(void)recv(fd, reply, sizeof(reply), i % 3 ? MSG_DONTWAIT : 0);
		}
		close(fd);
	}
	return arg;
}

static void
start(pthread_t *threads, int count, void *(*fn)(void *))
{
	for (int i = 0; i < count; i++)
		CHECK_INT_EQ(pthread_create(&threads[i], NULL, fn, NULL), 0);
}

static void
join(pthread_t *threads, int count)
{
	for (int i = 0; i < count; i++)
		CHECK_INT_EQ(pthread_join(threads[i], NULL), 0);
}

/* --- cases ---------------------------------------------------------------------------------------- */

static void
answers_from_other_threads(void (*serve)(evdns_request_callback_fn_type), void *(*ask)(void *))
{
	pthread_t clients[CLIENTS], answerers[2];

	serve(queue_request);
	start(answerers, 2, answer_all);
	start(clients, CLIENTS, ask);
	join(clients, CLIENTS);
	end_queue();
	join(answerers, 2);
	evdns_close_server_port(port);
}

static void
udp_answers_from_other_threads(void)
{
	start_pool(4);
	answers_from_other_threads(serve_udp, ask_udp);
	stop_pool();
}

static void
tcp_answers_from_other_threads(void)
{
	start_pool(4);
	answers_from_other_threads(serve_tcp, ask_tcp);
	stop_pool();
}

/* While clients ask, ports are closed and made anew. */
static void
closed_while_questions_come(void (*serve)(evdns_request_callback_fn_type), void *(*ask)(void *))
{
	for (long i = 0; i < 5; i++) {
		pthread_t clients[CLIENTS];

		serve(answer_here);
		start(clients, CLIENTS, ask);
		evrt_test_count_wait(&asked, 100 * (i + 1));
		evdns_close_server_port(port);
		join(clients, CLIENTS);
	}
}

static void
udp_is_closed_while_questions_come(void)
{
	start_pool(4);
	closed_while_questions_come(serve_udp, ask_udp_until_over);
	stop_pool();
}

static void
tcp_is_closed_while_questions_come(void)
{
	start_pool(4);
	closed_while_questions_come(serve_tcp, ask_tcp_until_over);
	stop_pool();
}

/* The last of what is pending is answered when the port is closed already, from elsewhere. */
static void
closed_with_answers_to_come(void (*serve)(evdns_request_callback_fn_type), int type)
{
	unsigned char reply[QUESTION_BYTES + 16];
	size_t skip = type == SOCK_DGRAM ? 2 : 0;
	int fd;

	serve(queue_request);
	fd = connected(type);
	for (int i = 0; i < 10; i++)
		CHECK_INT_EQ(send(fd, &QUESTION[skip], QUESTION_BYTES - skip, 0), QUESTION_BYTES - skip);
	struct evdns_server_request *first = next_request();
	evdns_close_server_port(port);
	answer(first);
	CHECK_INT_EQ(recv(fd, reply, sizeof(reply) - skip, MSG_WAITALL), sizeof(reply) - skip);
	end_queue();
	answer_all(NULL);
	close(fd);
}

static void
udp_is_closed_with_answers_to_come(void)
{
	start_pool(4);
	closed_with_answers_to_come(serve_udp, SOCK_DGRAM);
	stop_pool();
}

static void
tcp_is_closed_with_answers_to_come(void)
{
	start_pool(4);
	closed_with_answers_to_come(serve_tcp, SOCK_STREAM);
	stop_pool();
}

static void *
dispatch(void *arg)
{
	event_base_dispatch(arg);
	return arg;
}

/* One loop, and threads that answer and close. */
static void
plain_with_threads(void (*serve)(evdns_request_callback_fn_type), void *(*ask)(void *))
{
	pthread_t loop;

	CHECK_INT_EQ(evthread_use_pthreads(), 0);
	base = event_base_new();
	/* The loop goes on without a port, too. */
	struct event *stays = event_new(base, -1, EV_PERSIST, NULL, NULL);
	CHECK_INT_EQ(event_add(stays, &(struct timeval){ 3600, 0 }), 0);
	CHECK_INT_EQ(pthread_create(&loop, NULL, dispatch, base), 0);
	answers_from_other_threads(serve, ask);
	CHECK_INT_EQ(event_base_loopbreak(base), 0);
	CHECK_INT_EQ(pthread_join(loop, NULL), 0);
	event_free(stays);
	event_base_free(base);
}

static void
udp_on_a_plain_base_with_threads(void)
{
	plain_with_threads(serve_udp, ask_udp);
}

static void
tcp_on_a_plain_base_with_threads(void)
{
	plain_with_threads(serve_tcp, ask_tcp);
}

int
main(int argc, char **argv)
{
#define CASE(name) { #name, name }
	static const struct evrt_test_case cases[] = {
		CASE(udp_answers_from_other_threads),
		CASE(tcp_answers_from_other_threads),
		CASE(udp_is_closed_while_questions_come),
		CASE(tcp_is_closed_while_questions_come),
		CASE(udp_is_closed_with_answers_to_come),
		CASE(tcp_is_closed_with_answers_to_come),
		CASE(udp_on_a_plain_base_with_threads),
		CASE(tcp_on_a_plain_base_with_threads),
		{ NULL, NULL },
	};
	return evrt_test_main(argc, argv, cases);
}
