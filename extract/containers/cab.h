/* SPDX-License-Identifier: Apache-2.0 */
/* cab.h: what the files that read cabinets share. */
#ifndef KITH_CONTAINERS_CAB_H
#define KITH_CONTAINERS_CAB_H

#include "containers/container.h"
#include "containers/update_facts.h"

#define CAB_PARTS_MAX 256u /* cabinets of one set; Windows 95 had 26 */

struct mscab_decompressor; /* of mspack.h */
struct mscabd_cabinet;
struct mscabd_folder;

struct cab_part {
	const struct kith_blob *blob;
	struct mscabd_cabinet *cab;
	unsigned n_folders, n_files; /* as the header says */
};

struct cab {
	const struct kith_container_in *in;
	struct kith_err *err;
	struct mscab_decompressor *d;
	struct cab_part parts[CAB_PARTS_MAX];
	size_t n_parts;
	struct kith_update_facts facts;
	struct kith_buf name, first; /* of a file, and of the last one that was decoded */
	/* The folder that is being decoded. */
	struct mscabd_folder *folder;
	bool broken;
	uint64_t pos;
	unsigned restarts;
};

/* What an error of the library means, as the end of a sentence. */
const char *cab_error_text(int error);

/*
 * cab_parts.c: the cabinets of a set.
 */

/* Opens the cabinet of a part. Entries with a bad folder or name are left out of its list. */
enum kith_status cab_open_part(struct cab *cab, struct cab_part *part,
			       const struct kith_blob *blob);
/* Notes the entries that the header counts and the list lacks. */
enum kith_status cab_note_lost(struct cab *cab, const struct cab_part *part);
/* The part before this one, if it is there and leads here, so that this will be read with it; else
 * NULL. */
enum kith_status cab_find_previous(struct cab *cab, const struct kith_blob **ret);
/* Joins the parts behind the first to it. */
enum kith_status cab_append_all(struct cab *cab);

#endif
