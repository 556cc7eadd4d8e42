/* api/util/socket_error.h — which errors of a socket call mean "later", and which are final.
 *
 * Here:     one predicate per kind of call, over errno values.
 * Not here: what to do then (bufferevents, listeners).
 * Threads:  any.
 */
#ifndef EVRT_API_UTIL_SOCKET_ERROR_H_
#define EVRT_API_UTIL_SOCKET_ERROR_H_

#include <errno.h>
#include <stdbool.h>

/* EWOULDBLOCK is EAGAIN on every Linux. */
_Static_assert(EWOULDBLOCK == EAGAIN, "one case below for both");

/* read, write and their kin. */
static inline bool
evrt__err_rw_retriable(int err)
{
	return err == EINTR || err == EAGAIN;
}

/* connect: under way, its end is reported as writability. */
static inline bool
evrt__err_connect_retriable(int err)
{
	return err == EINTR || err == EINPROGRESS;
}

/* connect: nobody listens, or nobody lets us. Not worth a warning. */
static inline bool
evrt__err_connect_refused(int err)
{
	return err == ECONNREFUSED;
}

/* accept: nothing there, or that one connection has died in the queue. Linux hands out the network errors
 * of the new socket here, and its manual says to treat them like EAGAIN. */
static inline bool
evrt__err_accept_retriable(int err)
{
	switch (err) {
	case EINTR:
	case EAGAIN:
	case ECONNABORTED:
	case ENETDOWN:
	case EPROTO:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
		return true;
	default:
		return false;
	}
}

/* accept: out of descriptors or memory. The connection stays in the queue. */
static inline bool
evrt__err_accept_exhausted(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
}

#endif
