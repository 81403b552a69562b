/* SPDX-License-Identifier: Apache-2.0 */
#include "buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "err.h"
#include "io.h"

#define READ_SIZE ((size_t)256 << 10)

void kith_buf_done(struct kith_buf *buf)
{
	free(buf->data);
	memset(buf, 0, sizeof *buf);
}

uint8_t *kith_buf_grow(struct kith_buf *buf, size_t more)
{
	size_t need, cap;
	uint8_t *data;

	if (buf->failed || !kith_add_size(buf->n, more, &need))
		goto fail;
	cap = buf->cap < 256 ? 256 : buf->cap;
	while (cap < need) {
		if (cap > SIZE_MAX / 2)
			goto fail;
		cap += cap / 2;
	}
	data = realloc(buf->data, cap);
	if (data == NULL)
		goto fail;
	buf->data = data;
	buf->cap = cap;
	return buf->data + buf->n;
fail:
	/* No room from now on, so that the appends behind this one fail too. */
	buf->failed = true;
	buf->cap = buf->n;
	return NULL;
}

bool kith_buf_add_varint(struct kith_buf *buf, uint64_t v)
{
	uint8_t *p = kith_buf_room(buf, KITH_VARINT_MAX);

	if (p == NULL)
		return false;
	buf->n = (size_t)(kith_put_varint(p, v) - buf->data);
	return true;
}

bool kith_buf_add_text(struct kith_buf *buf, const void *data, size_t n)
{
	return kith_buf_add_varint(buf, n) && kith_buf_add(buf, data, n);
}

void kith_lines_init(struct kith_lines *lines, int fd, size_t max_line)
{
	memset(lines, 0, sizeof *lines);
	lines->fd = fd;
	lines->max_line = max_line;
}

void kith_lines_done(struct kith_lines *lines)
{
	kith_buf_done(&lines->buf);
}

/* Drops what was given out and reads more behind the rest. */
static enum kith_status fill(struct kith_lines *lines, struct kith_err *err)
{
	size_t got;
	uint8_t *room;
	enum kith_status st;

	if (lines->pos > 0 && lines->buf.data != NULL) {
		memmove(lines->buf.data, lines->buf.data + lines->pos, lines->buf.n - lines->pos);
		lines->consumed += lines->pos;
		lines->buf.n -= lines->pos;
		lines->pos = 0;
	}
	room = kith_buf_room(&lines->buf, READ_SIZE);
	if (room == NULL)
		return kith_fail_nomem(err);
	if (lines->read != NULL)
		st = lines->read(lines->user, room, READ_SIZE, &got, err);
	else
		st = kith_io_read(lines->fd, room, READ_SIZE, &got, err);
	if (st < 0)
		return st;
	lines->buf.n += got;
	lines->eof = got == 0;
	return KITH_OK;
}

enum kith_status kith_lines_next(struct kith_lines *lines, const uint8_t **ret_line, size_t *ret_n,
				 bool *ret_had_lf, struct kith_err *err)
{
	size_t searched = 0;   /* bytes behind pos without a LF */
	bool too_long = false; /* the line's head was dropped already */
	enum kith_status st;

	for (;;) {
		size_t have = lines->buf.n - lines->pos;
		const uint8_t *line = lines->buf.data == NULL ? NULL : lines->buf.data + lines->pos;
		const uint8_t *lf = NULL;

		if (line != NULL && have > searched)
			lf = memchr(line + searched, '\n', have - searched);

		if (!too_long && searched == 0 && (lf != NULL || have > 0))
			lines->offset = lines->consumed + lines->pos;
		if (lf != NULL || (lines->eof && (have > 0 || too_long))) {
			size_t n = lf != NULL ? (size_t)(lf - line) : have;

			lines->pos += lf != NULL ? n + 1 : n;
			lines->number++;
			if (too_long || n > lines->max_line)
				return kith_fail(
				    err, KITH_E_LIMIT, "line %llu is longer than %zu bytes",
				    (unsigned long long)lines->number, lines->max_line);
			*ret_line = line;
			*ret_n = n;
			if (ret_had_lf != NULL)
				*ret_had_lf = lf != NULL;
			return KITH_OK;
		}
		if (lines->eof)
			return KITH_END;
		if (have > lines->max_line) {
			too_long = true;
			lines->pos = lines->buf.n;
		}
		st = fill(lines, err);
		if (st < 0)
			return st;
		searched = too_long ? 0 : have;
	}
}
