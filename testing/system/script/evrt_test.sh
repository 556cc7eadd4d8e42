#!/bin/bash
# ./evrt with the package manager and the build tool played by stand-ins: what it asks of them, what it says,
# how it ends. The stand-ins write their arguments to $calls.
set -u
evrt=$(realpath "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
calls=$scratch/calls
passed=0
failed=0

stub() {
	cat >"$scratch/bin/$1"
	chmod +x "$scratch/bin/$1"
}

mkdir "$scratch/bin" "$scratch/out"
# $MISSING: packages that are absent until apt-get has installed them.
stub dpkg-query <<'END'
#!/bin/bash
package=${!#}
[[ " ${MISSING:-} " == *" $package "* ]] && [ ! -e "$SCRATCH/installed" ] && exit 1
echo installed
END
stub apt-get <<'END'
#!/bin/bash
echo "apt-get $*" >>"$SCRATCH/calls"
[[ "$*" == *update* ]] && touch "$SCRATCH/updated" && exit 0
[ -z "${APT_NEEDS_UPDATE:-}" ] || [ -e "$SCRATCH/updated" ] || exit 100
[ -z "${APT_FAILS:-}" ] || exit 100
touch "$SCRATCH/installed"
END
stub id <<'END'
#!/bin/bash
echo "${FAKE_UID:-1000}"
END
# $SUMMARY: what `bazel test` prints at its end; $BAZEL_STATUS: its exit status.
stub bazel <<'END'
#!/bin/bash
echo "bazel $*" >>"$SCRATCH/calls"
case $1 in
info) echo "$SCRATCH/out" ;;
query) printf '//testing/bench:quick\n//testing/bench:slow\n' ;;
test) printf '%b' "${SUMMARY-//a:b_test   PASSED in 0.1s\n}" ;;
esac
exit "${BAZEL_STATUS:-0}"
END
mkdir -p "$scratch/out/examples/"{serve,echo-multicore,events} "$scratch/out/testing/bench"
for name in examples/{serve/serve,echo-multicore/echo-multicore,events/interval} testing/bench/{quick,slow}; do
	cat >"$scratch/out/$name" <<-END
		#!/bin/bash
		echo "$name \$\$ \$*" >>"\$SCRATCH/calls"
		exit "\${PROGRAM_STATUS:-0}"
	END
	chmod +x "$scratch/out/$name"
done

# check NAME WANT_STATUS WANT_LINE ARGS...: runs ./evrt ARGS from another folder. WANT_LINE: an extended regex
# for one line of the output or of the calls; with a leading ! no line may match it.
check() {
	local name=$1 want_status=$2 want=$3 status
	shift 3
	rm -f "$calls" "$scratch/installed" "$scratch/updated"
	touch "$calls"
	(cd "$scratch" && SCRATCH=$scratch PATH=$scratch/bin:$PATH timeout 60 "$evrt" "$@") >"$scratch/said" 2>&1
	status=$?
	if [ "$status" = "$want_status" ] && matches "$want"; then
		passed=$((passed + 1))
		echo "ok $name"
		return
	fi
	failed=$((failed + 1))
	echo "FAIL $name: status $status (want $want_status); want $want in:"
	cat "$scratch/said" "$calls"
}

matches() {
	case $1 in
	!*) ! cat "$scratch/said" "$calls" | grep -Eq -- "${1#!}" ;;
	*) cat "$scratch/said" "$calls" | grep -Eq -- "$1" ;;
	esac
}

check help_is_shown 0 '^usage: ./evrt COMMAND' help
check help_calls_nothing 0 '!^(bazel|apt-get)' help
check no_command_is_help 0 '^usage: ./evrt COMMAND'
check unknown_command 2 '^evrt: unknown command frobnicate: ./evrt help lists them$' frobnicate
check nothing_missing_installs_nothing 0 '!apt-get' test
MISSING="gcc python3" check user_is_told_what_to_type 1 \
	'^evrt: +sudo apt-get install --no-install-recommends gcc python3$' test
MISSING=gcc check user_installs_nothing 1 '!^(apt-get -|bazel )' test
MISSING=gcc FAKE_UID=0 check root_installs 0 '^apt-get .*install gcc$' test
MISSING=gcc FAKE_UID=0 check root_builds_after 0 '^bazel test ' test
MISSING=gcc FAKE_UID=0 APT_NEEDS_UPDATE=1 check stale_lists_are_fetched 0 '^bazel test ' test
MISSING=gcc FAKE_UID=0 APT_FAILS=1 check failed_install_is_said 1 '^evrt: apt-get could not install gcc' test
MISSING=wrk check only_what_the_command_needs 0 '^1 passed, 0 failed$' test
MISSING=clang check clang_only_for_its_configuration 1 'recommends clang$' test --config clang

check test_is_plain_by_default 0 '!--config' test
check test_config 0 '^bazel test .*--config=asan -- //\.\.\.$' test --config asan
check test_targets 0 '^bazel test .*-- //a:b //c/\.\.\.$' test //a:b //c/...
check test_unknown_config 2 'unknown configuration fast' test --config fast
check test_config_without_name 2 'needs a name' test --config
check test_unknown_flag 2 'unknown flag --quick' test --quick
check ci_runs_tsan_too 0 '^bazel test .*--config=tsan' test --ci
check ci_adds_up 0 '^3 passed, 0 failed$' test --ci
SUMMARY='//a:a_test  (cached) PASSED in 1s\n//a:b_test  FAILED TO BUILD\n//a:c_test TIMEOUT in 3s\n' \
	BAZEL_STATUS=3 check failures_are_counted 1 '^1 passed, 2 failed$' test
SUMMARY='//a:a_test  NO STATUS\n//a:b_test SKIPPED\n//a:c_test  FAILED in 2 out of 3 in 1s\n' BAZEL_STATUS=3 \
	check skipped_counts_for_neither 1 '^0 passed, 2 failed$' test
SUMMARY='' BAZEL_STATUS=1 check broken_build_is_a_failure 1 '^0 passed, 1 failed$' test
SUMMARY='//a:a_test PASSED in 1s\n' BAZEL_STATUS=1 \
	check half_broken_build_is_a_failure 1 '^1 passed, 1 failed$' test
SUMMARY='' check no_tests_is_no_success 1 '^0 passed, 0 failed$' test
SUMMARY='//a:a_test PASSED in 1s\nLoading: \n' check chatter_is_dropped 0 '!Loading' test

check serve_bundled_page 0 '^examples/serve/serve [0-9]+ /.*/examples/serve/www --port 0$' serve --port 0
check serve_flags_with_values 0 '/examples/serve/www -v --grace 3 --port=0 --bind ::$' \
	serve -v --grace 3 --port=0 --bind ::
check serve_flag_without_its_value 0 '/examples/serve/www --port$' serve --port
check serve_given_folder 0 '^examples/serve/serve [0-9]+ --port 0 sub -v$' serve --port 0 sub -v
check serve_help 0 '^examples/serve/serve [0-9]+ --help$' serve --help
check serve_is_optimised 0 '^bazel build .*-c opt //examples/serve$' serve
PROGRAM_STATUS=7 check serve_status_is_the_servers 7 '^examples/serve/serve' serve
BAZEL_STATUS=1 check serve_build_failure 1 '^evrt: the build failed' serve

# exec: a signal sent to the script must reach the server.
SCRATCH=$scratch PATH=$scratch/bin:$PATH "$evrt" serve >/dev/null 2>&1 &
wait $!
check_pid=$!
if grep -q "^examples/serve/serve $check_pid " "$calls"; then
	passed=$((passed + 1))
	echo "ok serve_becomes_the_server"
else
	failed=$((failed + 1))
	echo "FAIL serve_becomes_the_server: the server's process is not $check_pid:" && cat "$calls"
fi

check example_list 0 '^interval +a timer that repeats' example
check example_list_builds_nothing 0 '!^bazel' example
check example_is_optimised 0 '^bazel build .*-c opt //examples/events:interval$' example interval
check example_runs_with_arguments 0 '^examples/events/interval [0-9]+ 1 2$' example interval 1 2
check example_in_its_own_folder 0 '^examples/echo-multicore/echo-multicore [0-9]+ $' example echo-multicore
check example_unknown 2 'no example inter: ./evrt example lists them$' example inter
PROGRAM_STATUS=7 check example_status 7 '^examples/events/interval' example interval

check bench_runs_all 0 '^testing/bench/slow' bench
check bench_runs_one 0 '!^testing/bench/slow' bench quick
check bench_passes_arguments 0 '^testing/bench/quick [0-9]+ 1 2$' bench quick -- 1 2
check bench_unknown 2 'no benchmark fast; there are: quick slow$' bench fast
PROGRAM_STATUS=1 check bench_failure 1 '^testing/bench/quick' bench quick

check dist_without_prefix 2 'dist needs one argument' dist
check dist_empty_prefix 2 'dist needs one argument' dist ''
check dist_bad_prefix 1 'cannot make /dev/null/x' dist /dev/null/x
mkdir -p "$scratch/tree/lib"
touch "$scratch/tree/lib/libevent.so"
tar -cf "$scratch/out/dist.tar" -C "$scratch/tree" lib
check dist_installs 0 "^evrt: installed lib/ and include/ in $scratch/prefix;" dist prefix
[ -e "$scratch/prefix/lib/libevent.so" ] || { echo "FAIL dist_unpacks" && failed=$((failed + 1)); }

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
