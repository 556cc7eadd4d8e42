/* testing/fuzz/buffer_ops/world.h — several evbuffers, and the plain arrays of bytes that they should equal.
 *
 * Here:     the models, the source of choices (a seed, or the bytes of a fuzzer), and what the operations share.
 * Not here: the operations (edit_ops.c, look_ops.c, move_ops.c, file_ops.c).
 * Threads:  one.
 *
 * An operation draws its arguments, makes the call, and does to the model what the call should have done. Between
 * operations every evbuffer is validated and compared with its model. With faults, an operation may be refused
 * for want of memory: then the model stays as it is, and so must the evbuffer.
 */
#ifndef EVRT_TESTING_FUZZ_BUFFER_OPS_WORLD_H_
#define EVRT_TESTING_FUZZ_BUFFER_OPS_WORLD_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <event2/buffer.h>
#include "api/buffer/buffer_internal.h"

#define OPS_BUFFERS 4
#define OPS_SEGMENTS 3
#define OPS_TEXT_BYTES 40000u
#define OPS_FILE_BYTES 30000u
#define OPS_LEN_MAX 20000u /* of one argument */

struct ops_bytes {
	unsigned char *mem;
	size_t head, len;
};

struct ops_model {
	struct evbuffer *buf;
	struct ops_bytes bytes;
	size_t told;       /* the length, according to the callback */
	bool frozen[2];    /* [1]: the front */
	bool unshareable;  /* may hold parts of files, or bytes shared with another evbuffer */
	bool defers;       /* callbacks wait for op_run_deferred */
	bool pending;      /* one waits */
	struct evrt__buffer_defer defer;
	/* The next callback makes one more edit; where that is to be done to the model, after the edit that the
	 * callback was told of, `nested_done` says so. */
	void (*nested)(struct ops_model *);
	void (*nested_done)(struct ops_model *);
	size_t nested_n;
};

/* Choices: from the bytes of an input while there are any, or, without an input, from a seed. */
struct ops_dice {
	const unsigned char *input;
	size_t left;
	uint64_t seed;
};

struct ops_world {
	struct ops_dice dice;
	bool faults;
	struct ops_model models[OPS_BUFFERS];
	struct ops_bytes wire; /* written to sockets[0], not yet read from sockets[1] */
	int sockets[2];
	int file;
	struct evbuffer_file_segment *segments[OPS_SEGMENTS];
	size_t segment_at[OPS_SEGMENTS], segment_len[OPS_SEGMENTS];
	int references_due; /* cleanups that have still to come */
	int segments_due;
	size_t steps;
};

extern struct ops_world ops_world;
/* Letters and line ends, the same in every run. The file holds its first OPS_FILE_BYTES. */
extern unsigned char ops_text[OPS_TEXT_BYTES];

/* Operations until the input is used up, or `steps` were made (EV_SIZE_MAX: no limit); then all ends, and what
 * was to be cleaned up must have been. Not within another run. */
void ops_run(struct ops_dice dice, size_t steps, bool faults);

uint64_t ops_roll(uint64_t n); /* 0..n-1 */
size_t ops_roll_len(void);     /* mostly small, 0..OPS_LEN_MAX-1 */
struct ops_model *ops_roll_model(void);

/* A call has failed, or not. True: nothing has happened, and the model is to stay. It fails when it must
 * (frozen), and may where a fault has come to pass; otherwise this ends the run. */
#define ops_refused(failed, must_fail) ops_refused_at(__FILE__, __LINE__, (failed), (must_fail))
bool ops_refused_at(const char *file, int line, bool failed, bool must_fail);

static inline unsigned char *ops_at(const struct ops_bytes *b, size_t at) { return b->mem + b->head + at; }
void ops_insert(struct ops_bytes *, size_t at, const void *bytes, size_t n);
void ops_cut(struct ops_bytes *, size_t n);
/* The bytes have been moved from one evbuffer to the other. */
void ops_move(struct ops_model *to, size_t at, struct ops_model *from, size_t n);

struct ops_op {
	void (*run)(struct ops_model *);
	unsigned weight;
};
/* Each ends with a NULL. */
extern const struct ops_op ops_edit[], ops_look[], ops_move_table[], ops_file[];

#endif
