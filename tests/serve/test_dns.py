#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""DNS: judged by dig where there is one; messages that no client sends by hand."""
import json
import os
import random
import shutil
import socket
import struct
import subprocess
import unittest

import server
from server import HELLO, UNKNOWN

HELLO_SHA1 = "4d1f5bb14d9822a4226e9814042b814717225bc7"
HELLO_MD5 = "c7c508a8df550c601d9213c3af65b961"
AMBIGUOUS = "a355064898ceb17a9080ec4120ee6e31"
ZONE = "hashlookup.internal"
TXT, SOA, A = 16, 6, 1
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
TC, AA = 0x0200, 0x0400


def name_of(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def question(name, kind=TXT, number=7, flags=0x0100, class_=1, edns=None, version=0):
    data = struct.pack(">6H", number, flags, 1, 0, 0, 0 if edns is None else 1)
    data += name_of(name) + struct.pack(">2H", kind, class_)
    if edns is not None:
        data += struct.pack(">BHHBBHH", 0, 41, edns, 0, version, 0, 0)
    return data


def split(h, at=32):
    return h[:at] + "." + h[at:]


class Dns(server.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.minimal = server.build(os.path.join(cls.folder, "minimal.kith"), os.path.join(
            server.SAMPLES, "RDS_2026.03.1_android_minimal.zip"))
        cls.s = server.Server([cls.set, cls.minimal], "--dns=127.0.0.1:0",
                              "--dns-zone=Hashlookup.Internal.", folder=cls.folder)
        cls.to = cls.s.addresses["dns"][0]
        cls.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        cls.socket.settimeout(server.PATIENCE)

    @classmethod
    def tearDownClass(cls):
        cls.socket.close()
        cls.s.stop()
        super().tearDownClass()

    def ask(self, data, to=None):
        """rcode, flags, number of answers, number of authorities, message."""
        self.socket.sendto(data, to or self.to)
        reply = self.socket.recv(65536)
        number, flags, n_questions, n_answers, n_authorities, _ = struct.unpack(">6H", reply[:12])
        self.assertEqual(number, struct.unpack(">H", data[:2])[0])
        self.assertTrue(flags & 0x8000)
        self.assertLessEqual(n_questions, 1)
        return flags & 15, flags, n_answers, n_authorities, reply

    def texts(self, name, **more):
        """The texts of all TXT records of a name."""
        asked = question(name, edns=4096, **more)
        rcode, flags, n, _, reply = self.ask(asked)
        self.assertEqual((rcode, flags & (TC | AA)), (NOERROR, AA))
        at = 12 + len(name_of(name)) + 4
        self.assertEqual(reply[12:at], asked[12:at])
        found = []
        for _ in range(n):
            pointer, kind, class_, _, length = struct.unpack(">HHHIH", reply[at:at + 12])
            self.assertEqual((pointer, kind, class_), (0xc00c, TXT, 1))
            at += 12
            end, text = at + length, b""
            while at < end:
                text += reply[at + 1:at + 1 + reply[at]]
                at += 1 + reply[at]
            self.assertEqual(at, end)
            found.append(text)
        self.assertEqual(reply[at:at + 3], b"\0\0\x29")  # and then EDNS
        self.assertEqual(len(reply), at + 11)
        return found

    def test_records(self):
        body = json.dumps({"hashes": [HELLO]}).encode()
        want = self.s.ask("/bulk/sha256", "POST", body=body).json()
        for name in (HELLO_MD5, HELLO_SHA1, HELLO_SHA1.upper(), split(HELLO), split(HELLO, 63),
                     split(HELLO, 1), split(HELLO_MD5, 5)):
            self.assertEqual([json.loads(t) for t in self.texts(name + "." + ZONE)], want)
        self.assertEqual(len(self.texts(AMBIGUOUS + "." + ZONE.upper())), 2)

    def test_nothing(self):
        for name in (UNKNOWN[:32], UNKNOWN[:40], split(UNKNOWN), "zz", HELLO_MD5[:31],
                     HELLO_MD5 + "0", "a.b." + HELLO_MD5, HELLO[:20] + "." + HELLO[20:40] + "."
                     + HELLO[40:], "x" * 63):
            rcode, flags, n, n_soa, _ = self.ask(question(name + "." + ZONE))
            self.assertEqual((rcode, n, n_soa, flags & AA), (NXDOMAIN, 0, 1, AA), name)
        # The name is there, and has no such record.
        rcode, _, n, n_soa, _ = self.ask(question(HELLO_MD5 + "." + ZONE, A))
        self.assertEqual((rcode, n, n_soa), (NOERROR, 0, 1))
        # So that those who ask label by label go on to the other half of a SHA-256.
        for at in (1, 32, 63):
            for kind, want in ((A, NOERROR), (SOA, NOERROR), (TXT, NXDOMAIN)):
                rcode, _, n, n_soa, _ = self.ask(question(HELLO[at:][:63] + "." + ZONE, kind))
                self.assertEqual((rcode, n, n_soa), (want, 0, 1), (at, kind))
        self.assertEqual(self.ask(question("zz." + ZONE, A))[0], NXDOMAIN)
        rcode, _, n, n_soa, _ = self.ask(question(ZONE))
        self.assertEqual((rcode, n, n_soa), (NOERROR, 0, 1))
        rcode, _, n, n_soa, _ = self.ask(question(ZONE, SOA))
        self.assertEqual((rcode, n, n_soa), (NOERROR, 1, 0))

    def test_refused(self):
        for name in ("", "example.com", "internal", HELLO_MD5, HELLO_MD5 + ".x" + ZONE,
                     HELLO_MD5 + "." + ZONE + ".com"):
            rcode, flags, n, n_soa, _ = self.ask(question(name))
            self.assertEqual((rcode, n, n_soa, flags & AA), (REFUSED, 0, 0, 0), name)
        self.assertEqual(self.ask(question(HELLO_MD5 + "." + ZONE, class_=3))[0], REFUSED)

    def test_size(self):
        name = AMBIGUOUS + "." + ZONE
        whole = self.ask(question(name, edns=4096))
        self.assertFalse(whole[1] & TC)
        self.assertGreater(len(whole[4]), 512)
        for edns, most in ((None, 512), (0, 512), (512, 512), (len(whole[4]) - 1, len(whole[4]) - 1)):
            _, flags, n, _, reply = self.ask(question(name, edns=edns))
            self.assertEqual((flags & TC, n), (TC, 0))
            self.assertLessEqual(len(reply), most)
        self.assertEqual(self.ask(question(name, edns=len(whole[4])))[4], whole[4])
        self.assertEqual(self.ask(question(name, edns=65535))[4], whole[4])

    def test_malformed(self):
        good = question(HELLO_MD5 + "." + ZONE, edns=4096)
        head = struct.pack(">6H", 9, 0x0100, 1, 0, 0, 0)
        for data, rcode in (
                (head + b"\xc0\x0c" + struct.pack(">2H", TXT, 1), FORMERR),  # a pointer to itself
                (head + b"\x03abc\xc0\x0c" + struct.pack(">2H", TXT, 1), FORMERR),
                (head + b"\x40" + b"a" * 64 + b"\0" + struct.pack(">2H", TXT, 1), FORMERR),
                (head + (b"\x3f" + b"a" * 63) * 4 + b"\0" + struct.pack(">2H", TXT, 1), FORMERR),
                (head + b"\x3fabc", FORMERR), (head, FORMERR), (good[:-1], FORMERR),
                (good[:20], FORMERR),
                (struct.pack(">6H", 9, 0, 2, 0, 0, 0) + good[12:], FORMERR),
                (struct.pack(">6H", 9, 0, 1, 1, 0, 0) + good[12:], FORMERR),
                (struct.pack(">6H", 9, 0, 1, 0, 0, 2) + good[12:] + good[-11:], FORMERR),
                (question(ZONE, flags=0x2800), NOTIMP)):
            answer = self.ask(data)
            self.assertEqual((answer[0], answer[2], answer[3]), (rcode, 0, 0), data)
        rcode, _, n, _, reply = self.ask(question(ZONE, edns=4096, version=1))
        self.assertEqual((rcode, n, reply[-6]), (0, 0, 1))  # BADVERS is 16: in the EDNS record
        # No reply: too short, and replies themselves (two servers must not talk for ever).
        for data in (b"", b"\0" * 11, question(ZONE, flags=0x8100)):
            self.socket.sendto(data, self.to)
        self.assertEqual(len(self.texts(HELLO_MD5 + "." + ZONE)), 1)

    def test_noise(self):
        """Damaged questions: whatever comes back, the next one is answered."""
        chance = random.Random(5)
        quiet = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with quiet:
            for number in range(2000):
                # More at a time than a socket holds would be lost, the question behind them too.
                if number % 100 == 0:
                    self.assertEqual(len(self.texts(HELLO_MD5 + "." + ZONE)), 1)
                data = bytearray(question(HELLO_MD5 + "." + ZONE, edns=4096))
                for _ in range(chance.randrange(1, 8)):
                    data[chance.randrange(len(data))] = chance.randrange(256)
                quiet.sendto(bytes(data[:chance.randrange(len(data) + 1)]), self.to)
        self.assertEqual(len(self.texts(HELLO_MD5 + "." + ZONE)), 1)
        self.assertGreater(
            self.s.metric('kith_requests_total{dialect="dns",code="2xx"}'), 0)

    def test_could_not_tell(self):
        v2 = server.build(os.path.join(self.folder, "v2.kith"),
                          os.path.join(server.SAMPLES, "rds_modern"))
        s = self.serve("--dns=127.0.0.1:0", "--dns-zone=z", sets=[v2])
        to = s.addresses["dns"][0]
        self.assertEqual(self.ask(question(split(HELLO) + ".z"), to)[0], SERVFAIL)
        self.assertEqual(self.ask(question(HELLO_MD5 + ".z", edns=4096), to)[0], NOERROR)

    def test_a_set_that_breaks(self):
        path = shutil.copy(self.set, os.path.join(self.folder, "broken.kith"))
        # What belongs to a set that broke is given up, on purpose.
        leaks = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        s = self.serve("--dns=127.0.0.1:0", "--dns-zone=z", sets=[path],
                       env={"ASAN_OPTIONS": leaks})
        to = s.addresses["dns"][0]
        self.assertEqual(self.ask(question(HELLO_MD5 + ".z", edns=4096), to)[0], NOERROR)
        os.truncate(path, 4096)
        for name in (HELLO_MD5, UNKNOWN[:32]):
            rcode, _, n, n_soa, _ = self.ask(question(name + ".z", edns=4096), to)
            self.assertEqual((rcode, n, n_soa), (SERVFAIL, 0, 0))
        fresh = shutil.copy(self.set, path + ".new")
        os.rename(fresh, path)
        self.assertEqual(s.reload().status, 200)
        self.assertEqual(self.ask(question(HELLO_MD5 + ".z", edns=4096), to)[0], NOERROR)

    def test_options(self):
        for words in (["--dns=127.0.0.1:0"], ["--dns-zone=z"],
                      ["--dns=127.0.0.1:0", "--dns-zone="], ["--dns=127.0.0.1:0", "--dns-zone=a..b"],
                      ["--dns=127.0.0.1:0", "--dns-zone=" + "x" * 64],
                      ["--dns=x", "--dns-zone=z"]):
            done = subprocess.run([server.program("KITH_SERVE"), "-d", self.set, "--no-tcp",
                                   "--unix=" + os.path.join(self.folder, "o")] + words,
                                  stderr=subprocess.PIPE, timeout=server.PATIENCE, check=False)
            self.assertEqual(done.returncode, 2, words)

    @unittest.skipUnless(shutil.which("dig"), "there is no dig")
    def test_dig(self):
        def dig(*words):
            return subprocess.run(["dig", "@127.0.0.1", "-p", str(self.to[1]), "+time=10", *words],
                                  stdout=subprocess.PIPE, check=True).stdout.decode()
        for name in (HELLO_MD5, HELLO_SHA1, split(HELLO)):
            out = dig("+short", "+bufsize=4096", name + "." + ZONE, "TXT").strip()
            # Strings in quotes, with backslashes before quotes.
            text = out[1:-1].replace('" "', "").replace('\\"', '"')
            self.assertEqual(json.loads(text)["SHA-256"], HELLO.upper())
        for words, status in (((UNKNOWN[:32] + "." + ZONE, "TXT"), "NXDOMAIN"),
                              (("example.com", "TXT"), "REFUSED"), ((ZONE, "SOA"), "NOERROR"),
                              (("+edns=1", "+noednsnegotiation", ZONE, "SOA"), "BADVERS")):
            out = dig(*words)
            self.assertIn("status: %s," % status, out)
            self.assertNotIn("malformed", out.lower())
            self.assertNotIn("extra bytes", out)


if __name__ == "__main__":
    server.main()
