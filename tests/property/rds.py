# SPDX-License-Identifier: Apache-2.0
"""What a release says, read with SQL (or line by line for RDS v2) and nothing of kith's.

A Release is a list of rows and what its packages are. An Oracle answers queries from several
releases as one set would: as sets of names, products and distributors.
"""

import os
import re
import sqlite3
from collections import defaultdict, namedtuple

Row = namedtuple("Row", "sha256 sha1 md5 size name package")
Answer = namedtuple("Answer", "contents names products distributors trivial")

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
        release.rows.append(Row(None, key, digest(md5.strip(b'"'), "md5"), int(size),
                                name[1:-1].replace(b'""', b'"'), int(package)))
    return release


def is_trivial(rows):
    """Empty, or what the generator makes of one repeated byte: told by the digests themselves."""
    import hashlib
    for row in rows:
        if not isinstance(row.size, int) or not 0 <= row.size <= 1 << 20:
            continue
        for byte in b"\0\xffA \n10":
            content = bytes([byte]) * row.size
            if row.md5 is not None and hashlib.md5(content).hexdigest() == row.md5:
                return True
    return False


class Oracle:
    """Several releases as one. A row of a v2 release belongs to the contents that another release
    knows under its SHA-1, else to a content of its own, named by the SHA-1."""

    def __init__(self, *releases):
        self.by_content = defaultdict(list)
        self.by_digest = {kind: defaultdict(set) for kind in HEX}
        known = defaultdict(set)
        for release in releases:
            for row in release.rows:
                if row.sha256 is not None and row.sha1 is not None:
                    known[row.sha1].add(row.sha256)
        for release in releases:
            for row in release.rows:
                contents = [row.sha256] if row.sha256 else sorted(known.get(row.sha1, ())) or [row.sha1]
                for content in contents:
                    self.by_content[content].append((release, row))
                    for kind in HEX:
                        value = getattr(row, kind)
                        if value is not None:
                            self.by_digest[kind][value].add(content)
        # SHA-1s that name several contents: a v2 row cannot tell which it means.
        self.vague = {c for cs in known.values() if len(cs) > 1 for c in cs}

    def digests(self, kind):
        return sorted(self.by_digest[kind])

    def ask(self, kind, value):
        """None: not in the set."""
        contents = self.by_digest[kind].get(value)
        if not contents:
            return None
        names, products, distributors, rows = set(), set(), set(), []
        for content in contents:
            for release, row in self.by_content[content]:
                rows.append(row)
                names.add(row.name)
                products |= release.products.get(row.package, set())
                distributors |= release.distributors.get(row.package, set())
        return Answer(contents, names, products, distributors, is_trivial(rows[:1]))
