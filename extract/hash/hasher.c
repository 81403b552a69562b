/* SPDX-License-Identifier: Apache-2.0 */
/* hasher.c: the threads of a hasher, and their queue. The rules are in hasher.h. */
#define _POSIX_C_SOURCE 200809L
#include "hash/hasher.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define STACK_BYTES ((size_t)512 << 10)

static const uint8_t zeros[64 << 10];

/* One of the two streams that a thread hashes at a time. */
struct lane {
	struct job *job;   /* NULL: it is free */
	struct sums *sums; /* of the present stream: own, or the long stream's */
	struct sums *own;
	const uint8_t *data; /* that is not added yet */
	size_t n;
	uint64_t zeros; /* that follow */
	/* of a batch */
	size_t at; /* stream */
	/* of a long stream */
	struct block *block; /* whose bytes these are */
	/* of a task */
	uint64_t offset;
	enum kith_status st;
	uint8_t *buf; /* READ_BYTES */
};

struct hasher_thread {
	struct kith_hasher *hasher;
	pthread_t id;
	struct lane lanes[2];
	unsigned n_lanes;
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
	if (hasher->awaited != NULL && (hasher->awaited(hasher) || hasher_head_done(hasher)))
		(void)pthread_cond_signal(&hasher->progress);
}

static void free_block(struct kith_hasher *hasher, struct block *block)
{
	block->next = hasher->free_blocks;
	hasher->free_blocks = block;
	hasher->n_free++;
	progress(hasher);
}

static void record_done(struct kith_hasher *hasher, uint32_t number, enum kith_status st)
{
	struct record *record = hasher_record(hasher, number);

	record->st = st;
	atomic_store_explicit(&record->done, true, memory_order_release);
	progress(hasher);
}

/* ---------------------------------------------------------------- the kinds of job */

/*
 * Each kind has a function that gives its lane more bytes to hash when it has none, and ends what
 * has ended. False: the job has come to its end.
 */

static bool next_of_batch(struct kith_hasher *hasher, struct lane *lane)
{
	struct block *block = lane->job->owner;
	size_t i;

	for (;;) {
		struct kith_digests *digests;

		if (lane->data == NULL && block->n_begun == block->n_streams)
			break;
		if (lane->data == NULL) {
			lane->at = block->n_begun++;
			sums_begin(lane->sums);
			lane->data = block->data + block->streams[lane->at].offset;
			lane->n = block->streams[lane->at].n;
			if (lane->n > 0)
				return true;
		}
		digests = &hasher_record(hasher, block->streams[lane->at].record)->digests;
		digests->size = block->streams[lane->at].n;
		block->streams[lane->at].ok = sums_end(lane->sums, digests);
		lane->data = NULL;
	}
	if (--block->n_lanes > 0)
		return false;
	(void)pthread_mutex_lock(&hasher->lock);
	for (i = 0; i < block->n_streams; i++)
		record_done(hasher, block->streams[i].record,
			    block->streams[i].ok ? KITH_OK : KITH_E_NOMEM);
	free_block(hasher, block);
	(void)pthread_mutex_unlock(&hasher->lock);
	return false;
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

static bool next_of_long(struct kith_hasher *hasher, struct lane *lane)
{
	struct long_stream *stream = lane->job->owner;
	bool ended = false;

	(void)pthread_mutex_lock(&hasher->lock);
	if (lane->block != NULL)
		free_block(hasher, lane->block);
	lane->block = stream->first;
	if (lane->block == NULL) {
		ended = stream->ended; /* nothing activates it again */
		stream->active = ended;
	} else {
		stream->first = lane->block->next;
		if (stream->first == NULL)
			stream->last = NULL;
	}
	(void)pthread_mutex_unlock(&hasher->lock);
	if (ended)
		end_long(hasher, stream);
	if (lane->block == NULL)
		return false;
	lane->data = lane->block->data;
	lane->n = lane->block->n;
	lane->zeros = lane->block->zeros;
	if (atomic_load(&stream->dropped)) /* nobody wants it any more */
		lane->n = 0, lane->zeros = 0;
	return true;
}

static void task_free(struct task *task)
{
	kith_blob_done(&task->blob);
	free(task);
}

static bool next_of_task(struct kith_hasher *hasher, struct lane *lane)
{
	struct task *task = lane->job->owner;
	struct kith_digests *digests = &hasher_record(hasher, task->record)->digests;

	if (lane->st >= 0 && lane->offset < task->blob.size) {
		lane->st = kith_blob_read_some(&task->blob, lane->offset, lane->buf, READ_BYTES,
					       &lane->n, NULL);
		lane->data = lane->buf;
		lane->offset += lane->n;
		if (lane->st >= 0)
			return true;
		lane->n = 0;
	}
	if (!sums_end(lane->sums, digests) && lane->st >= 0)
		lane->st = KITH_E_NOMEM;
	digests->size = task->blob.size;
	(void)pthread_mutex_lock(&hasher->lock);
	record_done(hasher, task->record, lane->st);
	atomic_fetch_sub(&hasher->extents_queued, task->blob.n_extents);
	progress(hasher);
	(void)pthread_mutex_unlock(&hasher->lock);
	task_free(task);
	return false;
}

/* ---------------------------------------------------------------------------- lanes */

static void take_job(struct lane *lane, struct job *job)
{
	lane->job = job;
	lane->sums = lane->own;
	lane->data = NULL;
	lane->n = 0;
	lane->zeros = 0;
	lane->at = 0;
	lane->block = NULL;
	lane->offset = 0;
	lane->st = KITH_OK;
	if (job->kind == JOB_BATCH)
		((struct block *)job->owner)->n_lanes++;
	else if (job->kind == JOB_LONG)
		lane->sums = ((struct long_stream *)job->owner)->sums;
	else if (job->kind == JOB_TASK)
		sums_begin(lane->sums);
}

static bool next_of_job(struct kith_hasher *hasher, struct lane *lane)
{
	switch (lane->job->kind) {
	case JOB_BATCH: return next_of_batch(hasher, lane);
	case JOB_LONG: return next_of_long(hasher, lane);
	case JOB_TASK: break;
	}
	return next_of_task(hasher, lane);
}

/* Makes the lane have bytes, or be free. */
static void refill(struct kith_hasher *hasher, struct lane *lane)
{
	while (lane->job != NULL && lane->n == 0) {
		if (lane->zeros > 0) {
			lane->data = zeros;
			lane->n = lane->zeros < sizeof zeros ? (size_t)lane->zeros : sizeof zeros;
			lane->zeros -= lane->n;
		} else if (!next_of_job(hasher, lane)) {
			lane->job = NULL;
		}
	}
}

static void added(struct lane *lane, size_t n)
{
	lane->data += n;
	lane->n -= n;
}

/* Whole blocks of two streams beside each other, while there are; the rest alone. */
static void hash_some(struct lane *a, struct lane *b)
{
	size_t n = 0;

	if (a->job != NULL && b->job != NULL)
		n = (a->n < b->n ? a->n : b->n) / SUM_BLOCK * SUM_BLOCK;
	if (n > 0) {
		sums_add_two(a->sums, a->data, n, b->sums, b->data, n);
		added(a, n);
		added(b, n);
		return;
	}
	if (a->job == NULL || (b->job != NULL && b->n < a->n))
		a = b;
	sums_add(a->sums, a->data, a->n);
	added(a, a->n);
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

/*
 * A job for each free lane; waits for one when all are free. Two streams on one thread are as fast
 * as on two, and leave the other processor to others. Without a second job the streams of a batch
 * are shared by both lanes.
 */
static void fill_lanes(struct hasher_thread *thread)
{
	struct kith_hasher *hasher = thread->hasher;
	unsigned i, busy = 0;

	(void)pthread_mutex_lock(&hasher->lock);
	for (;;) {
		for (i = 0; i < thread->n_lanes; i++) {
			struct lane *lane = &thread->lanes[i];
			struct job *job = lane->job == NULL ? take(hasher) : NULL;

			if (job != NULL)
				take_job(lane, job);
			if (lane->job != NULL)
				busy++;
		}
		if (busy > 0 || atomic_load(&hasher->quit))
			break;
		atomic_fetch_add(&hasher->idle, 1);
		(void)pthread_cond_wait(&hasher->work, &hasher->lock);
		atomic_fetch_sub(&hasher->idle, 1);
	}
	(void)pthread_mutex_unlock(&hasher->lock);
	for (i = 0; busy == 1 && i < thread->n_lanes; i++) {
		struct lane *lane = &thread->lanes[i];
		struct job *other = thread->lanes[1 - i].job;

		if (lane->job == NULL && other != NULL && other->kind == JOB_BATCH)
			take_job(lane, other);
	}
}

static void *run(void *user)
{
	struct hasher_thread *thread = user;
	struct kith_hasher *hasher = thread->hasher;
	struct lane *a = &thread->lanes[0], *b = &thread->lanes[1];

	while (!atomic_load(&hasher->quit)) {
		if (a->job == NULL || b->job == NULL)
			fill_lanes(thread);
		refill(hasher, a);
		refill(hasher, b);
		if (a->job != NULL || b->job != NULL)
			hash_some(a, b);
	}
	return NULL;
}

static bool make_blocks(struct kith_hasher *hasher)
{
	size_t i;

	/* One that is filled, and four for each thread, so that none waits for the caller. */
	hasher->n_blocks = 3 + 4 * (size_t)hasher->n_threads;
	hasher->blocks = calloc(hasher->n_blocks, sizeof *hasher->blocks);
	for (i = 0; hasher->blocks != NULL && i < hasher->n_blocks; i++) {
		struct block *block = &hasher->blocks[i];

		block->data = malloc(BLOCK_BYTES);
		if (block->data == NULL)
			return false;
		block->job = (struct job){NULL, JOB_BATCH, block};
		block->next = hasher->free_blocks;
		hasher->free_blocks = block;
		hasher->n_free++;
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

static bool make_lanes(struct hasher_thread *thread)
{
	unsigned i;

	for (i = 0; i < thread->n_lanes; i++) {
		struct lane *lane = &thread->lanes[i];

		lane->own = sums_new(thread->hasher->methods);
		lane->buf = malloc(READ_BYTES);
		if (lane->own == NULL || lane->buf == NULL)
			return false;
	}
	return true;
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
		thread->n_lanes = sums_two_pay(hasher->methods) ? 2 : 1;
		if (!make_lanes(thread))
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

static void free_lanes(struct hasher_thread *thread)
{
	unsigned i;

	for (i = 0; i < thread->n_lanes; i++) {
		struct lane *lane = &thread->lanes[i];

		if (lane->job != NULL && lane->job->kind == JOB_TASK) /* it was not finished */
			task_free(lane->job->owner);
		sums_free(lane->own);
		free(lane->buf);
	}
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
		free_lanes(&hasher->threads[i]);
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
