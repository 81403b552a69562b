/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "worker.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer/list.h"
#include "base/err.h"
#include "base/limits.h"
#include "guard.h"
#include "gzip.h"

/* -------------------------------------------------------------- snapshots */

/* What a fault left behind cannot be closed safely: it stays, unused, until the program ends. */
static struct {
	pthread_mutex_t lock;
	struct kith_snapshot *snapshots;
	struct kith_view *views;
} given_up = {PTHREAD_MUTEX_INITIALIZER, NULL, NULL};

static void give_up(struct kith_snapshot *snapshot, struct kith_view *view)
{
	(void)pthread_mutex_lock(&given_up.lock);
	if (snapshot != NULL) {
		snapshot->next = given_up.snapshots;
		given_up.snapshots = snapshot;
	}
	if (view != NULL) {
		view->next = given_up.views;
		given_up.views = view;
	}
	(void)pthread_mutex_unlock(&given_up.lock);
}

static void snapshot_drop(struct kith_snapshot *snapshot)
{
	if (atomic_fetch_sub(&snapshot->holders, 1) != 1)
		return;
	if (atomic_load(&snapshot->damaged)) {
		give_up(snapshot, NULL);
		return;
	}
	kith_sets_close(&snapshot->sets);
	free(snapshot);
}

struct opening {
	const struct kith_opt_list *paths;
	struct kith_snapshot *snapshot;
	struct kith_err *err;
};

static enum kith_status open_sets(void *arg)
{
	struct opening *o = arg;

	return kith_sets_find(&o->snapshot->sets, o->paths, NULL, o->err);
}

static enum kith_status snapshot_open(struct kith_server *server, struct kith_snapshot **ret,
				      struct kith_err *err)
{
	struct opening o = {server->paths, calloc(1, sizeof **ret), err};
	enum kith_status st;
	bool fault;

	if (o.snapshot == NULL)
		return kith_fail_nomem(err);
	st = kith_guarded(open_sets, &o, NULL, &fault);
	if (fault) {
		give_up(o.snapshot, NULL);
		return kith_fail(err, KITH_E_CORRUPT,
				 "a set is damaged, or the medium it is on failed; run 'kith "
				 "verify' on it");
	}
	if (st != KITH_OK) {
		kith_sets_close(&o.snapshot->sets);
		free(o.snapshot);
		return st;
	}
	atomic_init(&o.snapshot->holders, 1);
	atomic_init(&o.snapshot->damaged, false);
	*ret = o.snapshot;
	return KITH_OK;
}

enum kith_status kith_server_open(struct kith_server *server, struct kith_err *err)
{
	enum kith_status st;

	(void)pthread_mutex_init(&server->lock, NULL);
	st = snapshot_open(server, &server->current, err);
	if (st == KITH_OK) {
		server->current->number = 1;
		atomic_store(&server->number, 1);
	}
	return st;
}

enum kith_status kith_server_reload(struct kith_server *server, struct kith_err *err)
{
	struct kith_snapshot *fresh = NULL, *old;
	enum kith_status st = snapshot_open(server, &fresh, err);

	if (st != KITH_OK || fresh == NULL) {
		atomic_fetch_add(&server->n_reload_failures, 1);
		return st;
	}
	(void)pthread_mutex_lock(&server->lock);
	old = server->current;
	fresh->number = old->number + 1;
	server->current = fresh;
	atomic_store(&server->number, fresh->number);
	(void)pthread_mutex_unlock(&server->lock);
	atomic_fetch_add(&server->n_reloads, 1);
	snapshot_drop(old);
	return KITH_OK;
}

void kith_server_close(struct kith_server *server)
{
	if (server->current != NULL)
		snapshot_drop(server->current);
	server->current = NULL;
	free(server->keys);
	server->keys = NULL;
	(void)pthread_mutex_destroy(&server->lock);
}

/* ------------------------------------------------------------------ views */

static struct kith_snapshot *current(struct kith_server *server)
{
	struct kith_snapshot *snapshot;

	(void)pthread_mutex_lock(&server->lock);
	snapshot = server->current;
	atomic_fetch_add(&snapshot->holders, 1);
	(void)pthread_mutex_unlock(&server->lock);
	return snapshot;
}

struct kith_view *kith_view_hold(struct kith_view *view)
{
	view->holders++;
	return view;
}

void kith_view_drop(struct kith_view *view)
{
	if (view == NULL || --view->holders > 0)
		return;
	if (kith_view_damaged(view)) {
		snapshot_drop(view->snapshot);
		if (view->asker == NULL)
			free(view); /* nothing was opened */
		else
			give_up(NULL, view);
		return;
	}
	kith_asker_close(view->asker);
	snapshot_drop(view->snapshot);
	free(view);
}

bool kith_view_damaged(const struct kith_view *view)
{
	return atomic_load_explicit(&view->snapshot->damaged, memory_order_relaxed);
}

static enum kith_status open_asker(void *arg)
{
	struct kith_view *view = arg;
	const struct kith_sets *sets = &view->snapshot->sets;

	return kith_asker_open(sets->sets, sets->n, &view->asker, NULL);
}

/* Turns to the current snapshot when it is another one. */
static void refresh(struct kith_worker *worker)
{
	struct kith_server *server = worker->server;
	struct kith_view *view = worker->view;
	struct kith_snapshot *snapshot;

	if (view != NULL &&
	    view->snapshot->number == atomic_load_explicit(&server->number, memory_order_acquire))
		return;
	kith_view_drop(view);
	worker->view = NULL;
	snapshot = current(server);
	view = atomic_load(&snapshot->damaged) ? NULL : calloc(1, sizeof *view);
	if (view == NULL) {
		snapshot_drop(snapshot);
		return;
	}
	view->snapshot = snapshot;
	view->holders = 1;
	if (kith_view_guarded(worker, view, open_asker, view) == KITH_OK)
		worker->view = view;
	else
		kith_view_drop(view);
}

struct kith_view *kith_worker_view(struct kith_worker *worker)
{
	refresh(worker);
	return worker->view == NULL || kith_view_damaged(worker->view) ? NULL : worker->view;
}

enum kith_status kith_view_guarded(struct kith_worker *worker, struct kith_view *view,
				   enum kith_status (*fn)(void *arg), void *arg)
{
	enum kith_status st;
	bool fault;

	if (kith_view_damaged(view))
		return KITH_E_CORRUPT;
	st = kith_guarded(fn, arg, &view->snapshot->sets, &fault);
	if (fault) {
		atomic_store(&view->snapshot->damaged, true);
		atomic_fetch_add_explicit(&worker->faults, 1, memory_order_relaxed);
	}
	/* Another thread may have met the fault meanwhile, in what was read here too. */
	return kith_view_damaged(view) ? KITH_E_CORRUPT : st;
}

enum kith_status kith_view_ask(struct kith_worker *worker, struct kith_view *view,
			       const struct kith_query *queries, size_t n)
{
	enum kith_status st = kith_ask_batch(view->asker, queries, n);
	size_t i;

	for (i = 0; i < n && st == KITH_OK; i++)
		atomic_fetch_add_explicit(&worker->answers[kith_ask_verdict(view->asker, i)], 1,
					  memory_order_relaxed);
	return st;
}

enum kith_status kith_query_parse(struct kith_bytes text, struct kith_entry *entry,
				  struct kith_query *ret)
{
	memset(entry, 0, sizeof *entry);
	kith_hash_parse(text.data, text.n, entry);
	if (entry->kind != KITH_ENTRY_HASH)
		return KITH_E_ARG;
	ret->kind = entry->digest;
	ret->bytes = entry->bytes;
	ret->text = text.data;
	ret->text_n = text.n;
	return KITH_OK;
}

/* ---------------------------------------------------------------- workers */

void kith_worker_tick(struct kith_worker *worker)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t now = time(NULL);
	struct tm tm;

	refresh(worker);
	if (gmtime_r(&now, &tm) == NULL)
		return;
	if (strftime(worker->date, sizeof worker->date, "xxx, %d xxx %Y %H:%M:%S GMT", &tm) == 0)
		return;
	memcpy(worker->date, days + (size_t)3 * (size_t)tm.tm_wday, 3);
	memcpy(worker->date + 8, months + (size_t)3 * (size_t)tm.tm_mon, 3);
}

struct kith_worker *kith_worker_new(struct kith_server *server)
{
	struct kith_worker *worker = calloc(1, sizeof *worker);

	if (worker == NULL)
		return NULL;
	worker->server = server;
	kith_worker_fresh(worker);
	kith_worker_tick(worker);
	return worker;
}

void kith_worker_fresh(struct kith_worker *worker)
{
	static const struct kith_bytes none = {NULL, 0};

	worker->render.limit = KITH_LIMIT_SHOWN;
	worker->render.vt_self = NULL;
	worker->render.vt_attributes = none;
	worker->out.n = worker->scratch.n = 0;
	worker->out.failed = worker->scratch.failed = false;
}

void kith_worker_free(struct kith_worker *worker)
{
	if (worker == NULL)
		return;
	kith_view_drop(worker->view);
	kith_known_done(&worker->render.known);
	kith_buf_done(&worker->scratch);
	kith_buf_done(&worker->out);
	kith_buf_done(&worker->packed);
	kith_gzip_free(worker->gzip);
	free(worker);
}

void kith_worker_count(struct kith_worker *worker, enum kith_front front, unsigned status)
{
	unsigned digit = status / 100;

	atomic_fetch_add_explicit(&worker->requests[front][digit < 6 ? digit : 5], 1,
				  memory_order_relaxed);
}
