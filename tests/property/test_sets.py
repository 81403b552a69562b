# SPDX-License-Identifier: Apache-2.0
"""Sets do not depend on how they were built, and their id and dump are what FORMAT.md says."""

import filecmp
import os
import shutil
import sqlite3
import sys
import unittest
import zipfile

import kithtest

SIZE = ("--rows", "6000", "--packages", "20")
READ_SET = os.path.join(kithtest.TOP, "docs", "read_set.py")


class Sets(kithtest.Case):
    def same_bytes(self, paths):
        for path in paths[1:]:
            self.assertTrue(filecmp.cmp(path, paths[0], shallow=False),
                            "%s differs from %s" % (path, paths[0]))

    def builds(self, name, *inputs):
        """The same inputs with different memory and threads."""
        variants = ((), ("--memory", "16M"), ("--threads", "1"), ("--threads", "5"),
                    ("--memory", "24M", "--threads", "2"))
        return [self.build("%s-%d.kith" % (name, i), *inputs, options=options)
                for i, options in enumerate(variants)]

    def test_memory_and_threads_do_not_show(self):
        for kind in ("full", "minimal", "v2"):
            path, _ = self.release("m-" + kind, kind, "--seed", "31", *SIZE)
            self.same_bytes(self.builds("m-" + kind, path))

    def test_memory_does_not_show_where_runs_are_spilled(self):
        # Large enough that 16 MiB do not hold it.
        path, _ = self.release("spill.db", "full", "--seed", "32", "--rows", "300000")
        self.same_bytes([self.build("spill-%d.kith" % i, path, options=options) for i, options in
                         enumerate((("--memory", "16M"), ("--threads", "1"), ()))])

    def test_order_of_inputs_does_not_show(self):
        a, _ = self.release("RDS_2026.03.1_modern.db", "full", "--seed", "33", *SIZE)
        b, _ = self.release("RDS_2026.03.1_ios_minimal.db", "minimal", "--seed", "34", "--set", "ios", *SIZE)
        c, _ = self.release("rds_legacy", "v2", "--seed", "33", "--release", "2.77", *SIZE)
        self.same_bytes([self.build("o-%d.kith" % i, *inputs)
                         for i, inputs in enumerate(((a, b, c), (c, b, a), (b, a, c)))])

    def test_path_of_the_input_does_not_show(self):
        a, _ = self.release("RDS_2026.03.1_legacy.db", "full", "--seed", "35", "--set", "legacy", *SIZE)
        deep = self.path("deep")
        os.mkdir(deep)
        b = shutil.copy(a, deep)
        self.same_bytes([self.build("p-a.kith", a), self.build("p-b.kith", b)])

    def test_database_and_its_zip_hold_the_same(self):
        path, _ = self.release("RDS_2026.03.1_modern_minimal.db", "minimal", "--seed", "36", *SIZE)
        packed = self.path("RDS_2026.03.1_modern_minimal.zip")
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(path, "RDS_2026.03.1_modern_minimal/RDS_2026.03.1_modern_minimal.db")
            archive.writestr("RDS_2026.03.1_modern_minimal/readme.txt", "a readme\n")
        a, b = self.build("z-a.kith", path), self.build("z-b.kith", packed)
        # The digest of the input may differ, so not all of the dump; but the files do not.
        dumps = [kithtest.run(kithtest.KITH, "dump", s).splitlines() for s in (a, b)]
        for word in (b"file ", b"name ", b"product ", b"distributor "):
            self.assertEqual(*[[line for line in dump if line.startswith(word)] for dump in dumps])

    def test_id_is_the_digest_of_the_dump_and_the_second_reader_agrees(self):
        a, _ = self.release("RDS_d.db", "full", "--seed", "37", *SIZE)
        b, _ = self.release("rds_d", "v2", "--seed", "38", "--release", "2.77", *SIZE)
        for built in (self.build("d-a.kith", a), self.build("d-b.kith", b),
                      self.build("d-ab.kith", a, b)):
            dump = kithtest.run(kithtest.KITH, "dump", built)
            self.assertTrue(dump.startswith(b"kith-dump 1\n"))
            other = kithtest.run(sys.executable, READ_SET, built)
            self.assertTrue(dump == other, "docs/read_set.py and kith dump differ")
            id_ = kithtest.run(sys.executable, READ_SET, "--id", built).decode().strip()
            self.assertEqual(id_, kithtest.dump_id(built))
            self.assertIn(id_, kithtest.run(kithtest.KITH, "info", built).decode())

    def test_every_row_is_an_occurrence(self):
        # Distinct (content, package, container, path, name) of the release = occurrences of the set.
        path, _ = self.release("occ.db", "full", "--seed", "39", *SIZE)
        built = self.build("occ.kith", path)
        db = sqlite3.connect(path)
        db.text_factory = bytes
        rows = db.execute("SELECT metadata_id, extractee_id, path, file_name, extension, sha256,"
                          " package_id FROM METADATA JOIN PACKAGE_OBJECT USING (object_id)").fetchall()
        where = {row[0]: row for row in rows}

        def name(row):
            return row[3] + (b"." + row[4] if row[4] else b"")

        def chain(row):
            above = where.get(row[1])
            up = chain(above) + (name(above),) if above else (row[6],)
            return up + (row[2],)

        distinct = {(chain(row), name(row), row[5].lower()) for row in rows}
        count = 0
        for line in kithtest.run(kithtest.KITH, "dump", built).splitlines():
            if line.startswith(b"file "):
                count += sum(b":" in word for word in line.split(b" "))
        self.assertEqual(count, len(distinct))


if __name__ == "__main__":
    unittest.main()
