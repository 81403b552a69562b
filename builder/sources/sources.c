/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"

static const struct kith_source_ops *const table[] = {
#define KITH_SOURCE(id) &kith_source_##id,
#include "sources.def"
#undef KITH_SOURCE
};

const struct kith_source_ops *const *kith_sources(size_t *ret_n)
{
	*ret_n = sizeof table / sizeof table[0];
	return table;
}

static enum kith_status read_head(const char *path, uint8_t *head, size_t *ret_n,
				  struct kith_err *err)
{
	size_t got = 0;
	int fd = -1;
	enum kith_status st;

	*ret_n = 0;
	st = kith_io_open(path, &fd, err);
	if (st < 0)
		return st;
	do {
		st = kith_io_read(fd, head + *ret_n, KITH_PROBE_SIZE - *ret_n, &got, err);
		*ret_n += st < 0 ? 0 : got;
	} while (st >= 0 && got > 0 && *ret_n < KITH_PROBE_SIZE);
	if (st < 0)
		kith_err_context(err, "'%s'", path);
	(void)close(fd);
	return st;
}

/* Nobody knows it: say what it is, as far as that can be told, and what would be known. */
static enum kith_status fail_unknown(const struct kith_probe *in, struct kith_err *err)
{
	static const char *const statements[] = {"BEGIN", "INSERT", "UPDATE", "DELETE", "PRAGMA"};
	size_t i;

	if (in->is_folder)
		return kith_fail(
		    err, KITH_E_UNSUPPORTED,
		    "'%s' is a folder without NSRLFile.txt: expected an NSRL RDS v2 release",
		    in->path);
	if (in->head_n == 0)
		return kith_fail(err, KITH_E_UNSUPPORTED,
				 "'%s' is empty: expected an NSRL release or a kith set", in->path);
	for (i = 0; i < sizeof statements / sizeof statements[0]; i++) {
		size_t n = strlen(statements[i]);

		if (in->head_n > n && memcmp(in->head, statements[i], n) == 0)
			return kith_fail(
			    err, KITH_E_UNSUPPORTED,
			    "'%s' is a delta (.sql): deltas are not read yet, apply it to its "
			    "database with sqlite3 first",
			    in->path);
	}
	return kith_fail(
	    err, KITH_E_UNSUPPORTED,
	    "'%s' is neither an NSRL RDS v3 database or zip, nor an NSRL RDS v2 folder, zip "
	    "or ISO image, nor a kith set",
	    in->path);
}

enum kith_status kith_sources_probe(const char *path, const struct kith_source_ops **ret_ops,
				    struct kith_err *err)
{
	const struct kith_source_ops *maybe = NULL;
	struct kith_probe in = {.path = path};
	struct stat info;
	uint8_t *head = NULL;
	enum kith_status st = KITH_OK;
	size_t i;

	if (stat(path, &info) != 0)
		return kith_fail_errno(err, errno, "cannot open '%s'", path);
	in.is_folder = S_ISDIR(info.st_mode);
	head = malloc(KITH_PROBE_SIZE);
	if (head == NULL)
		return kith_fail_nomem(err);
	in.head = head;
	if (!in.is_folder)
		st = read_head(path, head, &in.head_n, err);
	if (st < 0)
		goto out;
	for (i = 0; i < sizeof table / sizeof table[0]; i++) {
		enum kith_match match = table[i]->probe(&in);

		if (match == KITH_MATCH_CERTAIN) {
			*ret_ops = table[i];
			goto out;
		}
		if (match == KITH_MATCH_MAYBE && maybe == NULL)
			maybe = table[i];
	}
	if (maybe == NULL)
		st = fail_unknown(&in, err);
	else
		*ret_ops = maybe;
out:
	free(head);
	return st;
}
