/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpm_header.c: what must hold after reading: for each entry of the index, `count` values of its
 * type lie between its offset and the end of the store. Nothing else of a header is trusted: an
 * entry may overlap others, tags may come twice (the first one counts, as in rpm), regions are not
 * looked at, since they say nothing about where values are.
 */
#include "containers/rpm_header.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"

#define INTRO      16u /* magic, version, 4 reserved bytes, entries, bytes of the store */
#define INDEX_SIZE 16u /* tag, type, offset, count */

/* rpm, docs/manual/format_v4.md, "Tag data types". */
enum type {
	TYPE_NULL = 0,
	TYPE_CHAR = 1,
	TYPE_INT8 = 2,
	TYPE_INT16 = 3,
	TYPE_INT32 = 4,
	TYPE_INT64 = 5,
	TYPE_STRING = 6,
	TYPE_BIN = 7,
	TYPE_STRING_ARRAY = 8,
	TYPE_I18NSTRING = 9
};

struct index_entry {
	uint32_t tag, type, offset, count;
};

static struct index_entry entry_at(const struct rpm_header *header, size_t i)
{
	const uint8_t *p = header->bytes + i * INDEX_SIZE;

	return (struct index_entry){kith_get_be32(p), kith_get_be32(p + 4), kith_get_be32(p + 8),
				    kith_get_be32(p + 12)};
}

static unsigned width_of(uint32_t type)
{
	switch (type) {
	case TYPE_CHAR:
	case TYPE_INT8:
	case TYPE_BIN: return 1;
	case TYPE_INT16: return 2;
	case TYPE_INT32: return 4;
	case TYPE_INT64: return 8;
	default: return 0;
	}
}

static bool is_string(uint32_t type)
{
	return type == TYPE_STRING || type == TYPE_STRING_ARRAY || type == TYPE_I18NSTRING;
}

/*
 * That `count` strings end inside the store, by counting the NULs behind an offset. Entries may
 * overlap, so that walking each of them would cost entries x store: nuls[i] is the number of NULs
 * in the i-th block and all after it.
 */
#define NUL_BLOCK 4096u

static size_t nuls_in(const uint8_t *p, size_t n)
{
	size_t count = 0, i;

	for (i = 0; i < n; i++)
		count += p[i] == 0;
	return count;
}

static uint32_t *count_nuls(const uint8_t *store, size_t n)
{
	size_t blocks = n / NUL_BLOCK + 1, i;
	uint32_t *nuls = calloc(blocks + 1, sizeof *nuls);

	for (i = blocks; nuls != NULL && i-- > 0;) {
		size_t at = i * NUL_BLOCK;

		nuls[i] = nuls[i + 1] +
			  (uint32_t)nuls_in(store + at, n - at < NUL_BLOCK ? n - at : NUL_BLOCK);
	}
	return nuls;
}

static bool strings_fit(const struct rpm_header *header, const uint32_t *nuls, uint32_t offset,
			uint32_t count)
{
	size_t next = ((size_t)offset / NUL_BLOCK + 1) * NUL_BLOCK;

	if (next > header->store_n)
		next = header->store_n;
	return nuls_in(header->store + offset, next - offset) + nuls[offset / NUL_BLOCK + 1] >=
	       count;
}

static enum kith_status check_index(const struct rpm_header *header, struct kith_err *err)
{
	uint32_t *nuls = count_nuls(header->store, header->store_n);
	enum kith_status st = KITH_OK;
	size_t i;

	if (nuls == NULL)
		return kith_fail_nomem(err);
	for (i = 0; i < header->n_index && st >= 0; i++) {
		struct index_entry entry = entry_at(header, i);
		uint64_t bytes = (uint64_t)entry.count * width_of(entry.type);

		if (entry.type > TYPE_I18NSTRING)
			st = kith_fail(err, KITH_E_CORRUPT, "tag %lu has the unknown type %lu",
				       (unsigned long)entry.tag, (unsigned long)entry.type);
		else if (entry.offset > header->store_n ||
			 (is_string(entry.type)
			      ? !strings_fit(header, nuls, entry.offset, entry.count)
			      : bytes > header->store_n - entry.offset))
			st = kith_fail(err, KITH_E_CORRUPT,
				       "tag %lu reaches beyond the end of its header",
				       (unsigned long)entry.tag);
	}
	free(nuls);
	return st;
}

enum kith_status rpm_header_read(const struct kith_blob *blob, uint64_t at, struct rpm_header *ret,
				 uint64_t *ret_end, struct kith_err *err)
{
	static const uint8_t magic[4] = {0x8e, 0xad, 0xe8, 0x01};
	struct rpm_header header = {0};
	uint8_t intro[INTRO];
	uint64_t bytes;
	enum kith_status st = kith_blob_read(blob, at, intro, sizeof intro, err);

	if (st < 0)
		return st;
	if (memcmp(intro, magic, sizeof magic) != 0)
		return kith_fail(err, KITH_E_CORRUPT, "no header at offset %llu",
				 (unsigned long long)at);
	header.n_index = kith_get_be32(intro + 8);
	header.store_n = kith_get_be32(intro + 12);
	bytes = (uint64_t)header.n_index * INDEX_SIZE + header.store_n;
	if (bytes > KITH_LIMIT_METADATA)
		return kith_fail(err, KITH_E_LIMIT, "a header of %llu bytes",
				 (unsigned long long)bytes);
	header.bytes = malloc((size_t)bytes + 1);
	if (header.bytes == NULL)
		return kith_fail_nomem(err);
	header.store = header.bytes + header.n_index * INDEX_SIZE;
	st = kith_blob_read(blob, at + INTRO, header.bytes, (size_t)bytes, err);
	if (st >= 0)
		st = check_index(&header, err);
	if (st < 0) {
		rpm_header_done(&header);
		return st;
	}
	*ret = header;
	*ret_end = at + INTRO + bytes;
	return KITH_OK;
}

void rpm_header_done(struct rpm_header *header)
{
	free(header->bytes);
	memset(header, 0, sizeof *header);
}

static bool find(const struct rpm_header *header, enum rpm_tag tag, struct index_entry *ret)
{
	size_t i;

	for (i = 0; i < header->n_index; i++) {
		*ret = entry_at(header, i);
		if (ret->tag == (uint32_t)tag && ret->count > 0)
			return true;
	}
	return false;
}

bool rpm_header_has(const struct rpm_header *header, enum rpm_tag tag)
{
	struct index_entry entry;

	return find(header, tag, &entry);
}

/* The string at an offset where one is known to end. */
static struct kith_bytes string_at(const uint8_t *store, size_t offset)
{
	return (struct kith_bytes){store + offset, strlen((const char *)store + offset)};
}

struct kith_bytes rpm_header_string(const struct rpm_header *header, enum rpm_tag tag)
{
	struct index_entry entry;

	if (!find(header, tag, &entry) || !is_string(entry.type))
		return (struct kith_bytes){NULL, 0};
	return string_at(header->store, entry.offset);
}

struct rpm_numbers rpm_header_numbers(const struct rpm_header *header, enum rpm_tag tag)
{
	struct index_entry entry;

	if (!find(header, tag, &entry) || width_of(entry.type) == 0)
		return (struct rpm_numbers){NULL, 0, 1};
	return (struct rpm_numbers){header->store + entry.offset, entry.count,
				    width_of(entry.type)};
}

uint64_t rpm_number(const struct rpm_numbers *numbers, size_t i)
{
	const uint8_t *p = numbers->data + i * numbers->width;

	switch (numbers->width) {
	case 1: return p[0];
	case 2: return (uint64_t)p[0] << 8 | p[1];
	case 4: return kith_get_be32(p);
	default: return kith_get_be64(p);
	}
}

bool rpm_header_strings(const struct rpm_header *header, enum rpm_tag tag, struct rpm_strings *ret)
{
	struct index_entry entry;
	size_t at, i;

	*ret = (struct rpm_strings){.store = header->store};
	if (!find(header, tag, &entry) || !is_string(entry.type))
		return true;
	ret->starts = malloc(((size_t)entry.count + 1) * sizeof *ret->starts);
	if (ret->starts == NULL)
		return false;
	ret->n = entry.count;
	for (i = 0, at = entry.offset; i < ret->n; i++) {
		ret->starts[i] = (uint32_t)at;
		at += string_at(header->store, at).n + 1;
	}
	ret->starts[ret->n] = (uint32_t)at;
	return true;
}

void rpm_strings_done(struct rpm_strings *strings)
{
	free(strings->starts);
	memset(strings, 0, sizeof *strings);
}

struct kith_bytes rpm_string(const struct rpm_strings *strings, size_t i)
{
	uint32_t start = strings->starts[i];

	return (struct kith_bytes){strings->store + start, strings->starts[i + 1] - start - 1};
}
