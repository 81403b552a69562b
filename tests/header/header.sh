#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# kith.h alone must compile, without a warning, as each language that may include it:
#
#   header.sh HEADER_FOLDER C_COMPILER CXX_COMPILER
set -eu
include=$1 cc=$2 cxx=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

# Twice: it must guard itself. The use makes sure that it declares something.
cat >"$scratch/use.c" <<'C'
#include <kith.h>
#include <kith.h>
int main(void)
{
	struct kith_err err;
	kith_set *set = 0;
	enum kith_status st = kith_set_open("x", &set, &err);

	kith_set_close(set);
	return st == KITH_OK && KITH_SET_FORMAT == 1;
}
C
cp "$scratch/use.c" "$scratch/use.cc"

try() {
	if "$@" -I "$include" -Wall -Wextra -Wpedantic -Wundef -Werror -fsyntax-only; then
		echo "ok: $*"
	else
		echo "failed: $*"
		failed=1
	fi
}
for standard in c99 c11 c17; do
	try "$cc" -std=$standard -Wshadow "$scratch/use.c"
done
for standard in c++11 c++17; do
	try "$cxx" -std=$standard "$scratch/use.cc"
done
exit $failed
