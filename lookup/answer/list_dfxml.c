/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list_dfxml.c: the hashes of one <fileobject> of Digital Forensics XML. Not an XML parser: it
 * walks over tags, and takes <hashdigest type="...">HEX</hashdigest> outside of <byte_run>, whose
 * digests are those of pieces.
 */
#include <string.h>

#include "answer/list.h"

/* Does the tag that starts at p (behind '<') have this name, with or without a prefix? */
static bool is_tag(const uint8_t *p, const uint8_t *end, const char *name)
{
	size_t n = strlen(name), i;
	bool closes = p < end && *p == '/';

	if (closes != (*name == '/'))
		return false;
	p += closes;
	name += closes;
	n -= closes;
	/* "d:" of <d:hashdigest xmlns:d="...">: up to the first byte that ends a name. */
	for (i = 0; i < (size_t)(end - p) && memchr(" \t\r\n/<>:", p[i], 8) == NULL; i++)
		;
	if (i < (size_t)(end - p) && p[i] == ':')
		p += i + 1;
	return (size_t)(end - p) > n && memcmp(p, name, n) == 0 &&
	       memchr(" \t\r\n/>", p[n], 6) != NULL;
}

const uint8_t *kith_dfxml_find(const uint8_t *p, size_t n, const char *name)
{
	const uint8_t *end = p + n;

	while (p < end && (p = memchr(p, '<', (size_t)(end - p))) != NULL) {
		if (is_tag(p + 1, end, name))
			return p;
		p++;
	}
	return NULL;
}

/* The value of the attribute type of the tag p .. end. */
static struct kith_bytes type_of(const uint8_t *p, const uint8_t *end)
{
	struct kith_bytes none = {NULL, 0}, value;
	const uint8_t *q;

	for (; (size_t)(end - p) > 6; p++) {
		if (memcmp(p, "type=", 5) != 0 || (p[5] != '"' && p[5] != '\''))
			continue;
		q = memchr(p + 6, p[5], (size_t)(end - p) - 6);
		if (q == NULL)
			return none;
		value.data = p + 6;
		value.n = (size_t)(q - value.data);
		return value;
	}
	return none;
}

bool kith_list_dfxml(const uint8_t *text, size_t n, struct kith_bytes found[KITH_DIGESTS])
{
	const uint8_t *p = text, *end = text + n;
	unsigned in_run = 0;
	bool any = false;

	memset(found, 0, KITH_DIGESTS * sizeof *found);
	while (p < end && (p = memchr(p, '<', (size_t)(end - p))) != NULL) {
		const uint8_t *close = memchr(p, '>', (size_t)(end - p));
		const uint8_t *next;
		unsigned kind;

		if (close == NULL)
			break;
		p++;
		if (is_tag(p, end, "byte_run") && close[-1] != '/')
			in_run++;
		if (is_tag(p, end, "/byte_run") && in_run > 0)
			in_run--;
		if (!is_tag(p, end, "hashdigest") || in_run > 0) {
			p = close + 1;
			continue;
		}
		kind = kith_list_column(type_of(p, close));
		p = close + 1;
		next = p < end ? memchr(p, '<', (size_t)(end - p)) : NULL;
		if (kind >= KITH_DIGESTS || next == NULL || found[kind].n > 0)
			continue;
		while (p < next && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
			p++;
		found[kind].data = p;
		found[kind].n = (size_t)(next - p);
		while (found[kind].n > 0 && found[kind].data[found[kind].n - 1] <= ' ')
			found[kind].n--;
		any = any || found[kind].n > 0;
		p = next;
	}
	return any;
}
