/* SPDX-License-Identifier: Apache-2.0 */
/* text.c: small helpers of the inspectors. */
#include "facts/inspect.h"

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

bool text_is_nocase(struct kith_bytes text, const char *is)
{
	size_t i, n = strlen(is);

	if (text.n != n)
		return false;
	for (i = 0; i < n; i++)
		if (lower(text.data[i]) != (uint8_t)is[i])
			return false;
	return true;
}

bool text_ends_nocase(struct kith_bytes text, const char *with)
{
	size_t n = strlen(with);

	return text.n >= n && text_is_nocase((struct kith_bytes){text.data + text.n - n, n}, with);
}

bool text_holds(struct kith_bytes text, const char *part)
{
	size_t n = strlen(part);
	const uint8_t *p = text.data, *end = text.data + text.n;

	while ((size_t)(end - p) >= n) {
		p = memchr(p, part[0], (size_t)(end - p) - n + 1);
		if (p == NULL)
			return false;
		if (memcmp(p, part, n) == 0)
			return true;
		p++;
	}
	return false;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
}

struct kith_bytes text_trim(struct kith_bytes text)
{
	while (text.n > 0 && is_blank(text.data[0])) {
		text.data++;
		text.n--;
	}
	while (text.n > 0 && is_blank(text.data[text.n - 1]))
		text.n--;
	return text;
}

bool text_line(struct kith_bytes *rest, struct kith_bytes *ret)
{
	const uint8_t *end;

	if (rest->n == 0)
		return false;
	end = memchr(rest->data, '\n', rest->n);
	ret->data = rest->data;
	ret->n = end == NULL ? rest->n : (size_t)(end - rest->data);
	rest->data += ret->n;
	rest->n -= ret->n;
	if (end != NULL) {
		rest->data++;
		rest->n--;
	}
	return true;
}

bool text_split(struct kith_bytes line, char separator, struct kith_bytes *ret_key,
		struct kith_bytes *ret_value)
{
	const uint8_t *at = line.n == 0 ? NULL : memchr(line.data, separator, line.n);

	if (at == NULL)
		return false;
	*ret_key = text_trim((struct kith_bytes){line.data, (size_t)(at - line.data)});
	*ret_value = text_trim((struct kith_bytes){at + 1, (size_t)(line.data + line.n - at - 1)});
	return true;
}

struct kith_bytes path_rooted(struct kith_bytes path)
{
	if (text_begins(path, "./")) {
		path.data++;
		path.n--;
	}
	while (path.n > 0 && path.data[0] == '/') {
		path.data++;
		path.n--;
	}
	return path;
}

struct kith_bytes path_last(struct kith_bytes path)
{
	size_t i;

	for (i = path.n; i > 0; i--)
		if (path.data[i - 1] == '/')
			return (struct kith_bytes){path.data + i, path.n - i};
	return path;
}

void tell(const struct kith_fact_sink *sink, enum kith_fact fact, unsigned weight,
	  struct kith_bytes text)
{
	text = text_trim(text);
	if (text.n > 0 && text.n <= KITH_FACT_TEXT)
		sink->fact(sink->user, fact, weight, text.data, text.n);
}
