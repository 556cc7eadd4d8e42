/* testing/model/fiber.h — telling ThreadSanitizer which stack runs; nothing in other builds.
 *
 * Here:     thin names over its fiber interface.
 * Threads:  one.
 */
#ifndef EVRT_TESTING_MODEL_FIBER_H_
#define EVRT_TESTING_MODEL_FIBER_H_

#include <stddef.h>

struct evrt__fiber {
	void *handle;
};

#if defined(__SANITIZE_THREAD__)
#define EVRT_MODEL_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define EVRT_MODEL_TSAN 1
#endif
#endif

#ifdef EVRT_MODEL_TSAN
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);

static inline void evrt__fiber_current(struct evrt__fiber *f) { f->handle = __tsan_get_current_fiber(); }
static inline void evrt__fiber_switch(struct evrt__fiber *f) { __tsan_switch_to_fiber(f->handle, 0); }

static inline void
evrt__fiber_free(struct evrt__fiber *f)
{
	if (f->handle)
		__tsan_destroy_fiber(f->handle);
	f->handle = NULL;
}

/* A run that was given up left the old one in the middle of its calls. */
static inline void
evrt__fiber_renew(struct evrt__fiber *f)
{
	evrt__fiber_free(f);
	f->handle = __tsan_create_fiber(0);
}
#else
static inline void evrt__fiber_current(struct evrt__fiber *f) { f->handle = NULL; }
static inline void evrt__fiber_switch(struct evrt__fiber *f) { (void)f; }
static inline void evrt__fiber_free(struct evrt__fiber *f) { (void)f; }
static inline void evrt__fiber_renew(struct evrt__fiber *f) { (void)f; }
#endif

#endif
