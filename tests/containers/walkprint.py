# SPDX-License-Identifier: Apache-2.0
"""Runs walk_print (WALK_PRINT) and reads what it says."""

import collections
import hashlib
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WALK_PRINT = os.environ.get("WALK_PRINT", "")
if not os.access(WALK_PRINT, os.X_OK):
    sys.exit("WALK_PRINT does not name a program")

# Seconds that any walk here may take, however loaded the machine is.
PATIENCE = 600

File = collections.namedtuple("File", "sha256 size holder name")
Note = collections.namedtuple("Note", "where level count reason")
FILE = re.compile(r"(file|stream) ([0-9a-f]{64}) (\d+) (.*)")
NODE = re.compile(r"node (.*) format (\S*) depth \d+(?: same (.*))?")
NOTE = re.compile(r"note (.*?) (count|marked|skipped|failed) (\d+) (.*)")
FACT = re.compile(r"fact (.*) (\d) (\d+) (.*)")


class Report:
    """What one walk reported. holder: the chain of containers, "a.deb>data.tar.xz"."""

    def __init__(self, text):
        self.files, self.nodes, self.notes, self.facts, self.inputs = [], {}, [], [], []
        self.declared = []
        self.same = {}  # of a container with the bytes of another one: that one
        for line in text.decode("utf-8", "surrogateescape").split("\n"):
            self.add(line)

    def add(self, line):
        kind = line.split(" ", 1)[0]
        if kind in ("file", "stream"):
            _, sha256, size, chain = FILE.fullmatch(line).groups()
            holder, name = chain.rsplit(">", 1)
            self.files.append(File(sha256, int(size), holder, name))
        elif kind == "node":
            chain, name, same = NODE.fullmatch(line).groups()
            self.nodes[chain] = name
            if same is not None:
                self.same[chain] = same
        elif kind == "note":
            where, level, count, reason = NOTE.fullmatch(line).groups()
            self.notes.append(Note(where, level, int(count), reason))
        elif kind == "fact":
            self.facts.append(FACT.fullmatch(line).groups())
        elif kind == "declared":
            self.declared.append(line)
        elif kind == "input":
            self.inputs.append(line)

    def paths_of(self, chain, depth=0):
        """All files below a container, as paths from it; also those that were reported for another
        one with the same bytes."""
        found = {f.holder[len(chain) + 1:] + ">" + f.name for f in self.files
                 if f.holder == chain or f.holder.startswith(chain + ">")}
        for twin, same in self.same.items():
            if depth < 8 and (twin == chain or twin.startswith(chain + ">")):
                found |= {twin[len(chain) + 1:] + ">" + path.lstrip(">")
                          for path in self.paths_of(same, depth + 1)}
        return found

    def notes_of(self, chain):
        return [n for n in self.notes
                if n.where == chain or n.where.startswith(chain + ">")]

    def holders(self):
        """Of each container, its entries: {chain: Counter of (sha256, path)}."""
        found = collections.defaultdict(collections.Counter)
        for f in self.files:
            found[f.holder][(f.sha256, f.name.lstrip("/"))] += 1
        return found

    def bad_notes(self):
        return [n for n in self.notes if n.level in ("failed", "skipped")]

    def crashes(self):
        return [n for n in self.notes if "crashed" in n.reason]


def walk(*inputs, options=()):
    """The report; the walk must end with exit 0."""
    command = [WALK_PRINT, *[str(o) for o in options], *[str(i) for i in inputs]]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                            timeout=PATIENCE)
    if result.returncode != 0:
        raise AssertionError("exit %d: %s\n%s" % (
            result.returncode, " ".join(command)[:2000],
            result.stderr.decode("utf-8", "replace")[-3000:]))
    return Report(result.stdout)


def sha256sum(folder):
    """{path: SHA-256} of all files below, as sha256sum says."""
    found = subprocess.run("find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum -z",
                           shell=True, cwd=folder, stdout=subprocess.PIPE, check=True).stdout
    rows = [row.split(b"  ./", 1) for row in found.split(b"\0") if row]
    return {path.decode("utf-8", "surrogateescape"): digest.decode() for digest, path in rows}


def digest(data):
    return hashlib.sha256(data).hexdigest()
