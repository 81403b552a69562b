#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# scripts/includes must find what it is there to find: each line here is one forbidden include, put
# into a copy of the tree.
set -eu
tree=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

mkdir "$scratch/tree"
cp -r "$tree/include" "$tree/lookup" "$tree/extract" "$tree/builder" "$tree/serve" "$scratch/tree/"

forbidden() { # file, what it includes, what must be said
	printf '#include %s\n' "$2" >>"$scratch/tree/$1"
	if "$tree/scripts/includes" "$scratch/tree" >"$scratch/out"; then
		echo "not found: $1 includes $2"
		failed=1
	elif ! grep -q "^$1:.*$3" "$scratch/out"; then
		echo "another fault was found than $1 includes $2:"
		cat "$scratch/out"
		failed=1
	fi
	cp "$tree/$1" "$scratch/tree/$1"
}
forbidden lookup/base/hex.c '<lmdb.h>' 'only lookup/lib/db.c'
forbidden lookup/base/hex.c '"core/source.h"' 'may not include from builder/core'
forbidden lookup/base/hex.c '<curl/curl.h>' 'no known library'
forbidden lookup/lib/db.c '"answer/list.h"' 'may not include from lookup/answer'
forbidden builder/core/sort.c '"sources/sqlite.h"' 'may not include from builder/sources'
forbidden builder/core/sort.c '<sqlite3.h>' 'only builder/sources/sqlite.c'
forbidden builder/sources/sqlite.c '"core/build.h"' 'of the core a source includes'
forbidden builder/sources/sqlite.c '"nowhere.h"' 'not clear whose'
forbidden builder/sources/nsrl_v2.c '"nsrl_v3.h"' 'do not know each other'
forbidden lookup/answer/text.c '"dialect.h"' 'not clear whose'
forbidden serve/dialect_vt.c '"core/source.h"' 'may not include from builder/core'
forbidden serve/http.c '<event2/event.h>' 'only serve/conn.h'
forbidden include/kith.h '"base/err.h"' 'may not include from lookup/base'

mkdir "$scratch/tree/lookup/extra"
if "$tree/scripts/includes" "$scratch/tree" >"$scratch/out"; then
	echo "a folder outside the table was not found"
	failed=1
fi
exit $failed
