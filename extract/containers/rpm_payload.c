/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpm_payload.c: the payload is a cpio of the "new" form (070701, or 070702 with sums; cpio(5) of
 * FreeBSD), or a stripped form of it, in which an entry is "07070X" and the number of the file in
 * the header, which alone has names and sizes (rpm, docs/manual/format_v6.md, "Payload"; also in
 * packages before version 6 when a file is of 4 GiB or more).
 *
 * Of several names of one file all but the last have no data. So such a name waits until the data
 * has come, and becomes a link then. What must hold: every file of the header ends up in exactly
 * one of the states below, and whatever is not `EMITTED` or `LINKED` in the end is noted.
 */
#include "containers/rpm_payload.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/hex.h"
#include "base/limits.h"
#include "containers/behind.h"
#include "containers/unpacked.h"

#define BUFFER_N ((size_t)128 << 10)

#define NEWC_N     ((size_t)110) /* magic and 13 numbers of 8 hex digits */
#define STRIPPED_N ((size_t)14)  /* magic and one */
#define MAGIC_N    ((size_t)6)

/* Behind the last entry there is nothing but padding; this much is looked at. */
#define REST_MAX (UINT64_C(1) << 20)

#define MODE_TYPE    0170000u
#define MODE_REGULAR 0100000u

enum state {
	STATE_NONE = 0, /* the payload did not have it yet */
	STATE_WAITS,    /* a name whose data has not come */
	STATE_EMITTED,  /* its data was reported, or noted as damaged */
	STATE_LINKED,
	STATE_OTHER /* folder, symbolic link, ... */
};

struct walk {
	const struct rpm_payload *payload;
	struct kith_emit *emit;
	struct rpm_files *files;
	struct kith_blob packed;        /* the payload's bytes */
	uint64_t packed_at;             /* of the next one, where nothing is packed */
	struct kith_unpacked *unpacked; /* owned; or NULL: nothing is */
	uint8_t *buffer;                /* owned; BUFFER_N */
	size_t pos, n;                  /* in buffer: what is not consumed */
	uint64_t offset;                /* of the next byte, in the decompressed payload */
	uint8_t *states;                /* owned; of each file */
	uint32_t *content; /* owned; by the start of a group: the file that has its data, plus one
			    */
	struct kith_buf name, target;
};

struct item {
	uint32_t file; /* or RPM_NO_FILE */
	bool regular;
	uint64_t size;
	uint64_t links;
};

/* ---------------------------------------------------------------------- stream */

/* A new buffer; n stays 0 at the end. */
static enum kith_status fill_more(struct walk *walk, struct kith_err *err)
{
	enum kith_status st;

	walk->pos = 0;
	walk->n = 0;
	if (walk->unpacked != NULL)
		return kith_unpacked_read(walk->unpacked, walk->buffer, BUFFER_N, &walk->n, err);
	st = kith_blob_read_some(&walk->packed, walk->packed_at, walk->buffer, BUFFER_N, &walk->n,
				 err);
	if (st >= 0)
		walk->packed_at += walk->n;
	return st;
}

/* At least one byte in the buffer. */
static enum kith_status fill(struct walk *walk, struct kith_err *err)
{
	enum kith_status st;

	if (walk->n > 0)
		return KITH_OK;
	st = fill_more(walk, err);
	if (st >= 0 && walk->n == 0)
		return kith_fail(err, KITH_E_CORRUPT, "the payload ends at offset %llu",
				 (unsigned long long)walk->offset);
	return st;
}

static size_t take(struct walk *walk, uint64_t max, const uint8_t **ret)
{
	size_t n = max < walk->n ? (size_t)max : walk->n;

	*ret = walk->buffer + walk->pos;
	walk->pos += n;
	walk->n -= n;
	walk->offset += n;
	return n;
}

static enum kith_status read_all(struct walk *walk, uint8_t *to, size_t n, struct kith_err *err)
{
	while (n > 0) {
		enum kith_status st = fill(walk, err);
		const uint8_t *from;
		size_t now;

		if (st < 0)
			return st;
		now = take(walk, n, &from);
		memcpy(to, from, now);
		to += now;
		n -= now;
	}
	return KITH_OK;
}

static enum kith_status skip(struct walk *walk, uint64_t n, struct kith_err *err)
{
	/* What is not packed need not be read. */
	if (walk->unpacked == NULL && n > walk->n &&
	    n - walk->n <= walk->packed.size - walk->packed_at) {
		walk->packed_at += n - walk->n;
		walk->offset += n;
		walk->n = 0;
		return KITH_OK;
	}
	while (n > 0) {
		enum kith_status st = fill(walk, err);
		const uint8_t *from;

		if (st < 0)
			return st;
		n -= take(walk, n, &from);
	}
	return KITH_OK;
}

static enum kith_status skip_padding(struct walk *walk, struct kith_err *err)
{
	return skip(walk, (4 - walk->offset % 4) % 4, err);
}

/* ----------------------------------------------------------------------- notes */

static enum kith_status note(struct walk *walk, enum kith_ledger_class class_, const char *reason,
			     const struct kith_buf *name, struct kith_err *err)
{
	return kith_emit_note(walk->emit, class_, reason, name->data, name->n, err);
}

static enum kith_status name_of(struct walk *walk, uint32_t file, struct kith_buf *to,
				struct kith_err *err)
{
	to->n = 0;
	return rpm_files_name(walk->files, file, to) ? KITH_OK : kith_fail_nomem(err);
}

/* ------------------------------------------------------------------- hard links */

static enum kith_status link_one(struct walk *walk, uint32_t file, uint32_t target,
				 struct kith_err *err)
{
	enum kith_status st = name_of(walk, file, &walk->name, err);

	if (st >= 0)
		st = name_of(walk, target, &walk->target, err);
	if (st >= 0)
		st = kith_emit_link(walk->emit, walk->name.data, walk->name.n, walk->target.data,
				    walk->target.n, err);
	walk->states[file] = STATE_LINKED;
	return st;
}

/* The data of a group has come: those that waited for it. */
static enum kith_status link_waiting(struct walk *walk, uint32_t file, struct kith_err *err)
{
	struct rpm_group group = rpm_files_links(walk->files, file);
	enum kith_status st = KITH_OK;
	size_t i;

	if (group.n < 2)
		return KITH_OK;
	walk->content[walk->files->group[file]] = file + 1;
	for (i = 0; i < group.n && st >= 0; i++)
		if (walk->states[group.files[i]] == STATE_WAITS)
			st = link_one(walk, group.files[i], file, err);
	return st;
}

/* ---------------------------------------------------------------------- entries */

static enum kith_status emit_other(struct walk *walk, const struct item *item, struct kith_err *err)
{
	struct kith_entry entry = {
	    .kind = KITH_ENTRY_OTHER,
	    .name = walk->name.data,
	    .name_n = walk->name.n,
	};
	enum kith_status st = kith_emit_begin(walk->emit, &entry, err);

	if (st >= 0 && item->file != RPM_NO_FILE)
		walk->states[item->file] = STATE_OTHER;
	return st < 0 ? st : skip(walk, item->size, err);
}

static enum kith_status emit_data(struct walk *walk, uint64_t size, struct kith_err *err)
{
	enum kith_status st = KITH_OK;

	while (size > 0 && st != KITH_END) {
		const uint8_t *from;
		size_t now;

		st = fill(walk, err);
		if (st < 0) {
			struct kith_err more = {0};
			enum kith_status damaged = kith_emit_damaged(
			    walk->emit, "damaged", err == NULL ? "" : err->msg, &more);

			if (damaged >= 0)
				return st;
			if (err != NULL)
				*err = more;
			return damaged;
		}
		now = take(walk, size, &from);
		size -= now;
		st = kith_emit_data(walk->emit, from, now, err);
		if (st < 0)
			return st;
	}
	return st == KITH_END ? skip(walk, size, err) : kith_emit_end(walk->emit, err);
}

static enum kith_status emit_file(struct walk *walk, const struct item *item, struct kith_err *err)
{
	const struct rpm_payload *payload = walk->payload;
	struct kith_declared declared;
	struct kith_extent extent = {payload->offset + walk->offset, item->size};
	struct kith_entry entry = {
	    .kind = KITH_ENTRY_FILE,
	    .name = walk->name.data,
	    .name_n = walk->name.n,
	    .has_size = true,
	    .size = item->size,
	};
	enum kith_status st;

	if (item->file != RPM_NO_FILE) {
		entry.may_be_linked = rpm_files_links(walk->files, item->file).n > 1;
		if (rpm_files_digest(walk->files, item->file, &declared))
			entry.declared = &declared;
	}
	if (payload->format == KITH_FORMAT_NONE) {
		st = kith_emit_in_place(walk->emit, &entry, &extent, 1, err);
		if (st >= 0)
			st = skip(walk, item->size, err);
	} else {
		st = kith_emit_begin(walk->emit, &entry, err);
		if (st == KITH_NOT_FOUND)
			st = skip(walk, item->size, err);
		else if (st >= 0)
			st = emit_data(walk, item->size, err);
	}
	if (st < 0 || item->file == RPM_NO_FILE)
		return st;
	walk->states[item->file] = STATE_EMITTED;
	return link_waiting(walk, item->file, err);
}

/* A name of a file whose data is elsewhere: all but the last of its names. */
static bool waits(struct walk *walk, const struct item *item)
{
	struct rpm_group group;

	if (item->size > 0 || item->file == RPM_NO_FILE)
		return false;
	group = rpm_files_links(walk->files, item->file);
	return group.n > 1 && rpm_files_size(walk->files, item->file) > 0;
}

static enum kith_status one_item(struct walk *walk, const struct item *item, struct kith_err *err)
{
	enum kith_status st = KITH_OK;

	if (item->file == RPM_NO_FILE) {
		st = note(walk, KITH_LEDGER_MARKED, "in the payload, but not in the header",
			  &walk->name, err);
		/* Without the header nothing tells which of its names has the data; the digest of
		 * an empty file would be wrong for all of them. */
		if (st >= 0 && item->regular && item->size == 0 && item->links > 1) {
			st = note(walk, KITH_LEDGER_FAILED, "hard link without its data",
				  &walk->name, err);
			return st < 0 ? st : emit_other(walk, item, err);
		}
	} else {
		st = name_of(walk, item->file, &walk->name, err);
		if (st >= 0 && walk->states[item->file] != STATE_NONE)
			st = note(walk, KITH_LEDGER_MARKED, "twice in the payload", &walk->name,
				  err);
	}
	if (st < 0)
		return st;
	if (!item->regular)
		return emit_other(walk, item, err);
	if (waits(walk, item)) {
		uint32_t content = walk->content[walk->files->group[item->file]];

		if (content > 0)
			return link_one(walk, item->file, content - 1, err);
		walk->states[item->file] = STATE_WAITS;
		return KITH_OK;
	}
	return emit_file(walk, item, err);
}

/* ------------------------------------------------------------------------- cpio */

static bool hex_number(const uint8_t *p, uint64_t *ret)
{
	uint8_t bytes[4];

	if (!kith_hex_decode((const char *)p, bytes, sizeof bytes))
		return false;
	*ret = kith_get_be32(bytes);
	return true;
}

static enum kith_status bad_header(const struct walk *walk, struct kith_err *err)
{
	return kith_fail(err, KITH_E_CORRUPT, "no entry at offset %llu of the payload",
			 (unsigned long long)walk->offset);
}

/* 07070X: the file's number; the header has the rest. */
static enum kith_status stripped_header(struct walk *walk, const uint8_t *header, struct item *ret,
					struct kith_err *err)
{
	const struct rpm_files *files = walk->files;
	struct rpm_group group;
	uint64_t file;

	if (!hex_number(header + MAGIC_N, &file))
		return bad_header(walk, err);
	if (file >= files->n)
		return kith_fail(err, KITH_E_CORRUPT, "the payload has file %llu of %zu",
				 (unsigned long long)file, files->n);
	*ret = (struct item){
	    .file = (uint32_t)file,
	    .regular = rpm_files_is_regular(files, (size_t)file),
	};
	/* As rpm reads it (lib/rpmfi.c): links have data at their last name only. */
	group = rpm_files_links(files, (size_t)file);
	if ((ret->regular && (group.n < 2 || group.files[group.n - 1] == file)) ||
	    rpm_files_is_link(files, (size_t)file))
		ret->size = rpm_files_size(files, (size_t)file);
	return skip_padding(walk, err);
}

/* 070701, 070702. KITH_END: it is the trailer. */
static enum kith_status newc_header(struct walk *walk, const uint8_t *header, struct item *ret,
				    struct kith_err *err)
{
	/* ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize
	 * check */
	uint64_t number[13];
	enum kith_status st;
	size_t i;

	for (i = 0; i < 13; i++)
		if (!hex_number(header + MAGIC_N + 8 * i, &number[i]))
			return bad_header(walk, err);
	if (number[11] == 0 || number[11] > KITH_LIMIT_ENTRY_NAME)
		return kith_fail(err, KITH_E_CORRUPT, "a name of %llu bytes in the payload",
				 (unsigned long long)number[11]);
	walk->name.n = 0;
	if (kith_buf_room(&walk->name, (size_t)number[11]) == NULL)
		return kith_fail_nomem(err);
	st = read_all(walk, walk->name.data, (size_t)number[11], err);
	if (st < 0)
		return st;
	walk->name.n = (size_t)number[11];
	while (walk->name.n > 0 && walk->name.data[walk->name.n - 1] == '\0')
		walk->name.n--;
	*ret = (struct item){
	    .file = RPM_NO_FILE,
	    .regular = (number[1] & MODE_TYPE) == MODE_REGULAR,
	    .size = number[6],
	    .links = number[4],
	};
	if (walk->name.n == 10 && memcmp(walk->name.data, "TRAILER!!!", 10) == 0)
		return KITH_END;
	st = skip_padding(walk, err);
	if (st >= 0)
		st = rpm_files_find(walk->files, walk->name.data, walk->name.n, &ret->file, err);
	/* rpm goes by the mode in the header, so what is a file there has content. */
	if (st >= 0 && ret->file != RPM_NO_FILE)
		ret->regular = ret->regular || rpm_files_is_regular(walk->files, ret->file);
	if (walk->name.n >= 2 && memcmp(walk->name.data, "./", 2) == 0)
		memmove(walk->name.data, walk->name.data + 1, --walk->name.n);
	return st;
}

static enum kith_status next_item(struct walk *walk, struct item *ret, struct kith_err *err)
{
	uint8_t header[NEWC_N];
	enum kith_status st = read_all(walk, header, STRIPPED_N, err);

	if (st < 0)
		return st;
	if (memcmp(header, "07070X", MAGIC_N) == 0)
		return stripped_header(walk, header, ret, err);
	if (memcmp(header, "070701", MAGIC_N) != 0 && memcmp(header, "070702", MAGIC_N) != 0)
		return bad_header(walk, err);
	st = read_all(walk, header + STRIPPED_N, NEWC_N - STRIPPED_N, err);
	return st < 0 ? st : newc_header(walk, header, ret, err);
}

/* Reads the stream to its end, so that its sums are checked. */
static enum kith_status rest(struct walk *walk, struct kith_err *err)
{
	uint64_t seen = 0;
	bool zeros = true;
	enum kith_status st = KITH_OK;

	do {
		for (; walk->n > 0; walk->n--)
			zeros = zeros && walk->buffer[walk->pos++] == 0;
		st = fill_more(walk, err);
		seen += walk->n;
	} while (st >= 0 && walk->n > 0 && seen < REST_MAX);
	if (st >= 0 && (!zeros || walk->n > 0))
		st = kith_emit_note(walk->emit, KITH_LEDGER_SKIPPED, "bytes behind the payload",
				    NULL, 0, err);
	if (st >= 0 && walk->n == 0 &&
	    walk->unpacked != NULL) /* what is behind the compressed stream */
		st = kith_emit_behind(walk->payload->in,
				      walk->payload->offset + kith_unpacked_used(walk->unpacked),
				      "behind the payload", "data behind the payload", err);
	return st;
}

static enum kith_status walk_items(struct walk *walk, struct kith_err *err)
{
	struct item item;
	enum kith_status st;

	while ((st = next_item(walk, &item, err)) == KITH_OK) {
		st = one_item(walk, &item, err);
		if (st >= 0)
			st = skip_padding(walk, err);
		if (st < 0)
			break;
	}
	return st == KITH_END ? rest(walk, err) : st;
}

/* Files of the header that were not seen. */
static enum kith_status missing(struct walk *walk, struct kith_err *err)
{
	struct rpm_files *files = walk->files;
	struct kith_declared declared;
	enum kith_status st = KITH_OK;
	size_t i;

	for (i = 0; i < files->n && st >= 0; i++) {
		bool ghost = rpm_files_is_ghost(files, i);

		if ((walk->states[i] != STATE_NONE && walk->states[i] != STATE_WAITS) ||
		    !rpm_files_is_regular(files, i))
			continue;
		st = name_of(walk, (uint32_t)i, &walk->name, err);
		if (st >= 0 && !ghost)
			st = note(walk, KITH_LEDGER_FAILED,
				  walk->states[i] == STATE_WAITS
				      ? "hard link without its data"
				      : "in the header, but not in the payload",
				  &walk->name, err);
		if (st >= 0 && rpm_files_digest(files, i, &declared))
			st =
			    kith_emit_declared(walk->emit, walk->name.data, walk->name.n, &declared,
					       files->sizes.n > 0, rpm_files_size(files, i),
					       walk->payload->signed_, err);
	}
	return st;
}

enum kith_status rpm_payload_walk(const struct rpm_payload *payload, struct kith_err *err)
{
	struct walk walk = {.payload = payload, .emit = payload->in->emit, .files = payload->files};
	struct kith_extent extent = {payload->offset, payload->in->blob->size};
	struct kith_err damage = {0};
	enum kith_status st = KITH_OK, damaged = KITH_OK;

	walk.buffer = malloc(BUFFER_N);
	walk.states = calloc(payload->files->n + 1, sizeof *walk.states);
	walk.content = calloc(payload->files->n + 1, sizeof *walk.content);
	if (walk.buffer == NULL || walk.states == NULL || walk.content == NULL) {
		st = kith_fail_nomem(err);
		goto out;
	}
	extent.bytes -= payload->offset;
	damaged = kith_blob_parts(&walk.packed, payload->in->blob, &extent, 1, &damage);
	if (damaged >= 0 && payload->format != KITH_FORMAT_NONE)
		damaged =
		    kith_unpacked_open(&walk.packed, payload->format, &walk.unpacked, &damage);
	if (damaged >= 0)
		damaged = walk_items(&walk, &damage);
	/* Only what is wrong with the package: a failing emitter ends the walk at once. */
	if (damaged == KITH_OK || damaged == KITH_E_CORRUPT || damaged == KITH_E_UNSUPPORTED)
		st = missing(&walk, err);
	if (st >= 0 && damaged < 0) {
		st = damaged;
		if (err != NULL)
			*err = damage;
	}

out:
	kith_unpacked_close(walk.unpacked);
	kith_blob_done(&walk.packed);
	free(walk.buffer);
	free(walk.states);
	free(walk.content);
	kith_buf_done(&walk.name);
	kith_buf_done(&walk.target);
	return st;
}
