#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""HTTP itself: methods, connections, bodies, compression, and what bad input gets."""
import gzip
import json
import socket
import threading
import time
import zlib

import server
from server import EDITOR, HELLO, UNKNOWN

FILE = "/api/v3/files/" + HELLO


class Http(server.Case):
    """One server for all: whatever a test does to it, the next one is answered as before."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s = server.Server([cls.set], "--nsrlsvr=127.0.0.1:0", folder=cls.folder)

    @classmethod
    def tearDownClass(cls):
        cls.s.stop()
        super().tearDownClass()

    def tearDown(self):
        self.assertEqual(self.s.ask(FILE).status, 200)

    def status(self, data, end=False):
        """The status that some bytes get; 0: the connection was closed without one."""
        out = self.s.raw(data, end=end)
        if not out:
            return 0
        self.assertTrue(out.startswith(b"HTTP/1.1 "), out)
        head, _, body = out.partition(b"\r\n\r\n")
        if b"application/json" in head and body:
            self.assertIn("error", json.loads(body))
        return int(out.split()[1])

    # ------------------------------------------------------------ what is right

    def test_answers(self):
        self.assertEqual(self.s.ask("/healthz").body, b"ok\n")
        self.assertEqual(self.s.ask("/healthz", what="unix").body, b"ok\n")
        self.assertEqual(self.s.ask("/v1/files/" + HELLO).json()["verdict"], "known")
        self.assertEqual(self.s.ask("/api/v3/files/" + UNKNOWN).status, 404)
        with self.s.connect("nsrlsvr") as c:
            c.sendall(b"QUERY " + HELLO.encode() + b"\n")
            self.assertEqual(c.recv(100), b"OK 1\r\n")

    def test_head(self):
        get, head = self.s.ask(FILE), self.s.ask(FILE, method="HEAD")
        self.assertEqual(head.status, 200)
        self.assertEqual(head.headers["content-length"], str(len(get.body)))
        self.assertEqual(self.s.raw(b"HEAD %s HTTP/1.0\r\n\r\n" % FILE.encode())[-4:], b"\r\n\r\n")

    def test_gzip(self):
        plain = self.s.ask("/metrics")
        self.assertGreater(len(plain.body), 1024)
        self.assertNotIn("content-encoding", plain.headers)
        self.assertEqual(plain.headers["vary"], "Accept-Encoding")
        for accepted in ("gzip", "deflate, GZIP;q=0.5", "x-gzip", "*", "br , gzip; q=1"):
            packed = self.s.ask("/metrics", headers={"Accept-Encoding": accepted})
            self.assertEqual(packed.headers.get("content-encoding"), "gzip", accepted)
            self.assertIn(b"kith_lookups_total", gzip.decompress(packed.body))
        for refused in ("gzip;q=0", "gzip;q=0.00", "br", "identity", "gzipped", "*;q=0", ""):
            self.assertNotIn("content-encoding", self.s.ask(
                "/metrics", headers={"Accept-Encoding": refused}).headers, refused)
        # What fits into a packet anyhow is left as it is.
        short = self.s.ask("/healthz", headers={"Accept-Encoding": "gzip"})
        self.assertEqual(short.body, b"ok\n")

    def test_gzip_of_a_stream_comes_at_once(self):
        plain = self.s.ask("/v1/files", method="POST", body=(HELLO + "\n" + UNKNOWN + "\n").encode())
        with self.s.connect() as c:
            f = c.makefile("rb")
            c.sendall(b"POST /v1/files HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\n41\r\n" + HELLO.encode() + b"\n\r\n")
            for line in iter(f.readline, b"\r\n"):
                self.assertTrue(line)
            unpack = zlib.decompressobj(31)
            out = b""
            while out.count(b"\n") < 1:  # the answer, although the list goes on
                out += unpack.decompress(f.read(int(f.readline(), 16)))
                f.readline()
            c.sendall(b"41\r\n" + UNKNOWN.encode() + b"\n\r\n0\r\n\r\n")
            while True:
                n = int(f.readline(), 16)
                piece = f.read(n)
                f.readline()
                if n == 0:
                    break
                out += unpack.decompress(piece)
            self.assertTrue(unpack.eof)
            self.assertEqual(out, plain.body)

    def test_keep_alive_and_pipelining(self):
        paths = [FILE, "/healthz", "/api/v3/files/" + UNKNOWN, "/v1/files/" + EDITOR] * 50
        with self.s.connect() as c, c.makefile("rb") as f:
            c.sendall(b"".join(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % p.encode() for p in paths))
            got = [server.read_reply(f) for _ in paths]
        self.assertEqual([r.status for r in got], [200, 200, 404, 200] * 50)
        self.assertEqual({r.body for r in got[1::4]}, {b"ok\n"})
        self.assertEqual({r.json()["sha256"] for r in got[3::4]}, {EDITOR})

    def test_pipelining_behind_a_stream(self):
        one = (b"POST /v1/files HTTP/1.1\r\nHost: a\r\nContent-Length: 65\r\n\r\n" + HELLO.encode() +
               b"\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        with self.s.connect() as c, c.makefile("rb") as f:
            c.sendall(one * 3)
            got = [server.read_reply(f) for _ in range(6)]
        self.assertEqual({r.body for r in got[1::2]}, {b"ok\n"})
        self.assertEqual({r.json()["sha256"] for r in got[0::2]}, {HELLO})

    def test_http_1_0(self):
        out = self.s.raw(b"GET /healthz HTTP/1.0\r\n\r\n")
        self.assertTrue(out.endswith(b"\r\n\r\nok\n"))
        self.assertIn(b"Connection: close", out)
        with self.s.connect() as c, c.makefile("rb") as f:
            for _ in range(2):
                c.sendall(b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                self.assertEqual(server.read_reply(f).headers["connection"], "keep-alive")
        out = self.s.raw(b"POST /v1/files HTTP/1.0\r\nContent-Length: 64\r\n\r\n" + HELLO.encode())
        self.assertNotIn(b"chunked", out)
        self.assertEqual(json.loads(out.partition(b"\r\n\r\n")[2])["sha256"], HELLO)

    def test_expect_continue(self):
        with self.s.connect() as c, c.makefile("rb") as f:
            c.sendall(b"POST /v1/files HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                      b"Content-Length: 64\r\n\r\n")
            self.assertEqual(server.read_reply(f).status, 100)
            c.sendall(HELLO.encode())
            self.assertEqual(server.read_reply(f).json()["sha256"], HELLO)
        with self.s.connect() as c, c.makefile("rb") as f:
            c.sendall(b"POST /nowhere HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                      b"Content-Length: 64\r\n\r\n")
            self.assertEqual(server.read_reply(f).status, 404)

    def test_chunks(self):
        body = (HELLO + "\n" + UNKNOWN + "\n").encode()
        whole = self.s.ask("/v1/files", method="POST", body=body)
        for n in (1, 7, 64, 129):
            pieces = [body[i:i + n] for i in range(0, len(body), n)]
            self.assertEqual(self.s.ask("/v1/files", method="POST", body=pieces).body, whole.body)
        out = self.s.raw(b"POST /v1/files HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n0040;a=b\r\n" + HELLO.encode() +
                         b"\r\n0\r\nTrailer: x\r\n\r\n")
        self.assertIn(HELLO.encode(), out)

    def test_byte_by_byte(self):
        with self.s.connect() as c, c.makefile("rb") as f:
            for byte in b"\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n":
                c.sendall(bytes([byte]))
            self.assertEqual(server.read_reply(f).body, b"ok\n")

    def test_paths(self):
        for path in ("//healthz", "/healthz/", "///healthz//", "/%68ealthz", "/healthz?x=%zz",
                     "http://other/healthz"):
            self.assertEqual(self.s.ask(path).status, 200, path)

    # ------------------------------------------------------------ what is wrong

    def test_bad_requests(self):
        host = b"Host: a\r\n"
        for data, status in (
                (b"GET /%zz HTTP/1.1\r\n" + host, 400),
                (b"GET /healthz% HTTP/1.1\r\n" + host, 400),
                (b"GET /healthz%0 HTTP/1.1\r\n" + host, 400),
                (b"GET /healthz%00 HTTP/1.1\r\n" + host, 400),
                (b"GET /health\0z HTTP/1.1\r\n" + host, 400),
                (b"GET /../../etc/passwd HTTP/1.1\r\n" + host, 404),
                (b"GET /v1/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n" + host, 404),
                (b"GET /v1/files/../../etc/passwd HTTP/1.1\r\n" + host, 400),
                (b"GET healthz HTTP/1.1\r\n" + host, 400),
                (b"GET * HTTP/1.1\r\n" + host, 400),
                (b"GET /healthz\r\n", 400),
                (b"GET  /healthz HTTP/1.1\r\n" + host, 400),
                (b"GET /healthz HTTP/1.1\r\n", 400),
                (b"GET /healthz HTTP/1.1\r\n" + host + host, 400),
                (b"GET /healthz HTTP/1.1\r\nHost: a b\r\n", 400),
                (b"GET /healthz HTTP/1.1\r\nHost: <script>\r\n", 400),
                (b"GET /healthz HTTP/1.1\r\n" + host + b"no colon\r\n", 400),
                (b"GET /healthz HTTP/1.1\r\n" + host + b"a : b\r\n", 400),
                (b"GET /healthz HTTP/1.1\r\n" + host + b"a: b\r\n c\r\n", 400),
                (b"GET /healthz HTTP/1.1\r\n" + host + b"a: b\rc\r\n", 400),
                (b"GET /healthz HTTP/2.0\r\n" + host, 505),
                (b"GET /healthz HTTP/1.2\r\n" + host, 505),
                (b"PRI * HTTP/2.0\r\n", 505),
                (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", 400),
                (b"G\xc3\xa4T / HTTP/1.1\r\n" + host, 400),
                (b"DELETE /healthz HTTP/1.1\r\n" + host, 405),
                (b"BREW /healthz HTTP/1.1\r\n" + host, 405),
                (b"GET /v1/nothing HTTP/1.1\r\n" + host, 404),
                (b"GET /healthz HTTP/1.1\r\n" + host + b"Expect: tea\r\n", 417),
                (b"POST /v1/files HTTP/1.1\r\n" + host + b"Content-Length: x\r\n", 400),
                (b"POST /v1/files HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n", 400),
                (b"POST /v1/files HTTP/1.1\r\n" + host + b"Content-Length: 99999999999999999999\r\n",
                 400),
                (b"POST /v1/files HTTP/1.1\r\n" + host +
                 b"Content-Length: 1\r\nContent-Length: 2\r\n", 400),
                (b"POST /v1/files HTTP/1.1\r\n" + host +
                 b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400),
                (b"POST /v1/files HTTP/1.1\r\n" + host + b"Transfer-Encoding: gzip\r\n", 501),
                (b"POST /v1/files HTTP/1.1\r\n" + host +
                 b"Content-Length: 1\r\nContent-Encoding: gzip\r\n", 415),
                (b"POST /bulk/md5 HTTP/1.1\r\n" + host +
                 b"Transfer-Encoding: chunked\r\nContent-Encoding: utf-8, Deflate\r\n", 415),
                (b"POST /v1/files HTTP/1.1\r\n" + host +
                 b"Content-Length: 0\r\nContent-Encoding: gzip\r\n", 200),
                (b"POST /v1/files HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", 400),
                (b"GET /healthz HTTP/1.1\r\n" + host + b"a: b\r\n" * 200, 431),
                (b"GET /healthz HTTP/1.1\r\n" + host + b"a: " + b"b" * 20000 + b"\r\n", 431),
                (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n" + host, 431),
        ):
            with self.subTest(data[:80]):
                self.assertEqual(self.status(data + b"Connection: close\r\n\r\n"), status)

    def test_allow(self):
        self.assertEqual(self.s.ask("/v1/files", method="PUT").headers["allow"], "POST")
        self.assertEqual(self.s.ask("/healthz", method="OPTIONS").headers["allow"], "GET, HEAD")

    def test_bad_chunks(self):
        head = b"POST /-/reload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.assertEqual(self.status(head + b"xyz\r\n"), 403)
        head = head.replace(b"/-/reload", b"/v1/files")
        for bad in (b"xyz\r\n", b"-1\r\n", b"\r\n", b"1 2\r\nab\r\n", b"ffffffffffffffffff\r\n",
                    b"3\r\nabcd\r\n0\r\n\r\n", b"1;" + b"x" * 100000 + b"\r\n",
                    b"0\r\n" + b"a: b\r\n" * 20000):
            out = self.s.raw(head + bad, end=True)
            self.assertFalse(out.endswith(b"0\r\n\r\n"), bad[:20])

    def test_body_that_is_too_large(self):
        """Told by its length at once, or where it gets too long; the connection ends with it."""
        want = b'{"error":{"code":"BadRequestError","message":"the body is too large"}}\n'
        n = (2 << 20) + 1
        head = b"POST /bulk/md5 HTTP/1.1\r\nHost: a\r\n"
        for data in (head + b"Content-Length: %d\r\n\r\n" % n,
                     head + b"Content-Length: %d\r\n\r\n" % n + b" " * n,
                     head + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % n,
                     head + b"Transfer-Encoding: chunked\r\n\r\n" +
                     (b"10000\r\n" + b" " * 65536 + b"\r\n") * 33):
            reply = self.s.raw(data)
            fields, _, body = reply.partition(b"\r\n\r\n")
            self.assertEqual(fields.split(b"\r\n")[0], b"HTTP/1.1 413 Content Too Large")
            self.assertIn(b"\r\nConnection: close", fields)
            self.assertIn(b"\r\nContent-Type: application/json\r\n", fields)
            self.assertEqual(body, want)
        # One byte less is a body like others.
        body = b'{"hashes":[]}'.ljust(n - 1)
        self.assertEqual(self.s.ask("/bulk/md5", "POST", body=body).body, b"[]\n")

    def test_client_that_sends_all_before_it_reads(self):
        n = 100000
        body = (UNKNOWN + "\n").encode() * (n - 1) + HELLO.encode()
        reply = self.s.ask("/v1/files", method="POST", body=body)
        self.assertEqual(reply.body.count(b"\n"), n)
        self.assertIn(HELLO.encode(), reply.body[-4000:])

    def test_slow_reader_of_a_last_answer(self):
        """The server ends the connection long before the client has read what is under way."""
        body = (UNKNOWN + "\n").encode() * 30000
        out = 0
        with self.s.connect() as c:
            c.sendall(b"POST /v1/files HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                      b"Content-Length: %d\r\n\r\n" % len(body) + body)
            for until in (7 << 20, 1 << 40):
                while out < until:
                    piece = c.recv(1 << 16)
                    if not piece:
                        break
                    out += len(piece)
                    last = piece[-5:]
                time.sleep(5 if until < 1 << 40 else 0)
        self.assertEqual(last, b"0\r\n\r\n")

    def test_body_that_breaks_off(self):
        for head in (b"Content-Length: 1000", b"Transfer-Encoding: chunked"):
            out = self.s.raw(b"POST /v1/files HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n\r\n41\r\n" +
                             HELLO.encode() + b"\n\r\n", end=True)
            # Half a list never looks like a whole one.
            self.assertFalse(out.endswith(b"0\r\n\r\n"))

    def test_body_that_nobody_asked_for(self):
        """It is not taken for the next request."""
        smuggled = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
        for path, status in ((FILE, b"200"), ("/nowhere", b"404")):
            out = self.s.raw(b"GET %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (
                path.encode(), len(smuggled)) + smuggled)
            self.assertEqual(out.count(b"HTTP/1.1 "), 1)
            self.assertTrue(out.startswith(b"HTTP/1.1 " + status))
            self.assertIn(b"Connection: close", out)

    def test_ten_megabytes_of_head(self):
        before = self.memory()
        for _ in range(5):
            self.assertIn(self.status(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a: " + b"b" * 10000000),
                          (431, 0))
        self.assertLess(self.memory() - before, 32 << 20)

    def test_endless_body(self):
        """A list without an end, whose answers are read: memory stays as it is."""
        before, line = self.memory(), (UNKNOWN + "\n").encode()
        piece = b"%x\r\n%s\r\n" % (1000 * len(line), 1000 * line)
        with self.s.connect() as c:
            stop = threading.Event()

            def read():
                while not stop.is_set() and c.recv(1 << 20):
                    pass
            reader = threading.Thread(target=read)
            reader.start()
            c.sendall(b"POST /v1/files HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(60):
                c.sendall(piece)
            self.assertLess(self.memory() - before, 64 << 20)
            stop.set()
            c.shutdown(socket.SHUT_RDWR)
            reader.join(server.PATIENCE)

    def memory(self):
        with open("/proc/%d/statm" % self.s.process.pid, encoding="ascii") as f:
            return int(f.read().split()[1]) * 4096

    def test_nsrlsvr_line_without_end(self):
        self.assertEqual(self.s.raw(b"QUERY " + b"a" * 3000000, what="nsrlsvr"), b"")

    def test_clients_that_go_away(self):
        """In the middle of everything; others do not notice."""
        for i in range(60):
            c = self.s.connect()
            c.sendall((b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % FILE.encode())[:i * 2 + 1])
            if i % 2:
                c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            c.close()
        for i in range(20):
            c = self.s.connect()
            c.sendall(b"POST /v1/files HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                      b"4100\r\n" + (HELLO + "\n").encode() * 256)
            if i % 2:
                c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            c.close()


if __name__ == "__main__":
    server.main()
