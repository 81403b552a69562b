/* SPDX-License-Identifier: Apache-2.0 */
/* http.c: reads requests, finds their route, and has them answered; http_conn.h says what holds. */
#define _POSIX_C_SOURCE 200809L
#include "http.h"

#include <string.h>

#include "base/limits.h"
#include "base/sha256.h"
#include "http_conn.h"

#define TURN_BYTES ((size_t)64 << 10)
#define KEPT_BYTES ((size_t)1 << 20)

/* ------------------------------------------------------- requests that keep something */

static void late(struct kith_conn *conn);

static void give_back(struct kith_conn *conn, struct kith_http_conn *http)
{
	struct kith_worker *worker = kith_conn_worker(conn);
	unsigned i = 0;

	if (!http->has_stream_slot)
		return;
	http->has_stream_slot = false;
	while (worker->streams[i] != conn)
		i++;
	worker->n_streams--;
	memmove(worker->streams + i, worker->streams + i + 1,
		(worker->n_streams - i) * sizeof *worker->streams);
}

/* Is it the client's turn: to send more, or to take what was answered? */
static bool is_waited_for(struct kith_conn *conn)
{
	const struct kith_http_conn *http = kith_conn_state(conn);

	return http->phase != KITH_HTTP_STREAM || !http->untimed || kith_conn_stopped(conn);
}

/* False: there are too many, and each does what it can. */
static bool take_slot(struct kith_conn *conn, struct kith_http_conn *http)
{
	struct kith_worker *worker = kith_conn_worker(conn);
	unsigned i;

	for (i = 0; worker->n_streams == KITH_LIMIT_SERVE_STREAMS && i < worker->n_streams; i++) {
		struct kith_conn *slow = worker->streams[i];

		if (!is_waited_for(slow) || !kith_conn_slow(slow))
			continue;
		late(slow);
		give_back(slow, kith_conn_state(slow));
		kith_conn_again(slow);
	}
	if (worker->n_streams == KITH_LIMIT_SERVE_STREAMS)
		return false;
	worker->streams[worker->n_streams++] = conn;
	http->has_stream_slot = true;
	return true;
}

/* ------------------------------------------------------------------ a request */

void kith_http_request_end(struct kith_conn *conn, struct kith_http_conn *http)
{
	struct kith_worker *worker = kith_conn_worker(conn);

	give_back(conn, http);
	http->untimed = false;
	http->phase = KITH_HTTP_HEAD;
	http->scanned = 0;
	http->route = NULL;
	http->sent = 0;
	http->body_at = 0;
	kith_buf_done(&http->body);
	worker->ahead -= http->counted;
	http->counted = 0;
	/* Those of the usual size are kept for the next request. */
	if (worker->out.cap > KEPT_BYTES)
		kith_buf_done(&worker->out);
	if (worker->packed.cap > KEPT_BYTES)
		kith_buf_done(&worker->packed);
	if (worker->scratch.cap > KEPT_BYTES)
		kith_buf_done(&worker->scratch);
	kith_conn_busy(conn, false);
	kith_conn_wait(conn, KITH_LIMIT_SERVE_IDLE_S);
}

static bool key_is_right(const struct kith_server *server, struct kith_bytes key)
{
	uint8_t digest[KITH_SHA256_SIZE];
	struct kith_sha256 sha;
	unsigned found = 0;
	size_t i, k;

	/* Digests are compared, each with all and to the end, so that time tells nothing. */
	kith_sha256_init(&sha);
	kith_sha256_add(&sha, key.data, key.n);
	kith_sha256_end(&sha, digest);
	for (i = 0; i < server->n_keys; i++) {
		unsigned differs = 0;

		for (k = 0; k < sizeof digest; k++)
			differs |= (unsigned)(digest[k] ^ server->keys[i][k]);
		found |= (differs - 1u) >> 31;
	}
	return found != 0;
}

/* Finds the route; false when the request was answered already. */
static bool admit(struct kith_conn *conn, struct kith_http_conn *http)
{
	struct kith_worker *worker = kith_conn_worker(conn);
	const struct kith_server *server = worker->server;
	struct kith_request *request = &http->request;
	struct kith_head *head = &http->head;
	bool is_get = kith_bytes_are(head->method, "GET");

	http->is_head = kith_bytes_are(head->method, "HEAD");
	memset(request, 0, sizeof *request);
	request->path = head->path;
	request->query = head->query;
	request->host = head->host;
	request->https = kith_bytes_are(head->forwarded_proto, "https");
	request->local = kith_conn_local(conn);
	request->session = head->session;
	request->if_none_match = head->if_none_match;
	request->method = is_get || http->is_head                ? KITH_GET
			  : kith_bytes_are(head->method, "POST") ? KITH_POST
								 : 0;
	http->route = kith_route_find(head->path, &http->front, &request->rest);
	if (server->keys != NULL && (http->route == NULL || !http->route->no_key)) {
		if (head->key.data == NULL) {
			kith_http_refuse(conn, http, 401, "AuthenticationRequiredError",
					 "X-Apikey header is missing");
			return false;
		}
		if (!key_is_right(server, head->key)) {
			kith_http_refuse(conn, http, 401, "WrongCredentialsError", "Wrong API key");
			return false;
		}
	}
	if (http->route == NULL) {
		kith_http_refuse(conn, http, 404, "NotFoundError", "there is nothing at this path");
		return false;
	}
	if ((request->method & http->route->methods) == 0) {
		kith_http_refuse(conn, http, 405, "BadRequestError",
				 "this path does not take that method");
		return false;
	}
	if (http->route->local && !request->local) {
		kith_http_refuse(conn, http, 403, "ForbiddenError", "on the Unix socket only");
		return false;
	}
	if (http->front != KITH_FRONT_CONTROL && kith_conn_thread_full(conn)) {
		kith_http_refuse(conn, http, 503, "TransientError",
				 "too many answers wait for their clients");
		return false;
	}
	return true;
}

static void begin_request(struct kith_conn *conn, struct kith_http_conn *http)
{
	struct kith_head *head = &http->head;
	const char *why = NULL;
	unsigned status;
	bool whole;

	http->is_head = false;
	http->front = KITH_FRONT_CONTROL;
	http->body_done = false;
	http->route = NULL;
	status = kith_head_parse(http->text.data, http->text.n, &http->path, head, &why);
	if (status != 0) {
		kith_http_refuse_and_close(conn, http, status, why);
		return;
	}
	memset(&http->chunks, 0, sizeof http->chunks);
	http->body_left = head->length;
	http->body_done = !head->chunked && head->length == 0;
	if (!admit(conn, http))
		return;
	/* A body that nobody asked for is not read: the answer, and the end of the connection. */
	whole = http->route->takes_body && http->request.method == KITH_POST;
	if (!http->body_done && http->route->stream == NULL && !whole) {
		kith_conn_busy(conn, true);
		kith_http_answer(conn, http);
		return;
	}
	if (!head->chunked && whole && head->length > KITH_LIMIT_SERVE_BODY) {
		kith_http_refuse_and_close(conn, http, 413, "the body is too large");
		return;
	}
	kith_conn_busy(conn, true);
	if (!http->body_done || http->route->stream != NULL) {
		if (!take_slot(conn, http)) {
			kith_http_refuse_and_close(conn, http, 503, "too many requests at a time");
			return;
		}
	}
	if (!http->body_done && head->expects_continue)
		kith_conn_write(conn, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	kith_conn_wait(conn, KITH_LIMIT_SERVE_BODY_S);
	http->phase = KITH_HTTP_BODY;
	if ((http->route->stream != NULL && !whole) || http->body_done)
		kith_http_answer(conn, http);
}

/* Keeps count of what the bodies of a thread's requests take. */
static void count_body(struct kith_conn *conn, struct kith_http_conn *http)
{
	struct kith_worker *worker = kith_conn_worker(conn);

	worker->ahead += http->body.cap - http->counted;
	http->counted = http->body.cap;
}

/* Moves what came of the body; false: the connection is given up. */
static bool take_body(struct kith_conn *conn, struct kith_http_conn *http)
{
	size_t max = KITH_LIMIT_SERVE_BODY + 1;

	if (http->phase == KITH_HTTP_STREAM)
		max = kith_conn_worker(conn)->ahead < KITH_LIMIT_SERVE_AHEAD_ALL
			  ? KITH_LIMIT_SERVE_AHEAD_MAX
			  : KITH_LIMIT_SERVE_AHEAD;

	if (http->body_at > http->body.n / 2) {
		http->body.n -= http->body_at;
		memmove(http->body.data, http->body.data + http->body_at, http->body.n);
		http->body_at = 0;
	}
	while (!http->body_done && http->body.n - http->body_at < max) {
		size_t n, used = 0, room = max - (http->body.n - http->body_at);
		const uint8_t *data = kith_conn_input(conn, &n);

		if (n == 0)
			break;
		if (http->head.chunked) {
			if (!kith_chunks_take(&http->chunks, data, n, room, &used, &http->body))
				return false;
			http->body_done = http->chunks.done;
		} else {
			used = n < room ? n : room;
			used = used < http->body_left ? used : (size_t)http->body_left;
			if (!kith_buf_add(&http->body, data, used))
				return false;
			http->body_left -= used;
			http->body_done = http->body_left == 0;
		}
		kith_conn_take(conn, used);
		if (used == 0)
			break;
		if (http->phase == KITH_HTTP_STREAM)
			kith_conn_wait(conn, KITH_LIMIT_SERVE_BODY_S);
	}
	return true;
}

/* For an answer to a request whose head was not read. */
static void no_head(struct kith_http_conn *http)
{
	memset(&http->head, 0, sizeof http->head);
	http->front = KITH_FRONT_CONTROL;
	http->body_done = false;
	http->is_head = false;
}

/* True: go on, something changed. */
static bool step_head(struct kith_conn *conn, struct kith_http_conn *http)
{
	size_t n, end;
	const uint8_t *data = kith_conn_input(conn, &n);

	if (kith_conn_full(conn))
		return false;
	if (http->scanned == 0) { /* empty lines before a request are forgiven */
		size_t skip = 0;

		while (skip < n && (data[skip] == '\r' || data[skip] == '\n'))
			skip++;
		if (skip > 0) {
			kith_conn_take(conn, skip);
			return true;
		}
		if (n > 0)
			kith_conn_wait(conn, KITH_LIMIT_SERVE_HEAD_S);
	}
	end = kith_head_end(data, n, &http->scanned);
	if (n > 0 && http->scanned == 0)
		http->scanned = 1;
	if (end > KITH_LIMIT_SERVE_HEAD || (end == 0 && n >= KITH_LIMIT_SERVE_HEAD)) {
		no_head(http);
		kith_http_refuse_and_close(conn, http, 431, "the head of the request is too large");
		return false;
	}
	if (end == 0) {
		if (kith_conn_ended(conn))
			kith_conn_close(conn);
		return false;
	}
	http->text.n = 0;
	if (!kith_buf_add(&http->text, data, end)) {
		kith_conn_drop(conn);
		return false;
	}
	kith_conn_take(conn, end);
	begin_request(conn, http);
	return true;
}

static bool step_body(struct kith_conn *conn, struct kith_http_conn *http)
{
	if (!take_body(conn, http)) {
		kith_http_refuse_and_close(conn, http, 400, "the chunks of the body are malformed");
		return false;
	}
	if (http->body.n > KITH_LIMIT_SERVE_BODY) {
		http->body_done = false;
		kith_http_refuse_and_close(conn, http, 413, "the body is too large");
		return false;
	}
	if (http->body_done) {
		http->request.body.data = http->body.data;
		http->request.body.n = http->body.n;
		kith_http_answer(conn, http);
		return true;
	}
	if (kith_conn_ended(conn))
		kith_conn_drop(conn);
	return false;
}

static bool step_stream(struct kith_conn *conn, struct kith_http_conn *http)
{
	if (!take_body(conn, http)) {
		kith_conn_drop(conn);
		return false;
	}
	count_body(conn, http);
	if (kith_http_stream_turn(conn, http))
		return true;
	/* Half a list is not answered as if it were a whole one. */
	if (http->phase == KITH_HTTP_STREAM && kith_conn_ended(conn) && !http->body_done) {
		size_t n;

		(void)kith_conn_input(conn, &n);
		if (n == 0)
			kith_conn_drop(conn);
	}
	return false;
}

static void run(struct kith_conn *conn)
{
	struct kith_http_conn *http = kith_conn_state(conn);
	unsigned steps;
	bool go_on = true;

	for (steps = 0; go_on && steps < 64; steps++) {
		switch (http->phase) {
		case KITH_HTTP_HEAD: go_on = step_head(conn, http); break;
		case KITH_HTTP_BODY: go_on = step_body(conn, http); break;
		case KITH_HTTP_STREAM: go_on = step_stream(conn, http); break;
		}
		if (kith_conn_over(conn))
			return;
	}
	if (go_on)
		kith_conn_again(conn); /* others first */
}

/* Waited for in vain. Whoever had begun a request is told. */
static void late(struct kith_conn *conn)
{
	struct kith_http_conn *http = kith_conn_state(conn);

	if (http->phase == KITH_HTTP_STREAM) {
		kith_conn_drop(conn);
		return;
	}
	if (http->phase == KITH_HTTP_HEAD && http->scanned == 0) {
		kith_conn_close(conn);
		return;
	}
	if (http->phase == KITH_HTTP_HEAD)
		no_head(http);
	http->body_done = false;
	kith_http_refuse_and_close(conn, http, 408, "the request did not come to its end");
}

static void done(struct kith_conn *conn)
{
	struct kith_http_conn *http = kith_conn_state(conn);

	kith_http_stream_close(conn, http);
	give_back(conn, http);
	kith_conn_worker(conn)->ahead -= http->counted;
	kith_buf_done(&http->text);
	kith_buf_done(&http->path);
	kith_buf_done(&http->body);
}

const struct kith_protocol kith_http = {
    .name = "http",
    .state_size = sizeof(struct kith_http_conn),
    .input_max = TURN_BYTES,
    .first_s = KITH_LIMIT_SERVE_HEAD_S,
    .run = run,
    .late = late,
    .close = done,
};
