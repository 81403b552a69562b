/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsrl_v2_row.c: lines of the text releases. The writers of these files do not agree on quoting:
 * NIST's names hold bare quotes and commas, exports from databases double their quotes or leave
 * them out. So a row is taken apart from both ends, and what remains in the middle is the name.
 */
#include <string.h>
#include <strings.h>

#include "nsrl_v2.h"

#define LEFT_FIELDS_2  3u /* SHA-1, MD5, CRC32; then the name */
#define RIGHT_FIELDS_2 4u /* size, product, system, special */
#define LEFT_FIELDS_1  1u /* SHA-1 */
#define RIGHT_FIELDS_1 7u /* size, product, system, MD4, MD5, CRC32, special */

struct kith_bytes v2_unquote(struct kith_bytes field)
{
	if (field.n >= 2 && field.data[0] == '"' && field.data[field.n - 1] == '"')
		return (struct kith_bytes){field.data + 1, field.n - 2};
	return field;
}

bool v2_take_left(struct kith_bytes *rest, struct kith_bytes *ret_field)
{
	const uint8_t *start = rest->data, *end = rest->data + rest->n, *comma;

	if (rest->n == 0)
		return false;
	if (start[0] == '"') {
		const uint8_t *quote = memchr(start + 1, '"', rest->n - 1);

		if (quote == NULL || quote + 1 >= end || quote[1] != ',')
			return false;
		comma = quote + 1;
	} else {
		comma = memchr(start, ',', rest->n);
		if (comma == NULL)
			return false;
	}
	*ret_field = v2_unquote((struct kith_bytes){start, (size_t)(comma - start)});
	*rest = (struct kith_bytes){comma + 1, (size_t)(end - comma - 1)};
	return true;
}

bool v2_take_right(struct kith_bytes *rest, struct kith_bytes *ret_field)
{
	bool quoted = rest->n > 0 && rest->data[rest->n - 1] == '"';
	size_t i;

	/* i: where the comma before the field would be; a quoted field has two quotes behind it */
	for (i = rest->n; i-- > 0;) {
		if (rest->data[i] != ',')
			continue;
		if (quoted && (rest->n - i < 3 || rest->data[i + 1] != '"'))
			continue;
		if (!quoted && i + 1 < rest->n && rest->data[i + 1] == '"')
			return false; /* cut off inside its quotes */
		*ret_field = v2_unquote((struct kith_bytes){rest->data + i + 1, rest->n - i - 1});
		rest->n = i;
		return true;
	}
	return false;
}

enum v2_layout v2_header(struct kith_bytes line)
{
	struct kith_bytes rest = line, field;

	if (rest.n >= 3 && memcmp(rest.data, "\xef\xbb\xbf", 3) == 0) {
		rest.data += 3;
		rest.n -= 3;
	}
	if (!v2_take_left(&rest, &field) || field.n != 5 ||
	    strncasecmp((const char *)field.data, "SHA-1", 5) != 0 || !v2_take_left(&rest, &field))
		return V2_LAYOUT_NONE;
	if (field.n == 3 && strncasecmp((const char *)field.data, "MD5", 3) == 0)
		return V2_LAYOUT_2;
	if (field.n == 8 && strncasecmp((const char *)field.data, "FileName", 8) == 0)
		return V2_LAYOUT_1;
	return V2_LAYOUT_NONE;
}

bool v2_parse_row(struct kith_bytes line, enum v2_layout layout, struct v2_row *ret_row)
{
	struct kith_bytes left[LEFT_FIELDS_2], right[RIGHT_FIELDS_1]; /* right[0] is the last */
	size_t n_left = layout == V2_LAYOUT_1 ? LEFT_FIELDS_1 : LEFT_FIELDS_2;
	size_t n_right = layout == V2_LAYOUT_1 ? RIGHT_FIELDS_1 : RIGHT_FIELDS_2;
	size_t i;

	for (i = 0; i < n_left; i++)
		if (!v2_take_left(&line, &left[i]))
			return false;
	for (i = 0; i < n_right; i++)
		if (!v2_take_right(&line, &right[i]))
			return false;
	/* a name that begins with a quote has to end with another one */
	if (line.n > 0 && line.data[0] == '"' && (line.n < 2 || line.data[line.n - 1] != '"'))
		return false;
	*ret_row = (struct v2_row){
	    .sha1 = left[0],
	    .md5 = layout == V2_LAYOUT_1 ? right[2] : left[1],
	    .name = v2_unquote(line),
	    .size = right[n_right - 1],
	    .product = right[n_right - 2],
	    .system = right[n_right - 3],
	    .special = right[0],
	};
	return true;
}

bool v2_number(struct kith_bytes text, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	if (text.n == 0 || text.n > 19) /* 19 digits always fit */
		return false;
	for (i = 0; i < text.n; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(text.data[i] - '0');
	}
	*ret = v;
	return true;
}

bool v2_undouble(struct kith_buf *buf, struct kith_bytes name)
{
	size_t i;

	for (i = 0; i < name.n; i++) {
		if (name.data[i] == '"' && i + 1 < name.n && name.data[i + 1] == '"')
			i++;
		if (!kith_buf_add_byte(buf, name.data[i]))
			return false;
	}
	return true;
}
