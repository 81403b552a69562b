/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack.h: members of zips and ISO images that hold a release. The only user of libarchive.
 *
 * The caller says which format it is; nothing is guessed. Members are streams: their names are
 * compared with what a release should have and never become paths.
 */
#ifndef KITH_SOURCES_UNPACK_H
#define KITH_SOURCES_UNPACK_H

#include "core/source.h"

enum kith_unpack_format {
	KITH_UNPACK_ZIP,
	KITH_UNPACK_ZIP_CUT, /* its directory is lost: members are taken as they follow each other
			      */
	KITH_UNPACK_ISO
};

/* What became of the present member while it was read. */
enum kith_unpack_fault {
	KITH_UNPACK_SOUND,   /* so far */
	KITH_UNPACK_BROKEN,  /* damaged or cut off behind what was read */
	KITH_UNPACK_CHECKSUM /* read to its end, but it does not fit its checksum or size */
};

struct kith_unpack;

struct kith_member {
	const char *name;    /* valid until the next member; "" when it cannot be told */
	uint64_t size_bytes; /* as the archive claims */
	bool has_size, encrypted, is_file;
};

/* path: of the archive; name: what messages call it. KITH_E_CORRUPT: not that format, or cut off.
 */
enum kith_status kith_unpack_open(const char *path, const char *name,
				  enum kith_unpack_format format, struct kith_unpack **ret,
				  struct kith_err *err);
void kith_unpack_close(struct kith_unpack *unpack); /* NULL is accepted */

/* The next member, or KITH_END. */
enum kith_status kith_unpack_next(struct kith_unpack *unpack, struct kith_member *ret,
				  struct kith_err *err);

/*
 * Reads on in the present member; user: the struct kith_unpack. Fits struct kith_lines. Everything
 * that can be had before damage is handed over before KITH_E_CORRUPT.
 */
enum kith_status kith_unpack_read(void *user, void *buf, size_t n, size_t *ret_n,
				  struct kith_err *err);

enum kith_unpack_fault kith_unpack_fault(const struct kith_unpack *unpack);
/* Bytes of the present member that were read. */
uint64_t kith_unpack_offset(const struct kith_unpack *unpack);

/*
 * Writes the present member to a file in the scratch folder, after checking that it has room. With
 * args->keep_going damage is no failure when there is something before it: see
 * kith_unpack_fault().
 */
enum kith_status kith_unpack_spool(struct kith_unpack *unpack, const struct kith_member *member,
				   const struct kith_source_args *args, const char *suffix,
				   const char **ret_path, struct kith_err *err);

#endif
