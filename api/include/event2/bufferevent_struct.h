/* event2/bufferevent_struct.h — the layout of struct bufferevent, for programs that look inside.
 *
 * The functions of event2/bufferevent.h are the better way; old programs read the fields:
 *
 *      if (event_pending(&bev->ev_write, EV_WRITE, NULL) && evbuffer_get_length(bev->output) > LIMIT)
 *              slow_down(bev);
 *
 * All fields may be read (by whoever may use the bufferevent, with its lock if it has one), none written.
 * A bufferevent cannot be embedded: only the library makes one, with state of its own behind it.
 * Sizes and offsets are those of libevent 2.1.12 on 64-bit Linux.
 */
#ifndef EVENT2_BUFFEREVENT_STRUCT_H_INCLUDED_
#define EVENT2_BUFFEREVENT_STRUCT_H_INCLUDED_

#ifdef __cplusplus
extern "C" {
#endif

#include <event2/event-config.h>
#include <sys/types.h>
#include <sys/time.h>
#include <event2/util.h>
#include <event2/event_struct.h>
#include <event2/bufferevent.h>

struct bufferevent_ops;

/* Marks of one direction, in bytes; high 0: none. */
struct event_watermark {
	size_t low;
	size_t high;
};

struct bufferevent {
	struct event_base *ev_base;
	/* What kind it is; opaque. */
	const struct bufferevent_ops *be_ops;
	/* Pending while the bufferevent waits to read, and to write, of kinds that have a descriptor. */
	struct event ev_read;
	struct event ev_write;
	struct evbuffer *input;
	struct evbuffer *output;
	struct event_watermark wm_read;
	struct event_watermark wm_write;
	bufferevent_data_cb readcb;
	bufferevent_data_cb writecb;
	/* The event callback. */
	bufferevent_event_cb errorcb;
	void *cbarg;
	/* Zero: none. */
	struct timeval timeout_read;
	struct timeval timeout_write;
	/* EV_READ and EV_WRITE, as bufferevent_get_enabled. */
	short enabled;
};

#ifdef __cplusplus
}
#endif

#endif
