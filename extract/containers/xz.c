/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xz.c: what must hold: streams that follow each other, with padding between, are one file (The .xz
 * File Format, 2); what follows the last one is the caller's. Memory: threads are used only as far
 * as they stay under a bound, so what a file asks for beyond that is decoded by one.
 */
#include "xz.h"

#include <lzma.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define PIECE       ((size_t)256 << 10)
#define THREADS_MAX 4u
/* For all threads of one worker. A block of xz -6 is 24 MiB, before and after. */
#define THREADS_MEMORY (UINT64_C(160) << 20)

struct kith_xz {
	const struct kith_blob *blob;
	lzma_stream stream;
	uint64_t at;    /* of the first byte behind those in piece */
	uint64_t ends;  /* of the last stream that was whole */
	uint64_t given; /* bytes that were decompressed */
	bool done;
	lzma_ret fault; /* met behind bytes that were given out */
	uint8_t piece[PIECE];
};

static const lzma_stream fresh = LZMA_STREAM_INIT;

/* A stream begins at xz->at. */
static enum kith_status begin_stream(struct kith_xz *xz, struct kith_err *err)
{
	uint32_t cores = lzma_cputhreads();
	lzma_mt options = {.threads = cores < 1             ? 1
				      : cores > THREADS_MAX ? THREADS_MAX
							    : cores,
			   .memlimit_threading = THREADS_MEMORY,
			   .memlimit_stop = UINT64_MAX};
	lzma_ret rc;

	lzma_end(&xz->stream);
	xz->stream = fresh;
	rc = lzma_stream_decoder_mt(&xz->stream, &options);
	if (rc != LZMA_OK)
		return kith_fail_nomem(err);
	return KITH_OK;
}

enum kith_status kith_xz_open(const struct kith_blob *blob, struct kith_xz **ret,
			      struct kith_err *err)
{
	struct kith_xz *xz = calloc(1, sizeof *xz);
	enum kith_status st;

	if (xz == NULL)
		return kith_fail_nomem(err);
	xz->blob = blob;
	xz->stream = fresh;
	xz->fault = LZMA_OK;
	st = begin_stream(xz, err);
	if (st < 0) {
		kith_xz_close(xz);
		return st;
	}
	*ret = xz;
	return KITH_OK;
}

void kith_xz_close(struct kith_xz *xz)
{
	if (xz == NULL)
		return;
	lzma_end(&xz->stream);
	free(xz);
}

uint64_t kith_xz_used(const struct kith_xz *xz)
{
	return xz->done ? xz->ends : xz->at - xz->stream.avail_in;
}

/* Behind a whole stream: padding and another one, or the end. The format wants padding in fours;
 * one that is not is data behind the file, as is all that begins with no stream's magic. */
static enum kith_status next_stream(struct kith_xz *xz, struct kith_err *err)
{
	static const uint8_t magic[6] = {0xfd, '7', 'z', 'X', 'Z', 0};
	const uint8_t *end = xz->stream.next_in + xz->stream.avail_in; /* of xz->piece */
	uint64_t at = xz->at - xz->stream.avail_in, kept;
	uint8_t piece[4096];
	enum kith_status st;
	size_t n, i;

	xz->ends = at;
	for (;;) {
		st = kith_blob_read_some(xz->blob, at, piece, sizeof piece, &n, err);
		if (st < 0)
			return st;
		for (i = 0; i + 4 <= n && memcmp(piece + i, "\0\0\0", 4) == 0; i += 4)
			;
		at += i;
		if (i == 0)
			break;
	}
	if (n < sizeof magic || memcmp(piece, magic, sizeof magic) != 0) {
		xz->done = true;
		return KITH_OK;
	}
	/* Streams may be tiny: what was read already is not read again. */
	kept = xz->at > at ? xz->at - at : 0;
	if (kept == 0)
		xz->at = at;
	st = begin_stream(xz, err);
	xz->stream.next_in = end - kept;
	xz->stream.avail_in = (size_t)kept;
	return st;
}

static enum kith_status failed(const struct kith_xz *xz, lzma_ret rc, struct kith_err *err)
{
	/* not how far was read: threads are ahead, by chance */
	unsigned long long given = (unsigned long long)xz->given;

	if (rc == LZMA_MEM_ERROR || rc == LZMA_MEMLIMIT_ERROR)
		return kith_fail_nomem(err);
	if (rc == LZMA_OPTIONS_ERROR)
		return kith_fail(err, KITH_E_UNSUPPORTED, "xz with unknown options");
	if (rc == LZMA_BUF_ERROR)
		return kith_fail(err, KITH_E_CORRUPT,
				 "xz data is cut off behind %llu bytes of what it holds", given);
	return kith_fail(err, KITH_E_CORRUPT,
			 "xz data is damaged behind %llu bytes of what it holds", given);
}

enum kith_status kith_xz_read(void *user, void *buf, size_t n, size_t *ret_n, struct kith_err *err)
{
	struct kith_xz *xz = user;
	enum kith_status st = KITH_OK;
	lzma_ret rc;
	size_t got;

	*ret_n = 0;
	if (xz->fault != LZMA_OK)
		return failed(xz, xz->fault, err);
	while (*ret_n == 0 && n > 0 && !xz->done) {
		bool last;

		if (xz->stream.avail_in == 0 && xz->at < xz->blob->size) {
			st = kith_blob_read_some(xz->blob, xz->at, xz->piece, PIECE, &got, err);
			if (st < 0)
				return st;
			xz->stream.next_in = xz->piece;
			xz->stream.avail_in = got;
			xz->at += got;
		}
		last = xz->stream.avail_in == 0 || xz->at >= xz->blob->size;
		xz->stream.next_out = buf;
		xz->stream.avail_out = n;
		rc = lzma_code(&xz->stream, last ? LZMA_FINISH : LZMA_RUN);
		*ret_n = n - xz->stream.avail_out;
		xz->given += *ret_n;
		if (rc == LZMA_STREAM_END)
			st = next_stream(xz, err);
		else if (rc != LZMA_OK)
			xz->fault = rc;
		if (rc != LZMA_OK && rc != LZMA_STREAM_END && *ret_n == 0)
			st = failed(xz, rc, err);
		if (st < 0)
			return st;
	}
	return KITH_OK;
}
