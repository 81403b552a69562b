/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.c: the loop: starts what can be started, listens, ends what has ended. Its invariants are in
 * walk_int.h.
 */
#define _GNU_SOURCE
#include "walk/walk.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/limits.h"
#include "walk/walk_int.h"
#include "workers/packet.h"

#define POLL_MS          50
#define PROGRESS_MS      100
#define PACKETS_AT_ONCE  16 /* of one worker, before others are heard */
#define DESCRIPTORS_WANT 4096u

uint64_t walk_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

char *walk_text(const void *bytes, size_t n)
{
	char *text = malloc(n + 1);

	if (text == NULL)
		return NULL;
	if (n > 0)
		memcpy(text, bytes, n);
	text[n] = '\0';
	return text;
}

enum kith_status walk_note(struct kith_walk *walk, uint32_t node, enum kith_ledger_class class_,
			   const char *reason, uint64_t count, const void *example,
			   size_t example_n, struct kith_err *err)
{
	struct kith_bytes bytes = {example, example_n};

	return walk->sink.note(walk->sink.user, node, class_, reason, count, bytes, err);
}

void kith_walk_limits_default(struct kith_walk_limits *limits)
{
	*limits = (struct kith_walk_limits){
	    .depth = KITH_LIMIT_CONTAINER_DEPTH,
	    .entries = KITH_LIMIT_ENTRIES,
	    .file_bytes = KITH_LIMIT_ENTRY_BYTES,
	    .zero_bytes = KITH_LIMIT_ZERO_BYTES,
	    .input_bytes = KITH_LIMIT_INPUT_BYTES,
	    .ratio = KITH_LIMIT_RATIO,
	    .cpu_seconds = KITH_LIMIT_WORKER_CPU_S,
	    .stall_seconds = KITH_LIMIT_WORKER_STALL_S,
	    .worker_memory = KITH_LIMIT_WORKER_MEMORY,
	    .spool_bytes = KITH_LIMIT_SPOOL,
	    .spool_member = KITH_LIMIT_SPOOL_MEMBER,
	};
}

#define TAKE_LIMIT(field)      \
	if (given->field != 0) \
	walk->limits.field = given->field

static void set_limits(struct kith_walk *walk, const struct kith_walk_limits *given)
{
	kith_walk_limits_default(&walk->limits);
	TAKE_LIMIT(depth);
	TAKE_LIMIT(entries);
	TAKE_LIMIT(file_bytes);
	TAKE_LIMIT(zero_bytes);
	TAKE_LIMIT(input_bytes);
	TAKE_LIMIT(ratio);
	TAKE_LIMIT(cpu_seconds);
	TAKE_LIMIT(stall_seconds);
	TAKE_LIMIT(worker_memory);
	TAKE_LIMIT(spool_bytes);
	TAKE_LIMIT(spool_member);
	if (walk->limits.depth > WALK_DEPTHS)
		walk->limits.depth = WALK_DEPTHS;
}

/* As many workers as cores. Each hashes on as many threads: they sleep while others have the cores,
 * and one container alone has them all. */
static void set_workers(struct kith_walk *walk, unsigned wanted)
{
	cpu_set_t set;
	unsigned cores = 1;

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		cores = (unsigned)CPU_COUNT(&set);
	walk->n_workers = wanted != 0 ? wanted : cores;
	if (walk->n_workers > 64)
		walk->n_workers = 64;
	walk->n_threads = cores < 4 ? cores : 4;
}

enum kith_status kith_walk_new(const struct kith_walk_options *options,
			       const struct kith_walk_sink *sink, struct kith_walk **ret,
			       struct kith_err *err)
{
	struct kith_walk *walk = calloc(1, sizeof *walk);
	size_t i;

	if (walk == NULL)
		return kith_fail_nomem(err);
	walk->options = *options;
	walk->sink = *sink;
	set_limits(walk, &options->limits);
	set_workers(walk, options->workers);
	walk->packet = malloc(KITH_PACKET_MAX);
	walk->scratch = strdup(options->scratch != NULL ? options->scratch : "/tmp");
	if (options->libexec != NULL)
		walk->libexec = strdup(options->libexec);
	for (i = 0; i < KITH_WORKERS; i++)
		walk->zygotes[i].sock = -1;
	if (walk->packet == NULL || walk->scratch == NULL ||
	    (options->libexec != NULL && walk->libexec == NULL)) {
		kith_walk_free(walk);
		return kith_fail_nomem(err);
	}
	*ret = walk;
	return KITH_OK;
}

enum kith_status kith_walk_add(struct kith_walk *walk, const char *path, struct kith_err *err)
{
	struct walk_input *input;
	char *copy, *slash;

	if (walk->n_inputs == walk->cap_inputs) {
		size_t cap = walk->cap_inputs == 0 ? 16 : walk->cap_inputs * 2;
		struct walk_input *grown = realloc(walk->inputs, cap * sizeof *grown);

		if (grown == NULL)
			return kith_fail_nomem(err);
		walk->inputs = grown;
		walk->cap_inputs = cap;
	}
	copy = strdup(path);
	if (copy == NULL)
		return kith_fail_nomem(err);
	while ((slash = strrchr(copy, '/')) != NULL && slash[1] == '\0' && slash > copy)
		*slash = '\0';
	input = &walk->inputs[walk->n_inputs++];
	memset(input, 0, sizeof *input);
	input->path = copy;
	slash = strrchr(copy, '/');
	input->name = slash != NULL && slash[1] != '\0' ? slash + 1 : copy;
	input->node = KITH_NO_NODE;
	return KITH_OK;
}

void kith_walk_free(struct kith_walk *walk)
{
	size_t i;

	if (walk == NULL)
		return;
	for (i = 0; i < KITH_WORKERS; i++)
		walk_zygote_stop(walk, (enum kith_worker)i);
	while (walk->n_running > 0)
		walk_job_free(walk, walk->running[--walk->n_running]);
	for (i = 0; i < WALK_DEPTHS; i++)
		while (walk->ready[i].first != NULL) {
			struct walk_job *job = walk->ready[i].first;

			walk->ready[i].first = job->next;
			walk_job_free(walk, job);
		}
	for (i = 0; i < walk->n_inputs; i++)
		free(walk->inputs[i].path);
	for (i = 0; i < walk->n_retries; i++)
		free(walk->retries[i].path);
	walk_folder_free(walk->folder);
	free(walk->inputs);
	free(walk->retries);
	free(walk->nodes);
	free(walk->aliases);
	free(walk->running);
	free(walk->libexec);
	free(walk->scratch);
	free(walk->packet);
	kith_buf_done(&walk->out);
	kith_buf_done(&walk->text);
	free(walk);
}

/* ------------------------------------------------------------------- starting */

/* Jobs that use a processor: not those that wait for room, nor for files. */
static size_t count_active(const struct kith_walk *walk)
{
	size_t i, n = 0;

	for (i = 0; i < walk->n_running; i++) {
		const struct walk_job *job = walk->running[i];

		if (!job->waits && (job->format != KITH_FORMAT_NONE || job->n_items > 0))
			n++;
	}
	return n;
}

static struct walk_job *idle_hasher(const struct kith_walk *walk)
{
	size_t i;

	for (i = 0; i < walk->n_running; i++) {
		struct walk_job *job = walk->running[i];

		if (job->format == KITH_FORMAT_NONE && job->n_items == 0 && !job->closing &&
		    job->sock >= 0)
			return job;
	}
	return NULL;
}

/* Gives a worker that hashes files more of them. */
static enum kith_status feed(struct kith_walk *walk, struct walk_job *job, struct kith_err *err)
{
	int fds[WALK_BATCH];
	size_t n = 0, i, slot = 0;
	enum kith_status st = KITH_OK;

	if (!kith_wire_start(&walk->out))
		return kith_fail_nomem(err);
	while (n < WALK_BATCH && job->n_items < WALK_ITEMS &&
	       (job->n_items == 0 || job->items_bytes < WALK_BATCH_BYTES) &&
	       walk->out.n < KITH_PACKET_FULL / 2) {
		struct kith_wire m = {.type = KITH_WIRE_OPEN};
		struct walk_item item;
		const char *name;

		st = walk_next_item(walk, &item, &fds[n], err);
		if (st != KITH_OK)
			break;
		while (job->items[slot].used)
			slot++;
		item.used = true;
		job->items[slot] = item;
		job->n_items++;
		job->items_bytes += item.size;
		name = item.path != NULL ? item.path : walk->inputs[item.input].name;
		m.item = (uint32_t)slot;
		m.number = item.size;
		m.name = (struct kith_bytes){(const uint8_t *)name, strlen(name)};
		n++;
		if (!kith_wire_put(&walk->out, &m)) {
			st = kith_fail_nomem(err);
			break;
		}
		if (item.alone)
			break;
	}
	if (st >= 0 && n > 0) {
		job->last_ms = walk_now_ms();
		/* a worker that has died meanwhile is seen elsewhere */
		(void)kith_packet_send(job->sock, walk->out.data, walk->out.n, fds, n, 0, NULL);
	}
	for (i = 0; i < n; i++)
		(void)close(fds[i]);
	return st < 0 ? st : KITH_OK;
}

/* A worker whose files may be retried alone gets nothing else meanwhile. */
static bool may_feed(const struct kith_walk *walk, const struct walk_job *job)
{
	size_t i;

	if (job->format != KITH_FORMAT_NONE || job->closing || job->sock < 0 ||
	    !walk_items_left(walk) || job->n_items > WALK_ITEMS - WALK_BATCH ||
	    job->items_bytes >= WALK_BATCH_BYTES || (walk->n_retries > 0 && job->n_items > 0))
		return false;
	for (i = 0; i < WALK_ITEMS && job->n_items > 0; i++)
		if (job->items[i].used && job->items[i].alone)
			return false;
	return true;
}

/* Containers first, the deepest of them before others, then files: so few copies live at a time. */
static enum kith_status start_more(struct kith_walk *walk, struct kith_err *err)
{
	enum kith_status st = KITH_OK;
	size_t i, most = walk->n_workers + WALK_WAITING;

	while (st >= 0 && count_active(walk) < walk->n_workers && walk->n_running < most) {
		struct walk_job *job = walk_job_next(walk);

		if (job == NULL && walk_items_left(walk)) {
			job = idle_hasher(walk);
			if (job != NULL) {
				st = feed(walk, job, err);
				continue;
			}
			job = walk_job_new(walk);
			if (job == NULL)
				return kith_fail_nomem(err);
		}
		if (job == NULL)
			break;
		st = walk_job_start(walk, job, err);
	}
	walk_spares_drop(walk, false, KITH_WORKER_MAIN);
	for (i = 0; i < walk->n_running && st >= 0; i++) {
		struct walk_job *job = walk->running[i];

		/* while containers wait, files do not take their place */
		if (walk->n_ready == 0 && job->n_items > 0 && may_feed(walk, job))
			st = feed(walk, job, err);
		if (job->format == KITH_FORMAT_NONE && job->n_items == 0 && !job->closing &&
		    job->sock >= 0 && !walk_items_left(walk)) {
			job->closing = true;
			job->last_ms = walk_now_ms();
			(void)shutdown(job->sock, SHUT_WR);
		}
	}
	return st;
}

/* Copies for which there was no room. When nothing else can go on, one of them must. */
static enum kith_status give_room(struct kith_walk *walk, struct kith_err *err)
{
	struct walk_job *deepest = NULL;
	enum kith_status st = KITH_OK;
	bool all_wait = walk->n_running > 0;
	size_t i;

	for (i = 0; i < walk->n_running && st >= 0; i++) {
		struct walk_job *job = walk->running[i];

		if (job->waits && job->sock >= 0)
			st = walk_spool_answer(walk, job, false, err);
		if (job->waits && job->sock >= 0 &&
		    (deepest == NULL || job->depth > deepest->depth))
			deepest = job;
		if (!job->waits && (job->format != KITH_FORMAT_NONE || job->n_items > 0))
			all_wait = false;
	}
	if (st >= 0 && all_wait && deepest != NULL &&
	    (walk->n_ready == 0 || walk->n_running >= walk->n_workers + WALK_WAITING))
		st = walk_spool_answer(walk, deepest, true, err);
	return st;
}

/* ------------------------------------------------------------------ listening */

static enum kith_status hear(struct kith_walk *walk, struct walk_job *job, struct kith_err *err)
{
	struct kith_err fault = {0};
	enum kith_status st = KITH_OK;
	size_t n, i;

	for (i = 0; i < PACKETS_AT_ONCE && job->sock >= 0 && st >= 0; i++) {
		st = kith_packet_recv(job->sock, walk->packet, KITH_PACKET_MAX, &n, NULL, 0, NULL,
				      0, &fault);
		if (st == KITH_NOT_FOUND)
			return KITH_OK;
		if (st == KITH_END || st == KITH_E_IO) {
			(void)close(job->sock);
			job->sock = -1;
			return KITH_OK;
		}
		if (st >= 0) {
			job->last_ms = walk_now_ms();
			st = walk_event(walk, job, walk->packet, n, err);
		}
		if (st < 0 && (job->broke || fault.status == KITH_E_CORRUPT)) {
			walk_job_kill(walk, job, "worker broke the protocol");
			(void)close(job->sock);
			job->sock = -1;
			st = KITH_OK;
		}
	}
	return st;
}

static enum kith_status listen_to(struct kith_walk *walk, struct kith_err *err)
{
	struct pollfd fds[KITH_WORKERS + 64 + WALK_WAITING + 16];
	struct walk_job *jobs[sizeof fds / sizeof *fds];
	enum kith_status st = KITH_OK;
	nfds_t n = 0, i;
	size_t k;

	for (k = 0; k < KITH_WORKERS; k++) {
		fds[n] = (struct pollfd){.fd = walk->zygotes[k].sock, .events = POLLIN};
		jobs[n++] = NULL;
	}
	for (k = 0; k < walk->n_running && n < sizeof fds / sizeof *fds; k++) {
		fds[n] = (struct pollfd){.fd = walk->running[k]->sock, .events = POLLIN};
		jobs[n++] = walk->running[k];
	}
	if (poll(fds, n, POLL_MS) < 0)
		return errno == EINTR ? KITH_OK : kith_fail_errno(err, errno, "waiting");
	for (i = KITH_WORKERS; i < n && st >= 0; i++)
		if (fds[i].revents != 0 && fds[i].fd >= 0)
			st = hear(walk, jobs[i], err);
	for (i = 0; i < KITH_WORKERS && st >= 0; i++)
		if (fds[i].revents != 0 && fds[i].fd >= 0)
			st = walk_zygote_hear(walk, (enum kith_worker)i, err);
	return st;
}

/* Workers that say nothing for too long, and those of an input that has grown too large. */
static void watch(struct kith_walk *walk)
{
	uint64_t now = walk_now_ms(), stall = (uint64_t)walk->limits.stall_seconds * 1000;
	size_t i;

	for (i = 0; i < walk->n_running; i++) {
		struct walk_job *job = walk->running[i];
		bool works = !job->waits && !job->gone && job->killed == NULL &&
			     (job->format != KITH_FORMAT_NONE || job->n_items > 0 || job->closing);

		if (works && now - job->last_ms > stall) {
			job->hung = true;
			walk_job_kill(walk, job, "worker hung");
		}
		if (works && job->format != KITH_FORMAT_NONE && walk->inputs[job->input].full)
			walk_job_kill(walk, job, "over the limit of bytes of one input");
		if (job->waits && job->sock < 0)
			job->waits = false;
	}
}

static enum kith_status end_some(struct kith_walk *walk, struct kith_err *err)
{
	enum kith_status st = KITH_OK;
	size_t i = 0;

	while (i < walk->n_running && st >= 0) {
		struct walk_job *job = walk->running[i];

		if (job->ended && job->sock >= 0 && !job->closing) {
			job->closing = true;
			walk_job_spare(walk, job);
		}
		if (job->sock >= 0 || !job->gone) {
			i++;
			continue;
		}
		walk->running[i] = walk->running[--walk->n_running];
		st = walk_job_end(walk, job, err);
	}
	return st;
}

static enum kith_status report_progress(struct kith_walk *walk, bool last, struct kith_err *err)
{
	uint64_t now = walk_now_ms(), done = walk->bytes_done;
	size_t i;

	if (walk->sink.progress == NULL || (!last && now - walk->progress_ms < PROGRESS_MS))
		return KITH_OK;
	walk->progress_ms = now;
	for (i = 0; i < walk->n_running; i++) {
		const struct walk_job *job = walk->running[i];

		if (job->format != KITH_FORMAT_NONE)
			done += job->bytes < job->size ? job->bytes : job->size;
	}
	if (walk->sink.progress(walk->sink.user, done, walk->bytes_total, walk->n_files) != 0)
		return kith_fail(err, KITH_E_CANCELLED, "cancelled");
	return KITH_OK;
}

/* Descriptors: copies, workers and files in their hands. */
static void want_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS_WANT)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS_WANT ? limit.rlim_max : DESCRIPTORS_WANT;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

enum kith_status kith_walk_run(struct kith_walk *walk, struct kith_err *err)
{
	enum kith_status st = walk_find_libexec(walk, err);

	want_descriptors();
	if (st >= 0)
		st = walk_inputs_check(walk, err);
	while (st >= 0) {
		st = start_more(walk, err);
		if (st >= 0)
			st = give_room(walk, err);
		if (st < 0 ||
		    (walk->n_running == 0 && walk->n_ready == 0 && !walk_items_left(walk)))
			break;
		st = listen_to(walk, err);
		if (st < 0)
			break;
		watch(walk);
		st = end_some(walk, err);
		if (st >= 0)
			st = report_progress(walk, false, err);
	}
	if (st >= 0)
		st = report_progress(walk, true, err);
	return st < 0 ? st : KITH_OK;
}
