"""cc_common, where rules_cc has it."""

load("//cc/private:builtin.bzl", "builtin_cc_common")

cc_common = builtin_cc_common
