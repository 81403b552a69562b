/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_own.h: what this build itself writes, and where the journals lie. In a folder that is an
 * input all of it is left out, so that a set may be written into the folder that it is made from
 * and the second build of it gives the same bytes.
 */
#ifndef KITH_SOURCES_IMAGE_OWN_H
#define KITH_SOURCES_IMAGE_OWN_H

#include "image.h"

/* The set, what is left of one that was being written, the journals (also where a build without
 * --scratch has them), scratch files. */
#define IMAGE_OWN_NAMES 5

struct image_own {
	struct kith_walk_own names[IMAGE_OWN_NAMES]; /* the texts are owned */
	char *folders[IMAGE_OWN_NAMES];              /* owned; without symbolic links */
	size_t n;
};

/* The folder of the journals, made where there is none; *ret_lock is held by this build until it is
 * closed. KITH_E_BUSY: another build of the same set has it. */
enum kith_status image_own_folder(const struct image_walk_options *options, char **ret_folder,
				  int *ret_lock, struct kith_err *err);
/* Removes the journals in it, and it when nothing else is there. */
void image_own_remove(const char *folder);

/* folder: of the journals. */
enum kith_status image_own_find(struct image_own *own, const struct image_walk_options *options,
				const char *folder, struct kith_err *err);
/* Whether this build writes what has that name, a path without symbolic links. */
bool image_own_has(const struct image_own *own, const char *path);
/* Whether any of it lies below the folder, which may have any name. */
bool image_own_below(const struct image_own *own, const char *folder);
void image_own_done(struct image_own *own);

#endif
