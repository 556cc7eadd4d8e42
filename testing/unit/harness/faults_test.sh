#!/bin/bash
# Runs with faults, on planted cases: each wrong way to take a fault is reported as what it is, the right ways pass.
# usage: faults_test.sh PLANTED_FAULTS PLANTED
set -u
planted=$1
without=$2
passed=0
failed=0

# check NAME FAULTS WANT_STATUS WANT_LINE [CASE...]: an extended regex must match one line of the output.
check() {
	local name=$1 faults=$2 want_status=$3 want_line=$4 out status
	shift 4
	out=$(EVRT_TEST_FAULTS=$faults "$planted" "$@" </dev/null 2>&1)
	status=$?
	if [ "$status" = "$want_status" ] && grep -Eq -- "$want_line" <<<"$out"; then
		passed=$((passed + 1))
		echo "ok $name"
		return
	fi
	failed=$((failed + 1))
	echo "FAIL $name: status $status (want $want_status), no line matches $want_line in:"
	echo "$out"
}

memory='allocation 1 fails with "Cannot allocate memory"'
check told_by_a_check_is_ok alloc 0 '^ok good_checks \(2 of 2 faults, [0-9]+ ms\)$' good_checks
check many_are_sampled alloc 0 '^ok good_many \([0-9]{2,3} of 5000 faults, ' good_many
check crash_is_told alloc 1 "^FAIL bad_crash: $memory: killed by signal 6" bad_crash
check leak_is_told alloc 1 '^FAIL bad_leak: allocation 2 fails .*: leaked 1 allocations' bad_leak
check descriptor_is_told alloc 1 "^FAIL bad_fd: $memory: descriptor left open: [0-9]+ \(/dev/null\)" bad_fd
EVRT_TEST_TIMEOUT_S=1 check hang_is_told alloc 1 "^FAIL bad_hang: $memory: not finished after 1 s" bad_hang
check exit_is_told alloc 1 "^FAIL bad_exit: $memory: exit\(1\) before its end" bad_exit
check failing_anyway_is_told alloc 1 '^FAIL bad_always: without a fault: ' bad_always
check right_errno_is_ok sys 0 '^ok good_errno \(1 of 1 faults' good_errno
check wrong_errno_is_told sys 1 '^FAIL bad_errno: pipe2 1 fails with .*: killed by signal 6' bad_errno
check interruption_may_be_hidden sys 0 '^ok good_interrupted \(2 of 2 faults' good_interrupted
check interruption_that_shows_is_told sys 1 '^FAIL bad_interrupted: read 1 .*: the interruption shows' bad_interrupted
check interrupted_close_has_closed sys 0 '^ok good_close_has_closed \(1 of 1 faults' good_close_has_closed
check cases_are_counted_once alloc 0 '^2 passed, 0 failed$' good_checks good_many
check unknown_kind_is_usage weather 2 'knows no such EVRT_TEST_FAULTS: weather' good_checks
planted=$without
check no_injector_is_usage alloc 2 'knows no such EVRT_TEST_FAULTS: alloc' pass_checks

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
