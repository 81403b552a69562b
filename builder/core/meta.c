/* SPDX-License-Identifier: Apache-2.0 */
#include "core/meta.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* ------------------------------------------------------------------ ledger */

struct ledger_writer {
	struct kith_lmdb *db;
	struct kith_text *text;
	struct kith_build_result *result;
	struct kith_buf value;
	uint32_t source, number; /* of the row before */
};

static enum kith_status write_row(const struct kith_ledger_entry *entry, void *user,
				  struct kith_err *err)
{
	struct ledger_writer *writer = user;
	uint8_t key[8];

	if (entry->source != writer->source) {
		writer->source = entry->source;
		writer->number = 0;
	}
	kith_put_be32(key, entry->source);
	kith_put_be32(key + 4, writer->number++);
	writer->value.n = 0;
	if (!kith_ledger_encode(&writer->value, entry->class_, entry->count, entry->reason,
				entry->example) ||
	    !kith_dump_ledger(&writer->text->lines, entry))
		return kith_fail_nomem(err);
	if (entry->class_ == KITH_LEDGER_SKIPPED)
		writer->result->skipped += entry->count;
	if (entry->class_ == KITH_LEDGER_FAILED)
		writer->result->failed += entry->count;
	return kith_lmdb_append(writer->db, KITH_LMDB_LEDGER, key, sizeof key, writer->value.data,
				writer->value.n, err);
}

enum kith_status kith_meta_ledger(struct kith_ledger *ledger, const struct kith_decl *decl,
				  const struct kith_ranks *ranks,
				  const struct kith_files_counts *counts, struct kith_lmdb *db,
				  struct kith_text *text, struct kith_build_result *result,
				  struct kith_err *err)
{
	const uint32_t *source_ranks = kith_decl_source_ranks(decl);
	struct ledger_writer writer = {0};
	enum kith_status st;
	uint32_t i;

	for (i = 0; i < ranks->n_sources; i++) {
		const struct kith_source_counts *mine = &counts->sources[source_ranks[i]];
		const struct {
			enum kith_ledger_class class_;
			const char *reason;
			uint64_t count;
		} rows[] = {
		    {KITH_LEDGER_COUNT, KITH_LEDGER_FILES, mine->files},
		    {KITH_LEDGER_COUNT, KITH_LEDGER_OCCURRENCES, mine->occurrences},
		    {KITH_LEDGER_MARKED, KITH_LEDGER_CONFLICTS, mine->conflicts},
		    {KITH_LEDGER_SKIPPED, KITH_LEDGER_DROPPED, mine->dropped},
		    {KITH_LEDGER_MARKED, KITH_LEDGER_FRAGMENTS, mine->fragments},
		    {KITH_LEDGER_MARKED, KITH_LEDGER_TRIVIAL, mine->trivial},
		};
		size_t k;

		for (k = 0; k < sizeof rows / sizeof rows[0]; k++)
			if (rows[k].count > 0)
				kith_ledger_note(ledger, i, rows[k].class_, rows[k].reason,
						 rows[k].count, NULL, 0);
	}
	writer.db = db;
	writer.text = text;
	writer.result = result;
	st = kith_ledger_rows(ledger, source_ranks, write_row, &writer, err);
	kith_text_settle(text);
	kith_buf_done(&writer.value);
	return st;
}

/* -------------------------------------------------------------------- meta */

struct fact {
	char key[40];
	char *value; /* owned */
};

struct facts {
	struct fact *items;
	size_t n, cap;
	bool failed;
};

static void add_text(struct facts *facts, const char *key, const void *text, size_t n)
{
	struct fact *fact;

	if (facts->n == facts->cap) {
		size_t cap = facts->cap == 0 ? 32 : 2 * facts->cap;
		struct fact *items = realloc(facts->items, cap * sizeof *items);

		if (items == NULL) {
			facts->failed = true;
			return;
		}
		facts->items = items;
		facts->cap = cap;
	}
	fact = &facts->items[facts->n];
	(void)snprintf(fact->key, sizeof fact->key, "%s", key);
	fact->value = malloc(n + 1);
	if (fact->value == NULL) {
		facts->failed = true;
		return;
	}
	memcpy(fact->value, text, n);
	fact->value[n] = '\0';
	facts->n++;
}

static void add_number(struct facts *facts, const char *key, uint64_t number)
{
	char text[24];

	(void)snprintf(text, sizeof text, "%" PRIu64, number);
	add_text(facts, key, text, strlen(text));
}

static int compare_facts(const void *a, const void *b)
{
	const struct fact *x = a, *y = b;

	return strcmp(x->key, y->key);
}

/* What the sources' licences ask to be said, each sentence once, in the order of the sources. */
static void add_notices(struct facts *facts, const struct kith_decl *decl)
{
	uint32_t n = kith_decl_count(decl, KITH_DECL_SOURCE), i;
	struct kith_source source;
	size_t first = facts->n, k;
	unsigned number = 1;
	char key[40];

	for (i = 0; i < n; i++) {
		if (kith_source_decode(kith_decl_item(decl, KITH_DECL_SOURCE, i), &source) !=
			KITH_OK ||
		    source.notice.n == 0)
			continue;
		for (k = first; k < facts->n; k++)
			if (strlen(facts->items[k].value) == source.notice.n &&
			    memcmp(facts->items[k].value, source.notice.data, source.notice.n) == 0)
				break;
		if (k < facts->n)
			continue;
		(void)snprintf(key, sizeof key, "notice.%04u", number++);
		add_text(facts, key, source.notice.data, source.notice.n);
	}
}

enum kith_status kith_meta_write(const struct kith_decl *decl, const struct kith_ranks *ranks,
				 const struct kith_files_counts *counts,
				 const struct kith_index_counts *index, int64_t source_date_epoch,
				 struct kith_lmdb *db, struct kith_text *text,
				 struct kith_build_result *result, struct kith_err *err)
{
	uint8_t anchor[KITH_ANCHOR_SIZE] = {0};
	struct facts facts = {0};
	enum kith_status st = KITH_OK;
	size_t i;

	add_text(&facts, "format", "1", 1);
	add_text(&facts, "build.version", KITH_VERSION, strlen(KITH_VERSION));
	if (source_date_epoch >= 0)
		add_number(&facts, "build.time", (uint64_t)source_date_epoch);
	add_number(&facts, "count.file", counts->files);
	add_number(&facts, "count.sha1only", counts->sha1_only);
	add_number(&facts, "count.name", ranks->names);
	add_number(&facts, "count.place", ranks->places);
	add_number(&facts, "count.product", kith_decl_count(decl, KITH_DECL_PRODUCT));
	add_number(&facts, "count.distributor", kith_decl_count(decl, KITH_DECL_DISTRIBUTOR));
	add_number(&facts, "count.source", kith_decl_count(decl, KITH_DECL_SOURCE));
	add_number(&facts, "count.occurrence", counts->occurrences);
	add_number(&facts, "count.conflict", counts->conflicts);
	add_number(&facts, "count.trivial", counts->trivial);
	add_number(&facts, "count.fragment", counts->fragments);
	add_number(&facts, "count.shared-md5", index->shared_md5);
	add_number(&facts, "count.shared-sha1", index->shared_sha1);
	if (counts->joined + counts->undecided + counts->sha1_only > 0) {
		add_number(&facts, "count.joined", counts->joined);
		add_number(&facts, "count.undecided", counts->undecided);
	}
	add_notices(&facts, decl);
	if (facts.failed) {
		st = kith_fail_nomem(err);
		goto out;
	}
	qsort(facts.items, facts.n, sizeof *facts.items, compare_facts);
	for (i = 0; st >= 0 && i < facts.n; i++) {
		const struct fact *fact = &facts.items[i];
		size_t n = strlen(fact->value);

		st = kith_lmdb_put_meta(db, fact->key, fact->value, n, err);
		if (st >= 0 && kith_dump_has_meta(fact->key, strlen(fact->key)) &&
		    !kith_dump_meta(&text->lines, fact->key, strlen(fact->key),
				    (const uint8_t *)fact->value, n))
			st = kith_fail_nomem(err);
	}
	if (st < 0)
		goto out;
	kith_text_flush(text);
	kith_sha_get(text->sha, result->id);
	st = kith_lmdb_put_meta(db, "id", result->id, sizeof result->id, err);
	if (st < 0)
		goto out;
	/* The offset is filled in when it is known: kith_lmdb_finish(). */
	memcpy(anchor, KITH_ANCHOR_MAGIC, 8);
	memcpy(anchor + 16, result->id, 16);
	st = kith_lmdb_put_meta(db, "anchor", anchor, sizeof anchor, err);
	result->files = counts->files;
	result->sha1_only = counts->sha1_only;
	result->occurrences = counts->occurrences;
	result->conflicts = counts->conflicts;
	result->trivial = counts->trivial;
	result->fragments = counts->fragments;
	result->names = ranks->names;
	result->places = ranks->places;
	result->products = kith_decl_count(decl, KITH_DECL_PRODUCT);
	result->distributors = kith_decl_count(decl, KITH_DECL_DISTRIBUTOR);
out:
	for (i = 0; i < facts.n; i++)
		free(facts.items[i].value);
	free(facts.items);
	return st;
}
