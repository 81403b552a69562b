# SPDX-License-Identifier: Apache-2.0
"""What the other tests here rest on: mkrds makes the same release in each kind, with everything in
it that they are to meet."""

import hashlib
import os
import sqlite3
import unittest
import zlib

import kithtest
import rds

SIZE = ("--rows", "30000", "--packages", "50", "--seed", "7")


def table(path, query):
    db = sqlite3.connect(path)
    db.text_factory = bytes
    rows = db.execute(query).fetchall()
    db.close()
    return rows


class Releases(kithtest.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.full, cls.full_says = cls.release("full.db", "full", *SIZE)
        cls.minimal, cls.minimal_says = cls.release("minimal.db", "minimal", *SIZE)
        cls.v2, cls.v2_says = cls.release("v2", "v2", *SIZE)

    def test_full_and_minimal_describe_the_same(self):
        for query in ("SELECT DISTINCT sha256,sha1,md5,file_name,file_size,package_id FROM FILE",
                      "SELECT * FROM PKG", "SELECT * FROM MFG", "SELECT * FROM OS",
                      "SELECT * FROM VERSION"):
            full, minimal = table(self.full, query), table(self.minimal, query)
            self.assertEqual(len(minimal), len(set(minimal)), query)
            self.assertEqual(set(full), set(minimal), query)

    def test_v2_describes_the_same(self):
        def short(release):
            return {(row.sha1, row.md5, row.name.replace(b"\n", b" ").replace(b"\0", b" "),
                     row.size, row.package) for row in release.rows}

        self.assertEqual(short(self.full_says), short(self.v2_says))
        self.assertEqual(self.full_says.products, self.v2_says.products)
        self.assertEqual(self.full_says.distributors, self.v2_says.distributors)

    def test_the_same_seed_makes_the_same_bytes(self):
        for path, kind in ((self.full, "full"), (self.minimal, "minimal")):
            again, _ = self.release("again-" + kind, kind, *SIZE)
            with open(path, "rb") as a, open(again, "rb") as b:
                self.assertTrue(a.read() == b.read(), kind)

    def test_minimal_rows_come_in_the_order_of_their_key(self):
        rows = table(self.minimal, "SELECT sha256,sha1,md5,crc32,file_name,file_size,package_id"
                                   " FROM FILE ORDER BY rowid")
        self.assertEqual(rows, sorted(rows))

    def test_names_are_of_all_awkward_kinds(self):
        names = {row.name for row in self.full_says.rows}
        for what in (b'"', b",", b"\r", b"\n", b"\t", b"\0", b"'", b"\\", b"\xe9 "):
            self.assertTrue(any(what in name for name in names), what)
        self.assertTrue(any(name.startswith(b" ") for name in names))
        self.assertTrue(any(name.endswith(b" ") for name in names))
        self.assertTrue(any(name.startswith(b".text._ZN") for name in names))
        self.assertIn(b"__DATA__mod_init_func", names)
        self.assertTrue(any(name.startswith(b"fil") and len(name) == 35 for name in names))

    def test_digests_are_shared_as_in_real_releases(self):
        oracle = rds.Oracle(self.full_says)
        for kind in ("sha1", "md5"):
            self.assertTrue(any(len(c) > 1 for c in oracle.by_digest[kind].values()), kind)
        sha1s, sizes = {}, {}
        for row in self.full_says.rows:
            sha1s.setdefault(row.sha256, set()).add(row.sha1)
            sizes.setdefault(row.sha256, set()).add(row.size)
        self.assertTrue(any(len(s) > 1 for s in sha1s.values()))
        self.assertTrue(any(len(s) > 1 for s in sizes.values()))

    def test_packages_are_awkward_too(self):
        rows = table(self.full, "SELECT package_id, count(*), count(DISTINCT manufacturer_id),"
                                " count(DISTINCT name) FROM PKG GROUP BY 1")
        self.assertTrue(any(row[1] > 3 for row in rows))
        self.assertTrue(any(row[2] > 1 for row in rows))
        self.assertTrue(any(row[3] > 1 for row in rows))
        have = {row[0] for row in rows}
        self.assertTrue(any(row.package not in have for row in self.full_says.rows))
        null = self.release("null.db", "minimal", "--nullable-ids", *SIZE)[0]
        for column in ("operating_system_id", "manufacturer_id"):
            self.assertTrue(table(null, "SELECT 1 FROM PKG WHERE %s IS NULL" % column))

    def test_containers_come_before_their_contents(self):
        levels = {row[0]: row for row in table(
            self.full, "SELECT metadata_id, extractee_id, recursion_level FROM METADATA")}
        for number, above, level in levels.values():
            if above == 0:
                self.assertEqual(level, 0)
            else:
                self.assertLess(above, number)
                self.assertEqual(level, levels[above][2] + 1)
        self.assertGreater(max(row[2] for row in levels.values()), 2)
        self.assertGreater(sum(row[1] > 0 for row in levels.values()), len(levels) * 0.4)

    def test_one_file_is_everywhere(self):
        empty = hashlib.sha256(b"").hexdigest()
        rows = sum(row.sha256 == empty for row in self.full_says.rows)
        self.assertGreater(rows, len(self.full_says.rows) * 0.005)

    def test_digests_of_real_contents_are_real(self):
        contents = [b""]
        contents += [byte * n for byte in (b"\0", b"\xff", b"A", b" ", b"\n", b"1", b"0")
                     for n in (1, 2, 5, 8, 16, 500, 512, 1024, 4096, 65536, 1 << 20)]
        for name in ("hello.txt", "editor.exe"):
            with open(os.path.join(kithtest.TOP, "data-samples", "files", name), "rb") as f:
                contents.append(f.read())
        rows = {row[0]: row for row in table(
            self.minimal, "SELECT sha256, sha1, md5, crc32, file_size FROM FILE")}
        found = 0
        for content in contents:
            row = rows.get(hashlib.sha256(content).hexdigest().upper().encode())
            if row is not None:
                found += 1
                self.assertEqual(row[1].decode(), hashlib.sha1(content).hexdigest().upper())
                self.assertEqual(row[2].decode(), hashlib.md5(content).hexdigest().upper())
                self.assertEqual(row[3].decode(), "%08X" % zlib.crc32(content))
                self.assertEqual(row[4], len(content))
        self.assertGreater(found, 18)


if __name__ == "__main__":
    unittest.main()
