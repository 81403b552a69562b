#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks --help of every command, and the manual pages and completions against it.

    help.py TREE FOLDER_OF_PROGRAMS [builder] [serve]

- --help goes to stdout alone, exit 0, at most 80 columns; an unknown option is one line on stderr, 2;
- each command that --help of a program lists answers to --help, and has a manual page;
- the options of a page are those of --help, no more and no fewer;
- completion in bash offers them all.
"""
import os
import re
import subprocess
import sys

tree, programs = sys.argv[1:3]
with_builder = "builder" in sys.argv[3:]
with_serve = "serve" in sys.argv[3:]
n_checks = 0
faults = []


def check(condition, text):
    global n_checks
    n_checks += 1
    if not condition:
        faults.append(text)


def run(*argv):
    return subprocess.run(argv, capture_output=True, check=False, stdin=subprocess.DEVNULL,
                          env=dict(os.environ, PATH=f"{programs}:{os.environ['PATH']}"))


def options_of_help(text):
    """What stands at the left of an option's line: '  -d, --set=SET', '      --format=F', '  -k'."""
    found = set()
    for line in text.splitlines():
        match = re.match(r"^ {2,6}((?:-\w)?(?:, )?(?:--[a-z0-9][a-z0-9-]*)?)(?=[ =]|$)", line)
        if match and match.group(1):
            found.update(re.findall(r"--[a-z0-9-]+|(?<![\w-])-\w\b", match.group(1)))
    return found


def options_of_page(page):
    """The flags of the .It lines in the page's list of options."""
    found = set()
    with open(page, encoding="utf-8") as f:
        text = f.read()
    for line in re.findall(r"^\.It (Fl .*)$", text, re.M):
        words = line.split()
        for i, word in enumerate(words):
            if word == "Fl" and i + 1 < len(words):
                found.add("-" + words[i + 1])
    return found


def completed(command):
    """What bash offers behind the command and a '-'."""
    words = command + ["-"]
    script = (f". {tree}/docs/completions/kith.bash; COMP_WORDS=({' '.join(words)}); "
              f"COMP_CWORD={len(words) - 1}; _kith; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    out = run("bash", "-c", script)
    return {w.rstrip("=") for w in out.stdout.decode().split()}


def commands_of(help_text):
    return re.findall(r"^  ([a-z][a-z-]*)  +\S", help_text, re.M)


def check_command(command):
    shown = " ".join(command)
    out = run(*command, "--help")
    text = out.stdout.decode("utf-8")
    check(out.returncode == 0, f"{shown} --help: status {out.returncode}")
    check(out.stderr == b"", f"{shown} --help: writes to stderr")
    check(text.startswith(f"Usage: {shown}"), f"{shown} --help: does not begin with its usage")
    for line in text.splitlines():
        check(len(line) <= 80, f"{shown} --help: over 80 columns: {line}")
        check("\t" not in line, f"{shown} --help: has a tab: {line}")

    bad = run(*command, "--no-such-option")
    check(bad.returncode == 2, f"{shown}: an unknown option gives status {bad.returncode}")
    check(bad.stdout == b"", f"{shown}: an unknown option writes to stdout")
    check(bad.stderr.count(b"\n") == 1 and b"--no-such-option" in bad.stderr,
          f"{shown}: an unknown option says {bad.stderr!r}")

    options = options_of_help(text)
    check("--help" in options, f"{shown} --help: does not list --help")
    page = os.path.join(tree, "docs/man", "-".join(command) + ".1")
    if not os.path.exists(page):
        check(False, f"{shown}: no manual page {os.path.basename(page)}")
    else:
        documented = options_of_page(page)
        check(not options - documented, f"{shown}: page lacks {sorted(options - documented)}")
        check(not documented - options, f"{shown}: page invents {sorted(documented - options)}")
    offered = completed(command)
    check(options <= offered, f"{shown}: bash does not offer {sorted(options - offered)}")
    return text


for program in ["kith"] + (["kith-build"] if with_builder else []):
    commands = commands_of(check_command([program]))
    check(len(commands) >= 2, f"{program} --help lists no commands")
    for name in commands:
        if program == "kith" and not os.path.exists(os.path.join(tree, f"docs/man/kith-{name}.1")):
            check(name in ("scan", "serve"), f"{program} {name}: no manual page")
        elif program == "kith" and name in ("build", "serve"):
            continue
        else:
            check_command([program, name])

if with_builder:
    through = run("kith", "build", "--help")
    check(through.returncode == 0 and b"kith" in through.stdout, "kith build --help does not work")

if with_serve:
    check_command(["kith-serve"])
    through = run("kith", "serve", "--help")
    check(through.returncode == 0 and b"kith-serve" in through.stdout, "kith serve --help does not work")

for fault in faults:
    print(fault)
print(f"help: {n_checks} checks, {len(faults)} faults")
sys.exit(1 if faults else 0)
