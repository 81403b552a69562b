/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wim.c: Windows images (WIM), also with solid resources (ESD) and split (SWM).
 *
 * Order of work: header; the other parts of a split image, which are siblings; all tables of blobs;
 * the XML; the names of all images; then each content, once.
 */
#include "containers/wim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"
#include "containers/parts.h"
#include "hash/sums.h"

#define HEADER 208u

#define FLAG_COMPRESSED 0x00000002u
#define FLAG_WRITING    0x00000040u
#define FLAG_XPRESS     0x00020000u
#define FLAG_LZX        0x00040000u
#define FLAG_LZMS       0x00080000u
#define FLAG_XPRESS2    0x00200000u

#define RESOURCE_COMPRESSED 0x04u
#define RESOURCE_SOLID      0x10u

/* The names of one image: Windows Server 2022 has some 40 MB. */
#define METADATA_MAX ((uint64_t)256 << 20)

static struct sum_methods *sum_methods;
static struct sums *sums;

/* ---------------------------------------------------------------------- parts */

/* An entry of the header, or of the table: 7 bytes of size, flags, offset, uncompressed size. */
static void get_resource(const struct wim_part *part, const uint8_t *p, struct wim_resource *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->part = part->blob;
	ret->stored_bytes = kith_get_le64(p) & UINT64_C(0xffffffffffffff);
	ret->offset = kith_get_le64(p + 8);
	ret->bytes = kith_get_le64(p + 16);
	ret->method = p[7] & RESOURCE_COMPRESSED ? part->method : WIM_STORED;
	ret->chunk_bytes = part->chunk_bytes;
	ret->solid = (p[7] & RESOURCE_SOLID) != 0;
}

static enum kith_status read_header(struct wim_part *part, const struct kith_blob *blob,
				    struct kith_err *err)
{
	uint8_t h[HEADER];
	enum kith_status st;

	memset(part, 0, sizeof *part);
	part->blob = blob;
	st = kith_blob_read(blob, 0, h, sizeof h, err);
	if (st < 0)
		return st;
	if (memcmp(h, "WLPWM\0\0\0", 8) == 0)
		return kith_fail(err, KITH_E_UNSUPPORTED,
				 "a WIM of wimlib's own kind, made for pipes");
	if (memcmp(h, "MSWIM\0\0\0", 8) != 0)
		return kith_fail(err, KITH_E_CORRUPT, "it is no WIM");
	part->flags = kith_get_le32(h + 16);
	part->chunk_bytes = kith_get_le32(h + 20);
	if (part->chunk_bytes == 0)
		part->chunk_bytes = 32768;
	if (part->flags & FLAG_COMPRESSED) {
		if (part->flags & FLAG_LZX)
			part->method = WIM_LZX;
		else if (part->flags & (FLAG_XPRESS | FLAG_XPRESS2))
			part->method = WIM_XPRESS;
		else if (part->flags & FLAG_LZMS)
			part->method = WIM_LZMS;
		else
			return kith_fail(err, KITH_E_UNSUPPORTED,
					 "an unknown compression, flags %x", part->flags);
	}
	memcpy(part->guid, h + 24, sizeof part->guid);
	part->number = kith_get_le16(h + 40);
	part->of = kith_get_le16(h + 42);
	part->n_images = kith_get_le32(h + 44);
	get_resource(part, h + 48, &part->table);
	get_resource(part, h + 72, &part->xml);
	return KITH_OK;
}

/* The name of part `number` of a set whose part `own` is called `name`: install.swm, install2.swm.
 * False: it has no name that one could be derived from. */
static bool part_name(const uint8_t *name, size_t n, unsigned own, unsigned number, char *ret,
		      size_t ret_size)
{
	char digits[12];
	size_t base = 0, dot, i, m;
	int made;

	for (i = 0; i < n; i++)
		if (name[i] == '/')
			base = i + 1;
	for (dot = n; dot > base && name[dot - 1] != '.'; dot--)
		;
	dot = dot > base ? dot - 1 : n;
	m = dot - base;
	(void)snprintf(digits, sizeof digits, "%u", own);
	if (own > 1) { /* take its number off */
		if (m <= strlen(digits) ||
		    memcmp(name + dot - strlen(digits), digits, strlen(digits)) != 0)
			return false;
		m -= strlen(digits);
	}
	(void)snprintf(digits, sizeof digits, "%u", number);
	if (n > INT16_MAX || memchr(name + base, '\0', n - base) != NULL)
		return false;
	made = snprintf(ret, ret_size, "%.*s%s%.*s", (int)m, (const char *)name + base,
			number > 1 ? digits : "", (int)(n - dot), (const char *)name + dot);
	return made > 0 && (size_t)made < ret_size;
}

/* A part that is not the first is read with that. */
static enum kith_status read_later_part(struct wim *wim, const struct wim_part *part)
{
	const struct kith_container_in *in = wim->in;
	const struct kith_blob *blob = NULL;
	struct wim_part first;
	char name[1024];
	enum kith_status st = KITH_NOT_FOUND;

	if (part_name(in->name, in->name_n, part->number, 1, name, sizeof name))
		st = kith_emit_sibling(in->emit, name, &blob, wim->err);
	if (st < 0)
		return st;
	if (st == KITH_OK && read_header(&first, blob, NULL) == KITH_OK && first.number == 1 &&
	    memcmp(first.guid, part->guid, sizeof first.guid) == 0)
		return kith_note_later_part(in, "image", blob, wim->err);
	return kith_emit_note(in->emit, KITH_LEDGER_FAILED,
			      "a part of a split image whose first part is missing", in->name,
			      in->name_n, wim->err);
}

static enum kith_status add_part(struct wim *wim, unsigned number)
{
	const struct wim_part *first = &wim->parts[0];
	struct wim_part *part = &wim->parts[wim->n_parts];
	const struct kith_blob *blob = NULL;
	const char *reason = "a part of the split image is missing";
	char name[1024];
	enum kith_status st = KITH_NOT_FOUND;

	if (part_name(wim->in->name, wim->in->name_n, 1, number, name, sizeof name))
		st = kith_emit_sibling(wim->in->emit, name, &blob, wim->err);
	else
		(void)snprintf(name, sizeof name, "part %u", number);
	if (st < 0 && st != KITH_E_LIMIT) /* the images are read as far as the parts reach */
		return st;
	if (st == KITH_E_LIMIT)
		reason = "over a limit: parts of a split image";
	if (st == KITH_OK) {
		reason = "a part of the split image is of another one, or damaged";
		if (read_header(part, blob, NULL) == KITH_OK && part->number == number &&
		    part->of == first->of &&
		    memcmp(part->guid, first->guid, sizeof part->guid) == 0) {
			wim->n_parts++;
			return KITH_OK;
		}
	}
	wim->incomplete = true;
	return kith_emit_note(wim->in->emit, KITH_LEDGER_FAILED, reason, name, strlen(name),
			      wim->err);
}

/* ------------------------------------------------------------------------- images */

static enum kith_status read_xml(struct wim *wim)
{
	const struct wim_resource *xml = &wim->parts[0].xml;
	const struct kith_container_in *in = wim->in;
	struct kith_err why = {0};
	uint8_t *data;
	enum kith_status st;

	if (xml->bytes == 0)
		return KITH_OK;
	if (xml->bytes > KITH_LIMIT_METADATA)
		return kith_emit_note(in->emit, KITH_LEDGER_FAILED, "over a limit: XML", NULL, 0,
				      wim->err);
	data = malloc((size_t)xml->bytes);
	if (data == NULL)
		return kith_fail_nomem(wim->err);
	st = wim_codec_read_all(wim->codec, xml, 0, data, (size_t)xml->bytes, &why);
	if (st < 0)
		st = kith_emit_note(in->emit, KITH_LEDGER_FAILED, "its XML cannot be read", why.msg,
				    strlen(why.msg), wim->err);
	else
		st = wim_xml(in->emit, data, (size_t)xml->bytes, &wim->encrypted, wim->err);
	free(data);
	if (st >= 0 && wim->encrypted)
		st = kith_emit_note(in->emit, KITH_LEDGER_FAILED, "encrypted", in->name, in->name_n,
				    wim->err);
	return st;
}

/* Names whose SHA-1 is not the right one are used all the same: contents have one of their own. */
static enum kith_status check_metadata(struct wim *wim, const struct wim_blob *blob,
				       const uint8_t *data, unsigned image)
{
	struct kith_digests digests;
	char example[32];
	int n;

	sums_begin(wim->sums);
	sums_add(wim->sums, data, (size_t)blob->bytes);
	if (sums_end(wim->sums, &digests) &&
	    memcmp(digests.sha1, blob->sha1, sizeof blob->sha1) == 0)
		return KITH_OK;
	n = snprintf(example, sizeof example, "image %u", image);
	return kith_emit_note(wim->in->emit, KITH_LEDGER_MARKED,
			      "the names of an image do not have the SHA-1 of the table", example,
			      (size_t)n, wim->err);
}

/* The names of an image. Damage of one image is a note. */
static enum kith_status read_image(struct wim *wim, unsigned image)
{
	const struct wim_blob *blob = &wim->blobs[wim->images[image - 1]];
	struct wim_resource resource;
	struct kith_err why = {0};
	uint8_t *data = NULL;
	uint64_t from;
	char example[sizeof why.msg + 32];
	enum kith_status st;

	st = wim_blob_resource(wim, blob, &resource, &from);
	if (st < 0)
		(void)kith_fail(&why, st, "its resource cannot be read");
	else if (blob->bytes > METADATA_MAX)
		st = kith_fail(&why, KITH_E_LIMIT, "over a limit: its metadata");
	if (st >= 0) {
		data = malloc((size_t)blob->bytes + 1);
		if (data == NULL)
			return kith_fail_nomem(wim->err);
		st = wim_codec_read_all(wim->codec, &resource, from, data, (size_t)blob->bytes,
					&why);
	}
	if (st < 0) {
		int n = snprintf(example, sizeof example, "image %u: %s", image, why.msg);

		st = kith_emit_note(wim->in->emit, KITH_LEDGER_FAILED,
				    wim->encrypted ? "the names of an image are encrypted"
						   : "the names of an image cannot be read",
				    example, (size_t)n, wim->err);
	} else {
		st = check_metadata(wim, blob, data, image);
		if (st >= 0)
			st = wim_tree_read(wim, image, data, (size_t)blob->bytes);
	}
	free(data);
	return st;
}

static enum kith_status read_parts(struct wim *wim)
{
	const struct wim_part *first = &wim->parts[0];
	/* cppcheck-suppress unreadVariable */
	struct kith_err why = {0};
	unsigned i;
	size_t part;
	enum kith_status st = KITH_OK;

	for (i = 2; i <= first->of && st >= 0; i++)
		st = add_part(wim, i);
	for (part = 0; part < wim->n_parts && st >= 0; part++) {
		st = wim_table_read(wim, part);
		if (st < 0 && st != KITH_E_NOMEM && part > 0) { /* the other parts are kept */
			why = *wim->err;
			wim->incomplete = true;
			st = kith_emit_note(wim->in->emit, KITH_LEDGER_FAILED,
					    "a part of the split image is damaged", why.msg,
					    strlen(why.msg), wim->err);
		}
	}
	return st < 0 ? st : wim_table_done(wim);
}

static enum kith_status read_wim(struct wim *wim)
{
	const struct kith_container_in *in = wim->in;
	struct wim_part first;
	unsigned i;
	enum kith_status st;

	st = read_header(&first, in->blob, wim->err);
	if (st < 0)
		return st;
	if (first.number > 1)
		return read_later_part(wim, &first);
	if (first.of > WIM_PARTS_MAX)
		return kith_fail(wim->err, KITH_E_LIMIT, "over a limit: %u parts", first.of);
	wim->parts = calloc(first.of == 0 ? 1 : first.of, sizeof *wim->parts);
	if (wim->parts == NULL)
		return kith_fail_nomem(wim->err);
	wim->parts[0] = first;
	wim->n_parts = 1;
	if (first.flags & FLAG_WRITING)
		st = kith_emit_note(in->emit, KITH_LEDGER_MARKED,
				    "marked as being written: it may be unfinished", in->name,
				    in->name_n, wim->err);
	if (st >= 0)
		st = read_xml(wim);
	if (st >= 0)
		st = read_parts(wim);
	if (st >= 0 && wim->n_images < first.n_images)
		st = kith_emit_note(in->emit, KITH_LEDGER_FAILED, "an image has no metadata",
				    in->name, in->name_n, wim->err);
	for (i = 1; i <= wim->n_images && st >= 0; i++)
		st = read_image(wim, i);
	if (st >= 0)
		st =
		    kith_update_look(&wim->update, in->emit, in->name, in->name_n, false, wim->err);
	if (st >= 0)
		st = wim_emit_blobs(wim);
	if (st >= 0)
		st = kith_update_tell(&wim->update, in->emit, wim->err);
	return st;
}

static enum kith_status prepare(struct kith_err *err)
{
	if (sum_methods == NULL)
		sum_methods = sum_methods_new(SUM_SHA1);
	if (sum_methods != NULL && sums == NULL)
		sums = sums_new(sum_methods);
	if (sums == NULL)
		return kith_fail(err, KITH_E_UNSUPPORTED, "libcrypto lacks SHA-1");
	return wim_codec_prepare(err);
}

static enum kith_status walk(const struct kith_container_in *in, struct kith_err *err)
{
	struct kith_err own = {0}; /* read here, so it must be there */
	struct wim wim = {.in = in, .err = err == NULL ? &own : err, .sums = sums};
	enum kith_status st;

	if (sums == NULL)
		return kith_fail(err, KITH_E_ARG, "not prepared");
	st = wim_codec_new(&wim.codec, wim.err);
	if (st >= 0)
		st = read_wim(&wim);
	wim_codec_free(wim.codec);
	free(wim.parts);
	free(wim.solids);
	free(wim.blobs);
	free(wim.images);
	free(wim.keys);
	free(wim.nodes);
	free(wim.records);
	free(wim.wofs);
	kith_buf_done(&wim.names);
	kith_buf_done(&wim.path);
	kith_buf_done(&wim.leader);
	return st;
}

const struct kith_container_ops kith_container_wim = {
    .id = "wim", .prepare = prepare, .walk = walk};
