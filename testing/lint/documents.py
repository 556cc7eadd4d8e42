"""What documents say of the sources, held against these: the pairs of atomics, the trace points.

docs/CONCURRENCY.md, "Pairs of atomics". The first cell of each row has ids, OWNER.NAME. An access with an order
(evrt_load_acquire, evrt_add_seq_cst, ...) to a variable called NAME is covered if a comment with the word PAIRS has
such an id, in the same folder. Each id is in the table and in a comment, or in neither.

docs/LIFE.md. A row of a table names a trace point, a file and a function: the point stands there. Each point that
stands somewhere has a row.
"""

import os
import re

ROOMS = ("api/", "backends/", "base/", "runtime/", "threading/")
ORDERS_HOME = "base/atomic.h"
TRACE_HOME = "base/trace.h"
PAIRS_DOCUMENT = "docs/CONCURRENCY.md"
PAIRS_HEADING = "## Pairs of atomics\n"
LIFE_DOCUMENT = "docs/LIFE.md"

COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
ID = re.compile(r"\b[a-z]\w*\.[a-z_]\w+\b")
CLAIMED = re.compile(r"\bPAIRS:?\s+(%s)" % ID.pattern)
ORDERED = re.compile(r"\bevrt_(?:load|store|swap|add|sub|or|and|cas)_(?:acquire|release|acq_rel|seq_cst)\s*\(")
SUBSCRIPT = re.compile(r"\[[^][]*\]")
WALK_ROW = re.compile(r"^\| `(\w+)` \| `([\w/.]+)`: `(\w+)` \|")
TRACED = re.compile(r"\bEVRT_TRACE\((\w+),")
FUNCTION = re.compile(r"^(\w+)\(")


def sources(tree):
    return [p for p in tree.paths if p.startswith(ROOMS) and p.endswith((".c", ".h")) and p != ORDERS_HOME]


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def first_argument(code, at):
    """What stands between the parenthesis that ends at `at` and the comma or parenthesis that ends the argument."""
    depth = 0
    for end in range(at, len(code)):
        if depth == 0 and code[end] in ",)":
            return code[at:end]
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(code[end], 0)
    return code[at:]


def variable(argument):
    """The name of what an access is to: its last member."""
    while SUBSCRIPT.search(argument):
        argument = SUBSCRIPT.sub("", argument)
    names = re.findall(r"\w+", argument)
    return names[-1] if names else ""


def covers(pair, name):
    owner, member = pair.split(".")
    return name in (member, "%s_%s" % (owner, member))


def table_of_pairs(tree):
    """The ids of the table, each with its line."""
    ids = {}
    text = tree.read(PAIRS_DOCUMENT) if tree.has(PAIRS_DOCUMENT) else ""
    begin = text.find(PAIRS_HEADING)
    end = text.find("\n## ", begin + 1)
    for match in re.finditer(r"^\|([^|]*)\|", text[:end] if end > 0 else text, re.MULTILINE):
        if begin >= 0 and match.start() > begin:
            ids.update((i, line_of(text, match.start())) for i in ID.findall(match.group(1))
                       if not i.endswith((".c", ".h")))
    return ids


def check_pairs(tree, code_lines):
    table = table_of_pairs(tree)
    told = {}  # folder: the ids that comments there speak of
    for path in sources(tree):
        text = tree.read(path)
        for comment in COMMENT.finditer(text):
            if not re.search(r"\bPAIRS\b", comment.group()):
                continue
            told.setdefault(os.path.dirname(path), set()).update(i for i in ID.findall(comment.group()) if i in table)
            for claim in CLAIMED.finditer(comment.group()):
                if claim.group(1) not in table:
                    tree.report(path, line_of(text, comment.start() + claim.start()),
                                "PAIRS %s is not in %s" % (claim.group(1), PAIRS_DOCUMENT))
    for path in sources(tree):
        code = "\n".join(code_lines(tree.read(path)))
        here = told.get(os.path.dirname(path), set())
        for access in ORDERED.finditer(code):
            name = variable(first_argument(code, access.end()))
            if not any(covers(pair, name) for pair in here):
                tree.report(path, line_of(code, access.start()),
                            "ordered access to %s: no comment in its folder has a pair of that name" % name)
    for pair in sorted(set(table) - set().union(*told.values())):
        tree.report(PAIRS_DOCUMENT, table[pair], "%s: no comment with PAIRS speaks of it" % pair)


def traces(tree):
    """(point, path, function): line of all trace points."""
    found = {}
    for path in (p for p in sources(tree) if p != TRACE_HOME):
        function = ""
        for number, line in enumerate(tree.read(path).split("\n"), 1):
            match = FUNCTION.match(line)
            if match:
                function = match.group(1)
            for point in TRACED.findall(line):
                found[(point, path, function)] = number
    return found


def check_walks(tree):
    if not tree.has(LIFE_DOCUMENT):
        return
    found = traces(tree)
    rows = {}
    for number, line in enumerate(tree.read(LIFE_DOCUMENT).split("\n"), 1):
        match = WALK_ROW.match(line)
        if match:
            rows[match.groups()] = number
    for row in sorted(set(rows) - set(found)):
        tree.report(LIFE_DOCUMENT, rows[row], "trace point %s does not stand in %s: %s" % row)
    for trace in sorted(set(found) - set(rows)):
        tree.report(trace[1], found[trace],
                    "trace point %s in %s has no row in %s" % (trace[0], trace[2], LIFE_DOCUMENT))
