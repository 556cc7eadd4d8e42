"""Stand-in for rules_shell: the built-in rule by its name there."""

sh_test = native.sh_test
