/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/out.h"
#include "http_conn.h"

#define HEAD_MAX    2048u /* of a reply; what dialects add is their own and short */
#define GZIP_WORTH  1024u /* bytes of a body: below, a packet is a packet */
#define LENGTH_NONE UINT64_MAX

static const char *reason(unsigned status)
{
	switch (status) {
	case 200: return "OK";
	case 300: return "Multiple Choices";
	case 304: return "Not Modified";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 408: return "Request Timeout";
	case 409: return "Conflict";
	case 413: return "Content Too Large";
	case 415: return "Unsupported Media Type";
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
void kith_http_log(struct kith_conn *conn, struct kith_http_conn *http, unsigned status)
{
	struct kith_worker *worker = kith_conn_worker(conn);
	struct kith_buf *line = &worker->scratch;
	char number[48];

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

struct head {
	char text[HEAD_MAX];
	size_t n;
	bool failed;
};

static void add(struct head *head, const char *text)
{
	size_t n = strlen(text);

	if (n > sizeof head->text - head->n) {
		head->failed = true;
		return;
	}
	memcpy(head->text + head->n, text, n);
	head->n += n;
}

static const char *allowed(const struct kith_route *route)
{
	if (route->methods == KITH_GET)
		return "GET, HEAD";
	return route->methods == KITH_POST ? "POST" : "GET, HEAD, POST";
}

static void write_head(struct kith_conn *conn, struct kith_http_conn *http,
		       const struct kith_reply *reply, uint64_t length, bool gzip, bool varies,
		       bool keep)
{
	struct kith_worker *worker = kith_conn_worker(conn);
	struct head head;
	char number[48];

	head.n = 0;
	head.failed = false;
	(void)snprintf(number, sizeof number, "HTTP/1.1 %u ", reply->status);
	add(&head, number);
	add(&head, reason(reply->status));
	add(&head, "\r\nDate: ");
	add(&head, worker->date);
	if (reply->status != 304) {
		add(&head, "\r\nContent-Type: ");
		add(&head, reply->type == NULL ? "application/json" : reply->type);
	}
	add(&head, "\r\nCache-Control: ");
	add(&head, reply->cache == NULL ? "no-store" : reply->cache);
	add(&head, "\r\nX-Content-Type-Options: nosniff\r\n");
	if (length != LENGTH_NONE) {
		(void)snprintf(number, sizeof number, "Content-Length: %llu\r\n",
			       (unsigned long long)length);
		add(&head, number);
	} else if (reply->status != 304 && !http->head.is_1_0) {
		add(&head, "Transfer-Encoding: chunked\r\n");
	}
	if (gzip)
		add(&head, "Content-Encoding: gzip\r\n");
	if (varies)
		add(&head, "Vary: Accept-Encoding\r\n");
	if (reply->status == 405 && http->route != NULL) {
		add(&head, "Allow: ");
		add(&head, allowed(http->route));
		add(&head, "\r\n");
	}
	if (reply->status == 503)
		add(&head, "Retry-After: 10\r\n");
	if (!keep || http->head.is_1_0)
		add(&head, keep ? "Connection: keep-alive\r\n" : "Connection: close\r\n");
	if (reply->fields != NULL)
		add(&head, reply->fields);
	add(&head, "\r\n");
	if (head.failed)
		kith_conn_drop(conn);
	else
		kith_conn_write(conn, head.text, head.n);
	kith_worker_count(worker, http->front, reply->status);
}

/* The body in gzip's form in worker->packed; false: it goes as it is. */
static bool pack(struct kith_worker *worker, const struct kith_buf *body)
{
	worker->packed.n = 0;
	worker->packed.failed = false;
	if (worker->gzip == NULL)
		worker->gzip = kith_gzip_new();
	if (worker->gzip != NULL &&
	    kith_gzip_add(worker->gzip, body->data, body->n, true, &worker->packed))
		return true;
	kith_gzip_free(worker->gzip); /* where it stopped is not known */
	worker->gzip = NULL;
	return false;
}

void kith_http_reply(struct kith_conn *conn, struct kith_http_conn *http,
		     const struct kith_reply *reply)
{
	struct kith_worker *worker = kith_conn_worker(conn);
	bool keep = http->head.keep_alive && http->body_done;
	bool varies = reply->body->n > GZIP_WORTH;
	bool gzip = varies && http->head.takes_gzip && pack(worker, reply->body);
	const struct kith_buf *body = gzip ? &worker->packed : reply->body;

	if (reply->status == 304) {
		write_head(conn, http, reply, LENGTH_NONE, false, varies, keep);
	} else {
		write_head(conn, http, reply, body->n, gzip, varies, keep);
		if (!http->is_head) {
			kith_conn_write(conn, body->data, body->n);
			http->sent = body->n;
		}
	}
	kith_http_log(conn, http, reply->status);
	if (!keep)
		kith_conn_close(conn);
	kith_http_request_end(conn, http);
}

void kith_http_refuse(struct kith_conn *conn, struct kith_http_conn *http, unsigned status,
		      const char *code, const char *message)
{
	struct kith_worker *worker = kith_conn_worker(conn);
	struct kith_reply reply = {.body = &worker->out};

	worker->out.failed = false;
	if (kith_reply_error(&reply, status, code, message) != KITH_OK) {
		kith_conn_drop(conn);
		return;
	}
	kith_http_reply(conn, http, &reply);
}

void kith_http_refuse_and_close(struct kith_conn *conn, struct kith_http_conn *http,
				unsigned status, const char *message)
{
	http->head.keep_alive = false;
	kith_http_refuse(conn, http, status, status == 503 ? "TransientError" : "BadRequestError",
			 message);
}

/* ----------------------------------------------------------------- streams */

void kith_http_stream_begin(struct kith_conn *conn, struct kith_http_conn *http,
			    const struct kith_reply *reply)
{
	bool keep = http->head.keep_alive && !http->head.is_1_0;

	if (http->head.takes_gzip && !http->is_head)
		http->gzip = kith_gzip_new();
	write_head(conn, http, reply, LENGTH_NONE, http->gzip != NULL, true, keep);
}

void kith_http_stream_piece(struct kith_conn *conn, struct kith_http_conn *http,
			    const struct kith_buf *out, bool last)
{
	struct kith_worker *worker = kith_conn_worker(conn);
	bool chunked = !http->head.is_1_0;
	char size[24];

	if (http->is_head)
		return;
	if (http->gzip != NULL && (out->n > 0 || last)) {
		worker->packed.n = 0;
		worker->packed.failed = false;
		if (!kith_gzip_add(http->gzip, out->data, out->n, last, &worker->packed)) {
			kith_conn_drop(conn);
			return;
		}
		out = &worker->packed;
	}
	http->sent += out->n;
	if (out->n > 0 && chunked) {
		(void)snprintf(size, sizeof size, "%zx\r\n", out->n);
		kith_conn_write(conn, size, strlen(size));
	}
	kith_conn_write(conn, out->data, out->n);
	if (out->n > 0 && chunked)
		kith_conn_write(conn, "\r\n", 2);
	if (last && chunked)
		kith_conn_write(conn, "0\r\n\r\n", 5);
}
