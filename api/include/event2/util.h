/* event2/util.h — the small things that every networked program needs, the same on every platform.
 *
 * What is here: integer types of known width, timeval arithmetic, sockets (making them non-blocking,
 * pairing, closing, listening options), printf and strtol with fixed semantics, comparison in ASCII
 * whatever the locale, addresses (to text, from text, compared, resolved), a monotonic clock, and
 * random bytes fit for secrets.
 *
 *      evutil_socket_t pair[2];
 *      if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 &&
 *          evutil_make_socket_nonblocking(pair[0]) == 0)
 *              ...
 *
 * Conventions: functions that return int give 0 for success and -1 for failure with the reason in
 * errno (EVUTIL_SOCKET_ERROR()), unless their text says otherwise. All of them may be called from any
 * thread at the same time, on different objects; none takes a lock that outlives the call.
 * Background: chapter Ref5 of the libevent book.
 */
#ifndef EVENT2_UTIL_H_INCLUDED_
#define EVENT2_UTIL_H_INCLUDED_

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <event2/event-config.h>
#include <sys/time.h>
#include <stdint.h>
#include <sys/types.h>
#include <stddef.h>
#include <stdarg.h>
#include <netdb.h>
#include <errno.h>
#include <sys/socket.h>
#include <time.h>

/* --- integers ----------------------------------------------------------------------------- *
 * Exact widths, pointer-sized integers, a signed size, and a file offset. They are macros, as in
 * libevent: a program may test them with #ifdef. */
#define ev_uint64_t uint64_t
#define ev_int64_t int64_t
#define ev_uint32_t uint32_t
#define ev_int32_t int32_t
#define ev_uint16_t uint16_t
#define ev_int16_t int16_t
#define ev_uint8_t uint8_t
#define ev_int8_t int8_t
#define ev_uintptr_t uintptr_t
#define ev_intptr_t intptr_t
#define ev_ssize_t ssize_t
/* Always 64 bits: fixed when the library is built, not by the including program's _FILE_OFFSET_BITS. */
#define ev_off_t ev_int64_t
#define ev_socklen_t socklen_t

#define EV_UINT64_MAX UINT64_MAX
#define EV_INT64_MAX INT64_MAX
#define EV_INT64_MIN INT64_MIN
#define EV_UINT32_MAX UINT32_MAX
#define EV_INT32_MAX INT32_MAX
#define EV_INT32_MIN INT32_MIN
#define EV_UINT16_MAX UINT16_MAX
#define EV_INT16_MAX INT16_MAX
#define EV_INT16_MIN INT16_MIN
#define EV_UINT8_MAX UINT8_MAX
#define EV_INT8_MAX INT8_MAX
#define EV_INT8_MIN INT8_MIN
#define EV_SIZE_MAX EV_UINT64_MAX
#define EV_SSIZE_MAX EV_INT64_MAX
#define EV_SSIZE_MIN ((-EV_SSIZE_MAX) - 1)

/* --- monotonic time ----------------------------------------------------------------------- */

/* A configured source of monotonic time. Opaque. One thread at a time may use the same timer. */
struct evutil_monotonic_timer;

/* Flags of evutil_configure_monotonic_time. PRECISE asks for the finest clock instead of the
 * cheapest; FALLBACK asks for one built on gettimeofday, kept from running backwards. */
#define EV_MONOT_PRECISE 1
#define EV_MONOT_FALLBACK 2

/* Returns a new timer, to be configured before its first use; NULL when memory is out. */
EVENT2_EXPORT_SYMBOL
struct evutil_monotonic_timer *evutil_monotonic_timer_new(void);

/* Releases a timer of evutil_monotonic_timer_new. NULL is accepted and ignored. */
EVENT2_EXPORT_SYMBOL
void evutil_monotonic_timer_free(struct evutil_monotonic_timer *timer);

/* Chooses the clock behind `timer`: an OR of EV_MONOT_*, or 0. Returns 0. */
EVENT2_EXPORT_SYMBOL
int evutil_configure_monotonic_time(struct evutil_monotonic_timer *timer, int flags);

/* Stores the time of `timer` in *tp. It never decreases, also when the system's date is changed; its
 * origin means nothing, so only differences are of use. Returns 0. */
EVENT2_EXPORT_SYMBOL
int evutil_gettime_monotonic(struct evutil_monotonic_timer *timer, struct timeval *tp);

/* --- dates and intervals ------------------------------------------------------------------ */

/* Writes an HTTP date ("Sun, 06 Nov 1994 08:49:37 GMT"; RFC 1123 as RFC 9110 section 5.6.7 uses it) for the
 * broken-down UTC time `tm`, or for now when `tm` is NULL; always in English. Returns the length of the
 * whole date, as snprintf does: a value of `datelen` or more means that the text was cut. */
EVENT2_EXPORT_SYMBOL
int evutil_date_rfc1123(char *date, const size_t datelen, const struct tm *tm);

/* vvp = tvp + uvp, and vvp = tvp - uvp, normalised. Both operands have 0 <= tv_usec < 1000000. The
 * result may be one of the operands. Arguments are evaluated more than once. */
#define evutil_timeradd(tvp, uvp, vvp) \
	do { \
		(vvp)->tv_sec = (tvp)->tv_sec + (uvp)->tv_sec; \
		(vvp)->tv_usec = (tvp)->tv_usec + (uvp)->tv_usec; \
		if ((vvp)->tv_usec >= 1000000) { \
			(vvp)->tv_sec++; \
			(vvp)->tv_usec -= 1000000; \
		} \
	} while (0)
#define evutil_timersub(tvp, uvp, vvp) \
	do { \
		(vvp)->tv_sec = (tvp)->tv_sec - (uvp)->tv_sec; \
		(vvp)->tv_usec = (tvp)->tv_usec - (uvp)->tv_usec; \
		if ((vvp)->tv_usec < 0) { \
			(vvp)->tv_sec--; \
			(vvp)->tv_usec += 1000000; \
		} \
	} while (0)

/* *tvp = 0. */
#define evutil_timerclear(tvp) ((tvp)->tv_sec = (tvp)->tv_usec = 0)

/* True when `*tvp cmp *uvp` holds; cmp is one of == != < <= > >=, all six. */
#define evutil_timercmp(tvp, uvp, cmp) \
	(((tvp)->tv_sec == (uvp)->tv_sec) ? ((tvp)->tv_usec cmp(uvp)->tv_usec) : ((tvp)->tv_sec cmp(uvp)->tv_sec))

/* True unless *tvp is zero. */
#define evutil_timerisset(tvp) ((tvp)->tv_sec || (tvp)->tv_usec)

/* The wall clock; the time zone argument is ignored by modern systems: pass NULL. */
#define evutil_gettimeofday(tv, tz) gettimeofday((tv), (tz))

/* offsetof under a name that old platforms had too. */
#define evutil_offsetof(type, field) offsetof(type, field)

/* --- sockets ------------------------------------------------------------------------------ */

/* What socket() and accept() return: a descriptor. */
#define evutil_socket_t int
#define EVUTIL_INVALID_SOCKET (-1)

/* Two connected sockets in sv[0] and sv[1]; arguments, result and errno are those of socketpair(2),
 * for which on Linux only AF_UNIX (AF_LOCAL) is of use. */
EVENT2_EXPORT_SYMBOL
int evutil_socketpair(int d, int type, int protocol, evutil_socket_t sv[2]);

/* Sets O_NONBLOCK. Does no second system call when it is set already. */
EVENT2_EXPORT_SYMBOL
int evutil_make_socket_nonblocking(evutil_socket_t sock);

/* Sets FD_CLOEXEC, so that a program started by exec does not inherit the descriptor. */
EVENT2_EXPORT_SYMBOL
int evutil_make_socket_closeonexec(evutil_socket_t sock);

/* For a socket that is about to be bound: its address can be bound again at once after it was closed,
 * while connections of its predecessor are still in TIME_WAIT (SO_REUSEADDR). */
EVENT2_EXPORT_SYMBOL
int evutil_make_listen_socket_reuseable(evutil_socket_t sock);

/* For a socket that is about to be bound: several sockets, each with this option, may listen on the
 * same address and port, and the kernel spreads connections over them (SO_REUSEPORT, Linux 3.9). */
EVENT2_EXPORT_SYMBOL
int evutil_make_listen_socket_reuseable_port(evutil_socket_t sock);

/* For an AF_INET6 socket that is about to be bound: it serves IPv6 only, so that an IPv4 socket can
 * be bound to the same port (IPV6_V6ONLY; RFC 3493 section 5.3). */
EVENT2_EXPORT_SYMBOL
int evutil_make_listen_socket_ipv6only(evutil_socket_t sock);

/* The opposite: an AF_INET6 socket bound to :: serves IPv4 as well, whatever the system's default.
 * (Of libevent 2.2.) */
EVENT2_EXPORT_SYMBOL
int evutil_make_listen_socket_not_ipv6only(evutil_socket_t sock);

/* For a listening TCP socket whose clients speak first: the kernel reports a connection only when
 * data has arrived (or about a second passed; TCP_DEFER_ACCEPT). Returns 0 also where a platform has
 * no such option. */
EVENT2_EXPORT_SYMBOL
int evutil_make_tcp_listen_socket_deferred(evutil_socket_t sock);

/* Turns keep-alive probes of a TCP socket on (or off: on == 0), timed so that a dead peer is noticed
 * after about `timeout` seconds: the first probe after half of it, three probes in the other half.
 * timeout <= 0 leaves the system's timing. (Of libevent 2.2.) */
EVENT2_EXPORT_SYMBOL
int evutil_set_tcp_keepalive(evutil_socket_t sock, int on, int timeout);

/* Closes a socket. The descriptor is gone even when -1 is returned (EINTR included): do not retry. */
EVENT2_EXPORT_SYMBOL
int evutil_closesocket(evutil_socket_t sock);
#define EVUTIL_CLOSESOCKET(s) evutil_closesocket(s)

/* The reason of the last failed socket call: in general, and on a given socket. */
#define EVUTIL_SOCKET_ERROR() (errno)
#define EVUTIL_SET_SOCKET_ERROR(errcode) \
	do { \
		errno = (errcode); \
	} while (0)
#define evutil_socket_geterror(sock) (errno)
/* Text for a socket error, as strerror; the text may be overwritten by the next call. */
#define evutil_socket_error_to_string(errcode) (strerror(errcode))

/* --- text --------------------------------------------------------------------------------- */

/* strtoll of C99: a 64-bit integer from text; ERANGE in errno and a saturated value on overflow. */
EVENT2_EXPORT_SYMBOL
ev_int64_t evutil_strtoll(const char *s, char **endptr, int base);

/* snprintf and vsnprintf of C99: `buf` is always terminated when buflen > 0, and the result is the
 * length that the whole text has; a result >= buflen means that it was cut. 0 when buflen is 0. */
EVENT2_EXPORT_SYMBOL
int evutil_snprintf(char *buf, size_t buflen, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 4)))
#endif
;
EVENT2_EXPORT_SYMBOL
int evutil_vsnprintf(char *buf, size_t buflen, const char *format, va_list ap)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 0)))
#endif
;

/* strcasecmp and strncasecmp where only A-Z and a-z are letters, whatever the locale: for protocols. */
EVENT2_EXPORT_SYMBOL
int evutil_ascii_strcasecmp(const char *str1, const char *str2);
EVENT2_EXPORT_SYMBOL
int evutil_ascii_strncasecmp(const char *str1, const char *str2, size_t n);

/* --- addresses ---------------------------------------------------------------------------- */

struct sockaddr;

/* inet_ntop and inet_pton of POSIX, for AF_INET and AF_INET6. ntop returns `dst`, or NULL when `len`
 * is too small or the family unknown. pton returns 1, 0 for text that is no address, or -1 for an
 * unknown family. */
EVENT2_EXPORT_SYMBOL
const char *evutil_inet_ntop(int af, const void *src, char *dst, size_t len);
EVENT2_EXPORT_SYMBOL
int evutil_inet_pton(int af, const char *src, void *dst);

/* As evutil_inet_pton, and reads the scope of an IPv6 address as well ("fe80::1%eth0", "fe80::1%2";
 * RFC 4007 section 11): the index of the interface, or 0 when there is none, is stored in *indexp. */
EVENT2_EXPORT_SYMBOL
int evutil_inet_pton_scope(int af, const char *src, void *dst, unsigned *indexp);

/* Reads a numeric address with or without a port: "[v6]:port", "[v6]", "v6", "v4:port", "v4". Without
 * a port, the port in *out is 0. `*outlen` is the room in `out` (struct sockaddr_storage always
 * suffices) and becomes the length used. Returns -1, changing nothing, when the text is malformed
 * (anything behind the port or the bracket, a sign, a blank), the port not 1..65535, or the room too
 * small. */
EVENT2_EXPORT_SYMBOL
int evutil_parse_sockaddr_port(const char *str, struct sockaddr *out, int *outlen);

/* Orders two addresses: 0 when they are equal, else below or above 0. A total order for AF_INET and
 * AF_INET6; two addresses of another family are never equal. Ports count only when include_port is not
 * 0. The order may change between releases. */
EVENT2_EXPORT_SYMBOL
int evutil_sockaddr_cmp(const struct sockaddr *sa1, const struct sockaddr *sa2, int include_port);

/* struct addrinfo of <netdb.h> (RFC 3493 section 6.1). */
#define evutil_addrinfo addrinfo
/* The C library's strict ISO modes hide it; the prototypes below need only the name. */
struct addrinfo;

/* Errors of evutil_getaddrinfo and evdns_getaddrinfo: those of <netdb.h>. */
#define EVUTIL_EAI_AGAIN EAI_AGAIN
#define EVUTIL_EAI_BADFLAGS EAI_BADFLAGS
#define EVUTIL_EAI_FAIL EAI_FAIL
#define EVUTIL_EAI_FAMILY EAI_FAMILY
#define EVUTIL_EAI_MEMORY EAI_MEMORY
#define EVUTIL_EAI_NONAME EAI_NONAME
#define EVUTIL_EAI_SERVICE EAI_SERVICE
#define EVUTIL_EAI_SOCKTYPE EAI_SOCKTYPE
#define EVUTIL_EAI_SYSTEM EAI_SYSTEM
/* Extensions of the C library, absent from strict modes. */
#ifdef EAI_ADDRFAMILY
#define EVUTIL_EAI_ADDRFAMILY EAI_ADDRFAMILY
#else
#define EVUTIL_EAI_ADDRFAMILY -901
#endif
#ifdef EAI_NODATA
#define EVUTIL_EAI_NODATA EAI_NODATA
#else
#define EVUTIL_EAI_NODATA -907
#endif
/* The lookup was cancelled (evdns_getaddrinfo only). */
#define EVUTIL_EAI_CANCEL -90001

/* Bits of ai_flags in hints: those of <netdb.h>. */
#define EVUTIL_AI_PASSIVE AI_PASSIVE
#define EVUTIL_AI_CANONNAME AI_CANONNAME
#define EVUTIL_AI_NUMERICHOST AI_NUMERICHOST
#define EVUTIL_AI_NUMERICSERV AI_NUMERICSERV
#define EVUTIL_AI_V4MAPPED AI_V4MAPPED
#define EVUTIL_AI_ALL AI_ALL
#define EVUTIL_AI_ADDRCONFIG AI_ADDRCONFIG

/* Resolves a host and a service, either of which may be NULL, through the system's resolver, and
 * blocks until it answers; evdns_getaddrinfo is the one that does not. hints_in may be NULL; without a
 * socket type in it, a stream and a datagram answer may both be given for each address.
 * Returns 0 with a list in *res for evutil_freeaddrinfo, or an EVUTIL_EAI_ code with *res NULL. */
EVENT2_EXPORT_SYMBOL
int evutil_getaddrinfo(const char *nodename, const char *servname, const struct evutil_addrinfo *hints_in,
    struct evutil_addrinfo **res);

/* Releases a list of evutil_getaddrinfo or evdns_getaddrinfo. NULL is ignored. */
EVENT2_EXPORT_SYMBOL
void evutil_freeaddrinfo(struct evutil_addrinfo *ai);

/* Text for an EVUTIL_EAI_ code. The program must not free or change it. */
EVENT2_EXPORT_SYMBOL
const char *evutil_gai_strerror(int err);

/* --- random bytes for secrets ------------------------------------------------------------- *
 * They come from the kernel's generator, call by call; nothing is cached in the process, so nothing
 * has to be re-seeded after fork, and nothing leaks with a core dump. */

/* Fills `buf`. The process is ended with an error message if the kernel has no generator: there is no
 * return value by which a caller could ignore that. */
EVENT2_EXPORT_SYMBOL
void evutil_secure_rng_get_bytes(void *buf, size_t n);

/* Returns 0 when random bytes can be had, else -1. Of use before chroot or a system call filter. */
EVENT2_EXPORT_SYMBOL
int evutil_secure_rng_init(void);

/* Kept for programs that name another device than /dev/urandom. No device is read here: returns -1. */
EVENT2_EXPORT_SYMBOL
int evutil_secure_rng_set_urandom_device_file(char *fname);

/* Kept for programs that bring entropy of their own; the kernel's generator needs none. No effect. */
EVENT2_EXPORT_SYMBOL
void evutil_secure_rng_add_bytes(const char *dat, size_t datlen);

#ifdef __cplusplus
}
#endif

#endif
