/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h: the bytes of the values in a set (docs/FORMAT.md), written and read by these
 * functions alone. No I/O. Readers of structs are in kith.h (libkith exports them); here are the
 * decoders below those and the encoders that the builder uses.
 */
#ifndef KITH_BASE_RECORD_H
#define KITH_BASE_RECORD_H

#include <stdbool.h>

#include "buf.h"
#include "bytes.h"
#include "kith.h"

/* ------------------------------------------------------------ file record */

/* First byte of a record. */
#define KITH_REC_HAS_SHA1 0x01u
#define KITH_REC_HAS_MD5  0x02u
#define KITH_REC_HAS_SIZE 0x04u
#define KITH_REC_TRIVIAL  0x08u
#define KITH_REC_FRAGMENT 0x10u
#define KITH_REC_CONFLICT 0x20u /* alternates follow the size */
#define KITH_REC_KNOWN    0x3fu /* other bits: a later format; such a record is refused */

/* What a source claims of a file besides its key. `has` holds KITH_REC_HAS_... bits. */
struct kith_claim {
	uint64_t size_bytes;
	uint8_t has;
	uint8_t sha1[KITH_SHA1_SIZE];
	uint8_t md5[KITH_MD5_SIZE];
};

/* An occurrence as one number, so that sorting numbers sorts occurrences. */
static inline uint64_t kith_occ_make(uint32_t place, uint32_t name)
{
	return (uint64_t)place << 32 | name;
}

/*
 * Appends a record. marks: KITH_REC_TRIVIAL, KITH_REC_FRAGMENT. claims[0] is the record's own,
 * the rest are its alternates. occs: sorted, each once. False: out of memory (buf->failed).
 */
bool kith_record_encode(struct kith_buf *buf, uint8_t marks, const struct kith_claim *claims,
			size_t n_claims, const uint64_t *occs, size_t n_occs);

/*
 * Decodes the head of the record at `record`. sha256 or (sha1_only) sha1 is the key. Sets what
 * kith.h says of struct kith_file. `end` bounds what may be read: the end of the value or, through
 * the direct index, of the map.
 */
enum kith_status kith_record_decode(const uint8_t *record, const uint8_t *end, const uint8_t *key,
				    bool sha1_only, struct kith_file *ret_file);

/* Walks alternates and occurrences and returns the byte after the record, or NULL when damaged. */
const uint8_t *kith_record_skip(const struct kith_file *file);

/* ------------------------------------------------------------------ block */

/*
 * Tables whose key is a rank keep KITH_BLOCK items in one value, whose key is the first item's
 * rank (4 bytes, big-endian): varint length of each item, then the items' bytes.
 */
#define KITH_BLOCK 32u

/* Appends a block of n items (1 .. KITH_BLOCK); lens[i] bytes each, all at `bytes`. */
bool kith_block_encode(struct kith_buf *buf, const size_t *lens, size_t n, const uint8_t *bytes);

/*
 * Item i of a block of n items. KITH_OK or KITH_E_CORRUPT. end: as above. *ret_after (may be NULL)
 * is the end of the last item.
 */
enum kith_status kith_block_item(const uint8_t *block, const uint8_t *end, size_t n, size_t i,
				 struct kith_bytes *ret_item, const uint8_t **ret_after);

/* --------------------------------------------------- items of rank tables */

/* For the encoders: a list of texts or ranks that the caller has in memory. */
struct kith_text_list {
	const struct kith_bytes *items;
	size_t n;
};
struct kith_rank_list {
	const uint32_t *items;
	size_t n;
};

bool kith_place_encode(struct kith_buf *buf, enum kith_place_kind kind, uint32_t rank,
		       uint32_t parent, const struct kith_rank_list *refs, struct kith_bytes name);
bool kith_product_encode(struct kith_buf *buf, uint32_t flags, struct kith_bytes name,
			 struct kith_bytes version, const struct kith_rank_list *distributors,
			 const struct kith_text_list *systems,
			 const struct kith_text_list *languages, const struct kith_text_list *types,
			 const struct kith_text_list *links);
bool kith_distributor_encode(struct kith_buf *buf, uint32_t flags, struct kith_bytes name,
			     const struct kith_text_list *links);
bool kith_source_encode(struct kith_buf *buf, const struct kith_source *source);

/* Each checks that the item is used up to its last byte. */
enum kith_status kith_place_decode(struct kith_bytes item, uint32_t rank, struct kith_place *ret);
enum kith_status kith_product_decode(struct kith_bytes item, struct kith_product *ret);
enum kith_status kith_distributor_decode(struct kith_bytes item, struct kith_distributor *ret);
enum kith_status kith_source_decode(struct kith_bytes item, struct kith_source *ret);

/* ----------------------------------------------------------------- ledger */

/* The value of a ledger row: class, count, reason, example. Key: source rank (BE32), number (BE32)
 */
bool kith_ledger_encode(struct kith_buf *buf, enum kith_ledger_class class_, uint64_t count,
			struct kith_bytes reason, struct kith_bytes example);
enum kith_status kith_ledger_decode(const uint8_t *key, size_t key_n, const uint8_t *value,
				    size_t value_n, struct kith_ledger_entry *ret);

/* ---------------------------------------------------------- direct index */

/* Value in table index: a header of KITH_INDEX_HEAD bytes, then the lines (docs/FORMAT.md). */
#define KITH_INDEX_HEAD   48u
#define KITH_INDEX_MAGIC  "KITHIDX1"
#define KITH_LINE         64u /* bytes of a line */
#define KITH_LINE_SLOTS   8u
#define KITH_SLOT_LARGE   (UINT64_C(1) << 39)       /* the record has pages of its own */
#define KITH_SLOT_SHA1    (UINT64_C(1) << 38)       /* the record is in sha1only */
#define KITH_SLOT_OFFSET  ((UINT64_C(1) << 38) - 1) /* in units of 2 bytes */
#define KITH_OFFSET_LIMIT (UINT64_C(1) << 39)       /* bytes: a set can be 512 GiB */

/* The first 8 bytes of a digest as a number: where its line is. */
static inline uint64_t kith_index_prefix(const uint8_t *digest)
{
	return kith_get_be64(digest);
}

static inline uint64_t kith_index_line(uint64_t prefix, uint64_t lines)
{
	__extension__ typedef unsigned __int128 wide;

	return (uint64_t)(((wide)prefix * lines) >> 64);
}

/* Bytes 8, 9 and 10 of the digest, in bits 40 .. 63 of a slot; never all of a slot is zero,
 * because offset 0 is LMDB's own page. */
static inline uint64_t kith_index_tag(const uint8_t *digest)
{
	return (uint64_t)(kith_get_be32(digest + 8) >> 8) << 40;
}

/* Lines for n entries: 6.4 a line, at least one line. */
static inline uint64_t kith_index_lines(uint64_t n)
{
	return n / 32 * 5 + (n % 32 * 5 + 31) / 32 + 1;
}

/* ----------------------------------------------------------------- anchor */

/* Value of meta's "anchor": magic, its own offset in the file (LE64), 16 bytes of the set id. */
#define KITH_ANCHOR_SIZE  32u
#define KITH_ANCHOR_MAGIC "KITHANCH"

#endif
