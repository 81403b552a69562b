#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Archives by the name rar, which no free program makes: small ones that rar 7.01 has made from the
texts below, and split ones (splitrar.py). rar reads all of them."""

import base64
import os
import shutil
import tempfile
import unittest

import splitrar
from splitrar import split4, split5
from walkprint import digest, walk

A = b"".join(b"line %d of a file in an archive by rar\n" % i for i in range(1, 9))
Z = b"".join(b"other line %d\n" % i for i in range(1, 6))

# a.txt, empty, z.txt in a solid archive (rar a -s -ds)
SOLID = """
UmFyIRoHAQAgtvoRCgEFBgQFAQGAgACjHVuHFwICzQAEsAK2gwLx/D5pgBsBBWEudHh0wdFKJERTP3UDOdUV1Ctf
Dbp1tiQkCGgQxg7870HmKFU10G6HRbUmQ5RGxblIVp3EaC0hwJUrEK6j/r9Tp6q8/C6mzHtQ3F5gdTsd04C0D23a
FwICgAAEgAC2gwIAAAAAwBsBBWVtcHR5v6cmSBcCAo8ABMEAtoMCnEBsYMAbAQV6LnR4dEQSDLeTjcYnZmjUji8w
YB13VlEDBQQA"""
# a.txt, copy.txt, which refers to it, z.txt (rar a -oi1:1)
COPY = """
UmFyIRoHAQDz4YLrCwEFBwAGAQGAgIAAqLzpdhcCAsYABLACtoMC8fw+aYADAQVhLnR4dMHYQyRFUl91Azn9RXKF
99tOqij0EUGBBvzjB1Gn9g3Q2qshyjsykJpSA5FYhoik4BbVdFnyS6y7Asr8b/Wb7Ph9Px/LMoDloNdiJQIDCoAA
BLACtoMCAAAAAIAAAQhjb3B5LnR4dAkFBQAFYS50eHTbLAEjFwICqgAEwQC2gwKcQGxggAMBBXoudHh0x7onIwAl
+FBC7sKYL74ZIgoIoI38FgDGNz093XReKQ5Flcx4G53L1/sgHXdWUQMFBAA="""
# a.txt, z.txt (rar a -p)
ENCRYPTED = """
UmFyIRoHAQAzkrXlCgEFBgAFAQGAgACdrC9VSQIDMdAABLACtoMCp2H72YADAQVhLnR4dDABAAMPvL6bC/hjoJSt
zGQydTTfyghpcbsu2KHAlCkrZAhkuqxnXcU3sHYuWv4Z8EZX1VRO/L1+wTAT2LcRjHdhs8GLYZrhUaRHSuvFVWlm
nMZsjVtIiT6KAxaxD6CdqEsE7w2iJoMo8GGx5mfLsnEKpeyUyZXlKEgtoZzZNHPMyrQxA/9JAgMxsAAEwQC2gwIS
al67gAMBBXoudHh0MAEAAw+8vpsL+GOglK3MZDJ1NN/K8L9v0diRHifkCJWQPQpW7WddxTewdi5a/hnwRn9wwfMn
5V52//22gDngKOj2pghxDPh2JXWOP9UBCfGz6N7fodxwz9j/NlBSluV2TB13VlEDBQQA"""
# a.txt (rar a -hp)
HIDDEN = """
UmFyIRoHAQBLslf/IQQAAAEPBkS+mpnN15BVLln07azTabl7DtlUpg92yP6sS5OAebe53JHoTTlZrqw3k7nVFysh
UYTuRyqJYy5v/ZBeKbUXA+0NgyaBX+Ro6ltJHdCESij9A2AFde8O6LIbxDwXAd8VJ0qan+Da5uDMZQ6wv7iqob7C
M4WY9XKKS0C25f/mFreJ0KaCbmvS+whbjezNhluUYww27N4hLpOHaUS8yBXDDYB5qfK0Z9fS0J6+LWh0yoyFTPCe
RiWMcR7NFzdr6NViJX94wNSmfQczhVdpmt6k7GeUCAQf7+oovKXZLZnTGq82u/eFZQ8E+mb0+OchFptdPG30+0WZ
o0q3R2ZtupwtwGZMhIFR3HnLiPAT2w=="""


class Rar(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="kith-rar-")
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def found(self, report, holder):
        return {f.name: f.sha256 for f in report.files if f.holder.endswith(holder)}

    def read(self, sample):
        report = walk(self.write("sample.rar", base64.b64decode(sample)))
        return self.found(report, "sample.rar"), {(n.reason, n.count) for n in report.bad_notes()}

    def test_an_empty_file_of_a_solid_archive_ends_nothing(self):
        files, notes = self.read(SOLID)
        self.assertEqual(files, {"a.txt": digest(A), "empty": digest(b""), "z.txt": digest(Z)})
        self.assertEqual(notes, set())

    def test_a_reference_to_another_file_is_not_empty(self):
        files, notes = self.read(COPY)
        self.assertEqual(files, {"a.txt": digest(A), "copy.txt": digest(A), "z.txt": digest(Z)})
        self.assertEqual(notes, set())

    def test_what_is_encrypted_is_said_to_be(self):
        files, notes = self.read(ENCRYPTED)
        self.assertEqual(files, {})
        self.assertEqual(sorted(reason.split(":")[0] for reason, _ in notes), ["encrypted"] * 2)
        files, notes = self.read(HIDDEN)
        self.assertEqual((files, notes), ({}, {("encrypted: sample.rar", 1)}))

    FILES = [("a.txt", A), ("sub/z.txt", Z), ("last.txt", A + Z)]
    KINDS = [
        ("part", split5, ()), ("part", split4, (True,)), ("r", split4, (False,)),
    ]

    def parts(self, kind, data):
        digits = 2 if len(data) > 12 else 1
        for i, part in enumerate(data):
            if kind == "part":
                yield "x.part%0*d.rar" % (digits, i + 1), part
            else:
                yield "x.rar" if i == 0 else "x.r%02d" % (i - 1), part

    def test_a_split_archive_is_read_as_one(self):
        for kind, split, more in self.KINDS:
            for room in (60, 100, 300):
                with self.subTest(kind=kind, split=split.__name__, room=room):
                    self.setUp()
                    parts = list(self.parts(kind, split(self.FILES, room, *more)))
                    for name, data in parts:
                        self.write(name, data)
                    report = walk(self.folder)
                    self.assertEqual(self.found(report, parts[0][0]),
                                     {name: digest(data) for name, data in self.FILES})
                    self.assertEqual(report.bad_notes(), [])
                    self.assertEqual(
                        sorted(n.reason for n in report.notes if "part of" in n.reason),
                        sorted("a part of a split archive, read with its first part: " + name
                               for name, _ in parts[1:]))
                    # As an input of its own, with the others beside it.
                    report = walk(os.path.join(self.folder, parts[0][0]))
                    self.assertEqual(len(self.found(report, parts[0][0])), len(self.FILES))
                    # A later part is one only where the part before it is one, too.
                    paths = [os.path.join(self.folder, name) for name, _ in parts]
                    self.assertEqual(walk(*reversed(paths)).bad_notes(), [])
                    self.assertEqual(
                        [(n.level, n.reason) for n in walk(*paths[1:]).bad_notes()],
                        [("skipped", "a part of a split archive, to be read with its first part, "
                          "which is no input: " + parts[1][0])])

    def test_a_part_that_is_missing_is_noted(self):
        for kind, split, more in self.KINDS:
            for missing in range(3):
                with self.subTest(kind=kind, split=split.__name__, missing=missing):
                    self.setUp()
                    parts = list(self.parts(kind, split(self.FILES, 300, *more)))
                    for i, (name, data) in enumerate(parts):
                        if i != missing:
                            self.write(name, data)
                    report = walk(self.folder)
                    right = {digest(data) for _, data in self.FILES}
                    for f in report.files:
                        if f.holder.endswith((".rar", ".r00", ".r01")):
                            self.assertIn(f.sha256, right, f)
                    reasons = " ".join(n.reason for n in report.bad_notes())
                    if missing > 0:
                        self.assertIn("the next part of a split archive is missing: " +
                                      parts[missing][0], reasons)
                    if missing + 1 < len(parts):
                        self.assertIn("the previous part of a split archive is missing: " +
                                      parts[missing + 1][0], reasons)

    def test_parts_behind_one_that_is_missing_are_read(self):
        files = [("%d.txt" % i, b"file %d of a split archive\n" % i * 3) for i in range(8)]
        for kind, split, more in self.KINDS:
            with self.subTest(kind=kind, split=split.__name__):
                self.setUp()
                parts = list(self.parts(kind, split(files, 200, *more)))
                self.assertGreater(len(parts), 3)
                for name, data in parts[1:]:
                    self.write(name, data)
                report = walk(self.folder)
                found = self.found(report, parts[1][0])
                reasons = [n.reason for n in report.bad_notes()]
                self.assertEqual([r for r in reasons if "split archive" in r],
                                 ["the previous part of a split archive is missing: " + parts[1][0]])
                if split == split4:  # libarchive does not go on behind a file without its beginning
                    self.assertTrue(any(r.startswith("damaged: rar, ") for r in reasons), reasons)
                    continue
                for name, data in files[3:]:  # the first three begin in the part that is missing
                    self.assertEqual(found.get(name), digest(data), name)

    def test_an_old_first_part_is_known_by_its_name_in_any_case(self):
        parts = split4(self.FILES, 200, False, first=0)
        for i, data in enumerate(parts):
            self.write("X.RAR" if i == 0 else "X.R%02d" % (i - 1), data)
        report = walk(self.folder)
        self.assertEqual(self.found(report, "X.RAR"),
                         {name: digest(data) for name, data in self.FILES})
        self.assertEqual(report.bad_notes(), [])

    def test_an_archive_without_an_end_may_lack_files(self):
        a, z = ("a.txt", A), ("z.txt", Z)
        whole = splitrar.archive5([a, z])
        at = len(splitrar.archive5([a])) - splitrar.END5
        for data, files in ((whole, [a, z]), (whole[:at], [a]), (whole[:-splitrar.END5], [a, z])):
            self.setUp()
            report = walk(self.write("x.rar", data))
            self.assertEqual(self.found(report, "x.rar"), {n: digest(d) for n, d in files})
            self.assertEqual([n.reason for n in report.bad_notes()],
                             [] if data == whole else
                             ["the end of the archive is missing: x.rar"])
        # The other part would have been looked for, had the end told of it.
        first = splitrar.split5([a, z], len(A))[0]
        report = walk(self.write("y.part1.rar", first[:-splitrar.END5]))
        self.assertEqual(self.found(report, "y.part1.rar"), {"a.txt": digest(A)})
        self.assertIn("the end of the archive is missing: y.part1.rar",
                      [n.reason for n in report.bad_notes()])


if __name__ == "__main__":
    unittest.main()
