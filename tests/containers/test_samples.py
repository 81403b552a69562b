#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A sample of every format, made by data-samples/make.sh: what the walk finds in each must be the
tree that it was made from, by names and by the digests that sha256sum gives. Then each sample cut
off and damaged: the walk ends, nothing crashes, and what is lost is in the ledger.

A format whose tool is not there is skipped, loudly; so is a format that nothing can make."""

import collections
import gzip
import os
import random
import shutil
import subprocess
import tempfile
import unittest

from walkprint import TOP, digest, sha256sum, walk

SEED = int(os.environ.get("KITH_TEST_SEED", "20260301"))
VARIANTS = int(os.environ.get("KITH_TEST_VARIANTS", "2"))  # of each sample, cut and damaged each

# What formats.def calls the format of a sample, where its name does not say so.
FORMATS = {
    "tar": "tar", "cpio": "cpio", "initramfs": "cpio", "ar": "ar", "zip": "zip", "7z": "7z",
    "rar5": "rar", "xar": "xar", "iso": "iso9660", "udf": "udf", "fat": "fat", "wim": "wim",
    "cab": "cab", "windows10": "cab", "msix": "zip", "msi": "msi", "nsis": "pe-overlay",
    "sfx": "pe-overlay", "deb": "deb", "rpm": "rpm", "alpine": "gzip", "arch": "zstd",
    "squashfs": "squashfs", "appimage": "appimage", "oci": "tar", "docker": "tar",
    "bzimage": "bzimage", "zboot": "zboot", "uki": "uki", "folder": "folder",
}
COMPRESSED = {"gz": "gzip", "xz": "xz", "zst": "zstd", "bz2": "bzip2", "lz4": "lz4", "lz": "lzip",
              "lzma": "lzma", "Z": "compress"}


def format_of(sample):
    ending = sample.rsplit(".", 1)[-1]
    if sample == "wim-split":
        return "folder"
    if sample.startswith(("tar.tar.", "notes")):
        return COMPRESSED[ending]
    return FORMATS[sample.replace(".", "-").split("-")[0].lower()]


class Samples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="kith-containers-")
        cls.keep = os.environ.get("KITH_SAMPLES")  # made before: not made again
        top = cls.keep or cls.folder
        if not os.path.exists(os.path.join(top, "made")):
            subprocess.run(["sh", os.path.join(TOP, "data-samples/make.sh"), "--containers", top],
                           check=True, stdin=subprocess.DEVNULL)
        cls.samples = os.path.join(top, "samples")
        with open(os.path.join(top, "made"), encoding="utf-8") as f:
            cls.made = [line.rstrip("\n").split("\t") for line in f]
        with open(os.path.join(top, "missing"), encoding="utf-8") as f:
            for line in f:
                print("SKIPPED: " + line.rstrip())
        cls.trees = {name: collections.Counter(
            (sha256, path) for path, sha256 in sha256sum(os.path.join(top, name)).items())
            for name in ("tree", "plain", "flat")}
        cls.trees["notes"] = collections.Counter(
            {key: 1 for key in cls.trees["flat"] if key[1] == "notes.txt"})
        with open(os.path.join(top, "tree/docs/manual.txt.gz"), "rb") as f:
            cls.manual = digest(gzip.decompress(f.read()))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def check_sample(self, sample, tree, how):
        report = walk(os.path.join(self.samples, sample))
        if any("not there" in n.reason or "p7zip" in n.reason for n in report.bad_notes()):
            print("SKIPPED: %s: %s" % (sample, report.bad_notes()[0].reason))
            return
        if how == "!":  # cannot be read here, and that is said
            self.assertTrue(report.bad_notes())
            return
        self.assertEqual(report.bad_notes(), [])
        self.assertEqual(report.nodes.get(sample), format_of(sample))
        want = self.trees[tree]
        holders = report.holders()
        if how == "~":  # other names: the digests alone
            want = digests(want)
            found = [digests(have) for have in holders.values()]
        else:
            found = list(holders.values())
        if how == "=":
            fits = [chain for chain, have in zip(holders, found) if have == want]
        else:
            fits = [chain for chain, have in zip(holders, found) if not want - have]
        self.assertTrue(fits, msg="%s: nowhere is the tree\n%s" % (
            sample, nearest(want, found)))
        if tree in ("tree", "plain") and how != "~":  # and what is packed in the tree
            self.assertIn((fits[0] + ">", self.manual),
                          [(f.holder[:len(fits[0]) + 1], f.sha256) for f in report.files])

    def test_trees(self):
        for sample, tree, how in self.made:
            with self.subTest(sample=sample):
                self.check_sample(sample, tree, how)

    def test_damaged(self):
        numbers = random.Random(SEED)
        print("seed %d (KITH_TEST_SEED)" % SEED)
        for sample, _, _ in self.made:
            path = os.path.join(self.samples, sample)
            if not os.path.isfile(path) or os.path.getsize(path) > 4 << 20:
                continue
            with open(path, "rb") as f:
                whole = f.read()
            variants = {}
            for n in range(VARIANTS):
                variants["cut%d-%s" % (n, sample)] = whole[:numbers.randrange(len(whole))]
                variants["bad%d-%s" % (n, sample)] = damage(whole, numbers)
            with self.subTest(sample=sample):
                self.check_damaged(sample, whole, variants)

    def check_damaged(self, sample, whole, variants):
        folder = os.path.join(self.folder, "damaged")
        os.makedirs(folder)
        try:
            variants["whole-" + sample] = whole
            for name, data in variants.items():
                with open(os.path.join(folder, name), "wb") as f:
                    f.write(data)
            report = walk(*[os.path.join(folder, name) for name in variants])
            self.assertEqual(len(report.inputs), len(variants))
            self.assertEqual(report.crashes(), [])
            want = report.paths_of("whole-" + sample)
            for name in variants:
                found = report.paths_of(name)
                lost = want - found
                # Something is missing, not just called otherwise: then it is no container any
                # more, or the ledger says so.
                if len(found) < len(want) and report.nodes.get(name):
                    self.assertTrue([n for n in report.notes_of(name) if n.level != "count"],
                                    msg="%s: silent loss of %s" % (name, sorted(lost)[:5]))
        finally:
            if os.environ.get("KITH_KEEP"):
                shutil.copytree(folder, os.environ["KITH_KEEP"], dirs_exist_ok=True)
            shutil.rmtree(folder)


def damage(whole, numbers):
    data = bytearray(whole)
    for _ in range(numbers.randrange(1, 8)):
        # headers are at the front, and in some formats at the end
        area = numbers.choice((512, 4096, len(data)))
        at = numbers.randrange(min(area, len(data)))
        if numbers.randrange(4) == 0:
            at = len(data) - 1 - at
        data[at] = numbers.choice((0, 0xFF, 0x7F, 0x80, numbers.randrange(256)))
    return bytes(data)


def digests(counter):
    total = collections.Counter()
    for (sha256, _), n in counter.items():
        total[sha256] += n
    return total


def nearest(want, found):
    best = min(found, key=lambda have: sum((want - have).values()), default=collections.Counter())
    return "missing %s\nmore than the tree %s" % (
        sorted((want - best).keys())[:6], sorted((best - want).keys())[:6])


if __name__ == "__main__":
    unittest.main()
