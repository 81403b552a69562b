# SPDX-License-Identifier: Apache-2.0
# Every format, for a known file, one that two files share an MD5 with, and an unknown one.
. "$CASES/_sets.sh"
modern
minimal
for format in jsonl csv vt hashlookup; do
	status kith lookup -d modern.kith --format $format $sha256 $nobody
	status kith lookup -d minimal.kith --format $format $shared
done
status kith lookup -d modern.kith --format xml $sha256
# They are what they say: JSON that a parser reads, CSV with equal records.
kith lookup -d minimal.kith --format jsonl $shared $empty >j
kith lookup -d minimal.kith --format vt $shared $empty >v
kith lookup -d minimal.kith --format hashlookup $shared $empty >h
kith lookup -d minimal.kith --format csv $shared $empty >c
python3 - <<'END'
import csv, json
j = [json.loads(line) for line in open("j", encoding="utf-8")]
v = [json.loads(line) for line in open("v", encoding="utf-8")]
h = [json.loads(line) for line in open("h", encoding="utf-8")]
c = list(csv.DictReader(open("c", encoding="utf-8", newline="")))
print([len(x) for x in (j, v, h, c)])
jf = j[0]["files"] + [j[1]]
vf = v[0]["data"] + [v[1]["data"]]
assert v[0]["error"]["code"] == "AmbiguousHashError" and "error" not in v[1]
for a, b, r, d in zip(jf, vf, h, c):
    attributes = b["attributes"]
    assert a["known_distributors"] == attributes["known_distributors"]
    assert attributes["names"] == a["known_distributors"]["filenames"]
    assert a["sha256"] == b["id"] == attributes["sha256"] == r["SHA-256"].lower() == d["sha256"]
    assert a["size"] == attributes["size"] == int(r["FileSize"]) == int(d["size"])
    assert a["md5"] == attributes["md5"] == r["MD5"].lower() == d["md5"]
    assert r["FileName"] in a["known_distributors"]["filenames"]
    assert d["products"].split("|") == a["known_distributors"]["products"]
    assert {o["name"] for o in a["occurrences"]} == set(a["known_distributors"]["filenames"])
    assert {o["product"] for o in a["occurrences"]} - {None} == set(a["known_distributors"]["products"])
    counted = [k for k, x in r.items() if not isinstance(x, (str, dict))]
    assert counted == ["hashlookup:parent-total", "parents", "hashlookup:trust"], counted
    assert r["hashlookup:parent-total"] >= len(r["parents"]) > 0
    assert r["hashlookup:trust"] == min(100, 50 + 5 * r["hashlookup:parent-total"])
print("formats agree")
END
# Placeholders are data of the set, and no answer: version, system, language and type.
mkdir release
cp "$samples"/rds_modern/* release
(head -n 1 "$samples/rds_modern/NSRLProd.txt"
	echo '300001,"Example Tool","none","300","1001","Unknown","TBD"') >release/NSRLProd.txt
(head -n 1 "$samples/rds_modern/NSRLFile.txt"
	echo '"55CA6286E3E4F4FBA5D0448333FA99FC5A404A73","7D70E691D7AC4C4F2A7A7A2D4EEF7F3A","00000000","tool.bin",7,300001,"300",""') >release/NSRLFile.txt
set_of placeholders release
kith dump placeholders.kith | grep '^product'
for format in text jsonl csv vt hashlookup; do
	kith lookup -d placeholders.kith --format $format 55ca6286e3e4f4fba5d0448333fa99fc5a404a73 |
		grep -i -o -e '[^",]*none' -e '[^",]*tbd' -e '[^",]*unknown' || echo "$format: none shown"
done
kith lookup -d placeholders.kith --format hashlookup 55ca6286e3e4f4fba5d0448333fa99fc5a404a73
kith why -d placeholders.kith 55ca6286e3e4f4fba5d0448333fa99fc5a404a73
