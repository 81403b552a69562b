/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the reader of hash lists. Beside not crashing, of each entry must hold: a hash lies inside
 * the entry and has its kind's number of digits; what is bad has a reason; no entry is larger than
 * the limits allow; lines are numbered upwards; the reader ends.
 */
#include <string.h>

#include "../holds.h"
#include "answer/list.h"
#include "base/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct input {
	const uint8_t *data;
	size_t n, step;
};

/* Gives a few bytes at a time, so that entries meet the ends of reads. */
static enum kith_status read_input(void *user, void *buf, size_t n, size_t *ret_n,
				   struct kith_err *err)
{
	struct input *input = user;
	size_t give = input->n < input->step ? input->n : input->step;

	(void)err;
	if (give > n)
		give = n;
	if (give > 0)
		memcpy(buf, input->data, give);
	input->data += give;
	input->n -= give;
	*ret_n = give;
	return KITH_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct kith_list_reader reader;
	struct kith_entry entry;
	struct kith_err err;
	struct input input = {data, n, n % 3 == 0 ? 7 : 4096};
	size_t entries = 0;
	enum kith_status st;

	kith_list_reader_init(&reader, -1);
	reader.lines.read = read_input;
	reader.lines.user = &input;
	while ((st = kith_list_reader_next(&reader, &entry, &err)) == KITH_OK) {
		HOLDS(++entries <= n + 1);
		HOLDS(entry.line >= 1 && entry.line <= n + 1);
		HOLDS(entry.raw_n <= 3 * (size_t)KITH_LIMIT_LINE);
		if (entry.kind == KITH_ENTRY_BAD)
			HOLDS(entry.reason[0] != '\0');
		if (entry.kind != KITH_ENTRY_HASH)
			continue;
		HOLDS(entry.text_n == 2 * kith_digest_size(entry.digest));
		HOLDS(entry.text >= entry.raw);
		HOLDS(entry.text + entry.text_n <= entry.raw + entry.raw_n);
	}
	HOLDS(st == KITH_END || st == KITH_E_UNSUPPORTED);
	kith_list_reader_done(&reader);
	return 0;
}
