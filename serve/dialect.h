/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dialect.h: what HTTP asks a dialect, and what it gets. A dialect is one file and one row in
 * dialects.def. It knows neither sockets nor the way of bytes over HTTP: it is given a request that
 * was checked (its method is one of the route's, its path decodes, its key is right), reads the
 * view's sets and fills a reply. A fault in a set ends the call from outside (guard.h), so what it
 * allocates belongs to the reply or to the worker.
 */
#ifndef KITH_SERVE_DIALECT_H
#define KITH_SERVE_DIALECT_H

#include <stdbool.h>

#include "worker.h"

#define KITH_GET  1u /* and HEAD */
#define KITH_POST 2u

struct kith_request {
	unsigned method;         /* KITH_GET or KITH_POST */
	struct kith_bytes path;  /* decoded; no slash twice, none at the end */
	struct kith_bytes rest;  /* what follows the route's path; NULs and controls are possible */
	struct kith_bytes query; /* behind the '?', as sent */
	struct kith_bytes host;  /* of the header, checked: letters, digits, .:-_[] */
	bool https;              /* a proxy said so */
	bool local;              /* over the Unix socket */
	struct kith_bytes body;  /* of a route that takes it whole */
	/* Header fields; data NULL: not there. */
	struct kith_bytes session; /* hashlookup_session */
	struct kith_bytes if_none_match;
};

struct kith_reply {
	unsigned status;
	const char *type;      /* NULL: application/json */
	const char *cache;     /* Cache-Control; NULL: no-store */
	const char *fields;    /* more header fields, each ended by CRLF; NULL: none */
	struct kith_buf *body; /* it is sent compressed where that is accepted and worth it */
};

enum kith_turn {
	KITH_TURN_INPUT, /* took what it could, wants more */
	KITH_TURN_AGAIN, /* has more to write */
	KITH_TURN_DONE
};

/* An answer that is made piece by piece, while other requests go on. */
struct kith_stream_ops {
	/* In the guard. NULL with the reply filled: it is an ordinary one. */
	void *(*open)(struct kith_worker *worker, struct kith_view *view,
		      const struct kith_request *request, struct kith_reply *reply);
	/* In the guard. Takes *ret_used of the n bytes and appends to out, some 64 KiB at most.
	 * last: no more will come. A negative status breaks the answer off. */
	enum kith_status (*turn)(void *stream, const uint8_t *data, size_t n, bool last,
				 size_t *ret_used, struct kith_buf *out, enum kith_turn *ret_turn);
	void (*close)(void *stream); /* frees it; touches no set */
	/* In the guard, before close, where the sets are whole; may be NULL. */
	void (*release)(void *stream);
};

struct kith_route {
	const char *path; /* with a '/' at its end: and whatever follows */
	unsigned methods;
	bool takes_body; /* whole, of POST; what others are sent is not read. With a stream: before
			    it is opened, and the body stays until it is closed */
	bool no_sets;    /* answers although a set is damaged; view is NULL then */
	bool no_key;     /* asks for no API key */
	bool local;      /* on the Unix socket only */
	/* KITH_OK when the reply is filled; KITH_E_NOMEM; KITH_E_CORRUPT: a set is damaged. */
	enum kith_status (*answer)(struct kith_worker *worker, struct kith_view *view,
				   const struct kith_request *request, struct kith_reply *reply);
	const struct kith_stream_ops *stream; /* instead of answer */
};

struct kith_dialect {
	enum kith_front front;
	const struct kith_route *routes;
	size_t n_routes;
};

/* dialects.def in order; NULL behind the last. */
const struct kith_dialect *kith_dialect_at(size_t i);
/* The route of a path, with the fewest surprises: an exact path before a longer prefix before a
 * shorter one. NULL: none. */
const struct kith_route *kith_route_find(struct kith_bytes path, enum kith_front *ret_front,
					 struct kith_bytes *ret_rest);

/* {"error":{"code":...,"message":...}}, the form of VirusTotal's API, for all that has no own. */
enum kith_status kith_reply_error(struct kith_reply *reply, unsigned status, const char *code,
				  const char *message);

/* The value of a parameter of the query, decoded into buf; data NULL: not there. */
struct kith_bytes kith_query_param(struct kith_bytes query, const char *name, struct kith_buf *buf);
/* A number of it; `otherwise` where it is missing or none. */
uint64_t kith_query_number(struct kith_bytes query, const char *name, uint64_t otherwise);

bool kith_bytes_are(struct kith_bytes bytes, const char *text);

#endif
