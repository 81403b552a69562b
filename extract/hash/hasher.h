/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hasher.h: what the caller's side (digest.c) and the threads (hasher.c) of a hasher share.
 *
 *   record   the result of one ended stream; a ring in the order of ends, delivered by the caller
 *   block    128 KiB of bytes that were pushed: either several whole short streams, or one piece of
 *            a long one
 *   long     the running digests of a pushed stream that did not fit into one block, and the
 *            blocks of it that wait
 *   task     a stream that lies in a file
 *   job      a batch block, a long stream that has blocks, or a task, in the queue of the threads
 *
 * What must hold: everything below `lock` is touched with the lock held; a job's content by the one
 * thread that took it. A long stream is in the queue or in a thread's hands at most once
 * (`active`), so that its blocks are hashed in order. Threads never wait for the caller. Memory is
 * fixed at the start, but for the extents of tasks, which are bounded.
 */
#ifndef KITH_EXTRACT_HASHER_H
#define KITH_EXTRACT_HASHER_H

#include <pthread.h>
#include <stdatomic.h>

#include "hash/digest.h"
#include "hash/sums.h"

#define BLOCK_BYTES    ((size_t)128 << 10)
#define BLOCK_STREAMS  ((size_t)256)       /* whole streams in one block */
#define RECORDS        ((size_t)1024)      /* ended and not yet delivered; a power of 2 */
#define READ_BYTES     ((size_t)256 << 10) /* of a task at a time */
#define EXTENTS_QUEUED ((size_t)128 << 10) /* 3 MiB of them in all tasks that wait */

struct record {
	void *user;
	struct kith_digests digests;
	enum kith_status st;
	atomic_bool done; /* set last: then the record is the caller's */
};

struct job {
	struct job *next;
	enum job_kind { JOB_BATCH, JOB_LONG, JOB_TASK } kind;
	void *owner; /* block, long stream or task */
};

struct block {
	struct job job;
	uint8_t *data; /* BLOCK_BYTES */
	size_t n;
	uint64_t zeros;     /* that follow the n bytes; of a piece only */
	struct block *next; /* of the stream's, or of the free ones */
	size_t n_streams, n_begun;
	unsigned n_lanes; /* of a thread, that hash its streams */
	struct {
		uint32_t record, offset, n;
		bool ok;
	} streams[BLOCK_STREAMS];
};

struct long_stream {
	struct job job;
	struct sums *sums;
	struct block *first, *last;
	bool active, ended;
	atomic_bool dropped; /* nobody wants it any more */
	uint32_t record;     /* once ended */
	uint64_t size;
	struct long_stream *next;
};

struct task {
	struct job job;
	struct kith_blob blob; /* owned */
	uint32_t record;
};

struct kith_hasher {
	kith_hashed_fn done;
	void *user;
	struct sum_methods *methods;
	struct sums *sums; /* the caller's own: with 0 threads */

	/* The caller's alone. */
	bool open; /* a pushed stream is begun */
	void *open_user;
	uint64_t open_size;
	struct block *current;         /* being filled, or NULL */
	size_t open_at;                /* in current, while the open stream is short */
	struct long_stream *open_long; /* NULL: it is short */
	uint32_t head, tail;           /* of records; they only grow */
	struct record *records;

	unsigned n_threads, n_started;
	struct hasher_thread *threads;
	struct block *blocks;
	size_t n_blocks;
	struct long_stream *longs;
	size_t n_longs;
	atomic_uint idle; /* threads that sleep; read without the lock as a hint */
	atomic_bool quit;
	atomic_size_t extents_queued; /* of tasks */

	pthread_mutex_t lock;
	pthread_cond_t work, progress;
	bool (*awaited)(const struct kith_hasher *); /* by the caller; NULL: it does not wait */
	struct job *first, *last;
	struct block *free_blocks;
	size_t n_free;
	struct long_stream *free_longs;
};

/* digest.c: kith_hasher_new() with these methods, which it takes over. NULL: there are none. */
enum kith_status hasher_new(struct sum_methods *methods, unsigned threads, kith_hashed_fn done,
			    void *hasher_user, struct kith_hasher **ret, struct kith_err *err);

/* hasher.c. With an error everything is undone by hasher_stop. */
enum kith_status hasher_start(struct kith_hasher *hasher, unsigned threads, struct kith_err *err);
void hasher_stop(struct kith_hasher *hasher);

/* The lock is held. */
void hasher_queue(struct kith_hasher *hasher, struct job *job);
void hasher_queue_piece(struct kith_hasher *hasher, struct long_stream *stream,
			struct block *block);
void hasher_queue_end(struct kith_hasher *hasher, struct long_stream *stream);

static inline struct record *hasher_record(struct kith_hasher *hasher, uint32_t number)
{
	return &hasher->records[number % RECORDS];
}

/* The next result to be delivered is there. */
static inline bool hasher_head_done(const struct kith_hasher *hasher)
{
	return hasher->head != hasher->tail &&
	       atomic_load_explicit(&hasher->records[hasher->head % RECORDS].done,
				    memory_order_acquire);
}

#endif
