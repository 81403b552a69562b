/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "core/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "core/temp.h"

#define PAGE   UINT64_C(4096)
#define PREFIX "kith.tmp-"

struct named {
	struct named *next;
	char *path;
	int fd;
};

struct kith_scratch {
	char *folder;
	int fd;                    /* the nameless file */
	_Atomic uint64_t reserved; /* end of the last range */
	_Atomic uint64_t written;
	pthread_mutex_t lock; /* of `named` */
	struct named *named;
};

enum kith_status kith_scratch_new(const char *folder, struct kith_scratch **ret_scratch,
				  struct kith_err *err)
{
	struct kith_scratch *scratch = NULL;
	char *path = NULL;
	enum kith_status st;

	kith_temp_clean(folder, PREFIX);
	scratch = calloc(1, sizeof *scratch);
	if (scratch == NULL)
		return kith_fail_nomem(err);
	scratch->fd = -1;
	(void)pthread_mutex_init(&scratch->lock, NULL);
	scratch->folder = strdup(folder);
	if (scratch->folder == NULL) {
		st = kith_fail_nomem(err);
		goto out;
	}
	st = kith_temp_make(folder, PREFIX, "", &scratch->fd, &path, err);
	if (st < 0)
		goto out;
	(void)unlink(path);
	*ret_scratch = scratch;
	scratch = NULL;
out:
	free(path);
	kith_scratch_free(scratch);
	return st;
}

void kith_scratch_free(struct kith_scratch *scratch)
{
	if (scratch == NULL)
		return;
	while (scratch->named != NULL) {
		struct named *named = scratch->named;

		scratch->named = named->next;
		(void)unlink(named->path);
		(void)close(named->fd);
		free(named->path);
		free(named);
	}
	if (scratch->fd >= 0)
		(void)close(scratch->fd);
	(void)pthread_mutex_destroy(&scratch->lock);
	free(scratch->folder);
	free(scratch);
}

enum kith_status kith_scratch_named(struct kith_scratch *scratch, const char *suffix, int *ret_fd,
				    const char **ret_path, struct kith_err *err)
{
	struct named *named = calloc(1, sizeof *named);
	enum kith_status st;

	if (named == NULL)
		return kith_fail_nomem(err);
	st = kith_temp_make(scratch->folder, PREFIX, suffix, &named->fd, &named->path, err);
	if (st < 0) {
		free(named);
		return st;
	}
	(void)pthread_mutex_lock(&scratch->lock);
	named->next = scratch->named;
	scratch->named = named;
	(void)pthread_mutex_unlock(&scratch->lock);
	*ret_fd = named->fd;
	*ret_path = named->path;
	return KITH_OK;
}

enum kith_status kith_scratch_need(struct kith_scratch *scratch, uint64_t bytes, const char *what,
				   struct kith_err *err)
{
	struct statvfs vfs;
	uint64_t have;

	if (statvfs(scratch->folder, &vfs) != 0)
		return kith_fail_errno(err, errno, "cannot ask for the free space of '%s'",
				       scratch->folder);
	have = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	if (have < bytes)
		return kith_fail(err, KITH_E_IO,
				 "%s needs about %llu MiB in '%s', which has %llu MiB free; choose "
				 "another folder with --scratch",
				 what, (unsigned long long)(bytes >> 20) + 1, scratch->folder,
				 (unsigned long long)(have >> 20));
	return KITH_OK;
}

uint64_t kith_scratch_reserve(struct kith_scratch *scratch, uint64_t bytes)
{
	return atomic_fetch_add(&scratch->reserved, (bytes + PAGE - 1) / PAGE * PAGE);
}

enum kith_status kith_scratch_write(struct kith_scratch *scratch, const void *data, size_t n,
				    uint64_t offset, struct kith_err *err)
{
	enum kith_status st = kith_io_pwrite(scratch->fd, data, n, offset, err);

	if (st < 0) {
		kith_err_context(err, "temporary file in '%s'", scratch->folder);
		return st;
	}
	atomic_fetch_add(&scratch->written, n);
	return KITH_OK;
}

enum kith_status kith_scratch_read(struct kith_scratch *scratch, void *data, size_t n,
				   uint64_t offset, struct kith_err *err)
{
	enum kith_status st = kith_io_pread(scratch->fd, data, n, offset, err);

	if (st < 0)
		kith_err_context(err, "temporary file in '%s'", scratch->folder);
	return st;
}

void kith_scratch_drop(struct kith_scratch *scratch, uint64_t offset, uint64_t bytes)
{
	(void)fallocate(scratch->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
			(off_t)bytes);
}

const void *kith_scratch_map(struct kith_scratch *scratch, uint64_t offset, uint64_t bytes)
{
	void *map = mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, scratch->fd, (off_t)offset);

	return map == MAP_FAILED ? NULL : map;
}

void kith_scratch_unmap(const void *map, uint64_t bytes)
{
	if (map != NULL)
		(void)munmap((void *)(uintptr_t)map, (size_t)bytes);
}

uint64_t kith_scratch_written(struct kith_scratch *scratch)
{
	return atomic_load(&scratch->written);
}

enum kith_status kith_scratch_out_init(struct kith_scratch_out *out, struct kith_scratch *scratch,
				       uint64_t offset, size_t buffer, struct kith_err *err)
{
	memset(out, 0, sizeof *out);
	out->scratch = scratch;
	out->at = offset;
	out->buf = malloc(buffer);
	if (out->buf == NULL)
		return kith_fail_nomem(err);
	out->cap = buffer;
	return KITH_OK;
}

enum kith_status kith_scratch_out_flush(struct kith_scratch_out *out, struct kith_err *err)
{
	enum kith_status st = kith_scratch_write(out->scratch, out->buf, out->n, out->at, err);

	if (st < 0)
		return st;
	out->at += out->n;
	out->n = 0;
	return KITH_OK;
}

enum kith_status kith_scratch_out_more(struct kith_scratch_out *out, const void *data, size_t n,
				       struct kith_err *err)
{
	enum kith_status st = kith_scratch_out_flush(out, err);

	if (st < 0)
		return st;
	if (n > out->cap) {
		st = kith_scratch_write(out->scratch, data, n, out->at, err);
		if (st < 0)
			return st;
		out->at += n;
		return KITH_OK;
	}
	memcpy(out->buf, data, n);
	out->n = n;
	return KITH_OK;
}

void kith_scratch_out_done(struct kith_scratch_out *out)
{
	free(out->buf);
	out->buf = NULL;
}

enum kith_status kith_scratch_in_init(struct kith_scratch_in *in, struct kith_scratch *scratch,
				      uint64_t offset, uint64_t end, size_t buffer,
				      struct kith_err *err)
{
	memset(in, 0, sizeof *in);
	in->scratch = scratch;
	in->at = offset;
	in->end = end;
	in->buf = malloc(buffer);
	if (in->buf == NULL)
		return kith_fail_nomem(err);
	in->cap = buffer;
	return KITH_OK;
}

enum kith_status kith_scratch_in_more(struct kith_scratch_in *in, size_t n, const uint8_t **ret,
				      struct kith_err *err)
{
	size_t have = in->n - in->pos, more;
	enum kith_status st;

	if (have == 0 && in->at == in->end)
		return KITH_END;
	if (n > in->cap) {
		uint8_t *bigger = realloc(in->buf, n);

		if (bigger == NULL)
			return kith_fail_nomem(err);
		in->buf = bigger;
		in->cap = n;
	}
	memmove(in->buf, in->buf + in->pos, have);
	in->pos = 0;
	in->n = have;
	more = in->cap - have;
	if (more > in->end - in->at)
		more = (size_t)(in->end - in->at);
	st = kith_scratch_read(in->scratch, in->buf + have, more, in->at, err);
	if (st < 0)
		return st;
	in->at += more;
	in->n += more;
	if (in->n < n)
		return kith_fail(err, KITH_E_CORRUPT, "a temporary file ends early");
	*ret = in->buf;
	return KITH_OK;
}

void kith_scratch_in_done(struct kith_scratch_in *in)
{
	free(in->buf);
	in->buf = NULL;
}
