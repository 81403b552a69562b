# SPDX-License-Identifier: Apache-2.0
# Names, products and distributors of every file of the release, as SQL says; placeholders left out.
. "$CASES/_sets.sh"
minimal
sql "select distinct sha256 from FILE" >all
kith lookup -d minimal.kith -f all --format jsonl --limit 0 >answers
python3 - <<'END'
import json, sqlite3
PLACEHOLDERS = {"", "unknown", "tbd", "none", "n/a", "na", "-", "generic", "not applicable", "various"}
db = sqlite3.connect(f"file:minimal.db?mode=ro", uri=True)
db.text_factory = bytes
def text(b): return b.strip().decode("utf-8", "replace")
n = 0
for line in open("answers", encoding="utf-8"):
    a = json.loads(line)
    rows = db.execute("""select f.file_name, p.name, m.name from FILE f left join PKG p using (package_id)
        left join MFG m on m.manufacturer_id = p.manufacturer_id where f.sha256 = ? collate nocase""",
        (a["query"],)).fetchall()
    known = a["known_distributors"]
    # A name that is not UTF-8 has U+FFFD for each bad byte in the answer, in Python for each bad run.
    squeeze = lambda s: s.replace("\ufffd", "")
    assert {squeeze(x) for x in known["filenames"]} == {
        squeeze(r[0].decode("utf-8", "replace")) for r in rows if r[0]}, a["query"]
    for key, column in (("products", 1), ("distributors", 2)):
        want = {text(r[column]) for r in rows if r[column] is not None}
        want = {w for w in want if w.lower() not in PLACEHOLDERS}
        assert set(known[key]) == want, (key, a["query"], known[key], want)
    for values in known.values():
        assert values == sorted(set(values), key=lambda s: s.encode())
    n += 1
print(n, "files as SQL says")
END
