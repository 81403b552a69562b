/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.c: entries. What must hold:
 *   - Of each entry either its digests are reported, or a note says why not.
 *   - Limits are counted in the order of the entries, by this thread: the same container is always
 *     cut off at the same byte.
 *   - A format is decided once, from the first KITH_PEEK_HEAD bytes (or all), before the next byte
 *     is taken.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/limits.h"
#include "workers/emit_int.h"
#include "workers/formats.h"

static const uint8_t zeros[64 << 10];

enum kith_status kith_emit_new(int sock, const struct kith_blob *blob,
			       const struct kith_wire_limits *limits, bool careful,
			       struct kith_emit **ret, struct kith_err *err)
{
	struct kith_emit *emit = calloc(1, sizeof *emit);
	enum kith_status st;

	if (emit == NULL)
		return kith_fail_nomem(err);
	emit->sock = sock;
	emit->blob = blob;
	emit->limits = *limits;
	emit->careful = careful;
	emit->spool_fd = -1;
	emit->sent_ms = emit_now_ms();
	emit->piece = malloc(EMIT_PIECE);
	st = kith_hasher_new((unsigned)limits->threads, emit_hashed, emit, &emit->hasher, err);
	if (st >= 0 && (emit->piece == NULL || !kith_wire_start(&emit->out) ||
			kith_buf_room(&emit->head, KITH_PEEK_HEAD) == NULL))
		st = kith_fail_nomem(err);
	if (st < 0) {
		kith_emit_free(emit);
		return st;
	}
	*ret = emit;
	return KITH_OK;
}

void kith_emit_free(struct kith_emit *emit)
{
	size_t i;

	if (emit == NULL)
		return;
	kith_hasher_free(emit->hasher);
	emit_entry_free(emit, emit->now);
	emit_spool_close(emit);
	for (i = 0; i < emit->n_siblings; i++)
		kith_blob_done(&emit->siblings[i]);
	kith_buf_done(&emit->out);
	kith_buf_done(&emit->head);
	kith_buf_done(&emit->whole);
	free(emit->links);
	free(emit->piece);
	free(emit);
}

/* -------------------------------------------------------------- limits, begin */

/* A note about the container as a whole: once, and nothing more is wanted. */
static enum kith_status fill_up(struct kith_emit *emit, const char *reason,
				const struct emit_entry *entry, struct kith_err *err)
{
	emit->full = true;
	return emit_note_item(emit, entry->item, KITH_LEDGER_FAILED, reason, entry->name,
			      entry->name_n, err);
}

/* The entry that was begun is not reported. */
static enum kith_status abandon(struct kith_emit *emit, struct kith_err *err)
{
	struct emit_entry *entry = emit->now;
	struct kith_wire item = {.type = KITH_WIRE_ITEM, .item = entry->item};
	enum kith_status st = emit_spool_drop(emit, entry, err);

	if (entry->hashed)
		kith_hasher_drop(emit->hasher);
	if (st >= 0 && entry->is_file)
		st = emit_send(emit, &item, err);
	emit->now = NULL;
	emit_entry_free(emit, entry);
	return st;
}

/* The entry is cut off: KITH_END, unless the note could not be sent. */
static enum kith_status cut(struct kith_emit *emit, const char *reason, bool all,
			    struct kith_err *err)
{
	struct emit_entry *entry = emit->now;
	enum kith_status st, dropped;

	if (all)
		st = fill_up(emit, reason, entry, err);
	else
		st = emit_note_item(emit, entry->item, KITH_LEDGER_FAILED, reason, entry->name,
				    entry->name_n, err);
	dropped = abandon(emit, st < 0 ? NULL : err);
	if (st >= 0)
		st = dropped;
	return st < 0 ? st : KITH_END;
}

struct emit_entry *emit_entry_new(const struct kith_entry *from, struct kith_err *err)
{
	struct emit_entry *entry = calloc(1, sizeof *entry);

	if (entry != NULL)
		entry->name = malloc(from->name_n + 1);
	if (entry == NULL || entry->name == NULL) {
		free(entry);
		(void)kith_fail_nomem(err);
		return NULL;
	}
	if (from->name_n > 0)
		memcpy(entry->name, from->name, from->name_n);
	entry->name_n = from->name_n;
	entry->kind = from->kind;
	entry->sparse = from->sparse;
	entry->leaf = from->leaf;
	entry->linked = from->may_be_linked;
	entry->has_size = from->has_size;
	entry->expected = from->size;
	entry->fd = -1;
	if (from->declared != NULL) {
		entry->has_declared = true;
		entry->declared = *from->declared;
	}
	return entry;
}

/* Sets emit->now. KITH_NOT_FOUND: it is not wanted. */
enum kith_status emit_begin(struct kith_emit *emit, const struct kith_entry *from,
			    struct kith_err *err)
{
	struct kith_entry own = *from;
	const char *reason = NULL;
	enum kith_status st = KITH_OK;

	kith_entry_path(&own.name, &own.name_n);
	if (emit->now != NULL) /* its container has left it without an end */
		st = kith_emit_damaged(emit, "damaged", "it has no end", err);
	if (st < 0)
		return st;
	if (own.name_n > KITH_LIMIT_ENTRY_NAME) {
		reason = "a name over the limit";
		own.name_n = KITH_LIMIT_EXAMPLE;
	} else if (++emit->entries > emit->limits.entries) {
		reason = "over the limit of entries";
	} else if (emit->full) {
		reason = "behind a limit of its container";
	} else if (own.kind == KITH_ENTRY_OTHER) {
		emit->others++;
		return KITH_OK;
	}
	if (reason != NULL) {
		st = kith_emit_note(emit, KITH_LEDGER_FAILED, reason, own.name, own.name_n, err);
		return st < 0 ? st : KITH_NOT_FOUND;
	}
	emit->now = emit_entry_new(&own, err);
	emit->head.n = emit->whole.n = 0;
	return emit->now == NULL ? KITH_E_NOMEM : KITH_OK;
}

/* Whether n more bytes are within the limits; else KITH_END, and emit->now is gone. */
enum kith_status emit_take(struct kith_emit *emit, uint64_t n, bool hole, struct kith_err *err)
{
	struct emit_entry *entry = emit->now;
	uint64_t allowed;

	if (n > emit->limits.file_bytes - entry->size)
		return cut(emit, "over the limit of bytes of one file", false, err);
	if (hole && n > emit->limits.zero_bytes - entry->zeros)
		return cut(emit, "over the limit of zeros of one file", false, err);
	entry->size += n;
	entry->zeros += hole ? n : 0;
	emit->bytes += n;
	if (emit->blob == NULL || emit->bytes <= UINT64_C(1) << 30)
		return KITH_OK;
	if (__builtin_mul_overflow(emit->blob->size, emit->limits.ratio, &allowed) ||
	    emit->bytes - (UINT64_C(1) << 30) <= allowed)
		return KITH_OK;
	return cut(emit, "over the limit of expansion", true, err);
}

/* ------------------------------------------------------------ what is inside */

static enum kith_format detect(const struct kith_emit *emit, const struct emit_entry *entry,
			       bool whole)
{
	struct kith_peek peek = {.head = emit->head.data,
				 .head_n = emit->head.n,
				 .has_size = whole || entry->has_size,
				 .size = whole ? entry->size : entry->expected};

	if (entry->leaf)
		return KITH_FORMAT_NONE;
	if (whole) {
		peek.tail_n = emit->head.n < KITH_PEEK_TAIL ? emit->head.n : KITH_PEEK_TAIL;
		peek.tail = emit->head.data + emit->head.n - peek.tail_n;
	}
	return kith_worker_detect(&peek);
}

/* All of emit->head is known: of a pushed entry, either all of it, or as much as there is room. */
static enum kith_status decide(struct kith_emit *emit, bool whole, struct kith_err *err)
{
	struct emit_entry *entry = emit->now;
	uint64_t bytes = emit->head.n;
	enum kith_status st;

	entry->decided = true;
	entry->format = detect(emit, entry, whole);
	if (entry->format == KITH_FORMAT_NONE)
		return KITH_OK;
	if (!whole && entry->has_size && entry->expected > bytes)
		bytes = entry->expected;
	st = emit_spool_open(emit, entry, bytes, err);
	if (st >= 0)
		st = emit_spool_write(emit, entry, 0, emit->head.data, emit->head.n, err);
	return st;
}

/* --------------------------------------------------------------- pushed entries */

enum kith_status emit_start(struct kith_emit *emit, struct kith_err *err)
{
	enum kith_status st = KITH_OK;

	if (emit->now->kind != KITH_ENTRY_INNER) {
		st = kith_hasher_begin(emit->hasher, emit->now, err);
		emit->now->hashed = st >= 0;
	}
	return st;
}

enum kith_status kith_emit_begin(struct kith_emit *emit, const struct kith_entry *from,
				 struct kith_err *err)
{
	enum kith_status st = emit_begin(emit, from, err);

	if (st != KITH_OK || emit->now == NULL)
		return st;
	return emit_start(emit, err);
}

/* Inner data of no known format is of no use. */
static enum kith_status end_inner(struct kith_emit *emit, struct kith_err *err)
{
	struct emit_entry *entry = emit->now;
	enum kith_status st;

	emit->now = NULL;
	st = emit_unhashed(emit, entry, err);
	return st < 0 ? st : KITH_END;
}

/* The next bytes belong to the head, which is not full: *ret_n of them are taken. */
static enum kith_status push_head(struct kith_emit *emit, const uint8_t *data, size_t n,
				  size_t *ret_n, struct kith_err *err)
{
	struct emit_entry *entry = emit->now;
	enum kith_status st;

	*ret_n = KITH_PEEK_HEAD - emit->head.n < n ? KITH_PEEK_HEAD - emit->head.n : n;
	if (!kith_buf_add(&emit->head, data, *ret_n))
		return kith_fail_nomem(err);
	if (entry->asked)
		return emit_inspect_data(emit, entry, data, *ret_n, err);
	if (emit->head.n < KITH_FACT_HEAD)
		return KITH_OK;
	st = emit_inspect_ask(emit, entry, err);
	if (st < 0)
		return st;
	return emit_inspect_data(emit, entry, emit->head.data, emit->head.n, err);
}

enum kith_status emit_push_hashed(struct kith_emit *emit, uint64_t at, const uint8_t *data,
				  size_t n, struct kith_err *err)
{
	struct emit_entry *entry = emit->now;
	enum kith_status st = KITH_OK;
	size_t now;

	if (!entry->decided) {
		st = push_head(emit, data, n, &now, err);
		if (st < 0 || emit->head.n < KITH_PEEK_HEAD)
			return st;
		data += now;
		at += now;
		n -= now;
		st = decide(emit, false, err);
		if (st >= 0 && entry->format == KITH_FORMAT_NONE && entry->kind == KITH_ENTRY_INNER)
			return end_inner(emit, err);
	}
	if (st >= 0)
		st = emit_inspect_data(emit, entry, data, n, err);
	if (st >= 0)
		st = emit_spool_write(emit, entry, at, data, n, err);
	return st;
}

enum kith_status emit_push(struct kith_emit *emit, uint64_t at, const uint8_t *data, size_t n,
			   struct kith_err *err)
{
	enum kith_status st = KITH_OK;

	if (emit->now->hashed)
		st = kith_hasher_add(emit->hasher, data, n, err);
	return st < 0 ? st : emit_push_hashed(emit, at, data, n, err);
}

enum kith_status kith_emit_data(struct kith_emit *emit, const void *data, size_t n,
				struct kith_err *err)
{
	uint64_t at;
	enum kith_status st;

	if (emit->now == NULL) /* of an entry that was cut off */
		return KITH_END;
	if (n == 0)
		return KITH_OK;
	at = emit->now->size;
	st = emit_take(emit, n, false, err);
	if (st == KITH_OK)
		st = emit_push(emit, at, data, n, err);
	return st == KITH_OK ? emit_tick(emit, err) : st;
}

enum kith_status kith_emit_zeros(struct kith_emit *emit, uint64_t n, struct kith_err *err)
{
	uint64_t at;
	enum kith_status st;

	if (emit->now == NULL)
		return KITH_END;
	if (n == 0)
		return KITH_OK;
	at = emit->now->size;
	st = emit_take(emit, n, true, err);
	while (st == KITH_OK && n > 0 && !emit->now->decided) {
		size_t now = n < sizeof zeros ? (size_t)n : sizeof zeros;

		st = emit_push(emit, at, zeros, now, err);
		at += now;
		n -= now;
	}
	if (st == KITH_OK && n > 0) /* nothing that tells anything has holes so far behind */
		emit->now->inspector = NULL;
	while (st == KITH_OK && n > 0) { /* in parts, so that the walk hears of us */
		uint64_t now = n < EMIT_FED_BYTES ? n : EMIT_FED_BYTES;

		if (emit->now->hashed)
			st = kith_hasher_add_zeros(emit->hasher, now, err);
		at += now;
		n -= now;
		if (st >= 0)
			st = emit_spool_hole(emit, emit->now, at, err);
		if (st >= 0)
			st = emit_tick(emit, err);
	}
	return st;
}

enum kith_status kith_emit_end(struct kith_emit *emit, struct kith_err *err)
{
	struct emit_entry *entry = emit->now;
	enum kith_status st = KITH_OK;

	if (entry == NULL)
		return KITH_OK;
	st = emit_inspect_end(emit, entry, err);
	if (st >= 0 && !entry->decided)
		st = decide(emit, true, err);
	emit_spool_close(emit);
	if (st >= 0 && !entry->hashed) {
		emit->now = NULL;
		st = emit_unhashed(emit, entry, err);
	} else if (st >= 0) {
		if (entry->linked)
			st = emit_link_await(emit, entry, err);
		emit->now = NULL;
		if (st >= 0)
			st = kith_hasher_end(emit->hasher, err);
	}
	return st < 0 ? st : emit_tick(emit, err);
}

enum kith_status kith_emit_damaged(struct kith_emit *emit, const char *reason, const char *detail,
				   struct kith_err *err)
{
	struct emit_entry *entry = emit->now;
	enum kith_status st;

	(void)detail; /* the reason groups; the name says which one */
	if (entry == NULL)
		return KITH_OK;
	st = emit_note_item(emit, entry->item, KITH_LEDGER_FAILED, reason, entry->name,
			    entry->name_n, err);
	if (st < 0)
		return st;
	return abandon(emit, err);
}

enum kith_status kith_emit_pull(struct kith_emit *emit, const struct kith_entry *from,
				enum kith_status (*read)(void *user, void *buf, size_t n,
							 size_t *ret_n, struct kith_err *err),
				void *user, struct kith_err *err)
{
	enum kith_status st = kith_emit_begin(emit, from, err);
	struct kith_err fault = {0};
	size_t n;

	if (from->kind == KITH_ENTRY_OTHER)
		return st;
	while (st == KITH_OK) {
		if (read(user, emit->piece, EMIT_PIECE, &n, &fault) < 0)
			return kith_emit_damaged(emit, "damaged", fault.msg, err);
		if (n == 0)
			return kith_emit_end(emit, err);
		st = kith_emit_data(emit, emit->piece, n, err);
	}
	return st;
}

enum kith_status kith_emit_finish(struct kith_emit *emit, struct kith_err *err)
{
	enum kith_status st = KITH_OK;

	if (emit->now != NULL)
		st = kith_emit_damaged(emit, "damaged", "it has no end", err);
	if (st >= 0)
		st = kith_hasher_flush(emit->hasher, err);
	if (st >= 0 && emit->others > 0) {
		struct kith_wire m = {.type = KITH_WIRE_NOTE,
				      .code = KITH_LEDGER_COUNT,
				      .number = emit->others,
				      .text = {(const uint8_t *)"entries that are no files", 25}};

		emit->others = 0;
		st = emit_send(emit, &m, err);
	}
	return st < 0 ? st : emit_notes_rest(emit, err);
}
