/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rar5_headers.c: RARLAB's technote "RAR 5.0 archive format". A header: CRC-32, its size (from the
 * next field on), type, flags, sizes of its extra area and of the data behind it as the flags say,
 * fields of its type, the extra area.
 */
#include "containers/rar5_headers.h"

#include <string.h>

#include "base/err.h"

#define SIGNATURE_N 8u
#define HEADER_MAX  ((size_t)2 << 20)
#define SIZES_N     7u /* CRC, and a size of three bytes at most */

enum {
	TYPE_FILE = 2,
	TYPE_ENCRYPTION = 4,
	TYPE_END = 5,
	HAS_EXTRA = 0x01,
	HAS_DATA = 0x02,
	GOES_ON = 0x08, /* from the part before */
	FILE_FOLDER = 1,
	FILE_TIME = 2,
	FILE_CRC = 4,
	EXTRA_ENCRYPTION = 1,
	EXTRA_REDIRECTION = 5,
	REDIRECTION_COPY = 5
};

bool rar5_number(const uint8_t **pos, const uint8_t *end, uint64_t *ret)
{
	const uint8_t *p = *pos;
	unsigned shift;
	uint64_t v = 0;

	for (shift = 0; shift < 63 && p < end; shift += 7) {
		uint8_t b = *p++;

		v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80) {
			*ret = v;
			*pos = p;
			return true;
		}
	}
	return false;
}

void rar5_headers_start(struct rar5_headers *headers, const struct kith_blob *const *parts,
			size_t n_parts)
{
	memset(headers, 0, sizeof *headers);
	headers->parts = parts;
	headers->n_parts = n_parts;
	headers->at = SIGNATURE_N;
}

void rar5_headers_done(struct rar5_headers *headers)
{
	kith_buf_done(&headers->header);
}

/* A field that says how many bytes follow, and those. */
static bool get_text(const uint8_t **p, const uint8_t *end, const uint8_t **ret, size_t *ret_n)
{
	uint64_t n;

	if (!rar5_number(p, end, &n) || n > (size_t)(end - *p))
		return false;
	*ret = *p;
	*ret_n = (size_t)n;
	*p += n;
	return true;
}

static void read_extra(const uint8_t *p, const uint8_t *end, struct rar5_file *ret)
{
	while (p < end) {
		const uint8_t *record, *record_end;
		uint64_t type, kind, flags;
		size_t n;

		if (!get_text(&p, end, &record, &n))
			return;
		record_end = record + n;
		if (!rar5_number(&record, record_end, &type))
			return;
		if (type == EXTRA_ENCRYPTION)
			ret->encrypted = true;
		if (type == EXTRA_REDIRECTION && rar5_number(&record, record_end, &kind) &&
		    rar5_number(&record, record_end, &flags) && kind == REDIRECTION_COPY &&
		    !get_text(&record, record_end, &ret->copy_of, &ret->copy_of_n))
			ret->copy_of = NULL;
	}
}

/* The fields of a file, behind those that each header has. */
static bool read_file(const uint8_t *p, const uint8_t *end, uint64_t extra, struct rar5_file *ret)
{
	uint64_t flags, skipped;

	memset(ret, 0, sizeof *ret);
	if (extra > (size_t)(end - p))
		return false;
	end -= extra;
	if (!rar5_number(&p, end, &flags) || !rar5_number(&p, end, &skipped) ||
	    !rar5_number(&p, end, &skipped))
		return false;
	skipped = ((flags & FILE_TIME) != 0 ? 4u : 0u) + ((flags & FILE_CRC) != 0 ? 4u : 0u);
	if (skipped > (size_t)(end - p))
		return false;
	p += skipped;
	if (!rar5_number(&p, end, &skipped) || !rar5_number(&p, end, &skipped) ||
	    !get_text(&p, end, &ret->name, &ret->name_n))
		return false;
	ret->is_folder = (flags & FILE_FOLDER) != 0;
	read_extra(end, end + extra, ret);
	return true;
}

/* The header at headers->at, whole. KITH_END: none can be read there. */
static enum kith_status read_header(struct rar5_headers *headers, const uint8_t **ret,
				    struct kith_err *err)
{
	const struct kith_blob *blob = headers->parts[headers->part];
	uint8_t sizes[SIZES_N], *room;
	const uint8_t *p = sizes + 4;
	uint64_t size, all;
	size_t n;
	enum kith_status st = kith_blob_read_some(blob, headers->at, sizes, sizeof sizes, &n, err);

	if (st < 0)
		return st;
	if (n < 6 || !rar5_number(&p, sizes + n, &size) || size == 0 || size > HEADER_MAX)
		return KITH_END;
	all = (uint64_t)(p - sizes) + size;
	if (all > blob->size - headers->at)
		return KITH_END;
	headers->header.n = 0;
	room = kith_buf_room(&headers->header, (size_t)all);
	if (room == NULL)
		return kith_fail_nomem(err);
	st = kith_blob_read(blob, headers->at, room, (size_t)all, err);
	if (st < 0)
		return st;
	headers->header.n = (size_t)all;
	headers->at += all;
	*ret = room + (p - sizes);
	return KITH_OK;
}

static bool next_part(struct rar5_headers *headers)
{
	headers->at = SIGNATURE_N;
	return ++headers->part < headers->n_parts;
}

enum kith_status rar5_headers_next(struct rar5_headers *headers, struct rar5_file *ret,
				   struct kith_err *err)
{
	while (headers->part < headers->n_parts) {
		const uint8_t *p = NULL, *end;
		uint64_t type, flags, extra = 0, data = 0;
		enum kith_status st = read_header(headers, &p, err);

		if (st < 0)
			return st;
		end = headers->header.data + headers->header.n;
		if (st == KITH_END || !rar5_number(&p, end, &type) ||
		    !rar5_number(&p, end, &flags) ||
		    ((flags & HAS_EXTRA) != 0 && !rar5_number(&p, end, &extra)) ||
		    ((flags & HAS_DATA) != 0 && !rar5_number(&p, end, &data))) {
			type = TYPE_END;
			headers->endless = true;
		}
		if (type == TYPE_ENCRYPTION)
			return KITH_NOT_FOUND;
		if (type == TYPE_END || data > headers->parts[headers->part]->size - headers->at) {
			headers->endless = headers->endless || type != TYPE_END;
			if (type == TYPE_FILE && (flags & GOES_ON) == 0 &&
			    read_file(p, end, extra, ret)) { /* cut off: its name is known */
				(void)next_part(headers);
				return KITH_OK;
			}
			if (!next_part(headers))
				return KITH_END;
			continue;
		}
		headers->at += data;
		if (type == TYPE_FILE && (flags & GOES_ON) == 0 && read_file(p, end, extra, ret))
			return KITH_OK;
	}
	return KITH_END;
}
