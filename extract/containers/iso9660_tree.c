/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iso9660_tree.c: the directories of one tree, breadth first. What must hold: a directory is read
 * once, whatever names lead to it; all directories of a tree together are not longer than the disc;
 * a record is never read beyond its directory. So the walk ends, and takes time in proportion to
 * the disc and to what it emits.
 */
#include "containers/iso9660.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"

#define WINDOW      ((size_t)64 << 10) /* of a directory in memory */
#define RECORD_MAX  ((size_t)255)      /* its length is one byte */
#define EXTENTS_MAX ((size_t)1 << 16)  /* of one file: 256 TiB */

#define MODE_TYPE      0170000u /* POSIX, as in PX */
#define MODE_REGULAR   0100000u
#define MODE_DIRECTORY 0040000u

struct dir {
	uint64_t offset, bytes;
	size_t parent;       /* index; of the root: 0 */
	size_t name, name_n; /* in names */
	size_t path_n;       /* of its path with the slash behind it; 0 for the root */
};

/* A file whose records are being gathered. */
struct file {
	bool open; /* more records follow */
	uint8_t id[RECORD_MAX];
	size_t id_n;
	uint8_t flags;
	bool interleaved, disagrees, elsewhere;
	struct kith_extent *extents; /* owned */
	size_t n, cap;
	uint64_t bytes;
};

struct walk {
	const struct iso *iso;
	const struct iso_tree *tree;
	struct kith_emit *emit;
	bool joliet, rock_ridge, enhanced, only_unseen;
	struct dir *dirs; /* owned */
	size_t n_dirs, cap_dirs;
	struct kith_buf names; /* of dirs */
	struct kith_extent_set visited;
	uint64_t dir_bytes;    /* read so far */
	struct kith_buf moved; /* struct dir each: RE, not yet known to be shown elsewhere */
	struct kith_buf path;  /* of the directory, then of the entry in it */
	size_t prefix_n;
	struct iso_rr rr; /* of the first record of file */
	struct file file;
	uint8_t window[WINDOW];
};

static enum kith_status note(struct walk *w, enum kith_ledger_class class_, const char *reason,
			     struct kith_err *err)
{
	return kith_emit_note(w->emit, class_, reason, w->path.data, w->path.n, err);
}

/* ------------------------------------------------------------------- names */

/* ECMA-119 7.5.1: "NAME.EXT;1"; a file without an extension keeps the dot. */
static size_t without_version(const uint8_t *name, size_t n, bool dot_too)
{
	size_t at = n;

	while (at > 0 && name[at - 1] >= '0' && name[at - 1] <= '9')
		at--;
	if (at < n && at > 0 && name[at - 1] == ';')
		n = at - 1;
	if (dot_too && n > 1 && name[n - 1] == '.')
		n--;
	return n;
}

/* Puts the record's name behind the directory's path. */
static enum kith_status set_path(struct walk *w, const uint8_t *id, size_t id_n, bool is_dir,
				 struct kith_err *err)
{
	w->path.n = w->prefix_n;
	if (w->rock_ridge && w->rr.has_name) {
		if (!kith_buf_add(&w->path, w->rr.name.data, w->rr.name.n))
			return kith_fail_nomem(err);
		return KITH_OK;
	}
	if (w->joliet) { /* Joliet: UCS-2, the high byte first */
		uint8_t swapped[RECORD_MAX + 1];
		size_t i, n = id_n & ~(size_t)1;

		for (i = 0; i < n; i += 2) {
			swapped[i] = id[i + 1];
			swapped[i + 1] = id[i];
		}
		if (!kith_utf16_name(&w->path, swapped, n))
			return kith_fail_nomem(err);
	} else if (!kith_buf_add(&w->path, id, id_n)) {
		return kith_fail_nomem(err);
	}
	if (!is_dir && !w->enhanced) /* ISO 9660:1999 has no version numbers */
		w->path.n = w->prefix_n + without_version(w->path.data + w->prefix_n,
							  w->path.n - w->prefix_n, !w->joliet);
	return KITH_OK;
}

/* The path of a directory, with a slash behind each component, into w->path. */
static enum kith_status dir_path(struct walk *w, size_t index, struct kith_err *err)
{
	size_t end = w->dirs[index].path_n;
	uint8_t *p;

	w->path.n = 0;
	p = kith_buf_room(&w->path, end);
	if (p == NULL)
		return kith_fail_nomem(err);
	for (w->prefix_n = w->path.n = end; end > 0; index = w->dirs[index].parent) {
		const struct dir *dir = &w->dirs[index];

		p[end - 1] = '/';
		memcpy(p + end - 1 - dir->name_n, w->names.data + dir->name, dir->name_n);
		end -= dir->name_n + 1;
	}
	return KITH_OK;
}

/* ------------------------------------------------------------- directories */

/* Adds a directory to those to read, unless it was. Its path is w->path. */
static enum kith_status push_dir(struct walk *w, size_t parent, uint64_t offset, uint64_t bytes,
				 struct kith_err *err)
{
	size_t name_n = w->path.n - w->prefix_n;
	struct dir *dir;
	enum kith_status st;
	bool is_new;

	if (w->path.n >= KITH_LIMIT_ENTRY_NAME)
		return note(w, KITH_LEDGER_FAILED, "over a limit: path length", err);
	if (w->n_dirs == KITH_LIMIT_ENTRIES)
		return note(w, KITH_LEDGER_FAILED, "over a limit: directories", err);
	st = kith_extent_set_add(&w->visited, offset, 1, &is_new, err);
	if (st < 0)
		return st;
	if (!is_new)
		return note(w, KITH_LEDGER_FAILED, "directory loop", err);
	if (w->n_dirs == w->cap_dirs) {
		size_t cap = w->cap_dirs == 0 ? 64 : w->cap_dirs * 2;
		struct dir *more = realloc(w->dirs, cap * sizeof *more);

		if (more == NULL)
			return kith_fail_nomem(err);
		w->dirs = more;
		w->cap_dirs = cap;
	}
	dir = &w->dirs[w->n_dirs];
	*dir = (struct dir){.offset = offset,
			    .bytes = bytes,
			    .parent = parent,
			    .name = w->names.n,
			    .name_n = name_n,
			    .path_n = w->n_dirs == 0 ? 0 : w->path.n + 1};
	if (!kith_buf_add(&w->names, w->path.data + w->prefix_n, name_n))
		return kith_fail_nomem(err);
	w->n_dirs++;
	return KITH_OK;
}

/* RRIP 4.1.5.1: a directory that was moved to where it is not too deep; its size is in its own
 * first record. */
static enum kith_status push_child(struct walk *w, size_t parent, struct kith_err *err)
{
	uint64_t offset = (uint64_t)w->rr.child * w->tree->block;
	uint8_t record[RECORD_MAX];
	struct iso_record self;
	enum kith_status st;
	size_t n;

	if (offset >= w->iso->in->blob->size)
		return note(w, KITH_LEDGER_FAILED, "damaged directory", err);
	st = kith_blob_read_some(w->iso->in->blob, offset, record, sizeof record, &n, err);
	if (st < 0)
		return st;
	if (!iso_record_parse(w->tree, record, n, &self) || (self.flags & ISO_DIRECTORY) == 0)
		return note(w, KITH_LEDGER_FAILED, "damaged directory", err);
	return push_dir(w, parent, offset, self.bytes, err);
}

static enum kith_status take_dir(struct walk *w, size_t parent, const struct iso_record *record,
				 struct kith_err *err)
{
	struct kith_entry folder = {.kind = KITH_ENTRY_OTHER};
	enum kith_status st;

	st = set_path(w, record->id, record->id_n, true, err);
	if (st < 0)
		return st;
	if (w->rock_ridge && w->rr.relocated) {
		struct dir dir = {.offset = record->offset,
				  .bytes = record->bytes,
				  .parent = parent,
				  .name = w->names.n,
				  .name_n = w->path.n - w->prefix_n};

		if (!kith_buf_add(&w->names, w->path.data + w->prefix_n, dir.name_n) ||
		    !kith_buf_add(&w->moved, &dir, sizeof dir))
			return kith_fail_nomem(err);
		return KITH_OK;
	}
	if (!w->only_unseen) {
		folder.name = w->path.data;
		folder.name_n = w->path.n;
		st = kith_emit_begin(w->emit, &folder, err);
		if (st < 0)
			return st;
	}
	if (w->rock_ridge && w->rr.has_child)
		return push_child(w, parent, err);
	return push_dir(w, parent, record->offset, record->bytes, err);
}

/* Directories that were moved, but to which no child link leads: they are read where they lie. */
static enum kith_status push_moved(struct walk *w, struct kith_err *err)
{
	enum kith_status st = KITH_OK;
	size_t at;

	for (at = 0; at < w->moved.n && st >= 0; at += sizeof(struct dir)) {
		struct dir dir;

		memcpy(&dir, w->moved.data + at, sizeof dir);
		if (kith_extent_set_covers(&w->visited, dir.offset, 1))
			continue;
		st = dir_path(w, dir.parent, err);
		if (st < 0)
			break;
		if (!kith_buf_add(&w->path, w->names.data + dir.name, dir.name_n))
			return kith_fail_nomem(err);
		st = push_dir(w, dir.parent, dir.offset, dir.bytes, err);
	}
	w->moved.n = 0;
	return st;
}

/* ------------------------------------------------------------------- files */

static enum kith_status emit_other(struct walk *w, struct kith_err *err)
{
	struct kith_entry other = {
	    .kind = KITH_ENTRY_OTHER, .name = w->path.data, .name_n = w->path.n};
	enum kith_status st;

	if (w->only_unseen)
		return KITH_OK;
	st = kith_emit_begin(w->emit, &other, err);
	return st < 0 ? st : KITH_OK;
}

/* What cannot be shown, or NULL. */
static const char *unsupported(const struct walk *w)
{
	const struct file *f = &w->file;

	if (f->interleaved)
		return "unsupported: interleaved file";
	if (f->elsewhere)
		return "on another volume of the set";
	if (w->rock_ridge && w->rr.sparse)
		return "unsupported: sparse file of Rock Ridge";
	if (w->rock_ridge && w->rr.compressed && memcmp(w->rr.algorithm, "pz", 2) != 0)
		return "unsupported: compressed file of Rock Ridge";
	return NULL;
}

/* All records of w->file are there. */
static enum kith_status emit_file(struct walk *w, struct kith_err *err)
{
	struct file *f = &w->file;
	struct kith_entry entry = {.kind = KITH_ENTRY_FILE, .has_size = true, .size = f->bytes};
	bool associated = (f->flags & ISO_ASSOCIATED) != 0, is_new = true;
	const char *cannot;
	enum kith_status st;

	st = set_path(w, f->id, f->id_n, false, err);
	if (st >= 0 && associated && !kith_buf_add(&w->path, ":rsrc", 5))
		st = kith_fail_nomem(err);
	if (st < 0)
		return st;
	if (w->path.n > KITH_LIMIT_ENTRY_NAME)
		return note(w, KITH_LEDGER_FAILED, "over a limit: path length", err);
	if (w->rock_ridge &&
	    (w->rr.symlink || (w->rr.has_mode && (w->rr.mode & MODE_TYPE) != MODE_REGULAR &&
			       (w->rr.mode & MODE_TYPE) != 0)))
		return emit_other(w, err);
	/* An empty file lies nowhere: which of them the first tree has cannot be told. */
	if (f->bytes == 0 && w->only_unseen)
		return KITH_OK;
	if (f->bytes > 0) {
		st =
		    kith_extent_set_add(w->iso->seen, f->extents[0].offset, f->bytes, &is_new, err);
		if (st < 0)
			return st;
		if (w->only_unseen && !is_new)
			return KITH_OK;
	}
	if (f->disagrees) {
		st = note(w, KITH_LEDGER_MARKED, "numbers in two byte orders that differ", err);
		if (st < 0)
			return st;
	}
	cannot = unsupported(w);
	if (cannot != NULL)
		return note(w, KITH_LEDGER_FAILED, cannot, err);
	if (associated) /* ECMA-119 9.1.6: Apple's resource forks */
		entry.kind = KITH_ENTRY_STREAM;
	entry.name = w->path.data;
	entry.name_n = w->path.n;
	if (w->rock_ridge && w->rr.compressed) {
		entry.size = w->rr.plain_bytes;
		return iso_zisofs_emit(w->iso, &entry, &w->rr, f->extents, f->n, err);
	}
	return kith_emit_in_place(w->emit, &entry, f->extents, f->n, err);
}

/* A file that says that more records follow, and they do not: ECMA-119 9.1.6. */
static enum kith_status end_open_file(struct walk *w, struct kith_err *err)
{
	enum kith_status st;

	if (!w->file.open)
		return KITH_OK;
	w->file.open = false;
	st = set_path(w, w->file.id, w->file.id_n, false, err);
	return st < 0 ? st : note(w, KITH_LEDGER_FAILED, "damaged: its last part is missing", err);
}

static enum kith_status add_extent(struct file *f, const struct iso_record *record,
				   struct kith_err *err)
{
	if (record->bytes == 0)
		return KITH_OK;
	if (f->n == f->cap) {
		size_t cap = f->cap == 0 ? 4 : f->cap * 2;
		struct kith_extent *more = realloc(f->extents, cap * sizeof *more);

		if (more == NULL)
			return kith_fail_nomem(err);
		f->extents = more;
		f->cap = cap;
	}
	f->extents[f->n++] = (struct kith_extent){record->offset, record->bytes};
	f->bytes += record->bytes;
	return KITH_OK;
}

static bool continues(const struct file *f, const struct iso_record *record)
{
	return f->open && f->id_n == record->id_n && memcmp(f->id, record->id, f->id_n) == 0 &&
	       (record->flags & ISO_DIRECTORY) == 0 && f->n < EXTENTS_MAX;
}

static enum kith_status take_record(struct walk *w, size_t dir, const struct iso_record *record,
				    struct kith_err *err)
{
	struct file *f = &w->file;
	enum kith_status st;

	if (record->id_n == 1 && record->id[0] <= 1) /* 9.1.11: itself and its parent */
		return KITH_OK;
	if (!continues(f, record)) {
		st = end_open_file(w, err);
		if (st >= 0 && w->rock_ridge)
			st = iso_rr_parse(w->iso, w->tree, record->system_use, record->system_use_n,
					  &w->rr, err);
		if (st >= 0 && w->rock_ridge && w->rr.fault != NULL) {
			st = set_path(w, record->id, record->id_n, false, err);
			if (st >= 0)
				st = note(w, KITH_LEDGER_MARKED, w->rr.fault, err);
		}
		if (st < 0)
			return st;
		if ((record->flags & ISO_DIRECTORY) != 0 || (w->rock_ridge && w->rr.has_child))
			return take_dir(w, dir, record, err);
		f->n = 0;
		f->bytes = 0;
		f->flags = record->flags;
		f->interleaved = f->disagrees = f->elsewhere = false;
		f->id_n = record->id_n;
		memcpy(f->id, record->id, record->id_n);
	}
	f->interleaved |= record->interleaved;
	f->disagrees |= record->disagrees;
	f->elsewhere |= w->tree->set_size > 1 && record->volume != w->tree->volume;
	st = add_extent(f, record, err);
	if (st < 0)
		return st;
	f->open = (record->flags & ISO_MULTI_EXTENT) != 0;
	return f->open ? KITH_OK : emit_file(w, err);
}

/* The record at p, of n bytes that may belong to it. *ret_used: its length; 0: go on at the next
 * sector. */
static enum kith_status one_record(struct walk *w, size_t dir, uint64_t offset, const uint8_t *p,
				   size_t n, size_t *ret_used, struct kith_err *err)
{
	size_t to_sector_end = ISO_SECTOR - (size_t)(offset % ISO_SECTOR);
	struct iso_record record;
	enum kith_status st;

	*ret_used = 0;
	if (p[0] == 0) /* 6.8.1.1: a record does not cross a sector's end; the rest is zeros */
		return KITH_OK;
	w->path.n = w->prefix_n;
	if (!iso_record_parse(w->tree, p, n, &record) || (p[0] > to_sector_end && record.disagrees))
		return note(w, KITH_LEDGER_FAILED, "damaged directory record", err);
	if (p[0] > to_sector_end) {
		st = note(w, KITH_LEDGER_MARKED, "directory record over the end of a sector", err);
		if (st < 0)
			return st;
	}
	*ret_used = p[0];
	return take_record(w, dir, &record, err);
}

static enum kith_status read_dir(struct walk *w, size_t index, struct kith_err *err)
{
	const struct dir dir = w->dirs[index]; /* the array may move */
	const struct kith_blob *blob = w->iso->in->blob;
	uint64_t at = 0, end = dir.bytes, start = 0;
	size_t have = 0, used;
	enum kith_status st = dir_path(w, index, err);

	if (st < 0)
		return st;
	if (dir.offset >= blob->size || end > blob->size - dir.offset) {
		end = dir.offset < blob->size ? blob->size - dir.offset : 0;
		st = note(w, KITH_LEDGER_FAILED, "damaged: a directory is cut off", err);
		if (st < 0)
			return st;
	}
	w->dir_bytes += end;
	if (w->dir_bytes > blob->size)
		return kith_fail(err, KITH_E_CORRUPT,
				 "its directories are longer than the image: they overlap");
	while (at < end) {
		if (at - start + RECORD_MAX > have && start + have < end) {
			size_t want = end - at < WINDOW ? (size_t)(end - at) : WINDOW;

			st = kith_blob_read(blob, dir.offset + at, w->window, want, err);
			if (st < 0)
				return st;
			start = at;
			have = want;
		}
		st = one_record(w, index, dir.offset + at, w->window + (at - start),
				(size_t)(have - (at - start)), &used, err);
		if (st < 0)
			return st;
		at += used > 0 ? used : ISO_SECTOR - (dir.offset + at) % ISO_SECTOR;
	}
	return end_open_file(w, err);
}

enum kith_status iso_tree_walk(const struct iso *iso, const struct iso_tree *tree, bool only_unseen,
			       struct kith_err *err)
{
	struct walk *w = calloc(1, sizeof *w);
	enum kith_status st;
	size_t i;

	if (w == NULL)
		return kith_fail_nomem(err);
	w->iso = iso;
	w->tree = tree;
	w->emit = iso->in->emit;
	w->joliet = tree == &iso->joliet;
	w->enhanced = tree == &iso->enhanced;
	w->rock_ridge = tree == &iso->primary && iso->rock_ridge;
	w->only_unseen = only_unseen;
	st = push_dir(w, 0, tree->root, tree->root_bytes, err);
	for (i = 0; st >= 0 && i < w->n_dirs; i++) {
		st = read_dir(w, i, err);
		if (st >= 0 && i + 1 == w->n_dirs)
			st = push_moved(w, err);
	}
	kith_extent_set_done(&w->visited);
	kith_buf_done(&w->names);
	kith_buf_done(&w->moved);
	kith_buf_done(&w->path);
	iso_rr_done(&w->rr);
	free(w->file.extents);
	free(w->dirs);
	free(w);
	return st;
}
