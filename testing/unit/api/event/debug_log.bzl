"""One test in a second build: with debug messages compiled in, whatever the command line says."""

def _debug_log_on(_settings, _attr):
    return {"//:debug_log": True}

_debug_log_transition = transition(
    implementation = _debug_log_on,
    inputs = [],
    outputs = ["//:debug_log"],
)

def _with_debug_log(ctx):
    test = ctx.attr.test[0][DefaultInfo]
    program = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = program, target_file = test.files_to_run.executable, is_executable = True)
    return [
        DefaultInfo(executable = program, runfiles = test.default_runfiles),
        testing.TestEnvironment({"EVRT_TEST_DEBUG_LOG": "1"}),
    ]

with_debug_log_test = rule(
    implementation = _with_debug_log,
    attrs = {
        "test": attr.label(cfg = _debug_log_transition, executable = False, mandatory = True),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
    test = True,
)
