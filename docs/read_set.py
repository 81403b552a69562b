#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A second reader of kith sets, written from docs/FORMAT.md alone.

    read_set.py SET         prints the dump of section 9
    read_set.py --id SET    prints the SHA-256 of that text, which is the set id

It needs Python 3 and the program mdb_dump (lmdb-utils), and shares no code with kith. It does not
use the direct index. Exit status: 0 done, 2 usage, 3 the set breaks the rules of the format.
"""

import hashlib
import subprocess
import sys

BLOCK = 32  # items of a block (section 5)
RANKS = 4294967280  # a rank is below this (section 2)
WORDS = {1: b"hashed", 2: b"signed", 3: b"reference", 4: b"listed"}  # section 6.1
HAS_SHA1, HAS_MD5, HAS_SIZE, TRIVIAL, FRAGMENT, CONFLICT = 1, 2, 4, 8, 16, 32  # section 4


class Damaged(Exception):
    """The set does not follow the format."""


def need(condition, what):
    if not condition:
        raise Damaged(what)


# ------------------------------------------------------------------- tables


def rows(path, table):
    """Yields (key, value) of a table, in its order."""
    with subprocess.Popen(
        ["mdb_dump", "-n", "-s", table, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as dump:
        head = True
        key = None
        for line in dump.stdout:
            if head:
                head = line != b"HEADER=END\n"
            elif line == b"DATA=END\n":
                break
            else:
                data = bytes.fromhex(line.strip().decode("ascii"))
                if key is None:
                    key = data
                else:
                    yield key, data
                    key = None
        dump.stdout.read()
        message = dump.stderr.read().decode("utf-8", "replace").strip()
        need(dump.wait() == 0, "table %s: %s" % (table, message))
        need(not head and key is None, "table %s ends early" % table)


# -------------------------------------------------------------------- bytes


class Bytes:
    """Reads the fields of a value, one after the other."""

    def __init__(self, data):
        self.data = data
        self.pos = 0

    def take(self, n):
        need(n <= len(self.data) - self.pos, "a field reaches behind its value")
        self.pos += n
        return self.data[self.pos - n : self.pos]

    def byte(self):
        return self.take(1)[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                need(byte != 0 or shift == 0, "a varint is not in its shortest form")
                need(value < 1 << 64, "a varint has more than 64 bits")
                return value
            shift += 7
            need(shift < 70, "a varint is too long")

    def text(self):
        return self.take(self.varint())

    def texts(self):
        return [self.text() for _ in range(self.varint())]

    def ranks(self, count):
        ranks = [self.varint() for _ in range(self.varint())]
        need(all(rank < count for rank in ranks), "a rank that its table does not have")
        return ranks

    def rest(self):
        return self.take(len(self.data) - self.pos)

    def end(self):
        need(self.pos == len(self.data), "bytes behind the last field")


# ------------------------------------------------------------------- escape

ESCAPED = [bytes([c]) if 0x21 <= c <= 0x7E else b"\\x%02x" % c for c in range(256)]
ESCAPED[ord("\\")] = b"\\\\"


def text(data):
    if data in (b"", b"-"):
        return b"\\x2d" if data else b"-"
    return b"".join([ESCAPED[c] for c in data])


def number(value):
    return b"%d" % value


def optional(value, form):
    return b"-" if value is None else form(value)


def hexadecimal(data):
    return data.hex().encode("ascii")


def text_list(texts):
    return b"[" + b",".join([text(t).replace(b",", b"\\x2c") for t in texts]) + b"]"


def rank_list(ranks):
    return b"[" + b",".join([number(r) for r in ranks]) + b"]"


# -------------------------------------------------------------------- items


def source_line(data, rank, counts):
    evidence = data.byte()
    need(evidence in WORDS, "an unknown class of evidence")
    return [b"source", number(rank), WORDS[evidence]] + [text(data.text()) for _ in range(6)]


def flags(data):
    value = data.varint()
    need(value in (0, 1), "an unknown flag")
    return number(value)


def distributor_line(data, rank, counts):
    return [b"distributor", number(rank), flags(data), text(data.text()), text_list(data.texts())]


def product_line(data, rank, counts):
    line = [b"product", number(rank), flags(data), text(data.text()), text(data.text())]
    line.append(rank_list(data.ranks(counts["distributor"])))
    return line + [text_list(data.texts()) for _ in range(4)]


def place_line(data, rank, counts):
    kind = data.byte()
    need(1 <= kind <= 5, "an unknown kind of place")
    up = data.varint()
    need(up <= rank and (up == 0) == (kind == 1), "a place without its parent")
    refs = data.ranks(counts[{1: "source", 2: "product"}.get(kind, "none")])
    need(kind != 1 or len(refs) == 1, "a root that does not name one source")
    parent = rank - up if up else None
    return [
        b"place",
        number(rank),
        number(kind),
        optional(parent, number),
        rank_list(refs),
        text(data.rest()),
    ]


def name_line(data, rank, counts):
    return [b"name", number(rank), text(data.rest())]


def items(path, table, line, counts):
    """The lines of a table whose key is a rank (section 5)."""
    rank = 0
    for key, value in rows(path, table):
        need(key == rank.to_bytes(4, "big"), "%s: a block has the wrong key" % table)
        block = Bytes(value)
        lengths = [block.varint() for _ in range(min(BLOCK, counts[table] - rank))]
        need(lengths, "%s: more blocks than items" % table)
        for length in lengths:
            item = Bytes(block.take(length))
            yield line(item, rank, counts)
            item.end()
            rank += 1
        block.end()
    need(rank == counts[table], "%s: %d items, not %d" % (table, rank, counts[table]))


# -------------------------------------------------------------------- files


def claim(data, bits):
    """(SHA-1, MD5, size), each None where its bit is not set."""
    sha1 = data.take(20) if bits & HAS_SHA1 else None
    md5 = data.take(16) if bits & HAS_MD5 else None
    size = data.varint() if bits & HAS_SIZE else None
    return sha1, md5, size


def claim_fields(sha1, md5, size):
    return [optional(sha1, hexadecimal), optional(md5, hexadecimal), optional(size, number)]


def occurrences(data, counts):
    place = name = None
    for _ in range(data.varint()):
        up = data.varint()
        if place is None or up:
            place, name = (place or 0) + up, data.varint()
        else:
            more = data.varint()
            need(more, "an occurrence that is there twice")
            name += more
        need(place < counts["place"] and name < counts["name"], "an occurrence without its place")
        yield b"%d:%d" % (place, name)


def files(path, table, counts):
    size = {"file": 32, "sha1only": 20}[table]
    n = 0
    for key, value in rows(path, table):
        need(len(key) == size, "%s: a key of the wrong size" % table)
        data = Bytes(value)
        bits = data.byte()
        need(bits < 0x40, "%s: an unknown bit" % table)
        sha1, md5, length = claim(data, bits)
        line = [table.encode("ascii")]
        if table == "file":
            line.append(hexadecimal(key))
        else:
            need(sha1 is None, "sha1only: a record with a SHA-1")
            sha1 = key
        line += claim_fields(sha1, md5, length)
        line.append((b"t" if bits & TRIVIAL else b"-") + (b"f" if bits & FRAGMENT else b"-"))
        if bits & CONFLICT:
            n_claims = data.varint()
            need(n_claims, "%s: a conflict without alternates" % table)
            for _ in range(n_claims):
                has = data.byte()
                need(has < 8, "%s: an unknown bit of a claim" % table)
                line.append(b"alt")
                line += claim_fields(*claim(data, has))
        line += occurrences(data, counts)
        data.end()
        yield line
        n += 1
    need(n == counts[table], "%s: %d records, not %d" % (table, n, counts[table]))


# ----------------------------------------------------------- ledger and meta


def ledger(path, counts):
    for key, value in rows(path, "ledger"):
        need(len(key) == 8, "ledger: a key of the wrong size")
        source = int.from_bytes(key[:4], "big")
        need(source < counts["source"], "ledger: a source that is not there")
        data = Bytes(value)
        kind = data.byte()
        need(1 <= kind <= 4, "ledger: an unknown class")
        line = [b"ledger", number(source), number(kind), number(data.varint())]
        line += [text(data.text()), text(data.text())]
        data.end()
        yield line


def meta_lines(meta):
    for key, value in meta.items():
        if key not in (b"id", b"anchor") and not key.startswith(b"build."):
            yield [b"meta", text(key), text(value)]


def dump(path):
    """The lines of the dump, each a list of fields."""
    meta = dict(rows(path, "meta"))
    need(meta.get(b"format") == b"1", "not of format 1")
    counts = {"none": 0}
    for table in ("file", "sha1only", "name", "place", "product", "distributor", "source"):
        value = meta.get(b"count." + table.encode("ascii"), b"")
        need(value.isdigit(), "meta has no count of %s" % table)
        counts[table] = int(value)
    for table in ("name", "place", "product", "distributor", "source"):
        need(counts[table] <= RANKS, "more items than there are ranks in %s" % table)
    yield [b"kith-dump", b"1"]
    yield from items(path, "source", source_line, counts)
    yield from items(path, "distributor", distributor_line, counts)
    yield from items(path, "product", product_line, counts)
    yield from items(path, "place", place_line, counts)
    yield from items(path, "name", name_line, counts)
    yield from files(path, "sha1only", counts)
    yield from files(path, "file", counts)
    yield from ledger(path, counts)
    yield from meta_lines(meta)


def main(argv):
    want_id = argv[1:2] == ["--id"]
    operands = argv[2:] if want_id else argv[1:]
    if len(operands) != 1 or operands[0].startswith("-"):
        sys.stderr.write("usage: read_set.py [--id] SET\n")
        return 2
    digest = hashlib.sha256()
    try:
        for line in dump(operands[0]):
            out = b" ".join(line) + b"\n"
            digest.update(out)
            if not want_id:
                sys.stdout.buffer.write(out)
    except Damaged as fault:
        sys.stderr.write("read_set.py: %s: %s\n" % (operands[0], fault))
        return 3
    if want_id:
        print(digest.hexdigest())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
