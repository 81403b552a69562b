/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quiet_emit.h: runs a container over bytes in memory, for fuzz targets. Its emitter prints
 * nothing; it reads all that it is given, so that a sanitizer sees a byte too far, and stops the
 * program when a container breaks the order of calls that container.h prescribes.
 */
#ifndef KITH_TESTS_QUIET_EMIT_H
#define KITH_TESTS_QUIET_EMIT_H

#include "containers/container.h"

/* Walks the bytes as a file that is a container of that format; name: what the file is called. The
 * result is the walk's. */
enum kith_status quiet_walk(const struct kith_container_ops *ops, enum kith_format format,
			    const char *name, const uint8_t *data, size_t n);

/* The emitter itself, for a part of a container; the same each time. */
struct kith_emit *quiet_emit(void);

/* A blob that lies in a file (in memory) with those bytes, valid until the next call. For parsers
 * that need a blob only. */
const struct kith_blob *quiet_blob(const uint8_t *data, size_t n);

#endif
