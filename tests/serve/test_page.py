#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The page at /, driven in Chromium: what it shows is what `kith lookup` says of the same hash; a file
that is dropped is hashed as hashlib does and is not sent; nothing appears on the console."""
import csv
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import time
import unittest

import chromium
import server

EMPTY = hashlib.sha256(b"").hexdigest()


def unknown(i):
    return hashlib.sha256(b"unknown %d" % i).hexdigest()


class Files(server.Case):
    """Without a browser: what is served."""

    def test_headers(self):
        s = self.serve()
        r = s.ask("/")
        self.assertEqual((r.status, r.headers["content-type"]), (200, "text/html; charset=utf-8"))
        policy = r.headers["content-security-policy"]
        for part in ("default-src 'none'", "frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'",
                     "require-trusted-types-for 'script'"):
            self.assertIn(part, policy)
        self.assertNotIn("unsafe", policy)
        self.assertEqual(r.headers["x-content-type-options"], "nosniff")
        self.assertEqual(r.headers["referrer-policy"], "no-referrer")
        self.assertNotIn(b"<style", r.body)
        self.assertNotIn(b"style=", r.body)
        self.assertNotIn(b"http://", r.body.replace(b"http://HOST/", b""))
        tag = r.headers["etag"]
        again = s.ask("/", headers={"If-None-Match": tag})
        self.assertEqual((again.status, again.body, again.headers["etag"]), (304, b"", tag))
        self.assertEqual(s.ask("/", headers={"If-None-Match": 'W/"0000000000000000"'}).status, 200)
        packed = s.ask("/page/app.js", headers={"Accept-Encoding": "gzip"})
        self.assertEqual(packed.headers["content-encoding"], "gzip")
        with open(os.path.join(server.TOP, "serve/page/app.js"), "rb") as f:
            self.assertEqual(gzip.decompress(packed.body), f.read())
        self.assertEqual(packed.headers["content-type"], "text/javascript; charset=utf-8")
        head = s.ask("/", method="HEAD")
        self.assertEqual((head.status, head.body, head.headers["etag"]), (200, b"", tag))

    def test_nothing_else(self):
        s = self.serve()
        for path in ("/page/", "/page/x.js", "/page/../page/app.js/x", "/page/app.js%00", "/page/embed.cmake"):
            self.assertIn(s.ask(path).status, (400, 404), path)
        self.assertEqual(s.ask("/", method="POST", body=b"x").status, 405)


class Page(server.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.browser = chromium.Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        super().tearDownClass()

    def start(self, *options, **more):
        self.server = self.serve(*options, **more)
        self.page = self.browser.page()
        self.addCleanup(self.page.close)

    def fine(self):
        """Nothing went wrong in the page, and it asked only this server."""
        self.assertEqual(self.page.wrong, [])
        for url in self.page.requests:
            self.assertTrue(url.startswith((self.server.url + "/", "blob:" + self.server.url + "/", "data:")), url)

    def open(self, fragment=""):
        self.page.open(self.server.url + "/" + fragment)

    def answer(self, title):
        self.page.until("document.querySelector('.one .badge')?.innerText.includes(%s)" % json.dumps(title))

    def list_done(self):
        self.page.until("document.querySelector('.many .running')?.hidden && !document.querySelector('.bar .v-open')")

    def texts(self, selector):
        return self.page.run("[...document.querySelectorAll(%s)].map((e) => e.textContent.trim())"
                             % json.dumps(selector))

    def lookup(self, query):
        return json.loads(server.kith("lookup", "-d", self.set, "--format", "jsonl", query))

    def test_one(self):
        self.start()
        self.open("#" + server.HELLO)
        self.answer("Known")
        answer = self.lookup(server.HELLO)
        known = answer["known_distributors"]
        self.assertEqual(sorted(self.texts(".company h4")), known["distributors"])
        self.assertEqual(sorted(set(self.texts(".product"))), known["products"])
        self.assertEqual(sorted(set(self.texts(".company .names > li"))), known["filenames"])
        self.assertEqual(self.texts(".digests code"), [answer["sha256"], answer["sha1"], answer["md5"]])
        # Each company has the products and names of its own occurrences.
        for name in known["distributors"]:
            card = self.page.run("[...document.querySelectorAll('.company')].find((c) => "
                                 "c.querySelector('h4').textContent === %s).innerText" % json.dumps(name))
            for o in answer["occurrences"]:
                self.assertEqual(o["product"] in card, any(
                    p["product"] == o["product"] and name in p["distributors"] for p in answer["occurrences"]))
        # The tree's way down to each leaf is a chain.
        chains = self.page.run("""[...document.querySelectorAll('.tree .leaf')].map((leaf) => {
            const steps = [leaf.textContent];
            for (let li = leaf.parentNode.parentNode.closest('li'); li; li = li.parentNode.closest('li'))
                steps.unshift(li.firstElementChild.textContent);
            return steps.join(' > ');
        })""")
        self.assertEqual(sorted(chains), sorted({o["chain"] for o in answer["occurrences"]}))
        self.assertIn("reference", self.page.text(".plain tbody td"))
        self.assertEqual(self.page.run("document.activeElement.id"), "result")
        self.assertIn("Known", self.page.text("#status"))
        self.assertIn("Known", self.page.run("document.title"))
        # By MD5 and SHA-1 too, in capitals.
        for query in (answer["md5"].upper(), answer["sha1"]):
            self.open("#" + query)
            self.answer("Known")
            self.page.until("document.querySelector('.digests code').textContent === '%s'" % server.HELLO)
        self.fine()

    def test_unknown_and_trivial(self):
        self.start()
        self.open("#" + server.UNKNOWN)
        self.answer("Unknown")
        self.assertIn("says nothing against it", self.page.text("#view"))
        self.assertEqual(self.page.run("document.querySelectorAll('.company').length"), 0)
        self.page.run("void (location.hash = '%s')" % EMPTY)
        self.answer("Trivial")
        self.assertEqual(self.page.text("h2"), "Empty file")
        self.page.run("void (location.hash = 'no-hash')")
        self.page.until("document.querySelector('#trouble').textContent.includes('no hash')")
        # None of the words that would judge a file.
        words = " ".join(self.texts("body")).lower()
        for word in ("safe", "clean", "trusted", "malicious", "benign"):
            self.assertNotIn(word, words)
        self.fine()

    def test_ambiguous(self):
        """A digest that two files of the release share shows both, each by its SHA-256."""
        rows = [line.split() for line in server.kith("dump", self.set).decode().splitlines()
                if line.startswith("file ")]
        md5s = [row[3] for row in rows]
        md5 = next(m for m in md5s if md5s.count(m) > 1 and m != "--")
        self.start()
        self.open("#" + md5)
        self.answer("Ambiguous")
        self.assertEqual(sorted(a[1:] for a in self.page.run(
            "[...document.querySelectorAll('.candidate > p > a')].map((a) => a.getAttribute('href'))")),
            sorted(row[1] for row in rows if row[3] == md5))
        self.page.run("document.querySelector('.candidate > p > a').click()")
        self.answer("Known")
        self.fine()

    def test_list(self):
        self.start()
        self.open()
        n = 3000
        lines = ["%s  =cmd|'/c calc'!A1" % server.HELLO, "SHA256 (b <img src=x onerror=alert(1)>) = " + server.EDITOR,
                 "# a remark", "no hash here", EMPTY.upper()]
        lines += ["%s  dir/f%d" % (unknown(i), i) for i in range(n)]
        self.page.run("void (document.querySelector('#q').value = %s)" % json.dumps("\n".join(lines)))
        self.page.press("Enter")
        self.list_done()
        chips = dict(zip(self.page.run("[...document.querySelectorAll('.chip')].map((c) => c.dataset.only)"),
                         self.texts(".chip b")))
        self.assertEqual(chips, {"all": "3,003", "known": "2", "trivial": "1", "unknown": "3,000"})
        self.assertIn("1 line without a hash", self.page.text(".many .note"))
        self.assertLess(self.page.run("document.querySelectorAll('.list tbody tr').length"), 1000)
        self.assertEqual(self.texts(".list tbody .file")[:2], ["c calc'!A1", "b <img src=x onerror=alert(1)>"])
        # Sorted by the answer, up and down; every row can be reached.
        self.page.run("document.querySelector('.c-verdict button').click()")
        self.assertEqual(self.page.run("document.querySelector('.c-verdict').ariaSort"), "ascending")
        self.assertIn("Known", self.texts(".list tbody .c-verdict")[0])
        self.page.run("document.querySelector('.c-verdict button').click()")
        self.assertIn("Trivial", self.texts(".list tbody .c-verdict")[0])
        self.page.run("document.querySelector('.end button').click()")
        self.assertEqual(self.page.run("document.querySelectorAll('.list tbody tr').length"), n + 3)
        # Filters.
        self.page.run("document.querySelector('.chip[data-only=known]').click()")
        self.assertEqual(len(self.texts(".list tbody tr")), 2)
        self.page.run("document.querySelector('#filter').focus()")
        self.page.type("example editor")
        self.page.until("document.querySelector('.tools button').textContent.includes('2 rows')")
        self.page.run("document.querySelector('.chip[data-only=all]').click()")
        # The file of what is shown: as kith says, and no formula.
        folder = os.path.join(self.folder, "down")
        os.mkdir(folder)
        self.browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=folder,
                          browserContextId=self.page.context)
        self.page.run("document.querySelector('.tools button').click()")
        path = os.path.join(folder, "kith.csv")
        end = time.monotonic() + server.PATIENCE
        while not os.path.exists(path) and time.monotonic() < end:
            time.sleep(0.05)
        with open(path, encoding="utf-8-sig", newline="") as f:
            rows = {r["query"]: r for r in csv.DictReader(io.StringIO(f.read()))}
        self.assertEqual(set(rows), {server.HELLO, server.EDITOR})
        known = self.lookup(server.HELLO)["known_distributors"]
        row = rows[server.HELLO]
        self.assertEqual(row["given_name"], "'=cmd|'/c calc'!A1")
        self.assertEqual((row["verdict"], row["filenames"], row["products"], row["distributors"]),
                         ("known", "|".join(known["filenames"]), "|".join(known["products"]),
                          "|".join(known["distributors"])))
        self.fine()

    def test_names_that_look_like_digests(self):
        self.start()
        self.open()
        md5, sha1 = server.HELLO[:32], server.EDITOR[:40]
        for line, want in (
                (md5 + "  objects/" + sha1, [[md5, "objects/" + sha1]]),
                ("\ufeff" + md5 + "  " + sha1, [[md5, sha1]]),
                ("\\" + md5 + "  " + sha1, [[md5, sha1]]),
                ("MD5 (%s) = %s" % (sha1, md5), [[md5, sha1]]),
                ("MD5 (a) = %s) = %s" % (sha1, md5), [[md5, "a) = " + sha1]]),
                ("SHA2-256(%s)= %s" % (sha1, server.HELLO), [[server.HELLO, sha1]]),
                ("SHA512 (%s) = %s" % (sha1, "0" * 128), []),
                ("%s,%s,name" % (md5, sha1), [[sha1, "name"]]),
                (sha1.upper(), [[sha1, ""]])):
            self.page.run("(async () => { window.parsed = (await import('/page/parse.js')).parseList(%s); })()"
                          % json.dumps(line))
            self.assertEqual(self.page.run("window.parsed.entries.map((e) => [e.query, e.label])"), want, line)
        self.fine()

    def test_keyboard(self):
        """One hash, then a list, a row of it and back, with keys alone."""
        self.start()
        self.open()
        self.assertEqual(self.page.run("document.activeElement.id"), "q")
        self.page.type("this is none")
        self.page.press("Enter")
        self.page.until("document.querySelector('#trouble').textContent.includes('no MD5')")
        self.page.run("document.querySelector('#q').select()")
        self.page.type(server.HELLO)
        self.page.press("Tab")
        self.page.press("Enter")  # the button
        self.answer("Known")
        self.page.press("Tab")
        self.assertEqual(self.page.run("document.activeElement.ariaLabel"), "Copy SHA-256")
        for _ in range(40):
            if self.page.run("document.activeElement.id") == "q":
                break
            self.page.press("Tab", shift=True)
        self.page.run("document.querySelector('#q').select()")
        self.page.type("%s\n%s\n" % (server.HELLO, server.UNKNOWN))
        self.page.press("Enter")
        self.list_done()
        self.assertEqual(self.page.run("document.activeElement.id"), "result")
        self.page.until("document.querySelector('#status').textContent.startsWith('Done: 1 known, 1 unknown')")
        for _ in range(40):
            if self.page.run("document.activeElement.dataset.row") == "1":
                break
            self.page.press("Tab")
        self.page.press("Enter")
        self.answer("Unknown")
        for _ in range(40):
            if self.page.run("document.activeElement.closest('.back') !== null"):
                break
            self.page.press("Tab", shift=True)
        self.page.press("Enter")
        self.page.until("document.activeElement.dataset.row === '1'")
        # All that takes keys says what it is.
        nameless = self.page.run("""[...document.querySelectorAll('a, button, input, textarea, summary')].filter((e) =>
            !(e.ariaLabel || e.labels?.length || e.textContent.trim())).map((e) => e.outerHTML)""")
        self.assertEqual(nameless, [])
        self.fine()

    def make(self, sizes):
        paths, expect = [], {}
        for n in sizes:
            data = hashlib.shake_128(b"%d" % n).digest(min(n, 4099)) * (n // 4099 + 1)
            paths.append(os.path.join(self.folder, "file %d.bin" % n))
            with open(paths[-1], "wb") as f:
                f.write(data[:n])
            expect["file %d.bin" % n] = hashlib.sha256(data[:n]).hexdigest()
        return paths, expect

    def test_files(self):
        """Digests are those of hashlib, at all edges of blocks; nothing but digests is sent."""
        self.start()
        self.open()
        paths, expect = self.make([0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000, (4 << 20) - 1, 4 << 20,
                                   (4 << 20) + 1, 20000003])
        hello = os.path.join(server.SAMPLES, "files", "hello.txt")
        expect["hello.txt"] = server.HELLO
        self.page.drag(paths + [hello])
        self.list_done()
        got = dict(zip(self.texts(".list tbody .file"), self.texts(".list tbody .c-name .sub")))
        self.assertEqual(got, expect)
        self.assertIn("17 files", self.page.text("h2"))
        self.assertEqual(self.page.run("document.querySelector('.chip[data-only=known] b').textContent"), "1")
        self.fine()
        for body in self.page.bodies:
            for line in body.split():
                self.assertIn(line, expect.values())
        # Pieces that fit no block.
        self.page.run("""(async () => {
            const {hashFile} = await import('/page/files.js');
            const data = new Uint8Array(200003).map((v, i) => i * 7);
            const file = new File([data], 'x');
            const all = await Promise.all([1, 3, 63, 64, 65, 977, 65537].map((chunk) =>
                hashFile(file.slice(0, chunk < 60 ? 999 : undefined), {chunk})));
            window.digests = all;
        })()""")
        data = bytes(i * 7 & 255 for i in range(200003))
        self.assertEqual(self.page.run("window.digests"),
                         [hashlib.sha256(data[:999]).hexdigest()] * 2 + [hashlib.sha256(data).hexdigest()] * 5)

    def test_one_file(self):
        self.start()
        self.open()
        self.page.drag([os.path.join(server.SAMPLES, "files", "hello.txt")], kinds=("dragEnter", "dragOver"))
        self.page.until("!document.querySelector('#drop').hidden")
        self.page.drag([os.path.join(server.SAMPLES, "files", "hello.txt")], kinds=("drop",))
        self.answer("Known")
        self.assertEqual(self.page.run("location.hash"), "#" + server.HELLO)
        self.assertIn("Your file", self.page.text(".verdict"))
        self.page.choose([os.path.join(server.SAMPLES, "files", "unknown.txt")])
        self.answer("Unknown")
        self.assertEqual(self.page.text("h2"), "unknown.txt")
        self.fine()

    def test_folder(self):
        folder = os.path.join(self.folder, "a")
        os.makedirs(os.path.join(folder, "b"))
        for name in ("x", "b/y"):
            with open(os.path.join(folder, name), "w", encoding="ascii") as f:
                f.write(name)
        self.start()
        self.open()
        self.page.drag([folder])
        self.list_done()
        self.assertEqual(sorted(self.page.run("[...document.querySelectorAll('.list .file')].map((e) => e.title)")),
                         ["a/b/y", "a/x"])
        self.fine()

    def test_files_that_cannot_be_read(self):
        """A folder that cannot be listed and what is beyond the limit are rows, not gaps."""
        self.start()
        self.open()
        self.page.run("""(async () => {
            const {dropped} = await import('/page/files.js');
            const empty = new File([], 'f');
            const file = {isFile: true, name: 'f', file: (resolve) => resolve(empty)};
            const folder = (pieces, fails) => ({isFile: false, name: 'd', createReader: () => ({
                readEntries: (resolve, reject) => fails ? reject(new Error('no')) : resolve(pieces.shift() ?? []),
            })});
            const drop = (entry) => dropped({items: [{webkitGetAsEntry: () => entry}], files: []});
            window.unlisted = (await drop(folder([[folder([], true), file]]))).map((f) => [f.file === null, f.label]);
            const many = await drop(folder([new Array(100005).fill(file), [file]]));
            window.many = [many.length, many.at(-1).file === null, many.at(-1).label];
        })()""")
        self.assertEqual(self.page.run("window.unlisted"), [[True, "d/d/"], [False, "d/f"]])
        self.assertEqual(self.page.run("window.many"), [100001, True, "all behind the first 100000 files"])

    def test_truncated(self):
        """What is beyond the occurrences that the answer holds is not left out silently."""
        self.start()
        self.open()
        self.page.run("""(async () => {
            const {oneView} = await import('/page/one.js');
            const o = {name: 'n', chain: 'c > n', product: 'P', distributors: ['D'], source: 'S', evidence: 'listed'};
            const answer = {query: '%s', verdict: 'known', sha256: '%s', size: 1, truncated: true,
                occurrences: [o], occurrences_total: 2,
                known_distributors: {distributors: ['D'], filenames: ['n'], products: ['P'], data_sources: ['S', 'T']}};
            document.querySelector('#view').replaceChildren(oneView(answer, {label: '', showAll() {}}));
        })()""" % (server.HELLO, server.HELLO))
        self.assertEqual(self.texts(".company .note"), ["at least 1 product"])
        self.assertEqual(self.texts("#view .plain tbody th"), ["S", "T"])
        self.assertEqual(self.texts("#view .plain tbody tr:last-child td"), ["beyond the occurrences shown"])
        self.fine()

    @unittest.skipUnless(os.environ.get("KITH_TEST_BIG"), "KITH_TEST_BIG is not set")
    def test_big_file(self):
        """1 GB, which is more than 2^32 bits."""
        path = os.path.join(self.folder, "big.bin")
        piece = hashlib.shake_128(b"big").digest(1000003)
        with open(path, "wb") as f:
            for _ in range(1000):
                f.write(piece)
        expect = subprocess.run(["sha256sum", path], stdout=subprocess.PIPE, check=True).stdout[:64].decode()
        self.start()
        self.open()
        begun = time.monotonic()
        self.page.choose([path])
        self.page.until("document.querySelector('.one .badge')", patience=1200)
        print("%.1f s" % (time.monotonic() - begun), file=sys.stderr)
        self.assertEqual(self.page.run("location.hash"), "#" + expect)

    def test_key(self):
        keys = os.path.join(self.folder, "keys")
        with open(keys, "w", encoding="ascii") as f:
            f.write("correct-key\n")
        self.start("--api-keys=" + keys)
        self.open("#" + server.HELLO)
        self.page.until("document.activeElement.id === 'key'")
        self.assertIn("asks for an API key", self.page.text("h2"))
        self.page.type("wrong")
        self.page.press("Enter")
        self.page.until("document.querySelector('h2').textContent.includes('does not accept')")
        self.page.type("correct-key")
        self.page.press("Enter")
        self.answer("Known")
        self.page.until("document.querySelector('#sets').textContent.includes('1 set')")
        self.assertEqual(self.page.run("localStorage.length"), 0)
        # Chromium reports each 401 itself.
        self.assertEqual([w for w in self.page.wrong if "401" not in w], [])

    def test_could_not_tell(self):
        """A damaged set and a server that is gone are no answers; a list keeps what it has."""
        path = server.build(os.path.join(self.folder, "cut.kith"))
        # What was open of a damaged set is given up (guard.h): that is no leak.
        leaks = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        self.start(sets=[path], env={"ASAN_OPTIONS": leaks})
        self.open("#" + server.HELLO)
        self.answer("Known")
        os.truncate(path, 8192)
        self.page.run("void (location.hash = '%s')" % server.EDITOR)
        self.page.until("document.querySelector('.problem h2')?.textContent === 'Could not tell'")
        self.assertIn("not the same as unknown", self.page.text(".problem"))
        self.page.run("document.querySelector('#q').select()")
        self.page.type("%s\n%s" % (server.HELLO, server.UNKNOWN))
        self.page.press("Enter")
        self.page.until("document.querySelector('.many .problem h2')?.textContent === 'Could not tell'")
        self.assertEqual(self.texts(".list .badge"), [])
        server.build(path)
        self.assertEqual(self.server.reload().status, 200)
        self.page.run("document.querySelector('.many .problem button').click()")
        self.list_done()
        self.assertEqual(self.texts(".chip b"), ["2", "1", "1"])
        self.server.stop()
        self.page.run("void (location.hash = '%s')" % server.EDITOR)
        self.page.until("document.querySelector('.problem h2')?.textContent === 'No connection'")
        self.assertEqual([w for w in self.page.wrong if "503" not in w and "ERR_CONNECTION_REFUSED" not in w], [])

    def test_narrow_and_dark(self):
        """Nothing sticks out on a small screen, and text stands out from its ground in both schemes."""
        self.start()
        for fragment in ("", "#" + server.HELLO, "#" + server.UNKNOWN, "#" + EMPTY):
            self.open(fragment)
            if fragment:
                self.page.until("document.querySelector('.one .badge')")
            for dark in (False, True):
                self.page.look(width=360, height=700, dark=dark)
                self.assertLessEqual(self.page.run("document.documentElement.scrollWidth"), 360, fragment)
                self.assertEqual(self.page.run(FAINT), [], (fragment, dark))
            self.page.call("Page.navigate", url="about:blank")
            self.page.until("location.href === 'about:blank'")
        self.fine()


# Texts with a contrast below 4.5 (WCAG AA) to the colour behind them.
FAINT = """(() => {
    const parse = (c) => (c.match(/[\\d.]+/g) ?? []).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
    const behind = (e) => {
        for (; e; e = e.parentElement) {
            const c = parse(getComputedStyle(e).backgroundColor);
            if (c.length === 3 || c[3] === 1)
                return c;
        }
        return [255, 255, 255];
    };
    const faint = [];
    for (const e of document.querySelectorAll('body *')) {
        if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility())
            continue;
        const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
        if ((a + .05) / (b + .05) < 4.5)
            faint.push(e.outerHTML.slice(0, 120));
    }
    return faint;
})()"""


if __name__ == "__main__":
    if chromium.find() is None:
        print("there is no chromium")
        sys.exit(77)
    server.main()
