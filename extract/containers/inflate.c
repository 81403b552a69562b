/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inflate.c: gzip as RFC 1952 has it: members follow each other without a gap. libarchive's gzip
 * filter does not compare the CRC, so that damaged data would be hashed as if it were whole; zlib
 * does. What follows the last member is the caller's to judge (kith_inflate_used).
 */
#include "inflate.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/err.h"

#define INPUT ((size_t)128 << 10)

struct kith_inflate {
	const struct kith_blob *blob;
	uint64_t at, end; /* what was not read into input yet */
	enum kith_inflate_kind kind;
	z_stream z;
	bool ended; /* this stream, or member, is at its end */
	bool done;
	uint8_t input[INPUT];
};

uint32_t kith_crc32(uint32_t crc, const void *data, size_t n)
{
	return (uint32_t)crc32_z(crc, data, n);
}

enum kith_status kith_inflate_open(const struct kith_blob *blob, uint64_t offset, uint64_t end,
				   enum kith_inflate_kind kind, struct kith_inflate **ret,
				   struct kith_err *err)
{
	struct kith_inflate *inflate = calloc(1, sizeof *inflate);

	if (inflate == NULL)
		return kith_fail_nomem(err);
	inflate->blob = blob;
	inflate->at = offset;
	inflate->end = end;
	inflate->kind = kind;
	if (inflateInit2(&inflate->z, kind == KITH_INFLATE_RAW ? -MAX_WBITS : MAX_WBITS + 16) !=
	    Z_OK) {
		free(inflate);
		return kith_fail_nomem(err);
	}
	*ret = inflate;
	return KITH_OK;
}

enum kith_status kith_inflate_restart(struct kith_inflate *inflate, uint64_t offset, uint64_t end,
				      struct kith_err *err)
{
	inflate->at = offset;
	inflate->end = end;
	inflate->ended = inflate->done = false;
	inflate->z.avail_in = 0;
	return inflateReset(&inflate->z) == Z_OK ? KITH_OK : kith_fail_nomem(err);
}

void kith_inflate_close(struct kith_inflate *inflate)
{
	if (inflate == NULL)
		return;
	(void)inflateEnd(&inflate->z);
	free(inflate);
}

uint64_t kith_inflate_used(const struct kith_inflate *inflate)
{
	return inflate->at - inflate->z.avail_in;
}

/* More input, behind what is left of it. */
static enum kith_status fill(struct kith_inflate *inflate, struct kith_err *err)
{
	z_stream *z = &inflate->z;
	uint64_t left = inflate->end - inflate->at;
	size_t kept = z->avail_in, n, i;
	enum kith_status st;

	for (i = 0; i < kept; i++)
		inflate->input[i] = z->next_in[i];
	n = left < INPUT - kept ? (size_t)left : INPUT - kept;
	st = kith_blob_read(inflate->blob, inflate->at, inflate->input + kept, n, err);
	if (st < 0)
		return st;
	inflate->at += n;
	z->next_in = inflate->input;
	z->avail_in = (unsigned)(kept + n);
	return KITH_OK;
}

/* Behind a member: is there another one? */
static enum kith_status next_member(struct kith_inflate *inflate, struct kith_err *err)
{
	z_stream *z = &inflate->z;
	enum kith_status st = KITH_OK;

	if (z->avail_in < 3)
		st = fill(inflate, err);
	if (st < 0)
		return st;
	if (z->avail_in < 3 || z->next_in[0] != 0x1f || z->next_in[1] != 0x8b ||
	    z->next_in[2] != 8) {
		inflate->done = true;
		return KITH_OK;
	}
	inflate->ended = false;
	return inflateReset(z) == Z_OK ? KITH_OK : kith_fail_nomem(err);
}

enum kith_status kith_inflate_read(void *user, void *buf, size_t n, size_t *ret_n,
				   struct kith_err *err)
{
	struct kith_inflate *stream = user;
	z_stream *z = &stream->z;
	enum kith_status st;

	z->next_out = buf;
	z->avail_out = n < UINT_MAX ? (unsigned)n : UINT_MAX;
	n = z->avail_out;
	while (z->avail_out == n && n > 0 && !stream->done) {
		int rc;

		if (stream->ended) {
			st = stream->kind == KITH_INFLATE_GZIP ? next_member(stream, err) : KITH_OK;
			if (stream->kind == KITH_INFLATE_RAW)
				stream->done = true;
			if (st < 0)
				return st;
			continue;
		}
		if (z->avail_in == 0) {
			st = fill(stream, err);
			if (st < 0)
				return st;
		}
		rc = inflate(z, Z_NO_FLUSH);
		if (rc == Z_STREAM_END) {
			stream->ended = true;
		} else if (z->avail_out < n) { /* what came before a fault is given out first */
			break;
		} else if (rc == Z_MEM_ERROR) {
			return kith_fail_nomem(err);
		} else if (rc == Z_BUF_ERROR && z->avail_in == 0 && stream->at == stream->end) {
			return kith_fail(err, KITH_E_CORRUPT,
					 "it ends at offset %llu inside the compressed data",
					 (unsigned long long)stream->at);
		} else if (rc != Z_OK && rc != Z_BUF_ERROR) {
			return kith_fail(err, KITH_E_CORRUPT,
					 "damaged compressed data at offset %llu: %s",
					 (unsigned long long)kith_inflate_used(stream),
					 z->msg != NULL ? z->msg : "no deflate stream");
		}
	}
	*ret_n = n - z->avail_out;
	return KITH_OK;
}
