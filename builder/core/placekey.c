/* SPDX-License-Identifier: Apache-2.0 */
#include "core/placekey.h"

#include <string.h>

bool kith_place_key_add(struct kith_buf *key, enum kith_place_kind kind, const void *name,
			size_t name_n)
{
	static const uint8_t zero[2] = {0x00, 0xff}, end[2] = {0x00, 0x00};
	const uint8_t *p = name, *stop = p + name_n;

	(void)kith_buf_add_byte(key, (uint8_t)kind);
	while (p < stop) {
		const uint8_t *nul = memchr(p, 0, (size_t)(stop - p));
		size_t n = (size_t)((nul != NULL ? nul : stop) - p);

		(void)kith_buf_add(key, p, n);
		p += n;
		if (nul != NULL) {
			(void)kith_buf_add(key, zero, 2);
			p++;
		}
	}
	return kith_buf_add(key, end, 2) && !key->failed;
}

size_t kith_place_key_span(struct kith_bytes key, size_t pos)
{
	size_t at = pos;

	if (at >= key.n || key.data[at] < KITH_PLACE_SOURCE || key.data[at] > KITH_PLACE_FOLDER)
		return 0;
	for (at++; at + 1 < key.n; at += 2) {
		const uint8_t *nul = memchr(key.data + at, 0, key.n - 1 - at);

		if (nul == NULL)
			break;
		at = (size_t)(nul - key.data);
		if (key.data[at + 1] == 0)
			return at + 2 - pos;
	}
	return 0;
}

bool kith_place_key_next(struct kith_bytes key, size_t *pos, enum kith_place_kind *ret_kind,
			 struct kith_buf *ret_name)
{
	size_t span = kith_place_key_span(key, *pos), at = *pos + 1, end = *pos + span - 2;

	if (span == 0)
		return false;
	ret_name->n = 0;
	while (at < end) {
		const uint8_t *nul = memchr(key.data + at, 0, end - at);
		size_t n = nul != NULL ? (size_t)(nul - (key.data + at)) + 1 : end - at;

		(void)kith_buf_add(ret_name, key.data + at, n);
		at += nul != NULL ? n + 1 : n;
	}
	if (ret_name->failed)
		return false;
	*ret_kind = (enum kith_place_kind)key.data[*pos];
	*pos += span;
	return true;
}
