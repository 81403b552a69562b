/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h: what one thread has: its view of the sets, and what it counted.
 *
 * A *snapshot* is the sets as they were opened together. A reload opens new ones and makes them the
 * current snapshot; each worker turns to it with its next request. What was begun goes on with
 * the view that it holds, and the old sets are closed when the last one let go.
 */
#ifndef KITH_SERVE_WORKER_H
#define KITH_SERVE_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "answer/facts.h"
#include "answer/render.h"
#include "answer/sets.h"
#include "base/limits.h"
#include "base/opt.h"

struct kith_snapshot {
	struct kith_sets sets;
	uint64_t number;            /* 1: the first */
	atomic_uint holders;        /* views, and the server for the current one */
	atomic_bool damaged;        /* a fault inside a map: nothing is answered from it any more */
	struct kith_snapshot *next; /* given up, see worker.c */
};

/* A worker's readers of a snapshot. */
struct kith_view {
	struct kith_snapshot *snapshot;
	struct kith_asker *asker;
	unsigned holders; /* the worker, and streams that began with it */
	struct kith_view *next;
};

struct kith_net;
struct kith_conn;
struct kith_gzip;
struct kith_sessions;

struct kith_server {
	const struct kith_opt_list *paths; /* of -d */
	pthread_mutex_t lock;              /* of current, and of reloading */
	struct kith_snapshot *current;
	atomic_uint_fast64_t number; /* of current */
	atomic_uint_fast64_t n_reloads, n_reload_failures;
	struct kith_worker **workers;
	unsigned n_workers;
	struct kith_net *net;
	uint8_t (*keys)[KITH_SHA256_SIZE]; /* digests of the API keys; NULL: none is asked for */
	size_t n_keys;
	struct kith_sessions *sessions; /* NULL: there are none */
	bool log;
};

enum kith_front {
	KITH_FRONT_VT,
	KITH_FRONT_NATIVE,
	KITH_FRONT_HASHLOOKUP,
	KITH_FRONT_CONTROL,
	KITH_FRONT_NSRLSVR,
	KITH_FRONT_DNS,
	KITH_FRONT_PAGE,
	KITH_FRONTS
};

struct kith_worker {
	struct kith_server *server;
	struct kith_view *view;
	struct kith_render render;
	struct kith_buf scratch, out; /* of one request each */
	struct kith_gzip *gzip;       /* for whole answers; NULL until there was one */
	struct kith_buf packed;       /* an answer in that form */
	unsigned n_streams, n_walks;
	struct kith_conn *streams[KITH_LIMIT_SERVE_STREAMS]; /* the oldest first */
	size_t ahead;                                        /* bytes of lists that wait */
	char date[32]; /* of the present second, as HTTP has it */
	/* Read by other threads for /metrics. */
	atomic_uint_fast64_t requests[KITH_FRONTS][6]; /* by the first digit of the status */
	atomic_uint_fast64_t answers[KITH_VERDICTS];
	atomic_uint_fast64_t faults;
};

enum kith_status kith_server_open(struct kith_server *server, struct kith_err *err);
/* Opens the sets anew. On failure the old ones stay, and err says why. */
enum kith_status kith_server_reload(struct kith_server *server, struct kith_err *err);
void kith_server_close(struct kith_server *server);

struct kith_worker *kith_worker_new(struct kith_server *server);
void kith_worker_free(struct kith_worker *worker);
void kith_worker_tick(struct kith_worker *worker);
/* Before each answer: what an earlier one, which a fault may have ended, left behind is gone. */
void kith_worker_fresh(struct kith_worker *worker);
void kith_worker_count(struct kith_worker *worker, enum kith_front front, unsigned status);

/* The view for a new request: of the current snapshot. NULL: no memory, or it is damaged. */
struct kith_view *kith_worker_view(struct kith_worker *worker);
struct kith_view *kith_view_hold(struct kith_view *view);
void kith_view_drop(struct kith_view *view);
bool kith_view_damaged(const struct kith_view *view);

/* fn(arg) may read the view's sets. A fault there is KITH_E_CORRUPT, and the view is damaged. */
enum kith_status kith_view_guarded(struct kith_worker *worker, struct kith_view *view,
				   enum kith_status (*fn)(void *arg), void *arg);

/* Asks and counts; inside kith_view_guarded() only. */
enum kith_status kith_view_ask(struct kith_worker *worker, struct kith_view *view,
			       const struct kith_query *queries, size_t n);

/* What is asked of one hash as text; kind BAD with a reason is KITH_E_ARG. The entry must outlive
 * the query. */
struct kith_entry;
enum kith_status kith_query_parse(struct kith_bytes text, struct kith_entry *entry,
				  struct kith_query *ret);

#endif
