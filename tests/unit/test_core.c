/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of builder/core that can be tried alone: sorting, dictionaries, place keys, classes,
 * trivial content, the ledger. Random data come from a fixed seed. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"
#include "base/placeholder.h"
#include "core/classify.h"
#include "core/dict.h"
#include "core/extsort.h"
#include "core/ledger.h"
#include "core/placekey.h"
#include "core/sort.h"
#include "core/strings.h"
#include "core/trivial.h"

static uint64_t seed = 42;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static struct kith_bytes bytes_of(const char *text)
{
	struct kith_bytes bytes = {(const uint8_t *)text, strlen(text)};

	return bytes;
}

/* ------------------------------------------------------------------- sort */

static void sort_and_check(struct kith_pair *pairs, size_t n, int shape)
{
	uint64_t sum = 0, sum_after = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		switch (shape) {
		case 0: pairs[i].key = next_random(); break;
		case 1: pairs[i].key = i; break;
		case 2: pairs[i].key = n - i; break;
		case 3: pairs[i].key = 7; break;
		case 4: pairs[i].key = next_random() % 5; break;
		case 5: pairs[i].key = i < n / 2 ? i : n - i; break; /* organ pipe */
		default: pairs[i].key = UINT64_C(1) << next_random() % 64; break;
		}
		pairs[i].value = pairs[i].key * 3;
		sum += pairs[i].key;
	}
	kith_sort_pairs(pairs, n);
	for (i = 0; i < n; i++) {
		if (i > 0)
			assert_true(pairs[i - 1].key <= pairs[i].key);
		assert_int_equal(pairs[i].value, pairs[i].key * 3);
		sum_after += pairs[i].key;
	}
	assert_int_equal(sum, sum_after);
}

static void pairs_come_out_sorted_whatever_their_order(void **state)
{
	static const size_t sizes[] = {0, 1, 2, 24, 25, 100, 255, 256, 2047, 2048, 40000};
	struct kith_pair *pairs = malloc(40000 * sizeof *pairs);
	size_t i;
	int shape;

	(void)state;
	for (shape = 0; shape < 7; shape++)
		for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
			sort_and_check(pairs, sizes[i], shape);
	free(pairs);
}

static int compare_bytes(const void *a, const void *b)
{
	const struct kith_bytes *x = a, *y = b;
	size_t n = x->n < y->n ? x->n : y->n;
	int c = memcmp(x->data, y->data, n);

	return c != 0 ? c : (x->n > y->n) - (x->n < y->n);
}

/* Different strings with long common beginnings, zeros and prefixes of each other. */
static size_t make_strings(struct kith_bytes *items, uint8_t *room, size_t most)
{
	size_t n = 0, i, k;

	for (i = 0; i < most; i++) {
		size_t len = next_random() % 40;
		uint8_t *p = room + i * 64;

		memset(p, 'a', 20);
		for (k = next_random() % 24; k < len; k++)
			p[k] = (uint8_t)(next_random() % 3 == 0 ? 0 : next_random());
		items[i].data = p;
		items[i].n = len;
	}
	qsort(items, most, sizeof *items, compare_bytes);
	for (i = 0; i < most; i++)
		if (n == 0 || compare_bytes(&items[i], &items[n - 1]) != 0)
			items[n++] = items[i];
	return n;
}

static void strings_are_sorted_as_memcmp_does(void **state)
{
	enum { N = 5000 };
	struct kith_bytes *items = malloc(N * sizeof *items);
	struct kith_pair *pairs = malloc(N * sizeof *pairs);
	uint8_t *room = calloc(N, 64);
	size_t n, i;

	(void)state;
	n = make_strings(items, room, N);
	assert_true(n > N / 2);
	for (i = 0; i < n; i++)
		pairs[i].value = (i * 7919) % n;
	/* 7919 is prime, so with n not a multiple of it this is each number once. */
	assert_true(n % 7919 != 0);
	kith_sort_strings(items, pairs, n);
	for (i = 0; i < n; i++)
		assert_int_equal(pairs[i].value, i);
	free(items);
	free(pairs);
	free(room);
}

static void numbers_are_sorted_and_each_once(void **state)
{
	uint64_t items[300];
	size_t i, n;

	(void)state;
	for (i = 0; i < 300; i++)
		items[i] = next_random() % 100;
	n = kith_sort_unique_u64(items, 300);
	assert_true(n <= 100 && n > 80);
	for (i = 1; i < n; i++)
		assert_true(items[i - 1] < items[i]);
	assert_int_equal(kith_sort_unique_u64(items, 0), 0);
}

/* ------------------------------------------------------- scratch: sorting */

static void sort_items(size_t width, size_t items, size_t memory)
{
	struct kith_scratch *scratch = NULL;
	struct kith_extsort *sort = NULL;
	uint8_t *all = malloc(items * width), *last = calloc(1, width);
	const uint8_t *item;
	uint64_t sum = 0, sum_after = 0;
	size_t i, k, n = 0;

	assert_int_equal(kith_scratch_new(".", &scratch, NULL), KITH_OK);
	assert_int_equal(kith_extsort_new(width, memory, items / 2, scratch, &sort, NULL), KITH_OK);
	for (i = 0; i < items; i++) {
		for (k = 0; k < width; k++) {
			all[i * width + k] = (uint8_t)(k < 9 ? next_random() % 2 : next_random());
			sum += all[i * width + k];
		}
		assert_int_equal(kith_extsort_add(sort, all + i * width, NULL), KITH_OK);
	}
	assert_int_equal(kith_extsort_count(sort), items);
	assert_int_equal(kith_extsort_finish(sort, NULL), KITH_OK);
	while (kith_extsort_next(sort, &item, NULL) == KITH_OK) {
		assert_true(memcmp(last, item, width) <= 0);
		memcpy(last, item, width);
		for (k = 0; k < width; k++)
			sum_after += item[k];
		n++;
	}
	assert_int_equal(n, items);
	assert_int_equal(sum, sum_after);
	assert_int_equal(kith_extsort_next(sort, &item, NULL), KITH_END);
	kith_extsort_free(sort);
	kith_scratch_free(scratch);
	free(all);
	free(last);
}

static void extsort_sorts_more_than_fits_in_memory(void **state)
{
	(void)state;
	sort_items(24, 30000, 1);
	sort_items(16, 30000, 1);
}

static void extsort_sorts_in_memory(void **state)
{
	(void)state;
	sort_items(24, 5000, (size_t)1 << 20);
	sort_items(16, 5000, (size_t)1 << 20);
}

struct emitted {
	struct kith_bytes *items; /* all strings, sorted */
	uint32_t n;
};

static enum kith_status emit(struct kith_bytes string, void *user, uint32_t *ret_rank,
			     struct kith_err *err)
{
	struct emitted *emitted = user;

	(void)err;
	assert_int_equal(compare_bytes(&string, &emitted->items[emitted->n]), 0);
	*ret_rank = emitted->n++;
	return KITH_OK;
}

static void merged_strings_get_the_rank_of_their_sorted_order_in_every_run(void **state)
{
	enum { N = 4000, RUNS = 5 };
	struct kith_bytes *items = malloc(N * sizeof *items), *mine = malloc(N * sizeof *mine);
	size_t *number[RUNS], n, i, r, n_mine[RUNS];
	struct kith_strings_run runs[RUNS];
	uint8_t *room = calloc(N, 64);
	uint32_t *order[RUNS];
	const uint32_t *maps[RUNS];
	struct kith_scratch *scratch = NULL;
	struct kith_room room_for_pairs = {NULL, 0};
	struct emitted emitted = {0};

	(void)state;
	assert_int_equal(kith_scratch_new(".", &scratch, NULL), KITH_OK);
	n = make_strings(items, room, N);
	for (r = 0; r < RUNS; r++) {
		number[r] = malloc(N * sizeof **number);
		order[r] = malloc(N * sizeof **order);
		n_mine[r] = 0;
		/* Run 4 stays empty; every string is in run 0 or more. */
		for (i = n; r < 4 && i-- > 0;) {
			if (r > 0 && next_random() % 3 != 0)
				continue;
			number[r][n_mine[r]] = i;
			mine[n_mine[r]++] = items[i];
		}
		assert_int_equal(kith_strings_spill(mine, n_mine[r], scratch, &room_for_pairs,
						    &runs[r], order[r], NULL),
				 KITH_OK);
	}
	kith_room_done(&room_for_pairs);
	emitted.items = items;
	assert_int_equal(kith_strings_merge(runs, RUNS, scratch, 1, emit, &emitted, maps, NULL),
			 KITH_OK);
	assert_int_equal(emitted.n, n);
	for (r = 0; r < RUNS; r++) {
		for (i = 0; i < n_mine[r]; i++)
			assert_int_equal(maps[r][order[r][i]], number[r][i]);
		kith_scratch_unmap(maps[r], 4 * runs[r].n);
		free(number[r]);
		free(order[r]);
	}
	kith_scratch_free(scratch);
	free(items);
	free(mine);
	free(room);
}

/* ------------------------------------------------------------------- dict */

static void a_dictionary_numbers_each_string_once(void **state)
{
	struct kith_dict dict = {0};
	uint32_t number;
	bool is_new;
	unsigned round, i;
	char text[16];

	(void)state;
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 20000; i++) {
			(void)snprintf(text, sizeof text, "%u", i % 10000);
			assert_true(kith_dict_add(&dict, text, strlen(text), &number, &is_new));
			assert_int_equal(number, i % 10000);
			assert_int_equal(is_new, i < 10000);
		}
		assert_true(kith_dict_add(&dict, NULL, 0, &number, &is_new));
		assert_true(is_new);
		assert_true(kith_dict_add(&dict, "\0", 1, &number, &is_new));
		assert_true(is_new);
		assert_int_equal(dict.n, 10002);
		assert_memory_equal(kith_dict_get(&dict, 1234).data, "1234", 4);
		kith_dict_clear(&dict);
	}
	kith_dict_done(&dict);
}

/* -------------------------------------------------------------- place keys */

static void place_keys_sort_as_a_walk_and_read_back(void **state)
{
	static const char nul[] = {'a', 0, 'b', 0, 0, (char)0xff};
	struct kith_buf parent = {0}, child = {0}, sibling = {0}, name = {0};
	enum kith_place_kind kind;
	struct kith_bytes key;
	size_t pos = 0;

	(void)state;
	assert_true(kith_place_key_add(&parent, KITH_PLACE_SOURCE, "s", 1));
	assert_true(kith_buf_add(&child, parent.data, parent.n));
	assert_true(kith_place_key_add(&child, KITH_PLACE_FOLDER, nul, sizeof nul));
	assert_true(kith_place_key_add(&sibling, KITH_PLACE_SOURCE, "s\0", 2));
	assert_true(kith_bytes_cmp(parent.data, parent.n, child.data, child.n) < 0);
	assert_true(kith_bytes_cmp(child.data, child.n, sibling.data, sibling.n) < 0);
	key.data = child.data;
	key.n = child.n;
	assert_true(kith_place_key_next(key, &pos, &kind, &name));
	assert_int_equal(kind, KITH_PLACE_SOURCE);
	assert_int_equal(pos, parent.n);
	assert_true(kith_place_key_next(key, &pos, &kind, &name));
	assert_int_equal(kind, KITH_PLACE_FOLDER);
	assert_int_equal(name.n, sizeof nul);
	assert_memory_equal(name.data, nul, sizeof nul);
	assert_int_equal(pos, key.n);
	key.n--;
	pos = parent.n;
	assert_false(kith_place_key_next(key, &pos, &kind, &name));
	kith_buf_done(&parent);
	kith_buf_done(&child);
	kith_buf_done(&sibling);
	kith_buf_done(&name);
}

/* ----------------------------------------------------------------- classes */

static void names_of_fragments_are_told_from_names_of_files(void **state)
{
	static const char *const fragments[] = {
	    ".text",
	    ".text._ZNSt14overflow_errorC1ERKSs",
	    ".rela.dyn",
	    ".gnu.version_r",
	    "__DATA__mod_init_func",
	    "__TEXT__cstring",
	    "fil3651F9A1764CF55617C54746C399DFA3",
	};
	static const char *const files[] = {
	    ".textile",
	    ".bashrc",
	    "__init__.py",
	    "__pycache__",
	    "fil",
	    "filter.dll",
	    "fil3651F9A1764CF55617C54746C399DFAX",
	    "kernel32.dll",
	    "",
	    ".databases",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof fragments / sizeof fragments[0]; i++)
		assert_true(
		    kith_name_is_fragment((const uint8_t *)fragments[i], strlen(fragments[i])));
	for (i = 0; i < sizeof files / sizeof files[0]; i++)
		assert_false(kith_name_is_fragment((const uint8_t *)files[i], strlen(files[i])));
}

static void placeholders_are_recognised_in_any_case_and_with_blanks(void **state)
{
	(void)state;
	assert_true(kith_is_placeholder(bytes_of("")));
	assert_true(kith_is_placeholder(bytes_of("Unknown")));
	assert_true(kith_is_placeholder(bytes_of(" TBD ")));
	assert_true(kith_is_placeholder(bytes_of("none")));
	assert_false(kith_is_placeholder(bytes_of("Unknown Worlds Entertainment")));
	assert_false(kith_is_placeholder(bytes_of("Nonesuch")));
}

/* From sha256sum and sha1sum of what the comment says. */
static void trivial_content_is_known_by_its_digest(void **state)
{
	static const char *const sha256[] = {
	    /* nothing */
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    /* printf 1 */
	    "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
	    /* head -c 4096 /dev/zero */
	    "ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7",
	    /* 256 times 'x', 64 KiB of spaces, 16 MiB of 0xff */
	    "85e62acd750c4eb56b7b6a1d66dca5bfaac5f062608a1a893410d0288936c09a",
	    "0beca823b527427c6f6abccba22309ee6137100421b0037578e4521d5f2b7302",
	    "dffab0dd410657cb30c7b2fd7f2586a4792e8472e58882b3532581f8111a646d",
	};
	/* 64 KiB and a sector of zeros */
	static const char *const other =
	    "cf1cc8dd4cd12e47492694deec42bb220abab3309d4efe581741ff6430fe7de5";
	struct kith_trivial *trivial = kith_trivial_new();
	uint8_t digest[32];
	size_t i;

	(void)state;
	assert_non_null(trivial);
	assert_true(kith_trivial_wait(trivial));
	for (i = 0; i < sizeof sha256 / sizeof *sha256; i++) {
		assert_true(kith_hex_decode(sha256[i], digest, 32));
		assert_true(kith_trivial_has(trivial, KITH_SHA256, digest));
		digest[31] ^= 1;
		assert_false(kith_trivial_has(trivial, KITH_SHA256, digest));
	}
	assert_true(kith_hex_decode(other, digest, 32));
	assert_false(kith_trivial_has(trivial, KITH_SHA256, digest));
	assert_true(kith_trivial_add_sha1(trivial));
	assert_true(kith_hex_decode("da39a3ee5e6b4b0d3255bfef95601890afd80709", digest, 20));
	assert_true(kith_trivial_has(trivial, KITH_SHA1, digest));
	kith_trivial_free(trivial);
}

/* ------------------------------------------------------------------ ledger */

struct rows {
	unsigned n;
	uint64_t counts[8];
	char examples[8][32];
};

static enum kith_status take_row(const struct kith_ledger_entry *entry, void *user,
				 struct kith_err *err)
{
	struct rows *rows = user;

	(void)err;
	rows->counts[rows->n] = entry->count;
	memcpy(rows->examples[rows->n], entry->example.data, entry->example.n);
	rows->n++;
	return KITH_OK;
}

static void ledgers_add_up_and_keep_the_smallest_example(void **state)
{
	struct kith_ledger *a = kith_ledger_new(), *b = kith_ledger_new();
	const uint32_t ranks[2] = {1, 0};
	struct rows rows = {0};

	(void)state;
	kith_ledger_notef(a, 0, KITH_LEDGER_SKIPPED, "bad", "row %d", 10);
	kith_ledger_notef(b, 0, KITH_LEDGER_SKIPPED, "bad", "row %d", 9);
	kith_ledger_note(b, 1, KITH_LEDGER_COUNT, "rows", 5, NULL, 0);
	assert_true(kith_ledger_merge(a, b));
	assert_int_equal(kith_ledger_rows(a, ranks, take_row, &rows, NULL), KITH_OK);
	assert_int_equal(rows.n, 2);
	assert_int_equal(rows.counts[0], 5);
	assert_int_equal(rows.counts[1], 2);
	assert_string_equal(rows.examples[1], "row 9");
	kith_ledger_free(a);
	kith_ledger_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pairs_come_out_sorted_whatever_their_order),
	    cmocka_unit_test(strings_are_sorted_as_memcmp_does),
	    cmocka_unit_test(numbers_are_sorted_and_each_once),
	    cmocka_unit_test(extsort_sorts_more_than_fits_in_memory),
	    cmocka_unit_test(extsort_sorts_in_memory),
	    cmocka_unit_test(merged_strings_get_the_rank_of_their_sorted_order_in_every_run),
	    cmocka_unit_test(a_dictionary_numbers_each_string_once),
	    cmocka_unit_test(place_keys_sort_as_a_walk_and_read_back),
	    cmocka_unit_test(names_of_fragments_are_told_from_names_of_files),
	    cmocka_unit_test(placeholders_are_recognised_in_any_case_and_with_blanks),
	    cmocka_unit_test(trivial_content_is_known_by_its_digest),
	    cmocka_unit_test(ledgers_add_up_and_keep_the_smallest_example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
