/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.c: what must hold: one request at a time on a connection, so that replies come in order; the
 * body of a request is read to its end, or the connection is closed behind the reply, so that
 * what is left of it is never taken for a request; a reply that could not be finished ends with the
 * connection and without its last chunk, so that it is never taken for a whole one.
 */
#define _POSIX_C_SOURCE 200809L
#include "http.h"

#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/limits.h"
#include "base/out.h"
#include "base/sha256.h"
#include "dialect.h"
#include "http_parse.h"

#define TURN_BYTES ((size_t)64 << 10)

enum phase { HEAD, BODY, STREAM };

struct http {
	enum phase phase;
	size_t scanned; /* of the head, without finding its end */
	struct kith_head head;
	struct kith_buf text; /* a copy of the head, and then the decoded path */
	struct kith_buf path;
	struct kith_request request;
	const struct kith_route *route;
	enum kith_front front;
	bool is_head, has_stream_slot, body_done;
	struct kith_chunks chunks;
	uint64_t body_left;
	struct kith_buf body; /* decoded, not yet taken */
	void *stream;
	struct kith_view *view; /* of the stream */
	uint64_t sent;          /* bytes of the reply's body, for the log */
};

static const char *reason(unsigned status)
{
	switch (status) {
	case 200: return "OK";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 408: return "Request Timeout";
	case 413: return "Content Too Large";
	case 417: return "Expectation Failed";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 503: return "Service Unavailable";
	case 505: return "HTTP Version Not Supported";
	default: return "Status";
	}
}

/* What an analyst asks is sensitive: nothing is written unless --log was given. */
static void log_request(struct kith_conn *conn, struct http *http, unsigned status)
{
	struct kith_worker *worker = kith_conn_worker(conn);
	struct kith_buf *line = &worker->scratch;
	char number[32];

	if (!worker->server->log)
		return;
	line->n = 0;
	(void)kith_buf_add_str(line, worker->date);
	(void)kith_buf_add_byte(line, ' ');
	(void)kith_escape_text(line, http->head.method.data, http->head.method.n);
	(void)kith_buf_add_byte(line, ' ');
	(void)kith_escape_text(line, http->head.path.data, http->head.path.n);
	(void)snprintf(number, sizeof number, " %u %llu\n", status, (unsigned long long)http->sent);
	(void)kith_buf_add_str(line, number);
	if (!line->failed)
		(void)kith_io_write(2, line->data, line->n, NULL);
	line->failed = false;
}

static void request_end(struct kith_conn *conn, struct http *http);

/* The head of a reply. length UINT64_MAX: it is not known. */
static void write_head(struct kith_conn *conn, struct http *http, unsigned status, const char *type,
		       uint64_t length, bool keep)
{
	struct kith_worker *worker = kith_conn_worker(conn);
	const struct kith_route *route = http->route;
	char text[640];
	size_t n;

	n = (size_t)snprintf(text, sizeof text,
			     "HTTP/1.1 %u %s\r\nDate: %s\r\nContent-Type: %s\r\n"
			     "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n",
			     status, reason(status), worker->date,
			     type == NULL ? "application/json" : type);
	if (length != UINT64_MAX)
		n += (size_t)snprintf(text + n, sizeof text - n, "Content-Length: %llu\r\n",
				      (unsigned long long)length);
	else if (!http->head.is_1_0)
		n += (size_t)snprintf(text + n, sizeof text - n, "Transfer-Encoding: chunked\r\n");
	if (status == 405 && route != NULL)
		n += (size_t)snprintf(text + n, sizeof text - n, "Allow: %s\r\n",
				      route->methods == KITH_GET    ? "GET, HEAD"
				      : route->methods == KITH_POST ? "POST"
								    : "GET, HEAD, POST");
	if (status == 503)
		n += (size_t)snprintf(text + n, sizeof text - n, "Retry-After: 10\r\n");
	if (!keep || http->head.is_1_0)
		n += (size_t)snprintf(text + n, sizeof text - n, "Connection: %s\r\n",
				      keep ? "keep-alive" : "close");
	(void)snprintf(text + n, sizeof text - n, "\r\n");
	kith_conn_write(conn, text, n + 2);
	kith_worker_count(worker, http->front, status);
}

/* A whole reply, and the end of the request. */
static void reply(struct kith_conn *conn, struct http *http, const struct kith_reply *r)
{
	bool keep = http->head.keep_alive && http->body_done;

	write_head(conn, http, r->status, r->type, r->body->n, keep);
	if (!http->is_head) {
		kith_conn_write(conn, r->body->data, r->body->n);
		http->sent = r->body->n;
	}
	log_request(conn, http, r->status);
	if (!keep)
		kith_conn_close(conn);
	request_end(conn, http);
}

static void refuse(struct kith_conn *conn, struct http *http, unsigned status, const char *code,
		   const char *message)
{
	struct kith_worker *worker = kith_conn_worker(conn);
	struct kith_reply r = {.body = &worker->out};

	worker->out.failed = false;
	if (kith_reply_error(&r, status, code, message) != KITH_OK) {
		kith_conn_drop(conn);
		return;
	}
	reply(conn, http, &r);
}

/* A request whose body is not read: nothing may follow on this connection. */
static void refuse_and_close(struct kith_conn *conn, struct http *http, unsigned status,
			     const char *message)
{
	http->head.keep_alive = false;
	refuse(conn, http, status, status == 503 ? "TransientError" : "BadRequestError", message);
}

static void request_end(struct kith_conn *conn, struct http *http)
{
	struct kith_worker *worker = kith_conn_worker(conn);

	if (http->has_stream_slot)
		worker->n_streams--;
	http->has_stream_slot = false;
	http->phase = HEAD;
	http->scanned = 0;
	http->route = NULL;
	http->sent = 0;
	kith_buf_done(&http->body);
	/* Those of the usual size are kept for the next request. */
	if (worker->out.cap > ((size_t)1 << 20))
		kith_buf_done(&worker->out);
	kith_conn_busy(conn, false);
	kith_conn_wait(conn, KITH_LIMIT_SERVE_IDLE_S);
}

/* --------------------------------------------------------- in the guard */

struct call {
	struct http *http;
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
	struct http *http = c->http;

	return http->route->stream->turn(http->stream, http->body.data, http->body.n,
					 http->body_done, &c->used, &c->worker->out, &c->turn);
}

static enum kith_status call_release(void *arg)
{
	struct call *c = arg;

	c->http->route->stream->release(c->http->stream);
	return KITH_OK;
}

static void damaged(struct kith_conn *conn, struct http *http, enum kith_status st)
{
	if (st == KITH_E_NOMEM)
		refuse(conn, http, 503, "TransientError", "out of memory");
	else
		refuse(conn, http, 503, "TransientError",
		       "a set is damaged or cannot be read; nothing is answered until it is "
		       "replaced and loaded again");
}

/* ----------------------------------------------------------------- streams */

static void stream_close(struct kith_conn *conn, struct http *http)
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
}

static void stream_write(struct kith_conn *conn, struct http *http, const struct kith_buf *out)
{
	char size[24];

	if (out->n == 0 || http->is_head)
		return;
	http->sent += out->n;
	if (http->head.is_1_0) {
		kith_conn_write(conn, out->data, out->n);
		return;
	}
	(void)snprintf(size, sizeof size, "%zx\r\n", out->n);
	kith_conn_write(conn, size, strlen(size));
	kith_conn_write(conn, out->data, out->n);
	kith_conn_write(conn, "\r\n", 2);
}

/* True: there is something to do at once. */
static bool stream_turn(struct kith_conn *conn, struct http *http)
{
	struct kith_worker *worker = kith_conn_worker(conn);
	struct call c = {.http = http, .worker = worker, .view = http->view};
	bool keep = http->head.keep_alive && !http->head.is_1_0;
	enum kith_status st;

	if (kith_conn_full(conn)) {
		kith_conn_wait(conn, 0); /* the other side is waited for by what it takes */
		return false;
	}
	worker->out.n = 0;
	st = kith_view_guarded(worker, http->view, call_turn, &c);
	if (st != KITH_OK || worker->out.failed) {
		worker->out.failed = false;
		log_request(conn, http, 503);
		kith_conn_drop(conn);
		return false;
	}
	if (c.used > 0) {
		memmove(http->body.data, http->body.data + c.used, http->body.n - c.used);
		http->body.n -= c.used;
	}
	stream_write(conn, http, &worker->out);
	if (c.turn == KITH_TURN_DONE) {
		if (!http->head.is_1_0 && !http->is_head)
			kith_conn_write(conn, "0\r\n\r\n", 5);
		log_request(conn, http, 200);
		stream_close(conn, http);
		if (!keep || !http->body_done)
			kith_conn_close(conn);
		request_end(conn, http);
		return true;
	}
	if (c.turn == KITH_TURN_AGAIN) {
		kith_conn_wait(conn, 0);
		kith_conn_again(conn);
		return false;
	}
	if (c.used > 0)
		kith_conn_wait(conn, KITH_LIMIT_SERVE_BODY_S);
	return c.used > 0;
}

/* ---------------------------------------------------------------- requests */

static void begin_answer(struct kith_conn *conn, struct http *http)
{
	struct kith_worker *worker = kith_conn_worker(conn);
	struct kith_reply r = {200, NULL, &worker->out};
	struct call c = {.http = http, .worker = worker, .reply = &r};
	const struct kith_route *route = http->route;
	enum kith_status st;

	worker->out.n = 0;
	worker->out.failed = false;
	worker->scratch.failed = false;
	if (!route->no_sets) {
		c.view = kith_worker_view(worker);
		if (c.view == NULL) {
			damaged(conn, http, KITH_E_CORRUPT);
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
		bool keep = http->head.keep_alive && !http->head.is_1_0;

		http->view = c.view;
		http->phase = STREAM;
		write_head(conn, http, 200, r.type, UINT64_MAX, keep);
		return;
	}
	http->stream = NULL;
	if (st != KITH_OK || worker->out.failed)
		damaged(conn, http, st == KITH_OK ? KITH_E_NOMEM : st);
	else
		reply(conn, http, &r);
	kith_view_drop(c.view);
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
static bool admit(struct kith_conn *conn, struct http *http)
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
	request->method = is_get || http->is_head                ? KITH_GET
			  : kith_bytes_are(head->method, "POST") ? KITH_POST
								 : 0;
	http->route = kith_route_find(head->path, &http->front, &request->rest);
	if (server->keys != NULL && (http->route == NULL || !http->route->no_key)) {
		if (head->key.data == NULL) {
			refuse(conn, http, 401, "AuthenticationRequiredError",
			       "X-Apikey header is missing");
			return false;
		}
		if (!key_is_right(server, head->key)) {
			refuse(conn, http, 401, "WrongCredentialsError", "Wrong API key");
			return false;
		}
	}
	if (http->route == NULL) {
		refuse(conn, http, 404, "NotFoundError", "there is nothing at this path");
		return false;
	}
	if ((request->method & http->route->methods) == 0) {
		refuse(conn, http, 405, "BadRequestError", "this path does not take that method");
		return false;
	}
	if (http->route->local && !request->local) {
		refuse(conn, http, 403, "ForbiddenError", "on the Unix socket only");
		return false;
	}
	return true;
}

static void begin_request(struct kith_conn *conn, struct http *http)
{
	struct kith_worker *worker = kith_conn_worker(conn);
	struct kith_head *head = &http->head;
	const char *why = NULL;
	unsigned status;

	http->is_head = false;
	http->front = KITH_FRONT_CONTROL;
	http->body_done = false;
	http->route = NULL;
	status = kith_head_parse(http->text.data, http->text.n, &http->path, head, &why);
	if (status != 0) {
		refuse_and_close(conn, http, status, why);
		return;
	}
	memset(&http->chunks, 0, sizeof http->chunks);
	http->body_left = head->length;
	http->body_done = !head->chunked && head->length == 0;
	if (!admit(conn, http))
		return;
	if (!head->chunked && !http->route->stream && head->length > KITH_LIMIT_SERVE_BODY) {
		refuse_and_close(conn, http, 413, "the body is too large");
		return;
	}
	kith_conn_busy(conn, true);
	if (!http->body_done || http->route->stream != NULL) {
		if (worker->n_streams >= KITH_LIMIT_SERVE_STREAMS) {
			refuse_and_close(conn, http, 503, "too many requests at a time");
			return;
		}
		worker->n_streams++;
		http->has_stream_slot = true;
	}
	if (!http->body_done && head->expects_continue)
		kith_conn_write(conn, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	kith_conn_wait(conn, KITH_LIMIT_SERVE_BODY_S);
	http->phase = BODY;
	if (http->route->stream != NULL || http->body_done)
		begin_answer(conn, http);
}

/* Moves what came of the body; false: the connection is given up. */
static bool take_body(struct kith_conn *conn, struct http *http)
{
	size_t max = http->phase == STREAM ? KITH_LIMIT_SERVE_AHEAD : KITH_LIMIT_SERVE_BODY + 1;

	while (!http->body_done && http->body.n < max) {
		size_t n, used = 0, room = max - http->body.n;
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
		if (http->phase == STREAM)
			kith_conn_wait(conn, KITH_LIMIT_SERVE_BODY_S);
	}
	return true;
}

/* True: go on, something changed. */
static bool step_head(struct kith_conn *conn, struct http *http)
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
		memset(&http->head, 0, sizeof http->head);
		http->front = KITH_FRONT_CONTROL;
		http->body_done = false;
		http->is_head = false;
		refuse_and_close(conn, http, 431, "the head of the request is too large");
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

static bool step_body(struct kith_conn *conn, struct http *http)
{
	if (!take_body(conn, http)) {
		refuse_and_close(conn, http, 400, "the chunks of the body are malformed");
		return false;
	}
	if (http->body.n > KITH_LIMIT_SERVE_BODY) {
		http->body_done = false;
		refuse_and_close(conn, http, 413, "the body is too large");
		return false;
	}
	if (http->body_done) {
		http->request.body.data = http->body.data;
		http->request.body.n = http->body.n;
		begin_answer(conn, http);
		return true;
	}
	if (kith_conn_ended(conn))
		kith_conn_drop(conn);
	return false;
}

static bool step_stream(struct kith_conn *conn, struct http *http)
{
	if (!take_body(conn, http)) {
		kith_conn_drop(conn);
		return false;
	}
	if (stream_turn(conn, http))
		return true;
	/* Half a list is not answered as if it were a whole one. */
	if (http->phase == STREAM && kith_conn_ended(conn) && !http->body_done) {
		size_t n;

		(void)kith_conn_input(conn, &n);
		if (n == 0)
			kith_conn_drop(conn);
	}
	return false;
}

static void run(struct kith_conn *conn)
{
	struct http *http = kith_conn_state(conn);
	unsigned steps;
	bool go_on = true;

	for (steps = 0; go_on && steps < 64; steps++) {
		switch (http->phase) {
		case HEAD: go_on = step_head(conn, http); break;
		case BODY: go_on = step_body(conn, http); break;
		case STREAM: go_on = step_stream(conn, http); break;
		}
		if (kith_conn_over(conn))
			return;
	}
	if (go_on)
		kith_conn_again(conn); /* others first */
}

static void done(struct kith_conn *conn)
{
	struct http *http = kith_conn_state(conn);

	stream_close(conn, http);
	if (http->has_stream_slot)
		kith_conn_worker(conn)->n_streams--;
	kith_buf_done(&http->text);
	kith_buf_done(&http->path);
	kith_buf_done(&http->body);
}

const struct kith_protocol kith_http = {"http", sizeof(struct http), TURN_BYTES, run, done};
