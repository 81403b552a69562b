# SPDX-License-Identifier: Apache-2.0
"""Answers for thousands of random hashes are what SQL on the release says."""

import json
import unittest

import kithtest
import rds

SIZE = ("--rows", "4000", "--packages", "16")


class Answers(kithtest.Case):
    def v3(self, seed, kind, *options):
        name = "-".join((kind, str(seed)) + options)
        path, release = self.release("RDS_%s.db" % name, kind, "--seed", str(seed), *SIZE, *options)
        built = self.build(name + ".kith", path)
        oracle = rds.Oracle(release)
        kithtest.run(kithtest.KITH, "verify", built)
        asked, _ = self.check_answers(built, oracle)
        self.assertGreater(asked, 2000)
        return built, oracle

    def test_full(self):
        for seed in (1, 2, 3):
            self.v3(seed, "full")

    def test_full_with_malformed_rows(self):
        self.v3(4, "full", "--hostile")

    def test_minimal(self):
        for seed in (1, 5):
            self.v3(seed, "minimal")

    def test_minimal_without_crc32(self):
        self.v3(2, "minimal", "--crc32", "no")

    def test_minimal_with_nullable_ids(self):
        self.v3(3, "minimal", "--nullable-ids")

    def test_minimal_with_malformed_rows(self):
        self.v3(6, "minimal", "--hostile")

    def test_every_file_new(self):
        self.v3(7, "minimal", "--rows-per-file", "1")

    def test_v2_alone(self):
        path, release = self.release("alone-v2", "v2", "--seed", "8", *SIZE)
        built = self.build("alone-v2.kith", path)
        self.check_answers(built, rds.Oracle(release))
        # Nothing can be said about a SHA-256, whether it exists or not.
        _, full = self.release("alone-full.db", "full", "--seed", "8", *SIZE)
        oracle = rds.Oracle(full)
        queries = [q for q in self.some(oracle.digests("sha256"), 500)
                   if not oracle.answer(q).trivial]
        for answer in self.lookup(built, queries, expect=2):
            self.assertEqual(answer["verdict"], "no-reference")

    def test_v2_with_malformed_rows(self):
        path, release = self.release("bad-v2", "v2", "--seed", "16", "--hostile", *SIZE)
        self.check_answers(self.build("bad-v2.kith", path), rds.Oracle(release))

    def counts(self, built):
        return json.loads(kithtest.run(kithtest.KITH, "info", "--json", built))

    def test_v2_joins_the_full_release_of_the_same_run(self):
        full_path, full = self.release("join-full.db", "full", "--seed", "9", *SIZE)
        v2_path, v2 = self.release("join-v2", "v2", "--seed", "9", *SIZE, "--release", "2.77")
        built = self.build("join.kith", full_path, v2_path)
        oracle = rds.Oracle(full, v2)
        self.assertEqual(self.counts(built)["sha1_only"], oracle.waiting)
        # All but those that two files share.
        self.assertLess(oracle.waiting, 10)
        self.check_answers(built, oracle)

    def test_v2_that_knows_more_than_the_others(self):
        # Another release: little is shared but the samples' files and what is trivial.
        full_path, full = self.release("more-full.db", "full", "--seed", "10", *SIZE)
        v2_path, v2 = self.release("more-v2", "v2", "--seed", "11", *SIZE, "--release", "2.77")
        oracle = rds.Oracle(full, v2)
        for order in ((full_path, v2_path), (v2_path, full_path)):
            built = self.build("more.kith", *order)
            self.assertEqual(self.counts(built)["sha1_only"], oracle.waiting)
            self.check_answers(built, oracle)

    def test_v2_joins_in_a_later_merge(self):
        full_path, full = self.release("late-full.db", "full", "--seed", "9", *SIZE)
        v2_path, v2 = self.release("late-v2", "v2", "--seed", "9", *SIZE, "--release", "2.77")
        merged = self.path("late.kith")
        kithtest.run(kithtest.KITH_BUILD, "merge", "-o", merged,
                     self.build("late-a.kith", full_path), self.build("late-b.kith", v2_path))
        kithtest.run(kithtest.KITH, "verify", merged)
        oracle = rds.Oracle(full, v2)
        self.assertEqual(self.counts(merged)["sha1_only"], oracle.waiting)
        self.check_answers(merged, oracle)

    def test_two_sets_answer_as_one(self):
        full_path, full = self.release("two-full.db", "full", "--seed", "17", *SIZE)
        v2_path, v2 = self.release("two-v2", "v2", "--seed", "17", *SIZE, "--release", "2.77")
        sets = [self.build("two-a.kith", full_path), self.build("two-b.kith", v2_path)]
        oracle = rds.Oracle(full, v2)
        # Over two sets a file is recognised by its first SHA-1 only.
        skip = {content for content, rows in oracle.by_content.items()
                if len({row.sha1 for _, row in rows}) > 1}
        self.assertLess(len(skip), 10)
        _, ambiguous = self.check_answers(sets[0], oracle, 1500, skip, "-d", sets[1])
        self.assertGreater(ambiguous, 2)

    def test_several_releases_in_one_run(self):
        inputs, releases = [], []
        for number, (kind, set_name) in enumerate((("full", "modern"), ("minimal", "legacy"),
                                                   ("minimal", "android"), ("full", "ios"))):
            path, release = self.release("RDS_2026.03.1_%s.db" % set_name, kind, "--seed",
                                         str(20 + number // 2), "--set", set_name, *SIZE)
            inputs.append(path)
            releases.append(release)
        built = self.build("several.kith", *inputs)
        self.check_answers(built, rds.Oracle(*releases))

    def test_full_and_minimal_say_the_same(self):
        a = self.v3(1, "full")
        b = self.v3(1, "minimal")
        self.assertEqual(a[1].digests("sha256"), b[1].digests("sha256"))

    def test_vt_and_jsonl_agree(self):
        built, oracle = self.v3(12, "full")
        queries = self.some(oracle.digests("sha256"), 500)
        text = kithtest.run(kithtest.KITH, "lookup", "-d", built, "--format", "vt", "-f", "-",
                            stdin="\n".join(queries).encode())
        objects = [json.loads(line) for line in text.splitlines()]
        self.assertEqual(len(objects), len(queries))
        for query, vt, answer in zip(queries, objects, self.lookup(built, queries)):
            known = vt["data"]["attributes"]["known_distributors"]
            self.assertEqual(vt["data"]["type"], "file")
            self.assertEqual(vt["data"]["id"], query)
            self.assertEqual(vt["data"]["attributes"]["sha256"], query)
            self.check_known(query, known, oracle.answer(query))
            self.assertEqual(known["data_sources"],
                             ["National Software Reference Library (NSRL)"])
            for key, texts in known.items():
                self.assertEqual(texts, sorted(set(texts), key=lambda s: s.encode()), key)
            self.assertEqual(known.get("links"), answer["known_distributors"].get("links"))
            self.assertNotEqual(known.get("links"), [])

    def test_exit_status(self):
        built, oracle = self.v3(13, "minimal")
        hit = [oracle.digests("md5")[0]]
        miss = self.missing(oracle, "sha1", 1)
        kithtest.run(kithtest.KITH, "lookup", "-d", built, *hit, expect=0)
        kithtest.run(kithtest.KITH, "lookup", "-d", built, *miss, expect=1)
        kithtest.run(kithtest.KITH, "lookup", "-d", built, *hit, *miss, expect=1)
        kithtest.run(kithtest.KITH, "lookup", "-d", built, *hit, "not-a-hash", expect=2)
        kithtest.run(kithtest.KITH, "lookup", "-d", built + "x", *hit, expect=3)

    def test_a_digest_of_several_files_lists_them_all(self):
        path, release = self.release("shared.db", "full", "--seed", "14", *SIZE)
        oracle = rds.Oracle(release)
        for kind in ("md5", "sha1"):
            self.assertTrue(any(len(c) > 1 for c in oracle.by_digest[kind].values()), kind)
        _, ambiguous = self.check_answers(self.build("shared.kith", path), oracle)
        self.assertGreater(ambiguous, 3)

    def test_pass_through_keeps_lines(self):
        built, oracle = self.v3(15, "minimal")
        hits = self.some(oracle.digests("sha256"), 300)
        misses = self.missing(oracle, "sha256", 300)
        lines = [b"%s  some/pl\xe9ce %d" % (q.encode(), i) for i, q in enumerate(hits + misses)]
        self.random.shuffle(lines)
        known = {q.encode() for q in hits}
        for option, wanted in (("-k", True), ("-u", False)):
            text = kithtest.run(kithtest.KITH, "lookup", "-d", built, option, "-f", "-",
                                stdin=b"\n".join(lines) + b"\n", expect=(0, 1))
            self.assertEqual(text.split(b"\n")[:-1],
                             [line for line in lines if (line[:64] in known) == wanted])


if __name__ == "__main__":
    unittest.main()
