#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the server answers is what `kith` says, in every dialect that both have; and the forms in which
clients ask."""
import gzip
import http.client
import json
import os
import re
import shutil
from urllib.parse import quote

import server
from server import EDITOR, HELLO, UNKNOWN

HELLO_SHA1 = "4d1f5bb14d9822a4226e9814042b814717225bc7"
HELLO_MD5 = "c7c508a8df550c601d9213c3af65b961"
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"
AMBIGUOUS = "a355064898ceb17a9080ec4120ee6e31"  # an MD5 that two files of the minimal release share
HOST = {"Host": "kith.test:8080"}


class Answers(server.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.minimal = server.build(os.path.join(cls.folder, "minimal.kith"), os.path.join(
            server.SAMPLES, "RDS_2026.03.1_android_minimal.zip"))
        cls.v2 = server.build(os.path.join(cls.folder, "v2.kith"),
                              os.path.join(server.SAMPLES, "rds_modern"))
        cls.sets = [cls.set, cls.minimal]
        cls.s = server.Server(cls.sets, "--nsrlsvr=127.0.0.1:0", folder=cls.folder)
        cls.hashes = cls.all_hashes()

    @classmethod
    def tearDownClass(cls):
        cls.s.stop()
        super().tearDownClass()

    @classmethod
    def all_hashes(cls):
        found = []
        for path in cls.sets:
            for line in server.kith("dump", path).decode().splitlines():
                words = line.split(" ")
                if words[0] == "file":
                    found += [w for w in words[1:4] if w != "-"]
        found = sorted(set(found))
        return found + [AMBIGUOUS, EMPTY_MD5, UNKNOWN, UNKNOWN[:40], UNKNOWN[:32], HELLO.upper()]

    def cli(self, form, hashes):
        words = [w for path in self.sets for w in ("-d", path)]
        return server.kith("lookup", *words, "--format", form, "-f", "-",
                           stdin="\n".join(hashes).encode())

    def ask_all(self, prefix, hashes):
        """(status, body) of each, over one connection."""
        c = http.client.HTTPConnection("127.0.0.1", self.s.port, timeout=server.PATIENCE)
        for h in hashes:
            c.request("GET", prefix + h, headers=HOST)
            r = c.getresponse()
            self.assertEqual(r.headers["Content-Type"], "application/json")
            yield h, r.status, r.read()
        c.close()

    # ------------------------------------------------------------ the same

    def test_native_is_jsonl(self):
        want = self.cli("jsonl", self.hashes)
        self.assertGreater(want.count(b'"verdict":"known"'), 1000)
        self.assertEqual(want.count(b'"verdict":"unknown"'), 3)
        got = self.s.ask("/v1/files", "POST", body="\n".join(self.hashes).encode())
        self.assertEqual(got.status, 200)
        self.assertEqual(got.body, want)
        some = self.hashes[::7] + self.hashes[-6:]
        lines = dict(zip(self.hashes, want.splitlines(True)))
        for h, status, body in self.ask_all("/v1/files/", some):
            self.assertEqual((status, body), (200, lines[h]))

    def test_virustotal_is_vt(self):
        some = self.hashes[::5] + self.hashes[-6:]
        want = self.cli("vt", some).replace(b"https://www.virustotal.com/",
                                            b"http://kith.test:8080/").splitlines(True)
        seen = set()
        without_links = 0
        for line, (_, status, body) in zip(want, list(self.ask_all("/api/v3/files/", some))):
            self.assertEqual(body, line)
            without_links += b'"known_distributors"' in body and b'"links":[' not in body
            answer = json.loads(line)
            expected = 409 if "error" in answer and "data" in answer else \
                404 if "error" in answer else 200
            self.assertEqual(status, expected)
            seen.add(status)
        self.assertEqual(seen, {200, 404, 409})
        self.assertGreater(without_links, 0)  # the key is there only when there are any

    def test_hashlookup_is_hashlookup(self):
        some = self.hashes[::5] + self.hashes[-6:]
        want = self.cli("hashlookup", some).splitlines(True)
        kinds = {32: "/lookup/md5/", 40: "/lookup/sha1/", 64: "/lookup/sha256/"}
        seen, at = set(), 0
        for n, prefix in kinds.items():
            self.assertGreater(len([h for h in some if len(h) == n]), 50, prefix)
        c = http.client.HTTPConnection("127.0.0.1", self.s.port, timeout=server.PATIENCE)
        for h in some:
            c.request("GET", kinds[len(h)] + h)
            r = c.getresponse()
            body = r.read()
            seen.add(r.status)
            if r.status == 409:
                records = json.loads(body)["records"]
                self.assertGreater(len(records), 1)
                self.assertEqual(records,
                                 [json.loads(line) for line in want[at:at + len(records)]])
                at += len(records)
                continue
            self.assertEqual(body, want[at])
            self.assertEqual(r.status, 404 if b'"message"' in body else 200)
            at += 1
        c.close()
        self.assertEqual(at, len(want))
        self.assertEqual(seen, {200, 404, 409})

    def test_why(self):
        for h in (HELLO, HELLO_SHA1, EDITOR, AMBIGUOUS):
            words = [w for path in self.sets for w in ("-d", path)]
            told = server.kith("why", *words, h).decode().splitlines()
            answer = self.s.ask("/v1/why/" + h).json()
            chains = [c for f in answer["files"] for c in f["chains"]]
            self.assertEqual(len([1 for line in told if not line.endswith(":")]), len(chains))
            if len(answer["files"]) == 1:
                # The samples' chains of these files need no escapes.
                self.assertEqual(told, chains)
        self.assertEqual(self.s.ask("/v1/why/" + UNKNOWN).json(),
                         {"query": UNKNOWN, "verdict": "unknown", "files": []})

    def test_names(self):
        words = [w for path in self.sets for w in ("-d", path)]
        for name in ("hello.txt", "editor.exe", "__TEXT__text"):
            told = server.kith("name", *words, name).decode("utf-8", "replace")
            want = sorted({line.lstrip("\\").split("  ")[0] for line in told.splitlines()})
            self.assertGreater(len(want), 0)
            answer = self.s.ask("/v1/names/" + name).json()
            self.assertEqual(answer["name"], name)
            self.assertFalse(answer["truncated"])
            files = answer["files"]
            self.assertEqual(sorted(f["sha256"] or f["sha1"] for f in files), want)
            # The same in pages of one, with the name as a parameter.
            paged, cursor = [], ""
            for _ in range(len(want) + 1):
                page = self.s.ask("/v1/names?limit=1&name=%s&cursor=%s" % (name, cursor)).json()
                paged += page["files"]
                if not page["truncated"]:
                    break
                cursor = page["cursor"]
            self.assertFalse(page["truncated"])
            self.assertEqual(paged, files)
        for path, status, code in (("/v1/names/no-such-name", 404, "NotFoundError"),
                                   ("/v1/names", 400, "BadRequestError"),
                                   ("/v1/names/hello.txt?cursor=7-", 400, "BadRequestError"),
                                   ("/v1/names/hello.txt?cursor=0-zz", 400, "BadRequestError")):
            reply = self.s.ask(path)
            self.assertEqual((reply.status, reply.json()["error"]["code"]), (status, code))

    def test_several_sets_are_one(self):
        """Also where one knows a file by SHA-1 alone; in every order of the sets."""
        def plain(escape):
            c = int(escape[1] or "5c", 16)
            return chr(c) if c < 128 else "\ufffd"  # which JSON has for what is no UTF-8
        names = sorted({line.split(" ", 2)[2] for path in (self.minimal, self.v2)
                        for line in server.kith("dump", path).decode().splitlines()
                        if line.startswith("name ") and "\\" not in line})
        for sets in ([self.v2, self.minimal], [self.minimal, self.set, self.v2]):
            s = self.serve(sets=sets)
            words = [w for path in sets for w in ("-d", path)]
            found, by_sha1 = 0, 0
            for name in ["hello.txt", "Layout-archive.h", "arrow_arrow.svg"] + names[::25]:
                told = server.kith("name", *words, "--", name).decode().splitlines()
                want = [line.split("  ")[0] for line in told]
                pages, cursor = [], ""
                while cursor is not None:
                    page = s.ask("/v1/names/%s?limit=7&cursor=%s" % (quote(name), cursor)).json()
                    pages += page["files"]
                    self.assertLessEqual(len(page["files"]), 7)
                    cursor = page.get("cursor")
                self.assertEqual([f["sha256"] or f["sha1"] for f in pages], want, name)
                found += len(want)
                by_sha1 += len([h for h in want if len(h) == 40])
            self.assertGreater(found, 30)
            self.assertGreater(by_sha1, 0)
            asked = "\n".join(self.hashes[::3]).encode()
            self.assertEqual(s.ask("/v1/files", "POST", body=asked).body, server.kith(
                "lookup", *words, "--format", "jsonl", "-f", "-", stdin=asked))
            for h in self.hashes[::120]:
                answer = s.ask("/v1/why/" + h).json()
                # A terminal gets escapes for backslashes and what is not printed.
                told = [re.sub(r"\\(?:\\|x(..))", plain, line) for line in
                        server.kith("why", *words, h).decode().splitlines()]
                self.assertEqual([line.strip() for line in told if not line.endswith(":")],
                                 [c.strip() for f in answer["files"] for c in f["chains"]])

    def test_sets_is_info(self):
        answer = self.s.ask("/v1/sets").json()["sets"]
        self.assertEqual(len(answer), 2)
        for path, one in zip(self.sets, answer):
            want = json.loads(server.kith("info", "--json", "-d", path))
            want["set"] = os.path.basename(path)
            want["ledger"] = [row for row in want["ledger"]
                              if not row["reason"].startswith("input sha256:")]
            self.assertEqual(one, want)

    # ------------------------------------------------------------ VirusTotal

    def vt(self, path, **more):
        reply = self.s.ask("/api/v3/files/" + path, **more)
        self.assertEqual(reply.headers["content-type"], "application/json")
        return reply

    def test_known_distributors(self):
        data = self.vt(HELLO_MD5).json()["data"]
        self.assertEqual((data["type"], data["id"]), ("file", HELLO))
        self.assertEqual(data["links"],
                         {"self": "http://kith.test:8080/api/v3/files/" + HELLO})
        attributes = data["attributes"]
        self.assertEqual(sorted(attributes), ["known_distributors", "md5", "names", "sha1",
                                              "sha256", "size", "tags"])
        self.assertEqual(attributes["tags"], ["known-distributor", "nsrl"])
        known = attributes["known_distributors"]
        self.assertEqual(sorted(known), ["data_sources", "distributors", "filenames", "links",
                                         "products"])
        self.assertEqual(known["filenames"], ["hello.txt", "welcome.txt"])
        self.assertEqual(known["data_sources"], ["National Software Reference Library (NSRL)"])
        for items in known.values():
            self.assertEqual(items, sorted(set(items)))

    def test_https_behind_a_proxy(self):
        data = self.vt(HELLO, headers={"X-Forwarded-Proto": "https"}).json()["data"]
        self.assertEqual(data["links"]["self"], "https://kith.test:8080/api/v3/files/" + HELLO)

    def test_attributes(self):
        def names(query):
            return sorted(self.vt(HELLO + query).json()["data"]["attributes"])
        self.assertEqual(names("?attributes=known_distributors"), ["known_distributors"])
        self.assertEqual(names("?attributes=sha256%2Csize"), ["sha256", "size"])
        self.assertEqual(names("?attributes=nsrl_info,no_such_thing"), ["nsrl_info"])
        self.assertEqual(names("?attributes=monitor_info,trusted_verdict"), [])
        self.assertEqual(len(names("?attributes=&relationships=bundled_files")), 7)
        info = self.vt(HELLO + "?attributes=nsrl_info").json()["data"]["attributes"]["nsrl_info"]
        self.assertEqual(info["filenames"], ["hello.txt", "welcome.txt"])
        self.assertIn("Example Editor (Example Software Foundation)", info["products"])

    def test_errors(self):
        upper = UNKNOWN.upper()
        reply = self.vt(upper)
        self.assertEqual((reply.status, reply.json()), (404, {"error": {
            "code": "NotFoundError", "message": 'File "%s" not found' % upper}}))
        for bad in ("xyz", HELLO + "0", HELLO + "/comments", "%00"):
            reply = self.vt(bad)
            self.assertEqual((reply.status, reply.json()["error"]["code"]),
                             (400, "BadRequestError"))
        # One of two files must not be taken for the answer.
        reply = self.vt(AMBIGUOUS)
        self.assertEqual((reply.status, reply.json()["error"]["code"], len(reply.json()["data"])),
                         (409, "AmbiguousHashError", 2))

    def test_labels(self):
        """Other attributes and tags come from sources with the names that they have there."""
        folder = os.path.join(self.folder, "labels")
        os.mkdir(folder)
        shutil.copy(os.path.join(server.SAMPLES, "files", "hello.txt"), folder)
        sets = []
        for label in ("Monitor", "Trusted Source"):
            path = os.path.join(self.folder, label.split()[0] + ".kith")
            server.subprocess.run(
                [server.program("KITH_BUILD"), "image", "-q", "-o", path, "--source", label,
                 "--product", "P", "--distributor", "D", folder], check=True)
            sets.append(path)
        s = self.serve(sets=sets)
        data = s.ask("/api/v3/files/%s?attributes=tags,monitor_info,trusted_verdict,nsrl_info"
                     % HELLO).json()["data"]["attributes"]
        self.assertEqual(data, {
            "tags": ["known-distributor", "trusted"],
            "monitor_info": {"organizations": ["D"], "filenames": ["hello.txt"]},
            "trusted_verdict": {"verdict": "goodware", "organization": "D",
                                "filename": "hello.txt"}})

    def test_no_reference_is_no_miss(self):
        s = self.serve(sets=[self.v2])  # which has no SHA-256
        reply = s.ask("/api/v3/files/" + HELLO)
        self.assertEqual((reply.status, reply.json()["error"]["code"]), (400, "NotAvailableYet"))
        reply = s.ask("/lookup/sha256/" + HELLO)
        self.assertEqual((reply.status, reply.json()),
                         (501, {"message": "No reference for SHA-256", "query": HELLO}))
        self.assertEqual(s.ask("/bulk/sha256", "POST", body=b'{"hashes":[]}').status, 501)
        self.assertEqual(s.ask("/v1/files/" + HELLO).json()["verdict"], "no-reference")
        # The empty file is trivial without any set; whether it is in this one, nobody can tell.
        self.assertEqual(s.ask("/api/v3/files/" + EMPTY_SHA256).status, 400)
        self.assertEqual(s.ask("/lookup/sha256/" + EMPTY_SHA256).status, 501)
        self.assertEqual(s.ask("/v1/files/" + EMPTY_SHA256).json()["verdict"], "trivial")
        self.assertEqual(s.ask("/api/v3/files/" + HELLO_MD5).status, 200)

    # ------------------------------------------------------- clients' forms

    def test_vt_py(self):
        """The head that vt-py sends; it takes 200 alone for success, and needs that Content-Type."""
        reply = self.s.raw((
            "GET /api/v3/files/%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-Apikey: anykey\r\n"
            "Accept-Encoding: gzip\r\nUser-Agent: unknown; vtpy 0.22.0; gzip\r\nAccept: */*\r\n"
            "Connection: close\r\n\r\n" % (HELLO, self.s.port)).encode())
        head, _, body = reply.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 OK\r\n"), head)
        self.assertIn(b"\r\nContent-Type: application/json\r\n", head)
        if b"Content-Encoding: gzip" in head:
            body = gzip.decompress(body)
        data = json.loads(body)["data"]
        self.assertEqual(data["links"]["self"], "http://127.0.0.1:%d/api/v3/files/%s"
                         % (self.s.port, HELLO))
        self.assertIsInstance(data["attributes"], dict)

    def test_misp(self):
        """The module of MISP puts a slash behind its address, and the path begins with one."""
        reply = self.s.ask("//lookup/md5/" + HELLO_MD5)
        self.assertEqual(reply.status, 200)
        for key in ("MD5", "SHA-1", "FileName", "FileSize"):
            self.assertIsInstance(reply.json()[key], str)
        self.assertEqual(self.s.ask("//lookup/sha1/%s/" % HELLO_SHA1).json(), reply.json())

    def test_plaso(self):
        """Many questions on one socket, no handshake, one recv for each."""
        with self.s.connect("nsrlsvr") as c:
            for h, want in ((HELLO_MD5, b"OK 1"), (UNKNOWN[:32], b"OK 0"), (HELLO_SHA1, b"OK 1"),
                            (HELLO, b"OK 1")):
                c.sendall(("QUERY %s\n" % h).encode())
                self.assertEqual(c.recv(4096).strip(), want)

    def test_nsrlsvr_last_line_without_end(self):
        for line in ("QUERY " + HELLO_MD5, "Version: 2.0\nQUERY " + HELLO_MD5):
            out = self.s.raw(line.encode(), what="nsrlsvr", end=True)
            self.assertTrue(out.endswith(b"OK 1\r\n"), out)
        self.assertEqual(self.s.raw(b"", what="nsrlsvr", end=True), b"")

    def test_nsrllookup(self):
        """A version, then 512 hashes a line, upper-case."""
        known = [h for h in self.hashes if len(h) == 32][:300]
        asked = known + ["%032x" % n for n in range(512 - len(known))]
        with self.s.connect("nsrlsvr") as c, c.makefile("rb") as f:
            c.sendall(b"Version: 2.0\r\n")
            self.assertTrue(f.readline().startswith(b"OK"))
            c.sendall(("query " + " ".join(h.upper() for h in asked) + "\r\n").encode())
            line = f.readline().decode().rstrip("\r\n")
            self.assertRegex(line, r"^OK [01]+$")
            self.assertEqual(line, "OK " + "1" * len(known) + "0" * (512 - len(known)))

    def test_lists_of_any_form(self):
        want = self.cli("jsonl", [HELLO, UNKNOWN])
        for body in ("%s\n%s\n" % (HELLO, UNKNOWN),
                     '["%s", "%s"]' % (HELLO, UNKNOWN),
                     '[{"sha256":"%s"},{"sha256":"%s"}]' % (HELLO, UNKNOWN),
                     '{"sha256":"%s"}\n{"hashes":{"sha256":"%s"}}\n' % (HELLO, UNKNOWN),
                     "\ufeff%s\n%s\n" % (HELLO, UNKNOWN), '\ufeff["%s", "%s"]' % (HELLO, UNKNOWN),
                     "%s  a\n%s *b\n" % (HELLO, UNKNOWN)):
            reply = self.s.ask("/v1/files", "POST", body=body.encode())
            self.assertEqual(reply.headers["content-type"], "application/x-ndjson")
            lines = [json.loads(line) for line in reply.body.splitlines()]
            self.assertEqual(lines, [json.loads(line) for line in want.splitlines()], body)
            # Cut at every byte it is the same list.
            pieces = [bytes([byte]) for byte in body.encode()]
            self.assertEqual(self.s.ask("/v1/files", "POST", body=pieces).body, reply.body)
        bad = self.s.ask("/v1/files", "POST", body=("%s\nnothing\n" % HELLO).encode())
        self.assertIn("error", json.loads(bad.body.splitlines()[1]))

    def test_head(self):
        for path in ("/api/v3/files/" + HELLO, "/v1/files/" + HELLO, "/lookup/sha256/" + HELLO,
                     "/v1/why/" + HELLO, "/v1/sets", "/info", "/swagger.json"):
            get, head = self.s.ask(path), self.s.ask(path, "HEAD")
            self.assertEqual((head.status, head.body), (200, b""))
            self.assertEqual(head.headers["content-length"], str(len(get.body)), path)
        self.assertEqual(self.s.ask("/v1/names/hello.txt", "HEAD").status, 200)

    def test_api_keys(self):
        path = os.path.join(self.folder, "keys")
        with open(path, "w", encoding="ascii") as f:
            f.write("# keys\nsecret\n")
        s = self.serve("--api-keys", path)
        missing, wrong = s.ask("/api/v3/files/" + HELLO), s.ask(
            "/api/v3/files/" + HELLO, headers={"x-apikey": "secret2"})
        self.assertEqual((missing.status, missing.json()), (401, {"error": {
            "code": "AuthenticationRequiredError", "message": "X-Apikey header is missing"}}))
        self.assertEqual((wrong.status, wrong.json()), (401, {"error": {
            "code": "WrongCredentialsError", "message": "Wrong API key"}}))
        self.assertEqual(s.ask("/lookup/sha256/" + HELLO, headers={"X-APIKEY": "secret"}).status,
                         200)


if __name__ == "__main__":
    server.main()
