/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rar5_headers.h: the headers of a RAR 5 archive by themselves. libarchive does not tell which
 * entries are copies of others (they look empty) or encrypted, and may end early without an error.
 */
#ifndef KITH_EXTRACT_RAR5_HEADERS_H
#define KITH_EXTRACT_RAR5_HEADERS_H

#include "base/buf.h"
#include "blob/blob.h"

/* A number of the format, seven bits a byte: unlike ours it may be longer than it needs to be. */
bool rar5_number(const uint8_t **pos, const uint8_t *end, uint64_t *ret);

struct rar5_file {
	const uint8_t *name; /* valid until the next call */
	size_t name_n;
	const uint8_t *copy_of; /* another file of the archive; NULL: it has data of its own */
	size_t copy_of_n;
	bool is_folder, encrypted;
};

struct rar5_headers {
	const struct kith_blob *const *parts;
	size_t n_parts, part;
	uint64_t at;  /* in the part */
	bool endless; /* a part had no header that ends it, or none that can be read */
	struct kith_buf header;
};

/* Parts: valid as long as this. Nothing fails; ends with rar5_headers_done. */
void rar5_headers_start(struct rar5_headers *headers, const struct kith_blob *const *parts,
			size_t n_parts);
/* The next file or folder that begins. KITH_END: there is none, or what follows is damaged.
 * KITH_NOT_FOUND: the headers are encrypted. */
enum kith_status rar5_headers_next(struct rar5_headers *headers, struct rar5_file *ret,
				   struct kith_err *err);
void rar5_headers_done(struct rar5_headers *headers);

#endif
