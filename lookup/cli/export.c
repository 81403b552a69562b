/* SPDX-License-Identifier: Apache-2.0 */
/* export.c: kith export. Writes what the sets have for other tools to read. */
#define _XOPEN_SOURCE     700 /* realpath */
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "answer/export.h"
#include "base/io.h"
#include "cli/cli.h"

static struct options {
	struct kith_opt_list sets;
	const char *to, *output, *item, *rate;
	uint64_t capacity;
	bool header, no_trivial, no_fragments, list;
} options;

static const struct kith_opt opts[] = {
    KITH_CLI_SET_OPTION,
    {KITH_OPT_TEXT, 0, "to", &options.to, "TARGET", "what to write, see --list-targets"},
    {KITH_OPT_FLAG, 0, "list-targets", &options.list, NULL, "print the targets and exit"},
    {KITH_OPT_TEXT, 'o', "output", &options.output, "FILE",
     "write to this file, which appears when it is complete (default: standard output, '-')"},
    {KITH_OPT_FLAG, 0, "header", &options.header, NULL,
     "lists: begin with the line that X-Ways wants: SHA-256, SHA-1 or MD5"},
    {KITH_OPT_FLAG, 0, "no-trivial", &options.no_trivial, NULL,
     "leave out files that prove nothing, such as the empty one"},
    {KITH_OPT_FLAG, 0, "no-fragments", &options.no_fragments, NULL,
     "leave out what is only a part of a file, such as a section of a program"},
    {KITH_OPT_TEXT, 0, "bloom-item", &options.item, "KIND",
     "bloom: sha1 (default), md5 or sha256, as upper-case hex"},
    {KITH_OPT_TEXT, 0, "fp", &options.rate, "P",
     "bloom: probability of a false positive (default 0.0001)"},
    {KITH_OPT_NUMBER, 0, "capacity", &options.capacity, "N",
     "bloom: make room for N hashes (default: as many as there are)"},
};

static const struct kith_command command = {
    .name = "kith export",
    .usage = "--to TARGET [OPTION]...",
    .summary = "write the sets' hashes in the format of another tool",
    .opts = opts,
    .n_opts = sizeof opts / sizeof *opts,
    .details =
	"Several sets are written as one. Hashes are sorted, each comes once; those that only some "
	"source claims for a file are among them, because they can be looked up too. Files that "
	"the "
	"target cannot hold are counted on standard error.\n"
	"\n"
	"Exit status: 0 done, 2 usage or the output cannot be written, 3 a set is missing or "
	"damaged.",
};

static int list_targets(void)
{
	static const char blank[] = "              ";
	const struct kith_export_target *t;
	struct kith_out out;
	size_t i;

	kith_out_init(&out, STDOUT_FILENO);
	for (i = 0; (t = kith_export_at(i)) != NULL; i++) {
		size_t n = strlen(t->name);

		(void)kith_out_text(&out, t->name);
		(void)kith_out_write(&out, blank, n < 14 ? 14 - n : 1);
		(void)kith_out_text(&out, t->summary);
		(void)kith_out_text(&out, "\n");
	}
	return kith_cli_end(&out, KITH_EXIT_OK);
}

static bool parse_item(const char *text, enum kith_digest *ret)
{
	static const char *const names[KITH_DIGESTS] = {"sha256", "sha1", "md5"};
	unsigned i;

	for (i = 0; i < KITH_DIGESTS; i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum kith_digest)i;
			return true;
		}
	}
	return false;
}

static bool parse_rate(const char *text, double *ret)
{
	char *end;

	*ret = strtod(text, &end);
	return end != text && *end == '\0' && *ret > 0 && *ret < 1;
}

static int get_options(struct kith_export *export, const struct kith_export_target **ret)
{
	if (options.to == NULL) {
		kith_cli_say("--to is missing, see 'kith export --help'");
		return KITH_EXIT_USAGE;
	}
	*ret = kith_export_find(options.to);
	if (*ret == NULL) {
		kith_cli_say("unknown target '%s', see 'kith export --list-targets'", options.to);
		return KITH_EXIT_USAGE;
	}
	export->bloom_item = KITH_SHA1;
	if (options.item != NULL && !parse_item(options.item, &export->bloom_item)) {
		kith_cli_say("--bloom-item '%s' is not sha1, md5 or sha256", options.item);
		return KITH_EXIT_USAGE;
	}
	export->bloom_fp = 0.0001;
	if (options.rate != NULL && !parse_rate(options.rate, &export->bloom_fp)) {
		kith_cli_say("--fp '%s' is not between 0 and 1", options.rate);
		return KITH_EXIT_USAGE;
	}
	export->bloom_n = options.capacity;
	export->header = options.header;
	export->no_trivial = options.no_trivial;
	export->no_fragments = options.no_fragments;
	return KITH_EXIT_OK;
}

static int write_export(const struct kith_export_target *target, struct kith_export *export, int fd)
{
	struct kith_err err = {.status = KITH_OK};
	struct kith_out out;
	enum kith_status st;
	int status = KITH_EXIT_OK;
	const char *what = fd == STDOUT_FILENO ? "standard output" : options.output;

	kith_out_init(&out, fd);
	export->out = &out;
	st = kith_export_run(target, export, &err);
	if (st != KITH_OK && !kith_out_failed(&out))
		status = st == KITH_E_LIMIT ? KITH_EXIT_USAGE : kith_cli_set_fault(NULL, st, &err);
	if (st == KITH_E_LIMIT)
		kith_cli_say("%s", err.msg);
	if (kith_out_done(&out, what, &err) != KITH_OK) {
		kith_cli_say("%s", err.msg);
		status = KITH_EXIT_USAGE;
	}
	export->out = NULL;
	if (status == KITH_EXIT_OK && export->n_left_out > 0)
		kith_cli_say("%llu files left out, the sets do not know what '%s' needs of them",
			     (unsigned long long)export->n_left_out, target->name);
	return status;
}

static int cannot_write(const char *path)
{
	struct kith_err err;

	(void)kith_fail_errno(&err, errno, "cannot write '%s'", path);
	kith_cli_say("%s", err.msg);
	return KITH_EXIT_USAGE;
}

/* Writes beside the file and renames, so that a reader never sees half of it. */
static int write_beside(const struct kith_export_target *target, struct kith_export *export,
			const char *path)
{
	struct kith_err err;
	size_t n = strlen(path) + 32;
	char *temporary = malloc(n);
	int fd, status;

	if (temporary == NULL)
		return kith_cli_set_fault(NULL, KITH_E_NOMEM, NULL);
	(void)snprintf(temporary, n, "%s.tmp-%ld", path, (long)getpid());
	kith_guard_temporary(temporary); /* first, so that no signal comes between */
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0) {
		status = cannot_write(temporary);
		goto out;
	}
	status = write_export(target, export, fd);
	if (status == KITH_EXIT_OK && (kith_io_sync(fd, &err) != KITH_OK ||
				       kith_io_rename(temporary, path, &err) != KITH_OK)) {
		kith_cli_say("%s", err.msg);
		status = KITH_EXIT_USAGE;
	}
	(void)close(fd);
	if (status != KITH_EXIT_OK)
		(void)unlink(temporary);
out:
	kith_guard_temporary(NULL);
	free(temporary);
	return status;
}

/* A pipe or a device is written to, never replaced; a link stays, and what it leads to is new. */
static int write_file(const struct kith_export_target *target, struct kith_export *export)
{
	struct stat file;
	char *path;
	int fd, status;

	if (stat(options.output, &file) == 0 && !S_ISREG(file.st_mode)) {
		fd = open(options.output, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			return cannot_write(options.output);
		status = write_export(target, export, fd);
		(void)close(fd);
		return status;
	}
	if (lstat(options.output, &file) != 0)
		return write_beside(target, export, options.output);
	path = realpath(options.output, NULL);
	if (path == NULL)
		return cannot_write(options.output);
	status = write_beside(target, export, path);
	free(path);
	return status;
}

static int run(int argc, char **argv)
{
	const struct kith_export_target *target = NULL;
	struct kith_export export;
	struct kith_sets sets;
	int first, status;

	memset(&export, 0, sizeof export);
	if (!kith_cli_parse(&command, argc, argv, &first, &status))
		return status;
	if (options.list)
		return list_targets();
	if (first < argc) {
		kith_cli_say("unexpected '%s', see 'kith export --help'", argv[first]);
		return KITH_EXIT_USAGE;
	}
	status = get_options(&export, &target);
	if (status != KITH_EXIT_OK)
		return status;
	status = kith_sets_open(&sets, &options.sets);
	if (status != KITH_EXIT_OK)
		goto out;
	export.sets = sets.sets;
	export.n_sets = sets.n;
	status = options.output == NULL || strcmp(options.output, "-") == 0
		     ? write_export(target, &export, STDOUT_FILENO)
		     : write_file(target, &export);
out:
	kith_sets_close(&sets);
	return status;
}

const struct kith_cli kith_cli_export = {"export", &command, run};
