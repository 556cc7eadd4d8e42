/* api/event/debug_default.h — whether event debug mode is on from the start (--config=eventdebug). */
#ifndef EVRT_API_EVENT_DEBUG_DEFAULT_H_
#define EVRT_API_EVENT_DEBUG_DEFAULT_H_

#ifndef EVRT_EVENT_DEBUG_DEFAULT
#define EVRT_EVENT_DEBUG_DEFAULT 0
#endif

#endif
