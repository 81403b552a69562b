/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ar_members.h: the members of an ar archive, where they lie. For the container `ar`, and for those
 * that are an ar with a meaning of its own (deb).
 */
#ifndef KITH_EXTRACT_AR_MEMBERS_H
#define KITH_EXTRACT_AR_MEMBERS_H

#include "base/buf.h"
#include "blob/blob.h"

struct kith_ar {
	const struct kith_blob *blob; /* not owned */
	uint64_t at;                  /* of the next header */
	uint64_t strings, strings_n;  /* SysV: where the table of long names is */
	struct kith_buf name;
};

struct kith_ar_member {
	const uint8_t *name; /* without the '/' that ends it; valid until the next call */
	size_t name_n;
	uint64_t offset, size; /* in the blob; may reach beyond it when the archive is cut off: the
				* next call then fails */
	bool table;            /* a symbol table or the table of long names */
};

/* KITH_E_CORRUPT when it does not begin as an ar does. */
enum kith_status kith_ar_open(struct kith_ar *ar, const struct kith_blob *blob,
			      struct kith_err *err);
/* KITH_OK, KITH_END, KITH_E_CORRUPT (it says where), KITH_E_IO, KITH_E_NOMEM. */
enum kith_status kith_ar_next(struct kith_ar *ar, struct kith_ar_member *ret, struct kith_err *err);
void kith_ar_done(struct kith_ar *ar);

#endif
