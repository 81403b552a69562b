/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build.c: the order of a build. Inputs were opened by kith_build_add; then
 *
 *   read     workers take shards of all inputs, each into a collector of its own (collector.h)
 *   rank     names and places of all chunks get their ranks (ranks.h)
 *   files    rows are merged and written in the order of their digests (files.h)
 *   index    the direct index (index.h), meta, set id (meta.h)
 *   publish  (publish.h)
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/limits.h"
#include "core/build.h"
#include "core/collector.h"
#include "core/decl.h"
#include "core/files.h"
#include "core/index.h"
#include "core/ledger.h"
#include "core/meta.h"
#include "core/publish.h"
#include "core/ranks.h"

#define MAX_THREADS 256

struct input {
	const struct kith_source_ops *ops;
	void *state;
	char *path;
	struct kith_source_plan plan;
};

struct kith_build {
	struct kith_build_options options;
	char *output, *set_name;
	struct kith_scratch *scratch;
	struct kith_decl *decl;
	struct kith_ledger *ledger;
	struct input *inputs;
	size_t n_inputs;
	struct kith_chunks chunks;
	/* The read phase's queue: shards of input after input. */
	pthread_mutex_t lock;
	pthread_cond_t finished; /* a worker ended */
	size_t next_input;
	uint32_t next_shard;
	unsigned running;
	enum kith_status st; /* first failure of a worker */
	struct kith_err err;
	struct timespec last_progress;
	const char *phase;
};

enum kith_status kith_build_new(const struct kith_build_options *options,
				struct kith_build **ret_build, struct kith_err *err)
{
	struct kith_build *build = calloc(1, sizeof *build);
	char *folder = NULL;
	enum kith_status st;
	long cores;

	if (build == NULL)
		return kith_fail_nomem(err);
	(void)pthread_mutex_init(&build->lock, NULL);
	(void)pthread_cond_init(&build->finished, NULL);
	(void)pthread_mutex_init(&build->chunks.lock, NULL);
	build->options = *options;
	if (build->options.memory == 0)
		build->options.memory = KITH_MEMORY_DEFAULT;
	if (build->options.memory < KITH_MEMORY_MIN)
		build->options.memory = KITH_MEMORY_MIN;
	if (build->options.threads == 0) {
		cores = sysconf(_SC_NPROCESSORS_ONLN);
		build->options.threads = cores < 1 ? 1 : (unsigned)cores;
	}
	if (build->options.threads > MAX_THREADS)
		build->options.threads = MAX_THREADS;
	build->output = strdup(options->output);
	build->set_name = options->set_name == NULL ? NULL : strdup(options->set_name);
	folder =
	    options->scratch != NULL ? strdup(options->scratch) : kith_folder_of(options->output);
	build->decl = kith_decl_new();
	build->ledger = kith_ledger_new();
	if (build->output == NULL || folder == NULL || build->decl == NULL ||
	    build->ledger == NULL || (options->set_name != NULL && build->set_name == NULL)) {
		st = kith_fail_nomem(err);
		goto out;
	}
	st = kith_scratch_new(folder, &build->scratch, err);
	if (st < 0)
		goto out;
	build->chunks.scratch = build->scratch;
	build->chunks.decl = build->decl;
	build->chunks.memory = build->options.memory / 4 * 3 / build->options.threads;
	*ret_build = build;
	build = NULL;
out:
	free(folder);
	kith_build_free(build);
	return st;
}

void kith_build_free(struct kith_build *build)
{
	size_t i;

	if (build == NULL)
		return;
	for (i = 0; i < build->n_inputs; i++) {
		if (build->inputs[i].state != NULL)
			build->inputs[i].ops->close(build->inputs[i].state);
		free(build->inputs[i].state);
		free(build->inputs[i].path);
	}
	free(build->inputs);
	for (i = 0; i < build->chunks.n; i++)
		free(build->chunks.items[i]);
	free(build->chunks.items);
	kith_decl_free(build->decl);
	kith_ledger_free(build->ledger);
	kith_scratch_free(build->scratch);
	free(build->output);
	free(build->set_name);
	(void)pthread_mutex_destroy(&build->chunks.lock);
	(void)pthread_mutex_destroy(&build->lock);
	(void)pthread_cond_destroy(&build->finished);
	free(build);
}

enum kith_status kith_build_add(struct kith_build *build, const struct kith_source_ops *ops,
				const char *path, struct kith_err *err)
{
	struct kith_source_args args = {0};
	struct input *inputs, *input;
	enum kith_status st;

	inputs = realloc(build->inputs, (build->n_inputs + 1) * sizeof *inputs);
	if (inputs == NULL)
		return kith_fail_nomem(err);
	build->inputs = inputs;
	input = &inputs[build->n_inputs];
	memset(input, 0, sizeof *input);
	input->ops = ops;
	input->path = strdup(path);
	input->state = calloc(1, ops->state_size == 0 ? 1 : ops->state_size);
	if (input->path == NULL || input->state == NULL) {
		free(input->path);
		free(input->state);
		return kith_fail_nomem(err);
	}
	build->n_inputs++;
	args.path = input->path;
	args.set_name = build->set_name;
	args.options = build->options.source_options;
	args.keep_going = build->options.keep_going;
	args.threads = build->options.threads;
	args.memory = build->options.memory / 8;
	args.decl = build->decl;
	args.ledger = build->ledger;
	args.scratch = build->scratch;
	args.message = build->options.message;
	args.message_user = build->options.user;
	st = ops->open(input->state, &args, &input->plan, err);
	if (st < 0)
		kith_err_context(err, "'%s'", path);
	return st;
}

/* ---------------------------------------------------------------- progress */

/* Tells the user, at most six times a second; KITH_E_CANCELLED when the build is to stop. */
static enum kith_status tell(struct kith_build *build, const char *phase, const char *unit,
			     uint64_t done, uint64_t total, struct kith_err *err)
{
	struct kith_progress progress = {phase, unit, done, total};
	struct timespec now;
	int64_t ms;

	if (build->options.progress == NULL)
		return KITH_OK;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (int64_t)(now.tv_sec - build->last_progress.tv_sec) * 1000 +
	     (now.tv_nsec - build->last_progress.tv_nsec) / 1000000;
	if (phase == build->phase && ms < 1000 / 6)
		return KITH_OK;
	build->phase = phase;
	build->last_progress = now;
	if (build->options.progress(&progress, build->options.user) != 0)
		return kith_fail(err, KITH_E_CANCELLED, "stopped");
	return KITH_OK;
}

static int files_progress(uint64_t done, uint64_t total, void *user)
{
	return tell(user, "writing", "", done, total, NULL) < 0;
}

static int index_progress(uint64_t done, uint64_t total, void *user)
{
	return tell(user, "indexing", "files", done, total, NULL) < 0;
}

/* -------------------------------------------------------------------- read */

/* The next shard of the queue; false when there is none or the build has failed. */
static bool take_shard(struct kith_build *build, struct input **ret_input, uint32_t *ret_shard)
{
	bool taken = false;

	(void)pthread_mutex_lock(&build->lock);
	while (build->st >= 0 && build->next_input < build->n_inputs) {
		struct input *input = &build->inputs[build->next_input];

		if (build->next_shard < input->plan.n_shards) {
			*ret_input = input;
			*ret_shard = build->next_shard++;
			taken = true;
			break;
		}
		build->next_input++;
		build->next_shard = 0;
	}
	(void)pthread_mutex_unlock(&build->lock);
	return taken;
}

static void *reader(void *arg)
{
	struct kith_build *build = arg;
	struct kith_collector *collector = NULL;
	struct kith_err err = {KITH_OK, 0, ""};
	struct input *input;
	enum kith_status st;
	uint32_t shard;

	st = kith_collector_new(&build->chunks, &collector, &err);
	while (st >= 0 && take_shard(build, &input, &shard)) {
		st = input->ops->read(input->state, shard, collector, &err);
		if (st < 0)
			kith_err_context(&err, "'%s'", input->path);
	}
	if (st >= 0)
		st = kith_collector_finish(collector, &err);
	(void)pthread_mutex_lock(&build->lock);
	if (collector != NULL &&
	    !kith_ledger_merge(build->ledger, kith_collector_ledger(collector)) && st >= 0)
		st = kith_fail_nomem(&err);
	if (st < 0 && build->st >= 0) {
		build->st = st;
		build->err = err;
		atomic_store(&build->chunks.cancelled, 1);
	}
	build->running--;
	(void)pthread_cond_signal(&build->finished);
	(void)pthread_mutex_unlock(&build->lock);
	kith_collector_free(collector);
	return NULL;
}

/*
 * How much of its share a collector uses. Memory that is touched for the first time costs more than
 * a merge of some more chunks, so there are a few chunks of it even when fewer would hold all rows.
 */
static void choose_chunks(struct kith_build *build)
{
	const uint64_t row_bytes = 112, chunks = 12, least = (uint64_t)16 << 20;
	uint64_t rows = 0, memory;
	size_t i;

	for (i = 0; i < build->n_inputs; i++) {
		if (build->inputs[i].plan.rows == 0)
			return; /* not known */
		rows += build->inputs[i].plan.rows;
	}
	memory = rows / chunks < SIZE_MAX / row_bytes ? rows / chunks * row_bytes : SIZE_MAX;
	memory = memory < least ? least : memory;
	if (memory < build->chunks.memory)
		build->chunks.memory = (size_t)memory;
}

/* Reads all inputs; meanwhile this thread reports. */
static enum kith_status read_inputs(struct kith_build *build, struct kith_err *err)
{
	unsigned threads = build->options.threads, started = 0;
	pthread_t *ids = calloc(threads, sizeof *ids);
	uint64_t total = 0;
	enum kith_status st = KITH_OK;
	size_t i;

	if (ids == NULL)
		return kith_fail_nomem(err);
	choose_chunks(build);
	for (i = 0; i < build->n_inputs; i++)
		total += build->inputs[i].plan.total_units;
	build->running = threads;
	while (started < threads && pthread_create(&ids[started], NULL, reader, build) == 0)
		started++;
	(void)pthread_mutex_lock(&build->lock);
	build->running -= threads - started;
	(void)pthread_mutex_unlock(&build->lock);
	if (started == 0) {
		free(ids);
		return kith_fail(err, KITH_E_NOMEM, "cannot start a thread");
	}
	(void)pthread_mutex_lock(&build->lock);
	while (build->running > 0) {
		struct timespec until;

		(void)clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 200000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		(void)pthread_cond_timedwait(&build->finished, &build->lock, &until);
		(void)pthread_mutex_unlock(&build->lock);
		if (tell(build, "reading", build->inputs[0].plan.unit,
			 atomic_load(&build->chunks.units), total, NULL) < 0)
			atomic_store(&build->chunks.cancelled, 1);
		(void)pthread_mutex_lock(&build->lock);
	}
	st = build->st;
	if (st < 0 && err != NULL)
		*err = build->err;
	(void)pthread_mutex_unlock(&build->lock);
	while (started > 0)
		(void)pthread_join(ids[--started], NULL);
	free(ids);
	return st;
}

/* Says how much room the build needs, and fails now rather than in an hour. */
static enum kith_status check_room(struct kith_build *build, struct kith_err *err)
{
	/* A row waits as 96 bytes; its name and place are shared with few or many others. What fits
	 * in memory goes through the scratch file too, but stays in the page cache. */
	const uint64_t row_bytes = 120, set_bytes = 60;
	uint64_t rows = 0;
	char text[160];
	enum kith_status st;
	size_t i;

	for (i = 0; i < build->n_inputs; i++)
		rows += build->inputs[i].plan.rows;
	if (rows > UINT64_MAX / 256)
		rows = UINT64_MAX / 256;
	st = kith_scratch_need(build->scratch, rows * row_bytes, "sorting", err);
	if (st < 0 || build->options.message == NULL || rows < 1000000)
		return st;
	(void)snprintf(
	    text, sizeof text,
	    "about %llu rows: up to %llu MiB of temporary space and a set of about %llu MiB",
	    (unsigned long long)rows, (unsigned long long)(rows * row_bytes >> 20),
	    (unsigned long long)(rows * set_bytes >> 20));
	build->options.message(text, build->options.user);
	return KITH_OK;
}

/* --------------------------------------------------------------------- run */

/* Gives back the room of the rows, which is as long a work as their index: a thread of its own. */
static void *drop_rows(void *arg)
{
	const struct kith_chunks *chunks = arg;
	size_t i;
	int table;

	for (i = 0; i < chunks->n; i++)
		for (table = 0; table < 2; table++)
			kith_scratch_drop(chunks->scratch,
					  chunks->items[i]->runs[table].reserved_at,
					  chunks->items[i]->runs[table].reserved);
	return NULL;
}

static enum kith_status fill_index(struct kith_build *build, struct kith_lmdb *db, uint64_t files,
				   struct kith_index_counts *index, struct kith_err *err)
{
	pthread_t thread;
	bool started = pthread_create(&thread, NULL, drop_rows, &build->chunks) == 0;
	enum kith_status st = kith_index_fill(db, build->scratch, build->options.memory / 2, files,
					      index_progress, build, index, err);

	if (started)
		(void)pthread_join(thread, NULL);
	return st;
}

static enum kith_status write_set(struct kith_build *build, struct kith_trivial *trivial,
				  struct kith_publish *publish, struct kith_build_result *ret,
				  struct kith_err *err)
{
	struct kith_files files = {0};
	struct kith_files_counts counts = {0};
	struct kith_index_counts index = {0};
	struct kith_ranks ranks = {0};
	struct kith_lmdb *db = NULL;
	struct kith_text text = {0};
	size_t memory = build->options.memory;
	enum kith_status st;

	text.sha = kith_sha_new(KITH_SHA256);
	if (text.sha == NULL || !kith_dump_head(&text.lines)) {
		st = kith_fail_nomem(err);
		goto out;
	}
	st = kith_decl_finish(build->decl, err);
	if (st >= 0)
		st = kith_lmdb_open(kith_publish_path(publish), &db, err);
	if (st >= 0)
		st = tell(build, "merging names", "", 0, 0, err);
	if (st >= 0)
		st = kith_ranks_write(&build->chunks, build->decl, memory, db, &text, &ranks, err);
	if (st >= 0)
		st = kith_files_counts_init(&ranks, &counts, err);
	if (st < 0)
		goto out;
	files.chunks = &build->chunks;
	files.ranks = &ranks;
	files.trivial = trivial;
	files.db = db;
	files.text = &text;
	files.memory = memory;
	files.threads = build->options.threads;
	files.progress = files_progress;
	files.user = build;
	st = kith_files_write(&files, &counts, err);
	if (st >= 0)
		st = kith_meta_ledger(build->ledger, build->decl, &ranks, &counts, db, &text, ret,
				      err);
	if (st < 0)
		goto out;
	kith_test_die_at("rows");
	st = kith_lmdb_second_step(db,
				   kith_index_bytes(counts.files,
						    counts.sha1_only + counts.alternates,
						    ranks.names, ranks.places),
				   err);
	if (st >= 0)
		st = fill_index(build, db, counts.files, &index, err);
	if (st < 0)
		goto out;
	kith_test_die_at("index");
	st = kith_meta_write(build->decl, &ranks, &counts, &index, build->options.source_date_epoch,
			     db, &text, ret, err);
	if (st >= 0)
		st = kith_lmdb_finish(db, kith_publish_fd(publish), &ret->size_bytes, err);
	kith_test_die_at("finished");
out:
	kith_lmdb_close(db);
	kith_ranks_done(&ranks);
	kith_files_counts_done(&counts);
	kith_text_done(&text);
	return st;
}

enum kith_status kith_build_run(struct kith_build *build, struct kith_build_result *ret_result,
				struct kith_err *err)
{
	struct kith_build_result result = {0};
	struct kith_publish *publish = NULL;
	struct kith_trivial *own = NULL, *trivial = build->options.trivial;
	enum kith_status st;

	if (build->n_inputs == 0)
		return kith_fail(err, KITH_E_ARG, "no input");
	if (trivial == NULL)
		trivial = own = kith_trivial_new();
	st = trivial == NULL ? kith_fail_nomem(err) : check_room(build, err);
	if (st >= 0)
		st = kith_publish_begin(build->output, &publish, err);
	if (st >= 0)
		st = read_inputs(build, err);
	if (st >= 0 && !kith_trivial_wait(trivial))
		st = kith_fail_nomem(err);
	if (st >= 0)
		st = write_set(build, trivial, publish, &result, err);
	if (st >= 0 && build->options.keep_going && build->options.needs_rows &&
	    result.failed > 0 && atomic_load(&build->chunks.rows) == 0)
		st = kith_fail(err, KITH_E_CORRUPT, "'%s'%s: damaged, and no row of it can be read",
			       build->inputs[0].path, build->n_inputs > 1 ? " and the others" : "");
	if (st >= 0)
		st = tell(build, "syncing", "", 0, 0, err);
	if (st >= 0)
		st = kith_publish_commit(publish, err);
	if (st >= 0) {
		result.rows = atomic_load(&build->chunks.rows);
		result.scratch_bytes = kith_scratch_written(build->scratch);
		*ret_result = result;
	}
	kith_trivial_free(own);
	kith_publish_free(publish);
	return st;
}
