/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rar_volume.c: RARLAB's technote for RAR 5.0, and unrar's technote.txt for version 4: only what
 * tells parts of a split archive.
 */
#include "containers/rar_volume.h"

#include <string.h>

#include "base/bytes.h"
#include "containers/rar5_headers.h"

#define HEAD_N 64u
#define TAIL_N 32u

enum {
	RAR4_MAIN = 0x73,
	RAR4_END = 0x7b,
	RAR4_VOLUME = 0x0001,
	RAR4_NEW_NAMES = 0x0010,
	RAR4_FIRST = 0x0100,
	RAR5_MAIN = 1,
	RAR5_END = 5,
	RAR5_HAS_EXTRA = 1,
	RAR5_HAS_DATA = 2,
	RAR5_VOLUME = 1,
	RAR5_HAS_NUMBER = 2
};

/* ------------------------------------------------------------------- heads */

/* CRC, type, flags and size of a header are 7 bytes; the last one of a part has up to three more
 * fields behind them (bits of its flags). */
static void read_rar4(const uint8_t *head, size_t n, const uint8_t *tail, size_t tail_n,
		      struct rar_volume *ret)
{
	unsigned flags;
	size_t i;

	if (n < 14 || head[9] != RAR4_MAIN)
		return;
	flags = kith_get_le16(head + 10);
	ret->is_volume = (flags & RAR4_VOLUME) != 0;
	ret->is_first = (flags & RAR4_FIRST) != 0;
	ret->part_names = (flags & RAR4_NEW_NAMES) != 0;
	for (i = 7; i <= tail_n && i <= 20 && !ret->has_end; i++) {
		const uint8_t *end = tail + tail_n - i;

		if (end[2] != RAR4_END || kith_get_le16(end + 5) != i)
			continue;
		ret->has_end = true;
		ret->has_next = (kith_get_le16(end + 3) & 1) != 0;
	}
}

/* Numbers are little-endian, seven bits a byte. A header: CRC, its size, type, flags, sizes of what
 * is behind it as the flags say, and fields of its type. */
static bool header_rar5(const uint8_t **p, const uint8_t *end, uint64_t *ret_type)
{
	uint64_t size, flags, skipped;

	if (end - *p < 4)
		return false;
	*p += 4;
	return rar5_number(p, end, &size) && rar5_number(p, end, ret_type) &&
	       rar5_number(p, end, &flags) &&
	       ((flags & RAR5_HAS_EXTRA) == 0 || rar5_number(p, end, &skipped)) &&
	       ((flags & RAR5_HAS_DATA) == 0 || rar5_number(p, end, &skipped));
}

static void read_rar5(const uint8_t *head, size_t n, const uint8_t *tail, size_t tail_n,
		      struct rar_volume *ret)
{
	const uint8_t *p = head + 8, *end = head + n;
	uint64_t type, flags;

	ret->part_names = true;
	if (n < 8 || !header_rar5(&p, end, &type) || type != RAR5_MAIN ||
	    !rar5_number(&p, end, &flags))
		return;
	ret->is_volume = (flags & RAR5_VOLUME) != 0;
	ret->numbered = (flags & RAR5_HAS_NUMBER) != 0 && rar5_number(&p, end, &ret->number);
	ret->is_first = (flags & RAR5_HAS_NUMBER) == 0;
	if (tail_n < 8)
		return;
	p = tail + tail_n - 8; /* as they are written: CRC, 3, 5, flags, flags */
	ret->has_end = p[4] == 3 && header_rar5(&p, tail + tail_n, &type) && type == RAR5_END &&
		       rar5_number(&p, tail + tail_n, &flags);
	ret->has_next = ret->has_end && (flags & 1) != 0;
}

enum kith_status kith_rar_volume(const struct kith_blob *blob, struct rar_volume *ret,
				 struct kith_err *err)
{
	uint8_t head[HEAD_N], tail[TAIL_N];
	size_t n, tail_n;
	enum kith_status st;

	memset(ret, 0, sizeof *ret);
	st = kith_blob_read_some(blob, 0, head, sizeof head, &n, err);
	if (st >= 0)
		st = kith_blob_read_some(blob, blob->size < TAIL_N ? 0 : blob->size - TAIL_N, tail,
					 sizeof tail, &tail_n, err);
	if (st < 0)
		return st;
	if (n < 8 || memcmp(head, "Rar!\x1a\7", 6) != 0 || head[6] > 1)
		return KITH_NOT_FOUND;
	ret->rar5 = head[6] == 1;
	if (ret->rar5)
		read_rar5(head, n, tail, tail_n, ret);
	else
		read_rar4(head, n, tail, tail_n, ret);
	return KITH_OK;
}

/* ------------------------------------------------------------------- names */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The last component, with room for one more byte. */
static bool copy_base(const void *name, size_t n, char *ret, size_t ret_size)
{
	const char *text = name;
	size_t base = n;

	while (base > 0 && text[base - 1] != '/')
		base--;
	n -= base;
	if (n == 0 || n + 2 > ret_size || memchr(text + base, '\0', n) != NULL)
		return false;
	memcpy(ret, text + base, n);
	ret[n] = '\0';
	return true;
}

/* The last digits before the last dot: [*ret_from, *ret_to). */
static bool find_digits(const char *name, size_t *ret_from, size_t *ret_to)
{
	const char *dot = strrchr(name, '.');
	size_t to = dot == NULL ? strlen(name) : (size_t)(dot - name), from;

	while (to > 0 && !is_digit(name[to - 1]))
		to--;
	for (from = to; from > 0 && is_digit(name[from - 1]);)
		from--;
	*ret_from = from;
	*ret_to = to;
	return from < to;
}

/* Counts the digits [from, to) up or down. False: there is no such number of so many digits; they
 * have begun anew. */
static bool count_digits(char *text, size_t from, size_t to, bool up)
{
	char end = up ? '9' : '0', begin = up ? '0' : '9';
	size_t i;

	for (i = to; i > from && text[i - 1] == end; i--)
		text[i - 1] = begin;
	if (i == from)
		return false;
	text[i - 1] = (char)(text[i - 1] + (up ? 1 : -1));
	return true;
}

/* The same of ".r00", with the letter before the digits. */
static void count_extension(char *end, bool up)
{
	if (!count_digits(end, 2, 4, up))
		end[1] = (char)(end[1] + (up ? 1 : -1));
}

bool kith_rar_next_name(const void *name, size_t n, bool part_names, char *ret, size_t ret_size)
{
	size_t from, to;
	char *end;

	if (!copy_base(name, n, ret, ret_size))
		return false;
	if (part_names) {
		if (!find_digits(ret, &from, &to))
			return false;
		if (!count_digits(ret, from, to, true)) { /* part9, part10 */
			memmove(ret + from + 1, ret + from, strlen(ret + from) + 1);
			ret[from] = '1';
		}
		return true;
	}
	end = strrchr(ret, '.');
	if (end == NULL || strlen(end) != 4)
		return false;
	if (!is_digit(end[2]) || !is_digit(end[3])) { /* .rar, also .exe */
		end[1] = end[1] >= 'A' && end[1] <= 'Z' ? 'R' : 'r';
		end[2] = end[3] = '0';
	} else {
		count_extension(end, true);
	}
	return true;
}

bool kith_rar_previous_name(const void *name, size_t n, bool part_names, bool shorter, char *ret,
			    size_t ret_size)
{
	size_t from, to;
	char *end, first;

	if (!copy_base(name, n, ret, ret_size))
		return false;
	if (part_names) {
		if (!find_digits(ret, &from, &to))
			return false;
		first = ret[from];
		if (!count_digits(ret, from, to, false))
			return false;
		if (!shorter)
			return true;
		if (first == '0' || ret[from] != '0' || to - from == 1)
			return false;
		memmove(ret + from, ret + from + 1, strlen(ret + from));
		return true;
	}
	end = strrchr(ret, '.');
	if (shorter || end == NULL || strlen(end) != 4 || !is_digit(end[2]) || !is_digit(end[3]))
		return false;
	if ((end[1] == 'r' || end[1] == 'R') && end[2] == '0' && end[3] == '0') {
		end[2] = (char)(end[1] == 'r' ? 'a' : 'A');
		end[3] = end[1];
	} else {
		count_extension(end, false);
	}
	return true;
}
