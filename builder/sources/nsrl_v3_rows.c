/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsrl_v3_rows.c: the rows of one shard. This runs once for each of hundreds of millions of rows,
 * so it allocates and formats nothing, remembers the last row's place, and counts losses in a
 * tally that goes to the ledger once.
 *
 * What a shard holds depends on the database alone, never on threads or memory.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "base/limits.h"
#include "nsrl_v3.h"
#include "sqlite_tree.h"

#define PROGRESS_ROWS 4096u

struct worker {
	const struct nsrl_v3 *v3;
	struct kith_collector *collector;
	struct kith_sql *sql;
	struct kith_sql_stmt *rows;
	struct v3_chain *chain;
	struct nsrl_tally tally;
	struct kith_row row;
	uint64_t number;     /* of the row: its rowid, or counted */
	uint64_t position;   /* of the row, in units of the split */
	uint32_t unreported; /* rows since the last progress */
	/* the place of the last row, and what it was made of */
	bool have_owner, have_below;
	int64_t owner, extractee;
	uint32_t place;                /* with V3_ORPHAN */
	enum nsrl_reason place_reason; /* NSRL_READ: nothing to say */
	bool missing, broken, long_path;
	struct kith_buf path, below, name;
};

/* --------------------------------------------------------------- one row */

static bool read_hex(const struct kith_sql_value *value, uint8_t *out, size_t n)
{
	return value->type == KITH_SQL_TEXT && value->n == 2 * n &&
	       kith_hex_decode((const char *)value->data, out, n);
}

/* Digests and size. False: there is no key, the row is skipped. */
static bool read_claim(struct worker *w, const struct kith_sql_value *values)
{
	struct kith_row *row = &w->row;

	row->claim.has = 0;
	if (!read_hex(&values[V3_SHA256], row->key, KITH_SHA256_SIZE)) {
		nsrl_count(&w->tally, NSRL_BAD_SHA256, w->number);
		return false;
	}
	if (read_hex(&values[V3_SHA1], row->claim.sha1, KITH_SHA1_SIZE))
		row->claim.has |= KITH_REC_HAS_SHA1;
	else
		nsrl_count(&w->tally, NSRL_BAD_SHA1, w->number);
	if (read_hex(&values[V3_MD5], row->claim.md5, KITH_MD5_SIZE))
		row->claim.has |= KITH_REC_HAS_MD5;
	else
		nsrl_count(&w->tally, NSRL_BAD_MD5, w->number);
	row->claim.size_bytes = 0;
	if (values[V3_SIZE].type == KITH_SQL_INTEGER && values[V3_SIZE].number >= 0) {
		row->claim.has |= KITH_REC_HAS_SIZE;
		row->claim.size_bytes = (uint64_t)values[V3_SIZE].number;
	} else {
		nsrl_count(&w->tally, NSRL_BAD_SIZE, w->number);
	}
	return true;
}

/* The name, as the FILE view of a full set makes it. KITH_NOT_FOUND: too long, skip the row. */
static enum kith_status read_name(struct worker *w, const struct kith_sql_value *values,
				  struct kith_err *err)
{
	struct kith_bytes name = v3_text(&values[V3_NAME]), extension = {NULL, 0};

	if (w->v3->full)
		extension = v3_text(&values[V3_EXTENSION]);
	if (extension.n > 0) {
		w->name.n = 0;
		kith_buf_add(&w->name, name.data, name.n);
		kith_buf_add_byte(&w->name, '.');
		if (!kith_buf_add(&w->name, extension.data, extension.n))
			return kith_fail_nomem(err);
		name = (struct kith_bytes){w->name.data, w->name.n};
	}
	if (name.n == 0)
		nsrl_count(&w->tally, NSRL_NO_NAME, w->number);
	if (name.n > KITH_LIMIT_NAME) {
		nsrl_count(&w->tally, NSRL_LONG_NAME, w->number);
		return KITH_NOT_FOUND;
	}
	w->row.name = name.data;
	w->row.name_n = name.n;
	return KITH_OK;
}

/* A package of a minimal set that PKG does not have: known only when a row names it, so its place
 * is not declared but stands below the root. */
static enum kith_status make_orphan(struct worker *w, struct kith_err *err)
{
	char id[24];
	int n = snprintf(id, sizeof id, "%" PRId64, w->owner);

	w->below.n = 0;
	if (!kith_place_key_add(&w->below, KITH_PLACE_PRODUCT, id, (size_t)n))
		return kith_fail_nomem(err);
	w->row.below = w->below.data;
	w->row.below_n = w->below.n;
	return KITH_OK;
}

/* Sets the place for the row's package (minimal) or object (full). */
static enum kith_status find_place(struct worker *w, const struct kith_sql_value *owner,
				   struct kith_err *err)
{
	const struct nsrl_v3 *v3 = w->v3;
	enum kith_status st = KITH_OK;

	if (w->have_owner && owner->type == KITH_SQL_INTEGER && owner->number == w->owner)
		goto out;
	w->have_owner = owner->type == KITH_SQL_INTEGER;
	w->owner = w->have_owner ? owner->number : 0;
	w->place = v3->root;
	w->place_reason = v3->full ? NSRL_NO_OBJECT : NSRL_BAD_PACKAGE;
	if (!v3->full) {
		w->row.below = NULL;
		w->row.below_n = 0;
	}
	if (!w->have_owner)
		goto out;
	if (idmap_find(v3->full ? &v3->objects : &v3->packages, w->owner, &w->place)) {
		w->place_reason = (w->place & V3_ORPHAN) != 0 ? NSRL_NO_PACKAGE : NSRL_READ;
		w->place &= ~V3_ORPHAN;
	} else if (!v3->full) {
		w->place_reason = NSRL_NO_PACKAGE;
		st = make_orphan(w, err);
	}
out:
	if (w->place_reason != NSRL_READ)
		nsrl_count(&w->tally, w->place_reason, w->number);
	w->row.place = w->place;
	return st;
}

/* Builds the key of containers and folder below the package. */
static enum kith_status make_below(struct worker *w, struct kith_bytes path, int64_t extractee,
				   struct kith_err *err)
{
	struct v3_below chain = {0};
	enum kith_status st;

	if (extractee > 0 && w->chain != NULL) {
		st = v3_chain_find(w->chain, extractee, &chain, err);
		if (st == KITH_E_CORRUPT && w->v3->keep_going)
			chain = (struct v3_below){.missing = true};
		else if (st < 0)
			return st;
	}
	w->missing = chain.missing;
	w->broken = chain.broken;
	w->long_path = path.n > KITH_LIMIT_NAME;
	w->extractee = extractee;
	w->path.n = 0;
	w->below.n = 0;
	if (!kith_buf_add(&w->path, path.data, path.n) ||
	    !kith_buf_add(&w->below, chain.key, chain.n))
		return kith_fail_nomem(err);
	if (path.n > 0 && !w->long_path &&
	    !kith_place_key_add(&w->below, KITH_PLACE_FOLDER, path.data, path.n))
		return kith_fail_nomem(err);
	w->have_below = true;
	return KITH_OK;
}

static enum kith_status find_below(struct worker *w, const struct kith_sql_value *values,
				   struct kith_err *err)
{
	struct kith_bytes path = v3_text(&values[V3_PATH]);
	int64_t extractee =
	    values[V3_EXTRACTEE].type == KITH_SQL_INTEGER ? values[V3_EXTRACTEE].number : 0;
	enum kith_status st;

	if (!w->have_below || extractee != w->extractee || path.n != w->path.n ||
	    (path.n > 0 && memcmp(path.data, w->path.data, path.n) != 0)) {
		st = make_below(w, path, extractee, err);
		if (st < 0)
			return st;
	}
	if (extractee > 0 && w->chain == NULL)
		nsrl_count(&w->tally, NSRL_NO_CHAIN, w->number);
	if (w->missing)
		nsrl_count(&w->tally, NSRL_NO_CONTAINER, w->number);
	if (w->broken)
		nsrl_count(&w->tally, NSRL_DEEP_CONTAINER, w->number);
	if (w->long_path)
		nsrl_count(&w->tally, NSRL_LONG_PATH, w->number);
	w->row.below = w->below.data;
	w->row.below_n = w->below.n;
	return KITH_OK;
}

static enum kith_status take_row(struct worker *w, const struct kith_sql_value *values,
				 struct kith_err *err)
{
	enum kith_status st;

	if (!read_claim(w, values))
		return KITH_OK;
	st = read_name(w, values, err);
	if (st != KITH_OK)
		return st < 0 ? st : KITH_OK;
	st = find_place(w, &values[V3_OWNER], err);
	if (st >= 0 && w->v3->full)
		st = find_below(w, values, err);
	if (st < 0)
		return st;
	return kith_collect(w->collector, &w->row, err);
}

/* ----------------------------------------------------------------- shards */

/* Where the row stands, so that reading can go on behind it. */
static void note_position(struct worker *w, const struct kith_sql_value *values)
{
	uint8_t head[2];

	if (values[V3_ROWID].type == KITH_SQL_INTEGER)
		w->number = (uint64_t)values[V3_ROWID].number;
	else
		w->number++;
	if (w->v3->split == V3_BY_ROWID && values[V3_ROWID].type == KITH_SQL_INTEGER)
		w->position = (uint64_t)values[V3_ROWID].number - (uint64_t)w->v3->first_rowid;
	else if (w->v3->split == V3_BY_HASH && values[V3_SHA256].type == KITH_SQL_TEXT &&
		 values[V3_SHA256].n >= 4 &&
		 kith_hex_decode((const char *)values[V3_SHA256].data, head, 2))
		w->position = (uint64_t)head[0] << 8 | head[1];
}

static enum kith_status read_row(void *user, const struct kith_sql_value *values,
				 struct kith_err *err)
{
	struct worker *w = user;
	enum kith_status st;

	note_position(w, values);
	w->tally.count[NSRL_READ]++;
	st = take_row(w, values, err);
	if (st < 0)
		return st;
	if (++w->unreported < PROGRESS_ROWS)
		return KITH_OK;
	w->unreported = 0;
	return kith_collect_progress(w->collector, PROGRESS_ROWS, err);
}

/* The hex text of a position by hash. */
static void put_bound(const struct nsrl_v3 *v3, uint64_t position, char text[static 5])
{
	const uint8_t bytes[2] = {(uint8_t)(position >> 8), (uint8_t)position};
	char *end = v3->lower_case ? kith_hex_encode(bytes, 2, text)
				   : kith_hex_encode_upper(bytes, 2, text);

	*end = '\0';
}

/* Prepares the query for the positions from .. to, both included. */
static enum kith_status prepare_range(struct worker *w, uint32_t shard, uint64_t from, uint64_t to,
				      struct kith_err *err)
{
	const struct nsrl_v3 *v3 = w->v3;
	bool first = from == 0, last = to == v3->span;
	char bounds[2][5];
	struct kith_buf query = {0};
	const char *where = "";
	enum kith_status st;

	if (v3->split == V3_BY_ROWID)
		where = " WHERE rowid BETWEEN ?1 AND ?2";
	else if (v3->split == V3_BY_HASH && shard + 1 == v3->n_shards)
		where = " WHERE sha256 IS NULL";
	else if (v3->split == V3_BY_HASH) /* what is no hash at all sorts before or behind them */
		where = first  ? " WHERE sha256 < ?2"
			: last ? " WHERE sha256 >= ?1"
			       : " WHERE sha256 >= ?1 AND sha256 < ?2";
	if (!kith_buf_add(&query, v3->select.data, v3->select.n - 1) ||
	    !kith_buf_add(&query, where, strlen(where) + 1)) {
		kith_buf_done(&query);
		return kith_fail_nomem(err);
	}
	kith_sql_finish(w->rows);
	w->rows = NULL;
	st = kith_sql_prepare(w->sql, (const char *)query.data, &w->rows, err);
	kith_buf_done(&query);
	if (st >= 0 && v3->split == V3_BY_ROWID) {
		st = kith_sql_bind_number(w->rows, 1, (int64_t)((uint64_t)v3->first_rowid + from),
					  err);
		if (st >= 0)
			st = kith_sql_bind_number(w->rows, 2,
						  (int64_t)((uint64_t)v3->first_rowid + to), err);
	} else if (st >= 0 && v3->split == V3_BY_HASH && shard + 1 != v3->n_shards) {
		put_bound(v3, from, bounds[0]);
		put_bound(v3, to + 1, bounds[1]);
		if (!first)
			st = kith_sql_bind_text(w->rows, 1, bounds[0], err);
		if (st >= 0 && !last)
			st = kith_sql_bind_text(w->rows, 2, bounds[1], err);
	}
	return st;
}

/* The rowids of the positions. The first and the last shard also have what lies beyond what seemed
 * to be the table's ends: in a damaged table those may be other rows. */
static int64_t low_rowid(const struct nsrl_v3 *v3, uint64_t from)
{
	return from == 0 ? INT64_MIN : (int64_t)((uint64_t)v3->first_rowid + from);
}

static int64_t high_rowid(const struct nsrl_v3 *v3, uint64_t to)
{
	return to == v3->span ? INT64_MAX : (int64_t)((uint64_t)v3->first_rowid + to);
}

/*
 * The positions from .. to through SQLite; by rowid from the pages themselves, as far as each row
 * has all columns. *ret_damaged: it ended at damage.
 */
static enum kith_status read_table(struct worker *w, uint32_t shard, uint64_t from, uint64_t to,
				   bool *ret_damaged, struct kith_err *err)
{
	const struct nsrl_v3 *v3 = w->v3;
	uint64_t rows_before = w->tally.count[NSRL_READ];
	enum kith_status st = KITH_E_UNSUPPORTED;

	*ret_damaged = false;
	if (v3->split == V3_BY_ROWID && v3->has_layout) {
		st = kith_tree_each((const char *)v3->path.data, &v3->leaves.layout, v3->root_page,
				    low_rowid(v3, from), high_rowid(v3, to), read_row, w, err);
		if (st == KITH_E_UNSUPPORTED && w->tally.count[NSRL_READ] != rows_before)
			from = w->position + 1;
	}
	if (st == KITH_E_UNSUPPORTED) {
		st = prepare_range(w, shard, from, to, err);
		if (st < 0)
			return st;
		st = kith_sql_each(w->sql, w->rows, read_row, w, err);
	}
	*ret_damaged = st == KITH_E_CORRUPT;
	return st;
}

/* Reads on behind damage without the tree: the rows of pages that can be read. */
static enum kith_status read_leaves(struct worker *w, uint64_t from, uint64_t to,
				    struct kith_err *err)
{
	const struct nsrl_v3 *v3 = w->v3;

	return kith_leaves_each((const char *)v3->path.data, &v3->leaves, low_rowid(v3, from),
				high_rowid(v3, to), read_row, w, err);
}

/*
 * Reads the positions from .. to. Damage ends the build, or with keep-going it is noted and
 * reading goes on behind it: in the leaves, or, where they cannot be told, some way behind it and
 * farther each time that this did not help.
 */
static enum kith_status read_range(struct worker *w, uint32_t shard, uint64_t from, uint64_t to,
				   struct kith_err *err)
{
	const struct nsrl_v3 *v3 = w->v3;
	uint64_t skip = 1;

	for (;;) {
		struct kith_err fault = {0};
		uint64_t rows_before = w->tally.count[NSRL_READ], at = 0;
		bool damaged = false;
		enum kith_status st;

		st = read_table(w, shard, from, to, &damaged, &fault);
		if (st >= 0)
			return KITH_OK;
		if (!damaged || !v3->keep_going) {
			if (err != NULL)
				*err = fault;
			if (damaged)
				kith_err_context(err, "table %s, after row %" PRIu64, v3_table(v3),
						 w->number);
			return st;
		}
		kith_ledger_notef(kith_collector_ledger(w->collector), v3->source,
				  KITH_LEDGER_FAILED, "damaged database", "%s, after row %" PRIu64,
				  v3_table(v3), w->number);
		if (w->tally.count[NSRL_READ] != rows_before && w->position >= from) {
			from = w->position;
			skip = 1;
			at = 1;
		}
		if (v3->split == V3_BY_ROWID && v3->has_leaves && to - from >= at) {
			st = read_leaves(w, from + at, to, err);
			if (st != KITH_E_UNSUPPORTED)
				return st;
		}
		if (v3->split == V3_WHOLE || to - from < skip)
			return KITH_OK;
		from += skip;
		skip *= 2;
	}
}

static void shard_range(const struct nsrl_v3 *v3, uint32_t shard, uint64_t *ret_from,
			uint64_t *ret_to)
{
	/* the last shard of V3_BY_HASH is the one with the NULLs */
	uint64_t n = v3->split == V3_BY_HASH ? v3->n_shards - 1 : v3->n_shards;
	uint64_t step = v3->span / n + (v3->split == V3_BY_HASH ? 1 : 0);

	if (shard >= n) {
		*ret_from = 0;
		*ret_to = 0;
		return;
	}
	*ret_from = step * shard;
	*ret_to = shard + 1 == n ? v3->span : *ret_from + step - 1;
}

enum kith_status v3_read_shard(const struct nsrl_v3 *v3, uint32_t shard,
			       struct kith_collector *collector, struct kith_err *err)
{
	struct worker w = {.v3 = v3, .collector = collector, .row = {.table = KITH_TABLE_FILE}};
	uint64_t from, to;
	enum kith_status st;

	shard_range(v3, shard, &from, &to);
	st = kith_sql_open((const char *)v3->path.data, v3->cache_bytes, v3->keep_going, &w.sql,
			   err);
	if (st < 0)
		goto out;
	if (v3->full && v3->has_chain) {
		st = v3_chain_new(w.sql, (const char *)v3->container.data, v3->chain_bytes,
				  &w.chain, err);
		if (st < 0)
			goto out;
	}
	st = read_range(&w, shard, from, to, err);
	if (st >= 0)
		st = kith_collect_progress(collector, w.unreported, err);
	nsrl_tally_flush(&w.tally, kith_collector_ledger(collector), v3->source,
			 v3->full ? "METADATA row" : "FILE row");
out:
	kith_sql_finish(w.rows);
	v3_chain_free(w.chain);
	kith_sql_close(w.sql);
	kith_buf_done(&w.path);
	kith_buf_done(&w.below);
	kith_buf_done(&w.name);
	return st;
}
