/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpm_files.c: what must hold: work is bounded by the bytes of the header, not by products of its
 * counts. A folder's name may be shared by a million files, so paths are neither built nor hashed
 * nor compared as a whole before one is asked for.
 */
#include "containers/rpm_files.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "base/limits.h"

/* rpm, lib/rpmfiles.h: RPMFILE_GHOST. */
#define FLAG_GHOST 0x40u

/* File types of a mode, as in cpio and inode(7). */
#define MODE_TYPE    0170000u
#define MODE_REGULAR 0100000u
#define MODE_LINK    0120000u

#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

/* Files of equal hash that are compared with a path. More only come from a header that was made for
 * it. */
#define SAME_HASH_MAX 16u

struct rpm_name {
	uint64_t hash;
	uint32_t file;
};

static uint64_t hash_more(uint64_t hash, struct kith_bytes text)
{
	size_t i;

	for (i = 0; i < text.n; i++)
		hash = (hash ^ text.data[i]) * FNV_PRIME;
	return hash;
}

static struct kith_bytes dir_of(const struct rpm_files *files, size_t i)
{
	if (files->dirs.n == 0)
		return (struct kith_bytes){NULL, 0};
	return rpm_string(&files->dirs, (size_t)rpm_number(&files->dir_indexes, i));
}

/* One of "/", "./" in front is no part of the name. */
static struct kith_bytes bare(struct kith_bytes path)
{
	kith_entry_path(&path.data, &path.n);
	if (path.n > 0 && path.data[0] == '/') {
		path.data++;
		path.n--;
	}
	return path;
}

/* Its two parts, without the '/' in front. */
static void name_parts(const struct rpm_files *files, size_t i, struct kith_bytes part[2])
{
	part[0] = dir_of(files, i);
	part[1] = rpm_string(&files->bases, i);
	if (part[0].n > 0)
		part[0] = bare(part[0]);
	else
		part[1] = bare(part[1]);
}

static bool is_name(const struct rpm_files *files, size_t i, struct kith_bytes bare_path)
{
	struct kith_bytes part[2];

	name_parts(files, i, part);
	return part[0].n + part[1].n == bare_path.n &&
	       (part[0].n == 0 || memcmp(part[0].data, bare_path.data, part[0].n) == 0) &&
	       (part[1].n == 0 || memcmp(part[1].data, bare_path.data + part[0].n, part[1].n) == 0);
}

static int name_order(const void *a, const void *b)
{
	const struct rpm_name *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->file < y->file ? -1 : x->file > y->file;
}

static enum kith_status sort_names(struct rpm_files *files, struct kith_err *err)
{
	uint64_t *dirs = malloc((files->dirs.n + 1) * sizeof *dirs);
	size_t i;

	files->by_name = malloc((files->n + 1) * sizeof *files->by_name);
	if (dirs == NULL || files->by_name == NULL) {
		free(dirs);
		return kith_fail_nomem(err);
	}
	for (i = 0; i < files->dirs.n; i++)
		dirs[i] = hash_more(FNV_START, bare(rpm_string(&files->dirs, i)));
	for (i = 0; i < files->n; i++) {
		struct kith_bytes base = rpm_string(&files->bases, i);
		uint64_t start = FNV_START;

		if (files->dirs.n > 0)
			start = dirs[rpm_number(&files->dir_indexes, i)];
		if (dir_of(files, i).n == 0)
			base = bare(base);
		files->by_name[i] =
		    (struct rpm_name){.hash = hash_more(start, base), .file = (uint32_t)i};
	}
	free(dirs);
	qsort(files->by_name, files->n, sizeof *files->by_name, name_order);
	return KITH_OK;
}

enum kith_status rpm_files_find(struct rpm_files *files, const uint8_t *name, size_t n,
				uint32_t *ret, struct kith_err *err)
{
	struct kith_bytes path = bare((struct kith_bytes){name, n});
	uint64_t hash;
	size_t low = 0, high = files->n, i;

	*ret = RPM_NO_FILE;
	/* The payload has the header's order, but for links. */
	if (files->next < files->n && is_name(files, files->next, path)) {
		*ret = files->next++;
		return KITH_OK;
	}
	if (files->n == 0)
		return KITH_OK;
	if (files->by_name == NULL) {
		enum kith_status st = sort_names(files, err);

		if (st < 0)
			return st;
	}
	hash = hash_more(FNV_START, path);
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (files->by_name[mid].hash < hash)
			low = mid + 1;
		else
			high = mid;
	}
	for (i = low; i < files->n && i - low < SAME_HASH_MAX; i++) {
		if (files->by_name[i].hash != hash)
			break;
		if (is_name(files, files->by_name[i].file, path)) {
			*ret = files->by_name[i].file;
			files->next = *ret + 1;
			break;
		}
	}
	return KITH_OK;
}

bool rpm_files_name(const struct rpm_files *files, size_t i, struct kith_buf *out)
{
	struct kith_bytes dir = dir_of(files, i), base = rpm_string(&files->bases, i);

	return kith_buf_add(out, dir.data, dir.n) && kith_buf_add(out, base.data, base.n);
}

uint64_t rpm_files_size(const struct rpm_files *files, size_t i)
{
	return files->sizes.n == 0 ? 0 : rpm_number(&files->sizes, i);
}

static bool is_type(const struct rpm_files *files, size_t i, unsigned type)
{
	return files->modes.n > 0 && (rpm_number(&files->modes, i) & MODE_TYPE) == type;
}

bool rpm_files_is_regular(const struct rpm_files *files, size_t i)
{
	return is_type(files, i, MODE_REGULAR);
}

bool rpm_files_is_link(const struct rpm_files *files, size_t i)
{
	return is_type(files, i, MODE_LINK);
}

bool rpm_files_is_ghost(const struct rpm_files *files, size_t i)
{
	return files->flags.n > 0 && (rpm_number(&files->flags, i) & FLAG_GHOST) != 0;
}

bool rpm_files_digest(const struct rpm_files *files, size_t i, struct kith_declared *ret)
{
	struct kith_bytes hex;

	memset(ret, 0, sizeof *ret);
	if (files->digests.n == 0)
		return false;
	hex = rpm_string(&files->digests, i);
	switch (files->digest_algorithm) {
	case 1:
		ret->has_md5 = hex.n == 2 * sizeof ret->md5 &&
			       kith_hex_decode((const char *)hex.data, ret->md5, sizeof ret->md5);
		break;
	case 2:
		ret->has_sha1 =
		    hex.n == 2 * sizeof ret->sha1 &&
		    kith_hex_decode((const char *)hex.data, ret->sha1, sizeof ret->sha1);
		break;
	case 8:
		ret->has_sha256 =
		    hex.n == 2 * sizeof ret->sha256 &&
		    kith_hex_decode((const char *)hex.data, ret->sha256, sizeof ret->sha256);
		break;
	default: break;
	}
	return ret->has_md5 || ret->has_sha1 || ret->has_sha256;
}

/* ------------------------------------------------------------------ hard links */

struct inode {
	uint64_t device, inode;
	uint32_t file;
};

static int inode_order(const void *a, const void *b)
{
	const struct inode *x = a, *y = b;

	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	return x->file < y->file ? -1 : x->file > y->file;
}

static uint64_t device_of(const struct rpm_files *files, size_t i)
{
	return files->devices.n == 0 ? 0 : rpm_number(&files->devices, i);
}

static bool is_same_file(const struct inode *a, const struct inode *b)
{
	return a->inode == b->inode && a->device == b->device;
}

/* As rpm does it (lib/rpmfi.c): regular files of equal device and inode, no ghosts. */
static enum kith_status sort_inodes(struct rpm_files *files, struct kith_err *err)
{
	size_t room = files->n + 1, i, start = 0;
	struct inode *all = malloc(room * sizeof *all);

	files->by_inode = malloc(room * sizeof *files->by_inode);
	files->group = malloc(room * sizeof *files->group);
	files->group_n = calloc(room, sizeof *files->group_n);
	if (all == NULL || files->by_inode == NULL || files->group == NULL ||
	    files->group_n == NULL) {
		free(all);
		return kith_fail_nomem(err);
	}
	for (i = 0; i < files->n; i++) {
		files->group[i] = RPM_NO_FILE;
		if (files->inodes.n == 0 || !rpm_files_is_regular(files, i) ||
		    rpm_files_is_ghost(files, i))
			continue;
		all[files->n_by_inode++] =
		    (struct inode){device_of(files, i), rpm_number(&files->inodes, i), (uint32_t)i};
	}
	qsort(all, files->n_by_inode, sizeof *all, inode_order);
	for (i = 0; i < files->n_by_inode; i++) {
		if (!is_same_file(&all[start], &all[i]))
			start = i;
		files->by_inode[i] = all[i].file;
		files->group[all[i].file] = (uint32_t)start;
		files->group_n[start]++;
	}
	free(all);
	return KITH_OK;
}

struct rpm_group rpm_files_links(const struct rpm_files *files, size_t i)
{
	uint32_t start = files->group[i];

	if (start == RPM_NO_FILE)
		return (struct rpm_group){NULL, 0};
	return (struct rpm_group){files->by_inode + start, files->group_n[start]};
}

/* ---------------------------------------------------------------------- reading */

static enum kith_status read_names(const struct rpm_header *header, struct rpm_files *files,
				   struct kith_err *err)
{
	size_t i;

	/* Packages of rpm before 4 have whole paths. */
	if (!rpm_header_has(header, RPM_TAG_BASENAMES))
		return rpm_header_strings(header, RPM_TAG_OLDFILENAMES, &files->bases)
			   ? KITH_OK
			   : kith_fail_nomem(err);
	if (!rpm_header_strings(header, RPM_TAG_BASENAMES, &files->bases) ||
	    !rpm_header_strings(header, RPM_TAG_DIRNAMES, &files->dirs))
		return kith_fail_nomem(err);
	files->dir_indexes = rpm_header_numbers(header, RPM_TAG_DIRINDEXES);
	if (files->dirs.n == 0 || files->dir_indexes.n != files->bases.n)
		return kith_fail(err, KITH_E_CORRUPT, "the tags of file names do not agree");
	for (i = 0; i < files->bases.n; i++)
		if (rpm_number(&files->dir_indexes, i) >= files->dirs.n)
			return kith_fail(err, KITH_E_CORRUPT, "file %zu is in folder %llu of %zu",
					 i, (unsigned long long)rpm_number(&files->dir_indexes, i),
					 files->dirs.n);
	return KITH_OK;
}

static enum kith_status read_numbers(const struct rpm_header *header, struct rpm_files *files,
				     struct kith_err *err)
{
	const struct {
		enum rpm_tag tag;
		struct rpm_numbers *to;
	} tags[] = {
	    {RPM_TAG_LONGFILESIZES, &files->sizes}, {RPM_TAG_FILEMODES, &files->modes},
	    {RPM_TAG_FILEFLAGS, &files->flags},     {RPM_TAG_FILEINODES, &files->inodes},
	    {RPM_TAG_FILEDEVICES, &files->devices},
	};
	size_t i;

	for (i = 0; i < sizeof tags / sizeof *tags; i++) {
		*tags[i].to = rpm_header_numbers(header, tags[i].tag);
		if (tags[i].tag == RPM_TAG_LONGFILESIZES && files->sizes.n == 0)
			files->sizes = rpm_header_numbers(header, RPM_TAG_FILESIZES);
		if (tags[i].to->n != 0 && tags[i].to->n != files->bases.n)
			return kith_fail(err, KITH_E_CORRUPT,
					 "%zu files, but tag %d has %zu values", files->bases.n,
					 (int)tags[i].tag, tags[i].to->n);
	}
	return KITH_OK;
}

static enum kith_status read_digests(const struct rpm_header *header, struct rpm_files *files,
				     struct kith_err *err)
{
	struct rpm_numbers algorithm = rpm_header_numbers(header, RPM_TAG_FILEDIGESTALGO);

	/* MD5 is what packages have that say nothing. */
	files->digest_algorithm =
	    algorithm.n == 0 ? 1 : (unsigned)(rpm_number(&algorithm, 0) & 0xffff);
	if (!rpm_header_strings(header, RPM_TAG_FILEDIGESTS, &files->digests))
		return kith_fail_nomem(err);
	if (files->digests.n != 0 && files->digests.n != files->bases.n)
		return kith_fail(err, KITH_E_CORRUPT, "%zu files, but %zu digests of files",
				 files->bases.n, files->digests.n);
	return KITH_OK;
}

enum kith_status rpm_files_read(const struct rpm_header *header, struct rpm_files *ret,
				struct kith_err *err)
{
	enum kith_status st;

	memset(ret, 0, sizeof *ret);
	st = read_names(header, ret, err);
	if (st >= 0 && ret->bases.n > KITH_LIMIT_ENTRIES)
		st = kith_fail(err, KITH_E_LIMIT, "%zu files", ret->bases.n);
	if (st >= 0)
		st = read_numbers(header, ret, err);
	if (st >= 0)
		st = read_digests(header, ret, err);
	if (st >= 0) {
		ret->n = ret->bases.n;
		st = sort_inodes(ret, err);
	}
	if (st < 0)
		rpm_files_done(ret);
	return st;
}

void rpm_files_done(struct rpm_files *files)
{
	rpm_strings_done(&files->dirs);
	rpm_strings_done(&files->bases);
	rpm_strings_done(&files->digests);
	free(files->by_name);
	free(files->by_inode);
	free(files->group);
	free(files->group_n);
	memset(files, 0, sizeof *files);
}
