/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h: what a source is, and what the core offers it.
 *
 * A source turns one input (an RDS database, a text release, a set) into declarations and rows.
 * It knows neither LMDB nor other sources. Its life:
 *
 *   probe   is this input mine? Pure: looks at the bytes it is given.
 *   open    recognise the input fully, declare what is small (sources, distributors, products,
 *           product places) and say into how many shards the rows divide. One thread.
 *   read    once for each shard, from any thread, several at a time: hand over the rows.
 *   close   release; also called on a half-open state, and after a failed open.
 *
 * The result does not depend on the order of shards or of rows within them: the core sorts.
 */
#ifndef KITH_CORE_SOURCE_H
#define KITH_CORE_SOURCE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/record.h"
#include "kith.h"

/* ----------------------------------------------------------- declarations */

/*
 * What a build knows beside its rows: kept in memory, bounded by KITH_LIMIT_ENTITIES. All handles
 * are numbers that are valid for the whole build. Texts are copied. Not for several threads.
 * Equal declarations are merged at the end; a source need not look for duplicates.
 */
struct kith_decl;

/*
 * Declares a source and its root place. A second source with the same id is KITH_E_ARG, unless it
 * is the same in all respects and is no release (release and digest are empty): a source that
 * grows, such as images that are hashed one after the other.
 */
enum kith_status kith_decl_source(struct kith_decl *decl, const struct kith_source *source,
				  uint32_t *ret_source, uint32_t *ret_place, struct kith_err *err);

enum kith_status kith_decl_distributor(struct kith_decl *decl, struct kith_bytes name,
				       const struct kith_text_list *links, uint32_t *ret,
				       struct kith_err *err);

struct kith_product_decl {
	struct kith_bytes name, version;
	struct kith_rank_list distributors; /* handles */
	struct kith_text_list systems, languages, types, links;
};
/* Placeholders ("Unknown", "TBD", ...) are recognised by the core and marked. */
enum kith_status kith_decl_product(struct kith_decl *decl, const struct kith_product_decl *product,
				   uint32_t *ret, struct kith_err *err);

/*
 * Declares a place below another. products: handles, for KITH_PLACE_PRODUCT. Declaring the same
 * (parent, kind, name) again gives the same handle and adds the products.
 */
enum kith_status kith_decl_place(struct kith_decl *decl, uint32_t parent, enum kith_place_kind kind,
				 struct kith_bytes name, const struct kith_rank_list *products,
				 uint32_t *ret_place, struct kith_err *err);

/* ----------------------------------------------------------------- ledger */

struct kith_ledger;

/* What the core itself writes for each source at the end. A source never notes these, and a merge
 * does not carry them over: they are counted anew. */
#define KITH_LEDGER_FILES       "files"
#define KITH_LEDGER_OCCURRENCES "occurrences"
#define KITH_LEDGER_CONFLICTS   "files with conflicting claims"
#define KITH_LEDGER_DROPPED     "files of whose claims some were dropped"
#define KITH_LEDGER_FRAGMENTS   "fragment files"
#define KITH_LEDGER_TRIVIAL     "trivial files"

/*
 * Adds to a row of the ledger. reason: a short fixed text ("bad sha256"); example: where, for
 * instance ("METADATA row 17"): of all examples the smallest is kept. For one thread at a time;
 * each collector has its own. Out of memory is remembered and reported at the end of the build.
 */
void kith_ledger_note(struct kith_ledger *ledger, uint32_t source, enum kith_ledger_class class_,
		      const char *reason, uint64_t count, const void *example, size_t example_n);

/* The same with a printf example; for rare things, not for every row. */
void kith_ledger_notef(struct kith_ledger *ledger, uint32_t source, enum kith_ledger_class class_,
		       const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* ------------------------------------------------------------------- rows */

/*
 * Below a declared place a row may stand deeper: in archives and folders that are too many to
 * declare. `below` is a sequence of components made by kith_place_key_add, outermost first.
 * Only KITH_PLACE_IMAGE, _ARCHIVE and _FOLDER make sense here.
 */
bool kith_place_key_add(struct kith_buf *key, enum kith_place_kind kind, const void *name,
			size_t name_n);

struct kith_row {
	enum kith_table table; /* FILE: key is the SHA-256; SHA1_ONLY: key is the SHA-1 */
	uint8_t key[KITH_SHA256_SIZE];
	struct kith_claim claim; /* what else is claimed; for SHA1_ONLY without SHA-1 */
	uint32_t place;          /* a declared place */
	const uint8_t *below;    /* see above; may be NULL with below_n 0 */
	size_t below_n;
	const uint8_t *name; /* the file's name; may be empty */
	size_t name_n;       /* longer than KITH_LIMIT_NAME: KITH_E_LIMIT, nothing is kept */
};

struct kith_collector;

/* Hands a row over; everything is copied. A negative status ends the build. */
enum kith_status kith_collect(struct kith_collector *collector, const struct kith_row *row,
			      struct kith_err *err);

/* This collector's ledger. */
struct kith_ledger *kith_collector_ledger(struct kith_collector *collector);

/*
 * Tell how far we are, in the plan's units, since the last call; call it every thousand rows or
 * so. KITH_E_CANCELLED when the build is to stop: return it.
 */
enum kith_status kith_collect_progress(struct kith_collector *collector, uint64_t more_units,
				       struct kith_err *err);

/* ---------------------------------------------------------------- scratch */

struct kith_scratch;

/*
 * Makes an empty file in the scratch folder that has a name while the build runs (SQLite wants
 * one) and is removed at its end, or by the next run after a crash. *ret_path: valid as long as
 * the scratch. suffix: ".db".
 */
enum kith_status kith_scratch_named(struct kith_scratch *scratch, const char *suffix, int *ret_fd,
				    const char **ret_path, struct kith_err *err);

/* Fails with KITH_E_IO and a sentence when the scratch folder has not that much room. `what`:
 * "unpacking 'x.zip'". */
enum kith_status kith_scratch_need(struct kith_scratch *scratch, uint64_t bytes, const char *what,
				   struct kith_err *err);

/* ------------------------------------------------------------ the source */

enum kith_match { KITH_MATCH_NO = 0, KITH_MATCH_MAYBE, KITH_MATCH_CERTAIN };

#define KITH_PROBE_SIZE (64u << 10)
struct kith_probe {
	const char *path; /* for the few formats that are folders */
	bool is_folder;
	const uint8_t *head; /* the first bytes: KITH_PROBE_SIZE, or the whole file */
	size_t head_n;
};

struct kith_source_args {
	const char *path;     /* the input */
	const char *set_name; /* --set-name, or NULL */
	const void *options;  /* of this kind of source, or NULL; valid as long as the build */
	bool keep_going;      /* damage is a ledger row rather than an error */
	unsigned threads;     /* how many will call read at a time */
	size_t memory;        /* bytes that this source may use for itself, all threads together */
	struct kith_decl *decl;
	struct kith_ledger *ledger; /* for open */
	struct kith_scratch *scratch;
	void (*message)(const char *text,
			void *user); /* one line for the user, such as "unpacking" */
	void *message_user;
};

struct kith_source_plan {
	uint32_t n_shards;    /* at least 1 */
	uint64_t total_units; /* for progress; 0: unknown */
	const char *unit;     /* "rows", "bytes" */
	uint64_t rows;        /* estimate, for the scratch space; 0: unknown */
};

struct kith_source_ops {
	const char *name;    /* stable: "nsrl-v3" */
	const char *summary; /* one line */
	size_t state_size;   /* the core allocates this, zeroed */
	enum kith_match (*probe)(const struct kith_probe *in);
	enum kith_status (*open)(void *state, const struct kith_source_args *args,
				 struct kith_source_plan *ret_plan, struct kith_err *err);
	enum kith_status (*read)(void *state, uint32_t shard, struct kith_collector *collector,
				 struct kith_err *err);
	void (*close)(void *state);
};

#endif
