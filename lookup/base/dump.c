/* SPDX-License-Identifier: Apache-2.0 */
#include "dump.h"

#include <string.h>

#include "bytes.h"
#include "hex.h"

/* Printable ASCII as it is, backslash doubled, every other byte as \xHH; "-" alone is empty. */
static bool add_escaped(struct kith_buf *buf, struct kith_bytes text)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t *p = kith_buf_room(buf, text.n <= SIZE_MAX / 4 - 1 ? 4 * text.n + 4 : SIZE_MAX);
	size_t i;

	if (p == NULL)
		return false;
	if (text.n == 0)
		*p++ = '-';
	for (i = 0; i < text.n; i++) {
		uint8_t c = text.data[i];

		if (c == '\\') {
			*p++ = '\\';
			*p++ = '\\';
		} else if (c > ' ' && c < 0x7f && !(c == '-' && text.n == 1)) {
			*p++ = c;
		} else {
			*p++ = '\\';
			*p++ = 'x';
			*p++ = (uint8_t)digits[c >> 4];
			*p++ = (uint8_t)digits[c & 0x0f];
		}
	}
	buf->n = (size_t)(p - buf->data);
	return true;
}

static bool add_word(struct kith_buf *buf, const char *word)
{
	return kith_buf_add(buf, word, strlen(word));
}

static uint8_t *put_number(uint8_t *p, uint64_t v)
{
	uint8_t digits[20];
	size_t n = 0;

	do {
		digits[n++] = (uint8_t)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	while (n > 0)
		*p++ = digits[--n];
	return p;
}

static bool add_number(struct kith_buf *buf, uint64_t v)
{
	uint8_t *p = kith_buf_room(buf, 20);

	if (p == NULL)
		return false;
	buf->n = (size_t)(put_number(p, v) - buf->data);
	return true;
}

/* " <text>" */
static bool add_field(struct kith_buf *buf, struct kith_bytes text)
{
	return kith_buf_add_byte(buf, ' ') && add_escaped(buf, text);
}

/* " [a,b,c]" of a list of texts; a comma inside a text cannot be mistaken, for it is escaped. */
static bool add_texts(struct kith_buf *buf, struct kith_list list)
{
	struct kith_bytes text;
	const char *before = " [";
	enum kith_status st;
	size_t from, to, i;

	if (list.left == 0)
		return add_word(buf, " []");
	while ((st = kith_list_text(&list, &text)) == KITH_OK) {
		(void)add_word(buf, before);
		from = buf->n;
		(void)add_escaped(buf, text);
		to = buf->n;
		for (i = from; i < to; i++) {
			if (buf->data[i] != ',')
				continue;
			if (kith_buf_room(buf, 3) == NULL)
				return false;
			memmove(buf->data + i + 4, buf->data + i + 1, to - i - 1);
			memcpy(buf->data + i, "\\x2c", 4);
			to += 3;
			buf->n += 3;
		}
		before = ",";
	}
	return st == KITH_END && kith_buf_add_byte(buf, ']');
}

static bool add_ranks(struct kith_buf *buf, struct kith_list list)
{
	const char *before = " [";
	enum kith_status st;
	uint32_t rank;

	if (list.left == 0)
		return add_word(buf, " []");
	while ((st = kith_list_rank(&list, &rank)) == KITH_OK) {
		(void)add_word(buf, before);
		(void)add_number(buf, rank);
		before = ",";
	}
	return st == KITH_END && kith_buf_add_byte(buf, ']');
}

static bool end_line(struct kith_buf *buf)
{
	return kith_buf_add_byte(buf, '\n') && !buf->failed;
}

static bool begin(struct kith_buf *buf, const char *word, uint32_t rank)
{
	return add_word(buf, word) && kith_buf_add_byte(buf, ' ') && add_number(buf, rank);
}

bool kith_dump_head(struct kith_buf *buf)
{
	return add_word(buf, "kith-dump 1\n");
}

bool kith_dump_has_meta(const char *key, size_t key_n)
{
	return !(key_n == 2 && memcmp(key, "id", 2) == 0) &&
	       !(key_n == 6 && memcmp(key, "anchor", 6) == 0) &&
	       !(key_n >= 6 && memcmp(key, "build.", 6) == 0);
}

bool kith_dump_meta(struct kith_buf *buf, const char *key, size_t key_n, const uint8_t *value,
		    size_t value_n)
{
	struct kith_bytes k = {(const uint8_t *)key, key_n}, v = {value, value_n};

	return add_word(buf, "meta") && add_field(buf, k) && add_field(buf, v) && end_line(buf);
}

bool kith_dump_source(struct kith_buf *buf, uint32_t rank, const struct kith_source *source)
{
	struct kith_bytes evidence;
	const char *text = kith_evidence_text(source->evidence);

	evidence.data = (const uint8_t *)text;
	evidence.n = strlen(text);
	return begin(buf, "source", rank) && add_field(buf, evidence) &&
	       add_field(buf, source->id) && add_field(buf, source->label) &&
	       add_field(buf, source->release) && add_field(buf, source->date) &&
	       add_field(buf, source->digest) && add_field(buf, source->notice) && end_line(buf);
}

bool kith_dump_distributor(struct kith_buf *buf, uint32_t rank,
			   const struct kith_distributor *distributor)
{
	return begin(buf, "distributor", rank) && kith_buf_add_byte(buf, ' ') &&
	       add_number(buf, distributor->flags) && add_field(buf, distributor->name) &&
	       add_texts(buf, distributor->links) && end_line(buf);
}

bool kith_dump_product(struct kith_buf *buf, uint32_t rank, const struct kith_product *product)
{
	return begin(buf, "product", rank) && kith_buf_add_byte(buf, ' ') &&
	       add_number(buf, product->flags) && add_field(buf, product->name) &&
	       add_field(buf, product->version) && add_ranks(buf, product->distributors) &&
	       add_texts(buf, product->systems) && add_texts(buf, product->languages) &&
	       add_texts(buf, product->types) && add_texts(buf, product->links) && end_line(buf);
}

bool kith_dump_place(struct kith_buf *buf, uint32_t rank, const struct kith_place *place)
{
	(void)begin(buf, "place", rank);
	(void)kith_buf_add_byte(buf, ' ');
	(void)add_number(buf, (uint64_t)place->kind);
	(void)kith_buf_add_byte(buf, ' ');
	if (place->parent == KITH_NO_PLACE)
		(void)kith_buf_add_byte(buf, '-');
	else
		(void)add_number(buf, place->parent);
	return add_ranks(buf, place->refs) && add_field(buf, place->name) && end_line(buf);
}

bool kith_dump_name(struct kith_buf *buf, uint32_t rank, struct kith_bytes name)
{
	return begin(buf, "name", rank) && add_field(buf, name) && end_line(buf);
}

static bool add_digest(struct kith_buf *buf, const uint8_t *digest, size_t n)
{
	uint8_t *p = kith_buf_room(buf, 2 * n + 2);

	if (p == NULL)
		return false;
	*p++ = ' ';
	if (digest == NULL)
		*p++ = '-';
	else
		p = (uint8_t *)kith_hex_encode(digest, n, (char *)p);
	buf->n = (size_t)(p - buf->data);
	return true;
}

static bool add_claim(struct kith_buf *buf, const uint8_t *sha1, const uint8_t *md5, bool has_size,
		      uint64_t size_bytes)
{
	(void)add_digest(buf, sha1, KITH_SHA1_SIZE);
	(void)add_digest(buf, md5, KITH_MD5_SIZE);
	(void)kith_buf_add_byte(buf, ' ');
	return has_size ? add_number(buf, size_bytes) : kith_buf_add_byte(buf, '-');
}

/*
 * file SHA256 SHA1 MD5 SIZE MARKS [alt SHA1 MD5 SIZE]... [PLACE:NAME]...
 * This runs once for each occurrence of a build, so the loop writes without calls.
 */
bool kith_dump_file(struct kith_buf *buf, const struct kith_file *file)
{
	struct kith_file_iter iter;
	struct kith_alternate alt;
	struct kith_occurrence occ;
	enum kith_status st;

	(void)add_word(buf, file->sha256 != NULL ? "file" : "sha1only");
	if (file->sha256 != NULL)
		(void)add_digest(buf, file->sha256, KITH_SHA256_SIZE);
	(void)add_claim(buf, file->sha1, file->md5, (file->flags & KITH_FILE_HAS_SIZE) != 0,
			file->size_bytes);
	(void)kith_buf_add_byte(buf, ' ');
	(void)kith_buf_add_byte(buf, (file->flags & KITH_FILE_TRIVIAL) != 0 ? 't' : '-');
	(void)kith_buf_add_byte(buf, (file->flags & KITH_FILE_FRAGMENT) != 0 ? 'f' : '-');
	if (kith_alternates(file, &iter) < 0)
		return false;
	while ((st = kith_alternate_next(&iter, &alt)) == KITH_OK) {
		(void)add_word(buf, " alt");
		(void)add_claim(buf, alt.sha1, alt.md5, alt.has_size != 0, alt.size_bytes);
	}
	if (st < 0 || kith_occurrences(file, &iter) < 0)
		return false;
	while ((st = kith_occurrence_next(&iter, &occ)) == KITH_OK) {
		uint8_t *p = kith_buf_room(buf, 24);

		if (p == NULL)
			return false;
		*p++ = ' ';
		p = put_number(p, occ.place);
		*p++ = ':';
		p = put_number(p, occ.name);
		buf->n = (size_t)(p - buf->data);
	}
	return st == KITH_END && end_line(buf);
}

bool kith_dump_ledger(struct kith_buf *buf, const struct kith_ledger_entry *entry)
{
	return begin(buf, "ledger", entry->source) && kith_buf_add_byte(buf, ' ') &&
	       add_number(buf, (uint64_t)entry->class_) && kith_buf_add_byte(buf, ' ') &&
	       add_number(buf, entry->count) && add_field(buf, entry->reason) &&
	       add_field(buf, entry->example) && end_line(buf);
}
