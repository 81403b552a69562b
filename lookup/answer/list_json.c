/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list_json.c: the hashes of one JSON object, found by their path. A full scan of the grammar
 * without building anything: depth is bounded, nothing is allocated.
 */
#include <string.h>

#include "answer/list.h"

#define DEPTH_MAX      64
#define PATH_MAX_BYTES 64 /* longer paths are none of ours */

struct scan {
	const uint8_t *p, *end;
	char path[PATH_MAX_BYTES]; /* "file.hash.sha256" */
	size_t path_n;             /* PATH_MAX_BYTES: too long */
	struct kith_bytes *found;
};

static bool scan_value(struct scan *s, unsigned depth);

static void skip_blank(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' || *s->p == '\n'))
		s->p++;
}

/* The inside of a string, still escaped; a hash or one of our keys has no escapes. */
static bool scan_string(struct scan *s, struct kith_bytes *ret)
{
	if (s->p >= s->end || *s->p != '"')
		return false;
	ret->data = ++s->p;
	while (s->p < s->end && *s->p != '"') {
		if (*s->p < 0x20)
			return false;
		s->p += *s->p == '\\' && s->end - s->p > 1 ? 2 : 1;
	}
	if (s->p >= s->end)
		return false;
	ret->n = (size_t)(s->p - ret->data);
	s->p++;
	return true;
}

static bool scan_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return false;
	s->p += n;
	return true;
}

static bool scan_number(struct scan *s)
{
	const uint8_t *from = s->p;

	while (s->p < s->end && *s->p != '\0' && strchr("+-.0123456789eE", *s->p) != NULL)
		s->p++;
	return s->p > from;
}

static size_t push(struct scan *s, struct kith_bytes key)
{
	size_t before = s->path_n, i;

	if (before + key.n + 1 >= PATH_MAX_BYTES) {
		s->path_n = PATH_MAX_BYTES;
		return before;
	}
	if (before > 0)
		s->path[s->path_n++] = '.';
	for (i = 0; i < key.n; i++) { /* in lower case: "Hashes" is what "hashes" is */
		uint8_t c = key.data[i];

		s->path[s->path_n++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
	}
	return before;
}

/* Is the present path one of those that hold a hash of the object itself? */
static void take(struct scan *s, struct kith_bytes value)
{
	static const char *const parents[] = {"", "hashes.", "hash.", "file.hash.", "file.hashes."};
	unsigned kind;
	size_t i;

	if (s->path_n == 0 || s->path_n == PATH_MAX_BYTES)
		return;
	for (i = 0; i < sizeof parents / sizeof *parents; i++) {
		size_t n = strlen(parents[i]);
		struct kith_bytes leaf;

		if (s->path_n <= n || memcmp(s->path, parents[i], n) != 0)
			continue;
		leaf.data = (const uint8_t *)s->path + n;
		leaf.n = s->path_n - n;
		kind = kith_list_column(leaf);
		if (kind < KITH_DIGESTS && s->found[kind].n == 0)
			s->found[kind] = value;
	}
}

static bool scan_object(struct scan *s, unsigned depth)
{
	s->p++;
	skip_blank(s);
	if (s->p < s->end && *s->p == '}') {
		s->p++;
		return true;
	}
	for (;;) {
		struct kith_bytes key;
		size_t before;
		bool ok;

		skip_blank(s);
		if (!scan_string(s, &key))
			return false;
		skip_blank(s);
		if (!scan_word(s, ":"))
			return false;
		before = push(s, key);
		ok = scan_value(s, depth + 1);
		s->path_n = before;
		if (!ok)
			return false;
		skip_blank(s);
		if (scan_word(s, "}"))
			return true;
		if (!scan_word(s, ","))
			return false;
	}
}

static bool scan_array(struct scan *s, unsigned depth)
{
	static const uint8_t item[] = "[]";
	const struct kith_bytes key = {item, 2};
	size_t before = push(s, key); /* so that nothing in an array is taken for ours */

	s->p++;
	skip_blank(s);
	if (s->p < s->end && *s->p == ']') {
		s->p++;
		s->path_n = before;
		return true;
	}
	for (;;) {
		if (!scan_value(s, depth + 1))
			return false;
		skip_blank(s);
		if (scan_word(s, "]")) {
			s->path_n = before;
			return true;
		}
		if (!scan_word(s, ","))
			return false;
	}
}

static bool scan_value(struct scan *s, unsigned depth)
{
	struct kith_bytes text;

	if (depth > DEPTH_MAX)
		return false;
	skip_blank(s);
	if (s->p >= s->end)
		return false;
	switch (*s->p) {
	case '{': return scan_object(s, depth);
	case '[': return scan_array(s, depth);
	case '"':
		if (!scan_string(s, &text))
			return false;
		take(s, text);
		return true;
	case 't': return scan_word(s, "true");
	case 'f': return scan_word(s, "false");
	case 'n': return scan_word(s, "null");
	default: return scan_number(s);
	}
}

bool kith_list_json(const uint8_t *text, size_t n, struct kith_bytes found[KITH_DIGESTS])
{
	struct scan s;

	memset(&s, 0, sizeof s);
	memset(found, 0, KITH_DIGESTS * sizeof *found);
	s.p = text;
	s.end = text + n;
	s.found = found;
	skip_blank(&s);
	if (s.p >= s.end || *s.p != '{' || !scan_value(&s, 0))
		return false;
	skip_blank(&s);
	return s.p == s.end;
}
