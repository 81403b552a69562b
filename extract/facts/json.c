/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/json.h"

#include <string.h>

#include "base/utf.h"
#include "facts/inspect.h"

struct scan {
	const uint8_t *p, *end;
	struct kith_bytes keys[JSON_KEYS_MAX];
	json_string_fn string;
	void *user;
	struct kith_buf value;
};

static bool scan_value(struct scan *s, unsigned depth);

static void skip_blank(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' || *s->p == '\n'))
		s->p++;
}

static bool take(struct scan *s, char c)
{
	skip_blank(s);
	if (s->p >= s->end || *s->p != (uint8_t)c)
		return false;
	s->p++;
	return true;
}

/* The inside of a string, still escaped. */
static bool scan_string(struct scan *s, struct kith_bytes *ret)
{
	if (!take(s, '"'))
		return false;
	ret->data = s->p;
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

static bool scan_object(struct scan *s, unsigned depth)
{
	struct kith_bytes key;

	if (take(s, '}'))
		return true;
	do {
		if (!scan_string(s, &key) || !take(s, ':'))
			return false;
		if (depth < JSON_KEYS_MAX)
			s->keys[depth] = key;
		if (!scan_value(s, depth + 1))
			return false;
	} while (take(s, ','));
	return take(s, '}');
}

static bool scan_array(struct scan *s, unsigned depth)
{
	if (take(s, ']'))
		return true;
	do {
		if (depth < JSON_KEYS_MAX)
			s->keys[depth] = (struct kith_bytes){NULL, 0};
		if (!scan_value(s, depth + 1))
			return false;
	} while (take(s, ','));
	return take(s, ']');
}

/* A number or true, false, null: of no interest, so the letters need not be right. */
static bool scan_word(struct scan *s)
{
	const uint8_t *from = s->p;

	while (s->p<s->end && * s->p> ' ' && *s->p != '"' && memchr(",]}{[:", *s->p, 6) == NULL)
		s->p++;
	return s->p > from;
}

static bool scan_value(struct scan *s, unsigned depth)
{
	struct kith_bytes raw;

	skip_blank(s);
	if (s->p >= s->end || depth > JSON_DEPTH_MAX)
		return false;
	if (*s->p == '{' || *s->p == '[')
		return *s->p++ == '{' ? scan_object(s, depth) : scan_array(s, depth);
	if (*s->p != '"')
		return scan_word(s);
	if (!scan_string(s, &raw))
		return false;
	if (depth > JSON_KEYS_MAX)
		return true;
	if (!kith_json_unescape(raw, &s->value))
		return false;
	s->string(s->user, s->keys, depth, (struct kith_bytes){s->value.data, s->value.n});
	return true;
}

bool json_scan(struct kith_bytes text, json_string_fn string, void *user)
{
	struct scan s = {.p = text.data, .end = text.data + text.n, .string = string, .user = user};
	bool ok = scan_value(&s, 0);

	skip_blank(&s);
	ok = ok && s.p == s.end;
	kith_buf_done(&s.value);
	return ok;
}
