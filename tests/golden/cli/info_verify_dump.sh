# SPDX-License-Identifier: Apache-2.0
# What a set is; the set id is the SHA-256 of the dump.
. "$CASES/_sets.sh"
minimal
kith info minimal.kith >info
grep -v -e '^  id ' -e size_bytes -e build.version info
kith info --json minimal.kith | python3 -c 'import json, sys
i = json.load(sys.stdin)
print(sorted(i))
print(i["files"], i["occurrences"], i["source_list"][0]["label"], len(i["ledger"]) > 0)'
sql "select count(distinct sha256) from FILE"
sed -n 's/^  id  *//p' info >want
kith dump minimal.kith | sha256sum | cut -c 1-64 >got
judge "set id" got want
status kith verify minimal.kith >out
sed 's/[0-9a-f]\{64\}/ID/' out
kith dump minimal.kith | cut -d ' ' -f 1 | uniq -c | sed 's/^ *//'
status kith dump minimal.kith minimal.kith
status kith dump
