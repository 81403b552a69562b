/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.c: the life of a job, from the queue to the note that says how it ended. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/limits.h"
#include "walk/walk_int.h"
#include "workers/formats.h"
#include "workers/packet.h"

/* Bytes of a container for which a worker gets one more second of processor time. */
#define BYTES_PER_SECOND (UINT64_C(32) << 20)
/* A container of so few bytes is hashed by the thread that reads it. */
#define SMALL_CONTAINER (UINT64_C(64) << 10)

struct walk_job *walk_job_new(struct kith_walk *walk)
{
	struct walk_job *job = calloc(1, sizeof *job);

	if (job == NULL)
		return NULL;
	job->id = walk->next_job++;
	job->sock = -1;
	job->node = KITH_NO_NODE;
	job->worker = KITH_WORKER_MAIN;
	return job;
}

void walk_job_free(struct kith_walk *walk, struct walk_job *job)
{
	size_t i;

	for (i = 0; i < job->n_spools; i++)
		walk_source_drop(walk, job->spools[i].source);
	for (i = 0; i < WALK_ITEMS; i++)
		free(job->items[i].path);
	if (job->sock >= 0)
		(void)close(job->sock);
	walk_source_drop(walk, job->source);
	walk_expect_free(walk, job->expect);
	walk_expect_free(walk, job->expects);
	if (job->children != NULL && !job->children->complete) { /* the walk is given up */
		while (job->children->held != NULL) {
			struct walk_job *held = job->children->held;

			job->children->held = held->next;
			walk_job_free(walk, held);
		}
		job->children->complete = true;
	}
	walk_family_drop(walk, job->siblings);
	walk_family_drop(walk, job->children);
	walk_said_done(&job->said_before);
	free(job->spools);
	free(job->want_name);
	free(job->extents);
	free(job->path);
	free(job->name);
	free(job);
}

/* The node it lies in, if a worker may go on from one such to the next; else KITH_NO_NODE. */
static uint32_t small_of(const struct kith_walk *walk, const struct walk_job *job)
{
	const struct kith_format_info *info = kith_worker_format(job->format);

	/* files of a folder have nothing to do with each other */
	if (info == NULL || job->careful || job->path != NULL || job->depth == 0 ||
	    job->size > WALK_SMALL || strcmp(info->container, "compressed") != 0)
		return KITH_NO_NODE;
	return walk->nodes[job->node].parent;
}

void walk_job_queue(struct kith_walk *walk, struct walk_job *job)
{
	uint32_t parent = small_of(walk, job);
	struct walk_list *list =
	    &walk->ready[job->depth < WALK_DEPTHS ? job->depth : WALK_DEPTHS - 1];

	job->next = NULL;
	if (list->last == NULL)
		list->first = job;
	else
		list->last->next = job;
	list->last = job;
	walk->n_ready++;
	if (parent != KITH_NO_NODE)
		walk->nodes[parent].waiting++;
}

struct walk_job *walk_job_next(struct kith_walk *walk)
{
	uint32_t parent;
	size_t i;

	for (i = WALK_DEPTHS; i-- > 0 && walk->n_ready > 0;) {
		struct walk_list *list = &walk->ready[i];
		struct walk_job *job = list->first;

		if (job == NULL)
			continue;
		list->first = job->next;
		if (list->first == NULL)
			list->last = NULL;
		walk->n_ready--;
		job->next = NULL;
		parent = small_of(walk, job);
		if (parent != KITH_NO_NODE)
			walk->nodes[parent].waiting--;
		return job;
	}
	return NULL;
}

/* -------------------------------------------------------------------- families */

void walk_family_drop(struct kith_walk *walk, struct walk_family *family)
{
	size_t i;

	if (family == NULL || --family->refs > 0)
		return;
	for (i = 0; i < family->n_parts; i++) {
		walk_source_drop(walk, family->parts[i].source);
		free(family->parts[i].extents);
		free(family->parts[i].name);
	}
	free(family->parts);
	free(family);
}

enum kith_status walk_family_add(struct walk_job *from, const struct walk_child *child,
				 struct walk_source *source, struct kith_err *err)
{
	struct walk_family *family = from->children;
	struct walk_part part = {.name_n = child->name_n, .n_extents = child->n_extents};

	if (from->format == KITH_FORMAT_NONE || source == NULL)
		return KITH_OK; /* of a folder: found by name in it */
	if (family == NULL) {
		family = calloc(1, sizeof *family);
		if (family == NULL)
			return kith_fail_nomem(err);
		family->refs = 1;
		from->children = family;
	}
	if (family->n_parts == family->cap_parts) {
		size_t cap = family->cap_parts == 0 ? 8 : family->cap_parts * 2;
		struct walk_part *grown = realloc(family->parts, cap * sizeof *grown);

		if (grown == NULL)
			return kith_fail_nomem(err);
		family->parts = grown;
		family->cap_parts = cap;
	}
	part.name = malloc(child->name_n + 1);
	part.extents = malloc((child->n_extents + 1) * sizeof *part.extents);
	if (part.name == NULL || part.extents == NULL) {
		free(part.name);
		free(part.extents);
		return kith_fail_nomem(err);
	}
	memcpy(part.name, child->name, child->name_n);
	if (child->n_extents > 0)
		memcpy(part.extents, child->extents, child->n_extents * sizeof *part.extents);
	part.source = source;
	source->refs++;
	family->parts[family->n_parts++] = part;
	return KITH_OK;
}

/* All that the job finds is known now: its parts may be walked. */
static void complete_family(struct kith_walk *walk, struct walk_family *family)
{
	if (family == NULL || family->complete)
		return;
	family->complete = true;
	while (family->held != NULL) {
		struct walk_job *job = family->held;

		family->held = job->next;
		walk_job_queue(walk, job);
	}
}

/* ------------------------------------------------------------------------ start */

/* A file of a folder, or an input, is opened only now. */
static enum kith_status open_source(struct kith_walk *walk, struct walk_job *job,
				    struct kith_err *err)
{
	const struct walk_input *input = &walk->inputs[job->input];
	struct stat info;
	int fd;

	if (job->source != NULL)
		return KITH_OK;
	fd = job->path != NULL ? walk_open_below(input->path, job->path)
			       : open(input->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return kith_fail_errno(err, errno, "opening it again");
	if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) ||
	    (uint64_t)info.st_size != job->size) {
		(void)close(fd);
		return kith_fail(err, KITH_E_CORRUPT, "it has changed meanwhile");
	}
	job->source = walk_source_file(fd, job->size);
	if (job->source == NULL) {
		(void)close(fd);
		return kith_fail_nomem(err);
	}
	job->extents[0] = (struct kith_extent){0, job->size};
	job->n_extents = 1;
	return KITH_OK;
}

static enum kith_status send_order(struct kith_walk *walk, struct walk_job *job,
				   struct kith_err *err)
{
	const struct kith_walk_limits *from = &walk->limits;
	bool files = job->format == KITH_FORMAT_NONE;
	bool small = small_of(walk, job) != KITH_NO_NODE;
	struct kith_wire m = {.type = KITH_WIRE_JOB,
			      .flags = (job->careful ? KITH_WIRE_F_CAREFUL : 0u) |
				       (small ? KITH_WIRE_F_MORE : 0u),
			      .code = (uint32_t)job->format,
			      .name = {job->name, job->name_n},
			      .extents = job->extents,
			      .n_extents = job->n_extents};

	m.limits = (struct kith_wire_limits){
	    .entries = files ? UINT64_MAX : from->entries,
	    .file_bytes = files ? UINT64_MAX : from->file_bytes,
	    .zero_bytes = files ? UINT64_MAX : from->zero_bytes,
	    .ratio = job->format == KITH_FORMAT_ZIP && from->ratio > KITH_LIMIT_RATIO_ZIP
			 ? KITH_LIMIT_RATIO_ZIP
			 : from->ratio,
	    .cpu_seconds = files ? 0 : from->cpu_seconds + job->size / BYTES_PER_SECOND,
	    .memory = from->worker_memory,
	    .spool_member = from->spool_member,
	    .threads = !files && (small || job->careful || job->size <= SMALL_CONTAINER)
			   ? 0
			   : walk->n_threads,
	};
	if (!kith_wire_start(&walk->out) || !kith_wire_put(&walk->out, &m))
		return kith_fail_nomem(err);
	return kith_packet_send(job->sock, walk->out.data, walk->out.n,
				files ? NULL : &job->source->fd, files ? 0 : 1, 0, err);
}

/* ------------------------------------------------------------------------ spares */

void walk_job_spare(struct kith_walk *walk, struct walk_job *job)
{
	uint32_t parent = small_of(walk, job);

	if (parent == KITH_NO_NODE || job->result < 0 || job->killed != NULL || job->sock < 0 ||
	    job->used + 1 >= WALK_SPARE_JOBS || walk->n_spares == WALK_SPARES ||
	    walk_now_ms() - job->start_ms > WALK_SPARE_MS) {
		if (job->sock >= 0)
			(void)shutdown(job->sock, SHUT_WR); /* no order will come: it ends */
		return;
	}
	walk->spares[walk->n_spares++] =
	    (struct walk_spare){job->sock, job->worker, job->id, parent, job->used + 1};
	job->sock = -1;
	job->gone = true; /* as far as this job is concerned, with status 0 */
}

static bool runs(const struct kith_walk *walk, uint32_t node)
{
	size_t i;

	for (i = 0; i < walk->n_running; i++)
		if (walk->running[i]->node == node)
			return true;
	return false;
}

void walk_spares_drop(struct kith_walk *walk, bool all, enum kith_worker worker)
{
	size_t i = 0;

	while (i < walk->n_spares) {
		struct walk_spare *spare = &walk->spares[i];

		if (all ? spare->worker != worker
			: walk->nodes[spare->parent].waiting > 0 || runs(walk, spare->parent)) {
			i++;
			continue;
		}
		(void)close(spare->sock);
		*spare = walk->spares[--walk->n_spares];
	}
}

/* Hands the job to a worker that has walked its siblings. */
static bool run_on_spare(struct kith_walk *walk, struct walk_job *job)
{
	uint32_t parent = small_of(walk, job);
	size_t i;

	for (i = 0; i < walk->n_spares && parent != KITH_NO_NODE; i++) {
		struct walk_spare spare = walk->spares[i];

		if (spare.parent != parent || spare.worker != job->worker)
			continue;
		walk->spares[i] = walk->spares[--walk->n_spares];
		job->sock = spare.sock;
		if (send_order(walk, job, NULL) < 0) { /* it has died meanwhile */
			(void)close(spare.sock);
			job->sock = -1;
			return false;
		}
		job->id = spare.id;
		job->used = spare.used;
		return true;
	}
	return false;
}

static enum kith_status run_job(struct kith_walk *walk, struct walk_job *job, struct kith_err *err)
{
	int socks[2];
	enum kith_status st;

	job->start_ms = walk_now_ms();
	job->used = 0;
	if (run_on_spare(walk, job))
		return KITH_OK;
	st = kith_packet_pair(socks, err);
	if (st < 0)
		return st;
	job->sock = socks[0];
	st = walk_zygote_spawn(walk, job->worker, job->id, socks[1], err);
	(void)close(socks[1]);
	return st < 0 ? st : send_order(walk, job, err);
}

enum kith_status walk_job_start(struct kith_walk *walk, struct walk_job *job, struct kith_err *err)
{
	enum kith_status st = KITH_OK;
	struct kith_err fault = {0};

	if (walk->n_running == walk->cap_running) {
		size_t cap = walk->cap_running == 0 ? 64 : walk->cap_running * 2;
		struct walk_job **grown = realloc(walk->running, cap * sizeof *grown);

		if (grown == NULL) {
			walk_job_free(walk, job);
			return kith_fail_nomem(err);
		}
		walk->running = grown;
		walk->cap_running = cap;
	}
	job->last_ms = walk_now_ms();
	if (job->format != KITH_FORMAT_NONE && walk->inputs[job->input].full)
		job->killed = "over the limit of bytes of one input";
	else if (job->format != KITH_FORMAT_NONE)
		st = open_source(walk, job, &fault);
	if (st < 0) {
		job->killed = "it could not be opened again";
	} else if (job->killed == NULL) {
		st = run_job(walk, job, &fault);
		if (st >= 0) {
			walk->running[walk->n_running++] = job;
			return KITH_OK;
		}
		if (job->format == KITH_FORMAT_NONE) { /* without workers there is nothing to do */
			walk_job_free(walk, job);
			if (err != NULL)
				*err = fault;
			return st;
		}
		/* the worker may have been forked: it ends when its socket is closed */
		job->killed = "worker could not be started";
	}
	return walk_job_end(walk, job, err);
}

void walk_job_kill(struct kith_walk *walk, struct walk_job *job, const char *reason)
{
	if (job->killed == NULL)
		job->killed = reason;
	walk_zygote_kill(walk, job->worker, job->id);
}

/* -------------------------------------------------------------------------- end */

static const char *reason_of_status(enum kith_status st)
{
	switch (st) {
	case KITH_E_CORRUPT: return "damaged";
	case KITH_E_UNSUPPORTED: return "unsupported";
	case KITH_E_NOMEM: return "out of memory";
	case KITH_E_LIMIT: return "over a limit";
	case KITH_E_IO: return "it could not be read";
	case KITH_E_ARG:
	case KITH_E_CANCELLED:
	case KITH_E_BUSY:
	case KITH_OK:
	case KITH_NOT_FOUND:
	case KITH_END:
	case KITH_NO_REFERENCE: break;
	}
	return "failed";
}

/* Why a job did not end as it should; NULL: it did. */
static const char *reason_of_end(const struct walk_job *job, char *buf, size_t n)
{
	int status = job->wait_status;

	if (job->killed != NULL)
		return job->killed;
	if (job->ended)
		return job->result < 0 ? reason_of_status(job->result) : NULL;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		return "worker ran out of time";
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return "worker made a forbidden system call";
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return "worker was killed";
	if (WIFSIGNALED(status))
		(void)snprintf(buf, n, "worker crashed (signal %d)", WTERMSIG(status));
	else
		(void)snprintf(buf, n, "worker ended early (exit %d)", WEXITSTATUS(status));
	return buf;
}

static enum kith_status end_container(struct kith_walk *walk, struct walk_job *job,
				      struct kith_err *err)
{
	char buf[64], opened[96];
	const char *reason = reason_of_end(job, buf, sizeof buf);
	const struct kith_format_info *info = kith_worker_format(job->format);
	enum kith_status st;

	(void)snprintf(opened, sizeof opened, "containers opened: %s",
		       job->kind[0] != '\0' ? job->kind : info->name);
	st = walk_note(walk, job->node, KITH_LEDGER_COUNT, opened, 1, NULL, 0, err);
	if (st >= 0 && reason != NULL)
		st = walk_note(walk, job->node, KITH_LEDGER_FAILED, reason, 1, job->said.msg,
			       job->killed != NULL ? 0 : strlen(job->said.msg), err);
	complete_family(walk, job->children);
	walk->bytes_done += job->size;
	if (st >= 0)
		st = walk_input_less(walk, job->input, err);
	return st;
}

/* Files that were in the hands of a worker that has died: each is tried once more, alone. */
static enum kith_status end_files(struct kith_walk *walk, struct walk_job *job,
				  struct kith_err *err)
{
	char buf[64];
	const char *reason = reason_of_end(job, buf, sizeof buf);
	enum kith_status st = KITH_OK;
	size_t i;

	for (i = 0; i < WALK_ITEMS && st >= 0; i++) {
		struct walk_item *item = &job->items[i];

		if (!item->used)
			continue;
		item->used = false;
		if (!item->alone) {
			st = walk_retry_item(walk, item, err);
			continue;
		}
		if (reason == NULL)
			reason = "it could not be read";
		if (item->node == KITH_NO_NODE)
			st = walk_input_failed(walk, item->input, reason, err);
		else
			st = walk_note(walk, item->node, KITH_LEDGER_FAILED, reason, 1, item->path,
				       strlen(item->path), err);
		if (st >= 0)
			st = walk_input_less(walk, item->input, err);
	}
	return st;
}

/* Whether it died in a way that it will die in again, and so is to be walked carefully. */
static bool dies_again(const struct walk_job *job)
{
	int status = job->wait_status;

	if (job->format == KITH_FORMAT_NONE || job->careful || job->ended || !job->gone ||
	    (job->killed != NULL && !job->hung))
		return false;
	return job->hung || !WIFSIGNALED(status) ||
	       (WTERMSIG(status) != SIGXCPU && WTERMSIG(status) != SIGKILL);
}

static void walk_again(struct kith_walk *walk, struct walk_job *job)
{
	while (job->n_spools > 0)
		walk_source_drop(walk, job->spools[--job->n_spools].source);
	job->careful = true;
	job->gone = job->hung = job->waits = false;
	job->killed = NULL;
	job->wait_status = 0;
	job->bytes = job->events = 0;
	walk_said_sort(&job->said_before);
	job->refused_before = job->n_refused;
	job->id = walk->next_job++;
	walk_job_queue(walk, job);
}

enum kith_status walk_job_end(struct kith_walk *walk, struct walk_job *job, struct kith_err *err)
{
	enum kith_status st;

	if (dies_again(job)) {
		walk_again(walk, job);
		return KITH_OK;
	}
	if (job->format == KITH_FORMAT_NONE)
		st = end_files(walk, job, err);
	else
		st = end_container(walk, job, err);
	walk_job_free(walk, job);
	return st;
}
