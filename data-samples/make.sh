#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the samples of this folder again, in this folder or in the one that is given:
#
#   data-samples/make.sh [FOLDER]
#   data-samples/make.sh --containers FOLDER [SAMPLE...]   containers of every format: containers.sh
#
# What it makes depends on nothing but scripts/mkrds (and the zip program, for the .zip's bytes).
set -eu
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
if [ "${1-}" = --containers ]; then
	shift
	exec sh "$here/containers.sh" "$@"
fi
out=${1-$here}
mkdir -p "$out"

# One release in two kinds (same seed and size), and another one of another set.
"$top/scripts/mkrds" --kind full --set modern --seed 1 --rows 2000 --packages 12 --zip \
	-o "$out/RDS_2026.03.1_modern.zip"
"$top/scripts/mkrds" --kind v2 --release 2.77 --seed 1 --rows 2000 --packages 12 \
	-o "$out/rds_modern"
"$top/scripts/mkrds" --kind minimal --set android --seed 2 --rows 1500 --packages 8 --zip \
	-o "$out/RDS_2026.03.1_android_minimal.zip"

# The two small files that the releases list are real: their digests must be those in the release.
for name in hello.txt editor.exe; do
	digest=$(sha1sum <"$here/files/$name" | cut -c 1-40 | tr a-f A-F)
	md5=$(md5sum <"$here/files/$name" | cut -c 1-32 | tr a-f A-F)
	if ! grep -q "^\"$digest\",\"$md5\",.*,\"$name\"," "$out/rds_modern/NSRLFile.txt"; then
		echo "make.sh: $name is not in the release with its own digests" >&2
		exit 1
	fi
done
