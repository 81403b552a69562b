/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wim_emit.c: contents in the order in which they lie in the file, so that each chunk is decoded
 * once, each under all its names.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "containers/wim.h"
#include "hash/sums.h"

#define REPARSE_MAX  64u                 /* of WOF's reparse data; the versions so far have 24 */
#define STREAM_AGAIN ((uint64_t)1 << 20) /* a link cannot say that it is a stream */

struct place {
	uint64_t resource, offset;
	uint32_t part, blob;
};

/* Between the decoder and the emitter. */
struct target {
	struct wim *wim;
	bool hash;
	enum kith_status st; /* of the emitter: negative, or KITH_END */
};

/* ---------------------------------------------------------------- one content */

static enum kith_status take(void *user, const uint8_t *data, size_t n, struct kith_err *err)
{
	struct target *target = user;

	(void)err;
	if (target->hash)
		sums_add(target->wim->sums, data, n);
	target->st = kith_emit_data(target->wim->in->emit, data, n, target->wim->err);
	return target->st;
}

/* The end of a pushed entry. decoded: of the decoder; why has its words. *ret_lost: nothing was
 * reported. */
static enum kith_status finish(struct wim *wim, const struct target *target,
			       enum kith_status decoded, const struct kith_err *why, bool *ret_lost)
{
	if (target->st < 0)
		return target->st;
	if (decoded == KITH_E_NOMEM)
		return kith_fail_nomem(wim->err);
	*ret_lost = decoded != KITH_OK;
	if (decoded == KITH_END)
		return KITH_OK;
	if (decoded < 0)
		return kith_emit_damaged(wim->in->emit, wim->encrypted ? "encrypted" : "damaged",
					 why->msg, wim->err);
	return kith_emit_end(wim->in->emit, wim->err);
}

static enum kith_status push_blob(struct wim *wim, const struct wim_blob *blob,
				  const struct wim_resource *resource, uint64_t from,
				  bool *ret_lost)
{
	struct target target = {.wim = wim, .hash = true, .st = KITH_OK};
	struct kith_digests digests;
	struct kith_err why = {0};
	enum kith_status st;

	sums_begin(wim->sums);
	st = wim_codec_read(wim->codec, resource, from, blob->bytes, take, &target, &why);
	if (st == KITH_OK && (!sums_end(wim->sums, &digests) ||
			      memcmp(digests.sha1, blob->sha1, sizeof blob->sha1) != 0))
		st = kith_fail(&why, KITH_E_CORRUPT, "its SHA-1 is not that of the table");
	return finish(wim, &target, st, &why, ret_lost);
}

/* The blob under the name in wim->path. */
static enum kith_status emit_blob(struct wim *wim, const struct wim_blob *blob,
				  enum kith_entry_kind kind, bool linked, bool *ret_lost)
{
	struct kith_declared declared = {.has_sha1 = true};
	const struct kith_entry entry = {.kind = kind,
					 .name = wim->path.data,
					 .name_n = wim->path.n,
					 .has_size = true,
					 .size = blob->bytes,
					 .may_be_linked = linked,
					 .declared = &declared};
	struct wim_resource resource;
	uint64_t from;
	enum kith_status st;

	*ret_lost = false;
	memcpy(declared.sha1, blob->sha1, sizeof declared.sha1);
	st = wim_blob_resource(wim, blob, &resource, &from);
	if (st < 0) {
		*ret_lost = true;
		return kith_emit_note(wim->in->emit, KITH_LEDGER_FAILED,
				      "its resource cannot be read", wim->path.data, wim->path.n,
				      wim->err);
	}
	if (resource.method == WIM_STORED && blob->part == 0 && from == 0 &&
	    resource.bytes == resource.stored_bytes) {
		const struct kith_extent extent = {resource.offset, resource.bytes};

		return kith_emit_in_place(wim->in->emit, &entry, &extent, 1, wim->err);
	}
	st = kith_emit_begin(wim->in->emit, &entry, wim->err);
	if (st == KITH_OK)
		return push_blob(wim, blob, &resource, from, ret_lost);
	*ret_lost = true;
	return st < 0 ? st : KITH_OK;
}

static enum kith_status emit_wof(struct wim *wim, const struct wim_blob *blob,
				 const struct wim_wof *file, enum wof_kind kind, bool *ret_lost)
{
	const struct kith_entry entry = {.kind = KITH_ENTRY_FILE,
					 .name = wim->path.data,
					 .name_n = wim->path.n,
					 .has_size = true,
					 .size = file->bytes,
					 .may_be_linked = file->next != WIM_NONE};
	struct target target = {.wim = wim, .st = KITH_OK};
	struct wim_resource resource;
	struct kith_err why = {0};
	struct wof *wof = NULL;
	uint64_t from;
	enum kith_status st;

	st = kith_emit_begin(wim->in->emit, &entry, wim->err);
	*ret_lost = st != KITH_OK;
	if (st != KITH_OK)
		return st < 0 ? st : KITH_OK;
	st = wim_blob_resource(wim, blob, &resource, &from);
	if (st >= 0)
		st = wof_new(wim->codec, kind, file->bytes, take, &target, &wof, &why);
	if (st >= 0)
		st = wim_codec_read(wim->codec, &resource, from, blob->bytes, wof_push, wof, &why);
	if (st == KITH_OK)
		st = wof_end(wof, &why);
	wof_free(wof);
	return finish(wim, &target, st, &why, ret_lost);
}

/* ------------------------------------------------------------------- all names */

static enum kith_status link_name(struct wim *wim, bool lost)
{
	if (lost)
		return kith_emit_note(wim->in->emit, KITH_LEDGER_FAILED,
				      "another name of what could not be read", wim->path.data,
				      wim->path.n, wim->err);
	return kith_emit_link(wim->in->emit, wim->path.data, wim->path.n, wim->leader.data,
			      wim->leader.n, wim->err);
}

static enum kith_status set_leader(struct wim *wim)
{
	wim->leader.n = 0;
	return kith_buf_add(&wim->leader, wim->path.data, wim->path.n) ? KITH_OK
								       : kith_fail_nomem(wim->err);
}

static enum kith_status emit_record(struct wim *wim, const struct wim_blob *blob, uint32_t number,
				    bool *has_leader, bool *lost)
{
	const struct wim_record *record = &wim->records[number];
	bool stream = record->stream != WIM_NONE;
	enum kith_status st;

	st = wim_path(wim, record->node, record->stream);
	if (st >= 0)
		st = kith_update_look(&wim->update, wim->in->emit, wim->path.data, wim->path.n,
				      true, wim->err);
	if (st < 0)
		return st;
	if (*has_leader && (!stream || blob->bytes > STREAM_AGAIN || *lost))
		return link_name(wim, *lost);
	if (*has_leader) {
		bool ignored;

		return emit_blob(wim, blob, KITH_ENTRY_STREAM, false, &ignored);
	}
	*has_leader = true;
	st = set_leader(wim);
	if (st < 0)
		return st;
	return emit_blob(wim, blob, stream ? KITH_ENTRY_STREAM : KITH_ENTRY_FILE,
			 blob->first != blob->last, lost);
}

/* Files before streams: a link is a file. */
static enum kith_status emit_records(struct wim *wim, const struct wim_blob *blob)
{
	bool has_leader = false, lost = false;
	enum kith_status st = KITH_OK;
	uint32_t i;
	int pass;

	for (pass = 0; pass < 2; pass++)
		for (i = blob->first; i != WIM_NONE && st >= 0; i = wim->records[i].next)
			if ((wim->records[i].stream != WIM_NONE) == (pass == 1))
				st = emit_record(wim, blob, i, &has_leader, &lost);
	return st;
}

static enum kith_status emit_wofs(struct wim *wim, const struct wim_blob *blob)
{
	const struct wim_wof *leader = NULL;
	bool lost = false;
	enum kith_status st = KITH_OK;
	uint32_t i;

	for (i = blob->wofs; i != WIM_NONE && st >= 0; i = wim->wofs[i].next) {
		const struct wim_wof *file = &wim->wofs[i];
		unsigned kind = wim->blobs[file->reparse].wof;

		st = wim_path(wim, file->node, WIM_NONE);
		if (st < 0)
			break;
		if (kind == 0 || kind > WOF_KINDS) {
			st = kith_emit_note(wim->in->emit, KITH_LEDGER_FAILED,
					    "compressed by the file system in an unknown way",
					    wim->path.data, wim->path.n, wim->err);
			continue;
		}
		if (leader != NULL && leader->bytes == file->bytes &&
		    wim->blobs[leader->reparse].wof == kind) {
			st = link_name(wim, lost);
			continue;
		}
		leader = file;
		st = set_leader(wim);
		if (st >= 0)
			st = emit_wof(wim, blob, file, (enum wof_kind)(kind - 1), &lost);
	}
	return st;
}

/* ------------------------------------------------------------------------ order */

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	if (x->resource != y->resource)
		return x->resource < y->resource ? -1 : 1;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->blob < y->blob ? -1 : x->blob > y->blob;
}

static enum kith_status order_blobs(struct wim *wim, struct place **ret)
{
	struct place *places = calloc(wim->n_blobs + 1, sizeof *places);
	size_t i;

	if (places == NULL)
		return kith_fail_nomem(wim->err);
	for (i = 0; i < wim->n_blobs; i++) {
		const struct wim_blob *blob = &wim->blobs[i];

		places[i].part = blob->part;
		places[i].blob = (uint32_t)i;
		if (blob->solid == WIM_NONE) {
			places[i].resource = blob->offset;
		} else {
			places[i].resource = wim->solids[blob->solid].resource.offset;
			places[i].offset = blob->offset;
		}
	}
	qsort(places, wim->n_blobs, sizeof places[0], compare_places);
	*ret = places;
	return KITH_OK;
}

static enum kith_status read_reparse(struct wim *wim, struct wim_blob *blob)
{
	uint8_t data[REPARSE_MAX];
	struct wim_resource resource;
	struct kith_err why = {0};
	enum wof_kind kind;
	uint64_t from;
	enum kith_status st;

	blob->wof = 0;
	if (blob->bytes > sizeof data)
		return KITH_OK;
	st = wim_blob_resource(wim, blob, &resource, &from);
	if (st >= 0)
		st = wim_codec_read_all(wim->codec, &resource, from, data, (size_t)blob->bytes,
					&why);
	if (st == KITH_E_NOMEM)
		return kith_fail_nomem(wim->err);
	if (st == KITH_OK && wof_reparse(data, (size_t)blob->bytes, &kind))
		blob->wof = (uint8_t)(kind + 1);
	return KITH_OK;
}

enum kith_status wim_emit_blobs(struct wim *wim)
{
	struct place *places = NULL;
	enum kith_status st = order_blobs(wim, &places);
	size_t i;

	for (i = 0; i < wim->n_blobs && st >= 0; i++) {
		struct wim_blob *blob = &wim->blobs[places[i].blob];

		if (blob->wof == WIM_WOF_WANTED)
			st = read_reparse(wim, blob);
	}
	for (i = 0; i < wim->n_blobs && st >= 0; i++) {
		const struct wim_blob *blob = &wim->blobs[places[i].blob];

		if (!blob->used)
			st = kith_emit_note(wim->in->emit, KITH_LEDGER_SKIPPED,
					    "content that has no name", NULL, 0, wim->err);
		if (st >= 0)
			st = emit_records(wim, blob);
		if (st >= 0)
			st = emit_wofs(wim, blob);
	}
	free(places);
	return st;
}
