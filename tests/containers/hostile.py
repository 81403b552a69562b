# SPDX-License-Identifier: Apache-2.0
"""Inputs that were made to do harm, each from a recipe of a few lines. make(folder) writes them and
gives {name: what the ledger must say of it}: a pattern for at least one note that is no count, or
None where nothing has to be said."""

import gzip
import io
import lzma
import os
import shutil
import struct
import subprocess
import tarfile
import zipfile
import zlib

from walkprint import TOP


def zip_same_body(entries, body):
    """All entries of the directory lead to one local header (D. Fifield, "A better zip bomb")."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packer.compress(body) + packer.flush()
    crc = zlib.crc32(body)
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 0, crc, len(data), len(body), 1,
                        0) + b"a" + data
    central = b""
    for n in range(entries):
        name = b"%d" % n
        central += struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, 8, 0, 0, crc,
                               len(data), len(body), len(name), 0, 0, 0, 0, 0, 0) + name
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, entries, entries, len(central), len(local), 0)
    return local + central + end


def zip_many_claimed():
    """The end record promises 65,535 entries in a directory of none."""
    return zip_same_body(1, b"x")[:-22] + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 65535, 65535,
                                                      0xFFFFFF00, 0, 0)


def gzip_in_gzip(levels):
    data = b"the innermost"
    for _ in range(levels):
        data = gzip.compress(data, 9, mtime=0)
    return data


def bomb(n, filter_):
    """n bytes of zeros."""
    if filter_ == "gzip":
        out = io.BytesIO()
        with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as f:
            for _ in range(n >> 20):
                f.write(bytes(1 << 20))
        return out.getvalue()
    packer = lzma.LZMACompressor()
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(n >> 20)) + packer.flush()


def tar_header(name, size, kind=b"0", big=False):
    header = bytearray(512)
    header[0:len(name)] = name
    header[100:108] = b"0000644\0"
    header[108:124] = b"0000000\0" * 2
    header[124:136] = b"\x80" + size.to_bytes(11, "big") if big else b"%011o\0" % size
    header[136:148] = b"00000000000\0"
    header[156:157] = kind
    header[257:265] = b"ustar\x0000"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def tar_sparse_pib():
    """A pax sparse file (GNU 1.0) of 1 PiB with three bytes at its end."""
    size = 1 << 50
    records = b""
    for key, value in ((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"),
                       (b"GNU.sparse.name", b"holes"), (b"GNU.sparse.realsize", b"%d" % size)):
        record = b" " + key + b"=" + value + b"\n"
        n = len(record) + 2
        records += b"%d" % n + record
    table = b"1\n%d\n3\n" % (size - 3)
    data = table.ljust(512, b"\0") + b"end"
    return (tar_header(b"PaxHeaders/holes", len(records), b"x") + records.ljust(512, b"\0") +
            tar_header(b"GNUSparseFile/holes", len(data)) + data.ljust(1024, b"\0") + bytes(1024))


def tar_names():
    """Names that would lead out of a folder, and one with a NUL."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("../../../../tmp/kith-escaped", "/etc/kith-escaped", "a/../../b", "..", "."):
            info = tarfile.TarInfo(name)
            info.size = 4
            archive.addfile(info, io.BytesIO(b"evil"))
    return out.getvalue()


def cpio_entry(name, data, size=None, name_n=None):
    fields = [1, 0o100644, 0, 0, 1, 0, len(data) if size is None else size, 0, 0, 0, 0,
              len(name) + 1 if name_n is None else name_n, 0]
    out = b"070701" + b"".join(b"%08x" % n for n in fields) + name + b"\0"
    out += bytes(-len(out) % 4) + data
    return out + bytes(-len(out) % 4)


def rpm(n_index, store_n, rest=b""):
    """A lead, an empty signature, and a main header that promises that much."""
    lead = b"\xed\xab\xee\xdb\3\0\0\0\0\1" + b"evil".ljust(66, b"\0") + b"\0\1\0\5" + bytes(16)
    return (lead + b"\x8e\xad\xe8\1" + bytes(12) +
            b"\x8e\xad\xe8\1" + bytes(4) + struct.pack(">II", n_index, store_n) + rest)


def rpm_same_folder(files):
    """A million files, all in one folder of a long name: paths cost what their number times the
    folder's length is, if somebody builds them."""
    folder = b"/" + b"d" * 32000 + b"/\0"
    bases = b"".join(b"%x\0" % n for n in range(files))
    store = folder + bases + bytes(-(len(folder) + len(bases)) % 4) + bytes(4 * files)
    index = struct.pack(">IIII", 1118, 8, 0, 1)
    index += struct.pack(">IIII", 1117, 8, len(folder), files)
    index += struct.pack(">IIII", 1116, 4, len(store) - 4 * files, files)
    payload = cpio_entry(b"./nowhere", b"x") + cpio_entry(b"TRAILER!!!", b"")
    return rpm(3, len(store), index + store + gzip.compress(payload, mtime=0))


def ar_member(name, data, size=None):
    head = name.ljust(16) + b"0".ljust(12) + b"0".ljust(6) * 2 + b"100644".ljust(8)
    head += (b"%d" % (len(data) if size is None else size)).ljust(10) + b"`\n"
    return head + data + b"\n" * (len(data) & 1)


def iso_loop(path):
    """A folder whose record leads to the root again."""
    folder = path + ".d"
    os.makedirs(folder + "/loop")
    with open(folder + "/file", "wb") as f:
        f.write(b"a file\n")
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-o", path, folder], check=True,
                   stderr=subprocess.DEVNULL)
    shutil.rmtree(folder)
    with open(path, "rb") as f:
        image = bytearray(f.read())
    root = struct.unpack_from("<I", image, 16 * 2048 + 158)[0]
    at = image.index(b"LOOP", root * 2048) - 33  # its directory record
    struct.pack_into("<I", image, at + 2, root)
    struct.pack_into(">I", image, at + 6, root)
    with open(path, "wb") as f:
        f.write(image)


def encrypted(path, kind):
    with open(path + ".txt", "wb") as f:
        f.write(b"a secret\n" * 100)
    command = ["7z", "a", "-bd", "-psecret", "-t" + kind.split("-")[0], path, path + ".txt"]
    if kind == "7z-names":
        command.insert(3, "-mhe=on")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    os.unlink(path + ".txt")


def zip_of(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def changed(path, old, new):
    """A package with one file that is not what its metadata say."""
    with open(os.path.join(TOP, "tests/fuzz/corpus", path), "rb") as f:
        data = f.read()
    at = data.rindex(old)
    return data[:at] + new + data[at + len(old):]


def make(folder):
    made = {}

    def put(name, data, says):
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)
        made[name] = says

    def tool(name, program, function, says, *more):
        if shutil.which(program) is None:
            print("SKIPPED: %s: no program %s" % (name, program))
            return
        function(os.path.join(folder, name), *more)
        made[name] = says

    put("overlap.zip", zip_same_body(2000, bytes(1 << 20)), "overlap")
    put("claims.zip", zip_many_claimed(), ".")
    put("names.zip", zip_of([("../../up", b"evil"), ("/abs", b"evil"), ("c:\\windows\\x", b"evil")]),
        None)
    put("deep.gz", gzip_in_gzip(50), "depth|deep")
    put("zeros.gz", bomb(1 << 30, "gzip"), None)
    put("zeros.xz", bomb(1 << 30, "xz"), None)
    put("holes.tar", tar_sparse_pib(), "limit|zeros")
    put("names.tar", tar_names(), None)
    put("huge.tar", tar_header(b"huge", 1 << 62, big=True) + b"x" * 512, ".")
    put("huge.cpio", cpio_entry(b"huge", b"x", size=0xFFFFFFFF), ".")
    put("name.cpio", cpio_entry(b"n", b"", name_n=0xFFFFFFF0), ".")
    put("huge.ar", b"!<arch>\n" + ar_member(b"huge/", b"x", size=9999999999), ".")
    put("huge.deb", b"!<arch>\n" + ar_member(b"debian-binary", b"2.0\n") +
        ar_member(b"control.tar.xz", b"x", size=9999999999), ".")
    put("no-control.deb", b"!<arch>\n" + ar_member(b"debian-binary", b"2.0\n") +
        ar_member(b"data.tar", bytes(10240)), "no control archive")
    put("huge-index.rpm", rpm(0xFFFFFFFF, 0), "header of")
    put("huge-store.rpm", rpm(1, 0xFFFFFFF0), "header of")
    put("one-folder.rpm", rpm_same_folder(1000000), "not in the header")
    put("changed.rpm", changed("rpm/none.rpm", b"hello\n", b"HELLO\n"), "SHA-256 differs: /a")
    put("changed-link.rpm", changed("rpm/none.rpm", b"two\n", b"TWO\n"), "SHA-256 differs: /d/l")
    put("changed.deb", changed("deb/none.deb", b"hi\n", b"HI\n"), "differs from the digest")
    tool("loop.iso", "xorriso", iso_loop, ".")
    tool("encrypted.zip", "7z", encrypted, "encrypted", "zip")
    tool("encrypted.7z", "7z", encrypted, "encrypted", "7z")
    tool("encrypted-names.7z", "7z", encrypted, "encrypted", "7z-names")
    return made
