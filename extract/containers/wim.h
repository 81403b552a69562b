/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wim.h: what the files of the WIM container share.
 *
 *   wim.c         header, parts of a split image, the order of work
 *   wim_codec.c   resources: chunks, decompression (the only file that knows libwim)
 *   wim_table.c   the table of blobs: where each content lies, with its SHA-1
 *   wim_tree.c    the metadata of an image: names, streams, reparse points
 *   wim_emit.c    contents in the order of the file, under all their names
 *   wim_wof.c     files that Windows compressed in the file system
 *   wim_xml.c     facts
 *
 * By "Windows Imaging File Format (WIM)", Microsoft 2007, and for what is newer than that (LZMS,
 * solid resources) by the description in wimlib's documentation.
 */
#ifndef KITH_EXTRACT_WIM_H
#define KITH_EXTRACT_WIM_H

#include "containers/container.h"
#include "containers/update_facts.h"

#define WIM_PARTS_MAX 1000u /* of a split image; at the usual 4 GB each: 4 TB */
#define WIM_NONE      UINT32_MAX

#define WIM_WOF_WANTED 0xffu

/* ------------------------------------------------------------------ wim_codec.c */

enum wim_method { WIM_STORED, WIM_XPRESS, WIM_LZX, WIM_LZMS, WIM_METHODS };

/* A run of bytes in a part, compressed in chunks or as it is. */
struct wim_resource {
	const struct kith_blob *part;
	uint64_t offset, stored_bytes; /* in the part */
	uint64_t bytes;                /* uncompressed */
	enum wim_method method;
	uint32_t chunk_bytes; /* uncompressed; a power of 2; of a compressed one */
	bool solid;           /* many blobs in it; its chunk table has another form */
};

struct wim_codec;

enum kith_status wim_codec_new(struct wim_codec **ret, struct kith_err *err);
void wim_codec_free(struct wim_codec *codec);

/* Reads the head of a solid resource: bytes, method, chunk_bytes. */
enum kith_status wim_resource_solid(struct wim_resource *resource, struct kith_err *err);

/* What takes decoded bytes. KITH_END: no more are wanted. */
typedef enum kith_status (*wim_sink_fn)(void *user, const uint8_t *data, size_t n,
					struct kith_err *err);

/* Decodes bytes `from` to `from` + n. The chunk that was decoded last is kept, a chunk that could
 * not be is remembered, so that blobs that follow each other in one chunk cost one decoding. What
 * sink returns, unless it is KITH_OK, is returned. KITH_E_CORRUPT: damaged data. */
enum kith_status wim_codec_read(struct wim_codec *codec, const struct wim_resource *resource,
				uint64_t from, uint64_t n, wim_sink_fn sink, void *user,
				struct kith_err *err);
/* The same into memory. */
enum kith_status wim_codec_read_all(struct wim_codec *codec, const struct wim_resource *resource,
				    uint64_t from, void *buf, size_t n, struct kith_err *err);

/* One chunk by itself, of at most chunk_bytes; false: damaged, or no memory. */
bool wim_codec_chunk(struct wim_codec *codec, enum wim_method method, uint32_t chunk_bytes,
		     const uint8_t *in, size_t in_n, uint8_t *out, size_t out_n);

/* Sets everything up that libwim would set up late. */
enum kith_status wim_codec_prepare(struct kith_err *err);

/* ------------------------------------------------------------------ wim_table.c */

struct wim_blob {
	uint8_t sha1[KITH_SHA1_SIZE];
	uint16_t part; /* index of parts, from 0 */
	bool compressed;
	bool used;             /* something refers to it */
	uint8_t wof;           /* of reparse data: WIM_WOF_WANTED, then wof_kind + 1 or 0 */
	uint32_t solid;        /* index of solids, or WIM_NONE */
	uint64_t offset;       /* in the part, or in the solid resource, uncompressed */
	uint64_t stored_bytes; /* in the part; not of solid ones */
	uint64_t bytes;
	uint32_t first, last; /* names: of wim_tree's records, WIM_NONE */
	uint32_t wofs;        /* the same of its wofs */
};

struct wim_solid {
	uint16_t part;
	struct wim_resource resource;
	enum kith_status st; /* KITH_OK, or why it cannot be read */
	uint64_t run_start;  /* its first byte in its run of solid resources */
};

struct wim_part {
	const struct kith_blob *blob;
	uint32_t flags, chunk_bytes, n_images;
	uint16_t number, of;
	uint8_t guid[16];
	struct wim_resource table, xml;
	enum wim_method method;
};

/* ------------------------------------------------------------------- wim_tree.c */

/* A component of a path. */
struct wim_node {
	uint32_t parent; /* WIM_NONE: the root of an image */
	uint32_t name;   /* offset in names: two bytes of length, then the bytes */
};

/* A content under a name. */
struct wim_record {
	uint32_t node, next;
	uint32_t stream; /* as wim_node.name; WIM_NONE: the main stream */
};

/* A file whose content is a stream compressed by WOF. */
struct wim_wof {
	uint32_t node, next;
	uint32_t reparse; /* blob that says how */
	uint64_t bytes;   /* uncompressed */
};

struct sums;
struct wim_key;

struct wim {
	const struct kith_container_in *in;
	struct kith_err *err;
	struct wim_codec *codec;
	struct wim_part *parts;
	size_t n_parts;
	bool incomplete; /* a part is missing */
	bool encrypted;  /* parts of the file are encrypted, as the XML says */
	struct kith_update_facts update;
	struct sums *sums; /* not owned */

	struct wim_solid *solids;
	size_t n_solids;
	struct wim_blob *blobs;
	size_t n_blobs;
	uint32_t *images; /* blobs that are metadata, in order */
	size_t n_images;
	struct wim_key *keys; /* of the blobs, by SHA-1 */

	struct wim_node *nodes;
	struct wim_record *records;
	struct wim_wof *wofs;
	size_t n_nodes, n_records, n_wofs, cap_nodes, cap_records, cap_wofs;
	struct kith_buf names;
	struct kith_buf path;   /* the last that was built */
	struct kith_buf leader; /* the name that others of one content are links to */
};

/* Adds what a part's table has to solids, blobs and images. */
enum kith_status wim_table_read(struct wim *wim, size_t part);
/* Once all are there: sorts the blobs by their place, and the keys. */
enum kith_status wim_table_done(struct wim *wim);
/* Index of the blob, or WIM_NONE. */
uint32_t wim_table_find(const struct wim *wim, const uint8_t *sha1);
/* The resource that a blob lies in, and where. A negative status: of a solid one. */
enum kith_status wim_blob_resource(const struct wim *wim, const struct wim_blob *blob,
				   struct wim_resource *ret, uint64_t *ret_from);

/* Reads the tree of an image (from 1) from its metadata. Emits what has no content. A negative
 * status ends the walk; damage is noted. */
enum kith_status wim_tree_read(struct wim *wim, unsigned image, const uint8_t *data, size_t n);
/* Room for one more of an array. */
bool wim_grow(void **array, size_t *cap, size_t n, size_t size);

/* Builds wim->path. stream: WIM_NONE, or of the record. */
enum kith_status wim_path(struct wim *wim, uint32_t node, uint32_t stream);

/* ------------------------------------------------------- wim_emit.c, wim_wof.c */

enum kith_status wim_emit_blobs(struct wim *wim);

/* Algorithms of WOF; the numbers are the format's. */
enum wof_kind { WOF_XPRESS4K, WOF_LZX32K, WOF_XPRESS8K, WOF_XPRESS16K, WOF_KINDS };

/* What the reparse data of a file say; false: not compressed by the file provider. */
bool wof_reparse(const uint8_t *data, size_t n, enum wof_kind *ret);

/* Decodes a WofCompressedData stream that is pushed in. */
struct wof;
enum kith_status wof_new(struct wim_codec *codec, enum wof_kind kind, uint64_t bytes,
			 wim_sink_fn sink, void *user, struct wof **ret, struct kith_err *err);
/* A wim_sink_fn; user: struct wof. */
enum kith_status wof_push(void *user, const uint8_t *data, size_t n, struct kith_err *err);
/* KITH_E_CORRUPT: not all was there. */
enum kith_status wof_end(struct wof *wof, struct kith_err *err);
void wof_free(struct wof *wof);

/* ------------------------------------------------------------------- wim_xml.c */

/* Emits the facts of the XML, and finds out whether it speaks of encryption. */
enum kith_status wim_xml(struct kith_emit *emit, const uint8_t *utf16, size_t n,
			 bool *ret_encrypted, struct kith_err *err);

#endif
