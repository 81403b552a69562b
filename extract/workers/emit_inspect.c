/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit_inspect.c: files that tell of their container, or of themselves (facts/). What must hold: of
 * a pushed entry all bytes are kept or none; what a file claims of itself is there before its
 * digests are reported.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "facts/facts.h"
#include "workers/emit_int.h"

struct telling {
	struct kith_emit *emit;
	struct emit_entry *entry;
	bool of_file;
	enum kith_status st;
	struct kith_err *err;
};

/* Of two claims of a kind the one of the higher weight, or the smaller. */
static enum kith_status claim(struct emit_entry *entry, enum kith_fact fact, unsigned weight,
			      const void *text, size_t n, struct kith_err *err)
{
	struct kith_buf *has;

	if (entry->claims == NULL)
		entry->claims = calloc(1, sizeof *entry->claims);
	if (entry->claims == NULL)
		return kith_fail_nomem(err);
	has = &entry->claims->texts[fact];
	if (has->n > 0 && (weight < entry->claims->weights[fact] ||
			   (weight == entry->claims->weights[fact] &&
			    kith_bytes_cmp(text, n, has->data, has->n) >= 0)))
		return KITH_OK;
	has->n = 0;
	entry->claims->weights[fact] = weight;
	return kith_buf_add(has, text, n) ? KITH_OK : kith_fail_nomem(err);
}

static void on_fact(void *user, enum kith_fact fact, unsigned weight, const void *text, size_t n)
{
	struct telling *t = user;
	struct kith_wire m = {.type = KITH_WIRE_FACT,
			      .item = t->entry->item,
			      .code = (uint32_t)fact,
			      .number = weight,
			      .name = {text, n}};

	if (t->st < 0 || n == 0 || n > KITH_WIRE_TEXT)
		return;
	if (t->of_file)
		t->st = claim(t->entry, fact, weight, text, n, t->err);
	else
		t->st = emit_send(t->emit, &m, t->err);
}

static void on_declared(void *user, const void *name, size_t n, const uint8_t *sha256,
			bool has_size, uint64_t size)
{
	struct telling *t = user;
	struct kith_declared declared = {.has_sha256 = true};

	if (t->st < 0)
		return;
	memcpy(declared.sha256, sha256, KITH_SHA256_SIZE);
	t->st = emit_declared_item(t->emit, t->entry->item, name, n, &declared, has_size, size,
				   false, t->err);
}

static enum kith_status too_large(struct kith_emit *emit, struct emit_entry *entry,
				  struct kith_err *err)
{
	entry->inspector = NULL;
	emit->whole.n = 0;
	return emit_note_item(emit, entry->item, KITH_LEDGER_MARKED,
			      "too large to be read for what it says", entry->name, entry->name_n,
			      err);
}

/* Decides once, with the first bytes of the entry. */
enum kith_status emit_inspect_ask(struct kith_emit *emit, struct emit_entry *entry,
				  struct kith_err *err)
{
	struct kith_bytes path = {entry->name, entry->name_n};
	struct kith_bytes head = {emit->head.data, emit->head.n};

	entry->asked = true;
	if (entry->kind == KITH_ENTRY_FILE)
		entry->inspector = kith_inspector_of(path, head);
	if (entry->inspector != NULL && entry->has_size && entry->expected > entry->inspector->most)
		return too_large(emit, entry, err);
	return KITH_OK;
}

enum kith_status emit_inspect_blob(struct kith_emit *emit, struct emit_entry *entry,
				   const struct kith_blob *blob, struct kith_err *err)
{
	struct telling t = {emit, entry, false, KITH_OK, err};
	struct kith_fact_sink sink = {&t, on_fact, on_declared};
	const struct kith_inspector *inspector = entry->inspector;
	struct kith_err fault = {0};

	if (inspector == NULL)
		return KITH_OK;
	if (blob->size > inspector->most)
		return too_large(emit, entry, err);
	entry->inspector = NULL;
	/* cppcheck-suppress unreadVariable */
	t.of_file = inspector->scope == KITH_FACTS_OF_FILE;
	/* that it cannot be read is found again when it is hashed */
	if (kith_inspect(inspector, blob, &sink, &fault) == KITH_E_NOMEM)
		return kith_fail_nomem(err);
	return t.st;
}

enum kith_status emit_inspect_data(struct kith_emit *emit, struct emit_entry *entry,
				   const void *data, size_t n, struct kith_err *err)
{
	if (entry->inspector == NULL || n == 0)
		return KITH_OK;
	if (n > entry->inspector->most - emit->whole.n)
		return too_large(emit, entry, err);
	return kith_buf_add(&emit->whole, data, n) ? KITH_OK : kith_fail_nomem(err);
}

/* A pushed entry is whole: in emit->whole, or in the head where it is short. */
enum kith_status emit_inspect_end(struct kith_emit *emit, struct emit_entry *entry,
				  struct kith_err *err)
{
	struct kith_bytes bytes;
	struct kith_blob blob;
	enum kith_status st = KITH_OK;

	if (!entry->asked) {
		st = emit_inspect_ask(emit, entry, err);
		bytes = (struct kith_bytes){emit->head.data, emit->head.n};
	} else {
		bytes = (struct kith_bytes){emit->whole.data, emit->whole.n};
	}
	if (st < 0 || entry->inspector == NULL)
		return st;
	kith_blob_memory(&blob, &bytes);
	st = emit_inspect_blob(emit, entry, &blob, err);
	kith_blob_done(&blob);
	/* a large buffer is not kept for the small entries that follow */
	if (emit->whole.cap > (size_t)1 << 20)
		kith_buf_done(&emit->whole);
	emit->whole.n = 0;
	return st;
}
