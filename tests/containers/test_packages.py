#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packages as Debian distributes them, downloaded by apt: the walk finds in each what dpkg-deb
unpacks, and in the images that some of them hold what containers in containers are. Skipped,
loudly, where apt cannot download.

KITH_PACKAGES: a folder with packages that are there already."""

import collections
import glob
import os
import shutil
import subprocess
import tempfile
import unittest

from walkprint import sha256sum, walk

# Package: formats that must have been opened below it, and how many files at least.
PACKAGES = {
    "bash": ({"gzip"}, 60),
    "coreutils": ({"gzip"}, 200),
    "grub-rescue-pc": ({"iso9660"}, 300),
    "memtest86+": ({"iso9660", "fat"}, 20),
    "netbase": (set(), 5),
}


def download(name, folder):
    """The package's path, or None."""
    known = glob.glob(os.path.join(os.environ.get("KITH_PACKAGES", "/nowhere"),
                                   glob.escape(name) + "_*.deb"))
    if known:
        return known[0]
    subprocess.run(["apt-get", "download", name], cwd=folder, check=False,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = glob.glob(os.path.join(folder, glob.escape(name) + "_*.deb"))
    return found[0] if found else None


class Packages(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="kith-packages-")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def check(self, name, path):
        formats, at_least = PACKAGES[name]
        tree = os.path.join(self.folder, "tree")
        subprocess.run(["dpkg-deb", "-x", path, tree], check=True)
        want = collections.Counter((digest, at) for at, digest in sha256sum(tree).items())
        shutil.rmtree(tree)
        report = walk(path)
        deb = os.path.basename(path)
        self.assertEqual(report.nodes.get(deb), "deb")
        self.assertEqual(report.crashes(), [])
        self.assertEqual([n for n in report.notes if "digest" in n.reason], [])
        self.assertTrue(any(want == have for chain, have in report.holders().items()
                            if chain.startswith(deb + ">data.tar")))
        missing = formats - set(report.nodes.values())
        if "fat" in missing and not os.path.exists("/usr/lib/p7zip/7z.so"):
            print("SKIPPED: FAT in %s: p7zip-full is not installed" % name)
            missing.discard("fat")
        self.assertEqual(missing, set())
        self.assertGreaterEqual(len(report.files), at_least)
        facts = {kind: text for chain, kind, _, text in report.facts if chain == deb}
        version = subprocess.run(["dpkg-deb", "-f", path, "Version"], check=True,
                                 stdout=subprocess.PIPE).stdout.decode().strip()
        self.assertEqual((facts["0"], facts["1"]), (name, version))

    def test_packages(self):
        if shutil.which("dpkg-deb") is None:
            print("SKIPPED: no dpkg-deb")
            return
        for name in PACKAGES:
            path = download(name, self.folder)
            if path is None:
                print("SKIPPED: apt-get download %s failed: nothing of it was checked" % name)
                continue
            with self.subTest(package=name):
                self.check(name, path)


if __name__ == "__main__":
    unittest.main()
