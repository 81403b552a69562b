/* SPDX-License-Identifier: Apache-2.0 */
/*
 * p7zip.c: formats that are left to 7-Zip's library, when it is installed: Windows installers (MSI,
 * NSIS), Apple's disk images, UEFI volumes, FAT.
 *
 * What must hold: the library calls us from within its Extract, item by item. What goes wrong in an
 * emit call is kept (st), ends the extraction, and is returned. A fault of an item is a note.
 */
#include "containers/p7zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"

#define S_TYPE    0170000u /* of POSIX modes */
#define S_REGULAR 0100000u

#define PARTITION_HEAD 1536u /* bytes in which its signature is */
#define VOLUMES_MAX    256u  /* of one firmware */
#define VOLUME_STEP    4096u /* erase blocks of flash memory */
#define VOLUME_GAP     "data between firmware volumes"

/* kpvErrorFlags: all but "there are data after the end" */
#define ERRORS_THAT_COUNT (~UINT64_C(0x40))

struct walk {
	const struct kith_container_in *in;
	struct kith_err *err;
	struct sz_msi msi;
};

struct extraction {
	struct sz_extract extract;
	struct sz_out_stream out;
	struct walk *walk;
	struct sz_archive *archive;
	struct kith_buf prefix; /* of names, when it is in another */
	struct kith_buf name, text;
	bool as_inner; /* items are partitions, not files */
	bool begun, cut;
	uint32_t item;
	enum kith_status st;
};

static struct extraction *of_extract(struct sz_extract *self)
{
	return (struct extraction *)(void *)self;
}

static struct extraction *of_out(struct sz_out_stream *self)
{
	return (struct extraction *)(void *)((uint8_t *)self - offsetof(struct extraction, out));
}

/* ------------------------------------------------------- what the library calls */

static int32_t write_out(struct sz_out_stream *self, const void *data, uint32_t n, uint32_t *ret_n)
{
	struct extraction *x = of_out(self);

	if (x->st < 0)
		return SZ_ABORT;
	if (ret_n != NULL)
		*ret_n = n;
	if (!x->begun || x->cut || n == 0)
		return SZ_OK; /* what is cut off is still decoded: others may be behind it */
	sz_msi_data(&x->walk->msi, data, n);
	x->st = kith_emit_data(x->walk->in->emit, data, n, x->walk->err);
	x->cut = x->st == KITH_END;
	return x->st < 0 ? SZ_ABORT : SZ_OK;
}

static int32_t ignore_total(struct sz_extract *self, uint64_t total)
{
	(void)total;
	return of_extract(self)->st < 0 ? SZ_ABORT : SZ_OK;
}

static int32_t ignore_done(struct sz_extract *self, const uint64_t *done)
{
	(void)done;
	return of_extract(self)->st < 0 ? SZ_ABORT : SZ_OK;
}

static int32_t ignore_prepare(struct sz_extract *self, int32_t mode)
{
	(void)mode;
	return of_extract(self)->st < 0 ? SZ_ABORT : SZ_OK;
}

static bool set_name(struct extraction *x, uint32_t item)
{
	char number[32];
	int n = snprintf(number, sizeof number, "item %u", item);

	x->name.n = 0;
	if (!kith_buf_add(&x->name, x->prefix.data, x->prefix.n))
		return false;
	if (sz_item_text(x->archive, item, SZ_PATH, &x->text) && x->text.n > 0)
		return kith_buf_add(&x->name, x->text.data, x->text.n);
	return kith_buf_add(&x->name, number, (size_t)n);
}

static bool is_set(struct extraction *x, uint32_t item, uint32_t id)
{
	uint64_t v = 0;

	return sz_item_number(x->archive, item, id, &v) && v != 0;
}

/* Folders and links come as items too, links with their target as content. */
static bool is_other(struct extraction *x, uint32_t item)
{
	uint64_t mode = 0;

	if (sz_item_text(x->archive, item, SZ_SYMLINK, &x->text) && x->text.n > 0)
		return true;
	return sz_item_number(x->archive, item, SZ_POSIX_ATTRIB, &mode) && (mode & S_TYPE) != 0 &&
	       (mode & S_TYPE) != S_REGULAR;
}

/* Begins the item. KITH_NOT_FOUND: its data are not wanted. */
static enum kith_status begin_item(struct extraction *x, uint32_t item)
{
	struct kith_emit *emit = x->walk->in->emit;
	struct kith_entry entry = {.kind = KITH_ENTRY_FILE};
	enum kith_status st;

	if (is_set(x, item, SZ_IS_DIR) || is_set(x, item, SZ_IS_DELETED))
		return KITH_NOT_FOUND;
	if (is_other(x, item))
		entry.kind = KITH_ENTRY_OTHER;
	else if (x->as_inner)
		entry.kind = KITH_ENTRY_INNER;
	else if (is_set(x, item, SZ_IS_ALT_STREAM))
		entry.kind = KITH_ENTRY_STREAM;
	if (!set_name(x, item))
		return kith_fail_nomem(x->walk->err);
	entry.name = x->name.data;
	entry.name_n = x->name.n;
	if (is_set(x, item, SZ_ENCRYPTED)) {
		st = kith_emit_note(emit, KITH_LEDGER_FAILED, "encrypted", x->name.data, x->name.n,
				    x->walk->err);
		return st < 0 ? st : KITH_NOT_FOUND;
	}
	entry.has_size = sz_item_number(x->archive, item, SZ_SIZE, &entry.size);
	sz_msi_begin(&x->walk->msi, x->name.data, x->name.n);
	st = kith_emit_begin(emit, &entry, x->walk->err);
	return st == KITH_OK && entry.kind == KITH_ENTRY_OTHER ? KITH_NOT_FOUND : st;
}

static int32_t get_stream(struct sz_extract *self, uint32_t item, struct sz_out_stream **ret,
			  int32_t mode)
{
	struct extraction *x = of_extract(self);
	enum kith_status st;

	*ret = NULL;
	if (x->st < 0)
		return SZ_ABORT;
	x->item = item;
	x->begun = x->cut = false;
	if (mode != 0)
		return SZ_OK;
	st = begin_item(x, item);
	if (st < 0) {
		x->st = st;
		return SZ_ABORT;
	}
	x->begun = st == KITH_OK;
	if (x->begun)
		*ret = &x->out;
	return SZ_OK;
}

static const char *result_text(int32_t result)
{
	switch (result) {
	case 1: return "an unsupported method";
	case 3: return "a wrong checksum";
	case 5: return "it ends too early";
	case 9: return "encrypted";
	default: return "damaged data";
	}
}

static int32_t set_result(struct sz_extract *self, int32_t result)
{
	struct extraction *x = of_extract(self);

	if (x->st >= 0 && x->begun && !x->cut)
		x->st = result == 0 ? kith_emit_end(x->walk->in->emit, x->walk->err)
				    : kith_emit_damaged(x->walk->in->emit, "damaged",
							result_text(result), x->walk->err);
	x->begun = false;
	return x->st < 0 ? SZ_ABORT : SZ_OK;
}

static const struct sz_extract_vt extract_vt = {
    .unknown = {sz_own_query, sz_own_count, sz_own_count},
    .set_total = ignore_total,
    .set_completed = ignore_done,
    .get_stream = get_stream,
    .prepare = ignore_prepare,
    .set_result = set_result,
};
static const struct sz_out_stream_vt out_vt = {
    .unknown = {sz_own_query, sz_own_count, sz_own_count},
    .write = write_out,
};

/* ---------------------------------------------------------------------- archives */

static enum kith_status open_stream(const char *format, struct sz_in_stream *stream,
				    struct sz_archive **ret, struct kith_err *err)
{
	const uint64_t start = 0;
	int32_t result;
	enum kith_status st = sz_archive_new(format, ret, err);

	if (st < 0)
		return st;
	result = (*ret)->vt->open(*ret, stream, &start, NULL);
	if (result == SZ_OK)
		return KITH_OK;
	(void)(*ret)->vt->unknown.release((struct sz_unknown *)(void *)*ret);
	*ret = NULL;
	if (result == SZ_OUTOFMEMORY)
		return kith_fail_nomem(err);
	return kith_fail(err, KITH_E_CORRUPT, "7z.so cannot open it as %s", format);
}

static void close_archive(struct sz_archive *archive)
{
	if (archive == NULL)
		return;
	(void)archive->vt->close(archive);
	(void)archive->vt->unknown.release((struct sz_unknown *)(void *)archive);
}

/* Extracts those items, or with NULL all. */
static enum kith_status extract(struct walk *walk, struct sz_archive *archive,
				const uint32_t *items, uint32_t n, struct kith_bytes prefix,
				bool as_inner)
{
	struct extraction x = {.extract = {&extract_vt},
			       .out = {&out_vt},
			       .walk = walk,
			       .archive = archive,
			       .as_inner = as_inner};
	int32_t result;

	if (!kith_buf_add(&x.prefix, prefix.data, prefix.n))
		x.st = kith_fail_nomem(walk->err);
	result = x.st < 0 ? SZ_ABORT
			  : archive->vt->extract(archive, items, items == NULL ? UINT32_MAX : n, 0,
						 &x.extract);
	if (x.st >= 0 && x.begun && !x.cut) /* it ended within an item */
		x.st = kith_emit_damaged(walk->in->emit, "damaged", "it ends too early", walk->err);
	if (x.st >= 0 && result == SZ_OUTOFMEMORY)
		x.st = kith_fail_nomem(walk->err);
	else if (x.st >= 0 && result != SZ_OK)
		x.st = kith_fail(walk->err, KITH_E_CORRUPT,
				 "damaged: nothing was read behind item %u", x.item);
	kith_buf_done(&x.prefix);
	kith_buf_done(&x.name);
	kith_buf_done(&x.text);
	return x.st < 0 ? x.st : KITH_OK;
}

static enum kith_status note_errors(struct walk *walk, struct sz_archive *archive)
{
	if ((sz_archive_number(archive, SZ_ERROR_FLAGS) & ERRORS_THAT_COUNT) == 0)
		return KITH_OK;
	return kith_emit_note(walk->in->emit, KITH_LEDGER_FAILED,
			      "damaged headers: entries may be missing", walk->in->name,
			      walk->in->name_n, walk->err);
}

/* --------------------------------------------------------------------- dmg */

/* The file system that begins in the stream; its names do not tell. By Apple's TN1150, "Apple File
 * System Reference", and Microsoft's "FAT: General Overview". */
static const char *partition_format(struct sz_in_stream *stream)
{
	uint8_t head[PARTITION_HEAD];
	uint32_t got = 0, now = 1;

	if (stream->vt->seek(stream, 0, 0, NULL) != SZ_OK)
		return NULL;
	for (; got < sizeof head && now > 0; got += now)
		if (stream->vt->read(stream, head + got, (uint32_t)sizeof head - got, &now) !=
			SZ_OK ||
		    now > sizeof head - got)
			return NULL;
	if (got < sizeof head)
		return NULL;
	if (memcmp(head + 1024, "H+", 2) == 0 || memcmp(head + 1024, "HX", 2) == 0 ||
	    memcmp(head + 1024, "BD", 2) == 0)
		return "HFS";
	if (memcmp(head + 32, "NXSB", 4) == 0)
		return "APFS";
	return memcmp(head + 510, "\x55\xaa", 2) == 0 &&
		       (memcmp(head + 54, "FAT", 3) == 0 || memcmp(head + 82, "FAT", 3) == 0)
		   ? "FAT"
		   : NULL;
}

/* A file system that lies in an item is read where it is, without unpacking the item. False in
 * *ret_done: it is not. */
static enum kith_status walk_partition(struct walk *walk, struct sz_archive *archive, uint32_t item,
				       struct kith_buf *name, bool *ret_done)
{
	struct sz_in_stream *stream = sz_item_stream(archive, item);
	struct sz_archive *inner = NULL;
	const char *format;
	enum kith_status st = KITH_OK;

	*ret_done = false;
	if (stream == NULL)
		return KITH_OK;
	format = partition_format(stream);
	if (format != NULL && stream->vt->seek(stream, 0, 0, NULL) == SZ_OK &&
	    open_stream(format, stream, &inner, NULL) == KITH_OK) {
		*ret_done = true;
		st = kith_buf_add_byte(name, '/') ? note_errors(walk, inner)
						  : kith_fail_nomem(walk->err);
		if (st >= 0)
			st = extract(walk, inner, NULL, 0, (struct kith_bytes){name->data, name->n},
				     false);
		if (st == KITH_E_CORRUPT) /* the other partitions are still to come */
			st = kith_emit_note(walk->in->emit, KITH_LEDGER_FAILED,
					    "a damaged file system in a partition", name->data,
					    name->n, walk->err);
	}
	close_archive(inner);
	(void)stream->vt->unknown.release((struct sz_unknown *)(void *)stream);
	return st;
}

static enum kith_status walk_dmg(struct walk *walk, struct sz_archive *archive)
{
	struct kith_buf name = {0};
	uint32_t n = 0, i, left = 0, *items;
	enum kith_status st = KITH_OK;

	if (archive->vt->count(archive, &n) != SZ_OK || n > KITH_LIMIT_ENTRIES)
		return kith_fail(walk->err, KITH_E_LIMIT, "over a limit: partitions");
	items = calloc((size_t)n + 1, sizeof *items);
	if (items == NULL)
		return kith_fail_nomem(walk->err);
	for (i = 0; i < n && st >= 0; i++) {
		bool done = false;

		if (sz_item_text(archive, i, SZ_PATH, &name))
			st = walk_partition(walk, archive, i, &name, &done);
		if (!done)
			items[left++] = i;
	}
	if (st >= 0 && left > 0)
		st = extract(walk, archive, items, left, (struct kith_bytes){NULL, 0}, true);
	free(items);
	kith_buf_done(&name);
	return st;
}

/* --------------------------------------------------------------------- UEFI */

/* From *at on, the next firmware volume, which begins at a multiple of STEP behind it;
 * *ret_padding: what lies before it are bytes of erased flash memory. KITH_END: there is none. */
static enum kith_status next_volume(const struct walk *walk, uint64_t *at, uint64_t *ret_bytes,
				    bool *ret_padding)
{
	const struct kith_blob *blob = walk->in->blob;
	uint8_t piece[VOLUME_STEP];
	size_t n, i;
	enum kith_status st;

	for (*ret_padding = true;; *at += VOLUME_STEP) {
		if (*at >= blob->size)
			return KITH_END;
		st = kith_blob_read_some(blob, *at, piece, sizeof piece, &n, walk->err);
		if (st < 0)
			return st;
		if (n >= 44 && memcmp(piece + 40, "_FVH", 4) == 0) {
			*ret_bytes = kith_get_le64(piece + 32);
			return KITH_OK;
		}
		for (i = 0; i < n && *ret_padding; i++)
			*ret_padding = piece[i] == 0 || piece[i] == 0xff;
	}
}

/*
 * Firmware is several volumes, one behind the other, with gaps. UEFI Platform Initialization,
 * volume 3, 3.2.1.1: EFI_FIRMWARE_VOLUME_HEADER has its length at 32 and "_FVH" at 40. Those that
 * hold no files but variables are not read by the library, nor is there anything in them.
 */
static enum kith_status walk_volumes(struct walk *walk)
{
	const struct kith_blob *blob = walk->in->blob;
	uint64_t at = 0, n = 0;
	bool padding = true;
	enum kith_status st;
	unsigned done;

	for (done = 0; (st = next_volume(walk, &at, &n, &padding)) == KITH_OK; done++) {
		struct sz_blob_stream stream;
		struct sz_archive *archive = NULL;

		if (!padding)
			st = kith_emit_note(walk->in->emit, KITH_LEDGER_SKIPPED, VOLUME_GAP,
					    walk->in->name, walk->in->name_n, walk->err);
		if (st >= 0 && done == VOLUMES_MAX)
			return kith_emit_note(walk->in->emit, KITH_LEDGER_SKIPPED,
					      "over a limit: firmware volumes", walk->in->name,
					      walk->in->name_n, walk->err);
		if (st < 0)
			return st;
		sz_blob_stream_init(&stream, blob, at);
		if (open_stream("UEFIf", &stream.stream, &archive, NULL) == KITH_OK) {
			uint64_t all = sz_archive_number(archive, SZ_PHYSICAL_SIZE);

			n = all > n ? all : n;
			st = note_errors(walk, archive);
			if (st >= 0)
				st = extract(walk, archive, NULL, 0, (struct kith_bytes){NULL, 0},
					     false);
		} else {
			st = kith_emit_note(walk->in->emit, KITH_LEDGER_SKIPPED,
					    "a firmware volume without files", walk->in->name,
					    walk->in->name_n, walk->err);
		}
		close_archive(archive);
		if (st < 0)
			return st;
		if (n == 0) /* a length that cannot be */
			n = VOLUME_STEP;
		if (n >= blob->size - at)
			return KITH_OK;
		at += n;
	}
	if (st == KITH_END && !padding)
		return kith_emit_note(walk->in->emit, KITH_LEDGER_SKIPPED, VOLUME_GAP,
				      walk->in->name, walk->in->name_n, walk->err);
	return st < 0 ? st : KITH_OK;
}

static const char *format_name(enum kith_format format)
{
	switch ((int)format) {
	case KITH_FORMAT_MSI: return "Compound";
	case KITH_FORMAT_NSIS: return "Nsis";
	case KITH_FORMAT_DMG: return "Dmg";
	case KITH_FORMAT_FAT: return "FAT";
	default: return NULL;
	}
}

static enum kith_status walk_container(const struct kith_container_in *in, struct kith_err *err)
{
	struct walk walk = {.in = in, .err = err};
	const char *format = format_name(in->format);
	struct sz_blob_stream stream;
	struct sz_archive *archive = NULL;
	enum kith_status st;

	if (in->format == KITH_FORMAT_UEFI_VOLUME)
		return walk_volumes(&walk);
	if (format == NULL)
		return kith_fail(err, KITH_E_ARG, "not a format of this container");
	sz_blob_stream_init(&stream, in->blob, 0);
	st = open_stream(format, &stream.stream, &archive, err);
	if (st >= 0)
		st = note_errors(&walk, archive);
	if (st >= 0)
		st = in->format == KITH_FORMAT_DMG
			 ? walk_dmg(&walk, archive)
			 : extract(&walk, archive, NULL, 0, (struct kith_bytes){NULL, 0}, false);
	if (st >= 0 && in->format == KITH_FORMAT_MSI)
		st = sz_msi_tell(&walk.msi, in->emit, err);
	close_archive(archive);
	sz_msi_done(&walk.msi);
	return st;
}

const struct kith_container_ops kith_container_p7zip = {
    .id = "p7zip", .prepare = sz_load, .walk = walk_container};
