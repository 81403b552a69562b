#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stops kith-build where it hurts and looks at what is left.

    publish.py steps|kill|filesize|full MKRDS KITH KITH_BUILD

steps     it dies at each step of publishing (builds with KITH_TEST_HOOKS only)
kill      it gets SIGKILL at several moments
filesize  files may not grow beyond a limit (RLIMIT_FSIZE)
full      the file system is full (a small tmpfs in a user namespace; skipped where that is denied)

After each: the old set is there and valid, or, once it was renamed, the new one; nothing else has a
public name; the next run ends well and leaves no temporary file.
"""
import hashlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
what, MKRDS, KITH, KITH_BUILD = sys.argv[1:5]
TREE = os.environ["KITH_SOURCE"]


def fail(text):
    print(f"publish: {text}")
    sys.exit(1)


def must(condition, text):
    if not condition:
        fail(text)


def build(output, source, **more):
    env = dict(os.environ, **more.pop("env", {}))
    return subprocess.run([KITH_BUILD, "nsrl", "--memory", "16M", "-o", output, source],
                          env=env, capture_output=True, check=False, **more)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def verified(path):
    run = subprocess.run([KITH, "verify", path], capture_output=True, check=False)
    return run.returncode == 0


def said(run, status):
    """The program ended by itself, with that status and one sentence."""
    must(run.returncode == status, f"status {run.returncode} instead of {status}: {run.stderr!r}")
    lines = run.stderr.decode("utf-8", "replace").strip().splitlines()
    must(lines, "it failed without a word")
    return lines[-1]


class Case:
    """A folder with an old set, and what the old and the new one must be."""

    def __init__(self, top, rows=400):
        self.folder = os.path.join(top, "sets")
        self.set = os.path.join(self.folder, "nsrl.kith")
        self.sources = []
        self.digests = []
        for seed, n in ((1, 300), (2, rows)):
            source = os.path.join(top, f"rds-{seed}.db")
            subprocess.run([MKRDS, "--kind", "full", "--rows", str(n), "--seed", str(seed),
                            "-o", source], check=True)
            made = os.path.join(top, f"{seed}.kith")
            run = build(made, source)
            must(run.returncode == 0, f"cannot build at all: {run.stderr!r}")
            must(verified(made), "the set of an undisturbed build does not verify")
            self.sources.append(source)
            self.digests.append(digest(made))
        self.old = os.path.join(top, "1.kith")
        must(self.digests[0] != self.digests[1], "old and new set are the same: nothing is tested")

    def start(self, with_old):
        shutil.rmtree(self.folder, ignore_errors=True)
        os.mkdir(self.folder)
        if with_old:
            shutil.copy(self.old, self.set)

    def build_new(self, **more):
        return build(self.set, self.sources[1], **more)

    def state(self, where):
        """old, new or none; anything else is a fault."""
        public = [n for n in os.listdir(self.folder) if n.endswith(".kith")]
        must(public in ([], ["nsrl.kith"]), f"{where}: public names {public}")
        if not public:
            return "none"
        must(verified(self.set), f"{where}: what has the public name does not verify")
        now = digest(self.set)
        must(now in self.digests, f"{where}: what has the public name is neither old nor new")
        return ("old", "new")[self.digests.index(now)]

    def recovers(self, where):
        run = self.build_new()
        must(run.returncode == 0, f"{where}: the next run fails: {run.stderr!r}")
        must(self.state(where) == "new", f"{where}: the next run did not publish")
        left = sorted(os.listdir(self.folder))
        must(left == ["nsrl.kith"], f"{where}: the next run leaves {left}")


def steps(case):
    names = []
    core = os.path.join(TREE, "builder/core")
    for name in sorted(os.listdir(core)):
        if name.endswith(".c"):
            with open(os.path.join(core, name), encoding="utf-8") as f:
                names += re.findall(r'kith_test_die_at\("([a-z0-9-]+)"\);', f.read())
    must(len(names) >= 6, f"the core has only the steps {names}")
    seen = set()
    for with_old in (True, False):
        for name in names:
            where = f"died at '{name}', {'over an old set' if with_old else 'first set'}"
            case.start(with_old)
            run = case.build_new(env={"KITH_TEST_DIE_AT": name})
            must(run.returncode == 137, f"{where}: it did not die ({run.returncode}): {run.stderr!r}")
            state = case.state(where)
            must(state in ("new", "old" if with_old else "none"), f"{where}: {state}")
            seen.add(state)
            print(f"{where}: {state}")
            case.recovers(where)
    must(seen == {"old", "new", "none"}, f"only {seen} was seen")


def kill(case):
    case.start(True)
    start = time.monotonic()
    must(case.build_new().returncode == 0, "cannot build")
    whole = time.monotonic() - start
    died = 0
    for part in range(1, 13):
        where = f"killed at {part}/12"
        case.start(True)
        process = subprocess.Popen([KITH_BUILD, "nsrl", "--memory", "16M", "-o", case.set,
                                    case.sources[1]], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(whole * part / 12)
        process.kill()
        died += process.wait() == -signal.SIGKILL
        state = case.state(where)
        must(state in ("old", "new"), f"{where}: {state}")
        print(f"{where}: {state}")
        case.recovers(where)
    must(died > 0, "it was always faster than the signal")


def filesize(case):
    size = os.path.getsize(case.set if os.path.exists(case.set) else case.old)
    for limit in (1, 4096, 65536, size // 2):
        where = f"files of at most {limit} bytes"
        case.start(True)
        run = case.build_new(
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        print(f"{where}: {said(run, 2)}")
        must(case.state(where) == "old", f"{where}: the old set is gone")
        must(sorted(os.listdir(case.folder)) == ["nsrl.kith"], f"{where}: temporary files stay")
        case.recovers(where)


def full(case):
    inner = ("mount -t tmpfs -o size=%d none \"$1\" && cp \"$2\" \"$1/nsrl.kith\" && "
             "\"$3\" nsrl --memory 16M --scratch \"$5\" -o \"$1/nsrl.kith\" \"$4\"; "
             "echo \"status $?\" >&2; "
             "cmp \"$1/nsrl.kith\" \"$2\" && ls -A \"$1\"")
    probe = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        print("no user namespaces here: skipped")
        sys.exit(SKIPPED)
    old = os.path.getsize(case.old)
    new = os.path.getsize(os.path.join(os.path.dirname(case.folder), "2.kith"))
    elsewhere = os.path.join(os.path.dirname(case.folder), "scratch")
    os.makedirs(elsewhere, exist_ok=True)
    # With the runs on the same file system it is they that meet the end; with them elsewhere it is
    # the set, in each of its phases: also where it is written through a map and there is no call
    # that could fail.
    rooms = [(room, case.folder) for room in (4096, new // 4, new // 2, new - 8192)]
    rooms += [(new * part // 20 // 4096 * 4096, elsewhere) for part in range(1, 20)]
    rooms += [(new - 4096 * less, elsewhere) for less in range(1, 6)]
    for room, where_to in rooms:
        where = f"{room} of {new} bytes of room, scratch {os.path.basename(where_to)}"
        shutil.rmtree(case.folder, ignore_errors=True)
        os.mkdir(case.folder)
        run = subprocess.run(["unshare", "-rm", "sh", "-c", inner % (old + room), "sh",
                              case.folder, case.old, KITH_BUILD, case.sources[1], where_to],
                             capture_output=True, check=False)
        lines = run.stderr.decode("utf-8", "replace").strip().splitlines()
        must(lines and lines[-1] == "status 2", f"{where}: {run.stderr!r}")
        must(len(lines) > 1, f"{where}: it failed without a word")
        must("No space left on device" in lines[-2] or "MiB free" in lines[-2],
             f"{where}: the words are about something else: {lines[-2]}")
        must(run.stdout.split() == [b"nsrl.kith"], f"{where}: {run.stdout!r} is left")
        print(f"{where}: {lines[-2]}")


with tempfile.TemporaryDirectory(prefix="kith-crash-") as scratch:
    subject = Case(scratch, rows=20000 if what == "kill" else 400)
    {"steps": steps, "kill": kill, "filesize": filesize, "full": full}[what](subject)
