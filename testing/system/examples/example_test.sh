#!/bin/bash
# example_test.sh SOURCE PROGRAM: runs an example, and compares what it prints with what the head of its source
# promises: the lines after " *   | ", in which "..." stands for anything.
set -u
source=$1
program=$2
time_limit_s=60

mapfile -t want < <(sed -n '/^ \*\/$/q; s/^ \*   | //p' "$source")
said=$(timeout "$time_limit_s" "$program" </dev/null)
status=$?
mapfile -t got <<<"$said"

fail() {
	echo "FAIL $(basename "$program"): $1; it printed:"
	echo "$said"
	echo "0 passed, 1 failed"
	exit 1
}

[ "${#want[@]}" -gt 0 ] || fail "$source promises nothing"
[ "$status" = 0 ] || fail "exit status $status"
[ "${#got[@]}" = "${#want[@]}" ] || fail "${#got[@]} lines, not ${#want[@]}"
for i in "${!want[@]}"; do
	pattern=
	# Quoted piece by piece: what a line has of the shell's own patterns is text.
	rest=${want[i]}
	while [[ $rest == *...* ]]; do
		printf -v piece '%q' "${rest%%...*}"
		[ -z "${rest%%...*}" ] && piece=
		pattern+=$piece'*'
		rest=${rest#*...}
	done
	[ -z "$rest" ] || printf -v rest '%q' "$rest"
	pattern+=$rest
	# shellcheck disable=SC2053
	[[ ${got[i]} == $pattern ]] || fail "line $((i + 1)) is not \"${want[i]}\""
done
echo "1 passed, 0 failed"
