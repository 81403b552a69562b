/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wim_table.c: the table of blobs. An entry has 50 bytes: where the blob lies (24 bytes, as in the
 * header), the number of its part, how many names it has, its SHA-1.
 *
 * Entries with the flag SOLID come in runs. In a run those whose size is 2^32 are the solid
 * resources; to the others these are as if they lay one behind the other: their offset is in that,
 * uncompressed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"
#include "containers/wim.h"

#define ENTRY         50u
#define ENTRIES_READ  1024u
#define FLAG_FREE     0x01u
#define FLAG_METADATA 0x02u
#define FLAG_PACKED   0x04u /* compressed */
#define FLAG_SOLID    0x10u
#define SOLID_MARK    (UINT64_C(1) << 32)
#define IMAGES_MAX    1024u

struct wim_key {
	uint8_t sha1[KITH_SHA1_SIZE];
	uint32_t blob;
};

struct raw_entry {
	uint64_t stored, offset, bytes;
	uint8_t flags;
};

/* The arrays while they grow; wim has their beginnings and sizes. */
struct table {
	struct wim *wim;
	size_t part;
	size_t cap_blobs, cap_solids;
	size_t run_blob, run_solid; /* where the run of solid entries began */
	bool in_run;
};

bool wim_grow(void **array, size_t *cap, size_t n, size_t size)
{
	size_t more, bytes;
	void *p;

	if (n < *cap)
		return true;
	more = *cap == 0 ? 256 : *cap * 2;
	if (!kith_mul_size(more, size, &bytes))
		return false;
	p = realloc(*array, bytes);
	if (p == NULL)
		return false;
	*array = p;
	*cap = more;
	return true;
}

static struct raw_entry parse(const uint8_t *p)
{
	return (struct raw_entry){.stored = kith_get_le64(p) & UINT64_C(0xffffffffffffff),
				  .flags = p[7],
				  .offset = kith_get_le64(p + 8),
				  .bytes = kith_get_le64(p + 16)};
}

static enum kith_status add_solid(struct table *table, const struct raw_entry *e)
{
	struct wim *wim = table->wim;
	void *array = wim->solids;
	struct wim_solid *solid;
	struct kith_err why = {0};
	bool ok = wim_grow(&array, &table->cap_solids, wim->n_solids, sizeof *wim->solids);

	wim->solids = array;
	if (!ok)
		return kith_fail_nomem(wim->err);
	solid = &wim->solids[wim->n_solids];
	memset(solid, 0, sizeof *solid);
	solid->part = (uint16_t)table->part;
	solid->resource.part = wim->parts[table->part].blob;
	solid->resource.offset = e->offset;
	solid->resource.stored_bytes = e->stored;
	solid->resource.solid = true;
	solid->st = wim_resource_solid(&solid->resource, &why);
	if (solid->st == KITH_E_NOMEM)
		return kith_fail_nomem(wim->err);
	if (wim->n_solids > table->run_solid) {
		const struct wim_solid *before = solid - 1;

		if (__builtin_add_overflow(before->run_start, before->resource.bytes,
					   &solid->run_start))
			solid->st = KITH_E_CORRUPT;
	}
	wim->n_solids++;
	if (solid->st < 0)
		return kith_emit_note(wim->in->emit, KITH_LEDGER_FAILED,
				      "a solid resource cannot be read", why.msg, strlen(why.msg),
				      wim->err);
	return KITH_OK;
}

static enum kith_status add_blob(struct table *table, const struct raw_entry *e,
				 const uint8_t *sha1)
{
	struct wim *wim = table->wim;
	void *array = wim->blobs;
	struct wim_blob *blob;
	bool ok;

	if (wim->n_blobs >= KITH_LIMIT_ENTRIES)
		return kith_fail(wim->err, KITH_E_LIMIT, "over a limit: entries of its table");
	ok = wim_grow(&array, &table->cap_blobs, wim->n_blobs, sizeof *wim->blobs);
	wim->blobs = array;
	if (!ok)
		return kith_fail_nomem(wim->err);
	blob = &wim->blobs[wim->n_blobs++];
	memset(blob, 0, sizeof *blob);
	memcpy(blob->sha1, sha1, sizeof blob->sha1);
	blob->part = (uint16_t)table->part;
	blob->compressed = (e->flags & FLAG_PACKED) != 0;
	blob->solid = WIM_NONE;
	blob->offset = e->offset;
	blob->stored_bytes = e->stored;
	/* Of a blob in a solid resource, these are its bytes. */
	blob->bytes = e->flags & FLAG_SOLID ? e->stored : e->bytes;
	blob->first = blob->last = blob->wofs = WIM_NONE;
	return KITH_OK;
}

/* Gives the blobs of the run that ended their solid resources. */
static void end_run(struct table *table)
{
	struct wim *wim = table->wim;
	size_t i;

	for (i = table->run_blob; table->in_run && i < wim->n_blobs; i++) {
		struct wim_blob *blob = &wim->blobs[i];
		size_t low = table->run_solid, high = wim->n_solids;

		while (high - low > 1) { /* the last that begins at or before it */
			size_t middle = low + (high - low) / 2;

			if (wim->solids[middle].run_start <= blob->offset)
				low = middle;
			else
				high = middle;
		}
		if (low < high) {
			blob->solid = (uint32_t)low;
			blob->offset -= wim->solids[low].run_start;
		} else {
			blob->bytes = UINT64_MAX; /* lies nowhere: it will not be readable */
		}
	}
	table->in_run = false;
}

static enum kith_status add_image(struct wim *wim)
{
	uint32_t *images;

	if (wim->n_images == IMAGES_MAX)
		return kith_fail(wim->err, KITH_E_LIMIT, "over a limit: images");
	images = realloc(wim->images, (wim->n_images + 1) * sizeof *images);
	if (images == NULL)
		return kith_fail_nomem(wim->err);
	wim->images = images;
	wim->images[wim->n_images++] = (uint32_t)(wim->n_blobs - 1);
	return KITH_OK;
}

static enum kith_status add_entry(struct table *table, const uint8_t *p)
{
	struct raw_entry e = parse(p);
	enum kith_status st;

	if (e.flags & FLAG_FREE)
		return KITH_OK;
	if ((e.flags & FLAG_SOLID) == 0) {
		end_run(table);
	} else if (!table->in_run) {
		table->in_run = true;
		table->run_blob = table->wim->n_blobs;
		table->run_solid = table->wim->n_solids;
	}
	if ((e.flags & FLAG_SOLID) && e.bytes == SOLID_MARK)
		return add_solid(table, &e);
	st = add_blob(table, &e, p + 30);
	if (st >= 0 && (e.flags & FLAG_METADATA)) {
		/* Metadata lie at blobs[images[i]]; no name refers to them. */
		table->wim->blobs[table->wim->n_blobs - 1].used = true;
		st = add_image(table->wim);
	}
	return st;
}

enum kith_status wim_table_read(struct wim *wim, size_t part)
{
	const struct wim_resource *resource = &wim->parts[part].table;
	struct table table = {.wim = wim,
			      .part = part,
			      .cap_blobs = wim->n_blobs,
			      .cap_solids = wim->n_solids,
			      .run_blob = wim->n_blobs,
			      .run_solid = wim->n_solids};
	uint8_t raw[ENTRIES_READ * ENTRY];
	uint64_t at, left = resource->bytes / ENTRY;
	enum kith_status st = KITH_OK;
	size_t i, now;

	if (resource->bytes % ENTRY != 0)
		return kith_fail(wim->err, KITH_E_CORRUPT,
				 "its table of blobs has no whole entries");
	for (at = 0; left > 0 && st >= 0; left -= now, at += now * ENTRY) {
		now = left < ENTRIES_READ ? (size_t)left : ENTRIES_READ;
		st = wim_codec_read_all(wim->codec, resource, at, raw, now * ENTRY, wim->err);
		if (st < 0)
			kith_err_context(wim->err, "the table of blobs");
		for (i = 0; i < now && st >= 0; i++)
			st = add_entry(&table, raw + i * ENTRY);
	}
	end_run(&table);
	return st;
}

/* --------------------------------------------------------------------- order */

static int compare_keys(const void *a, const void *b)
{
	const struct wim_key *x = a, *y = b;
	int c = memcmp(x->sha1, y->sha1, sizeof x->sha1);

	return c != 0 ? c : x->blob < y->blob ? -1 : x->blob > y->blob;
}

enum kith_status wim_table_done(struct wim *wim)
{
	size_t i;

	wim->keys = calloc(wim->n_blobs + 1, sizeof *wim->keys);
	if (wim->keys == NULL)
		return kith_fail_nomem(wim->err);
	for (i = 0; i < wim->n_blobs; i++) {
		memcpy(wim->keys[i].sha1, wim->blobs[i].sha1, sizeof wim->keys[i].sha1);
		wim->keys[i].blob = (uint32_t)i;
	}
	qsort(wim->keys, wim->n_blobs, sizeof wim->keys[0], compare_keys);
	return KITH_OK;
}

uint32_t wim_table_find(const struct wim *wim, const uint8_t *sha1)
{
	size_t low = 0, high = wim->n_blobs;

	while (low < high) { /* the first of equal ones: a later copy adds nothing */
		size_t middle = low + (high - low) / 2;

		if (memcmp(wim->keys[middle].sha1, sha1, KITH_SHA1_SIZE) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == wim->n_blobs || memcmp(wim->keys[low].sha1, sha1, KITH_SHA1_SIZE) != 0)
		return WIM_NONE;
	return wim->keys[low].blob;
}

enum kith_status wim_blob_resource(const struct wim *wim, const struct wim_blob *blob,
				   struct wim_resource *ret, uint64_t *ret_from)
{
	const struct wim_part *part = &wim->parts[blob->part];

	if (blob->solid != WIM_NONE) {
		*ret = wim->solids[blob->solid].resource;
		*ret_from = blob->offset;
		return wim->solids[blob->solid].st;
	}
	memset(ret, 0, sizeof *ret);
	ret->part = part->blob;
	ret->offset = blob->offset;
	ret->stored_bytes = blob->stored_bytes;
	ret->bytes = blob->bytes;
	ret->method = blob->compressed ? part->method : WIM_STORED;
	ret->chunk_bytes = part->chunk_bytes;
	*ret_from = 0;
	if (blob->compressed && part->method == WIM_STORED)
		return KITH_E_CORRUPT;
	return KITH_OK;
}
