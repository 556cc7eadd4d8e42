"""The contestants of a benchmark: one source, an adapter per library."""

load("//:defs.bzl", "evrt_cc_binary")

# Library: what it is linked with beside the benchmark's own.
_LIBRARIES = {
    "epoll": ([], []),
    "ev": (["-lev"], []),
    "evrt": ([], ["//api:event_pthreads"]),
    "oracle": (["-levent_core", "-levent_pthreads"], []),
    "uv": (["-luv"], []),
}

def bench_contestants(name, srcs, adapters):
    """Makes NAME_LIBRARY for each library and returns their labels.

    Args:
      name: of the benchmark.
      srcs: what all of them share.
      adapters: library (a key of _LIBRARIES; epoll: bare system calls) to the source that knows it; None where
        `srcs` are all.
    """
    for library, adapter in adapters.items():
        linkopts, deps = _LIBRARIES[library]
        evrt_cc_binary(
            name = name + "_" + library,
            testonly = True,
            srcs = srcs + ([adapter] if adapter else []),
            linkopts = linkopts,
            deps = deps + [":bench"],
        )
    return [":%s_%s" % (name, library) for library in adapters]
