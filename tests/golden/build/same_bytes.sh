# SPDX-License-Identifier: Apache-2.0
# One knowledge, one file: whatever threads, memory, order of inputs, packing, or the way through a
# merge. SOURCE_DATE_EPOCH is the only thing that may show.
set -u
samples=$KITH_SOURCE/data-samples
full=$samples/RDS_2026.03.1_modern.zip v2=$samples/rds_modern
build() { kith-build nsrl --quiet "$@" || exit 99; }
same() {
	if cmp -s "$2" "$3"; then echo "$1: same"; else echo "$1: differs"; fi
}

build -o all.kith "$full" "$v2"
build -o one.kith --threads 1 --memory 16M "$v2" "$full"
same 'one thread, little memory, other order' all.kith one.kith
mkdir scratch
build -o five.kith --threads 5 --scratch scratch "$full" "$v2"
same 'five threads, another scratch folder' all.kith five.kith
ls -A scratch

build -o full.kith "$full"
build -o v2.kith "$v2"
kith-build merge --quiet -o merged.kith v2.kith full.kith || exit 99
same 'merged' all.kith merged.kith

bsdtar -xOf "$full" '*.db' >full.db
build -o unpacked.kith full.db
same 'the database out of its zip' full.kith unpacked.kith

(cd "$samples" && zip -q -r - rds_modern) >v2.zip
cp -r "$v2" iso && (cd iso && for f in NSRLFile.*; do zip -q NSRLFile.txt.zip "$f" && rm "$f"; done)
genisoimage -quiet -r -J -V RDS_modern -o v2.iso iso
build -o v2.kith --set-name modern "$v2"
build -o zip.kith v2.zip
build -o iso.kith v2.iso
same 'v2 in a zip' v2.kith zip.kith
same 'v2 in an ISO image, zipped again' v2.kith iso.kith

SOURCE_DATE_EPOCH=1700000000 kith-build nsrl --quiet -o dated.kith "$full" || exit 99
same 'with a date' full.kith dated.kith
kith dump -d full.kith >full.dump
kith dump -d dated.kith >dated.dump
same 'its dump' full.dump dated.dump
SOURCE_DATE_EPOCH=yesterday kith-build nsrl --quiet -o dated.kith "$full"
echo "exit $?"
