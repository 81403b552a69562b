/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wim_codec.c: the resources of a WIM. Of libwim only its decompressors are used: it can open
 * images by path only, and has no way to read a file but to write it out.
 *
 * A compressed resource is a table and chunks: of n chunks n - 1 offsets of 4 bytes (8 beyond
 * 4 GiB), counted from behind the table. A solid one begins with 16 bytes (its uncompressed bytes,
 * chunk size, method) and has n sizes of 4 bytes. A chunk as large as its content is stored.
 */
#include <stdlib.h>
#include <string.h>

#include <wimlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "containers/wim.h"

#define CHUNK_MAX  ((uint32_t)128 << 20) /* the largest that Windows makes is 64 MiB */
#define COPY_BYTES ((size_t)256 << 10)   /* of what is stored, at a time */
#define WINDOW     1024u                 /* table entries that are kept */
#define SOLID_HEAD 16u
#define SLOTS      2u /* decompressors that are kept: of the WIM, and of WOF in it */

struct slot {
	enum wim_method method;
	uint32_t chunk_bytes;
	struct wimlib_decompressor *d;
};

struct wim_codec {
	struct slot slots[SLOTS];
	unsigned next_slot;
	uint8_t *in, *out; /* chunk_cap each */
	uint32_t chunk_cap;
	/* The chunk in `out`, or that failed. */
	struct wim_resource resource;
	uint64_t chunk;
	bool have, failed;
	/* Bounds of chunks: of those from window_first on, n + 1 offsets in the part. Of a solid
	 * resource the window has to move on in order; going back begins at 0. */
	struct wim_resource window_of;
	uint64_t window_first, window[WINDOW + 1];
	size_t window_n;
};

static enum wimlib_compression_type type_of(enum wim_method method)
{
	switch (method) {
	case WIM_XPRESS: return WIMLIB_COMPRESSION_TYPE_XPRESS;
	case WIM_LZX: return WIMLIB_COMPRESSION_TYPE_LZX;
	case WIM_LZMS: return WIMLIB_COMPRESSION_TYPE_LZMS;
	case WIM_STORED:
	case WIM_METHODS:
	default: return WIMLIB_COMPRESSION_TYPE_NONE;
	}
}

enum kith_status wim_codec_prepare(struct kith_err *err)
{
	static const enum wim_method methods[] = {WIM_XPRESS, WIM_LZX, WIM_LZMS};
	size_t i;

	for (i = 0; i < sizeof methods / sizeof methods[0]; i++) {
		struct wimlib_decompressor *d = NULL;
		const uint8_t in[4] = {0};
		uint8_t out[64];

		if (wimlib_create_decompressor(type_of(methods[i]), 32768, &d) != 0)
			return kith_fail(err, KITH_E_UNSUPPORTED, "libwim lacks a method");
		(void)wimlib_decompress(in, sizeof in, out, sizeof out, d);
		wimlib_free_decompressor(d);
	}
	return KITH_OK;
}

enum kith_status wim_codec_new(struct wim_codec **ret, struct kith_err *err)
{
	*ret = calloc(1, sizeof **ret);
	return *ret == NULL ? kith_fail_nomem(err) : KITH_OK;
}

void wim_codec_free(struct wim_codec *codec)
{
	size_t i;

	if (codec == NULL)
		return;
	for (i = 0; i < SLOTS; i++)
		wimlib_free_decompressor(codec->slots[i].d);
	free(codec->in);
	free(codec->out);
	free(codec);
}

bool wim_codec_chunk(struct wim_codec *codec, enum wim_method method, uint32_t chunk_bytes,
		     const uint8_t *in, size_t in_n, uint8_t *out, size_t out_n)
{
	struct slot *slot = NULL;
	unsigned i;

	for (i = 0; i < SLOTS; i++)
		if (codec->slots[i].d != NULL && codec->slots[i].method == method &&
		    codec->slots[i].chunk_bytes == chunk_bytes)
			slot = &codec->slots[i];
	if (slot == NULL) {
		slot = &codec->slots[codec->next_slot];
		codec->next_slot = (codec->next_slot + 1) % SLOTS;
		wimlib_free_decompressor(slot->d);
		slot->d = NULL;
		if (wimlib_create_decompressor(type_of(method), chunk_bytes, &slot->d) != 0)
			return false;
		slot->method = method;
		slot->chunk_bytes = chunk_bytes;
	}
	return wimlib_decompress(in, in_n, out, out_n, slot->d) == 0;
}

static enum kith_status set_chunk_bytes(struct wim_codec *codec, uint32_t n, struct kith_err *err)
{
	if (n == 0 || (n & (n - 1)) != 0)
		return kith_fail(err, KITH_E_CORRUPT, "its chunk size is no power of 2");
	if (n > CHUNK_MAX)
		return kith_fail(err, KITH_E_LIMIT, "over a limit: chunks of %u bytes", n);
	if (n <= codec->chunk_cap)
		return KITH_OK;
	free(codec->in);
	free(codec->out);
	codec->have = codec->failed = false;
	codec->chunk_cap = 0;
	codec->in = malloc(n);
	codec->out = malloc(n);
	if (codec->in == NULL || codec->out == NULL)
		return kith_fail_nomem(err);
	codec->chunk_cap = n;
	return KITH_OK;
}

enum kith_status wim_resource_solid(struct wim_resource *resource, struct kith_err *err)
{
	static const enum wim_method methods[] = {WIM_STORED, WIM_XPRESS, WIM_LZX, WIM_LZMS};
	uint8_t head[SOLID_HEAD];
	uint32_t method;
	enum kith_status st;

	if (resource->stored_bytes < sizeof head)
		return kith_fail(err, KITH_E_CORRUPT, "a solid resource without a head");
	st = kith_blob_read(resource->part, resource->offset, head, sizeof head, err);
	if (st < 0)
		return st;
	method = kith_get_le32(head + 12);
	resource->bytes = kith_get_le64(head);
	resource->chunk_bytes = kith_get_le32(head + 8);
	if (method == 0 || method >= sizeof methods / sizeof methods[0])
		return kith_fail(err, KITH_E_UNSUPPORTED, "compression method %u", method);
	resource->method = methods[method];
	return KITH_OK;
}

/* A hostile table may have two at one place. */
static bool is_same(const struct wim_resource *a, const struct wim_resource *b)
{
	return a->part == b->part && a->offset == b->offset && a->stored_bytes == b->stored_bytes &&
	       a->bytes == b->bytes && a->method == b->method && a->chunk_bytes == b->chunk_bytes &&
	       a->solid == b->solid;
}

/* Loads the bounds of the chunk and of those behind it. */
static enum kith_status load_window(struct wim_codec *codec, const struct wim_resource *r,
				    uint64_t chunk, struct kith_err *err)
{
	uint64_t n_chunks = (r->bytes - 1) / r->chunk_bytes + 1;
	size_t width = r->solid || r->bytes <= UINT32_MAX ? 4 : 8;
	uint64_t head = r->solid ? SOLID_HEAD : 0;
	uint64_t entries = r->solid ? n_chunks : n_chunks - 1;
	uint64_t table = head + entries * width, first, at, end = r->offset + r->stored_bytes;
	uint8_t raw[(WINDOW + 1) * 8];
	size_t n, i;
	enum kith_status st;

	/* A product of less than 2^61 chunks; but the table lies in the resource. */
	if (n_chunks > r->stored_bytes || table > r->stored_bytes)
		return kith_fail(err, KITH_E_CORRUPT, "a table of chunks beyond its resource");
	if (!is_same(&codec->window_of, r) || codec->window_n == 0 || chunk < codec->window_first) {
		codec->window_n = 0;
		first = r->solid ? 0 : chunk;
	} else if (chunk < codec->window_first + codec->window_n) {
		return KITH_OK;
	} else {
		first = r->solid ? codec->window_first + codec->window_n : chunk;
	}
	at = codec->window_n == 0 ? r->offset + table : codec->window[codec->window_n];
	codec->window_of = *r;
	for (;;) {
		codec->window_n = 0;
		codec->window_first = first;
		n = n_chunks - first < WINDOW ? (size_t)(n_chunks - first) : WINDOW;
		if (r->solid) {
			st = kith_blob_read(r->part, r->offset + head + first * 4, raw, n * 4, err);
			if (st < 0)
				return st;
			for (i = 0; i < n; i++) {
				codec->window[i] = at;
				at += kith_get_le32(raw + 4 * i);
			}
			codec->window[n] = at;
		} else {
			/* Entry i is the offset of chunk i + 1. */
			size_t from = first == 0 ? 1 : 0;
			uint64_t last = first + n < n_chunks ? first + n + 1 : n_chunks;

			codec->window[0] = r->offset + table;
			st = kith_blob_read(r->part, r->offset + (first + from - 1) * width, raw,
					    (size_t)(last - first - from) * width, err);
			if (st < 0)
				return st;
			for (i = from; i < last - first; i++) {
				const uint8_t *p = raw + (i - from) * width;
				uint64_t v = width == 4 ? kith_get_le32(p) : kith_get_le64(p);

				if (v > r->stored_bytes)
					v = r->stored_bytes; /* refused below */
				codec->window[i] = r->offset + table + v;
			}
			if (first + n == n_chunks)
				codec->window[n] = end;
		}
		codec->window_n = n;
		if (chunk < first + n)
			return KITH_OK;
		first += n;
	}
}

static enum kith_status decode_chunk(struct wim_codec *codec, const struct wim_resource *r,
				     uint64_t chunk, size_t bytes, struct kith_err *err)
{
	uint64_t at, stored;
	enum kith_status st;

	if (is_same(&codec->resource, r) && codec->chunk == chunk) {
		if (codec->have)
			return KITH_OK;
		if (codec->failed)
			return kith_fail(err, KITH_E_CORRUPT, "its compressed data are damaged");
	}
	codec->resource = *r;
	codec->chunk = chunk;
	codec->have = false;
	codec->failed = true;
	st = load_window(codec, r, chunk, err);
	if (st < 0)
		return st;
	at = codec->window[chunk - codec->window_first];
	stored = codec->window[chunk - codec->window_first + 1];
	if (stored <= at || stored - at > bytes || stored > r->offset + r->stored_bytes)
		return kith_fail(err, KITH_E_CORRUPT, "a chunk beyond its resource");
	stored -= at;
	st = kith_blob_read(r->part, at, stored == bytes ? codec->out : codec->in, (size_t)stored,
			    err);
	if (st < 0)
		return st;
	if (stored < bytes && !wim_codec_chunk(codec, r->method, r->chunk_bytes, codec->in,
					       (size_t)stored, codec->out, bytes))
		return kith_fail(err, KITH_E_CORRUPT, "its compressed data are damaged");
	codec->have = true;
	codec->failed = false;
	return KITH_OK;
}

static enum kith_status read_stored(struct wim_codec *codec, const struct wim_resource *r,
				    uint64_t from, uint64_t n, wim_sink_fn sink, void *user,
				    struct kith_err *err)
{
	enum kith_status st = set_chunk_bytes(codec, COPY_BYTES, err);

	codec->have = codec->failed = false;
	while (st == KITH_OK && n > 0) {
		size_t now = n < COPY_BYTES ? (size_t)n : COPY_BYTES;

		st = kith_blob_read(r->part, r->offset + from, codec->out, now, err);
		if (st == KITH_OK)
			st = sink(user, codec->out, now, err);
		from += now;
		n -= now;
	}
	return st;
}

enum kith_status wim_codec_read(struct wim_codec *codec, const struct wim_resource *r,
				uint64_t from, uint64_t n, wim_sink_fn sink, void *user,
				struct kith_err *err)
{
	enum kith_status st = KITH_OK;

	if (r->offset > r->part->size || r->stored_bytes > r->part->size - r->offset)
		return kith_fail(err, KITH_E_CORRUPT, "it lies beyond the end of the file");
	if (from > r->bytes || n > r->bytes - from ||
	    (r->method == WIM_STORED && r->bytes != r->stored_bytes))
		return kith_fail(err, KITH_E_CORRUPT, "it lies beyond its resource");
	if (r->method == WIM_STORED)
		return read_stored(codec, r, from, n, sink, user, err);
	st = set_chunk_bytes(codec, r->chunk_bytes, err);
	while (st == KITH_OK && n > 0) {
		uint64_t chunk = from / r->chunk_bytes, start = chunk * r->chunk_bytes;
		size_t bytes =
		    r->bytes - start < r->chunk_bytes ? (size_t)(r->bytes - start) : r->chunk_bytes;
		size_t in = (size_t)(from - start), now = bytes - in < n ? bytes - in : (size_t)n;

		st = decode_chunk(codec, r, chunk, bytes, err);
		if (st == KITH_OK)
			st = sink(user, codec->out + in, now, err);
		from += now;
		n -= now;
	}
	return st;
}

struct copy {
	uint8_t *to;
};

static enum kith_status copy_out(void *user, const uint8_t *data, size_t n, struct kith_err *err)
{
	struct copy *copy = user;

	(void)err;
	memcpy(copy->to, data, n);
	copy->to += n;
	return KITH_OK;
}

enum kith_status wim_codec_read_all(struct wim_codec *codec, const struct wim_resource *resource,
				    uint64_t from, void *buf, size_t n, struct kith_err *err)
{
	struct copy copy = {buf};

	return wim_codec_read(codec, resource, from, n, copy_out, &copy, err);
}
