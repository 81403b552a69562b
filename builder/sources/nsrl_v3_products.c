/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsrl_v3_products.c: who makes what. All rows of a package count: PKG of a minimal set has one
 * for each system, manufacturer, language and type; a full set has link tables, which PKG there is
 * only a view of (an inner one: an application without a language is not in it, but it is here).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/limits.h"
#include "nsrl_v3.h"

enum product_column {
	P_PACKAGE,
	P_NAME,
	P_VERSION,
	P_MANUFACTURER,
	P_SYSTEM,       /* its id as the product's row has it */
	P_SYSTEM_FOUND, /* as its own row has it */
	P_SYSTEM_NAME,
	P_SYSTEM_VERSION,
	P_LANGUAGE,
	P_TYPE,
	P_LINK,
	P_COLUMNS
};

static const char minimal_query[] =
    "SELECT p.package_id, p.name, p.version, p.manufacturer_id, p.operating_system_id, "
    "o.operating_system_id, o.name, o.version, p.language, p.application_type, NULL "
    "FROM PKG p LEFT JOIN OS o ON o.operating_system_id = p.operating_system_id "
    "ORDER BY 1, 2, 3";

/* The parts of the query for full sets; one that needs tables which are not there is left out. */
static const struct {
	const char *needs[2];
	const char *select;
} full_parts[] = {
    {{NULL, NULL},
     "SELECT package_id, name, version, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL "
     "FROM APPLICATION"},
    {{"MANUFACTURER_APPLICATION", "MANUFACTURER"},
     "SELECT a.package_id, a.name, a.version, x.manufacturer_id, NULL, NULL, NULL, NULL, NULL, "
     "NULL, m.url FROM MANUFACTURER_APPLICATION x "
     "JOIN APPLICATION a ON a.application_id = x.application_id "
     "LEFT JOIN MANUFACTURER m ON m.manufacturer_id = x.manufacturer_id"},
    {{"OPERATING_SYSTEM_APPLICATION", "OPERATING_SYSTEM"},
     "SELECT a.package_id, a.name, a.version, NULL, x.operating_system_id, "
     "o.operating_system_id, o.name, o.version, NULL, NULL, NULL "
     "FROM OPERATING_SYSTEM_APPLICATION x "
     "JOIN APPLICATION a ON a.application_id = x.application_id "
     "LEFT JOIN OPERATING_SYSTEM o ON o.operating_system_id = x.operating_system_id"},
    {{"APPLICATION_LANGUAGE", "LANGUAGE"},
     "SELECT a.package_id, a.name, a.version, NULL, NULL, NULL, NULL, NULL, l.name, NULL, NULL "
     "FROM APPLICATION_LANGUAGE x JOIN APPLICATION a ON a.application_id = x.application_id "
     "JOIN LANGUAGE l ON l.language_id = x.language_id"},
    {{"APPLICATION_APPLICATION_TYPE", "APPLICATION_TYPE"},
     "SELECT a.package_id, a.name, a.version, NULL, NULL, NULL, NULL, NULL, NULL, "
     "t.description, NULL FROM APPLICATION_APPLICATION_TYPE x "
     "JOIN APPLICATION a ON a.application_id = x.application_id "
     "JOIN APPLICATION_TYPE t ON t.application_type_id = x.application_type_id"},
};

/* What the functions here share. */
struct reading {
	struct nsrl_v3 *v3;
	struct kith_sql *sql;
	const struct kith_source_args *args;
	struct nsrl_products *products;
	struct nsrl_tally tally;
	struct idmap distributors; /* manufacturer_id -> handle */
	struct kith_buf text;
	uint64_t row; /* of the query at hand */
	int64_t package;
	bool in_package;
};

/* A link in a database of texts: "n/a" and the like are none. */
static bool is_link(struct kith_bytes text)
{
	static const char *const heads[] = {"http://", "https://", "ftp://", "www."};
	size_t i;

	for (i = 0; i < sizeof heads / sizeof heads[0]; i++)
		if (text.n > strlen(heads[i]) && memcmp(text.data, heads[i], strlen(heads[i])) == 0)
			return true;
	return false;
}

/* Tables of products are kept in memory while they are sorted, so their size has a limit. */
static enum kith_status check_size(struct reading *r, const char *query, const char *what,
				   struct kith_err *err)
{
	struct kith_sql_stmt *stmt = NULL;
	struct kith_sql_value value;
	enum kith_status st;

	st = kith_sql_prepare(r->sql, query, &stmt, err);
	if (st >= 0)
		st = kith_sql_step(stmt, &value, 1, err);
	if (st == KITH_OK && value.number > (int64_t)KITH_LIMIT_ENTITIES)
		st = kith_fail(err, KITH_E_LIMIT, "table %s has more than %u rows", what,
			       KITH_LIMIT_ENTITIES);
	kith_sql_finish(stmt);
	return st < 0 ? st : KITH_OK;
}

static enum kith_status distributors_row(struct reading *r, const struct kith_sql_value *values,
					 struct kith_err *err)
{
	struct kith_bytes link = nsrl_trim(v3_text(&values[2]));
	struct kith_text_list links = {&link, is_link(link) ? 1 : 0};
	uint32_t handle;
	enum kith_status st;

	if (values[0].type != KITH_SQL_INTEGER) {
		nsrl_count(&r->tally, NSRL_BAD_ID, r->row);
		return KITH_OK;
	}
	if (v3_text(&values[1]).n == 0)
		nsrl_count(&r->tally, NSRL_BAD_TEXT, r->row);
	st = kith_decl_distributor(r->args->decl, v3_text(&values[1]), &links, &handle, err);
	if (st >= 0 && !idmap_add(&r->distributors, values[0].number, handle, NULL))
		st = kith_fail_nomem(err);
	return st;
}

/* Calls fn for each row of a query. */
static enum kith_status each_row(struct reading *r, const char *query, size_t n_columns,
				 enum kith_status (*fn)(struct reading *r,
							const struct kith_sql_value *values,
							struct kith_err *err),
				 struct kith_err *err)
{
	struct kith_sql_stmt *stmt = NULL;
	struct kith_sql_value values[P_COLUMNS];
	enum kith_status st;

	r->row = 0;
	st = kith_sql_prepare(r->sql, query, &stmt, err);
	while (st == KITH_OK) {
		st = kith_sql_step(stmt, values, n_columns, err);
		r->row++;
		if (st == KITH_OK)
			st = fn(r, values, err);
	}
	kith_sql_finish(stmt);
	return st < 0 ? st : KITH_OK;
}

/* ------------------------------------------------------------- packages */

static enum kith_status declare_package(struct reading *r, int64_t package, uint32_t flag,
					struct kith_err *err)
{
	char id[24];
	int n = snprintf(id, sizeof id, "%" PRId64, package);
	uint32_t place;
	enum kith_status st;

	st = nsrl_products_package(r->products, (struct kith_bytes){(const uint8_t *)id, (size_t)n},
				   &place, err);
	if (st >= 0 && !idmap_add(&r->v3->packages, package, place | flag, NULL))
		st = kith_fail_nomem(err);
	return st;
}

static enum kith_status product_system(struct reading *r, const struct kith_sql_value *values,
				       struct kith_err *err)
{
	struct kith_bytes name = v3_text(&values[P_SYSTEM_NAME]);
	struct kith_bytes version = v3_text(&values[P_SYSTEM_VERSION]);

	if (values[P_SYSTEM].type == KITH_SQL_NULL)
		return KITH_OK;
	if (values[P_SYSTEM_FOUND].type == KITH_SQL_NULL) {
		nsrl_count(&r->tally, NSRL_NO_SYSTEM, r->row);
		return KITH_OK;
	}
	r->text.n = 0;
	kith_buf_add(&r->text, name.data, name.n);
	if (name.n > 0 && version.n > 0)
		kith_buf_add_byte(&r->text, ' ');
	kith_buf_add(&r->text, version.data, version.n);
	if (r->text.failed)
		return kith_fail_nomem(err);
	return nsrl_products_text(r->products, NSRL_SYSTEMS,
				  (struct kith_bytes){r->text.data, r->text.n}, err);
}

static enum kith_status product_distributor(struct reading *r, const struct kith_sql_value *values,
					    struct kith_err *err)
{
	uint32_t handle;

	if (values[P_MANUFACTURER].type == KITH_SQL_NULL)
		return KITH_OK;
	if (values[P_MANUFACTURER].type == KITH_SQL_INTEGER &&
	    idmap_find(&r->distributors, values[P_MANUFACTURER].number, &handle))
		return nsrl_products_distributor(r->products, handle, err);
	nsrl_count(&r->tally, NSRL_NO_DISTRIBUTOR, r->row);
	return KITH_OK;
}

static enum kith_status product_row(struct reading *r, const struct kith_sql_value *values,
				    struct kith_err *err)
{
	struct kith_bytes link = nsrl_trim(v3_text(&values[P_LINK]));
	enum kith_status st = KITH_OK;

	if (values[P_PACKAGE].type != KITH_SQL_INTEGER) {
		nsrl_count(&r->tally, NSRL_BAD_ID, r->row);
		return KITH_OK;
	}
	if (r->in_package && values[P_PACKAGE].number != r->package)
		st = declare_package(r, r->package, 0, err);
	if (st < 0)
		return st;
	r->package = values[P_PACKAGE].number;
	r->in_package = true;
	if (v3_text(&values[P_NAME]).n == 0)
		nsrl_count(&r->tally, NSRL_BAD_TEXT, r->row);
	st = nsrl_products_begin(r->products, v3_text(&values[P_NAME]), v3_text(&values[P_VERSION]),
				 err);
	if (st >= 0)
		st = product_distributor(r, values, err);
	if (st >= 0)
		st = product_system(r, values, err);
	if (st >= 0)
		st = nsrl_products_text(r->products, NSRL_LANGUAGES, v3_text(&values[P_LANGUAGE]),
					err);
	if (st >= 0)
		st = nsrl_products_text(r->products, NSRL_TYPES, v3_text(&values[P_TYPE]), err);
	if (st >= 0 && is_link(link))
		st = nsrl_products_text(r->products, NSRL_LINKS, link, err);
	return st;
}

static enum kith_status object_row(struct reading *r, const struct kith_sql_value *values,
				   struct kith_err *err)
{
	uint32_t place;
	bool added;
	enum kith_status st;

	if (values[0].type != KITH_SQL_INTEGER || values[1].type != KITH_SQL_INTEGER) {
		nsrl_count(&r->tally, NSRL_BAD_ID, r->row);
		return KITH_OK;
	}
	if (!idmap_find(&r->v3->packages, values[1].number, &place)) {
		st = declare_package(r, values[1].number, V3_ORPHAN, err);
		if (st < 0)
			return st;
		if (!idmap_find(&r->v3->packages, values[1].number, &place))
			return kith_fail_nomem(err);
	}
	if (r->v3->objects.n > r->args->memory / IDMAP_ENTRY_BYTES)
		return kith_fail(
		    err, KITH_E_LIMIT,
		    "table PACKAGE_OBJECT is too large for --memory: after row %" PRIu64, r->row);
	if (!idmap_add(&r->v3->objects, values[0].number, place, &added))
		return kith_fail_nomem(err);
	if (!added)
		nsrl_count(&r->tally, NSRL_OBJECT_TWICE, r->row);
	return KITH_OK;
}

/* ---------------------------------------------------------------- queries */

/* Puts the query for full sets together from the parts whose tables exist. */
static enum kith_status full_query(struct reading *r, struct kith_buf *query, struct kith_err *err)
{
	static const char *const url[] = {"url"};
	static const char order[] = " ORDER BY 1, 2, 3";
	bool has[2], has_url = false;
	enum kith_status st;
	size_t i, k;

	st = kith_sql_columns(r->sql, "MANUFACTURER", url, 1, &has_url, err);
	if (st < 0)
		return st;
	for (i = 0; i < sizeof full_parts / sizeof full_parts[0]; i++) {
		const char *select = full_parts[i].select, *m = strstr(select, "m.url");

		for (k = 0; k < 2; k++) {
			has[k] = true;
			if (full_parts[i].needs[k] == NULL)
				continue;
			st = kith_sql_has_table(r->sql, full_parts[i].needs[k], &has[k], err);
			if (st < 0)
				return st;
			if (!has[k])
				kith_ledger_notef(r->args->ledger, r->v3->source,
						  KITH_LEDGER_FAILED, "table missing", "%s",
						  full_parts[i].needs[k]);
		}
		if (!has[0] || !has[1])
			continue;
		if (i > 0)
			kith_buf_add(query, " UNION ALL ", 11);
		if (m != NULL && !has_url) {
			kith_buf_add(query, select, (size_t)(m - select));
			kith_buf_add(query, "NULL", 4);
			select = m + 5;
		}
		kith_buf_add(query, select, strlen(select));
	}
	if (!kith_buf_add(query, order, sizeof order) || query->failed)
		return kith_fail_nomem(err);
	return KITH_OK;
}

static enum kith_status read_distributors(struct reading *r, struct kith_err *err)
{
	static const char *const url[] = {"url"};
	const char *table = r->v3->full ? "MANUFACTURER" : "MFG";
	bool has, has_url = false;
	char query[96];
	enum kith_status st;

	st = kith_sql_has_table(r->sql, table, &has, err);
	if (st < 0 || !has)
		return st; /* its absence is noted, or refused, elsewhere */
	st = kith_sql_columns(r->sql, table, url, 1, &has_url, err);
	if (st < 0)
		return st;
	(void)snprintf(query, sizeof query, "SELECT manufacturer_id, name, %s FROM %s",
		       has_url ? "url" : "NULL", table);
	st = each_row(r, query, 3, distributors_row, err);
	nsrl_tally_flush(&r->tally, r->args->ledger, r->v3->source,
			 r->v3->full ? "MANUFACTURER row" : "MFG row");
	return st;
}

static enum kith_status read_packages(struct reading *r, struct kith_err *err)
{
	const char *table = r->v3->full ? "APPLICATION" : "PKG";
	struct kith_buf query = {0};
	char size_query[64];
	enum kith_status st;

	(void)snprintf(size_query, sizeof size_query, "SELECT count(*) FROM %s", table);
	st = check_size(r, size_query, table, err);
	if (st >= 0 && r->v3->full)
		st = full_query(r, &query, err);
	if (st >= 0)
		st = each_row(r, r->v3->full ? (const char *)query.data : minimal_query, P_COLUMNS,
			      product_row, err);
	if (r->in_package && (st >= 0 || r->v3->keep_going)) {
		enum kith_status last = declare_package(r, r->package, 0, st < 0 ? NULL : err);

		st = st < 0 ? st : last;
	}
	nsrl_tally_flush(&r->tally, r->args->ledger, r->v3->source,
			 r->v3->full ? "APPLICATION row (sorted)" : "PKG row (sorted)");
	kith_buf_done(&query);
	return st;
}

static enum kith_status read_objects(struct reading *r, struct kith_err *err)
{
	enum kith_status st;

	if (!r->v3->full)
		return KITH_OK;
	st = each_row(r, "SELECT object_id, package_id FROM PACKAGE_OBJECT", 2, object_row, err);
	nsrl_tally_flush(&r->tally, r->args->ledger, r->v3->source, "PACKAGE_OBJECT row");
	return st;
}

/* Takes from the tables what can be read, so that damage does not cost all of them. */
static enum kith_status rescue_tables(struct reading *r, struct kith_err *err)
{
	static const char *const minimal[] = {"MFG", "OS", "PKG"};
	const char *tables[2 * sizeof full_parts / sizeof full_parts[0] + 1] = {0};
	size_t n = 0, i;
	enum kith_status st = KITH_OK;
	bool has;

	if (r->v3->full) {
		tables[n++] = "APPLICATION";
		for (i = 1; i < sizeof full_parts / sizeof full_parts[0]; i++) {
			tables[n++] = full_parts[i].needs[0];
			tables[n++] = full_parts[i].needs[1];
		}
	} else {
		for (i = 0; i < sizeof minimal / sizeof minimal[0]; i++)
			tables[n++] = minimal[i];
	}
	for (i = 0; i < n && st >= 0; i++) {
		st = kith_sql_has_table(r->sql, tables[i], &has, err);
		if (st >= 0 && has)
			st = v3_rescue(r->v3, r->sql, tables[i], r->args->ledger, err);
	}
	return st;
}

enum kith_status v3_read_products(struct nsrl_v3 *v3, struct kith_sql *sql,
				  const struct kith_source_args *args, struct kith_err *err)
{
	static const struct {
		const char *what;
		enum kith_status (*read)(struct reading *r, struct kith_err *err);
	} steps[] = {
	    {"manufacturers", read_distributors},
	    {"packages", read_packages},
	    {"objects", read_objects},
	};
	struct reading r = {.v3 = v3, .sql = sql, .args = args};
	enum kith_status st;
	size_t i;

	st = nsrl_products_new(args->decl, v3->root, &r.products, err);
	if (st >= 0 && v3->keep_going)
		st = rescue_tables(&r, err);
	for (i = 0; st >= 0 && i < sizeof steps / sizeof steps[0]; i++) {
		struct kith_err fault = {0};

		st = steps[i].read(&r, &fault);
		if (st == KITH_E_CORRUPT && v3->keep_going) {
			kith_ledger_notef(args->ledger, v3->source, KITH_LEDGER_FAILED,
					  "damaged database", "reading %s, row %" PRIu64,
					  steps[i].what, r.row);
			st = KITH_OK;
		} else if (st < 0 && err != NULL) {
			*err = fault;
			kith_err_context(err, "reading %s", steps[i].what);
		}
	}
	nsrl_products_free(r.products);
	idmap_done(&r.distributors);
	kith_buf_done(&r.text);
	return st;
}
