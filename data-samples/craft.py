#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What no tool makes: the tree, and containers' headers where a few bytes are all there is to it.

    craft.py tree FOLDER               the tree that all samples hold
    craft.py rar5 FOLDER FILE          RAR 5, stored
    craft.py appx FOLDER               adds a package's manifest and block map
    craft.py wxs FOLDER FILE           a source for wixl, which wants FOLDER to be relative
    craft.py pe FILE                   a program with nothing in it
    craft.py elf FILE                  likewise; its end is told by its header
    craft.py apk DATA.TAR FILE         an Alpine package: signature, control, data
    craft.py bzimage PAYLOAD FILE      boot headers around a payload and its size; -plain: no size
    craft.py zboot PAYLOAD FILE
    craft.py uki LINUX INITRD FILE
"""
import gzip
import hashlib
import io
import os
import random
import struct
import sys
import tarfile
import zlib

EPOCH = 1700000000


def write(path, data):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def files_of(folder):
    """Paths of all files in the folder, in order."""
    found = []
    for at, folders, names in os.walk(folder):
        folders.sort()
        found += [os.path.relpath(os.path.join(at, name), folder) for name in names]
    return sorted(found)


def tree(folder):
    numbers = random.Random(3)
    text = "".join("%06d a line of text that packs well\n" % n for n in range(3000)).encode()
    binary = numbers.randbytes(150000)
    write(folder + "/hello.txt", b"hello, world\n")
    write(folder + "/empty", b"")
    write(folder + "/notes.txt", text)
    write(folder + "/random.bin", binary)
    write(folder + "/program.exe", pe_bytes(binary[:6000]))
    write(folder + "/name with space.txt", b"a name with spaces\n")
    write(folder + "/docs/\u00fcml\u00e4ut-\u65e5\u672c.txt", b"a name in UTF-8\n")
    write(folder + "/docs/deep/er/still/deeper/file", b"far down\n")
    write(folder + "/docs/" + "long-" * 16 + "name", b"a long name\n")
    write(folder + "/docs/" + "longer-" * 24 + "name", b"a longer name\n")
    write(folder + "/docs/same-as-hello.txt", b"hello, world\n")
    write(folder + "/docs/manual.txt.gz", gzip_of(text[:9000]))
    write(folder + "/docs/linked", b"one file with two names\n")
    os.link(folder + "/docs/linked", folder + "/docs/hard")
    os.symlink("hello.txt", folder + "/link-to-hello")
    os.makedirs(folder + "/docs/no-files-in-it")
    with open(folder + "/holes.bin", "wb") as f:
        f.write(b"begin")
        f.seek(1 << 20)
        f.write(b"end")


def gzip_of(data):
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, filename="") as f:
        f.write(data)
    return packed.getvalue()


# ------------------------------------------------------------------------------ RAR 5
# RARLAB, "RAR 5.0 archive format"


def vint(n):
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def rar5_block(body):
    body = vint(len(body)) + body
    return struct.pack("<I", zlib.crc32(body)) + body


def rar5(folder, to):
    out = b"Rar!\x1a\7\1\0" + rar5_block(vint(1) + vint(0) + vint(0))
    for path in files_of(folder):
        with open(os.path.join(folder, path), "rb") as f:
            data = f.read()
        name = path.encode()
        # type 2: file; flags 2: a data area; file flags 4: CRC-32; host 1: Unix
        body = vint(2) + vint(2) + vint(len(data)) + vint(4) + vint(len(data)) + vint(0o100644)
        body += struct.pack("<I", zlib.crc32(data)) + vint(0) + vint(1) + vint(len(name)) + name
        out += rar5_block(body) + data
    write(to, out + rar5_block(vint(5) + vint(0) + vint(0)))


# ---------------------------------------------------------------------------- Windows


def appx(folder):
    manifest = """<?xml version="1.0" encoding="utf-8"?>
<Package xmlns="http://schemas.microsoft.com/appx/manifest/foundation/windows10">
<Identity Name="Example.Sample" Publisher="CN=Example" Version="1.0.0.0"/>
<Properties><DisplayName>Sample</DisplayName>
<PublisherDisplayName>Example</PublisherDisplayName></Properties></Package>
"""
    write(folder + "/AppxManifest.xml", manifest.encode())
    write(folder + "/AppxBlockMap.xml", b"<?xml version=\"1.0\"?><BlockMap/>\n")
    write(folder + "/[Content_Types].xml", b"<?xml version=\"1.0\"?><Types/>\n")


def wxs(folder, to):
    rows = []
    for n, path in enumerate(files_of(folder)):
        rows.append('<Component Id="c%d" Guid="*"><File Id="f%d" Name="f%d" Source="%s"/></Component>'
                    % (n, n, n, folder + "/" + path))
    refs = "".join('<ComponentRef Id="c%d"/>' % n for n in range(len(rows)))
    write(to, ("""<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
<Product Name="Sample" Id="*" UpgradeCode="11111111-1111-1111-1111-111111111111"
 Language="1033" Version="1.0.0" Manufacturer="Example">
<Package Compressed="yes" InstallerVersion="200"/>
<Media Id="1" Cabinet="sample.cab" EmbedCab="yes"/>
<Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="ProgramFilesFolder">
<Directory Id="INSTALLDIR" Name="Sample">%s</Directory></Directory></Directory>
<Feature Id="all" Level="1">%s</Feature></Product></Wix>
""" % ("\n".join(rows), refs)).encode())


def pe_image(sections, subsystem):
    """Microsoft, "PE Format": headers of 1 KiB, then the sections, each filled up to 512 bytes."""
    out = bytearray(b"MZ" + b"\0" * 58 + struct.pack("<I", 64))
    out += b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, len(sections), 0, 0, 0, 240, 0x22)
    optional = struct.pack("<HBBIIIII", 0x20B, 14, 0, 512, 0, 0, 0x1000, 0x1000)
    optional += struct.pack("<QIIHHHHHHIIIIHH", 0x140000000, 0x1000, 512, 6, 0, 0, 0, 6, 0, 0,
                            0x1000 * 64, 1024, 0, subsystem, 0)
    optional += struct.pack("<QQQQII", 1 << 20, 4096, 1 << 20, 4096, 0, 16) + b"\0" * 128
    out += optional
    at, address, bodies = 1024, 0x1000, b""
    for name, body in sections:
        size = (len(body) + 511) // 512 * 512
        out += name.ljust(8, b"\0") + struct.pack("<IIIIIIHHI", len(body), address, size, at, 0, 0,
                                                  0, 0, 0x40000040)
        bodies += body.ljust(size, b"\0")
        at += size
        address += (len(body) + 4095) // 4096 * 4096
    return bytes(out.ljust(1024, b"\0")) + bodies


def pe_bytes(text):
    return pe_image([(b".text", text)], 3)


# ------------------------------------------------------------------------------ Linux


def elf(to):
    """64 bytes of header and one empty section: it ends at e_shoff + e_shnum * e_shentsize."""
    head = b"\x7fELF\2\1\1" + b"\0" + b"AI\2" + b"\0" * 5
    head += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, 64, 0, 64, 0, 0, 64, 1, 0)
    write(to, head + b"\0" * 64)


def tar_of(files, end):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), EPOCH
            archive.addfile(info, io.BytesIO(data))
        members_end = archive.offset
    return packed.getvalue() if end else packed.getvalue()[:members_end]


def apk(data, to):
    """Alpine, apk-spec v2: three gzip streams; the tars of the first two have no end."""
    with open(data, "rb") as f:
        packed = gzip_of(f.read())
    info = "pkgname = sample\npkgver = 1.0-r0\nurl = https://example.org/\nmaintainer = Example\n"
    info += "datahash = %s\n" % hashlib.sha256(packed).hexdigest()
    control = gzip_of(tar_of([(".PKGINFO", info.encode())], False))
    signature = gzip_of(tar_of([(".SIGN.RSA.example.rsa.pub", b"no signature\n")], False))
    write(to, signature + control + packed)


def bzimage(payload, to, with_size):
    """Linux, Documentation/arch/x86/boot.rst, protocol 2.15."""
    with open(payload, "rb") as f:
        data = f.read()
    if with_size:  # the size of what is packed; nobody but the kernel reads it
        data += struct.pack("<I", 0x123456)
    setup_sectors, before = 7, 0x300
    setup = bytearray(512 * (setup_sectors + 1))
    setup[0x1F1] = setup_sectors
    setup[0x1FE:0x200] = b"\x55\xaa"
    setup[0x200:0x206] = b"\xeb\x6aHdrS"
    struct.pack_into("<H", setup, 0x206, 0x020F)
    struct.pack_into("<II", setup, 0x248, before, len(data))
    write(to, bytes(setup) + b"\x90" * before + data + b"\x90" * 512)


def zboot(payload, to):
    """Linux, drivers/firmware/efi/libstub/zboot-header.S: the size is not counted."""
    with open(payload, "rb") as f:
        data = f.read()
    kind = b"gzip" if data[:2] == b"\x1f\x8b" else b"zstd"
    head = b"MZ\0\0zimg" + struct.pack("<IIII", 4096, len(data), 0, 0) + kind.ljust(32, b"\0")
    head += struct.pack("<II", 0x818223CD, 64)
    write(to, head.ljust(4096, b"\0") + data + (b"" if kind == b"gzip" else b"\x56\x34\x12\0"))


def uki(linux, initrd, to):
    with open(linux, "rb") as f:
        linux = f.read()
    with open(initrd, "rb") as f:
        initrd = f.read()
    release = b'ID=sample\nNAME="Sample OS"\nVERSION_ID="1.0"\nHOME_URL="https://example.org/"\n'
    write(to, pe_image([(b".text", b"\xc3"), (b".osrel", release), (b".cmdline", b"quiet"),
                        (b".linux", linux), (b".initrd", initrd)], 10))


COMMANDS = {
    "tree": tree, "rar5": rar5, "appx": appx, "wxs": wxs, "elf": elf, "apk": apk, "zboot": zboot,
    "uki": uki,
    "pe": lambda to: write(to, pe_bytes(b"\xc3")),
    "bzimage": lambda payload, to: bzimage(payload, to, True),
    "bzimage-plain": lambda payload, to: bzimage(payload, to, False),
}
COMMANDS[sys.argv[1]](*sys.argv[2:])
