/* SPDX-License-Identifier: Apache-2.0 */
/* hasher.c: the threads of a hasher, and their queue. The rules are in hasher.h. */
#define _POSIX_C_SOURCE 200809L
#include "hash/hasher.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define STACK_BYTES ((size_t)512 << 10)
#define ZEROS_BYTES ((uint64_t)4 << 20)

struct hasher_thread {
	struct kith_hasher *hasher;
	pthread_t id;
	struct sums *sums;
	uint8_t *buf; /* READ_BYTES */
};

void hasher_queue(struct kith_hasher *hasher, struct job *job)
{
	job->next = NULL;
	if (hasher->last == NULL)
		hasher->first = job;
	else
		hasher->last->next = job;
	hasher->last = job;
	(void)pthread_cond_signal(&hasher->work);
}

static void activate(struct kith_hasher *hasher, struct long_stream *stream)
{
	if (stream->active)
		return;
	stream->active = true;
	hasher_queue(hasher, &stream->job);
}

void hasher_queue_piece(struct kith_hasher *hasher, struct long_stream *stream, struct block *block)
{
	block->next = NULL;
	if (stream->last == NULL)
		stream->first = block;
	else
		stream->last->next = block;
	stream->last = block;
	activate(hasher, stream);
}

void hasher_queue_end(struct kith_hasher *hasher, struct long_stream *stream)
{
	stream->ended = true;
	activate(hasher, stream);
}

/* The lock is held, for these. */

static void progress(struct kith_hasher *hasher)
{
	if (hasher->caller_waits)
		(void)pthread_cond_signal(&hasher->progress);
}

static void free_block(struct kith_hasher *hasher, struct block *block)
{
	block->next = hasher->free_blocks;
	hasher->free_blocks = block;
	progress(hasher);
}

static void record_done(struct kith_hasher *hasher, uint32_t number, enum kith_status st)
{
	struct record *record = hasher_record(hasher, number);

	record->st = st;
	atomic_store_explicit(&record->done, true, memory_order_release);
	progress(hasher);
}

/* -------------------------------------------------------------- the three kinds of job */

static void run_batch(struct hasher_thread *thread, struct block *block)
{
	struct kith_hasher *hasher = thread->hasher;
	bool ok[BLOCK_STREAMS] = {false};
	size_t i;

	for (i = 0; i < block->n_streams; i++) {
		struct kith_digests *digests =
		    &hasher_record(hasher, block->streams[i].record)->digests;

		sums_begin(thread->sums);
		sums_add(thread->sums, block->data + block->streams[i].offset, block->streams[i].n);
		digests->size = block->streams[i].n;
		ok[i] = sums_end(thread->sums, digests);
	}
	(void)pthread_mutex_lock(&hasher->lock);
	for (i = 0; i < block->n_streams; i++)
		record_done(hasher, block->streams[i].record, ok[i] ? KITH_OK : KITH_E_NOMEM);
	free_block(hasher, block);
	(void)pthread_mutex_unlock(&hasher->lock);
}

static void end_long(struct kith_hasher *hasher, struct long_stream *stream)
{
	bool ok = true;

	if (!stream->dropped) {
		struct kith_digests *digests = &hasher_record(hasher, stream->record)->digests;

		ok = sums_end(stream->sums, digests);
		digests->size = stream->size;
	}
	(void)pthread_mutex_lock(&hasher->lock);
	if (!stream->dropped)
		record_done(hasher, stream->record, ok ? KITH_OK : KITH_E_NOMEM);
	stream->next = hasher->free_longs;
	hasher->free_longs = stream;
	progress(hasher);
	(void)pthread_mutex_unlock(&hasher->lock);
}

/* Zeros can be many: it looks up now and then. */
static void hash_piece(struct kith_hasher *hasher, struct long_stream *stream,
		       const struct block *block)
{
	uint64_t left = block->zeros;

	if (!atomic_load(&stream->dropped))
		sums_add(stream->sums, block->data, block->n);
	while (left > 0 && !atomic_load(&stream->dropped) && !atomic_load(&hasher->quit)) {
		uint64_t now = left < ZEROS_BYTES ? left : ZEROS_BYTES;

		sums_add_zeros(stream->sums, now);
		left -= now;
	}
}

static void run_long(struct kith_hasher *hasher, struct long_stream *stream)
{
	(void)pthread_mutex_lock(&hasher->lock);
	while (stream->first != NULL) {
		struct block *block = stream->first;

		stream->first = block->next;
		if (stream->first == NULL)
			stream->last = NULL;
		(void)pthread_mutex_unlock(&hasher->lock);
		hash_piece(hasher, stream, block);
		(void)pthread_mutex_lock(&hasher->lock);
		free_block(hasher, block);
	}
	stream->active = stream->ended; /* once it has ended nothing activates it again */
	if (!stream->active) {
		(void)pthread_mutex_unlock(&hasher->lock);
		return;
	}
	(void)pthread_mutex_unlock(&hasher->lock);
	end_long(hasher, stream);
}

static void task_free(struct task *task)
{
	kith_blob_done(&task->blob);
	free(task);
}

static void run_task(struct hasher_thread *thread, struct task *task)
{
	struct kith_hasher *hasher = thread->hasher;
	struct kith_digests *digests = &hasher_record(hasher, task->record)->digests;
	enum kith_status st = KITH_OK;
	uint64_t at = 0;

	sums_begin(thread->sums);
	while (st >= 0 && at < task->blob.size && !atomic_load(&hasher->quit)) {
		size_t n;

		st = kith_blob_read_some(&task->blob, at, thread->buf, READ_BYTES, &n, NULL);
		if (st >= 0)
			sums_add(thread->sums, thread->buf, n);
		at += n;
	}
	if (!sums_end(thread->sums, digests) && st >= 0)
		st = KITH_E_NOMEM;
	digests->size = task->blob.size;
	(void)pthread_mutex_lock(&hasher->lock);
	record_done(hasher, task->record, st);
	atomic_fetch_sub(&hasher->extents_queued, task->blob.n_extents);
	progress(hasher);
	(void)pthread_mutex_unlock(&hasher->lock);
	task_free(task);
}

/* -------------------------------------------------------------------------- threads */

static struct job *take(struct kith_hasher *hasher)
{
	struct job *job = hasher->first;

	if (job == NULL)
		return NULL;
	hasher->first = job->next;
	if (hasher->first == NULL)
		hasher->last = NULL;
	return job;
}

static void *run(void *user)
{
	struct hasher_thread *thread = user;
	struct kith_hasher *hasher = thread->hasher;

	for (;;) {
		struct job *job = NULL;

		(void)pthread_mutex_lock(&hasher->lock);
		while (!atomic_load(&hasher->quit) && (job = take(hasher)) == NULL) {
			atomic_fetch_add(&hasher->idle, 1);
			(void)pthread_cond_wait(&hasher->work, &hasher->lock);
			atomic_fetch_sub(&hasher->idle, 1);
		}
		(void)pthread_mutex_unlock(&hasher->lock);
		if (job == NULL)
			return NULL;
		switch (job->kind) {
		case JOB_BATCH: run_batch(thread, job->owner); break;
		case JOB_LONG: run_long(hasher, job->owner); break;
		case JOB_TASK: run_task(thread, job->owner); break;
		}
	}
}

static bool make_blocks(struct kith_hasher *hasher)
{
	size_t i;

	/* One that is filled, and two for each thread, so that none waits for the caller. */
	hasher->n_blocks = 3 + 2 * (size_t)hasher->n_threads;
	hasher->blocks = calloc(hasher->n_blocks, sizeof *hasher->blocks);
	for (i = 0; hasher->blocks != NULL && i < hasher->n_blocks; i++) {
		struct block *block = &hasher->blocks[i];

		block->data = malloc(BLOCK_BYTES);
		if (block->data == NULL)
			return false;
		block->job = (struct job){NULL, JOB_BATCH, block};
		block->next = hasher->free_blocks;
		hasher->free_blocks = block;
	}
	return hasher->blocks != NULL;
}

static bool make_longs(struct kith_hasher *hasher)
{
	size_t i;

	hasher->n_longs = (size_t)hasher->n_threads + 1;
	hasher->longs = calloc(hasher->n_longs, sizeof *hasher->longs);
	for (i = 0; hasher->longs != NULL && i < hasher->n_longs; i++) {
		struct long_stream *stream = &hasher->longs[i];

		stream->sums = sums_new(hasher->methods);
		if (stream->sums == NULL)
			return false;
		stream->job = (struct job){NULL, JOB_LONG, stream};
		stream->next = hasher->free_longs;
		hasher->free_longs = stream;
	}
	return hasher->longs != NULL;
}

/* Threads take no signals: those are the program's. */
static int spawn(struct hasher_thread *thread)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int rc = pthread_attr_init(&attr);

	if (rc != 0)
		return rc;
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread->id, &attr, run, thread);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	return rc;
}

enum kith_status hasher_start(struct kith_hasher *hasher, unsigned threads, struct kith_err *err)
{
	unsigned i;

	hasher->n_threads = threads;
	hasher->records = calloc(RECORDS, sizeof *hasher->records);
	hasher->threads = calloc(threads, sizeof *hasher->threads);
	if (hasher->records == NULL || hasher->threads == NULL || !make_blocks(hasher) ||
	    !make_longs(hasher))
		return kith_fail_nomem(err);
	for (i = 0; i < threads; i++) {
		struct hasher_thread *thread = &hasher->threads[i];

		thread->hasher = hasher;
		thread->sums = sums_new(hasher->methods);
		thread->buf = malloc(READ_BYTES);
		if (thread->sums == NULL || thread->buf == NULL)
			return kith_fail_nomem(err);
	}
	for (i = 0; i < threads; i++) {
		int rc = spawn(&hasher->threads[i]);

		if (rc != 0)
			return kith_fail_errno(err, rc, "cannot start a thread");
		hasher->n_started++;
	}
	return KITH_OK;
}

void hasher_stop(struct kith_hasher *hasher)
{
	struct job *job;
	size_t i;

	(void)pthread_mutex_lock(&hasher->lock);
	atomic_store(&hasher->quit, true);
	(void)pthread_cond_broadcast(&hasher->work);
	(void)pthread_mutex_unlock(&hasher->lock);
	for (i = 0; i < hasher->n_started; i++)
		(void)pthread_join(hasher->threads[i].id, NULL);
	while ((job = take(hasher)) != NULL)
		if (job->kind == JOB_TASK)
			task_free(job->owner);
	for (i = 0; hasher->threads != NULL && i < hasher->n_threads; i++) {
		sums_free(hasher->threads[i].sums);
		free(hasher->threads[i].buf);
	}
	for (i = 0; hasher->blocks != NULL && i < hasher->n_blocks; i++)
		free(hasher->blocks[i].data);
	for (i = 0; hasher->longs != NULL && i < hasher->n_longs; i++)
		sums_free(hasher->longs[i].sums);
	free(hasher->threads);
	free(hasher->blocks);
	free(hasher->longs);
	free(hasher->records);
}
