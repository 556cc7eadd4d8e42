#!/usr/bin/env python3
"""lint.py on temporary trees: each planted violation is reported where it is, and what is right passes."""

import os
import subprocess
import sys
import tempfile

LINT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "lint.py")

# A tree that breaks no rule; every case below changes one file of it.
CLEAN = {
    "base/BUILD": 'srcs = ["a.c", "mem.c"], hdrs = ["a.h", "atomic.h", "mem.h", "sys.h"]\n',
    "base/a.h": "struct a {\n\tint x;\n};\n",
    "base/a.c": '#include "base/a.h"\n#include <stdio.h>\n',
    "base/atomic.h": "#define evrt_load(p) atomic_load_explicit((p), memory_order_relaxed)\n",
    "base/mem.h": "void evrt__free(void *);\n",
    "base/mem.c": "void\nevrt__free(void *p)\n{\n\tfree(p);\n}\n",
    "base/sys.h": "struct evrt_sys {\n\tint (*close)(int);\n};\n",
    "threading/BUILD": 'hdrs = ["lock.h"]\n',
    "threading/lock.h": '#include "base/a.h"\n',
    "backends/BUILD": 'hdrs = ["backend.h"]\n',
    "backends/backend.h": '#include "base/a.h"\n',
    "runtime/BUILD": 'srcs = ["loop.c"]\n',
    "runtime/loop.c": '#include "backends/backend.h"\n#include "threading/lock.h"\n'
                      "/* PAIRS loop.word: acquire */\nint\nloop_run(int x)\n{\n\tEVRT_TRACE(told, x);\n"
                      "\treturn evrt_load_acquire(&x->word[1]);\n}\n",
    "docs/CONCURRENCY.md": "## Pairs of atomics\n\n| id |\n| loop.word (in x.c) | a |\n\n## Other\n| not.this |\n",
    "docs/LIFE.md": "| `told` | `runtime/loop.c`: `loop_run` | any |\n",
    "api/BUILD": 'srcs = ["event.c"]\n',
    "api/event.c": "#include <event2/event.h>\nint\nf(void)\n{\n\treturn evrt__sys.close(g->free(0));\n}\n",
    "api/http/BUILD": 'hdrs = ["parse.h"]\n',
    "api/http/parse.h": "struct parse;\n",
    "api/include/BUILD": 'hdrs = glob(["**/*.h"])\n',
    "api/include/event2/event.h": "#include <stdio.h>\n#include <event2/util.h>\n",
    "api/include/event2/util.h": "int u; /* what the user's free(x) frees; memory_order_relaxed */\n",
    "examples/serve/BUILD": 'srcs = ["serve.c"]\n',
    "examples/serve/serve.c": '#include <event2/event.h>\n#include "api/http/parse.h"\nint x = free();\n',
    "testing/BUILD": 'srcs = ["t.c"]\n',
    "testing/kit/BUILD": 'load(":kit.bzl", "kit_test")\n',
    "testing/kit/kit.bzl": 'SRCS = ["//testing/kit:k.c"]\n',
    "testing/kit/k.c": "int k;\n",
    "testing/t.c": '#include "runtime/loop.h"\n#include <event2/event.h>\n',
}

DOCUMENTS = 2  # held against the sources, not counted with them

LONG_FUNCTION = "int\nf(void)\n{\n" + "\tg();\n" * 79 + "}\n"

# name, file, its contents instead (or besides, for a new file), what the report must say.
PLANTED = [
    ("right_arrow_from_base", "base/a.c",
     '#include "runtime/loop.h"\n', "base/a.c:1: base/ may not include"),
    ("right_arrow_from_runtime", "runtime/loop.c",
     '\n#include "api/event.h"\n', "runtime/loop.c:2: runtime/ may"),
    ("siblings_meet", "backends/backend.h",
     '#include "threading/lock.h"\n', "backends/backend.h:1: backends/ may"),
    ("testing_is_seen", "api/event.c",
     '#include "testing/t.h"\n', "api/event.c:1: api/ may not include testing"),
    ("example_looks_inside", "examples/serve/serve.c",
     '#include "api/event.h"\n', "examples/ may not include"),
    ("example_exception_is_one_folder", "examples/echo.c",
     '#include "api/http/parse.h"\n', "examples/ may not"),
    ("engine_knows_public_header", "runtime/loop.c",
     "#include <event2/event.h>\n", "may not include the public"),
    ("public_includes_private", "api/include/event2/util.h",
     '#include "base/a.h"\n', "a public header includes"),
    ("public_includes_private_angled", "api/include/event2/util.h",
     "#include <base/a.h>\n", "a public header inc"),
    ("private_angled", "runtime/loop.c", "#include <base/a.h>\n", "headers of the tree are included as"),
    ("relative_include", "base/a.c", '#include "a.h"\n', "written from the root"),
    ("memory_order", "runtime/loop.c",
     "int f = memory_order_acquire;\n", "memory_order_acquire belongs in"),
    ("fence", "runtime/loop.c",
     "void g(void) { atomic_thread_fence(5); }\n", "atomic_thread_fence belongs in"),
    ("builtin_atomic", "testing/t.c",
     "int g(void) { return __atomic_load_n(p, 0); }\n", "belongs in base/atomic"),
    ("unfinished_c", "base/a.c", "/* TO" "DO later */\n", "base/a.c:1: unfinished"),
    ("unfinished_build", "base/BUILD", CLEAN["base/BUILD"] + "# FIX" "ME\n", "base/BUILD:2: unfinished"),
    ("unfinished_script", "evrt", "#!/bin/bash\n# HA" "CK\n", "evrt:2: unfinished: HA" "CK"),
    ("long_line", "base/a.c", "int " + "x" * 116 + ";\n", "line of 121 columns"),
    ("long_line_tabs", "base/a.c", "\t\tint " + "x" * 108 + ";\n", "line of 121 columns"),
    ("long_file", "base/a.c", "int a;\n" * 601, "file of 601 lines"),
    ("long_function", "base/a.c", LONG_FUNCTION, "base/a.c:3: function of 81 lines"),
    ("long_function_brace_at_end", "base/a.c",
     LONG_FUNCTION.replace(")\n{\n", ") {\n"), "function of 81 lines"),
    ("malloc", "runtime/loop.c", "void *p = malloc(3);\n", "malloc() directly"),
    ("strdup", "api/event.c", "char *p = strdup(s);\n", "strdup() directly"),
    ("free_in_base", "base/a.c", "void\nf(void)\n{\n\tfree(p);\n}\n", "base/a.c:4: free() directly"),
    ("system_call", "api/event.c",
     "int\nf(void)\n{\n\treturn close(3);\n}\n", "api/event.c:4: close() directly"),
    ("if_in_function", "base/a.c",
     "int\nf(void)\n{\n#ifdef A\n\tg();\n#endif\n}\n", "base/a.c:4: preprocessor"),
    ("ordered_access_without_pair", "runtime/loop.c",
     "int g(void) { return evrt_load_acquire(&a->loop[b->c].lonely); }\n",
     "runtime/loop.c:1: ordered access to lonely"),
    ("ordered_access_to_another", "runtime/loop.c",
     "/* PAIRS loop.word */\nint g(void) { return evrt_load_acquire(&a->words); }\n",
     "runtime/loop.c:2: ordered access to words"),
    ("pair_told_in_another_folder", "threading/lock.h",
     "static int g(void) { return evrt_load_acquire(&a->word); }\n", "threading/lock.h:1: ordered access to word"),
    ("pair_not_in_table", "runtime/loop.c",
     "/*\n * PAIRS loop.other: release */\n", "runtime/loop.c:2: PAIRS loop.other is not in"),
    ("pair_in_table_only", "runtime/loop.c", "int g;\n", "docs/CONCURRENCY.md:4: loop.word: no comment"),
    ("trace_point_elsewhere", "docs/LIFE.md",
     "| `told` | `runtime/loop.c`: `other` |\n", "docs/LIFE.md:1: trace point told does not stand in"),
    ("trace_point_without_row", "docs/LIFE.md",
     "| point | where |\n", "runtime/loop.c:7: trace point told in loop_run has no row"),
    ("file_not_built", "base/b.c", "int b;\n", "base/b.c:1: no BUILD file names it"),
]


def lint(files):
    """The exit status and the output of lint.py on a tree of these files."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as f:
                f.write(text)
        run = subprocess.run([sys.executable, LINT, root], stdout=subprocess.PIPE, timeout=60, check=False)
        return run.returncode, run.stdout.decode()


def main():
    results = {"clean_tree_passes": (lint(CLEAN), 0, "%d files, 0 violations" % (len(CLEAN) - DOCUMENTS))}
    results["empty_tree_fails"] = (lint({"other/a.c": ""}), 2, "no files to check")
    limits = "int " + "x" * 115 + ";\n" + "int a;\n" * 517 + LONG_FUNCTION.replace("\tg();\n", "", 1)
    results["limits_themselves_pass"] = (lint({**CLEAN, "base/a.c": limits}), 0, " 0 violations")
    for name, path, text, want in PLANTED:
        results[name] = (lint({**CLEAN, path: text}), 1, want)
    failed = 0
    for name, ((status, output), want_status, want) in results.items():
        good = status == want_status and want in output
        failed += not good
        print("ok %s" % name if good else "FAIL %s: status %d, no %r in:\n%s" % (name, status, want, output))
    print("%d passed, %d failed" % (len(results) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
