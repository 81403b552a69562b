/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch.h: temporary space. Runs and maps live in one file that has no name (it was unlinked as
 * soon as it was made), so a crash leaves nothing; sources that need a name get files
 * `kith.tmp-XXXXXX<suffix>`, which the next run removes if nobody holds their lock.
 */
#ifndef KITH_CORE_SCRATCH_H
#define KITH_CORE_SCRATCH_H

#include <string.h>

#include "core/source.h"

/* folder: where; must exist. */
enum kith_status kith_scratch_new(const char *folder, struct kith_scratch **ret_scratch,
				  struct kith_err *err);
void kith_scratch_free(struct kith_scratch *scratch);

/*
 * Reserves `bytes` in the nameless file, at a multiple of 4096. From any thread. What is never
 * written costs no space.
 */
uint64_t kith_scratch_reserve(struct kith_scratch *scratch, uint64_t bytes);
enum kith_status kith_scratch_write(struct kith_scratch *scratch, const void *data, size_t n,
				    uint64_t offset, struct kith_err *err);
enum kith_status kith_scratch_read(struct kith_scratch *scratch, void *data, size_t n,
				   uint64_t offset, struct kith_err *err);
/* Gives the space of a reserved range back. Best effort. */
void kith_scratch_drop(struct kith_scratch *scratch, uint64_t offset, uint64_t bytes);
/* Maps a reserved range read-only; NULL on failure. Unmap with kith_scratch_unmap. */
const void *kith_scratch_map(struct kith_scratch *scratch, uint64_t offset, uint64_t bytes);
void kith_scratch_unmap(const void *map, uint64_t bytes);
/* Bytes written so far. */
uint64_t kith_scratch_written(struct kith_scratch *scratch);

#define KITH_SCRATCH_BUFFER ((size_t)256 << 10) /* where nothing asks for less */

/* Writes one reserved range from its start to its end through a buffer. */
struct kith_scratch_out {
	struct kith_scratch *scratch;
	uint64_t at; /* where the buffer goes */
	uint8_t *buf;
	size_t n, cap;
};
enum kith_status kith_scratch_out_init(struct kith_scratch_out *out, struct kith_scratch *scratch,
				       uint64_t offset, size_t buffer, struct kith_err *err);
/* What does not fit the buffer; only kith_scratch_out_add() calls it. */
enum kith_status kith_scratch_out_more(struct kith_scratch_out *out, const void *data, size_t n,
				       struct kith_err *err);
static inline enum kith_status kith_scratch_out_add(struct kith_scratch_out *out, const void *data,
						    size_t n, struct kith_err *err)
{
	if (n > out->cap - out->n)
		return kith_scratch_out_more(out, data, n, err);
	memcpy(out->buf + out->n, data, n);
	out->n += n;
	return KITH_OK;
}
enum kith_status kith_scratch_out_flush(struct kith_scratch_out *out, struct kith_err *err);
void kith_scratch_out_done(struct kith_scratch_out *out);
/* Where the next byte goes. */
static inline uint64_t kith_scratch_out_offset(const struct kith_scratch_out *out)
{
	return out->at + out->n;
}

/* Reads a range from its start. */
struct kith_scratch_in {
	struct kith_scratch *scratch;
	uint64_t at, end; /* not yet read: [at, end) */
	uint8_t *buf;
	size_t pos, n, cap;
};
enum kith_status kith_scratch_in_init(struct kith_scratch_in *in, struct kith_scratch *scratch,
				      uint64_t offset, uint64_t end, size_t buffer,
				      struct kith_err *err);
/* What is not in the buffer; only kith_scratch_in_peek() calls it. */
enum kith_status kith_scratch_in_more(struct kith_scratch_in *in, size_t n, const uint8_t **ret,
				      struct kith_err *err);
/* At least n bytes at *ret, or KITH_END when nothing is left, KITH_E_CORRUPT when less is. */
static inline enum kith_status kith_scratch_in_peek(struct kith_scratch_in *in, size_t n,
						    const uint8_t **ret, struct kith_err *err)
{
	if (in->n - in->pos < n)
		return kith_scratch_in_more(in, n, ret, err);
	*ret = in->buf + in->pos;
	return KITH_OK;
}
static inline void kith_scratch_in_skip(struct kith_scratch_in *in, size_t n)
{
	in->pos += n;
}
void kith_scratch_in_done(struct kith_scratch_in *in);

#endif
