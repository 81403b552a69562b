/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iso9660_zisofs.c: files that mkzftree compressed. The layout is that of zisofs version 1 (the ZF
 * field of RRIP's vendor extensions, fs/isofs of Linux, doc/zisofs_format.txt of libisofs): a
 * header of 16 bytes, a table of 4-byte offsets, one more than there are blocks, and for each block
 * a zlib stream; a block without bytes is zeros.
 */
#include "containers/iso9660.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "containers/inflate.h"

#define BLOCK_LOG_MIN 15u
#define BLOCK_LOG_MAX 17u
#define BLOCK_MAX     ((size_t)1 << BLOCK_LOG_MAX)

static const uint8_t magic[8] = {0x37, 0xe4, 0x53, 0x96, 0xc9, 0xdb, 0xd6, 0x07};

struct zisofs {
	struct kith_blob blob; /* the compressed file */
	uint64_t plain;        /* bytes */
	uint64_t table;        /* offset of the table of blocks */
	size_t block;          /* plain bytes of one */
	uint8_t out[BLOCK_MAX];
};

/* The header, and whether it agrees with the ZF field. */
static enum kith_status read_header(struct zisofs *z, const struct iso_rr *rr, struct kith_err *err)
{
	uint8_t header[16];
	enum kith_status st = kith_blob_read(&z->blob, 0, header, sizeof header, err);

	if (st < 0)
		return st;
	if (memcmp(header, magic, sizeof magic) != 0)
		return kith_fail(err, KITH_E_CORRUPT, "it has no zisofs header");
	if (header[13] < BLOCK_LOG_MIN || header[13] > BLOCK_LOG_MAX || header[12] < 4 ||
	    header[12] != rr->header_words || header[13] != rr->block_log ||
	    kith_get_le32(header + 8) != rr->plain_bytes)
		return kith_fail(err, KITH_E_CORRUPT, "its zisofs header is damaged");
	z->plain = rr->plain_bytes;
	z->block = (size_t)1 << header[13];
	z->table = (uint64_t)header[12] * 4;
	return KITH_OK;
}

/* RFC 1950, 9. */
static uint32_t adler32(const uint8_t *p, size_t n)
{
	uint32_t a = 1, b = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		a = (a + p[i]) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

/* RFC 1950: two bytes, a deflate stream, Adler-32 of the n bytes that it gives. */
static enum kith_status inflate_block(struct zisofs *z, uint32_t from, uint32_t to, size_t n,
				      struct kith_err *err)
{
	uint8_t head[2], tail[4], over;
	struct kith_inflate *inflate;
	size_t have = 0, got = 1;
	enum kith_status st = kith_blob_read(&z->blob, from, head, sizeof head, err);

	if (st >= 0)
		st = kith_blob_read(&z->blob, to - sizeof tail, tail, sizeof tail, err);
	if (st < 0)
		return st;
	if ((head[0] & 0x0fu) != 8 || (head[1] & 0x20u) != 0)
		return kith_fail(err, KITH_E_CORRUPT, "it is not a zlib stream");
	st = kith_inflate_open(&z->blob, from + sizeof head, to - sizeof tail, KITH_INFLATE_RAW,
			       &inflate, err);
	if (st < 0)
		return st;
	while (st >= 0 && have < n && got > 0) {
		st = kith_inflate_read(inflate, z->out + have, n - have, &got, err);
		if (st >= 0)
			have += got;
	}
	if (st >= 0 && have == n)
		st = kith_inflate_read(inflate, &over, 1, &got, err);
	kith_inflate_close(inflate);
	if (st < 0)
		return st;
	if (have < n || got > 0 || kith_get_be32(tail) != adler32(z->out, n))
		return kith_fail(err, KITH_E_CORRUPT, "it is not what its checksum says");
	return KITH_OK;
}

/* Block number i into z->out, all n bytes of it. */
static enum kith_status read_block(struct zisofs *z, uint64_t i, size_t n, struct kith_err *err)
{
	uint8_t ends[8];
	uint32_t from, to;
	enum kith_status st = kith_blob_read(&z->blob, z->table + i * 4, ends, sizeof ends, err);

	if (st < 0)
		return st;
	from = kith_get_le32(ends);
	to = kith_get_le32(ends + 4);
	if (from == to) {
		memset(z->out, 0, n);
		return KITH_OK;
	}
	if (to < from || to - from < 6 || to > z->blob.size)
		return kith_fail(err, KITH_E_CORRUPT, "block %llu: its offsets are damaged",
				 (unsigned long long)i);
	st = inflate_block(z, from, to, n, err);
	if (st < 0)
		kith_err_context(err, "block %llu", (unsigned long long)i);
	return st;
}

static enum kith_status emit_blocks(struct zisofs *z, struct kith_emit *emit,
				    const struct kith_entry *entry, struct kith_err *err)
{
	enum kith_status st;
	uint64_t i, at;

	st = kith_emit_begin(emit, entry, err);
	if (st != KITH_OK)
		return st < 0 ? st : KITH_OK;
	for (i = at = 0; at < z->plain; i++) {
		size_t n = z->plain - at < z->block ? (size_t)(z->plain - at) : z->block;
		struct kith_err why = {0};

		if (read_block(z, i, n, &why) < 0)
			return kith_emit_damaged(emit, "damaged", why.msg, err);
		st = kith_emit_data(emit, z->out, n, err);
		if (st != KITH_OK)
			return st < 0 ? st : KITH_OK;
		at += n;
	}
	return kith_emit_end(emit, err);
}

enum kith_status iso_zisofs_emit(const struct iso *iso, const struct kith_entry *entry,
				 const struct iso_rr *rr, const struct kith_extent *extents,
				 size_t n, struct kith_err *err)
{
	struct zisofs *z = calloc(1, sizeof *z);
	struct kith_err why = {0};
	enum kith_status st;

	if (z == NULL)
		return kith_fail_nomem(err);
	st = kith_blob_parts(&z->blob, iso->in->blob, extents, n, &why);
	if (st >= 0)
		st = read_header(z, rr, &why);
	if (st >= 0) {
		st = emit_blocks(z, iso->in->emit, entry, err);
	} else if (st == KITH_E_NOMEM) {
		st = kith_fail_nomem(err);
	} else {
		st = kith_emit_begin(iso->in->emit, entry, err);
		if (st == KITH_OK)
			st = kith_emit_damaged(iso->in->emit, "damaged", why.msg, err);
	}
	kith_blob_done(&z->blob);
	free(z);
	return st < 0 ? st : KITH_OK;
}
