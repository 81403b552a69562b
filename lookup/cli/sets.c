/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE   200809L
#define _FILE_OFFSET_BITS 64
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "cli/cli.h"

#define DEFAULT_FOLDER "/var/lib/kith"
#define SUFFIX         ".kith"

static void say_errno(int sys_errno, const char *path)
{
	struct kith_err err;

	(void)kith_fail_errno(&err, sys_errno, "set '%s': cannot open", path);
	kith_cli_say("%s", err.msg);
}

static bool ends_with_suffix(const char *name)
{
	size_t n = strlen(name);

	return n > strlen(SUFFIX) && strcmp(name + n - strlen(SUFFIX), SUFFIX) == 0;
}

/* One environment must not be opened twice in a process, so a file that was named twice is opened
 * once. */
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

static int open_file(struct kith_sets *sets, const char *path, const struct stat *file)
{
	struct kith_err err = {.status = KITH_OK};
	kith_set *set = NULL;
	enum kith_status st;

	if (is_open(sets, file))
		return KITH_EXIT_OK;
	if (sets->n == KITH_LIMIT_SETS) {
		kith_cli_say("more than %d sets", KITH_LIMIT_SETS);
		return KITH_EXIT_USAGE;
	}
	kith_guard_open(path);
	st = kith_set_open(path, &set, &err);
	kith_guard_opened(set);
	if (st != KITH_OK) {
		kith_cli_say("%s", err.msg); /* it names the set */
		return st == KITH_E_NOMEM ? KITH_EXIT_USAGE : KITH_EXIT_SET;
	}
	sets->paths[sets->n] = strdup(path);
	if (sets->paths[sets->n] == NULL) {
		kith_set_close(set);
		return kith_cli_set_fault(path, KITH_E_NOMEM, NULL);
	}
	sets->sets[sets->n++] = set;
	return KITH_EXIT_OK;
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
			/* With some of the sets an answer could be a wrong "unknown". */
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
static int open_path(struct kith_sets *sets, const char *path)
{
	struct stat file;
	char **names = NULL;
	size_t n = 0, i;
	int status = KITH_EXIT_OK, e;

	if (stat(path, &file) != 0) {
		say_errno(errno, path);
		return KITH_EXIT_SET;
	}
	if (!S_ISDIR(file.st_mode))
		return open_file(sets, path, &file);
	e = list_folder(path, &names, &n);
	if (e != 0) {
		say_errno(e, path);
		status = KITH_EXIT_SET;
	}
	for (i = 0; i < n; i++) {
		if (status == KITH_EXIT_OK) {
			if (stat(names[i], &file) != 0) {
				say_errno(errno, names[i]);
				status = KITH_EXIT_SET;
			} else {
				status = open_file(sets, names[i], &file);
			}
		}
		free(names[i]);
	}
	free(names);
	return status;
}

static int open_list(struct kith_sets *sets, const char *list)
{
	int status = KITH_EXIT_OK;

	while (*list != '\0' && status == KITH_EXIT_OK) {
		size_t n = strcspn(list, ":");

		if (n > 0) {
			char *path = strndup(list, n);

			status = path == NULL ? kith_cli_set_fault(NULL, KITH_E_NOMEM, NULL)
					      : open_path(sets, path);
			free(path);
		}
		list += n + (list[n] == ':');
	}
	return status;
}

int kith_sets_open(struct kith_sets *sets, const struct kith_opt_list *given)
{
	const char *list = getenv("KITH_PATH"); /* NOLINT(concurrency-mt-unsafe): no threads yet */
	struct stat folder;
	int status = KITH_EXIT_OK;
	size_t i;

	memset(sets, 0, sizeof *sets);
	sets->sets = calloc(KITH_LIMIT_SETS, sizeof(void *));
	sets->paths = calloc(KITH_LIMIT_SETS, sizeof *sets->paths);
	if (sets->sets == NULL || sets->paths == NULL)
		return kith_cli_set_fault(NULL, KITH_E_NOMEM, NULL);
	for (i = 0; i < given->n && status == KITH_EXIT_OK; i++)
		status = open_path(sets, given->items[i]);
	if (given->n == 0 && list != NULL && *list != '\0')
		status = open_list(sets, list);
	else if (given->n == 0 && stat(DEFAULT_FOLDER, &folder) == 0)
		status = open_path(sets, DEFAULT_FOLDER);
	if (status == KITH_EXIT_OK && sets->n == 0) {
		kith_cli_say("no set found; name one with -d or KITH_PATH, or make one with "
			     "'kith build nsrl -o NAME.kith RDS'");
		return KITH_EXIT_SET;
	}
	return status;
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
