/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build.h: from opened inputs to a published set, as the programs call it.
 *
 *   kith_build_new -> kith_build_add (for each input) -> kith_build_run -> kith_build_free
 */
#ifndef KITH_CORE_BUILD_H
#define KITH_CORE_BUILD_H

#include "source.h"

struct kith_build;

struct kith_progress {
	const char *phase;    /* "reading", "merging names", "writing", "indexing", "syncing" */
	const char *unit;     /* "rows", "bytes", "files" */
	uint64_t done, total; /* total 0: unknown */
};

struct kith_build_options {
	const char *output;  /* path of the set */
	const char *scratch; /* folder for temporary files; NULL: the output's folder */
	size_t memory;       /* bytes; 0: KITH_MEMORY_DEFAULT */
	unsigned threads;    /* 0: one for each core */
	bool keep_going;
	bool needs_rows; /* with keep_going: inputs that are so damaged that no row is left fail */
	const char *set_name;
	const void *source_options;   /* handed to the sources; not copied */
	int64_t source_date_epoch;    /* -1: not set */
	struct kith_trivial *trivial; /* the caller's, made ahead; NULL: the build makes its own */
	/* Called at most six times a second, never from two threads at a time; non-zero: cancel. */
	int (*progress)(const struct kith_progress *progress, void *user);
	void (*message)(const char *text, void *user); /* one line for the user */
	void *user;
};

struct kith_build_result {
	uint64_t rows, files, sha1_only, occurrences, names, places, products, distributors;
	uint64_t conflicts, trivial, fragments;
	uint64_t skipped, failed; /* sums over the ledger */
	uint64_t size_bytes;      /* of the set */
	uint64_t scratch_bytes;   /* most that was used at a time */
	uint8_t id[32];
};

enum kith_status kith_build_new(const struct kith_build_options *options,
				struct kith_build **ret_build, struct kith_err *err);

/* Opens one input with that source; the input's declarations are made now. */
enum kith_status kith_build_add(struct kith_build *build, const struct kith_source_ops *ops,
				const char *path, struct kith_err *err);

/* Reads all inputs, writes the set and publishes it. Until this returns KITH_OK the old set (or
 * none) is in place. */
enum kith_status kith_build_run(struct kith_build *build, struct kith_build_result *ret_result,
				struct kith_err *err);

/* Removes what is temporary. NULL is accepted. */
void kith_build_free(struct kith_build *build);

#endif
