#!/bin/bash
# variants.sh PROGRAM [NAME=VALUE...] VARIANT... — runs a suite once in each variant (variant.c), with these
# variables set; fails when one run does, and says which.
set -u

program=$1
shift
status=0
failed=""

for argument in "$@"; do
	case $argument in
	*=*)
		export "${argument?}"
		continue
		;;
	esac
	echo "== $argument"
	CONTRACT_VARIANT=$argument "$program" || {
		status=1
		failed="$failed $argument"
	}
done
[ $status = 0 ] || echo "FAILED in:$failed"
exit $status
