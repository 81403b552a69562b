/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_walk.c: looks into all inputs, several at a time, and leaves a journal of each. Must hold:
 *
 *   - A journal has its name only when it is whole and on disk; it is found again only for the same
 *     input (path, size, times; of a folder: those of all that is in it) and the same limits.
 *   - What is found is written as it comes: memory does not grow with the number of files.
 *   - An input that the old set has is not opened.
 *   - Of one set one build at a time.
 */
#define _XOPEN_SOURCE 700
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hex.h"
#include "base/io.h"
#include "image.h"
#include "image_journal.h"
#include "image_key.h"
#include "image_own.h"

struct input {
	const char *path;   /* as given */
	char *final, *temp; /* owned; of its journal */
	char *name;         /* owned; in the set, while it is walked */
	int fd;             /* of the journal while it is written; -1 */
	struct journal_out out;
	uint8_t key[JOURNAL_KEY_SIZE];
	uint32_t n_nodes; /* handed out in the journal */
	bool is_folder, skipped, present, repeated;
};

struct walker {
	const struct image_walk_options *options;
	struct image_walks *walks;
	char *const *paths;   /* of the inputs */
	struct input *inputs; /* owned */
	size_t n;
	struct input **walked; /* owned; by the walk's number of the input */
	uint32_t n_walked;
	/* By the walk's number of the node. */
	uint32_t *node_input, *node_number; /* owned */
	uint32_t n_nodes, cap_nodes;
	struct image_own own;
	uint8_t *known; /* owned; SHA-256 of inputs that the old set has, sorted */
	size_t n_known;
};

/* ------------------------------------------------------------------- paths */

static enum kith_status make_paths(struct input *input, const char *folder, struct kith_err *err)
{
	size_t n = strlen(folder) + (size_t)2 * JOURNAL_KEY_SIZE + 32;
	char hex[2 * JOURNAL_KEY_SIZE + 1];

	input->final = malloc(n);
	input->temp = malloc(n);
	if (input->final == NULL || input->temp == NULL)
		return kith_fail_nomem(err);
	*kith_hex_encode(input->key, JOURNAL_KEY_SIZE, hex) = '\0';
	(void)snprintf(input->final, n, "%s/%s.walk", folder, hex);
	(void)snprintf(input->temp, n, "%s/%s.tmp-%ld", folder, hex, (long)getpid());
	return KITH_OK;
}

/* The last component of the input's real path: what it is called in the set. */
static enum kith_status input_name(const struct input *input, char **ret, struct kith_err *err)
{
	char *path = realpath(input->path, NULL), *slash;

	if (path == NULL)
		return kith_fail_errno(err, errno, "'%s'", input->path);
	slash = strrchr(path, '/');
	*ret = strdup(slash == NULL || slash[1] == '\0' ? path : slash + 1);
	free(path);
	return *ret == NULL ? kith_fail_nomem(err) : KITH_OK;
}

/* ----------------------------------------------------------------- old set */

static int compare_digests(const void *a, const void *b)
{
	return memcmp(a, b, KITH_SHA256_SIZE);
}

static int add_known(const struct kith_ledger_entry *entry, void *user)
{
	static const size_t prefix = sizeof KITH_LEDGER_INPUT - 1;
	uint8_t digest[KITH_SHA256_SIZE];

	if (entry->class_ != KITH_LEDGER_COUNT ||
	    entry->reason.n != prefix + (size_t)2 * KITH_SHA256_SIZE ||
	    memcmp(entry->reason.data, KITH_LEDGER_INPUT, prefix) != 0 ||
	    !kith_hex_decode((const char *)entry->reason.data + prefix, digest, sizeof digest))
		return 0;
	return kith_buf_add(user, digest, sizeof digest) ? 0 : 1;
}

static enum kith_status read_known(struct walker *walker, struct kith_err *err)
{
	struct kith_buf known = {0};
	kith_set *set = NULL;
	kith_reader *reader = NULL;
	enum kith_status st = kith_set_open(walker->options->old_set, &set, err);

	if (st >= 0)
		st = kith_reader_open(set, &reader, err);
	if (st >= 0) {
		st = kith_ledger_each(reader, add_known, &known);
		if (known.failed)
			st = kith_fail_nomem(err);
		else if (st < 0)
			st = kith_fail(err, KITH_E_CORRUPT, "damaged set: its ledger");
	}
	kith_reader_close(reader);
	kith_set_close(set);
	walker->known = known.data;
	walker->n_known = known.n / KITH_SHA256_SIZE;
	if (walker->n_known > 1)
		qsort(walker->known, walker->n_known, KITH_SHA256_SIZE, compare_digests);
	return st;
}

static bool on_skip(void *user, uint32_t number, const uint8_t *sha256)
{
	struct walker *walker = user;
	bool known = walker->n_known > 0 && bsearch(sha256, walker->known, walker->n_known,
						    KITH_SHA256_SIZE, compare_digests) != NULL;

	if (known && !walker->walked[number]->is_folder)
		walker->walked[number]->skipped = true;
	return known;
}

/* -------------------------------------------------------------------- sink */

static enum kith_status on_node(void *user, const struct kith_walk_node *node, struct kith_err *err)
{
	struct walker *walker = user;
	struct input *input = walker->walked[node->input];
	struct kith_walk_node mine = *node;

	if (node->node != walker->n_nodes)
		return kith_fail(err, KITH_E_ARG, "a node out of order");
	if (walker->n_nodes == walker->cap_nodes) {
		uint32_t cap = walker->cap_nodes == 0 ? 1024 : 2 * walker->cap_nodes;
		uint32_t *inputs = realloc(walker->node_input, cap * sizeof *inputs);
		uint32_t *numbers;

		if (inputs == NULL)
			return kith_fail_nomem(err);
		walker->node_input = inputs;
		numbers = realloc(walker->node_number, cap * sizeof *numbers);
		if (numbers == NULL)
			return kith_fail_nomem(err);
		walker->node_number = numbers;
		walker->cap_nodes = cap;
	}
	walker->node_input[walker->n_nodes] = node->input;
	walker->node_number[walker->n_nodes++] = input->n_nodes;
	mine.node = input->n_nodes++;
	if (node->parent != KITH_NO_NODE) {
		mine.parent = walker->node_number[node->parent];
	} else { /* as in the ledger, not as it was typed: "." or a link */
		mine.name = (const uint8_t *)input->name;
		mine.name_n = strlen(input->name);
	}
	if (node->same_as != KITH_NO_NODE)
		mine.same_as = walker->node_number[node->same_as];
	return journal_node(&input->out, &mine, err);
}

static struct input *input_of(struct walker *walker, uint32_t *node)
{
	struct input *input = walker->walked[walker->node_input[*node]];

	*node = walker->node_number[*node];
	return input;
}

static enum kith_status on_file(void *user, const struct kith_walk_file *file, struct kith_err *err)
{
	struct kith_walk_file mine = *file;
	struct input *input = input_of(user, &mine.node);

	return journal_file(&input->out, &mine, err);
}

static enum kith_status on_fact(void *user, uint32_t node, enum kith_fact fact, unsigned weight,
				struct kith_bytes text, struct kith_err *err)
{
	struct input *input = input_of(user, &node);

	return journal_fact(&input->out, node, fact, weight, text, err);
}

static enum kith_status on_note(void *user, uint32_t node, enum kith_ledger_class class_,
				const char *reason, uint64_t count, struct kith_bytes example,
				struct kith_err *err)
{
	struct input *input = input_of(user, &node);

	return journal_note(&input->out, node, class_, reason, count, example, err);
}

/* The journal gets its name. */
static enum kith_status on_input_done(void *user, uint32_t number,
				      const struct kith_digests *digests, struct kith_err *err)
{
	struct walker *walker = user;
	struct input *input = walker->walked[number];
	enum kith_status st;

	if (input->skipped)
		return KITH_OK;
	if (walker->options->stopped != NULL && walker->options->stopped(walker->options->user))
		return kith_fail(err, KITH_E_CANCELLED, "cancelled");
	st = journal_end(&input->out, digests, err);
	if (st >= 0)
		st = kith_io_sync(input->fd, err);
	if (st >= 0)
		st = kith_io_rename(input->temp, input->final, err);
	if (st < 0)
		return st;
	(void)close(input->fd);
	input->fd = -1;
	input->present = true;
	journal_done(&input->out);
	return KITH_OK;
}

static int on_progress(void *user, uint64_t bytes_done, uint64_t bytes_total, uint64_t files)
{
	struct walker *walker = user;

	(void)files;
	return walker->options->progress == NULL
		   ? 0
		   : walker->options->progress(walker->options->user, bytes_done, bytes_total);
}

/* --------------------------------------------------------------------- run */

static enum kith_status start_input(struct input *input, struct kith_err *err)
{
	enum kith_status st = input_name(input, &input->name, err);

	if (st < 0)
		return st;
	input->fd = open(input->temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (input->fd < 0)
		st = kith_fail_errno(err, errno, "cannot write '%s'", input->temp);
	else
		journal_start(&input->out, input->fd, input->key, input->name);
	return st;
}

static enum kith_status walk_rest(struct walker *walker, struct kith_err *err)
{
	const struct image_walk_options *options = walker->options;
	const struct kith_walk_options walk_options = {
	    .workers = options->workers,
	    .scratch = options->scratch != NULL ? options->scratch : walker->walks->folder,
	    .limits = options->limits,
	    .ask_skip = walker->n_known > 0,
	    .own = walker->own.names,
	    .n_own = walker->own.n,
	    .inputs = walker->paths,
	    .n_inputs = walker->n,
	};
	const struct kith_walk_sink sink = {
	    .user = walker,
	    .node = on_node,
	    .file = on_file,
	    .fact = on_fact,
	    .note = on_note,
	    .input_done = on_input_done,
	    .progress = on_progress,
	    .skip = on_skip,
	};
	struct kith_walk *walk = NULL;
	enum kith_status st = kith_walk_new(&walk_options, &sink, &walk, err);
	size_t i;

	for (i = 0; i < walker->n && st >= 0; i++) {
		struct input *input = &walker->inputs[i];

		if (input->present || input->repeated)
			continue;
		st = start_input(input, err);
		if (st < 0)
			break;
		walker->walked[walker->n_walked++] = input;
		st = kith_walk_add(walk, input->path, err);
	}
	if (st >= 0 && walker->n_walked > 0)
		st = kith_walk_run(walk, err);
	kith_walk_free(walk);
	return st;
}

static int compare_inputs(const void *a, const void *b)
{
	const struct input *x = *(struct input *const *)a, *y = *(struct input *const *)b;
	int order = memcmp(x->key, y->key, JOURNAL_KEY_SIZE);

	if (order != 0)
		return order;
	return x < y ? -1 : x > y;
}

/* Marks all but the first of the inputs that are named twice. walker->walked is free until then. */
static void mark_repeated(struct walker *walker)
{
	struct input **sorted = walker->walked;
	size_t i;

	for (i = 0; i < walker->n; i++)
		sorted[i] = &walker->inputs[i];
	if (walker->n > 1)
		qsort(sorted, walker->n, sizeof(struct input *), compare_inputs);
	for (i = 1; i < walker->n; i++)
		sorted[i]->repeated =
		    memcmp(sorted[i - 1]->key, sorted[i]->key, JOURNAL_KEY_SIZE) == 0;
}

/* Which inputs have a journal already, and which are named twice. */
static enum kith_status look_for(struct walker *walker, struct kith_err *err)
{
	struct image_walks *walks = walker->walks;
	size_t i;

	for (i = 0; i < walker->n; i++) {
		struct input *input = &walker->inputs[i];
		enum kith_status st = image_key(input->path, walker->options, &walker->own,
						input->key, &input->is_folder, err);

		if (st >= 0)
			st = make_paths(input, walks->folder, err);
		if (st < 0)
			return st;
	}
	mark_repeated(walker);
	for (i = 0; i < walker->n; i++) {
		struct input *input = &walker->inputs[i];
		struct journal_in in;

		if (input->repeated || access(input->final, R_OK) != 0)
			continue;
		if (journal_open(&in, input->final, NULL) >= 0) {
			input->present = memcmp(in.key, input->key, JOURNAL_KEY_SIZE) == 0;
			journal_close(&in);
		}
		walks->resumed += input->present;
	}
	return KITH_OK;
}

static void list_journals(struct walker *walker)
{
	struct image_walks *walks = walker->walks;
	size_t i;

	for (i = 0; i < walker->n; i++) {
		struct input *input = &walker->inputs[i];

		walks->skipped += input->skipped;
		if (!input->present || input->repeated)
			continue;
		walks->journals[walks->n++] = input->final;
		input->final = NULL;
	}
}

/* What the user may not expect. */
static void tell(const struct walker *walker)
{
	const struct image_walk_options *options = walker->options;
	char said[512];
	size_t i;

	if (options->message == NULL)
		return;
	if (walker->walks->resumed > 0) {
		(void)snprintf(said, sizeof said,
			       "going on: %llu of %zu inputs were read by a run before",
			       (unsigned long long)walker->walks->resumed, walker->n);
		options->message(said, options->user);
	}
	for (i = 0; i < walker->n; i++) {
		const struct input *input = &walker->inputs[i];

		if (!input->is_folder || input->repeated ||
		    !image_own_below(&walker->own, input->path))
			continue;
		(void)snprintf(said, sizeof said,
			       "the set, and what else this build writes, is left out of '%s'",
			       input->path);
		options->message(said, options->user);
	}
}

enum kith_status image_walk_inputs(const struct image_walk_options *options, char *const *inputs,
				   size_t n, struct image_walks *ret_walks, struct kith_err *err)
{
	struct walker walker = {.options = options, .walks = ret_walks, .paths = inputs, .n = n};
	size_t i;
	enum kith_status st;

	memset(ret_walks, 0, sizeof *ret_walks);
	ret_walks->lock = -1;
	walker.inputs = calloc(n + 1, sizeof *walker.inputs);
	walker.walked = calloc(n + 1, sizeof(struct input *));
	ret_walks->journals = calloc(n + 1, sizeof(char *));
	if (walker.inputs == NULL || walker.walked == NULL || ret_walks->journals == NULL) {
		st = kith_fail_nomem(err);
		goto out;
	}
	for (i = 0; i < n; i++) {
		walker.inputs[i].path = inputs[i];
		walker.inputs[i].fd = -1;
	}
	st = image_own_folder(options, &ret_walks->folder, &ret_walks->lock, err);
	if (st >= 0)
		st = image_own_find(&walker.own, options, ret_walks->folder, err);
	if (st >= 0 && options->old_set != NULL)
		st = read_known(&walker, err);
	if (st >= 0)
		st = look_for(&walker, err);
	if (st >= 0) {
		tell(&walker);
		st = walk_rest(&walker, err);
	}
	if (st >= 0)
		list_journals(&walker);
out:
	for (i = 0; walker.inputs != NULL && i < n; i++) {
		struct input *input = &walker.inputs[i];

		if (input->fd >= 0) {
			(void)close(input->fd);
			if (input->temp != NULL)
				(void)unlink(input->temp);
		}
		journal_done(&input->out);
		free(input->final);
		free(input->temp);
		free(input->name);
	}
	if (st < 0 && ret_walks->folder != NULL)
		(void)rmdir(ret_walks->folder); /* unless something in it can be gone on with */
	free(walker.inputs);
	free(walker.walked);
	free(walker.node_input);
	free(walker.node_number);
	free(walker.known);
	image_own_done(&walker.own);
	return st;
}

void image_walks_remove(struct image_walks *walks)
{
	if (walks->folder != NULL)
		image_own_remove(walks->folder);
}

void image_walks_done(struct image_walks *walks)
{
	size_t i;

	for (i = 0; i < walks->n; i++)
		free(walks->journals[i]);
	free(walks->journals);
	free(walks->folder);
	if (walks->folder != NULL)
		(void)close(walks->lock);
	memset(walks, 0, sizeof *walks);
}
