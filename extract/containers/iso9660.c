/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iso9660.c: ISO 9660 discs. Everything is reported in place. A disc may have up to three trees
 * over the same files: the one with Rock Ridge has the true names, else the Joliet one, else the
 * plain one. Of the others only what the first does not have is reported, with the names that they
 * give.
 */
#include "containers/iso9660.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "containers/disc.h"

/* ECMA-119 8.4.7: padded with spaces. */
static enum kith_status emit_volume_id(const struct iso *iso, struct kith_err *err)
{
	/* What genisoimage and xorriso write where nobody gave a name. */
	static const char *const defaults[] = {"CDROM", "ISOIMAGE"};
	const uint8_t *id = iso->primary.descriptor + 40;
	size_t n = 32, i;

	if (!iso->has_primary)
		return KITH_OK;
	while (n > 0 && (id[n - 1] == ' ' || id[n - 1] == 0))
		n--;
	for (i = 0; i < sizeof defaults / sizeof *defaults; i++)
		if (n == strlen(defaults[i]) && memcmp(id, defaults[i], n) == 0)
			n = 0;
	return n == 0 ? KITH_OK : kith_emit_fact(iso->in->emit, KITH_FACT_PRODUCT, 20, id, n, err);
}

static enum kith_status walk_trees(struct iso *iso, bool beside, struct kith_err *err)
{
	const struct iso_tree *order[3];
	/* cppcheck-suppress unreadVariable */
	enum kith_status st = KITH_OK;
	struct kith_err first = {0};
	size_t n = 0, i;

	if (iso->has_primary && iso->rock_ridge)
		order[n++] = &iso->primary;
	if (iso->has_joliet)
		order[n++] = &iso->joliet;
	if (iso->has_enhanced)
		order[n++] = &iso->enhanced;
	if (iso->has_primary && !iso->rock_ridge)
		order[n++] = &iso->primary;
	for (i = 0; i < n; i++) {
		struct kith_err why = {0};

		st = iso_tree_walk(iso, order[i], beside || i > 0, &why);
		if (st >= 0)
			continue;
		if (st != KITH_E_CORRUPT) {
			if (err != NULL)
				*err = why;
			return st;
		}
		if (first.status == KITH_OK)
			first = why;
	}
	if (first.status == KITH_OK)
		return KITH_OK;
	return kith_fail(err, first.status, "%s", first.msg);
}

enum kith_status kith_iso_walk(const struct kith_container_in *in, struct kith_extent_set *seen,
			       bool beside, struct kith_err *err)
{
	struct iso *iso = calloc(1, sizeof *iso);
	enum kith_status st;

	if (iso == NULL)
		return kith_fail_nomem(err);
	iso->in = in;
	iso->seen = seen;
	st = iso_volume_read(iso, err);
	if (st >= 0 && !beside)
		st = emit_volume_id(iso, err);
	if (st >= 0)
		st = walk_trees(iso, beside, err);
	free(iso);
	return st;
}

enum kith_status kith_iso_disc(const struct kith_container_in *in, struct kith_err *err)
{
	struct kith_extent_set seen = {0};
	struct kith_err later = {0};
	enum kith_status st, boot;

	st = kith_iso_walk(in, &seen, false, err);
	if (st >= 0 || st == KITH_E_CORRUPT) {
		/* A disc whose directories are damaged may have its boot images still. */
		boot = kith_disc_boot(in, &seen, st < 0 ? &later : err);
		if (st >= 0)
			st = boot;
	}
	kith_extent_set_done(&seen);
	return st < 0 ? st : KITH_OK;
}

const struct kith_container_ops kith_container_iso9660 = {.id = "iso9660", .walk = kith_iso_disc};
