/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udf.c: UDF discs (ECMA-167, OSTA UDF), by libudfread. The library finds files and says in which
 * blocks they lie; nothing is read through it but what lies inside of a file entry. Many UDF discs
 * have an ISO 9660 tree too, with other files in it: README.TXT on Windows media.
 *
 * What the library does not tell: named streams, symbolic links (they are files to it), that a name
 * was deleted (its file is reported as long as it can be read), holes, and which directory is the
 * same as another one. A directory that leads to itself is therefore seen as a
 * tree without end: the number of directories is bounded by what the image can hold, and their
 * depth.
 */
#include <stdlib.h>
#include <string.h>
#include <udfread/blockinput.h>
#include <udfread/udfread.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/utf.h"
#include "containers/container.h"
#include "containers/disc.h"
#include "containers/extent_set.h"
#include "containers/iso9660.h"

#define BLOCK      ((uint64_t)UDF_BLOCK_SIZE)
#define DEPTH_MAX  256u
#define INSIDE_MAX (UDF_BLOCK_SIZE - 176) /* ECMA-167 4/14.9: what a file entry has room for */
#define ANCHOR     256u                   /* ECMA-167 3/8.4.2.1: a block that has an anchor */

struct input {
	struct udfread_block_input base; /* first: the library knows this only */
	/* cppcheck-suppress unusedStructMember */
	const struct kith_blob *blob;
};

struct frame {
	UDFDIR *dir;
	size_t path_n; /* with the slash behind it */
};

struct udf {
	const struct kith_container_in *in;
	struct kith_extent_set *seen;
	struct kith_extent_set names; /* hashes of paths that were met */
	struct udfread *volume;
	struct kith_buf path;
	struct kith_buf extents; /* struct kith_extent each */
	struct frame frames[DEPTH_MAX];
	unsigned depth;
	uint64_t dirs_left;
	UDFFILE *file; /* that is being read */
};

/* The library's callback: the blocks that are there in whole. */
static int read_blocks(struct udfread_block_input *base, uint32_t lba, void *buf, uint32_t n,
		       int flags)
{
	const struct kith_blob *blob = ((struct input *)(void *)base)->blob;
	uint64_t blocks = blob->size / BLOCK;

	(void)flags;
	if (lba >= blocks)
		return 0;
	if (n > blocks - lba)
		n = (uint32_t)(blocks - lba);
	if (kith_blob_read(blob, lba * BLOCK, buf, n * (size_t)BLOCK, NULL) < 0)
		return 0;
	return (int)n;
}

static uint32_t count_blocks(struct udfread_block_input *base)
{
	uint64_t blocks = ((struct input *)(void *)base)->blob->size / BLOCK;

	return blocks > UINT32_MAX ? UINT32_MAX : (uint32_t)blocks;
}

static enum kith_status note(struct udf *udf, enum kith_ledger_class class_, const char *reason,
			     struct kith_err *err)
{
	return kith_emit_note(udf->in->emit, class_, reason, udf->path.data, udf->path.n, err);
}

/* ------------------------------------------------------------------- names */

/*
 * The library writes NUL as two bytes and each half of a surrogate pair (UDF names are UCS-2, but
 * hold UTF-16 in practice) as three. Both become what they stand for; half a pair stays.
 */
static bool add_name(struct kith_buf *out, const char *name)
{
	const uint8_t *p = (const uint8_t *)name;

	while (*p != 0) {
		uint32_t c;
		bool ok;

		if (p[0] == 0xc0 && p[1] == 0x80) {
			ok = kith_buf_add_byte(out, 0);
			p += 2;
		} else if (p[0] == 0xed && (p[1] & 0xf0u) == 0xa0 && p[2] != 0 && p[3] == 0xed &&
			   (p[4] & 0xf0u) == 0xb0 && p[5] != 0) {
			c = 0x10000 + ((uint32_t)(p[1] & 0x0f) << 16 |
				       (uint32_t)(p[2] & 0x3f) << 10 |
				       (uint32_t)(p[4] & 0x0f) << 6 | (p[5] & 0x3fu));
			ok = kith_utf8_add(out, c);
			p += 6;
		} else {
			ok = kith_buf_add_byte(out, *p++);
		}
		if (!ok)
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------- files */

/* Where the file lies. *ret_in_place: false: not in blocks (inside its file entry), or some block
 * is not recorded. */
static enum kith_status map_file(struct udf *udf, uint64_t size, bool *ret_in_place,
				 struct kith_err *err)
{
	struct kith_extent *last = NULL;
	uint64_t block, blocks = (size + BLOCK - 1) / BLOCK;

	udf->extents.n = 0;
	*ret_in_place = false;
	/* A file that is longer than the image is damaged: no need to look at each of its blocks.
	 */
	if (blocks > UINT32_MAX || size > udf->in->blob->size)
		return KITH_OK;
	for (block = 0; block < blocks; block++) {
		uint64_t offset = udfread_file_lba(udf->file, (uint32_t)block) * BLOCK;
		uint64_t bytes = size - block * BLOCK < BLOCK ? size - block * BLOCK : BLOCK;
		struct kith_extent extent = {offset, bytes};

		if (offset == 0)
			return KITH_OK;
		if (last != NULL && last->offset + last->bytes == offset) {
			last->bytes += bytes;
			continue;
		}
		if (!kith_buf_add(&udf->extents, &extent, sizeof extent))
			return kith_fail_nomem(err);
		last = (struct kith_extent *)(void *)(udf->extents.data + udf->extents.n -
						      sizeof extent);
	}
	*ret_in_place = true;
	return KITH_OK;
}

/* A file that has no place of its own. The library reads blocks that are not recorded as zeros, and
 * also those that a damaged file entry only claims to have: such a digest would be false. So only
 * what can lie inside of a file entry is taken from it. */
static enum kith_status push_file(struct udf *udf, const struct kith_entry *entry,
				  struct kith_err *err)
{
	struct kith_emit *emit = udf->in->emit;
	uint8_t buf[INSIDE_MAX];
	enum kith_status st = kith_emit_begin(emit, entry, err);

	if (st != KITH_OK)
		return st < 0 ? st : KITH_OK;
	if (entry->size > sizeof buf ||
	    udfread_file_read(udf->file, buf, (size_t)entry->size) != (ssize_t)entry->size)
		return kith_emit_damaged(emit, "damaged or sparse",
					 "some of its blocks are not recorded", err);
	st = kith_emit_data(emit, buf, (size_t)entry->size, err);
	if (st != KITH_OK)
		return st < 0 ? st : KITH_OK;
	return kith_emit_end(emit, err);
}

/* The file `name` of the innermost directory; its path is udf->path. */
static enum kith_status emit_file(struct udf *udf, const char *name, struct kith_err *err)
{
	struct kith_entry entry = {.kind = KITH_ENTRY_FILE,
				   .name = udf->path.data,
				   .name_n = udf->path.n,
				   .has_size = true};
	const struct kith_extent *extents;
	bool in_place, is_new;
	enum kith_status st;
	int64_t size;

	udf->file = udfread_file_openat(udf->frames[udf->depth - 1].dir, name);
	if (udf->file == NULL)
		return note(udf, KITH_LEDGER_FAILED, "damaged file entry", err);
	size = udfread_file_size(udf->file);
	if (size < 0) {
		st = note(udf, KITH_LEDGER_FAILED, "damaged file entry", err);
		goto out;
	}
	entry.size = (uint64_t)size;
	st = map_file(udf, entry.size, &in_place, err);
	if (st < 0)
		goto out;
	extents = (const struct kith_extent *)(const void *)udf->extents.data;
	if (!in_place) {
		st = push_file(udf, &entry, err);
		goto out;
	}
	if (entry.size > 0)
		st = kith_extent_set_add(udf->seen, extents[0].offset, entry.size, &is_new, err);
	if (st >= 0)
		st = kith_emit_in_place(udf->in->emit, &entry, extents,
					udf->extents.n / sizeof *extents, err);
out:
	udfread_file_close(udf->file);
	udf->file = NULL;
	return st;
}

/* ------------------------------------------------------------- directories */

/* Enters the directory `name` of the innermost one; its path is udf->path. */
static enum kith_status enter(struct udf *udf, const char *name, struct kith_err *err)
{
	struct kith_entry folder = {
	    .kind = KITH_ENTRY_OTHER, .name = udf->path.data, .name_n = udf->path.n};
	enum kith_status st = kith_emit_begin(udf->in->emit, &folder, err);
	UDFDIR *dir;

	if (st < 0)
		return st;
	if (udf->depth == DEPTH_MAX)
		return note(udf, KITH_LEDGER_FAILED, "over a limit: folders in folders", err);
	if (udf->dirs_left == 0)
		return kith_fail(err, KITH_E_CORRUPT,
				 "it has more directories than blocks: one leads to itself");
	udf->dirs_left--;
	dir = udfread_opendir_at(udf->frames[udf->depth - 1].dir, name);
	if (dir == NULL)
		return note(udf, KITH_LEDGER_FAILED, "damaged directory", err);
	if (!kith_buf_add_byte(&udf->path, '/')) {
		udfread_closedir(dir);
		return kith_fail_nomem(err);
	}
	udf->frames[udf->depth++] = (struct frame){dir, udf->path.n};
	return KITH_OK;
}

/* The library finds entries by their names, so that of two of one name it gives the first twice.
 * *ret: this is the first with the path udf->path; else that is noted. A path is known by its hash
 * (FNV-1a): two that have the same would only make a note of a file that could be read. */
static enum kith_status is_first(struct udf *udf, bool *ret, struct kith_err *err)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	enum kith_status st;
	size_t i;

	for (i = 0; i < udf->path.n; i++)
		hash = (hash ^ udf->path.data[i]) * UINT64_C(0x100000001b3);
	st = kith_extent_set_add(&udf->names, hash, 0, ret, err);
	return st < 0 || *ret
		   ? st
		   : note(udf, KITH_LEDGER_FAILED, "another entry of the same name", err);
}

static enum kith_status walk_tree(struct udf *udf, struct kith_err *err)
{
	enum kith_status st = KITH_OK;

	udf->frames[0] = (struct frame){udfread_opendir(udf->volume, "/"), 0};
	if (udf->frames[0].dir == NULL)
		return kith_fail(err, KITH_E_CORRUPT,
				 "the root directory of its UDF tree is damaged");
	udf->depth = 1;
	while (udf->depth > 0 && st >= 0) {
		struct frame *frame = &udf->frames[udf->depth - 1];
		struct udfread_dirent entry;
		bool first = false;

		udf->path.n = frame->path_n;
		if (udfread_readdir(frame->dir, &entry) == NULL) {
			udfread_closedir(frame->dir);
			udf->depth--;
			continue;
		}
		if (entry.d_type == UDF_DT_DIR &&
		    (strcmp(entry.d_name, ".") == 0 || strcmp(entry.d_name, "..") == 0))
			continue;
		if (!add_name(&udf->path, entry.d_name))
			st = kith_fail_nomem(err);
		else if (udf->path.n >= KITH_LIMIT_ENTRY_NAME)
			st = note(udf, KITH_LEDGER_FAILED, "over a limit: path length", err);
		else
			st = is_first(udf, &first, err);
		if (st < 0 || !first)
			continue;
		if (entry.d_type == UDF_DT_DIR)
			st = enter(udf, entry.d_name, err);
		else if (entry.d_type == UDF_DT_REG)
			st = emit_file(udf, entry.d_name, err);
	}
	while (udf->depth > 0)
		udfread_closedir(udf->frames[--udf->depth].dir);
	return st;
}

/* ------------------------------------------------------------------ volume */

/* Why the library cannot open it: blocks of another size (ECMA-167 3/7.2: a tag is its identifier,
 * 2 for an anchor, and its own block number at 12), or damage. */
static enum kith_status why_not(const struct kith_blob *blob, struct kith_err *err)
{
	static const uint32_t sizes[] = {512, 1024, 4096};
	size_t i;

	for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		uint8_t tag[16];

		if (kith_blob_read(blob, (uint64_t)ANCHOR * sizes[i], tag, sizeof tag, NULL) >= 0 &&
		    tag[0] == 2 && tag[1] == 0 && kith_get_le32(tag + 12) == ANCHOR)
			return kith_fail(err, KITH_E_UNSUPPORTED,
					 "a UDF volume with blocks of %u bytes, not %u", sizes[i],
					 (unsigned)UDF_BLOCK_SIZE);
	}
	return kith_fail(err, KITH_E_CORRUPT, "its UDF volume descriptors are damaged");
}

static enum kith_status walk_volume(struct udf *udf, struct kith_err *err)
{
	struct input input = {.base = {.read = read_blocks, .size = count_blocks},
			      .blob = udf->in->blob};
	enum kith_status st = KITH_OK;
	const char *id;

	udf->volume = udfread_init();
	if (udf->volume == NULL)
		return kith_fail_nomem(err);
	if (udfread_open_input(udf->volume, &input.base) < 0) {
		st = why_not(udf->in->blob, err);
		goto out;
	}
	id = udfread_get_volume_id(udf->volume);
	/* What genisoimage writes where nobody gave a name. */
	if (id != NULL && id[0] != 0 && strcmp(id, "CDROM") != 0 && strcmp(id, "LinuxUDF") != 0 &&
	    add_name(&udf->path, id))
		st = kith_emit_fact(udf->in->emit, KITH_FACT_PRODUCT, 20, udf->path.data,
				    udf->path.n, err);
	udf->path.n = 0;
	if (st >= 0)
		st = walk_tree(udf, err);
out:
	udfread_close(udf->volume);
	return st;
}

static bool has_iso9660(const struct kith_blob *blob)
{
	uint8_t id[6];

	return kith_blob_read(blob, 16 * BLOCK, id, sizeof id, NULL) >= 0 &&
	       memcmp(id + 1, "CD001", 5) == 0;
}

static enum kith_status walk(const struct kith_container_in *in, struct kith_err *err)
{
	struct kith_extent_set seen = {0};
	struct udf *udf = calloc(1, sizeof *udf);
	struct kith_err later = {0};
	enum kith_status st, more = KITH_OK;

	if (udf == NULL)
		return kith_fail_nomem(err);
	udf->in = in;
	udf->seen = &seen;
	udf->dirs_left = in->blob->size / BLOCK;
	st = walk_volume(udf, err);
	/* What else is there is read also when this tree is damaged; the first fault is told. */
	if ((st >= 0 || st == KITH_E_CORRUPT || st == KITH_E_UNSUPPORTED) &&
	    has_iso9660(in->blob)) {
		more = kith_iso_walk(in, &seen, st >= 0, &later);
		if (more >= 0 || more == KITH_E_CORRUPT)
			more = kith_disc_boot(in, &seen, &later) < 0 && more >= 0 ? later.status
										  : more;
	}
	if (st >= 0 && more < 0)
		st = kith_fail(err, more, "%s", later.msg);
	kith_extent_set_done(&seen);
	kith_extent_set_done(&udf->names);
	kith_buf_done(&udf->path);
	kith_buf_done(&udf->extents);
	free(udf);
	return st < 0 ? st : KITH_OK;
}

const struct kith_container_ops kith_container_udf = {.id = "udf", .walk = walk};
