"""The built-in symbols under other names: a file cannot define a name that it also takes from the built-ins."""

BuiltinCcInfo = CcInfo
builtin_cc_common = cc_common
