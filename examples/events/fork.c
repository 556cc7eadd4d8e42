/* examples/events/fork.c — a base on both sides of fork, and a child's end as an event.
 *
 *   ./evrt example fork
 *
 *   | child: my timer
 *   | parent: the child has ended with status 3
 *   | parent: my timer is pending: yes
 *
 * The child of a fork has the events, but shares the kernel's part of the base with its parent: event_reinit gives
 * it one of its own, before it uses the base for anything. The parent hears of SIGCHLD as of any signal.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <event2/event.h>

static void
on_time(evutil_socket_t fd, short what, void *who)
{
	(void)fd, (void)what;
	printf("%s: my timer\n", (const char *)who);
}

static void
on_child(evutil_socket_t signum, short what, void *base)
{
	int status;

	(void)signum, (void)what;
	while (waitpid(-1, &status, WNOHANG) > 0) {
		printf("parent: the child has ended with status %d\n", WEXITSTATUS(status));
		event_base_loopbreak(base);
	}
}

static int
run_child(struct event_base *base, struct event *on_sigchld, struct event *timer)
{
	struct timeval soon = { 0, 10000 };

	if (event_reinit(base) < 0)
		return 1;
	event_del(on_sigchld); /* it has no children of its own */
	event_add(timer, &soon);
	event_base_dispatch(base);
	event_free(on_sigchld);
	event_free(timer);
	event_base_free(base);
	return 3;
}

int
main(void)
{
	static char who[] = "child";
	struct timeval hour = { 3600, 0 };
	struct event_base *base = event_base_new();
	struct event *on_sigchld = base ? evsignal_new(base, SIGCHLD, on_child, base) : NULL;
	struct event *timer = base ? evtimer_new(base, on_time, who) : NULL;

	if (!on_sigchld || !timer || event_add(on_sigchld, NULL) < 0 || event_add(timer, &hour) < 0)
		return 1;
	pid_t pid = fork();
	if (pid <= 0)
		return pid == 0 ? run_child(base, on_sigchld, timer) : 1;
	event_base_dispatch(base);
	printf("parent: my timer is pending: %s\n", event_pending(timer, EV_TIMEOUT, NULL) ? "yes" : "no");
	event_free(on_sigchld);
	event_free(timer);
	event_base_free(base);
	return 0;
}
