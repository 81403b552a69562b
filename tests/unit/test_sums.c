/* SPDX-License-Identifier: Apache-2.0 */
/* That the stitched digests are libcrypto's, for every length around the ends of blocks. */
#include "hash/sums.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void add_in_pieces(struct sums *sums, const uint8_t *data, size_t n, size_t piece)
{
	size_t at;

	for (at = 0; at < n; at += piece)
		sums_add(sums, data + at, n - at < piece ? n - at : piece);
}

static void test_both_agree(void **state)
{
	struct sum_methods *methods[2] = {sum_methods_new(SUM_ALL),
					  sum_methods_new_libcrypto(SUM_ALL)};
	struct sums *sums[2];
	static uint8_t data[700];
	size_t n, i;

	(void)state;
	for (i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * i * 31 + i * 167 + 13);
	for (i = 0; i < 2; i++) {
		assert_non_null(methods[i]);
		sums[i] = sums_new(methods[i]);
		assert_non_null(sums[i]);
	}
	for (n = 0; n <= sizeof data; n++) {
		struct kith_digests digests[2];

		memset(digests, 0, sizeof digests);
		for (i = 0; i < 2; i++) {
			sums_begin(sums[i]);
			add_in_pieces(sums[i], data, n, i == 0 ? n % 150 + 1 : sizeof data);
			if (n % 5 == 0)
				sums_add_zeros(sums[i], n * 301);
			assert_true(sums_end(sums[i], &digests[i]));
		}
		assert_memory_equal(&digests[0], &digests[1], sizeof digests[0]);
	}
	for (i = 0; i < 2; i++) {
		sums_free(sums[i]);
		sum_methods_free(methods[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_both_agree)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
