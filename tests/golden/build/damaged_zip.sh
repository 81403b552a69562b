# SPDX-License-Identifier: Apache-2.0
# A release's zip that is cut off or damaged ends a build with the member and the offset, and the old
# set stays; with --keep-going the rows of what can be unpacked are kept. The judges are Python's
# zlib, which unpacks the same part, and sqlite3, which reads the whole database.
set -u
samples=$KITH_SOURCE/data-samples
kith-build nsrl --quiet -o old.kith "$samples/rds_modern" || exit 99

# Damages a zip; prints how much of its largest member zlib makes of what is left.
cat >damage.py <<'PY'
import struct, sys, zipfile, zlib
source, how, target = sys.argv[1:]
data = bytearray(open(source, "rb").read())
member = max(zipfile.ZipFile(source).infolist(), key=lambda m: m.file_size)
at = member.header_offset
start = at + 30 + sum(struct.unpack("<HH", data[at + 26:at + 30]))
if how == "cut":
    data = data[:start + member.compress_size * 6 // 10]
elif how == "broken":  # a block of a type that there is not, where a block begins: at the front
    data[start] |= 0x06
elif how == "checksum":
    old = struct.pack("<I", member.CRC)
    while old in data:
        i = data.index(old)
        data[i:i + 4] = struct.pack("<I", member.CRC ^ 1)
elif how == "directory":
    i = data.index(b"PK\1\2")
    data[i:i + 46] = bytes(46)
open(target, "wb").write(data)
inflate = zlib.decompressobj(-15)
try:
    part = inflate.decompress(bytes(data[start:start + member.compress_size]))
except zlib.error:
    part = b""
open("part", "wb").write(part)
PY

# Rows that a build must have kept at least: those that sqlite3 reads out of the same part.
check() {
	kith dump -d set.kith | sed -n 's/^file \([0-9a-f]*\) .*/\1/p' | sort -u >got
	sqlite3 whole.db "SELECT DISTINCT lower(sha256) FROM $1" | sort -u >want
	echo "not in the release: $(comm -23 got want | wc -l)"
	truncate -s $(($(wc -c <part) / 4096 * 4096)) part
	sqlite3 part "PRAGMA writable_schema = ON; SELECT lower(sha256) FROM $1 NOT INDEXED" \
		2>/dev/null | sort -u >least
	echo "not kept of what sqlite3 reads: $(comm -13 got least | wc -l)"
	[ $(($(wc -l <got) * 10)) -gt $(($(wc -l <want) * 5)) ] && echo 'more than half is kept'
	kith verify set.kith >/dev/null && echo verified
	kith info set.kith | sed -n 's/^  \(failed .*\)/\1/p' |
		sed 's/offset [0-9]* of/offset N of/; s/after row [0-9]*/after row N/'
}

for release in modern android_minimal; do
	zip=$samples/RDS_2026.03.1_$release.zip
	bsdtar -xOf "$zip" '*.db' >whole.db
	[ $release = modern ] && table=METADATA || table=FILE
	for how in cut broken checksum directory; do
		echo "== $release, $how"
		python3 damage.py "$zip" $how bad.zip
		cp old.kith set.kith
		kith-build nsrl --quiet -o set.kith bad.zip 2>&1 |
			sed 's/offset [0-9]*/offset N/; s/0x[0-9a-f]*/0xN/g'
		cmp old.kith set.kith && echo 'the old set is untouched'
		kith-build nsrl --quiet --keep-going -o set.kith bad.zip 2>&1 |
			sed 's/offset [0-9]*/offset N/'
		cmp -s old.kith set.kith || check $table
	done
done

# where nothing is left there is no set, and the old one stays
head -c 4096 whole.db >page.db
head -c 100 whole.db >head.db
cat >more.py <<'PY'
import zipfile
zipfile.ZipFile("empty.zip", "w").close()
with zipfile.ZipFile("same.zip", "w") as z:
    z.write("whole.db", "a/same.db")
    z.writestr("b/same.db", "hello")
PY
python3 more.py
for input in page.db head.db empty.zip same.zip; do
	cp old.kith set.kith
	kith-build nsrl --quiet --keep-going -o set.kith $input 2>&1
	echo "exit $?"
	cmp old.kith set.kith
done
ls -A | grep tmp
exit 0
