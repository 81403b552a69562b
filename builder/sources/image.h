/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.h: images, packages and folders as a source. First image_walk_inputs looks into all inputs
 * and leaves a journal of each; then each journal is an input of the build, with the source
 * kith_source_image (image.c).
 */
#ifndef KITH_SOURCES_IMAGE_H
#define KITH_SOURCES_IMAGE_H

#include "core/source.h"
#include "walk/walk.h"

/* What the user says about the inputs; goes into kith_source_args.options. NULL: not said. */
struct image_options {
	const char *source;                          /* "HashDB" when NULL */
	const char *product, *version, *distributor; /* of the inputs themselves */
};

struct image_walks {
	char **journals; /* owned; a path for each input that is to be read */
	size_t n;
	uint64_t skipped; /* inputs that the old set has */
	uint64_t resumed; /* inputs whose journal was there already */
	char *folder;     /* owned; where the journals are */
	int lock;         /* with a folder: of it, so that no other build of the set has it */
};

struct image_walk_options {
	const char *output;  /* the set; journals lie in a folder beside it, or in scratch */
	const char *scratch; /* or NULL */
	const char *old_set; /* --into: inputs that are in its ledger are skipped; or NULL */
	const char *source;  /* as above */
	unsigned workers;
	struct kith_walk_limits limits;
	/* Non-zero: stop. */
	int (*progress)(void *user, uint64_t bytes_done, uint64_t bytes_total);
	/* Whether the build is to stop: an input that ends then may not have been read as it
	 * should. */
	bool (*stopped)(void *user);
	void (*message)(const char *text, void *user);
	void *user;
};

/* Walks what has no journal yet. KITH_E_IO when an input cannot be read, KITH_E_BUSY when another
 * build of the same set is under way. */
enum kith_status image_walk_inputs(const struct image_walk_options *options, char *const *inputs,
				   size_t n, struct image_walks *ret_walks, struct kith_err *err);
/* Removes the journals, once the set is published. */
void image_walks_remove(struct image_walks *walks);
void image_walks_done(struct image_walks *walks);

#endif
