/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The codecs of the set's values. Where bytes are damaged the input is a heap block of exactly its
 * size, so that the address sanitizer reports a read behind it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/record.h"
#include "lib/decode.h"

static uint64_t seed = 1;

static uint64_t random64(void)
{
	seed += UINT64_C(0x9e3779b97f4a7c15);
	seed ^= seed >> 29;
	return seed * UINT64_C(0xbf58476d1ce4e5b9) ^ seed >> 31;
}

/* A copy that ends where its heap block ends. */
static uint8_t *exact_copy(const void *data, size_t n)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);

	assert_non_null(copy);
	if (n > 0)
		memcpy(copy, data, n);
	return copy;
}

static void varints_survive_and_have_one_form(void **state)
{
	unsigned bit;

	(void)state;
	for (bit = 0; bit < 64; bit++) {
		int around;

		for (around = -1; around <= 1; around++) {
			uint64_t v = (UINT64_C(1) << bit) + (uint64_t)(int64_t)around, back, fast;
			uint8_t bytes[KITH_VARINT_MAX + 8] = {0};
			const uint8_t *p = bytes, *end = kith_put_varint(bytes, v);
			size_t n = (size_t)(end - bytes);
			unsigned fast_n;

			assert_int_equal(n, kith_varint_size(v));
			assert_true(kith_get_varint(&p, end, &back));
			assert_true(back == v && p == end);
			p = bytes;
			assert_false(kith_get_varint(&p, end - 1, &back));
			assert_ptr_equal(p, bytes);
			assert_int_equal(kith_varint_of(kith_load_le64(bytes), &fast, &fast_n),
					 n <= 8);
			if (n <= 8)
				assert_true(fast == v && fast_n == n);
			/* the same number with a zero byte more */
			bytes[n - 1] |= 0x80;
			bytes[n] = 0;
			assert_false(kith_get_varint(&p, bytes + n + 1, &back));
			assert_false(kith_varint_of(kith_load_le64(bytes), &fast, &fast_n));
		}
	}
}

static void a_varint_of_more_than_64_bits_is_refused(void **state)
{
	static const uint8_t max[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
	static const uint8_t over[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
	static const uint8_t longer[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
					 0x80, 0x80, 0x80, 0x80, 0x01};
	const uint8_t *p = max;
	uint64_t v;

	(void)state;
	assert_true(kith_get_varint(&p, max + sizeof max, &v));
	assert_true(v == UINT64_MAX);
	p = over;
	assert_false(kith_get_varint(&p, over + sizeof over, &v));
	p = longer;
	assert_false(kith_get_varint(&p, longer + sizeof longer, &v));
}

/* A record with everything at its largest. */
static void make_record(struct kith_buf *buf, uint8_t marks, size_t n_claims, size_t n_occs)
{
	struct kith_claim claims[3];
	uint64_t occs[64];
	size_t i;

	for (i = 0; i < 3; i++) {
		memset(&claims[i], (int)(0xa0 + i), sizeof claims[i]);
		claims[i].has = KITH_REC_HAS_SHA1 | KITH_REC_HAS_MD5 | KITH_REC_HAS_SIZE;
		claims[i].size_bytes = UINT64_MAX - i;
	}
	for (i = 0; i < n_occs; i++)
		occs[i] = i < 3 ? kith_occ_make(7, (uint32_t)(1000 + 200 * i))
				: kith_occ_make(KITH_LIMIT_RANKS - (uint32_t)(n_occs - i),
						KITH_LIMIT_RANKS - 1);
	assert_true(kith_record_encode(buf, marks, claims, n_claims, occs, n_occs));
}

static void a_record_with_the_largest_values_survives(void **state)
{
	struct kith_buf buf = {0};
	uint8_t key[32] = {1};
	struct kith_file file;
	struct kith_file_iter iter;
	struct kith_alternate alt;
	struct kith_occurrence occ;
	int i;

	(void)state;
	make_record(&buf, KITH_REC_TRIVIAL | KITH_REC_FRAGMENT, 3, 6);
	assert_int_equal(kith_record_decode(buf.data, buf.data + buf.n, key, false, &file),
			 KITH_OK);
	assert_ptr_equal(file.sha256, key);
	assert_int_equal(file.flags, KITH_FILE_TRIVIAL | KITH_FILE_FRAGMENT | KITH_FILE_CONFLICT |
					 KITH_FILE_HAS_SIZE);
	assert_true(file.size_bytes == UINT64_MAX);
	assert_int_equal(file.sha1[19], 0xa0);
	assert_int_equal(file.md5[0], 0xa0);
	assert_int_equal(file.n_occurrences, 6);
	assert_int_equal(kith_alternates(&file, &iter), KITH_OK);
	for (i = 1; i < 3; i++) {
		assert_int_equal(kith_alternate_next(&iter, &alt), KITH_OK);
		assert_int_equal(alt.sha1[0], 0xa0 + i);
		assert_int_equal(alt.md5[15], 0xa0 + i);
		assert_true(alt.has_size && alt.size_bytes == UINT64_MAX - (uint64_t)i);
	}
	assert_int_equal(kith_alternate_next(&iter, &alt), KITH_END);
	assert_int_equal(kith_occurrences(&file, &iter), KITH_OK);
	for (i = 0; i < 6; i++) {
		assert_int_equal(kith_occurrence_next(&iter, &occ), KITH_OK);
		assert_true(occ.place == (i < 3 ? 7 : KITH_LIMIT_RANKS - (uint32_t)(6 - i)));
		assert_true(occ.name ==
			    (i < 3 ? (uint32_t)(1000 + 200 * i) : KITH_LIMIT_RANKS - 1));
	}
	assert_int_equal(kith_occurrence_next(&iter, &occ), KITH_END);
	assert_ptr_equal(kith_record_skip(&file), buf.data + buf.n);
	kith_buf_done(&buf);
}

static void a_record_of_one_byte_and_a_count_is_the_smallest(void **state)
{
	struct kith_claim nothing = {0};
	struct kith_buf buf = {0};
	uint8_t key[20] = {2};
	struct kith_file file;

	(void)state;
	assert_true(kith_record_encode(&buf, 0, &nothing, 1, NULL, 0));
	assert_int_equal(buf.n, 2);
	assert_int_equal(kith_record_decode(buf.data, buf.data + 2, key, true, &file), KITH_OK);
	assert_null(file.sha256);
	assert_ptr_equal(file.sha1, key);
	assert_null(file.md5);
	assert_int_equal(file.flags, KITH_FILE_SHA1_ONLY);
	kith_buf_done(&buf);
}

/* Decodes and walks everything; the result does not matter, reading behind the end does. */
static void walk(const uint8_t *data, size_t n, bool sha1_only)
{
	uint8_t *copy = exact_copy(data, n);
	uint8_t key[32] = {0};
	struct kith_file file;

	if (kith_record_decode(copy, copy + n, key, sha1_only, &file) == KITH_OK)
		(void)kith_record_skip(&file);
	free(copy);
}

static void damage_at_any_position_reads_nothing_behind_the_end(void **state)
{
	static const uint8_t patterns[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0x20, 0x40};
	struct kith_buf buf = {0};
	size_t i, k;

	(void)state;
	make_record(&buf, 0, 3, 20);
	for (i = 0; i <= buf.n; i++) {
		walk(buf.data, i, false);
		walk(buf.data, i, true);
	}
	for (i = 0; i < buf.n; i++) {
		uint8_t was = buf.data[i];

		for (k = 0; k < sizeof patterns; k++) {
			buf.data[i] = patterns[k];
			walk(buf.data, buf.n, false);
			buf.data[i] = was ^ patterns[k];
			walk(buf.data, buf.n, false);
		}
		buf.data[i] = was;
	}
	kith_buf_done(&buf);
}

static void a_cut_record_is_never_taken_for_a_whole_one(void **state)
{
	struct kith_buf buf = {0};
	uint8_t key[32] = {0};
	struct kith_file file;
	size_t i;

	(void)state;
	make_record(&buf, 0, 2, 10);
	for (i = 0; i < buf.n; i++)
		assert_true(kith_record_decode(buf.data, buf.data + i, key, false, &file) < 0 ||
			    kith_record_skip(&file) == NULL);
	kith_buf_done(&buf);
}

static void bits_that_no_format_has_are_refused(void **state)
{
	uint8_t bytes[64] = {0x40}, key[32] = {0};
	struct kith_file file;

	(void)state;
	assert_int_equal(kith_record_decode(bytes, bytes + 64, key, false, &file), KITH_E_CORRUPT);
	bytes[0] = 0x80;
	assert_int_equal(kith_record_decode(bytes, bytes + 64, key, false, &file), KITH_E_CORRUPT);
	/* a SHA-1 where the key is one */
	bytes[0] = KITH_REC_HAS_SHA1;
	assert_int_equal(kith_record_decode(bytes, bytes + 64, key, true, &file), KITH_E_CORRUPT);
	assert_int_equal(kith_record_decode(bytes, bytes + 64, key, false, &file), KITH_OK);
	/* a conflict without alternates */
	bytes[0] = KITH_REC_CONFLICT;
	assert_int_equal(kith_record_decode(bytes, bytes + 64, key, false, &file), KITH_E_CORRUPT);
}

static bool same_file(const struct kith_file *a, const struct kith_file *b)
{
	return a->sha256 == b->sha256 && a->sha1 == b->sha1 && a->md5 == b->md5 &&
	       a->size_bytes == b->size_bytes && a->n_occurrences == b->n_occurrences &&
	       a->flags == b->flags && a->body == b->body && a->end == b->end;
}

static void the_fast_decoder_agrees_with_the_plain_one(void **state)
{
	unsigned round, good = 0, bad = 0;

	(void)state;
	for (round = 0; round < 200000; round++) {
		size_t n = 40 + random64() % 60, i;
		uint8_t bytes[100], key[32], *copy;
		struct kith_file plain, fast;
		enum kith_status st;
		bool sha1_only = random64() % 4 == 0;

		for (i = 0; i < n; i++)
			bytes[i] = (uint8_t)random64();
		bytes[0] &= random64() % 8 == 0 ? 0xff : 0x1f;
		if (sha1_only && random64() % 4 != 0)
			bytes[0] &= (uint8_t)~KITH_REC_HAS_SHA1;
		/* bytes that often make short varints, and sometimes long or overlong ones */
		for (i = 1; i < n; i++)
			if (random64() % 2 == 0)
				bytes[i] &= random64() % 3 == 0 ? 0x00 : 0x3f;
		copy = exact_copy(bytes, n);
		st = kith_record_decode(copy, copy + n, key, sha1_only, &plain);
		assert_int_equal(kith_decode(copy, copy + n, key, sha1_only, &fast), st);
		if (st == KITH_OK)
			assert_true(same_file(&plain, &fast));
		good += st == KITH_OK;
		bad += st != KITH_OK;
		free(copy);
	}
	/* otherwise the comparison says little */
	assert_true(good > 20000 && bad > 20000);
}

static void check_block(const size_t lens[KITH_BLOCK])
{
	static uint8_t bytes[KITH_BLOCK * 128];
	struct kith_buf buf = {0};
	struct kith_bytes item;
	const uint8_t *after;
	size_t i, at = 0;

	for (i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)i;
	assert_true(kith_block_encode(&buf, lens, KITH_BLOCK, bytes));
	for (i = 0; i < KITH_BLOCK; i++) {
		assert_int_equal(
		    kith_block_item(buf.data, buf.data + buf.n, KITH_BLOCK, i, &item, &after),
		    KITH_OK);
		assert_int_equal(item.n, lens[i]);
		if (item.n > 0)
			assert_memory_equal(item.data, bytes + at, item.n);
		assert_ptr_equal(after, buf.data + buf.n);
		at += lens[i];
	}
	for (i = 0; i < buf.n; i++) {
		uint8_t *copy = exact_copy(buf.data, i);

		assert_int_equal(kith_block_item(copy, copy + i, KITH_BLOCK, 31, &item, NULL),
				 KITH_E_CORRUPT);
		free(copy);
	}
	kith_buf_done(&buf);
}

/* The usual block, whose lengths are a byte each, is added up at once; a long one is not. */
static void a_block_gives_its_items_and_ends_with_them(void **state)
{
	static const size_t lengths[] = {0, 1, 126, 127, 63, 20};
	size_t lens[KITH_BLOCK] = {0, 1, 300, 2}, i, turn;

	(void)state;
	check_block(lens);
	for (turn = 0; turn < 6; turn++) {
		for (i = 0; i < KITH_BLOCK; i++)
			lens[i] = lengths[(i * i + turn) % 6];
		check_block(lens);
	}
	for (i = 0; i < KITH_BLOCK; i++)
		lens[i] = 127;
	check_block(lens);
	lens[31] = 128;
	check_block(lens);
}

static struct kith_bytes text(const char *s)
{
	struct kith_bytes bytes = {(const uint8_t *)s, strlen(s)};

	return bytes;
}

/* Calls `decode` for every truncation and every flipped bit of the item. */
static void damage_item(const struct kith_buf *buf, enum kith_status (*decode)(struct kith_bytes))
{
	struct kith_bytes item = {buf->data, buf->n};
	size_t i;

	assert_int_equal(decode(item), KITH_OK);
	for (i = 0; i < buf->n * 8; i++) {
		uint8_t *copy = exact_copy(buf->data, buf->n);

		copy[i / 8] ^= (uint8_t)(1u << i % 8);
		item.data = copy;
		item.n = buf->n;
		(void)decode(item);
		free(copy);
	}
	for (i = 0; i < buf->n; i++) {
		uint8_t *copy = exact_copy(buf->data, i);

		item.data = copy;
		item.n = i;
		(void)decode(item);
		free(copy);
	}
}

static enum kith_status walk_lists(struct kith_list ranks, struct kith_list texts)
{
	struct kith_bytes item;
	uint32_t rank;
	enum kith_status st;

	while ((st = kith_list_rank(&ranks, &rank)) == KITH_OK)
		;
	if (st < 0)
		return st;
	while ((st = kith_list_text(&texts, &item)) == KITH_OK)
		;
	return st == KITH_END ? KITH_OK : st;
}

static enum kith_status decode_product(struct kith_bytes item)
{
	struct kith_product product;
	enum kith_status st = kith_product_decode(item, &product);

	return st < 0 ? st : walk_lists(product.distributors, product.links);
}

static enum kith_status decode_place(struct kith_bytes item)
{
	static const struct kith_list none = {NULL, NULL, 0};
	struct kith_place place;
	enum kith_status st = kith_place_decode(item, 1000, &place);

	return st < 0 ? st : walk_lists(place.refs, none);
}

static enum kith_status decode_distributor(struct kith_bytes item)
{
	static const struct kith_list none = {NULL, NULL, 0};
	struct kith_distributor distributor;
	enum kith_status st = kith_distributor_decode(item, &distributor);

	return st < 0 ? st : walk_lists(none, distributor.links);
}

static enum kith_status decode_source(struct kith_bytes item)
{
	struct kith_source source;

	return kith_source_decode(item, &source);
}

static void damaged_items_read_nothing_behind_the_end(void **state)
{
	static const uint32_t ranks[] = {0, 127, 128, KITH_LIMIT_RANKS - 1};
	const struct kith_rank_list rank_list = {ranks, 4};
	struct kith_bytes two[] = {text(""), text("b, c\n")};
	const struct kith_text_list texts = {two, 2};
	const struct kith_source source = {
	    .evidence = KITH_SIGNED, .id = text("id"), .label = text("label"), .notice = text("n")};
	struct kith_buf buf = {0};

	(void)state;
	assert_true(kith_product_encode(&buf, 1, text("name"), text("1.0"), &rank_list, &texts,
					&texts, &texts, &texts));
	damage_item(&buf, decode_product);
	buf.n = 0;
	assert_true(kith_place_encode(&buf, KITH_PLACE_PRODUCT, 1000, 3, &rank_list, text("x")));
	damage_item(&buf, decode_place);
	buf.n = 0;
	assert_true(kith_distributor_encode(&buf, 0, text("name"), &texts));
	damage_item(&buf, decode_distributor);
	buf.n = 0;
	assert_true(kith_source_encode(&buf, &source));
	damage_item(&buf, decode_source);
	kith_buf_done(&buf);
}

static void a_ledger_row_survives_and_its_damage_is_harmless(void **state)
{
	static const uint8_t key[8] = {0, 0, 0, 5, 0, 0, 0, 1};
	struct kith_ledger_entry entry;
	struct kith_buf buf = {0};
	size_t i;

	(void)state;
	assert_true(
	    kith_ledger_encode(&buf, KITH_LEDGER_FAILED, UINT64_MAX, text("why"), text("")));
	assert_int_equal(kith_ledger_decode(key, 8, buf.data, buf.n, &entry), KITH_OK);
	assert_true(entry.source == 5 && entry.class_ == KITH_LEDGER_FAILED &&
		    entry.count == UINT64_MAX && entry.reason.n == 3 && entry.example.n == 0);
	assert_int_equal(kith_ledger_decode(key, 7, buf.data, buf.n, &entry), KITH_E_CORRUPT);
	for (i = 0; i < buf.n; i++) {
		uint8_t *copy = exact_copy(buf.data, i);

		assert_int_equal(kith_ledger_decode(key, 8, copy, i, &entry), KITH_E_CORRUPT);
		free(copy);
	}
	kith_buf_done(&buf);
}

static void lines_are_enough_for_all_entries(void **state)
{
	(void)state;
	assert_int_equal(kith_index_lines(0), 1);
	assert_int_equal(kith_index_lines(1), 2);
	assert_int_equal(kith_index_lines(32), 6);
	assert_int_equal(kith_index_lines(33), 7);
	assert_int_equal(kith_index_lines(64), 11);
	assert_int_equal(kith_index_line(0, 100), 0);
	assert_int_equal(kith_index_line(UINT64_MAX, 100), 99);
	assert_int_equal(kith_index_line(UINT64_C(1) << 63, 100), 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(varints_survive_and_have_one_form),
	    cmocka_unit_test(a_varint_of_more_than_64_bits_is_refused),
	    cmocka_unit_test(a_record_with_the_largest_values_survives),
	    cmocka_unit_test(a_record_of_one_byte_and_a_count_is_the_smallest),
	    cmocka_unit_test(damage_at_any_position_reads_nothing_behind_the_end),
	    cmocka_unit_test(a_cut_record_is_never_taken_for_a_whole_one),
	    cmocka_unit_test(bits_that_no_format_has_are_refused),
	    cmocka_unit_test(the_fast_decoder_agrees_with_the_plain_one),
	    cmocka_unit_test(a_block_gives_its_items_and_ends_with_them),
	    cmocka_unit_test(damaged_items_read_nothing_behind_the_end),
	    cmocka_unit_test(a_ledger_row_survives_and_its_damage_is_harmless),
	    cmocka_unit_test(lines_are_enough_for_all_entries),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
