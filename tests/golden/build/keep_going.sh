# SPDX-License-Identifier: Apache-2.0
# Damage ends a build, unless told to go on: then what can be read is kept, and the loss is in the
# ledger. The judge is the release itself, read by sqlite3 and grep.
set -u
samples=$KITH_SOURCE/data-samples
# lines of a v2 file, cut in the middle of a row
file=$(ls "$samples"/rds_modern/NSRLFile.*)
cp -r "$samples/rds_modern" cut
n=$(($(wc -l <"$file") / 2))
{
	head -n "$n" "$file"
	sed -n "$((n + 1))p" "$file" | head -c 60
} >"cut/$(basename "$file")"
kith-build nsrl --quiet -o set.kith cut 2>&1 | sed "s/line $((n + 1))\$/line N/"
ls set.kith 2>&1
kith-build nsrl --quiet --keep-going -o set.kith cut
echo "exit $?"
head -n "$n" "$file" | cut -c2-41 | tr A-F a-f | grep -E '^[0-9a-f]{40}$' | sort -u >want
kith dump -d set.kith | sed -n 's/^sha1only \([0-9a-f]*\) .*/\1/p' | sort -u >got
cmp want got && echo 'every whole row was kept'
kith dump -d set.kith | grep -c '^ledger 0 4 '

# a full database whose last quarter is gone
bsdtar -xOf "$samples/RDS_2026.03.1_modern.zip" '*.db' >whole.db
head -c $(($(wc -c <whole.db) / 16384 * 12288)) whole.db >cut.db
kith-build nsrl --quiet -o db.kith cut.db
echo "exit $?"
kith-build nsrl --quiet --keep-going -o db.kith cut.db
echo "exit $?"
kith verify db.kith >/dev/null && echo verified
kith dump -d db.kith | sed -n 's/^file \([0-9a-f]*\) .*/\1/p' | sort -u >got
sqlite3 whole.db 'SELECT DISTINCT lower(sha256) FROM METADATA' | sort -u >want
comm -23 got want | wc -l
[ "$(wc -l <got)" -gt 0 ] && echo 'some rows were kept'
