/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.c: what workers say. Every message is checked against what its job may say: a container
 * has no items, files have no spools, extents lie inside the file, counts have an end.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/limits.h"
#include "walk/walk_int.h"
#include "workers/formats.h"

static enum kith_status bad(struct walk_job *job, struct kith_err *err)
{
	job->broke = true;
	return kith_fail(err, KITH_E_CORRUPT, "a worker broke the protocol");
}

/* Of a job of files: the file that a message is about. NULL: none that it has. */
static struct walk_item *item_of(struct walk_job *job, const struct kith_wire *m)
{
	if (job->format != KITH_FORMAT_NONE || m->item >= WALK_ITEMS || !job->items[m->item].used)
		return NULL;
	return &job->items[m->item];
}

/* ------------------------------------------------------------------------ files */

static enum kith_status report_file(struct kith_walk *walk, uint32_t node,
				    const struct kith_wire *m, struct kith_bytes name,
				    struct kith_err *err)
{
	struct kith_walk_file file = {
	    .node = node,
	    .kind = (m->flags & KITH_WIRE_F_STREAM) != 0 ? KITH_ENTRY_STREAM : KITH_ENTRY_FILE,
	    .name = name.data,
	    .name_n = name.n,
	    .digests = &m->digests,
	    .has_size = true,
	    .size = m->digests.size,
	    .sparse = (m->flags & KITH_WIRE_F_SPARSE) != 0,
	};

	memcpy(file.claims, m->claims, sizeof file.claims);
	walk->n_files++;
	return walk->sink.file(walk->sink.user, &file, err);
}

/* An input that is no container: a place of its own, with one file in it. */
static enum kith_status plain_input(struct kith_walk *walk, struct walk_item *item,
				    const struct kith_wire *m, const char *reason,
				    struct kith_err *err)
{
	struct walk_input *input = &walk->inputs[item->input];
	struct kith_bytes name = {(const uint8_t *)input->name, strlen(input->name)};
	struct kith_walk_node report = {.parent = KITH_NO_NODE,
					.same_as = KITH_NO_NODE,
					.input = item->input,
					.kind = KITH_PLACE_ARCHIVE,
					.format = "",
					.name = name.data,
					.name_n = name.n};
	enum kith_status st = walk_add_node(walk, &report, m->digests.sha256, 0, &input->node, err);

	if (st >= 0)
		st = report_file(walk, input->node, m, name, err);
	if (st >= 0 && reason != NULL)
		st = walk_note(walk, input->node, KITH_LEDGER_SKIPPED, reason, 1, name.data, name.n,
			       err);
	return st;
}

/* digests: NULL while they are not known. KITH_NOT_FOUND: *ret_reason says why it is not opened. */
static enum kith_status open_input(struct kith_walk *walk, const struct walk_item *item,
				   const struct kith_digests *digests, const char **ret_reason,
				   struct kith_err *err)
{
	struct walk_input *input = &walk->inputs[item->input];
	const struct walk_child child = {.parent = KITH_NO_NODE,
					 .input = item->input,
					 .name = (const uint8_t *)input->name,
					 .name_n = strlen(input->name),
					 .format = item->format,
					 .digests = digests,
					 .size = item->size};
	uint32_t node = (uint32_t)walk->n_nodes; /* that it will be */
	enum kith_status st = walk_open_child(walk, &child, ret_reason, err);

	if (st == KITH_OK)
		input->node = node;
	return st;
}

/* A large input whose digests are still to come. Where they decide, they are waited for. */
static enum kith_status input_seen(struct kith_walk *walk, const struct walk_item *item,
				   struct kith_err *err)
{
	const char *reason = NULL;
	enum kith_status st;

	if (walk->options.ask_skip || walk->inputs[item->input].node != KITH_NO_NODE)
		return KITH_OK;
	st = open_input(walk, item, NULL, &reason, err);
	return st < 0 ? st : KITH_OK; /* what is refused is refused again */
}

static enum kith_status input_hashed(struct kith_walk *walk, struct walk_item *item,
				     const struct kith_wire *m, struct kith_err *err)
{
	struct walk_input *input = &walk->inputs[item->input];
	const char *reason = NULL;
	enum kith_status st;

	input->hashed = true;
	input->digests = m->digests;
	if (input->node != KITH_NO_NODE) { /* it was opened early */
		struct walk_node *node = &walk->nodes[input->node];

		node->hashed = true;
		memcpy(node->sha256, m->digests.sha256, KITH_SHA256_SIZE);
		return KITH_OK;
	}
	if (walk->options.ask_skip && walk->sink.skip != NULL &&
	    walk->sink.skip(walk->sink.user, item->input, m->digests.sha256)) {
		input->skipped = true;
		return KITH_OK;
	}
	if (item->format == KITH_FORMAT_NONE)
		return plain_input(walk, item, m, NULL, err);
	st = open_input(walk, item, &m->digests, &reason, err);
	return st == KITH_NOT_FOUND ? plain_input(walk, item, m, reason, err) : st;
}

static enum kith_status expected(struct kith_walk *walk, struct walk_job *job,
				 const struct kith_wire *m, struct kith_err *err)
{
	if (job->expect == NULL || walk_expect_check(job->expect, m->name, &m->digests) == KITH_OK)
		return KITH_OK;
	return walk_note(walk, job->node, KITH_LEDGER_MARKED,
			 "differs from the digest in the package's metadata", 1, m->name.data,
			 m->name.n, err);
}

static enum kith_status on_file(struct kith_walk *walk, struct walk_job *job,
				const struct kith_wire *m, struct kith_err *err)
{
	struct walk_item *item;
	enum kith_status st;

	if (job->format != KITH_FORMAT_NONE) {
		walk_input_expand(walk, job->input, m->digests.size);
		st = report_file(walk, job->node, m, m->name, err);
		return st < 0 ? st : expected(walk, job, m, err);
	}
	item = item_of(job, m);
	if (item == NULL)
		return bad(job, err);
	if (item->node == KITH_NO_NODE)
		return input_hashed(walk, item, m, err);
	return report_file(walk, item->node, m,
			   (struct kith_bytes){(const uint8_t *)item->path, strlen(item->path)},
			   err);
}

/* --------------------------------------------------------------------- children */

/* A container in a file of a folder: its file is opened when its turn comes. */
static enum kith_status child_of_folder(struct kith_walk *walk, struct walk_job *job,
					const struct kith_wire *m, struct kith_err *err)
{
	struct walk_item *item = item_of(job, m);
	struct walk_child child;
	enum kith_status st;

	if (item == NULL || kith_worker_format(m->code) == NULL)
		return bad(job, err);
	item->format = (enum kith_format)m->code;
	if ((m->flags & KITH_WIRE_F_INNER) != 0)
		return item->node == KITH_NO_NODE ? input_seen(walk, item, err) : KITH_OK;
	if (item->node == KITH_NO_NODE)
		return KITH_OK; /* opened with its digests, which come next */
	if (walk->options.ask_skip && walk->sink.skip != NULL &&
	    walk->sink.skip(walk->sink.user, item->input, m->digests.sha256))
		return KITH_OK;
	child = (struct walk_child){.parent = item->node,
				    .input = item->input,
				    .name = (const uint8_t *)item->path,
				    .name_n = strlen(item->path),
				    .format = item->format,
				    .digests = &m->digests,
				    .size = item->size,
				    .path = item->path};
	st = walk_open_child(walk, &child, NULL, err);
	return st < 0 ? st : KITH_OK;
}

static bool inside(const struct walk_source *source, const struct kith_extent *extents, size_t n,
		   uint64_t *ret_size)
{
	uint64_t size = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (__builtin_add_overflow(size, extents[i].bytes, &size) || size > INT64_MAX)
			return false;
		if (extents[i].offset != KITH_EXTENT_ZEROS &&
		    (extents[i].offset > source->size ||
		     extents[i].bytes > source->size - extents[i].offset))
			return false;
	}
	*ret_size = size;
	return true;
}

static enum kith_status on_child(struct kith_walk *walk, struct walk_job *job,
				 const struct kith_wire *m, struct kith_err *err)
{
	bool inner = (m->flags & KITH_WIRE_F_INNER) != 0;
	struct kith_extent *extents, whole = {0, m->digests.size};
	struct walk_child child = {.parent = job->node,
				   .input = job->input,
				   .name = m->name.data,
				   .name_n = m->name.n,
				   .format = (enum kith_format)m->code,
				   .digests = inner ? NULL : &m->digests,
				   .from = job};
	enum kith_status st;

	if (job->format == KITH_FORMAT_NONE)
		return child_of_folder(walk, job, m, err);
	if (kith_worker_format(m->code) == NULL)
		return bad(job, err);
	if ((m->flags & KITH_WIRE_F_SPOOLED) != 0) {
		child.source = walk_spool_take(job, m->number2);
		if (child.source == NULL || m->digests.size > child.source->size) {
			walk_source_drop(walk, child.source);
			return bad(job, err);
		}
		walk->pool_used -= child.source->charged - m->digests.size;
		if (child.source->memory)
			walk->memory_used -= child.source->charged - m->digests.size;
		child.source->charged = child.source->size = m->digests.size;
		walk_spool_freeze(child.source);
		child.extents = &whole;
		child.n_extents = 1;
		child.size = m->digests.size;
		st = walk_open_child(walk, &child, NULL, err);
		return st < 0 ? st : KITH_OK;
	}
	extents = malloc((m->n_extents + 1) * sizeof *extents);
	if (extents == NULL)
		return kith_fail_nomem(err);
	kith_wire_extents(m, extents);
	if (inside(job->source, extents, m->n_extents, &child.size)) {
		child.source = job->source;
		child.source->refs++;
		child.extents = extents;
		child.n_extents = m->n_extents;
		st = walk_open_child(walk, &child, NULL, err);
	} else {
		st = bad(job, err);
	}
	free(extents);
	return st < 0 ? st : KITH_OK;
}

/* ------------------------------------------------------------------- the others */

static enum kith_status on_note(struct kith_walk *walk, struct walk_job *job,
				const struct kith_wire *m, struct kith_err *err)
{
	char reason[KITH_WIRE_REASON + 1];
	struct kith_bytes example = m->name;
	uint32_t node = job->node;
	struct walk_item *item;

	memcpy(reason, m->text.data, m->text.n); /* wire.c has checked its length and its bytes */
	reason[m->text.n] = '\0';
	if (job->format == KITH_FORMAT_NONE) {
		item = item_of(job, m);
		if (item == NULL)
			return bad(job, err);
		if (item->node == KITH_NO_NODE) {
			struct walk_input *input = &walk->inputs[item->input];

			/* it may have no place yet, and after a failure gets none */
			if (m->code == KITH_LEDGER_FAILED)
				return walk_input_failed(walk, item->input, reason, err);
			node = input->node;
			example =
			    (struct kith_bytes){(const uint8_t *)input->name, strlen(input->name)};
			if (node == KITH_NO_NODE)
				return KITH_OK;
		} else {
			node = item->node;
			example =
			    (struct kith_bytes){(const uint8_t *)item->path, strlen(item->path)};
		}
	}
	return walk_note(walk, node, (enum kith_ledger_class)m->code, reason, m->number,
			 example.data, example.n, err);
}

static enum kith_status on_declared(struct kith_walk *walk, struct walk_job *job,
				    const struct kith_wire *m, struct kith_err *err)
{
	struct kith_walk_file file = {
	    .node = job->node,
	    .kind = KITH_ENTRY_FILE,
	    .name = m->name.data,
	    .name_n = m->name.n,
	    .declared = &m->declared,
	    .declared_signed = (m->flags & KITH_WIRE_F_SIGNED) != 0,
	    .has_size = (m->flags & KITH_WIRE_F_SIZED) != 0,
	    .size = m->number,
	};

	if (job->format == KITH_FORMAT_NONE) { /* found in a file of a folder: the folder's */
		const struct walk_item *item = item_of(job, m);

		if (item == NULL)
			return bad(job, err);
		if (item->node == KITH_NO_NODE)
			return KITH_OK;
		file.node = item->node;
	}
	return walk->sink.file(walk->sink.user, &file, err);
}

static enum kith_status on_fact(struct kith_walk *walk, struct walk_job *job,
				const struct kith_wire *m, struct kith_err *err)
{
	uint32_t node = job->node;

	if (job->format == KITH_FORMAT_NONE) { /* found in a file of a folder: the folder's */
		const struct walk_item *item = item_of(job, m);

		if (item == NULL)
			return bad(job, err);
		node = item->node;
		if (node == KITH_NO_NODE)
			return KITH_OK;
	}
	if (m->number > 1000)
		return bad(job, err);
	return walk->sink.fact(walk->sink.user, node, (enum kith_fact)m->code, (unsigned)m->number,
			       m->name, err);
}

static enum kith_status on_item(struct kith_walk *walk, struct walk_job *job,
				const struct kith_wire *m, struct kith_err *err)
{
	struct walk_item *item = item_of(job, m);
	uint32_t input;

	if (item == NULL)
		return bad(job, err);
	input = item->input;
	walk->bytes_done += item->size;
	job->items_bytes -= item->size;
	job->n_items--;
	free(item->path);
	memset(item, 0, sizeof *item);
	return walk_input_less(walk, input, err);
}

static enum kith_status on_spool(struct kith_walk *walk, struct walk_job *job,
				 const struct kith_wire *m, struct kith_err *err)
{
	uint8_t *name;

	if (job->waits)
		return bad(job, err);
	name = malloc(m->name.n + 1);
	if (name == NULL)
		return kith_fail_nomem(err);
	memcpy(name, m->name.data, m->name.n);
	free(job->want_name);
	job->want_name = name;
	job->want_name_n = m->name.n;
	job->waits = true;
	job->want = m->number;
	job->want_id = m->number2;
	return walk_spool_answer(walk, job, false, err);
}

/* In the folder of an input, or of a file in it. */
static int open_beside(const struct kith_walk *walk, const struct walk_job *job, const char *name)
{
	const struct walk_input *input = &walk->inputs[job->input];
	const char *slash;
	char *folder, *path = NULL;
	size_t n;
	int fd;

	slash = strrchr(job->path != NULL ? job->path : input->path, '/');
	n = slash == NULL ? 0 : (size_t)(slash + 1 - (job->path != NULL ? job->path : input->path));
	path = malloc(n + strlen(name) + 1);
	if (path == NULL)
		return -1;
	if (job->path != NULL) {
		memcpy(path, job->path, n);
		memcpy(path + n, name, strlen(name) + 1);
		fd = walk_open_below(input->path, path);
	} else {
		folder = n == 0 ? strdup(".") : walk_text(input->path, n);
		memcpy(path, name, strlen(name) + 1);
		fd = folder == NULL ? -1 : walk_open_below(folder, path);
		free(folder);
	}
	free(path);
	return fd;
}

static const struct walk_part *find_part(const struct walk_job *job, struct kith_bytes name)
{
	const struct walk_family *family = job->siblings;
	size_t i, folder = job->name_n;

	while (folder > 0 && job->name[folder - 1] != '/')
		folder--;
	for (i = 0; family != NULL && i < family->n_parts; i++) {
		const struct walk_part *part = &family->parts[i];

		if (part->name_n == folder + name.n && memcmp(part->name, job->name, folder) == 0 &&
		    memcmp(part->name + folder, name.data, name.n) == 0)
			return part;
	}
	return NULL;
}

/* Whether a file is an input by itself, by its name first: there may be many inputs. */
static bool is_input(const struct kith_walk *walk, const char *name, const struct stat *info)
{
	bool all = walk->options.inputs != NULL;
	size_t n = all ? walk->options.n_inputs : walk->n_inputs, i;
	struct stat other;

	for (i = 0; i < n; i++) {
		const char *path = all ? walk->options.inputs[i] : walk->inputs[i].path;
		const char *slash = strrchr(path, '/');

		if (strcmp(slash == NULL ? path : slash + 1, name) == 0 &&
		    stat(path, &other) == 0 && other.st_dev == info->st_dev &&
		    other.st_ino == info->st_ino)
			return true;
	}
	return false;
}

static enum kith_status on_sibling(struct kith_walk *walk, struct walk_job *job,
				   const struct kith_wire *m, struct kith_err *err)
{
	const struct walk_part *part = find_part(job, m->text);
	const unsigned found = KITH_WIRE_F_YES;
	struct kith_extent whole = {0, 0};
	enum kith_status st;
	struct stat info;
	char *name;
	bool is_read;
	int fd = -1;

	if (job->format == KITH_FORMAT_NONE)
		return bad(job, err);
	if (part != NULL)
		return walk_answer(walk, job, found | KITH_WIRE_F_READ, part->source->size,
				   part->extents, part->n_extents, part->source->fd, err);
	if (job->depth > 0 && job->path == NULL) /* in a container that has no such part */
		return walk_answer(walk, job, 0, 0, NULL, 0, -1, err);
	name = walk_text(m->text.data, m->text.n);
	if (name == NULL)
		return kith_fail_nomem(err);
	if (name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, "..") != 0 &&
	    strcmp(name, ".") != 0)
		fd = open_beside(walk, job, name);
	if (fd >= 0 && (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))) {
		(void)close(fd);
		fd = -1;
	}
	is_read = fd >= 0 && (job->path != NULL || is_input(walk, name, &info));
	free(name);
	if (fd < 0)
		return walk_answer(walk, job, 0, 0, NULL, 0, -1, err);
	whole.bytes = (uint64_t)info.st_size;
	st = walk_answer(walk, job, found | (is_read ? KITH_WIRE_F_READ : 0u), whole.bytes, &whole,
			 1, fd, err);
	(void)close(fd);
	return st;
}

static void on_end(struct walk_job *job, const struct kith_wire *m)
{
	size_t n = m->text.n < sizeof job->said.msg - 1 ? m->text.n : sizeof job->said.msg - 1;

	job->ended = true;
	job->result = (enum kith_status)(-(int)m->code);
	memcpy(job->said.msg, m->text.data, n);
	job->said.msg[n] = '\0';
}

static enum kith_status take(struct kith_walk *walk, struct walk_job *job,
			     const struct kith_wire *m, struct kith_err *err)
{
	bool files = job->format == KITH_FORMAT_NONE;

	switch (m->type) {
	case KITH_WIRE_FILE: return on_file(walk, job, m, err);
	case KITH_WIRE_CHILD: return on_child(walk, job, m, err);
	case KITH_WIRE_NOTE: return on_note(walk, job, m, err);
	case KITH_WIRE_FACT: return on_fact(walk, job, m, err);
	case KITH_WIRE_DECLARED: return on_declared(walk, job, m, err);
	case KITH_WIRE_ITEM: return on_item(walk, job, m, err);
	case KITH_WIRE_SPOOL: return files ? bad(job, err) : on_spool(walk, job, m, err);
	case KITH_WIRE_SIBLING: return on_sibling(walk, job, m, err);
	case KITH_WIRE_KIND:
		memcpy(job->kind, m->text.data, m->text.n);
		job->kind[m->text.n] = '\0';
		return KITH_OK;
	case KITH_WIRE_EXPECT:
		return files ? bad(job, err)
			     : walk_expect_add(walk, job, m->text, m->name, &m->declared, err);
	case KITH_WIRE_DROP:
		walk_source_drop(walk, walk_spool_take(job, m->number2));
		return KITH_OK;
	case KITH_WIRE_PROGRESS: job->bytes = m->number; return KITH_OK;
	case KITH_WIRE_END: on_end(job, m); return KITH_OK;
	case KITH_WIRE_JOB:
	case KITH_WIRE_OPEN:
	case KITH_WIRE_ANSWER:
	case KITH_WIRE_LACKS:
	case KITH_WIRE_READY:
	case KITH_WIRE_SPAWN:
	case KITH_WIRE_KILL:
	case KITH_WIRE_GONE:
	case KITH_WIRE_TYPES: break;
	}
	return bad(job, err);
}

/* Whether the first worker of the job has said this already. */
static bool passed_over(struct kith_walk *walk, struct walk_job *job, const struct kith_wire *m)
{
	if (!job->careful || m->type > KITH_WIRE_EXPECT || !walk_said_take(&job->said_before, m))
		return false;
	if (m->type == KITH_WIRE_CHILD && (m->flags & KITH_WIRE_F_SPOOLED) != 0)
		walk_source_drop(walk, walk_spool_take(job, m->number2));
	return true;
}

enum kith_status walk_event(struct kith_walk *walk, struct walk_job *job, const uint8_t *data,
			    size_t n, struct kith_err *err)
{
	const uint8_t *pos = data, *end = data + n;
	struct kith_wire m;
	enum kith_status st = KITH_OK;

	if (!kith_wire_open(&pos, end))
		return bad(job, err);
	while (pos < end && st >= 0) {
		/* twice what it may emit, with a child, a note and a fact of each */
		if (job->ended || job->killed != NULL || !kith_wire_get(&pos, end, &m) ||
		    (job->format != KITH_FORMAT_NONE &&
		     job->events++ / 8 > walk->limits.entries + 1000000))
			return job->killed != NULL ? KITH_OK : bad(job, err);
		if (passed_over(walk, job, &m))
			continue;
		/* a request is answered each time */
		if (job->format != KITH_FORMAT_NONE && !job->careful &&
		    m.type <= KITH_WIRE_EXPECT && !walk_said_add(&job->said_before, &m))
			return kith_fail_nomem(err);
		st = take(walk, job, &m, err);
	}
	return st;
}
