/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out.h: what leaves the program. A buffered writer that remembers its first failure, and the
 * three ways in which bytes from a set are made fit for a reader: text for a terminal, JSON, CSV.
 *
 * Names in a set are bytes and were chosen by strangers. None of the escapers lets a control
 * character or a malformed UTF-8 sequence through, so that no name can steer a terminal or break
 * a parser.
 */
#ifndef KITH_BASE_OUT_H
#define KITH_BASE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "buf.h"
#include "kith.h"

/* ----------------------------------------------------------------- writer */

/*
 * After the first failure nothing more is written and every call returns false, so that a loop
 * can end early and one check at the end is enough. A closed pipe is a failure too, but a quiet
 * one: kith_out_done() returns KITH_OK for it.
 */
struct kith_out {
	int fd;
	int sys_errno; /* of the first failure; 0: none */
	bool nomem;
	struct kith_buf buf;
};

void kith_out_init(struct kith_out *out, int fd);
bool kith_out_write(struct kith_out *out, const void *data, size_t n);
bool kith_out_text(struct kith_out *out, const char *text);
bool kith_out_flush(struct kith_out *out);
bool kith_out_failed(const struct kith_out *out);

/*
 * Writes the rest and releases the buffer; does not close fd. KITH_OK, or KITH_E_IO / KITH_E_NOMEM
 * with words. what: "standard output", a path.
 */
enum kith_status kith_out_done(struct kith_out *out, const char *what, struct kith_err *err);

/* --------------------------------------------------------------- escapers */

/* Length of the well-formed UTF-8 sequence at p (1 .. 4), or 0. No overlong forms, no surrogates.
 */
size_t kith_utf8_length(const uint8_t *p, size_t n);

/*
 * For a terminal: printable UTF-8 as it is, the backslash doubled; control characters (C0, DEL,
 * C1), line separators, those that turn the direction of writing, and bytes that are not UTF-8 as
 * \xHH, byte by byte. Can be undone without loss.
 */
bool kith_escape_text(struct kith_buf *buf, const void *data, size_t n);

/*
 * The inside of a JSON string, without its quotes. Always valid UTF-8: each byte that is not part
 * of a well-formed sequence becomes U+FFFD. Returns false when out of memory. *ret_lossy (may be
 * NULL) is set to true when a byte was replaced and left alone otherwise; callers then add the
 * bytes in hex beside.
 */
bool kith_escape_json(struct kith_buf *buf, const void *data, size_t n, bool *ret_lossy);

/*
 * The inside of a quoted CSV field (RFC 4180), without its quotes: quotes doubled; tabs and line
 * breaks as they are; other control characters and bytes that are not UTF-8 as \xHH. The backslash
 * itself is left alone, so paths stay readable; who needs every byte back reads JSON.
 */
bool kith_escape_csv(struct kith_buf *buf, const void *data, size_t n);

/* The whole field, quoted only where needed. */
bool kith_csv_field(struct kith_buf *buf, const void *data, size_t n);

/* A terminated text as it is. Here, because the lengths of literals are then known beforehand. */
static inline bool kith_buf_add_str(struct kith_buf *buf, const char *text)
{
	return kith_buf_add(buf, text, strlen(text));
}
/* Decimal digits. */
bool kith_buf_add_number(struct kith_buf *buf, uint64_t v);

#endif
