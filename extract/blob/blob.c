/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blob.c: what must hold: an extent never reaches outside its file or parent, the sum of extents
 * never overflows, and a read gives all bytes that were asked for or says where the file ends.
 * Neighbouring extents are joined, so that a file that lies in one piece has one extent.
 */
#define _POSIX_C_SOURCE 200809L
#include "blob/blob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"

static enum kith_status alloc_extents(struct kith_blob *blob, size_t n, struct kith_err *err)
{
	size_t bytes, start_bytes;

	if (!kith_mul_size(n + 1, sizeof *blob->extents, &bytes) ||
	    !kith_mul_size(n + 1, sizeof *blob->starts, &start_bytes))
		return kith_fail_nomem(err);
	blob->extents = malloc(bytes);
	blob->starts = malloc(start_bytes);
	if (blob->extents == NULL || blob->starts == NULL) {
		kith_blob_done(blob);
		return kith_fail_nomem(err);
	}
	return KITH_OK;
}

/* Room for one more than alloc_extents() was asked for is always there. */
static void add_extent(struct kith_blob *blob, uint64_t offset, uint64_t bytes)
{
	struct kith_extent *last =
	    blob->n_extents == 0 ? NULL : &blob->extents[blob->n_extents - 1];

	if (bytes == 0)
		return;
	if (last != NULL && ((offset == KITH_EXTENT_ZEROS && last->offset == KITH_EXTENT_ZEROS) ||
			     (offset != KITH_EXTENT_ZEROS && last->offset != KITH_EXTENT_ZEROS &&
			      last->offset + last->bytes == offset))) {
		last->bytes += bytes;
	} else {
		blob->starts[blob->n_extents] = blob->size;
		blob->extents[blob->n_extents++] = (struct kith_extent){offset, bytes};
	}
	blob->size += bytes;
}

enum kith_status kith_blob_file(struct kith_blob *blob, int fd, uint64_t size, struct kith_err *err)
{
	enum kith_status st;

	memset(blob, 0, sizeof *blob);
	blob->fd = fd;
	if (size > INT64_MAX)
		return kith_fail(err, KITH_E_ARG, "a file of %llu bytes", (unsigned long long)size);
	st = alloc_extents(blob, 1, err);
	if (st >= 0)
		add_extent(blob, 0, size);
	return st;
}

/* The extent that the byte at `offset` is in; offset < size. */
static size_t find_extent(const struct kith_blob *blob, uint64_t offset)
{
	size_t low = 0, high = blob->n_extents;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (blob->starts[mid] <= offset)
			low = mid;
		else
			high = mid;
	}
	return low;
}

enum kith_status kith_blob_parts(struct kith_blob *blob, const struct kith_blob *parent,
				 const struct kith_extent *extents, size_t n, struct kith_err *err)
{
	size_t i, room = n;
	uint64_t total = 0;
	enum kith_status st;

	memset(blob, 0, sizeof *blob);
	blob->fd = parent->fd;
	if (parent->read != NULL)
		return kith_fail(err, KITH_E_ARG, "parts of what is decoded");
	for (i = 0; i < n; i++) {
		bool zeros = extents[i].offset == KITH_EXTENT_ZEROS;

		if (__builtin_add_overflow(total, extents[i].bytes, &total) || total > INT64_MAX ||
		    (!zeros && (extents[i].offset > parent->size ||
				extents[i].bytes > parent->size - extents[i].offset)))
			return kith_fail(err, KITH_E_CORRUPT,
					 "it reaches beyond the end of what it lies in");
		if (!zeros && extents[i].bytes > 0) /* how many of the parent's it crosses */
			room += find_extent(parent, extents[i].offset + extents[i].bytes - 1) -
				find_extent(parent, extents[i].offset);
	}
	st = alloc_extents(blob, room, err);
	if (st < 0)
		return st;
	for (i = 0; i < n; i++) {
		uint64_t at = extents[i].offset, left = extents[i].bytes;
		size_t e;

		if (at == KITH_EXTENT_ZEROS) {
			add_extent(blob, at, left);
			continue;
		}
		for (e = left == 0 ? 0 : find_extent(parent, at); left > 0; e++) {
			const struct kith_extent *from = &parent->extents[e];
			uint64_t in = at - parent->starts[e];
			uint64_t now = from->bytes - in < left ? from->bytes - in : left;

			add_extent(blob,
				   from->offset == KITH_EXTENT_ZEROS ? KITH_EXTENT_ZEROS
								     : from->offset + in,
				   now);
			at += now;
			left -= now;
		}
	}
	return KITH_OK;
}

void kith_blob_decoded(struct kith_blob *blob, uint64_t size,
		       enum kith_status (*read)(void *user, uint64_t offset, void *buf, size_t n,
						struct kith_err *err),
		       void *user)
{
	memset(blob, 0, sizeof *blob);
	blob->fd = -1;
	blob->size = size;
	blob->read = read;
	blob->user = user;
}

void kith_blob_done(struct kith_blob *blob)
{
	free(blob->extents);
	free(blob->starts);
	memset(blob, 0, sizeof *blob);
	blob->fd = -1;
}

static enum kith_status read_file(int fd, uint64_t offset, uint8_t *buf, size_t n,
				  struct kith_err *err)
{
	while (n > 0) {
		ssize_t got = pread(fd, buf, n, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return kith_fail_errno(err, errno, "reading at offset %llu",
					       (unsigned long long)offset);
		if (got == 0)
			return kith_fail(err, KITH_E_CORRUPT,
					 "it ends at offset %llu, %zu more bytes were expected",
					 (unsigned long long)offset, n);
		buf += got;
		offset += (uint64_t)got;
		n -= (size_t)got;
	}
	return KITH_OK;
}

enum kith_status kith_blob_read(const struct kith_blob *blob, uint64_t offset, void *buf, size_t n,
				struct kith_err *err)
{
	uint8_t *to = buf;
	enum kith_status st = KITH_OK;
	size_t e;

	if (offset > blob->size || n > blob->size - offset)
		return kith_fail(err, KITH_E_CORRUPT,
				 "it ends at offset %llu, %zu bytes at %llu were expected",
				 (unsigned long long)blob->size, n, (unsigned long long)offset);
	if (n == 0)
		return KITH_OK;
	if (blob->read != NULL)
		return blob->read(blob->user, offset, buf, n, err);
	for (e = find_extent(blob, offset); n > 0 && st >= 0; e++) {
		const struct kith_extent *from = &blob->extents[e];
		uint64_t in = offset - blob->starts[e];
		size_t now = from->bytes - in < n ? (size_t)(from->bytes - in) : n;

		if (from->offset == KITH_EXTENT_ZEROS)
			memset(to, 0, now);
		else
			st = read_file(blob->fd, from->offset + in, to, now, err);
		to += now;
		offset += now;
		n -= now;
	}
	return st;
}

enum kith_status kith_blob_read_some(const struct kith_blob *blob, uint64_t offset, void *buf,
				     size_t n, size_t *ret_n, struct kith_err *err)
{
	uint64_t left = offset < blob->size ? blob->size - offset : 0;

	*ret_n = left < n ? (size_t)left : n;
	if (*ret_n == 0)
		return KITH_OK; /* also behind the end */
	return kith_blob_read(blob, offset, buf, *ret_n, err);
}
