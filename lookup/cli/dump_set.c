/* SPDX-License-Identifier: Apache-2.0 */
/* dump_set.c: the canonical text of a whole set, in pieces; base/dump.h makes the lines. */
#define _POSIX_C_SOURCE 200809L
#include "base/dump.h"
#include "cli/cli.h"

#define PIECE ((size_t)64 << 10)

struct dump {
	kith_reader *reader;
	struct kith_set_info info;
	struct kith_buf buf;
	kith_dump_sink sink;
	void *user;
	struct kith_err *err;
};

/* After each line: hands a full piece over. made: what the line's function said. */
static enum kith_status go_on(struct dump *dump, bool made)
{
	if (!made)
		return dump->buf.failed
			   ? kith_fail_nomem(dump->err)
			   : kith_fail(dump->err, KITH_E_CORRUPT, "a record is damaged");
	if (dump->buf.n < PIECE)
		return KITH_OK;
	if (!dump->sink(dump->user, dump->buf.data, dump->buf.n))
		return KITH_E_CANCELLED;
	dump->buf.n = 0;
	return KITH_OK;
}

static enum kith_status corrupt(struct dump *dump, const char *table, uint64_t rank)
{
	return kith_fail(dump->err, KITH_E_CORRUPT, "table %s: item %llu is damaged", table,
			 (unsigned long long)rank);
}

static enum kith_status dump_ranks(struct dump *dump)
{
	enum kith_status st = KITH_OK;
	uint64_t i;

	for (i = 0; i < dump->info.sources && st == KITH_OK; i++) {
		struct kith_source source;

		if (kith_source(dump->reader, (uint32_t)i, &source) != KITH_OK)
			return corrupt(dump, "source", i);
		st = go_on(dump, kith_dump_source(&dump->buf, (uint32_t)i, &source));
	}
	for (i = 0; i < dump->info.distributors && st == KITH_OK; i++) {
		struct kith_distributor distributor;

		if (kith_distributor(dump->reader, (uint32_t)i, &distributor) != KITH_OK)
			return corrupt(dump, "distributor", i);
		st = go_on(dump, kith_dump_distributor(&dump->buf, (uint32_t)i, &distributor));
	}
	for (i = 0; i < dump->info.products && st == KITH_OK; i++) {
		struct kith_product product;

		if (kith_product(dump->reader, (uint32_t)i, &product) != KITH_OK)
			return corrupt(dump, "product", i);
		st = go_on(dump, kith_dump_product(&dump->buf, (uint32_t)i, &product));
	}
	for (i = 0; i < dump->info.places && st == KITH_OK; i++) {
		struct kith_place place;

		if (kith_place(dump->reader, (uint32_t)i, &place) != KITH_OK)
			return corrupt(dump, "place", i);
		st = go_on(dump, kith_dump_place(&dump->buf, (uint32_t)i, &place));
	}
	for (i = 0; i < dump->info.names && st == KITH_OK; i++) {
		struct kith_bytes name;

		if (kith_name(dump->reader, (uint32_t)i, &name) != KITH_OK)
			return corrupt(dump, "name", i);
		st = go_on(dump, kith_dump_name(&dump->buf, (uint32_t)i, name));
	}
	return st;
}

static enum kith_status dump_files(struct dump *dump, enum kith_table table)
{
	kith_cursor *cursor = NULL;
	struct kith_file file;
	enum kith_status st = kith_cursor_open(dump->reader, table, NULL, 0, &cursor, dump->err);

	if (st != KITH_OK)
		return st;
	while ((st = kith_cursor_next(cursor, &file)) == KITH_OK) {
		st = go_on(dump, kith_dump_file(&dump->buf, &file));
		if (st != KITH_OK)
			break;
	}
	kith_cursor_close(cursor);
	if (st == KITH_E_CORRUPT)
		return kith_fail(dump->err, st, "a file record is damaged");
	return st == KITH_END ? KITH_OK : st;
}

struct rows {
	struct dump *dump;
	enum kith_status status;
};

static int dump_ledger(const struct kith_ledger_entry *entry, void *user)
{
	struct rows *rows = user;

	rows->status = go_on(rows->dump, kith_dump_ledger(&rows->dump->buf, entry));
	return rows->status != KITH_OK;
}

static int dump_meta(const char *key, size_t key_n, const uint8_t *value, size_t value_n,
		     void *user)
{
	struct rows *rows = user;

	if (!kith_dump_has_meta(key, key_n))
		return 0;
	rows->status =
	    go_on(rows->dump, kith_dump_meta(&rows->dump->buf, key, key_n, value, value_n));
	return rows->status != KITH_OK;
}

/* The status of a walk whose callback may have failed by itself. */
static enum kith_status walked(struct rows *rows, const char *table, enum kith_status st)
{
	if (rows->status != KITH_OK)
		return rows->status;
	if (st < 0)
		return kith_fail(rows->dump->err, st, "table %s is damaged", table);
	return KITH_OK;
}

enum kith_status kith_dump_set(kith_set *set, kith_dump_sink sink, void *user, struct kith_err *err)
{
	struct dump dump = {.sink = sink, .user = user, .err = err};
	struct rows rows = {&dump, KITH_OK};
	enum kith_status st = kith_reader_open(set, &dump.reader, err);

	if (st != KITH_OK)
		return st;
	kith_set_info(set, &dump.info);
	st = go_on(&dump, kith_dump_head(&dump.buf));
	if (st == KITH_OK)
		st = dump_ranks(&dump);
	if (st == KITH_OK)
		st = dump_files(&dump, KITH_TABLE_SHA1_ONLY);
	if (st == KITH_OK)
		st = dump_files(&dump, KITH_TABLE_FILE);
	if (st == KITH_OK)
		st = walked(&rows, "ledger", kith_ledger_each(dump.reader, dump_ledger, &rows));
	if (st == KITH_OK)
		st = walked(&rows, "meta", kith_meta_each(dump.reader, dump_meta, &rows));
	if (st == KITH_OK && dump.buf.n > 0 && !sink(user, dump.buf.data, dump.buf.n))
		st = KITH_E_CANCELLED;
	kith_buf_done(&dump.buf);
	kith_reader_close(dump.reader);
	return st;
}
