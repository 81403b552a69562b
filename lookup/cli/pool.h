/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h: threads that work on jobs and deliver them in the order in which they were submitted.
 *
 * One thread (the caller) takes an empty job, fills it and submits it. `work` runs in any thread;
 * `deliver` runs for one job at a time, in order. Jobs are used again, so memory is bounded by
 * their number.
 */
#ifndef KITH_CLI_POOL_H
#define KITH_CLI_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kith_pool;

struct kith_pool_ops {
	size_t job_size; /* each job is so many bytes, zeroed at first */
	/* thread: 0 .. n_threads - 1. turn: for kith_pool_wait_turn. */
	void (*work)(void *job, unsigned thread, uint64_t turn, void *user);
	bool (*deliver)(void *job, void *user); /* false: stop taking jobs */
	void (*done)(void *job);                /* releases what the job has */
};

/* n_threads: at least 1. NULL: out of memory or no thread could start. */
struct kith_pool *kith_pool_new(unsigned n_threads, const struct kith_pool_ops *ops, void *user);

/* An empty job; waits for one. NULL: a delivery asked to stop. */
void *kith_pool_take(struct kith_pool *pool);
/* Hands over the job that was taken last. */
void kith_pool_submit(struct kith_pool *pool);
/* From `work`: returns when it is this job's turn to be delivered, so that it may write early. */
void kith_pool_wait_turn(struct kith_pool *pool, uint64_t turn);

/* Waits until everything is delivered, and releases the pool. NULL is accepted. */
void kith_pool_finish(struct kith_pool *pool);

/* Cores that this process may use, at most KITH_POOL_THREADS. */
#define KITH_POOL_THREADS 64
unsigned kith_pool_cores(void);

#endif
