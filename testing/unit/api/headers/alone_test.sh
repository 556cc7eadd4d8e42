#!/bin/bash
# Each public header compiles as the first and only include of a unit, in every dialect that programs use.
# usage: alone_test.sh HEADER...      (paths that contain .../include/event2/NAME.h and the like)
set -u

flags=(-Wall -Wextra -Werror -pedantic -Wundef -Wstrict-aliasing -fsyntax-only)
dialects=("c c99" "c c11" "c gnu17" "c++ c++11" "c++ c++17")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
units=0
failures=0

# compile LANGUAGE STANDARD INCLUDE_FOLDER, the unit on stdin. Prints nothing when all is well.
compile() {
    "${CC:-cc}" -x "$1" -std="$2" "${flags[@]}" -I "$3" - 2>&1
}

# check NAME INCLUDE_FOLDER, the lines of the unit on stdin.
check() {
    local name=$1 include=$2 unit said language standard
    unit=$(cat)
    for dialect in "${dialects[@]}"; do
        read -r language standard <<<"$dialect"
        units=$((units + 1))
        said=$(printf '%s\nint unit_is_not_empty;\n' "$unit" | compile "$language" "$standard" "$include")
        if [ -n "$said" ]; then
            failures=$((failures + 1))
            printf 'FAIL %s as %s:\n%s\n' "$name" "$standard" "$said"
        fi
    done
}

all=
for path in "$@"; do
    name=${path##*/include/}
    include=${path%"/$name"}
    text="#include <$name>"
    check "$name" "$include" <<<"$text"
    # Twice: the guard works.
    check "$name twice" "$include" <<<"$text"$'\n'"$text"
    all="$text"$'\n'"$all"
done
if [ -z "$all" ]; then
    echo "alone_test: no headers given"
    exit 1
fi
check "all, backwards" "$include" <<<"$all"
echo "$units units, $failures failures"
[ "$failures" -eq 0 ]
