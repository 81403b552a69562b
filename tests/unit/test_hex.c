/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"

static void every_byte_survives_both_ways(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 256; i++) {
		uint8_t byte = (uint8_t)i, back = (uint8_t)~i;
		char text[3] = {0}, want[3];

		(void)snprintf(want, sizeof want, "%02x", i);
		assert_ptr_equal(kith_hex_encode(&byte, 1, text), text + 2);
		assert_string_equal(text, want);
		assert_true(kith_hex_decode(text, &back, 1));
		assert_int_equal(back, i);
		(void)snprintf(want, sizeof want, "%02X", i);
		assert_ptr_equal(kith_hex_encode_upper(&byte, 1, text), text + 2);
		assert_string_equal(text, want);
		back = (uint8_t)~i;
		assert_true(kith_hex_decode(text, &back, 1));
		assert_int_equal(back, i);
	}
}

static void what_is_no_digit_is_refused_in_both_places(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 256; i++) {
		char high[2] = {(char)i, '0'}, low[2] = {'0', (char)i};
		bool digit =
		    (i >= '0' && i <= '9') || (i >= 'a' && i <= 'f') || (i >= 'A' && i <= 'F');
		uint8_t out;

		assert_int_equal(kith_hex_decode(high, &out, 1), digit);
		assert_int_equal(kith_hex_decode(low, &out, 1), digit);
	}
}

static void one_bad_digit_spoils_a_long_text(void **state)
{
	char text[64];
	uint8_t out[32];
	size_t i;

	(void)state;
	memset(text, 'a', sizeof text);
	assert_true(kith_hex_decode(text, out, 32));
	for (i = 0; i < sizeof text; i++) {
		text[i] = 'g';
		assert_false(kith_hex_decode(text, out, 32));
		text[i] = 'a';
	}
}

/* Digits are decoded many at a time: each byte at each place is what it is when it stands alone. */
static void every_byte_counts_wherever_it_stands(void **state)
{
	char text[64];
	uint8_t out[32], one;
	unsigned i;
	size_t at;

	(void)state;
	for (i = 0; i < 256; i++) {
		for (at = 0; at < sizeof text; at++) {
			char pair[2] = {'5', '5'};
			bool digit;

			memset(text, '5', sizeof text);
			text[at] = pair[at % 2] = (char)i;
			digit = kith_hex_decode(pair, &one, 1);
			assert_int_equal(kith_hex_decode(text, out, 32), digit);
			if (digit)
				assert_int_equal(out[at / 2], one);
			assert_true(kith_hex_decode(text, out, at / 2));
		}
	}
}

/* As are encoded ones, whatever the length. */
static void a_long_text_is_its_bytes(void **state)
{
	char text[81], upper[81], want[81];
	uint8_t bytes[40] = {0};
	size_t n, i;

	(void)state;
	for (n = 0; n <= sizeof bytes; n++) {
		for (i = 0; i < n; i++) {
			bytes[i] = (uint8_t)(i * 37 + n * 11);
			(void)snprintf(want + 2 * i, 3, "%02x", bytes[i]);
		}
		memset(text, 'x', sizeof text);
		assert_ptr_equal(kith_hex_encode(bytes, n, text), text + 2 * n);
		assert_memory_equal(text, want, 2 * n);
		assert_int_equal(text[2 * n], 'x');
		for (i = 0; i < n; i++)
			(void)snprintf(want + 2 * i, 3, "%02X", bytes[i]);
		assert_ptr_equal(kith_hex_encode_upper(bytes, n, upper), upper + 2 * n);
		assert_memory_equal(upper, want, 2 * n);
		assert_int_equal(kith_hex_span(text, 2 * n), 2 * n);
		for (i = 0; i < 2 * n; i++) {
			char digit = text[i];

			text[i] = 'g';
			assert_int_equal(kith_hex_span(text, 2 * n), i);
			text[i] = digit;
		}
	}
}

static void a_span_ends_at_the_first_other_byte(void **state)
{
	(void)state;
	assert_int_equal(kith_hex_span("", 0), 0);
	assert_int_equal(kith_hex_span("09afAFg", 7), 6);
	assert_int_equal(kith_hex_span("09afAFg", 3), 3);
	assert_int_equal(kith_hex_span("\0ab", 3), 0);
	assert_int_equal(kith_hex_span(" ab", 3), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_byte_survives_both_ways),
	    cmocka_unit_test(what_is_no_digit_is_refused_in_both_places),
	    cmocka_unit_test(one_bad_digit_spoils_a_long_text),
	    cmocka_unit_test(every_byte_counts_wherever_it_stands),
	    cmocka_unit_test(a_long_text_is_its_bytes),
	    cmocka_unit_test(a_span_ends_at_the_first_other_byte),
	};

	return cmocka_run_group_tests_name("hex", tests, NULL, NULL);
}
