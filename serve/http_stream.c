/* SPDX-License-Identifier: Apache-2.0 */
/* http_stream.c: calls of the dialects, in the guard: whole answers, and turns of streams. */
#include "base/limits.h"
#include "http_conn.h"

struct call {
	struct kith_http_conn *http;
	struct kith_worker *worker;
	struct kith_view *view;
	struct kith_reply *reply;
	size_t used;
	enum kith_turn turn;
};

static enum kith_status call_answer(void *arg)
{
	struct call *c = arg;

	return c->http->route->answer(c->worker, c->view, &c->http->request, c->reply);
}

static enum kith_status call_open(void *arg)
{
	struct call *c = arg;

	c->http->stream =
	    c->http->route->stream->open(c->worker, c->view, &c->http->request, c->reply);
	return KITH_OK;
}

static enum kith_status call_turn(void *arg)
{
	struct call *c = arg;
	struct kith_http_conn *http = c->http;
	size_t n = http->body.n - http->body_at;
	const uint8_t *data = n == 0 ? NULL : http->body.data + http->body_at;

	return http->route->stream->turn(http->stream, data, n, http->body_done, &c->used,
					 &c->worker->out, &c->turn);
}

static enum kith_status call_release(void *arg)
{
	struct call *c = arg;

	c->http->route->stream->release(c->http->stream);
	return KITH_OK;
}

static void could_not_tell(struct kith_conn *conn, struct kith_http_conn *http, enum kith_status st)
{
	kith_http_refuse(conn, http, 503, "TransientError",
			 st == KITH_E_NOMEM
			     ? "out of memory"
			     : "a set is damaged or cannot be read; nothing is answered until it "
			       "is replaced and loaded again");
}

void kith_http_answer(struct kith_conn *conn, struct kith_http_conn *http)
{
	struct kith_worker *worker = kith_conn_worker(conn);
	struct kith_reply reply = {.status = 200, .body = &worker->out};
	struct call c = {.http = http, .worker = worker, .reply = &reply};
	const struct kith_route *route = http->route;
	enum kith_status st;

	kith_worker_fresh(worker);
	if (!route->no_sets) {
		c.view = kith_worker_view(worker);
		if (c.view == NULL) {
			could_not_tell(conn, http, KITH_E_CORRUPT);
			return;
		}
		/* Held, because a reload may come while the call runs. */
		c.view = kith_view_hold(c.view);
		st = kith_view_guarded(worker, c.view,
				       route->stream != NULL ? call_open : call_answer, &c);
	} else {
		st = call_answer(&c);
	}
	if (st == KITH_OK && route->stream != NULL && http->stream != NULL) {
		http->view = c.view;
		http->phase = KITH_HTTP_STREAM;
		kith_http_stream_begin(conn, http, &reply);
		return;
	}
	http->stream = NULL; /* where a fault came between, what it holds is given up */
	if (st != KITH_OK || worker->out.failed)
		could_not_tell(conn, http, st == KITH_OK ? KITH_E_NOMEM : st);
	else
		kith_http_reply(conn, http, &reply);
	kith_view_drop(c.view);
}

void kith_http_stream_close(struct kith_conn *conn, struct kith_http_conn *http)
{
	struct call c = {.http = http, .worker = kith_conn_worker(conn), .view = http->view};

	if (http->stream == NULL)
		return;
	if (http->route->stream->release != NULL)
		(void)kith_view_guarded(c.worker, http->view, call_release, &c);
	http->route->stream->close(http->stream);
	http->stream = NULL;
	kith_view_drop(http->view);
	http->view = NULL;
	kith_gzip_free(http->gzip);
	http->gzip = NULL;
}

bool kith_http_stream_turn(struct kith_conn *conn, struct kith_http_conn *http)
{
	struct kith_worker *worker = kith_conn_worker(conn);
	struct call c = {.http = http, .worker = worker, .view = http->view};
	bool keep = http->head.keep_alive && !http->head.is_1_0;
	enum kith_status st;

	if (kith_conn_full(conn)) {
		kith_conn_wait(conn, 0); /* the other side is waited for by what it takes */
		http->untimed = true;
		return false;
	}
	kith_worker_fresh(worker);
	st = kith_view_guarded(worker, http->view, call_turn, &c);
	if (st != KITH_OK || worker->out.failed) {
		worker->out.failed = false;
		kith_http_log(conn, http, 503);
		kith_conn_drop(conn);
		return false;
	}
	http->body_at += c.used;
	kith_http_stream_piece(conn, http, &worker->out, c.turn == KITH_TURN_DONE);
	if (c.turn == KITH_TURN_DONE) {
		kith_http_log(conn, http, 200);
		kith_http_stream_close(conn, http);
		if (!keep || !http->body_done)
			kith_conn_close(conn);
		kith_http_request_end(conn, http);
		return true;
	}
	if (c.turn == KITH_TURN_AGAIN) {
		kith_conn_wait(conn, 0);
		http->untimed = true;
		kith_conn_again(conn);
		return false;
	}
	/* Not at each turn: one that took nothing must not give a silent client more time. But
	 * after one that stopped the clock it is the client's turn, also where nothing was left to
	 * take. */
	if (c.used > 0 || http->untimed)
		kith_conn_wait(conn, KITH_LIMIT_SERVE_BODY_S);
	http->untimed = false;
	return c.used > 0;
}
