#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# run.sh CASE.sh: runs the case in an empty folder and compares what it prints and its exit status with
# CASE.stdout, CASE.stderr and CASE.exit. KITH_BIN: where the programs are; KITH_SOURCE: the tree.
# KITH_GOLDEN_UPDATE=1 writes the expected files anew: check them against another program then.
set -u
case=${1%.sh}
folder=$(mktemp -d) || exit 99
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
trap 'exit 99' HUP INT TERM
case $case in /*) ;; *) case=$PWD/$case ;; esac
unset KITH_PATH KITH_TEST_DIE_AT SOURCE_DATE_EPOCH
LC_ALL=C TZ=UTC HOME=$folder CASES=$(dirname "$case") PATH=$KITH_BIN:$PATH
export LC_ALL TZ HOME CASES PATH KITH_BIN KITH_SOURCE
mkdir "$folder/work" && cd "$folder/work" || exit 99
sh "$case.sh" >../stdout 2>../stderr </dev/null
echo $? >../exit
status=0
for what in stdout stderr exit; do
	if [ "${KITH_GOLDEN_UPDATE:-}" = 1 ]; then
		cp "../$what" "$case.$what"
	elif ! diff -u "$case.$what" "../$what"; then
		status=1
	fi
done
exit $status
