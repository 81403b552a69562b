# SPDX-License-Identifier: Apache-2.0
# A text release in a zip or an ISO image that is cut off or damaged: the message has the line and the
# offset; with --keep-going every whole line of what can be unpacked is kept. The judges are Python's
# zlib and head, which take the same part of NSRLFile.
set -u
samples=$KITH_SOURCE/data-samples
kith-build nsrl --quiet -o old.kith "$samples/RDS_2026.03.1_modern.zip" || exit 99

cat >make.py <<'PY'
import os, struct, sys, zipfile, zlib
folder = sys.argv[1]
names = sorted(os.listdir(folder), reverse=True)  # the rows come last
for target, method in ("deflated.zip", 8), ("stored.zip", 0):
    with zipfile.ZipFile(target, "w", method) as z:
        for name in names:
            z.write(os.path.join(folder, name), "rds_modern/" + name)
data = open("deflated.zip", "rb").read()
member = max(zipfile.ZipFile("deflated.zip").infolist(), key=lambda m: m.file_size)
at = member.header_offset
start = at + 30 + sum(struct.unpack("<HH", data[at + 26:at + 30]))
cut = start + member.compress_size // 2
open("cut.zip", "wb").write(data[:cut])
open("cut.part", "wb").write(zlib.decompressobj(-15).decompress(data[start:cut]))
data = bytearray(open("stored.zip", "rb").read())
old = struct.pack("<I", member.CRC)
while old in data:
    i = data.index(old)
    data[i:i + 4] = struct.pack("<I", member.CRC ^ 1)
open("checksum.zip", "wb").write(data)
member = next(m for m in zipfile.ZipFile("deflated.zip").infolist() if "NSRLProd" in m.filename)
data = bytearray(open("deflated.zip", "rb").read())
at = member.header_offset
data[at + 30 + sum(struct.unpack("<HH", data[at + 26:at + 30]))] |= 0x06
open("table.zip", "wb").write(data)
PY
cp -r "$samples/rds_modern" release
python3 make.py release
cp release/NSRLFile.txt checksum.part
cp release/NSRLFile.txt table.part
cp release/NSRLFile.txt whole.part
# an image with the text as it is, and one with the text zipped once more; cut inside the rows
bsdtar -cf whole.iso --format=iso9660 -C release .
python3 - <<'PY'
whole = open("whole.iso", "rb").read()
rows = open("release/NSRLFile.txt", "rb").read()
at = whole.index(rows[:2048])
open("cut.iso", "wb").write(whole[:at + len(rows) // 2])
open("cutiso.part", "wb").write(rows[:len(rows) // 2])
PY

check() {
	kith dump -d set.kith | sed -n 's/^sha1only \([0-9a-f]*\) .*/\1/p' | sort -u >got
	tr -d '\r' <"$1" | sed '$d' | cut -c2-41 | tr A-F a-f | grep -E '^[0-9a-f]{40}$' | sort -u >want
	tr -d '\r' <release/NSRLFile.txt | cut -c2-41 | tr A-F a-f | sort -u >all
	echo "not kept of the whole lines: $(comm -13 got want | wc -l)"
	echo "not in the release: $(comm -23 got all | wc -l)"
	[ "$(wc -l <got)" -ge "$(wc -l <want)" ] && [ "$(wc -l <got)" -gt 100 ] && echo kept
	kith verify set.kith >/dev/null && echo verified
	kith info set.kith | sed -n 's/^  \(failed .*\)/\1/p' |
		sed 's/offset [0-9]*/offset N/; s/after line [0-9]*/after line N/'
}

for what in whole.iso:whole.part cut.zip:cut.part checksum.zip:checksum.part table.zip:table.part \
	cut.iso:cutiso.part; do
	input=${what%%:*}
	echo "== $input"
	cp old.kith set.kith
	kith-build nsrl --quiet -o set.kith "$input" 2>&1 |
		sed 's/offset [0-9]*/offset N/; s/0x[0-9a-f]*/0xN/g; s/needed.*/.../'
	cmp -s old.kith set.kith && echo 'the old set is untouched'
	kith-build nsrl --quiet --keep-going -o set.kith "$input"
	check "${what##*:}"
done
exit 0
