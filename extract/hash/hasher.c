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

static void activate(struct kith_hasher *hasher, struct chain *chain)
{
	if (chain->active)
		return;
	chain->active = true;
	hasher_queue(hasher, &chain->job);
}

void hasher_queue_piece(struct kith_hasher *hasher, struct long_stream *stream, struct block *block)
{
	unsigned i;

	block->refs = hasher->n_chains;
	for (i = 0; i < hasher->n_chains; i++) {
		struct chain *chain = &stream->chains[i];

		block->next[i] = NULL;
		if (chain->last == NULL)
			chain->first = block;
		else
			chain->last->next[i] = block;
		chain->last = block;
		activate(hasher, chain);
	}
}

void hasher_queue_end(struct kith_hasher *hasher, struct long_stream *stream)
{
	unsigned i;

	stream->ended = true;
	for (i = 0; i < hasher->n_chains; i++)
		activate(hasher, &stream->chains[i]);
}

/* The lock is held, for these. */

static void progress(struct kith_hasher *hasher)
{
	if (hasher->caller_waits)
		(void)pthread_cond_signal(&hasher->progress);
}

static void free_block(struct kith_hasher *hasher, struct block *block)
{
	block->next[0] = hasher->free_blocks;
	hasher->free_blocks = block;
	progress(hasher);
}

static void part_done(struct kith_hasher *hasher, uint32_t number, enum kith_status st)
{
	struct record *record = hasher_record(hasher, number);

	if (st < 0)
		record->st = st;
	if (--record->parts > 0)
		return;
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

		sums_begin(thread->sums, SUM_ALL);
		sums_add(thread->sums, SUM_ALL, block->data + block->streams[i].offset,
			 block->streams[i].n);
		digests->size = block->streams[i].n;
		ok[i] = sums_end(thread->sums, SUM_ALL, digests);
	}
	(void)pthread_mutex_lock(&hasher->lock);
	for (i = 0; i < block->n_streams; i++)
		part_done(hasher, block->streams[i].record, ok[i] ? KITH_OK : KITH_E_NOMEM);
	free_block(hasher, block);
	(void)pthread_mutex_unlock(&hasher->lock);
}

static void end_chain(struct kith_hasher *hasher, struct chain *chain)
{
	struct long_stream *stream = chain->of;
	bool ok = true;

	if (!stream->dropped) {
		struct kith_digests *digests = &hasher_record(hasher, stream->record)->digests;

		ok = sums_end(stream->sums, chain->job.mask, digests);
		if (chain->index == 0)
			digests->size = stream->size;
	}
	(void)pthread_mutex_lock(&hasher->lock);
	if (!stream->dropped)
		part_done(hasher, stream->record, ok ? KITH_OK : KITH_E_NOMEM);
	if (--stream->n_open == 0) {
		stream->next = hasher->free_longs;
		hasher->free_longs = stream;
		progress(hasher);
	}
	(void)pthread_mutex_unlock(&hasher->lock);
}

/* Zeros can be many: it looks up now and then. */
static void hash_piece(struct kith_hasher *hasher, struct chain *chain, const struct block *block)
{
	struct long_stream *stream = chain->of;
	uint64_t left = block->zeros;

	if (!atomic_load(&stream->dropped))
		sums_add(stream->sums, chain->job.mask, block->data, block->n);
	while (left > 0 && !atomic_load(&stream->dropped) && !atomic_load(&hasher->quit)) {
		uint64_t now = left < ZEROS_BYTES ? left : ZEROS_BYTES;

		sums_add_zeros(stream->sums, chain->job.mask, now);
		left -= now;
	}
}

static void run_chain(struct kith_hasher *hasher, struct chain *chain)
{
	(void)pthread_mutex_lock(&hasher->lock);
	while (chain->first != NULL) {
		struct block *block = chain->first;

		chain->first = block->next[chain->index];
		if (chain->first == NULL)
			chain->last = NULL;
		(void)pthread_mutex_unlock(&hasher->lock);
		hash_piece(hasher, chain, block);
		(void)pthread_mutex_lock(&hasher->lock);
		if (--block->refs == 0)
			free_block(hasher, block);
	}
	chain->active = chain->of->ended; /* once it has ended nothing activates it again */
	if (!chain->active) {
		(void)pthread_mutex_unlock(&hasher->lock);
		return;
	}
	(void)pthread_mutex_unlock(&hasher->lock);
	end_chain(hasher, chain);
}

static void task_unref(struct task *task)
{
	if (--task->refs > 0)
		return;
	kith_blob_done(&task->blob);
	free(task);
}

static void run_task(struct hasher_thread *thread, struct task *task, unsigned mask)
{
	struct kith_hasher *hasher = thread->hasher;
	struct kith_digests *digests = &hasher_record(hasher, task->record)->digests;
	enum kith_status st = KITH_OK;
	uint64_t at = 0;
	size_t extents = task->blob.n_extents;

	sums_begin(thread->sums, mask);
	while (st >= 0 && at < task->blob.size && !atomic_load(&hasher->quit)) {
		size_t n;

		st = kith_blob_read_some(&task->blob, at, thread->buf, READ_BYTES, &n, NULL);
		if (st >= 0)
			sums_add(thread->sums, mask, thread->buf, n);
		at += n;
	}
	if (!sums_end(thread->sums, mask, digests) && st >= 0)
		st = KITH_E_NOMEM;
	if ((mask & SUM_SHA256) != 0)
		digests->size = task->blob.size;
	(void)pthread_mutex_lock(&hasher->lock);
	part_done(hasher, task->record, st);
	if (task->refs == 1) {
		atomic_fetch_sub(&hasher->extents_queued, extents);
		progress(hasher);
	}
	task_unref(task);
	(void)pthread_mutex_unlock(&hasher->lock);
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
		case JOB_CHAIN: run_chain(hasher, job->owner); break;
		case JOB_TASK: run_task(thread, job->owner, job->mask); break;
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
		block->job = (struct job){NULL, JOB_BATCH, SUM_ALL, block};
		block->next[0] = hasher->free_blocks;
		hasher->free_blocks = block;
	}
	return hasher->blocks != NULL;
}

static bool make_longs(struct kith_hasher *hasher)
{
	static const unsigned masks[CHAINS] = {SUM_SHA256 | SUM_SHA1, SUM_MD5};
	size_t i;
	unsigned c;

	hasher->n_chains = hasher->n_threads >= 2 ? 2 : 1;
	hasher->n_longs = (size_t)hasher->n_threads + 1;
	hasher->longs = calloc(hasher->n_longs, sizeof *hasher->longs);
	for (i = 0; hasher->longs != NULL && i < hasher->n_longs; i++) {
		struct long_stream *stream = &hasher->longs[i];

		stream->sums = sums_new(hasher->methods);
		if (stream->sums == NULL)
			return false;
		for (c = 0; c < CHAINS; c++) {
			struct chain *chain = &stream->chains[c];

			chain->job = (struct job){
			    NULL, JOB_CHAIN, hasher->n_chains == 1 ? SUM_ALL : masks[c], chain};
			chain->of = stream;
			chain->index = c;
		}
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
			task_unref(job->owner);
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
