#!/usr/bin/env python3
"""Whatever our public headers declare, the shared libraries export: what compiles links, too.

usage: exported_test.py FILE...      (our headers: paths that contain .../include/NAME.h; and libraries: *.so.*)

The compiler lists the functions of the headers as it understood them, nm the names of the libraries.
"""

import os
import re
import subprocess
import sys
import tempfile

# Declared, and not made yet: the name leaves this list with the function.
NOT_MADE_YET = re.compile(r"evdns_\w+$")


def output(command, text=None):
    return subprocess.run(command, input=text, text=True, timeout=60, check=True, stdout=subprocess.PIPE).stdout


def declared(folder, names, scratch):
    """The functions without a body that the headers `names` below `folder` declare."""
    listing = os.path.join(scratch, "prototypes")
    text = "".join("#include <%s>\n" % name for name in sorted(names))
    # gcc in every configuration: it lists prototypes as it understood them (-aux-info).
    output(["gcc", "-std=gnu11", "-fsyntax-only", "-I", folder, "-aux-info", listing, "-x", "c", "-"], text)
    found = set()
    with open(listing, encoding="utf-8") as lines:
        for line in lines:
            match = re.match(r"/\* (.*):\d+:\w+ \*/ extern .*?(\w+) \((?!\*).*;", line)
            if match and os.path.relpath(match.group(1), folder) in names:
                found.add(match.group(2))
    return found


def main(paths):
    folder, names, exported = None, set(), set()
    for path in map(os.path.abspath, paths):
        header = re.match(r"(.*/include)/(.*\.h)$", path)
        if header:
            folder = header.group(1)
            names.add(header.group(2))
        else:
            exported |= {line.split()[-1] for line in output(["nm", "-D", "--defined-only", path]).splitlines()}
    if not names or not exported:
        raise SystemExit("exported_test: headers and shared libraries are needed")
    with tempfile.TemporaryDirectory() as scratch:
        functions = declared(folder, names, scratch)
    problems = ["%s is declared and not exported" % name
                for name in sorted(functions - exported) if not NOT_MADE_YET.match(name)]
    for problem in problems:
        print("FAIL " + problem)
    print("%d functions, %d problems" % (len(functions), len(problems)))
    return 1 if problems or not functions else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
