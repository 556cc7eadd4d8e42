/* examples/serve/tree.c — opening files beneath a root; see tree.h. */
#include "examples/serve/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A fifo must not make us wait for its writer, nor a terminal become ours. */
#define TREE_OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

/* The kernel answers EAGAIN when a rename elsewhere made ".." uncertain during its walk. */
#define TREE_RETRIES_MAX 8

static int
tree_openat2(int root, const char *relative)
{
	struct open_how how = {
		.flags = TREE_OPEN_FLAGS,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	for (int i = 0; i < TREE_RETRIES_MAX && fd < 0; i++) {
		fd = syscall(SYS_openat2, root, relative, &how, sizeof(how));
		if (fd < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return fd < 0 ? -EAGAIN : (int)fd;
}

/* Component by component, following no symbolic link. */
static int
tree_walk(int root, const char *relative)
{
	char name[NAME_MAX + 1];
	int at = root, fd;

	for (;;) {
		size_t n = strcspn(relative, "/");
		bool last = relative[n] == '\0';
		fd = -1;
		errno = ENAMETOOLONG;
		if (n < sizeof(name)) {
			memcpy(name, relative, n);
			name[n] = '\0';
			fd = openat(at, name, (last ? TREE_OPEN_FLAGS : O_PATH | O_DIRECTORY | O_CLOEXEC) | O_NOFOLLOW);
		}
		int failure = fd < 0 ? -errno : 0;
		if (at != root)
			close(at);
		if (failure || last)
			return failure ? failure : fd;
		at = fd;
		relative += n + 1;
	}
}

int
serve_tree_open(struct serve_tree *tree, const char *dir)
{
	tree->root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tree->root < 0)
		return -errno;
	/* Older kernels do not know openat2, and some sandboxes forbid it. */
	int fd = tree_openat2(tree->root, ".");
	tree->beneath = fd >= 0;
	if (fd >= 0)
		close(fd);
	return 0;
}

void
serve_tree_close(struct serve_tree *tree)
{
	close(tree->root);
	tree->root = -1;
}

static int
tree_errno(int failure)
{
	switch (failure) {
	case -EXDEV:            /* leads out of the root */
	case -ELOOP:
	case -ENOTDIR:
	case -ENAMETOOLONG:
		return -ENOENT;
	case -EPERM:
	case -ENXIO:            /* a socket, or a fifo */
	case -ENODEV:
		return -EACCES;
	default:
		return failure;
	}
}

int
serve_tree_find(const struct serve_tree *tree, const char *path, struct stat *stat)
{
	char relative[PATH_MAX];
	size_t n = strlen(path);

	/* Without its slashes at both ends; the root itself is ".". */
	if (n > 1 && path[n - 1] == '/')
		n--;
	if (n >= sizeof(relative))
		return -ENOENT;
	memcpy(relative, path + 1, n - 1);
	relative[n - 1] = '\0';
	if (relative[0] == '\0')
		memcpy(relative, ".", 2);
	int fd = tree->beneath ? tree_openat2(tree->root, relative) : tree_walk(tree->root, relative);
	if (fd < 0)
		return tree_errno(fd);
	if (fstat(fd, stat) != 0) {
		int failure = -errno;
		close(fd);
		return failure;
	}
	if (!S_ISREG(stat->st_mode) && !S_ISDIR(stat->st_mode)) {
		close(fd);
		return -EACCES;
	}
	return fd;
}
