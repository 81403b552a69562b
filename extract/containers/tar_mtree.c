/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tar_mtree.c: the digests that an Arch package lists for its files, in its .MTREE: a gzip of lines
 * "./usr/bin/x time=1.0 mode=755 sha256digest=HEX", bytes in names as "\ooo" (mtree(5) of FreeBSD,
 * as bsdtar writes it). Lines that say nothing that we look for are passed over.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"
#include "inflate.h"
#include "tar.h"

struct digest_of {
	size_t path, path_n; /* in text */
	uint8_t sha256[KITH_SHA256_SIZE];
};

struct kith_mtree {
	struct kith_buf text; /* names are unescaped where they stand */
	struct digest_of *rows;
	size_t n, cap;
};

struct memory {
	const uint8_t *data;
};

static enum kith_status read_memory(void *user, uint64_t offset, void *buf, size_t n,
				    struct kith_err *err)
{
	const struct memory *memory = user;

	(void)err;
	memcpy(buf, memory->data + offset, n);
	return KITH_OK;
}

static enum kith_status unpack(const void *gzip, size_t n, struct kith_buf *out,
			       struct kith_err *err)
{
	struct memory memory = {gzip};
	struct kith_blob blob;
	struct kith_inflate *inflate = NULL;
	size_t got = 1;
	enum kith_status st;

	kith_blob_decoded(&blob, n, read_memory, &memory);
	st = kith_inflate_open(&blob, 0, n, KITH_INFLATE_GZIP, &inflate, err);
	while (st >= 0 && got > 0) {
		uint8_t *room = kith_buf_room(out, (size_t)64 << 10);

		if (room == NULL)
			st = kith_fail_nomem(err);
		else
			st = kith_inflate_read(inflate, room, (size_t)64 << 10, &got, err);
		if (st >= 0)
			out->n += got;
		if (st >= 0 && out->n > KITH_LIMIT_METADATA)
			st = kith_fail(err, KITH_E_LIMIT, "an .MTREE of more than %zu bytes",
				       KITH_LIMIT_METADATA);
	}
	kith_inflate_close(inflate);
	return st;
}

/* In place; the new length. */
static size_t unescape(uint8_t *p, size_t n)
{
	size_t i, to = 0;

	for (i = 0; i < n; i++) {
		if (p[i] == '\\' && n - i > 3 && p[i + 1] >= '0' && p[i + 1] <= '3' &&
		    p[i + 2] >= '0' && p[i + 2] <= '7' && p[i + 3] >= '0' && p[i + 3] <= '7') {
			p[to++] = (uint8_t)((p[i + 1] - '0') << 6 | (p[i + 2] - '0') << 3 |
					    (p[i + 3] - '0'));
			i += 3;
		} else {
			p[to++] = p[i];
		}
	}
	return to;
}

static bool add_line(struct kith_mtree *mtree, size_t at, size_t n)
{
	static const char key[] = " sha256digest=";
	uint8_t *line = mtree->text.data + at;
	struct digest_of row = {.path = at};
	size_t i;

	while (row.path_n < n && line[row.path_n] != ' ')
		row.path_n++;
	if (n < 3 || line[0] != '.' || line[1] != '/')
		return true;
	for (i = row.path_n; i + sizeof key - 1 + 2 * KITH_SHA256_SIZE <= n; i++)
		if (line[i] == ' ' && memcmp(line + i, key, sizeof key - 1) == 0)
			break;
	if (i + sizeof key - 1 + 2 * KITH_SHA256_SIZE > n ||
	    !kith_tar_hex(line + i + sizeof key - 1, row.sha256, KITH_SHA256_SIZE))
		return true;
	row.path_n = unescape(line, row.path_n) - 2;
	row.path += 2;
	if (mtree->n == mtree->cap) {
		size_t cap = mtree->cap == 0 ? 256 : mtree->cap * 2;
		struct digest_of *rows = realloc(mtree->rows, cap * sizeof *rows);

		if (rows == NULL)
			return false;
		mtree->rows = rows;
		mtree->cap = cap;
	}
	mtree->rows[mtree->n++] = row;
	return true;
}

/* qsort has no place for the text that rows point into. */
static _Thread_local const uint8_t *sorted_text;

static int by_path(const void *a, const void *b)
{
	const struct digest_of *x = a, *y = b;

	return kith_bytes_cmp(sorted_text + x->path, x->path_n, sorted_text + y->path, y->path_n);
}

enum kith_status kith_mtree_read(const void *gzip, size_t n, struct kith_mtree **ret,
				 struct kith_err *err)
{
	struct kith_mtree *mtree = calloc(1, sizeof *mtree);
	size_t at = 0;
	enum kith_status st;

	if (mtree == NULL)
		return kith_fail_nomem(err);
	st = unpack(gzip, n, &mtree->text, err);
	while (st >= 0 && at < mtree->text.n) {
		const uint8_t *lf = memchr(mtree->text.data + at, '\n', mtree->text.n - at);
		size_t end = lf == NULL ? mtree->text.n : (size_t)(lf - mtree->text.data);

		if (!add_line(mtree, at, end - at))
			st = kith_fail_nomem(err);
		at = end + 1;
	}
	if (st < 0) {
		kith_mtree_free(mtree);
		return st;
	}
	sorted_text = mtree->text.data;
	if (mtree->n > 0)
		qsort(mtree->rows, mtree->n, sizeof *mtree->rows, by_path);
	*ret = mtree;
	return KITH_OK;
}

void kith_mtree_free(struct kith_mtree *mtree)
{
	if (mtree == NULL)
		return;
	kith_buf_done(&mtree->text);
	free(mtree->rows);
	free(mtree);
}

const uint8_t *kith_mtree_find(const struct kith_mtree *mtree, const uint8_t *path, size_t n)
{
	size_t low = 0, high = mtree == NULL ? 0 : mtree->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct digest_of *row = &mtree->rows[mid];
		int c = kith_bytes_cmp(path, n, mtree->text.data + row->path, row->path_n);

		if (c == 0)
			return row->sha256;
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}
