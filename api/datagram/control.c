/* api/datagram/control.c — what travels beside a packet: addresses, TOS, time, lengths of segments.
 *
 * Here:     the socket options that ask for it, and both directions of control data.
 * Threads:  any: nothing here has state.
 *
 * An IPv6 socket may carry IPv4, as ::ffff:1.2.3.4. Addresses are IPv6's then, but TOS is a matter of the level that
 * the packet travels on. The kernel passes over what is of the other level.
 */
#include "api/datagram/datagram_internal.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include "base/sys.h"

/* One row per option and family; `must`: making the object fails where it cannot be set. */
static const struct control_option {
	unsigned option;
	sa_family_t family;
	int level, name;
	bool must;
} control_options[] = {
	{ EVRT_DATAGRAM_LOCAL, AF_INET, IPPROTO_IP, IP_PKTINFO, true },
	{ EVRT_DATAGRAM_LOCAL, AF_INET6, IPPROTO_IPV6, IPV6_RECVPKTINFO, true },
	{ EVRT_DATAGRAM_TOS, AF_INET, IPPROTO_IP, IP_RECVTOS, true },
	{ EVRT_DATAGRAM_TOS, AF_INET6, IPPROTO_IPV6, IPV6_RECVTCLASS, true },
	{ EVRT_DATAGRAM_TOS, AF_INET6, IPPROTO_IP, IP_RECVTOS, false },
	{ EVRT_DATAGRAM_TIME, AF_INET, SOL_SOCKET, SO_TIMESTAMPNS, true },
	{ EVRT_DATAGRAM_TIME, AF_INET6, SOL_SOCKET, SO_TIMESTAMPNS, true },
	{ EVRT_DATAGRAM_SEGMENTS, AF_INET, IPPROTO_UDP, UDP_GRO, false },
	{ EVRT_DATAGRAM_SEGMENTS, AF_INET6, IPPROTO_UDP, UDP_GRO, false },
};

int
evrt__datagram_set_options(int fd, sa_family_t family, unsigned options)
{
	int on = 1;

	for (size_t i = 0; i < sizeof(control_options) / sizeof(control_options[0]); i++) {
		const struct control_option *o = &control_options[i];
		if (!(options & o->option) || o->family != family)
			continue;
		if (evrt__sys.setsockopt(fd, o->level, o->name, &on, sizeof(on)) < 0 && o->must)
			return -errno;
	}
	return 0;
}

bool
evrt__datagram_probe_segments(int fd)
{
	int value;
	socklen_t len = sizeof(value);

	return evrt__sys.getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &value, &len) == 0;
}

/* --- to be sent ----------------------------------------------------------------------------------- */

static void
put(struct msghdr *m, int level, int type, const void *value, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)(void *)((unsigned char *)m->msg_control + m->msg_controllen);

	memset(c, 0, CMSG_SPACE(len)); /* padding, too: the kernel reads all of it */
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), value, len);
	m->msg_controllen += CMSG_SPACE(len);
}

static void
put_local(struct msghdr *m, const union evrt_datagram_local *local)
{
	if (local->sa.sa_family == AF_INET) {
		struct in_pktinfo info = { .ipi_spec_dst = local->v4.sin_addr };
		if (!IN_MULTICAST(ntohl(local->v4.sin_addr.s_addr)))
			put(m, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	} else if (local->sa.sa_family == AF_INET6) {
		struct in6_pktinfo info = { local->v6.sin6_addr, local->v6.sin6_scope_id };
		if (!IN6_IS_ADDR_MULTICAST(&local->v6.sin6_addr))
			put(m, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
}

void
evrt__datagram_put_control(struct msghdr *m, sa_family_t family, const struct evrt_datagram_out *out, bool segments)
{
	int tos = out->packet.tos;
	uint16_t segment_len = (uint16_t)out->packet.segment_len;

	m->msg_controllen = 0;
	if (family == AF_INET || family == AF_INET6) {
		if (out->packet.local)
			put_local(m, &out->local);
		if (tos)
			put(m, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
		if (tos && family == AF_INET6)
			put(m, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
		if (segments)
			put(m, IPPROTO_UDP, UDP_SEGMENT, &segment_len, sizeof(segment_len));
	}
	if (m->msg_controllen == 0)
		m->msg_control = NULL;
}

/* --- received --------------------------------------------------------------------------------------- */

/* What a row of the table below may fill. */
struct taken {
	struct evrt_packet *packet;
	union evrt_datagram_local *local;
	in_port_t port;
};

static void
take_local4(const struct taken *t, const void *data)
{
	struct in_pktinfo info;

	memcpy(&info, data, sizeof(info));
	t->local->v4 = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = t->port, .sin_addr = info.ipi_spec_dst };
	t->packet->local = &t->local->sa;
	t->packet->local_len = sizeof(t->local->v4);
}

static void
take_local6(const struct taken *t, const void *data)
{
	struct in6_pktinfo info;

	memcpy(&info, data, sizeof(info));
	bool scoped = IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) || IN6_IS_ADDR_MULTICAST(&info.ipi6_addr);
	t->local->v6 = (struct sockaddr_in6){
		.sin6_family = AF_INET6, .sin6_port = t->port, .sin6_addr = info.ipi6_addr,
		.sin6_scope_id = scoped ? info.ipi6_ifindex : 0 };
	t->packet->local = &t->local->sa;
	t->packet->local_len = sizeof(t->local->v6);
}

/* IPv4 tells it in one byte. */
static void
take_tos4(const struct taken *t, const void *data)
{
	memcpy(&t->packet->tos, data, sizeof(t->packet->tos));
}

static void
take_tos6(const struct taken *t, const void *data)
{
	int tos;

	memcpy(&tos, data, sizeof(tos));
	t->packet->tos = (uint8_t)tos;
}

static void
take_time(const struct taken *t, const void *data)
{
	memcpy(&t->packet->received_at, data, sizeof(t->packet->received_at));
}

static void
take_segments(const struct taken *t, const void *data)
{
	int len;

	memcpy(&len, data, sizeof(len));
	/* The kernel says so of single packets, too. */
	t->packet->segment_len = (size_t)len < t->packet->len ? (size_t)len : 0;
}

static const struct control_row {
	int level, type;
	size_t len; /* at least */
	void (*take)(const struct taken *, const void *);
} control_rows[] = {
	{ IPPROTO_IP, IP_PKTINFO, sizeof(struct in_pktinfo), take_local4 },
	{ IPPROTO_IPV6, IPV6_PKTINFO, sizeof(struct in6_pktinfo), take_local6 },
	{ IPPROTO_IP, IP_TOS, 1, take_tos4 },
	{ IPPROTO_IPV6, IPV6_TCLASS, sizeof(int), take_tos6 },
	{ SOL_SOCKET, SCM_TIMESTAMPNS, sizeof(struct timespec), take_time },
	{ IPPROTO_UDP, UDP_GRO, sizeof(int), take_segments },
};

void
evrt__datagram_take_control(struct msghdr *m, struct evrt_packet *packet, union evrt_datagram_local *local,
    in_port_t port)
{
	const struct taken t = { packet, local, port };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		for (size_t i = 0; i < sizeof(control_rows) / sizeof(control_rows[0]); i++) {
			const struct control_row *row = &control_rows[i];
			if (row->level == c->cmsg_level && row->type == c->cmsg_type && c->cmsg_len >= CMSG_LEN(row->len))
				row->take(&t, CMSG_DATA(c));
		}
}
