#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every archive format with every compression, made by other programs from one tree: names and
SHA-256 that container_one reports must be those of the tree. Then hostile archives, each made here
by its recipe, and what must be said of them.

    archives.py CONTAINER_ONE
"""
import gzip
import hashlib
import lzma
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

ONE = os.path.abspath(sys.argv[1])
faults = 0
checks = 0


def fault(text):
    global faults
    faults += 1
    print("FAULT", text)


def check(holds, text):
    global checks
    checks += 1
    if not holds:
        fault(text)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def walk(fmt, path):
    """(exit status, {(name, sha256)} as a sorted list, the other lines)"""
    run = subprocess.run([ONE, fmt, path], stdout=subprocess.PIPE, timeout=120, check=False)
    entries, others = [], []
    for line in run.stdout.split(b"\n"):
        match = re.fullmatch(rb"([0-9a-f]{64}) [0-9]+ ([fsi]) (.*)", line)
        if match:
            entries.append((match.group(3).lstrip(b"/"), match.group(1).decode()))
        elif line:
            others.append(line.decode("latin-1"))
    return run.returncode, sorted(entries), others


def shell(command, **kw):
    subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, **kw)


# ------------------------------------------------------------------- what other programs make

def make_tree(top):
    rnd = random.Random(1)
    os.makedirs(top + "/a/deep")
    os.makedirs(top + "/b/" + "d" * 90 + "/" + "e" * 90)
    files = {
        b"a/hello.txt": b"hello\n", b"empty": b"", b"a/random.bin": rnd.randbytes(700001),
        b"b/zeros.bin": bytes(300000), b"a/512": rnd.randbytes(512), b"a/513": rnd.randbytes(513),
        b"b/lines": b"".join(b"line %d\n" % i for i in range(20000)),
        "a/deep/gr\u00fc\u00dfe \u65e5\u672c.txt".encode(): b"utf8\n",
        b"a/latin-\xe9.txt": b"latin1\n", b"b/" + b"x" * 150: b"a long name\n",
        b"b/" + b"d" * 90 + b"/" + b"e" * 90 + b"/deep.txt": b"a long path\n",
    }
    for name, data in files.items():
        with open(top.encode() + b"/" + name, "wb") as f:
            f.write(data)
    with open(top + "/b/sparse", "wb") as f:
        f.seek(1 << 20)
        f.write(b"data" * 1000)
        f.truncate(3 << 20)
    os.link(top + "/a/random.bin", top + "/b/a hard link")
    os.link(top + "/a/hello.txt", top + "/z-hello")
    os.link(top + "/empty", top + "/b/empty2")
    os.symlink("a/hello.txt", top + "/symlink")


def read_tree(top):
    entries = []
    for folder, _, names in os.walk(top.encode()):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                with open(path, "rb") as f:
                    entries.append((os.path.relpath(path, top.encode()), sha256(f.read())))
    return sorted(entries)


# (format, file, command in the tree; $O is the file)
MADE = [
    ("tar", "gnu.tar", "tar cf $O ."),
    ("tar", "posix.tar", "tar --format=posix -cf $O ."),
    ("tar", "oldgnu-sparse.tar", "tar --format=oldgnu -S -cf $O ."),
    ("tar", "sparse00.tar", "tar --format=posix -S --sparse-version=0.0 -cf $O ."),
    ("tar", "sparse01.tar", "tar --format=posix -S --sparse-version=0.1 -cf $O ."),
    ("tar", "sparse10.tar", "tar --format=posix -S --sparse-version=1.0 -cf $O ."),
    ("tar", "bsd-pax.tar", "bsdtar --format=pax -cf $O ."),
    ("gzip", "a.tar.gz", "tar cf - . | gzip -c >$O"),
    ("gzip", "members.tar.gz",
     "tar cf - . >$O.t; (head -c 500000 $O.t | gzip; tail -c +500001 $O.t | gzip) >$O"),
    ("xz", "a.tar.xz", "tar cf - . | xz -1 -c >$O"),
    ("zstd", "a.tar.zst", "tar cf - . | zstd -q -c >$O"),
    ("bzip2", "a.tar.bz2", "tar cf - . | bzip2 -c >$O"),
    ("lz4", "a.tar.lz4", "tar cf - . | lz4 -q -c >$O"),
    ("lzip", "a.tar.lz", "tar cf - . | lzip -1 -c >$O"),
    ("lzma", "a.tar.lzma", "tar cf - . | xz -1 --format=lzma -c >$O"),
    ("compress", "a.tar.Z", "tar cf $O.t .; bsdtar -cZf $O @$O.t"),
    ("cpio", "newc.cpio", "find . | cpio -o -H newc >$O"),
    ("cpio", "crc.cpio", "find . | cpio -o -H crc >$O"),
    ("cpio", "odc.cpio", "find . | cpio -o -H odc >$O"),
    ("cpio", "bin.cpio", "find . | cpio -o -H bin >$O"),
    ("cpio", "bsd-newc.cpio", "bsdtar --format=newc -cf $O ."),
    ("gzip", "newc.cpio.gz", "find . | cpio -o -H newc | gzip -c >$O"),
    ("zstd", "odc.cpio.zst", "find . | cpio -o -H odc | zstd -q -c >$O"),
    ("zip", "info.zip", "zip -qry $O ."),
    ("zip", "stored.zip", "zip -qry0 $O ."),
    ("zip", "stream.zip", "zip -qr - . -x symlink | cat >$O"),
    ("zip", "sfx.zip", "zip -qry $O.z .; (head -c 100000 $ONE; cat $O.z) >$O"),
    ("zip", "comment.zip", "zip -qry $O .; printf 'PK\\005\\006 is no end' | zip -qz $O"),
    ("zip", "bzip2.zip", "7z a -snl -bd -tzip -mm=BZip2 $O ."),
    ("zip", "lzma.zip", "7z a -snl -bd -tzip -mm=LZMA $O ."),
    ("zip", "ppmd.zip", "7z a -snl -bd -tzip -mm=PPMd $O ."),
    ("7z", "a.7z", "7z a -snl -bd $O . '-x!a/latin*'"),
    ("7z", "bzip2.7z", "7z a -snl -bd -m0=BZip2 $O . '-x!a/latin*'"),
    ("7z", "solid-ppmd.7z", "7z a -snl -bd -m0=PPMd -ms=on $O . '-x!a/latin*'"),
    ("xar", "a.xar", "bsdtar --format=xar --exclude 'latin*' -cf $O ."),
]


def formats(work):
    tree = work + "/tree"
    make_tree(tree)
    want = read_tree(tree)
    # cpio's odc and bin are for names without the newer archivers' ideas; all keep bytes.
    for fmt, name, command in MADE:
        out = f"{work}/{name}"
        shell(command, cwd=tree, env=dict(os.environ, O=out, ONE=ONE, LC_ALL="C.UTF-8"))
        status, got, others = walk(fmt, out)
        expected = [e for e in want if b"latin" not in e[0]] if "latin*" in command else want
        check(status == 0 and got == expected,
              f"{name}: exit {status}, missing {[e for e in expected if e not in got][:3]}, "
              f"more {[e for e in got if e not in expected][:3]}, {others[-2:]}")
    shutil.copy(tree + "/a/513", work + "/a rather long name of a member.txt")
    for name, command in (("gnu.a", "ar rc $O"), ("bsd.a", "bsdtar --format=arbsd -cf $O")):
        out = f"{work}/{name}"
        shell(command + " 'a rather long name of a member.txt' a.7z", cwd=work,
              env=dict(os.environ, O=out))
        _, got, _ = walk("ar", out)
        check([e[0] for e in got] == [b"a rather long name of a member.txt", b"a.7z"] and
              got[0][1] == sha256(open(tree + "/a/513", "rb").read()), f"{name}: {got}")
    # a stream that is no archive: one entry, named after the container
    with gzip.open(work + "/module.ko.gz", "wb") as f:
        f.write(b"a module\n")
    check(walk("gzip", work + "/module.ko.gz") == (0, [(b"module.ko", sha256(b"a module\n"))], []),
          "module.ko.gz")


# --------------------------------------------------------------------------- hostile archives

def raw_deflate(data):
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    return z.compress(data) + z.flush()


class Zip:
    """Local headers and a directory, each with whatever is asked for."""

    def __init__(self):
        self.body, self.directory, self.n = b"", b"", 0

    def add(self, name, data, method=0, crc=None, size=None, local_name=None, at=None, flags=0,
            mode=0, packed=None):
        crc = zlib.crc32(data) if crc is None else crc
        size = len(data) if size is None else size
        self.directory += struct.pack(
            "<IHHHHHHIIIHHHHHII", 0x02014b50, 20 | (3 << 8 if mode else 0), 20, flags, method, 0, 0,
            crc, len(data) if packed is None else packed, size, len(name), 0, 0, 0, 0, mode << 16,
            len(self.body) if at is None else at) + name
        if at is None:
            local = name if local_name is None else local_name
            self.body += struct.pack("<IHHHHHIIIHH", 0x04034b50, 20, flags, method, 0, 0, crc,
                                     len(data), size, len(local), 0) + local + data
        self.n += 1

    def write(self, path, count=None, disk=0):
        count = self.n if count is None else count
        with open(path, "wb") as f:
            f.write(self.body + self.directory + struct.pack(
                "<IHHHHIIH", 0x06054b50, disk, 0, count, count, len(self.directory),
                len(self.body), 0))
        return path


def quoted_overlap(path, n=50):
    """After David Fifield, "A better zip bomb": each entry's data are a stored block that quotes
    the next local header, then the next entry's data; so all share one kernel."""
    kernel = bytes(100000)
    data, content, header = raw_deflate(kernel), kernel, None
    entries = []
    for i in range(n):
        if header is not None:
            content = header + content
            data = struct.pack("<BHH", 0, len(header), len(header) ^ 0xffff) + header + data
        name = b"%03d" % i
        header = struct.pack("<IHHHHHIIIHH", 0x04034b50, 20, 0, 8, 0, 0, zlib.crc32(content),
                             len(data), len(content), len(name), 0) + name
        entries.insert(0, (name, zlib.crc32(content), len(data), len(content)))
    out = Zip()
    out.body = header + data
    for i, (name, crc, packed, size) in enumerate(entries):
        out.directory += struct.pack("<IHHHHHHIIIHHHHHII", 0x02014b50, 20, 20, 0, 8, 0, 0, crc,
                                     packed, size, len(name), 0, 0, 0, 0, 0,
                                     i * (30 + 3 + 5)) + name
        out.n += 1
    return out.write(path)


def hostile_zips(work):
    status, got, others = walk("zip", quoted_overlap(work + "/overlap.zip"))
    check(status == 0 and len(got) == 1 and
          sum("overlaps another" in line for line in others) == 49, f"overlap.zip: {len(got)}")
    z = Zip()
    names = [b"../../etc/passwd", b"/abs", b"nul\0x", b"", b"C:\\x", b"%41"]
    for name in names:
        z.add(name, name)
    status, got, _ = walk("zip", z.write(work + "/slip.zip"))
    want = sorted((n.replace(b"\0", b"\\x00").replace(b"C:\\", b"C:\\x5c").lstrip(b"/"), sha256(n))
                  for n in names)
    check((status, got) == (0, want), f"slip.zip: {got}")
    z = Zip()
    z.add(b"crc0", b"abc", crc=1)
    z.add(b"crc8", raw_deflate(b"abc"), 8, crc=1, size=3)
    z.add(b"small", raw_deflate(bytes(1000000)), 8, crc=0, size=10)
    z.add(b"large", raw_deflate(b"abc"), 8, crc=zlib.crc32(b"abc"), size=10)
    z.add(b"method", b"abc", 99)
    z.add(b"secret", b"abc", flags=1)
    z.add(b"nowhere", b"abc", at=12345678)
    z.add(b"good", b"abc", local_name=b"evil")
    status, got, others = walk("zip", z.write(work + "/bad.zip"))
    check(status == 0 and got == [(b"good", sha256(b"abc"))], f"bad.zip: {got}")
    check(sum(line.startswith("damaged") for line in others) == 5 and
          any(line.startswith("note 4 encrypted: secret") for line in others) and
          any(line.startswith("note 4 unsupported method 99: method") for line in others) and
          any("another name" in line and line.endswith("good") for line in others),
          f"bad.zip: {others}")
    # what lies beyond the file hides nothing behind it
    z = Zip()
    z.add(b"huge", b"abc", packed=1 << 30)
    z.add(b"good", b"good")
    _, got, others = walk("zip", z.write(work + "/beyond.zip"))
    check(got == [(b"good", sha256(b"good"))] and len(others) == 1 and
          others[0].startswith("damaged"), f"beyond.zip: {got} {others}")
    # a type in the attributes makes no content go away
    z = Zip()
    large = bytes(5000)
    for name, data, mode in ((b"folder", b"abc", 0o040755), (b"fifo", b"abc", 0o010644),
                             (b"link", b"target", 0o120777), (b"large link", large, 0o120777),
                             (b"device", b"", 0o020644)):
        z.add(name, data, mode=mode)
    _, got, others = walk("zip", z.write(work + "/types.zip"))
    check(got == [(b"fifo", sha256(b"abc")), (b"folder", sha256(b"abc")),
                  (b"large link", sha256(large))] and
          sorted(others) == ["other device", "other link"], f"types.zip: {got} {others}")
    check(walk("zip", z.write(work + "/disk.zip", disk=2))[2] ==
          ["failed: a part of a zip on several disks"], "disk.zip")
    check(walk("zip", z.write(work + "/count.zip", count=9))[0] == 1, "count.zip")
    z = Zip()
    for name in (b"AppxManifest.xml", b"a%20b", b"100%"):
        z.add(name, b"x")
    _, got, others = walk("zip", z.write(work + "/a.msix"))
    check([e[0] for e in got] == [b"100%", b"AppxManifest.xml", b"a b"] and
          others == ["kind msix"], f"a.msix: {got} {others}")


def tar_header(name, size, kind):
    h = bytearray(512)
    h[0:len(name)] = name
    h[100:156] = (b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % size + b"00000000000\0" +
                  b" " * 8)
    h[156:157] = kind
    h[257:265] = b"ustar\00000"
    h[148:156] = b"%06o\0 " % sum(h)
    return bytes(h)


def padded(data):
    return data + bytes(-len(data) % 512)


def pax(records):
    out = b""
    for key, value in records:
        rest = b" " + key + b"=" + value + b"\n"
        n = len(rest) + 1
        while len(str(n)) + len(rest) != n:
            n += 1
        out += str(n).encode() + rest
    return tar_header(b"x", len(out), b"x") + padded(out)


def tar_file(name, data, records=()):
    return (pax(records) if records else b"") + tar_header(name, len(data), b"0") + padded(data)


def put(path, data):
    with open(path, "wb") as f:
        f.write(data)
    return path


def hostile_tars(work):
    pib = 1 << 50
    holes = padded(b"1\n%d\n1\n" % (pib - 1))
    bomb = (pax([(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"),
                 (b"GNU.sparse.name", b"huge"), (b"GNU.sparse.realsize", b"%d" % pib)]) +
            tar_header(b"x", len(holes) + 1, b"0") + holes + padded(b"Z") +
            tar_file(b"after", b"after"))
    status, got, _ = walk("tar", put(work + "/pib.tar", bomb + bytes(1024)))
    check((status, got) == (0, [(b"after", sha256(b"after"))]), f"pib.tar: {got}")
    latin = tar_file(b"y", b"abc", [(b"path", b"dir/\xe9")])
    check(walk("tar", put(work + "/latin.tar", latin + bytes(1024)))[1] ==
          [(b"dir/\xe9", sha256(b"abc"))], "latin.tar")
    two = (latin + bytes(1024)) * 2
    for name, fmt, data in (("two.tar", "tar", two), ("two.tar.gz", "gzip", gzip.compress(two))):
        _, got, others = walk(fmt, put(f"{work}/{name}", data))
        check(got[1:] == [(b"member 2", sha256(latin + bytes(1024)))] and len(others) == 1,
              f"{name}: {got}")
    rnd = random.Random(2)
    big = b"".join(tar_file(b"f%d" % i, rnd.randbytes(100000)) for i in range(10)) + bytes(1024)
    status, got, others = walk("tar", put(work + "/cut.tar", big[:450000]))
    check(status == 1 and len(got) == 4 and others[0].startswith("damaged") and
          others[0].endswith(" f4"), f"cut.tar: {others}")
    packed = gzip.compress(big)
    status, got, others = walk("gzip", put(work + "/cut.gz", packed[:500000]))
    check(status == 1 and len(got) == 4 and "offset 500000" in others[-1], f"cut.gz: {others}")
    status, got, others = walk("gzip", put(work + "/crc.gz", packed[:-8] + b"1234" + packed[-4:]))
    check(status == 1 and len(got) == 10 and "data check" in others[-1], f"crc.gz: {others}")
    for tool, fmt in (("gzip -c", "gzip"), ("zstd -q -c", "zstd"), ("bzip2 -c", "bzip2"),
                      ("lz4 -q -c", "lz4"), ("lzip -c", "lzip")):
        packed = subprocess.run(tool.split(), input=big, stdout=subprocess.PIPE, check=True).stdout
        _, got, others = walk(fmt, put(work + "/trail", packed + b"garbage"))
        check(len(got) == 11 and (b"member 2", sha256(b"garbage")) in got and
              others == ["note 2 data behind the compressed stream: member 2"],
              f"{fmt} with garbage: {len(got)} {others}")
        _, got, others = walk(fmt, put(work + "/zeros", packed + bytes(512)))
        check(len(got) == 10 and others == [], f"{fmt} with zeros: {len(got)} {others}")
    once = b"hello\n"
    for _ in range(50):
        once = gzip.compress(once)
    check(walk("gzip", put(work + "/deep.gz", once))[1] ==
          [(b"deep", sha256(gzip.decompress(once)))], "deep.gz: one level only")


def packages(work):
    """apk, Arch package, docker and OCI images, initramfs."""
    signature = tar_file(b".SIGN.RSA.x.pub", b"s")  # without an end: cut, as abuild does
    control = tar_file(b".PKGINFO", b"pkgname = x\n")
    good = hashlib.sha1(b"abc").hexdigest().encode()
    data = tar_file(b"usr/x", b"abc", [(b"APK-TOOLS.checksum.SHA1", good)]) + bytes(1024)
    status, got, others = walk("gzip", put(
        work + "/a.apk", gzip.compress(signature) + gzip.compress(control) + gzip.compress(data)))
    check(status == 0 and [e[0] for e in got] == [b".PKGINFO", b".SIGN.RSA.x.pub", b"usr/x"] and
          "kind apk" in others, f"apk: {got} {others}")
    mtree = gzip.compress(b"#mtree\n./usr/a\\040b time=1 sha256digest=" +
                          sha256(b"abc").encode() + b"\n")
    arch = (tar_file(b".BUILDINFO", b"b") + tar_file(b".MTREE", mtree) +
            tar_file(b".PKGINFO", b"p") + tar_file(b"usr/a b", b"abc") + bytes(1024))
    for fmt, data in (("tar", arch), ("gzip", gzip.compress(arch))):
        status, got, others = walk(fmt, put(work + "/a.pkg", data))
        check(status == 0 and len(got) == 4 and "kind arch package" in others, f"arch: {others}")
    oci = (tar_file(b"./oci-layout", b"{}") + tar_file(b"./index.json", b"{}") +
           tar_file(b"./blobs/sha256/" + sha256(b"abc").encode(), b"abc"))
    check("kind oci image" in walk("tar", put(work + "/oci.tar", oci + bytes(1024)))[2], "oci")
    oci += tar_file(b"./manifest.json", b"[]")
    check("kind docker image" in walk("tar", put(work + "/docker.tar", oci + bytes(1024)))[2],
          "docker")
    layer = tar_file(b"etc/.wh.gone", b"") + tar_file(b"etc/.wh.full", b"x") + bytes(1024)
    status, got, others = walk("tar", put(work + "/layer.tar", layer))
    check(got == [(b"etc/.wh.full", sha256(b"x"))] and others == ["other etc/.wh.gone"],
          f"layer: {got} {others}")
    os.makedirs(work + "/cpio/kernel")
    put(work + "/cpio/kernel/microcode", b"microcode")
    shell("find kernel | cpio -o -H newc >../early.cpio", cwd=work + "/cpio")
    early = open(work + "/early.cpio", "rb").read()
    main = gzip.compress(early)
    status, got, _ = walk("cpio", put(work + "/initrd", early + bytes(512) + main))
    check(status == 0 and got == [(b"kernel/microcode", sha256(b"microcode")),
                                  (b"member 2", sha256(main))], f"initrd: {got}")
    status, got, others = walk("cpio", put(work + "/initrd2", early + bytes(512) + early))
    check(status == 0 and len(got) == 2 and "kind initramfs" in others, f"initrd2: {got}")
    status, got, others = walk("cpio", put(work + "/cut.cpio", early[:early.index(b"TRAILER") - 50]))
    check(status == 1 and "it ends at offset" in others[-1], f"cut.cpio: {others}")


def rpms(work):
    """What is patched here are rpms from the corpus of the fuzz target."""
    corpus = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../fuzz/corpus/rpm/")
    plain = bytearray(open(corpus + "none.rpm", "rb").read())
    _, want, _ = walk("rpm", corpus + "none.rpm")
    check(any(name == b"a" for name, _ in want), f"none.rpm: {want}")
    at = plain.index(b"070701", plain.index(b"TRAILER!!!") - 7000)
    while plain[at + 110:at + 114] != b"./a\0":
        at = plain.index(b"070701", at + 1)
    plain[at + 14:at + 22] = b"0000a1ff"  # the payload says symlink; rpm goes by the header
    _, got, _ = walk("rpm", put(work + "/mode.rpm", plain))
    check(got == want, f"mode.rpm: {got}")
    packed = open(corpus + "gzip.rpm", "rb").read()
    for more, told in ((b"garbage", ["note 2 data behind the payload: behind the payload"]),
                       (bytes(600), [])):
        _, got, others = walk("rpm", put(work + "/more.rpm", packed + more))
        check(len([e for e in got if e[0] != b"behind the payload"]) == len(want) and
              [o for o in others if "behind" in o] == told, f"more.rpm: {others}")


def several_streams(work):
    """xz: many streams in one piece that is read, with padding, are one file."""
    rnd = random.Random(3)
    parts = [rnd.randbytes(100) for _ in range(8000)]
    packed = b"".join(lzma.compress(p, preset=0) + bytes(4 * (i % 3)) for i, p in enumerate(parts))
    packed += lzma.compress(bytes(1000)) + b"behind"
    check(len(packed) > 1 << 20, "large enough to be read by liblzma")
    _, got, others = walk("xz", put(work + "/streams.xz", packed))
    check(got == [(b"member 2", sha256(b"behind")),
                  (b"streams", sha256(b"".join(parts) + bytes(1000)))], f"streams.xz: {got} {others}")


def encrypted(work):
    put(work + "/secret", b"secret" * 100)
    for name, fmt, how in (("e.zip", "zip", "-tzip"), ("e.7z", "7z", ""), ("eh.7z", "7z", "-mhe")):
        shell(f"7z a -bd -ppass {how} {name} secret", cwd=work)
        _, got, others = walk(fmt, f"{work}/{name}")
        check(got == [] and any("encrypted" in line for line in others), f"{name}: {others}")


def main():
    with tempfile.TemporaryDirectory() as work:
        formats(work)
        hostile_zips(work)
        hostile_tars(work)
        packages(work)
        encrypted(work)
        rpms(work)
        several_streams(work)
    print(f"archives: {checks} checks, {faults} faults")
    return 1 if faults or checks < 60 else 0


sys.exit(main())
