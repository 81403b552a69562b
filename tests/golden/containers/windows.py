#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""WIM, cabinets and data behind Windows programs that no tool of Debian makes: built here byte by
byte, then walked by container_one_wim and container_one_main. What is expected comes from the
content that was put in, by hashlib.

    windows.py FOLDER-OF-CONTAINER_ONE
"""
import hashlib
import os
import re
import struct
import subprocess
import sys
import tempfile
import zlib

ZERO = b"\0" * 20
DIR, NORMAL, REPARSE, ENCRYPTED = 0x10, 0x80, 0x400, 0x4000
WOF, SYMLINK, DEDUP = 0x80000017, 0xA000000C, 0x80000013


def sha1(data):
    return hashlib.sha1(data).digest() if data else ZERO


def line(data, kind, name):
    return f"{hashlib.sha256(data).hexdigest()} {len(data)} {kind} {name}"


def pad8(data):
    return data + b"\0" * (-len(data) % 8)


# ------------------------------------------------------------------------------------------- WIM

class Node:
    """An entry of a directory. streams: (name, hash) beside that in the entry."""

    def __init__(self, name, content=b"", attributes=NORMAL, streams=(), children=None, tag=0,
                 digest=None):
        self.name, self.attributes, self.tag = name, attributes, tag
        self.digest = sha1(content) if digest is None else digest
        self.streams, self.children = streams, children

    def bytes(self, below):
        name = self.name if isinstance(self.name, bytes) else self.name.encode("utf-16-le")
        body = struct.pack("<IiQ", self.attributes, -1, below) + b"\0" * 40 + self.digest
        body += struct.pack("<IQHHH", 0, self.tag, len(self.streams), 0, len(name)) + name
        body += b"\0\0" if name else b""
        entry = pad8(struct.pack("<Q", 8 + len(body)) + body)
        assert len(entry) >= 102
        for stream, digest in self.streams:
            raw = stream.encode("utf-16-le")
            body = b"\0" * 8 + digest + struct.pack("<H", len(raw)) + raw + b"\0\0"
            entry += pad8(struct.pack("<Q", 8 + len(body)) + body)
        return entry


def metadata(children, patch=None):
    """A tree: security data, the root, then each directory. patch(offsets) may change offsets."""
    blob = bytearray(struct.pack("<IIQ", 16, 0, 0)[:16])
    where = {}

    def place(node):  # the root's size does not depend on its offset
        nonlocal blob
        where[node.name] = len(blob)
        for child in node.children:
            child.at = len(blob)
            blob += child.bytes(0)
        blob += b"\0" * 8
        for child in node.children:
            if child.children is not None:
                child.below = len(blob)
                place(child)

    root = Node("", attributes=DIR, children=children)
    root.at = len(blob)
    blob += root.bytes(0) + b"\0" * 8
    root.below = len(blob)
    place(root)

    def link(node):
        if node.children is not None:
            below = where.get(patch.get(node.name)) if patch and node.name in patch else node.below
            struct.pack_into("<Q", blob, node.at + 16, below)
            for child in node.children:
                link(child)

    link(root)
    return bytes(blob)


def resource(data, offset, flags):
    return struct.pack("<Q", len(data) | flags << 56) + struct.pack("<QQ", offset, len(data))


def wim(images, contents, digests=None, xml="", part=(1, 1), guid=b"k" * 16):
    """images: metadata; contents: blobs. digests: of a blob, where it is not the right one."""
    body, table = b"\0" * 208, b""
    for data, flags in [(m, 2) for m in images] + [(c, 0) for c in contents]:
        digest = (digests or {}).get(data, hashlib.sha1(data).digest())
        table += resource(data, len(body), flags) + struct.pack("<HI", part[0], 1) + digest
        body += data
    xml = b"\xff\xfe" + xml.encode("utf-16-le") if xml else b""
    table_at = len(body)
    body += table
    xml_at = len(body)
    body += xml
    header = b"MSWIM\0\0\0" + struct.pack("<IIII", 208, 0x10D00, 0, 0) + guid
    header += struct.pack("<HHI", *part, len(images))
    header += resource(table, table_at, 2) + resource(xml, xml_at, 2)
    return header + b"\0" * (208 - len(header)) + body[208:]


def wof_stream(data, unit):
    """All chunks stored, which is what a chunk becomes that cannot be compressed."""
    chunks = [data[i:i + unit] for i in range(0, len(data), unit)]
    return b"".join(struct.pack("<I", unit * (i + 1)) for i in range(len(chunks) - 1)) + \
        b"".join(chunks)


def wim_names():
    a, b, stream = b"content a", b"content b", b"a stream"
    children = [
        Node("a.txt", a), Node("same as a", a), Node("empty"),
        Node("..", b), Node("back\\slash", b), Node("nul\0in it", b), Node(b"\x3d\xd8", b),
        Node("ads", b, streams=[("zone", sha1(stream)), ("none", ZERO)]),
        Node("ads by entries", digest=ZERO, streams=[("", sha1(a)), ("zone", sha1(stream))]),
        Node("folder", attributes=DIR, children=[Node("in it", a)],
             streams=[("on a folder", sha1(stream))], digest=ZERO),
        Node("link", b"target", attributes=NORMAL | REPARSE, tag=SYMLINK),
        Node("junction", b"target", attributes=DIR | REPARSE, tag=SYMLINK, children=[]),
        Node("dedup", b"target", attributes=NORMAL | REPARSE, tag=DEDUP),
        Node("efs", b"ciphertext", attributes=NORMAL | ENCRYPTED),
        Node("gone", digest=b"\7" * 20),
    ]
    yield wim([metadata(children)], [a, b, stream, b"target", b"ciphertext", b"an orphan"]), [
        line(a, "f", "a.txt"), line(a, "f", "same as a"), line(b"", "f", "empty"),
        line(b, "f", ".."), line(b, "f", r"back\x5cslash"), line(b, "f", r"nul\x00in it"),
        line(b, "f", b"\xed\xa0\xbd".decode("latin-1")), line(b, "f", "ads"),
        line(stream, "s", "ads:zone"), line(b"", "s", "ads:none"), line(a, "f", "ads by entries"),
        line(stream, "s", "ads by entries:zone"), line(a, "f", "folder/in it"),
        line(stream, "s", "folder:on a folder"), "other link", "other junction",
        "note 3 deduplicated: its content is elsewhere: dedup", "note 4 encrypted: efs",
        "note 4 its content is missing: gone", "declared 0 0 0 gone",
        "note 3 content that has no name: "]


def wim_wof():
    """CompactOS: the stream of zeros, the reparse data, and WofCompressedData."""
    whole = bytes(range(256)) * 50 + b"the end"
    zeros = b"\0" * len(whole)
    children, contents, lines = [], [zeros], []
    for algorithm, unit in enumerate((4096, 32768, 8192, 16384)):
        how = struct.pack("<IIII", 1, 2, 1, algorithm)
        packed = wof_stream(whole, unit)
        children += [Node(f"wof{algorithm}{twice}", how, attributes=NORMAL | REPARSE, tag=WOF,
                          streams=[("", sha1(zeros)), ("WofCompressedData", sha1(packed))])
                     for twice in ("", "b")]
        contents += [how, packed]
        lines += [line(whole, "f", f"wof{algorithm}"), line(whole, "f", f"wof{algorithm}b")]
    # Cut off, of an unknown kind, without its size, and in another image.
    cut, odd = wof_stream(whole, 4096)[:-9000], struct.pack("<IIII", 1, 2, 1, 9)
    how = struct.pack("<IIII", 1, 2, 1, 0)
    children += [
        Node("cut", how, attributes=REPARSE, tag=WOF,
             streams=[("", sha1(zeros)), ("WofCompressedData", sha1(cut))]),
        Node("odd", odd, attributes=REPARSE, tag=WOF,
             streams=[("", sha1(zeros)), ("WofCompressedData", sha1(cut))]),
        Node("unsized", how, attributes=REPARSE, tag=WOF,
             streams=[("WofCompressedData", sha1(cut))]),
        Node("elsewhere", odd, attributes=REPARSE, tag=WOF),
    ]
    lines += ["damaged (damaged: it ends too early) cut",
              "note 4 compressed by the file system in an unknown way: odd",
              "note 4 compressed by the file system, and not all of it is there: unsized",
              "note 3 its content is in another image: elsewhere"]
    # Two streams of one chunk are the same bytes; the table of the WIM has each content once.
    yield wim([metadata(children)], list(dict.fromkeys(contents + [cut, odd]))), lines


def wim_damage():
    a, b = b"content a", b"content b"
    loop = [Node("a", a), Node("d", attributes=DIR, children=[
        Node("e", attributes=DIR, children=[Node("b", b)])])]
    yield wim([metadata(loop, {"e": "d"})], [a, b]), [
        line(a, "f", "a"), "note 4 damaged entries of a directory: d/e",
        "note 3 content that has no name: "]
    # Of an uncompressed content the emitter compares the SHA-1; that of print_emit does not.
    good = wim([metadata([Node("a", a), Node("b", b)])], [a, b])
    yield good[:-1 - len(b)], None
    # An image without a root, beside one that is whole.
    yield wim([b"\0" * 16, metadata([Node("a", a)])], [a]), [
        "note 4 an image has no root: 1", line(a, "f", "2/a")]
    # Entries that reach beyond the metadata.
    broken = bytearray(metadata([Node("a", a), Node("b", b)]))
    at = broken.rindex("b".encode("utf-16-le")) - 102
    struct.pack_into("<Q", broken, at, 1 << 40)
    yield wim([bytes(broken)], [a, b]), [line(a, "f", "a"), "note 4 damaged entries of a directory: ",
                                         "note 3 content that has no name: "]
    # Stream entries that lie upon each other and on entries are read once: else 65,535 of them for
    # every entry would be.
    folders = [Node(f"d{i}", attributes=DIR, children=[]) for i in range(3)]
    twice = bytearray(metadata(folders))
    for i, folder in enumerate(folders):
        struct.pack_into("<Q", twice, folder.at + 16, len(twice))
        twice += (struct.pack("<QII", 104, NORMAL, 0) + b"\0" * 80 +
                  struct.pack("<HHH", 2 - i, 0, 0)).ljust(104, b"\0")
    yield wim([bytes(twice) + b"\0" * 8], []), [
        line(b"", "f", "d2")] + [
            f"note 4 an entry without a name in a folder: d{i}" for i in range(3)] + [
            "note 4 damaged entries of a directory: " + d for d in ("d0", "d0", "d1", "d1")]
    # A part on its own.
    yield wim([metadata([Node("a", a)])], [a], part=(2, 3)), [
        "note 4 a part of a split image whose first part is missing: sample.wim"]
    yield wim([metadata([Node("a", a), Node("b", b)])], [a], part=(1, 2)), [
        line(a, "f", "a"), "note 4 a part of the split image is missing: sample2.wim",
        "note 4 its content is in a missing part: b", "declared 0 0 0 b"]


def wim_facts():
    xml = "<WIM><ESD><ENCRYPTED/></ESD>"
    for n, edition in enumerate(("Home", "Pro")):
        xml += f"""<IMAGE INDEX="{n + 1}"><WINDOWS><ARCH>9</ARCH><PRODUCTNAME>Microsoft® Windows®
            Operating System</PRODUCTNAME><LANGUAGES><LANGUAGE>de-DE</LANGUAGE></LANGUAGES>
            <VERSION><MAJOR>10</MAJOR><MINOR>0</MINOR><BUILD>26100</BUILD><SPBUILD>1</SPBUILD>
            </VERSION></WINDOWS><NAME>Windows &lt;11&gt; {edition}</NAME></IMAGE>"""
    yield wim([metadata([])], [], xml=xml + "</WIM>"), [
        "fact 0 60 Windows <11>", "fact 4 60 de-DE", "fact 3 60 Windows <11>",
        "fact 5 60 operating system", "fact 2 60 Microsoft", "fact 1 60 10.0.26100.1",
        "note 4 encrypted: sample.wim"]


# ------------------------------------------------------------------------------------------- CAB

def checksum(data, seed=0):
    for i in range(0, len(data) - 3, 4):
        seed ^= struct.unpack_from("<I", data, i)[0]
    rest = data[len(data) & ~3:]
    return seed ^ int.from_bytes(rest, "big")


def cabinet(folders, files, bad_block=None, index=0, before=None, after=None):
    """folders: (method, content); files: (name, folder, offset, size). index, before, after: in a
    set, and the names of its neighbours."""
    links = b"".join(n.encode() + b"\0disk\0" for n in (before, after) if n is not None)
    flags = (before is not None) | (after is not None) << 1
    names = b"".join(n.encode() + b"\0" for n, *_ in files)
    at = 36 + len(links) + 8 * len(folders) + 16 * len(files) + len(names)
    heads, data = b"", b""
    for number, (method, content) in enumerate(folders):
        blocks = [content[i:i + 32768] for i in range(0, len(content), 32768)]
        heads += struct.pack("<IHH", at + len(data), len(blocks), method)
        window = b""
        for i, block in enumerate(blocks):
            packed = block
            if method == 1:
                z = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=window) if window else \
                    zlib.compressobj(9, zlib.DEFLATED, -15)
                packed, window = b"CK" + z.compress(block) + z.flush(), block
            sizes = struct.pack("<HH", len(packed), len(block))
            sum_ = checksum(sizes, checksum(packed))
            if (number, i) == bad_block:
                sum_ ^= 1
            data += struct.pack("<I", sum_) + sizes + packed
    entries = b""
    for name, folder, offset, size in files:
        entries += struct.pack("<IIHHHH", size, offset, folder, 0, 0, 0x20) + name.encode() + b"\0"
    head = b"MSCF" + struct.pack("<IIIIIBBHHHHH", 0, at + len(data), 0,
                                 36 + len(links) + 8 * len(folders), 0, 3, 1, len(folders),
                                 len(files), flags, 7, index)
    return head + links + heads + entries + data


def cab_order():
    one, two = os.urandom(70000), bytes(range(256)) * 300
    for method in (0, 1):
        files = [("dir\\late", 0, 60000, 10000), ("early", 0, 100, 500), ("same", 0, 100, 500),
                 ("gap", 1, 40000, 10), ("nothing", 1, 0, 0), ("overlap", 0, 400, 20)]
        yield cabinet([(method, one), (method, two)], files), [
            line(one[60000:], "f", "dir/late"), line(one[100:600], "f", "early"),
            line(one[100:600], "f", "same"), line(two[40000:40010], "f", "gap"),
            line(b"", "f", "nothing"), line(one[400:420], "f", "overlap")]
        # A wrong checksum: nothing behind it in the folder is believed.
        # The library also gives up the block before it, which it reads ahead of.
        files = [("a", 0, 0, 100), ("b", 0, 66000, 100), ("c", 0, 69000, 100), ("d", 1, 0, 10)]
        why = "a block's checksum is wrong"
        yield cabinet([(method, one), (method, two)], files, (0, 2)), [
            line(one[:100], "f", "a"), f"damaged (damaged: {why}) b",
            "damaged (damaged: its compressed data are damaged) c", line(two[:10], "f", "d")]
    yield cabinet([(0, one)], [("bad", 9, 0, 5), ("good", 0, 5, 5)]), [
        "note 4 entry with a damaged name or folder: ", line(one[5:10], "f", "good")]
    many = [(f"f{i:02}", 0, i, 100) for i in range(40)]
    kept = [line(one[i:i + 100], "f", f"f{i:02}") for i in range(17)]
    yield cabinet([(0, one)], many), kept + [
        f"damaged (damaged: it overlaps other files) f{i:02}" for i in range(17, 40)]


def cab_msu():
    names = ["WSUSSCAN.cab", "Windows10.0-KB5034441-x64.cab", "Windows10.0-KB5034441-x64.psf",
             "Windows10.0-KB5034441-x64-pkgProperties.txt"]
    files = [(n, 0, i, 1) for i, n in enumerate(names)]
    yield cabinet([(0, b"wxyz")], files), [line(b"wxyz"[i:i + 1], "f", n)
                                           for i, n in enumerate(names)] + [
        f"note 3 payload of an update as differences, not opened: {names[2]}", "kind msu",
        "fact 0 60 Windows update KB5034441", "fact 2 60 Microsoft", "fact 5 60 update"]


# -------------------------------------------------------------------------------------------- PE

def program(sections, certificates=(0, 0)):
    """sections: (name, content). Headers of 512 bytes, contents at multiples of 512."""
    optional = struct.pack("<HBBIIIIIQIIHHHHHHIIIIHHQQQQII", 0x20B, 14, 0, 0, 0, 0, 0, 0, 1 << 32,
                           4096, 512, 6, 0, 0, 0, 6, 0, 0, 0x10000, 512, 0, 3, 0, 1 << 20, 4096,
                           1 << 20, 4096, 0, 16)
    directories = [(0, 0)] * 16
    directories[4] = certificates
    optional += b"".join(struct.pack("<II", *d) for d in directories)
    head = b"MZ" + b"\0" * 58 + struct.pack("<I", 64) + b"PE\0\0"
    head += struct.pack("<HHIIIHH", 0x8664, len(sections), 0, 0, 0, len(optional), 0x22) + optional
    body, at = b"", 512
    for i, (name, content) in enumerate(sections):
        content += b"\0" * (-len(content) % 512)
        head += name.encode().ljust(8, b"\0") + struct.pack(
            "<IIIIIIHHI", len(content), 4096 * (i + 1), len(content), at + len(body), 0, 0, 0, 0, 0)
        body += content
    return head.ljust(512, b"\0") + body


def pe_overlays():
    cab = cabinet([(0, b"abc")], [("x", 0, 0, 3)])
    archive = b"7z\xbc\xaf\x27\x1c\0\4" + b"z" * 100
    stub = program([(".text", b"code")])
    unknown = "note 1 data behind the program of no known format: sample.exe"
    yield stub + archive, [line(archive, "i", "overlay")]
    yield stub + b";!@Install@!UTF-8!\n" + archive, [line(archive, "i", "overlay")]
    yield stub + cab + b"between" + cab + b"tail", [line(cab, "i", "overlay"),
                                                   line(cab, "i", "overlay 2")]
    yield stub + b"text" * 300, [unknown]
    yield stub + b"\0" * 300, []
    yield stub + b"\0" * 4096, [unknown]
    # NSIS: its header is at a multiple of 512 only.
    nsis = b"\0\0\0\0\xef\xbe\xad\xdeNullsoftInst" + b"n" * 100
    yield stub + b"\0" * 1024 + nsis, [line(nsis, "i", "overlay")]
    yield stub + b"\0" * 1025 + nsis, [unknown]
    # Certificates are not looked into, what is before and behind them is.
    signed = program([(".text", b"code")], (len(stub) + len(archive), 64))
    yield signed + archive + cab[:64].ljust(64) + cab, [line(archive, "i", "overlay"),
                                                       line(cab, "i", "overlay 2")]
    # Beyond 4 MiB, and behind 64 archives, nothing is looked for, which is told.
    unsearched = "note 3 data behind the program, searched only in part: sample.exe"
    yield stub + b"x" * (4 << 20) + archive, [unsearched]
    yield stub + cab + b"x" * (4 << 20) + archive, [line(cab, "i", "overlay"), unsearched]
    yield stub + cab * 64 + archive, [line(cab, "i", "overlay")] + [
        line(cab, "i", f"overlay {i}") for i in range(2, 65)] + [
        "note 3 over a limit: archives behind a program: sample.exe"]
    # A cabinet that is larger than what is looked at hides nothing.
    large = cabinet([(0, bytes(5 << 20))], [("x", 0, 0, 3)])
    yield stub + large + cab, [line(large, "i", "overlay"), line(cab, "i", "overlay 2")]
    # WiX Burn: the second container is behind the signature.
    size = 512 + 1024
    burn = struct.pack("<II16sIIIIIIII", 0x00F14300, 2, b"g" * 16, size, 0, size + len(cab), 10, 1,
                       2, len(cab), len(archive))
    yield program([(".text", b"code"), (".wixburn", burn)]) + cab + b"s" * 10 + archive, [
        line(cab, "i", "overlay"), line(archive, "i", "overlay 2")]
    yield b"MZ" + b"\0" * 100, None


# ---------------------------------------------------------------------------------------- firmware

def volume(size=4096):
    """A firmware volume with a file system that nobody knows."""
    head = b"\0" * 16 + b"?" * 16 + struct.pack("<Q", size) + b"_FVH"
    return head.ljust(size, b"\xff")


def firmware():
    empty = "note 3 a firmware volume without files: sample.fd"
    gap = "note 3 data between firmware volumes: sample.fd"
    yield volume() + volume(8192), [empty] * 2
    yield volume() + b"\xff" * 8192 + volume(), [empty] * 2
    yield volume() + b"code" * 2048 + volume(), [empty] * 2 + [gap]
    yield volume() + b"code" * 2048, [empty, gap]
    yield volume() * 257, [empty] * 256 + ["note 3 over a limit: firmware volumes: sample.fd"]


# ---------------------------------------------------------------------------------- several files

def split_image():
    """More parts than may be opened: what the others hold is not lost."""
    files = {}
    contents = [b"content %d" % i for i in range(70)]
    tree = metadata([Node(f"f{i:02}", c) for i, c in enumerate(contents)])
    for i, content in enumerate(contents):
        files[f"s{i + 1 if i else ''}.swm"] = wim([tree] if i == 0 else [], [content],
                                                  part=(i + 1, 70))
    return "wim", "wim", files, {
        "s.swm": [line(c, "f", f"f{i:02}") for i, c in enumerate(contents[:65])] +
        [f"note 4 over a limit: parts of a split image: s{i}.swm" for i in range(66, 71)] +
        [f"note 4 its content is in a missing part: f{i}" for i in range(65, 70)] +
        [f"declared 0 0 0 f{i}" for i in range(65, 70)]}


def split_cabinet():
    """The same of cabinets."""
    files = {}
    for i in range(70):
        files[f"c{i}.cab"] = cabinet(
            [(0, b"%02d" % i)], [(f"f{i:02}", 0, 0, 2)], index=i,
            before=f"c{i - 1}.cab" if i else None, after=f"c{i + 1}.cab" if i < 69 else None)
    return "main", "cab", files, {
        "c0.cab": [line(b"%02d" % i, "f", f"f{i:02}") for i in range(65)] +
        ["note 4 over a limit: parts of a set: c65.cab"]}


def cabinet_names():
    """A part is left to the one before it only when that one finds it, by this very name."""
    one = cabinet([(0, b"one")], [("one", 0, 0, 3)], after="Two.Cab")
    two = cabinet([(0, b"two")], [("two", 0, 0, 3)], index=1, before="one.cab")
    later = "note 1 a part of a split cabinet, read with its first part: "
    yield "main", "cab", {"one.cab": one, "two.cab": two}, {
        "one.cab": [line(b"one", "f", "one"), line(b"two", "f", "two")],
        "two.cab": [later + "two.cab"]}
    yield "main", "cab", {"one.cab": one, "two.CAB": two}, {
        "one.cab": [line(b"one", "f", "one"),
                    "note 4 the next part of the set is missing: Two.Cab"],
        "two.CAB": [line(b"two", "f", "two"),
                    "note 4 the previous part of the set is missing: one.cab"]}


CASES = [("wim", "wim", "sample.wim", maker)
         for maker in (wim_names, wim_wof, wim_damage, wim_facts)] + \
        [("main", "cab", "sample.cab", maker) for maker in (cab_order, cab_msu)] + \
        [("main", "pe-overlay", "sample.exe", pe_overlays),
         ("7z", "uefi-volume", "sample.fd", firmware)]


def sets(tools):
    """The faults of what lies in several files."""
    faults = 0
    for worker, form, files, expected in (split_image(), split_cabinet(), *cabinet_names()):
        with tempfile.TemporaryDirectory() as folder:
            for name, data in files.items():
                with open(f"{folder}/{name}", "wb") as f:
                    f.write(data)
            for name, want in expected.items():
                run = subprocess.run([f"{tools}/container_one_{worker}", form, name], cwd=folder,
                                     stdout=subprocess.PIPE, check=False)
                got = sorted(run.stdout.decode("latin-1").splitlines())
                if run.returncode != 0 or got != sorted(want):
                    faults += 1
                    print(f"{form} {name}: exit {run.returncode}",
                          "more", *sorted(set(got) - set(want)),
                          "missing", *sorted(set(want) - set(got)), sep="\n    ")
    return faults


def main():
    tools, faults, n = os.path.abspath(sys.argv[1]), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for worker, form, name, maker in CASES:
            for number, (data, expected) in enumerate(maker()):
                with open(name, "wb") as f:
                    f.write(data)
                run = subprocess.run([f"{tools}/container_one_{worker}", form, name],
                                     stdout=subprocess.PIPE, check=False)
                got = sorted(run.stdout.decode("latin-1").splitlines())
                n += 1
                if expected is None:  # damaged: it fails with a sentence, and does not die
                    good = run.returncode == 1 and re.match("failed: .", got[-1])
                else:
                    good = run.returncode == 0 and got == sorted(expected)
                if not good:
                    faults += 1
                    print(f"{maker.__name__} {number}: exit {run.returncode}")
                    print("  got     ", *got, sep="\n    ")
                    print("  expected", *sorted(expected or []), sep="\n    ")
    faults += sets(tools)
    print(f"windows: {n} samples, {faults} faults")
    return 1 if faults or n < 20 else 0


sys.exit(main())
