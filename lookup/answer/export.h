/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export.h: a set's content in the formats of other tools. One file for each family of formats, one
 * row in exports.def each. Several sets are exported as one; everything is sorted and each hash
 * comes once. Memory is bounded by KITH_LIMIT_EXPORT, whatever the size of the sets.
 */
#ifndef KITH_ANSWER_EXPORT_H
#define KITH_ANSWER_EXPORT_H

#include "answer/facts.h"
#include "base/out.h"

struct kith_export {
	/* Given. */
	kith_set *const *sets;
	size_t n_sets;
	bool header;       /* with the line that X-Ways wants first */
	bool no_trivial;   /* without files that prove nothing */
	bool no_fragments; /* without parts of files */
	enum kith_digest bloom_item;
	double bloom_fp;  /* false positives, 0 < fp < 1 */
	uint64_t bloom_n; /* capacity; 0: as many as there are */
	struct kith_out *out;
	/* Made by kith_export_run. */
	struct kith_asker *asker;
	uint64_t n_written;
	uint64_t n_left_out; /* files that the format cannot hold, for example without MD5 */
};

struct kith_export_target {
	const char *name, *summary;
	enum kith_status (*run)(const struct kith_export_target *target, struct kith_export *export,
				struct kith_err *err);
	/* For run. */
	enum kith_digest kind;
	const char *header; /* of X-Ways; NULL: only on request */
	bool upper;
};

/* All targets in order; NULL behind the last. */
const struct kith_export_target *kith_export_at(size_t i);
const struct kith_export_target *kith_export_find(const char *name); /* NULL: none */
enum kith_status kith_export_run(const struct kith_export_target *target,
				 struct kith_export *export, struct kith_err *err);

/* --------------------------------------------------------- for the targets */

/* Called for each; a negative status ends the walk and is returned. */
typedef enum kith_status (*kith_content_fn)(struct kith_export *export,
					    const struct kith_content *content, void *user);
typedef enum kith_status (*kith_digest_fn)(struct kith_export *export, const uint8_t *digest,
					   void *user);

/* Every file of all sets: those with a SHA-256 sorted by it, then the others by SHA-1. */
enum kith_status kith_export_files(struct kith_export *export, kith_content_fn fn, void *user,
				   struct kith_err *err);

/* Every digest of that kind that can be looked up in the sets, those that only some source claims
 * too: sorted, each once. */
enum kith_status kith_export_digests(struct kith_export *export, enum kith_digest kind,
				     kith_digest_fn fn, void *user, struct kith_err *err);

#endif
