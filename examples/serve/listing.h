/* examples/serve/listing.h — a page that lists a directory. */
#ifndef EVRT_EXAMPLES_SERVE_LISTING_H_
#define EVRT_EXAMPLES_SERVE_LISTING_H_

struct evbuffer;

/* More entries than this are not shown; the page says so. */
#define SERVE_LISTING_ENTRIES_MAX 10000

/* Lists the directories, files and symbolic links in `dir` (borrowed), which the client knows as `path`. 0 or
 * -errno. */
int serve_listing_write(struct evbuffer *page, int dir, const char *path);

#endif
