/* event2/buffer.h — evbuffer: a queue of bytes, filled at its end and emptied at its front.
 *
 * An evbuffer is a chain of blocks of memory. Adding to the end, removing from the front and moving
 * from one evbuffer to another are cheap; moving relinks blocks and copies nothing. Blocks may also be
 * memory of the program (evbuffer_add_reference) or parts of files (evbuffer_add_file), which then are
 * never copied at all. Bufferevents (event2/bufferevent.h) use two of them per connection.
 *
 *      struct evbuffer *buf = evbuffer_new();
 *      evbuffer_add_printf(buf, "%s %d\n", "answer", 42);
 *      evbuffer_write(buf, fd);
 *      evbuffer_free(buf);
 *
 * Ownership: an evbuffer copies what it is given, except where a function says that it refers to it.
 * Threads: one thread at a time uses an evbuffer, unless evbuffer_enable_locking was called on it; then
 * each call is atomic, and evbuffer_lock makes several calls one. Calls on two evbuffers lock both.
 * Callbacks (evbuffer_add_cb) run inside of the call that changed the buffer, with its lock held; they
 * may change the buffer again, remove themselves, and free the buffer.
 * Limits: an evbuffer holds at most EV_SSIZE_MAX / 2 bytes; calls that would exceed it fail.
 * Results: 0 and -1 where nothing else is said. A call that fails leaves its evbuffers as they were.
 * Background: chapter Ref7 of the libevent book.
 */
#ifndef EVENT2_BUFFER_H_INCLUDED_
#define EVENT2_BUFFER_H_INCLUDED_

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <event2/event-config.h>
#include <stdarg.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <event2/util.h>

struct evbuffer;

/* A position in an evbuffer. Any call that changes the evbuffer, or pulls it up, makes its positions
 * invalid. Only evbuffer_ptr_set and the searches make positions; `pos` may be read: the distance from
 * the front, or -1 for "not found". */
struct evbuffer_ptr {
	ev_ssize_t pos;
	struct {
		void *chain;
		size_t pos_in_chain;
	} internal_;
};

/* A piece of memory: iov_base, iov_len. It is the system's struct iovec. */
#define evbuffer_iovec iovec
#define EVBUFFER_IOVEC_IS_NATIVE_

/* --- life --------------------------------------------------------------------------------- */

/* Returns a new empty evbuffer, or NULL when memory is out. */
EVENT2_EXPORT_SYMBOL
struct evbuffer *evbuffer_new(void);

/* Drops all contents (cleanup functions of references run; callbacks are not told) and the evbuffer.
 * Callbacks that are deferred and pending still come, and the memory stays until they came. */
EVENT2_EXPORT_SYMBOL
void evbuffer_free(struct evbuffer *buf);

/* --- locking ------------------------------------------------------------------------------ */

/* Makes the evbuffer safe for several threads, before a second thread sees it. `lock` is a recursive
 * lock of the evthread callbacks (event2/thread.h) that stays the caller's, or NULL for a new one.
 * Returns -1 when it has a lock already, when threading is off, or memory out. */
EVENT2_EXPORT_SYMBOL
int evbuffer_enable_locking(struct evbuffer *buf, void *lock);

/* Takes and releases the evbuffer's lock. It is recursive. Without locking they do nothing. */
EVENT2_EXPORT_SYMBOL
void evbuffer_lock(struct evbuffer *buf);
EVENT2_EXPORT_SYMBOL
void evbuffer_unlock(struct evbuffer *buf);

/* --- flags and freezing ------------------------------------------------------------------- */

/* A promise: the bytes leave this evbuffer only by evbuffer_write(_atmost), evbuffer_drain or a move of
 * all of them. Files that are added then stay files, and are sent by sendfile(2). Set by default on
 * the output of socket bufferevents. */
#define EVBUFFER_FLAG_DRAINS_TO_FD 1

/* Sets or clears EVBUFFER_FLAG_* bits; other bits are ignored. Returns 0. */
EVENT2_EXPORT_SYMBOL
int evbuffer_set_flags(struct evbuffer *buf, ev_uint64_t flags);
EVENT2_EXPORT_SYMBOL
int evbuffer_clear_flags(struct evbuffer *buf, ev_uint64_t flags);

/* Freezes the front (at_front != 0: nothing can be removed or prepended) or the end (nothing can be
 * added): such calls return -1 until it is unfrozen. It does not nest. Returns 0. */
EVENT2_EXPORT_SYMBOL
int evbuffer_freeze(struct evbuffer *buf, int at_front);
EVENT2_EXPORT_SYMBOL
int evbuffer_unfreeze(struct evbuffer *buf, int at_front);

/* --- size --------------------------------------------------------------------------------- */

/* The number of bytes held. */
EVENT2_EXPORT_SYMBOL
size_t evbuffer_get_length(const struct evbuffer *buf);

/* The number of bytes in the first block: what evbuffer_pullup gives without moving anything. */
EVENT2_EXPORT_SYMBOL
size_t evbuffer_get_contiguous_space(const struct evbuffer *buf);

/* Makes room, so that adding `datlen` more bytes allocates nothing. The room is lost when the evbuffer
 * becomes empty by removal. Allowed while frozen. */
EVENT2_EXPORT_SYMBOL
int evbuffer_expand(struct evbuffer *buf, size_t datlen);

/* --- adding at the end -------------------------------------------------------------------- */

/* Appends a copy of `datlen` bytes. `data` may be NULL when datlen is 0. Memory is taken in blocks of
 * 256 bytes for small contents, growing with the contents up to 64 KiB. Fails with the end frozen, even
 * for 0 bytes. */
EVENT2_EXPORT_SYMBOL
int evbuffer_add(struct evbuffer *buf, const void *data, size_t datlen);

/* Appends text formatted as by printf, without its terminating NUL. Returns the number of bytes, or -1. */
EVENT2_EXPORT_SYMBOL
int evbuffer_add_printf(struct evbuffer *buf, const char *fmt, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
;
EVENT2_EXPORT_SYMBOL
int evbuffer_add_vprintf(struct evbuffer *buf, const char *fmt, va_list ap)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 0)))
#endif
;

/* Appends copies of all `n_vec` pieces, one behind the other. All or nothing: returns their total
 * length, or 0 on failure. */
EVENT2_EXPORT_SYMBOL
size_t evbuffer_add_iovec(struct evbuffer *buffer, struct evbuffer_iovec *vec, int n_vec);

/* Gives the caller room to write into, at the end. Fills 1 or, when n_vec >= 2, up to 2 pieces of
 * vec whose lengths add up to at least `size`; with n_vec 1 the room is contiguous. Returns the number
 * of pieces, or -1 (also for size < 0, n_vec < 1 or a frozen end). The bytes become contents only by
 * evbuffer_commit_space; calling again before that gives the same room. */
EVENT2_EXPORT_SYMBOL
int evbuffer_reserve_space(struct evbuffer *buf, ev_ssize_t size, struct evbuffer_iovec *vec, int n_vec);

/* Makes the first iov_len bytes of each reserved piece contents. Lengths may have been made smaller, and
 * pieces left off at the end. -1 when a piece is not what evbuffer_reserve_space gave, or the evbuffer was
 * changed since, or the end is frozen. */
EVENT2_EXPORT_SYMBOL
int evbuffer_commit_space(struct evbuffer *buf, struct evbuffer_iovec *vec, int n_vecs);

/* --- adding without copying --------------------------------------------------------------- */

/* Called once, when the last evbuffer that refers to the memory has let go of it, in the thread that
 * made it do so. `data`, `datalen` and `extra` are as they were given. It must not use the evbuffer. */
typedef void (*evbuffer_ref_cleanup_cb)(const void *data, size_t datalen, void *extra);

/* Appends `datlen` bytes that stay where they are; they must not change or go until cleanupfn (which may be
 * NULL) has been called. For 0 bytes cleanupfn is called before this returns. On failure it is not called. */
EVENT2_EXPORT_SYMBOL
int evbuffer_add_reference(struct evbuffer *outbuf, const void *data, size_t datlen,
    evbuffer_ref_cleanup_cb cleanupfn, void *cleanupfn_arg);

/* The same for the `datlen` bytes that begin at data + offset; cleanupfn is given `data` and
 * offset + datlen. (Of libevent 2.2.) */
EVENT2_EXPORT_SYMBOL
int evbuffer_add_reference_with_offset(struct evbuffer *outbuf, const void *data, size_t offset,
    size_t datlen, evbuffer_ref_cleanup_cb cleanupfn, void *cleanupfn_arg);

/* Appends what `inbuf` holds, which keeps it as well; both refer to the same memory, so neither may change
 * the shared bytes in place. -1 when both are the same, when outbuf's end is frozen, or when inbuf holds
 * file segments or bytes that themselves came by this call. */
EVENT2_EXPORT_SYMBOL
int evbuffer_add_buffer_reference(struct evbuffer *outbuf, struct evbuffer *inbuf);

/* --- files -------------------------------------------------------------------------------- *
 * A segment is a range of a file. It goes to a socket by sendfile(2) where EVBUFFER_FLAG_DRAINS_TO_FD
 * allows it, else through a memory map, else through a copy in memory. Reading the bytes of a segment
 * from an evbuffer (evbuffer_remove, evbuffer_pullup, evbuffer_peek ...) always works: they are mapped,
 * or copied into memory, at that moment. */
struct evbuffer_file_segment;

/* Flags of evbuffer_file_segment_new: close the descriptor with the segment; never map; never sendfile;
 * and a promise of one thread, which is of no effect because segments need no lock. */
#define EVBUF_FS_CLOSE_ON_FREE 0x01
#define EVBUF_FS_DISABLE_MMAP 0x02
#define EVBUF_FS_DISABLE_SENDFILE 0x04
#define EVBUF_FS_DISABLE_LOCKING 0x08

/* Called once, after the last use of the segment; `flags` are those of the segment. The descriptor is
 * still open. */
typedef void (*evbuffer_file_segment_cleanup_cb)(
    struct evbuffer_file_segment const *seg, int flags, void *arg);

/* Appends `length` bytes of the file from `offset` on, or all to its end for length -1. Takes `fd` over: it
 * is closed when its bytes have been sent or dropped, and also on failure. */
EVENT2_EXPORT_SYMBOL
int evbuffer_add_file(struct evbuffer *outbuf, int fd, ev_off_t offset, ev_off_t length);

/* Returns a segment of `fd`, for as many uses in as many evbuffers as wanted; NULL on failure: negative
 * offset, a range beyond the end of a regular file, a length of -1 with something that has no size. `fd`
 * must stay open while the segment lives (see EVBUF_FS_CLOSE_ON_FREE), and the file must not shrink. */
EVENT2_EXPORT_SYMBOL
struct evbuffer_file_segment *evbuffer_file_segment_new(
    int fd, ev_off_t offset, ev_off_t length, unsigned flags);

/* Drops the caller's hold; the segment goes when no evbuffer uses it any more. */
EVENT2_EXPORT_SYMBOL
void evbuffer_file_segment_free(struct evbuffer_file_segment *seg);

/* Sets the cleanup function; one per segment, a second call replaces it. */
EVENT2_EXPORT_SYMBOL
void evbuffer_file_segment_add_cleanup_cb(
    struct evbuffer_file_segment *seg, evbuffer_file_segment_cleanup_cb cb, void *arg);

/* Appends `length` bytes of the segment, counted from `offset` within the segment, not within the file; -1
 * as length means to the segment's end. -1 when that is not inside of the segment. */
EVENT2_EXPORT_SYMBOL
int evbuffer_add_file_segment(
    struct evbuffer *buf, struct evbuffer_file_segment *seg, ev_off_t offset, ev_off_t length);

/* --- the front ---------------------------------------------------------------------------- */

/* Puts a copy of `size` bytes before the contents. */
EVENT2_EXPORT_SYMBOL
int evbuffer_prepend(struct evbuffer *buf, const void *data, size_t size);

/* Moves all of `src` before the contents of `dst`. Nothing happens for an empty src, or src == dst. */
EVENT2_EXPORT_SYMBOL
int evbuffer_prepend_buffer(struct evbuffer *dst, struct evbuffer *src);

/* Removes the first `len` bytes, or all when there are fewer. 0 for an empty evbuffer even when its front is
 * frozen. */
EVENT2_EXPORT_SYMBOL
int evbuffer_drain(struct evbuffer *buf, size_t len);

/* Copies the first bytes, at most `datlen` of them (and at most INT_MAX), to `data` and removes them.
 * Returns their number. */
EVENT2_EXPORT_SYMBOL
int evbuffer_remove(struct evbuffer *buf, void *data, size_t datlen);

/* The same without removing. Returns the number of bytes copied, -1 when the front is frozen. */
EVENT2_EXPORT_SYMBOL
ev_ssize_t evbuffer_copyout(struct evbuffer *buf, void *data_out, size_t datlen);

/* The same from a position on; NULL as position means the front. -1 for a position outside of the
 * contents. */
EVENT2_EXPORT_SYMBOL
ev_ssize_t evbuffer_copyout_from(
    struct evbuffer *buf, const struct evbuffer_ptr *pos, void *data_out, size_t datlen);

/* Makes the first `size` bytes (all for -1) contiguous, by copying where they are not, and returns their
 * address; NULL when there are fewer, for 0 bytes, or when memory is out. The address is good until the
 * evbuffer is changed. Costs a copy of up to `size` bytes; evbuffer_peek costs none. */
EVENT2_EXPORT_SYMBOL
unsigned char *evbuffer_pullup(struct evbuffer *buf, ev_ssize_t size);

/* Shows the contents where they lie. Fills vec_out (up to n_vec pieces) until `len` bytes are shown, or all
 * for len < 0, from `start_at` on (NULL: the front); the last piece may show more than was asked for.
 * Returns how many pieces the answer needs, which may be more than n_vec; with n_vec 0 it only counts. With
 * len < 0 and n_vec > 0 it stops at n_vec. Allowed while frozen. */
EVENT2_EXPORT_SYMBOL
int evbuffer_peek(struct evbuffer *buffer, ev_ssize_t len, struct evbuffer_ptr *start_at,
    struct evbuffer_iovec *vec_out, int n_vec);

/* --- moving between evbuffers ------------------------------------------------------------- */

/* Moves all of `inbuf` behind the contents of `outbuf`, without copying. Nothing happens for an empty inbuf,
 * or when both are the same. */
EVENT2_EXPORT_SYMBOL
int evbuffer_add_buffer(struct evbuffer *outbuf, struct evbuffer *inbuf);

/* Moves the first `datlen` bytes of `src`, or all when there are fewer, behind the contents of `dst`; only a
 * part of a block is copied. Returns the number of bytes moved (at most INT_MAX in one call). */
EVENT2_EXPORT_SYMBOL
int evbuffer_remove_buffer(struct evbuffer *src, struct evbuffer *dst, size_t datlen);

/* --- lines and searching ------------------------------------------------------------------ */

/* What ends a line. */
enum evbuffer_eol_style {
	/* Any run of CR and LF bytes, as long as it is at that moment: a run that arrives in two parts
	 * counts as two ends. */
	EVBUFFER_EOL_ANY,
	/* LF, with or without a CR before it. The one for internet protocols. */
	EVBUFFER_EOL_CRLF,
	/* CR LF and nothing else. */
	EVBUFFER_EOL_CRLF_STRICT,
	/* LF. */
	EVBUFFER_EOL_LF,
	/* A byte with value 0. */
	EVBUFFER_EOL_NUL
};

/* Removes a line with its end and returns the line without it: new memory, terminated by NUL, that the
 * caller frees with free (or the function given to event_set_mem_functions). *n_read_out, when not NULL,
 * becomes its length; 0 when NULL is returned: no complete line, front frozen, or memory out. */
EVENT2_EXPORT_SYMBOL
char *evbuffer_readln(struct evbuffer *buffer, size_t *n_read_out, enum evbuffer_eol_style eol_style);

/* The first place at or behind `start` (NULL: the front) where the `len` bytes of `what` are; its pos is -1
 * when there is none. 0 bytes are found at once, at `start`. */
EVENT2_EXPORT_SYMBOL
struct evbuffer_ptr evbuffer_search(
    struct evbuffer *buffer, const char *what, size_t len, const struct evbuffer_ptr *start);

/* The same for occurrences that lie wholly before `end` (NULL: the end of the contents). */
EVENT2_EXPORT_SYMBOL
struct evbuffer_ptr evbuffer_search_range(struct evbuffer *buffer, const char *what, size_t len,
    const struct evbuffer_ptr *start, const struct evbuffer_ptr *end);

/* The first end of a line at or behind `start` (NULL: the front); *eol_len_out, when not NULL, becomes
 * the length of that end, 0 when none was found. */
EVENT2_EXPORT_SYMBOL
struct evbuffer_ptr evbuffer_search_eol(struct evbuffer *buffer, struct evbuffer_ptr *start,
    size_t *eol_len_out, enum evbuffer_eol_style eol_style);

enum evbuffer_ptr_how {
	/* `position` counts from the front; the old value of the pointer does not matter. */
	EVBUFFER_PTR_SET,
	/* `position` counts from the pointer. */
	EVBUFFER_PTR_ADD
};

/* Moves a position. Every place from the front to just behind the last byte is one. For a place beyond
 * that it returns -1 and sets pos to -1 (where the sum does not even fit a number, pos is kept). */
EVENT2_EXPORT_SYMBOL
int evbuffer_ptr_set(
    struct evbuffer *buffer, struct evbuffer_ptr *ptr, size_t position, enum evbuffer_ptr_how how);

/* --- descriptors -------------------------------------------------------------------------- */

/* Writes what the descriptor takes, in one system call (writev, or sendfile for a file at the front), and
 * removes it. Returns the number of bytes; -1 with errno on failure (EAGAIN: it takes nothing now), and
 * -1 also for an empty evbuffer or a frozen front. */
EVENT2_EXPORT_SYMBOL
int evbuffer_write(struct evbuffer *buffer, evutil_socket_t fd);

/* The same for at most `howmuch` bytes; -1 means all. */
EVENT2_EXPORT_SYMBOL
int evbuffer_write_atmost(struct evbuffer *buffer, evutil_socket_t fd, ev_ssize_t howmuch);

/* Reads once from the descriptor, behind the contents. At most `howmuch` bytes; without a limit (-1), and
 * in any case, at most evbuffer_get_max_read. How much room is offered to the kernel is learned from read
 * to read: it begins at 2 KiB, grows fourfold whenever a read fills it, and shrinks when reads use little
 * of it. Returns the number of bytes, 0 at the end of the stream, -1 with errno on failure or when the
 * end is frozen. */
EVENT2_EXPORT_SYMBOL
int evbuffer_read(struct evbuffer *buffer, evutil_socket_t fd, int howmuch);

/* The limit for one evbuffer_read. It is 65536 for a new evbuffer (libevent 2.1: 4096, fixed). 1..INT_MAX;
 * -1 for other values. (Of libevent 2.2.) */
EVENT2_EXPORT_SYMBOL
int evbuffer_set_max_read(struct evbuffer *buf, size_t max);
EVENT2_EXPORT_SYMBOL
size_t evbuffer_get_max_read(struct evbuffer *buf);

/* --- callbacks ---------------------------------------------------------------------------- */

/* What changed: the length before, and what was added and removed since the callback was last told. */
struct evbuffer_cb_info {
	size_t orig_size;
	size_t n_added;
	size_t n_deleted;
};

/* Told of every change of an evbuffer's length, within the call that makes it and with the lock held. */
typedef void (*evbuffer_cb_func)(
    struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg);

struct evbuffer_cb_entry;

/* Adds a callback; those added last are called first. Returns its handle, NULL when memory is out or cb
 * is NULL. One added from within a callback is first called at the next change. */
EVENT2_EXPORT_SYMBOL
struct evbuffer_cb_entry *evbuffer_add_cb(struct evbuffer *buffer, evbuffer_cb_func cb, void *cbarg);

/* Removes a callback, by handle (which is invalid afterwards) or by function and argument: the one added
 * last that has both. Any callback may be removed from within any callback. -1 when there is no such one. */
EVENT2_EXPORT_SYMBOL
int evbuffer_remove_cb_entry(struct evbuffer *buffer, struct evbuffer_cb_entry *ent);
EVENT2_EXPORT_SYMBOL
int evbuffer_remove_cb(struct evbuffer *buffer, evbuffer_cb_func cb, void *cbarg);

/* Set for a new callback; while it is clear, the callback is not called. */
#define EVBUFFER_CB_ENABLED 1

/* Sets or clears EVBUFFER_CB_ENABLED of a callback. Returns 0. */
EVENT2_EXPORT_SYMBOL
int evbuffer_cb_set_flags(struct evbuffer *buffer, struct evbuffer_cb_entry *cb, ev_uint32_t flags);
EVENT2_EXPORT_SYMBOL
int evbuffer_cb_clear_flags(struct evbuffer *buffer, struct evbuffer_cb_entry *cb, ev_uint32_t flags);

struct event_base;
/* From now on callbacks run in the loop of `base`, not within the changing call; changes until then are told
 * at once, in one call. On a pooled base (evrt/pool.h) they run in the strand of the caller, or in one of
 * the evbuffer's own. Returns 0. */
EVENT2_EXPORT_SYMBOL
int evbuffer_defer_callbacks(struct evbuffer *buffer, struct event_base *base);

#ifdef __cplusplus
}
#endif

#endif
