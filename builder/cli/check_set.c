/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_set.c: an input that is a set is checked first, as a whole, in a process of its own: a set
 * is mapped, and one that was tampered with may end whoever reads it.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "cli.h"

static void check_here(const char *path, struct kith_err *err)
{
	kith_set *set = NULL;
	kith_reader *reader = NULL;

	err->status = kith_set_open(path, &set, err);
	if (err->status >= 0)
		err->status = kith_reader_open(set, &reader, err);
	if (err->status >= 0)
		err->status = kith_reader_check(reader, NULL, NULL, err);
	kith_reader_close(reader);
	kith_set_close(set);
}

/* The child process sends its struct kith_err. */
enum kith_status build_check_set(const char *path, struct kith_err *err)
{
	struct kith_err verdict = {0};
	int ends[2], how = 0;
	size_t got = 0, n = 0;
	pid_t child;

	if (pipe(ends) != 0)
		return kith_fail_errno(err, errno, "cannot make a pipe");
	child = fork();
	if (child == 0) {
		(void)close(ends[0]);
		check_here(path, &verdict);
		_exit(kith_io_write(ends[1], &verdict, sizeof verdict, NULL) < 0 ? 1 : 0);
	}
	(void)close(ends[1]);
	while (child > 0 && n < sizeof verdict &&
	       kith_io_read(ends[0], (char *)&verdict + n, sizeof verdict - n, &got, NULL) >= 0 &&
	       got > 0)
		n += got;
	(void)close(ends[0]);
	if (child < 0)
		return kith_fail_errno(err, errno, "cannot start a process");
	while (waitpid(child, &how, 0) < 0 && errno == EINTR)
		;
	if (n < sizeof verdict)
		return kith_fail(err, KITH_E_CORRUPT, "'%s' is a damaged set: checking it crashed",
				 path);
	if (verdict.status >= 0)
		return KITH_OK;
	*err = verdict;
	if (strstr(err->msg, path) == NULL)
		kith_err_context(err, "'%s'", path);
	return verdict.status;
}
