"""The headers of a library as files, for tests that give them to a compiler themselves."""

def _header_files_impl(ctx):
    headers = ctx.attr.library[CcInfo].compilation_context.direct_headers
    return [DefaultInfo(files = depset(headers), runfiles = ctx.runfiles(files = headers))]

header_files = rule(
    implementation = _header_files_impl,
    attrs = {"library": attr.label(providers = [CcInfo], mandatory = True)},
)
