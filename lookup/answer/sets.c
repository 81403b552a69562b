/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE   200809L
#define _FILE_OFFSET_BITS 64
#include "answer/sets.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/limits.h"

#define DEFAULT_FOLDER "/var/lib/kith"
#define SUFFIX         ".kith"

struct opening {
	struct kith_sets *sets;
	const struct kith_sets_watch *watch;
	struct kith_err *err;
};

static bool ends_with_suffix(const char *name)
{
	size_t n = strlen(name);

	return n > strlen(SUFFIX) && strcmp(name + n - strlen(SUFFIX), SUFFIX) == 0;
}

static enum kith_status cannot_open(struct opening *o, int sys_errno, const char *path)
{
	return kith_fail_errno(o->err, sys_errno, "set '%s': cannot open", path);
}

/* A file that was named twice is opened once. */
static bool is_open(const struct kith_sets *sets, const struct stat *file)
{
	struct stat other;
	size_t i;

	for (i = 0; i < sets->n; i++) {
		if (sets->paths[i] != NULL && stat(sets->paths[i], &other) == 0 &&
		    other.st_dev == file->st_dev && other.st_ino == file->st_ino)
			return true;
	}
	return false;
}

static enum kith_status open_file(struct opening *o, const char *path, const struct stat *file)
{
	struct kith_sets *sets = o->sets;
	kith_set *set = NULL;
	enum kith_status st;

	if (is_open(sets, file))
		return KITH_OK;
	if (sets->n == KITH_LIMIT_SETS)
		return kith_fail(o->err, KITH_E_LIMIT, "more than %d sets", KITH_LIMIT_SETS);
	if (o->watch != NULL && o->watch->opening != NULL)
		o->watch->opening(path);
	st = kith_set_open(path, &set, o->err); /* its words name the set */
	if (o->watch != NULL && o->watch->opened != NULL)
		o->watch->opened(set);
	if (st != KITH_OK)
		return st;
	sets->paths[sets->n] = strdup(path);
	if (sets->paths[sets->n] == NULL) {
		kith_set_close(set);
		return kith_fail_nomem(o->err);
	}
	sets->sets[sets->n++] = set;
	return KITH_OK;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The *.kith files of a folder, by name, so that the order never depends on the file system. */
static int list_folder(const char *path, char ***ret_names, size_t *ret_n)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char **names = NULL;
	size_t n = 0;
	int status = 0;

	if (dir == NULL)
		return errno;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): the folder is ours alone */
	while ((entry = readdir(dir)) != NULL && n < KITH_LIMIT_SETS + 1) {
		size_t len = strlen(path) + strlen(entry->d_name) + 2;
		char **more, *name;

		if (!ends_with_suffix(entry->d_name) || entry->d_name[0] == '.')
			continue;
		more = realloc(names, (n + 1) * sizeof *names);
		name = malloc(len);
		if (more != NULL)
			names = more;
		if (more == NULL || name == NULL) {
			free(name);
			status = ENOMEM;
			break;
		}
		(void)snprintf(name, len, "%s/%s", path, entry->d_name);
		names[n++] = name;
	}
	(void)closedir(dir);
	if (n > 1)
		qsort(names, n, sizeof *names, compare_names);
	*ret_names = names;
	*ret_n = n;
	return status;
}

/* Opens a file, or what a folder has. */
static enum kith_status open_path(struct opening *o, const char *path)
{
	struct stat file;
	char **names = NULL;
	size_t n = 0, i;
	enum kith_status st = KITH_OK;
	int e;

	if (stat(path, &file) != 0)
		return cannot_open(o, errno, path);
	if (!S_ISDIR(file.st_mode))
		return open_file(o, path, &file);
	e = list_folder(path, &names, &n);
	if (e != 0)
		st = cannot_open(o, e, path);
	else if (n == 0) /* a medium that is not mounted, say: without its sets hits are misses */
		st = kith_fail(o->err, KITH_NOT_FOUND, "folder '%s' has no *.kith", path);
	for (i = 0; i < n; i++) {
		if (st == KITH_OK)
			st = stat(names[i], &file) != 0 ? cannot_open(o, errno, names[i])
							: open_file(o, names[i], &file);
		free(names[i]);
	}
	free(names);
	return st;
}

static enum kith_status open_list(struct opening *o, const char *list)
{
	enum kith_status st = KITH_OK;

	while (*list != '\0' && st == KITH_OK) {
		size_t n = strcspn(list, ":");

		if (n > 0) {
			char *path = strndup(list, n);

			st = path == NULL ? kith_fail_nomem(o->err) : open_path(o, path);
			free(path);
		}
		list += n + (list[n] == ':');
	}
	return st;
}

enum kith_status kith_sets_find(struct kith_sets *sets, const struct kith_opt_list *given,
				const struct kith_sets_watch *watch, struct kith_err *err)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment */
	const char *list = getenv("KITH_PATH");
	struct opening o = {sets, watch, err};
	enum kith_status st = KITH_OK;
	struct stat folder;
	size_t i;

	memset(sets, 0, sizeof *sets);
	sets->sets = calloc(KITH_LIMIT_SETS, sizeof(void *));
	sets->paths = calloc(KITH_LIMIT_SETS, sizeof *sets->paths);
	if (sets->sets == NULL || sets->paths == NULL)
		return kith_fail_nomem(err);
	for (i = 0; i < given->n && st == KITH_OK; i++)
		st = open_path(&o, given->items[i]);
	if (given->n == 0 && list != NULL && *list != '\0') {
		st = open_list(&o, list);
	} else if (given->n == 0 && stat(DEFAULT_FOLDER, &folder) == 0) {
		st = open_path(&o, DEFAULT_FOLDER);
		if (st == KITH_NOT_FOUND) /* nobody named it: the sentence below helps more */
			st = KITH_OK;
	}
	if (st == KITH_OK && sets->n == 0)
		return kith_fail(err, KITH_NOT_FOUND,
				 "no set found; name one with -d or KITH_PATH, or make one with "
				 "'kith build nsrl -o NAME.kith RDS'");
	return st;
}

void kith_sets_close(struct kith_sets *sets)
{
	size_t i;

	for (i = 0; i < sets->n; i++) {
		kith_set_close(sets->sets[i]);
		free(sets->paths[i]);
	}
	free(sets->sets);
	free(sets->paths);
	memset(sets, 0, sizeof *sets);
}
