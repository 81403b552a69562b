/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsrl_v2_files.c: where a text release's files are. Names are compared without case, because ISO
 * images and copies from them do not keep it. The small files are loaded; NSRLFile is only found.
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/io.h"
#include "nsrl_v2.h"
#include "unpack.h"

/* A small file; real ones have up to 20 MB. */
#define TEXT_MAX ((size_t)512 << 20)
/* Where an ISO image has its volume's name. */
#define ISO_VOLUME_OFFSET (0x8000u + 40)
#define ISO_VOLUME_SIZE   32u
#define BLOCK             ((size_t)64 << 10)

static const char *const text_names[V2_TEXTS] = {
    [V2_MFG] = "NSRLMfg.txt",
    [V2_OS] = "NSRLOS.txt",
    [V2_PROD] = "NSRLProd.txt",
    [V2_VERSION] = "version.txt",
};
static const char rows_name[] = "NSRLFile.txt";
static const char *const zip_names[] = {"NSRLFile.txt.zip", "NSRLFile.zip"};

typedef enum kith_status (*read_fn)(void *user, void *buf, size_t n, size_t *ret_n,
				    struct kith_err *err);

static enum kith_status read_fd(void *user, void *buf, size_t n, size_t *ret_n,
				struct kith_err *err)
{
	const int *fd = user;

	return kith_io_read(*fd, buf, n, ret_n, err);
}

/* Forgets a last line that is not whole. */
static void cut_line(struct kith_buf *text)
{
	while (text->n > 0 && text->data[text->n - 1] != '\n')
		text->n--;
}

static enum kith_status load_text(struct nsrl_v2 *v2, enum v2_text which, read_fn read, void *user,
				  struct kith_err *err)
{
	struct kith_buf *text = &v2->texts[which];
	size_t got;
	uint8_t *room;
	enum kith_status st;

	do {
		room = kith_buf_room(text, BLOCK);
		if (room == NULL)
			return kith_fail_nomem(err);
		st = read(user, room, BLOCK, &got, err);
		if (st < 0) {
			cut_line(text);
			v2->has_text[which] = text->n > 0;
			return st;
		}
		text->n += got;
		if (text->n > TEXT_MAX)
			return kith_fail(err, KITH_E_LIMIT, "%s is larger than %zu bytes",
					 text_names[which], TEXT_MAX);
	} while (got > 0);
	v2->has_text[which] = true;
	return KITH_OK;
}

/* Which small file is it? V2_TEXTS: none. */
static enum v2_text text_of(const char *name)
{
	size_t i;

	for (i = 0; i < V2_TEXTS; i++)
		if (nsrl_is_member(name, text_names[i]))
			return (enum v2_text)i;
	return V2_TEXTS;
}

static bool is_rows_zip(const char *name)
{
	return nsrl_is_member(name, zip_names[0]) || nsrl_is_member(name, zip_names[1]);
}

static bool set_text(struct kith_buf *buf, const char *text, size_t n)
{
	buf->n = 0;
	return kith_buf_add(buf, text, n) && kith_buf_add_byte(buf, 0);
}

static bool is_set(const struct kith_buf *buf)
{
	return buf->n > 0;
}

/* --------------------------------------------------------------- archives */

static enum kith_status fail_encrypted(struct kith_err *err)
{
	return kith_fail(err, KITH_E_UNSUPPORTED,
			 "it is encrypted: expected the NSRL's release as published");
}

/* The set's name out of "rds_modernm" or "RDS_MODERN". */
static bool set_label(struct kith_buf *buf, const char *text, size_t n)
{
	size_t i;

	while (n > 0 && text[n - 1] == ' ')
		n--;
	if (n > 4 && strncasecmp(text, "rds_", 4) == 0) {
		text += 4;
		n -= 4;
	}
	buf->n = 0;
	for (i = 0; i < n; i++)
		if (!kith_buf_add_byte(buf, (uint8_t)(text[i] >= 'A' && text[i] <= 'Z'
							  ? text[i] - 'A' + 'a'
							  : text[i])))
			return false;
	return true;
}

/* An ISO image names itself in its first volume descriptor. */
static enum kith_status read_volume(struct nsrl_v2 *v2, const char *path, struct kith_err *err)
{
	char volume[ISO_VOLUME_SIZE];
	int fd = -1;
	enum kith_status st;

	st = kith_io_open(path, &fd, err);
	if (st < 0)
		return st;
	st = kith_io_pread(fd, volume, sizeof volume, ISO_VOLUME_OFFSET, err);
	if (st >= 0 && !set_label(&v2->label, volume, sizeof volume))
		st = kith_fail_nomem(err);
	(void)close(fd);
	return st;
}

/* Remembers the rows' member, and the folder it is in. */
static enum kith_status found_rows(struct nsrl_v2 *v2, const char *path,
				   enum kith_unpack_format format, const struct kith_member *member,
				   struct kith_err *err)
{
	const char *slash = strrchr(member->name, '/');
	const char *start = member->name;

	if (slash != NULL && v2->label.n == 0) {
		const char *p;

		for (p = start; p < slash; p++)
			if (*p == '/')
				start = p + 1;
		if (!set_label(&v2->label, start, (size_t)(slash - start)))
			return kith_fail_nomem(err);
	}
	v2->file_bytes = member->has_size ? member->size_bytes : 0;
	v2->format = format;
	if (!set_text(&v2->path, path, strlen(path)) ||
	    !set_text(&v2->member, member->name, strlen(member->name)))
		return kith_fail_nomem(err);
	return KITH_OK;
}

/* One archive that is gone through. */
struct scan {
	struct nsrl_v2 *v2;
	const struct kith_source_args *args;
	const char *path;
	enum kith_unpack_format format;
	const char **ret_inner; /* see scan_archive */
};

/* Takes what the present member is good for. */
static enum kith_status take_member(const struct scan *scan, struct kith_unpack *unpack,
				    const struct kith_member *member, struct kith_err *err)
{
	struct nsrl_v2 *v2 = scan->v2;
	enum v2_text which = text_of(member->name);
	bool rows = nsrl_is_member(member->name, rows_name) && !is_set(&v2->path);
	bool zip = scan->ret_inner != NULL && *scan->ret_inner == NULL && is_rows_zip(member->name);
	bool text = which != V2_TEXTS && !v2->has_text[which];
	enum kith_status st = KITH_OK;

	if ((rows || zip || text) && member->encrypted)
		return fail_encrypted(err);
	if (rows)
		return found_rows(v2, scan->path, scan->format, member, err);
	if (zip)
		st = kith_unpack_spool(unpack, member, scan->args, ".zip", scan->ret_inner, err);
	else if (text)
		st = load_text(v2, which, kith_unpack_read, unpack, err);
	if ((zip || text) && kith_unpack_fault(unpack) != KITH_UNPACK_SOUND)
		nsrl_fault_take(&v2->faults[zip ? V2_TEXTS : which], unpack, member->name);
	return st;
}

/*
 * Goes through the members. With keep-going a damaged one costs only itself; behind it the archive
 * has to be opened again.
 */
static enum kith_status scan_members(const struct scan *scan, struct kith_err *err)
{
	struct kith_unpack *unpack = NULL;
	struct kith_member member;
	unsigned done = 0, i;
	enum kith_status st;
	bool again;

	do {
		again = false;
		st = kith_unpack_open(scan->path, scan->args->path, scan->format, &unpack, err);
		for (i = 0; st == KITH_OK; i++) {
			st = kith_unpack_next(unpack, &member, err);
			if (st != KITH_OK || i < done || !member.is_file)
				continue;
			done = i + 1;
			st = take_member(scan, unpack, &member, err);
			again = st == KITH_E_CORRUPT && scan->args->keep_going &&
				scan->format != KITH_UNPACK_ZIP_CUT;
		}
		kith_unpack_close(unpack);
		unpack = NULL;
	} while (again);
	return st < 0 ? st : KITH_OK;
}

/*
 * Goes through an archive once. *ret_inner: the scratch file with the zip that has NSRLFile, when
 * the archive holds it zipped (ret_inner NULL: a zip inside is not looked for). With keep-going
 * damage ends an archive once it has given its rows.
 */
static enum kith_status scan_archive(struct nsrl_v2 *v2, const struct kith_source_args *args,
				     const char *path, enum kith_unpack_format format,
				     const char **ret_inner, struct kith_err *err)
{
	struct scan scan = {v2, args, path, format, ret_inner};
	struct kith_err fault = {0};
	enum kith_status st = scan_members(&scan, &fault);

	if (st == KITH_E_CORRUPT && args->keep_going && format == KITH_UNPACK_ZIP &&
	    !is_set(&v2->path) && (ret_inner == NULL || *ret_inner == NULL)) {
		scan.format = KITH_UNPACK_ZIP_CUT;
		(void)scan_members(&scan, NULL);
	}
	if (st == KITH_E_CORRUPT && args->keep_going &&
	    (is_set(&v2->path) || (ret_inner != NULL && *ret_inner != NULL)))
		return KITH_OK;
	if (st < 0 && err != NULL)
		*err = fault;
	return st;
}

/* --------------------------------------------------------------- folders */

/* "folder/name", terminated; the buffer is replaced. */
static bool join(struct kith_buf *buf, const char *folder, const char *name)
{
	buf->n = 0;
	kith_buf_add(buf, folder, strlen(folder));
	kith_buf_add(buf, "/", 1);
	return kith_buf_add(buf, name, strlen(name) + 1) && !buf->failed;
}

/* Finds the file of that name in any case; of several the one that sorts first. NULL: none. */
static enum kith_status find_in_folder(const char *folder, const char *name, struct kith_buf *ret,
				       bool *ret_found, struct kith_err *err)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	struct kith_buf best = {0};
	enum kith_status st = KITH_OK;

	*ret_found = false;
	if (dir == NULL)
		return kith_fail_errno(err, errno, "cannot open folder '%s'", folder);
	while ((entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe): own stream */
		const char *found = entry->d_name;

		if (!nsrl_is_member(found, name) ||
		    (*ret_found && strcmp(found, (const char *)best.data) >= 0))
			continue;
		if (!set_text(&best, found, strlen(found))) {
			st = kith_fail_nomem(err);
			break;
		}
		*ret_found = true;
	}
	(void)closedir(dir);
	if (st >= 0 && *ret_found && !join(ret, folder, (const char *)best.data))
		st = kith_fail_nomem(err);
	kith_buf_done(&best);
	return st;
}

bool v2_folder_is_release(const char *path)
{
	struct kith_buf found_path = {0};
	bool found = false;
	size_t i;

	(void)find_in_folder(path, rows_name, &found_path, &found, NULL);
	for (i = 0; i < 2 && !found; i++)
		(void)find_in_folder(path, zip_names[i], &found_path, &found, NULL);
	kith_buf_done(&found_path);
	return found;
}

static enum kith_status load_file(struct nsrl_v2 *v2, enum v2_text which, const char *path,
				  struct kith_err *err)
{
	int fd = -1;
	enum kith_status st;

	st = kith_io_open(path, &fd, err);
	if (st < 0)
		return st;
	st = load_text(v2, which, read_fd, &fd, err);
	if (st < 0)
		kith_err_context(err, "'%s'", path);
	(void)close(fd);
	return st;
}

/* rows: the path of NSRLFile.txt when it is known already, else NULL. *ret_zip: as above. */
static enum kith_status scan_folder(struct nsrl_v2 *v2, const char *folder, const char *rows,
				    struct kith_buf *zip, bool *ret_is_zip, struct kith_err *err)
{
	struct kith_buf path = {0};
	struct stat info;
	bool found = rows != NULL;
	enum kith_status st = KITH_OK;
	size_t i;

	*ret_is_zip = false;
	if (rows == NULL)
		st = find_in_folder(folder, rows_name, &path, &found, err);
	else if (!set_text(&path, rows, strlen(rows)))
		st = kith_fail_nomem(err);
	if (st >= 0 && found &&
	    !set_text(&v2->path, (const char *)path.data, strlen((const char *)path.data)))
		st = kith_fail_nomem(err);
	if (st >= 0 && found && stat((const char *)path.data, &info) == 0)
		v2->file_bytes = (uint64_t)info.st_size;
	for (i = 0; i < 2 && st >= 0 && !found && !*ret_is_zip; i++)
		st = find_in_folder(folder, zip_names[i], zip, ret_is_zip, err);
	for (i = 0; i < V2_TEXTS && st >= 0; i++) {
		st = find_in_folder(folder, text_names[i], &path, &found, err);
		if (st >= 0 && found)
			st = load_file(v2, (enum v2_text)i, (const char *)path.data, err);
	}
	kith_buf_done(&path);
	return st;
}

/* ------------------------------------------------------------------ input */

static enum kith_status read_magic(const char *path, uint8_t magic[static 4], struct kith_err *err)
{
	size_t got = 0;
	int fd = -1;
	enum kith_status st;

	memset(magic, 0, 4);
	st = kith_io_open(path, &fd, err);
	if (st < 0)
		return st;
	st = kith_io_read(fd, magic, 4, &got, err);
	(void)close(fd);
	return st;
}

static enum kith_status scan_iso(struct nsrl_v2 *v2, const struct kith_source_args *args,
				 const char **ret_inner, struct kith_err *err)
{
	enum kith_status st = read_volume(v2, args->path, err);

	if (st >= 0)
		st = scan_archive(v2, args, args->path, KITH_UNPACK_ISO, ret_inner, err);
	return st;
}

/* The input is NSRLFile.txt itself: the others lie beside it. */
static enum kith_status scan_beside(struct nsrl_v2 *v2, const char *path, struct kith_buf *zip,
				    bool *ret_is_zip, struct kith_err *err)
{
	const char *slash = strrchr(path, '/');
	struct kith_buf folder = {0};
	enum kith_status st;
	bool ok;

	if (slash == NULL)
		ok = set_text(&folder, ".", 1);
	else
		ok = set_text(&folder, path, slash == path ? 1 : (size_t)(slash - path));
	st = ok ? scan_folder(v2, (const char *)folder.data, path, zip, ret_is_zip, err)
		: kith_fail_nomem(err);
	kith_buf_done(&folder);
	return st;
}

enum kith_status v2_find_files(struct nsrl_v2 *v2, const struct kith_source_args *args,
			       struct kith_err *err)
{
	const char *inner = NULL;
	struct kith_buf zip = {0};
	bool is_zip = false;
	struct stat info;
	uint8_t magic[4];
	enum kith_status st = KITH_OK;

	if (stat(args->path, &info) != 0)
		return kith_fail_errno(err, errno, "cannot open it");
	if (S_ISDIR(info.st_mode)) {
		st = scan_folder(v2, args->path, NULL, &zip, &is_zip, err);
	} else {
		st = read_magic(args->path, magic, err);
		if (st >= 0 && memcmp(magic, "PK", 2) == 0)
			st = scan_archive(v2, args, args->path, KITH_UNPACK_ZIP, &inner, err);
		else if (st >= 0 && (magic[0] == '"' || magic[0] == 'S' || magic[0] == 0xef))
			st = scan_beside(v2, args->path, &zip, &is_zip, err);
		else if (st >= 0)
			st = scan_iso(v2, args, &inner, err);
	}
	if (st >= 0 && !is_set(&v2->path) && (inner != NULL || is_zip))
		st = scan_archive(v2, args, inner != NULL ? inner : (const char *)zip.data,
				  KITH_UNPACK_ZIP, NULL, err);
	if (st >= 0 && !is_set(&v2->path))
		st = kith_fail(err, KITH_E_UNSUPPORTED,
			       "not an NSRL RDS v2 release: no NSRLFile.txt in it");
	kith_buf_done(&zip);
	return st;
}
