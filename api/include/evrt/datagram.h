/* evrt/datagram.h — UDP and other datagrams, many per system call.
 *
 *      static void
 *      on_packets(struct evrt_datagram *dg, const struct evrt_packet *packets, unsigned count, void *arg)
 *      {
 *              for (unsigned i = 0; i < count; i++)
 *                      evrt_datagram_send(dg, &packets[i]);            // an echo
 *      }
 *
 *      dg = evrt_datagram_new_bind(base, (struct sockaddr *)&address, sizeof(address), 0);
 *      evrt_datagram_setcb(dg, on_packets, NULL, NULL, NULL);
 *      evrt_datagram_enable(dg);
 *
 * What has arrived is read with one recvmmsg(2), up to 32 packets at a time, and given to one callback. What is
 * sent in callbacks of the object's base (on a pooled base: of its strand) is collected and leaves together when
 * they have returned, by sendmmsg(2); what is sent from elsewhere leaves at once. One struct tells of a packet
 * in both directions, so that an answer is the question with other data: it leaves from the address that the
 * question came to, if EVRT_DATAGRAM_LOCAL asked for that.
 *
 * Works on UDP over IPv4 and IPv6, bound or connected, and on AF_UNIX datagram sockets.
 *
 * An error never ends the object. A packet that cannot be sent is lost, and the error callback learns of it; so it
 * does of what the network tells a connected socket (ECONNREFUSED).
 *
 * Many cores. An object is one strand (evrt/pool.h): its callbacks never overlap. A server that is to use all workers
 * makes an object for each, with EVRT_DATAGRAM_REUSEABLE_PORT: the kernel deals the peers among them.
 *
 * Threads: on a pooled base, or with EVRT_DATAGRAM_THREADSAFE, any; else one at a time, counting the loop. Callbacks
 * run in the object's strand, without any lock held, and may do anything: send, disable, free. Int functions give 0,
 * or -1 with errno set.
 */
#ifndef EVRT_DATAGRAM_H_INCLUDED_
#define EVRT_DATAGRAM_H_INCLUDED_

#include <event2/util.h>
#include <event2/visibility.h>

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;
struct evrt_datagram;

/** A packet, received or to be sent. Begin one to be sent with all zeroes. */
struct evrt_packet {
	/** What it carries. Of a received one: valid during the callback, as all that it points to. */
	const void *data;
	/** Bytes at `data`; 0 is a packet, too. */
	size_t len;
	/** 0: `data` is one packet. Else it is several, each of so many bytes, the last one maybe shorter: received so
	 * with EVRT_DATAGRAM_SEGMENTS; sent so, in one step where the kernel can (UDP_SEGMENT), else one by one. */
	size_t segment_len;
	/** Who it comes from, or goes to. NULL (and 0): a sender without an address; to whom the socket is connected. */
	const struct sockaddr *peer;
	/** The own address that it came to (EVRT_DATAGRAM_LOCAL; a broadcast: the interface's), or shall leave from;
	 * NULL (and 0): not asked for; the kernel's choice. Sending takes the address and IPv6's sin6_scope_id, not the
	 * port, and leaves the choice to the kernel where it is a multicast one. */
	const struct sockaddr *local;
	socklen_t peer_len;
	socklen_t local_len;
	/** Wall-clock time at which the kernel got it (EVRT_DATAGRAM_TIME), or 0. Not looked at in sending. */
	struct timespec received_at;
	/** The TOS or traffic class byte: DSCP, and in the lower two bits ECN (RFC 3168). Received: with
	 * EVRT_DATAGRAM_TOS, else 0. Sent: 0 is the socket's own. */
	uint8_t tos;
	/** Received: it was longer than evrt_datagram_set_receive allows, and was cut. */
	uint8_t truncated;
	uint8_t reserved[6];
};

/** @name Options, as an OR. What a family does not have (the second group, on AF_UNIX) is ignored. @{ */
/** evrt_datagram_free closes the socket. Always so where the library has made it. */
#define EVRT_DATAGRAM_CLOSE_ON_FREE (1u << 0)
/** A lock for several threads; on a pooled base there is one anyway. None where threads are off. */
#define EVRT_DATAGRAM_THREADSAFE (1u << 1)
/** new_bind: the address may be bound several times, and the kernel deals the packets (SO_REUSEPORT). */
#define EVRT_DATAGRAM_REUSEABLE_PORT (1u << 2)
/** new_bind, of an IPv6 address: IPv4 is not served. */
#define EVRT_DATAGRAM_BIND_IPV6ONLY (1u << 3)

/** Received packets tell their local address. */
#define EVRT_DATAGRAM_LOCAL (1u << 8)
/** … their TOS byte. */
#define EVRT_DATAGRAM_TOS (1u << 9)
/** … when they arrived. */
#define EVRT_DATAGRAM_TIME (1u << 10)
/** The kernel may hand over several packets of one peer in one (UDP_GRO), where it can: see segment_len. */
#define EVRT_DATAGRAM_SEGMENTS (1u << 11)
/** @} */

/** At least one packet has arrived. They are the library's, and valid during the call. */
typedef void (*evrt_datagram_recv_cb)(struct evrt_datagram *, const struct evrt_packet *packets, unsigned count,
    void *arg);
/** After sending failed with ENOBUFS: half of the queue is free again. */
typedef void (*evrt_datagram_writable_cb)(struct evrt_datagram *, void *arg);
/** Something went wrong; the object goes on.
 * @param err errno's value: of a packet, EMSGSIZE, EPERM, ENETUNREACH, …; else what the network has reported to a
 *   connected socket (ECONNREFUSED), or why receiving fails
 * @param lost the packet that was not sent, valid during the call (of a segmented one: all of it, although its
 *   beginning may have been sent); NULL: it is not about one. EBADF, EINVAL and ENOTSOCK, without a packet, say that
 *   the descriptor is no good for receiving, which then is disabled. */
typedef void (*evrt_datagram_error_cb)(struct evrt_datagram *, int err, const struct evrt_packet *lost, void *arg);
/** The library does not need `data` any more: it was sent, or lost, or the object freed. On any thread that may
 * call functions of the object, with no lock held. */
typedef void (*evrt_datagram_cleanup_cb)(const void *data, size_t len, void *arg);

/**
 * A new object on a socket of the program's. It receives nothing before evrt_datagram_enable. On a pooled base it
 * belongs to the strand of the callback that makes it, or is a strand of its own.
 *
 * @param fd of a datagram socket; whether it blocks does not matter
 * @param options an OR of EVRT_DATAGRAM_*
 * @return to be freed with evrt_datagram_free; NULL with errno EBADF, EPROTOTYPE (not a datagram socket), ENOMEM,
 *   or why an option could not be set; fd is the caller's then, and open
 */
EVENT2_EXPORT_SYMBOL
struct evrt_datagram *evrt_datagram_new(struct event_base *base, evutil_socket_t fd, unsigned options);

/** The same on a new socket (close-on-exec, non-blocking) bound to `address`. NULL with errno of the call that
 * failed (EADDRINUSE, EACCES, EAFNOSUPPORT). */
EVENT2_EXPORT_SYMBOL
struct evrt_datagram *evrt_datagram_new_bind(struct event_base *base, const struct sockaddr *address, int len,
    unsigned options);

/** The same on a new socket connected to `peer`: it receives from there only, packets without a peer go there. */
EVENT2_EXPORT_SYMBOL
struct evrt_datagram *evrt_datagram_new_connect(struct event_base *base, const struct sockaddr *peer, int len,
    unsigned options);

/** Frees it, at once for the program: no callback begins any more (one that runs in another thread ends by itself),
 * and the descriptor is no longer used. What is queued is offered to the kernel once, and what it does not take
 * is dropped. NULL is ignored. */
EVENT2_EXPORT_SYMBOL
void evrt_datagram_free(struct evrt_datagram *dg);

/** Sets the callbacks and their argument. NULL: packets are dropped; nobody is told. */
EVENT2_EXPORT_SYMBOL
void evrt_datagram_setcb(struct evrt_datagram *dg, evrt_datagram_recv_cb recv_cb,
    evrt_datagram_writable_cb writable_cb, evrt_datagram_error_cb error_cb, void *arg);

/** Begins and ends to receive; packets wait in the kernel meanwhile, as far as it has room. An enabled object keeps
 * the loop running. disable does not wait for a callback that runs in another thread. errno: ENOMEM. */
EVENT2_EXPORT_SYMBOL
int evrt_datagram_enable(struct evrt_datagram *dg);
EVENT2_EXPORT_SYMBOL
int evrt_datagram_disable(struct evrt_datagram *dg);

/** How much is received at a time, to be said before the first enable: packets of up to `packet_bytes` whole
 * (default 65535: none is ever cut), and up to `packets` of them (default 32, at most 1024). Their product is
 * reserved, though memory that was never written to costs nothing; with small packets a small value saves a page
 * each. errno: EINVAL, EBUSY (was enabled before). */
EVENT2_EXPORT_SYMBOL
int evrt_datagram_set_receive(struct evrt_datagram *dg, size_t packet_bytes, unsigned packets);

/**
 * Sends a packet: copies it, and hands it to the kernel when the running callback of its strand has ended, or at
 * once where none runs. While the kernel has no room it waits in the queue, and others behind it, in order.
 *
 * @return 0, and it will be sent, or told as lost; -1 with errno ENOBUFS (the queue is full: the writable callback
 *   will tell; or drop it, as networks do), EINVAL (an address that is too long, data NULL), EMSGSIZE (more than
 *   65535 bytes on an IP socket), ENOMEM, ECANCELED (the object was freed)
 */
EVENT2_EXPORT_SYMBOL
int evrt_datagram_send(struct evrt_datagram *dg, const struct evrt_packet *packet);

/** The same without a copy of the data, which must stay as it is until `cleanup` (NULL: none) is called. On failure it
 * is not called. It may have been called when this returns. */
EVENT2_EXPORT_SYMBOL
int evrt_datagram_send_reference(struct evrt_datagram *dg, const struct evrt_packet *packet,
    evrt_datagram_cleanup_cb cleanup, void *cleanup_arg);

/** Hands to the kernel now what waits for the end of a callback. */
EVENT2_EXPORT_SYMBOL
int evrt_datagram_flush(struct evrt_datagram *dg);

/** How many packets may wait in the queue (default 1024; at least 1). What is in it stays. errno: EINVAL. */
EVENT2_EXPORT_SYMBOL
int evrt_datagram_set_queue_max(struct evrt_datagram *dg, unsigned packets);

/** Packets in the queue, those that are lost but not told yet included. */
EVENT2_EXPORT_SYMBOL
unsigned evrt_datagram_get_queued(struct evrt_datagram *dg);

/** Whether segmented packets leave in one step here (UDP_SEGMENT): 1 or 0. */
EVENT2_EXPORT_SYMBOL
int evrt_datagram_can_segment(struct evrt_datagram *dg);

EVENT2_EXPORT_SYMBOL
struct event_base *evrt_datagram_get_base(struct evrt_datagram *dg);
/** The socket, which stays the object's. */
EVENT2_EXPORT_SYMBOL
evutil_socket_t evrt_datagram_get_fd(struct evrt_datagram *dg);

#ifdef __cplusplus
}
#endif

#endif
