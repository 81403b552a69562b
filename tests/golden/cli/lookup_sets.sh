# SPDX-License-Identifier: Apache-2.0
# Several sets answer as one; where they come from.
. "$CASES/_sets.sh"
modern
minimal
v2
kith lookup -d modern.kith -d minimal.kith -d v2.kith -d modern.kith $sha256
mkdir folder
cp modern.kith minimal.kith v2.kith folder
kith lookup -d modern.kith -d minimal.kith -d v2.kith $sha256 >want
kith lookup -d folder $sha256 >got
judge "a folder" got want
KITH_PATH=modern.kith:minimal.kith::v2.kith kith lookup $sha256 >got
judge KITH_PATH got want
KITH_PATH=folder kith lookup $sha256 >got
judge "KITH_PATH with a folder" got want
# The set of RDS v2 has the same file by SHA-1 only: still one file.
kith lookup -d modern.kith -d v2.kith --format jsonl $sha1 $sha256 $md5 |
	python3 -c 'import json, sys
for line in sys.stdin:
    a = json.loads(line)
    print(a["verdict"], a.get("ambiguous", False), a["sha256"][:8], a["occurrences_total"])'
