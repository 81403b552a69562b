/* SPDX-License-Identifier: Apache-2.0 */
#include "hex.h"

#include <string.h>

/* 0x00..0x0f for a digit, 0xff for anything else. */
#define X 0xff
static const uint8_t digit_value[256] = {
    X, X, X, X, X, X, X, X,  X,  X,  X,  X,  X,  X,  X,  X,  X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X,  X,  X,  X,  X,  X,  X,  X,  X,  X, X, X, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    X, X, X, X, X, X, X, 10, 11, 12, 13, 14, 15, X,  X,  X,  X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X,  X,  X,  10, 11, 12, 13, 14, 15, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X,  X,  X,  X,  X,  X,  X,  X,  X,  X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X,  X,  X,  X,  X,  X,  X,  X,  X,  X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X,  X,  X,  X,  X,  X,  X,  X,  X,  X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X,  X,  X,  X,  X,  X,  X,  X,  X,  X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X,  X,  X,  X,  X,  X,  X,  X,  X,  X, X, X, X, X, X, X, X,
};
#undef X

/*
 * 16 digits at a time in one vector register, of whatever kind the machine has: reading a release
 * decodes over a hundred digits a row. What is left at the end goes through the table.
 */
#define VECTOR 16
typedef uint8_t vector_u8 __attribute__((vector_size(VECTOR)));
typedef uint16_t vector_u16 __attribute__((vector_size(VECTOR)));
typedef uint8_t half_u8 __attribute__((vector_size(VECTOR / 2)));

/* What VECTOR digits stand for; sets bytes of *bad where there is something else. */
static vector_u8 digits_of(const uint8_t *text, vector_u8 *bad)
{
	vector_u8 c, digit, letter, is_digit, is_letter;

	memcpy(&c, text, sizeof c);
	digit = c - '0';
	letter = (c | 0x20) - 'a';
	is_digit = (vector_u8)(digit < 10);
	is_letter = (vector_u8)(letter < 6);
	*bad |= ~(is_digit | is_letter);
	return (digit & is_digit) | ((letter + 10) & is_letter);
}

static bool any_set(vector_u8 v)
{
	uint64_t halves[VECTOR / 8];

	memcpy(halves, &v, sizeof halves);
	return (halves[0] | halves[1]) != 0;
}

static void decode_vector(const uint8_t *text, uint8_t *out, vector_u8 *bad)
{
	vector_u16 pairs = (vector_u16)digits_of(text, bad);
	half_u8 bytes;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	pairs = pairs << 4 | pairs >> 8;
#else
	pairs = pairs >> 4 | pairs;
#endif
	bytes = __builtin_convertvector(pairs & 0xff, half_u8);
	memcpy(out, &bytes, sizeof bytes);
}

bool kith_hex_decode(const char *text, uint8_t *out, size_t n)
{
	const uint8_t *p = (const uint8_t *)text;
	vector_u8 bad_vector = {0};
	uint8_t bad = 0;
	size_t i;

	for (i = 0; i + VECTOR / 2 <= n; i += VECTOR / 2)
		decode_vector(p + 2 * i, out + i, &bad_vector);
	for (; i < n; i++) {
		uint8_t high = digit_value[p[2 * i]], low = digit_value[p[2 * i + 1]];

		bad |= (uint8_t)(high | low);
		out[i] = (uint8_t)(high << 4 | (low & 0x0f));
	}
	return bad < 0x10 && !any_set(bad_vector);
}

/* Encodes half a VECTOR; `ten` is the digit of ten. */
static void encode_vector(const uint8_t *in, char *out, char ten)
{
	half_u8 bytes;
	vector_u16 pairs;
	vector_u8 digits;

	memcpy(&bytes, in, sizeof bytes);
	pairs = __builtin_convertvector(bytes, vector_u16);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	pairs = pairs >> 4 | (pairs & 0x0f) << 8;
#else
	pairs = (pairs & 0xf0) << 4 | (pairs & 0x0f);
#endif
	digits = (vector_u8)pairs;
	digits += '0' + ((vector_u8)(digits > 9) & (uint8_t)(ten - 10 - '0'));
	memcpy(out, &digits, sizeof digits);
}

static char *encode(const uint8_t *in, size_t n, char *out, const char *digits)
{
	size_t i;

	for (i = 0; i + VECTOR / 2 <= n; i += VECTOR / 2, out += VECTOR)
		encode_vector(in + i, out, digits[10]);
	for (; i < n; i++) {
		*out++ = digits[in[i] >> 4];
		*out++ = digits[in[i] & 0x0f];
	}
	return out;
}

char *kith_hex_encode(const uint8_t *in, size_t n, char *out)
{
	return encode(in, n, out, "0123456789abcdef");
}

char *kith_hex_encode_upper(const uint8_t *in, size_t n, char *out)
{
	return encode(in, n, out, "0123456789ABCDEF");
}

size_t kith_hex_span(const char *text, size_t n)
{
	const uint8_t *p = (const uint8_t *)text;
	vector_u8 bad = {0};
	size_t i = 0;

	for (; i + VECTOR <= n; i += VECTOR) {
		(void)digits_of(p + i, &bad);
		if (any_set(bad))
			break;
	}
	while (i < n && digit_value[p[i]] != 0xff)
		i++;
	return i;
}
