/* SPDX-License-Identifier: Apache-2.0 */
/* files.h: merges the rows of all chunks and writes the tables sha1only and file. */
#ifndef KITH_CORE_FILES_H
#define KITH_CORE_FILES_H

#include "core/build.h"
#include "core/collector.h"
#include "core/lmdb_writer.h"
#include "core/ranks.h"
#include "core/text.h"
#include "core/trivial.h"

struct kith_files {
	struct kith_chunks *chunks;
	const struct kith_ranks *ranks;
	struct kith_trivial *trivial;
	struct kith_lmdb *db;
	struct kith_text *text;
	size_t memory;
	unsigned threads;
	kith_progress_fn progress; /* pieces of the work: done, in all */
	void *user;
};

struct kith_files_counts {
	uint64_t files, sha1_only, occurrences, conflicts, trivial, fragments;
	uint64_t alternates; /* claims of all files beside their first ones */
	uint64_t joined;     /* sha1-only files that found their SHA-256 */
	uint64_t undecided;  /* ... that fit several SHA-256, or whose MD5 differs: kept apart */
	struct kith_source_counts *sources; /* owned; by rank */
};

/* What the set has of one source. */
struct kith_source_counts {
	uint64_t files, occurrences, conflicts, trivial, fragments;
	uint64_t dropped; /* files with more claims than KITH_LIMIT_CLAIMS */
};

enum kith_status kith_files_counts_init(const struct kith_ranks *ranks,
					struct kith_files_counts *ret_counts, struct kith_err *err);
void kith_files_counts_done(struct kith_files_counts *counts);

/* Writes both tables, sha1only first. Counts are added up. */
enum kith_status kith_files_write(struct kith_files *files, struct kith_files_counts *counts,
				  struct kith_err *err);

/* ------------------------------------------------- shared by files.c and join.c */

/* Encodes what was merged and its line of the text; adds to the counts. */
enum kith_status kith_files_encode(const struct kith_files *files, const struct kith_merged *merged,
				   bool sha1_only, struct kith_buf *record, struct kith_buf *lines,
				   struct kith_files_counts *counts, struct kith_err *err);

/* The runs of a table; *ret_runs is the caller's to free. more: one run besides, or NULL. */
enum kith_status kith_files_runs(const struct kith_files *files, enum kith_table table,
				 const struct kith_run *more, size_t n_more,
				 struct kith_merge_input *ret_input,
				 const struct kith_run ***ret_runs, struct kith_err *err);

/*
 * Sends the rows that know no SHA-256 to where they belong: those whose SHA-1 one file has become
 * rows of that file, in runs that are added to *ret_runs (the caller's to free); the others are
 * written to sha1only.
 */
enum kith_status kith_files_join(struct kith_files *files, struct kith_files_counts *counts,
				 struct kith_run **ret_runs, size_t *ret_n, struct kith_err *err);

#endif
