#!/usr/bin/env python3
"""The style of the tree as a check: layers, size, words, who may call what, and what documents say of it.

usage: lint.py [ROOT]      (default: the tree that this file really lies in)

Prints one line "PATH:LINE: PROBLEM" per violation, then "N files, M violations". Exit status: 0 none, 1 some,
2 no files to look at.
"""

import os
import re
import sys

import documents

# The layer table: what each room may include from the tree. Every arrow points left:
# base <- threading, backends (siblings that never meet) <- runtime <- api <- examples; testing sees all.
LAYERS = {
    "base": {"base"},
    "threading": {"base", "threading"},
    "backends": {"base", "backends"},
    "runtime": {"base", "threading", "backends", "runtime"},
    "api": {"base", "threading", "backends", "runtime", "api"},
    "examples": {"examples"},
    "testing": {"base", "threading", "backends", "runtime", "api", "examples", "testing"},
}
# Public headers are api's face: the rooms left of api do not know it.
PUBLIC_HEADER_USERS = {"api", "examples", "testing"}
# (folder of the including file, included file) that the table alone would refuse. The parser is pure.
INCLUDE_EXCEPTIONS = {("examples/serve", "api/http/parse.h")}

# Files above the rooms: only lines and words are checked.
TOP_FILES = ("BUILD", "MODULE.bazel", "README.md", "WORKSPACE", "defs.bzl", "dist.bzl", "evrt", ".ci/run")

LINE_COLUMNS_MAX = 120
TAB_COLUMNS = 4
FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 80

# Written in two halves, so that this file may be checked by itself.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK"]) + r")\b")
ORDERS = re.compile(r"\b(memory_order_\w+|atomic_thread_fence|atomic_signal_fence|__atomic_\w+|__sync_\w+)\b")
ORDERS_HOME = "base/atomic.h"
ALLOCATION = re.compile(r"(?<![\w.>])(malloc|calloc|realloc|free|strdup|strndup|asprintf|vasprintf)\s*\(")
ALLOCATION_HOME = "base/mem.c"
ALLOCATION_FREE_ROOMS = ("examples/", "testing/", "api/include/")
SYSCALL_TABLE = "base/sys.h"
SYSCALL_ROOMS = ("backends/", "runtime/", "api/")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]')
CONDITIONAL = re.compile(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|else|endif)\b")
NOT_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
BODY_OPENS = re.compile(r"^\{|^(?!struct\b|union\b|enum\b|typedef\b|extern\b)\w[^=;]*\)\s*\{\s*$")


def code_lines(text):
    """The lines of a C text without its comments and the contents of its literals."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    return NOT_CODE.sub(blank, text).split("\n")


class Tree:
    """The files to check and the violations found in them."""

    def __init__(self, root):
        self.root = root
        self.violations = []
        self.paths = sorted(self._walk())
        self.public = {p[len("api/include/"):] for p in self.paths if p.startswith("api/include/")}
        self.builds = {}

    def _walk(self):
        for name in TOP_FILES:
            if os.path.exists(os.path.join(self.root, name)):
                yield name
        for room in LAYERS:
            for folder, folders, files in os.walk(os.path.join(self.root, room)):
                folders[:] = [f for f in folders if f != "__pycache__"]
                for name in files:
                    path = os.path.relpath(os.path.join(folder, name), self.root)
                    if path.endswith((".c", ".h", ".def", ".py", ".sh", ".bzl", ".md")) or name == "BUILD":
                        yield path

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as f:
            return f.read()

    def has(self, path):
        return os.path.exists(os.path.join(self.root, path))

    def report(self, path, line, problem):
        self.violations.append("%s:%d: %s" % (path, line, problem))

    def build_text(self, folder):
        """The nearest package at or above a folder: (its folder, the text of its BUILD and .bzl files)."""
        while True:
            if folder not in self.builds:
                here = [p for p in self.paths if os.path.dirname(p) == folder]
                texts = [self.read(p) for p in here if p.endswith((".bzl", "BUILD"))]
                self.builds[folder] = "".join(texts) if os.path.join(folder, "BUILD") in here else None
            if self.builds[folder] is not None or not folder:
                return folder, self.builds[folder] or ""
            folder = os.path.dirname(folder)


def check_include(tree, path, number, quote, target):
    room = path.split("/")[0]
    public = target in tree.public
    if path.startswith("api/include/"):
        if quote == '"' or target.split("/")[0] in LAYERS:
            tree.report(path, number, "a public header includes %s: only <...>, public or system" % target)
        return
    if public and quote == "<":
        if room not in PUBLIC_HEADER_USERS:
            tree.report(path, number, "%s/ may not include the public header %s" % (room, target))
        return
    if quote == "<":
        if target.split("/")[0] in LAYERS:
            tree.report(path, number, 'headers of the tree are included as "%s"' % target)
        return
    target_room = target.split("/")[0]
    if target_room not in LAYERS:
        tree.report(path, number, "%s: includes are written from the root of the tree" % target)
    elif target_room not in LAYERS[room] and (os.path.dirname(path), target) not in INCLUDE_EXCEPTIONS:
        tree.report(path, number, "%s/ may not include %s: layers point left" % (room, target))


def check_lines(tree, path, lines):
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line):
            tree.report(path, number, "unfinished: %s" % UNFINISHED.search(line).group())
        if not path.endswith(".md") and len(line.expandtabs(TAB_COLUMNS)) > LINE_COLUMNS_MAX:
            tree.report(path, number, "line of %d columns (max %d)"
                        % (len(line.expandtabs(TAB_COLUMNS)), LINE_COLUMNS_MAX))


def check_functions(tree, path, code):
    """Bodies open with a brace in column one or at the end of a line, and end with one in column one."""
    opened = 0
    for number, line in enumerate(code, 1):
        if not opened and BODY_OPENS.match(line) and not line.rstrip().endswith("}"):
            opened = number
        elif opened and line.startswith("}"):
            if number - opened + 1 > FUNCTION_LINES_MAX:
                tree.report(path, opened, "function of %d lines (max %d)"
                            % (number - opened + 1, FUNCTION_LINES_MAX))
            opened = 0
        elif opened and CONDITIONAL.match(line):
            tree.report(path, number, "preprocessor conditional inside a function")


def check_words(tree, path, code, syscalls):
    free_room = path == ALLOCATION_HOME or path.startswith(ALLOCATION_FREE_ROOMS)
    for number, line in enumerate(code, 1):
        if path != ORDERS_HOME and ORDERS.search(line):
            tree.report(path, number, "%s belongs in %s" % (ORDERS.search(line).group(), ORDERS_HOME))
        if not free_room and ALLOCATION.search(line):
            tree.report(path, number, "%s() directly: memory comes from base/mem.h"
                        % ALLOCATION.search(line).group(1))
        if path.startswith(SYSCALL_ROOMS) and syscalls and syscalls.search(line):
            tree.report(path, number, "%s() directly: system calls go through %s"
                        % (syscalls.search(line).group(1), SYSCALL_TABLE))


def check_built(tree, path):
    folder, text = tree.build_text(os.path.dirname(path))
    inside = os.path.relpath(path, folder or ".")
    if "glob(" not in text and not re.search('[":]%s"' % re.escape(inside), text):
        tree.report(path, 1, "no BUILD file names it")


def syscall_pattern(tree):
    if SYSCALL_TABLE not in tree.paths:
        return None
    names = re.findall(r"\(\*(\w+)\)\(", "\n".join(code_lines(tree.read(SYSCALL_TABLE))))
    return re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(names)) if names else None


def check_c(tree, path, text, lines, syscalls):
    code = code_lines(text)
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if match:
            check_include(tree, path, number, *match.groups())
    if len(lines) > FILE_LINES_MAX:
        tree.report(path, len(lines), "file of %d lines (max %d)" % (len(lines), FILE_LINES_MAX))
    check_functions(tree, path, code)
    check_words(tree, path, code, syscalls)
    check_built(tree, path)


def main(argv):
    here = os.path.dirname(os.path.realpath(__file__))
    root = argv[1] if len(argv) > 1 else os.path.dirname(os.path.dirname(here))
    tree = Tree(root)
    if not tree.paths:
        print("no files to check in %s" % root)
        return 2
    syscalls = syscall_pattern(tree)
    for path in tree.paths:
        text = tree.read(path)
        lines = text.rstrip("\n").split("\n")
        check_lines(tree, path, lines)
        if path.endswith((".c", ".h", ".def")):
            check_c(tree, path, text, lines, syscalls)
    documents.check_pairs(tree, code_lines)
    documents.check_walks(tree)
    for violation in tree.violations:
        print(violation)
    print("%d files, %d violations" % (len(tree.paths), len(tree.violations)))
    return 1 if tree.violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
