#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seed inputs of fuzz_record, from docs/FORMAT.md alone.

    tests/fuzz/make_record_corpus.py FOLDER

The first byte chooses the decoder, as fuzz_record.c says.
"""
import os
import sys


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def text(b):
    return varint(len(b)) + b


def texts(*items):
    return varint(len(items)) + b"".join(text(i) for i in items)


def ranks(*items):
    return varint(len(items)) + b"".join(varint(i) for i in items)


SHA1 = bytes(range(20))
MD5 = bytes(range(100, 116))
FILE = bytes([0x07]) + SHA1 + MD5 + varint(123456)
CONFLICT = (bytes([0x27]) + SHA1 + MD5 + varint(5) + varint(2)
            + bytes([0x01]) + SHA1[::-1] + bytes([0x06]) + MD5[::-1] + varint(1 << 40))
OCCURRENCES = varint(4) + b"".join(varint(n) for n in (0, 7, 0, 3, 300, 2, 70000, 1 << 20))

SEEDS = {
    "file": b"\0" + FILE + OCCURRENCES,
    "file-conflict": b"\0" + CONFLICT + OCCURRENCES,
    "file-bare": b"\0" + bytes([0x18]) + varint(0),
    "sha1only": b"\1" + bytes([0x06]) + MD5 + varint(0) + varint(1) + varint(1) + varint(1),
    "file-count-too-large": b"\0" + FILE + varint(2**63),
    "file-rank-too-large": b"\0" + FILE + varint(1) + varint(0xFFFFFFFF) + varint(0),
    "file-long-varint": b"\0" + FILE + b"\x81\x80\x00",
    "block": b"\2" + bytes([3]) + varint(3) + varint(0) + varint(200) + varint(1)
             + b"abc" + b"x" * 200 + b"\n",
    "block-length-too-large": b"\2" + bytes([1]) + varint(1) + varint(2**62) + b"a",
    "place-root": b"\3" + bytes([1]) + varint(0) + ranks(0) + b"nsrl/modern/2026.03.1",
    "place-product": b"\3" + bytes([2]) + varint(1) + ranks(1, 2, 40000) + b"342",
    "place-archive": b"\3" + bytes([4]) + varint(999) + ranks() + b"pool/main/b/bash.deb",
    "product": b"\4" + varint(0) + text(b"Debian") + text(b"12") + ranks(0, 3)
               + texts(b"Linux 6.1") + texts(b"English", b"German") + texts(b"Operating System")
               + texts(b"https://www.debian.org/"),
    "product-placeholder": b"\4" + varint(1) + text(b"Unknown") + text(b"") + ranks() + texts()
                           + texts() + texts() + texts(),
    "distributor": b"\5" + varint(0) + text(b"Adobe, Inc. \"x\"\n") + texts(b"http://a", b"http://b"),
    "source": b"\6" + bytes([3]) + text(b"nsrl/modern/1") + text(b"NSRL") + text(b"2026.03.1")
              + text(b"2026-03-01") + text(b"") + text(b"derived from"),
    "ledger": b"\7" + bytes([3]) + varint(12) + text(b"bad sha256") + text(b"METADATA row 17"),
    "ledger-class": b"\7" + bytes([9]) + varint(12) + text(b"x") + text(b""),
}

for name, value in SEEDS.items():
    with open(os.path.join(sys.argv[1], name), "wb") as f:
        f.write(value)
