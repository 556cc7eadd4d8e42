/* base/symbol.h — the name of an address of code, for reports.
 *
 * Here:     function and file as the dynamic linker knows them.
 * Not here: line numbers, names of static functions: the offset in the file is there for addr2line.
 * Threads:  any. It may take the dynamic linker's lock: for reports, not for hot paths.
 */
#ifndef EVRT_BASE_SYMBOL_H_
#define EVRT_BASE_SYMBOL_H_

#include <stddef.h>

/* Long enough for most names; longer ones are cut. */
#define EVRT_SYMBOL_MAX 128

/* Writes "function (file)", "function+0x12 (file)", "file+0x1234" where no function is known there, or the bare
 * address where no file is; always terminated. `size` > 0. */
void evrt__symbol_name(const void *addr, char *buf, size_t size);

#endif
