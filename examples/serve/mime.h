/* examples/serve/mime.h — content types by the ends of names. */
#ifndef EVRT_EXAMPLES_SERVE_MIME_H_
#define EVRT_EXAMPLES_SERVE_MIME_H_

/* Never NULL: application/octet-stream for what is not known. */
const char *serve_mime_type(const char *path);

#endif
