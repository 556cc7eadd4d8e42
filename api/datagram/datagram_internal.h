/* api/datagram/datagram_internal.h — an evrt_datagram from inside, for the files of this room.
 *
 * Here:     the object, its references, and what its files want of each other.
 * Not here: the public contract (evrt/datagram.h); how readiness is kept (api/event/stream.h).
 * Threads:  any. Every field is guarded by `lock` unless it says otherwise; without a lock whoever calls is the
 *           strand, or the program sees to it that nobody else does.
 * Locks:    `lock` (rank datagram), then the strand's (rank base). System calls on the descriptor are made under
 *           `lock`: so evrt_datagram_free can close it. Nothing of the program is called under it.
 *
 * Life: references are held by the program (one, given up by evrt_datagram_free), by every public call and every turn
 * while it lasts, and by `work` while it is queued. When the last one goes, no event is pending; `last` is
 * queued in the strand, behind a turn that may be there, and frees the memory.
 *
 * A packet to be sent is in one of four places: `queue`; `lost`, when it failed, until the error callback has heard of
 * it; `done`, when its cleanup is to be called, by whoever unlocks next; or freed.
 */
#ifndef EVRT_API_DATAGRAM_DATAGRAM_INTERNAL_H_
#define EVRT_API_DATAGRAM_DATAGRAM_INTERNAL_H_

#include <evrt/datagram.h>
#include <netinet/in.h>
#include <stdbool.h>
#include "api/event/event_internal.h"
#include "api/event/stream.h"

/* Packets that one system call takes. More would save little, and hold up whoever else the loop serves. */
#define EVRT_DATAGRAM_BATCH 32
#define EVRT_DATAGRAM_BATCH_MAX 1024
#define EVRT_DATAGRAM_BYTES_MAX 65535
#define EVRT_DATAGRAM_QUEUE_PACKETS 1024
/* Of AF_UNIX peers the kernel reports room only where the socket is connected to one. Else: look this often. */
#define EVRT_DATAGRAM_UNIX_RETRY_US 10000

/* Holds an address of an IP family. */
union evrt_datagram_local {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Room for what control.c writes: an address, twice the TOS, the length of segments. */
#define EVRT_DATAGRAM_PUT_BYTES \
	(CMSG_SPACE(sizeof(struct in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(uint16_t)))
/* And for what it reads: the address, twice the TOS, the length of segments, the time. */
#define EVRT_DATAGRAM_TAKE_BYTES \
	(CMSG_SPACE(sizeof(struct in6_pktinfo)) + 3 * CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct timespec)))

/* A packet to be sent; one allocation, with peer and copied data behind it. */
struct evrt_datagram_out {
	struct evrt_datagram_out *next;
	struct evrt_packet packet;      /* its pointers lead into this, but for referenced data */
	size_t sent;                    /* bytes that are gone already */
	size_t step;                    /* bytes per message; more than segment_len: the kernel cuts it */
	int err;                        /* of the message at `sent`, which is tried once more; or of the lost packet */
	evrt_datagram_cleanup_cb cleanup;
	void *cleanup_arg;
	union evrt_datagram_local local;
	_Alignas(struct sockaddr_storage) unsigned char room[];
};

struct evrt_datagram_list {
	struct evrt_datagram_out *first, **end; /* end: where the next one is hung in */
	unsigned count;
};

struct evrt_datagram_area; /* receive.c */

struct evrt_datagram {
	struct event_base *base;     /* const */
	struct evrt_strand *strand;  /* referenced, const; where callbacks run */
	void *lock;                  /* const; NULL: none */
	struct event readable;       /* added while enabled */
	struct event writable;       /* added while the kernel has no room, and will report it */
	struct event retry;          /* a timer: added while it has none, and will not */
	struct evrt_stream stream;   /* of the first two */
	struct evrt_task work;       /* settles what was begun or failed outside of a turn */
	struct evrt_task last;       /* queued once */
	void (*gone)(void *);        /* called by it; NULL: nobody waits for that (free.h) */
	void *gone_arg;
	evrt_datagram_recv_cb recv_cb;
	evrt_datagram_writable_cb writable_cb;
	evrt_datagram_error_cb error_cb;
	void *arg;
	unsigned options;            /* EVRT_DATAGRAM_*; const */
	unsigned refs;
	int fd;                      /* -1: evrt_datagram_free has let go of it */
	sa_family_t family;          /* const */
	in_port_t port;              /* that it was bound to when it was made, of an IP family; 0: none. const */
	bool freed;
	bool enabled;                /* readable is added */
	bool blocked;                /* writable or retry is added: sending waits */
	bool work_queued;            /* it holds a reference */
	bool settles;                /* a turn runs that will settle: what is sent may wait for it */
	bool tells_room;             /* a send was refused since the writable callback was called */
	bool can_segment;            /* UDP_SEGMENT works, as far as is known */
	int err;                     /* to be told, about no packet; 0: nothing */

	struct evrt_datagram_list queue, lost, done;
	unsigned queue_max;

	size_t packet_bytes;         /* of `area` */
	unsigned batch;
	struct evrt_datagram_area *area; /* made by the first enable; what is in it: the strand's alone */
};

static inline bool
evrt__datagram_in_strand(const struct evrt_datagram *dg)
{
	return evrt__strand_current() == dg->strand;
}

/* --- datagram.c ----------------------------------------------------------------------------- */

void evrt__datagram_lock(struct evrt_datagram *);
void evrt__datagram_unlock(struct evrt_datagram *);
/* Locks and takes a reference. False, and not locked, when the last one went while a turn waited for the lock; until
 * that returns, `last` does not run: it is the same strand. */
bool evrt__datagram_enter(struct evrt_datagram *);
/* Gives it back, unlocks, and calls the cleanups that are due. */
void evrt__datagram_leave(struct evrt_datagram *);
/* The kernel has refused the first packet of the queue for want of room: begins to wait. 0 or -errno. Locked. */
int evrt__datagram_block(struct evrt_datagram *);
void evrt__datagram_unblock(struct evrt_datagram *);
/* evrt_datagram_disable, locked. */
void evrt__datagram_disable_nolock(struct evrt_datagram *);
/* Queues `work`, if it is not yet. Locked. */
void evrt__datagram_schedule(struct evrt_datagram *);
/* Ends a turn: sends what is queued, and tells the program what there is to tell. In the strand; locked, but not
 * while it tells. */
void evrt__datagram_settle(struct evrt_datagram *);

/* --- receive.c: all in the strand ------------------------------------------------------------- */

/* NULL: out of memory. */
struct evrt_datagram_area *evrt__datagram_area_new(sa_family_t family, in_port_t port, size_t bytes, unsigned batch);
void evrt__datagram_area_free(struct evrt_datagram_area *);
/* Reads one batch, and hands it to the program. Locked on entry and return. */
void evrt__datagram_receive(struct evrt_datagram *);

/* --- send.c ------------------------------------------------------------------------------------- */

void evrt__datagram_list_init(struct evrt_datagram_list *);
void evrt__datagram_list_push(struct evrt_datagram_list *, struct evrt_datagram_out *);
struct evrt_datagram_out *evrt__datagram_list_pop(struct evrt_datagram_list *);
/* The packet was sent, or will not be: its cleanup becomes due, or its memory goes. Locked. */
void evrt__datagram_release(struct evrt_datagram *, struct evrt_datagram_out *);
/* Hands the queue to the kernel, as far as that takes it. Locked. */
void evrt__datagram_push_out(struct evrt_datagram *);

/* --- control.c: pure ------------------------------------------------------------------------------ */

/* Sets what `options` ask for, before packets are received. 0 or -errno. */
int evrt__datagram_set_options(int fd, sa_family_t family, unsigned options);
/* Whether the kernel can cut what is sent. */
bool evrt__datagram_probe_segments(int fd);
/* Fills msg_control, of EVRT_DATAGRAM_PUT_BYTES, with what `out` asks for; `segments`: the kernel shall cut it. */
void evrt__datagram_put_control(struct msghdr *, sa_family_t family, const struct evrt_datagram_out *out,
    bool segments);
/* Fills what a message's control data say. */
void evrt__datagram_take_control(struct msghdr *, struct evrt_packet *, union evrt_datagram_local *, in_port_t port);

#endif
