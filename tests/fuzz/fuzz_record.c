/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes every decoder of base/record.h: what a damaged or hostile set can hold. The first byte
 * of the input chooses the decoder, the rest is the value.
 *
 * Beside not crashing, two things must hold of what a decoder accepts: it ends inside the value,
 * and encoding what was decoded gives the same bytes (a value has one encoding).
 */
#include <stdio.h>
#include <string.h>

#include "../holds.h"
#include "base/dump.h"
#include "base/record.h"

#define MANY 64u /* items of a list, claims, occurrences that are encoded again */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void same(const struct kith_buf *buf, const uint8_t *value, size_t n)
{
	HOLDS(!buf->failed);
	HOLDS(buf->n == n);
	HOLDS(n == 0 || memcmp(buf->data, value, n) == 0);
}

static void claim_of(const struct kith_alternate *alternate, struct kith_claim *claim)
{
	if (alternate->sha1 != NULL) {
		claim->has |= KITH_REC_HAS_SHA1;
		memcpy(claim->sha1, alternate->sha1, KITH_SHA1_SIZE);
	}
	if (alternate->md5 != NULL) {
		claim->has |= KITH_REC_HAS_MD5;
		memcpy(claim->md5, alternate->md5, KITH_MD5_SIZE);
	}
	if (alternate->has_size) {
		claim->has |= KITH_REC_HAS_SIZE;
		claim->size_bytes = alternate->size_bytes;
	}
}

static void file_record(const uint8_t *value, size_t n, bool sha1_only)
{
	static const uint8_t key[KITH_SHA256_SIZE] = {0x5a};
	struct kith_claim claims[MANY] = {0};
	uint64_t occs[MANY];
	struct kith_file file;
	struct kith_file_iter iter;
	struct kith_alternate alternate;
	struct kith_occurrence occurrence;
	struct kith_buf buf = {0};
	const uint8_t *after;
	size_t n_claims = 1, n_occs = 0;
	uint8_t marks = 0;
	enum kith_status st;

	if (kith_record_decode(value, value + n, key, sha1_only, &file) != KITH_OK)
		return;
	after = kith_record_skip(&file);
	HOLDS(after == NULL || (after > value && after <= value + n));

	/* The iterators agree with the walk about what is damaged. */
	if (kith_alternates(&file, &iter) == KITH_OK) {
		while ((st = kith_alternate_next(&iter, &alternate)) == KITH_OK) {
			if (n_claims < MANY)
				claim_of(&alternate, &claims[n_claims]);
			n_claims++;
		}
		HOLDS(st == KITH_END || after == NULL);
	} else {
		HOLDS(after == NULL);
	}
	if (kith_occurrences(&file, &iter) == KITH_OK) {
		while ((st = kith_occurrence_next(&iter, &occurrence)) == KITH_OK) {
			if (n_occs < MANY)
				occs[n_occs] = kith_occ_make(occurrence.place, occurrence.name);
			n_occs++;
		}
		HOLDS(st == KITH_END || after == NULL);
		HOLDS(after == NULL || n_occs == file.n_occurrences);
	} else {
		HOLDS(after == NULL);
	}
	(void)kith_dump_file(&buf, &file);
	kith_buf_done(&buf);

	if (after == NULL || n_claims > MANY || n_occs > MANY)
		return;
	memset(&buf, 0, sizeof buf);
	alternate = (struct kith_alternate){
	    .sha1 = sha1_only ? NULL : file.sha1,
	    .md5 = file.md5,
	    .size_bytes = file.size_bytes,
	    .has_size = (file.flags & KITH_FILE_HAS_SIZE) != 0,
	};
	claim_of(&alternate, &claims[0]);
	if (file.flags & KITH_FILE_TRIVIAL)
		marks |= KITH_REC_TRIVIAL;
	if (file.flags & KITH_FILE_FRAGMENT)
		marks |= KITH_REC_FRAGMENT;
	HOLDS(kith_record_encode(&buf, marks, claims, n_claims, occs, n_occs));
	same(&buf, value, (size_t)(after - value));
	kith_buf_done(&buf);
}

static void block(const uint8_t *value, size_t n)
{
	size_t n_items = n == 0 ? 1 : 1 + value[0] % KITH_BLOCK, i, lens[KITH_BLOCK];
	const uint8_t *after = NULL, *first = NULL;
	struct kith_buf buf = {0};
	struct kith_bytes item;
	uint64_t sum = 0;

	if (n > 0) {
		value++;
		n--;
	}
	for (i = 0; i < n_items; i++) {
		if (kith_block_item(value, value + n, n_items, i, &item, &after) != KITH_OK)
			return;
		HOLDS(item.data >= value && item.data + item.n <= value + n);
		HOLDS(after >= value && after <= value + n);
		if (i == 0)
			first = item.data;
		lens[i] = item.n;
		sum += item.n;
	}
	HOLDS(kith_block_item(value, value + n, n_items, 0, &item, NULL) == KITH_OK);
	HOLDS(first != NULL && sum == (uint64_t)(after - first));
	HOLDS(kith_block_encode(&buf, lens, n_items, first));
	same(&buf, value, (size_t)(after - value));
	kith_buf_done(&buf);
}

/* Copies a list of texts; the count may be too large to keep. */
static bool texts(struct kith_list list, struct kith_bytes *items, size_t *ret_n)
{
	enum kith_status st;
	struct kith_bytes text;

	*ret_n = 0;
	while ((st = kith_list_text(&list, &text)) == KITH_OK) {
		if (*ret_n < MANY)
			items[*ret_n] = text;
		++*ret_n;
	}
	/* The decoder walked it already. */
	HOLDS(st == KITH_END);
	return *ret_n <= MANY;
}

static bool ranks(struct kith_list list, uint32_t *items, size_t *ret_n)
{
	enum kith_status st;
	uint32_t rank;

	*ret_n = 0;
	while ((st = kith_list_rank(&list, &rank)) == KITH_OK) {
		if (*ret_n < MANY)
			items[*ret_n] = rank;
		++*ret_n;
	}
	HOLDS(st == KITH_END);
	return *ret_n <= MANY;
}

static void place(struct kith_bytes item)
{
	uint32_t refs[MANY];
	struct kith_rank_list list = {.items = refs};
	struct kith_buf buf = {0};
	struct kith_place out;
	const uint32_t rank = 1000;

	if (kith_place_decode(item, rank, &out) != KITH_OK)
		return;
	HOLDS(out.parent == KITH_NO_PLACE || out.parent < rank);
	if (ranks(out.refs, refs, &list.n)) {
		HOLDS(kith_place_encode(&buf, out.kind, rank, out.parent, &list, out.name));
		same(&buf, item.data, item.n);
	}
	kith_buf_done(&buf);
	memset(&buf, 0, sizeof buf);
	HOLDS(kith_dump_place(&buf, rank, &out));
	kith_buf_done(&buf);
}

static void product(struct kith_bytes item)
{
	uint32_t refs[MANY];
	struct kith_bytes a[MANY], b[MANY], c[MANY], d[MANY];
	struct kith_rank_list distributors = {.items = refs};
	struct kith_text_list systems = {.items = a}, languages = {.items = b},
			      types = {.items = c}, links = {.items = d};
	struct kith_buf buf = {0};
	struct kith_product out;

	if (kith_product_decode(item, &out) != KITH_OK)
		return;
	if (ranks(out.distributors, refs, &distributors.n) && texts(out.systems, a, &systems.n) &&
	    texts(out.languages, b, &languages.n) && texts(out.types, c, &types.n) &&
	    texts(out.links, d, &links.n)) {
		HOLDS(kith_product_encode(&buf, out.flags, out.name, out.version, &distributors,
					  &systems, &languages, &types, &links));
		same(&buf, item.data, item.n);
	}
	kith_buf_done(&buf);
	memset(&buf, 0, sizeof buf);
	HOLDS(kith_dump_product(&buf, 7, &out));
	kith_buf_done(&buf);
}

static void distributor(struct kith_bytes item)
{
	struct kith_bytes a[MANY];
	struct kith_text_list links = {.items = a};
	struct kith_buf buf = {0};
	struct kith_distributor out;

	if (kith_distributor_decode(item, &out) != KITH_OK)
		return;
	if (texts(out.links, a, &links.n)) {
		HOLDS(kith_distributor_encode(&buf, out.flags, out.name, &links));
		same(&buf, item.data, item.n);
	}
	kith_buf_done(&buf);
	memset(&buf, 0, sizeof buf);
	HOLDS(kith_dump_distributor(&buf, 7, &out));
	kith_buf_done(&buf);
}

static void source(struct kith_bytes item)
{
	struct kith_buf buf = {0};
	struct kith_source out;

	if (kith_source_decode(item, &out) != KITH_OK)
		return;
	HOLDS(kith_source_encode(&buf, &out));
	same(&buf, item.data, item.n);
	kith_buf_done(&buf);
	memset(&buf, 0, sizeof buf);
	HOLDS(kith_dump_source(&buf, 7, &out));
	kith_buf_done(&buf);
}

static void ledger(const uint8_t *value, size_t n)
{
	static const uint8_t key[8] = {0, 0, 0, 1, 0, 0, 0, 2};
	struct kith_ledger_entry out;
	struct kith_buf buf = {0};

	if (kith_ledger_decode(key, sizeof key, value, n, &out) != KITH_OK)
		return;
	HOLDS(out.source == 1);
	HOLDS(kith_ledger_encode(&buf, out.class_, out.count, out.reason, out.example));
	same(&buf, value, n);
	kith_buf_done(&buf);
	memset(&buf, 0, sizeof buf);
	HOLDS(kith_dump_ledger(&buf, &out));
	kith_buf_done(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct kith_bytes item;

	if (n == 0)
		return 0;
	item.data = data + 1;
	item.n = n - 1;
	switch (data[0] % 8) {
	case 0: file_record(item.data, item.n, false); break;
	case 1: file_record(item.data, item.n, true); break;
	case 2: block(item.data, item.n); break;
	case 3: place(item); break;
	case 4: product(item); break;
	case 5: distributor(item); break;
	case 6: source(item); break;
	default: ledger(item.data, item.n); break;
	}
	return 0;
}
