/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_detect.c: the detector, on a head and a tail cut out of the input. The first byte says
 * where, and what is known of the size.
 */
#include <stdint.h>
#include <stdlib.h>

#include "detect/detect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct kith_peek peek = {0};
	enum kith_format format;
	unsigned how;

	if (n == 0)
		return 0;
	how = data[0];
	data++;
	n--;
	peek.head = data;
	peek.head_n = n < KITH_PEEK_HEAD ? n : KITH_PEEK_HEAD;
	if ((how & 1) != 0) { /* a head and a tail of a larger file */
		size_t cut = n * (how >> 4) / 16;

		peek.head_n = cut < KITH_PEEK_HEAD ? cut : KITH_PEEK_HEAD;
		peek.tail = data + cut;
		peek.tail_n = n - cut < KITH_PEEK_TAIL ? n - cut : KITH_PEEK_TAIL;
	}
	peek.has_size = (how & 2) != 0;
	peek.size = peek.has_size ? (how & 4) != 0 ? n : (uint64_t)n << (how >> 4) : 0;
	format = kith_detect(&peek);
	if ((unsigned)format >= KITH_FORMATS)
		abort();
	return 0;
}
