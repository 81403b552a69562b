/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "walk_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char folder[256];

/* -------------------------------------------------------------- what is reported */

void add_line(struct report *r, size_t node, const char *fmt, ...)
{
	va_list args;
	char *line = NULL;

	va_start(args, fmt);
	assert_true(vasprintf(&line, fmt, args) >= 0);
	va_end(args);
	r->lines = realloc(r->lines, (r->n + 1) * sizeof *r->lines);
	r->of = realloc(r->of, (r->n + 1) * sizeof *r->of);
	assert_non_null(r->lines);
	assert_non_null(r->of);
	r->of[r->n] = node;
	r->lines[r->n++] = line;
}

static enum kith_status on_node(void *user, const struct kith_walk_node *node, struct kith_err *err)
{
	struct report *r = user;
	const char *parent = "";

	(void)err;
	assert_int_equal(node->node, r->n_nodes);
	assert_true(r->n_nodes < 20000);
	if (node->parent != KITH_NO_NODE) {
		assert_true(node->parent < node->node);
		parent = r->chains[node->parent];
	}
	r->same[r->n_nodes] = node->same_as == KITH_NO_NODE ? SIZE_MAX : node->same_as;
	r->parents[r->n_nodes] = node->parent == KITH_NO_NODE ? SIZE_MAX : node->parent;
	assert_true(asprintf(&r->chains[r->n_nodes++], "%s>%.*s", parent, (int)node->name_n,
			     (const char *)node->name) >= 0);
	add_line(r, SIZE_MAX, "node %s %s%s%s", r->chains[node->node], node->format,
		 node->same_as == KITH_NO_NODE ? "" : " same ",
		 node->same_as == KITH_NO_NODE ? "" : r->chains[node->same_as]);
	return KITH_OK;
}

static enum kith_status on_file(void *user, const struct kith_walk_file *file, struct kith_err *err)
{
	char hex[17] = "declared";
	size_t i;

	(void)err;
	for (i = 0; i < 8 && file->digests != NULL; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", file->digests->sha256[i]);
	add_line(user, file->node, "file %s>%.*s %" PRIu64 " %s",
		 ((struct report *)user)->chains[file->node], (int)file->name_n,
		 (const char *)file->name, file->size, hex);
	return KITH_OK;
}

static enum kith_status on_fact(void *user, uint32_t node, enum kith_fact fact, unsigned weight,
				struct kith_bytes text, struct kith_err *err)
{
	(void)err;
	add_line(user, node, "fact %s %d %u %.*s", ((struct report *)user)->chains[node], (int)fact,
		 weight, (int)text.n, (const char *)text.data);
	return KITH_OK;
}

static enum kith_status on_note(void *user, uint32_t node, enum kith_ledger_class class_,
				const char *reason, uint64_t count, struct kith_bytes example,
				struct kith_err *err)
{
	(void)err;
	add_line(user, node, "note %s %d %" PRIu64 " %s: %.*s",
		 ((struct report *)user)->chains[node], (int)class_, count, reason, (int)example.n,
		 (const char *)example.data);
	return KITH_OK;
}

static enum kith_status on_input(void *user, uint32_t input, const struct kith_digests *digests,
				 struct kith_err *err)
{
	struct report *r = user;

	(void)err;
	add_line(r, SIZE_MAX, "input %u %s", input, digests == NULL ? "folder" : "hashed");
	r->inputs_done++;
	return KITH_OK;
}

static int on_progress(void *user, uint64_t done, uint64_t total, uint64_t files)
{
	(void)done;
	(void)total;
	(void)files;
	return ((struct report *)user)->cancel ? 1 : 0;
}

static bool skip_all(void *user, uint32_t input, const uint8_t *sha256)
{
	(void)user;
	(void)input;
	(void)sha256;
	return true;
}

enum kith_status walk_paths(struct report *r, const struct kith_walk_options *from,
			    const char *const *paths, size_t n, struct kith_err *err)
{
	struct kith_walk_options options = {0};
	struct kith_walk_sink sink = {.user = r,
				      .node = on_node,
				      .file = on_file,
				      .fact = on_fact,
				      .note = on_note,
				      .input_done = on_input,
				      .progress = on_progress,
				      .skip = skip_all};
	struct kith_walk *walk;
	enum kith_status st;
	size_t i;

	memset(r, 0, sizeof *r);
	if (from != NULL)
		options = *from;
	r->cancel = options.scratch != NULL && strcmp(options.scratch, "cancel") == 0;
	if (options.libexec == NULL)
		options.libexec = TEST_LIBEXEC;
	assert_int_equal(kith_walk_new(&options, &sink, &walk, err), KITH_OK);
	for (i = 0; i < n; i++)
		assert_int_equal(kith_walk_add(walk, paths[i], err), KITH_OK);
	st = kith_walk_run(walk, err);
	kith_walk_free(walk);
	return st;
}

void free_report(struct report *r)
{
	while (r->n > 0)
		free(r->lines[--r->n]);
	while (r->n_nodes > 0)
		free(r->chains[--r->n_nodes]);
	free(r->lines);
	free(r->of);
	r->lines = NULL;
	r->of = NULL;
}

/* Walks one path and expects no error. */
void walk_one(struct report *r, const struct kith_walk_options *options, const char *path)
{
	struct kith_err err = {0};
	enum kith_status st = walk_paths(r, options, &path, 1, &err);

	if (st != KITH_OK)
		print_error("%s\n", err.msg);
	assert_int_equal(st, KITH_OK);
	assert_int_equal(r->inputs_done, 1);
}

size_t count_lines(const struct report *r, const char *begin)
{
	size_t i, n = 0;

	for (i = 0; i < r->n; i++)
		n += strncmp(r->lines[i], begin, strlen(begin)) == 0;
	return n;
}

void expect_line(const struct report *r, const char *begin)
{
	size_t i;

	if (count_lines(r, begin) > 0)
		return;
	print_error("no line '%s' among:\n", begin);
	for (i = 0; i < r->n; i++)
		print_error("  %s\n", r->lines[i]);
	fail();
}

void expect_no_line(const struct report *r, const char *begin)
{
	if (count_lines(r, begin) > 0)
		print_error("there is a line '%s'\n", begin);
	assert_int_equal(count_lines(r, begin), 0);
}

/* ------------------------------------------------------------------------- files */

int set_up(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof folder, "/tmp/kith-walk-XXXXXX");
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
	(void)info;
	(void)type;
	(void)ftw;
	return remove(path);
}

int tear_down(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A path in the test's folder; four may be in use. */
const char *in_folder(const char *name)
{
	static char paths[4][512];
	static unsigned at;
	char *path = paths[at++ % 4];

	(void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

const char *put_bytes(const char *name, const void *data, size_t n)
{
	const char *path = in_folder(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), (ssize_t)n);
	assert_int_equal(close(fd), 0);
	return path;
}

const char *put(const char *name, const char *text)
{
	return put_bytes(name, text, strlen(text));
}
