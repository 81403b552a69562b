/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_conn.h: the state of a connection that speaks HTTP, for the files that work on it: http.c
 * reads requests, http_stream.c runs answers that are made piece by piece, http_reply.c writes.
 *
 * What must hold: one request at a time, so that replies come in order; the body of a request is
 * read to its end, or the connection is closed behind the reply, so that what is left of it is
 * never taken for a request; a reply that could not be finished ends with the connection and
 * without its last chunk, so that it is never taken for a whole one.
 */
#ifndef KITH_SERVE_HTTP_CONN_H
#define KITH_SERVE_HTTP_CONN_H

#include "dialect.h"
#include "gzip.h"
#include "http_parse.h"
#include "net.h"

enum kith_http_phase { KITH_HTTP_HEAD, KITH_HTTP_BODY, KITH_HTTP_STREAM };

struct kith_http_conn {
	enum kith_http_phase phase;
	size_t scanned; /* of the head, without finding its end */
	struct kith_head head;
	struct kith_buf text; /* a copy of the head */
	struct kith_buf path; /* decoded */
	struct kith_request request;
	const struct kith_route *route;
	enum kith_front front;
	bool is_head, has_stream_slot, body_done;
	bool untimed; /* a turn of the stream stopped the clock that waits for the body */
	struct kith_chunks chunks;
	uint64_t body_left;
	struct kith_buf body; /* decoded */
	size_t body_at;       /* what is before was taken */
	size_t counted;       /* of it, in worker->ahead */
	void *stream;
	struct kith_view *view; /* of the stream */
	struct kith_gzip *gzip; /* of the stream; NULL: it is sent as it is */
	uint64_t sent;          /* bytes of the reply's body, for the log */
};

/* ------------------------------------------------------------- http_reply.c */

/* A whole reply, and the end of the request. */
void kith_http_reply(struct kith_conn *conn, struct kith_http_conn *http,
		     const struct kith_reply *reply);
void kith_http_refuse(struct kith_conn *conn, struct kith_http_conn *http, unsigned status,
		      const char *code, const char *message);
/* For a request whose body is not read: nothing may follow on this connection. */
void kith_http_refuse_and_close(struct kith_conn *conn, struct kith_http_conn *http,
				unsigned status, const char *message);
/* The head, a piece, the end of a reply of a length that is not known. */
void kith_http_stream_begin(struct kith_conn *conn, struct kith_http_conn *http,
			    const struct kith_reply *reply);
void kith_http_stream_piece(struct kith_conn *conn, struct kith_http_conn *http,
			    const struct kith_buf *out, bool last);
void kith_http_log(struct kith_conn *conn, struct kith_http_conn *http, unsigned status);

/* ------------------------------------------------------------ http_stream.c */

/* The route's answer: whole, or the beginning of a stream. */
void kith_http_answer(struct kith_conn *conn, struct kith_http_conn *http);
/* True: there is something to do at once. */
bool kith_http_stream_turn(struct kith_conn *conn, struct kith_http_conn *http);
void kith_http_stream_close(struct kith_conn *conn, struct kith_http_conn *http);

/* ------------------------------------------------------------------- http.c */

void kith_http_request_end(struct kith_conn *conn, struct kith_http_conn *http);

#endif
