/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpm_files.h: the list of files in an RPM's main header: names, sizes, modes, digests, and which
 * of them are names of one file. Files are numbered as in the header, from 0.
 */
#ifndef KITH_CONTAINERS_RPM_FILES_H
#define KITH_CONTAINERS_RPM_FILES_H

#include "containers/container.h"
#include "containers/rpm_header.h"

#define RPM_NO_FILE UINT32_MAX

struct rpm_files {
	size_t n;
	unsigned digest_algorithm; /* of OpenPGP (RFC 4880, 9.4): 1 MD5, 2 SHA-1, 8 SHA-256 */
	struct rpm_strings dirs, bases, digests; /* dirs.n is 0: bases are whole paths */
	struct rpm_numbers dir_indexes, sizes, modes, flags, inodes, devices;
	/* owned */
	struct rpm_name *by_name; /* sorted by hash; NULL until it is needed */
	uint32_t *by_inode;       /* regular files in the payload, names of one side by side */
	uint32_t *group;          /* of each file: where its names begin in by_inode, or
				     RPM_NO_FILE */
	uint32_t *group_n;        /* names of the group that begins there */
	size_t n_by_inode;
	uint32_t next; /* where the next search begins */
};

/* KITH_E_CORRUPT when the tags do not agree: there is no list then (n is 0). The header must stay
 * as long as the list. */
enum kith_status rpm_files_read(const struct rpm_header *header, struct rpm_files *ret,
				struct kith_err *err);
void rpm_files_done(struct rpm_files *files);

/* Appends the path, which begins with '/' except in source packages. */
bool rpm_files_name(const struct rpm_files *files, size_t i, struct kith_buf *out);
/* The number of a path of the payload; "/a", "./a" and "a" are one. *ret is RPM_NO_FILE where
 * there is none. */
enum kith_status rpm_files_find(struct rpm_files *files, const uint8_t *name, size_t n,
				uint32_t *ret, struct kith_err *err);

/* Sizes and modes are 0 where the header has none. */
uint64_t rpm_files_size(const struct rpm_files *files, size_t i);
bool rpm_files_is_regular(const struct rpm_files *files, size_t i);
bool rpm_files_is_link(const struct rpm_files *files, size_t i); /* a symbolic one */
bool rpm_files_is_ghost(const struct rpm_files *files, size_t i);
/* False: none, or of an algorithm that is not compared here. */
bool rpm_files_digest(const struct rpm_files *files, size_t i, struct kith_declared *ret);

/* The names of the same file, i among them, in the order of the header. */
struct rpm_group {
	const uint32_t *files;
	size_t n;
};
struct rpm_group rpm_files_links(const struct rpm_files *files, size_t i);

#endif
