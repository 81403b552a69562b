/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iso9660.h: the parts of the reader of ISO 9660 (ECMA-119), with the Rock Ridge extensions (SUSP
 * 1.12, RRIP 1.12) and Joliet. kith_iso_walk is also for discs that have a UDF tree beside.
 */
#ifndef KITH_EXTRACT_ISO9660_H
#define KITH_EXTRACT_ISO9660_H

#include "containers/container.h"
#include "containers/extent_set.h"

#define ISO_SECTOR 2048u /* ECMA-119 6.1.2: a logical sector, whatever the block size */

/* One volume descriptor that has a tree. */
struct iso_tree {
	uint8_t descriptor[ISO_SECTOR];
	uint32_t block;    /* bytes of a logical block */
	uint32_t volume;   /* ordinal of this volume in its set */
	uint32_t set_size; /* volumes of that set */
	uint64_t root;     /* offset of the root directory */
	uint64_t root_bytes;
};

struct iso {
	const struct kith_container_in *in;
	struct kith_extent_set *seen; /* contents that were reported */
	struct iso_tree primary, joliet, enhanced;
	bool has_primary, has_joliet, has_enhanced;
	bool rock_ridge;   /* the primary tree has it */
	uint8_t susp_skip; /* SUSP 5.3: bytes before the fields in each system use area */
};

/* A directory record, ECMA-119 9.1, in bounds. */
struct iso_record {
	uint64_t offset; /* of the data, behind an extended attribute record */
	uint64_t bytes;
	uint8_t flags;
	bool interleaved;
	bool disagrees; /* the two byte orders of a number differ */
	uint32_t volume;
	const uint8_t *id;
	size_t id_n;
	const uint8_t *system_use;
	size_t system_use_n;
};

#define ISO_DIRECTORY    0x02u /* ECMA-119 9.1.6 */
#define ISO_ASSOCIATED   0x04u
#define ISO_MULTI_EXTENT 0x80u

/* What Rock Ridge says about a record. */
struct iso_rr {
	struct kith_buf name; /* owned; NM */
	bool has_name;
	bool has_mode;
	uint32_t mode;  /* PX; POSIX file type and permissions */
	bool symlink;   /* SL */
	bool relocated; /* RE: it is shown elsewhere */
	bool has_child;
	uint32_t child; /* CL: block of the directory that belongs here */
	bool sparse;    /* SF */
	bool compressed;
	uint8_t algorithm[2]; /* ZF: "pz" is zisofs */
	uint8_t header_words, block_log;
	uint64_t plain_bytes;
	bool fields; /* there was any field of Rock Ridge */
	bool susp;   /* SP was there */
	uint8_t skip;
	const char *fault; /* NULL, or what is wrong with the area */
};

/* iso9660_volume.c: the volume descriptors. KITH_E_CORRUPT when there is no tree. */
enum kith_status iso_volume_read(struct iso *iso, struct kith_err *err);
/* A record at p; n: bytes to the end of what may belong to it. False: it is not one. */
bool iso_record_parse(const struct iso_tree *tree, const uint8_t *p, size_t n,
		      struct iso_record *ret);

/* iso9660_susp.c: the system use area of a record. rr: zeroed or used before. */
enum kith_status iso_rr_parse(const struct iso *iso, const struct iso_tree *tree,
			      const uint8_t *area, size_t n, struct iso_rr *rr,
			      struct kith_err *err);
void iso_rr_done(struct iso_rr *rr);

/* iso9660_tree.c: emits all files of a tree. only_unseen: those whose content was not reported. */
enum kith_status iso_tree_walk(const struct iso *iso, const struct iso_tree *tree, bool only_unseen,
			       struct kith_err *err);

/* iso9660_zisofs.c: a file that is compressed by zisofs: emits its plain bytes. */
enum kith_status iso_zisofs_emit(const struct iso *iso, const struct kith_entry *entry,
				 const struct iso_rr *rr, const struct kith_extent *extents,
				 size_t n, struct kith_err *err);

/*
 * The trees of a disc: Rock Ridge, else Joliet, else the plain names; then from the others what is
 * not in seen. beside: there is a tree of another kind, which was reported: only what is not in
 * seen, and no facts. KITH_E_CORRUPT: one tree at least could not be read; the others were.
 */
enum kith_status kith_iso_walk(const struct kith_container_in *in, struct kith_extent_set *seen,
			       bool beside, struct kith_err *err);

/* All of a disc: its trees, boot images, partitions. */
enum kith_status kith_iso_disc(const struct kith_container_in *in, struct kith_err *err);

#endif
