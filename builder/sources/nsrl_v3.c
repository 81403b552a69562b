/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsrl_v3.c: reads NSRL RDS v3 databases, full or minimal, as such or in their published zip. Which
 * kind it is, is told by its tables: METADATA makes it full, FILE minimal. Queries run only after
 * the schema was recognised.
 */
#define _POSIX_C_SOURCE 200809L
#include "nsrl_v3.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "unpack.h"

/* So many rows make a shard worth while; tables below are read in one. */
#define SHARD_ROWS      16384u
#define SHARDS_BY_ROWID 64u
#define SHARDS_TO_KEEP  16u /* the same with keep-going: each damaged one reads the file again */
#define SHARDS_BY_HASH  256u
#define ROWID_MAX       (INT64_C(1) << 40) /* of a damaged table: far over what a release has */
#define HASH_SPAN       65535u             /* positions by hash: 16 bits */

/* Column names, by enum v3_column; V3_ROWID has none. NULL: the kind does not have it. */
static const char *const columns_full[V3_COLUMNS] = {
    [V3_SHA256] = "sha256",       [V3_SHA1] = "sha1",      [V3_MD5] = "md5",
    [V3_SIZE] = "bytes",          [V3_NAME] = "file_name", [V3_OWNER] = "object_id",
    [V3_EXTENSION] = "extension", [V3_PATH] = "path",      [V3_EXTRACTEE] = "extractee_id",
};
static const char *const columns_minimal[V3_COLUMNS] = {
    [V3_SHA256] = "sha256",  [V3_SHA1] = "sha1",      [V3_MD5] = "md5",
    [V3_SIZE] = "file_size", [V3_NAME] = "file_name", [V3_OWNER] = "package_id",
};

/* ------------------------------------------------------------------ input */

static enum kith_match probe(const struct kith_probe *in)
{
	if (in->is_folder)
		return KITH_MATCH_NO;
	if (in->head_n >= KITH_SQL_MAGIC_SIZE &&
	    memcmp(in->head, KITH_SQL_MAGIC, KITH_SQL_MAGIC_SIZE) == 0)
		return KITH_MATCH_CERTAIN;
	switch (nsrl_zip_kind(in->head, in->head_n)) {
	case NSRL_ZIP_V3: return KITH_MATCH_CERTAIN;
	case NSRL_ZIP_UNSURE: return KITH_MATCH_MAYBE;
	case NSRL_ZIP_V2:
	case NSRL_ZIP_NONE: break;
	}
	return KITH_MATCH_NO;
}

static bool set_path(struct kith_buf *buf, const char *path)
{
	buf->n = 0;
	return kith_buf_add(buf, path, strlen(path) + 1);
}

/* What the members of a zip are for us. */
struct zip_content {
	unsigned databases, deltas, encrypted;
	unsigned exact; /* databases that are named like the zip */
};

static bool is_named_like(const char *member, struct kith_bytes zip)
{
	const char *slash = strrchr(member, '/'), *last = slash == NULL ? member : slash + 1;
	size_t n = strlen(last);

	return zip.n > 4 && n > 3 && n - 3 == zip.n - 4 && memcmp(last, zip.data, n - 3) == 0;
}

/* Of a zip without its directory: up to a database that can be passed only by unpacking it. */
static enum kith_status list_zip(const char *path, enum kith_unpack_format format,
				 struct zip_content *content, struct kith_err *err)
{
	struct kith_unpack *unpack = NULL;
	struct kith_member member = {.has_size = true};
	struct kith_bytes zip = nsrl_base_name(path);
	enum kith_status st;

	*content = (struct zip_content){0};
	st = kith_unpack_open(path, path, format, &unpack, err);
	while (st == KITH_OK && (member.has_size || content->databases == 0)) {
		st = kith_unpack_next(unpack, &member, err);
		if (st != KITH_OK || !member.is_file)
			continue;
		if (nsrl_has_suffix(member.name, ".sql") &&
		    !nsrl_has_suffix(member.name, ".schema.sql"))
			content->deltas++;
		if (!nsrl_has_suffix(member.name, ".db"))
			continue;
		content->databases++;
		content->encrypted += member.encrypted ? 1 : 0;
		content->exact += is_named_like(member.name, zip) ? 1 : 0;
	}
	kith_unpack_close(unpack);
	if (format == KITH_UNPACK_ZIP_CUT && st == KITH_E_CORRUPT)
		st = KITH_OK; /* the end */
	return st < 0 ? st : KITH_OK;
}

/* Unpacks the zip's database to the scratch folder. */
static enum kith_status unpack_database(struct nsrl_v3 *v3, const struct kith_source_args *args,
					struct kith_err *err)
{
	enum kith_unpack_format format = KITH_UNPACK_ZIP;
	struct zip_content content;
	struct kith_unpack *unpack = NULL;
	struct kith_member member;
	struct kith_err fault = {0};
	const char *path;
	bool found = false;
	enum kith_status st;

	st = list_zip(args->path, format, &content, &fault);
	if (st == KITH_E_CORRUPT && v3->keep_going) {
		format = KITH_UNPACK_ZIP_CUT;
		if (list_zip(args->path, format, &content, NULL) == KITH_OK &&
		    content.databases > 0)
			st = KITH_OK;
	}
	if (st < 0) {
		if (err != NULL)
			*err = fault;
		return st;
	}
	if (content.databases == 0)
		return kith_fail(err, KITH_E_UNSUPPORTED,
				 content.deltas > 0
				     ? "it holds a delta (.sql): deltas are not read yet, apply it "
				       "to its database with sqlite3 first"
				     : "a zip without an NSRL RDS: expected a .db of release 3, "
				       "or NSRLFile.txt of release 2");
	if (content.databases > 1 && content.exact != 1)
		return kith_fail(err, KITH_E_UNSUPPORTED,
				 "it holds %u databases and %s is named like it", content.databases,
				 content.exact == 0 ? "none" : "more than one");
	if (content.encrypted > 0)
		return kith_fail(err, KITH_E_UNSUPPORTED,
				 "it is encrypted: expected the NSRL's zip as published");
	st = kith_unpack_open(args->path, args->path, format, &unpack, err);
	while (st == KITH_OK && !found) {
		st = kith_unpack_next(unpack, &member, err);
		found = st == KITH_OK && member.is_file && nsrl_has_suffix(member.name, ".db") &&
			(content.databases == 1 ||
			 is_named_like(member.name, nsrl_base_name(args->path)));
	}
	if (st >= 0 && !found)
		st = kith_fail(err, KITH_E_CORRUPT, "the zip changed while it was read");
	if (st >= 0)
		st = kith_unpack_spool(unpack, &member, args, ".db", &path, err);
	if (st >= 0) {
		nsrl_fault_take(&v3->fault, unpack, member.name);
		if (!set_path(&v3->path, path))
			st = kith_fail_nomem(err);
	}
	kith_unpack_close(unpack);
	return st;
}

/* Finds out where the database is: the input itself, or in it. */
static enum kith_status find_database(struct nsrl_v3 *v3, const struct kith_source_args *args,
				      struct kith_err *err)
{
	uint8_t head[4];
	size_t got;
	int fd;
	enum kith_status st;

	st = kith_io_open(args->path, &fd, err);
	if (st < 0)
		return st;
	st = kith_io_read(fd, head, sizeof head, &got, err);
	(void)close(fd);
	if (st < 0)
		return st;
	if (got == sizeof head && memcmp(head, "PK", 2) == 0)
		return unpack_database(v3, args, err);
	return set_path(&v3->path, args->path) ? KITH_OK : kith_fail_nomem(err);
}

/* ----------------------------------------------------------------- schema */

static enum kith_status need_table(struct kith_sql *sql, const char *table, struct kith_err *err)
{
	bool has;
	enum kith_status st = kith_sql_has_table(sql, table, &has, err);

	if (st >= 0 && !has)
		st = kith_fail(err, KITH_E_UNSUPPORTED,
			       "not a complete NSRL RDS v3 database: no table %s", table);
	return st;
}

/* Does a statement compile? False for a column that is not there. */
static enum kith_status compiles(struct kith_sql *sql, const char *text, bool *ret,
				 struct kith_err *err)
{
	struct kith_sql_stmt *stmt = NULL;
	enum kith_status st = kith_sql_prepare(sql, text, &stmt, err);

	kith_sql_finish(stmt);
	*ret = st >= 0;
	return st == KITH_E_UNSUPPORTED ? KITH_OK : st;
}

/* Makes the SELECT for the rows out of the columns that the table has. */
static enum kith_status make_select(struct nsrl_v3 *v3, struct kith_sql *sql, bool has_rowid,
				    struct kith_err *err)
{
	const char *const *names = v3->full ? columns_full : columns_minimal;
	const char *table = v3_table(v3);
	bool has;
	enum kith_status st;
	size_t i;

	kith_buf_add(&v3->select, "SELECT " KITH_SQL_EACH "(", sizeof KITH_SQL_EACH + 7);
	kith_buf_add(&v3->select, has_rowid ? "rowid" : "NULL", has_rowid ? 5 : 4);
	for (i = V3_ROWID + 1; i < V3_COLUMNS && names[i] != NULL; i++) {
		const char *text = names[i];

		st = kith_sql_columns(sql, table, &names[i], 1, &has, err);
		if (st < 0)
			return st;
		if (!has && i <= V3_OWNER)
			return kith_fail(err, KITH_E_UNSUPPORTED,
					 "not an NSRL RDS v3 database: no column '%s' in table %s",
					 names[i], table);
		if (!has)
			text = "NULL";
		kith_buf_add(&v3->select, ", ", 2);
		kith_buf_add(&v3->select, text, strlen(text));
	}
	kith_buf_add(&v3->select, ") FROM ", 7);
	if (!kith_buf_add(&v3->select, table, strlen(table) + 1) || v3->select.failed)
		return kith_fail_nomem(err);
	return KITH_OK;
}

/* Can containers be looked up? Then makes the query for it. */
static enum kith_status make_container(struct nsrl_v3 *v3, struct kith_sql *sql,
				       struct kith_err *err)
{
	static const char *const names[] = {"metadata_id", "extractee_id", "path", "extension"};
	char text[256];
	bool has[4], indexed = false;
	enum kith_status st;
	int n;

	st = kith_sql_columns(sql, "METADATA", names, 4, has, err);
	if (st >= 0 && has[0])
		st = kith_sql_has_index(sql, "METADATA", "metadata_id", &indexed, err);
	if (st < 0 || !has[0] || !has[1] || !indexed)
		return st;
	n = snprintf(text, sizeof text,
		     "SELECT %s, file_name, %s, extractee_id FROM METADATA WHERE metadata_id = ?1 "
		     "LIMIT 1",
		     has[2] ? "path" : "NULL", has[3] ? "extension" : "NULL");
	if (!kith_buf_add(&v3->container, text, (size_t)n + 1))
		return kith_fail_nomem(err);
	v3->has_chain = true;
	return KITH_OK;
}

/* One value of the first row of a query; KITH_SQL_NULL when there is none. */
static enum kith_status query_number(struct kith_sql *sql, const char *text,
				     struct kith_sql_value *ret, struct kith_err *err)
{
	struct kith_sql_stmt *stmt = NULL;
	enum kith_status st = kith_sql_prepare(sql, text, &stmt, err);

	ret->type = KITH_SQL_NULL;
	if (st >= 0)
		st = kith_sql_step(stmt, ret, 1, err);
	kith_sql_finish(stmt);
	return st < 0 ? st : KITH_OK;
}

/* Do the hashes have lower-case letters? Only a matter of even shards: no row depends on it. */
static enum kith_status probe_case(struct nsrl_v3 *v3, struct kith_sql *sql, struct kith_err *err)
{
	struct kith_sql_value value;
	enum kith_status st;

	st = query_number(sql,
			  "SELECT count(*) FROM (SELECT 1 FROM FILE WHERE sha256 >= 'a' LIMIT 1)",
			  &value, err);
	v3->lower_case = st >= 0 && value.type == KITH_SQL_INTEGER && value.number > 0;
	return st;
}

/* Decides how the rows are divided. */
static enum kith_status split_rows(struct nsrl_v3 *v3, struct kith_sql *sql, bool has_rowid,
				   struct kith_source_plan *plan, struct kith_err *err)
{
	struct kith_sql_value low = {0}, high = {0};
	char text[64];
	bool indexed = false, numbers = false, damaged;
	uint64_t size, whole;
	enum kith_status st = KITH_OK;

	damaged = kith_sql_is_cut(sql, &size, &whole);
	plan->unit = "rows";
	v3->n_shards = 1;
	if (has_rowid) {
		(void)snprintf(text, sizeof text, "SELECT min(rowid) FROM %s", v3_table(v3));
		st = query_number(sql, text, &low, err);
		(void)snprintf(text, sizeof text, "SELECT max(rowid) FROM %s", v3_table(v3));
		if (st >= 0)
			st = query_number(sql, text, &high, err);
		if (st >= 0 && low.type == KITH_SQL_INTEGER && high.type == KITH_SQL_INTEGER &&
		    high.number < low.number)
			st = kith_fail(err, KITH_E_CORRUPT,
				       "damaged database: table %s ends before it begins",
				       v3_table(v3));
		if (damaged || (st == KITH_E_CORRUPT && v3->keep_going)) {
			/* an end is lost: search all that a table may hold */
			low = (struct kith_sql_value){.type = KITH_SQL_INTEGER, .number = 0};
			high =
			    (struct kith_sql_value){.type = KITH_SQL_INTEGER, .number = ROWID_MAX};
			damaged = true;
			st = KITH_OK;
		}
		numbers = low.type == KITH_SQL_INTEGER && high.type == KITH_SQL_INTEGER;
	}
	/* with keep-going in the order of the file: what a damaged page costs is found there */
	if (st >= 0 && !v3->full && !(v3->keep_going && numbers))
		st = kith_sql_has_index(sql, "FILE", "sha256", &indexed, err);
	if (st < 0)
		goto out;
	if (numbers) {
		v3->first_rowid = low.number;
		v3->span = (uint64_t)high.number - (uint64_t)low.number;
		plan->rows = v3->span < UINT64_C(1) << 40 ? v3->span + 1 : 0;
		plan->total_units = plan->rows;
	}
	if (numbers && (damaged || v3->span < SHARD_ROWS)) {
		v3->split = V3_BY_ROWID;
	} else if (indexed) {
		v3->split = V3_BY_HASH;
		v3->span = HASH_SPAN;
		v3->n_shards = SHARDS_BY_HASH + 1;
		st = probe_case(v3, sql, err);
	} else if (numbers) {
		v3->split = V3_BY_ROWID;
		v3->n_shards = v3->keep_going ? SHARDS_TO_KEEP : SHARDS_BY_ROWID;
	}
out:
	plan->n_shards = v3->n_shards;
	return st;
}

/* ---------------------------------------------------------------- release */

/* "2026-03-01" out of "2026-03-01 00:00:00" or "2026/03/01"; empty when it is something else. */
static struct kith_bytes date_part(struct kith_bytes text, char date[static 10])
{
	size_t i;

	if (text.n < 10)
		return (struct kith_bytes){NULL, 0};
	memcpy(date, text.data, 10);
	for (i = 0; i < 10; i++) {
		bool separator = i == 4 || i == 7;

		if (separator && (date[i] == '-' || date[i] == '/'))
			date[i] = '-';
		else if (separator || date[i] < '0' || date[i] > '9')
			return (struct kith_bytes){NULL, 0};
	}
	return (struct kith_bytes){(const uint8_t *)date, 10};
}

/* What is known to be lost before anything is read. */
static void note_losses(const struct nsrl_v3 *v3, const struct kith_sql *sql,
			struct kith_ledger *ledger)
{
	uint64_t size, whole;

	nsrl_fault_note(&v3->fault, ledger, v3->source);
	if (kith_sql_is_cut(sql, &size, &whole))
		kith_ledger_notef(ledger, v3->source, KITH_LEDGER_FAILED, "database cut off",
				  "at offset %llu of %llu", (unsigned long long)size,
				  (unsigned long long)whole);
}

static enum kith_status declare(struct nsrl_v3 *v3, struct kith_sql *sql,
				const struct kith_source_args *args, struct kith_err *err)
{
	static const uint8_t unknown[] = "unknown";
	struct nsrl_release release = {.prefix = "nsrl"};
	struct kith_sql_value values[3] = {{0}};
	struct kith_sql_stmt *stmt = NULL;
	char date[10];
	enum kith_status st;

	st = kith_sql_prepare(sql,
			      "SELECT version, build_set, release_date FROM VERSION "
			      "ORDER BY release_date DESC, version DESC LIMIT 1",
			      &stmt, err);
	if (st >= 0)
		st = kith_sql_step(stmt, values, 3, err);
	if (st == KITH_E_CORRUPT && v3->keep_going) {
		/* its name is lost, its rows need not be */
		values[0] = (struct kith_sql_value){unknown, sizeof unknown - 1, 0, KITH_SQL_TEXT};
		values[1] = values[0];
		st = KITH_OK;
	}
	if (st == KITH_END)
		st = kith_fail(err, KITH_E_UNSUPPORTED,
			       "not a complete NSRL RDS v3 database: table VERSION is empty");
	if (st < 0)
		goto out;
	release.release = nsrl_trim(v3_text(&values[0]));
	release.set = nsrl_trim(v3_text(&values[1]));
	release.date = date_part(v3_text(&values[2]), date);
	if (args->set_name != NULL)
		release.set =
		    (struct kith_bytes){(const uint8_t *)args->set_name, strlen(args->set_name)};
	st = nsrl_declare(args, &release, &v3->source, &v3->root, err);
	if (st >= 0)
		note_losses(v3, sql, args->ledger);
out:
	kith_sql_finish(stmt);
	return st;
}

/* -------------------------------------------------------------------- ops */

static enum kith_status recognise(struct nsrl_v3 *v3, struct kith_sql *sql, struct kith_err *err)
{
	static const char *const tables_full[] = {"PACKAGE_OBJECT", "APPLICATION", "MANUFACTURER",
						  "VERSION"};
	static const char *const tables_minimal[] = {"PKG", "MFG", "OS", "VERSION"};
	bool file;
	enum kith_status st;
	size_t i;

	st = kith_sql_has_table(sql, "METADATA", &v3->full, err);
	if (st >= 0)
		st = kith_sql_has_table(sql, "FILE", &file, err);
	if (st < 0)
		return st;
	if (!v3->full && !file)
		return kith_fail(err, KITH_E_UNSUPPORTED,
				 "not an NSRL RDS v3 database: no table METADATA or FILE");
	for (i = 0; i < 4 && st >= 0; i++)
		st = need_table(sql, v3->full ? tables_full[i] : tables_minimal[i], err);
	return st;
}

/* Why nothing can be made of a database, when what is there of it is not all. */
static void explain(const struct nsrl_v3 *v3, const struct kith_sql *sql, struct kith_err *err)
{
	uint64_t size, whole;

	if (v3->fault.fault != KITH_UNPACK_SOUND)
		kith_err_context(err,
				 "damaged or truncated zip: '%s', at offset %llu of its content",
				 v3->fault.member, (unsigned long long)v3->fault.offset);
	else if (sql != NULL && kith_sql_is_cut(sql, &size, &whole))
		kith_err_context(
		    err, "damaged database: it ends at offset %llu, its header tells of %llu bytes",
		    (unsigned long long)size, (unsigned long long)whole);
}

static enum kith_status open_database(struct nsrl_v3 *v3, const struct kith_source_args *args,
				      struct kith_source_plan *ret_plan, struct kith_err *err)
{
	struct kith_sql *sql = NULL;
	char text[64];
	bool has_rowid = false;
	enum kith_status st;

	st = kith_sql_open((const char *)v3->path.data, v3->cache_bytes, v3->keep_going, &sql, err);
	if (st >= 0)
		st = recognise(v3, sql, err);
	if (st < 0)
		goto out;
	(void)snprintf(text, sizeof text, "SELECT rowid FROM %s", v3_table(v3));
	st = compiles(sql, text, &has_rowid, err);
	if (st >= 0)
		st = make_select(v3, sql, has_rowid, err);
	if (st >= 0 && v3->full)
		st = make_container(v3, sql, err);
	if (st >= 0 && has_rowid)
		st = v3_find_layout(v3, sql, v3->full ? columns_full : columns_minimal, err);
	if (st >= 0)
		st = declare(v3, sql, args, err);
	if (st >= 0)
		st = v3_read_products(v3, sql, args, err);
	if (st >= 0)
		st = split_rows(v3, sql, has_rowid, ret_plan, err);
out:
	if (st < 0)
		explain(v3, sql, err);
	kith_sql_close(sql);
	return st;
}

static enum kith_status open_source(void *state, const struct kith_source_args *args,
				    struct kith_source_plan *ret_plan, struct kith_err *err)
{
	/* rows are read in order, so pages need not be kept; containers are looked up again */
	const size_t least = (size_t)2 << 20, pages_most = (size_t)4 << 20,
		     chains_most = (size_t)16 << 20;
	struct nsrl_v3 *v3 = state;
	size_t share = args->memory / (args->threads > 0 ? args->threads : 1) / 4;
	enum kith_status st;

	v3->keep_going = args->keep_going;
	share = share < least ? least : share;
	v3->cache_bytes = share < pages_most ? share : pages_most;
	v3->chain_bytes = share < chains_most ? share : chains_most;
	st = find_database(v3, args, err);
	if (st < 0)
		return st;
	return open_database(v3, args, ret_plan, err);
}

static enum kith_status read_source(void *state, uint32_t shard, struct kith_collector *collector,
				    struct kith_err *err)
{
	return v3_read_shard(state, shard, collector, err);
}

static void close_source(void *state)
{
	struct nsrl_v3 *v3 = state;

	idmap_done(&v3->packages);
	idmap_done(&v3->objects);
	kith_buf_done(&v3->path);
	kith_buf_done(&v3->select);
	kith_buf_done(&v3->container);
}

const struct kith_source_ops kith_source_nsrl_v3 = {
    .name = "nsrl-v3",
    .summary = "NSRL RDS v3 database, full or minimal: .db or the published .zip",
    .state_size = sizeof(struct nsrl_v3),
    .probe = probe,
    .open = open_source,
    .read = read_source,
    .close = close_source,
};
