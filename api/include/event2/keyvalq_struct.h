/* event2/keyvalq_struct.h — a queue of names with values: HTTP headers, and the parameters of a query.
 *
 * The layout is that of TAILQ_HEAD(evkeyvalq, evkeyval) of <sys/queue.h>, whose macros work on it:
 *
 *      struct evkeyval *header;
 *      TAILQ_FOREACH(header, headers, next)
 *              printf("%s: %s\n", header->key, header->value);
 *
 * evhttp_find_header, evhttp_add_header and their kin (event2/http.h) do the same by name.
 * Threads: no lock of its own; whoever owns the queue guards it.
 */
#ifndef EVENT2_KEYVALQ_STRUCT_H_INCLUDED_
#define EVENT2_KEYVALQ_STRUCT_H_INCLUDED_

#ifdef __cplusplus
extern "C" {
#endif

/* One pair. Both texts belong to the pair, and end with a NUL. */
struct evkeyval {
	struct {
		struct evkeyval *tqe_next;
		struct evkeyval **tqe_prev;
	} next;
	char *key;
	char *value;
};

/* The queue. */
struct evkeyvalq {
	struct evkeyval *tqh_first;
	struct evkeyval **tqh_last;
};

#ifdef __cplusplus
}
#endif

#endif
