/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inputs.c: what is read from the file system. What must hold: no symbolic link below an input is
 * followed and nothing outside of it is opened, nor what the caller writes itself; the order is
 * that of sorted names; memory is that of the folders from the input down to the present one.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/limits.h"
#include "walk/walk_int.h"

#define LEVELS 256u /* folders in folders */

struct level {
	char **names;
	size_t n, at;
	int fd;
	size_t path_n; /* of its path in the input */
};

struct walk_folder {
	uint32_t input;
	struct level levels[LEVELS];
	size_t depth;
	struct kith_buf path; /* of the present level */
	uint64_t others;
};

static void free_level(struct level *level)
{
	while (level->n > 0)
		free(level->names[--level->n]);
	free(level->names);
	if (level->fd >= 0)
		(void)close(level->fd);
}

void walk_folder_free(struct walk_folder *folder)
{
	if (folder == NULL)
		return;
	while (folder->depth > 0)
		free_level(&folder->levels[--folder->depth]);
	kith_buf_done(&folder->path);
	free(folder);
}

static int by_name(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static bool is_own(const struct kith_walk_options *options, const struct stat *folder,
		   const char *name)
{
	size_t i;

	for (i = 0; i < options->n_own; i++) {
		const struct kith_walk_own *own = &options->own[i];

		if (own->device == (uint64_t)folder->st_dev &&
		    own->inode == (uint64_t)folder->st_ino &&
		    (own->begins ? strncmp(name, own->name, strlen(own->name)) == 0
				 : strcmp(name, own->name) == 0))
			return true;
	}
	return false;
}

/* Takes fd over. */
static enum kith_status list_level(const struct kith_walk *walk, struct level *level, int fd,
				   struct kith_err *err)
{
	struct stat info = {0};
	size_t cap = 0;
	struct dirent *entry;
	DIR *dir = NULL;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	memset(level, 0, sizeof *level);
	level->fd = fd;
	(void)fstat(fd, &info);
	if (copy >= 0)
		dir = fdopendir(copy);
	if (dir == NULL) {
		if (copy >= 0)
			(void)close(copy);
		return kith_fail_errno(err, errno, "listing a folder");
	}
	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (entry == NULL)
			break;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    is_own(&walk->options, &info, entry->d_name))
			continue;
		if (level->n == cap) {
			size_t more = cap == 0 ? 64 : cap * 2;
			char **grown = realloc(level->names, more * sizeof *grown);

			if (grown == NULL)
				break;
			level->names = grown;
			cap = more;
		}
		level->names[level->n] = strdup(entry->d_name);
		if (level->names[level->n] == NULL)
			break;
		level->n++;
	}
	if (entry != NULL) {
		(void)closedir(dir);
		return kith_fail_nomem(err);
	}
	if (errno != 0) {
		int saved = errno;

		(void)closedir(dir);
		return kith_fail_errno(err, saved, "listing a folder");
	}
	(void)closedir(dir);
	if (level->n > 0)
		qsort(level->names, level->n, sizeof *level->names, by_name);
	return KITH_OK;
}

/* ------------------------------------------------------------------------ inputs */

enum kith_status walk_inputs_check(struct kith_walk *walk, struct kith_err *err)
{
	size_t i;

	for (i = 0; i < walk->n_inputs; i++) {
		struct walk_input *input = &walk->inputs[i];
		int fd = open(input->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		struct stat info;

		if (fd < 0)
			return kith_fail_errno(err, errno, "opening '%s'", input->path);
		if (fstat(fd, &info) != 0) {
			(void)close(fd);
			return kith_fail_errno(err, errno, "opening '%s'", input->path);
		}
		(void)close(fd);
		input->folder = S_ISDIR(info.st_mode);
		if (!input->folder && !S_ISREG(info.st_mode))
			return kith_fail(err, KITH_E_IO, "'%s' is neither a file nor a folder",
					 input->path);
		if (!input->folder)
			walk->bytes_total += (uint64_t)info.st_size;
		input->pending = 1; /* until it is listed */
	}
	return KITH_OK;
}

bool walk_items_left(const struct kith_walk *walk)
{
	return walk->n_retries > 0 || walk->folder != NULL || walk->next_input < walk->n_inputs;
}

enum kith_status walk_input_less(struct kith_walk *walk, uint32_t number, struct kith_err *err)
{
	struct walk_input *input = &walk->inputs[number];

	if (--input->pending > 0)
		return KITH_OK;
	input->done = true;
	return walk->sink.input_done(walk->sink.user, number,
				     input->hashed ? &input->digests : NULL, err);
}

enum kith_status walk_input_failed(struct kith_walk *walk, uint32_t number, const char *reason,
				   struct kith_err *err)
{
	struct walk_input *input = &walk->inputs[number];
	struct kith_walk_node report = {.parent = KITH_NO_NODE,
					.same_as = KITH_NO_NODE,
					.input = number,
					.kind = KITH_PLACE_ARCHIVE,
					.format = "",
					.name = (const uint8_t *)input->name,
					.name_n = strlen(input->name)};
	enum kith_status st = KITH_OK;

	if (input->node == KITH_NO_NODE)
		st = walk_add_node(walk, &report, NULL, 0, &input->node, err);
	return st < 0 ? st
		      : walk_note(walk, input->node, KITH_LEDGER_FAILED, reason, 1, report.name,
				  report.name_n, err);
}

void walk_input_expand(struct kith_walk *walk, uint32_t number, uint64_t bytes)
{
	struct walk_input *input = &walk->inputs[number];

	if (__builtin_add_overflow(input->bytes, bytes, &input->bytes) ||
	    input->bytes > walk->limits.input_bytes)
		input->full = true;
}

enum kith_status walk_retry_item(struct kith_walk *walk, struct walk_item *item,
				 struct kith_err *err)
{
	if (walk->n_retries == walk->cap_retries) {
		size_t cap = walk->cap_retries == 0 ? WALK_ITEMS : walk->cap_retries * 2;
		struct walk_item *grown = realloc(walk->retries, cap * sizeof *grown);

		if (grown == NULL)
			return kith_fail_nomem(err);
		walk->retries = grown;
		walk->cap_retries = cap;
	}
	walk->retries[walk->n_retries] = *item;
	walk->retries[walk->n_retries].alone = true;
	walk->retries[walk->n_retries++].format = KITH_FORMAT_NONE;
	item->path = NULL;
	return KITH_OK;
}

int walk_open_below(const char *folder, const char *path)
{
	int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), next;
	char name[256];

	while (at >= 0) {
		size_t n = strcspn(path, "/");
		bool last = path[n] == '\0';

		if (n == 0 || n >= sizeof name || (n == 2 && memcmp(path, "..", 2) == 0)) {
			(void)close(at);
			errno = ENOENT;
			return -1;
		}
		memcpy(name, path, n);
		name[n] = '\0';
		next =
		    openat(at, name,
			   O_RDONLY | O_CLOEXEC | O_NOFOLLOW | (last ? O_NONBLOCK : O_DIRECTORY));
		(void)close(at);
		if (last)
			return next;
		at = next;
		path += n + 1;
	}
	return at;
}

/* ----------------------------------------------------------------------- folders */

static enum kith_status enter(struct kith_walk *walk, int fd, size_t path_n, struct kith_err *err)
{
	struct walk_folder *folder = walk->folder;
	struct kith_err fault = {0};
	enum kith_status st = KITH_OK;

	if (folder->depth == LEVELS) {
		(void)close(fd);
		return walk_note(walk, walk->inputs[folder->input].node, KITH_LEDGER_FAILED,
				 "folders too deep", 1, folder->path.data, path_n, err);
	}
	if (list_level(walk, &folder->levels[folder->depth], fd, &fault) < 0)
		/* what was listed is hashed all the same */
		st = walk_note(walk, walk->inputs[folder->input].node, KITH_LEDGER_FAILED,
			       "it could not be listed", 1, folder->path.data, path_n, err);
	folder->levels[folder->depth++].path_n = path_n;
	return st;
}

static enum kith_status start_folder(struct kith_walk *walk, uint32_t number, struct kith_err *err)
{
	struct walk_input *input = &walk->inputs[number];
	struct kith_walk_node report = {.parent = KITH_NO_NODE,
					.same_as = KITH_NO_NODE,
					.input = number,
					.kind = KITH_PLACE_FOLDER,
					.format = "folder",
					.name = (const uint8_t *)input->name,
					.name_n = strlen(input->name)};
	enum kith_status st = walk_add_node(walk, &report, NULL, 0, &input->node, err);
	int fd;

	if (st < 0)
		return st;
	walk->folder = calloc(1, sizeof *walk->folder);
	if (walk->folder == NULL)
		return kith_fail_nomem(err);
	walk->folder->input = number;
	fd = open(input->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return walk_note(walk, input->node, KITH_LEDGER_FAILED, "it could not be listed", 1,
				 input->name, strlen(input->name), err);
	return enter(walk, fd, 0, err);
}

static enum kith_status end_folder(struct kith_walk *walk, struct kith_err *err)
{
	uint32_t number = walk->folder->input;
	uint64_t others = walk->folder->others;
	enum kith_status st = KITH_OK;

	walk_folder_free(walk->folder);
	walk->folder = NULL;
	walk->next_input++;
	walk->inputs[number].listed = true;
	if (others > 0)
		st = walk_note(walk, walk->inputs[number].node, KITH_LEDGER_COUNT,
			       "entries that are no files", others, NULL, 0, err);
	return st < 0 ? st : walk_input_less(walk, number, err);
}

/* The path of a name in the present level. */
static bool set_path(struct walk_folder *folder, const struct level *level, const char *name)
{
	folder->path.n = level->path_n;
	if (level->path_n > 0 && !kith_buf_add_byte(&folder->path, '/'))
		return false;
	return kith_buf_add(&folder->path, name, strlen(name));
}

/* One name of the present level. KITH_OK: it is a file; KITH_NOT_FOUND: something else. */
static enum kith_status next_name(struct kith_walk *walk, struct walk_item *ret, int *ret_fd,
				  struct kith_err *err)
{
	struct walk_folder *folder = walk->folder;
	struct level *level = &folder->levels[folder->depth - 1];
	const char *name = level->names[level->at++], *reason = NULL;
	uint32_t node = walk->inputs[folder->input].node;
	struct stat info;
	enum kith_status st;
	int fd = -1;

	if (!set_path(folder, level, name))
		return kith_fail_nomem(err);
	if (fstatat(level->fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
		reason = "it could not be read";
	} else if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
		folder->others++;
		return KITH_NOT_FOUND;
	} else {
		fd = openat(level->fd, name,
			    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
				(S_ISDIR(info.st_mode) ? O_DIRECTORY : 0));
		/* it may be another thing by now */
		if (fd < 0 || fstat(fd, &info) != 0 ||
		    (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)))
			reason = "it could not be read";
	}
	if (reason == NULL && S_ISDIR(info.st_mode)) {
		st = enter(walk, fd, folder->path.n, err);
		return st < 0 ? st : KITH_NOT_FOUND;
	}
	if (reason == NULL && folder->path.n > KITH_LIMIT_ENTRY_NAME)
		reason = "a name over the limit";
	if (reason != NULL) {
		if (fd >= 0)
			(void)close(fd);
		st = walk_note(walk, node, KITH_LEDGER_FAILED, reason, 1, folder->path.data,
			       folder->path.n, err);
		return st < 0 ? st : KITH_NOT_FOUND;
	}
	memset(ret, 0, sizeof *ret);
	ret->path = walk_text(folder->path.data, folder->path.n);
	if (ret->path == NULL) {
		(void)close(fd);
		return kith_fail_nomem(err);
	}
	ret->input = folder->input;
	ret->node = node;
	ret->size = (uint64_t)info.st_size;
	walk->bytes_total += ret->size;
	walk->inputs[folder->input].pending++;
	*ret_fd = fd;
	return KITH_OK;
}

static enum kith_status next_of_folder(struct kith_walk *walk, struct walk_item *ret, int *ret_fd,
				       struct kith_err *err)
{
	struct walk_folder *folder = walk->folder;
	enum kith_status st = KITH_NOT_FOUND;

	while (st == KITH_NOT_FOUND && folder->depth > 0) {
		struct level *level = &folder->levels[folder->depth - 1];

		if (level->at < level->n) {
			st = next_name(walk, ret, ret_fd, err);
		} else {
			free_level(level);
			folder->depth--;
		}
	}
	if (st == KITH_NOT_FOUND) {
		st = end_folder(walk, err);
		return st < 0 ? st : KITH_NOT_FOUND;
	}
	return st;
}

/* An input that is a file. KITH_NOT_FOUND: it cannot be opened any more, which is noted. */
static enum kith_status next_file(struct kith_walk *walk, struct walk_item *ret, int *ret_fd,
				  struct kith_err *err)
{
	uint32_t number = (uint32_t)walk->next_input++;
	struct walk_input *input = &walk->inputs[number];
	struct stat info;
	enum kith_status st;
	int fd = open(input->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	input->listed = true; /* what was pending for its listing is the file itself now */
	if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
		memset(ret, 0, sizeof *ret);
		ret->input = number;
		ret->node = KITH_NO_NODE;
		ret->size = input->size = (uint64_t)info.st_size;
		*ret_fd = fd;
		return KITH_OK;
	}
	if (fd >= 0)
		(void)close(fd);
	st = walk_input_failed(walk, number, "it could not be read", err);
	if (st >= 0)
		st = walk_input_less(walk, number, err);
	return st < 0 ? st : KITH_NOT_FOUND;
}

static enum kith_status next_retry(struct kith_walk *walk, struct walk_item *ret, int *ret_fd,
				   struct kith_err *err)
{
	struct walk_item item = walk->retries[--walk->n_retries];
	const char *folder = walk->inputs[item.input].path;
	enum kith_status st;

	*ret_fd = item.path != NULL ? walk_open_below(folder, item.path)
				    : open(folder, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*ret_fd >= 0) {
		*ret = item;
		return KITH_OK;
	}
	if (item.node != KITH_NO_NODE)
		st = walk_note(walk, item.node, KITH_LEDGER_FAILED, "it could not be read", 1,
			       item.path, strlen(item.path), err);
	else
		st = walk_input_failed(walk, item.input, "it could not be read", err);
	if (st >= 0)
		st = walk_input_less(walk, item.input, err);
	free(item.path);
	return st < 0 ? st : KITH_NOT_FOUND;
}

enum kith_status walk_next_item(struct kith_walk *walk, struct walk_item *ret, int *ret_fd,
				struct kith_err *err)
{
	enum kith_status st = KITH_NOT_FOUND;

	while (st == KITH_NOT_FOUND) {
		if (walk->n_retries > 0)
			st = next_retry(walk, ret, ret_fd, err);
		else if (walk->folder != NULL)
			st = next_of_folder(walk, ret, ret_fd, err);
		else if (walk->next_input == walk->n_inputs)
			return KITH_END;
		else if (!walk->inputs[walk->next_input].folder)
			st = next_file(walk, ret, ret_fd, err);
		else if ((st = start_folder(walk, (uint32_t)walk->next_input, err)) == KITH_OK)
			st = KITH_NOT_FOUND;
	}
	return st;
}
