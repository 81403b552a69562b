/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libarchive.h: archives and compressed streams by libarchive, which is never asked to guess: one
 * format and at most one filter are enabled, those that the detector found; never a filter that
 * runs a program. The only part of extract/ that includes archive.h.
 */
#ifndef KITH_EXTRACT_LIBARCHIVE_H
#define KITH_EXTRACT_LIBARCHIVE_H

#include "base/buf.h"
#include "containers/container.h"

/* Where bytes come from in order. As kith_io_read: *ret_n is 0 at the end. */
typedef enum kith_status (*kith_read_fn)(void *user, void *buf, size_t n, size_t *ret_n,
					 struct kith_err *err);

enum kith_la_format {
	KITH_LA_TAR,
	KITH_LA_XAR,
	KITH_LA_7Z,
	KITH_LA_RAR,
	KITH_LA_RAR5,
	KITH_LA_ZIP,
	/* The filter alone: one entry. */
	KITH_LA_XZ,
	KITH_LA_ZSTD,
	KITH_LA_BZIP2,
	KITH_LA_LZ4,
	KITH_LA_LZIP,
	KITH_LA_COMPRESS,
	KITH_LA_LZMA,
};

struct kith_la;

struct kith_la_entry {
	const uint8_t *name; /* valid until the next call; "./" is taken off */
	size_t name_n;
	const uint8_t *target; /* of a hard link; else NULL */
	size_t target_n;
	bool is_file;
	bool has_size;
	uint64_t size;
	bool sparse;
	bool encrypted;
	uint64_t header, data; /* offsets in what is read: where its headers begin and end (tar) */
};

/* Locale, character sets, libxml2, the libraries of the filters: all that opens files on first
 * use. Containers that use this have it as their `prepare`. */
enum kith_status kith_la_prepare(struct kith_err *err);

/* Over a blob, or (blob NULL) over read. */
enum kith_status kith_la_open(enum kith_la_format format, const struct kith_blob *blob,
			      kith_read_fn read, void *user, struct kith_la **ret,
			      struct kith_err *err);
void kith_la_close(struct kith_la *la);

/* KITH_OK, KITH_END, or what ends the archive: KITH_E_CORRUPT with its offset, or what `read`
 * returned. An entry that cannot be read but does not end the archive is KITH_NOT_FOUND, its
 * reason in err and its name in ret where it is known. */
enum kith_status kith_la_next(struct kith_la *la, struct kith_la_entry *ret, struct kith_err *err);
/* The entry's bytes in order, zeros of holes too; bounded by the caller. */
enum kith_status kith_la_read(void *la, void *buf, size_t n, size_t *ret_n, struct kith_err *err);
/* Pushes the current entry. keep: NULL, or gets a copy of its bytes if they are no more than
 * keep_max (else it is emptied). */
enum kith_status kith_la_push(struct kith_la *la, struct kith_emit *emit,
			      const struct kith_entry *entry, struct kith_buf *keep,
			      size_t keep_max, struct kith_err *err);
/* Reports the entry that kith_la_next found, with its data. */
enum kith_status kith_la_emit(const struct kith_container_in *in, struct kith_la *la,
			      const struct kith_la_entry *found, struct kith_err *err);
/* Notes what KITH_NOT_FOUND of kith_la_next was about. */
enum kith_status kith_la_note_failed(struct kith_emit *emit, const struct kith_la_entry *found,
				     struct kith_err *err);
/* The entry's first bytes (at least one, if it has any), without taking them. */
enum kith_status kith_la_first(struct kith_la *la, const uint8_t **ret, size_t *ret_n,
			       struct kith_err *err);
/* The bytes of the current entry's headers, if they are still there (512 KiB at most). */
bool kith_la_headers(struct kith_la *la, const struct kith_la_entry *entry, struct kith_buf *out);
/* Of what it is read from: the bytes that the archive consists of so far, without what was read
 * ahead. */
uint64_t kith_la_used(const struct kith_la *la);
/* What was read ahead of that and what follows: after KITH_END. */
enum kith_status kith_la_rest(void *la, void *buf, size_t n, size_t *ret_n, struct kith_err *err);

/* Walks an archive of one format: what 7z, rar and xar need. */
enum kith_status kith_la_walk(const struct kith_container_in *in, enum kith_la_format format,
			      struct kith_err *err);

#endif
