/* testing/unit/api/headers/layout_test.c — sizes, offsets and numbers of the public headers, against libevent
 * 2.1.12 on 64-bit Linux. A number that is wrong does not compile; what a compiler cannot see runs as a case.
 */
#include <event.h>
#include <event2/buffer.h>
#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <event2/listener.h>
#include <event2/thread.h>

#include <stddef.h>
#include <string.h>
#include <sys/queue.h>

#include "testing/harness/test.h"

#define SIZE(type, n) _Static_assert(sizeof(type) == (n), "sizeof(" #type ")")
#define PLACE(type, field, n) _Static_assert(offsetof(type, field) == (n), #type "." #field)
#define NUMBER(name, n) _Static_assert((name) == (n), #name)

SIZE(struct event_callback, 40);
PLACE(struct event_callback, evcb_flags, 16);
PLACE(struct event_callback, evcb_pri, 18);
PLACE(struct event_callback, evcb_closure, 19);
PLACE(struct event_callback, evcb_cb_union, 24);
PLACE(struct event_callback, evcb_arg, 32);

SIZE(struct event, 128);
PLACE(struct event, ev_evcallback, 0);
PLACE(struct event, ev_fd, 56);
PLACE(struct event, ev_base, 64);
PLACE(struct event, ev_events, 104);
PLACE(struct event, ev_res, 106);
PLACE(struct event, ev_timeout, 112);

SIZE(struct event_list, 16);
SIZE(struct event_dlist, 8);
SIZE(struct evkeyval, 32);
SIZE(struct evkeyvalq, 16);
PLACE(struct evkeyval, key, 16);
PLACE(struct evkeyval, value, 24);

SIZE(struct evbuffer_ptr, 24);
PLACE(struct evbuffer_ptr, pos, 0);
SIZE(struct evbuffer_iovec, 16);
PLACE(struct evbuffer_iovec, iov_base, 0);
PLACE(struct evbuffer_iovec, iov_len, 8);
SIZE(struct evbuffer_cb_info, 24);
PLACE(struct evbuffer_cb_info, orig_size, 0);
PLACE(struct evbuffer_cb_info, n_added, 8);
PLACE(struct evbuffer_cb_info, n_deleted, 16);
SIZE(struct evutil_addrinfo, 48);

SIZE(struct event_watermark, 16);
PLACE(struct event_watermark, low, 0);
PLACE(struct event_watermark, high, 8);
SIZE(struct bufferevent, 392);
PLACE(struct bufferevent, ev_base, 0);
PLACE(struct bufferevent, be_ops, 8);
PLACE(struct bufferevent, ev_read, 16);
PLACE(struct bufferevent, ev_write, 144);
PLACE(struct bufferevent, input, 272);
PLACE(struct bufferevent, output, 280);
PLACE(struct bufferevent, wm_read, 288);
PLACE(struct bufferevent, wm_write, 304);
PLACE(struct bufferevent, readcb, 320);
PLACE(struct bufferevent, writecb, 328);
PLACE(struct bufferevent, errorcb, 336);
PLACE(struct bufferevent, cbarg, 344);
PLACE(struct bufferevent, timeout_read, 352);
PLACE(struct bufferevent, timeout_write, 368);
PLACE(struct bufferevent, enabled, 384);

SIZE(struct evthread_lock_callbacks, 40);
PLACE(struct evthread_lock_callbacks, supported_locktypes, 4);
PLACE(struct evthread_lock_callbacks, alloc, 8);
PLACE(struct evthread_lock_callbacks, free, 16);
PLACE(struct evthread_lock_callbacks, lock, 24);
PLACE(struct evthread_lock_callbacks, unlock, 32);
SIZE(struct evthread_condition_callbacks, 40);
PLACE(struct evthread_condition_callbacks, alloc_condition, 8);
PLACE(struct evthread_condition_callbacks, free_condition, 16);
PLACE(struct evthread_condition_callbacks, signal_condition, 24);
PLACE(struct evthread_condition_callbacks, wait_condition, 32);

SIZE(struct evdns_server_request, 16);
PLACE(struct evdns_server_request, nquestions, 4);
PLACE(struct evdns_server_request, questions, 8);
SIZE(struct evdns_server_question, 12);
PLACE(struct evdns_server_question, dns_question_class, 4);
PLACE(struct evdns_server_question, name, 8);

NUMBER(EV_TIMEOUT | EV_READ << 8 | EV_WRITE << 16, 0x040201);
NUMBER(EV_SIGNAL | EV_PERSIST | EV_ET | EV_FINALIZE | EV_CLOSED, 0xf8);
NUMBER(EVLIST_INIT, 0x80);
NUMBER(EVLIST_FINALIZING, 0x40);
NUMBER(EVENT_BASE_FLAG_PRECISE_TIMER, 0x20);
NUMBER(EVENT_BASE_FLAG_EPOLL_DISALLOW_TIMERFD, 0x40);
NUMBER(EVENT_BASE_FLAG_USE_SIGNALFD, 0x80);
NUMBER(EVTHREAD_PTHREAD_PRIO_INHERIT, 1);
NUMBER(EVENT_MAX_PRIORITIES, 256);
NUMBER(LIBEVENT_VERSION_NUMBER, 0x02010c00);
NUMBER(BEV_TRIG_IGNORE_WATERMARKS, 1 << 16);
NUMBER(BEV_TRIG_DEFER_CALLBACKS, 1 << 2);
NUMBER(LEV_OPT_BIND_IPV6ONLY, 1u << 8);
NUMBER(DNS_OPTIONS_ALL, 15);
NUMBER(EVDNS_BASE_NAMESERVERS_NO_DEFAULT, 0x10000);

static void
heads_work_with_sys_queue(void)
{
	struct evkeyvalq queue;
	struct evkeyval first = { .key = NULL }, second = { .key = NULL }, *at;
	int seen = 0;

	TAILQ_INIT(&queue);
	TAILQ_INSERT_TAIL(&queue, &second, next);
	TAILQ_INSERT_HEAD(&queue, &first, next);
	TAILQ_FOREACH(at, &queue, next)
		CHECK_PTR_EQ(at, seen++ ? &second : &first);
	CHECK_INT_EQ(seen, 2);
	TAILQ_REMOVE(&queue, &first, next);
	CHECK_PTR_EQ(TAILQ_FIRST(&queue), &second);
}

static void
queue_head_of_events_can_be_declared(void)
{
	struct event_list list = TAILQ_HEAD_INITIALIZER(list);
	struct event_dlist dlist = LIST_HEAD_INITIALIZER(dlist);

	CHECK(TAILQ_EMPTY(&list));
	CHECK(LIST_EMPTY(&dlist));
}

static void
macros_of_sys_queue_are_in_force(void)
{
	/* Ours come before <sys/queue.h> here: its macros are the ones in force, and complete. */
	SIZE(TAILQ_ENTRY(event), 16);
	SIZE(LIST_ENTRY(event), 16);
}

static void
version_is_the_macro_of_the_config(void)
{
	CHECK_STR_EQ(LIBEVENT_VERSION, EVENT__VERSION);
	CHECK_STR_EQ(LIBEVENT_VERSION, "2.1.12-stable");
}

static const struct evrt_test_case cases[] = {
	{ "heads_work_with_sys_queue", heads_work_with_sys_queue },
	{ "queue_head_of_events_can_be_declared", queue_head_of_events_can_be_declared },
	{ "macros_of_sys_queue_are_in_force", macros_of_sys_queue_are_in_force },
	{ "version_is_the_macro_of_the_config", version_is_the_macro_of_the_config },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
