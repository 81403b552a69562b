# SPDX-License-Identifier: Apache-2.0
"""Writes split archives by the name rar, after RARLAB's technotes; their files are stored. rar reads
all of them."""

import struct
import zlib


def number(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def header5(*fields):
    body = b"".join(field if isinstance(field, bytes) else number(field) for field in fields)
    sized = number(len(body)) + body
    return struct.pack("<L", zlib.crc32(sized)) + sized


def header4(kind, flags, body):
    head = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
    return struct.pack("<H", zlib.crc32(head) & 0xffff) + head


def pieces(files, room):
    """[[(name, whole, piece, before, after)] of each part]: what files are cut into."""
    parts, left = [[]], room
    for name, data in files:
        at = 0
        while at < len(data):
            if left == 0:
                parts.append([])
                left = room
            piece = data[at:at + left]
            parts[-1].append((name, data, piece, at > 0, at + len(piece) < len(data)))
            at, left = at + len(piece), left - len(piece)
    return parts


END5 = 8  # bytes of the last header


def archive5(files):
    """One that is not split."""
    whole = split5(files, sum(len(data) for _, data in files))[0]
    old, new = header5(1, 0, 1), header5(1, 0, 0)
    return whole.replace(old, new, 1)


def split5(files, room):
    out, parts = [], pieces(files, room)
    for i, part in enumerate(parts):
        data = b"Rar!\x1a\7\1\0" + header5(1, 0, *((1,) if i == 0 else (3, i)))
        for name, whole, piece, before, after in part:
            data += header5(2, 2 | before << 3 | after << 4, len(piece), 4, len(whole), 0o100644,
                            struct.pack("<L", zlib.crc32(piece if after else whole)), 0, 1,
                            len(name), name.encode()) + piece
        out.append(data + header5(5, 0, 1 if i + 1 < len(parts) else 0))
    return out


def split4(files, room, part_names, first=0x100):
    out, parts = [], pieces(files, room)
    for i, part in enumerate(parts):
        flags = 1 | (0x10 if part_names else 0) | (first if i == 0 else 0)
        data = b"Rar!\x1a\7\0" + header4(0x73, flags, bytes(6))
        for name, whole, piece, before, after in part:
            data += header4(0x74, 0x8000 | before | after << 1, struct.pack(
                "<LLBLLBBHL", len(piece), len(whole), 3, zlib.crc32(piece if after else whole),
                0x5b2f6000, 20, 0x30, len(name), 0o100644) + name.encode()) + piece
        out.append(data + header4(0x7b, 0x4000 | (i + 1 < len(parts)), b""))
    return out
