/* evutil.h — the 1.x name of <event2/util.h>, for old programs. New code includes the latter. */
#ifndef EVENT1_EVUTIL_H_INCLUDED_
#define EVENT1_EVUTIL_H_INCLUDED_

#include <event2/util.h>

#endif
