/* SPDX-License-Identifier: Apache-2.0 */
/*
 * p7zip.h: what is used of 7-Zip's 7z.so, in C, and what the files of the container share.
 *
 *   p7zip.c       the container: opens, walks the items, emits
 *   p7zip_com.c   loads the library; its streams over our blobs
 *   p7zip_msi.c   what the database of an installer says of its product
 *
 * The interfaces are those of CPP/7zip/IStream.h, IProgress.h and Archive/IArchive.h: objects with
 * a table of functions, as in COM. Numbers and layouts are facts of that interface, which has been
 * the same since version 9.20, but for the virtual destructor that IUnknown has where
 * kInterfaceType is 1: such a library is refused.
 */
#ifndef KITH_EXTRACT_P7ZIP_H
#define KITH_EXTRACT_P7ZIP_H

#include <wchar.h>

#include "containers/container.h"

/* HRESULT */
#define SZ_OK          ((int32_t)0)
#define SZ_NOINTERFACE ((int32_t)0x80004002)
#define SZ_ABORT       ((int32_t)0x80004004)
#define SZ_FAIL        ((int32_t)0x80004005)
#define SZ_OUTOFMEMORY ((int32_t)0x8007000E)
#define SZ_INVALIDARG  ((int32_t)0x80070057)

struct sz_guid {
	uint8_t bytes[16];
};

/* PROPVARIANT */
enum { SZ_VT_BSTR = 8, SZ_VT_BOOL = 11, SZ_VT_UI4 = 19, SZ_VT_UI8 = 21 };
struct sz_value {
	uint16_t vt, reserved[3];
	union {
		wchar_t *text; /* of 32-bit units; its bytes are counted in the 4 bytes before it */
		int16_t truth;
		uint32_t u32;
		uint64_t u64;
	} u;
};

/* PropID.h */
enum {
	SZ_PATH = 3,
	SZ_IS_DIR = 6,
	SZ_SIZE = 7,
	SZ_ENCRYPTED = 15,
	SZ_PHYSICAL_SIZE = 44,
	SZ_POSIX_ATTRIB = 53,
	SZ_SYMLINK = 54,
	SZ_IS_ALT_STREAM = 63,
	SZ_IS_DELETED = 65,
	SZ_ERROR_FLAGS = 71
};

struct sz_unknown;
struct sz_unknown_vt {
	int32_t (*query)(struct sz_unknown *self, const struct sz_guid *iid, void **ret);
	uint32_t (*add_ref)(struct sz_unknown *self);
	uint32_t (*release)(struct sz_unknown *self);
};
struct sz_unknown {
	const struct sz_unknown_vt *vt;
};

struct sz_in_stream;
struct sz_in_stream_vt {
	struct sz_unknown_vt unknown;
	int32_t (*read)(struct sz_in_stream *self, void *data, uint32_t n, uint32_t *ret_n);
	int32_t (*seek)(struct sz_in_stream *self, int64_t offset, uint32_t origin,
			uint64_t *ret_pos);
};
struct sz_in_stream {
	const struct sz_in_stream_vt *vt;
};

struct sz_out_stream;
struct sz_out_stream_vt {
	struct sz_unknown_vt unknown;
	int32_t (*write)(struct sz_out_stream *self, const void *data, uint32_t n, uint32_t *ret_n);
};
struct sz_out_stream {
	const struct sz_out_stream_vt *vt;
};

/* IArchiveExtractCallback */
struct sz_extract;
struct sz_extract_vt {
	struct sz_unknown_vt unknown;
	int32_t (*set_total)(struct sz_extract *self, uint64_t total);
	int32_t (*set_completed)(struct sz_extract *self, const uint64_t *done);
	int32_t (*get_stream)(struct sz_extract *self, uint32_t item, struct sz_out_stream **ret,
			      int32_t mode); /* mode 0: extract */
	int32_t (*prepare)(struct sz_extract *self, int32_t mode);
	int32_t (*set_result)(struct sz_extract *self, int32_t result);
};
struct sz_extract {
	const struct sz_extract_vt *vt;
};

/* IInArchive; what is behind `extract` but get_property of the archive is not used */
struct sz_archive;
struct sz_archive_vt {
	struct sz_unknown_vt unknown;
	int32_t (*open)(struct sz_archive *self, struct sz_in_stream *stream,
			const uint64_t *max_start, void *callback);
	int32_t (*close)(struct sz_archive *self);
	int32_t (*count)(struct sz_archive *self, uint32_t *ret);
	int32_t (*property)(struct sz_archive *self, uint32_t item, uint32_t id,
			    struct sz_value *ret);
	int32_t (*extract)(struct sz_archive *self, const uint32_t *items, uint32_t n, int32_t test,
			   struct sz_extract *callback);
	int32_t (*archive_property)(struct sz_archive *self, uint32_t id, struct sz_value *ret);
};
struct sz_archive {
	const struct sz_archive_vt *vt;
};

/* IInArchiveGetStream */
struct sz_get_stream;
struct sz_get_stream_vt {
	struct sz_unknown_vt unknown;
	int32_t (*get)(struct sz_get_stream *self, uint32_t item, struct sz_unknown **ret);
};
struct sz_get_stream {
	const struct sz_get_stream_vt *vt;
};

/* ------------------------------------------------------------------ p7zip_com.c */

/* Loads the library, once. KITH_E_UNSUPPORTED: there is none, or one that we do not know. */
enum kith_status sz_load(struct kith_err *err);

/* A new object that reads the format of that name ("Nsis"). */
enum kith_status sz_archive_new(const char *format, struct sz_archive **ret, struct kith_err *err);
/* A seekable stream of an item, or NULL: it has none. To be released. */
struct sz_in_stream *sz_item_stream(struct sz_archive *archive, uint32_t item);

void sz_value_done(struct sz_value *value);
/* Property of an item; false for what is not there. */
bool sz_item_text(struct sz_archive *archive, uint32_t item, uint32_t id, struct kith_buf *ret);
bool sz_item_number(struct sz_archive *archive, uint32_t item, uint32_t id, uint64_t *ret);
uint64_t sz_archive_number(struct sz_archive *archive, uint32_t id); /* 0: not there */

/* Our objects live as long as their owner: nobody counts references. */
struct sz_blob_stream {
	struct sz_in_stream stream;
	const struct kith_blob *blob;
	uint64_t from, pos; /* where in the blob it begins; pos: behind that */
};
void sz_blob_stream_init(struct sz_blob_stream *stream, const struct kith_blob *blob,
			 uint64_t from);
/* For other objects of ours. */
int32_t sz_own_query(struct sz_unknown *self, const struct sz_guid *iid, void **ret);
uint32_t sz_own_count(struct sz_unknown *self);

/* ------------------------------------------------------------------ p7zip_msi.c */

/* Tables of the database that are kept while its streams pass. All zero at first. */
struct sz_msi {
	struct kith_buf pool, strings, properties;
	struct kith_buf *taking; /* of the stream that passes now */
};
void sz_msi_begin(struct sz_msi *msi, const uint8_t *name, size_t n);
void sz_msi_data(struct sz_msi *msi, const void *data, size_t n);
/* Emits what the table Property says. */
enum kith_status sz_msi_tell(const struct sz_msi *msi, struct kith_emit *emit,
			     struct kith_err *err);
void sz_msi_done(struct sz_msi *msi);

#endif
