"""The contestants of a benchmark: one source, an adapter per library."""

load("//:defs.bzl", "evrt_cc_binary")

# Library: what it is linked with beside the benchmark's own.
_LIBRARIES = {
    "epoll": ([], []),
    "ev": (["-lev"], []),
    "evrt": ([], ["//api:event_pthreads", "//api:event_extra"]),
    "oracle": (["-levent_extra", "-levent_core", "-levent_pthreads"], []),
    "uv": (["-luv"], []),
}

# The same for benchmarks of TLS.
_TLS_LIBRARIES = {
    "evrt": ([], ["//api:event_openssl"]),
    "openssl": ([], []),
    "oracle": (["-levent_openssl", "-levent_core"], []),
}

def bench_contestants(name, srcs, adapters, is_tls = False, more_deps = []):
    """Makes NAME_LIBRARY for each library and returns their labels.

    Args:
      name: of the benchmark.
      srcs: what all of them share.
      adapters: library (a key of _LIBRARIES; epoll: bare system calls) to the source that knows it; None where
        `srcs` are all.
      is_tls: whether the libraries are those of TLS, with OpenSSL itself and certificates for tests.
      more_deps: what `srcs` need beside the benchmarks' own.
    """
    tls_deps = ["//testing/tls:certs", "//third_party/openssl"] if is_tls else []
    for library, adapter in adapters.items():
        linkopts, deps = (_TLS_LIBRARIES if is_tls else _LIBRARIES)[library]
        evrt_cc_binary(
            name = name + "_" + library,
            testonly = True,
            srcs = srcs + ([adapter] if adapter else []),
            linkopts = linkopts,
            deps = deps + tls_deps + more_deps + [":bench"],
        )
    return [":%s_%s" % (name, library) for library in adapters]
