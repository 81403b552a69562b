#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How kith-serve is run: keys, new sets under load, sets that break, too many and silent clients,
sockets from outside, counters, options."""
import hashlib
import io
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time

import server
from server import EDITOR, HELLO, PATIENCE, UNKNOWN, kith

FILE = "/api/v3/files/" + HELLO


def until(condition):
    """Waits for what comes soon."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it does not come")
        time.sleep(0.02)


class Running(server.Case):
    def own_set(self):
        path = os.path.join(self.folder, "own-%d.kith" % len(os.listdir(self.folder)))
        shutil.copy(self.set, path)
        return path

    def start(self, *options, env=None):
        """Runs the program to its end: status and standard error."""
        done = subprocess.run([server.program("KITH_SERVE"), *options], check=False, timeout=PATIENCE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=dict(os.environ, **(env or {})))
        return done.returncode, done.stderr.decode()

    # -------------------------------------------------------------------- start

    def test_refuses_to_start(self):
        d = ("-d", self.set, "--listen=127.0.0.1:0")
        empty = os.path.join(self.folder, "empty-keys")
        with open(empty, "w", encoding="ascii") as f:
            f.write("# none\n\n")
        broken = self.own_set()
        with open(broken, "r+b") as f:
            f.truncate(5000)
        for options, status, said in (
                (("--listen=127.0.0.1:0", "-d", "/nowhere.kith"), 3, "/nowhere.kith"),
                (("--listen=127.0.0.1:0", "-d", broken), 3, broken),
                ((*d, "--threads=0"), 2, "--help"),
                ((*d, "surplus"), 2, "surplus"),
                (("-d", self.set, "--listen=nonsense"), 2, "nonsense"),
                (("-d", self.set, "--listen=127.0.0.1:65536"), 2, "127.0.0.1:65536"),
                (("-d", self.set, "--dns=127.0.0.1:0"), 2, "--dns-zone"),
                (("-d", self.set, "--listen=localhost:http"), 2, "localhost"),
                (("-d", self.set, "--listen=127.0.0.1:0", "--unix=/nowhere/s"), 2, "/nowhere/s"),
                (("-d", self.set, "--listen=127.0.0.1:0", "--unix=" + "x" * 200), 2, "socket"),
                (("-d", self.set, "--no-tcp"), 2, "--help"),
                ((*d, "--api-keys=/nowhere"), 2, "/nowhere"),
                ((*d, "--api-keys=" + empty), 2, "no keys")):
            code, text = self.start(*options)
            self.assertEqual(code, status, (options, text))
            self.assertIn(said, text)
        self.assertEqual(self.start(*d, "--threads=1000000")[0], 2)

    def test_output_that_fails(self):
        for option in ("--help", "--version"):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([server.program("KITH_SERVE"), option], stdout=full,
                                      stderr=subprocess.PIPE, check=False, timeout=PATIENCE)
            self.assertEqual((done.returncode, done.stderr),
                             (2, b"kith-serve: cannot write to standard output\n"), option)

    def test_port_that_is_taken(self):
        at = "127.0.0.1:%d" % self.serve().port
        for option in ("--listen=", "--nsrlsvr="):
            code, text = self.start("-d", self.set, option + at, "--listen=127.0.0.1:0")
            self.assertEqual(code, 2, text)
            self.assertIn("another server listens on " + at, text)

    def test_both_kinds_of_address(self):
        """All addresses of IPv6 do not take those of IPv4 with them."""
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(("::1", 0))
        except OSError:
            self.skipTest("no IPv6 here")
        s = fault = None
        for _ in range(10):  # another program may take the port in between
            with socket.socket() as probe:
                probe.bind(("0.0.0.0", 0))
                port = probe.getsockname()[1]
            options = ["--%s=%s:%d" % (what, host, port)
                       for host in ("[::]", "0.0.0.0") for what in ("listen", "dns")]
            try:
                s = self.serve(*options, "--dns-zone=test", tcp=False)
                break
            except AssertionError as e:
                fault = e
        self.assertIsNotNone(s, fault)
        self.assertEqual(s.addresses["http"], [("::", port), ("0.0.0.0", port)])
        for host in ("::1", "127.0.0.1"):
            with socket.create_connection((host, port), timeout=PATIENCE) as c:
                c.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                self.assertTrue(c.makefile("rb").read().endswith(b"ok\n"))

    def test_ends(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            s = self.serve()
            idle = s.connect()
            s.process.send_signal(number)
            self.assertEqual(s.process.wait(PATIENCE), 0)
            self.assertFalse(os.path.exists(s.unix))
            idle.close()

    def test_socket_that_was_left_behind(self):
        s = self.serve()
        with self.assertRaises(AssertionError):  # another one listens there
            self.serve("--unix=" + s.unix, unix=False)
        s.process.kill()
        s.stop(expect=-signal.SIGKILL)
        self.assertTrue(os.path.exists(s.unix))
        t = self.serve("--unix=" + s.unix, unix=False)
        t.unix = s.unix
        self.assertEqual(t.ask("/healthz", what="unix").status, 200)

    # --------------------------------------------------------------------- keys

    def test_api_keys(self):
        path = os.path.join(self.folder, "keys")
        with open(path, "w", encoding="ascii") as f:
            f.write("# of the team\nalpha-key\r\n\nbeta-key")
        s = self.serve("--api-keys=" + path)
        for key in ("alpha-key", "beta-key"):
            self.assertEqual(s.ask(FILE, headers={"x-apikey": key}).status, 200)
        for key in ("alpha", "alpha-keys", "ALPHA-KEY", "", "# of the team", "x" * 5000):
            reply = s.ask(FILE, headers={"X-Apikey": key})
            self.assertEqual((reply.status, reply.json()), (401, {"error": {
                "code": "WrongCredentialsError", "message": "Wrong API key"}}), key)
        for path in (FILE, "/nowhere", "/metrics", "/v1/files/" + HELLO):
            reply = s.ask(path)
            self.assertEqual((reply.status, reply.json()), (401, {"error": {
                "code": "AuthenticationRequiredError", "message": "X-Apikey header is missing"}}))
        self.assertEqual(s.ask("/v1/files", method="POST", body=HELLO.encode()).status, 401)
        self.assertEqual(s.ask("/healthz").status, 200)
        self.assertEqual(s.reload().status, 200)  # who may open the socket is asked for no key

    # --------------------------------------------------------------------- sets

    def test_reload_under_load(self):
        path = self.own_set()
        other = server.build(os.path.join(self.folder, "other.kith"), os.path.join(
            server.SAMPLES, "RDS_2026.03.1_android_minimal.zip"))
        s = self.serve(sets=[path])
        # One that only the first has, so that it is seen which set answers.
        hashes = [kith("export", "-d", p, "--to", "sha256").decode().split()
                  for p in (self.set, other)]
        only = next(h for h in hashes[0] if h not in set(hashes[1]))
        only = "/api/v3/files/" + only
        faults, count, stop = [], [0] * 4, threading.Event()

        def client(i):
            c = s.connect()
            f = c.makefile("rb")
            while not stop.is_set():
                if i < 3:
                    c.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % only.encode())
                    expected = (200, 404)
                else:
                    body = (HELLO + "\n" + UNKNOWN + "\n").encode() * 500
                    c.sendall(b"POST /v1/files HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" %
                              len(body) + body)
                    expected = (200,)
                reply = server.read_reply(f)
                if reply is None or reply.status not in expected:
                    faults.append(reply and reply.status)
                    return
                if i == 3 and reply.body.count(b"\n") != 1000:
                    faults.append("%d answers" % reply.body.count(b"\n"))
                count[i] += 1
            f.close()

        threads = [threading.Thread(target=client, args=(i,)) for i in range(4)]
        for t in threads:
            t.start()
        before = None
        seen = set()
        for i in range(40):
            shutil.copy(other if i % 2 == 0 else self.set, path + ".new")
            os.rename(path + ".new", path)
            if i % 4 == 3:
                n = s.said().count("were loaded again")
                s.process.send_signal(signal.SIGHUP)
                until(lambda: s.said().count("were loaded again") > n)
            else:
                self.assertEqual(s.reload().json(), {"reloaded": True})
            seen.add(s.ask(only).status)
            if i == 19:
                before = s.descriptors()
        until(lambda: all(count) or faults)
        stop.set()
        for t in threads:
            t.join(PATIENCE)
        self.assertEqual(faults, [])
        self.assertEqual(seen, {200, 404})
        until(lambda: s.descriptors() <= before)

        def mapped():
            with open("/proc/%d/maps" % s.process.pid, encoding="utf-8") as f:
                return sum(path in line for line in f)
        until(lambda: mapped() <= 1)  # old sets are gone
        self.assertEqual(s.metric("kith_reloads_total"), 40)

    def test_set_that_is_cut_off(self):
        path = self.own_set()
        s = self.serve("--nsrlsvr=127.0.0.1:0", sets=[path])
        self.assertEqual(s.ask(FILE).status, 200)
        nsrl = s.connect("nsrlsvr")
        with open(path, "r+b") as f:
            f.truncate(4096)
        for hash_ in (HELLO, EDITOR, UNKNOWN):
            reply = s.ask("/api/v3/files/" + hash_)
            self.assertEqual(reply.status, 503)
            self.assertEqual(reply.json()["error"]["code"], "TransientError")
            self.assertEqual(s.ask("/v1/files/" + hash_).status, 503)
        # A list is refused, or breaks off; it never says unknown.
        self.assertEqual(s.ask("/v1/files", method="POST", body=UNKNOWN.encode()).status, 503)
        nsrl.sendall(b"QUERY " + UNKNOWN.encode() + b"\r\n")
        self.assertEqual(nsrl.recv(100), b"")
        self.assertEqual(s.ask("/healthz").status, 503)
        self.assertEqual(s.metric("kith_sets_readable"), 0)
        self.assertGreaterEqual(s.metric("kith_set_faults_total"), 1)
        # The old ones stay while the new ones are no better.
        self.assertEqual(s.reload().status, 500)
        self.assertEqual(s.ask(FILE).status, 503)
        shutil.copy(self.set, path + ".new")
        os.rename(path + ".new", path)
        self.assertEqual(s.reload().status, 200)
        self.assertEqual(s.ask(FILE).status, 200)
        self.assertEqual(s.ask("/healthz").status, 200)

    def test_set_that_is_cut_off_under_a_stream(self):
        path = self.own_set()
        s = self.serve(sets=[path])
        with s.connect() as c, c.makefile("rb") as f:
            c.sendall(b"POST /v1/files HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n41\r\n" +
                      HELLO.encode() + b"\n\r\n")
            while not f.readline().startswith(b'{"query"'):
                pass
            with open(path, "r+b") as g:
                g.truncate(4096)
            c.sendall(b"41\r\n" + UNKNOWN.encode() + b"\n\r\n0\r\n\r\n")
            try:
                rest = f.read()
            except ConnectionResetError:
                rest = b""
            self.assertNotIn(b"unknown", rest)
            self.assertNotIn(b"\n0\r\n", rest)

    def test_set_that_vanishes(self):
        path = self.own_set()
        s = self.serve(sets=[path])
        os.unlink(path)
        self.assertEqual(s.ask(FILE).status, 200)
        self.assertEqual(s.reload().status, 500)
        self.assertEqual(s.ask(FILE).status, 200)
        self.assertEqual(s.metric("kith_reload_failures_total"), 1)

    def test_set_that_is_damaged_at_a_reload(self):
        """The old ones answer on, and nothing is kept of what was no good."""
        path = self.own_set()
        s = self.serve(sets=[path])
        with open(self.set, "rb") as f:
            good = f.read()
        self.assertEqual(s.ask(FILE).status, 200)
        descriptors = s.descriptors()
        bad = {"nothing": b"", "a page": good[:4096], "half": good[:len(good) // 8192 * 4096],
               "no set": b"\0" * len(good), "a text": b"not a set\n" * 1000}
        for failed, (what, data) in enumerate(bad.items(), 1):
            with open(path + ".new", "wb") as f:
                f.write(data)
            os.rename(path + ".new", path)
            reply = s.reload()
            self.assertEqual(reply.status, 500, what)
            self.assertIn(path, reply.json()["error"]["message"])
            s.process.send_signal(signal.SIGHUP)
            until(lambda n=failed: s.said().count("the sets stay as they are") == n)
            self.assertEqual(s.metric("kith_reload_failures_total"), 2 * failed)
            for _ in range(4):  # of both threads
                self.assertEqual(s.ask(FILE).status, 200)
                self.assertEqual(s.ask("/api/v3/files/" + UNKNOWN).status, 404)
            self.assertEqual(s.ask("/healthz").status, 200)
            self.assertEqual(s.metric("kith_sets_readable"), 1)
            with open("/proc/%d/maps" % s.process.pid, encoding="utf-8") as f:
                self.assertEqual([line for line in f if path in line and "deleted" not in line], [])
        until(lambda: s.descriptors() <= descriptors)
        self.assertEqual(s.metric("kith_set_faults_total"), 0)
        shutil.copy(self.set, path + ".new")
        os.rename(path + ".new", path)
        self.assertEqual(s.reload().json(), {"reloaded": True})
        self.assertEqual(s.ask(FILE).status, 200)

    # ------------------------------------------------------------------ clients

    def test_thousands_of_idle_connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < 3000:
            self.skipTest("not enough descriptors here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        s = self.serve("--max-connections=200")
        busy = s.connect()
        f = busy.makefile("rb")
        idle = []
        for i in range(2000):
            c = s.connect()
            if i % 3 == 0:
                c.sendall(b"GET /half-a-request")
            idle.append(c)
            if i % 50 == 0:  # others go on, on an old connection and on new ones
                busy.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % FILE.encode())
                self.assertEqual(server.read_reply(f).status, 200)
                self.assertEqual(s.ask(FILE).status, 200)
        self.assertLess(s.descriptors(), 300)
        self.assertLessEqual(s.metric("kith_connections"), 201)
        self.assertGreater(s.metric("kith_connections_refused_total"), 1000)
        for c in idle:
            c.close()
        until(lambda: s.metric("kith_connections") < 10)

    def test_large_answers_that_are_not_read(self):
        """What clients ask for and do not take is bounded; others are told, and served later."""
        with open(server.program("KITH_SERVE"), "rb") as f:
            text = f.read()
            if b"__asan_init" in text or b"__tsan_init" in text:
                self.skipTest("a sanitizer's own memory would be counted")
        data = b"a file of many names\n"
        packed = os.path.join(self.folder, "names.tar")
        with tarfile.open(packed, "w") as archive:
            for i in range(60000):
                info = tarfile.TarInfo("%s/%06d" % ("name" * 30, i))
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        path = os.path.join(self.folder, "names.kith")
        subprocess.run([server.program("KITH_BUILD"), "image", "-q", "-o", path, packed],
                       check=True)
        s = self.serve(sets=[path])
        asked = "/v1/files/%s?limit=0" % hashlib.sha256(data).hexdigest()
        whole = s.ask(asked)
        self.assertEqual(whole.status, 200)
        self.assertGreater(len(whole.body), 12 << 20)
        deaf = [s.connect() for _ in range(40)]
        for c in deaf:
            c.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % asked.encode())
        until(lambda: s.ask("/v1/files/" + UNKNOWN).status == 503)
        self.assertEqual(s.ask("/healthz").status, 200)
        with open("/proc/%d/smaps_rollup" % s.process.pid, encoding="ascii") as f:
            held = [int(x.split()[1]) << 10 for x in f if x.startswith("Private_Dirty:")][0]
        # Two threads with 64 MiB and one answer more, in buffers that double. All would be far more.
        self.assertLess(held, 400 << 20)
        self.assertGreater(40 * len(whole.body), 480 << 20)
        for c in deaf:
            c.close()
        until(lambda: s.ask("/v1/files/" + UNKNOWN).status == 200)
        self.assertEqual(s.ask(asked).body, whole.body)

    def test_slow_clients(self):
        """Half a head is told that it takes too long, also where bytes drip; a silent one is closed,
        but not one of nsrlsvr, whose clients have a disk to hash first."""
        s = self.serve("--nsrlsvr=127.0.0.1:0")
        head, silent, patient = s.connect(), s.connect(), s.connect("nsrlsvr")
        head.sendall(b"GET /healthz HTT")
        stop = threading.Event()

        def drip():
            while not stop.wait(0.5):
                try:
                    head.sendall(b"P")
                except OSError:
                    return
        threading.Thread(target=drip, daemon=True).start()
        self.assertTrue(head.recv(1000).startswith(b"HTTP/1.1 408 "))
        self.assertEqual(silent.recv(1000), b"")
        stop.set()
        patient.sendall(b"QUERY %s\n" % server.HELLO.encode())
        self.assertEqual(patient.recv(1000), b"OK 1\r\n")

    def test_bodies_that_stop(self):
        """A client that sends no more is not waited for, wherever it stopped."""
        s = self.serve()
        half, many = s.connect(), s.connect()
        half.sendall(b"POST /bulk/md5 HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
        many.sendall(b"POST /v1/files?limit=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n")
        time.sleep(0.2)
        # The answers to these are just over what one turn writes.
        many.sendall((b"x" * 190 + b"\n") * 293)
        threads = []
        for c, want in ((half, b"HTTP/1.1 408 Request Timeout\r\n"), (many, b"HTTP/1.1 200 OK\r\n")):
            got = []

            def read(c=c, got=got):
                try:
                    for piece in iter(lambda: c.recv(65536), b""):
                        got.append(piece)
                except ConnectionResetError:
                    pass
                except OSError as e:
                    got[:] = [repr(e).encode()]
            threads.append((threading.Thread(target=read), got, want))
            threads[-1][0].start()
        for thread, got, want in threads:
            thread.join()
            out = b"".join(got)
            self.assertTrue(out.startswith(want), out[:200])
            self.assertFalse(out.endswith(b"0\r\n\r\n"))
        out = b"".join(threads[0][1])
        self.assertEqual(out.partition(b"\r\n\r\n")[2],
                         b'{"error":{"code":"BadRequestError","message":"the request did not come to its end"}}\n')

    def test_lists_that_drip(self):
        """They have as long as they want, until another client finds no room."""
        s = self.serve("--threads=1")
        stop, lock = threading.Event(), threading.Lock()
        head = b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n"
        body = s.connect()
        body.sendall(head.replace(b"10000000", b"2000000") % b"/bulk/md5")
        lists = [s.connect() for _ in range(127)]
        fast = lists[0]
        for c in lists:
            c.sendall(head % b"/v1/files")

        def drip():
            while not stop.wait(1):
                for c in (body, *lists):
                    with lock:
                        try:
                            c.sendall(b" " * 4096 if c is fast else b" ")
                        except OSError:
                            pass
        threading.Thread(target=drip, daemon=True).start()

        def one_more():
            return s.ask("/v1/files", method="POST", body=HELLO.encode())
        began = time.monotonic()
        until(lambda: one_more().status == 503)
        while one_more().status == 503:
            self.assertLess(time.monotonic() - began, PATIENCE)
            time.sleep(1)
        self.assertGreater(time.monotonic() - began, 25)
        self.assertTrue(body.recv(1000).startswith(b"HTTP/1.1 408 "))  # the oldest
        self.assertIn(HELLO.encode(), one_more().body)
        more = s.connect()
        more.sendall(head % b"/v1/files")  # keeps what the body gave back
        reply = one_more()
        self.assertEqual((reply.status, reply.body.count(b"\n")), (200, 1))
        stop.set()
        with lock:
            fast.sendall(b"\n" + HELLO.encode() + b"\n")
        with fast.makefile("rb") as f:
            while HELLO.encode() not in f.readline():
                pass
        with self.assertRaises(ConnectionResetError):
            while lists[1].recv(1000):
                pass

    # -------------------------------------------------------------- from outside

    def test_sockets_from_outside(self):
        """The protocol of sd_listen_fds(3): descriptors from 3 on, LISTEN_PID, LISTEN_FDS."""
        http, nsrl, unix = socket.socket(), socket.socket(), socket.socket(socket.AF_UNIX)
        path = os.path.join(self.folder, "activated")
        for listener, at in ((http, ("127.0.0.1", 0)), (nsrl, ("127.0.0.1", 0)), (unix, path)):
            listener.bind(at)
            listener.listen()
        starter = ("import os, sys\n"
                   "for i, fd in enumerate(map(int, sys.argv[1].split(','))):\n"
                   "    os.dup2(fd, 100 + i)\n"
                   "for i in range(3):\n"
                   "    os.dup2(100 + i, 3 + i, inheritable=True)\n"
                   "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='3',\n"
                   "                  LISTEN_FDNAMES='http:nsrlsvr:http')\n"
                   "os.execv(sys.argv[2], sys.argv[2:])\n")
        fds = [x.fileno() for x in (http, nsrl, unix)]
        process = subprocess.Popen(
            [sys.executable, "-c", starter, ",".join(map(str, fds)), server.program("KITH_SERVE"),
             "-d", self.set], pass_fds=fds, stderr=subprocess.PIPE)
        # What comes before the program listens waits in the socket.
        with socket.create_connection(http.getsockname(), timeout=PATIENCE) as c:
            c.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            self.assertTrue(c.makefile("rb").read().endswith(b"ok\n"))
        with socket.create_connection(nsrl.getsockname(), timeout=PATIENCE) as c:
            c.sendall(b"QUERY " + UNKNOWN.encode() + b"\n")
            self.assertEqual(c.recv(100), b"OK 0\r\n")
        with socket.socket(socket.AF_UNIX) as c:
            c.settimeout(PATIENCE)
            c.connect(path)
            c.sendall(b"POST /-/reload HTTP/1.0\r\n\r\n")
            self.assertIn(b" 200 ", c.makefile("rb").readline())
        process.terminate()
        said = process.communicate(timeout=PATIENCE)[1]
        self.assertEqual(process.returncode, 0)
        self.assertNotIn(b"8080", said)
        self.assertTrue(os.path.exists(path))  # it is not ours to remove
        for listener in (http, nsrl, unix):
            listener.close()

    # ------------------------------------------------------------------- the rest

    def test_metrics(self):
        s = self.serve()
        s.ask(FILE)
        s.ask("/api/v3/files/" + UNKNOWN)
        s.ask("/nowhere")
        self.assertEqual(s.metric('kith_requests_total{dialect="virustotal",code="2xx"}'), 1)
        self.assertEqual(s.metric('kith_requests_total{dialect="virustotal",code="4xx"}'), 1)
        self.assertEqual(s.metric('kith_lookups_total{verdict="known"}'), 1)
        self.assertEqual(s.metric('kith_lookups_total{verdict="unknown"}'), 1)
        self.assertGreater(s.metric("kith_files"), 100)
        # Each sample's family is declared in front of it, once.
        declared = set()
        for line in s.ask("/metrics").body.decode().splitlines():
            words = line.split()
            if words[:2] == ["#", "TYPE"]:
                self.assertNotIn(words[2], declared)
                declared.add(words[2])
            elif words[0] != "#":
                self.assertIn(words[0].split("{")[0], declared)
                float(words[1])

    def test_log(self):
        quiet, loud = self.serve(), self.serve("--log")
        for s in (quiet, loud):
            s.ask(FILE)
            s.ask("/%0a%1b[31m/x")
        until(lambda: loud.said().count("\n") >= 5)
        self.assertNotIn(HELLO, quiet.said())
        self.assertIn("GET %s 200 " % FILE, loud.said())
        self.assertNotIn("\x1b", loud.said())


if __name__ == "__main__":
    server.main()
