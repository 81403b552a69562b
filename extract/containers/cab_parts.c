/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cab_parts.c: finds, opens and joins the cabinets of a set. What must hold: a part is passed over
 * only when the part before it will find exactly this file.
 */
#include <string.h>

#include <mspack.h>

#include "base/bytes.h"
#include "base/err.h"
#include "containers/cab.h"

#define FILES_MAX  (1u << 20) /* of a set; one cabinet has at most 65,535 */
#define STEPS_MAX  (1u << 30) /* the library finds a file's folder by walking their list */
#define NAME_MAX_N 257u       /* MS-CAB 2.1: names of cabinets, with their NUL */
#define CFHEADER   36u        /* bytes of a cabinet's header without its options */

/* The library is told to be lenient: else all behind the first bad entry would be lost too. */
enum kith_status cab_open_part(struct cab *cab, struct cab_part *part, const struct kith_blob *blob)
{
	uint8_t header[CFHEADER];
	enum kith_status st;

	memset(part, 0, sizeof *part);
	part->blob = blob;
	st = kith_blob_read(blob, 0, header, sizeof header, cab->err);
	if (st < 0)
		return st;
	part->n_folders = kith_get_le16(header + 26);
	part->n_files = kith_get_le16(header + 28);
	if ((uint64_t)part->n_folders * part->n_files > STEPS_MAX)
		return kith_fail(cab->err, KITH_E_LIMIT, "%u folders and %u files in a cabinet",
				 part->n_folders, part->n_files);
	(void)cab->d->set_param(cab->d, MSCABD_PARAM_SALVAGE, 1);
	part->cab = cab->d->open(cab->d, (const char *)(const void *)part);
	(void)cab->d->set_param(cab->d, MSCABD_PARAM_SALVAGE, 0);
	if (part->cab != NULL)
		return KITH_OK;
	if (cab->d->last_error(cab->d) == MSPACK_ERR_NOMEMORY)
		return kith_fail_nomem(cab->err);
	return kith_fail(cab->err, KITH_E_CORRUPT, "cabinet: %s",
			 cab_error_text(cab->d->last_error(cab->d)));
}

/* Names in a set are of the time when names had no case. found: the name that there was. */
static enum kith_status find_sibling(struct cab *cab, const char *name, char found[NAME_MAX_N],
				     const struct kith_blob **ret)
{
	size_t n = strlen(name), i;
	enum kith_status st;
	int lower;

	if (n >= NAME_MAX_N)
		return KITH_NOT_FOUND;
	memcpy(found, name, n + 1);
	st = kith_emit_sibling(cab->in->emit, found, ret, cab->err);
	for (lower = 1; st == KITH_NOT_FOUND && lower >= 0; lower--) {
		char from = lower ? 'A' : 'a';

		memcpy(found, name, n + 1);
		for (i = 0; i < n; i++)
			if (found[i] >= from && found[i] <= from + 25)
				found[i] = (char)(found[i] ^ 0x20);
		if (strcmp(found, name) != 0)
			st = kith_emit_sibling(cab->in->emit, found, ret, cab->err);
	}
	return st;
}

enum kith_status cab_note_lost(struct cab *cab, const struct cab_part *part)
{
	const struct mscabd_file *file;
	unsigned n = 0;
	enum kith_status st = KITH_OK;

	for (file = part->cab->files; file != NULL; file = file->next)
		n++;
	for (; n < part->n_files && st >= 0; n++)
		st = kith_emit_note(cab->in->emit, KITH_LEDGER_FAILED,
				    "entry with a damaged name or folder", NULL, 0, cab->err);
	return st;
}

enum kith_status cab_find_previous(struct cab *cab, const struct kith_blob **ret)
{
	const struct mscabd_cabinet *own = cab->parts[0].cab;
	const uint8_t *base = cab->in->name;
	size_t n = cab->in->name_n, i;
	const struct kith_blob *blob = NULL, *mine = NULL;
	struct cab_part *previous = &cab->parts[1];
	char found[NAME_MAX_N];
	enum kith_status st;

	*ret = NULL;
	if ((own->flags & MSCAB_HDR_PREVCAB) == 0 || own->prevname == NULL)
		return KITH_OK;
	st = find_sibling(cab, own->prevname, found, &blob);
	if (st != KITH_OK)
		return st < 0 ? st : KITH_OK;
	st = cab_open_part(cab, previous, blob);
	if (st < 0)
		return st == KITH_E_NOMEM ? st : KITH_OK;
	for (i = 0; i < cab->in->name_n; i++) {
		if (cab->in->name[i] == '/') {
			base = cab->in->name + i + 1;
			n = cab->in->name_n - i - 1;
		}
	}
	st = KITH_NOT_FOUND;
	if (previous->cab->nextname != NULL && previous->cab->set_id == own->set_id &&
	    previous->cab->set_index + 1 == own->set_index)
		st = find_sibling(cab, previous->cab->nextname, found, &mine);
	/* It is this file that the previous part will find, not one that only looks like it. */
	if (st == KITH_OK && strlen(found) == n && memcmp(found, base, n) == 0) {
		/* Whether it can be joined is known by trying; then both are one. */
		if (cab->d->append(cab->d, previous->cab, cab->parts[0].cab) == MSPACK_ERR_OK) {
			*ret = blob;
			return KITH_OK;
		}
	}
	cab->d->close(cab->d, previous->cab);
	previous->cab = NULL;
	return st < 0 ? st : KITH_OK;
}

static enum kith_status append_next(struct cab *cab)
{
	struct cab_part *last = &cab->parts[cab->n_parts - 1], *next = last + 1;
	const char *name = last->cab->nextname;
	const struct kith_blob *blob = NULL;
	const char *reason = "the next part of the set is missing";
	char found[NAME_MAX_N];
	enum kith_status st;

	st = find_sibling(cab, name, found, &blob);
	if (st < 0 && st != KITH_E_LIMIT) /* what the parts have so far is read */
		return st;
	if (st == KITH_E_LIMIT)
		reason = "over a limit: parts of a set";
	if (st == KITH_OK) {
		reason = "the next part of the set is damaged";
		st = cab_open_part(cab, next, blob);
		if (st == KITH_E_NOMEM)
			return st;
		if (st == KITH_OK) {
			reason = "the next part is of another set";
			if (next->cab->set_id == last->cab->set_id &&
			    next->cab->set_index == last->cab->set_index + 1) {
				st = cab_note_lost(cab, next);
				if (st < 0)
					return st;
				if (cab->d->append(cab->d, last->cab, next->cab) == MSPACK_ERR_OK) {
					cab->n_parts++;
					return KITH_OK;
				}
			}
			cab->d->close(cab->d, next->cab);
			next->cab = NULL;
		}
	}
	st =
	    kith_emit_note(cab->in->emit, KITH_LEDGER_FAILED, reason, name, strlen(name), cab->err);
	return st < 0 ? st : KITH_END;
}

enum kith_status cab_append_all(struct cab *cab)
{
	uint64_t files = cab->parts[0].n_files;
	enum kith_status st = KITH_OK;

	while (st == KITH_OK && cab->parts[cab->n_parts - 1].cab->nextname != NULL) {
		if (cab->n_parts == CAB_PARTS_MAX || files > FILES_MAX)
			return kith_emit_note(cab->in->emit, KITH_LEDGER_FAILED,
					      "over a limit: parts of a set", NULL, 0, cab->err);
		st = append_next(cab);
		files += cab->parts[cab->n_parts - 1].n_files;
	}
	return st < 0 ? st : KITH_OK;
}
