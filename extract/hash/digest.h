/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.h: MD5, SHA-1 and SHA-256 of many streams.
 *
 * A hasher hashes on threads of its own: the caller begins a stream, adds to it, ends it, and goes
 * on with the next one while the digests are computed. Results come back through `done`, in the
 * order in which streams were ended, from within calls of the caller's own thread.
 *
 * With 0 threads everything happens inside the calls.
 */
#ifndef KITH_EXTRACT_DIGEST_H
#define KITH_EXTRACT_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blob/blob.h"
#include "kith.h"

struct kith_digests {
	uint8_t sha256[KITH_SHA256_SIZE];
	uint8_t sha1[KITH_SHA1_SIZE];
	uint8_t md5[KITH_MD5_SIZE];
	uint64_t size; /* bytes hashed */
};

struct kith_hasher;

/* user: what was given to begin. st: KITH_OK, or why the bytes of an in-place stream could not be
 * read. A negative result of `done` is returned by the call that it happens in. It must not
 * call the hasher. */
typedef enum kith_status (*kith_hashed_fn)(void *hasher_user, void *stream_user,
					   enum kith_status st, const struct kith_digests *digests,
					   struct kith_err *err);

/* All set-up of libcrypto happens here, so that nothing is opened later (workers are sandboxed).
 * threads: 0 to 64. */
enum kith_status kith_hasher_new(unsigned threads, kith_hashed_fn done, void *hasher_user,
				 struct kith_hasher **ret, struct kith_err *err);
void kith_hasher_free(struct kith_hasher *hasher); /* what is not ended is dropped */

/* A stream that is pushed. One at a time. The bytes are copied. When an add fails, the stream is
 * dropped. */
enum kith_status kith_hasher_begin(struct kith_hasher *hasher, void *stream_user,
				   struct kith_err *err);
enum kith_status kith_hasher_add(struct kith_hasher *hasher, const void *data, size_t n,
				 struct kith_err *err);
/*
 * Where the next of n bytes may be read to instead: *ret_n bytes at *ret, of which so many as
 * kith_hasher_filled() says are added. NULL, without an error: add them. Nothing else of this
 * hasher may be called between the two.
 */
enum kith_status kith_hasher_space(struct kith_hasher *hasher, uint64_t n, void **ret,
				   size_t *ret_n, struct kith_err *err);
void kith_hasher_filled(struct kith_hasher *hasher, size_t n);
enum kith_status kith_hasher_add_zeros(struct kith_hasher *hasher, uint64_t n,
				       struct kith_err *err);
enum kith_status kith_hasher_end(struct kith_hasher *hasher, struct kith_err *err);
void kith_hasher_drop(struct kith_hasher *hasher); /* the stream that was begun: no result */

/* A stream that lies in a file: read and hashed by a thread. The blob is copied; its descriptor
 * must stay open until the result is there. Not while a pushed stream is begun. */
enum kith_status kith_hasher_blob(struct kith_hasher *hasher, void *stream_user,
				  const struct kith_blob *blob, struct kith_err *err);

/* Waits for all that was ended. */
enum kith_status kith_hasher_flush(struct kith_hasher *hasher, struct kith_err *err);

#endif
