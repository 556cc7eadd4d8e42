#!/bin/bash
# The tree that `./evrt dist` installs, used as users do: by hand, statically, by pkg-config.
# usage: dist_test.sh DIST_TAR
set -u
here=$(dirname "$0")
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
tar -xf "$1" -C "$prefix" || exit 1
export LD_LIBRARY_PATH=$prefix/lib
# Only the tree's own files, wherever the system has libevent's.
export PKG_CONFIG_LIBDIR=$prefix/lib/pkgconfig
version=$(sed -n 's/.*define EVENT__VERSION "\(.*\)"/\1/p' "$prefix/include/event2/event-config.h")
program=$prefix/program
passed=0
failed=0

# check NAME COMMAND...: passes when the command succeeds.
check() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		passed=$((passed + 1))
		echo "ok $name"
	else
		failed=$((failed + 1))
		echo "FAIL $name: $*"
		echo "$out"
	fi
}

# builds_and_runs FLAGS...: the program, compiled with these flags after it, runs and says what it should.
builds_and_runs() {
	cc -Wall -Werror=implicit-function-declaration -o "$program" "$here/timer.c" "$@" &&
		[ "$(timeout 60 "$program")" = "installed $version" ]
}

# needs WANT: the program was linked to the tree's library of this name.
needs() {
	ldd "$program" | grep -F "$1 => $prefix/lib/$1"
}

# pkg_config NAMES...: builds and runs with the flags that pkg-config gives.
pkg_config() {
	local flags
	flags=$(pkg-config --cflags --libs "$@") || return 1
	# shellcheck disable=SC2086
	builds_and_runs $flags
}

is_soname() {
	readelf -dW "$prefix/lib/$1" | grep -F "Library soname: [$1]"
}

# The same header twice, alone, in C and C++: users include them in any order.
headers_stand_alone() {
	local header
	while read -r header; do
		printf '#include <%s>\n#include <%s>\nint x;\n' "$header" "$header" >"$prefix/header.c"
		cc -std=gnu99 -Wall -Werror -I"$prefix/include" -c -o /dev/null "$prefix/header.c" || return 1
		c++ -Wall -Werror -I"$prefix/include" -x c++ -c -o /dev/null "$prefix/header.c" || return 1
	done < <(cd "$prefix/include" && find . -name '*.h' -printf '%P\n' | sort)
}

exported() {
	nm -D --defined-only "$prefix/lib/$1" | awk '{ print $3 }'
}

# Every name that a shared library gives is public: nothing of the engine, but what the other libraries call.
exports_are_public() {
	local rooms='event|evbuffer|bufferevent|evconnlistener|evutil|evthread|evwatch|libevent|evrt|ev_token_bucket'
	! exported "$1" | grep -Ev "^($rooms)_[a-z]" | grep -Fvx evrt__threads_use_pthreads_with |
		grep -v '^evrt__tls_' | grep .
}

# tls NAME TYPE FUNCTION FLAGS...: a program that makes one bufferevent of the library runs.
tls() {
	local name=$1 type=$2 function=$3
	shift 3
	printf '%s\n' '#include <event2/bufferevent_ssl.h>' '#include <event2/event.h>' '#include <stdio.h>' \
		'int main(void) {' \
		'	struct event_base *base = event_base_new();' \
		"	return !base || $function(base, -1, ($type *)0, BUFFEREVENT_SSL_CONNECTING, 0) != NULL;" \
		'}' >"$prefix/tls.c"
	# shellcheck disable=SC2046
	cc -Wall -Werror -o "$program" "$prefix/tls.c" "$@" $(pkg-config --cflags --libs "libevent_$name") &&
		timeout 60 "$program" && needs "libevent_$name-2.1.so.7"
}

# The core itself needs no TLS library.
core_is_free_of_tls() {
	! readelf -dW "$prefix"/lib/libevent_core.so "$prefix"/lib/libevent.so | grep -E 'libssl|libcrypto|mbed'
}

needs_tls_library() {
	readelf -dW "$prefix/lib/$1" | grep -F "$2"
}

pthreads_is_alone() {
	[ "$(exported libevent_pthreads.so | sort)" = $'evthread_use_pthreads\nevthread_use_pthreads_with_flags' ]
}

no_build_paths() {
	! readelf -dW "$prefix"/lib/*.so | grep -E 'RPATH|RUNPATH'
}

check core builds_and_runs -I"$prefix/include" -L"$prefix/lib" -levent_core -levent_pthreads
check core_is_needed needs libevent_core-2.1.so.7
check pthreads_is_needed needs libevent_pthreads-2.1.so.7
check all_in_one builds_and_runs -I"$prefix/include" -L"$prefix/lib" -levent -levent_pthreads
check all_in_one_is_needed needs libevent-2.1.so.7
check static builds_and_runs -static -I"$prefix/include" -L"$prefix/lib" -levent_pthreads -levent_core
check archives_by_name builds_and_runs -I"$prefix/include" "$prefix/lib/libevent_pthreads.a" \
	"$prefix/lib/libevent_core.a" -lpthread
check pkg_config_core pkg_config libevent_core libevent_pthreads
check pkg_config_all pkg_config libevent_pthreads
check pkg_config_version pkg-config --exact-version=2.1.12-stable libevent libevent_core libevent_pthreads
for name in libevent-2.1.so.7 libevent_core-2.1.so.7 libevent_mbedtls-2.1.so.7 libevent_openssl-2.1.so.7 \
	libevent_pthreads-2.1.so.7; do
	check "soname_$name" is_soname $name
	check "real_file_$name" test -f "$prefix/lib/$name.0.1"
	check "exports_$name" exports_are_public $name
done
check pthreads_holds_its_functions_only pthreads_is_alone
check core_is_free_of_tls core_is_free_of_tls
check openssl tls openssl "struct ssl_st" bufferevent_openssl_socket_new
check openssl_needs_its_library needs_tls_library libevent_openssl.so libssl.so
check mbedtls tls mbedtls mbedtls_dyncontext bufferevent_mbedtls_socket_new
check mbedtls_needs_its_library needs_tls_library libevent_mbedtls.so libmbedtls.so
check headers_stand_alone headers_stand_alone
check no_build_paths no_build_paths

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
