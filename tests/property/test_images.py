# SPDX-License-Identifier: Apache-2.0
"""Sets of images: what kith-build image makes of packages, archives and folders, compared with what
hashlib says of the trees that they were made from."""

import base64
import fcntl
import filecmp
import gzip
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import unittest
import zipfile

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "containers"))
import kithtest
import splitrar
from kithtest import KITH, KITH_BUILD, run

LEDGER = {"count": 1, "marked": 2, "skipped": 3, "failed": 4}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Images(kithtest.Case):
    def image(self, name, *inputs, options=(), expect=0):
        path = self.path(name)
        run(KITH_BUILD, "image", "-q", "-o", path, *options, *inputs, expect=expect)
        return path

    def write(self, path, data):
        path = self.path(path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def deb(self, package, version, files, maintainer="Some One <someone@debian.org>"):
        """A package made by dpkg-deb; returns its path."""
        tree = self.path("tree-%s-%s" % (package, version))
        os.makedirs(os.path.join(tree, "DEBIAN"))
        with open(os.path.join(tree, "DEBIAN", "control"), "w", encoding="utf-8") as f:
            f.write("Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: %s\n"
                    "Homepage: https://%s.example/\nDescription: a test\n" %
                    (package, version, maintainer, package))
        for name, data in files.items():
            path = os.path.join(tree, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(data)
        out = self.path("%s_%s_all.deb" % (package, version))
        run("dpkg-deb", "--root-owner-group", "-b", tree, out)
        return out

    def one(self, set_path, digest):
        return self.lookup(set_path, [digest])[0]

    def why(self, set_path, digest):
        return run(KITH, "why", "-d", set_path, digest).decode().splitlines()

    def ledger(self, set_path):
        rows = {}
        for line in run(KITH, "dump", set_path).decode().splitlines():
            words = line.split(" ")
            if words[0] == "ledger":
                reason = words[4].replace("\\x20", " ")
                rows[reason] = (int(words[2]), int(words[3]))
        return rows

    def test_a_package_is_a_product(self):
        data = b"#!/bin/sh\necho test_a_package\n"
        deb = self.deb("frobnicate", "1.2-3", {"usr/bin/frobnicate": data,
                                               "usr/share/doc/frobnicate/changelog.gz":
                                               gzip.compress(b"changes\n" * 50)})
        made = self.image("package.kith", deb)
        answer = self.one(made, sha256(data))
        self.assertEqual(answer["verdict"], "known")
        known = answer["known_distributors"]
        self.assertEqual(known["filenames"], ["frobnicate"])
        self.assertEqual(known["products"], ["frobnicate"])
        self.assertEqual(known["distributors"], ["Debian"])
        self.assertEqual(known["data_sources"], ["HashDB"])
        self.assertEqual(answer["occurrences"][0]["version"], "1.2-3")
        self.assertEqual(answer["occurrences"][0]["evidence"], "hashed")
        self.assertIn("data.tar.xz > /usr/bin/frobnicate", self.why(made, sha256(data))[0])
        # Both views of a compressed file, and the package itself.
        self.assertEqual(self.one(made, sha256(b"changes\n" * 50))["verdict"], "known")
        with open(deb, "rb") as f:
            itself = self.one(made, sha256(f.read()))
        self.assertEqual(itself["known_distributors"]["products"], ["frobnicate"])
        # All three digests and the size are of the bytes.
        self.assertEqual((answer["sha1"], answer["md5"], answer["size"]),
                         (hashlib.sha1(data).hexdigest(), hashlib.md5(data).hexdigest(), len(data)))

    def test_the_text_of_an_answer_has_package_version_and_distributor(self):
        data = b"the same program in two versions\n"
        made = self.image("versions.kith", *(self.deb("versioned", version, {"usr/bin/v": data})
                                             for version in ("9.1-1", "9.4-2+b1")))
        text = run(KITH, "lookup", "-d", made, "-f", "-", stdin=sha256(data).encode() + b"\n").decode()
        self.assertIn("\n  products      versioned 9.1-1\n                versioned 9.4-2+b1\n"
                      "  distributors  Debian\n", text)
        # The lists for programs have the product alone, and once.
        answer = self.one(made, sha256(data))
        self.assertEqual(answer["known_distributors"]["products"], ["versioned"])
        self.assertEqual([o["version"] for o in answer["occurrences"]], ["9.1-1", "9.4-2+b1"])
        vt = json.loads(run(KITH, "lookup", "-d", made, "--format", "vt", sha256(data)))
        self.assertEqual(vt["data"]["attributes"]["known_distributors"]["products"], ["versioned"])
        row = run(KITH, "lookup", "-d", made, "--format", "csv", sha256(data)).decode().splitlines()
        self.assertEqual(row[1].split(",")[8], '"versioned"')
        limited = run(KITH, "lookup", "-d", made, "--limit", "1", sha256(data)).decode()
        self.assertIn("  products      versioned 9.1-1\n                ... and 1 more", limited)

    def test_a_package_in_an_image_has_both(self):
        data = b"inner program of both\n"
        deb = self.deb("both", "2.0", {"usr/bin/both": data})
        path = self.path("disc.tar")
        with tarfile.open(path, "w") as archive:
            archive.add(deb, "pool/main/b/both_2.0_all.deb")
        made = self.image("both.kith", path,
                          options=("--product", "Some OS", "--product-version", "7",
                                   "--distributor", "Some Company"))
        known = self.one(made, sha256(data))["known_distributors"]
        self.assertEqual(known["products"], ["Some OS", "both"])
        self.assertEqual(known["distributors"], ["Debian", "Some Company"])
        chains = self.why(made, sha256(data))
        self.assertEqual(len(chains), 2)
        self.assertTrue(any("disc.tar > pool/main/b/both_2.0_all.deb > data.tar.xz > /usr/bin/both"
                            in chain for chain in chains), chains)

    def test_workers_and_order_do_not_show(self):
        inputs = [self.deb("same%d" % i, "1", {"usr/bin/x%d" % i: b"%d" % i * 1000,
                                               "usr/share/same": b"the same in each\n"})
                  for i in range(5)]
        nested = self.path("nested.zip")
        with zipfile.ZipFile(nested, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in inputs:
                archive.write(path, os.path.basename(path))
                archive.write(path, "again/" + os.path.basename(path))
        sets = [self.image("order%d.kith" % i, *order, options=options) for i, (order, options) in
                enumerate(((inputs + [nested], ()), ([nested] + inputs[::-1], ("--threads", "1")),
                           (inputs + [nested], ("--threads", "4", "--memory", "16M"))))]
        for other in sets[1:]:
            self.assertTrue(filecmp.cmp(sets[0], other, shallow=False))
        run(KITH, "verify", sets[0])

    def test_copies_of_one_container_are_all_found(self):
        data = b"in a zip that lies twice in a tar\n"
        inner = self.path("inner.zip")
        with zipfile.ZipFile(inner, "w") as archive:
            archive.writestr("dir/file.txt", data)
        path = self.path("copies.tar")
        with tarfile.open(path, "w") as archive:
            archive.add(inner, "a/first.zip")
            archive.add(inner, "b/second.zip")
        chains = self.why(self.image("copies.kith", path), sha256(data))
        self.assertEqual(len(chains), 2, chains)
        self.assertTrue(any("a/first.zip > dir/file.txt" in chain for chain in chains))
        self.assertTrue(any("b/second.zip > dir/file.txt" in chain for chain in chains))

    def test_a_set_grows(self):
        first = self.deb("grow1", "1", {"usr/bin/grow1": b"grow one\n"})
        second = self.deb("grow2", "1", {"usr/bin/grow2": b"grow two\n"})
        pool = self.path("pool")
        os.mkdir(pool)
        shutil.copy(first, pool)
        old = self.image("old.kith", pool)
        shutil.copy(second, pool)
        new = self.image("new.kith", pool, options=("--into", old))
        whole = self.image("whole.kith", pool)
        for data in (b"grow one\n", b"grow two\n"):
            answer = self.one(new, sha256(data))
            self.assertEqual(answer["verdict"], "known")
            self.assertEqual(answer, self.one(whole, sha256(data)))
        # Only the second was opened the second time.
        opened = "containers opened: deb"
        self.assertEqual(self.ledger(old)[opened][1], 1)
        self.assertEqual(self.ledger(new)[opened][1], 2)
        # A file as an input is skipped whole.
        again = run(KITH_BUILD, "image", "-o", self.path("again.kith"), "--into", new, first)
        self.assertEqual(again, b"")
        self.assertEqual(self.ledger(self.path("again.kith"))[opened][1], 2)
        with open(first, "rb") as f:
            self.assertIn("input sha256:" + sha256(f.read()), self.ledger(new))

    def folder_of(self, name, *files):
        folder = self.path(name)
        os.mkdir(folder)
        for path in files:
            shutil.copy(path, folder)
        return folder

    def stop_after_the_walk(self, name, *words):
        """A run that leaves its journals; returns the folder they are in."""
        result = subprocess.run([KITH_BUILD, "image", "-q", "-o", self.path(name), *words],
                                env=dict(os.environ, SOURCE_DATE_EPOCH="no number"),
                                stderr=subprocess.PIPE, check=False)
        self.assertEqual(result.returncode, 2, result.stderr)
        return self.path(name) + ".walks"

    def test_a_run_does_not_go_on_with_what_another_old_set_had(self):
        data = b"skipped for one set only\n"
        deb = self.deb("skipped", "1", {"usr/bin/skipped": data})
        pool = self.folder_of("skipped-pool", deb)
        old = self.image("replaced.kith", pool)
        walks = self.stop_after_the_walk("into.kith", "--into", old, pool)
        self.assertEqual(len(os.listdir(walks)), 1)
        self.image("replaced.kith", self.write("unrelated", b"unrelated\n"))
        made = self.image("into.kith", pool, options=("--into", old))
        self.assertEqual(self.one(made, sha256(data))["verdict"], "known")

    def test_walks_that_others_could_write_are_not_believed(self):
        plain = self.write("believed.txt", b"believed\n")
        walks = self.stop_after_the_walk("believed.kith", plain)
        os.chmod(walks, 0o770)
        self.image("believed.kith", plain, expect=2)
        os.chmod(walks, 0o700)
        os.rename(walks, walks + ".real")
        os.symlink(walks + ".real", walks)
        self.image("believed.kith", plain, expect=2)
        self.assertEqual(len(os.listdir(walks)), 1)
        os.remove(walks)
        os.rename(walks + ".real", walks)
        self.image("believed.kith", plain)

    def test_what_a_program_was_missing_for_is_opened_the_next_time(self):
        wim = self.write("lacking.wim", b"MSWIM\0\0\0\xd0\0\0\0\0\x0d\x01\0" + bytes(400))
        outer = self.path("lacking.tar")
        with tarfile.open(outer, "w") as archive:
            archive.add(wim, "lacking.wim")
        folder = self.folder_of("lacking", outer)
        workers = os.path.join(os.path.dirname(KITH_BUILD), "..", "libexec", "kith")
        workers = os.environ.get("KITH_LIBEXEC", workers)
        some = self.path("some-workers")
        os.mkdir(some)
        shutil.copy(os.path.join(workers, "kith-worker"), some)
        for i, given in enumerate((wim, outer, folder)):
            old = self.path("lacking%d.kith" % i)
            subprocess.run([KITH_BUILD, "image", "-q", "-o", old, given], check=True,
                           env=dict(os.environ, KITH_LIBEXEC=some))
            self.assertIn("wim: needs the program kith-worker-wim", self.ledger(old))
            new = self.image("lacked%d.kith" % i, given, options=("--into", old))
            self.assertIn("containers opened: wim", self.ledger(new))

    def test_a_set_in_the_folder_that_it_is_made_from_is_no_input(self):
        data, inner = b"beside the set\n", b"in a folder beside the set\n"
        folder = self.path("with-its-set")
        self.write("with-its-set/data.txt", data)
        self.write("with-its-set/sub/inner.txt", inner)
        self.write("with-its-set/sub/out.kith", b"no set, and of another folder\n")
        self.write("with-its-set/scratch/kept.txt", b"not ours\n")
        self.write("with-its-set/out.kith.tmp-stale1", b"left by a build that was killed\n")
        os.mkdir(folder + "/out.kith.walks", 0o700)
        self.write("with-its-set/out.kith.walks/" + "0" * 64 + ".walk", b"of a former run\n")
        made = []
        for options in ((), (), ("--scratch", folder + "/scratch")):
            self.write("with-its-set/%skith.tmp-stale1" % ("scratch/" if options else ""),
                       b"left by it too\n")
            result = subprocess.run([KITH_BUILD, "image", "-o", folder + "/out.kith", *options,
                                     folder], check=True, stderr=subprocess.PIPE)
            self.assertIn(b"is left out of '", result.stderr)
            with open(folder + "/out.kith", "rb") as f:
                made.append(f.read())
        self.assertTrue(made[0] == made[1] == made[2])
        self.assertEqual(self.why(folder + "/out.kith", sha256(data)),
                         ["HashDB > with-its-set/data.txt"])
        names = [line.split(" ")[2] for line in
                 run(KITH, "dump", folder + "/out.kith").decode().splitlines()
                 if line.startswith("name ")]
        self.assertEqual(sorted(names), ["data.txt", "inner.txt", "kept.txt", "out.kith"])
        # As an input of its own it makes no sense.
        self.image("with-its-set/out.kith", folder + "/out.kith", expect=2)

    def test_a_run_goes_on_where_the_set_lies_in_the_input(self):
        self.write("goes-on/data.txt", b"goes on\n")
        words = (self.path("goes-on"),)
        self.stop_after_the_walk("goes-on/out.kith", *words)
        result = subprocess.run([KITH_BUILD, "image", "-o", self.path("goes-on/out.kith"), *words],
                                check=True, stderr=subprocess.PIPE)
        self.assertIn(b"going on: 1 of 1", result.stderr)

    def test_builds_with_one_scratch_folder_do_not_meet(self):
        scratch = self.path("one-scratch")
        os.mkdir(scratch)
        names = []
        for folder in "first", "second":
            plain = self.write(folder + "-input/same.txt", folder.encode())
            os.mkdir(self.path(folder))
            self.stop_after_the_walk(folder + "/same.kith", "--scratch", scratch, plain)
            names.append(set(os.listdir(scratch)))
        self.assertEqual([len(found) for found in names], [1, 2])
        plain = self.path("first-input/same.txt")
        self.image("first/same.kith", plain, options=("--scratch", scratch))
        self.assertEqual(set(os.listdir(scratch)), names[1] - names[0])

    def test_of_one_set_there_is_one_build_at_a_time(self):
        plain = self.write("locked.txt", b"locked\n")
        walks = self.stop_after_the_walk("locked.kith", plain)
        lock = os.open(walks, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = subprocess.run([KITH_BUILD, "image", "-o", self.path("locked.kith"), plain],
                                check=False, stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, 2)
        self.assertIn(b"another build of '", result.stderr)
        self.assertEqual(len(os.listdir(walks)), 1)
        os.close(lock)
        self.image("locked.kith", plain)
        self.assertFalse(os.path.exists(walks))

    def test_what_a_worker_did_not_end_by_itself_is_opened_the_next_time(self):
        zeros = self.write("zeros.gz", gzip.compress(bytes(1 << 26), 1) * 100)
        damaged = self.write("damaged.gz", gzip.compress(b"damaged\n" * 9000)[:-9])
        folder = self.folder_of("zeros", zeros, damaged)
        options = ("--max-cpu", "1")
        for i, given in enumerate(((zeros, damaged), (folder,))):
            old = self.image("late%d.kith" % i, *given, options=options)
            self.assertEqual(self.ledger(old)["worker ran out of time"][1], 1)
            self.assertEqual(self.ledger(old)["containers opened: gzip"][1], 2)
            new = self.image("later%d.kith" % i, *given, options=("--into", old) + options)
            self.assertEqual(self.ledger(new)["worker ran out of time"][1], 2)
            self.assertEqual(self.ledger(new)["containers opened: gzip"][1], 3)

    def test_what_a_part_was_missing_for_is_opened_the_next_time(self):
        text, parts = b"a text of two parts\n" * 6, [base64.b64decode(part) for part in (
            b"UmFyIRoHAQBTKjRFAwEAAc5i8ywYAhJGBHikgwKzx6bFAAEJc3BsaXQudHh0YSB0ZXh0IG9mIHR3byBw"
            b"YXJ0cwphIHRleHQgb2YgdHdvIHBhcnRzCmEgdGV4dCBvZiB0d28gcGFydHMKYSB0ZXh0IG9mII+CPUID"
            b"BQAB",
            b"UmFyIRoHAQDtVTTXBAEAAwGEV/lJGAIKMgR4pIMC34qlMAABCXNwbGl0LnR4dHR3byBwYXJ0cwphIHRl"
            b"eHQgb2YgdHdvIHBhcnRzCmEgdGV4dCBvZiB0d28gcGFydHMKGbI6NQMFAAA=")]
        folder = self.path("split")
        self.write("split/x.part1.rar", parts[0])
        old = self.image("one-part.kith", folder)
        self.assertIn("the next part of a split archive is missing", self.ledger(old))
        self.write("split/x.part2.rar", parts[1])
        new = self.image("both-parts.kith", folder, options=("--into", old))
        self.assertEqual(self.why(new, sha256(text)), ["HashDB > split/x.part1.rar > split.txt"])

    def test_a_large_input_is_walked_while_it_is_hashed(self):
        inner, small = bytes(range(256)) * (17 << 12), self.write("small", b"a small file\n")
        path = self.path("large.tar")
        with tarfile.open(path, "w") as archive:
            archive.add(self.write("inner", inner), "some/inner")
        with open(path, "rb") as f:
            itself = sha256(f.read())
        early = self.image("early.kith", path)
        # Where a set is known already, its digest decides first.
        first = self.image("first.kith", small)
        late = self.image("late.kith", path, options=("--into", first))
        for made in early, late:
            for digest in sha256(inner), itself:
                answer = self.one(made, digest)
                self.assertEqual(answer["verdict"], "known")
            self.assertIn("large.tar > some/inner", self.why(made, sha256(inner))[0])
            self.assertEqual(self.ledger(made)["containers opened: tar"][1], 1)
        again = self.image("again.kith", path, options=("--into", early))
        self.assertEqual(self.ledger(again)["containers opened: tar"][1], 1)

    def test_a_run_that_was_killed_goes_on(self):
        small = self.deb("small", "1", {"usr/bin/small": b"small\n"})
        big = self.path("big.tar.gz")
        with tarfile.open(big, "w:gz", compresslevel=1) as archive:
            chunk = self.path("chunk")
            for i in range(12):
                with open(chunk, "wb") as f:
                    f.write(self.random.randbytes(4 << 20))
                archive.add(chunk, "chunk%d" % i)
        out = self.path("resumed.kith")
        walks = out + ".walks"
        process = subprocess.Popen([KITH_BUILD, "image", "-q", "-o", out, "--threads", "1", small,
                                    big])
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            if os.path.isdir(walks) and any(n.endswith(".walk") for n in os.listdir(walks)):
                break
            time.sleep(0.002)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertFalse(os.path.exists(out) and process.returncode != 0)
        result = subprocess.run([KITH_BUILD, "image", "-o", out, small, big], check=True,
                                stderr=subprocess.PIPE)
        if process.returncode != 0:
            self.assertIn(b"going on", result.stderr)
        self.assertFalse(os.path.exists(walks))
        fresh = self.image("fresh.kith", small, big)
        self.assertTrue(filecmp.cmp(out, fresh, shallow=False))

    def test_a_terminal_interrupts_all_of_a_build(self):
        """Ctrl-C reaches the workers too: what they had not come to must not pass for read."""
        whole = self.path("whole.tar.xz")
        with tarfile.open(whole, "w:xz", preset=0) as archive:
            for i in range(300):
                archive.add(self.write("member", self.random.randbytes(100000)), "member%d" % i)
        fresh = self.image("undisturbed.kith", whole)
        out = self.path("stopped.kith")
        for seconds in (0.1, 0.3, 0.6):
            process = subprocess.Popen([KITH_BUILD, "image", "-q", "-o", out, whole],
                                       start_new_session=True, stderr=subprocess.DEVNULL)
            time.sleep(seconds)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            if process.wait() != 0:
                self.assertFalse(os.path.exists(out))
        self.image("stopped.kith", whole)
        self.assertTrue(filecmp.cmp(out, fresh, shallow=False))

    def test_a_worker_program_is_not_interrupted_before_it_begins(self):
        """A signal may come before it can say that it ignores it; the input ends after that."""
        workers, seen = self.path("slow-workers"), self.path("blocked")
        os.mkdir(workers)
        real = os.path.join(os.path.dirname(KITH_BUILD), "..", "libexec", "kith")
        real = os.path.abspath(os.environ.get("KITH_LIBEXEC", real))
        script = self.write("slow-workers/kith-worker", (
            "#!%s\nimport os, signal, sys\nwith open(%r, 'w') as f:\n"
            "    print(*map(int, signal.pthread_sigmask(0, ())), file=f)\n"
            "for process in os.getpid(), os.getppid():\n    os.kill(process, signal.SIGTERM)\n"
            "os.execv(%r, sys.argv)\n" %
            (sys.executable, seen, os.path.join(real, "kith-worker"))).encode())
        os.chmod(script, 0o755)
        plain = self.write("interrupted.txt", b"interrupted\n")
        out = self.path("interrupted.kith")
        result = subprocess.run([KITH_BUILD, "image", "-o", out, plain], check=False,
                                env=dict(os.environ, KITH_LIBEXEC=workers), stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, -signal.SIGTERM)
        self.assertIn(b"stopped; the set", result.stderr)
        with open(seen, encoding="ascii") as f:
            self.assertEqual({int(n) for n in f.read().split()},
                             {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT})
        # What ends after the order to stop is no finished input.
        self.assertFalse(os.path.exists(out + ".walks"))

    def test_what_is_as_large_as_its_input_is_opened(self):
        hidden = b"hidden in a container as large as the one that it lies in\n"
        inner = self.path("inner.zip")
        with zipfile.ZipFile(inner, "w") as archive:
            archive.writestr("hidden.exe", hidden)
            archive.writestr("padding", b"\0" * (17 << 20))
        size = os.path.getsize(inner)
        outer = self.path("outer.zip")
        with zipfile.ZipFile(outer, "w") as archive:
            archive.write(inner, "inner.zip", zipfile.ZIP_DEFLATED)
        rest = size - os.path.getsize(outer)
        with zipfile.ZipFile(outer, "a") as archive:
            archive.comment = b"."
            overhead = 2 * len("padding") + 30 + 46 + 1
            archive.writestr("padding", self.random.randbytes(rest - overhead))
        self.assertEqual(os.path.getsize(outer), size)
        made = self.image("outer.kith", outer)
        self.assertEqual(self.why(made, sha256(hidden)),
                         ["HashDB > outer.zip > inner.zip > hidden.exe"])

    def test_a_folder_of_journals_that_others_can_write_to_is_refused(self):
        out = self.path("journals.kith")
        os.mkdir(out + ".walks")
        os.chmod(out + ".walks", 0o777)
        run(KITH_BUILD, "image", "-q", "-o", out, self.write("x", b"x"), expect=2)
        os.rmdir(out + ".walks")
        self.image("journals.kith", self.write("x", b"x"))

    def test_what_is_not_covered_is_told(self):
        deb = self.deb("cut", "1", {"usr/bin/cut": self.random.randbytes(100000)})
        with open(deb, "rb") as f:
            data = f.read()
        cut = self.write("cut_1_all.deb", data[:len(data) // 2])
        made = self.image("cut.kith", cut)
        rows = self.ledger(made)
        self.assertTrue(any(class_ == LEDGER["failed"] for class_, _ in rows.values()), rows)
        self.image("cut.kith", cut, options=("--strict",), expect=2)
        run(KITH, "verify", made)

    def test_sets_of_images_merge(self):
        paths = [self.image("m%d.kith" % i,
                            self.deb("merge%d" % i, "1", {"usr/bin/m": b"merge %d\n" % i}))
                 for i in range(2)]
        merged = self.path("merged.kith")
        run(KITH_BUILD, "merge", "-q", "-o", merged, *paths)
        for i in range(2):
            answer = self.one(merged, sha256(b"merge %d\n" % i))
            self.assertEqual(answer["known_distributors"]["products"], ["merge%d" % i])
        self.assertEqual(self.ledger(merged)["containers opened: deb"][1], 2)

    def test_inputs_that_cannot_be_read(self):
        for path in ("/nonexistent/x", "/dev/null"):
            run(KITH_BUILD, "image", "-q", "-o", self.path("no.kith"), path, expect=2)
        self.assertFalse(os.path.exists(self.path("no.kith")))
        self.assertFalse(os.path.exists(self.path("no.kith.walks")))

    def test_a_plain_file_is_told_of_once(self):
        data = b"a file that is no container\n"
        made = self.image("plain.kith", self.write("plain.txt", data))
        self.assertEqual(self.why(made, sha256(data)), ["HashDB > plain.txt"])

    def test_an_input_has_the_name_of_its_file_not_of_a_link(self):
        data = b"in an input with two names\n"
        link = self.path("link")
        os.symlink(self.folder_of("resolved", self.write("linked.txt", data)), link)
        self.assertEqual(self.why(self.image("link.kith", link), sha256(data)),
                         ["HashDB > resolved/linked.txt"])

    def test_strict_is_content_with_a_split_archive_that_is_whole(self):
        files = [("first.txt", b"a file in parts\n" * 20), ("last.txt", b"another one\n" * 20)]
        parts = [self.write("split/x.part%d.rar" % (i + 1), data)
                 for i, data in enumerate(splitrar.split5(files, 200))]
        folder = self.path("split")
        for inputs in ([folder], parts, parts[:1]):
            made = self.image("split.kith", *inputs, options=("--strict",))
            for _, data in files:
                self.assertEqual(self.one(made, sha256(data))["verdict"], "known")
        # What was passed over, and is read with nothing, is not covered.
        self.image("later.kith", *parts[1:], options=("--strict",), expect=2)
        os.remove(parts[1])
        made = self.image("gap.kith", folder, options=("--strict",), expect=2)
        self.assertEqual(self.ledger(made)["the next part of a split archive is missing"],
                         (LEDGER["failed"], 1))

    def test_an_output_that_cannot_be_written_is_told_before_the_walk(self):
        os.mkdir(self.path("a-folder"))
        plain = self.write("unwritten.txt", b"unwritten\n")
        for out in "a-folder", "no-folder/x.kith":
            self.image(out, plain, options=("--scratch", self.folder), expect=2)
        self.assertEqual([n for n in os.listdir(self.folder) if n.endswith(".walks")], [])

    def test_a_file_is_not_of_the_product_of_another_of_its_name(self):
        deb, text = self.deb("replaced", "1", {"usr/bin/r": b"replaced\n"}), b"not a package\n"
        path = self.path("replaced.tar")
        with tarfile.open(path, "w") as archive:
            archive.add(deb, "p.deb")
            archive.add(self.write("p.txt", text), "p.deb")
        made = self.image("of-its-name.kith", path)
        self.assertEqual(self.why(made, sha256(text)), ["HashDB > replaced.tar > p.deb"])
        with open(deb, "rb") as f:
            self.assertEqual(len(self.why(made, sha256(f.read()))), 2)

    def test_a_file_is_not_of_the_product_of_what_is_no_file(self):
        text = b"a file with the name that is given to what follows an archive\n"
        self.write("inner-name/member 2", text)
        archive = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], input=b"member 2\n",
                                 cwd=self.path("inner-name"), check=True, stdout=subprocess.PIPE)
        with open(self.deb("behind", "1", {"usr/bin/behind": b"behind\n"}), "rb") as f:
            path = self.write("behind.cpio", archive.stdout + f.read())
        made = self.image("behind.kith", path)
        self.assertEqual(len(self.why(made, sha256(b"behind\n"))), 2)
        self.assertEqual(self.why(made, sha256(text)), ["HashDB > behind.cpio > member 2"])

    def test_what_is_there_of_a_package_that_is_cut_off_is_kept(self):
        first, last = b"early file\n", self.random.randbytes(200000)
        deb = self.deb("early", "1", {"a/first": first, "z/last": last})
        with open(deb, "rb") as f:
            data = f.read()
        made = self.image("early.kith", self.write("early_cut.deb", data[:-1000]))
        self.assertEqual(self.one(made, sha256(first))["known_distributors"]["products"],
                         ["early"])
        self.assertEqual(self.one(made, sha256(last))["verdict"], "unknown")

    def test_a_product_in_a_folder_of_another_stands_by_itself(self):
        data = b"program of a nested package\n"
        deb = self.deb("nested", "3", {"usr/bin/nested": data})
        path = self.path("outer.tar")
        with tarfile.open(path, "w") as archive:
            archive.add(deb, "pool/n/nested.deb")
        self.assertIn("HashDB > nested 3 > nested.deb > data.tar.xz > /usr/bin/nested",
                      self.why(self.image("outer.kith", path), sha256(data)))


if __name__ == "__main__":
    unittest.main()
