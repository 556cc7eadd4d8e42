/* testing/fault/told.h — included before a suite that is built for faults: calls that may fail for want of
 * something say so there and then.
 *
 * Here:     a macro for each function of the event core, buffers, bufferevents, listeners and the DNS server that
 *           returns NULL or -1 on failure (or, event_init, ends the process). Where that is the fault's doing, the
 *           case has been told and ends as by a failed check; and errno must be the fault's.
 * Not here: failures that a case makes on purpose: they are passed on.
 *
 * So a case need not check the result of every event_new to be run with faults: it is written for what it is
 * about, and a fault never leads it astray.
 */
#ifndef EVRT_TESTING_FAULT_TOLD_H_
#define EVRT_TESTING_FAULT_TOLD_H_

#include <event2/buffer.h>
#include <event2/buffer_compat.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_compat.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/event_compat.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <event2/util.h>

#include <stdint.h>

#include "testing/fault/inject.h"
#include "testing/fault/told_events.h"

/* Expressions, not statements in braces: a compound literal among the arguments lives on in the caller's block. */
#define TOLD(call) (evrt_test_fault_begin(), evrt_test_fault_result((call), __FILE__, __LINE__, #call))
#define TOLD_PTR(call) \
	(evrt_test_fault_begin(), \
	    (__typeof__(call))(intptr_t)evrt_test_fault_pointer((call), __FILE__, __LINE__, #call))

#define TOLD_FATAL(call) \
	({ \
		evrt_test_fault_fatal(#call); \
		__typeof__(call) told_result = (call); \
		evrt_test_fault_fatal(NULL); \
		told_result; \
	})

/* Function-like, and after the declarations: pointers to these functions are not touched. */
#define event_base_new() TOLD_PTR(event_base_new())
#define event_base_new_with_config(...) TOLD_PTR(event_base_new_with_config(__VA_ARGS__))
#define event_init() TOLD_FATAL(event_init())
#define event_config_new() TOLD_PTR(event_config_new())
#define event_config_avoid_method(...) TOLD(event_config_avoid_method(__VA_ARGS__))
#define event_new(...) TOLD_PTR(event_new(__VA_ARGS__))
#define event_assign(...) TOLD(event_assign(__VA_ARGS__))
#define event_add(...) TOLD(event_add(__VA_ARGS__))
#define event_del(...) TOLD(event_del(__VA_ARGS__))
#define event_del_block(...) TOLD(event_del_block(__VA_ARGS__))
#define event_del_noblock(...) TOLD(event_del_noblock(__VA_ARGS__))
#define event_remove_timer(...) TOLD(event_remove_timer(__VA_ARGS__))
#define event_finalize(...) TOLD(event_finalize(__VA_ARGS__))
#define event_free_finalize(...) TOLD(event_free_finalize(__VA_ARGS__))
#define event_priority_set(...) TOLD(event_priority_set(__VA_ARGS__))
#define event_reinit(...) TOLD(event_reinit(__VA_ARGS__))
#define event_base_once(...) TOLD(event_base_once(__VA_ARGS__))
#define event_base_loop(...) TOLD(event_base_loop(__VA_ARGS__))
#define event_base_dispatch(...) TOLD(event_base_dispatch(__VA_ARGS__))
#define event_base_loopexit(...) TOLD(event_base_loopexit(__VA_ARGS__))
#define event_base_loopbreak(...) TOLD(event_base_loopbreak(__VA_ARGS__))
#define event_base_loopcontinue(...) TOLD(event_base_loopcontinue(__VA_ARGS__))
#define event_base_priority_init(...) TOLD(event_base_priority_init(__VA_ARGS__))
#define event_base_init_common_timeout(...) TOLD_PTR(event_base_init_common_timeout(__VA_ARGS__))
#define evthread_use_pthreads() TOLD(evthread_use_pthreads())
#define evthread_make_base_notifiable(...) TOLD(evthread_make_base_notifiable(__VA_ARGS__))
#define evutil_socketpair(...) TOLD(evutil_socketpair(__VA_ARGS__))
#define evutil_make_socket_nonblocking(...) TOLD(evutil_make_socket_nonblocking(__VA_ARGS__))
#define evutil_make_socket_closeonexec(...) TOLD(evutil_make_socket_closeonexec(__VA_ARGS__))
#define evutil_make_listen_socket_reuseable(...) TOLD(evutil_make_listen_socket_reuseable(__VA_ARGS__))
#define evutil_make_listen_socket_reuseable_port(...) \
	TOLD(evutil_make_listen_socket_reuseable_port(__VA_ARGS__))
#define evutil_make_tcp_listen_socket_deferred(...) TOLD(evutil_make_tcp_listen_socket_deferred(__VA_ARGS__))
#define evutil_closesocket(...) TOLD(evutil_closesocket(__VA_ARGS__))
#define evutil_monotonic_timer_new() TOLD_PTR(evutil_monotonic_timer_new())
/* Bufferevents. What fails later, in the loop, is told by an event callback. */
#define bufferevent_setcb(...) evrt_test_fault_setcb(__VA_ARGS__)
#define bufferevent_getcb(...) evrt_test_fault_getcb(__VA_ARGS__)
#define bufferevent_socket_new(...) TOLD_PTR(bufferevent_socket_new(__VA_ARGS__))
#define bufferevent_new(...) TOLD_PTR(bufferevent_new(__VA_ARGS__))
#define bufferevent_filter_new(...) TOLD_PTR(bufferevent_filter_new(__VA_ARGS__))
#define bufferevent_pair_new(...) TOLD(bufferevent_pair_new(__VA_ARGS__))
#define bufferevent_socket_connect(...) TOLD(bufferevent_socket_connect(__VA_ARGS__))
#define bufferevent_socket_connect_hostname(...) TOLD(bufferevent_socket_connect_hostname(__VA_ARGS__))
#define bufferevent_socket_connect_hostname_hints(...) TOLD(bufferevent_socket_connect_hostname_hints(__VA_ARGS__))
#define bufferevent_setfd(...) TOLD(bufferevent_setfd(__VA_ARGS__))
#define bufferevent_replacefd(...) TOLD(bufferevent_replacefd(__VA_ARGS__))
#define bufferevent_base_set(...) TOLD(bufferevent_base_set(__VA_ARGS__))
#define bufferevent_priority_set(...) TOLD(bufferevent_priority_set(__VA_ARGS__))
#define bufferevent_enable(...) TOLD(bufferevent_enable(__VA_ARGS__))
#define bufferevent_disable(...) TOLD(bufferevent_disable(__VA_ARGS__))
#define bufferevent_set_timeouts(...) TOLD(bufferevent_set_timeouts(__VA_ARGS__))
#define bufferevent_write(...) TOLD(bufferevent_write(__VA_ARGS__))
#define bufferevent_write_buffer(...) TOLD(bufferevent_write_buffer(__VA_ARGS__))
#define bufferevent_read_buffer(...) TOLD(bufferevent_read_buffer(__VA_ARGS__))
#define bufferevent_flush(...) TOLD(bufferevent_flush(__VA_ARGS__))
#define ev_token_bucket_cfg_new(...) TOLD_PTR(ev_token_bucket_cfg_new(__VA_ARGS__))
#define bufferevent_set_rate_limit(...) TOLD(bufferevent_set_rate_limit(__VA_ARGS__))
#define bufferevent_rate_limit_group_new(...) TOLD_PTR(bufferevent_rate_limit_group_new(__VA_ARGS__))
#define bufferevent_rate_limit_group_set_cfg(...) TOLD(bufferevent_rate_limit_group_set_cfg(__VA_ARGS__))
#define bufferevent_add_to_rate_limit_group(...) TOLD(bufferevent_add_to_rate_limit_group(__VA_ARGS__))
#define bufferevent_remove_from_rate_limit_group(...) TOLD(bufferevent_remove_from_rate_limit_group(__VA_ARGS__))

/* Listeners. */
#define evconnlistener_new(...) TOLD_PTR(evconnlistener_new(__VA_ARGS__))
#define evconnlistener_new_bind(...) TOLD_PTR(evconnlistener_new_bind(__VA_ARGS__))
#define evconnlistener_enable(...) TOLD(evconnlistener_enable(__VA_ARGS__))
#define evconnlistener_disable(...) TOLD(evconnlistener_disable(__VA_ARGS__))

/* The DNS server. A question that is lost, or its reply, is the client's to ask again. */
#define evdns_add_server_port_with_base(...) TOLD_PTR(evdns_add_server_port_with_base(__VA_ARGS__))
#define evdns_server_request_add_reply(...) TOLD(evdns_server_request_add_reply(__VA_ARGS__))
#define evdns_server_request_add_a_reply(...) TOLD(evdns_server_request_add_a_reply(__VA_ARGS__))
#define evdns_server_request_add_aaaa_reply(...) TOLD(evdns_server_request_add_aaaa_reply(__VA_ARGS__))
#define evdns_server_request_add_ptr_reply(...) TOLD(evdns_server_request_add_ptr_reply(__VA_ARGS__))
#define evdns_server_request_add_cname_reply(...) TOLD(evdns_server_request_add_cname_reply(__VA_ARGS__))
#define evdns_server_request_respond(...) TOLD(evdns_server_request_respond(__VA_ARGS__))

/* Buffers. Reads and writes are left to the suites: they may be interrupted, and then are made again. */
#define TOLD_POS(call) \
	({ \
		evrt_test_fault_begin(); \
		struct evbuffer_ptr told_ptr = (call); \
		evrt_test_fault_result((int)told_ptr.pos, __FILE__, __LINE__, #call); \
		told_ptr; \
	})
/* Where 0 is the failure. */
#define TOLD_COUNT(call) \
	({ \
		evrt_test_fault_begin(); \
		__typeof__(call) told_count = (call); \
		evrt_test_fault_result(told_count ? 0 : -1, __FILE__, __LINE__, #call); \
		told_count; \
	})
#define evbuffer_new() TOLD_PTR(evbuffer_new())
#define evbuffer_enable_locking(...) TOLD(evbuffer_enable_locking(__VA_ARGS__))
#define evbuffer_expand(...) TOLD(evbuffer_expand(__VA_ARGS__))
#define evbuffer_add(...) TOLD(evbuffer_add(__VA_ARGS__))
#define evbuffer_add_printf(...) TOLD(evbuffer_add_printf(__VA_ARGS__))
#define evbuffer_add_vprintf(...) TOLD(evbuffer_add_vprintf(__VA_ARGS__))
#define evbuffer_add_iovec(...) TOLD_COUNT(evbuffer_add_iovec(__VA_ARGS__))
#define evbuffer_reserve_space(...) TOLD(evbuffer_reserve_space(__VA_ARGS__))
#define evbuffer_commit_space(...) TOLD(evbuffer_commit_space(__VA_ARGS__))
#define evbuffer_add_reference(...) TOLD(evbuffer_add_reference(__VA_ARGS__))
#define evbuffer_add_buffer_reference(...) TOLD(evbuffer_add_buffer_reference(__VA_ARGS__))
#define evbuffer_add_file(...) TOLD(evbuffer_add_file(__VA_ARGS__))
#define evbuffer_file_segment_new(...) TOLD_PTR(evbuffer_file_segment_new(__VA_ARGS__))
#define evbuffer_add_file_segment(...) TOLD(evbuffer_add_file_segment(__VA_ARGS__))
#define evbuffer_prepend(...) TOLD(evbuffer_prepend(__VA_ARGS__))
#define evbuffer_prepend_buffer(...) TOLD(evbuffer_prepend_buffer(__VA_ARGS__))
#define evbuffer_add_buffer(...) TOLD(evbuffer_add_buffer(__VA_ARGS__))
#define evbuffer_remove_buffer(...) TOLD(evbuffer_remove_buffer(__VA_ARGS__))
#define evbuffer_remove(...) TOLD(evbuffer_remove(__VA_ARGS__))
#define evbuffer_copyout(...) TOLD(evbuffer_copyout(__VA_ARGS__))
#define evbuffer_copyout_from(...) TOLD(evbuffer_copyout_from(__VA_ARGS__))
#define evbuffer_pullup(...) TOLD_PTR(evbuffer_pullup(__VA_ARGS__))
#define evbuffer_peek(...) TOLD_COUNT(evbuffer_peek(__VA_ARGS__))
#define evbuffer_find(...) TOLD_PTR(evbuffer_find(__VA_ARGS__))
#define evbuffer_readln(...) TOLD_PTR(evbuffer_readln(__VA_ARGS__))
#define evbuffer_readline(...) TOLD_PTR(evbuffer_readline(__VA_ARGS__))
#define evbuffer_search(...) TOLD_POS(evbuffer_search(__VA_ARGS__))
#define evbuffer_search_range(...) TOLD_POS(evbuffer_search_range(__VA_ARGS__))
#define evbuffer_search_eol(...) TOLD_POS(evbuffer_search_eol(__VA_ARGS__))
#define evbuffer_add_cb(...) TOLD_PTR(evbuffer_add_cb(__VA_ARGS__))
#define evbuffer_setcb(...) TOLD(evbuffer_setcb(__VA_ARGS__))
#define evbuffer_defer_callbacks(...) TOLD(evbuffer_defer_callbacks(__VA_ARGS__))

#endif
