/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

struct kith_pool {
	const struct kith_pool_ops *ops;
	void *user;
	pthread_mutex_t lock;
	pthread_cond_t has_job;  /* for threads */
	pthread_cond_t has_turn; /* for threads that are to write early */
	pthread_cond_t has_room; /* for the caller */
	uint64_t submitted, taken, delivered;
	bool ending, stopped;
	bool delivering; /* a thread is at it */
	bool *finished;  /* of each job; it is not delivered yet */
	size_t n_jobs;
	uint8_t *jobs;
	unsigned n_threads, n_started;
	struct worker {
		struct kith_pool *pool;
		unsigned number;
		pthread_t thread;
	} workers[KITH_POOL_THREADS];
};

unsigned kith_pool_cores(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof set, &set) != 0)
		return 1;
	n = CPU_COUNT(&set);
	return n < 1 ? 1 : n > KITH_POOL_THREADS ? KITH_POOL_THREADS : (unsigned)n;
}

static void *job_at(struct kith_pool *pool, uint64_t turn)
{
	return pool->jobs + (size_t)(turn % pool->n_jobs) * pool->ops->job_size;
}

static void wait_turn_locked(struct kith_pool *pool, uint64_t turn)
{
	while (pool->delivered != turn)
		(void)pthread_cond_wait(&pool->has_turn, &pool->lock);
}

/*
 * Delivers what is finished and next in order, one thread for all, so that none waits with a job
 * that was finished before its turn.
 */
static void deliver_locked(struct kith_pool *pool)
{
	if (pool->delivering)
		return; /* that thread will find it */
	pool->delivering = true;
	while (pool->finished[pool->delivered % pool->n_jobs]) {
		bool skip = pool->stopped, go_on = true;

		pool->finished[pool->delivered % pool->n_jobs] = false;
		/* Its turn lasts until `delivered` moves, so no lock is needed while writing. */
		(void)pthread_mutex_unlock(&pool->lock);
		if (!skip)
			go_on = pool->ops->deliver(job_at(pool, pool->delivered), pool->user);
		(void)pthread_mutex_lock(&pool->lock);
		pool->stopped = pool->stopped || !go_on;
		pool->delivered++;
		(void)pthread_cond_broadcast(&pool->has_turn);
		(void)pthread_cond_signal(&pool->has_room);
	}
	pool->delivering = false;
}

static void *run(void *arg)
{
	struct worker *worker = arg;
	struct kith_pool *pool = worker->pool;

	(void)pthread_mutex_lock(&pool->lock);
	for (;;) {
		uint64_t turn;
		bool skip;

		while (pool->taken == pool->submitted && !pool->ending)
			(void)pthread_cond_wait(&pool->has_job, &pool->lock);
		if (pool->taken == pool->submitted)
			break;
		turn = pool->taken++;
		skip = pool->stopped;
		(void)pthread_mutex_unlock(&pool->lock);
		if (!skip)
			pool->ops->work(job_at(pool, turn), worker->number, turn, pool->user);
		(void)pthread_mutex_lock(&pool->lock);
		pool->finished[turn % pool->n_jobs] = true;
		deliver_locked(pool);
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return NULL;
}

void kith_pool_wait_turn(struct kith_pool *pool, uint64_t turn)
{
	(void)pthread_mutex_lock(&pool->lock);
	wait_turn_locked(pool, turn);
	(void)pthread_mutex_unlock(&pool->lock);
}

struct kith_pool *kith_pool_new(unsigned n_threads, const struct kith_pool_ops *ops, void *user)
{
	struct kith_pool *pool = calloc(1, sizeof *pool);
	unsigned i;

	if (pool == NULL)
		return NULL;
	pool->ops = ops;
	pool->user = user;
	pool->n_threads = n_threads > KITH_POOL_THREADS ? KITH_POOL_THREADS : n_threads;
	pool->n_jobs = 2 * (size_t)pool->n_threads + 1;
	pool->jobs = calloc(pool->n_jobs, ops->job_size);
	pool->finished = calloc(pool->n_jobs, sizeof *pool->finished);
	(void)pthread_mutex_init(&pool->lock, NULL);
	(void)pthread_cond_init(&pool->has_job, NULL);
	(void)pthread_cond_init(&pool->has_turn, NULL);
	(void)pthread_cond_init(&pool->has_room, NULL);
	if (pool->jobs == NULL || pool->finished == NULL)
		goto fail;
	for (i = 0; i < pool->n_threads; i++) {
		pool->workers[i].pool = pool;
		pool->workers[i].number = i;
		if (pthread_create(&pool->workers[i].thread, NULL, run, &pool->workers[i]) != 0)
			break; /* fewer will do */
		pool->n_started++;
	}
	if (pool->n_started > 0)
		return pool;
fail:
	kith_pool_finish(pool);
	return NULL;
}

void *kith_pool_take(struct kith_pool *pool)
{
	bool stopped;

	(void)pthread_mutex_lock(&pool->lock);
	while (pool->submitted - pool->delivered >= pool->n_jobs)
		(void)pthread_cond_wait(&pool->has_room, &pool->lock);
	stopped = pool->stopped;
	(void)pthread_mutex_unlock(&pool->lock);
	return stopped ? NULL : job_at(pool, pool->submitted);
}

void kith_pool_submit(struct kith_pool *pool)
{
	(void)pthread_mutex_lock(&pool->lock);
	pool->submitted++;
	(void)pthread_cond_signal(&pool->has_job);
	(void)pthread_mutex_unlock(&pool->lock);
}

void kith_pool_finish(struct kith_pool *pool)
{
	unsigned i;
	size_t k;

	if (pool == NULL)
		return;
	(void)pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	(void)pthread_cond_broadcast(&pool->has_job);
	(void)pthread_mutex_unlock(&pool->lock);
	for (i = 0; i < pool->n_started; i++)
		(void)pthread_join(pool->workers[i].thread, NULL);
	for (k = 0; pool->jobs != NULL && k < pool->n_jobs; k++)
		pool->ops->done(pool->jobs + k * pool->ops->job_size);
	(void)pthread_mutex_destroy(&pool->lock);
	(void)pthread_cond_destroy(&pool->has_job);
	(void)pthread_cond_destroy(&pool->has_turn);
	(void)pthread_cond_destroy(&pool->has_room);
	free(pool->jobs);
	free(pool->finished);
	free(pool);
}
