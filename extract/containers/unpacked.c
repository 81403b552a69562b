/* SPDX-License-Identifier: Apache-2.0 */
/* unpacked.c: gzip by zlib (inflate.c says why), large xz by liblzma (xz.h), all others by
 * libarchive's filters. */
#include "unpacked.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "detect/detect.h"
#include "frames_end.h"
#include "inflate.h"
#include "xz.h"

/* Members that are passed over while one is looked for. */
#define MEMBERS_MAX 100000u
/* libarchive decodes no larger ones: zstd's default limit for streams. */
#define ZSTD_WINDOW_MAX (UINT64_C(128) << 20)

struct kith_unpacked {
	struct kith_inflate *inflate; /* or */
	struct kith_xz *xz;           /* or */
	struct kith_la *la;
	struct kith_blob frames; /* zstd, lz4: the part of the blob that is frames */
	uint8_t *head;           /* what was peeked at */
	size_t head_n, head_at;
	enum kith_status st; /* that peeking ended with */
	struct kith_err err;
};

enum kith_status kith_unpacked_fault(const struct kith_unpacked *unpacked, struct kith_err *err)
{
	if (unpacked->st < 0 && err != NULL)
		*err = unpacked->err;
	return unpacked->st;
}

static enum kith_status read_on(struct kith_unpacked *unpacked, void *buf, size_t n, size_t *ret_n,
				struct kith_err *err)
{
	if (unpacked->st < 0)
		return kith_unpacked_fault(unpacked, err);
	if (unpacked->inflate != NULL)
		unpacked->st = kith_inflate_read(unpacked->inflate, buf, n, ret_n, &unpacked->err);
	else if (unpacked->xz != NULL)
		unpacked->st = kith_xz_read(unpacked->xz, buf, n, ret_n, &unpacked->err);
	else
		unpacked->st = kith_la_read(unpacked->la, buf, n, ret_n, &unpacked->err);
	return kith_unpacked_fault(unpacked, err);
}

static bool la_format(enum kith_format format, enum kith_la_format *ret)
{
	static const struct {
		enum kith_format format;
		enum kith_la_format la;
	} rows[] = {
	    {KITH_FORMAT_XZ, KITH_LA_XZ},       {KITH_FORMAT_ZSTD, KITH_LA_ZSTD},
	    {KITH_FORMAT_BZIP2, KITH_LA_BZIP2}, {KITH_FORMAT_LZ4, KITH_LA_LZ4},
	    {KITH_FORMAT_LZIP, KITH_LA_LZIP},   {KITH_FORMAT_COMPRESS, KITH_LA_COMPRESS},
	    {KITH_FORMAT_LZMA, KITH_LA_LZMA},
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		*ret = rows[i].la;
		if (rows[i].format == format)
			return true;
	}
	return false;
}

static enum kith_status open_la(struct kith_unpacked *unpacked, const struct kith_blob *blob,
				enum kith_la_format format, struct kith_err *err)
{
	struct kith_extent extent = {0, 0};
	struct kith_la_entry entry;
	uint64_t window = 0;
	enum kith_status st = KITH_OK;

	if (format == KITH_LA_ZSTD)
		st = kith_zstd_end(blob, &extent.bytes, &window, err);
	else if (format == KITH_LA_LZ4)
		st = kith_lz4_end(blob, &extent.bytes, err);
	else
		extent.bytes = blob->size;
	if (st < 0)
		return st;
	if (window > ZSTD_WINDOW_MAX)
		return kith_fail(err, KITH_E_UNSUPPORTED,
				 "zstd with a window of %llu MiB; %llu can be read",
				 (unsigned long long)(window >> 20),
				 (unsigned long long)(ZSTD_WINDOW_MAX >> 20));
	if (extent.bytes < blob->size && blob->read == NULL) {
		st = kith_blob_parts(&unpacked->frames, blob, &extent, 1, err);
		blob = &unpacked->frames;
	}
	if (st >= 0)
		st = kith_la_open(format, blob, NULL, NULL, &unpacked->la, err);
	if (st >= 0)
		st = kith_la_next(unpacked->la, &entry, err);
	return st == KITH_NOT_FOUND ? KITH_E_CORRUPT : st;
}

enum kith_status kith_unpacked_open(const struct kith_blob *blob, enum kith_format format,
				    struct kith_unpacked **ret, struct kith_err *err)
{
	struct kith_unpacked *unpacked = calloc(1, sizeof *unpacked);
	enum kith_la_format la;
	enum kith_status st;

	if (unpacked == NULL)
		return kith_fail_nomem(err);
	if (format == KITH_FORMAT_GZIP) {
		st = kith_inflate_open(blob, 0, blob->size, KITH_INFLATE_GZIP, &unpacked->inflate,
				       err);
	} else if (format == KITH_FORMAT_XZ && blob->size >= KITH_XZ_LARGE) {
		st = kith_xz_open(blob, &unpacked->xz, err);
	} else if (la_format(format, &la)) {
		st = open_la(unpacked, blob, la, err);
	} else {
		st = kith_fail(err, KITH_E_UNSUPPORTED, "no decompressor for this format");
	}
	if (st < 0) {
		kith_unpacked_close(unpacked);
		return st;
	}
	*ret = unpacked;
	return KITH_OK;
}

void kith_unpacked_close(struct kith_unpacked *unpacked)
{
	if (unpacked == NULL)
		return;
	kith_inflate_close(unpacked->inflate);
	kith_xz_close(unpacked->xz);
	kith_la_close(unpacked->la);
	kith_blob_done(&unpacked->frames);
	free(unpacked->head);
	free(unpacked);
}

enum kith_status kith_unpacked_peek(struct kith_unpacked *unpacked, const uint8_t **ret,
				    size_t *ret_n, struct kith_err *err)
{
	size_t got = 1;

	if (unpacked->head == NULL) {
		unpacked->head = malloc(KITH_PEEK_HEAD);
		if (unpacked->head == NULL)
			return kith_fail_nomem(err);
	}
	while (unpacked->head_n < KITH_PEEK_HEAD && got > 0 && unpacked->st >= 0) {
		unpacked->st = read_on(unpacked, unpacked->head + unpacked->head_n,
				       KITH_PEEK_HEAD - unpacked->head_n, &got, &unpacked->err);
		if (unpacked->st >= 0)
			unpacked->head_n += got;
	}
	*ret = unpacked->head;
	*ret_n = unpacked->head_n;
	return KITH_OK;
}

enum kith_status kith_unpacked_read(void *user, void *buf, size_t n, size_t *ret_n,
				    struct kith_err *err)
{
	struct kith_unpacked *unpacked = user;
	size_t left = unpacked->head_n - unpacked->head_at;

	if (left == 0)
		return read_on(unpacked, buf, n, ret_n, err);
	*ret_n = left < n ? left : n;
	memcpy(buf, unpacked->head + unpacked->head_at, *ret_n);
	unpacked->head_at += *ret_n;
	return KITH_OK;
}

uint64_t kith_unpacked_used(const struct kith_unpacked *unpacked)
{
	if (unpacked->inflate != NULL)
		return kith_inflate_used(unpacked->inflate);
	return unpacked->xz != NULL ? kith_xz_used(unpacked->xz) : kith_la_used(unpacked->la);
}

static enum kith_status read_member(struct kith_la *la, size_t max, struct kith_buf *out,
				    struct kith_err *err)
{
	size_t got = 1;
	enum kith_status st = KITH_OK;

	while (st >= 0 && got > 0) {
		uint8_t piece[4096];

		st = kith_la_read(la, piece, sizeof piece, &got, err);
		if (st >= 0 && got > max - out->n)
			return KITH_NOT_FOUND;
		if (st >= 0 && !kith_buf_add(out, piece, got))
			return kith_fail_nomem(err);
	}
	return st;
}

enum kith_status kith_unpacked_tar_member(const struct kith_blob *blob, const char *name,
					  size_t max, struct kith_buf *out, struct kith_err *err)
{
	struct kith_unpacked *unpacked = NULL;
	struct kith_la *la = NULL;
	struct kith_la_entry entry;
	struct kith_peek peek = {.has_size = true, .size = blob->size};
	uint8_t *head = malloc(KITH_PEEK_HEAD);
	unsigned n = 0;
	enum kith_status st;

	if (head == NULL)
		return kith_fail_nomem(err);
	peek.head = head;
	st = kith_blob_read_some(blob, 0, head, KITH_PEEK_HEAD, &peek.head_n, err);
	if (st >= 0) {
		enum kith_format format = kith_detect(&peek);

		if (format == KITH_FORMAT_TAR) {
			st = kith_la_open(KITH_LA_TAR, blob, NULL, NULL, &la, err);
		} else {
			st = kith_unpacked_open(blob, format, &unpacked, err);
			if (st >= 0)
				st = kith_la_open(KITH_LA_TAR, NULL, kith_unpacked_read, unpacked,
						  &la, err);
		}
	}
	out->n = 0;
	while (st >= 0 && (st = kith_la_next(la, &entry, err)) == KITH_OK && n++ < MEMBERS_MAX) {
		if (entry.name_n > 0 && entry.name[0] == '/') { /* it was "./" */
			entry.name++;
			entry.name_n--;
		}
		if (!entry.is_file || entry.target != NULL || entry.name_n != strlen(name) ||
		    memcmp(entry.name, name, entry.name_n) != 0)
			continue;
		st = read_member(la, max, out, err);
		goto out;
	}
	if (st >= 0)
		st = KITH_NOT_FOUND;
out:
	if (st != KITH_OK)
		out->n = 0;
	kith_la_close(la);
	kith_unpacked_close(unpacked);
	free(head);
	return st;
}
