#!/bin/bash
# The runner, run on planted failures: each must be reported as what it is, and none may hide another.
# usage: runner_test.sh PLANTED
set -u
planted=$1
passed=0
failed=0

# check NAME WANT_STATUS WANT_LINE ARGS...: runs PLANTED ARGS; WANT_LINE is an extended regex that must match
# one line of its output.
check() {
	local name=$1 want_status=$2 want_line=$3 out status
	shift 3
	out=$("$planted" "$@" </dev/null 2>&1)
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

check passing_case_is_ok 0 '^ok pass_checks \([0-9]+ ms\)$' pass_checks
check passing_case_is_counted 0 '^1 passed, 0 failed$' pass_checks
check prefix_selects 1 '^0 passed, 8 failed$' fail_
check two_names_select 1 '^1 passed, 1 failed$' pass_checks fail_bool
check unknown_name_is_usage 2 'no case begins with nonsense' nonsense
check empty_table_fails 1 '^0 passed, 0 failed$' --empty-table
check bool_is_shown 1 '^FAIL fail_bool: [^ ]*planted\.c:[0-9]+: 1 \+ 1 == 3$' fail_bool
check int_shows_both 1 '^FAIL fail_int: .*40 \+ 2 == 41 \(42 and 41\)$' fail_int
check str_shows_both 1 '^FAIL fail_str: .*\("left" and "right"\)$' fail_str
check str_shows_null 1 '^FAIL fail_str_null: .*\("left" and NULL\)$' fail_str_null
check mem_shows_place 1 '^FAIL fail_mem: .*\(byte 2 of 4: 0x63 and 0x58\)$' fail_mem
check ptr_shows_both 1 '^FAIL fail_ptr: .*\(0x[0-9a-f]+ and 0x[0-9a-f]+\)$' fail_ptr
check thread_fails_its_case 1 '^FAIL fail_thread: .*on a thread' fail_thread
check crash_is_named 1 '^FAIL crash_signal: killed by signal 9' crash_signal
check early_exit_is_no_pass 1 '^FAIL crash_exit: exit\(0\) before its end$' crash_exit
check late_exit_status_counts 1 '^FAIL pass_then_exit_3: exit status 3 after its end$' pass_then_exit_3
check leaked_fd_is_named 1 '^FAIL fd_left_open: descriptor left open: [0-9]+ \(/dev/null\)$' fd_left_open
check closed_fd_is_named 1 '^FAIL fd_closed: descriptor closed .*: 0' fd_closed
EVRT_TEST_TIMEOUT_S=1 check hang_is_ended 1 '^FAIL hang_forever: not finished after 1 s$' hang_forever
check left_process_is_killed 0 '^ok pass_leaving_child' pass_leaving_child
check case_after_crash_runs 1 '^1 passed, 1 failed$' crash_signal pass_checks
EVRT_TEST_SEED=77 check seed_is_shown 1 '\[EVRT_TEST_SEED=77\]$' fail_seeded
EVRT_TEST_SEED=x check bad_seed_is_usage 2 'EVRT_TEST_SEED is no number' pass_checks
EVRT_TEST_TIMEOUT_S=0 check bad_timeout_is_usage 2 'EVRT_TEST_TIMEOUT_S is no number' pass_checks

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
