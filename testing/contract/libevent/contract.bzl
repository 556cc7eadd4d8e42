"""One source, two programs: a suite linked with evrt, and with Debian's libevent (the oracle)."""

load("@rules_shell//shell:sh_test.bzl", "sh_test")
load("//:defs.bzl", "evrt_cc_test")

# How each poller is chosen: by the variables that libevent itself looks at.
_METHODS = {
    "epoll": [],
    "epoll_changelist": ["EVENT_EPOLL_USE_CHANGELIST=1"],
    "poll": ["EVENT_NOEPOLL=1"],
    "select": [
        "EVENT_NOEPOLL=1",
        "EVENT_NOPOLL=1",
    ],
}

# The suites of the event core, buffers, bufferevents, listeners and DNS, by how their names begin: they are run with
# faults.
_FAULTY_SUITES = [
    "base",
    "buffer",
    "bufferevent",
    "compat",
    "dns",
    "event",
    "listener",
    "loop",
    "setup",
    "util",
]

# What a program may switch on first (variant.c).
_VARIANTS = [
    "plain",
    "debug",
    "threaded",
]

def contract_test(
        name,
        srcs,
        methods = None,
        variants = None,
        oracle_variants = None,
        fault_methods = None,
        tags = [],
        deps = [],
        extra = False):
    """Makes NAME_evrt_METHOD and NAME_oracle_METHOD, each of which runs its variants one after the other.

    Args:
      name: the stem of the targets' names.
      srcs: C sources that use public headers and the harness only.
      methods: the pollers to run on; [] where the poller does not matter: NAME_evrt and NAME_oracle, plain.
      variants: ["plain"] for a suite that does its own setting up.
      oracle_variants: those of the oracle, where it fails in one.
      fault_methods: the pollers to run on with faults (evrt only); [] for no faults. Else one.
      tags: of the tests; "no_eventdebug" for a suite that looks at what a build with debug mode on does not do.
      deps: more libraries of testing/ that do not depend on evrt.
      extra: whether the suite needs what is in libevent_extra.
    """
    evrt_deps = ["//api:event_pthreads"] + (["//api:event_extra"] if extra else [])
    if variants == None:
        variants = ["plain"] if methods == [] else _VARIANTS

    # Programs that the tests below run.
    evrt_cc_test(
        name = name + "_with_evrt",
        srcs = srcs + ["variant.c"],
        tags = ["manual"],
        deps = deps + evrt_deps + ["//testing/harness"],
    )
    evrt_cc_test(
        name = name + "_with_oracle",
        srcs = srcs + ["variant.c"],
        linkopts = (["-levent_extra"] if extra else []) + ["-levent_core", "-levent_pthreads"],
        tags = ["manual"],
        deps = deps + ["//testing/harness"],
    )
    for library, all_methods, its_variants, its_tags in [
        ("evrt", _METHODS.keys(), variants, []),
        ("oracle", _METHODS.keys(), oracle_variants or variants, ["oracle"]),
    ]:
        program = "%s_with_%s" % (name, library)
        for method in all_methods if methods == None else methods or [""]:
            sh_test(
                name = "_".join([part for part in [name, library, method] if part]),
                srcs = ["variants.sh"],
                args = ["$(rootpath :%s)" % program] + _METHODS.get(method, []) + its_variants,
                data = [":" + program],
                tags = tags + its_tags,
            )

    if name.split("_")[0] in _FAULTY_SUITES:
        if fault_methods == None:
            fault_methods = [""] if methods == [] else ["epoll"]
        _fault_tests(name, srcs, variants, fault_methods, tags, deps + evrt_deps)

# What a TLS suite runs over (tls_rig.h), each with the variant to do so in.
_TLS_RIGS = [
    "TLS_RIG=socket,tls13,client",
    "plain",
    "TLS_RIG=socket,tls13,server,deferred",
    "plain",
    "TLS_RIG=filter,tls13,client",
    "plain",
    "TLS_RIG=filter,tls13,server,threadsafe",
    "threaded",
    "TLS_RIG=socket,tls12,client,deferred,threadsafe,unlocked",
    "threaded",
    "TLS_RIG=socket,tls12,server",
    "debug",
    "TLS_RIG=filter,tls12,client,deferred",
    "plain",
    "TLS_RIG=filter,tls12,server",
    "debug",
    "EVENT_NOEPOLL=1",
    "TLS_RIG=socket,tls13,server",
    "plain",
]

def tls_contract_test(name, srcs, oracle = True):
    """Makes NAME_evrt and NAME_oracle: a suite with tls_rig.h, run over all that the rig knows.

    Args:
      name: the stem of the targets' names.
      srcs: C sources that use public headers, tls_rig.h and the harness only.
      oracle: False for a suite of what libevent gets wrong.
    """
    libraries = [("evrt", [], ["//api:event_openssl", "//api:event_pthreads"], [])]
    if oracle:
        linkopts = ["-levent_openssl", "-levent_core", "-levent_pthreads"]
        libraries.append(("oracle", linkopts, [], ["oracle"]))
    for library, linkopts, deps, tags in libraries:
        program = "%s_with_%s" % (name, library)
        evrt_cc_test(
            name = program,
            srcs = srcs + ["tls_rig.c", "tls_rig.h", "variant.c"],
            linkopts = linkopts,
            tags = ["manual"],
            deps = deps + [
                "//testing/harness",
                "//testing/tls:certs",
                "//third_party/openssl",
            ],
        )
        sh_test(
            name = "%s_%s" % (name, library),
            srcs = ["variants.sh"],
            args = ["$(rootpath :%s)" % program] + _TLS_RIGS,
            data = [":" + program],
            tags = tags,
        )

def _fault_tests(name, srcs, variants, methods, tags, deps):
    """Makes NAME_alloc_faults_METHOD and NAME_sys_faults_METHOD: see testing/fault."""
    program = name + "_with_faults"
    evrt_cc_test(
        name = program,
        srcs = srcs + ["variant.c"],
        copts = [
            "-include",
            "testing/fault/told.h",
        ],
        tags = ["manual"],
        deps = deps + [
            "//testing/fault:inject",
            "//testing/fault:told",
            "//testing/harness",
        ],
    )
    for kind in ["alloc", "sys"]:
        for method in methods:
            sh_test(
                name = "_".join([part for part in [name, kind, "faults", method] if part]),
                srcs = ["variants.sh"],
                args = ["$(rootpath :%s)" % program, "EVRT_TEST_FAULTS=" + kind] +
                       _METHODS.get(method, []) + [v for v in variants if v != "debug"],
                data = [":" + program],
                tags = tags,
            )
