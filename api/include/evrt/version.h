/* evrt/version.h — which evrt this is. Which libevent it stands for is told by event2/event.h
 * (LIBEVENT_VERSION, event_get_version).
 *
 * That these macros exist tells evrt from libevent at compile time:
 *
 *     #if __has_include(<evrt/version.h>)
 *     #include <evrt/version.h>
 *     #endif
 */
#ifndef EVRT_VERSION_H_INCLUDED_
#define EVRT_VERSION_H_INCLUDED_

#include <stdint.h>
#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The version of these headers. */
#define EVRT_VERSION "0.1.0"
/** The same as a number that grows, laid out as libevent's: 0xMMmmpp00, major, minor, patch. */
#define EVRT_VERSION_NUMBER 0x00010000

/** The version of the library that the program runs with, as EVRT_VERSION. Never to be freed. Any thread. */
EVENT2_EXPORT_SYMBOL
const char *evrt_version_get(void);

/** The same as EVRT_VERSION_NUMBER. Any thread. */
EVENT2_EXPORT_SYMBOL
uint32_t evrt_version_get_number(void);

#ifdef __cplusplus
}
#endif
#endif
