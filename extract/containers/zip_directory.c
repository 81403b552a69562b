/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zip_directory.c: APPNOTE.TXT 6.3.9 (PKWARE), sections 4.3 and 4.5.3.
 *
 * What must hold:
 *   - The directory decides what is in a zip: names, sizes, methods. Of a local header only its
 *     length is used, and what differs in it is told.
 *   - Two entries never share a byte: of entries whose [local header, end of data) overlap only the
 *     first is read, so that no zip expands to more than its own size allows.
 *   - A zip may begin anywhere (behind a program): all offsets are counted from where the directory
 *     says that it lies, compared with where it does.
 */
#include "zip_directory.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"

#define END_N       ((size_t)22)
#define COMMENT_MAX ((size_t)0xffff)
#define LOCATOR_N   ((size_t)20)
#define END64_N     ((size_t)56)
#define CENTRAL_N   ((size_t)46)
#define LOCAL_N     ((size_t)30)
#define BYTES_MAX   (UINT64_C(512) << 20) /* of a directory; KITH_LIMIT_ENTRIES of 100 bytes */

#define SIGN_END     UINT32_C(0x06054b50)
#define SIGN_LOCATOR UINT32_C(0x07064b50)
#define SIGN_END64   UINT32_C(0x06064b50)
#define SIGN_CENTRAL UINT32_C(0x02014b50)
#define SIGN_LOCAL   UINT32_C(0x04034b50)

/* The end record, zip64 or not. */
struct end {
	uint64_t at;     /* where it begins: the directory ends there */
	uint64_t prefix; /* bytes before the zip */
	uint64_t disk, first_disk, count, bytes, offset;
};

/* ------------------------------------------------------------------ the end record */

/* In the last bytes: the record whose comment ends where the file does; else the last one. */
static bool find_end(const uint8_t *tail, size_t n, size_t *ret)
{
	bool found = false;
	size_t i;

	for (i = n < END_N ? 0 : n - END_N + 1; i-- > 0;) {
		if (tail[i] != 'P' || kith_get_le32(tail + i) != SIGN_END)
			continue;
		if (END_N + kith_get_le16(tail + i + 20) == n - i) {
			*ret = i;
			return true;
		}
		if (!found)
			*ret = i;
		found = true;
	}
	return found;
}

/* The zip64 record that a locator before the end record leads to. */
static enum kith_status read_end64(const struct kith_blob *blob, struct end *end,
				   struct kith_err *err)
{
	uint8_t locator[LOCATOR_N], record[END64_N];
	uint64_t places[2];
	size_t i;
	enum kith_status st;

	if (end->at < LOCATOR_N + END64_N)
		return KITH_OK;
	st = kith_blob_read(blob, end->at - LOCATOR_N, locator, sizeof locator, err);
	if (st < 0 || kith_get_le32(locator) != SIGN_LOCATOR)
		return st;
	places[0] = kith_get_le64(locator + 8);
	places[1] = end->at - LOCATOR_N - END64_N; /* behind a program */
	for (i = 0; i < 2; i++) {
		if (places[i] > end->at - LOCATOR_N - END64_N)
			continue;
		st = kith_blob_read(blob, places[i], record, sizeof record, err);
		if (st < 0)
			return st;
		if (kith_get_le32(record) != SIGN_END64)
			continue;
		end->at = places[i];
		end->disk = kith_get_le32(record + 16);
		end->first_disk = kith_get_le32(record + 20);
		end->count = kith_get_le64(record + 32);
		end->bytes = kith_get_le64(record + 40);
		end->offset = kith_get_le64(record + 48);
		return KITH_OK;
	}
	return kith_fail(err, KITH_E_CORRUPT, "no zip64 end record at offset %llu",
			 (unsigned long long)places[0]);
}

static enum kith_status is_central(const struct kith_blob *blob, uint64_t at, bool *ret,
				   struct kith_err *err)
{
	uint8_t sign[4];
	size_t n;
	enum kith_status st = kith_blob_read_some(blob, at, sign, sizeof sign, &n, err);

	*ret = st >= 0 && n == sizeof sign && kith_get_le32(sign) == SIGN_CENTRAL;
	return st;
}

static enum kith_status read_end(const struct kith_blob *blob, struct end *ret,
				 struct kith_err *err)
{
	size_t n = blob->size < END_N + COMMENT_MAX ? (size_t)blob->size : END_N + COMMENT_MAX,
	       i = 0;
	uint8_t *tail = malloc(n + 1);
	bool there = false;
	enum kith_status st;

	if (tail == NULL)
		return kith_fail_nomem(err);
	st = kith_blob_read(blob, blob->size - n, tail, n, err);
	if (st >= 0 && !find_end(tail, n, &i))
		st = kith_fail(err, KITH_E_CORRUPT,
			       "it ends at offset %llu without a directory of its entries",
			       (unsigned long long)blob->size);
	if (st >= 0)
		*ret = (struct end){.at = blob->size - n + i,
				    .disk = kith_get_le16(tail + i + 4),
				    .first_disk = kith_get_le16(tail + i + 6),
				    .count = kith_get_le16(tail + i + 10),
				    .bytes = kith_get_le32(tail + i + 12),
				    .offset = kith_get_le32(tail + i + 16)};
	free(tail);
	if (st >= 0)
		st = read_end64(blob, ret, err);
	if (st < 0)
		return st;
	if (ret->disk != 0 || ret->first_disk != 0)
		return kith_fail(err, KITH_E_UNSUPPORTED, "a part of a zip on several disks");
	if (ret->bytes > ret->at || ret->offset > ret->at - ret->bytes)
		return kith_fail(err, KITH_E_CORRUPT,
				 "a directory of %llu bytes at %llu, before offset %llu",
				 (unsigned long long)ret->bytes, (unsigned long long)ret->offset,
				 (unsigned long long)ret->at);
	/* Right before its end record, or, where something lies between them, at its offset. */
	ret->prefix = ret->at - ret->bytes - ret->offset;
	if (ret->bytes > 0 && ret->prefix > 0) {
		st = is_central(blob, ret->prefix + ret->offset, &there, err);
		if (st >= 0 && !there) {
			st = is_central(blob, ret->offset, &there, err);
			ret->prefix = there ? 0 : ret->prefix;
		}
	}
	return st;
}

/* --------------------------------------------------------------------- the entries */

/* Sizes and offset that do not fit 32 bits are in the extra field 1, in this order. */
static bool read_zip64(const uint8_t *extra, size_t n, bool want_size, bool want_packed,
		       bool want_local, struct kith_zip_entry *entry)
{
	while (n >= 4) {
		size_t field = kith_get_le16(extra + 2), at = 4;

		if (field > n - 4)
			return false;
		if (kith_get_le16(extra) != 1) {
			extra += 4 + field;
			n -= 4 + field;
			continue;
		}
		if (8 * ((size_t)want_size + (size_t)want_packed + (size_t)want_local) > field)
			return false;
		if (want_size) {
			entry->size = kith_get_le64(extra + at);
			at += 8;
		}
		if (want_packed) {
			entry->packed = kith_get_le64(extra + at);
			at += 8;
		}
		if (want_local)
			entry->local = kith_get_le64(extra + at);
		return true;
	}
	return false;
}

static bool add_entry(struct kith_zip_directory *directory, const struct kith_zip_entry *entry)
{
	if (directory->n == directory->cap) {
		size_t cap = directory->cap == 0 ? 64 : directory->cap * 2;
		struct kith_zip_entry *entries = realloc(directory->entries, cap * sizeof *entries);

		if (entries == NULL)
			return false;
		directory->entries = entries;
		directory->cap = cap;
	}
	directory->entries[directory->n++] = *entry;
	return true;
}

static enum kith_status read_entries(struct kith_zip_directory *directory, const struct end *end,
				     struct kith_err *err)
{
	const uint8_t *p = directory->bytes;
	size_t n = (size_t)end->bytes;

	while (n >= CENTRAL_N && kith_get_le32(p) == SIGN_CENTRAL) {
		struct kith_zip_entry entry = {
		    .host = p[5],
		    .flags = kith_get_le16(p + 8),
		    .method = kith_get_le16(p + 10),
		    .crc = kith_get_le32(p + 16),
		    .packed = kith_get_le32(p + 20),
		    .size = kith_get_le32(p + 24),
		    .attributes = kith_get_le32(p + 38),
		    .local = kith_get_le32(p + 42),
		    .number = (uint32_t)directory->n,
		    .name = p + CENTRAL_N,
		    .name_n = kith_get_le16(p + 28),
		};
		size_t extra_n = kith_get_le16(p + 30);
		size_t all = CENTRAL_N + entry.name_n + extra_n + kith_get_le16(p + 32);
		bool size64 = entry.size == UINT32_MAX, packed64 = entry.packed == UINT32_MAX,
		     local64 = entry.local == UINT32_MAX;

		if (all > n)
			break;
		if (directory->n == KITH_LIMIT_ENTRIES) {
			directory->cut_off = true;
			return KITH_OK;
		}
		if (size64 || packed64 || local64) /* without the field they are what they say */
			(void)read_zip64(p + CENTRAL_N + entry.name_n, extra_n, size64, packed64,
					 local64, &entry);
		if (__builtin_add_overflow(entry.local, end->prefix, &entry.local))
			entry.local = UINT64_MAX;
		if (!add_entry(directory, &entry))
			return kith_fail_nomem(err);
		p += all;
		n -= all;
	}
	/* Counts in 16 bits wrap in archives of writers that know no zip64. */
	directory->damaged = directory->n != end->count && (directory->n & 0xffff) != end->count;
	return KITH_OK;
}

static int by_place(const void *a, const void *b)
{
	const struct kith_zip_entry *x = a, *y = b;

	if (x->local != y->local)
		return x->local < y->local ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* Where the data begin, and what the local header says otherwise. */
static enum kith_status read_local(const struct kith_blob *blob, struct kith_zip_entry *entry,
				   struct kith_err *err)
{
	uint8_t h[LOCAL_N + 256], *name = h + LOCAL_N, *large = NULL;
	size_t n, name_n;
	enum kith_status st = KITH_OK;

	if (entry->local >= blob->size)
		return KITH_OK;
	st = kith_blob_read_some(blob, entry->local, h, sizeof h, &n, err);
	if (st < 0 || n < LOCAL_N || kith_get_le32(h) != SIGN_LOCAL)
		return st;
	name_n = kith_get_le16(h + 26);
	entry->data = entry->local + LOCAL_N + name_n + kith_get_le16(h + 28);
	entry->other_name = name_n != entry->name_n;
	if (!entry->other_name && name_n > n - LOCAL_N) {
		large = malloc(name_n);
		if (large == NULL)
			return kith_fail_nomem(err);
		st = kith_blob_read_some(blob, entry->local + LOCAL_N, large, name_n, &n, err);
		name = large;
		entry->other_name = n < name_n;
	}
	if (st >= 0 && !entry->other_name && name_n > 0)
		entry->other_name = memcmp(name, entry->name, name_n) != 0;
	free(large);
	return st;
}

static enum kith_status find_overlaps(const struct kith_blob *blob,
				      struct kith_zip_directory *directory, struct kith_err *err)
{
	uint64_t end = 0;
	size_t i;

	if (directory->n > 0)
		qsort(directory->entries, directory->n, sizeof *directory->entries, by_place);
	for (i = 0; i < directory->n; i++) {
		struct kith_zip_entry *entry = &directory->entries[i];
		enum kith_status st = read_local(blob, entry, err);

		if (st < 0)
			return st;
		if (entry->data == 0)
			continue;
		entry->overlaps = entry->local < end;
		/* One that reaches beyond the file is not read, so it hides nothing. */
		if (!entry->overlaps && entry->data <= blob->size &&
		    entry->packed <= blob->size - entry->data)
			end = entry->data + entry->packed;
	}
	return KITH_OK;
}

enum kith_status kith_zip_directory_read(const struct kith_blob *blob,
					 struct kith_zip_directory *ret, struct kith_err *err)
{
	struct end end = {0};
	enum kith_status st;

	memset(ret, 0, sizeof *ret);
	st = read_end(blob, &end, err);
	if (st < 0)
		return st;
	if (end.bytes > BYTES_MAX)
		return kith_fail(err, KITH_E_LIMIT, "a directory of %llu bytes",
				 (unsigned long long)end.bytes);
	ret->bytes = malloc((size_t)end.bytes + 1);
	if (ret->bytes == NULL)
		return kith_fail_nomem(err);
	st = kith_blob_read(blob, end.prefix + end.offset, ret->bytes, (size_t)end.bytes, err);
	if (st >= 0)
		st = read_entries(ret, &end, err);
	if (st >= 0)
		st = find_overlaps(blob, ret, err);
	if (st < 0)
		kith_zip_directory_done(ret);
	return st;
}

void kith_zip_directory_done(struct kith_zip_directory *directory)
{
	free(directory->bytes);
	free(directory->entries);
	memset(directory, 0, sizeof *directory);
}
