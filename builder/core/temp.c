/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "core/temp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"

enum kith_status kith_temp_make(const char *folder, const char *prefix, const char *suffix,
				int *ret_fd, char **ret_path, struct kith_err *err)
{
	enum kith_status st = KITH_OK;
	char *path = NULL;
	struct stat info;
	int fd = -1, tries;

	for (tries = 0; tries < 100; tries++) {
		free(path);
		if (asprintf(&path, "%s/%sXXXXXX%s", folder, prefix, suffix) < 0) {
			path = NULL;
			return kith_fail_nomem(err);
		}
		if (kith_io_fault != NULL && (errno = kith_io_fault("open")) != 0)
			fd = -1;
		else
			fd = mkostemps(path, (int)strlen(suffix), O_CLOEXEC);
		if (fd < 0) {
			st = kith_fail_errno(err, errno, "cannot make a temporary file in '%s'",
					     folder);
			goto out;
		}
		/* Somebody's kith_temp_clean may have come between: then the name is gone again. */
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &info) == 0 && info.st_nlink > 0)
			break;
		(void)unlink(path);
		(void)close(fd);
		fd = -1;
	}
	if (fd < 0) {
		st = kith_fail(err, KITH_E_BUSY, "cannot lock a temporary file in '%s'", folder);
		goto out;
	}
	*ret_fd = fd;
	*ret_path = path;
	path = NULL;
out:
	free(path);
	return st;
}

void kith_temp_clean(const char *folder, const char *prefix)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe): own stream */
		int fd;

		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		fd = openat(dirfd(dir), entry->d_name,
			    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0)
			continue;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
		(void)close(fd);
	}
	(void)closedir(dir);
}
