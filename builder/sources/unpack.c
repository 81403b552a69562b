/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/io.h"

#define BLOCK ((size_t)256 << 10)
/* What is read at once: of a damaged deflate stream libarchive drops all that it made of the last
 * piece. */
#define READ_SIZE ((size_t)16 << 10)
/* Members larger than this tell how far they are. */
#define TELL_SIZE ((uint64_t)1 << 30)
/* How much of a member is unpacked only to find the next one and name it. */
#define PASS_MAX ((uint64_t)64 << 20)
/* A zip without members. */
#define EMPTY_SIZE 22u
/* Members of one archive that are looked at; a release has about ten. */
#define MEMBERS_MAX 10000u

struct kith_unpack {
	struct archive *archive;
	char *name;   /* for messages */
	char *member; /* the present one's name */
	const char *format;
	const uint8_t *block; /* of the present member, not yet handed over */
	size_t block_n;
	uint64_t offset; /* bytes of the present member that were handed over */
	bool ended;      /* it has no more blocks */
	enum kith_unpack_fault fault;
	enum kith_status st; /* what it ended with */
	unsigned n_members;
};

static const char *fault_text(const struct kith_unpack *unpack)
{
	const char *text = archive_error_string(unpack->archive);

	return text == NULL ? "unknown fault" : text;
}

static enum kith_status fail_archive(const struct kith_unpack *unpack, struct kith_err *err)
{
	const char *text = fault_text(unpack);

	return kith_fail(err, KITH_E_CORRUPT, "damaged or truncated %s: %.*s", unpack->format,
			 (int)strcspn(text, "\n"), text);
}

static enum kith_status fail_member(const struct kith_unpack *unpack, struct kith_err *err)
{
	const char *text = fault_text(unpack);

	if (unpack->st == KITH_E_UNSUPPORTED)
		return kith_fail(err, unpack->st, "'%.300s' cannot be unpacked: %.*s",
				 unpack->member, (int)strcspn(text, "\n"), text);
	return kith_fail(err, unpack->st,
			 "damaged or truncated %s: '%.300s', at offset %llu of its content: %.*s",
			 unpack->format, unpack->member, (unsigned long long)unpack->offset,
			 (int)strcspn(text, "\n"), text);
}

/* Can the next member be found without unpacking much? A member that does not say how large it is
 * is read here, some way. */
static bool can_pass(struct kith_unpack *unpack, const struct kith_member *member)
{
	uint8_t block[4096];
	size_t got = 1;

	while (!member->has_size && got > 0)
		if (unpack->offset > PASS_MAX ||
		    kith_unpack_read(unpack, block, sizeof block, &got, NULL) < 0)
			return false;
	return true;
}

/* What a zip is, is said by the directory at its end. Says where it ends, and in which member. */
static enum kith_status fail_cut(const char *path, const char *name, struct kith_err *err)
{
	struct kith_unpack *unpack = NULL;
	struct kith_member member;
	unsigned long long size;
	struct stat info;
	enum kith_status st;

	if (stat(path, &info) != 0)
		return kith_fail_errno(err, errno, "cannot open it");
	size = (unsigned long long)info.st_size;
	if (size == EMPTY_SIZE) /* its directory is all that it has */
		return kith_fail(err, KITH_E_UNSUPPORTED,
				 "an empty zip: expected the NSRL's zip as published");
	st = kith_unpack_open(path, name, KITH_UNPACK_ZIP_CUT, &unpack, NULL);
	while (st == KITH_OK && unpack != NULL &&
	       (unpack->member == NULL || can_pass(unpack, &member)))
		st = kith_unpack_next(unpack, &member, NULL);
	if (unpack != NULL && unpack->member != NULL && unpack->member[0] != '\0')
		st = kith_fail(err, KITH_E_CORRUPT,
			       "damaged or truncated zip: it ends at offset %llu, in or behind "
			       "'%.300s', without a directory of its members",
			       size, unpack->member);
	else
		st = kith_fail(err, KITH_E_CORRUPT,
			       "damaged or truncated zip: it ends at offset %llu without a "
			       "directory of its members",
			       size);
	kith_unpack_close(unpack);
	return st;
}

enum kith_status kith_unpack_open(const char *path, const char *name,
				  enum kith_unpack_format format, struct kith_unpack **ret,
				  struct kith_err *err)
{
	static int (*const support[])(struct archive *) = {
	    [KITH_UNPACK_ZIP] = archive_read_support_format_zip_seekable,
	    [KITH_UNPACK_ZIP_CUT] = archive_read_support_format_zip_streamable,
	    [KITH_UNPACK_ISO] = archive_read_support_format_iso9660,
	};
	struct kith_unpack *unpack = calloc(1, sizeof *unpack);
	enum kith_status st = KITH_OK;

	if (unpack == NULL)
		return kith_fail_nomem(err);
	unpack->format = format == KITH_UNPACK_ISO ? "ISO image" : "zip";
	unpack->name = strdup(name);
	unpack->archive = archive_read_new();
	if (unpack->name == NULL || unpack->archive == NULL) {
		st = kith_fail_nomem(err);
		goto out;
	}
	if (support[format](unpack->archive) != ARCHIVE_OK ||
	    archive_read_open_filename(unpack->archive, path, READ_SIZE) != ARCHIVE_OK) {
		st = format == KITH_UNPACK_ZIP ? fail_cut(path, name, err)
					       : fail_archive(unpack, err);
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
	free(unpack->member);
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
	if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) { /* a warning is about names or times */
		enum kith_status st = fail_archive(unpack, err);

		if (unpack->member != NULL)
			kith_err_context(err, "behind '%.300s'", unpack->member);
		else
			kith_err_context(err, "its directory");
		return st;
	}
	name = archive_entry_pathname(entry);
	if (name == NULL)
		name = archive_entry_pathname_utf8(entry);
	free(unpack->member);
	unpack->member = strdup(name != NULL ? name : "");
	if (unpack->member == NULL)
		return kith_fail_nomem(err);
	unpack->block_n = 0;
	unpack->offset = 0;
	unpack->ended = false;
	unpack->fault = KITH_UNPACK_SOUND;
	*ret = (struct kith_member){
	    .name = unpack->member,
	    .has_size = archive_entry_size_is_set(entry) && archive_entry_size(entry) >= 0,
	    .encrypted = archive_entry_is_encrypted(entry) != 0,
	    .is_file = archive_entry_filetype(entry) == AE_IFREG,
	};
	if (ret->has_size)
		ret->size_bytes = (uint64_t)archive_entry_size(entry);
	return KITH_OK;
}

/* Has the next block, or the member's end and how it ended. */
static void next_block(struct kith_unpack *unpack)
{
	const void *data = NULL;
	la_int64_t offset;
	size_t n = 0;
	int rc;

	do {
		rc = archive_read_data_block(unpack->archive, &data, &n, &offset);
	} while (rc == ARCHIVE_RETRY);
	/* a warning comes with the last block: it is about the whole member */
	if (rc == ARCHIVE_OK || rc == ARCHIVE_WARN) {
		unpack->block = data;
		unpack->block_n = n;
	}
	if (rc == ARCHIVE_OK)
		return;
	unpack->ended = true;
	unpack->st = rc == ARCHIVE_FAILED ? KITH_E_UNSUPPORTED : KITH_E_CORRUPT;
	if (rc == ARCHIVE_WARN)
		unpack->fault = KITH_UNPACK_CHECKSUM;
	else if (rc != ARCHIVE_EOF)
		unpack->fault = KITH_UNPACK_BROKEN;
}

enum kith_status kith_unpack_read(void *user, void *buf, size_t n, size_t *ret_n,
				  struct kith_err *err)
{
	struct kith_unpack *unpack = user;

	while (unpack->block_n == 0 && !unpack->ended)
		next_block(unpack);
	if (unpack->block_n == 0 && unpack->fault != KITH_UNPACK_SOUND)
		return fail_member(unpack, err);
	if (n > unpack->block_n)
		n = unpack->block_n;
	if (n > 0)
		memcpy(buf, unpack->block, n);
	unpack->block += n;
	unpack->block_n -= n;
	unpack->offset += n;
	*ret_n = n;
	return KITH_OK;
}

enum kith_unpack_fault kith_unpack_fault(const struct kith_unpack *unpack)
{
	return unpack->fault;
}

uint64_t kith_unpack_offset(const struct kith_unpack *unpack)
{
	return unpack->offset;
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

/* Copies the member to fd; total: as it claims, UINT64_MAX when it claims nothing. */
static enum kith_status copy_member(struct kith_unpack *unpack, const struct kith_source_args *args,
				    uint64_t total, int fd, struct kith_err *err)
{
	uint8_t *block = malloc(BLOCK);
	unsigned tenths = 0;
	size_t n, got = 0;
	enum kith_status st, written = KITH_OK;

	if (block == NULL)
		return kith_fail_nomem(err);
	do {
		n = 0;
		do {
			st = kith_unpack_read(unpack, block + n, BLOCK - n, &got, err);
			n += st < 0 ? 0 : got;
		} while (st >= 0 && got > 0 && n < BLOCK);
		if (unpack->offset > total) {
			unpack->fault = KITH_UNPACK_BROKEN;
			st = kith_fail(err, KITH_E_CORRUPT, "'%s' is larger than it says",
				       unpack->member);
			n -= n < unpack->offset - total ? n : (size_t)(unpack->offset - total);
			unpack->offset = total;
		}
		/* what came before damage is written too */
		written = kith_io_write(fd, block, n, err);
		if (written < 0) {
			kith_err_context(err, "unpacking '%s'", unpack->member);
			break;
		}
		tell(args, unpack, unpack->offset, total, &tenths);
	} while (st >= 0 && got > 0);
	free(block);
	if (written < 0)
		return written;
	if (st >= 0 && total != UINT64_MAX && unpack->offset != total) {
		unpack->fault = KITH_UNPACK_BROKEN;
		st = kith_fail(err, KITH_E_CORRUPT, "'%s' is shorter than it says", unpack->member);
	}
	return st;
}

enum kith_status kith_unpack_spool(struct kith_unpack *unpack, const struct kith_member *member,
				   const struct kith_source_args *args, const char *suffix,
				   const char **ret_path, struct kith_err *err)
{
	struct kith_err fault = {0};
	char text[512];
	int fd = -1;
	enum kith_status st = KITH_OK;

	if (!member->has_size && !args->keep_going)
		return kith_fail(err, KITH_E_UNSUPPORTED, "it does not say how large '%s' is",
				 member->name);
	(void)snprintf(text, sizeof text, "unpacking '%.300s'", unpack->name);
	if (member->has_size)
		st = kith_scratch_need(args->scratch, member->size_bytes, text, err);
	if (st < 0)
		return st;
	if (args->message != NULL) {
		if (member->has_size)
			(void)snprintf(text, sizeof text,
				       "unpacking '%.300s' once, %.1f MB into the scratch folder",
				       unpack->name, (double)member->size_bytes / 1e6);
		args->message(text, args->message_user);
	}
	st = kith_scratch_named(args->scratch, suffix, &fd, ret_path, err);
	if (st < 0)
		return st;
	st = copy_member(unpack, args, member->has_size ? member->size_bytes : UINT64_MAX, fd,
			 &fault);
	if (st == KITH_E_CORRUPT && args->keep_going && unpack->offset > 0)
		st = KITH_OK;
	if (st < 0 && err != NULL)
		*err = fault;
	return st;
}
