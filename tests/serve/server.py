# SPDX-License-Identifier: Apache-2.0
"""Makes a set, runs kith-serve on free ports, asks it, ends it. The programs' paths come from the
environment: KITH, KITH_BUILD, KITH_SERVE.

A test is a Case; `serve()` starts a server that tearDown ends. A server that did not end with exit
0, or on whose standard error a sanitizer wrote, fails its test.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLES = os.path.join(TOP, "data-samples")
# Of data-samples: a file that two products ship, another, and one that no release lists.
HELLO = "4bd6e0ebb8b3898a75b0efe6f1b8d5c2783cdd4aed7972feafca462850e598a1"
EDITOR = "8015bb7296aff503af09a7aac6d9e73dfa65751fadc04c78479097bd166f951e"
UNKNOWN = "6223d4464432aa84ea9a1a74365c38237e1fd4f77df774674341bfee550110a8"
PATIENCE = 60  # seconds for what should take none; only a hang meets it
SANITIZER = (b"AddressSanitizer", b"LeakSanitizer", b"ThreadSanitizer", b"runtime error:")


def program(name):
    path = os.environ.get(name)
    if not path or not os.access(path, os.X_OK):
        sys.exit("%s does not name a program" % name)
    return path


def kith(*words, stdin=None, expect=(0, 1)):
    """The standard output of `kith WORDS`."""
    done = subprocess.run([program("KITH"), *words], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    if done.returncode not in expect:
        raise AssertionError("kith %s: exit %d: %s" % (words, done.returncode, done.stderr))
    return done.stdout


def build(path, *inputs):
    """A set at path; of the sample release when no input is named."""
    inputs = inputs or (os.path.join(SAMPLES, "RDS_2026.03.1_modern.zip"),)
    subprocess.run([program("KITH_BUILD"), "nsrl", "-o", path, *inputs], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return path


class Reply:
    """status, headers (lower case; of a repeated one the last), body."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


def read_reply(f, head=False):
    """One reply of HTTP/1.1 from a file of a socket; None at its end."""
    line = f.readline()
    if not line:
        return None
    status = int(line.split()[1])
    headers = {}
    for line in iter(f.readline, b"\r\n"):
        if not line:
            raise AssertionError("a head without its end")
        name, value = line.decode("latin-1").split(":", 1)
        headers[name.lower()] = value.strip()
    if status == 100:
        return Reply(100, headers, b"")
    if head:
        body = b""
    elif headers.get("transfer-encoding") == "chunked":
        pieces = []
        while True:
            size = f.readline()
            if not size.endswith(b"\n"):
                raise AssertionError("the chunks broke off")
            n = int(size, 16)
            piece = f.read(n + 2)
            if len(piece) != n + 2:
                raise AssertionError("the chunks broke off")
            if n == 0:
                break
            pieces.append(piece[:-2])
        body = b"".join(pieces)
    elif "content-length" in headers:
        n = int(headers["content-length"])
        body = f.read(n)
        if len(body) != n:
            raise AssertionError("the body broke off")
    else:
        body = f.read()
    return Reply(status, headers, body)


class Server:
    """A running kith-serve. `addresses` has what it says it listens on: {"http": [("127.0.0.1",
    4711)], "nsrlsvr": [...], "dns": [...]}; `port` is the first of HTTP, `unix` the path."""

    def __init__(self, sets, *options, folder, tcp=True, unix=True, env=None, pass_fds=()):
        words = [program("KITH_SERVE"), "--threads=2"]
        for path in sets:
            words += ["-d", path]
        if tcp:
            words.append("--listen=127.0.0.1:0")
        self.unix = os.path.join(folder, "s") if unix else None
        if unix:
            words.append("--unix=" + self.unix)
        self.stderr = []
        self.addresses = {}
        self._ready = threading.Event()
        self._connections = []
        self.process = subprocess.Popen(words + list(options), stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, pass_fds=pass_fds,
                                        env=dict(os.environ, **(env or {})))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._ready.wait(PATIENCE)
        if "ready" not in self.said():
            self.process.kill()
            self.process.wait(PATIENCE)
            self._reader.join(PATIENCE)
            self.process.stderr.close()
            raise AssertionError("kith-serve did not start: " + self.said())

    def _read(self):
        for line in self.process.stderr:
            self.stderr.append(line)
            words = line.decode("utf-8", "replace").split()
            if len(words) == 4 and words[0] == "kith-serve:" and words[2] == "on":
                host, _, port = words[3].rpartition(":")
                if port.isdigit():
                    self.addresses.setdefault(words[1], []).append((host.strip("[]"), int(port)))
            if words[1:] == ["ready"]:
                self._ready.set()
        self._ready.set()

    def said(self):
        return b"".join(self.stderr).decode("utf-8", "replace")

    @property
    def port(self):
        return self.addresses["http"][0][1]

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def connect(self, what="http"):
        """A socket to one of `addresses`, or with "unix" to the Unix socket."""
        if what == "unix":
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(PATIENCE)
            s.connect(self.unix)
        else:
            s = socket.create_connection(self.addresses[what][0], timeout=PATIENCE)
        self._connections.append(s)
        return s

    def raw(self, data, what="http", end=False):
        """Sends bytes, returns all that comes until the server closes."""
        with self.connect(what) as s:
            try:
                s.sendall(data)
                if end:
                    s.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # what the server said before it closed is read below
            out = b""
            while True:
                try:
                    more = s.recv(65536)
                except ConnectionResetError:
                    break
                if not more:
                    break
                out += more
            return out

    def ask(self, path, method="GET", headers=(), body=None, what="http"):
        """One request on a connection of its own. body: bytes, or an iterable that is sent in
        chunks."""
        head = "%s %s HTTP/1.1\r\nHost: kith.test:8080\r\nConnection: close\r\n" % (method, path)
        for name, value in dict(headers).items():
            head += "%s: %s\r\n" % (name, value)
        whole = body is None or isinstance(body, (bytes, bytearray))
        if not whole:
            head += "Transfer-Encoding: chunked\r\n"
        elif body is not None:
            head += "Content-Length: %d\r\n" % len(body)
        with self.connect(what) as s, s.makefile("rb") as f:
            s.sendall(head.encode() + b"\r\n" + (body if whole and body else b""))
            if not whole:
                for piece in body:
                    s.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                s.sendall(b"0\r\n\r\n")
            reply = read_reply(f, method == "HEAD")
            while reply is not None and reply.status == 100:
                reply = read_reply(f, method == "HEAD")
            return reply

    def reload(self):
        return self.ask("/-/reload", method="POST", what="unix")

    def metric(self, name):
        """The value of a line of /metrics, named as it stands there, with its labels."""
        for line in self.ask("/metrics").body.decode().splitlines():
            words = line.rsplit(" ", 1)
            if words[0] == name:
                return float(words[1])
        raise AssertionError("no metric " + name)

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def stop(self, expect=0):
        if self.process.stderr.closed:
            return
        for s in self._connections:
            s.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("kith-serve does not end: " + self.said()) from None
        self._reader.join(PATIENCE)
        self.process.stderr.close()
        said = b"".join(self.stderr)
        if status != expect or any(word in said for word in SANITIZER):
            raise AssertionError("kith-serve: exit %d\n%s" % (status, self.said()))


class Case(unittest.TestCase):
    """A test with a folder, and a set `self.set` of the sample release that no test changes."""

    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="kith-serve-")
        cls.set = build(os.path.join(cls.folder, "sample.kith"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def serve(self, *options, sets=None, **more):
        folder = tempfile.mkdtemp(dir=self.folder)
        server = Server(sets or [self.set], *options, folder=folder, **more)
        self.addCleanup(server.stop)
        return server


def main():
    unittest.main(verbosity=2)
