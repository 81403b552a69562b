/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.c: see record.h and docs/FORMAT.md, sections 4 to 6. What must hold:
 *  - a decoder never reads at or behind `end`, whatever the bytes are;
 *  - a value has one encoding: shortest varints, sorted lists, nothing behind the last field;
 *  - encoders and decoders are each other's inverse (tests/unit/test_record.c).
 */
#include "record.h"

#include "limits.h"
#include "wide.h"

_Static_assert(KITH_BLOCK == 32, "kith_sum_short() adds up 32 lengths");

/* ------------------------------------------------------------ file record */

static bool add_claim(struct kith_buf *buf, const struct kith_claim *claim)
{
	if ((claim->has & KITH_REC_HAS_SHA1) != 0)
		(void)kith_buf_add(buf, claim->sha1, sizeof claim->sha1);
	if ((claim->has & KITH_REC_HAS_MD5) != 0)
		(void)kith_buf_add(buf, claim->md5, sizeof claim->md5);
	if ((claim->has & KITH_REC_HAS_SIZE) != 0)
		(void)kith_buf_add_varint(buf, claim->size_bytes);
	return !buf->failed;
}

bool kith_record_encode(struct kith_buf *buf, uint8_t marks, const struct kith_claim *claims,
			size_t n_claims, const uint64_t *occs, size_t n_occs)
{
	uint64_t last = 0;
	uint8_t *p;
	size_t i;

	if (n_claims > 1)
		marks |= KITH_REC_CONFLICT;
	(void)kith_buf_add_byte(buf, (uint8_t)(marks | claims[0].has));
	(void)add_claim(buf, &claims[0]);
	if (n_claims > 1) {
		(void)kith_buf_add_varint(buf, n_claims - 1);
		for (i = 1; i < n_claims; i++) {
			(void)kith_buf_add_byte(buf, claims[i].has);
			(void)add_claim(buf, &claims[i]);
		}
	}
	(void)kith_buf_add_varint(buf, n_occs);
	for (i = 0; i < n_occs; i++) {
		uint32_t up = (uint32_t)(occs[i] >> 32) - (uint32_t)(last >> 32);
		uint32_t name = (uint32_t)occs[i];

		if (i > 0 && up == 0)
			name -= (uint32_t)last;
		p = kith_buf_room(buf, 2 * (size_t)KITH_VARINT_MAX);
		if (p == NULL)
			return false;
		p = kith_put_varint(p, up);
		buf->n = (size_t)(kith_put_varint(p, name) - buf->data);
		last = occs[i];
	}
	return !buf->failed;
}

/* Reads the attributes that `has` announces. */
static const uint8_t *get_claim(const uint8_t *p, const uint8_t *end, uint8_t has,
				const uint8_t **ret_sha1, const uint8_t **ret_md5,
				uint64_t *ret_size)
{
	*ret_sha1 = NULL;
	*ret_md5 = NULL;
	*ret_size = 0;
	if ((has & KITH_REC_HAS_SHA1) != 0) {
		if (end - p < KITH_SHA1_SIZE)
			return NULL;
		*ret_sha1 = p;
		p += KITH_SHA1_SIZE;
	}
	if ((has & KITH_REC_HAS_MD5) != 0) {
		if (end - p < KITH_MD5_SIZE)
			return NULL;
		*ret_md5 = p;
		p += KITH_MD5_SIZE;
	}
	if ((has & KITH_REC_HAS_SIZE) != 0 && !kith_get_varint(&p, end, ret_size))
		return NULL;
	return p;
}

/* Walks the alternates at p; NULL when damaged. */
static const uint8_t *skip_alternates(const uint8_t *p, const uint8_t *end)
{
	uint64_t n;

	if (!kith_get_varint(&p, end, &n) || n == 0)
		return NULL;
	while (n-- > 0) {
		const uint8_t *sha1, *md5;
		uint64_t size;
		uint8_t has;

		if (p >= end)
			return NULL;
		has = *p++;
		if ((has & ~(KITH_REC_HAS_SHA1 | KITH_REC_HAS_MD5 | KITH_REC_HAS_SIZE)) != 0)
			return NULL;
		p = get_claim(p, end, has, &sha1, &md5, &size);
		if (p == NULL)
			return NULL;
	}
	return p;
}

enum kith_status kith_record_decode(const uint8_t *record, const uint8_t *end, const uint8_t *key,
				    bool sha1_only, struct kith_file *ret_file)
{
	const uint8_t *p = record, *sha1, *md5, *body;
	uint64_t size, n_occs;
	uint8_t first;

	if (p >= end)
		return KITH_E_CORRUPT;
	first = *p++;
	if ((first & ~KITH_REC_KNOWN) != 0 || (sha1_only && (first & KITH_REC_HAS_SHA1) != 0))
		return KITH_E_CORRUPT;
	p = get_claim(p, end, first, &sha1, &md5, &size);
	if (p == NULL)
		return KITH_E_CORRUPT;
	body = p;
	if ((first & KITH_REC_CONFLICT) != 0) {
		p = skip_alternates(p, end);
		if (p == NULL)
			return KITH_E_CORRUPT;
	}
	if (!kith_get_varint(&p, end, &n_occs) || n_occs > (uint64_t)(end - p))
		return KITH_E_CORRUPT;

	ret_file->sha256 = sha1_only ? NULL : key;
	ret_file->sha1 = sha1_only ? key : sha1;
	ret_file->md5 = md5;
	ret_file->size_bytes = size;
	ret_file->n_occurrences = n_occs;
	ret_file->flags = ((first & KITH_REC_TRIVIAL) != 0 ? KITH_FILE_TRIVIAL : 0) |
			  ((first & KITH_REC_FRAGMENT) != 0 ? KITH_FILE_FRAGMENT : 0) |
			  ((first & KITH_REC_CONFLICT) != 0 ? KITH_FILE_CONFLICT : 0) |
			  ((first & KITH_REC_HAS_SIZE) != 0 ? KITH_FILE_HAS_SIZE : 0) |
			  (sha1_only ? KITH_FILE_SHA1_ONLY : 0);
	ret_file->body = body;
	ret_file->end = end;
	return KITH_OK;
}

enum kith_status kith_alternates(const struct kith_file *file, struct kith_file_iter *ret_iter)
{
	const uint8_t *p = file->body;
	uint64_t n = 0;

	if ((file->flags & KITH_FILE_CONFLICT) != 0 && !kith_get_varint(&p, file->end, &n))
		return KITH_E_CORRUPT;
	memset(ret_iter, 0, sizeof *ret_iter);
	ret_iter->pos = p;
	ret_iter->end = file->end;
	ret_iter->left = n;
	return KITH_OK;
}

enum kith_status kith_alternate_next(struct kith_file_iter *iter, struct kith_alternate *ret)
{
	const uint8_t *p = iter->pos;
	uint8_t has;

	if (iter->left == 0)
		return KITH_END;
	if (p >= iter->end)
		return KITH_E_CORRUPT;
	has = *p++;
	p = get_claim(p, iter->end, has, &ret->sha1, &ret->md5, &ret->size_bytes);
	if (p == NULL)
		return KITH_E_CORRUPT;
	ret->has_size = (has & KITH_REC_HAS_SIZE) != 0;
	iter->pos = p;
	iter->left--;
	return KITH_OK;
}

enum kith_status kith_occurrences(const struct kith_file *file, struct kith_file_iter *ret_iter)
{
	const uint8_t *p = file->body;
	uint64_t n;

	if ((file->flags & KITH_FILE_CONFLICT) != 0) {
		p = skip_alternates(p, file->end);
		if (p == NULL)
			return KITH_E_CORRUPT;
	}
	if (!kith_get_varint(&p, file->end, &n))
		return KITH_E_CORRUPT;
	memset(ret_iter, 0, sizeof *ret_iter);
	ret_iter->pos = p;
	ret_iter->end = file->end;
	ret_iter->left = n;
	return KITH_OK;
}

enum kith_status kith_occurrence_next(struct kith_file_iter *iter, struct kith_occurrence *ret)
{
	const uint8_t *p = iter->pos;
	uint64_t up, name;

	if (iter->left == 0)
		return KITH_END;
	if (!kith_get_varint(&p, iter->end, &up) || !kith_get_varint(&p, iter->end, &name) ||
	    up > UINT32_MAX || name > UINT32_MAX)
		return KITH_E_CORRUPT;
	up += iter->place;
	if (iter->started && up == iter->place) {
		if (name == 0)
			return KITH_E_CORRUPT;
		name += iter->name;
	}
	if (up > KITH_LIMIT_RANKS || name > KITH_LIMIT_RANKS)
		return KITH_E_CORRUPT;
	iter->started = 1;
	iter->place = (uint32_t)up;
	iter->name = (uint32_t)name;
	iter->pos = p;
	iter->left--;
	ret->place = iter->place;
	ret->name = iter->name;
	return KITH_OK;
}

const uint8_t *kith_record_skip(const struct kith_file *file)
{
	struct kith_file_iter iter;
	struct kith_occurrence occ;
	enum kith_status st;

	if (kith_occurrences(file, &iter) < 0)
		return NULL;
	do {
		st = kith_occurrence_next(&iter, &occ);
	} while (st == KITH_OK);
	return st == KITH_END ? iter.pos : NULL;
}

/* ------------------------------------------------------------------ block */

bool kith_block_encode(struct kith_buf *buf, const size_t *lens, size_t n, const uint8_t *bytes)
{
	size_t i, total = 0;

	for (i = 0; i < n; i++) {
		total += lens[i];
		(void)kith_buf_add_varint(buf, lens[i]);
	}
	return kith_buf_add(buf, bytes, total) && !buf->failed;
}

enum kith_status kith_block_item(const uint8_t *block, const uint8_t *end, size_t n, size_t i,
				 struct kith_bytes *ret_item, const uint8_t **ret_after)
{
	const uint8_t *p = block;
	uint64_t before = 0, size = 0, total = 0;
	size_t k = 0;

	/* the usual block: full, and every length one byte */
	if (n == KITH_BLOCK && i < n && end - p >= (ptrdiff_t)KITH_BLOCK &&
	    kith_sum_short(p, i, &before, &total)) {
		size = p[i];
		p += KITH_BLOCK;
		k = n;
	}
	for (; k < n; k++) {
		uint64_t len;

		if (!kith_get_varint(&p, end, &len) || len > (uint64_t)(end - p))
			return KITH_E_CORRUPT;
		if (k == i) {
			before = total;
			size = len;
		}
		total += len; /* n <= 32, each below 2^63: no overflow that the next test misses */
	}
	if (total > (uint64_t)(end - p))
		return KITH_E_CORRUPT;
	ret_item->data = p + before;
	ret_item->n = (size_t)size;
	if (ret_after != NULL)
		*ret_after = p + total;
	return KITH_OK;
}

/* ---------------------------------------------------------- parts of items */

static bool add_ranks(struct kith_buf *buf, const struct kith_rank_list *list)
{
	size_t i;

	(void)kith_buf_add_varint(buf, list->n);
	for (i = 0; i < list->n; i++)
		(void)kith_buf_add_varint(buf, list->items[i]);
	return !buf->failed;
}

static bool add_texts(struct kith_buf *buf, const struct kith_text_list *list)
{
	size_t i;

	(void)kith_buf_add_varint(buf, list->n);
	for (i = 0; i < list->n; i++)
		(void)kith_buf_add_text(buf, list->items[i].data, list->items[i].n);
	return !buf->failed;
}

static bool get_text(const uint8_t **pos, const uint8_t *end, struct kith_bytes *ret)
{
	const uint8_t *p = *pos;
	uint64_t n;

	if (!kith_get_varint(&p, end, &n) || n > (uint64_t)(end - p))
		return false;
	ret->data = p;
	ret->n = (size_t)n;
	*pos = p + n;
	return true;
}

/* Reads a list's count and steps over it, so that what follows can be read. */
static bool get_texts(const uint8_t **pos, const uint8_t *end, struct kith_list *ret)
{
	struct kith_bytes text;
	uint64_t n, i;

	if (!kith_get_varint(pos, end, &n))
		return false;
	ret->pos = *pos;
	ret->end = end;
	ret->left = n;
	for (i = 0; i < n; i++)
		if (!get_text(pos, end, &text))
			return false;
	return true;
}

static bool get_ranks(const uint8_t **pos, const uint8_t *end, struct kith_list *ret)
{
	uint64_t n, i, rank;

	if (!kith_get_varint(pos, end, &n))
		return false;
	ret->pos = *pos;
	ret->end = end;
	ret->left = n;
	for (i = 0; i < n; i++)
		if (!kith_get_varint(pos, end, &rank) || rank > KITH_LIMIT_RANKS)
			return false;
	return true;
}

enum kith_status kith_list_text(struct kith_list *list, struct kith_bytes *ret_text)
{
	if (list->left == 0)
		return KITH_END;
	if (!get_text(&list->pos, list->end, ret_text))
		return KITH_E_CORRUPT;
	list->left--;
	return KITH_OK;
}

enum kith_status kith_list_rank(struct kith_list *list, uint32_t *ret_rank)
{
	uint64_t rank;

	if (list->left == 0)
		return KITH_END;
	if (!kith_get_varint(&list->pos, list->end, &rank) || rank > KITH_LIMIT_RANKS)
		return KITH_E_CORRUPT;
	list->left--;
	*ret_rank = (uint32_t)rank;
	return KITH_OK;
}

/* --------------------------------------------------- items of rank tables */

bool kith_place_encode(struct kith_buf *buf, enum kith_place_kind kind, uint32_t rank,
		       uint32_t parent, const struct kith_rank_list *refs, struct kith_bytes name)
{
	(void)kith_buf_add_byte(buf, (uint8_t)kind);
	(void)kith_buf_add_varint(buf, parent == KITH_NO_PLACE ? 0 : rank - parent);
	(void)add_ranks(buf, refs);
	return kith_buf_add(buf, name.data, name.n) && !buf->failed;
}

enum kith_status kith_place_decode(struct kith_bytes item, uint32_t rank, struct kith_place *ret)
{
	const uint8_t *p = item.data, *end = item.data + item.n;
	struct kith_place place;
	uint64_t up;

	if (item.n == 0)
		return KITH_E_CORRUPT;
	if (*p < KITH_PLACE_SOURCE || *p > KITH_PLACE_FOLDER)
		return KITH_E_CORRUPT;
	place.kind = (enum kith_place_kind) * p++;
	if (!kith_get_varint(&p, end, &up) || up > rank || !get_ranks(&p, end, &place.refs))
		return KITH_E_CORRUPT;
	if ((up == 0) != (place.kind == KITH_PLACE_SOURCE) ||
	    (place.kind == KITH_PLACE_SOURCE && place.refs.left != 1))
		return KITH_E_CORRUPT;
	place.parent = up == 0 ? KITH_NO_PLACE : rank - (uint32_t)up;
	place.name.data = p;
	place.name.n = (size_t)(end - p);
	*ret = place;
	return KITH_OK;
}

bool kith_product_encode(struct kith_buf *buf, uint32_t flags, struct kith_bytes name,
			 struct kith_bytes version, const struct kith_rank_list *distributors,
			 const struct kith_text_list *systems,
			 const struct kith_text_list *languages, const struct kith_text_list *types,
			 const struct kith_text_list *links)
{
	(void)kith_buf_add_varint(buf, flags);
	(void)kith_buf_add_text(buf, name.data, name.n);
	(void)kith_buf_add_text(buf, version.data, version.n);
	(void)add_ranks(buf, distributors);
	(void)add_texts(buf, systems);
	(void)add_texts(buf, languages);
	(void)add_texts(buf, types);
	return add_texts(buf, links);
}

enum kith_status kith_product_decode(struct kith_bytes item, struct kith_product *ret)
{
	const uint8_t *p = item.data, *end = item.data + item.n;
	struct kith_product product;
	uint64_t flags;

	if (!kith_get_varint(&p, end, &flags) || flags > KITH_IS_PLACEHOLDER ||
	    !get_text(&p, end, &product.name) || !get_text(&p, end, &product.version) ||
	    !get_ranks(&p, end, &product.distributors) || !get_texts(&p, end, &product.systems) ||
	    !get_texts(&p, end, &product.languages) || !get_texts(&p, end, &product.types) ||
	    !get_texts(&p, end, &product.links) || p != end)
		return KITH_E_CORRUPT;
	product.flags = (uint32_t)flags;
	*ret = product;
	return KITH_OK;
}

bool kith_distributor_encode(struct kith_buf *buf, uint32_t flags, struct kith_bytes name,
			     const struct kith_text_list *links)
{
	(void)kith_buf_add_varint(buf, flags);
	(void)kith_buf_add_text(buf, name.data, name.n);
	return add_texts(buf, links);
}

enum kith_status kith_distributor_decode(struct kith_bytes item, struct kith_distributor *ret)
{
	const uint8_t *p = item.data, *end = item.data + item.n;
	struct kith_distributor distributor;
	uint64_t flags;

	if (!kith_get_varint(&p, end, &flags) || flags > KITH_IS_PLACEHOLDER ||
	    !get_text(&p, end, &distributor.name) || !get_texts(&p, end, &distributor.links) ||
	    p != end)
		return KITH_E_CORRUPT;
	distributor.flags = (uint32_t)flags;
	*ret = distributor;
	return KITH_OK;
}

bool kith_source_encode(struct kith_buf *buf, const struct kith_source *source)
{
	(void)kith_buf_add_byte(buf, (uint8_t)source->evidence);
	(void)kith_buf_add_text(buf, source->id.data, source->id.n);
	(void)kith_buf_add_text(buf, source->label.data, source->label.n);
	(void)kith_buf_add_text(buf, source->release.data, source->release.n);
	(void)kith_buf_add_text(buf, source->date.data, source->date.n);
	(void)kith_buf_add_text(buf, source->digest.data, source->digest.n);
	return kith_buf_add_text(buf, source->notice.data, source->notice.n) && !buf->failed;
}

enum kith_status kith_source_decode(struct kith_bytes item, struct kith_source *ret)
{
	const uint8_t *p = item.data, *end = item.data + item.n;
	struct kith_source source;

	if (item.n == 0 || *p < KITH_HASHED || *p > KITH_LISTED)
		return KITH_E_CORRUPT;
	source.evidence = (enum kith_evidence) * p++;
	if (!get_text(&p, end, &source.id) || !get_text(&p, end, &source.label) ||
	    !get_text(&p, end, &source.release) || !get_text(&p, end, &source.date) ||
	    !get_text(&p, end, &source.digest) || !get_text(&p, end, &source.notice) || p != end)
		return KITH_E_CORRUPT;
	*ret = source;
	return KITH_OK;
}

/* ----------------------------------------------------------------- ledger */

bool kith_ledger_encode(struct kith_buf *buf, enum kith_ledger_class class_, uint64_t count,
			struct kith_bytes reason, struct kith_bytes example)
{
	(void)kith_buf_add_byte(buf, (uint8_t)class_);
	(void)kith_buf_add_varint(buf, count);
	(void)kith_buf_add_text(buf, reason.data, reason.n);
	return kith_buf_add_text(buf, example.data, example.n) && !buf->failed;
}

enum kith_status kith_ledger_decode(const uint8_t *key, size_t key_n, const uint8_t *value,
				    size_t value_n, struct kith_ledger_entry *ret)
{
	const uint8_t *p = value, *end = value + value_n;
	struct kith_ledger_entry entry;

	if (key_n != 8 || value_n == 0 || *p < KITH_LEDGER_COUNT || *p > KITH_LEDGER_FAILED)
		return KITH_E_CORRUPT;
	entry.source = kith_get_be32(key);
	entry.class_ = (enum kith_ledger_class) * p++;
	if (!kith_get_varint(&p, end, &entry.count) || !get_text(&p, end, &entry.reason) ||
	    !get_text(&p, end, &entry.example) || p != end)
		return KITH_E_CORRUPT;
	*ret = entry;
	return KITH_OK;
}
