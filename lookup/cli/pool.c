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
	pthread_cond_t has_turn; /* for threads that wait to deliver */
	pthread_cond_t has_room; /* for the caller */
	uint64_t submitted, taken, delivered;
	bool ending, stopped;
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

/* Each thread has a job and there is none beyond: time to fill several, so that the caller, who
 * takes a core from a thread each time, wakes up seldom. */
static bool is_roomy(const struct kith_pool *pool)
{
	return pool->submitted - pool->delivered <= pool->n_threads;
}

static void *run(void *arg)
{
	struct worker *worker = arg;
	struct kith_pool *pool = worker->pool;

	(void)pthread_mutex_lock(&pool->lock);
	for (;;) {
		uint64_t turn;
		bool skip, go_on = true;

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
		wait_turn_locked(pool, turn);
		skip = pool->stopped;
		/* It is our turn until `delivered` moves, so no lock is needed while writing. */
		(void)pthread_mutex_unlock(&pool->lock);
		if (!skip)
			go_on = pool->ops->deliver(job_at(pool, turn), pool->user);
		(void)pthread_mutex_lock(&pool->lock);
		pool->stopped = pool->stopped || !go_on;
		pool->delivered++;
		(void)pthread_cond_broadcast(&pool->has_turn);
		if (is_roomy(pool))
			(void)pthread_cond_signal(&pool->has_room);
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
	(void)pthread_mutex_init(&pool->lock, NULL);
	(void)pthread_cond_init(&pool->has_job, NULL);
	(void)pthread_cond_init(&pool->has_turn, NULL);
	(void)pthread_cond_init(&pool->has_room, NULL);
	if (pool->jobs == NULL)
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
	if (pool->submitted - pool->delivered >= pool->n_jobs) {
		while (!is_roomy(pool))
			(void)pthread_cond_wait(&pool->has_room, &pool->lock);
	}
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
	free(pool);
}
