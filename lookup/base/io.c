/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE   200809L
#define _FILE_OFFSET_BITS 64
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"

/* A single call moves at most this much; Linux itself stops at 2 GiB - 4096. */
#define CALL_MAX ((size_t)1 << 30)

int (*kith_io_fault)(const char *call);

/* True when the test wants this call to fail; errno is then set. */
static int fault(const char *call)
{
	int e;

	if (kith_io_fault == NULL)
		return 0;
	e = kith_io_fault(call);
	if (e != 0)
		errno = e;
	return e != 0;
}

enum kith_status kith_io_open(const char *path, int *ret_fd, struct kith_err *err)
{
	int fd = fault("open") ? -1 : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return kith_fail_errno(err, errno, "cannot open '%s'", path);
	*ret_fd = fd;
	return KITH_OK;
}

enum kith_status kith_io_read(int fd, void *buf, size_t n, size_t *ret_n, struct kith_err *err)
{
	ssize_t got;

	do {
		got = fault("read") ? -1 : read(fd, buf, n < CALL_MAX ? n : CALL_MAX);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return kith_fail_errno(err, errno, "cannot read");
	*ret_n = (size_t)got;
	return KITH_OK;
}

enum kith_status kith_io_pread(int fd, void *buf, size_t n, uint64_t offset, struct kith_err *err)
{
	uint8_t *p = buf;

	while (n > 0) {
		ssize_t got =
		    fault("read") ? -1 : pread(fd, p, n < CALL_MAX ? n : CALL_MAX, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return kith_fail_errno(err, errno, "cannot read at offset %llu",
					       (unsigned long long)offset);
		if (got == 0)
			return kith_fail(err, KITH_E_CORRUPT, "ends early, at offset %llu",
					 (unsigned long long)offset);
		p += got;
		n -= (size_t)got;
		offset += (uint64_t)got;
	}
	return KITH_OK;
}

enum kith_status kith_io_write(int fd, const void *buf, size_t n, struct kith_err *err)
{
	const uint8_t *p = buf;

	while (n > 0) {
		ssize_t put = fault("write") ? -1 : write(fd, p, n < CALL_MAX ? n : CALL_MAX);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return kith_fail_errno(err, errno, "cannot write");
		p += put;
		n -= (size_t)put;
	}
	return KITH_OK;
}

enum kith_status kith_io_pwrite(int fd, const void *buf, size_t n, uint64_t offset,
				struct kith_err *err)
{
	const uint8_t *p = buf;

	while (n > 0) {
		ssize_t put =
		    fault("write") ? -1 : pwrite(fd, p, n < CALL_MAX ? n : CALL_MAX, (off_t)offset);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return kith_fail_errno(err, errno, "cannot write");
		p += put;
		n -= (size_t)put;
		offset += (uint64_t)put;
	}
	return KITH_OK;
}

enum kith_status kith_io_sync(int fd, struct kith_err *err)
{
	int r;

	do {
		r = fault("sync") ? -1 : fsync(fd);
	} while (r != 0 && errno == EINTR);
	if (r != 0)
		return kith_fail_errno(err, errno, "cannot sync");
	return KITH_OK;
}

enum kith_status kith_io_rename(const char *from, const char *to, struct kith_err *err)
{
	if (fault("rename") || rename(from, to) != 0)
		return kith_fail_errno(err, errno, "cannot rename '%s' to '%s'", from, to);
	return KITH_OK;
}

enum kith_status kith_io_sync_folder(const char *folder, struct kith_err *err)
{
	int fd = fault("open") ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum kith_status st;

	if (fd < 0)
		return kith_fail_errno(err, errno, "cannot open folder '%s'", folder);
	st = kith_io_sync(fd, err);
	if (st < 0)
		kith_err_context(err, "folder '%s'", folder);
	(void)close(fd);
	return st;
}

enum kith_status kith_io_size(int fd, uint64_t *ret_size, struct kith_err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return kith_fail_errno(err, errno, "cannot stat");
	*ret_size = (uint64_t)st.st_size;
	return KITH_OK;
}
