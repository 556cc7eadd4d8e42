/* backends/registry.c — the pollers of this system, best first.
 *
 * Here:     the order of preference.
 * Not here: the choice (the user's configuration and environment decide: api), and with it the changelist,
 *           which is not chosen by its name.
 * Threads:  const.
 */
#include "backends/backend.h"

const struct evrt_backend_ops *const evrt__backends[] = {
	&evrt__backend_epoll,
	&evrt__backend_poll,
	&evrt__backend_select,
	NULL,
};
