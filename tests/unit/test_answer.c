/* SPDX-License-Identifier: Apache-2.0 */
/* Facts of sets whose content is known: every file of them, by every hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "answer/render.h"
#include "base/bytes.h"
#include "fixture_set.h"

#define FILES 2000u
#define ONLY  40u

static kith_set *sets[2];
static struct kith_asker *asker;  /* of the first */
static struct kith_asker *asker2; /* of both, which are copies */

static int open_sets(void **state)
{
	(void)state;
	if (fixture_folder() == NULL || !fixture_set_write(fixture_path("a.kith"), FILES, ONLY) ||
	    !fixture_set_write(fixture_path("b.kith"), FILES, ONLY))
		return -1;
	if (kith_set_open(fixture_path("a.kith"), &sets[0], NULL) != KITH_OK ||
	    kith_set_open(fixture_path("b.kith"), &sets[1], NULL) != KITH_OK)
		return -1;
	return kith_asker_open(sets, 1, &asker, NULL) == KITH_OK &&
		       kith_asker_open(sets, 2, &asker2, NULL) == KITH_OK
		   ? 0
		   : -1;
}

static int close_sets(void **state)
{
	(void)state;
	kith_asker_close(asker);
	kith_asker_close(asker2);
	kith_set_close(sets[0]);
	kith_set_close(sets[1]);
	fixture_folder_remove();
	return 0;
}

/* Facts of one digest. */
static struct kith_facts ask(struct kith_asker *a, enum kith_digest kind, const uint8_t *bytes)
{
	static struct kith_query query;
	struct kith_facts facts;

	query.kind = kind;
	query.bytes = bytes;
	query.text = (const uint8_t *)"x";
	query.text_n = 1;
	assert_int_equal(kith_ask_batch(a, &query, 1), KITH_OK);
	assert_int_equal(kith_ask_facts(a, 0, &facts), KITH_OK);
	assert_int_equal(facts.verdict, kith_ask_verdict(a, 0));
	assert_ptr_equal(facts.query, &query);
	return facts;
}

/* One set's index must not turn what another cannot tell into a miss. */
static void a_set_without_its_index_leaves_no_miss(void **state)
{
	static struct fixture_file file;
	kith_set *both[2] = {sets[0], NULL};
	struct kith_asker *mixed;
	uint8_t digest[KITH_SHA256_SIZE];
	char command[1200];

	(void)state;
	(void)snprintf(command, sizeof command, "mdb_copy -n -c '%s' > '%s'",
		       fixture_path("b.kith"), fixture_path("compact.kith"));
	if (system("command -v mdb_copy >/dev/null") != 0)
		skip();
	assert_int_equal(system(command), 0);
	assert_int_equal(kith_set_open(fixture_path("compact.kith"), &both[1], NULL), KITH_OK);
	assert_int_equal(kith_asker_open(both, 2, &mixed, NULL), KITH_OK);
	fixture_unknown(1, digest);
	assert_int_equal(ask(mixed, KITH_SHA256, digest).verdict, KITH_UNKNOWN);
	assert_int_equal(ask(mixed, KITH_SHA1, digest).verdict, KITH_NOT_INDEXED);
	assert_int_equal(ask(mixed, KITH_MD5, digest).verdict, KITH_NOT_INDEXED);
	fixture_file(0, FILES, false, &file);
	assert_int_equal(ask(mixed, KITH_SHA1, file.claims[0].sha1).n_contents, 1);
	kith_asker_close(mixed);
	kith_set_close(both[1]);
}

static void the_verdict_of_every_file_is_right(void **state)
{
	static struct fixture_file file;
	uint64_t i;

	(void)state;
	for (i = 0; i < FILES; i++) {
		bool trivial;
		struct kith_facts facts;

		fixture_file(i, FILES, false, &file);
		trivial = (file.marks & KITH_REC_TRIVIAL) != 0;
		facts = ask(asker, KITH_SHA256, file.key);
		assert_int_equal(facts.verdict, trivial ? KITH_TRIVIAL : KITH_KNOWN);
		assert_int_equal(facts.n_contents, 1);
		assert_memory_equal(facts.contents[0].sha256, file.key, KITH_SHA256_SIZE);
		assert_int_equal(facts.contents[0].n_occurrences, file.n_occs);
		assert_int_equal((facts.contents[0].flags & KITH_FILE_CONFLICT) != 0,
				 file.n_claims > 1);
		if ((file.claims[0].has & KITH_REC_HAS_SHA1) == 0)
			continue;
		facts = ask(asker, KITH_SHA1, file.claims[0].sha1);
		assert_int_equal(facts.verdict, trivial ? KITH_TRIVIAL : KITH_KNOWN);
		assert_int_equal(facts.n_contents, 1);
		assert_memory_equal(facts.contents[0].sha256, file.key, KITH_SHA256_SIZE);
	}
	for (i = 0; i < ONLY; i++) {
		struct kith_facts facts;

		fixture_file(i, ONLY, true, &file);
		facts = ask(asker, KITH_SHA1, file.key);
		assert_int_equal(facts.n_contents, 1);
		assert_null(facts.contents[0].sha256);
		assert_true((facts.contents[0].flags & KITH_FILE_SHA1_ONLY) != 0);
	}
	for (i = 0; i < 500; i++) {
		uint8_t digest[KITH_SHA256_SIZE];

		fixture_unknown(i, digest);
		assert_int_equal(ask(asker, KITH_SHA256, digest).verdict, KITH_UNKNOWN);
		assert_int_equal(ask(asker, KITH_SHA1, digest).verdict, KITH_UNKNOWN);
		assert_int_equal(ask(asker, KITH_MD5, digest).verdict, KITH_UNKNOWN);
	}
}

static void the_empty_file_is_trivial_where_nobody_has_it(void **state)
{
	static const uint8_t md5[] = {0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04,
				      0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e};
	struct kith_facts facts = ask(asker, KITH_MD5, md5);

	(void)state;
	assert_int_equal(facts.verdict, KITH_TRIVIAL);
	assert_int_equal(facts.n_contents, 0);
}

static void an_md5_of_two_files_gives_both(void **state)
{
	static struct fixture_file file, before;
	unsigned n = 0;
	uint64_t i;

	(void)state;
	for (i = 7; i < FILES; i += 19) {
		struct kith_facts facts;

		fixture_file(i, FILES, false, &file);
		fixture_file(i - 1, FILES, false, &before);
		if ((file.claims[0].has & before.claims[0].has & KITH_REC_HAS_MD5) == 0)
			continue;
		facts = ask(asker, KITH_MD5, file.claims[0].md5);
		assert_int_equal(facts.n_contents, 2);
		assert_memory_equal(facts.contents[0].sha256, before.key, KITH_SHA256_SIZE);
		assert_memory_equal(facts.contents[1].sha256, file.key, KITH_SHA256_SIZE);
		n++;
	}
	assert_true(n > 50);
}

static void two_sets_answer_as_one(void **state)
{
	static struct fixture_file file;
	struct kith_known one, both;
	uint64_t i;

	(void)state;
	memset(&one, 0, sizeof one);
	memset(&both, 0, sizeof both);
	for (i = 0; i < FILES; i += 7) {
		struct kith_facts facts;
		size_t n, k;

		fixture_file(i, FILES, false, &file);
		facts = ask(asker, KITH_SHA256, file.key);
		n = (size_t)facts.contents[0].n_occurrences;
		assert_int_equal(kith_ask_known(asker, &facts.contents[0], &one), KITH_OK);
		facts = ask(asker2, KITH_SHA256, file.key);
		assert_int_equal(facts.n_contents, 1);
		assert_int_equal(facts.contents[0].n_records, 2);
		assert_int_equal(facts.contents[0].n_occurrences, 2 * n);
		assert_int_equal(kith_ask_known(asker2, &facts.contents[0], &both), KITH_OK);
		assert_int_equal(one.names.n, both.names.n);
		assert_int_equal(one.products.n, both.products.n);
		assert_int_equal(one.distributors.n, both.distributors.n);
		for (k = 0; k < one.names.n; k++) {
			assert_int_equal(one.names.items[k].n, both.names.items[k].n);
			assert_memory_equal(one.names.items[k].data, both.names.items[k].data,
					    one.names.items[k].n);
		}
	}
	kith_known_done(&one);
	kith_known_done(&both);
}

static int compare_ranks(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void the_names_are_those_of_all_occurrences(void **state)
{
	static struct fixture_file file;
	static uint32_t ranks[FIXTURE_OCCS_MAX];
	struct kith_known known;
	uint64_t i;

	(void)state;
	memset(&known, 0, sizeof known);
	for (i = 0; i < FILES; i++) {
		struct kith_facts facts;
		size_t k, n = 0;

		fixture_file(i, FILES, false, &file);
		facts = ask(asker, KITH_SHA256, file.key);
		assert_int_equal(kith_ask_known(asker, &facts.contents[0], &known), KITH_OK);
		for (k = 0; k < file.n_occs; k++)
			ranks[k] = (uint32_t)file.occs[k];
		qsort(ranks, file.n_occs, sizeof *ranks, compare_ranks);
		for (k = 0; k < file.n_occs; k++) {
			char name[64];
			size_t len;

			if (k > 0 && ranks[k] == ranks[k - 1])
				continue;
			len = fixture_name(ranks[k], name);
			assert_true(n < known.names.n);
			assert_int_equal(known.names.items[n].n, len);
			assert_memory_equal(known.names.items[n].data, name, len);
			n++;
		}
		assert_int_equal(n, known.names.n);
		assert_int_equal(known.sources.n, 1);
		/* The second distributor is a placeholder. */
		assert_true(known.distributors.n <= 1);
	}
	kith_known_done(&known);
}

/* Place and name of what is shown, against the fixture's tree. */
static void check_seen(const struct kith_seen *seen, uint64_t occ)
{
	char want[64];
	enum kith_place_kind kind;
	uint32_t parent;
	size_t n = fixture_name((uint32_t)occ, want);

	assert_int_equal(seen->name.n, n);
	assert_memory_equal(seen->name.data, want, n);
	n = fixture_place((uint32_t)(occ >> 32), want, &kind, &parent);
	assert_true(seen->where->node->text.n > 20);
	assert_memory_equal(seen->where->node->text.data, "A fixture > Product ", 20);
	if (kind != KITH_PLACE_FOLDER) {
		assert_int_equal(seen->where->n_parts, 0);
		return;
	}
	assert_int_equal(seen->where->n_parts, 1);
	assert_int_equal(seen->where->parts[0].name.n, n);
	assert_memory_equal(seen->where->parts[0].name.data, want, n);
	assert_int_equal(seen->where->parts[0].separator.n, 1);
	assert_int_equal(seen->where->parts[0].separator.data[0], '/');
}

static void what_is_shown_is_all_or_as_many_as_asked_for(void **state)
{
	static struct fixture_file file;
	uint64_t i;

	(void)state;
	for (i = 0; i < FILES; i += 3) {
		struct kith_facts facts;
		struct kith_shown shown;
		struct kith_seen seen;
		bool plain_came = false;
		size_t n = 0;

		fixture_file(i, FILES, false, &file);
		facts = ask(asker, KITH_SHA256, file.key);
		kith_shown_start(&shown, &facts.contents[0], 0);
		while (kith_shown_next(asker, &shown, &seen) == KITH_OK)
			check_seen(&seen, file.occs[n++]);
		assert_int_equal(n, file.n_occs);
		assert_int_equal(shown.pass, 0);

		kith_shown_start(&shown, &facts.contents[0], 200);
		for (n = 0; kith_shown_next(asker, &shown, &seen) == KITH_OK; n++) {
			if (shown.pass == 0)
				continue;
			assert_false(plain_came && kith_has_extension(seen.name));
			plain_came = !kith_has_extension(seen.name);
		}
		assert_int_equal(n, file.n_occs < 200 ? file.n_occs : 200);
		assert_int_equal(shown.pass != 0, file.n_occs > 200);
	}
}

static void extensions_are_told_from_dots(void **state)
{
	static const struct {
		const char *name;
		bool has;
	} cases[] = {{"report.pdf", true}, {"a.7z", true},   {".bashrc", false},
		     {"v1.", false},       {"plain", false}, {"x.a very long one", false},
		     {"", false},          {"a.b.c", true},  {"libc.so.6", true}};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct kith_bytes name = {(const uint8_t *)cases[i].name, strlen(cases[i].name)};

		assert_int_equal(kith_has_extension(name), cases[i].has);
	}
}

/* A batch gives what one query at a time gives, in every format. */
static void a_batch_answers_as_single_queries_do(void **state)
{
	static struct fixture_file file;
	static uint8_t digests[KITH_ASK_BATCH][KITH_SHA256_SIZE];
	static struct kith_query queries[KITH_ASK_BATCH];
	const struct kith_renderer *renderer;
	struct kith_render render = {.limit = 5};
	struct kith_buf many = {NULL, 0, 0, false}, single = {NULL, 0, 0, false};
	size_t i, r;

	(void)state;
	for (i = 0; i < KITH_ASK_BATCH; i++) {
		fixture_file(i, FILES, false, &file);
		queries[i].kind = (enum kith_digest)(i % KITH_DIGESTS);
		memcpy(digests[i],
		       i % 3 == 0   ? file.key
		       : i % 3 == 1 ? file.claims[0].sha1
				    : file.claims[0].md5,
		       kith_digest_size(queries[i].kind));
		if (i % 10 == 9)
			digests[i][12] ^= 1;
		queries[i].bytes = digests[i];
		queries[i].text = (const uint8_t *)"query";
		queries[i].text_n = 5;
	}
	for (r = 0; (renderer = kith_renderer_at(r)) != NULL; r++) {
		struct kith_facts facts;

		assert_ptr_equal(kith_renderer_find(renderer->name), renderer);
		many.n = single.n = 0;
		assert_int_equal(kith_ask_batch(asker, queries, KITH_ASK_BATCH), KITH_OK);
		for (i = 0; i < KITH_ASK_BATCH; i++) {
			assert_int_equal(kith_ask_facts(asker, i, &facts), KITH_OK);
			assert_int_equal(renderer->render(asker, &facts, &render, &many), KITH_OK);
		}
		for (i = 0; i < KITH_ASK_BATCH; i++) {
			assert_int_equal(kith_ask_batch(asker, &queries[i], 1), KITH_OK);
			assert_int_equal(kith_ask_facts(asker, 0, &facts), KITH_OK);
			assert_int_equal(renderer->render(asker, &facts, &render, &single),
					 KITH_OK);
		}
		assert_int_equal(many.n, single.n);
		assert_memory_equal(many.data, single.data, many.n);
		assert_true(many.n > KITH_ASK_BATCH * 20);
	}
	assert_null(kith_renderer_find("xml"));
	kith_buf_done(&many);
	kith_buf_done(&single);
	kith_known_done(&render.known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_verdict_of_every_file_is_right),
	    cmocka_unit_test(the_empty_file_is_trivial_where_nobody_has_it),
	    cmocka_unit_test(an_md5_of_two_files_gives_both),
	    cmocka_unit_test(two_sets_answer_as_one),
	    cmocka_unit_test(the_names_are_those_of_all_occurrences),
	    cmocka_unit_test(what_is_shown_is_all_or_as_many_as_asked_for),
	    cmocka_unit_test(extensions_are_told_from_dots),
	    cmocka_unit_test(a_batch_answers_as_single_queries_do),
	    cmocka_unit_test(a_set_without_its_index_leaves_no_miss),
	};

	return cmocka_run_group_tests(tests, open_sets, close_sets);
}
