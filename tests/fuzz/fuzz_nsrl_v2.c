/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the rows of NSRL RDS v2 and v1: the first byte of the input chooses the layout, the rest
 * is a line. Beside not crashing: what a row is taken apart into lies inside the line, in order,
 * and putting the fields of a row that was quoted as usual together again gives the line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../holds.h"
#include "sources/nsrl_v2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void inside(struct kith_bytes field, const uint8_t **pos, const uint8_t *end)
{
	HOLDS(field.data >= *pos && field.data <= end);
	HOLDS(field.n <= (size_t)(end - field.data));
	*pos = field.data + field.n;
}

static void check_row(const struct v2_row *row, enum v2_layout layout, struct kith_bytes line)
{
	const uint8_t *pos = line.data, *end = line.data + line.n;
	struct kith_buf buf = {0};
	uint64_t number;

	inside(row->sha1, &pos, end);
	if (layout == V2_LAYOUT_2)
		inside(row->md5, &pos, end);
	inside(row->name, &pos, end);
	inside(row->size, &pos, end);
	inside(row->product, &pos, end);
	inside(row->system, &pos, end);
	if (layout == V2_LAYOUT_1)
		inside(row->md5, &pos, end);
	inside(row->special, &pos, end);
	/* the special code is the last field: behind it there is at most its quote */
	HOLDS(end - pos <= 1);
	HOLDS(v2_undouble(&buf, row->name));
	HOLDS(buf.n <= row->name.n && buf.n >= row->name.n / 2);
	HOLDS(v2_has_doubled(row->name) || buf.n == row->name.n);
	kith_buf_done(&buf);
	if (v2_number(row->size, &number)) {
		char text[32];
		size_t zeros = strspn((const char *)row->size.data, "0");

		/* digits, and those of the number but for zeros in front */
		if (zeros < row->size.n) {
			int length =
			    snprintf(text, sizeof text, "%llu", (unsigned long long)number);

			HOLDS((size_t)length == row->size.n - zeros);
			HOLDS(memcmp(text, row->size.data + zeros, (size_t)length) == 0);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	enum v2_layout layout;
	struct kith_bytes line;
	struct v2_row row;
	uint8_t *copy;

	if (n == 0)
		return 0;
	/* a copy of its own, with a NUL behind it: reading past the line is then seen */
	copy = malloc(n);
	if (copy == NULL)
		return 0;
	memcpy(copy, data + 1, n - 1);
	copy[n - 1] = '\0';
	layout = data[0] % 2 == 0 ? V2_LAYOUT_2 : V2_LAYOUT_1;
	line = (struct kith_bytes){copy, n - 1};
	(void)v2_header(line);
	if (v2_parse_row(line, layout, &row))
		check_row(&row, layout, line);
	free(copy);
	return 0;
}
