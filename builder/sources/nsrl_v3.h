/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsrl_v3.h: the parts of the reader of NSRL RDS v3 databases (nsrl_v3*.c), among themselves.
 *
 * Both kinds become the same: rows that name a package. A minimal set has them in table FILE; a
 * full set has METADATA, whose objects belong to packages, and which knows paths and containers.
 */
#ifndef KITH_SOURCES_NSRL_V3_H
#define KITH_SOURCES_NSRL_V3_H

#include "idmap.h"
#include "nsrl_common.h"
#include "sqlite.h"
#include "sqlite_leaves.h"

/* Columns of a row's SELECT, for both kinds; those after OWNER are for full sets. */
enum v3_column {
	V3_ROWID,
	V3_SHA256,
	V3_SHA1,
	V3_MD5,
	V3_SIZE,
	V3_NAME,
	V3_OWNER, /* minimal: package_id; full: object_id */
	V3_EXTENSION,
	V3_PATH,
	V3_EXTRACTEE,
	V3_COLUMNS
};

/* How rows divide into shards. Positions are 0 .. span. */
enum v3_split {
	V3_WHOLE,    /* one shard */
	V3_BY_ROWID, /* position: rowid - first_rowid */
	V3_BY_HASH   /* position: the first 16 bits of the SHA-256; a last shard has its NULLs */
};

/* A place in the maps below: the handle, and this bit when the package has no product. */
#define V3_ORPHAN 0x80000000u

struct nsrl_v3 {
	struct kith_buf path; /* of the database, terminated */
	bool full, keep_going, lower_case;
	bool has_chain;     /* full: containers can be looked up */
	size_t cache_bytes; /* of a connection */
	size_t chain_bytes; /* of a shard's cache of containers */
	uint32_t source, root;
	struct nsrl_fault fault;   /* of the zip's member that is the database */
	struct idmap packages;     /* package_id -> place */
	struct idmap objects;      /* full: object_id -> place */
	struct kith_buf select;    /* SQL up to its WHERE, terminated */
	struct kith_buf container; /* SQL: a container by its metadata_id, terminated */
	/* the SELECT's columns, for the pages of the table, and for those that it lost */
	struct kith_leaves leaves;
	uint32_t root_page;
	bool has_layout, has_leaves;
	enum v3_split split;
	int64_t first_rowid;
	uint64_t span;
	uint32_t n_shards;
};

/* nsrl_v3_products.c: declares distributors, products and packages; for full sets also reads which
 * object belongs to which package. */
enum kith_status v3_read_products(struct nsrl_v3 *v3, struct kith_sql *sql,
				  const struct kith_source_args *args, struct kith_err *err);

/* nsrl_v3_rescue.c: copies what can be read of a table to a temporary one, which queries of the
 * connection find first; what cannot is noted. */
enum kith_status v3_rescue(const struct nsrl_v3 *v3, struct kith_sql *sql, const char *table,
			   struct kith_ledger *ledger, struct kith_err *err);

/* nsrl_v3_layout.c: finds out where the columns of names (by enum v3_column) are in a record. */
enum kith_status v3_find_layout(struct nsrl_v3 *v3, struct kith_sql *sql, const char *const *names,
				struct kith_err *err);

/* nsrl_v3_rows.c */
enum kith_status v3_read_shard(const struct nsrl_v3 *v3, uint32_t shard,
			       struct kith_collector *collector, struct kith_err *err);

/* Name of the table that has the rows. */
static inline const char *v3_table(const struct nsrl_v3 *v3)
{
	return v3->full ? "METADATA" : "FILE";
}

static inline struct kith_bytes v3_text(const struct kith_sql_value *value)
{
	if (value->type != KITH_SQL_TEXT && value->type != KITH_SQL_BLOB)
		return (struct kith_bytes){NULL, 0};
	return (struct kith_bytes){value->data, value->n};
}

/* ------------------------------------------------------------- containers */

/* nsrl_v3_chain.c: where an extracted file lies, as a key for kith_row.below. One thread. */
struct v3_chain;

struct v3_below {
	const uint8_t *key; /* valid until the next call */
	size_t n;
	bool missing; /* a container of the chain has no row */
	bool broken;  /* the chain is too deep or a loop: key is empty */
};

enum kith_status v3_chain_new(struct kith_sql *sql, const char *select, size_t memory,
			      struct v3_chain **ret_chain, struct kith_err *err);
void v3_chain_free(struct v3_chain *chain);
/* The containers around what was extracted from the container with that metadata_id. */
enum kith_status v3_chain_find(struct v3_chain *chain, int64_t extractee, struct v3_below *ret,
			       struct kith_err *err);

#endif
