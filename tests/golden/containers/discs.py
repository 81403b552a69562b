#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ISO 9660, UDF, squashfs and AppImage: samples are made from one tree by the usual tools and walked
by container_one_main; names and SHA-256 have to be those of the tree. Then each is cut at several
lengths: no wrong digest, and what is missing is told. Then loops, and bytes that are flipped.

    discs.py FOLDER-OF-CONTAINER_ONE

A tool that is not there skips its samples, and says so.
"""
import hashlib
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

ENTRY = re.compile(r"^([0-9a-f]{64}) (\d+) ([fsi]) (.*)$", re.S)
faults = []
counts = {"samples": 0, "cuts": 0, "flips": 0}


def make_tree(root, small):
    """Everything that has a way of going wrong, as files; small: how many small ones."""
    rng = random.Random(7)

    def put(path, data):
        path = os.path.join(root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)

    put("empty", b"")
    put("hello.txt", b"hello\n")
    put("umlaut/Gr\u00fc\u00dfe \u20ac.txt", b"umlaut")
    put("\u65e5\u672c\u8a9e/\u30d5\u30a1\u30a4\u30eb.bin", rng.randbytes(5000))
    for size in (2047, 2048, 2049, 131071, 131072, 131073, 1500001):
        put(f"sizes/{size}", rng.randbytes(size))
    path = ""
    for i in range(1, 13):
        path += f"level{i}/"
        put(f"{path}file{i}", b"level %d" % i)
    put("n" * 180 + ".long", b"a long name")
    for i in range(small):
        put(f"many/file-{i:05d}.txt", b"small %d\n" % i)
    for i in range(200):
        put(f"big folder/{'y' * 60}-{i:04d}", b"y%d" % i)
    with open(os.path.join(root, "sparse"), "wb") as f:
        f.truncate(3000000)
        f.seek(1000000)
        f.write(b"middle")
    os.link(os.path.join(root, "hello.txt"), os.path.join(root, "many/hello again.txt"))
    os.symlink("hello.txt", os.path.join(root, "symlink"))


def sums(root):
    out = set()
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as f:
                    digest = hashlib.sha256(f.read()).hexdigest()
                out.add((os.path.relpath(path, root), digest))
    return out


def walk(form, image):
    """Exit status, entries that are files, and all other lines."""
    run = subprocess.run([ONE, form, image], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         timeout=120, check=False)
    files, others = [], []
    for line in run.stdout.decode("utf-8", "surrogateescape").splitlines():
        match = ENTRY.match(line)
        if match and match[3] != "i":
            files.append((match[4], match[1]))
        else:
            others.append(line)
    return run.returncode, files, others


def fault(what):
    faults.append(what)
    print("FAULT", what)


def compare(label, form, image, expected, extra=(), only_digests=False):
    status, files, others = walk(form, image)
    counts["samples"] += 1
    told = [line for line in others if line.startswith(("note", "damaged", "failed", "link with"))]
    if only_digests:
        files = [("", digest) for _, digest in files]
        expected = {("", digest) for _, digest in expected}
    missing, more = expected - set(files), set(files) - expected
    more = {entry for entry in more if entry[0] not in extra}
    if status != 0 or missing or more or told:
        fault(f"{label}: exit {status}, missing {sorted(missing)[:3]}, more {sorted(more)[:3]}, "
              f"{told[:3]}")
    if not only_digests and len(files) != len(set(files)):
        fault(f"{label}: an entry comes twice")
    return others


def cut(label, form, image, expected, extra=()):
    """Of a part of the image: no file that is not in the tree, and no silence about the rest."""
    size = os.path.getsize(image)
    whole = set(walk(form, image)[1])
    rng = random.Random(size)
    for length in [0, 1, 2047, 32768, 34816, 40000] + [rng.randrange(size) for _ in range(8)]:
        if length >= size:
            continue
        part = os.path.join(WORK, "part")
        with open(image, "rb") as src, open(part, "wb") as dst:
            dst.write(src.read(length))
        status, files, others = walk(form, part)
        counts["cuts"] += 1
        wrong = {f for f in set(files) - whole - expected if f[0] not in extra}
        silent = whole - set(files) and status == 0 and not any(
            line.startswith(("note", "damaged", "link with")) for line in others)
        if status not in (0, 1) or wrong or silent:
            fault(f"{label} cut at {length}: exit {status}, wrong {sorted(wrong)[:2]}, "
                  f"{'silent' if silent else ''}")


def flip(label, form, image, rounds):
    """Some bytes are others: the program ends, by itself and soon."""
    with open(image, "rb") as f:
        data = f.read()
    rng = random.Random(label)
    for _ in range(rounds):
        mutant = bytearray(data)
        for _ in range(rng.randrange(1, 9)):
            mutant[rng.randrange(len(data))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF,
                                                           rng.randrange(256)))
        part = os.path.join(WORK, "mutant")
        with open(part, "wb") as f:
            f.write(mutant)
        counts["flips"] += 1
        try:
            status = walk(form, part)[0]
        except subprocess.TimeoutExpired:
            status = "a hang"
        if status not in (0, 1):
            kept = os.path.join(tempfile.gettempdir(), f"kith-{label}-mutant")
            shutil.copy(part, kept)
            fault(f"{label} flipped: {status}, kept in {kept}")


def have(tool):
    if shutil.which(tool):
        return True
    print(f"SKIPPED: {tool} is not installed, its samples are not tested")
    return False


def make(*command):
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if run.returncode != 0:
        fault(f"{command[0]} failed: {run.stdout.decode(errors='replace')[-300:]}")
    return run.returncode == 0


# ------------------------------------------------------------------------------------------- UDF

def crc(data):
    """CRC-16 of ECMA-167 1/7.2.6."""
    c = 0
    for byte in data:
        c ^= byte << 8
        for _ in range(8):
            c = (c << 1 ^ 0x1021) & 0xFFFF if c & 0x8000 else c << 1
    return c


def udf_identifier(image, name):
    """The offset of the file identifier descriptor (ECMA-167 4/14.4) of a name of one-byte
    characters."""
    at = -1
    while True:
        at = image.index(b"\x08" + name, at + 1)
        start = at - 38
        if image[start:start + 2] == b"\x01\x01" and image[start + 19] == len(name) + 1:
            return start


def udf_retag(image, start):
    length = struct.unpack_from("<H", image, start + 10)[0]
    struct.pack_into("<H", image, start + 8, crc(image[start + 16:start + 16 + length]))
    image[start + 4] = 0
    image[start + 4] = sum(image[start:start + 16]) & 0xFF


def windows_like(tree, target):
    """UDF has all but README.TXT, ISO 9660 has README.TXT alone. No tool makes it: genisoimage hides
    files in the ISO 9660 tree only, so the name in the UDF tree is made a parent's entry."""
    root = os.path.join(WORK, "windows")
    shutil.copytree(tree, os.path.join(root, "sources"), symlinks=True)
    with open(os.path.join(root, "README.TXT"), "wb") as f:
        f.write(b"This disc has a UDF file system\r\n")
    whole = target + ".whole"
    if not make("genisoimage", "-quiet", "-input-charset", "utf-8", "-udf", "-allow-limited-size", "-hide", "sources", "-V",
                "WINDOWS_LIKE", "-o", whole, root):
        return None
    with open(whole, "rb") as f:
        image = bytearray(f.read())
    start = udf_identifier(image, b"README.TXT")
    image[start + 18] |= 0x08  # 14.4.3: a parent
    udf_retag(image, start)
    with open(target, "wb") as f:
        f.write(image)
    return root


def udf_loop(source, target):
    """A folder that leads to the root."""
    with open(source, "rb") as f:
        image = bytearray(f.read())
    start = udf_identifier(image, b"level1")
    root = image.index(b"\x01\x01", 0)
    while image[root + 18] & 0x08 == 0 or image[root:root + 2] != b"\x01\x01":
        root = image.index(b"\x01\x01", root + 1)
    image[start + 20:start + 36] = image[root + 20:root + 36]
    udf_retag(image, start)
    with open(target, "wb") as f:
        f.write(image)


def udf_twins():
    """Two entries of one name: the library finds the first only, so the other has to be told."""
    root, image = os.path.join(WORK, "twins"), os.path.join(WORK, "twins.iso")
    os.makedirs(root)
    for name in ("first.txt", "other.txt"):
        with open(os.path.join(root, name), "w", encoding="ascii") as f:
            f.write(name)
    if not make("genisoimage", "-quiet", "-input-charset", "utf-8", "-udf", "-o", image, root):
        return
    with open(image, "rb") as f:
        data = bytearray(f.read())
    start = udf_identifier(data, b"other.txt")
    data[start + 39:start + 44] = b"first"
    udf_retag(data, start)
    with open(image, "wb") as f:
        f.write(data)
    status, files, others = walk("udf", image)
    digest = hashlib.sha256(b"first.txt").hexdigest()
    if (status != 0 or [f for f in files if f[0] == "first.txt"] != [("first.txt", digest)] or
            "note 4 another entry of the same name: first.txt" not in others):
        fault(f"udf twins: exit {status}, {files} {others}")


# -------------------------------------------------------------------------------------- the tests

def discs(tree, plain_tree, expected, plain):
    """plain_tree: without links, and not deep: what each kind of tree can hold."""
    if have("genisoimage"):
        image = os.path.join(WORK, "rr.iso")
        make("genisoimage", "-quiet", "-input-charset", "utf-8", "-R", "-J", "-joliet-long", "-V", "KITH_SAMPLE", "-o", image,
             tree)
        others = compare("rock ridge, joliet", "iso9660", image, expected)
        if "fact 0 20 KITH_SAMPLE" not in others:
            fault("the volume id is not told")
        cut("rock ridge", "iso9660", image, expected)
        loop_iso(image)
        image = os.path.join(WORK, "joliet.iso")
        make("genisoimage", "-quiet", "-input-charset", "utf-8", "-J", "-joliet-long", "-o", image, plain_tree)
        compare("joliet", "iso9660", image, plain)
        image = os.path.join(WORK, "plain.iso")
        make("genisoimage", "-quiet", "-input-charset", "utf-8", "-o", image, plain_tree)
        compare("plain names", "iso9660", image, plain, only_digests=True)
        hidden = os.path.join(WORK, "hidden.iso")
        make("genisoimage", "-quiet", "-input-charset", "utf-8", "-R", "-J", "-joliet-long", "-hide",
             "2049", "-o", hidden, plain_tree)
        compare("a file in the joliet tree only", "iso9660", hidden, plain)

        image = os.path.join(WORK, "udf.iso")
        make("genisoimage", "-quiet", "-input-charset", "utf-8", "-udf", "-R", "-J", "-joliet-long", "-o", image, plain_tree)
        compare("udf bridge", "udf", image, plain)
        image = os.path.join(WORK, "windows.iso")
        root = windows_like(plain_tree, image)
        if root:
            all_of_it = sums(root)
            compare("windows-like udf", "udf", image, all_of_it)
            if len(walk("iso9660", image)[1]) != 1:
                fault("windows-like: the ISO 9660 tree has more than README.TXT")
            cut("udf", "udf", image, all_of_it)
            udf_loop(image, os.path.join(WORK, "loop.iso"))
            status, _, others = walk("udf", os.path.join(WORK, "loop.iso"))
            if status != 1 and not any(line.startswith("note 4") for line in others):
                fault(f"udf loop: exit {status}, nothing told")
        little = os.path.join(WORK, "little")
        os.makedirs(os.path.join(little, "folder"))
        for name in ("a", "folder/b"):
            with open(os.path.join(little, name), "w", encoding="ascii") as f:
                f.write(name)
        image = os.path.join(WORK, "little.iso")
        make("genisoimage", "-quiet", "-input-charset", "utf-8", "-udf", "-no-pad", "-o", image, little)
        flip("udf", "udf", image, 100)
    if have("xorriso"):
        image = os.path.join(WORK, "xorriso.iso")
        make("xorriso", "-as", "mkisofs", "-quiet", "-R", "-J", "-o", image, tree)
        compare("xorriso", "iso9660", image, expected)
        image = os.path.join(WORK, "zisofs.iso")
        make("xorriso", "-report_about", "SORRY", "-outdev", image, "-map", tree, "/", "-zisofs",
             "level=6:block_size=64k", "-find", "/", "-type", "f", "-exec", "set_filter",
             "--zisofs", "--", "-commit")
        compare("zisofs", "iso9660", image, expected)
        cut("zisofs", "iso9660", image, expected)
        hybrid(plain_tree, plain)


def loop_iso(source):
    """The folder level1 of both trees leads to the tree's root."""
    with open(source, "rb") as f:
        image = bytearray(f.read())
    for name, descriptor in ((b"\x06LEVEL1", 16), (b"\x0c\0l\0e\0v\0e\0l\x001", 17)):
        root = image[descriptor * 2048 + 158:descriptor * 2048 + 174]
        at = image.index(name) - 32
        while image[at + 25] & 2 == 0:
            at = image.index(name, at + 33) - 32
        image[at + 2:at + 18] = root
    target = os.path.join(WORK, "isoloop.iso")
    with open(target, "wb") as f:
        f.write(image)
    status, _, others = walk("iso9660", target)
    if status != 0 or not any("directory loop" in line for line in others):
        fault(f"iso9660 loop: exit {status}, not told")


def hybrid(tree, expected):
    """A FAT image that is a partition behind the disc, and a boot image, but no file of it."""
    if not have("mkfs.fat"):
        return
    fat = os.path.join(WORK, "esp.img")
    with open(fat, "wb") as f:
        f.truncate(1440 << 10)
    make("mkfs.fat", fat)
    with open(fat, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    image = os.path.join(WORK, "hybrid.iso")
    make("xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", image, "-append_partition", "2", "0xef",
         fat, "-appended_part_as_gpt", "-e", "--interval:appended_partition_2:all::",
         "-no-emul-boot", tree)
    others = compare("hybrid", "iso9660", image, expected,
                     extra=("boot.cat", "boot.catalog"))
    inner = [line for line in others if line.startswith(digest)]
    if len(inner) != 1:
        fault(f"hybrid: the appended partition is told {len(inner)} times: "
              f"{[line for line in others if ' i ' in line]}")


def squashfs(tree, expected):
    if not have("mksquashfs"):
        return
    for name, options in (
            ("gzip", ["-comp", "gzip"]), ("zstd", ["-comp", "zstd"]), ("lz4", ["-comp", "lz4"]),
            ("xz", ["-comp", "xz"]), ("stored", ["-noI", "-noD", "-noF", "-noX"]),
            ("no fragments", ["-no-fragments", "-b", "1M"]),
            ("small blocks", ["-b", "4K", "-always-use-fragments", "-no-duplicates"])):
        image = os.path.join(WORK, f"{name}.squashfs")
        if make("mksquashfs", tree, image, "-noappend", "-quiet", "-no-progress", *options):
            compare(f"squashfs {name}", "squashfs", image, expected)
            if name in ("zstd", "stored", "small blocks"):
                cut(f"squashfs {name}", "squashfs", image, expected)
    image = os.path.join(WORK, "lzo.squashfs")
    if make("mksquashfs", tree, image, "-noappend", "-quiet", "-no-progress", "-comp", "lzo"):
        status, files, others = walk("squashfs", image)
        if (status == 0 and set(files) != expected) or (
                status == 1 and not any("lzo" in line for line in others)):
            fault("squashfs lzo: neither read nor told")
    appimage(os.path.join(WORK, "zstd.squashfs"))
    behind(os.path.join(WORK, "zstd.squashfs"), expected)
    snap = os.path.join(WORK, "snap")
    os.makedirs(os.path.join(snap, "meta"))
    with open(os.path.join(snap, "meta/snap.yaml"), "w", encoding="ascii") as f:
        f.write("name: hello\nversion: '1.2'\napps:\n  name: other\n")
    image = os.path.join(WORK, "snap.squashfs")
    make("mksquashfs", snap, image, "-noappend", "-quiet", "-no-progress", "-comp", "xz")
    others = compare("snap", "squashfs", image, sums(snap))
    for line in ("kind snap", "fact 0 60 hello", "fact 1 60 1.2"):
        if line not in others:
            fault(f"snap: '{line}' is not told, but {others}")


def behind(squash, expected):
    """Zeros behind the image are nothing, all else is told."""
    with open(squash, "rb") as f:
        image = f.read()
    for data, told in ((bytes(5000), []),
                       (b"signature", ["note 2 data behind the file system: behind the image"])):
        with open(squash + ".more", "wb") as f:
            f.write(image + data)
        status, files, others = walk("squashfs", squash + ".more")
        notes = [line for line in others if line.startswith("note")]
        inner = [line for line in others if hashlib.sha256(data).hexdigest() in line]
        if status != 0 or set(files) != expected or notes != told or len(inner) != len(told):
            fault(f"squashfs with {data[:9]} behind it: exit {status}, {notes}")


def appimage(squash):
    """A program of this machine, or rather its bytes, with the image behind it."""
    with open(sys.executable, "rb") as f:
        program = bytearray(f.read())
    with open(squash, "rb") as f:
        image = f.read()
    table, = struct.unpack_from("<Q", program, 0x28)
    size, n = struct.unpack_from("<HH", program, 0x3A)
    if program[4] != 2 or program[5] != 1:
        print("SKIPPED: AppImage: programs here are not 64-bit and little-endian")
        return
    program[8:11] = b"AI\x02"
    target = os.path.join(WORK, "a.AppImage")
    with open(target, "wb") as f:
        f.write(program[:table + size * n] + image)
    others = walk("appimage", target)[2]
    expected = f"{hashlib.sha256(image).hexdigest()} {len(image)} i squashfs"
    if others != [expected]:
        fault(f"appimage: {others[:3]}")


def main():
    trees = [os.path.join(WORK, name) for name in ("tree", "plain")]
    make_tree(trees[0], 5000)
    make_tree(trees[1], 300)
    shutil.rmtree(os.path.join(trees[1], "level1/level2/level3/level4/level5"))
    os.unlink(os.path.join(trees[1], "symlink"))
    long_name = os.path.join(trees[1], "n" * 180 + ".long")
    os.rename(long_name, os.path.join(trees[1], "n" * 50 + ".long"))
    expected = [sums(tree) for tree in trees]
    discs(trees[0], trees[1], expected[0], expected[1])
    squashfs(trees[0], expected[0])
    if have("genisoimage"):
        udf_twins()
    print(", ".join(f"{n} {what}" for what, n in counts.items()), f"{len(faults)} faults")
    return 1 if faults or counts["samples"] == 0 else 0


ONE = os.path.join(os.path.abspath(sys.argv[1]), "container_one_main")
with tempfile.TemporaryDirectory() as WORK:
    sys.exit(main())
