#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Installs a build into an empty prefix and uses it from there: a consumer of libkith is built by
# CMake and by pkg-config, shared and static, and run; manual pages and programs are in place.
#
#   install.sh BUILD_FOLDER SOURCE_TREE C_COMPILER [EXTRA_C_FLAG...]
set -eu
build=$1 tree=$2 cc=$3
shift 3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prefix=$scratch/usr
fail() {
	echo "install: $1"
	exit 1
}

cmake --install "$build" --prefix "$prefix" >"$scratch/installed"
# The tree may be moved: nothing in it may hold the place where it was first.
mv "$prefix" "$scratch/moved"
prefix=$scratch/moved
if grep -rlF "$scratch/usr" "$prefix" --include='*.pc' --include='*.cmake'; then
	fail "these files name the prefix"
fi

pc=$(find "$prefix" -name kith.pc)
libdir=$(dirname "$(dirname "$pc")")
version=$(sed -n 's/^#define KITH_VERSION[[:space:]]*"\(.*\)"/\1/p' "$prefix/include/kith.h")
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
[ "$(pkg-config --modversion kith)" = "$version" ] || fail "kith.pc has another version than kith.h"

cat >"$scratch/use.c" <<'C'
#include <kith.h>
#include <stdio.h>
int main(void) { return printf("%s %s\n", kith_version(), kith_status_text(kith_set_open("/nowhere", &(kith_set *){ 0 }, NULL))) < 0; }
C
expected=$version
uses() { # program, what
	"$1" >"$scratch/out" || fail "$2: does not run"
	grep -q "^$expected ." "$scratch/out" || fail "$2: printed '$(cat "$scratch/out")'"
	echo "ok: $2"
}

# shellcheck disable=SC2046
"$cc" "$@" "$scratch/use.c" $(pkg-config --cflags --libs kith) -o "$scratch/pc-shared"
LD_LIBRARY_PATH=$libdir uses "$scratch/pc-shared" "pkg-config, shared"
readelf -d "$scratch/pc-shared" | grep -q 'NEEDED.*libkith' || fail "did not link libkith.so"
mkdir "$scratch/static"
cp "$libdir/libkith.a" "$scratch/static/"
# The folder with only the archive comes first, so that -lkith finds that.
# shellcheck disable=SC2046
"$cc" "$@" "$scratch/use.c" -L"$scratch/static" $(pkg-config --static --cflags --libs kith) \
	-o "$scratch/pc-static"
uses "$scratch/pc-static" "pkg-config, static"
readelf -d "$scratch/pc-static" | grep -q 'NEEDED.*libkith' && fail "the static program needs libkith.so"

mkdir "$scratch/consumer"
cp "$scratch/use.c" "$scratch/consumer/"
cat >"$scratch/consumer/CMakeLists.txt" <<CMAKE
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES C)
find_package(kith ${version%.*} REQUIRED)
foreach(flavour kith kith_static)
	add_executable(use-\${flavour} use.c)
	target_link_libraries(use-\${flavour} PRIVATE kith::\${flavour})
endforeach()
CMAKE
unset PKG_CONFIG_PATH
cmake -S "$scratch/consumer" -B "$scratch/consumer/build" -G Ninja -DCMAKE_C_COMPILER="$cc" \
	-DCMAKE_C_FLAGS="$*" -DCMAKE_PREFIX_PATH="$prefix" >"$scratch/log" || {
	cat "$scratch/log"
	fail "the package is not found"
}
cmake --build "$scratch/consumer/build" >"$scratch/log" || {
	cat "$scratch/log"
	fail "the consumer does not build"
}
uses "$scratch/consumer/build/use-kith" "CMake, shared"
uses "$scratch/consumer/build/use-kith_static" "CMake, static"

# Programs run from there, pages and completions are there: each file of the tree has its place.
"$prefix/bin/kith" --help >"$scratch/out" || fail "kith does not run"
for page in "$tree"/docs/man/*.[135]; do
	name=$(basename "$page")
	case $name in
	kith-build*) [ -e "$prefix/bin/kith-build" ] || continue ;;
	kith-serve*) [ -e "$prefix/bin/kith-serve" ] || continue ;;
	esac
	[ -e "$prefix/share/man/man${name##*.}/$name" ] || fail "no page $name"
done
[ -e "$prefix/share/bash-completion/completions/kith" ] || fail "no completion for bash"
[ -e "$prefix/share/zsh/site-functions/_kith" ] || fail "no completion for zsh"
if [ -e "$prefix/bin/kith-serve" ]; then
	"$prefix/bin/kith" serve --help | grep -q '^Usage: kith-serve' || fail "kith serve does not run"
	for unit in kith-serve.service kith-serve.socket; do
		[ -e "$prefix/lib/systemd/system/$unit" ] || fail "no unit $unit"
	done
fi
echo "ok: programs, pages, completions"
