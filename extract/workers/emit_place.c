/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit_place.c: entries whose bytes lie in the file as they are, and whole files. What must hold: a
 * short one is read once; the bytes of a long one are hashed by the hasher's threads while the
 * container goes on; a very long one is read by this thread, so that the walk hears that it goes
 * on.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "workers/emit_int.h"
#include "workers/formats.h"

/* Reads a blob and pushes it as the entry that was begun. */
static enum kith_status feed(struct kith_emit *emit, const struct kith_blob *blob, uint64_t at,
			     struct kith_err *err)
{
	const struct emit_entry *entry = emit->now;
	enum kith_status st = KITH_OK;
	struct kith_err fault = {0};
	size_t n;

	while (st == KITH_OK && at < blob->size) {
		void *piece = NULL;
		bool in_place;

		if (entry->hashed) /* read to where it is hashed: no copy */
			st = kith_hasher_space(emit->hasher, blob->size - at, &piece, &n, err);
		if (st < 0)
			return st;
		in_place = piece != NULL;
		if (!in_place) {
			piece = emit->piece;
			n = EMIT_PIECE;
		}
		if (kith_blob_read_some(blob, at, piece, n, &n, &fault) < 0)
			return kith_emit_damaged(emit, "it could not be read", fault.msg, err);
		if (in_place)
			kith_hasher_filled(emit->hasher, n);
		st = in_place ? emit_push_hashed(emit, at, piece, n, err)
			      : emit_push(emit, at, piece, n, err);
		at += n;
		if (st == KITH_OK)
			st = emit_tick(emit, err);
	}
	return st == KITH_OK ? kith_emit_end(emit, err) : st;
}

/* The first and the last bytes of a blob decide. KITH_NOT_FOUND: they could not be read. */
static enum kith_status peek_blob(struct kith_emit *emit, const struct kith_blob *blob,
				  struct kith_err *err)
{
	struct emit_entry *entry = emit->now;
	struct kith_peek peek = {.has_size = true, .size = blob->size};
	size_t tail_n = 0;
	struct kith_err fault = {0};
	enum kith_status st;

	st = kith_blob_read_some(blob, 0, emit->head.data, KITH_PEEK_HEAD, &emit->head.n, &fault);
	if (st >= 0 && blob->size > emit->head.n)
		st = kith_blob_read_some(blob, blob->size - KITH_PEEK_TAIL, emit->piece,
					 KITH_PEEK_TAIL, &tail_n, &fault);
	if (st < 0) {
		st = kith_emit_damaged(emit, "it could not be read", fault.msg, err);
		return st < 0 ? st : KITH_NOT_FOUND;
	}
	entry->decided = true;
	if (entry->leaf)
		return KITH_OK;
	peek.head = emit->head.data;
	peek.head_n = emit->head.n;
	peek.tail = tail_n > 0 ? emit->piece : emit->head.data;
	peek.tail_n = tail_n;
	if (tail_n == 0) {
		peek.tail_n = emit->head.n < KITH_PEEK_TAIL ? emit->head.n : KITH_PEEK_TAIL;
		peek.tail = emit->head.data + emit->head.n - peek.tail_n;
	}
	entry->format = kith_worker_detect(&peek);
	return KITH_OK;
}

/* Where the walk finds the container: in these pieces of the file. */
static enum kith_status keep_extents(struct emit_entry *entry, const struct kith_blob *blob,
				     struct kith_err *err)
{
	entry->extents = malloc((blob->n_extents + 1) * sizeof *entry->extents);
	if (entry->extents == NULL)
		return kith_fail_nomem(err);
	memcpy(entry->extents, blob->extents, blob->n_extents * sizeof *entry->extents);
	entry->n_extents = blob->n_extents;
	return KITH_OK;
}

/* emit->now, whose bytes lie in a file. */
static enum kith_status whole_blob(struct kith_emit *emit, const struct kith_blob *blob,
				   struct kith_err *err)
{
	struct emit_entry *entry = emit->now;
	enum kith_status st = peek_blob(emit, blob, err);

	if (st != KITH_OK)
		return st < 0 ? st : KITH_OK;
	st = emit_inspect_ask(emit, entry, err);
	if (st >= 0)
		st = emit_inspect_blob(emit, entry, blob, err);
	if (st < 0)
		return st;
	if (entry->format != KITH_FORMAT_NONE && blob->n_extents > KITH_WIRE_EXTENTS) {
		/* in too many pieces to be named: copied */
		st = emit_start(emit, err);
		if (st >= 0)
			st = emit_spool_open(emit, entry, blob->size, err);
		return st < 0 ? st : feed(emit, blob, 0, err);
	}
	if (entry->format != KITH_FORMAT_NONE && !entry->is_file)
		st = keep_extents(entry, blob, err);
	if (st < 0)
		return st;
	if (entry->kind == KITH_ENTRY_INNER)
		return kith_emit_end(emit, err);
	if (entry->format != KITH_FORMAT_NONE && entry->is_file && blob->size >= KITH_EARLY_BYTES) {
		st = emit_early(emit, entry, err);
		if (st < 0)
			return st;
	}
	if (blob->size > emit->head.n && blob->size <= EMIT_FED_BYTES) {
		if (entry->linked)
			st = emit_link_await(emit, entry, err);
		emit->now = NULL;
		if (st >= 0)
			st = kith_hasher_blob(emit->hasher, entry, blob, err);
		return st < 0 ? st : emit_tick(emit, err);
	}
	st = emit_start(emit, err);
	if (st >= 0 && emit->head.n > 0)
		st = kith_hasher_add(emit->hasher, emit->head.data, emit->head.n, err);
	return st < 0 ? st : feed(emit, blob, emit->head.n, err);
}

/* The limits of a whole blob, before it is read. */
static enum kith_status take_blob(struct kith_emit *emit, const struct kith_blob *blob,
				  struct kith_err *err)
{
	uint64_t holes = 0;
	size_t i;
	enum kith_status st;

	for (i = 0; i < blob->n_extents; i++)
		if (blob->extents[i].offset == KITH_EXTENT_ZEROS)
			holes += blob->extents[i].bytes;
	st = emit_take(emit, blob->size - holes, false, err);
	return st == KITH_OK && holes > 0 ? emit_take(emit, holes, true, err) : st;
}

/* What is there of an entry that is cut off: it is no file, but what can be read of a container in
 * it, such as the data of a package, is not lost. */
static enum kith_status emit_rest(struct kith_emit *emit, const struct kith_entry *from,
				  const struct kith_extent *extent, struct kith_err *err)
{
	struct kith_entry rest = {
	    .kind = KITH_ENTRY_INNER, .name = from->name, .name_n = from->name_n};
	struct kith_extent there = *extent;

	if (from->kind != KITH_ENTRY_FILE || from->leaf || there.offset >= emit->blob->size)
		return KITH_OK;
	there.bytes = emit->blob->size - there.offset;
	return kith_emit_in_place(emit, &rest, &there, 1, err);
}

enum kith_status kith_emit_in_place(struct kith_emit *emit, const struct kith_entry *from,
				    const struct kith_extent *extents, size_t n,
				    struct kith_err *err)
{
	enum kith_status st = emit_begin(emit, from, err);
	struct kith_err fault = {0};
	struct kith_blob part;

	if (st != KITH_OK || emit->now == NULL)
		return st < 0 ? st : KITH_OK;
	if (emit->blob->fd < 0)
		return kith_fail(err, KITH_E_ARG, "an entry in place of what is decoded");
	st = kith_blob_parts(&part, emit->blob, extents, n, &fault);
	if (st == KITH_E_NOMEM)
		return kith_fail_nomem(err);
	if (st < 0) {
		st = kith_emit_damaged(emit, "it reaches beyond the end of its container",
				       fault.msg, err);
		return st >= 0 && n == 1 ? emit_rest(emit, from, extents, err) : st;
	}
	st = take_blob(emit, &part, err);
	if (st == KITH_OK)
		st = whole_blob(emit, &part, err);
	kith_blob_done(&part);
	return st < 0 ? st : KITH_OK;
}

enum kith_status kith_emit_file(struct kith_emit *emit, uint32_t item, const void *name,
				size_t name_n, int fd, uint64_t size, struct kith_err *err)
{
	struct kith_entry from = {.kind = KITH_ENTRY_FILE, .name = name, .name_n = name_n};
	struct kith_blob blob;
	enum kith_status st;

	emit->now = emit_entry_new(&from, err);
	if (emit->now == NULL) {
		(void)close(fd);
		return KITH_E_NOMEM;
	}
	emit->head.n = 0;
	emit->now->item = item;
	emit->now->is_file = true;
	emit->now->fd = fd;
	st = kith_blob_file(&blob, fd, size, err);
	if (st < 0)
		return st;
	emit->now->size = size;
	emit->bytes += size;
	st = whole_blob(emit, &blob, err);
	kith_blob_done(&blob);
	if (st < 0)
		return st;
	return KITH_OK;
}
