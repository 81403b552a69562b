#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The manual pages are well formed, refer to pages that exist, and the example of kith(3) compiles:
#
#   man.sh TREE
set -eu
cd "$1"
failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

mandoc -Tlint -W warning docs/man/*.[135] || failed=1

sed -n 's/^\.Xr \(kith[a-z-]*\) \([0-9]\).*/\1.\2/p' docs/man/*.[135] | sort -u >"$scratch/references"
while read -r reference; do
	if [ ! -e "docs/man/$reference" ]; then
		echo "there is no page $reference, which a page refers to"
		failed=1
	fi
done <"$scratch/references"

sed -e '1,/^\.Sh EXAMPLES/d' docs/man/kith.3 |
	sed -e '1,/^\.Bd -literal/d' -e '/^\.Ed/,$d' -e 's/\\e/\\/g' >"$scratch/example.c"
grep -q 'int main' "$scratch/example.c" || {
	echo "no example was found in kith.3"
	failed=1
}
cc -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I include "$scratch/example.c" || failed=1
exit $failed
