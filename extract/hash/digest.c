/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.c: the caller's side of a hasher. Short streams are copied into a block one behind the
 * other and handed over together, so that a thread is woken once for many of them; one that does
 * not fit becomes a long stream and gets blocks of its own.
 */
#define _POSIX_C_SOURCE 200809L
#include "hash/digest.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "hash/hasher.h"

/* A stream in a file up to this size is read by the caller: cheaper than to hand it over. */
#define READ_HERE ((uint64_t)32 << 10)
/* So much is handed over before the block is full, when a thread sleeps. */
#define EARLY_BYTES   ((size_t)32 << 10)
#define EARLY_STREAMS ((size_t)64)

enum kith_status kith_hasher_new(unsigned threads, kith_hashed_fn done, void *hasher_user,
				 struct kith_hasher **ret, struct kith_err *err)
{
	return hasher_new(sum_methods_new(SUM_ALL), threads, done, hasher_user, ret, err);
}

enum kith_status hasher_new(struct sum_methods *methods, unsigned threads, kith_hashed_fn done,
			    void *hasher_user, struct kith_hasher **ret, struct kith_err *err)
{
	struct kith_hasher *hasher = calloc(1, sizeof *hasher);
	enum kith_status st = KITH_OK;

	if (hasher == NULL) {
		sum_methods_free(methods);
		return kith_fail_nomem(err);
	}
	hasher->done = done;
	hasher->user = hasher_user;
	(void)pthread_mutex_init(&hasher->lock, NULL);
	(void)pthread_cond_init(&hasher->work, NULL);
	(void)pthread_cond_init(&hasher->progress, NULL);
	hasher->methods = methods;
	if (threads > 64) {
		st = kith_fail(err, KITH_E_ARG, "%u threads", threads);
		goto out;
	}
	if (methods == NULL) {
		st = kith_fail(err, KITH_E_UNSUPPORTED,
			       "libcrypto does not offer SHA-256, SHA-1 and MD5");
		goto out;
	}
	hasher->sums = sums_new(methods);
	if (hasher->sums == NULL)
		st = kith_fail_nomem(err);
	else if (threads > 0)
		st = hasher_start(hasher, threads, err);
out:
	if (st < 0)
		kith_hasher_free(hasher);
	else
		*ret = hasher;
	return st;
}

void kith_hasher_free(struct kith_hasher *hasher)
{
	if (hasher == NULL)
		return;
	if (hasher->n_threads > 0)
		hasher_stop(hasher);
	sums_free(hasher->sums);
	sum_methods_free(hasher->methods);
	(void)pthread_cond_destroy(&hasher->progress);
	(void)pthread_cond_destroy(&hasher->work);
	(void)pthread_mutex_destroy(&hasher->lock);
	free(hasher);
}

/* ------------------------------------------------------------------------- results */

static enum kith_status deliver(struct kith_hasher *hasher, struct kith_err *err)
{
	enum kith_status st = KITH_OK;

	while (st >= 0 && hasher_head_done(hasher)) {
		const struct record *record = hasher_record(hasher, hasher->head);

		hasher->head++; /* before: a failing callback has had it */
		st = hasher->done(hasher->user, record->user, record->st, &record->digests, err);
	}
	return st < 0 ? st : KITH_OK;
}

/* There is room: see make_room. */
static uint32_t new_record(struct kith_hasher *hasher, void *user)
{
	struct record *record = hasher_record(hasher, hasher->tail);

	record->user = user;
	record->st = KITH_OK;
	atomic_store_explicit(&record->done, false, memory_order_relaxed);
	return hasher->tail++;
}

/* Delivers what is ready until `ready`, which is asked with the lock held. */
static enum kith_status wait_until(struct kith_hasher *hasher,
				   bool (*ready)(const struct kith_hasher *hasher),
				   struct kith_err *err)
{
	for (;;) {
		enum kith_status st = deliver(hasher, err);
		bool is_ready;

		if (st < 0)
			return st;
		(void)pthread_mutex_lock(&hasher->lock);
		is_ready = ready(hasher);
		if (!is_ready && !hasher_head_done(hasher)) {
			hasher->awaited = ready;
			(void)pthread_cond_wait(&hasher->progress, &hasher->lock);
			hasher->awaited = NULL;
		}
		(void)pthread_mutex_unlock(&hasher->lock);
		if (is_ready)
			return KITH_OK;
	}
}

static bool has_block(const struct kith_hasher *hasher)
{
	return hasher->n_free > 0;
}

/* Who has waited for one block would wait for the next one, too: to be woken for each costs more
 * than to copy it. */
static bool has_blocks(const struct kith_hasher *hasher)
{
	return hasher->n_free >= hasher->n_blocks / 2;
}

static bool has_long(const struct kith_hasher *hasher)
{
	return hasher->free_longs != NULL;
}

static bool has_record(const struct kith_hasher *hasher)
{
	return hasher->tail - hasher->head < RECORDS;
}

static bool has_extents(const struct kith_hasher *hasher)
{
	return atomic_load(&hasher->extents_queued) < EXTENTS_QUEUED;
}

static bool is_empty(const struct kith_hasher *hasher)
{
	return hasher->head == hasher->tail;
}

/* -------------------------------------------------------------------------- blocks */

static enum kith_status new_block(struct kith_hasher *hasher, struct block **ret,
				  struct kith_err *err)
{
	enum kith_status st;
	bool any;

	(void)pthread_mutex_lock(&hasher->lock);
	any = has_block(hasher);
	(void)pthread_mutex_unlock(&hasher->lock);
	st = any ? deliver(hasher, err) : wait_until(hasher, has_blocks, err);
	if (st < 0)
		return st;
	(void)pthread_mutex_lock(&hasher->lock);
	*ret = hasher->free_blocks;
	hasher->free_blocks = (*ret)->next;
	hasher->n_free--;
	(void)pthread_mutex_unlock(&hasher->lock);
	(*ret)->n = (*ret)->n_streams = (*ret)->n_begun = 0;
	(*ret)->n_lanes = 0;
	(*ret)->zeros = 0;
	return KITH_OK;
}

/* Hands the short streams of the current block over; none is open. */
static void send_batch(struct kith_hasher *hasher)
{
	if (hasher->current == NULL || hasher->current->n_streams == 0)
		return;
	(void)pthread_mutex_lock(&hasher->lock);
	hasher_queue(hasher, &hasher->current->job);
	(void)pthread_mutex_unlock(&hasher->lock);
	hasher->current = NULL;
}

static void send_piece(struct kith_hasher *hasher)
{
	(void)pthread_mutex_lock(&hasher->lock);
	hasher_queue_piece(hasher, hasher->open_long, hasher->current);
	(void)pthread_mutex_unlock(&hasher->lock);
	hasher->current = NULL;
}

/* A place for one more result; what waits in the current block must not be waited for. */
static enum kith_status make_room(struct kith_hasher *hasher,
				  bool (*ready)(const struct kith_hasher *hasher),
				  struct kith_err *err)
{
	enum kith_status st = deliver(hasher, err);

	if (st < 0 || ready(hasher))
		return st;
	send_batch(hasher);
	return wait_until(hasher, ready, err);
}

/* Gives the open short stream a block of its own; those before it are handed over. */
static enum kith_status set_apart(struct kith_hasher *hasher, struct kith_err *err)
{
	struct block *block = hasher->current, *own = NULL;
	enum kith_status st = new_block(hasher, &own, err);

	if (st < 0)
		return st;
	own->n = block->n - hasher->open_at;
	memcpy(own->data, block->data + hasher->open_at, own->n);
	send_batch(hasher);
	hasher->current = own;
	hasher->open_at = 0;
	return KITH_OK;
}

/* Makes the open short stream, which has a block of its own, a long one. */
static enum kith_status lengthen(struct kith_hasher *hasher, struct kith_err *err)
{
	struct long_stream *stream;
	enum kith_status st = wait_until(hasher, has_long, err);

	if (st < 0)
		return st;
	(void)pthread_mutex_lock(&hasher->lock);
	stream = hasher->free_longs;
	hasher->free_longs = stream->next;
	stream->ended = stream->active = false;
	(void)pthread_mutex_unlock(&hasher->lock);
	atomic_store(&stream->dropped, false);
	sums_begin(stream->sums);
	hasher->open_long = stream;
	return KITH_OK;
}

/* Makes room for at least one byte, for all `n` where that needs no more than a block, in the
 * current block. */
static enum kith_status room(struct kith_hasher *hasher, uint64_t n, struct kith_err *err)
{
	enum kith_status st = KITH_OK;

	if (hasher->current != NULL && n > BLOCK_BYTES - hasher->current->n) {
		if (hasher->open_long == NULL && hasher->current->n_streams > 0)
			return set_apart(hasher, err);
		if (hasher->current->n < BLOCK_BYTES)
			return KITH_OK;
		if (hasher->open_long == NULL)
			st = lengthen(hasher, err);
		if (st >= 0)
			send_piece(hasher);
	}
	if (st >= 0 && hasher->current == NULL)
		st = new_block(hasher, &hasher->current, err);
	return st;
}

/* ------------------------------------------------------------------- pushed streams */

enum kith_status kith_hasher_begin(struct kith_hasher *hasher, void *stream_user,
				   struct kith_err *err)
{
	/* cppcheck-suppress unreadVariable */
	enum kith_status st = KITH_OK;

	if (hasher->open)
		return kith_fail(err, KITH_E_ARG, "a stream is begun already");
	if (hasher->n_threads > 0) {
		if (hasher->current != NULL && hasher->current->n_streams == BLOCK_STREAMS)
			send_batch(hasher);
		st = make_room(hasher, has_record, err);
		if (st >= 0 && hasher->current == NULL)
			st = new_block(hasher, &hasher->current, err);
		if (st < 0)
			return st;
		hasher->open_at = hasher->current->n;
		hasher->open_long = NULL;
	} else {
		sums_begin(hasher->sums);
	}
	hasher->open = true;
	hasher->open_user = stream_user;
	hasher->open_size = 0;
	return KITH_OK;
}

enum kith_status kith_hasher_add(struct kith_hasher *hasher, const void *data, size_t n,
				 struct kith_err *err)
{
	const uint8_t *p = data;

	if (!hasher->open)
		return kith_fail(err, KITH_E_ARG, "no stream is begun");
	hasher->open_size += n;
	if (hasher->n_threads == 0) {
		sums_add(hasher->sums, p, n);
		return KITH_OK;
	}
	while (n > 0) {
		enum kith_status st = room(hasher, n, err);
		struct block *block = hasher->current;
		size_t now;

		if (st < 0) {
			kith_hasher_drop(hasher); /* it lacks bytes: never to be ended */
			return st;
		}
		now = BLOCK_BYTES - block->n < n ? BLOCK_BYTES - block->n : n;
		memcpy(block->data + block->n, p, now);
		block->n += now;
		p += now;
		n -= now;
	}
	return KITH_OK;
}

enum kith_status kith_hasher_space(struct kith_hasher *hasher, uint64_t n, void **ret,
				   size_t *ret_n, struct kith_err *err)
{
	enum kith_status st;

	if (!hasher->open)
		return kith_fail(err, KITH_E_ARG, "no stream is begun");
	*ret = NULL;
	*ret_n = 0;
	if (hasher->n_threads == 0)
		return KITH_OK;
	st = room(hasher, n, err);
	if (st < 0) {
		kith_hasher_drop(hasher);
		return st;
	}
	*ret = hasher->current->data + hasher->current->n;
	*ret_n = BLOCK_BYTES - hasher->current->n;
	return KITH_OK;
}

void kith_hasher_filled(struct kith_hasher *hasher, size_t n)
{
	hasher->open_size += n;
	hasher->current->n += n;
}

enum kith_status kith_hasher_add_zeros(struct kith_hasher *hasher, uint64_t n, struct kith_err *err)
{
	enum kith_status st = KITH_OK;

	if (!hasher->open)
		return kith_fail(err, KITH_E_ARG, "no stream is begun");
	hasher->open_size += n;
	if (hasher->n_threads == 0) {
		sums_add_zeros(hasher->sums, n);
		return KITH_OK;
	}
	if (n == 0)
		return KITH_OK;
	st = room(hasher, n, err);
	if (st >= 0 && n <= BLOCK_BYTES - hasher->current->n) {
		memset(hasher->current->data + hasher->current->n, 0, (size_t)n);
		hasher->current->n += (size_t)n;
		return KITH_OK;
	}
	if (st >= 0 && hasher->open_long == NULL)
		st = lengthen(hasher, err);
	if (st < 0) {
		kith_hasher_drop(hasher);
		return st;
	}
	hasher->current->zeros = n; /* only their number is handed over */
	send_piece(hasher);
	return KITH_OK;
}

static void end_long(struct kith_hasher *hasher, bool dropped)
{
	struct long_stream *stream = hasher->open_long;

	(void)pthread_mutex_lock(&hasher->lock);
	atomic_store(&stream->dropped, dropped);
	if (!dropped) {
		stream->size = hasher->open_size;
		stream->record = new_record(hasher, hasher->open_user);
		if (hasher->current != NULL) {
			hasher_queue_piece(hasher, stream, hasher->current);
			hasher->current = NULL;
		}
	} else if (hasher->current != NULL) {
		hasher->current->n = 0;
	}
	hasher_queue_end(hasher, stream);
	(void)pthread_mutex_unlock(&hasher->lock);
	hasher->open_long = NULL;
}

static enum kith_status end_here(struct kith_hasher *hasher, struct kith_err *err)
{
	struct kith_digests digests;
	enum kith_status st = KITH_OK;

	digests.size = hasher->open_size;
	if (!sums_end(hasher->sums, &digests))
		st = KITH_E_NOMEM;
	st = hasher->done(hasher->user, hasher->open_user, st, &digests, err);
	return st < 0 ? st : KITH_OK;
}

enum kith_status kith_hasher_end(struct kith_hasher *hasher, struct kith_err *err)
{
	struct block *block = hasher->current;
	size_t i;

	if (!hasher->open)
		return kith_fail(err, KITH_E_ARG, "no stream is begun");
	hasher->open = false;
	if (hasher->n_threads == 0)
		return end_here(hasher, err);
	if (hasher->open_long != NULL) {
		end_long(hasher, false);
		return deliver(hasher, err);
	}
	i = block->n_streams++;
	block->streams[i].record = new_record(hasher, hasher->open_user);
	block->streams[i].offset = (uint32_t)hasher->open_at;
	block->streams[i].n = (uint32_t)(block->n - hasher->open_at);
	if (block->n_streams == BLOCK_STREAMS || block->n == BLOCK_BYTES ||
	    ((block->n >= EARLY_BYTES || block->n_streams >= EARLY_STREAMS) &&
	     atomic_load_explicit(&hasher->idle, memory_order_relaxed) > 0))
		send_batch(hasher);
	return deliver(hasher, err);
}

void kith_hasher_drop(struct kith_hasher *hasher)
{
	if (!hasher->open)
		return;
	hasher->open = false;
	if (hasher->n_threads == 0)
		return;
	if (hasher->open_long != NULL)
		end_long(hasher, true);
	else if (hasher->current != NULL)
		hasher->current->n = hasher->open_at;
}

/* ------------------------------------------------------------------ streams in files */

/* As a pushed stream. A read that fails is told to `done`, in its turn. */
static enum kith_status hash_here(struct kith_hasher *hasher, void *stream_user,
				  const struct kith_blob *blob, struct kith_err *err)
{
	uint8_t buf[16 << 10];
	enum kith_status st = kith_hasher_begin(hasher, stream_user, err), read_st = KITH_OK;
	uint64_t at = 0;
	size_t n;

	while (st >= 0 && at < blob->size) {
		read_st = kith_blob_read_some(blob, at, buf, sizeof buf, &n, NULL);
		if (read_st < 0)
			break;
		st = kith_hasher_add(hasher, buf, n, err);
		at += n;
	}
	if (st < 0) {
		kith_hasher_drop(hasher);
		return st;
	}
	if (read_st < 0) {
		static const struct kith_digests none;
		struct record *record;

		kith_hasher_drop(hasher);
		if (hasher->n_threads == 0) {
			st = hasher->done(hasher->user, stream_user, read_st, &none, err);
			return st < 0 ? st : KITH_OK;
		}
		record = hasher_record(hasher, new_record(hasher, stream_user));
		record->st = read_st;
		record->digests = none;
		atomic_store_explicit(&record->done, true, memory_order_release);
		return deliver(hasher, err);
	}
	return kith_hasher_end(hasher, err);
}

enum kith_status kith_hasher_blob(struct kith_hasher *hasher, void *stream_user,
				  const struct kith_blob *blob, struct kith_err *err)
{
	const struct kith_extent all = {0, blob->size};
	struct task *task;
	enum kith_status st;

	if (hasher->open)
		return kith_fail(err, KITH_E_ARG, "a stream is begun already");
	if (hasher->n_threads == 0 || blob->size <= READ_HERE || blob->read != NULL)
		return hash_here(hasher, stream_user, blob, err);
	st = make_room(hasher, has_record, err);
	if (st < 0)
		return st;
	task = calloc(1, sizeof *task);
	if (task == NULL)
		return kith_fail_nomem(err);
	st = kith_blob_parts(&task->blob, blob, &all, 1, err);
	if (st >= 0)
		st = make_room(hasher, has_extents, err);
	if (st < 0) {
		kith_blob_done(&task->blob);
		free(task);
		return st;
	}
	task->job = (struct job){NULL, JOB_TASK, task};
	(void)pthread_mutex_lock(&hasher->lock);
	task->record = new_record(hasher, stream_user);
	atomic_fetch_add(&hasher->extents_queued, task->blob.n_extents);
	hasher_queue(hasher, &task->job);
	(void)pthread_mutex_unlock(&hasher->lock);
	return deliver(hasher, err);
}

enum kith_status kith_hasher_flush(struct kith_hasher *hasher, struct kith_err *err)
{
	if (hasher->n_threads == 0)
		return KITH_OK;
	if (hasher->open)
		return kith_fail(err, KITH_E_ARG, "a stream is begun");
	send_batch(hasher);
	return wait_until(hasher, is_empty, err);
}
