#!/bin/bash
# variants.sh PROGRAM [NAME=VALUE...] VARIANT... — runs a suite once in each variant (variant.c), with these
# variables set from where they stand; fails when one run does, and says which.
set -u

program=$1
shift
status=0
failed=""

for argument in "$@"; do
	echo "== $argument"
	case $argument in
	*=*)
		export "${argument?}"
		continue
		;;
	esac
	CONTRACT_VARIANT=$argument "$program" || {
		status=1
		failed="$failed ${TLS_RIG-} $argument"
	}
done
[ $status = 0 ] || echo "FAILED in:$failed"
exit $status
