#!/usr/bin/env python3
"""Whatever Debian's libevent headers declare, ours declare too, with a type that fits.

usage: declared_test.py HEADER...      (our headers: paths that contain .../include/event2/NAME.h)

For each event2/NAME.h that both sides have: functions, typedefs, enums with their constants, structs with
their sizes, and macros. The compiler judges: a unit includes ours, declares theirs again, and compares the
numbers. Where libevent-dev is not installed it says so and passes.
"""

import os
import re
import subprocess
import sys
import tempfile

# What a build is, not what it promises: of these two, every library has its own.
NOT_COMPARED = {"event-config.h", "visibility.h"}
# Macros of theirs that ours do without.
MACROS_NOT_OURS = re.compile(r".*_INCLUDED_$|EVENT_DEFINED_\w+$|TAILQ_\w+$|LIST_\w+$|EVENT_IN_DOXYGEN_$")
# Macros that name types: they may read differently as long as the type is the same.
MACROS_OF_TYPES = {
    "ev_uint64_t", "ev_int64_t", "ev_uint32_t", "ev_int32_t", "ev_uint16_t", "ev_int16_t", "ev_uint8_t",
    "ev_int8_t", "ev_uintptr_t", "ev_intptr_t", "ev_ssize_t", "ev_off_t", "ev_socklen_t",
}


class Compiler:
    """The C compiler, with one folder of headers in front of the system's, or none."""

    def __init__(self, scratch, folder=None):
        self.scratch = scratch
        # gcc in every configuration: it lists prototypes as it understood them (-aux-info).
        self.command = ["gcc", "-std=gnu11", "-Wall", "-Werror", "-Wno-unused"]
        self.command += ["-Wno-array-parameter"]  # `int pair[2]` and `int *pair` are one type
        self.command += ["-I", folder] if folder else []

    def run(self, options, text):
        """Returns (exit status, output) for a unit of text."""
        done = subprocess.run(self.command + options + ["-x", "c", "-"], input=text, text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        return done.returncode, done.stdout if done.returncode == 0 else done.stderr

    def output(self, options, text):
        status, said = self.run(options, text)
        if status != 0:
            raise SystemExit("declared_test: the compiler fails where it should not:\n" + said)
        return said

    def functions(self, include):
        """{header path: {name: prototype}} of a unit, as the compiler understood it."""
        path = os.path.join(self.scratch, "prototypes")
        self.output(["-fsyntax-only", "-aux-info", path], include)
        found = {}
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                match = re.match(r"/\* (.*):\d+:\w+ \*/ extern (.*?(\w+) \((?!\*).*);", line)
                if match:
                    found.setdefault(match.group(1), {})[match.group(3)] = match.group(2)
        return found


def own_lines(text, path):
    """The lines of preprocessed text that come from one file."""
    current, kept = "", []
    for line in text.split("\n"):
        marker = re.match(r'# \d+ "(.*?)"', line)
        if marker:
            current = marker.group(1)
        elif current == path:
            kept.append(line)
    return "\n".join(kept)


def macros_of(compiler, include, path):
    """{name: number of parameters, or None without a list} of what a file defines and keeps."""
    lines = own_lines(compiler.output(["-E", "-dD"], include), path)
    found = {}
    for line in lines.split("\n"):
        match = re.match(r"#(define|undef) (\w+)(\(([^)]*)\))?", line)
        if match and match.group(1) == "undef":
            found.pop(match.group(2), None)
        elif match and match.group(3) is None:
            found[match.group(2)] = None
        elif match:
            found[match.group(2)] = len([p for p in match.group(4).split(",") if p.strip()])
    return {name: count for name, count in found.items() if not MACROS_NOT_OURS.match(name)}


def expansions(compiler, include, macros):
    """{name: what a use of the macro becomes, without blanks}."""
    text = include
    for name, count in sorted(macros.items()):
        use = name if count is None else "%s(%s)" % (name, ", ".join("arg%d" % i for i in range(count)))
        text += '\n"begin %s" %s "end"' % (name, use)  # in quotes, names are not expanded
    said = compiler.output(["-E", "-P"], text)
    found = re.findall(r'"begin (\w+)"(.*?)"end"', said, re.S)
    return {name: re.sub(r"\s+", "", body) for name, body in found}


class Comparison:
    """One header of both sides."""

    def __init__(self, ours, theirs, name, their_path):
        self.ours = ours
        self.theirs = theirs
        self.name = name
        # Some of theirs need others before them.
        needed = ["event.h", "buffer.h", "bufferevent.h", "dns.h", name]
        self.include = "".join("#include <event2/%s>\n" % header for header in needed)
        self.text = own_lines(theirs.output(["-E"], self.include), their_path)
        self.their_path = their_path
        self.problems = []
        self.count = 0

    def judge(self, what, their_name, text):
        """Notes a problem unless our headers, with `text` behind them, compile."""
        self.count += 1
        status, said = self.ours.run(["-fsyntax-only"], "#include <stddef.h>\n" + self.include + text)
        if status != 0:
            first = next((l for l in said.split("\n") if "error" in l), said)
            self.problems.append("%s: %s %s: %s" % (self.name, what, their_name, first))

    def judge_all(self, what, checks):
        """The same for {name: text}: all at once, and one by one only where that fails."""
        status, _ = self.ours.run(["-fsyntax-only"],
                                  "#include <stddef.h>\n" + self.include + "\n".join(checks.values()))
        if status == 0:
            self.count += len(checks)
            return
        for name, text in sorted(checks.items()):
            self.judge(what, name, text)

    def check_functions(self):
        theirs = self.theirs.functions(self.include).get(self.their_path, {})
        # A use first: without a declaration of ours that fails. Then theirs again: a conflict fails.
        self.judge_all("function", {
            name: "static void *use_%s(void) { return (void *)%s; }\n%s;"
                  % (name, name, re.sub(r"(struct )?__va_list_tag \*", "__builtin_va_list", prototype))
            for name, prototype in theirs.items()})

    def check_types(self):
        checks = {}
        for definition in re.findall(r"\btypedef\b[^;{}]*;", self.text):
            match = re.search(r"\(\s*\*\s*(\w+)\s*\)", definition) or re.search(r"(\w+)\s*;", definition)
            name = match.group(1)
            checks[name] = "extern %s *use_%s;\n%s" % (name, name, definition)
        self.judge_all("typedef", checks)
        kinds = sorted(set(re.findall(r"\b(struct|enum) (\w+)\s*\{", self.text)))
        numbers = {"%s %s" % tag: "sizeof(%s %s)" % tag for tag in kinds}
        for body in re.findall(r"\benum \w+\s*\{([^}]*)\}", self.text):
            numbers.update({n: n for n in re.findall(r"(?:^|,)\s*(\w+)", body)})
        self.judge_all("type or constant", {
            name: "_Static_assert((%s) == %d, \"the same number\");" % (expression, self.value(expression))
            for name, expression in numbers.items()})

    def value(self, expression):
        """A constant expression's value by their headers, from the compiler's own words."""
        text = self.include + "__attribute__((used)) static const long long value = (%s);" % expression
        said = self.theirs.output(["-S", "-o", "-"], text)
        match = re.search(r"^value:\n\s+\.(?:quad|zero)\s+(-?\d+)", said, re.M)
        return 0 if ".zero" in match.group(0) else int(match.group(1))

    def check_macros(self):
        theirs = macros_of(self.theirs, self.include, self.their_path)
        defined = set(re.findall(r"#define (\w+)", self.ours.output(["-E", "-dM"], self.include)))
        their_bodies = expansions(self.theirs, self.include, theirs)
        our_bodies = expansions(self.ours, self.include, theirs)
        for name in sorted(theirs):
            self.count += 1
            if name not in defined:
                self.problems.append("%s: macro %s: not defined" % (self.name, name))
            elif our_bodies[name] != their_bodies[name] and name in MACROS_OF_TYPES:
                body = re.sub(r"(unsigned|signed|long|short|struct)(?=\w)", r"\1 ", their_bodies[name])
                self.judge("macro of a type", name, "extern %s use_it;\nextern %s use_it;" % (name, body))
            elif our_bodies[name].startswith("do{") and their_bodies[name].startswith("do{"):
                continue  # statements, with the same parameters, or the preprocessor had failed
            elif our_bodies[name] != their_bodies[name]:
                self.judge("macro", "%s: ours %s, theirs %s" % (name, our_bodies[name], their_bodies[name]),
                           "_Static_assert((%s) == (%s), \"\");" % (name, their_bodies[name]))

    def run(self):
        self.check_functions()
        self.check_types()
        self.check_macros()
        return self.problems


def main(paths):
    ours = {}
    for path in paths:
        match = re.match(r"(.*/include)/event2/([\w-]+\.h)$", os.path.abspath(path))
        if match:
            ours[match.group(2)] = match.group(1)
    if not ours:
        raise SystemExit("declared_test: none of the arguments is a header of event2/")
    with tempfile.TemporaryDirectory() as scratch:
        theirs = Compiler(scratch)
        status, said = theirs.run(["-E"], "#include <event2/event.h>\n")
        if status != 0 and "event2/event.h: No such file" in said:
            print("SKIPPED: declared_test compared NOTHING: libevent-dev is not installed")
            return 0
        found = re.search(r'# 1 "(.*/event2)/event\.h"', said) if status == 0 else None
        if not found:
            raise SystemExit("declared_test: the compiler fails where it should not:\n" + said)
        problems, count = [], 0
        for name, folder in sorted(ours.items()):
            their_path = os.path.join(found.group(1), name)
            if name in NOT_COMPARED or not os.path.exists(their_path):
                continue
            comparison = Comparison(Compiler(scratch, folder), theirs, name, their_path)
            problems += comparison.run()
            count += comparison.count
            print("%s: %d names" % (name, comparison.count))
    for problem in problems:
        print("FAIL " + problem)
    print("%d names, %d problems" % (count, len(problems)))
    return 1 if problems or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
