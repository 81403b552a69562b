# SPDX-License-Identifier: Apache-2.0
"""Runs mkrds, kith-build and kith for the tests. Their paths come from the environment: MKRDS,
KITH_BUILD, KITH. Everything is made in a temporary folder that goes away at the end."""

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

import rds

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SEED = int(os.environ.get("KITH_TEST_SEED", "20260301"))


def program(name):
    path = os.environ.get(name)
    if not path or not os.access(path, os.X_OK):
        sys.exit("%s does not name a program" % name)
    return path


KITH, KITH_BUILD, MKRDS = program("KITH"), program("KITH_BUILD"), program("MKRDS")


def run(*command, expect=0, stdin=None):
    """The program's standard output; its exit status must be the expected one (or one of them)."""
    result = subprocess.run([str(word) for word in command], input=stdin, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, check=False)
    expected = expect if isinstance(expect, tuple) else (expect,)
    if result.returncode not in expected:
        raise AssertionError("exit %d, expected %s: %s\n%s" % (
            result.returncode, expected, " ".join(str(word) for word in command),
            result.stderr.decode("utf-8", "replace")[-2000:]))
    return result.stdout


class Case(unittest.TestCase):
    """A test with a folder, and with what all tests here compare."""

    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="kith-property-")
        cls.random = random.Random(SEED)
        print("seed %d (KITH_TEST_SEED)" % SEED)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    @classmethod
    def release(cls, name, kind, *options):
        """Makes a release; returns its path and what it says."""
        path = cls.path(name)
        run(MKRDS, "--kind", kind, *options, "-o", path)
        return path, rds.read_v2(path) if kind == "v2" else rds.read_v3(path)

    def build(self, name, *inputs, options=()):
        path = self.path(name)
        run(KITH_BUILD, "nsrl", "-o", path, *options, *inputs)
        return path

    def lookup(self, set_path, queries, *options, expect=(0, 1)):
        """Answers of `kith lookup --format jsonl`, one for each query, in order."""
        text = run(KITH, "lookup", "-d", set_path, "--format", "jsonl", *options, "-f", "-",
                   expect=expect, stdin=("\n".join(queries) + "\n").encode())
        answers = [json.loads(line) for line in text.splitlines()]
        self.assertEqual(len(answers), len(queries))
        for query, answer in zip(queries, answers):
            self.assertEqual(answer["query"].lower(), query.lower())
        return answers

    def some(self, values, most):
        return values if len(values) <= most else self.random.sample(values, most)

    def missing(self, oracle, kind, n):
        """Random digests that no row has, and neighbours of such that rows do have."""
        out = []
        present = oracle.digests(kind)
        while len(out) < n:
            if present and self.random.random() < 0.5:
                value = list(self.random.choice(present))
                at = self.random.randrange(len(value))
                value[at] = self.random.choice("0123456789abcdef")
                value = "".join(value)
            else:
                value = "%0*x" % (rds.HEX[kind], self.random.getrandbits(4 * rds.HEX[kind]))
            if not oracle.contents(kind, value):
                out.append(value)
        return out

    def check_known(self, query, known, expected):
        """The lists of an answer are exactly the names, products and distributors of the release."""
        for key, texts in (("filenames", expected.names), ("products", expected.products),
                           ("distributors", expected.distributors)):
            # Output may trim; names of files are never touched, but for what is no UTF-8.
            got = known.get(key, [])
            self.assertEqual(len(got), len(set(got)), "%s: %s has duplicates" % (query, key))
            want = {text.decode("utf-8", "replace") for text in texts if text}
            if key != "filenames":
                got = [text.strip() for text in got]
            self.assertEqual(set(got), want, "%s: %s" % (query, key))

    def check_answers(self, set_path, oracle, most=1500, skip=frozenset(), *options):
        """Thousands of random hashes of all kinds, found and missing, in one list. Returns how many,
        and how many of them were ambiguous. Answers about contents in `skip` are not compared."""
        asked = []
        for kind in rds.HEX:
            asked += [(kind, value) for value in self.some(oracle.digests(kind), most)]
            if oracle.digests(kind):
                asked += [(kind, value) for value in self.missing(oracle, kind, 300)]
            # What is rare is always asked.
            asked += [(kind, value) for value in oracle.digests(kind)
                      if len(oracle.contents(kind, value)) > 1]
        self.random.shuffle(asked)
        queries = [value.upper() if self.random.random() < 0.3 else value for _, value in asked]
        ambiguous = 0
        for (kind, value), answer in zip(asked, self.lookup(set_path, queries, *options)):
            contents = oracle.contents(kind, value)
            if contents & skip:
                continue
            if not contents:
                self.assertEqual(answer["verdict"], "unknown", value)
                continue
            if len(contents) > 1:
                ambiguous += 1
                self.assertIs(answer["ambiguous"], True, value)
                files = answer["files"]
                self.assertIn(answer["verdict"], ("known", "trivial"))
            else:
                self.assertNotIn("ambiguous", answer)
                files = [answer]
                trivial = oracle.answer(min(contents)).trivial
                self.assertEqual(answer["verdict"], "trivial" if trivial else "known", value)
            found = {file.get("sha256") or file["sha1"]: file for file in files}
            self.assertEqual(set(found), contents, value)
            self.assertEqual(len(found), len(files), value)
            for content, file in found.items():
                self.check_known(value, file["known_distributors"], oracle.answer(content))
        return len(asked), ambiguous


def dump_id(set_path):
    """The set id by its definition: SHA-256 of the dump."""
    return hashlib.sha256(run(KITH, "dump", set_path)).hexdigest()
