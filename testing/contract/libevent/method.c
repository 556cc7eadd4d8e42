/* testing/contract/libevent/method.c — chooses the poller of a contract test's build, by the environment that
 * libevent itself looks at. Set before main, so that the suites know nothing of it.
 */
#include <stdlib.h>

#ifndef CONTRACT_WITHOUT_EPOLL
#define CONTRACT_WITHOUT_EPOLL 0
#endif
#ifndef CONTRACT_WITHOUT_POLL
#define CONTRACT_WITHOUT_POLL 0
#endif

__attribute__((constructor)) static void
choose_method(void)
{
	if (CONTRACT_WITHOUT_EPOLL)
		setenv("EVENT_NOEPOLL", "1", 1);
	if (CONTRACT_WITHOUT_POLL)
		setenv("EVENT_NOPOLL", "1", 1);
}
