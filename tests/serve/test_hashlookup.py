#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""CIRCL hashlookup: its paths, messages and statuses, and what lies in what."""
import hashlib
import io
import json
import os
import subprocess
import tarfile
import time

import server
from server import HELLO, UNKNOWN

HELLO_SHA1 = "4d1f5bb14d9822a4226e9814042b814717225bc7"
HELLO_MD5 = "c7c508a8df550c601d9213c3af65b961"
BULK_ERROR = {"message": "JSON format incorrect. An array of hashes in the key 'hashes' is "
                         "expected."}
SHA1_DOT = {"message": "SHA1 value incorrect, expecting a SHA1 value in hex format."}


def sha1(data):
    return hashlib.sha1(data).hexdigest().upper()


def tar(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as t:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


class Hashlookup(server.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(os.path.join(server.SAMPLES, "files", "hello.txt"), "rb") as f:
            hello = f.read()
        cls.leaves = [b"leaf %d\n" % i for i in range(30)]
        cls.inner = tar([("d/leaf%d" % i, data) for i, data in enumerate(cls.leaves)])
        cls.outer = tar([("pool/inner.tar", cls.inner), ("hello.txt", hello)])
        cls.twin = tar([("other/inner.tar", cls.inner)])
        folder = os.path.join(cls.folder, "in")
        os.mkdir(folder)
        for name, data in (("outer.tar", cls.outer), ("twin.tar", cls.twin)):
            with open(os.path.join(folder, name), "wb") as f:
                f.write(data)
        cls.image = os.path.join(cls.folder, "image.kith")
        subprocess.run([server.program("KITH_BUILD"), "image", "-q", "-o", cls.image,
                        os.path.join(folder, "outer.tar"), os.path.join(folder, "twin.tar")],
                       check=True)
        cls.s = server.Server([cls.set, cls.image], "--sessions=600", folder=cls.folder)

    @classmethod
    def tearDownClass(cls):
        cls.s.stop()
        super().tearDownClass()

    def get(self, path, status=200, **more):
        reply = self.s.ask(path, **more)
        self.assertEqual(reply.headers["content-type"], "application/json")
        self.assertEqual(reply.status, status, reply.body)
        return reply.json()

    def test_lookup_messages(self):
        for kind, word in (("md5", "MD5"), ("sha1", "SHA1"), ("sha256", "SHA-256")):
            for bad in ("zz", "0" * 31, UNKNOWN[:-1], "%01", "a/b"):
                self.assertEqual(self.get("/lookup/%s/%s" % (kind, bad), 400), {
                    "message": "%s value incorrect, expecting a %s value in hex format"
                               % (word, word)})
        for kind, n, word in (("md5", 32, "MD5"), ("sha1", 40, "SHA-1"), ("sha256", 64, "SHA-256")):
            asked = UNKNOWN[:n].upper()
            self.assertEqual(self.get("/lookup/%s/%s" % (kind, asked), 404),
                             {"message": "Non existing " + word, "query": asked})
        # Of another kind than the path says.
        self.get("/lookup/md5/" + HELLO, 400)

    def test_lookup_forms(self):
        one = self.get("/lookup/sha256/" + HELLO)
        for path in ("/lookup/sha256/" + HELLO.upper(), "/lookup/sha256/%s/" % HELLO,
                     "//lookup//sha256//%s//" % HELLO, "/lookup/md5/" + HELLO_MD5,
                     "/lookup/sha1/" + HELLO_SHA1):
            self.assertEqual(self.get(path), one)
        self.assertEqual((one["SHA-1"], one["MD5"], one["SHA-256"], one["FileSize"]),
                         (HELLO_SHA1.upper(), HELLO_MD5.upper(), HELLO.upper(), "55"))
        self.assertEqual(self.s.ask("/lookup/md5/" + HELLO_MD5, "POST", body=b"").status, 405)

    def test_parents_of_a_record(self):
        one = self.get("/lookup/sha256/" + HELLO)
        self.assertEqual(one["hashlookup:parent-total"], 3)
        self.assertEqual(one["hashlookup:trust"], 65)
        self.assertEqual({p.get("FileName") for p in one["parents"]},
                         {None, "example-editor-2.1-setup.zip", "outer.tar"})
        leaf = self.get("/lookup/sha1/" + sha1(self.leaves[0]))
        # Two tars that hold the inner one, and that at two places.
        self.assertEqual((leaf["hashlookup:parent-total"], leaf["hashlookup:trust"]), (4, 70))
        self.assertEqual(sorted(p["FileName"] for p in leaf["parents"]),
                         ["inner.tar", "inner.tar", "outer.tar", "twin.tar"])

    def test_many_parents(self):
        """15 are shown, of more 10; the trust ends at 100."""
        for n, shown in ((15, 15), (16, 10)):
            folder = os.path.join(self.folder, "many%d" % n)
            os.mkdir(folder)
            for i in range(n):
                with open(os.path.join(folder, "t%d.tar" % i), "wb") as f:
                    f.write(tar([("same", b"same\n"), ("n%d" % i, b"%d" % i)]))
            built = folder + ".kith"
            subprocess.run([server.program("KITH_BUILD"), "image", "-q", "-o", built] +
                           [os.path.join(folder, name) for name in os.listdir(folder)], check=True)
            one = self.serve(sets=[built]).ask("/lookup/sha1/" + sha1(b"same\n")).json()
            self.assertEqual((one["hashlookup:parent-total"], len(one["parents"]),
                              one["hashlookup:trust"]), (n, shown, 100))

    def test_bulk(self):
        def bulk(kind, hashes):
            return self.get("/bulk/" + kind, method="POST",
                            body=json.dumps({"hashes": hashes}).encode())
        raw = bulk("sha256", [HELLO])[0]
        one = self.get("/lookup/sha256/" + HELLO)
        for key in ("parents", "hashlookup:trust", "hashlookup:parent-total"):
            del one[key]
        self.assertEqual(raw, one)
        self.assertEqual(bulk("md5", [UNKNOWN[:32], HELLO_MD5.upper(), "zz", 5, None, HELLO,
                                      {"a": ["]"]}, ["x"], "\u00e9", HELLO_MD5]), [raw, raw])
        self.assertEqual(bulk("sha1", [HELLO_SHA1]), [raw])
        self.assertEqual(bulk("sha1", [HELLO_MD5]), [])
        self.assertEqual(bulk("md5", []), [])
        leaves = [sha1(leaf) for leaf in self.leaves]
        self.assertEqual([r["SHA-1"] for r in bulk("sha1", leaves * 40)], leaves * 40)
        body = ('{"a":{"hashes":[1,{"b":"\\"]"}]}, "hashes" : [ "%s" ] ,"c":-1.5e+3}'
                % HELLO_MD5).encode()
        self.assertEqual(self.get("/bulk/md5/", method="POST", body=body,
                                  headers={"Content-Type": "text/plain"}), [raw])
        self.assertEqual(self.get("/bulk/md5", method="POST",
                                  body=[body[i:i + 1] for i in range(len(body))]), [raw])
        # Escapes say the same as what they stand for, in a member's name too.
        escaped = "".join("\\u%04X" % ord(c) for c in HELLO_MD5)
        some = HELLO_MD5[:5] + "\\u00%02x" % ord(HELLO_MD5[5]) + HELLO_MD5[6:]
        body = '{"h\\u0061shes":["%s","\\ud83d\\ude00\\"\\/","%s","\\n%s","%s"]}' % (
            escaped, some, HELLO_MD5, HELLO_MD5)
        self.assertEqual(json.loads(body)["hashes"][::2], [HELLO_MD5] * 3)
        self.assertEqual(self.get("/bulk/md5", method="POST", body=body.encode()), [raw] * 3)

    def test_bulk_of_no_json(self):
        for body in (b"", b"{", b"{}", b"[]", b'["hashes"]', b'{"hashes":{}}', b'{"hashes":"x"}',
                     b'{"hashes":[}', b'{"hashes":["a"', b'{"hashes":["a" "b"]}', b'{"hashes":[]}x',
                     b'{"hashes":[]', b"{\"hashes\":['a']}", b'{"hashes":[,]}', b"\x00",
                     b'{"hashes":["\n"]}', b'{"hashes":["a",]}', b'{"hash":["a"]}',
                     b'{"hashes":["\\x41"]}', b'{"hashes":["\\u12g4"]}', b'{"hashes":["\\u123"]}',
                     b'{"hashes":' + b"[" * 100 + b"]" * 100 + b"}", b'{"hashes":["\\'):
            self.assertEqual(self.get("/bulk/md5", 404, method="POST", body=body), BULK_ERROR)
        self.assertEqual(self.s.ask("/bulk/md5").status, 405)
        big = b'{"hashes":["' + b"0" * (3 << 20) + b'"]}'
        self.assertIn(self.s.raw(b"POST /bulk/md5 HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
                                 % len(big) + big).split(b" ")[1], (b"413",))

    def test_children(self):
        leaves = {sha1(leaf) for leaf in self.leaves}
        answer = self.get("/children/%s/0/0" % sha1(self.inner))
        self.assertEqual(set(answer["children"]), leaves)
        self.assertEqual((answer["cursor"], answer["total"]), (0, 30))
        # However deep, and each once.
        answer = self.get("/children/%s/100/0/" % sha1(self.outer).lower())
        self.assertEqual(set(answer["children"]), leaves | {sha1(self.inner), HELLO_SHA1.upper()})
        self.assertEqual(answer["total"], 32)
        seen, cursor = [], 0
        for _ in range(5):
            answer = self.get("/children/%s/7/%d" % (sha1(self.inner), cursor))
            seen += answer["children"]
            cursor = answer["cursor"]
            self.assertEqual(answer["total"], 30)
            if cursor == 0:
                break
            self.assertEqual(len(answer["children"]), 7)
        self.assertEqual((len(seen), set(seen)), (30, leaves))

    def test_parents(self):
        answer = self.get("/parents/%s/0/0" % sha1(self.leaves[3]))
        self.assertEqual(set(answer["parents"]),
                         {sha1(self.inner), sha1(self.outer), sha1(self.twin)})
        self.assertEqual((answer["cursor"], answer["total"]), (0, 3))
        answer = self.get("/parents/%s/2/2" % sha1(self.leaves[3]))
        self.assertEqual((len(answer["parents"]), answer["cursor"]), (1, 0))
        self.assertIn(sha1(self.outer), self.get("/parents/" + HELLO_SHA1)["parents"])

    def test_no_children_no_parents(self):
        none = "0" * 40
        self.assertEqual(self.get("/children/%s/0/0" % none, 404),
                         {"message": "The SHA1 value has no known child."})
        self.assertEqual(self.get("/parents/%s/0/0" % none, 404),
                         {"message": "The SHA1 value has no known parent."})
        self.get("/children/%s/0/0" % sha1(self.leaves[0]), 404)
        self.get("/parents/%s/0/0" % sha1(self.outer), 404)
        for what in ("children", "parents"):
            for bad in ("zz/0/0", HELLO_MD5 + "/0/0", "%01/1/1"):
                self.assertEqual(self.get("/%s/%s" % (what, bad), 400), SHA1_DOT)
            for bad in ("/-1/0", "/x/0", "/0/x", "/0/0/0", "/1e3/0", "/" + "9" * 40 + "/0"):
                self.get("/%s/%s%s" % (what, none, bad), 404)

    def test_info(self):
        info = self.get("/info")
        counts = [json.loads(server.kith("info", "--json", "-d", path))["files"]
                  for path in (self.set, self.image)]
        self.assertEqual(info["stat:hashlookup_total_keys"], str(sum(counts)))
        self.assertEqual(info["stat:nsrl_modern_rds"], str(counts[0]))
        self.assertEqual(info["stat:nsrl_android"], "0")
        self.assertEqual(info["nsrl-version"], "2026.03.1")
        self.assertEqual(info["hashlookup-version"], "1.2")

    def test_sessions(self):
        self.assertEqual(self.get("/session/create/a%20b"), {
            "message": "Session a b created and session will expire in 600 seconds"})
        for kind, h in (("md5", HELLO_MD5), ("md5", HELLO_MD5), ("sha256", UNKNOWN), ("md5", "zz")):
            self.s.ask("/lookup/%s/%s" % (kind, h), headers={"hashlookup_session": "a b"})
        self.s.ask("/lookup/sha1/" + HELLO_SHA1, headers={"hashlookup_session": "another"})
        answer = self.get("/session/get/a%20b")
        self.assertEqual((answer["exist"], answer["nx"]),
                         ([HELLO_MD5.upper()], [UNKNOWN.upper()]))
        self.assertIsInstance(answer["info"], str)
        self.get("/session/create", 400)
        self.get("/session/create/" + "x" * 121, 400)
        self.get("/session/create/" + "x" * 120)
        self.assertEqual(self.get("/session/get/none", 404), {"message": "Non-existing session"})
        # There is room for so many; then those that are there stay.
        for i in range(200):
            if self.s.ask("/session/create/s%d" % i).status != 200:
                break
        self.assertLess(i, 199)
        self.get("/session/get/s0")

    def test_sessions_end(self):
        s = self.serve("--sessions=1")
        self.assertEqual(s.ask("/session/create/x").status, 200)
        while s.ask("/session/get/x").status == 200:
            time.sleep(0.1)

    def test_off(self):
        s = self.serve()
        for path in ("/session/create/x", "/session/get/x", "/session/create"):
            reply = s.ask(path)
            self.assertEqual((reply.status, reply.json()),
                             (500, {"message": "Session feature is not enabled"}))
        reply = s.ask("/stats/top")
        self.assertEqual((reply.status, reply.json()),
                         (400, {"message": "Public statistics not enabled"}))
        self.assertEqual(s.ask("/lookup/md5/" + HELLO_MD5,
                               headers={"hashlookup_session": "x"}).status, 200)

    def test_openapi(self):
        doc = self.get("/swagger.json")
        self.assertTrue(doc["openapi"].startswith("3."))
        values = {"hash": "zz", "sha1": "zz", "count": "0", "cursor": "0", "name": "n"}
        for path, methods in doc["paths"].items():
            for method, what in methods.items():
                # Each path is there, and gives a status that is described.
                reply = self.s.ask(path.format(**values), method.upper(),
                                   body=b"x" if method == "post" else None)
                self.assertIn(str(reply.status), what["responses"], path)
                self.assertNotIn(b"nothing at this path", reply.body)


if __name__ == "__main__":
    server.main()
