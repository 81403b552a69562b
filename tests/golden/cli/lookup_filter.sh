# SPDX-License-Identifier: Apache-2.0
# -k and -u pass entries through byte for byte: line ends, a missing last one, names, order. What could
# not be told is in neither.
. "$CASES/_sets.sh"
modern
v2
printf '%s  one\r\n%s *two words\n\n# comment\n%s\n%s  last, no line end' $sha256 $nobody $empty $sha1 >list
kith lookup -d modern.kith -k -f list >known || echo "exit $?"
printf '%s  one\r\n%s\n%s  last, no line end' $sha256 $empty $sha1 >want
judge known known want
kith lookup -d modern.kith -u -f list >unknown || echo "exit $?"
printf '%s *two words\n' $nobody >want
judge unknown unknown want
# The next list begins on a line of its own.
kith lookup -d modern.kith -k -f list -f list >known || echo "exit $?"
(printf '%s  one\r\n%s\n%s  last, no line end\n' $sha256 $empty $sha1
	printf '%s  one\r\n%s\n%s  last, no line end' $sha256 $empty $sha1) >want
judge twice known want
# RDS v2 knows no SHA-256: that is no miss.
status kith lookup -d v2.kith -u $sha256 $sha1
status kith lookup -d v2.kith -k $sha256 $sha1
status kith lookup -d v2.kith --format csv $sha256
status kith lookup -d modern.kith -k -u $sha256
# Many lines, so that several threads answer: the order stays.
python3 - $sha256 >many <<'END'
import sys
for i in range(20000):
    print(f"{sys.argv[1]}  k{i}" if i % 3 else f"{i:064x}  u{i}")
END
kith lookup -d modern.kith -u -f many >unknown || echo "exit $?"
grep '  u' many >want
judge "unknown of many" unknown want
kith lookup -d modern.kith -k -f many >known || echo "exit $?"
grep '  k' many >want
judge "known of many" known want
kith lookup -d modern.kith -f many --format jsonl --limit 1 >answers || echo "exit $?"
python3 -c 'import json
for line in open("answers", encoding="utf-8"): print(json.loads(line)["query"])' >got
cut -c 1-64 many >want
judge "answers to many" got want
