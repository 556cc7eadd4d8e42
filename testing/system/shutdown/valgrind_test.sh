#!/bin/bash
# After libevent_global_shutdown nothing is left of any kind, as valgrind sees it: usage: valgrind_test.sh PROGRAM
set -u
command -v valgrind >/dev/null || {
	echo "valgrind is not installed: nothing was checked"
	exit 0
}
# Threads run one at a time there: the fair scheduler lets none of them starve.
EVRT_TEST_TIMEOUT_S=200 exec valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=all \
	--errors-for-leak-kinds=all --fair-sched=yes "$1"
