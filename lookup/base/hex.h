/* SPDX-License-Identifier: Apache-2.0 */
/* hex.h: digests as text. Any case is read, lower case is written unless asked. */
#ifndef KITH_BASE_HEX_H
#define KITH_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes exactly 2 * n digits at text into out[n]; false when one is not a hex digit. */
bool kith_hex_decode(const char *text, uint8_t *out, size_t n);

/* Writes 2 * n digits, no terminator; returns the end. */
char *kith_hex_encode(const uint8_t *in, size_t n, char *out);
char *kith_hex_encode_upper(const uint8_t *in, size_t n, char *out);

/* How many hex digits stand at text, at most n. */
size_t kith_hex_span(const char *text, size_t n);

#endif
