/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_key.h: what tells that an input is the one that a journal was made of, without reading it.
 */
#ifndef KITH_SOURCES_IMAGE_KEY_H
#define KITH_SOURCES_IMAGE_KEY_H

#include "image.h"
#include "image_journal.h"
#include "image_own.h"

/* Of an input's path, size and times (of a folder: those of all that is in it and is not ours) and
 * of what its walk depends on. An input that cannot be read, or is ours, is an error. */
enum kith_status image_key(const char *input, const struct image_walk_options *options,
			   const struct image_own *own, uint8_t ret_key[JOURNAL_KEY_SIZE],
			   bool *ret_is_folder, struct kith_err *err);

#endif
