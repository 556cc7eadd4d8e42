/* examples/events/priorities.c — work for idle moments: a less urgent event that computes in small pieces.
 *
 *   ./evrt example priorities
 *
 *   | asked: 168 primes below 1000
 *   | asked: 303 primes below 2000
 *   | asked: 430 primes below 3000
 *   | 430 primes below 3000 in all
 *
 * In each turn the loop runs only the most urgent events that are ready, then looks again. So a question that
 * arrives while there is still work is answered before the next piece of it. A timeout of 0 means "in the next
 * turn"; event_active would put the work back into this one, where nobody else gets a word in.
 */
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>
#include <event2/event.h>

#define PIECE 100
#define END 3000
#define ASK_EVERY 1000

static const struct timeval next_turn;
static int candidate, primes, ask_fd;

static bool
is_prime(int n)
{
	for (int d = 2; d * d <= n; d++)
		if (n % d == 0)
			return false;
	return n >= 2;
}

static void
on_idle(evutil_socket_t fd, short what, void *self)
{
	(void)fd, (void)what;
	for (int end = candidate + PIECE; candidate < end; candidate++)
		primes += is_prime(candidate);
	if (candidate % ASK_EVERY == 0 && write(ask_fd, "?", 1) != 1)
		return;
	if (candidate < END)
		event_add(self, &next_turn);
	else
		close(ask_fd); /* the reader's end, once it has answered */
}

static void
on_question(evutil_socket_t fd, short what, void *self)
{
	char c;

	(void)what;
	if (read(fd, &c, 1) == 1)
		printf("asked: %d primes below %d\n", primes, candidate);
	else
		event_del(self);
}

int
main(void)
{
	evutil_socket_t fds[2];
	struct event_base *base = event_base_new();

	/* 0 is the most urgent; without a choice an event gets the one in the middle. */
	if (!base || event_base_priority_init(base, 2) < 0 || evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 ||
	    evutil_make_socket_nonblocking(fds[0]) < 0)
		return 1;
	ask_fd = fds[1];
	struct event *question = event_new(base, fds[0], EV_READ | EV_PERSIST, on_question, event_self_cbarg());
	struct event *idle = event_new(base, -1, 0, on_idle, event_self_cbarg());
	if (!question || !idle)
		return 1;
	event_priority_set(question, 0);
	event_priority_set(idle, 1);
	event_add(question, NULL);
	event_add(idle, &next_turn);
	event_base_dispatch(base);
	printf("%d primes below %d in all\n", primes, candidate);
	event_free(question);
	event_free(idle);
	event_base_free(base);
	evutil_closesocket(fds[0]);
	return 0;
}
