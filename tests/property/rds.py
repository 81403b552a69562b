# SPDX-License-Identifier: Apache-2.0
"""What a release says, read with SQL (or line by line for RDS v2) and nothing of kith's.

A Release is a list of rows and what its packages are. An Oracle answers queries from several
releases as one set would: as sets of names, products and distributors.
"""

import hashlib
import os
import re
import sqlite3
from collections import defaultdict, namedtuple

Row = namedtuple("Row", "sha256 sha1 md5 size name package")
Answer = namedtuple("Answer", "names products distributors trivial")

PLACEHOLDERS = {b"unknown", b"tbd", b"none", b"n/a", b""}
HEX = {"sha256": 64, "sha1": 40, "md5": 32}


def digest(value, kind):
    """A digest in lower case, or None where it is malformed."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str) and re.fullmatch("[0-9A-Fa-f]{%d}" % HEX[kind], value):
        return value.lower()
    return None


def real(text):
    """A text for answers: trimmed; None for a placeholder."""
    text = text.strip(b" \t\r\n")
    return None if text.lower() in PLACEHOLDERS else text


class Release:
    def __init__(self):
        self.rows = []
        self.products = defaultdict(set)  # package -> names
        self.distributors = defaultdict(set)  # package -> names

    def package(self, package, name, distributor):
        for texts, text in ((self.products, name), (self.distributors, distributor)):
            text = real(text) if text is not None else None
            if text is not None:
                texts[package].add(text)


def read_v3(path):
    release = Release()
    db = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
    db.text_factory = bytes
    full = db.execute("SELECT 1 FROM sqlite_master WHERE name='METADATA' AND type='table'").fetchone()
    if full:
        # Not the view FILE: it leaves out rows whose object has no package.
        rows = db.execute(
            "SELECT md.sha256, md.sha1, md.md5, md.bytes,"
            " CASE md.extension WHEN '' THEN md.file_name ELSE md.file_name||'.'||md.extension END,"
            " po.package_id FROM METADATA md LEFT JOIN PACKAGE_OBJECT po ON po.object_id=md.object_id")
    else:
        rows = db.execute("SELECT sha256, sha1, md5, file_size, file_name, package_id FROM FILE")
    for sha256, sha1, md5, size, name, package in rows:
        key = digest(sha256, "sha256")
        if key is not None:
            release.rows.append(Row(key, digest(sha1, "sha1"), digest(md5, "md5"), size, name, package))
    for package, name, distributor in db.execute(
            "SELECT PKG.package_id, PKG.name, MFG.name FROM PKG"
            " LEFT JOIN MFG ON MFG.manufacturer_id = PKG.manufacturer_id"):
        release.package(package, name, distributor)
    db.close()
    return release


def fields(line):
    """The fields of a line of the small v2 tables: quoted or bare, quotes doubled."""
    out = re.findall(rb'(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))', line)
    return [quoted.replace(b'""', b'"') or bare for quoted, bare in out]


def lines(folder, name):
    with open(os.path.join(folder, name), "rb") as f:
        text = f.read()
    return text.split(b"\r\n")[1:-1]


def read_v2(folder):
    release = Release()
    companies = dict(fields(line) for line in lines(folder, "NSRLMfg.txt"))
    for line in lines(folder, "NSRLProd.txt"):
        package, name, _version, _system, company, _language, _type = fields(line)
        release.package(int(package), name, companies.get(company))
    for line in lines(folder, "NSRLFile.txt"):
        sha1, md5, _crc, rest = line.split(b",", 3)
        name, size, package, _system, _special = rest.rsplit(b",", 4)
        key = digest(sha1.strip(b'"'), "sha1")
        if key is None:
            continue
        size = int(size) if size.isdigit() else None
        release.rows.append(Row(None, key, digest(md5.strip(b'"'), "md5"), size,
                                name[1:-1].replace(b'""', b'"'), int(package)))
    return release


def is_trivial(byte, size):
    """What counts as trivial, of contents that repeat one byte (builder/core/trivial.h)."""
    if size <= 256:
        return True
    return byte in b"\0\x20\xff" and (size % 512 == 0 and size <= 64 << 10 or
                                      size % 4096 == 0 and size <= 16 << 20)


# MD5s of those that the generator makes, the empty file among them.
TRIVIAL = {hashlib.md5(bytes([byte]) * size).hexdigest() for byte in b"\0\xffA \n10"
           for size in (0, 1, 2, 5, 8, 16, 500, 512, 1024, 4096, 65536, 1 << 20)
           if is_trivial(byte, size)}


class Oracle:
    """Several releases as one.

    A row without SHA-256 joins the file that another release knows under its SHA-1, when it is
    clear which: all such rows of that SHA-1 claim one MD5, and one file alone has the SHA-1 and no
    other MD5. Otherwise they are a content of their own, named by the SHA-1.
    """

    def __init__(self, *releases):
        self.by_content = defaultdict(list)
        self.by_digest = {kind: defaultdict(set) for kind in HEX}
        files, waiting = defaultdict(set), defaultdict(list)
        for release in releases:
            for row in release.rows:
                if row.sha256 is None:
                    waiting[row.sha1].append((release, row))
                    continue
                self.add(row.sha256, release, row)
                if row.sha1 is not None:
                    files[row.sha1].add((row.md5, row.sha256))
        self.joined, self.waiting = 0, 0
        for sha1, rows in waiting.items():
            claims = {row.md5 for _, row in rows}
            fits = {sha256 for md5, sha256 in files.get(sha1, ())
                    if any(None in (md5, claim) or md5 == claim for claim in claims)}
            joins = len(fits) == 1 and len(claims) == 1
            self.joined += joins
            self.waiting += not joins
            for release, row in rows:
                self.add(min(fits) if joins else sha1, release, row)

    def add(self, content, release, row):
        self.by_content[content].append((release, row))
        for kind in HEX:
            value = getattr(row, kind)
            if value is not None:
                self.by_digest[kind][value].add(content)

    def digests(self, kind):
        return sorted(self.by_digest[kind])

    def contents(self, kind, value):
        """Which contents have that digest; empty: it is not in the set."""
        return self.by_digest[kind].get(value, set())

    def answer(self, content):
        names, products, distributors, rows = set(), set(), set(), []
        for release, row in self.by_content[content]:
            rows.append(row)
            names.add(row.name)
            products |= release.products.get(row.package, set())
            distributors |= release.distributors.get(row.package, set())
        return Answer(names, products, distributors, rows[0].md5 in TRIVIAL)
