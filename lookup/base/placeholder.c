/* SPDX-License-Identifier: Apache-2.0 */
#include "base/placeholder.h"

#include <string.h>

bool kith_is_placeholder(struct kith_bytes text)
{
	static const char *const words[] = {
	    "unknown", "tbd", "none", "n/a", "not applicable", "not available", "null", "-", "?"};
	const uint8_t *p = text.data;
	size_t n = text.n, i, k;

	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	while (n > 0 && (*p == ' ' || *p == '\t')) {
		p++;
		n--;
	}
	if (n == 0)
		return true;
	for (i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (strlen(words[i]) != n)
			continue;
		for (k = 0; k < n; k++) {
			uint8_t c = p[k] >= 'A' && p[k] <= 'Z' ? (uint8_t)(p[k] | 0x20) : p[k];

			if (c != (uint8_t)words[i][k])
				break;
		}
		if (k == n)
			return true;
	}
	return false;
}
