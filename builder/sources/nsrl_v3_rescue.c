/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsrl_v3_rescue.c: with keep-going, what can be read of a table whose rows are joined and sorted,
 * before that is done: a query that sorts ends at the first damaged page, and gives nothing.
 *
 * The rows go to a temporary table of the same name, which queries find first. They are found by
 * their numbers, without any index, which may be damaged by itself.
 */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/limits.h"
#include "nsrl_v3.h"

#define ROWID_MOST (INT64_C(1) << 40) /* far over what a release has */

struct rescue {
	const struct nsrl_v3 *v3;
	struct kith_sql *sql;
	struct kith_ledger *ledger;
	const char *table;
	struct kith_sql_stmt *rowids, *copy;
	bool any; /* rows were found: */
	int64_t last;
	uint64_t n;
};

/* text: with @ for the table's name. */
static enum kith_status prepare(const struct rescue *r, const char *text,
				struct kith_sql_stmt **ret, struct kith_err *err)
{
	struct kith_buf sql = {0};
	enum kith_status st;

	for (; *text != '\0'; text++)
		(void)(*text == '@' ? kith_buf_add(&sql, r->table, strlen(r->table))
				    : kith_buf_add_byte(&sql, (uint8_t)*text));
	st = kith_buf_add_byte(&sql, '\0') && !sql.failed
		 ? kith_sql_prepare(r->sql, (const char *)sql.data, ret, err)
		 : kith_fail_nomem(err);
	kith_buf_done(&sql);
	return st;
}

/* Runs a statement that has no rows. */
static enum kith_status run(const struct rescue *r, const char *text, struct kith_err *err)
{
	struct kith_sql_stmt *stmt = NULL;
	enum kith_status st = prepare(r, text, &stmt, err);

	if (st >= 0)
		st = kith_sql_step(stmt, NULL, 0, err);
	kith_sql_finish(stmt);
	return st < 0 ? st : KITH_OK;
}

static void note(const struct rescue *r)
{
	kith_ledger_notef(r->ledger, r->v3->source, KITH_LEDGER_FAILED, "damaged database",
			  "%s, after row %" PRId64, r->table, r->any ? r->last : 0);
}

/* The number of the first row from one on. */
static enum kith_status first_from(struct rescue *r, int64_t from, int64_t *ret,
				   struct kith_err *err)
{
	struct kith_sql_value value = {0};
	enum kith_status st;

	kith_sql_reset(r->rowids);
	st = kith_sql_bind_number(r->rowids, 1, from, err);
	if (st >= 0)
		st = kith_sql_step(r->rowids, &value, 1, err);
	*ret = value.number;
	return st;
}

/* Copies the rows from one on. KITH_END: there are no more. */
static enum kith_status copy_from(struct rescue *r, int64_t from, struct kith_err *err)
{
	struct kith_sql_value value = {.type = KITH_SQL_INTEGER};
	bool in_order = true;
	enum kith_status st = first_from(r, from, &value.number, err);

	for (; st == KITH_OK; st = kith_sql_step(r->rowids, &value, 1, err)) {
		enum kith_status copied;

		if (in_order && r->any && value.number <= r->last) {
			note(r);
			in_order = false;
		}
		kith_sql_reset(r->copy);
		st = kith_sql_bind_number(r->copy, 1, value.number, err);
		if (st < 0)
			return st;
		copied = kith_sql_step(r->copy, NULL, 0, err);
		kith_sql_reset(r->copy);
		if (copied == KITH_E_CORRUPT)
			note(r); /* the row goes on in a damaged page */
		else if (copied < 0)
			return copied;
		r->any = true;
		r->last = value.number;
		if (++r->n > KITH_LIMIT_ENTITIES)
			return kith_fail(err, KITH_E_LIMIT, "table %s has more than %u rows",
					 r->table, KITH_LIMIT_ENTITIES);
	}
	return st;
}

/* The least number, from one on, from which rows can be found again; KITH_END: none. */
static enum kith_status find_again(struct rescue *r, int64_t from, int64_t *ret)
{
	int64_t bad = from - 1, good = bad, skip, row;
	enum kith_status st = KITH_E_CORRUPT;

	for (skip = 1; st == KITH_E_CORRUPT && good < ROWID_MOST; skip *= 2) {
		bad = good;
		good = bad + skip;
		st = first_from(r, good, &row, NULL);
	}
	if (st < 0)
		return st == KITH_E_CORRUPT ? KITH_END : st;
	while (good - bad > 1) {
		int64_t middle = bad + (good - bad) / 2;

		st = first_from(r, middle, &row, NULL);
		if (st < 0 && st != KITH_E_CORRUPT)
			return st;
		if (st < 0)
			bad = middle;
		else
			good = middle;
	}
	*ret = good;
	return KITH_OK;
}

static enum kith_status copy_all(struct rescue *r, struct kith_err *err)
{
	int64_t from = INT64_MIN;
	enum kith_status st;

	while ((st = copy_from(r, from, err)) == KITH_E_CORRUPT) {
		note(r);
		if (r->any && r->last >= from && r->last < ROWID_MOST)
			from = r->last + 1;
		else
			from = from < 0 ? 0 : from + 1;
		st = find_again(r, from, &from);
		if (st != KITH_OK)
			break;
	}
	return st < 0 ? st : KITH_OK;
}

enum kith_status v3_rescue(const struct nsrl_v3 *v3, struct kith_sql *sql, const char *table,
			   struct kith_ledger *ledger, struct kith_err *err)
{
	struct rescue r = {.v3 = v3, .sql = sql, .ledger = ledger, .table = table};
	enum kith_status st;

	/* The database itself cannot be written to: it was opened for reading. */
	st = run(&r, "PRAGMA query_only = OFF", err);
	if (st >= 0)
		st = prepare(
		    &r, "SELECT rowid FROM main.@ NOT INDEXED WHERE rowid >= ?1 ORDER BY rowid",
		    &r.rowids, err);
	if (st == KITH_E_UNSUPPORTED) { /* rows without numbers are read as they are */
		st = KITH_OK;
		goto out;
	}
	if (st >= 0)
		st = run(&r, "CREATE TEMP TABLE @ AS SELECT * FROM main.@ WHERE 0", err);
	if (st >= 0)
		st = prepare(&r,
			     "INSERT INTO temp.@ SELECT * FROM main.@ NOT INDEXED WHERE rowid = ?1",
			     &r.copy, err);
	if (st >= 0)
		st = copy_all(&r, err);
out:
	kith_sql_finish(r.rowids);
	kith_sql_finish(r.copy);
	if (st >= 0)
		st = run(&r, "PRAGMA query_only = ON", err);
	return st;
}
