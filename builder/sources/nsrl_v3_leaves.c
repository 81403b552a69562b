/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsrl_v3_leaves.c: may rows be taken from pages that no tree leads to? The columns have to be
 * stored one by one, and no other table may look like this one: a row of a forgotten copy would be
 * as good as one of the release. A column that is the rowid is not stored at all.
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

enum kith_status v3_find_leaves(struct nsrl_v3 *v3, struct kith_sql *sql, const char *const *names,
				struct kith_err *err)
{
	struct kith_leaves *leaves = &v3->leaves;
	const char *table = v3_table(v3);
	int64_t stored = 0, unlike = 0, similar = 0;
	enum kith_status st;
	size_t i;

	st = ask(sql, "SELECT count(*) FROM pragma_table_xinfo(?1)", table, NULL, &stored, err);
	if (st >= 0)
		st = ask(sql,
			 "SELECT count(*) FROM pragma_table_xinfo(?1) "
			 "WHERE hidden <> 0 OR (pk = 1 AND type = 'INTEGER' COLLATE NOCASE AND "
			 "(SELECT max(pk) FROM pragma_table_xinfo(?1)) = 1)",
			 table, NULL, &unlike, err);
	if (st >= 0)
		st = ask(sql,
			 "SELECT count(*) FROM sqlite_master m, pragma_table_xinfo(m.name) x "
			 "WHERE m.type = 'table' AND m.name <> ?1 COLLATE NOCASE AND "
			 "x.name = 'sha256' COLLATE NOCASE",
			 table, NULL, &similar, err);
	if (st < 0 || stored < 1 || stored > 200 || unlike != 0 || similar != 0)
		return st;
	leaves->n_stored = (size_t)stored;
	leaves->columns[V3_ROWID] = KITH_LEAVES_ROWID;
	for (i = V3_ROWID + 1; i < V3_COLUMNS && names[i] != NULL; i++) {
		int64_t number;

		st = ask(sql,
			 "SELECT cid FROM pragma_table_xinfo(?1) WHERE name = ?2 COLLATE NOCASE",
			 table, names[i], &number, err);
		if (st < 0)
			return st;
		leaves->columns[i] = number < 0 ? KITH_LEAVES_NULL : (int)number;
	}
	leaves->n_columns = i;
	leaves->key = leaves->columns[V3_SHA256];
	leaves->key_n = 64;
	v3->has_leaves = true;
	return KITH_OK;
}
