"""CcInfo, where rules_cc has it."""

load("//cc/private:builtin.bzl", "BuiltinCcInfo")

CcInfo = BuiltinCcInfo
