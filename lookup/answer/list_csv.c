/* SPDX-License-Identifier: Apache-2.0 */
/* list_csv.c: CSV as lists need it: fields by delimiter, quotes after RFC 4180. */
#include <string.h>

#include "answer/list.h"

bool kith_csv_next(const uint8_t **pos, const uint8_t *end, uint8_t delimiter,
		   struct kith_bytes *ret_field)
{
	const uint8_t *p = *pos;

	if (p == NULL)
		return false;
	if (p < end && *p == '"') {
		ret_field->data = ++p;
		while (p < end && (*p != '"' || (p + 1 < end && p[1] == '"')))
			p += *p == '"' ? 2 : 1;
		ret_field->n = (size_t)(p - ret_field->data);
		while (p < end && *p != delimiter)
			p++;
	} else {
		ret_field->data = p;
		while (p < end && *p != delimiter)
			p++;
		ret_field->n = (size_t)(p - ret_field->data);
		while (ret_field->n > 0 && (ret_field->data[ret_field->n - 1] == ' ' ||
					    ret_field->data[ret_field->n - 1] == '\r'))
			ret_field->n--;
		while (ret_field->n > 0 && *ret_field->data == ' ') {
			ret_field->data++;
			ret_field->n--;
		}
	}
	*pos = p < end ? p + 1 : NULL; /* NULL: that was the last field */
	return true;
}

/* Whether the field may end here: at the delimiter, the end of the line, or of the text. */
static bool field_ends(const uint8_t *p, const uint8_t *end, uint8_t delimiter)
{
	p += p < end && *p == '\r';
	return p == end || *p == delimiter || *p == '\n';
}

enum kith_csv_quotes kith_csv_quotes(const uint8_t *text, size_t n, uint8_t delimiter)
{
	const uint8_t *p = text, *end = text + n;
	bool quoted = false, at_start = true;

	for (; p < end; p++) {
		if (quoted && *p == '"' && p + 1 < end && p[1] == '"') {
			p++;
		} else if (quoted && *p == '"') {
			if (!field_ends(p + 1, end, delimiter))
				return KITH_CSV_STRAY;
			quoted = false;
		} else if (*p == '"' && at_start) {
			quoted = true;
		}
		at_start = !quoted && *p == delimiter;
	}
	return quoted ? KITH_CSV_OPEN : KITH_CSV_CLOSED;
}

unsigned kith_list_column(struct kith_bytes name)
{
	static const char *const names[KITH_DIGESTS] = {"sha256", "sha1", "md5"};
	char word[8];
	size_t n = 0, i;
	unsigned kind;

	for (i = 0; i < name.n; i++) {
		uint8_t c = name.data[i];

		if (c == '-' || c == '_' || c == ' ')
			continue;
		if (n == sizeof word - 1)
			return KITH_DIGESTS;
		word[n++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
	}
	word[n] = '\0';
	for (kind = 0; kind < KITH_DIGESTS; kind++) {
		if (strcmp(word, names[kind]) == 0)
			return kind;
	}
	return KITH_DIGESTS;
}
