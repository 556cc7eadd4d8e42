"""What is installed: static archives and shared libraries with libevent's names, and a tree of all of it.

The built-in rules make one archive per folder and take no library away again; these put all objects of some
targets, minus those of others, into one file.
"""

load("@rules_cc//cc:find_cc_toolchain.bzl", "find_cpp_toolchain")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")

_LINK_ACTION = "c++-link-dynamic-library"

def _objects(targets):
    """The position-independent objects of targets and of all that they need."""
    objects = []
    for target in targets:
        for linker_input in target[CcInfo].linking_context.linker_inputs.to_list():
            for library in linker_input.libraries:
                objects += library.pic_objects or library.objects or []
    return depset(objects)

def _link_flags(targets):
    """What targets and all that they need ask of the linker: libraries of the system."""
    flags = []
    for target in targets:
        for linker_input in target[CcInfo].linking_context.linker_inputs.to_list():
            flags += linker_input.user_link_flags
    return flags

def _own_objects(ctx):
    others = {o: True for o in _objects(ctx.attr.minus).to_list()}
    own = [o for o in _objects(ctx.attr.deps).to_list() if o not in others]
    if not own:
        fail("%s: deps bring no object of their own" % ctx.label)
    return own

def _archive_impl(ctx):
    own = _own_objects(ctx)
    out = ctx.actions.declare_file(ctx.label.name)
    args = ctx.actions.args()

    # q, not r: files of the same name in different folders must not replace each other.
    args.add("qcsD", out)
    args.add_all(own)
    ctx.actions.run(
        executable = find_cpp_toolchain(ctx).ar_executable,
        arguments = [args],
        inputs = own,
        tools = find_cpp_toolchain(ctx).all_files,
        outputs = [out],
        mnemonic = "EvrtArchive",
    )
    return [DefaultInfo(files = depset([out]))]

_MEMBERS = {
    "deps": attr.label_list(providers = [CcInfo], doc = "All objects of these and of their deps,"),
    "minus": attr.label_list(providers = [CcInfo], doc = "but none of these."),
    "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
}

evrt_archive = rule(
    implementation = _archive_impl,
    attrs = _MEMBERS,
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)

def _shared_library_impl(ctx):
    own = _own_objects(ctx)
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    out = ctx.actions.declare_file(ctx.label.name)

    # No version node: as in libevent, a name binds to the first library in order that has it.
    script = ctx.actions.declare_file(ctx.label.name + ".lds")
    ctx.actions.write(script, "{\nglobal:\n%slocal:\n\t*;\n};\n" % "".join(
        ["\t%s;\n" % name for name in ctx.attr.exports],
    ))
    variables = cc_common.create_link_variables(
        feature_configuration = features,
        cc_toolchain = toolchain,
        is_linking_dynamic_library = True,
        is_using_linker = True,
        output_file = out.path,
        user_link_flags = [o.path for o in own] + [library.path for library in ctx.files.needed] + [
            "-pthread",
            "-Wl,-soname,%s" % ctx.label.name,
            "-Wl,--version-script=%s" % script.path,
            "-Wl,-z,defs",
            "-Wl,--as-needed",
        ] + _link_flags(ctx.attr.deps) + ctx.fragments.cpp.linkopts,
    )
    ctx.actions.run(
        executable = cc_common.get_tool_for_action(
            feature_configuration = features,
            action_name = _LINK_ACTION,
        ),
        arguments = cc_common.get_memory_inefficient_command_line(
            feature_configuration = features,
            action_name = _LINK_ACTION,
            variables = variables,
        ),
        env = cc_common.get_environment_variables(
            feature_configuration = features,
            action_name = _LINK_ACTION,
            variables = variables,
        ),
        inputs = depset(own + ctx.files.needed + [script], transitive = [toolchain.all_files]),
        outputs = [out],
        mnemonic = "EvrtSharedLibrary",
    )
    return [DefaultInfo(files = depset([out]), runfiles = ctx.runfiles(files = [out]))]

evrt_shared_library = rule(
    implementation = _shared_library_impl,
    doc = "A shared library whose file name and SONAME are the target's name.",
    attrs = dict(
        _MEMBERS,
        exports = attr.string_list(mandatory = True, doc = "Names, with *, of what others may use."),
        needed = attr.label_list(allow_files = True, doc = "Shared libraries that it is linked against."),
    ),
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)

# pkg-config files find their tree by where they lie: it may be moved.
_PC = """prefix=${{pcfiledir}}/../..
exec_prefix=${{prefix}}
libdir=${{prefix}}/lib
includedir=${{prefix}}/include

Name: {name}
Description: {description}
Version: {version}
Requires: {requires}
Conflicts:
Libs: -L${{libdir}} -l{link}
Libs.private: {private} -lpthread
Cflags: -I${{includedir}}
"""

def _dist_impl(ctx):
    out = ctx.actions.declare_file(ctx.label.name + ".tar")
    files = []
    commands = [
        "set -eu",
        "stage=$(mktemp -d)",
        "trap 'rm -rf \"$stage\"' EXIT",
        "mkdir -p $stage/lib/pkgconfig",
    ]

    for library in ctx.files.shared:
        soname = library.basename
        real = "%s.%s" % (soname, ctx.attr.so_minor)
        development = soname.split("-")[0] + ".so"
        commands += [
            "install -m 755 %s $stage/lib/%s" % (library.path, real),
            "ln -s %s $stage/lib/%s" % (real, soname),
            "ln -s %s $stage/lib/%s" % (real, development),
        ]
    for library in ctx.files.static:
        commands.append("install -m 644 %s $stage/lib/%s" % (library.path, library.basename))

    headers = []
    for target in ctx.attr.headers:
        headers += target[CcInfo].compilation_context.direct_headers
    for header in headers:
        place = header.path.partition("/include/")[2]
        commands.append("install -D -m 644 %s $stage/include/%s" % (header.path, place))

    for name, requires in ctx.attr.pc.items():
        pc = ctx.actions.declare_file("%s_%s.pc" % (ctx.label.name, name))
        ctx.actions.write(pc, _PC.format(
            name = name,
            link = name[len("lib"):],
            description = "libevent's interface on every core (%s)" % name,
            requires = requires,
            private = ctx.attr.pc_private.get(name, ""),
            version = ctx.attr.version,
        ))
        files.append(pc)
        commands.append("install -m 644 %s $stage/lib/pkgconfig/%s.pc" % (pc.path, name))

    same_bytes = "--sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner"
    commands.append("tar -C $stage %s -cf %s lib include" % (same_bytes, out.path))
    ctx.actions.run_shell(
        command = "\n".join(commands),
        inputs = depset(files + headers + ctx.files.shared + ctx.files.static),
        outputs = [out],
        mnemonic = "EvrtDist",
        progress_message = "Packing %s" % out.short_path,
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([out]), runfiles = ctx.runfiles([out]))]

evrt_dist = rule(
    implementation = _dist_impl,
    doc = "A tar of lib/ and include/, the same bytes from the same sources.",
    attrs = {
        "headers": attr.label_list(providers = [CcInfo], doc = "Their own headers, from .../include/ on."),
        "pc": attr.string_dict(doc = "Library name to what its pkg-config file requires."),
        "pc_private": attr.string_dict(doc = "Library name to what a static link of it needs besides."),
        "shared": attr.label_list(allow_files = True, doc = "Named by their SONAME: libx-2.1.so.7."),
        "so_minor": attr.string(doc = "What the real file's name adds to the SONAME."),
        "static": attr.label_list(allow_files = True),
        "version": attr.string(),
    },
)
