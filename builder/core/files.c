/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files.c: the keys are cut into KITH_RANGES ranges. Workers take ranges in order, merge and encode
 * them; the calling thread writes the results, in order too. A worker may be so far ahead of the
 * writer and no farther, which bounds memory. Of a small set several ranges are taken together:
 * waking a thread costs more than a range of a few files.
 */
#include "core/files.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define PIECE_BYTES ((uint64_t)256 << 10) /* of rows: fewer are not worth a thread's while */

/* What a worker made of the ranges that it took. */
struct piece {
	struct kith_buf rows; /* key (32), length (4, this machine's order), record */
	struct kith_buf lines;
	struct kith_files_counts counts;
	bool ready;
};

struct job {
	const struct kith_files *files;
	struct kith_merge_input input;
	size_t buffer;   /* for each run */
	uint32_t ranges; /* in a piece; a power of two */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* guarded by lock: */
	uint32_t next;        /* piece to be made */
	uint32_t written;     /* pieces before it are written */
	struct piece *pieces; /* ring of n_pieces */
	uint32_t n_pieces;
	enum kith_status st; /* first failure */
	struct kith_err err;
};

static uint32_t total_pieces(const struct job *job)
{
	return KITH_RANGES / job->ranges;
}

enum kith_status kith_files_counts_init(const struct kith_ranks *ranks,
					struct kith_files_counts *ret_counts, struct kith_err *err)
{
	memset(ret_counts, 0, sizeof *ret_counts);
	ret_counts->sources = calloc((size_t)ranks->n_sources + 1, sizeof *ret_counts->sources);
	return ret_counts->sources == NULL ? kith_fail_nomem(err) : KITH_OK;
}

void kith_files_counts_done(struct kith_files_counts *counts)
{
	free(counts->sources);
	memset(counts, 0, sizeof *counts);
}

/*
 * Adds one file to the counts. Occurrences are sorted by place, and the places of a source follow
 * each other, so its sources come one after the other.
 */
static void count_file(const struct kith_ranks *ranks, const struct kith_merged *merged,
		       bool is_trivial, bool is_fragment, struct kith_files_counts *counts)
{
	bool conflict = merged->n_claims > 1;
	uint32_t source = 0;
	size_t i = 0, end;

	counts->occurrences += merged->n_occs;
	counts->conflicts += conflict;
	counts->alternates += merged->n_claims - 1;
	counts->trivial += is_trivial;
	counts->fragments += is_fragment;
	while (i < merged->n_occs) {
		struct kith_source_counts *mine;
		uint32_t place = (uint32_t)(merged->occs[i] >> 32);

		while (source + 1 < ranks->n_sources && ranks->roots[source + 1] <= place)
			source++;
		end = merged->n_occs;
		if (source + 1 < ranks->n_sources)
			for (end = i; end < merged->n_occs; end++)
				if (merged->occs[end] >> 32 >= ranks->roots[source + 1])
					break;
		mine = &counts->sources[source];
		mine->files++;
		mine->occurrences += end - i;
		mine->conflicts += conflict;
		mine->dropped += merged->dropped;
		mine->trivial += is_trivial;
		mine->fragments += is_fragment;
		i = end;
	}
}

enum kith_status kith_files_encode(const struct kith_files *files, const struct kith_merged *merged,
				   bool sha1_only, struct kith_buf *record, struct kith_buf *lines,
				   struct kith_files_counts *counts, struct kith_err *err)
{
	size_t start = record->n;
	struct kith_file file;
	uint8_t marks = 0;

	if (kith_trivial_has(files->trivial, sha1_only ? KITH_SHA1 : KITH_SHA256, merged->key))
		marks |= KITH_REC_TRIVIAL;
	if (merged->fragment && merged->n_occs > 0)
		marks |= KITH_REC_FRAGMENT;
	if (!kith_record_encode(record, marks, merged->claims, merged->n_claims, merged->occs,
				merged->n_occs))
		return kith_fail_nomem(err);
	if (kith_record_decode(record->data + start, record->data + record->n, merged->key,
			       sha1_only, &file) < 0)
		return kith_fail(err, KITH_E_CORRUPT, "a record cannot be read back");
	if (!kith_dump_file(lines, &file))
		return lines->failed
			   ? kith_fail_nomem(err)
			   : kith_fail(err, KITH_E_CORRUPT, "a record cannot be read back");
	counts->files += !sha1_only;
	counts->sha1_only += sha1_only;
	count_file(files->ranks, merged, (marks & KITH_REC_TRIVIAL) != 0,
		   (marks & KITH_REC_FRAGMENT) != 0, counts);
	return KITH_OK;
}

enum kith_status kith_files_runs(const struct kith_files *files, enum kith_table table,
				 const struct kith_run *more, size_t n_more,
				 struct kith_merge_input *ret_input,
				 const struct kith_run ***ret_runs, struct kith_err *err)
{
	const struct kith_chunks *chunks = files->chunks;
	const struct kith_run **runs =
	    malloc((chunks->n + n_more + 1) * sizeof(const struct kith_run *));
	size_t n = 0, i;

	if (runs == NULL)
		return kith_fail_nomem(err);
	for (i = 0; i < chunks->n; i++)
		if (chunks->items[i]->n_rows[table] > 0)
			runs[n++] = &chunks->items[i]->runs[table];
	for (i = 0; i < n_more; i++)
		runs[n++] = &more[i];
	ret_input->runs = runs;
	ret_input->n_runs = n;
	ret_input->chunks = files->ranks->chunks;
	ret_input->declared = files->ranks->declared;
	ret_input->scratch = chunks->scratch;
	*ret_runs = runs;
	return KITH_OK;
}

static enum kith_status make_piece(struct job *job, uint32_t number, struct piece *piece,
				   struct kith_merged *merged, struct kith_err *err)
{
	struct kith_merge *merge = NULL;
	enum kith_status st;

	piece->rows.n = 0;
	piece->lines.n = 0;
	kith_files_counts_done(&piece->counts);
	st = kith_files_counts_init(job->files->ranks, &piece->counts, err);
	if (st < 0)
		return st;
	st = kith_merge_open(&job->input, number * job->ranges, (number + 1) * job->ranges,
			     job->buffer, &merge, err);
	if (st < 0)
		return st;
	while ((st = kith_merge_next(merge, merged, err)) == KITH_OK) {
		size_t head = piece->rows.n;
		uint32_t n;

		if (!kith_buf_add(&piece->rows, merged->key, sizeof merged->key) ||
		    !kith_buf_add(&piece->rows, "    ", 4)) {
			st = kith_fail_nomem(err);
			break;
		}
		st = kith_files_encode(job->files, merged, false, &piece->rows, &piece->lines,
				       &piece->counts, err);
		if (st < 0)
			break;
		if (piece->rows.n - head - sizeof merged->key - 4 > UINT32_MAX) {
			st = kith_fail(err, KITH_E_LIMIT, "a record of more than 4 GiB");
			break;
		}
		n = (uint32_t)(piece->rows.n - head - sizeof merged->key - 4);
		memcpy(piece->rows.data + head + sizeof merged->key, &n, 4);
	}
	kith_merge_close(merge);
	return st < 0 ? st : KITH_OK;
}

static void *worker(void *arg)
{
	struct job *job = arg;
	struct kith_merged merged = {0};
	struct kith_err err = {KITH_OK, 0, ""};

	(void)pthread_mutex_lock(&job->lock);
	while (job->st >= 0 && job->next < total_pieces(job)) {
		struct piece *piece;
		uint32_t number;
		enum kith_status st;

		if (job->next >= job->written + job->n_pieces) {
			(void)pthread_cond_wait(&job->changed, &job->lock);
			continue;
		}
		number = job->next++;
		piece = &job->pieces[number % job->n_pieces];
		(void)pthread_mutex_unlock(&job->lock);
		st = make_piece(job, number, piece, &merged, &err);
		(void)pthread_mutex_lock(&job->lock);
		piece->ready = true;
		if (st < 0 && job->st >= 0) {
			job->st = st;
			job->err = err;
		}
		(void)pthread_cond_broadcast(&job->changed);
	}
	(void)pthread_mutex_unlock(&job->lock);
	kith_merged_done(&merged);
	return NULL;
}

static enum kith_status write_piece(const struct kith_files *files, struct piece *piece,
				    struct kith_err *err)
{
	const uint8_t *p = piece->rows.data, *end = p + piece->rows.n;
	enum kith_status st = KITH_OK;

	while (st >= 0 && p < end) {
		const uint8_t *key = p;
		uint32_t n;

		memcpy(&n, p + KITH_SHA256_SIZE, 4);
		p += KITH_SHA256_SIZE + 4;
		st = kith_lmdb_append(files->db, KITH_LMDB_FILE, key, KITH_SHA256_SIZE, p, n, err);
		p += n;
	}
	kith_sha_add(files->text->sha, piece->lines.data, piece->lines.n);
	return st;
}

static void add_counts(struct kith_files_counts *sum, const struct kith_files_counts *more,
		       uint32_t n_sources)
{
	uint32_t i;

	sum->files += more->files;
	sum->sha1_only += more->sha1_only;
	sum->occurrences += more->occurrences;
	sum->conflicts += more->conflicts;
	sum->alternates += more->alternates;
	sum->trivial += more->trivial;
	sum->fragments += more->fragments;
	for (i = 0; i < n_sources; i++) {
		sum->sources[i].files += more->sources[i].files;
		sum->sources[i].occurrences += more->sources[i].occurrences;
		sum->sources[i].conflicts += more->sources[i].conflicts;
		sum->sources[i].dropped += more->sources[i].dropped;
		sum->sources[i].trivial += more->sources[i].trivial;
		sum->sources[i].fragments += more->sources[i].fragments;
	}
}

/* Writes the pieces in order, as they get ready. */
static enum kith_status write_all(struct job *job, struct kith_files_counts *counts,
				  struct kith_err *err)
{
	enum kith_status st = KITH_OK;
	uint32_t number, total = total_pieces(job);

	for (number = 0; st >= 0 && number < total; number++) {
		struct piece *piece = &job->pieces[number % job->n_pieces];

		(void)pthread_mutex_lock(&job->lock);
		while (job->st >= 0 && !piece->ready)
			(void)pthread_cond_wait(&job->changed, &job->lock);
		st = job->st;
		if (st < 0 && err != NULL)
			*err = job->err;
		(void)pthread_mutex_unlock(&job->lock);
		if (st < 0)
			break;
		st = write_piece(job->files, piece, err);
		add_counts(counts, &piece->counts, job->files->ranks->n_sources);
		if (st >= 0 && job->files->progress != NULL &&
		    job->files->progress(number + 1, total, job->files->user) != 0)
			st = kith_fail(err, KITH_E_CANCELLED, "stopped");
		(void)pthread_mutex_lock(&job->lock);
		piece->ready = false;
		job->written = number + 1;
		if (st < 0 && job->st >= 0)
			job->st = st;
		(void)pthread_cond_broadcast(&job->changed);
		(void)pthread_mutex_unlock(&job->lock);
	}
	return st;
}

static enum kith_status run_job(struct job *job, unsigned threads, struct kith_files_counts *counts,
				struct kith_err *err)
{
	pthread_t *ids = calloc(threads, sizeof *ids);
	unsigned started = 0;
	enum kith_status st;
	uint32_t i;

	job->n_pieces = 2 * threads + 2;
	job->pieces = calloc(job->n_pieces, sizeof *job->pieces);
	if (ids == NULL || job->pieces == NULL) {
		st = kith_fail_nomem(err);
		goto out;
	}
	while (started < threads && pthread_create(&ids[started], NULL, worker, job) == 0)
		started++;
	if (started == 0) {
		st = kith_fail(err, KITH_E_NOMEM, "cannot start a thread");
		goto out;
	}
	st = write_all(job, counts, err);
	while (started > 0)
		(void)pthread_join(ids[--started], NULL);
out:
	for (i = 0; job->pieces != NULL && i < job->n_pieces; i++) {
		kith_buf_done(&job->pieces[i].rows);
		kith_buf_done(&job->pieces[i].lines);
		kith_files_counts_done(&job->pieces[i].counts);
	}
	free(job->pieces);
	free(ids);
	return st;
}

enum kith_status kith_files_write(struct kith_files *files, struct kith_files_counts *counts,
				  struct kith_err *err)
{
	const struct kith_run **runs = NULL;
	struct kith_run *joined = NULL;
	size_t n_joined = 0;
	struct job job = {0};
	uint64_t bytes = 0;
	enum kith_status st;
	size_t i;

	(void)pthread_mutex_init(&job.lock, NULL);
	(void)pthread_cond_init(&job.changed, NULL);
	job.files = files;
	st = kith_files_join(files, counts, &joined, &n_joined, err);
	if (st < 0)
		goto out;
	kith_text_flush(files->text);
	st = kith_files_runs(files, KITH_TABLE_FILE, joined, n_joined, &job.input, &runs, err);
	if (st < 0)
		goto out;
	job.buffer = files->memory / 2 / files->threads / (job.input.n_runs + 1);
	if (job.buffer > ((size_t)64 << 10))
		job.buffer = (size_t)64 << 10;
	if (job.buffer < 8192)
		job.buffer = 8192;
	for (i = 0; i < job.input.n_runs; i++)
		bytes += job.input.runs[i]->offset[KITH_RANGES] - job.input.runs[i]->offset[0];
	job.ranges = KITH_RANGES;
	while (job.ranges > 1 && bytes / total_pieces(&job) > PIECE_BYTES)
		job.ranges /= 2;
	st = run_job(&job, files->threads, counts, err);
out:
	(void)pthread_mutex_destroy(&job.lock);
	(void)pthread_cond_destroy(&job.changed);
	free(runs);
	free(joined);
	return st;
}
