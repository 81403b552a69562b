/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/io.h"

#define BLOCK ((size_t)256 << 10)
/* Members larger than this tell how far they are. */
#define TELL_SIZE ((uint64_t)1 << 30)
/* Members of one archive that are looked at; a release has about ten. */
#define MEMBERS_MAX 10000u

struct kith_unpack {
	struct archive *archive;
	char *name; /* for messages */
	const char *format;
	unsigned n_members;
};

static enum kith_status fail_archive(const struct kith_unpack *unpack, struct kith_err *err)
{
	const char *text = archive_error_string(unpack->archive);

	if (text == NULL)
		text = "unknown fault";
	return kith_fail(err, KITH_E_CORRUPT, "damaged or truncated %s: %.*s", unpack->format,
			 (int)strcspn(text, "\n"), text);
}

/* What a zip is, is said by the directory at its end. */
static enum kith_status fail_open(const struct kith_unpack *unpack, const char *path,
				  struct kith_err *err)
{
	struct stat info;

	if (strcmp(unpack->format, "zip") != 0 || stat(path, &info) != 0)
		return fail_archive(unpack, err);
	return kith_fail(err, KITH_E_CORRUPT,
			 "damaged or truncated zip: it ends at offset %llu without a directory of "
			 "its members",
			 (unsigned long long)info.st_size);
}

enum kith_status kith_unpack_open(const char *path, const char *name,
				  enum kith_unpack_format format, struct kith_unpack **ret,
				  struct kith_err *err)
{
	struct kith_unpack *unpack = calloc(1, sizeof *unpack);
	enum kith_status st = KITH_OK;
	int rc;

	if (unpack == NULL)
		return kith_fail_nomem(err);
	unpack->format = format == KITH_UNPACK_ZIP ? "zip" : "ISO image";
	unpack->name = strdup(name);
	unpack->archive = archive_read_new();
	if (unpack->name == NULL || unpack->archive == NULL) {
		st = kith_fail_nomem(err);
		goto out;
	}
	rc = format == KITH_UNPACK_ZIP ? archive_read_support_format_zip_seekable(unpack->archive)
				       : archive_read_support_format_iso9660(unpack->archive);
	if (rc == ARCHIVE_OK)
		rc = archive_read_open_filename(unpack->archive, path, BLOCK);
	if (rc != ARCHIVE_OK) {
		st = fail_open(unpack, path, err);
		goto out;
	}
	*ret = unpack;
	unpack = NULL;
out:
	kith_unpack_close(unpack);
	return st;
}

void kith_unpack_close(struct kith_unpack *unpack)
{
	if (unpack == NULL)
		return;
	if (unpack->archive != NULL)
		(void)archive_read_free(unpack->archive);
	free(unpack->name);
	free(unpack);
}

enum kith_status kith_unpack_next(struct kith_unpack *unpack, struct kith_member *ret,
				  struct kith_err *err)
{
	struct archive_entry *entry;
	const char *name;
	int rc;

	if (unpack->n_members++ > MEMBERS_MAX)
		return kith_fail(err, KITH_E_LIMIT, "more than %u members", MEMBERS_MAX);
	rc = archive_read_next_header(unpack->archive, &entry);
	if (rc == ARCHIVE_EOF)
		return KITH_END;
	if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) /* a warning is about names or times */
		return fail_archive(unpack, err);
	name = archive_entry_pathname(entry);
	if (name == NULL)
		name = archive_entry_pathname_utf8(entry);
	*ret = (struct kith_member){
	    .name = name != NULL ? name : "",
	    .has_size = archive_entry_size_is_set(entry) && archive_entry_size(entry) >= 0,
	    .encrypted = archive_entry_is_encrypted(entry) != 0,
	    .is_file = archive_entry_filetype(entry) == AE_IFREG,
	};
	if (ret->has_size)
		ret->size_bytes = (uint64_t)archive_entry_size(entry);
	return KITH_OK;
}

enum kith_status kith_unpack_read(void *user, void *buf, size_t n, size_t *ret_n,
				  struct kith_err *err)
{
	struct kith_unpack *unpack = user;
	la_ssize_t got;

	do {
		got = archive_read_data(unpack->archive, buf, n);
	} while (got == ARCHIVE_RETRY);
	if (got < 0)
		return fail_archive(unpack, err);
	*ret_n = (size_t)got;
	return KITH_OK;
}

/* Tells the user at each tenth of a large member. */
static void tell(const struct kith_source_args *args, const struct kith_unpack *unpack,
		 uint64_t done, uint64_t total, unsigned *tenths)
{
	char text[512];

	if (args->message == NULL || total < TELL_SIZE || done / (total / 10 + 1) <= *tenths)
		return;
	*tenths = (unsigned)(done / (total / 10 + 1));
	(void)snprintf(text, sizeof text, "unpacking '%.300s': %u%%", unpack->name, *tenths * 10);
	args->message(text, args->message_user);
}

enum kith_status kith_unpack_spool(struct kith_unpack *unpack, const struct kith_member *member,
				   const struct kith_source_args *args, const char *suffix,
				   const char **ret_path, struct kith_err *err)
{
	char text[512];
	uint8_t *block = NULL;
	uint64_t done = 0, total = member->size_bytes;
	unsigned tenths = 0;
	size_t got = 0;
	int fd = -1;
	enum kith_status st;

	if (!member->has_size)
		return kith_fail(err, KITH_E_UNSUPPORTED, "it does not say how large '%s' is",
				 member->name);
	(void)snprintf(text, sizeof text, "unpacking '%.300s'", unpack->name);
	st = kith_scratch_need(args->scratch, total, text, err);
	if (st < 0)
		return st;
	if (args->message != NULL) {
		(void)snprintf(text, sizeof text,
			       "unpacking '%.300s' once, %.1f MB into the scratch folder",
			       unpack->name, (double)total / 1e6);
		args->message(text, args->message_user);
	}
	st = kith_scratch_named(args->scratch, suffix, &fd, ret_path, err);
	if (st < 0)
		return st;
	block = malloc(BLOCK);
	if (block == NULL)
		return kith_fail_nomem(err);
	do {
		st = kith_unpack_read(unpack, block, BLOCK, &got, err);
		if (st < 0)
			break;
		if (got > total - done) {
			st = kith_fail(err, KITH_E_CORRUPT, "'%s' is larger than it says",
				       member->name);
			break;
		}
		st = kith_io_write(fd, block, got, err);
		if (st < 0) {
			kith_err_context(err, "unpacking '%s'", member->name);
			break;
		}
		done += got;
		tell(args, unpack, done, total, &tenths);
	} while (got > 0);
	if (st >= 0 && done != total)
		st = kith_fail(err, KITH_E_CORRUPT, "'%s' is shorter than it says", member->name);
	free(block);
	return st;
}
