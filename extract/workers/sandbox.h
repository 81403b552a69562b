/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox.h: takes away from a worker all that it does not need: afterwards it can read and write
 * the descriptors that it has, use memory up to a bound and processor time up to another, and
 * nothing else. It has three steps, because a filter of system calls takes long to build, and
 * because Landlock holds for threads that are started after it.
 */
#ifndef KITH_EXTRACT_SANDBOX_H
#define KITH_EXTRACT_SANDBOX_H

#include "workers/wire.h"

/* In sanitized builds neither memory nor system calls are restricted: their run time needs both. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KITH_SANDBOX_RELAXED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KITH_SANDBOX_RELAXED 1
#endif
#endif

/* Once, in the process that workers are forked from: builds the filter. */
enum kith_status kith_sandbox_prepare(struct kith_err *err);
/* In a worker, before it starts threads. cpu_seconds 0: as many as it needs. */
enum kith_status kith_sandbox_limit(const struct kith_wire_limits *limits, struct kith_err *err);
/* In a worker, when its threads run: from here on only the allowed system calls. */
enum kith_status kith_sandbox_close(struct kith_err *err);

#endif
