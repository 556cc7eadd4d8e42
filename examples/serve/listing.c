/* examples/serve/listing.c — a page that lists a directory; see listing.h. */
#include "examples/serve/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "examples/serve/text.h"

struct listing {
	struct listing_entry {
		bool directory;
		char *name;
	} *entries;
	size_t count, room;
	bool more;
};

/* Directories first, then by name. */
static int
listing_order(const void *a, const void *b)
{
	const struct listing_entry *x = a, *y = b;

	if (x->directory != y->directory)
		return x->directory ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* 1 directory, 0 file or link, -1 nothing that is served. */
static int
listing_kind(int dir, const struct dirent *entry)
{
	struct stat stat;

	if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
		return -1;
	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR ? 1 : entry->d_type == DT_REG || entry->d_type == DT_LNK ? 0 : -1;
	if (fstatat(dir, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	return S_ISDIR(stat.st_mode) ? 1 : S_ISREG(stat.st_mode) || S_ISLNK(stat.st_mode) ? 0 : -1;
}

static int
listing_add(struct listing *l, const char *name, bool directory)
{
	if (l->count == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		struct listing_entry *entries = realloc(l->entries, room * sizeof(*entries));
		if (!entries)
			return -ENOMEM;
		l->entries = entries;
		l->room = room;
	}
	char *copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	l->entries[l->count++] = (struct listing_entry){directory, copy};
	return 0;
}

static int
listing_read(struct listing *l, DIR *stream)
{
	struct dirent *entry;

	for (;;) {
		errno = 0;
		entry = readdir(stream);
		if (!entry)
			return -errno;
		int kind = listing_kind(dirfd(stream), entry);
		if (kind < 0)
			continue;
		if (l->count == SERVE_LISTING_ENTRIES_MAX) {
			l->more = true;
			return 0;
		}
		int failure = listing_add(l, entry->d_name, kind == 1);
		if (failure)
			return failure;
	}
}

/* "./" keeps a name with a colon from being taken for a scheme. */
static int
listing_write_entry(struct evbuffer *page, const struct listing_entry *e)
{
	const char *slash = e->directory ? "/" : "";

	if (evbuffer_add_printf(page, "<li><a href=\"./") < 0 || serve_url_escape(page, e->name) != 0 ||
	    evbuffer_add_printf(page, "%s\">", slash) < 0 || serve_html_escape(page, e->name) != 0 ||
	    evbuffer_add_printf(page, "%s</a></li>\n", slash) < 0)
		return -ENOMEM;
	return 0;
}

static int
listing_write(struct evbuffer *page, const struct listing *l, const char *path)
{
	if (evbuffer_add_printf(page, "<!doctype html>\n<meta charset=\"utf-8\">\n<title>") < 0 ||
	    serve_html_escape(page, path) != 0 || evbuffer_add_printf(page, "</title>\n<h1>") < 0 ||
	    serve_html_escape(page, path) != 0 || evbuffer_add_printf(page, "</h1>\n<ul>\n") < 0)
		return -ENOMEM;
	if (path[1] && evbuffer_add_printf(page, "<li><a href=\"../\">../</a></li>\n") < 0)
		return -ENOMEM;
	for (size_t i = 0; i < l->count; i++) {
		if (listing_write_entry(page, &l->entries[i]) != 0)
			return -ENOMEM;
	}
	return evbuffer_add_printf(page, "</ul>\n%s", l->more ? "<p>and more</p>\n" : "") < 0 ? -ENOMEM : 0;
}

int
serve_listing_write(struct evbuffer *page, int dir, const char *path)
{
	struct listing l = {NULL, 0, 0, false};
	int own = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	DIR *stream = own < 0 ? NULL : fdopendir(own);

	if (!stream) {
		int failure = -errno;
		if (own >= 0)
			close(own);
		return failure;
	}
	int failure = listing_read(&l, stream);
	closedir(stream);
	if (!failure) {
		if (l.count)
			qsort(l.entries, l.count, sizeof(l.entries[0]), listing_order);
		failure = listing_write(page, &l, path);
	}
	for (size_t i = 0; i < l.count; i++)
		free(l.entries[i].name);
	free(l.entries);
	return failure;
}
