/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "out.h"

#include <errno.h>
#include <string.h>

#include "err.h"
#include "io.h"
#include "wide.h"

#define FLUSH_AT ((size_t)256 << 10)

void kith_out_init(struct kith_out *out, int fd)
{
	memset(out, 0, sizeof *out);
	out->fd = fd;
}

bool kith_out_failed(const struct kith_out *out)
{
	return out->sys_errno != 0 || out->nomem;
}

static bool write_now(struct kith_out *out, const void *data, size_t n)
{
	struct kith_err err;

	if (kith_io_write(out->fd, data, n, &err) < 0)
		out->sys_errno = err.sys_errno != 0 ? err.sys_errno : EIO;
	return !kith_out_failed(out);
}

bool kith_out_flush(struct kith_out *out)
{
	size_t n = out->buf.n;

	if (kith_out_failed(out))
		return false;
	out->buf.n = 0;
	return n == 0 || write_now(out, out->buf.data, n);
}

bool kith_out_write(struct kith_out *out, const void *data, size_t n)
{
	if (kith_out_failed(out))
		return false;
	if (n >= FLUSH_AT)
		return kith_out_flush(out) && write_now(out, data, n);
	if (!kith_buf_add(&out->buf, data, n)) {
		out->nomem = true;
		return false;
	}
	return out->buf.n < FLUSH_AT || kith_out_flush(out);
}

bool kith_out_text(struct kith_out *out, const char *text)
{
	return kith_out_write(out, text, strlen(text));
}

enum kith_status kith_out_done(struct kith_out *out, const char *what, struct kith_err *err)
{
	(void)kith_out_flush(out);
	kith_buf_done(&out->buf);
	if (out->nomem)
		return kith_fail_nomem(err);
	if (out->sys_errno != 0 && out->sys_errno != EPIPE)
		return kith_fail_errno(err, out->sys_errno, "cannot write to %s", what);
	return KITH_OK;
}

size_t kith_utf8_length(const uint8_t *p, size_t n)
{
	size_t len, i;

	if (n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (n < len)
		return 0;
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

/* A sequence that a terminal might obey: C0, DEL, C1, line separators, direction marks. */
static bool is_control(const uint8_t *p, size_t len)
{
	if (len == 1)
		return p[0] < 0x20 || p[0] == 0x7f;
	if (len == 2)
		return (p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xd8 && p[1] == 0x9c);
	if (len == 3 && p[0] == 0xe2 && p[1] == 0x80)
		return (p[2] >= 0xa8 && p[2] <= 0xae) || p[2] == 0x8e || p[2] == 0x8f;
	return len == 3 && p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9;
}

static uint8_t *put_hex_escape(uint8_t *p, uint8_t byte)
{
	static const char digits[] = "0123456789abcdef";

	*p++ = '\\';
	*p++ = 'x';
	*p++ = (uint8_t)digits[byte >> 4];
	*p++ = (uint8_t)digits[byte & 0x0f];
	return p;
}

/* Room for n bytes that may each become `factor`. */
static uint8_t *room_for(struct kith_buf *buf, size_t n, size_t factor)
{
	return kith_buf_room(buf, n <= SIZE_MAX / factor ? n * factor : SIZE_MAX);
}

bool kith_escape_text(struct kith_buf *buf, const void *data, size_t n)
{
	const uint8_t *in = data;
	uint8_t *p = room_for(buf, n, 4);
	size_t i = 0, j;

	if (p == NULL)
		return false;
	while (i < n) {
		size_t len = kith_utf8_length(in + i, n - i);

		if (len == 0 || is_control(in + i, len)) {
			for (j = 0; j < (len == 0 ? 1 : len); j++)
				p = put_hex_escape(p, in[i + j]);
			i += j;
			continue;
		}
		if (in[i] == '\\')
			*p++ = '\\';
		for (j = 0; j < len; j++)
			*p++ = in[i++];
	}
	buf->n = (size_t)(p - buf->data);
	return true;
}

/*
 * Copies the bytes at the front that stand for themselves in a JSON string, and returns how many.
 * Many at a time and before it is known whether they do, so `to` has room for all n; what was
 * copied too much is written over.
 */
static size_t copy_plain(uint8_t *to, const uint8_t *in, size_t n)
{
	size_t i = 0;

	for (; n - i >= KITH_WIDE; i += KITH_WIDE) {
		uint64_t special = kith_copy_wide(to + i, in + i);

		if (special != 0) {
			i += kith_wide_plain(special);
			break;
		}
	}
	/* the last bytes, with some before them once more */
	if (n - i < KITH_WIDE && n >= KITH_WIDE &&
	    kith_copy_wide(to + n - KITH_WIDE, in + n - KITH_WIDE) == 0)
		return n;
	for (; i < n && in[i] >= 0x20 && in[i] < 0x7f && in[i] != '"' && in[i] != '\\'; i++)
		to[i] = in[i];
	return i;
}

static uint8_t *put_json_control(uint8_t *p, uint8_t c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at, from[] = "\b\t\n\f\r", to[] = "btnfr";

	*p++ = '\\';
	at = c == 0 ? NULL : strchr(from, c);
	if (at != NULL) {
		*p++ = (uint8_t)to[at - from];
		return p;
	}
	memcpy(p, "u00", 3);
	p += 3;
	*p++ = (uint8_t)digits[c >> 4];
	*p++ = (uint8_t)digits[c & 0x0f];
	return p;
}

bool kith_escape_json(struct kith_buf *buf, const void *data, size_t n, bool *ret_lossy)
{
	const uint8_t *in = data;
	uint8_t *p;
	size_t i = 0, j;

	p = room_for(buf, n, 6);
	if (p == NULL)
		return false;
	for (;;) {
		size_t len = copy_plain(p, in + i, n - i);

		p += len;
		i += len;
		if (i >= n)
			break;
		if (in[i] == '"' || in[i] == '\\') { /* the usual one, of paths */
			*p++ = '\\';
			*p++ = in[i++];
			continue;
		}
		len = kith_utf8_length(in + i, n - i);
		if (len == 0) {
			memcpy(p, "\xef\xbf\xbd", 3);
			p += 3;
			i++;
			if (ret_lossy != NULL)
				*ret_lossy = true;
		} else if (len == 1 && (in[i] < 0x20 || in[i] == 0x7f)) {
			p = put_json_control(p, in[i++]);
		} else if (len == 2 && in[i] == 0xc2 && in[i + 1] < 0xa0) {
			p = put_json_control(p, in[i + 1]);
			i += 2;
		} else {
			for (j = 0; j < len; j++)
				*p++ = in[i++];
		}
	}
	buf->n = (size_t)(p - buf->data);
	return true;
}

bool kith_escape_csv(struct kith_buf *buf, const void *data, size_t n)
{
	const uint8_t *in = data;
	uint8_t *p = room_for(buf, n, 4);
	size_t i = 0, j;

	if (p == NULL)
		return false;
	while (i < n) {
		size_t len = kith_utf8_length(in + i, n - i);
		bool blank = len == 1 && (in[i] == '\t' || in[i] == '\n' || in[i] == '\r');

		if (len == 0 || (is_control(in + i, len) && !blank)) {
			for (j = 0; j < (len == 0 ? 1 : len); j++)
				p = put_hex_escape(p, in[i + j]);
			i += j;
			continue;
		}
		if (in[i] == '"')
			*p++ = '"';
		for (j = 0; j < len; j++)
			*p++ = in[i++];
	}
	buf->n = (size_t)(p - buf->data);
	return true;
}

bool kith_csv_field(struct kith_buf *buf, const void *data, size_t n)
{
	const uint8_t *in = data;
	bool quote = n > 0 && (in[0] == ' ' || in[n - 1] == ' ');
	size_t i;

	for (i = 0; i < n && !quote; i++)
		quote = in[i] == ',' || in[i] == '"' || in[i] == '\n' || in[i] == '\r';
	if (!quote)
		return kith_escape_csv(buf, data, n);
	return kith_buf_add_byte(buf, '"') && kith_escape_csv(buf, data, n) &&
	       kith_buf_add_byte(buf, '"');
}

bool kith_buf_add_number(struct kith_buf *buf, uint64_t v)
{
	uint8_t digits[20];
	size_t n = sizeof digits;

	do {
		digits[--n] = (uint8_t)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	return kith_buf_add(buf, digits + n, sizeof digits - n);
}
