/* examples/serve/tree.h — the files below one directory, and no others.
 *
 * Threads: any, once opened.
 */
#ifndef EVRT_EXAMPLES_SERVE_TREE_H_
#define EVRT_EXAMPLES_SERVE_TREE_H_

#include <stdbool.h>
#include <sys/stat.h>

struct serve_tree {
	int root;
	/* Whether the kernel resolves paths beneath the root by itself: then symbolic links that stay inside
	 * are followed. Without it none is. */
	bool beneath;
};

/* 0 or -errno. */
int serve_tree_open(struct serve_tree *, const char *dir);
void serve_tree_close(struct serve_tree *);
/* Opens the regular file or directory at `path`: absolute, meaning the root, without "." and "..", as
 * evrt__http_path_decode makes them. An fd for reading with its *stat, or -errno: -ENOENT for what is not
 * there or leads out, -EACCES for what may not be read or is neither file nor directory. */
int serve_tree_find(const struct serve_tree *, const char *path, struct stat *stat);

#endif
