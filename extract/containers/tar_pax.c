/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tar_pax.c: extended headers, read beside libarchive: it replaces what is not UTF-8 in their
 * names, and does not tell of keys that it does not know. Format: POSIX.1-2017, pax, "pax Extended
 * Header"; APK-TOOLS.checksum.SHA1: Alpine's package format 2.
 */
#include <string.h>

#include "tar.h"

#define RECORD  ((size_t)512)
#define TYPE_AT ((size_t)156)
#define SIZE_AT ((size_t)124)
#define SIZE_N  ((size_t)12)

bool kith_tar_hex(const uint8_t *text, uint8_t *ret, size_t n)
{
	size_t i;

	for (i = 0; i < 2 * n; i++) {
		uint8_t c = text[i];
		unsigned v;

		if (c >= '0' && c <= '9')
			v = (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = (unsigned)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			v = (unsigned)(c - 'A' + 10);
		else
			return false;
		ret[i / 2] = (uint8_t)(i % 2 == 0 ? v << 4 : ret[i / 2] | v);
	}
	return true;
}

static bool key_is(const uint8_t *key, size_t n, const char *text)
{
	return n == strlen(text) && memcmp(key, text, n) == 0;
}

static void read_record(const uint8_t *key, size_t key_n, const uint8_t *value, size_t value_n,
			struct kith_tar_pax *ret)
{
	if (key_is(key, key_n, "path")) {
		ret->path = value;
		ret->path_n = value_n;
	} else if (key_is(key, key_n, "linkpath")) {
		ret->link = value;
		ret->link_n = value_n;
	} else if (key_is(key, key_n, "APK-TOOLS.checksum.SHA1") &&
		   value_n == 2 * sizeof ret->sha1) {
		ret->has_sha1 = kith_tar_hex(value, ret->sha1, sizeof ret->sha1);
	} else if (key_n > 11 && memcmp(key, "GNU.sparse.", 11) == 0) {
		ret->sparse = true;
	}
}

/* "LENGTH KEY=VALUE\n", LENGTH counting all of it. */
static void read_records(const uint8_t *p, size_t n, struct kith_tar_pax *ret)
{
	while (n > 0) {
		size_t length = 0, i = 0, key;

		for (; i < n && i < 10 && p[i] >= '0' && p[i] <= '9'; i++)
			length = length * 10 + (size_t)(p[i] - '0');
		if (i == 0 || i >= n || p[i] != ' ' || length > n || length < i + 3 ||
		    p[length - 1] != '\n')
			return;
		key = ++i;
		while (i < length - 1 && p[i] != '=')
			i++;
		if (i == length - 1)
			return;
		read_record(p + key, i - key, p + i + 1, length - 1 - (i + 1), ret);
		p += length;
		n -= length;
	}
}

void kith_tar_pax_read(const uint8_t *headers, size_t n, struct kith_tar_pax *ret)
{
	memset(ret, 0, sizeof *ret);
	while (n >= RECORD) {
		uint8_t type = headers[TYPE_AT];
		uint64_t size = 0;
		size_t i, body;

		for (i = 0; i < SIZE_N; i++) {
			uint8_t c = headers[SIZE_AT + i];

			if (c >= '0' && c <= '7')
				size = size << 3 | (uint64_t)(c - '0');
		}
		if (type == 'S')
			ret->sparse = true;
		headers += RECORD;
		n -= RECORD;
		if (type != 'x' && type != 'g' && type != 'L' && type != 'K')
			return; /* the entry's own: what may follow is a map of holes */
		body = size < n ? (size_t)size : n;
		if (type == 'x')
			read_records(headers, body, ret);
		body = (body + RECORD - 1) / RECORD * RECORD;
		if (body > n)
			return;
		headers += body;
		n -= body;
	}
	if (ret->sparse)
		ret->path = NULL; /* GNU.sparse.name has the name then */
}
