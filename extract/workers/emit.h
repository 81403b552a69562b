/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.h: the emitter: what a worker does with what its container finds. It hashes each entry,
 * looks at its first bytes for a container in it, holds the limits, and tells the walk.
 *
 * kith_emit_begin() and all that containers call is in containers/container.h; this is for the
 * worker program.
 */
#ifndef KITH_EXTRACT_EMIT_H
#define KITH_EXTRACT_EMIT_H

#include "containers/container.h"
#include "workers/wire.h"

/* sock: to the walk. blob: the container, or NULL where files are hashed; neither is owned.
 * careful: each message leaves at once, so that none is lost when the worker dies. */
enum kith_status kith_emit_new(int sock, const struct kith_blob *blob,
			       const struct kith_wire_limits *limits, bool careful,
			       struct kith_emit **ret, struct kith_err *err);
void kith_emit_free(struct kith_emit *emit);

/* A whole file that is no entry of a container: reported as `item`, with KITH_WIRE_ITEM behind it.
 * Takes fd over. */
enum kith_status kith_emit_file(struct kith_emit *emit, uint32_t item, const void *name,
				size_t name_n, int fd, uint64_t size, struct kith_err *err);

/* Waits for all digests. What there is to say is not sent yet. */
enum kith_status kith_emit_finish(struct kith_emit *emit, struct kith_err *err);
enum kith_status kith_emit_flush(struct kith_emit *emit, struct kith_err *err);
/* The last message. */
enum kith_status kith_emit_over(struct kith_emit *emit, enum kith_status st, const char *sentence,
				struct kith_err *err);

#ifdef KITH_TEST_HOOKS
/* Sends these bytes as a packet. */
enum kith_status kith_emit_raw(struct kith_emit *emit, const void *data, size_t n);
#endif

#endif
