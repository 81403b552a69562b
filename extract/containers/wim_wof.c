/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wim_wof.c: what the Windows Overlay Filter makes of a compressed file (CompactOS): the stream
 * WofCompressedData is a table and chunks as in a WIM: of n chunks n - 1 offsets, of 4 bytes, or 8
 * when the file has 4 GiB or more, counted from behind the table; a chunk that is as large as its
 * content is stored. Reparse data: WOF_EXTERNAL_INFO and FILE_PROVIDER_EXTERNAL_INFO_V1 of
 * Microsoft's documentation.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "containers/wim.h"

#define TABLE_MAX ((size_t)128 << 20) /* of 64 GiB in chunks of 4 KiB */

struct wof {
	struct wim_codec *codec;
	wim_sink_fn sink;
	void *user;
	enum wim_method method;
	uint32_t chunk_bytes;
	size_t width;
	uint64_t bytes, n_chunks, chunk; /* chunk: the next */
	uint8_t *table;
	size_t table_n, table_got;
	uint64_t at; /* bytes behind the table that were used */
	uint8_t *in, *out;
	size_t in_n;
};

bool wof_reparse(const uint8_t *data, size_t n, enum wof_kind *ret)
{
	uint32_t algorithm;

	/* WOF version 1, provider 2 (file), its version 1, algorithm. */
	if (n < 16 || kith_get_le32(data) != 1 || kith_get_le32(data + 4) != 2 ||
	    kith_get_le32(data + 8) != 1)
		return false;
	algorithm = kith_get_le32(data + 12);
	if (algorithm >= WOF_KINDS)
		return false;
	*ret = (enum wof_kind)algorithm;
	return true;
}

enum kith_status wof_new(struct wim_codec *codec, enum wof_kind kind, uint64_t bytes,
			 wim_sink_fn sink, void *user, struct wof **ret, struct kith_err *err)
{
	static const uint32_t chunks[] = {
	    [WOF_XPRESS4K] = 4096,
	    [WOF_LZX32K] = 32768,
	    [WOF_XPRESS8K] = 8192,
	    [WOF_XPRESS16K] = 16384,
	};
	uint64_t table;
	struct wof *wof = calloc(1, sizeof *wof);

	if (wof == NULL)
		return kith_fail_nomem(err);
	*ret = wof;
	wof->codec = codec;
	wof->sink = sink;
	wof->user = user;
	wof->method = kind == WOF_LZX32K ? WIM_LZX : WIM_XPRESS;
	wof->chunk_bytes = chunks[kind];
	wof->width = bytes <= UINT32_MAX ? 4 : 8;
	wof->bytes = bytes;
	wof->n_chunks = bytes / wof->chunk_bytes + (bytes % wof->chunk_bytes != 0);
	table = wof->n_chunks == 0 ? 0 : (wof->n_chunks - 1) * wof->width;
	if (table > TABLE_MAX)
		return kith_fail(err, KITH_E_LIMIT, "over a limit: a table of chunks");
	wof->table_n = (size_t)table;
	wof->table = malloc(wof->table_n + 1);
	wof->in = malloc(wof->chunk_bytes);
	wof->out = malloc(wof->chunk_bytes);
	if (wof->table == NULL || wof->in == NULL || wof->out == NULL)
		return kith_fail_nomem(err);
	return KITH_OK;
}

void wof_free(struct wof *wof)
{
	if (wof == NULL)
		return;
	free(wof->table);
	free(wof->in);
	free(wof->out);
	free(wof);
}

/* Where the chunk ends, from behind the table; only its beginning is known of the last one. */
static uint64_t chunk_end(const struct wof *wof)
{
	const uint8_t *p = wof->table + (size_t)wof->chunk * wof->width;

	return wof->width == 4 ? kith_get_le32(p) : kith_get_le64(p);
}

static enum kith_status decode(struct wof *wof, struct kith_err *err)
{
	uint64_t done = wof->chunk * wof->chunk_bytes;
	size_t n =
	    wof->bytes - done < wof->chunk_bytes ? (size_t)(wof->bytes - done) : wof->chunk_bytes;
	const uint8_t *from = wof->in;

	if (wof->in_n > n || wof->in_n == 0)
		return kith_fail(err, KITH_E_CORRUPT, "a chunk larger than its content");
	if (wof->in_n < n) {
		if (!wim_codec_chunk(wof->codec, wof->method, wof->chunk_bytes, wof->in, wof->in_n,
				     wof->out, n))
			return kith_fail(err, KITH_E_CORRUPT, "its compressed data are damaged");
		from = wof->out;
	}
	wof->chunk++;
	wof->at += wof->in_n;
	wof->in_n = 0;
	return wof->sink(wof->user, from, n, err);
}

enum kith_status wof_push(void *user, const uint8_t *data, size_t n, struct kith_err *err)
{
	struct wof *wof = user;
	enum kith_status st = KITH_OK;
	size_t now = wof->table_n - wof->table_got < n ? wof->table_n - wof->table_got : n;

	memcpy(wof->table + wof->table_got, data, now);
	wof->table_got += now;
	data += now;
	n -= now;
	while (st == KITH_OK && n > 0 && wof->chunk < wof->n_chunks) {
		bool last = wof->chunk + 1 == wof->n_chunks;
		uint64_t end = last ? 0 : chunk_end(wof), want;

		/* The last one ends with the stream. */
		if (!last && (end <= wof->at || end - wof->at > wof->chunk_bytes))
			return kith_fail(err, KITH_E_CORRUPT, "its table of chunks is damaged");
		want = (last ? wof->chunk_bytes : end - wof->at) - wof->in_n;
		if (want == 0)
			return kith_fail(err, KITH_E_CORRUPT, "more data than its chunks have");
		now = want < n ? (size_t)want : n;
		memcpy(wof->in + wof->in_n, data, now);
		wof->in_n += now;
		data += now;
		n -= now;
		if (!last && now == want)
			st = decode(wof, err);
	}
	return st;
}

enum kith_status wof_end(struct wof *wof, struct kith_err *err)
{
	enum kith_status st = KITH_OK;

	if (wof->chunk + 1 == wof->n_chunks && wof->table_got == wof->table_n)
		st = decode(wof, err);
	if (st == KITH_OK && wof->chunk != wof->n_chunks)
		st = kith_fail(err, KITH_E_CORRUPT, "it ends too early");
	return st;
}
