"""One test in a second build: with some of the root's settings on or off, whatever the command line says."""

_SETTINGS = [
    "//:debug_log",
    "//:shake",
    "//:trace",
]

def _change(settings, attr):
    return {s: s in attr.on or (settings[s] and s not in attr.off) for s in _SETTINGS}

_second_build = transition(
    implementation = _change,
    inputs = _SETTINGS,
    outputs = _SETTINGS,
)

def _second_build_test(ctx):
    test = ctx.attr.test[0][DefaultInfo]
    program = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = program, target_file = test.files_to_run.executable, is_executable = True)
    return [
        DefaultInfo(executable = program, runfiles = test.default_runfiles),
        testing.TestEnvironment(ctx.attr.test_env),
    ]

second_build_test = rule(
    implementation = _second_build_test,
    attrs = {
        "off": attr.string_list(),
        "on": attr.string_list(),
        "test": attr.label(cfg = _second_build, executable = False, mandatory = True),
        "test_env": attr.string_dict(),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
    test = True,
)
