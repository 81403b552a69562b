/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zip_member.c: stored and deflated data here; bzip2, LZMA, xz, PPMd and zstd by libarchive, which
 * is shown a zip of this one entry: its local header and data as they are, and a directory made for
 * it. So libarchive never sees the directory of a hostile zip.
 */
#include "zip_member.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

#define STORED   0u
#define DEFLATED 8u

struct kith_zip_member {
	const struct kith_blob *blob;
	struct kith_zip_entry entry;
	uint64_t at; /* bytes given out */
	uint32_t crc;
	struct kith_inflate *inflate; /* kept from entry to entry */
	struct kith_la *la;
	struct kith_blob one; /* the zip of one entry */
	struct kith_buf directory;
};

enum kith_status kith_zip_member_new(const struct kith_blob *blob, struct kith_zip_member **ret,
				     struct kith_err *err)
{
	*ret = calloc(1, sizeof **ret);
	if (*ret == NULL)
		return kith_fail_nomem(err);
	(*ret)->blob = blob;
	return KITH_OK;
}

void kith_zip_member_free(struct kith_zip_member *member)
{
	if (member == NULL)
		return;
	kith_inflate_close(member->inflate);
	kith_la_close(member->la);
	kith_buf_done(&member->directory);
	free(member);
}

/* ------------------------------------------------------------ the zip of one entry */

static enum kith_status read_one(void *user, uint64_t offset, void *buf, size_t n,
				 struct kith_err *err)
{
	const struct kith_zip_member *member = user;
	uint64_t n_data = member->entry.data + member->entry.packed - member->entry.local;
	uint8_t *to = buf;

	if (offset < n_data) {
		size_t now = n_data - offset < n ? (size_t)(n_data - offset) : n;
		enum kith_status st =
		    kith_blob_read(member->blob, member->entry.local + offset, to, now, err);

		if (st < 0)
			return st;
		to += now;
		offset += now;
		n -= now;
	}
	if (n > 0)
		memcpy(to, member->directory.data + (offset - n_data), n);
	return KITH_OK;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

/* APPNOTE.TXT 4.3.12 and 4.3.16; the name is the local header's, whatever it is. */
static bool make_directory(struct kith_zip_member *member, uint64_t n_data)
{
	const struct kith_zip_entry *entry = &member->entry;
	uint8_t central[46] = {'P', 'K', 1, 2, 63, 3, 63, 0}, end[22] = {'P', 'K', 5, 6};

	put16(central + 8, entry->flags & 0x0802u); /* UTF-8, LZMA's end mark */
	put16(central + 10, entry->method);
	kith_put_le32(central + 16, entry->crc);
	kith_put_le32(central + 20, (uint32_t)entry->packed);
	kith_put_le32(central + 24, (uint32_t)entry->size);
	put16(central + 28, 1);
	kith_put_le32(central + 38, UINT32_C(0100644) << 16);
	put16(end + 8, 1);
	put16(end + 10, 1);
	kith_put_le32(end + 12, sizeof central + 1);
	kith_put_le32(end + 16, (uint32_t)n_data);
	member->directory.n = 0;
	return kith_buf_add(&member->directory, central, sizeof central) &&
	       kith_buf_add(&member->directory, "x", 1) &&
	       kith_buf_add(&member->directory, end, sizeof end);
}

static enum kith_status start_libarchive(struct kith_zip_member *member, struct kith_err *err)
{
	const struct kith_zip_entry *entry = &member->entry;
	uint64_t n_data = entry->data + entry->packed - entry->local;
	struct kith_la_entry found;
	enum kith_status st;

	if (entry->size >= UINT32_MAX || n_data >= UINT32_MAX - 100)
		return kith_fail(err, KITH_E_UNSUPPORTED, "method %u beyond 4 GiB", entry->method);
	if (!make_directory(member, n_data))
		return kith_fail_nomem(err);
	kith_la_close(member->la);
	member->la = NULL;
	kith_blob_decoded(&member->one, n_data + member->directory.n, read_one, member);
	st = kith_la_open(KITH_LA_ZIP, &member->one, NULL, NULL, &member->la, err);
	if (st >= 0)
		st = kith_la_next(member->la, &found, err);
	return st > 0 ? KITH_E_CORRUPT : st;
}

/* --------------------------------------------------------------------------- data */

enum kith_status kith_zip_member_start(struct kith_zip_member *member,
				       const struct kith_zip_entry *entry, struct kith_err *err)
{
	uint64_t end = entry->data + entry->packed;

	member->entry = *entry;
	member->at = 0;
	member->crc = 0;
	switch (entry->method) {
	case STORED: return KITH_OK;
	case DEFLATED:
		if (member->inflate != NULL)
			return kith_inflate_restart(member->inflate, entry->data, end, err);
		return kith_inflate_open(member->blob, entry->data, end, KITH_INFLATE_RAW,
					 &member->inflate, err);
	case 12: /* bzip2 */
	case 14: /* LZMA */
	case 93: /* zstd */
	case 95: /* xz */
	case 98: /* PPMd */ return start_libarchive(member, err);
	default: return kith_fail(err, KITH_E_UNSUPPORTED, "unsupported method %u", entry->method);
	}
}

enum kith_status kith_zip_member_read(void *user, void *buf, size_t n, size_t *ret_n,
				      struct kith_err *err)
{
	struct kith_zip_member *member = user;
	const struct kith_zip_entry *entry = &member->entry;
	enum kith_status st;

	if (entry->method == STORED) {
		if (n > entry->packed - member->at)
			n = (size_t)(entry->packed - member->at);
		*ret_n = n;
		st = kith_blob_read(member->blob, entry->data + member->at, buf, n, err);
	} else if (entry->method == DEFLATED) {
		st = kith_inflate_read(member->inflate, buf, n, ret_n, err);
	} else {
		st = kith_la_read(member->la, buf, n, ret_n, err);
	}
	if (st < 0)
		return st;
	member->at += *ret_n;
	member->crc = kith_crc32(member->crc, buf, *ret_n);
	if (member->at > entry->size)
		return kith_fail(err, KITH_E_CORRUPT, "it is larger than the %llu bytes announced",
				 (unsigned long long)entry->size);
	if (*ret_n == 0 && member->at < entry->size)
		return kith_fail(err, KITH_E_CORRUPT, "%llu bytes instead of %llu",
				 (unsigned long long)member->at, (unsigned long long)entry->size);
	if (*ret_n == 0 && member->crc != entry->crc)
		return kith_fail(err, KITH_E_CORRUPT, "CRC-32 mismatch");
	return KITH_OK;
}
