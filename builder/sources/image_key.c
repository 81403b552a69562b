/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "image_key.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "core/digest.h"

#define OPEN_FOLDERS 64 /* that nftw keeps open */

/* nftw hands nothing through; one thread walks inputs. */
static struct {
	struct kith_sha *sha;
	const struct image_own *own;
	uint8_t sum[KITH_SHA256_SIZE];
} folder_key;

static void add_stat(struct kith_sha *sha, const char *path, const struct stat *info)
{
	char text[160];
	int n = snprintf(text, sizeof text, "%lld %lld.%09ld %llu %u", (long long)info->st_size,
			 (long long)info->st_mtim.tv_sec, (long)info->st_mtim.tv_nsec,
			 (unsigned long long)info->st_ino, (unsigned)info->st_mode);

	kith_sha_add(sha, path, strlen(path) + 1);
	kith_sha_add(sha, text, (size_t)n + 1);
}

/* Entries come in the folder's own order, so their digests are summed in a way without order. */
static int add_entry(const char *path, const struct stat *info, int type, struct FTW *at)
{
	uint8_t digest[KITH_SHA256_SIZE];
	size_t i;

	if (at->level > 0 && image_own_has(folder_key.own, path))
		return FTW_SKIP_SUBTREE;
	kith_sha_reset(folder_key.sha);
	/* A folder's own times change when something in it is moved and moved back. */
	if (type != FTW_D)
		add_stat(folder_key.sha, path, info);
	kith_sha_get(folder_key.sha, digest);
	for (i = 0; i < sizeof digest; i++)
		folder_key.sum[i] = (uint8_t)(folder_key.sum[i] ^ digest[i]);
	return FTW_CONTINUE;
}

static enum kith_status add_folder(struct kith_sha *sha, const char *path,
				   const struct image_own *own, struct kith_err *err)
{
	enum kith_status st = KITH_OK;

	memset(&folder_key, 0, sizeof folder_key);
	folder_key.own = own;
	folder_key.sha = kith_sha_new(KITH_SHA256);
	if (folder_key.sha == NULL)
		return kith_fail_nomem(err);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): no threads */
	if (nftw(path, add_entry, OPEN_FOLDERS, FTW_PHYS | FTW_ACTIONRETVAL) != 0)
		st = kith_fail_errno(err, errno, "'%s'", path);
	kith_sha_add(sha, path, strlen(path) + 1);
	kith_sha_add(sha, folder_key.sum, sizeof folder_key.sum);
	kith_sha_free(folder_key.sha);
	return st;
}

enum kith_status image_key(const char *input, const struct image_walk_options *options,
			   const struct image_own *own, uint8_t ret_key[JOURNAL_KEY_SIZE],
			   bool *ret_is_folder, struct kith_err *err)
{
	struct kith_sha *sha = kith_sha_new(KITH_SHA256);
	char *path = realpath(input, NULL);
	struct stat info, old;
	enum kith_status st = KITH_OK;

	if (sha == NULL) {
		st = kith_fail_nomem(err);
	} else if (path == NULL || stat(path, &info) != 0 || access(path, R_OK) != 0) {
		st = kith_fail_errno(err, errno, "'%s'", input);
	} else if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
		st = kith_fail(err, KITH_E_UNSUPPORTED, "'%s' is neither a file nor a folder",
			       input);
	} else if (image_own_has(own, path)) {
		st = kith_fail(err, KITH_E_ARG, "'%s' is written by this build: it is no input",
			       input);
	} else {
		*ret_is_folder = S_ISDIR(info.st_mode);
		kith_sha_add(sha, KITH_VERSION, sizeof KITH_VERSION);
		kith_sha_add(sha, &options->limits, sizeof options->limits);
		/* What is skipped depends on it, and another may have come to its name since. */
		if (options->old_set != NULL && stat(options->old_set, &old) == 0)
			add_stat(sha, options->old_set, &old);
		if (*ret_is_folder)
			st = add_folder(sha, path, own, err);
		else
			add_stat(sha, path, &info);
		kith_sha_get(sha, ret_key);
	}
	free(path);
	kith_sha_free(sha);
	return st;
}
