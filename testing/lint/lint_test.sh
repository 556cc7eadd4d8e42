#!/bin/bash
# The tree obeys lint.py. The sources are found through the link that this script is: it checks the tree
# itself, also files that no rule knows.
set -eu
exec python3 "$(dirname "$(realpath "$0")")/lint.py"
