/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.h: how a fault gets its words. The function that finds the fault fills the struct once
 * (kith_fail), callers put where it happened in front (kith_err_context), and only a program
 * prints it. All accept err == NULL. Texts: lower case, no full stop, names in single quotes.
 */
#ifndef KITH_BASE_ERR_H
#define KITH_BASE_ERR_H

#include "kith.h"

#if defined(__GNUC__)
#define KITH_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define KITH_PRINTF(fmt, args)
#endif

/* Fill err and return status, so that a caller can write `return kith_fail(...)`. */
enum kith_status kith_fail(struct kith_err *err, enum kith_status status, const char *fmt, ...)
    KITH_PRINTF(3, 4);

/* The same for a failed system call: KITH_E_IO (KITH_E_NOMEM for ENOMEM), ": <strerror>" added. */
enum kith_status kith_fail_errno(struct kith_err *err, int sys_errno, const char *fmt, ...)
    KITH_PRINTF(3, 4);

/* KITH_E_NOMEM with its fixed text. */
enum kith_status kith_fail_nomem(struct kith_err *err);

/* Put "where: " in front of a message that is there already. */
void kith_err_context(struct kith_err *err, const char *fmt, ...) KITH_PRINTF(2, 3);

#endif
