#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What was made to do harm (hostile.py): the walk ends within its limits and with exit 0, no worker
crashes, no file appears anywhere, and the ledger says what was not covered."""

import gzip
import os
import re
import shutil
import tempfile
import time
import unittest

import hostile
from walkprint import walk

SECONDS = 300  # for one of them; most take a fraction of one


class Hostile(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="kith-hostile-")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def test_each(self):
        inputs, scratch = self.folder + "/inputs", self.folder + "/scratch"
        os.mkdir(inputs)
        os.mkdir(scratch)
        for name, says in hostile.make(inputs).items():
            with self.subTest(name=name):
                start = time.monotonic()
                report = walk(os.path.join(inputs, name), options=("--scratch", scratch))
                self.assertLess(time.monotonic() - start, SECONDS)
                self.assertEqual(report.crashes(), [])
                notes = [n.reason for n in report.notes if n.level != "count"]
                if says is not None:
                    self.assertTrue([n for n in notes if re.search(says, n)],
                                    msg="%s: nothing of '%s' in %s" % (name, says, notes[:8]))
                self.assertEqual(os.listdir(scratch), [])
        self.assertFalse(os.path.exists("/tmp/kith-escaped"))
        self.assertFalse(os.path.exists("/etc/kith-escaped"))

    def test_rest_of_a_stream(self):
        """What a compressed stream holds beyond what is of use is not behind the stream."""
        path = self.folder + "/initrd.gz"
        archive = hostile.cpio_entry(b"a", b"abc") + hostile.cpio_entry(b"TRAILER!!!", b"")
        packed = gzip.compress(archive + bytes(512) + os.urandom(3 << 20))
        for more, told in ((b"", False), (b"garbage", True)):
            with open(path, "wb") as f:
                f.write(packed + more)
            report = walk(path)
            self.assertEqual(report.crashes(), [])
            self.assertEqual(any("data behind the compressed stream" in n.reason
                                 for n in report.notes), told)


if __name__ == "__main__":
    unittest.main()
