/* testing/unit/serve/parts_test.c — the parts of examples/serve that need no connection. What needs one is
 * tested from outside: testing/system/serve. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "api/http/parse.h"
#include "examples/serve/conditions.h"
#include "examples/serve/listing.h"
#include "examples/serve/mime.h"
#include "examples/serve/options.h"
#include "examples/serve/text.h"
#include "examples/serve/tree.h"
#include "testing/harness/test.h"

/* A folder of our own, and in it: secret, root/{file, dir/{inner, up -> ..}, fifo, in -> file, out -> ../secret,
 * outdir -> .., absolute -> secret}. The case ends in it. */
static void
make_tree(void)
{
	static char template[256];
	const char *tmp = getenv("TEST_TMPDIR");
	char absolute[512];

	snprintf(template, sizeof(template), "%s/parts.XXXXXX", tmp ? tmp : "/tmp");
	CHECK(mkdtemp(template) != NULL);
	CHECK(chdir(template) == 0);
	CHECK(mkdir("root", 0755) == 0 && mkdir("root/dir", 0755) == 0 && mkfifo("root/fifo", 0644) == 0);
	for (int i = 0; i < 3; i++) {
		static const char *const files[] = {"secret", "root/file", "root/dir/inner"};
		int fd = open(files[i], O_WRONLY | O_CREAT | O_EXCL, 0644);
		CHECK(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
	}
	snprintf(absolute, sizeof(absolute), "%s/secret", template);
	CHECK(symlink("file", "root/in") == 0 && symlink("../secret", "root/out") == 0);
	CHECK(symlink("..", "root/outdir") == 0 && symlink(absolute, "root/absolute") == 0);
	CHECK(symlink("..", "root/dir/up") == 0);
}

static void
remove_tree(void)
{
	static const char *const names[] = {"root/dir/up", "root/absolute", "root/outdir", "root/out", "root/in",
		"root/dir/inner", "root/file", "secret", "root/fifo", "root/dir", "root"};
	char here[256];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CHECK(remove(names[i]) == 0);
	CHECK(getcwd(here, sizeof(here)) != NULL && chdir("/") == 0 && rmdir(here) == 0);
}

static int
find(const struct serve_tree *tree, const char *path)
{
	struct stat stat;
	int fd = serve_tree_find(tree, path, &stat);

	if (fd < 0)
		return fd;
	close(fd);
	return S_ISDIR(stat.st_mode) ? 2 : 1;
}

static void
check_tree(const struct serve_tree *tree)
{
	char path[5000];

	CHECK_INT_EQ(find(tree, "/"), 2);
	CHECK_INT_EQ(find(tree, "/dir"), 2);
	CHECK_INT_EQ(find(tree, "/dir/"), 2);
	CHECK_INT_EQ(find(tree, "/file"), 1);
	CHECK_INT_EQ(find(tree, "/dir/inner"), 1);
	CHECK_INT_EQ(find(tree, "/nothing"), -ENOENT);
	CHECK_INT_EQ(find(tree, "/file/inner"), -ENOENT);
	CHECK_INT_EQ(find(tree, "/fifo"), -EACCES);
	CHECK_INT_EQ(find(tree, "/out"), -ENOENT);
	CHECK_INT_EQ(find(tree, "/outdir"), -ENOENT);
	CHECK_INT_EQ(find(tree, "/outdir/secret"), -ENOENT);
	CHECK_INT_EQ(find(tree, "/absolute"), -ENOENT);
	/* One link that stays inside or is refused, and one step further that leads out. */
	CHECK_INT_EQ(find(tree, "/dir/up/outdir/secret"), -ENOENT);
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	CHECK_INT_EQ(find(tree, path), -ENOENT);
	path[300] = '\0';
	CHECK_INT_EQ(find(tree, path), -ENOENT);
}

static void
nothing_leads_out_of_the_tree(void)
{
	struct serve_tree tree;

	make_tree();
	CHECK_INT_EQ(serve_tree_open(&tree, "root"), 0);
	check_tree(&tree);
	if (tree.beneath)
		CHECK_INT_EQ(find(&tree, "/in"), 1);
	/* and as on a kernel without openat2 */
	tree.beneath = false;
	check_tree(&tree);
	CHECK_INT_EQ(find(&tree, "/in"), -ENOENT);
	CHECK_INT_EQ(find(&tree, "/dir/up/file"), -ENOENT);
	serve_tree_close(&tree);
	CHECK_INT_EQ(serve_tree_open(&tree, "root/file"), -ENOTDIR);
	CHECK_INT_EQ(serve_tree_open(&tree, "root/nothing"), -ENOENT);
	remove_tree();
}

static const char *
text_of(struct evbuffer *buffer)
{
	evbuffer_add(buffer, "", 1);
	return (const char *)evbuffer_pullup(buffer, -1);
}

static void
a_listing_shows_what_is_served(void)
{
	struct evbuffer *page = evbuffer_new();
	int dir;

	make_tree();
	dir = open("root", O_RDONLY | O_DIRECTORY);
	CHECK_INT_EQ(serve_listing_write(page, dir, "/<a>/"), 0);
	const char *text = text_of(page);
	CHECK(strstr(text, "<title>/&lt;a&gt;/</title>") != NULL);
	CHECK(strstr(text, "<a href=\"../\">") != NULL);
	CHECK(strstr(text, "<a href=\"./dir/\">dir/</a>") != NULL);
	CHECK(strstr(text, "<a href=\"./file\">file</a>") != NULL);
	CHECK(strstr(text, "fifo") == NULL);
	CHECK(strstr(text, "./dir/") < strstr(text, "./absolute"));
	CHECK_INT_EQ(serve_listing_write(page, -1, "/"), -EBADF);
	close(dir);
	evbuffer_free(page);
	remove_tree();
}

static void
text_is_escaped(void)
{
	struct evbuffer *out = evbuffer_new();

	CHECK_INT_EQ(serve_html_escape(out, "a<b>&\"'\xc3\xa9"), 0);
	CHECK_STR_EQ(text_of(out), "a&lt;b&gt;&amp;&quot;&#39;\xc3\xa9");
	evbuffer_drain(out, evbuffer_get_length(out));
	CHECK_INT_EQ(serve_url_escape(out, "/a b?#%\xc3\xa9~"), 0);
	CHECK_STR_EQ(text_of(out), "/a%20b%3f%23%25%c3%a9~");
	evbuffer_drain(out, evbuffer_get_length(out));
	CHECK_INT_EQ(serve_url_escape(out, "\r\nX: y"), 0);
	CHECK_STR_EQ(text_of(out), "%0d%0aX%3a%20y");
	evbuffer_free(out);
}

static void
text_is_cut_not_overrun(void)
{
	struct serve_text t = {.len = sizeof(t.bytes) - 3};

	serve_text_add_number(&t, 12);
	CHECK(!t.cut);
	serve_text_add_hex(&t, UINT64_MAX);
	CHECK(t.cut);
	CHECK_INT_EQ(t.len, sizeof(t.bytes));
	CHECK_MEM_EQ(t.bytes + sizeof(t.bytes) - 3, "12f", 3);
}

static void
types_follow_suffixes(void)
{
	CHECK_STR_EQ(serve_mime_type("/a.7z"), "application/x-7z-compressed");
	CHECK_STR_EQ(serve_mime_type("/a.b/INDEX.HTML"), "text/html; charset=utf-8");
	CHECK_STR_EQ(serve_mime_type("/a.webmanifest"), "application/manifest+json");
	CHECK_STR_EQ(serve_mime_type("/a.woff"), "font/woff");
	CHECK_STR_EQ(serve_mime_type("/a.tar.gz"), "application/gzip");
	CHECK_STR_EQ(serve_mime_type("/a.zip"), "application/zip");
	CHECK_STR_EQ(serve_mime_type("/a.html/b"), "application/octet-stream");
	CHECK_STR_EQ(serve_mime_type("/html"), "application/octet-stream");
	CHECK_STR_EQ(serve_mime_type("/a."), "application/octet-stream");
}

/* The status for one If-None-Match against "abc". */
static int
none_match(const char *list)
{
	static const struct evrt_http_limits limits = {8192, 8192, 4};
	static const struct serve_version version = {.etag = "\"abc\"", .modified = 1000};
	struct evrt_http_field fields[4];
	struct evrt_http_head head;
	char bytes[512];
	int n = snprintf(bytes, sizeof(bytes), "GET / HTTP/1.0\r\nIf-None-Match: %s\r\n\r\n", list);

	evrt__http_head_init(&head, false, &limits, fields);
	CHECK_INT_EQ(evrt__http_head_parse(&head, bytes, (size_t)n), EVRT_HTTP_OK);
	return serve_conditions(&head, bytes, &version, 2000);
}

static void
entity_tags_are_compared_whole(void)
{
	static const char *const matching[] = {"*", "\"abc\"", "W/\"abc\"", "\"x\",\"abc\"", "\"x\" , W/\"abc\"",
		", \"abc\",", "\"*\", \"abc\"", "\"a,b\", \"abc\""};
	static const char *const other[] = {"", "abc", "\"abc", "\"ab\"", "\"abcd\"", "w/\"abc\"", "W/abc", "W/", "\"",
		"x \"abc\"", "\"abc\\\"", "**"};

	for (size_t i = 0; i < sizeof(matching) / sizeof(matching[0]); i++)
		CHECK_INT_EQ(none_match(matching[i]), 304);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		CHECK_INT_EQ(none_match(other[i]), 200);
}

static int
parse_options(struct serve_options *o, const char *a, const char *b, const char *c)
{
	char *argv[] = {(char *)"serve", (char *)a, (char *)b, (char *)c, NULL};
	char problem[160] = "";
	int argc = 1, result;

	while (argv[argc])
		argc++;
	result = serve_options_parse(o, argc, argv, problem, sizeof(problem));
	CHECK_INT_EQ(result != 0, problem[0] != '\0');
	return result;
}

static void
options_are_read(void)
{
	struct serve_options o;

	CHECK_INT_EQ(parse_options(&o, NULL, NULL, NULL), 0);
	CHECK_STR_EQ(o.dir, ".");
	CHECK_INT_EQ(o.port, 8080);
	CHECK_INT_EQ(o.workers, 0);
	CHECK_INT_EQ(parse_options(&o, "--port", "9", "dir"), 0);
	CHECK_STR_EQ(o.dir, "dir");
	CHECK_INT_EQ(o.port, 9);
	CHECK_INT_EQ(parse_options(&o, "--port=0", "-v", "--workers=64"), 0);
	CHECK_INT_EQ(o.port, 0);
	CHECK_INT_EQ(o.workers, 64);
	CHECK(o.verbose);
	CHECK_INT_EQ(parse_options(&o, "--ports=1", NULL, NULL), -1);
	CHECK_INT_EQ(parse_options(&o, "--port=1x", NULL, NULL), -1);
	CHECK_INT_EQ(parse_options(&o, "--port=", NULL, NULL), -1);
	CHECK_INT_EQ(parse_options(&o, "--port", " 1", NULL), -1);
	CHECK_INT_EQ(parse_options(&o, "--port", "99999999999999999999", NULL), -1);
	CHECK_INT_EQ(parse_options(&o, "--workers", NULL, NULL), -1);
	CHECK_INT_EQ(parse_options(&o, "a", "b", NULL), -1);
}

static const struct evrt_test_case cases[] = {
	{"nothing_leads_out_of_the_tree", nothing_leads_out_of_the_tree},
	{"a_listing_shows_what_is_served", a_listing_shows_what_is_served},
	{"text_is_escaped", text_is_escaped},
	{"text_is_cut_not_overrun", text_is_cut_not_overrun},
	{"types_follow_suffixes", types_follow_suffixes},
	{"entity_tags_are_compared_whole", entity_tags_are_compared_whole},
	{"options_are_read", options_are_read},
	{NULL, NULL},
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}
