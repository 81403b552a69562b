/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish.c: the commit protocol.
 *
 * Terms. The *public name* is the path that readers open. The *temporary file* is
 * `<public name>.tmp-XXXXXX` in the same folder, locked by its builder.
 *
 * Invariants:
 *  (1) the public name always points at a complete set, or does not exist;
 *  (2) a file that has the public name is never written again;
 *  (3) the temporary file is synced before it is renamed, and the folder afterwards;
 *  (4) a crash at any moment leaves the old set or the new one, and at most temporary files, which
 *      the next build for the same public name removes: nobody holds their lock any more;
 *  (5) readers that hold the old file keep it.
 *
 * States, and the function of each arrow; the words in quotes are steps for kith_test_die_at:
 *
 *   (nothing) --begin--> temporary "begun" --build.c--> "rows", "index", "finished"
 *      --commit: sync--> "synced" --rename--> public "renamed" --sync folder--> "published"
 *
 * Because of (2) a builder may write without syncing, and readers may open without locking.
 */
#define _GNU_SOURCE
#include "core/publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "core/temp.h"

struct kith_publish {
	char *output, *folder;
	char *path; /* of the temporary file; NULL once it is published */
	int fd;
};

void kith_test_die_at(const char *step)
{
#ifdef KITH_TEST_HOOKS
	const char *at = getenv("KITH_TEST_DIE_AT"); /* NOLINT(concurrency-mt-unsafe): tests only */

	if (at != NULL && strcmp(at, step) == 0)
		_exit(137);
#else
	(void)step;
#endif
}

char *kith_folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

enum kith_status kith_publish_begin(const char *output, struct kith_publish **ret,
				    struct kith_err *err)
{
	struct kith_publish *publish = calloc(1, sizeof *publish);
	const char *slash = strrchr(output, '/');
	char *prefix = NULL;
	enum kith_status st;
	struct stat info;
	mode_t mask;

	if (publish == NULL)
		return kith_fail_nomem(err);
	publish->fd = -1;
	publish->output = strdup(output);
	publish->folder =
	    kith_folder_of(output); /* now: behind the rename nothing may be missing */
	if (publish->output == NULL || publish->folder == NULL ||
	    asprintf(&prefix, "%s.tmp-", slash == NULL ? output : slash + 1) < 0) {
		prefix = NULL;
		st = kith_fail_nomem(err);
		goto out;
	}
	if (stat(output, &info) == 0 && !S_ISREG(info.st_mode)) {
		st = kith_fail(err, KITH_E_ARG, "'%s' exists and is not a file", output);
		goto out;
	}
	kith_temp_clean(publish->folder, prefix);
	st = kith_temp_make(publish->folder, prefix, "", &publish->fd, &publish->path, err);
	if (st < 0)
		goto out;
	/* Temporary files are private; a set is as readable as any file that the user makes. */
	mask = umask(0);
	(void)umask(mask);
	if (fchmod(publish->fd, 0666 & ~mask) != 0) {
		st = kith_fail_errno(err, errno, "cannot set the mode of '%s'", publish->path);
		goto out;
	}
	kith_test_die_at("begun");
	*ret = publish;
	publish = NULL;
out:
	free(prefix);
	kith_publish_free(publish);
	return st;
}

const char *kith_publish_path(const struct kith_publish *publish)
{
	return publish->path;
}

int kith_publish_fd(const struct kith_publish *publish)
{
	return publish->fd;
}

enum kith_status kith_publish_commit(struct kith_publish *publish, struct kith_err *err)
{
	enum kith_status st;

	st = kith_io_sync(publish->fd, err);
	if (st < 0) {
		kith_err_context(err, "'%s'", publish->path);
		return st;
	}
	kith_test_die_at("synced");
	st = kith_io_rename(publish->path, publish->output, err);
	if (st < 0)
		return st;
	free(publish->path);
	publish->path = NULL;
	kith_test_die_at("renamed");
	st = kith_io_sync_folder(publish->folder, err);
	if (st < 0)
		return st;
	kith_test_die_at("published");
	return KITH_OK;
}

void kith_publish_free(struct kith_publish *publish)
{
	if (publish == NULL)
		return;
	if (publish->path != NULL)
		(void)unlink(publish->path);
	if (publish->fd >= 0)
		(void)close(publish->fd);
	free(publish->path);
	free(publish->output);
	free(publish->folder);
	free(publish);
}
