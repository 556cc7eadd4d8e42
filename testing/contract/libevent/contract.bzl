"""One source, several builds: evrt on each poller, and Debian's libevent (the oracle)."""

load("//:defs.bzl", "evrt_cc_test")

_METHODS = {
    "epoll": [],
    "poll": ["CONTRACT_WITHOUT_EPOLL=1"],
    "select": ["CONTRACT_WITHOUT_EPOLL=1", "CONTRACT_WITHOUT_POLL=1"],
}

def contract_test(name, srcs, methods = ["epoll", "poll", "select"], deps = []):
    """Makes NAME_evrt_METHOD for each method, and NAME_oracle, from the same sources and public headers.

    Args:
      name: the stem of the targets' names.
      srcs: C sources that use public headers and the harness only.
      methods: the pollers to run evrt's build on; [] where the poller does not matter.
      deps: more libraries of testing/ that do not depend on evrt.
    """
    for method in methods or ["epoll"]:
        evrt_cc_test(
            name = "%s_evrt_%s" % (name, method) if methods else name + "_evrt",
            srcs = srcs + ["method.c"],
            local_defines = _METHODS[method],
            deps = deps + [
                "//api:event_pthreads",
                "//testing/harness",
            ],
        )
    evrt_cc_test(
        name = name + "_oracle",
        srcs = srcs,
        linkopts = ["-levent_core", "-levent_pthreads"],
        tags = ["oracle"],
        deps = deps + ["//testing/harness"],
    )
