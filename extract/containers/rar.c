/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rar.c: both formats by the name rar. Their signatures differ in the seventh byte ("Rar!\x1a\x07",
 * then 0 for the older one, 1 for RAR 5; RAR 5.0 archive format, "RAR 5.0 signature").
 *
 * The parts of a split archive are read as one, which libarchive does when they follow each other:
 * by the first of them, that finds the others by their names. What must hold: a part is passed over
 * only when the part before it is there and will look for it.
 */
#include <string.h>

#include "base/err.h"
#include "containers/libarchive.h"
#include "containers/parts.h"
#include "containers/rar5_headers.h"
#include "containers/rar_volume.h"

#define PARTS_MAX  256u /* more than a worker may have siblings */
#define NAME_MAX_N 1024u
#define BEHIND     512u /* zeros behind the last part: libarchive looks for the next one in so many */

struct rar {
	const struct kith_container_in *in;
	struct kith_err *err;
	struct rar_volume volume; /* of in */
	const struct kith_blob *parts[PARTS_MAX];
	uint64_t starts[PARTS_MAX + 1];
	size_t n_parts;
};

/* Of the parts as one, and the zeros behind them. */
static enum kith_status read_parts(void *user, uint64_t offset, void *buf, size_t n,
				   struct kith_err *err)
{
	const struct rar *rar = user;
	uint8_t *to = buf;
	size_t i;

	for (i = 0; i < rar->n_parts && n > 0; i++) {
		uint64_t left = rar->starts[i + 1] - offset;
		size_t now = left < n ? (size_t)left : n;
		enum kith_status st;

		if (offset >= rar->starts[i + 1])
			continue;
		st = kith_blob_read(rar->parts[i], offset - rar->starts[i], to, now, err);
		if (st < 0)
			return st;
		to += now;
		offset += now;
		n -= now;
	}
	memset(to, 0, n);
	return KITH_OK;
}

static enum kith_status note(const struct rar *rar, enum kith_ledger_class class_,
			     const char *reason, const char *name)
{
	return kith_emit_note(rar->in->emit, class_, reason, name, strlen(name), rar->err);
}

/* The part before this one, which will look for it; NULL: there is none. */
static enum kith_status find_previous(const struct rar *rar, const struct kith_blob **ret)
{
	const struct rar_volume *own = &rar->volume;
	const struct kith_blob *blob = NULL;
	struct rar_volume other;
	char name[NAME_MAX_N];
	enum kith_status st;
	int shorter;

	*ret = NULL;
	for (shorter = 0; shorter <= 1 && *ret == NULL; shorter++) {
		if (!kith_rar_previous_name(rar->in->name, rar->in->name_n, own->part_names,
					    shorter == 1, name, sizeof name))
			continue;
		st = kith_emit_sibling(rar->in->emit, name, &blob, rar->err);
		if (st == KITH_OK)
			st = kith_rar_volume(blob, &other, rar->err);
		if (st < 0)
			return st;
		if (st == KITH_OK && other.is_volume && other.rar5 == own->rar5 &&
		    (!other.has_end || other.has_next) &&
		    (!own->numbered || other.number + 1 == own->number))
			*ret = blob;
	}
	return KITH_OK;
}

/* KITH_END: there is none, which is noted where it should be. */
static enum kith_status add_next(struct rar *rar, struct rar_volume *last, char *name)
{
	const struct kith_blob *blob = NULL;
	struct rar_volume next;
	char behind[NAME_MAX_N];
	enum kith_status st = KITH_NOT_FOUND;

	if (last->has_end && !last->has_next)
		return KITH_END;
	if (kith_rar_next_name(name, strlen(name), last->part_names, behind, sizeof behind))
		st = kith_emit_sibling(rar->in->emit, behind, &blob, rar->err);
	else
		(void)memcpy(behind, name, strlen(name) + 1);
	if (st == KITH_E_LIMIT) {
		st =
		    note(rar, KITH_LEDGER_FAILED, "over a limit: parts of a split archive", behind);
		return st < 0 ? st : KITH_END;
	}
	if (st == KITH_OK) {
		st = kith_rar_volume(blob, &next, rar->err);
		if (st >= 0 && (st != KITH_OK || !next.is_volume || next.rar5 != last->rar5 ||
				(next.rar5 && next.number != last->number + 1)))
			st = KITH_NOT_FOUND;
	}
	if (st == KITH_NOT_FOUND && last->has_end)
		st = note(rar, KITH_LEDGER_FAILED, "the next part of a split archive is missing",
			  behind);
	if (st < 0)
		return st;
	if (blob == NULL || st == KITH_NOT_FOUND)
		return KITH_END;
	rar->parts[rar->n_parts] = blob;
	rar->starts[rar->n_parts + 1] = rar->starts[rar->n_parts] + blob->size;
	rar->n_parts++;
	*last = next;
	memcpy(name, behind, strlen(behind) + 1);
	return KITH_OK;
}

static enum kith_status add_parts(struct rar *rar)
{
	struct rar_volume last = rar->volume;
	char name[NAME_MAX_N];
	enum kith_status st = KITH_OK;

	/* only its last component counts, and only if it is a name */
	if (rar->in->name_n >= sizeof name || memchr(rar->in->name, '\0', rar->in->name_n) != NULL)
		return note(rar, KITH_LEDGER_FAILED, "the next part of a split archive is missing",
			    "");
	memcpy(name, rar->in->name, rar->in->name_n);
	name[rar->in->name_n] = '\0';
	while (st == KITH_OK && rar->n_parts < PARTS_MAX)
		st = add_next(rar, &last, name);
	return st < 0 ? st : KITH_OK;
}

/* Whether it is to be read by itself, or with what was found beside it. */
static enum kith_status find_parts(struct rar *rar, bool *ret)
{
	const struct rar_volume *volume = &rar->volume;
	const struct kith_container_in *in = rar->in;
	const struct kith_blob *previous = NULL;
	bool first = volume->is_first;
	enum kith_status st = KITH_OK;

	*ret = true;
	if (!volume->is_volume)
		return KITH_OK;
	if (!first)
		st = find_previous(rar, &previous);
	if (st < 0)
		return st;
	if (previous != NULL) {
		*ret = false;
		return kith_note_later_part(in, "archive", previous, rar->err);
	}
	/* the oldest first parts do not say so */
	if (!first && !volume->rar5 && !volume->part_names && in->name_n > 4 &&
	    (in->name[in->name_n - 3] | 0x20) == 'r' && (in->name[in->name_n - 2] | 0x20) == 'a' &&
	    (in->name[in->name_n - 1] | 0x20) == 'r')
		first = true;
	if (!first)
		st = kith_emit_note(in->emit, KITH_LEDGER_FAILED,
				    "the previous part of a split archive is missing", in->name,
				    in->name_n, rar->err);
	/* What begins in this part or behind it can be read all the same, and those behind it count
	 * on that. */
	return st < 0 ? st : add_parts(rar);
}

/* ------------------------------------------------------------------- RAR 5 */

/* Notes a file that is not read. */
static enum kith_status note_file(const struct rar *rar, const struct rar5_file *file)
{
	const uint8_t *name = file->name;
	size_t n = file->name_n;

	kith_entry_path(&name, &n);
	return kith_emit_note(rar->in->emit, KITH_LEDGER_FAILED,
			      file->encrypted ? "encrypted" : "entry that cannot be read", name, n,
			      rar->err);
}

/* file: what its header says, or NULL. */
static enum kith_status read_entry(const struct rar *rar, struct kith_la *la,
				   const struct kith_la_entry *found, const struct rar5_file *file)
{
	if (file != NULL && file->encrypted)
		return note_file(rar, file);
	if (file != NULL && file->copy_of != NULL)
		return kith_emit_link(rar->in->emit, found->name, found->name_n, file->copy_of,
				      file->copy_of_n, rar->err);
	return kith_la_emit(rar->in, la, found, rar->err);
}

/* Versions of a file have their number behind the name. */
static bool is_same(const struct kith_la_entry *found, const struct rar5_file *file)
{
	const uint8_t *name = file->name;
	size_t n = file->name_n;

	kith_entry_path(&name, &n);
	return n <= found->name_n && memcmp(name, found->name, n) == 0 &&
	       (n == found->name_n || found->name[n] == ';');
}

/* What libarchive gives, beside the headers: they come in the same order. */
static enum kith_status walk_entries(const struct rar *rar, struct kith_la *la,
				     struct rar5_headers *headers)
{
	struct kith_la_entry found;
	struct rar5_file file;
	bool together = true;
	enum kith_status st, listed = KITH_OK, noted = KITH_OK;

	while ((st = kith_la_next(la, &found, rar->err)) >= 0 && st != KITH_END) {
		if (listed == KITH_OK)
			listed = rar5_headers_next(headers, &file, rar->err);
		if (listed < 0)
			return listed;
		together = together && listed == KITH_OK && is_same(&found, &file);
		st = st == KITH_NOT_FOUND ? kith_la_note_failed(rar->in->emit, &found, rar->err)
					  : read_entry(rar, la, &found, together ? &file : NULL);
		if (st < 0)
			break;
	}
	/* It may have ended too early, with an error or without. */
	while (listed == KITH_OK && noted >= 0 &&
	       (listed = rar5_headers_next(headers, &file, NULL)) == KITH_OK)
		if (!file.is_folder)
			noted = note_file(rar, &file);
	/* Then nobody knows what else was in it; the library takes it for whole. */
	if (noted >= 0 && listed == KITH_END && headers->endless)
		noted = kith_emit_note(rar->in->emit, KITH_LEDGER_FAILED,
				       "the end of the archive is missing", rar->in->name,
				       rar->in->name_n, rar->err);
	return noted < 0 ? noted : st;
}

static enum kith_status walk_rar5(const struct rar *rar, const struct kith_blob *blob)
{
	struct rar5_headers headers;
	struct rar5_file file;
	struct kith_la *la = NULL;
	enum kith_status st;

	rar5_headers_start(&headers, rar->parts, rar->n_parts);
	st = rar5_headers_next(&headers, &file, rar->err);
	if (st == KITH_NOT_FOUND) {
		st = kith_emit_note(rar->in->emit, KITH_LEDGER_FAILED, "encrypted", rar->in->name,
				    rar->in->name_n, rar->err);
		goto out;
	}
	rar5_headers_done(&headers);
	rar5_headers_start(&headers, rar->parts, rar->n_parts);
	if (st >= 0)
		st = kith_la_open(KITH_LA_RAR5, blob, NULL, NULL, &la, rar->err);
	if (st >= 0)
		st = walk_entries(rar, la, &headers);
out:
	kith_la_close(la);
	rar5_headers_done(&headers);
	return st < 0 ? st : KITH_OK;
}

static enum kith_status walk(const struct kith_container_in *in, struct kith_err *err)
{
	struct rar rar = {.in = in, .err = err, .parts = {in->blob}, .n_parts = 1};
	struct kith_container_in whole = *in;
	struct kith_blob joined = {0};
	bool read = false;
	enum kith_status st = kith_rar_volume(in->blob, &rar.volume, err);

	rar.starts[1] = in->blob->size;
	if (st >= 0)
		st = find_parts(&rar, &read);
	if (st < 0 || !read)
		return st < 0 ? st : KITH_OK;
	if (rar.volume.is_volume) {
		kith_blob_decoded(&joined, rar.starts[rar.n_parts] + BEHIND, read_parts, &rar);
		whole.blob = &joined;
	}
	return rar.volume.rar5 ? walk_rar5(&rar, whole.blob)
			       : kith_la_walk(&whole, KITH_LA_RAR, err);
}

const struct kith_container_ops kith_container_rar = {
    .id = "rar", .prepare = kith_la_prepare, .walk = walk};
