/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cab.c: Microsoft cabinets (MS-CAB), by libmspack: stored, MSZIP, LZX and Quantum, in one file or
 * in a set of several.
 *
 * What must hold:
 *   - A folder (one compressed stream, in which files lie one behind the other) is decoded from its
 *     beginning, once, in the order of offsets. Gaps between files are read and dropped here: the
 *     library does not skip them for LZX.
 *   - After a fault within a folder nothing more of it is trusted: the library goes on with the
 *     next block of a stored folder as if it were the missing one.
 *   - A set is read with its first part that is there; a later part is then only noted.
 */
#include <stdlib.h>
#include <string.h>

#include <mspack.h>

#include "base/err.h"
#include "containers/cab.h"
#include "containers/parts.h"

#define RESTARTS_MAX 16u /* decoding a folder anew, since files in it overlap */

/* Where decoded bytes go. */
struct sink {
	struct kith_emit *emit;  /* NULL: dropped */
	struct kith_emit *alive; /* the same, but never NULL: hears that decoding goes on */
	enum kith_status st;     /* of emit; negative: ends the walk */
	struct kith_err *err;
};

struct cab_file { /* what the library knows as struct mspack_file */
	struct mspack_file base;
	const struct cab_part *part; /* reading */
	struct sink *sink;           /* writing */
	uint64_t pos;
};

struct ordered {
	struct mscabd_file *file;
	size_t number; /* in the list */
};

/* ------------------------------------------------- the library's file system */

static struct mspack_file *sys_open(struct mspack_system *self, const char *name, int mode)
{
	struct cab_file *file = calloc(1, sizeof *file);

	(void)self;
	if (file == NULL)
		return NULL;
	/* The "names" are what this file gave to the library. */
	if (mode == MSPACK_SYS_OPEN_READ) {
		file->part = (const struct cab_part *)(const void *)name;
	} else {
		const struct sink *const *sink = (const struct sink *const *)(const void *)name;

		memcpy(&file->sink, sink, sizeof file->sink);
	}
	return &file->base;
}

static struct cab_file *of(struct mspack_file *file)
{
	return (struct cab_file *)(void *)file;
}

static void sys_close(struct mspack_file *file)
{
	free(of(file));
}

/* The library reads and seeks with NULL after a set ended too early. */
static int sys_read(struct mspack_file *base, void *buf, int n)
{
	struct cab_file *file = of(base);
	size_t got;

	if (file == NULL || file->part == NULL || n < 0 ||
	    kith_blob_read_some(file->part->blob, file->pos, buf, (size_t)n, &got, NULL) < 0)
		return -1;
	file->pos += got;
	return (int)got;
}

static int sys_write(struct mspack_file *base, void *buf, int n)
{
	struct sink *sink = of(base) == NULL ? NULL : of(base)->sink;

	if (sink == NULL || n < 0 || sink->st < 0)
		return -1;
	if (sink->emit != NULL) {
		sink->st = kith_emit_data(sink->emit, buf, (size_t)n, sink->err);
		if (sink->st == KITH_END) /* cut off: what is behind it is still to be decoded */
			sink->emit = NULL;
	} else {
		sink->st = kith_emit_alive(sink->alive, sink->err);
	}
	return sink->st < 0 ? -1 : n;
}

static int sys_seek(struct mspack_file *base, off_t offset, int mode)
{
	struct cab_file *file = of(base);
	int64_t from, to;

	if (file == NULL || file->part == NULL)
		return -1;
	from = mode == MSPACK_SYS_SEEK_START ? 0
	       : mode == MSPACK_SYS_SEEK_CUR ? (int64_t)file->pos
					     : (int64_t)file->part->blob->size;
	if (__builtin_add_overflow(from, offset, &to) || to < 0)
		return -1;
	file->pos = (uint64_t)to;
	return 0;
}

static off_t sys_tell(struct mspack_file *base)
{
	return of(base) == NULL ? 0 : (off_t)of(base)->pos;
}

static void sys_message(struct mspack_file *file, const char *format, ...)
{
	(void)file;
	(void)format; /* what matters comes back as a status */
}

static void *sys_alloc(struct mspack_system *self, size_t n)
{
	(void)self;
	return malloc(n);
}

static void sys_free(void *p)
{
	free(p);
}

static void sys_copy(void *from, void *to, size_t n)
{
	memcpy(to, from, n);
}

static struct mspack_system cab_system = {
    .open = sys_open,
    .close = sys_close,
    .read = sys_read,
    .write = sys_write,
    .seek = sys_seek,
    .tell = sys_tell,
    .message = sys_message,
    .alloc = sys_alloc,
    .free = sys_free,
    .copy = sys_copy,
};

const char *cab_error_text(int error)
{
	switch (error) {
	case MSPACK_ERR_READ: return "it ends too early";
	case MSPACK_ERR_NOMEMORY: return "out of memory";
	case MSPACK_ERR_SIGNATURE: return "no cabinet header";
	case MSPACK_ERR_CHECKSUM: return "a block's checksum is wrong";
	case MSPACK_ERR_DECRUNCH: return "its compressed data are damaged";
	default: return "its structure is damaged";
	}
}

/* ------------------------------------------------------------------- extracting */

/* Decodes a file, or a gap, of the folder. Its bytes go to emit, if that is not NULL. Negative:
 * ends the walk. *ret_error: of the library. */
static enum kith_status decode(struct cab *cab, struct mscabd_file *file, struct kith_emit *emit,
			       int *ret_error, bool *ret_cut)
{
	struct sink sink = {.emit = emit, .alive = cab->in->emit, .st = KITH_OK, .err = cab->err};
	struct sink *name = &sink; /* what it points at must not be const, so not itself */

	*ret_error = cab->d->extract(cab->d, file, (const char *)(const void *)&name);
	*ret_cut = emit != NULL && sink.emit == NULL;
	if (sink.st < 0)
		return sink.st;
	if (*ret_error == MSPACK_ERR_OK)
		cab->pos = (uint64_t)file->offset + file->length;
	else
		cab->broken = true;
	return KITH_OK;
}

/* Brings the decoder to the file's first byte. */
static enum kith_status go_to(struct cab *cab, const struct mscabd_file *file, int *ret_error)
{
	struct mscabd_file gap = {.folder = file->folder};
	bool cut;
	enum kith_status st = KITH_OK;

	*ret_error = MSPACK_ERR_OK;
	if (file->folder != cab->folder) {
		cab->folder = file->folder;
		cab->broken = false;
		cab->pos = 0;
		cab->restarts = 0;
	} else if (file->offset < cab->pos) {
		if (cab->restarts++ >= RESTARTS_MAX) {
			*ret_error = MSPACK_ERR_ARGS;
			return KITH_OK;
		}
		cab->pos = 0;
	}
	if (cab->broken) {
		*ret_error = MSPACK_ERR_DECRUNCH;
		return KITH_OK;
	}
	/* A gap that begins at 0 makes the library begin anew; so does a file there. */
	if (cab->pos < file->offset) {
		gap.offset = (unsigned)cab->pos;
		gap.length = file->offset - (unsigned)cab->pos;
		st = decode(cab, &gap, NULL, ret_error, &cut);
	}
	return st;
}

static bool set_name(struct cab *cab, const struct mscabd_file *file)
{
	size_t i;

	cab->name.n = 0;
	if (!kith_buf_add(&cab->name, file->filename, strlen(file->filename)))
		return false;
	for (i = 0; i < cab->name.n; i++)
		if (cab->name.data[i] == '\\')
			cab->name.data[i] = '/';
	return true;
}

static enum kith_status emit_file(struct cab *cab, struct mscabd_file *file, bool linked)
{
	struct kith_emit *emit = cab->in->emit;
	const struct kith_entry entry = {.kind = KITH_ENTRY_FILE,
					 .name = cab->name.data,
					 .name_n = cab->name.n,
					 .has_size = true,
					 .size = file->length,
					 .may_be_linked = linked};
	enum kith_status begun, st;
	bool cut = false;
	int error = MSPACK_ERR_OK;

	begun = kith_emit_begin(emit, &entry, cab->err);
	if (begun < 0)
		return begun;
	if (file->length == 0)
		return begun == KITH_OK ? kith_emit_end(emit, cab->err) : KITH_OK;
	st = go_to(cab, file, &error);
	if (st >= 0 && error == MSPACK_ERR_OK)
		st = decode(cab, file, begun == KITH_OK ? emit : NULL, &error, &cut);
	if (st < 0)
		return st;
	if (error == MSPACK_ERR_NOMEMORY)
		return kith_fail_nomem(cab->err);
	if (begun != KITH_OK || cut)
		return KITH_OK;
	if (error == MSPACK_ERR_OK)
		return kith_emit_end(emit, cab->err);
	return kith_emit_damaged(
	    emit, "damaged",
	    error == MSPACK_ERR_ARGS ? "it overlaps other files" : cab_error_text(error), cab->err);
}

/* Folders in any order, that of the library's memory. */
static int compare_files(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;
	uintptr_t xf = (uintptr_t)x->file->folder, yf = (uintptr_t)y->file->folder;

	if (xf != yf)
		return xf < yf ? -1 : 1;
	if (x->file->offset != y->file->offset)
		return x->file->offset < y->file->offset ? -1 : 1;
	if (x->file->length != y->file->length)
		return x->file->length < y->file->length ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* All files, by their place in their folders. */
static enum kith_status order_files(struct cab *cab, struct ordered **ret, size_t *ret_n)
{
	struct mscabd_file *file;
	struct ordered *files;
	size_t n = 0;

	for (file = cab->parts[0].cab->files; file != NULL; file = file->next)
		n++;
	files = calloc(n + 1, sizeof *files);
	if (files == NULL)
		return kith_fail_nomem(cab->err);
	*ret = files;
	*ret_n = n;
	for (file = cab->parts[0].cab->files, n = 0; file != NULL; file = file->next, n++) {
		files[n].file = file;
		files[n].number = n;
	}
	qsort(files, n, sizeof files[0], compare_files);
	return KITH_OK;
}

/* The same bytes under another name. */
static bool is_same(const struct ordered *a, const struct ordered *b)
{
	return a->file->folder == b->file->folder && a->file->offset == b->file->offset &&
	       a->file->length == b->file->length;
}

static enum kith_status emit_files(struct cab *cab)
{
	struct ordered *files = NULL;
	size_t n = 0, i;
	enum kith_status st = order_files(cab, &files, &n);

	for (i = 0; i < n && st >= 0; i++) {
		if (!set_name(cab, files[i].file)) {
			st = kith_fail_nomem(cab->err);
			break;
		}
		st = kith_update_look(&cab->facts, cab->in->emit, cab->name.data, cab->name.n, true,
				      cab->err);
		if (st < 0)
			break;
		if (i > 0 && is_same(&files[i - 1], &files[i])) {
			st = kith_emit_link(cab->in->emit, cab->name.data, cab->name.n,
					    cab->first.data, cab->first.n, cab->err);
			continue;
		}
		st = emit_file(cab, files[i].file, i + 1 < n && is_same(&files[i], &files[i + 1]));
		cab->first.n = 0;
		if (st >= 0 && !kith_buf_add(&cab->first, cab->name.data, cab->name.n))
			st = kith_fail_nomem(cab->err);
	}
	free(files);
	return st;
}

static enum kith_status read_cab(struct cab *cab)
{
	const struct kith_container_in *in = cab->in;
	const struct kith_blob *previous = NULL;
	enum kith_status st;

	st = cab_open_part(cab, &cab->parts[0], in->blob);
	if (st < 0)
		return st;
	cab->n_parts = 1;
	st = cab_find_previous(cab, &previous);
	if (st < 0)
		return st;
	if (previous != NULL)
		return kith_note_later_part(in, "cabinet", previous, cab->err);
	if (cab->parts[0].cab->flags & MSCAB_HDR_PREVCAB) {
		const char *name = cab->parts[0].cab->prevname;

		st = kith_emit_note(in->emit, KITH_LEDGER_FAILED,
				    "the previous part of the set is missing", name, strlen(name),
				    cab->err);
		if (st < 0)
			return st;
	}
	st = cab_note_lost(cab, &cab->parts[0]);
	if (st >= 0)
		st = cab_append_all(cab);
	if (st >= 0)
		st = kith_update_look(&cab->facts, in->emit, in->name, in->name_n, false, cab->err);
	if (st >= 0)
		st = emit_files(cab);
	if (st >= 0)
		st = kith_update_tell(&cab->facts, in->emit, cab->err);
	return st;
}

static enum kith_status walk(const struct kith_container_in *in, struct kith_err *err)
{
	struct cab *cab = calloc(1, sizeof *cab);
	enum kith_status st;

	if (cab == NULL)
		return kith_fail_nomem(err);
	cab->in = in;
	cab->err = err;
	cab->d = mspack_create_cab_decompressor(&cab_system);
	if (cab->d == NULL) {
		st = kith_fail_nomem(err);
	} else {
		st = read_cab(cab);
		if (cab->parts[0].cab != NULL) /* frees all that were joined with it, too */
			cab->d->close(cab->d, cab->parts[0].cab);
		mspack_destroy_cab_decompressor(cab->d);
	}
	kith_buf_done(&cab->name);
	kith_buf_done(&cab->first);
	free(cab);
	return st;
}

static enum kith_status prepare(struct kith_err *err)
{
	int error;

	MSPACK_SYS_SELFTEST(error);
	return error == MSPACK_ERR_OK
		   ? KITH_OK
		   : kith_fail(err, KITH_E_UNSUPPORTED, "libmspack was built with another off_t");
}

const struct kith_container_ops kith_container_cab = {
    .id = "cab", .prepare = prepare, .walk = walk};
