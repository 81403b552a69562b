/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "image_own.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "image_journal.h"

#define SCRATCH_FILES "kith.tmp-" /* core/scratch.c */
#define NAME_BYTES    200         /* of the set's name in that of the folder */
#define LOCK_TRIES    100

/* The path's folder, without symbolic links; NULL: errno. */
static char *real_folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder, *real;

	if (slash == NULL)
		return realpath(".", NULL);
	folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (folder == NULL)
		return NULL;
	real = realpath(folder, NULL);
	free(folder);
	return real;
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* ---------------------------------------------------------- folder of journals */

/* Beside the set its name is enough; many sets may have one scratch folder. */
static enum kith_status name_folder(const struct image_walk_options *options, char **ret,
				    struct kith_err *err)
{
	const char *name = name_of(options->output);
	uint8_t digest[KITH_SHA256_SIZE];
	char hex[2 * 8 + 1], *folder;
	struct kith_sha256 sha;
	int n;

	if (options->scratch == NULL) {
		n = asprintf(ret, "%s.walks", options->output);
		return n < 0 ? kith_fail_nomem(err) : KITH_OK;
	}
	folder = real_folder_of(options->output);
	if (folder == NULL)
		return kith_fail_errno(err, errno, "the folder of '%s'", options->output);
	kith_sha256_init(&sha);
	kith_sha256_add(&sha, folder, strlen(folder));
	kith_sha256_add(&sha, "/", 1);
	kith_sha256_add(&sha, name, strlen(name));
	kith_sha256_end(&sha, digest);
	free(folder);
	*kith_hex_encode(digest, 8, hex) = '\0';
	n = asprintf(ret, "%s/%.*s-%s.walks", options->scratch, NAME_BYTES, name, hex);
	return n < 0 ? kith_fail_nomem(err) : KITH_OK;
}

/* KITH_NOT_FOUND: a build that has ended meanwhile has taken the folder away. */
static enum kith_status lock_folder(const char *folder, const char *output, int *ret_lock,
				    struct kith_err *err)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat info, now;

	if (fd < 0)
		return errno == ENOENT
			   ? KITH_NOT_FOUND
			   : kith_fail_errno(err, errno, "cannot open the folder '%s'", folder);
	/* A file system that locks no folders has no better answer. */
	if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
		(void)close(fd);
		return kith_fail(err, KITH_E_BUSY, "another build of '%s' is under way", output);
	}
	if (fstat(fd, &info) != 0 || lstat(folder, &now) != 0 || info.st_dev != now.st_dev ||
	    info.st_ino != now.st_ino) {
		(void)close(fd);
		return KITH_NOT_FOUND;
	}
	*ret_lock = fd;
	return KITH_OK;
}

/* What lies in it is believed without reading the inputs again. */
static enum kith_status check_folder(const char *folder, struct kith_err *err)
{
	struct stat info;

	if (lstat(folder, &info) != 0)
		return errno == ENOENT ? KITH_NOT_FOUND
				       : kith_fail_errno(err, errno, "'%s'", folder);
	if (S_ISDIR(info.st_mode) && info.st_uid == geteuid() &&
	    (info.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		return KITH_OK;
	return kith_fail(err, KITH_E_IO,
			 "'%s' is not a folder that only you can write to; remove it, or name "
			 "another with --scratch",
			 folder);
}

enum kith_status image_own_folder(const struct image_walk_options *options, char **ret_folder,
				  int *ret_lock, struct kith_err *err)
{
	char *folder = NULL;
	unsigned tries;
	enum kith_status st = name_folder(options, &folder, err);

	if (st < 0 || folder == NULL)
		return st;
	st = KITH_NOT_FOUND;
	for (tries = 0; st == KITH_NOT_FOUND && tries < LOCK_TRIES; tries++) {
		if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
			st = kith_fail_errno(err, errno, "cannot make the folder '%s'", folder);
			break;
		}
		st = check_folder(folder, err);
		if (st == KITH_OK)
			st = lock_folder(folder, options->output, ret_lock, err);
	}
	if (st == KITH_NOT_FOUND)
		st = kith_fail(err, KITH_E_BUSY, "cannot lock the folder '%s'", folder);
	if (st < 0) {
		free(folder); /* it is not ours to clean up */
		return st;
	}
	*ret_folder = folder;
	return KITH_OK;
}

/* All journals in the folder, also those that runs before left and nobody came back to; nothing
 * that is not ours. */
static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *at)
{
	const char *name = path + at->base, *end = name + strspn(name, "0123456789abcdef");

	(void)info;
	if (at->level == 0)
		(void)rmdir(path); /* fails while it holds anything else */
	else if (at->level == 1 && type == FTW_F && end - name == (ptrdiff_t)2 * JOURNAL_KEY_SIZE &&
		 (strcmp(end, ".walk") == 0 || strncmp(end, ".tmp-", 5) == 0))
		(void)unlink(path);
	return 0;
}

void image_own_remove(const char *folder)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): no threads */
	(void)nftw(folder, remove_entry, 4, FTW_PHYS | FTW_DEPTH);
}

/* -------------------------------------------------------------------- names */

/* A name, or with `begins` what one begins with, in the folder of `path`; NULL: path's own name. */
static enum kith_status add(struct image_own *own, const char *path, const char *name, bool begins,
			    struct kith_err *err)
{
	struct kith_walk_own *mine = &own->names[own->n];
	char *folder = real_folder_of(path);
	char *text = strdup(name == NULL ? name_of(path) : name);
	struct stat info;

	if (folder == NULL || text == NULL || stat(folder, &info) != 0) {
		int saved = errno;

		free(folder);
		free(text);
		return kith_fail_errno(err, saved, "the folder of '%s'", path);
	}
	own->folders[own->n] = folder;
	mine->device = (uint64_t)info.st_dev;
	mine->inode = (uint64_t)info.st_ino;
	mine->name = text;
	mine->begins = begins;
	own->n++;
	return KITH_OK;
}

enum kith_status image_own_find(struct image_own *own, const struct image_walk_options *options,
				const char *folder, struct kith_err *err)
{
	char *beside = NULL, *temp = NULL, *in_scratch = NULL;
	enum kith_status st;

	memset(own, 0, sizeof *own);
	if (asprintf(&beside, "%s.walks", name_of(options->output)) < 0)
		beside = NULL;
	if (asprintf(&temp, "%s.tmp-", name_of(options->output)) < 0)
		temp = NULL;
	if (asprintf(&in_scratch, "%s/", options->scratch == NULL ? "" : options->scratch) < 0)
		in_scratch = NULL;
	if (beside == NULL || temp == NULL || in_scratch == NULL) {
		st = kith_fail_nomem(err);
		goto out;
	}
	st = add(own, options->output, NULL, false, err);
	if (st >= 0)
		st = add(own, options->output, temp, true, err);
	if (st >= 0)
		st = add(own, options->output, beside, false, err);
	if (st >= 0)
		st = add(own, folder, NULL, false, err);
	if (st >= 0)
		st = add(own, options->scratch == NULL ? options->output : in_scratch,
			 SCRATCH_FILES, true, err);
out:
	free(beside);
	free(temp);
	free(in_scratch);
	return st;
}

bool image_own_has(const struct image_own *own, const char *path)
{
	const char *name = name_of(path);
	/* "/" has itself as its folder */
	size_t folder_n = name - path > 1 ? (size_t)(name - path) - 1 : 1, i;

	for (i = 0; i < own->n; i++) {
		const struct kith_walk_own *mine = &own->names[i];

		if (strlen(own->folders[i]) == folder_n &&
		    memcmp(own->folders[i], path, folder_n) == 0 &&
		    (mine->begins ? strncmp(name, mine->name, strlen(mine->name)) == 0
				  : strcmp(name, mine->name) == 0))
			return true;
	}
	return false;
}

bool image_own_below(const struct image_own *own, const char *folder)
{
	char *real = realpath(folder, NULL);
	size_t n = real == NULL ? 0 : strlen(real), i;
	bool below = false;

	if (n == 1) /* "/" */
		n = 0;
	for (i = 0; i < own->n && real != NULL && !below; i++)
		below = strncmp(own->folders[i], real, n) == 0 &&
			(own->folders[i][n] == '/' || own->folders[i][n] == '\0');
	free(real);
	return below;
}

void image_own_done(struct image_own *own)
{
	while (own->n > 0) {
		free(own->folders[--own->n]);
		free((char *)(uintptr_t)own->names[own->n].name);
	}
}
