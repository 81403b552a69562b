# SPDX-License-Identifier: Apache-2.0
# Lists for other tools, against SQL, coreutils, hfind and the bloom tool.
. "$CASES/_sets.sh"
minimal
modern
for kind in sha256 sha1 md5; do
	kith export -d minimal.kith --to $kind >got
	sql "select distinct lower($kind) from FILE" | sort -u >want
	judge $kind got want
done
kith export -d minimal.kith --to nsrlsvr >got
sql "select distinct upper(md5) from FILE" | sort -u >want
judge nsrlsvr got want
kith export -d minimal.kith --to xways-sha1 -o xways
(echo SHA-1 && kith export -d minimal.kith --to sha1) >want
judge xways-sha1 xways want
kith export -d minimal.kith --to md5 --header | head -n 1
# Two sets as one.
kith export -d minimal.kith -d modern.kith --to sha256 >got
(kith export -d minimal.kith --to sha256 && kith export -d modern.kith --to sha256) | sort -u >want
judge "two sets" got want
kith export -d minimal.kith -d modern.kith --to md5 >got
(kith export -d minimal.kith --to md5 && kith export -d modern.kith --to md5) | sort -u >want
judge "md5 of two sets" got want
# hfind finds every hash of an md5sum list made of the export.
kith export -d minimal.kith --to md5 | sed 's/$/  x/' >hashes.txt
hfind -i md5sum hashes.txt >/dev/null
sql "select distinct lower(md5) from FILE" >all
hfind -f all hashes.txt | grep -cv 'Hash Not Found' >got
sort -u all | wc -l | tr -d ' ' >want
judge hfind got want
# hashdeep: the columns, in order, of files whose record is complete.
kith export -d minimal.kith --to hashdeep >deep
head -n 2 deep
grep -v -e '^%' -e '^#' deep | cut -d , -f 3 >got
kith export -d minimal.kith --to sha256 >want
judge hashdeep got want
kith lookup -d minimal.kith -f deep -u
# hashlookup: one record for each file.
kith export -d minimal.kith --to hashlookup | python3 -c 'import json, sys
for line in sys.stdin:
    r = json.loads(line)
    assert all(k in r for k in ("MD5", "SHA-1", "SHA-256", "FileName", "FileSize"))
    print(r["SHA-256"].lower())' >got
judge hashlookup got want
# Of several sets it has what lookup says: what one of them knows by SHA-1 only is of the file with that
# SHA-1, unless its MD5 is another one.
v2
mkdir release
cp "$samples"/rds_modern/* release
(head -n 1 "$samples/rds_modern/NSRLFile.txt"
	echo "\"$sha1\",\"66666666666666666666666666666666\",\"00000000\",\"other.txt\",7,200000,\"303\",\"\"") >release/NSRLFile.txt
set_of other release
kith export -d modern.kith -d v2.kith -d other.kith --to hashlookup >records
grep -o '"MD5":"66666666666666666666666666666666"' records
python3 -c 'import json, subprocess
records = [json.loads(line) for line in open("records", encoding="utf-8")]
asked = "\n".join(r.get("SHA-256", r["SHA-1"]) for r in records)
answers = subprocess.run("kith lookup -d modern.kith -d v2.kith -d other.kith --format hashlookup".split(),
                         input=asked.encode(), stdout=subprocess.PIPE, check=True).stdout.decode()
told = [json.loads(line) for line in answers.splitlines()]
for t in told:
    for more in ("parents", "hashlookup:parent-total", "hashlookup:trust", "kith:ambiguous"):
        t.pop(more, None)
key = lambda r: (r.get("SHA-256", ""), r["SHA-1"], r["MD5"])
assert len(set(map(key, records))) == len(records)
assert all(r in told for r in records), [r for r in records if r not in told][:3]
assert set(map(key, told)) == set(map(key, records))
print(max(int(r["kith:occurrences"]) for r in records) > 1)'
# Without what proves nothing and without parts of files.
kith export -d minimal.kith --to sha256 --no-trivial --no-fragments >got
kith dump minimal.kith | awk '$1 == "file" && $6 == "--" { print $2 }' >want
judge "without trivial files and fragments" got want
status kith export -d minimal.kith
status kith export -d minimal.kith --to nonsense
status kith export -d minimal.kith --to md5 -o no/such/folder/x 2>err
sed 's/tmp-[0-9]*/tmp-N/' err
kith export --list-targets | cut -c 1-13
# What is no regular file is not replaced, nor is a link.
kith export -d modern.kith --to md5 >want
kith export -d modern.kith --to md5 -o - >got
judge "standard output" got want
mkfifo pipe
cat pipe >got &
kith export -d modern.kith --to md5 -o pipe
wait
judge "a pipe" got want
[ -p pipe ] || echo "the pipe is gone"
mkdir elsewhere
echo old >elsewhere/list
ln -s elsewhere/list link
kith export -d modern.kith --to md5 -o link
judge "a link" elsewhere/list want
[ -L link ] || echo "the link is gone"
status kith export -d modern.kith --to md5 -o elsewhere
status kith export -d modern.kith --to md5 -o /dev/full
# Nothing stays behind of an export that a signal ends. Its filter is large, so that it takes a while.
python3 - <<'END'
import glob, signal, subprocess, time
def ended(number):
    p = subprocess.Popen(["kith", "export", "-d", "modern.kith", "--to", "bloom", "--capacity", "30000000",
                          "-o", "filter"])
    while p.poll() is None and not glob.glob("filter.tmp*"):
        time.sleep(0.001)
    p.send_signal(number)
    return p.wait() == -number
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    print(any(ended(number) for i in range(10)), glob.glob("filter.tmp*"))
END
