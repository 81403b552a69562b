/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsrl_v3_layout.c: may rows be read from the pages of the database, without SQLite? In the order
 * of the table: when its columns are stored one by one, as they are handed over: a column that is
 * the rowid is not stored at all, and one of affinity REAL may be stored as an integer. From pages
 * that no tree leads to: when, besides, no other table may look like this one: a row of a forgotten
 * copy would be as good as one of the release.
 */
#include "base/err.h"
#include "nsrl_v3.h"

/* The number in the first row of a query about the table, and about a column; -1: there is none. */
static enum kith_status ask(struct kith_sql *sql, const char *query, const char *table,
			    const char *column, int64_t *ret, struct kith_err *err)
{
	struct kith_sql_stmt *stmt = NULL;
	struct kith_sql_value value = {0};
	enum kith_status st = kith_sql_prepare(sql, query, &stmt, err);

	*ret = -1;
	if (st >= 0)
		st = kith_sql_bind_text(stmt, 1, table, err);
	if (st >= 0 && column != NULL)
		st = kith_sql_bind_text(stmt, 2, column, err);
	if (st >= 0)
		st = kith_sql_step(stmt, &value, 1, err);
	if (st == KITH_OK && value.type == KITH_SQL_INTEGER)
		*ret = value.number;
	kith_sql_finish(stmt);
	return st < 0 ? st : KITH_OK;
}

/* What is asked about the table ?1, and the column ?2. */
static const char stored_text[] = "SELECT count(*) FROM pragma_table_xinfo(?1)";
static const char unlike_text[] =
    "SELECT count(*) FROM pragma_table_xinfo(?1) WHERE hidden <> 0 OR "
    "type LIKE '%REAL%' OR type LIKE '%FLOA%' OR type LIKE '%DOUB%' OR "
    "(pk = 1 AND type = 'INTEGER' COLLATE NOCASE AND "
    "(SELECT max(pk) FROM pragma_table_xinfo(?1)) = 1)";
static const char root_text[] =
    "SELECT rootpage FROM sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE";
static const char similar_text[] =
    "SELECT count(*) FROM sqlite_master m, pragma_table_xinfo(m.name) x "
    "WHERE m.type = 'table' AND m.name <> ?1 COLLATE NOCASE AND "
    "x.name = 'sha256' COLLATE NOCASE";
static const char column_text[] =
    "SELECT cid FROM pragma_table_xinfo(?1) WHERE name = ?2 COLLATE NOCASE";

/* Where the columns of names are. */
static enum kith_status find_columns(struct nsrl_v3 *v3, struct kith_sql *sql,
				     const char *const *names, struct kith_err *err)
{
	struct kith_layout *layout = &v3->leaves.layout;
	int64_t number;
	enum kith_status st;
	size_t i;

	layout->columns[V3_ROWID] = KITH_LAYOUT_ROWID;
	for (i = V3_ROWID + 1; i < V3_COLUMNS && names[i] != NULL; i++) {
		st = ask(sql, column_text, v3_table(v3), names[i], &number, err);
		if (st < 0)
			return st;
		layout->columns[i] = number < 0 ? KITH_LAYOUT_NULL : (int)number;
	}
	layout->n_columns = i;
	v3->leaves.key = layout->columns[V3_SHA256];
	v3->leaves.key_n = (size_t)2 * KITH_SHA256_SIZE;
	return KITH_OK;
}

enum kith_status v3_find_layout(struct nsrl_v3 *v3, struct kith_sql *sql, const char *const *names,
				struct kith_err *err)
{
	const char *table = v3_table(v3);
	int64_t stored = 0, unlike = 0, similar = 0, root = 0;
	enum kith_status st;

	st = ask(sql, stored_text, table, NULL, &stored, err);
	if (st >= 0)
		st = ask(sql, unlike_text, table, NULL, &unlike, err);
	if (st >= 0)
		st = ask(sql, root_text, table, NULL, &root, err);
	if (st < 0 || stored < 1 || stored > 200 || unlike != 0 || root < 2 || root > UINT32_MAX)
		return st;
	v3->leaves.layout.n_stored = (size_t)stored;
	v3->root_page = (uint32_t)root;
	st = find_columns(v3, sql, names, err);
	v3->has_layout = st >= 0;
	if (st >= 0 && v3->keep_going)
		st = ask(sql, similar_text, table, NULL, &similar, err);
	v3->has_leaves = st >= 0 && v3->keep_going && similar == 0;
	return st;
}
