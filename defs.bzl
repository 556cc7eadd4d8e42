"""The rules that BUILD files of this tree use: C dialect, warnings and the build's settings in one place."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

# Warnings that hold in all of the tree, with gcc and with clang.
_WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wformat-security",
    "-Wmissing-prototypes",
    "-Wold-style-definition",
    "-Wpointer-arith",
    "-Wshadow",
    "-Wstrict-prototypes",
    "-Wundef",
    "-Wvla",
]

_COPTS = [
    "-std=gnu11",
    "-D_GNU_SOURCE",
    "-fno-strict-aliasing",
    "-fvisibility=hidden",
] + _WARNINGS

def _defines():
    """Costly checks wherever a build looks for mistakes; debug modes of locks and events; debug messages; shaking;
    tracing."""
    return select({
        "//:sanitizer_none": [],
        "//conditions:default": ["EVRT_DCHECKS=1"],
    }) + select({
        "//:lock_debug_on": ["EVRT_LOCK_DEBUG_DEFAULT=1", "EVRT_DCHECKS=1"],
        "//conditions:default": [],
    }) + select({
        "//:event_debug_on": ["EVRT_EVENT_DEBUG_DEFAULT=1", "EVRT_DCHECKS=1"],
        "//conditions:default": [],
    }) + select({
        "//:debug_log_on": ["EVRT_DEBUG_LOG=1"],
        "//conditions:default": [],
    }) + select({
        "//:shake_on": ["EVRT_SHAKE_BUILD=1", "EVRT_DCHECKS=1"],
        "//conditions:default": [],
    }) + select({
        "//:trace_on": ["EVRT_TRACE_BUILD=1"],
        "//conditions:default": [],
    })

def evrt_cc_library(name, copts = [], local_defines = [], **kwargs):
    cc_library(
        name = name,
        copts = _COPTS + copts,
        local_defines = local_defines + _defines(),
        **kwargs
    )

def evrt_cc_test(name, copts = [], local_defines = [], linkopts = [], size = "medium", **kwargs):
    """A test; --config=jemalloc runs it on jemalloc."""
    cc_test(
        name = name,
        size = size,
        copts = _COPTS + copts,
        local_defines = local_defines + _defines(),
        linkopts = linkopts + ["-pthread"],
        linkstatic = True,
        malloc = select({
            "//:malloc_jemalloc": "//third_party/jemalloc",
            "//conditions:default": "@bazel_tools//tools/cpp:malloc",
        }),
        **kwargs
    )

def evrt_cc_binary(name, copts = [], local_defines = [], linkopts = [], **kwargs):
    """A program; its allocator is jemalloc unless --//:malloc=system."""
    cc_binary(
        name = name,
        copts = _COPTS + copts,
        local_defines = local_defines + _defines(),
        linkopts = linkopts + ["-pthread"],
        malloc = select({
            "//:malloc_auto": "//third_party/jemalloc",
            "//:malloc_jemalloc": "//third_party/jemalloc",
            "//conditions:default": "@bazel_tools//tools/cpp:malloc",
        }),
        **kwargs
    )
