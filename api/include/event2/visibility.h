/* event2/visibility.h — which declarations are the library's public names.
 *
 * The library is built with hidden visibility; EVENT2_EXPORT_SYMBOL in front of a declaration makes
 * the function visible outside of the shared object. Programs need neither macro themselves.
 * EVENT2_CORE_EXPORT_SYMBOL is the same for names that the core library gives to the others.
 */
#ifndef EVENT2_VISIBILITY_H_INCLUDED_
#define EVENT2_VISIBILITY_H_INCLUDED_

#include <event2/event-config.h>

#if defined(__GNUC__)
#define EVENT2_EXPORT_SYMBOL __attribute__((visibility("default")))
#else
#define EVENT2_EXPORT_SYMBOL
#endif
#define EVENT2_CORE_EXPORT_SYMBOL EVENT2_EXPORT_SYMBOL

#endif
