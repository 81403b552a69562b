/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libarchive.c: what must hold:
 *   - one format, and one filter at most, set by hand: libarchive bids for nothing. A filter
 * enabled by archive_read_support_filter_xz would be put on as often as it fits (xz in xz);
 *   - what a source's read fails with is what the caller gets, not libarchive's words for it;
 *   - an archive that only fails, without an end, is left: libarchive may return ARCHIVE_FAILED
 *     for ever.
 *
 * Tar needs the headers' own bytes (kith_la_headers): the block that was handed out last but one is
 * kept for that.
 */
#define _POSIX_C_SOURCE 200809L
#include "libarchive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <iconv.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

#define BLOCK      ((size_t)256 << 10)
#define FAILED_MAX 1000u /* entries in a row that cannot be read */

struct block {
	uint64_t at;
	size_t n;
	uint8_t data[BLOCK];
};

struct kith_la {
	struct archive *archive;
	enum kith_la_format format;
	const struct kith_blob *blob; /* or NULL: */
	kith_read_fn read;
	void *user;
	uint64_t at; /* what was handed to libarchive, and where it goes on */
	struct block *blocks[2];
	unsigned current;
	enum kith_status st; /* of the source, when it failed */
	struct kith_err source_err;
	unsigned failed;
	struct kith_buf name, target; /* wide names, converted */
	/* The current entry: */
	uint64_t size, pos; /* pos: bytes and zeros given out */
	bool has_size, sparse;
	const uint8_t *piece; /* what libarchive gave, and was not given out */
	size_t piece_n;
	uint64_t zeros; /* before piece */
	bool data_end;
	bool in_rest;
	uint64_t rest; /* offset of the next byte of kith_la_rest */
};

static const struct {
	const char *name;
	int (*support)(struct archive *);
	int filter; /* or ARCHIVE_FILTER_NONE */
} formats[] = {
    [KITH_LA_TAR] = {"tar", archive_read_support_format_tar, ARCHIVE_FILTER_NONE},
    [KITH_LA_XAR] = {"xar", archive_read_support_format_xar, ARCHIVE_FILTER_NONE},
    [KITH_LA_7Z] = {"7z", archive_read_support_format_7zip, ARCHIVE_FILTER_NONE},
    [KITH_LA_RAR] = {"rar", archive_read_support_format_rar, ARCHIVE_FILTER_NONE},
    [KITH_LA_RAR5] = {"rar", archive_read_support_format_rar5, ARCHIVE_FILTER_NONE},
    [KITH_LA_ZIP] = {"zip", archive_read_support_format_zip_seekable, ARCHIVE_FILTER_NONE},
    [KITH_LA_XZ] = {"xz", NULL, ARCHIVE_FILTER_XZ},
    [KITH_LA_ZSTD] = {"zstd", NULL, ARCHIVE_FILTER_ZSTD},
    [KITH_LA_BZIP2] = {"bzip2", NULL, ARCHIVE_FILTER_BZIP2},
    [KITH_LA_LZ4] = {"lz4", NULL, ARCHIVE_FILTER_LZ4},
    [KITH_LA_LZIP] = {"lzip", NULL, ARCHIVE_FILTER_LZIP},
    [KITH_LA_COMPRESS] = {"compress", NULL, ARCHIVE_FILTER_COMPRESS},
    [KITH_LA_LZMA] = {"lzma", NULL, ARCHIVE_FILTER_LZMA},
};

/* ------------------------------------------------------------- what libarchive calls */

static la_ssize_t give_block(struct archive *archive, void *user, const void **ret)
{
	struct kith_la *la = user;
	struct block *block;
	size_t got = 1;

	(void)archive;
	la->current ^= 1;
	block = la->blocks[la->current];
	block->at = la->at;
	block->n = 0;
	if (la->blob != NULL)
		la->st = kith_blob_read_some(la->blob, la->at, block->data, BLOCK, &block->n,
					     &la->source_err);
	while (la->blob == NULL && la->st >= 0 && block->n < BLOCK && got > 0) {
		la->st = la->read(la->user, block->data + block->n, BLOCK - block->n, &got,
				  &la->source_err);
		if (la->st >= 0)
			block->n += got;
	}
	/* What came before the fault is given out first: the next call fails again. */
	if (la->st < 0 && block->n == 0) {
		archive_set_error(archive, EINVAL, "source failed");
		return -1;
	}
	la->at += block->n;
	*ret = block->data;
	return (la_ssize_t)block->n;
}

static la_int64_t skip_bytes(struct archive *archive, void *user, la_int64_t n)
{
	struct kith_la *la = user;
	uint64_t left = la->at < la->blob->size ? la->blob->size - la->at : 0;

	(void)archive;
	if (n < 0)
		return 0;
	if ((uint64_t)n < left)
		left = (uint64_t)n;
	la->at += left;
	return (la_int64_t)left;
}

static la_int64_t seek_to(struct archive *archive, void *user, la_int64_t offset, int whence)
{
	struct kith_la *la = user;
	la_int64_t from = whence == SEEK_SET   ? 0
			  : whence == SEEK_CUR ? (la_int64_t)la->at
					       : (la_int64_t)la->blob->size;

	if (__builtin_add_overflow(from, offset, &from) || from < 0 ||
	    (uint64_t)from > la->blob->size) {
		archive_set_error(archive, EINVAL, "an offset outside of the file");
		return ARCHIVE_FATAL;
	}
	la->at = (uint64_t)from;
	return from;
}

/* ------------------------------------------------------------------- open and close */

/* Status and words of a libarchive call that failed. */
static enum kith_status fail(struct kith_la *la, enum kith_status st, struct kith_err *err)
{
	const char *text = archive_error_string(la->archive);

	if (la->st < 0) {
		if (err != NULL)
			*err = la->source_err;
		return la->st;
	}
	if (text == NULL)
		text = "unknown fault";
	return kith_fail(err, st, "%s, at offset %llu: %.*s", formats[la->format].name,
			 (unsigned long long)kith_la_used(la), (int)strcspn(text, "\n"), text);
}

enum kith_status kith_la_open(enum kith_la_format format, const struct kith_blob *blob,
			      kith_read_fn read, void *user, struct kith_la **ret,
			      struct kith_err *err)
{
	struct kith_la *la = calloc(1, sizeof *la);
	enum kith_status st = KITH_OK;
	int rc;

	if (la == NULL)
		return kith_fail_nomem(err);
	la->format = format;
	la->blob = blob;
	la->read = read;
	la->user = user;
	la->blocks[0] = calloc(1, sizeof *la->blocks[0]);
	la->blocks[1] = calloc(1, sizeof *la->blocks[1]);
	la->archive = archive_read_new();
	if (la->archive == NULL || la->blocks[0] == NULL || la->blocks[1] == NULL) {
		st = kith_fail_nomem(err);
		goto out;
	}
	if (formats[format].support != NULL)
		rc = formats[format].support(la->archive);
	else
		rc = archive_read_set_format(la->archive, ARCHIVE_FORMAT_RAW);
	/* Only bids start the compress filter: it reads when it is made. */
	if (rc == ARCHIVE_OK && format == KITH_LA_COMPRESS)
		rc = archive_read_support_filter_compress(la->archive);
	else if (rc == ARCHIVE_OK && formats[format].filter != ARCHIVE_FILTER_NONE)
		rc = archive_read_append_filter(la->archive, formats[format].filter);
	if (rc == ARCHIVE_OK)
		rc = archive_read_set_callback_data(la->archive, la);
	if (rc == ARCHIVE_OK)
		rc = archive_read_set_read_callback(la->archive, give_block);
	if (rc == ARCHIVE_OK && blob != NULL)
		rc = archive_read_set_skip_callback(la->archive, skip_bytes);
	if (rc == ARCHIVE_OK && blob != NULL)
		rc = archive_read_set_seek_callback(la->archive, seek_to);
	if (rc == ARCHIVE_OK)
		rc = archive_read_open1(la->archive);
	if (rc != ARCHIVE_OK) {
		st = fail(la, KITH_E_CORRUPT, err);
		goto out;
	}
	if (format == KITH_LA_COMPRESS && archive_filter_count(la->archive) != 2) {
		st = kith_fail(err, KITH_E_UNSUPPORTED,
			       "compress: not one stream, or one in another");
		goto out;
	}
	*ret = la;
	la = NULL;
out:
	kith_la_close(la);
	return st;
}

void kith_la_close(struct kith_la *la)
{
	if (la == NULL)
		return;
	if (la->archive != NULL)
		(void)archive_read_free(la->archive);
	free(la->blocks[0]);
	free(la->blocks[1]);
	kith_buf_done(&la->name);
	kith_buf_done(&la->target);
	free(la);
}

/* ------------------------------------------------------------------------- entries */

/* A name that libarchive has in wide characters only; surrogates become their three bytes. */
static bool from_wide(struct kith_buf *out, const wchar_t *w)
{
	bool ok = true;

	out->n = 0;
	for (; *w != L'\0' && ok; w++) {
		uint32_t c = (uint32_t)*w;

		if (c < 0x80) {
			ok = kith_buf_add_byte(out, (uint8_t)c);
		} else if (c < 0x800) {
			ok = kith_buf_add_byte(out, (uint8_t)(0xc0 | c >> 6)) &&
			     kith_buf_add_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
		} else if (c < 0x10000) {
			ok = kith_buf_add_byte(out, (uint8_t)(0xe0 | c >> 12)) &&
			     kith_buf_add_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3f))) &&
			     kith_buf_add_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
		} else {
			ok = kith_buf_add_byte(out, (uint8_t)(0xf0 | (c >> 18 & 7))) &&
			     kith_buf_add_byte(out, (uint8_t)(0x80 | (c >> 12 & 0x3f))) &&
			     kith_buf_add_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3f))) &&
			     kith_buf_add_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
		}
	}
	return ok;
}

/* The bytes of a name; false: out of memory. */
static bool set_name(const char *bytes, const wchar_t *wide, struct kith_buf *buf,
		     const uint8_t **ret, size_t *ret_n)
{
	static const uint8_t none[1];

	*ret = none;
	*ret_n = 0;
	if (bytes != NULL) {
		*ret = (const uint8_t *)bytes;
		*ret_n = strlen(bytes);
	} else if (wide != NULL) {
		if (!from_wide(buf, wide))
			return false;
		*ret = buf->data;
		*ret_n = buf->n;
	}
	kith_entry_path(ret, ret_n);
	return true;
}

static bool describe(struct kith_la *la, struct archive_entry *entry, struct kith_la_entry *ret)
{
	const char *target = archive_entry_hardlink(entry);
	const wchar_t *wide_target = target == NULL ? archive_entry_hardlink_w(entry) : NULL;
	const char *name = archive_entry_pathname(entry);
	bool is_link = target != NULL || wide_target != NULL;

	*ret = (struct kith_la_entry){
	    .is_file = archive_entry_filetype(entry) == AE_IFREG,
	    .has_size = archive_entry_size_is_set(entry) && archive_entry_size(entry) >= 0,
	    .sparse = archive_entry_sparse_count(entry) > 0,
	    .encrypted = archive_entry_is_encrypted(entry) != 0,
	    .header = (uint64_t)archive_read_header_position(la->archive),
	    .data = kith_la_used(la),
	};
	if (ret->has_size)
		ret->size = (uint64_t)archive_entry_size(entry);
	la->size = ret->size;
	la->has_size = ret->has_size;
	la->sparse = ret->sparse;
	return set_name(name, name == NULL ? archive_entry_pathname_w(entry) : NULL, &la->name,
			&ret->name, &ret->name_n) &&
	       (!is_link ||
		set_name(target, wide_target, &la->target, &ret->target, &ret->target_n));
}

enum kith_status kith_la_next(struct kith_la *la, struct kith_la_entry *ret, struct kith_err *err)
{
	struct archive_entry *entry = NULL;
	int rc;

	memset(ret, 0, sizeof *ret);
	rc = archive_read_next_header(la->archive, &entry); /* ARCHIVE_RETRY: tar would search on */
	la->pos = la->zeros = 0;
	la->piece_n = 0;
	la->data_end = false;
	if (rc == ARCHIVE_EOF)
		return la->st < 0 ? fail(la, KITH_E_CORRUPT, err) : KITH_END;
	if (rc == ARCHIVE_OK || rc == ARCHIVE_WARN) { /* a warning is about names or times */
		la->failed = 0;
		return describe(la, entry, ret) ? KITH_OK : kith_fail_nomem(err);
	}
	if (rc != ARCHIVE_FAILED || ++la->failed > FAILED_MAX || la->st < 0)
		return fail(la, KITH_E_CORRUPT, err);
	if (entry != NULL && !describe(la, entry, ret))
		return kith_fail_nomem(err);
	return fail(la, KITH_NOT_FOUND, err);
}

uint64_t kith_la_used(const struct kith_la *la)
{
	return (uint64_t)archive_filter_bytes(la->archive, -1);
}

/* The next piece of the entry's data, zeros before it; KITH_END. KITH_NOT_FOUND: the entry is
 * damaged, the archive is not. */
static enum kith_status next_piece(struct kith_la *la, struct kith_err *err)
{
	const void *data = NULL;
	la_int64_t offset = 0;
	size_t n = 0;
	int rc, retries = 0;

	if (la->data_end)
		return KITH_END;
	/* Of a solid archive it would take the next file's data for those of an empty one. */
	if (la->format == KITH_LA_RAR5 && la->has_size && la->size == 0)
		return KITH_END;
	do
		rc = archive_read_data_block(la->archive, &data, &n, &offset);
	while (rc == ARCHIVE_RETRY && retries++ < 10);
	if (rc == ARCHIVE_EOF) {
		la->data_end = true;
		if (!la->has_size || la->pos == la->size)
			return KITH_END;
		if (!la->sparse || la->pos > la->size)
			return kith_fail(err, KITH_NOT_FOUND,
					 "%llu bytes instead of the %llu that were announced",
					 (unsigned long long)la->pos, (unsigned long long)la->size);
		la->zeros = la->size - la->pos;
		la->piece_n = 0;
		la->pos = la->size;
		return KITH_OK;
	}
	if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
		return fail(la, rc == ARCHIVE_FAILED ? KITH_NOT_FOUND : KITH_E_CORRUPT, err);
	if (offset < 0 || (uint64_t)offset < la->pos)
		return kith_fail(err, KITH_NOT_FOUND, "its pieces overlap");
	la->zeros = (uint64_t)offset - la->pos;
	la->piece = data;
	la->piece_n = n;
	la->pos = (uint64_t)offset + n;
	return KITH_OK;
}

enum kith_status kith_la_read(void *user, void *buf, size_t n, size_t *ret_n, struct kith_err *err)
{
	struct kith_la *la = user;

	*ret_n = 0;
	while (la->zeros == 0 && la->piece_n == 0) {
		enum kith_status st = next_piece(la, err);

		if (st == KITH_END)
			return KITH_OK;
		if (st == KITH_NOT_FOUND)
			return KITH_E_CORRUPT;
		if (st < 0)
			return st;
	}
	if (la->zeros > 0) {
		*ret_n = la->zeros < n ? (size_t)la->zeros : n;
		memset(buf, 0, *ret_n);
		la->zeros -= *ret_n;
		return KITH_OK;
	}
	*ret_n = la->piece_n < n ? la->piece_n : n;
	memcpy(buf, la->piece, *ret_n);
	la->piece += *ret_n;
	la->piece_n -= *ret_n;
	return KITH_OK;
}

enum kith_status kith_la_first(struct kith_la *la, const uint8_t **ret, size_t *ret_n,
			       struct kith_err *err)
{
	enum kith_status st = KITH_OK;

	if (la->zeros == 0 && la->piece_n == 0)
		st = next_piece(la, err);
	*ret = la->piece;
	*ret_n = st == KITH_OK && la->zeros == 0 ? la->piece_n : 0;
	return st;
}

static void keep_piece(struct kith_la *la, struct kith_buf *keep, size_t keep_max, bool *kept)
{
	if (!*kept)
		return;
	if (la->zeros > 0 || la->piece_n > keep_max - keep->n ||
	    !kith_buf_add(keep, la->piece, la->piece_n)) {
		keep->n = 0;
		*kept = false;
	}
}

enum kith_status kith_la_push(struct kith_la *la, struct kith_emit *emit,
			      const struct kith_entry *entry, struct kith_buf *keep,
			      size_t keep_max, struct kith_err *err)
{
	bool kept = keep != NULL;
	enum kith_status st = kith_emit_begin(emit, entry, err), emitted;

	if (keep != NULL)
		keep->n = 0;
	if (st != KITH_OK)
		return st < 0 ? st : KITH_OK;
	while ((st = next_piece(la, err)) == KITH_OK) {
		keep_piece(la, keep, keep_max, &kept);
		emitted = la->zeros > 0 ? kith_emit_zeros(emit, la->zeros, err) : KITH_OK;
		if (emitted == KITH_OK && la->piece_n > 0)
			emitted = kith_emit_data(emit, la->piece, la->piece_n, err);
		la->zeros = 0;
		la->piece_n = 0;
		if (emitted != KITH_OK) {
			if (keep != NULL)
				keep->n = 0;
			return emitted < 0 ? emitted : KITH_OK; /* cut off: the rest is skipped */
		}
	}
	if (st == KITH_END)
		return kith_emit_end(emit, err);
	if (keep != NULL)
		keep->n = 0;
	if (st != KITH_NOT_FOUND && st != KITH_E_CORRUPT)
		return st;
	emitted = kith_emit_damaged(emit, "damaged", err != NULL ? err->msg : "", err);
	if (emitted < 0)
		return emitted;
	return st < 0 ? st : KITH_OK;
}

/* Bytes at an offset of what is read, as far as they are still in a block. */
static bool kept_bytes(const struct kith_la *la, uint64_t from, uint64_t to, struct kith_buf *out)
{
	unsigned i;

	for (i = 0; i < 2 && from < to; i++) {
		const struct block *block = la->blocks[la->current ^ 1 ^ i]; /* the older first */
		uint64_t n;

		if (from < block->at || from >= block->at + block->n)
			continue;
		n = block->at + block->n - from;
		if (n > to - from)
			n = to - from;
		if (!kith_buf_add(out, block->data + (from - block->at), (size_t)n))
			return false;
		from += n;
	}
	return from == to;
}

bool kith_la_headers(struct kith_la *la, const struct kith_la_entry *entry, struct kith_buf *out)
{
	out->n = 0;
	return entry->data >= entry->header && kept_bytes(la, entry->header, entry->data, out);
}

enum kith_status kith_la_rest(void *user, void *buf, size_t n, size_t *ret_n, struct kith_err *err)
{
	struct kith_la *la = user;
	enum kith_status st = KITH_OK;
	unsigned i;

	if (!la->in_rest) {
		la->rest = kith_la_used(la);
		la->in_rest = true;
	}
	*ret_n = 0;
	if (la->blob != NULL)
		st = kith_blob_read_some(la->blob, la->rest, buf, n, ret_n, err);
	for (i = 0; i < 2 && la->blob == NULL && *ret_n == 0; i++) {
		const struct block *block = la->blocks[la->current ^ 1 ^ i];

		if (la->rest < block->at || la->rest >= block->at + block->n)
			continue;
		*ret_n = (size_t)(block->at + block->n - la->rest);
		if (*ret_n > n)
			*ret_n = n;
		memcpy(buf, block->data + (la->rest - block->at), *ret_n);
	}
	if (la->blob == NULL && *ret_n == 0)
		st = la->read(la->user, buf, n, ret_n, err);
	la->rest += *ret_n;
	return st;
}

/* -------------------------------------------------------------------- whole archives */

enum kith_status kith_la_emit(const struct kith_container_in *in, struct kith_la *la,
			      const struct kith_la_entry *found, struct kith_err *err)
{
	struct kith_entry entry = {
	    .kind = found->is_file ? KITH_ENTRY_FILE : KITH_ENTRY_OTHER,
	    .name = found->name,
	    .name_n = found->name_n,
	    .has_size = found->has_size,
	    .size = found->size,
	    .sparse = found->sparse,
	    .may_be_linked = found->is_file,
	};
	enum kith_status st;

	if (found->encrypted && found->is_file)
		return kith_emit_note(in->emit, KITH_LEDGER_FAILED, "encrypted", found->name,
				      found->name_n, err);
	if (found->target != NULL && found->size == 0)
		return kith_emit_link(in->emit, found->name, found->name_n, found->target,
				      found->target_n, err);
	if (!found->is_file) {
		st = kith_emit_begin(in->emit, &entry, err);
		return st < 0 ? st : KITH_OK;
	}
	return kith_la_push(la, in->emit, &entry, NULL, 0, err);
}

enum kith_status kith_la_note_failed(struct kith_emit *emit, const struct kith_la_entry *found,
				     struct kith_err *err)
{
	struct kith_err why = {0};

	if (err != NULL)
		why = *err;
	return kith_emit_note(emit, KITH_LEDGER_FAILED, "entry that cannot be read",
			      found->name_n > 0 ? (const void *)found->name : why.msg,
			      found->name_n > 0 ? found->name_n : strlen(why.msg), err);
}

enum kith_status kith_la_walk(const struct kith_container_in *in, enum kith_la_format format,
			      struct kith_err *err)
{
	struct kith_la *la = NULL;
	struct kith_la_entry found;
	enum kith_status st = kith_la_open(format, in->blob, NULL, NULL, &la, err);

	while (st >= 0 && (st = kith_la_next(la, &found, err)) != KITH_END && st >= 0) {
		if (st == KITH_NOT_FOUND)
			st = kith_la_note_failed(in->emit, &found, err);
		else
			st = kith_la_emit(in, la, &found, err);
	}
	if (st < 0 && la != NULL && archive_read_has_encrypted_entries(la->archive) > 0)
		kith_err_context(err, "encrypted");
	kith_la_close(la);
	return st < 0 ? st : KITH_OK;
}

enum kith_status kith_la_prepare(struct kith_err *err)
{
	/* Kept open, so that their module stays loaded: names in 7z and rar. libxml2 (xar) opens
	 * nothing as long as a document has the encodings that are built in. */
	static iconv_t kept[2];
	static bool done;

	if (done)
		return KITH_OK;
	done = true;
	tzset(); /* times in zip and xar; nobody wants them */
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		return kith_fail(err, KITH_E_UNSUPPORTED, "the locale C.UTF-8");
	kept[0] = iconv_open("UTF-8", "UTF-16LE");
	kept[1] = iconv_open("UTF-8", "UTF-16BE");
	if (kept[0] == (iconv_t)-1 || kept[1] == (iconv_t)-1)
		return kith_fail(err, KITH_E_UNSUPPORTED, "conversions from UTF-16 (gconv)");
	return KITH_OK;
}
