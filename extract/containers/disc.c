/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disc.c: a hybrid image is a disc and a disk at once: a table in the system area of the disc,
 * which ECMA-119 leaves free, names partitions. Some of them are the disc itself, in one of two
 * ways: the partition begins before the volume descriptors; or it has volume descriptors of its
 * own, equal but for the block numbers, that lead to the same files.
 */
#include "containers/disc.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "containers/eltorito.h"
#include "containers/partition.h"

#define DESCRIPTOR ((uint64_t)32768)
#define SECTOR     2048u

static enum kith_status note(const struct kith_container_in *in, enum kith_ledger_class class_,
			     const char *reason, const char *name, struct kith_err *err)
{
	return kith_emit_note(in->emit, class_, reason, name, strlen(name), err);
}

static enum kith_status emit_inner(const struct kith_container_in *in, struct kith_extent_set *seen,
				   const char *name, uint64_t offset, uint64_t bytes,
				   struct kith_err *err)
{
	struct kith_extent extent = {offset, bytes};
	struct kith_entry entry = {.kind = KITH_ENTRY_INNER,
				   .name = (const uint8_t *)name,
				   .name_n = strlen(name),
				   .has_size = true,
				   .size = bytes};
	bool is_new;
	enum kith_status st = kith_extent_set_add(seen, offset, bytes, &is_new, err);

	return st < 0 ? st : kith_emit_in_place(in->emit, &entry, &extent, 1, err);
}

static enum kith_status boot_images(const struct kith_container_in *in,
				    struct kith_extent_set *seen, struct kith_err *err)
{
	struct kith_boot_images images;
	enum kith_status st = kith_boot_images_read(in->blob, &images, err);
	size_t i;

	if (st >= 0 && images.fault != NULL)
		st = note(in, KITH_LEDGER_FAILED, images.fault, "", err);
	for (i = 0; st >= 0 && i < images.n; i++) {
		const struct kith_boot_image *image = &images.items[i];
		char name[32];

		if (kith_extent_set_covers(seen, image->offset, image->bytes))
			continue;
		(void)snprintf(name, sizeof name, "boot image %zu", i + 1);
		if (!image->length_known)
			st = note(in, KITH_LEDGER_MARKED, "boot image whose length is not known",
				  name, err);
		if (st >= 0)
			st = emit_inner(in, seen, name, image->offset, image->bytes, err);
	}
	return st;
}

/* See the head of this file. */
static enum kith_status is_disc_itself(const struct kith_container_in *in,
				       const struct kith_partition *p, bool *ret,
				       struct kith_err *err)
{
	uint8_t ours[SECTOR], theirs[SECTOR];
	enum kith_status st;

	*ret = p->offset < DESCRIPTOR + SECTOR && p->bytes > DESCRIPTOR + SECTOR - p->offset;
	if (*ret || p->bytes < DESCRIPTOR + SECTOR || in->blob->size < DESCRIPTOR + SECTOR)
		return KITH_OK;
	st = kith_blob_read(in->blob, DESCRIPTOR, ours, sizeof ours, err);
	if (st >= 0)
		st = kith_blob_read(in->blob, p->offset + DESCRIPTOR, theirs, sizeof theirs, err);
	if (st < 0)
		return st;
	/* ECMA-119 8.4: names of system and volume; of set, publisher, ..., and all dates. */
	*ret = memcmp(theirs + 1, "CD001", 5) == 0 && memcmp(ours, theirs, 72) == 0 &&
	       memcmp(ours + 190, theirs + 190, 881 - 190) == 0;
	return KITH_OK;
}

static enum kith_status partitions(const struct kith_container_in *in, struct kith_extent_set *seen,
				   struct kith_err *err)
{
	struct kith_partitions all = {0};
	enum kith_status st = kith_partitions_read(in->blob, &all, err);
	size_t i;

	for (i = 0; st >= 0 && i < all.n_faults; i++)
		st = note(in, KITH_LEDGER_FAILED, all.faults[i], "", err);
	for (i = 0; st >= 0 && i < all.n; i++) {
		const struct kith_partition *p = &all.items[i];
		bool itself;

		if (kith_extent_set_covers(seen, p->offset, p->bytes))
			continue;
		st = is_disc_itself(in, p, &itself, err);
		if (st < 0 || itself)
			continue;
		if (p->cut)
			st = note(in, KITH_LEDGER_MARKED, "partition longer than the image",
				  p->name, err);
		if (st >= 0)
			st = emit_inner(in, seen, p->name, p->offset, p->bytes, err);
	}
	kith_partitions_done(&all);
	return st;
}

enum kith_status kith_disc_boot(const struct kith_container_in *in, struct kith_extent_set *seen,
				struct kith_err *err)
{
	enum kith_status st = boot_images(in, seen, err);

	return st < 0 ? st : partitions(in, seen, err);
}
