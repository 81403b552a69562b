/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.h: a growing byte buffer, and the one reader of lines.
 *
 * A kith_buf that is all zero is empty and valid. After a failed append the content is unchanged,
 * `failed` is set and all further appends fail, so that a run of them may be checked once, at its
 * end.
 */
#ifndef KITH_BASE_BUF_H
#define KITH_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kith.h"

struct kith_buf {
	uint8_t *data; /* owned; NULL while cap is 0 */
	size_t n, cap; /* bytes used, bytes allocated */
	bool failed;   /* an append found no memory */
};

void kith_buf_done(struct kith_buf *buf);

/* Makes room; only kith_buf_room() calls it. */
uint8_t *kith_buf_grow(struct kith_buf *buf, size_t more);

/* Room for `more` bytes behind n; the caller writes there and raises n itself. NULL: no memory.
 * This and the two below are called for each byte of some texts, so they are here. */
static inline uint8_t *kith_buf_room(struct kith_buf *buf, size_t more)
{
	if (buf->cap - buf->n >= more && buf->data != NULL)
		return buf->data + buf->n;
	return kith_buf_grow(buf, more);
}

static inline bool kith_buf_add(struct kith_buf *buf, const void *data, size_t n)
{
	uint8_t *p = kith_buf_room(buf, n);

	if (p == NULL)
		return false;
	if (n > 0)
		memcpy(p, data, n);
	buf->n += n;
	return true;
}

static inline bool kith_buf_add_byte(struct kith_buf *buf, uint8_t byte)
{
	uint8_t *p = kith_buf_room(buf, 1);

	if (p == NULL)
		return false;
	*p = byte;
	buf->n++;
	return true;
}

bool kith_buf_add_varint(struct kith_buf *buf, uint64_t v);
/* A varint length, then the bytes. */
bool kith_buf_add_text(struct kith_buf *buf, const void *data, size_t n);

/*
 * Reads lines of any file descriptor, a pipe too. A line ends at LF or at the end of the input;
 * the LF is not part of it, a CR is (callers strip it where their format says so). Bytes are kept
 * as they are, NUL too. Memory is bounded by max_line.
 */
struct kith_lines {
	int fd;
	/* Where the bytes come from instead of fd, such as a member of an archive; NULL: from fd.
	 * As kith_io_read: up to n bytes, *ret_n is 0 at the end. Set after kith_lines_init. */
	enum kith_status (*read)(void *user, void *buf, size_t n, size_t *ret_n,
				 struct kith_err *err);
	void *user;
	size_t max_line; /* longer lines: see kith_lines_next */
	struct kith_buf buf;
	size_t pos;        /* of the first byte not yet given out */
	uint64_t number;   /* of the line that was given out last, from 1 */
	uint64_t offset;   /* of that line's first byte in the input */
	uint64_t consumed; /* bytes of input before buf.data[0] */
	bool eof;
};

void kith_lines_init(struct kith_lines *lines, int fd, size_t max_line);
void kith_lines_done(struct kith_lines *lines); /* does not close fd */

/*
 * The next line; *ret_line is valid until the next call. *ret_had_lf (may be NULL) tells whether a
 * LF followed, for callers that pass lines through unchanged. KITH_OK, KITH_END, KITH_E_IO,
 * KITH_E_NOMEM, or KITH_E_LIMIT when the line is longer than max_line: it is then skipped whole,
 * `number` names it, and the next call goes on behind it.
 */
enum kith_status kith_lines_next(struct kith_lines *lines, const uint8_t **ret_line, size_t *ret_n,
				 bool *ret_had_lf, struct kith_err *err);

#endif
