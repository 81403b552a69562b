/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

KITH_PRINTF(4, 0)
static void set_message(struct kith_err *err, enum kith_status status, int sys_errno,
			const char *fmt, va_list ap)
{
	err->status = status;
	err->sys_errno = sys_errno;
	if (vsnprintf(err->msg, sizeof err->msg, fmt, ap) < 0)
		err->msg[0] = '\0';
}

enum kith_status kith_fail(struct kith_err *err, enum kith_status status, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return status;
	va_start(ap, fmt);
	set_message(err, status, 0, fmt, ap);
	va_end(ap);
	return status;
}

/* glibc has two strerror_r; this picks the text from whichever the headers declare. */
static const char *errno_text(int sys_errno, char *buf, size_t n)
{
#if defined(__GLIBC__) && defined(_GNU_SOURCE)
	return strerror_r(sys_errno, buf, n);
#else
	return strerror_r(sys_errno, buf, n) == 0 ? buf : "unknown error";
#endif
}

enum kith_status kith_fail_errno(struct kith_err *err, int sys_errno, const char *fmt, ...)
{
	enum kith_status status = sys_errno == ENOMEM ? KITH_E_NOMEM : KITH_E_IO;
	char text[128];
	size_t used;
	va_list ap;

	if (err == NULL)
		return status;
	va_start(ap, fmt);
	set_message(err, status, sys_errno, fmt, ap);
	va_end(ap);
	used = strlen(err->msg);
	(void)snprintf(err->msg + used, sizeof err->msg - used, ": %s",
		       errno_text(sys_errno, text, sizeof text));
	return status;
}

enum kith_status kith_fail_nomem(struct kith_err *err)
{
	return kith_fail(err, KITH_E_NOMEM, "out of memory");
}

void kith_err_context(struct kith_err *err, const char *fmt, ...)
{
	char where[sizeof err->msg];
	char old[sizeof err->msg];
	va_list ap;
	size_t n;

	if (err == NULL)
		return;
	va_start(ap, fmt);
	if (vsnprintf(where, sizeof where, fmt, ap) < 0)
		where[0] = '\0';
	va_end(ap);
	memcpy(old, err->msg, sizeof old);
	n = strlen(where);
	if (n > sizeof err->msg - 3)
		n = sizeof err->msg - 3;
	memcpy(err->msg, where, n);
	memcpy(err->msg + n, ": ", 3);
	n += 2;
	(void)snprintf(err->msg + n, sizeof err->msg - n, "%.*s", (int)(sizeof err->msg - n - 1),
		       old);
}
