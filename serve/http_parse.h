/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_parse.h: the head of a request of HTTP/1.0 and 1.1 (RFC 9112), strictly: what two servers
 * could read in two ways is refused, because one of them may be a proxy in front.
 */
#ifndef KITH_SERVE_HTTP_PARSE_H
#define KITH_SERVE_HTTP_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "kith.h"

struct kith_head {
	struct kith_bytes method;
	struct kith_bytes path;  /* decoded into the buffer; slashes collapsed, none at the end */
	struct kith_bytes query; /* as sent */
	struct kith_bytes host, key, forwarded_proto, session, if_none_match;
	bool is_1_0, keep_alive, chunked, expects_continue, has_length, takes_gzip;
	uint64_t length;
};

/*
 * Parses n bytes that end with an empty line. Pointers lead into them and into `buf`, which gets
 * the decoded path. Returns 0, or the status to answer with; *ret_why then says why.
 */
unsigned kith_head_parse(const uint8_t *text, size_t n, struct kith_buf *buf, struct kith_head *ret,
			 const char **ret_why);

/* Where the head ends: its length with the empty line, 0: not yet. Looks at nothing before *scanned
 * again, and moves that. */
size_t kith_head_end(const uint8_t *text, size_t n, size_t *scanned);

/* Appends with %HH undone (and '+' as a blank in a query); false: malformed, or no memory. */
bool kith_http_decode(const uint8_t *text, size_t n, bool query, struct kith_buf *buf);

/* A body in chunks. Zeroed: at its beginning. */
struct kith_chunks {
	int state;
	uint64_t left;
	unsigned digits;
	size_t skipped; /* bytes of extensions and trailers */
	bool done;
};

/*
 * Takes of n bytes what it can, appends at most `room` bytes of body to out. False: malformed.
 */
bool kith_chunks_take(struct kith_chunks *chunks, const uint8_t *data, size_t n, size_t room,
		      size_t *ret_used, struct kith_buf *out);

#endif
