# SPDX-License-Identifier: Apache-2.0
"""The rows of scripts/bench about images and packages. Their inputs are packages that apt downloads, and
images made from what is in these."""
import glob
import os
import shutil
import subprocess
import tempfile
import time

PE_BYTES = 340 << 20


def pss(pid):
    """Bytes of a process and of all that it started: what they share counts once."""
    total = 0
    try:
        with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
            total = sum(int(line.split()[1]) * 1024 for line in f if line.startswith("Pss:"))
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
            children = f.read().split()
    except OSError:
        return total
    return total + sum(pss(int(child)) for child in children)


def peak_of_tree(command):
    """The most that the whole process tree took, looked at every 20 ms."""
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, pss(process.pid))
        time.sleep(0.02)
    return peak


def package(work, name, say):
    """The path of a package's file, or None."""
    def download(part):
        os.mkdir(part)
        subprocess.run(["apt-get", "-q", "download", name], cwd=part, check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    folder = work.item("package-" + name, download)
    found = glob.glob(os.path.join(folder, "*.deb"))
    if found:
        return found[0]
    os.rmdir(folder)
    say("%s cannot be downloaded: its rows are left out" % name)
    return None


def programs_tree(work, deb):
    """Some 340 MB of Windows programs."""
    def make(part):
        os.mkdir(part)
        with tempfile.TemporaryDirectory(dir=work.folder) as whole:
            subprocess.run(["dpkg-deb", "-x", deb, whole], check=True)
            files = sorted(os.path.join(base, name) for base, _, names in os.walk(whole)
                           for name in names if name.endswith((".dll", ".exe", ".sys")))
            total = 0
            for number, path in enumerate(files):
                if total >= PE_BYTES or os.path.islink(path):
                    continue
                total += os.path.getsize(path)
                shutil.copy(path, os.path.join(part, "%03d-%s" % (number, os.path.basename(path))))
    return work.item("programs", make)


def compressed_files(work, name, deb):
    """The paths of compressed files in a package; kith-build decompresses these too."""
    def unpack(part):
        os.mkdir(part)
        subprocess.run(["dpkg-deb", "-x", deb, part], check=True)
    tree = work.item("unpacked-" + name, unpack)
    return sorted(os.path.join(base, file) for base, _, files in os.walk(tree)
                  for file in files if file.endswith(".gz"))


def bench_packages(args, work, bench):
    """Reading a package against decompressing it and the compressed files in it."""
    found = []
    decompress = ("dpkg-deb --fsys-tarfile \"$1\" >/dev/null && shift && "
                  "printf '%%s\\0' \"$@\" | xargs -0 -n 1 -P %d gzip -dc >/dev/null" %
                  os.cpu_count())
    for name in ("libwine", "debian-installer-12-netboot-amd64"):
        deb = package(work, name, bench.say)
        if deb is None:
            continue
        found.append(deb)
        built = os.path.join(work.folder, "image.kith")
        ours = [work.programs["KITH_BUILD"], "image", "-q", "-o", built, deb]
        alone = ["sh", "-c", decompress, "sh", deb] + compressed_files(work, name, deb)
        unpack, kith = bench.beside(args.runs, lambda alone=alone: bench.run(alone),
                                    lambda ours=ours: bench.run(ours))
        bench.row("package to set: %s" % name, "kith-build %s" % bench.seconds(kith.wall),
                  "dpkg-deb, gzip -dc %s" % bench.seconds(unpack.wall),
                  "%.2f x" % (kith.wall / unpack.wall), "at most 1.3 x",
                  "%s, all processes; CPU %s, %s" % (bench.mib(peak_of_tree(ours)),
                                                     bench.seconds(kith.cpu),
                                                     bench.seconds(unpack.cpu)))
    if len(found) == 2:
        both = bench.run([work.programs["KITH_BUILD"], "image", "-q", "-o", built] + found)
        bench.row("both packages in one run", "kith-build %s" % bench.seconds(both.wall),
                  "%d cores" % os.cpu_count(), "%.2f cores busy" % (both.cpu / both.wall), "", "")


def bench_images(args, work, bench):
    """An image against the folder that it was made from, and against unpacking and hashing."""
    deb = package(work, "libwine", bench.say)
    if deb is None:
        return
    tree = programs_tree(work, deb)
    built = os.path.join(work.folder, "image.kith")
    build = [work.programs["KITH_BUILD"], "image", "-q", "-o", built]
    udf = work.item("programs.udf", lambda path: subprocess.run(
        ["genisoimage", "-quiet", "-input-charset", "utf-8", "-udf", "-allow-limited-size", "-o",
         path, tree], check=True))
    folder, image = bench.beside(args.runs, lambda: bench.run(build + [tree]),
                                 lambda: bench.run(build + [udf]))
    bench.row("UDF image of 340 MB of programs", "kith-build IMAGE %s" % bench.seconds(image.wall),
              "kith-build FOLDER %s" % bench.seconds(folder.wall),
              "%.0f %% of its speed" % (100 * folder.wall / image.wall), "at least 85 %",
              "%s, all processes" % bench.mib(peak_of_tree(build + [udf])))
    iso = work.item("programs.iso", lambda path: subprocess.run(
        ["genisoimage", "-quiet", "-input-charset", "utf-8", "-R", "-o", path, tree], check=True))
    packed = work.item("programs.tar.zst", lambda path: subprocess.run(
        ["bsdtar", "--zstd", "-cf", path, "-C", tree, "."], check=True))
    for what, path in (("ISO 9660 image", iso), ("tar.zst", packed)):
        def unpack_and_hash(path=path):
            with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
                return bench.run(["sh", "-c", 'bsdtar -xf "$1" -C "$2" && cd "$2" && '
                                  "hashdeep -r -c md5,sha1,sha256 .", "sh", path, memory])
        ours, theirs = bench.beside(args.runs, lambda path=path: bench.run(build + [path]),
                                    unpack_and_hash)
        bench.row("image to set: %s of 340 MB" % what, "kith-build %s" % bench.seconds(ours.wall),
                  "bsdtar -x, hashdeep %s" % bench.seconds(theirs.wall),
                  "%.2f x" % (ours.wall / theirs.wall), "at most 0.5 x",
                  "CPU %s, %s" % (bench.seconds(ours.cpu), bench.seconds(theirs.cpu)))
