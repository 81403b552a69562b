/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/cli.h"

/* Escapes what stands in quotes or anywhere else that is not printable, and ends the line. */
void kith_cli_say(const char *fmt, ...)
{
	char text[1024];
	struct kith_buf buf = {NULL, 0, 0, false};
	va_list args;
	size_t n, i;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof text, fmt,
			args); /* NOLINT(clang-analyzer-valist.*): it is set */
	va_end(args);
	n = strlen(text);
	(void)kith_buf_add_str(&buf, "kith: ");
	for (i = 0; i < n;) {
		size_t len = strcspn(text + i, "\\");

		/* Messages are escaped in pieces, because a backslash may stand for itself here. */
		(void)kith_escape_text(&buf, text + i, len);
		i += len;
		if (i < n) {
			(void)kith_buf_add_byte(&buf, '\\');
			i++;
		}
	}
	(void)kith_buf_add_byte(&buf, '\n');
	if (!buf.failed)
		(void)kith_io_write(STDERR_FILENO, buf.data, buf.n, NULL);
	kith_buf_done(&buf);
}

bool kith_cli_parse(const struct kith_command *command, int argc, char **argv, int *ret_first,
		    int *ret_exit)
{
	struct kith_err err;
	bool help = false;

	if (kith_opt_parse(command, argc, argv, ret_first, &help, &err) < 0) {
		kith_cli_say("%s", err.msg);
		*ret_exit = KITH_EXIT_USAGE;
		return false;
	}
	if (!help)
		return true;
	*ret_exit = KITH_EXIT_OK;
	if (!kith_opt_help(command)) {
		kith_cli_say("cannot write to standard output");
		*ret_exit = KITH_EXIT_USAGE;
	}
	return false;
}

int kith_cli_set_fault(const char *path, enum kith_status status, const struct kith_err *err)
{
	const char *why = err != NULL && err->status < 0 ? err->msg : kith_status_text(status);

	if (status == KITH_E_NOMEM) {
		kith_cli_say("out of memory");
		return KITH_EXIT_USAGE;
	}
	if (path == NULL)
		kith_cli_say("a set cannot be read: %s; run 'kith verify' on it", why);
	else
		kith_cli_say("set '%s': %s", path, why);
	return KITH_EXIT_SET;
}

int kith_cli_end(struct kith_out *out, int status)
{
	struct kith_err err;

	if (kith_out_done(out, "standard output", &err) == KITH_OK)
		return status;
	kith_cli_say("%s", err.msg);
	return status > KITH_EXIT_USAGE ? status : KITH_EXIT_USAGE;
}
