/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsrl_common.h: what the readers of the NSRL's formats share: how a source is declared, how rows
 * are grouped to products, and how losses are counted without a cost for each row.
 */
#ifndef KITH_SOURCES_NSRL_COMMON_H
#define KITH_SOURCES_NSRL_COMMON_H

#include "base/buf.h"
#include "core/source.h"
#include "unpack.h"

/* ---------------------------------------------------------------- losses */

/* Everything that can be said about a row, in one table: nsrl_reasons.def. */
enum nsrl_reason {
#define NSRL_REASON(id, class_, text) NSRL_##id,
#include "nsrl_reasons.def"
#undef NSRL_REASON
	NSRL_REASONS
};

/* Counts of one shard; goes to the ledger at its end. Zeroed is empty. */
struct nsrl_tally {
	uint64_t count[NSRL_REASONS];
	uint64_t first[NSRL_REASONS]; /* number of the first such row */
};

static inline void nsrl_count(struct nsrl_tally *tally, enum nsrl_reason reason, uint64_t row)
{
	if (tally->count[reason]++ == 0)
		tally->first[reason] = row;
}

/* unit: what a row's number means: "METADATA row", "NSRLFile line". */
void nsrl_tally_flush(struct nsrl_tally *tally, struct kith_ledger *ledger, uint32_t source,
		      const char *unit);

/* How reading a member of an archive ended, to be noted when its source is declared. */
struct nsrl_fault {
	enum kith_unpack_fault fault;
	uint64_t offset;  /* of its content: bytes that were read */
	char member[128]; /* its name, cut off when it is longer */
};
void nsrl_fault_take(struct nsrl_fault *fault, const struct kith_unpack *unpack,
		     const char *member);
/* Nothing for KITH_UNPACK_SOUND. */
void nsrl_fault_note(const struct nsrl_fault *fault, struct kith_ledger *ledger, uint32_t source);

/* ---------------------------------------------------------------- source */

struct nsrl_release {
	const char *prefix;        /* of the source's id: "nsrl" */
	struct kith_bytes set;     /* "modern" */
	struct kith_bytes release; /* "2026.03.1" */
	struct kith_bytes date;    /* "2026-03-01", may be empty */
};

/* Declares the source of an input. */
enum kith_status nsrl_declare(const struct kith_source_args *args,
			      const struct nsrl_release *release, uint32_t *ret_source,
			      uint32_t *ret_root, struct kith_err *err);

struct kith_bytes nsrl_trim(struct kith_bytes text);

/* The last component of a path, without its suffix where it has that one. */
struct kith_bytes nsrl_base_name(const char *path);

/* --------------------------------------------------------------- products */

/*
 * Groups rows to products and packages. Rows come sorted by (package, name, version); rows that
 * agree in name and version are one product with the union of the rest. Handles and texts that
 * were seen already cost nothing.
 */
struct nsrl_products;

enum nsrl_list { NSRL_SYSTEMS, NSRL_LANGUAGES, NSRL_TYPES, NSRL_LINKS, NSRL_LISTS };

enum kith_status nsrl_products_new(struct kith_decl *decl, uint32_t root,
				   struct nsrl_products **ret, struct kith_err *err);
void nsrl_products_free(struct nsrl_products *products);

/* Starts the product that the next calls add to, unless it is the present one. */
enum kith_status nsrl_products_begin(struct nsrl_products *products, struct kith_bytes name,
				     struct kith_bytes version, struct kith_err *err);
enum kith_status nsrl_products_distributor(struct nsrl_products *products, uint32_t handle,
					   struct kith_err *err);
/* An empty text is left out. */
enum kith_status nsrl_products_text(struct nsrl_products *products, enum nsrl_list list,
				    struct kith_bytes text, struct kith_err *err);
/* Ends the package: declares its place with all products since the last one. */
enum kith_status nsrl_products_package(struct nsrl_products *products, struct kith_bytes id,
				       uint32_t *ret_place, struct kith_err *err);

/* ------------------------------------------------------------------- zips */

/* What the names at the head of a zip say about it. */
enum nsrl_zip { NSRL_ZIP_NONE, NSRL_ZIP_UNSURE, NSRL_ZIP_V3, NSRL_ZIP_V2 };
enum nsrl_zip nsrl_zip_kind(const uint8_t *head, size_t n);

/* Is the member's last component that name, in any case? AppleDouble twins ("._x") are not. */
bool nsrl_is_member(const char *member, const char *name);
/* Does its last component end with that suffix, in any case? */
bool nsrl_has_suffix(const char *member, const char *suffix);

#endif
