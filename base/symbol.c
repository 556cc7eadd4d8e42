/* base/symbol.c — see symbol.h. */
#include "base/symbol.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* The last part of a path. */
static const char *
symbol_file(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void
evrt__symbol_name(const void *addr, char *buf, size_t size)
{
	Dl_info info = {0};

	if (!dladdr(addr, &info) || !info.dli_fname) {
		snprintf(buf, size, "%p", addr);
		return;
	}
	const char *file = symbol_file(info.dli_fname);
	if (!info.dli_sname)
		snprintf(buf, size, "%s+0x%tx", file, (const char *)addr - (const char *)info.dli_fbase);
	else if (info.dli_saddr == addr)
		snprintf(buf, size, "%s (%s)", info.dli_sname, file);
	else
		snprintf(buf, size, "%s+0x%tx (%s)", info.dli_sname, (const char *)addr - (const char *)info.dli_saddr, file);
}
