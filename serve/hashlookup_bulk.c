/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashlookup_bulk.c: the body of /bulk is read as a whole, so that one that is no JSON gets its
 * status; the records are made in turns, because 60,000 of them are many.
 */
#include <stdlib.h>
#include <string.h>

#include "answer/list.h"
#include "base/out.h"
#include "base/utf.h"
#include "hashlookup.h"

#define TURN_OUT ((size_t)64 << 10)
#define BATCH    32u
#define DEPTH    64u

struct text {
	const uint8_t *at, *end;
	struct kith_buf *plain; /* of the last string that had escapes */
};

static void blanks(struct text *t)
{
	while (t->at < t->end &&
	       (*t->at == ' ' || *t->at == '\t' || *t->at == '\n' || *t->at == '\r'))
		t->at++;
}

static bool next_is(struct text *t, uint8_t c)
{
	blanks(t);
	if (t->at == t->end || *t->at != c)
		return false;
	t->at++;
	return true;
}

/* A string at t; *ret is what it says, valid until the next one. */
static bool string(struct text *t, struct kith_bytes *ret)
{
	bool escapes = false;

	if (!next_is(t, '"'))
		return false;
	ret->data = t->at;
	while (t->at < t->end && *t->at != '"') {
		bool escape = *t->at == '\\' && t->end - t->at > 1;

		if (*t->at < 0x20)
			return false;
		escapes = escapes || escape;
		t->at += escape ? 2 : 1;
	}
	ret->n = (size_t)(t->at - ret->data);
	if (escapes) {
		if (!kith_json_unescape(*ret, t->plain))
			return false;
		ret->data = t->plain->data;
		ret->n = t->plain->n;
	}
	return next_is(t, '"');
}

/* Behind one value of any kind. Of what is nested only brackets and strings are checked. */
static bool skip_value(struct text *t)
{
	uint8_t open[DEPTH];
	struct kith_bytes ignored;
	size_t depth = 0;

	do {
		const uint8_t *from;

		blanks(t);
		if (t->at == t->end)
			return false;
		from = t->at;
		if (*t->at == '"') {
			if (!string(t, &ignored))
				return false;
		} else if (*t->at == '{' || *t->at == '[') {
			if (depth == DEPTH)
				return false;
			open[depth++] = *t->at++ == '{' ? '}' : ']';
		} else if (depth > 0 && *t->at == open[depth - 1]) {
			depth--;
			t->at++;
		} else if (depth > 0 && (*t->at == ',' || *t->at == ':')) {
			t->at++;
		} else {
			while (t->at < t->end &&
			       ((*t->at >= 'a' && *t->at <= 'z') ||
				(*t->at >= '0' && *t->at <= '9') || *t->at == '-' ||
				*t->at == '+' || *t->at == '.' || *t->at == 'E'))
				t->at++;
			if (t->at == from)
				return false;
		}
	} while (depth > 0);
	return true;
}

/* Behind an array; each of its values is one. */
static bool skip_array(struct text *t)
{
	if (!next_is(t, '['))
		return false;
	if (next_is(t, ']'))
		return true;
	do {
		if (!skip_value(t))
			return false;
	} while (next_is(t, ','));
	return next_is(t, ']');
}

/* Finds the array `hashes` of an object; of several the last, as parsers do. */
static bool find_hashes(struct kith_bytes body, struct kith_buf *plain, struct text *ret)
{
	struct text t = {body.data, body.data == NULL ? NULL : body.data + body.n, plain};
	bool found = false;

	if (!next_is(&t, '{'))
		return false;
	if (next_is(&t, '}'))
		return false;
	do {
		struct kith_bytes name;

		if (!string(&t, &name) || !next_is(&t, ':'))
			return false;
		if (kith_bytes_are(name, "hashes")) {
			blanks(&t);
			*ret = t;
			found = skip_array(&t);
			if (!found)
				return false;
			ret->at++;
			ret->end = t.at - 1;
		} else if (!skip_value(&t)) {
			return false;
		}
	} while (next_is(&t, ','));
	if (!next_is(&t, '}'))
		return false;
	blanks(&t);
	return found && t.at == t.end;
}

/* ---------------------------------------------------------------- the stream */

struct bulk {
	struct kith_worker *worker;
	struct kith_view *view;
	enum kith_digest kind;
	struct text hashes; /* the rest of the array */
	bool begun, any;
};

static void *bulk_open(struct kith_worker *worker, struct kith_view *view,
		       const struct kith_request *request, struct kith_reply *reply)
{
	static const struct kith_bytes none = {NULL, 0};
	enum kith_digest kind = kith_bytes_are(request->path, "/bulk/md5")    ? KITH_MD5
				: kith_bytes_are(request->path, "/bulk/sha1") ? KITH_SHA1
									      : KITH_SHA256;
	struct text hashes = {NULL, NULL, NULL};
	bool found = find_hashes(request->body, &worker->scratch, &hashes);
	struct bulk *bulk;

	if (worker->scratch.failed) {
		(void)kith_hashlookup_message(reply, 503, "Out of memory", none);
		return NULL;
	}
	if (!found) {
		(void)kith_hashlookup_message(
		    reply, 404,
		    "JSON format incorrect. An array of hashes in the key 'hashes' is expected.",
		    none);
		return NULL;
	}
	if (!kith_hashlookup_has_index(view, kind)) {
		(void)kith_hashlookup_message(reply, 501, "No reference for this kind of hash",
					      none);
		return NULL;
	}
	bulk = calloc(1, sizeof *bulk);
	if (bulk == NULL) {
		(void)kith_hashlookup_message(reply, 503, "Out of memory", none);
		return NULL;
	}
	bulk->worker = worker;
	bulk->view = view;
	bulk->kind = kind;
	bulk->hashes = hashes;
	return bulk;
}

/* The next hashes of the right kind; what else is in the array is left out, as that service does.
 */
static size_t next_hashes(struct bulk *bulk, struct kith_entry *entries, struct kith_query *queries)
{
	struct text *t = &bulk->hashes;
	unsigned looked_at = 0;
	size_t n = 0;

	while (n < BATCH && looked_at++ < 16 * BATCH && t->at < t->end) {
		struct kith_bytes text = {NULL, 0};

		blanks(t);
		if (t->at < t->end && *t->at == '"' ? !string(t, &text) : !skip_value(t))
			break;
		(void)next_is(t, ',');
		if (text.data == NULL ||
		    kith_query_parse(text, &entries[n], &queries[n]) != KITH_OK ||
		    queries[n].kind != bulk->kind)
			continue;
		queries[n].text = NULL; /* which the next string may overwrite */
		queries[n].text_n = 0;
		n++;
	}
	return n;
}

static enum kith_status put_records(struct bulk *bulk, size_t i, struct kith_buf *out)
{
	struct kith_asker *asker = bulk->view->asker;
	struct kith_facts facts;
	enum kith_status st = kith_ask_facts(asker, i, &facts);
	size_t k;

	for (k = 0; st == KITH_OK && k < facts.n_contents; k++) {
		if (bulk->any)
			(void)kith_buf_add_byte(out, ',');
		bulk->any = true;
		st = kith_hashlookup_record(asker, &facts.contents[k], out);
	}
	return st;
}

static enum kith_status bulk_turn(void *stream, const uint8_t *data, size_t n, bool last,
				  size_t *ret_used, struct kith_buf *out, enum kith_turn *ret_turn)
{
	struct bulk *bulk = stream;
	unsigned batches;

	(void)data;
	(void)n;
	(void)last;
	*ret_used = 0;
	if (!bulk->begun)
		(void)kith_buf_add_byte(out, '[');
	bulk->begun = true;
	for (batches = 0; batches < 8 && out->n < TURN_OUT; batches++) {
		struct kith_entry entries[BATCH];
		struct kith_query queries[BATCH];
		size_t n_hashes = next_hashes(bulk, entries, queries), i;
		enum kith_status st = KITH_OK;

		if (bulk->hashes.plain->failed)
			return KITH_E_NOMEM;
		if (n_hashes > 0)
			st = kith_view_ask(bulk->worker, bulk->view, queries, n_hashes);
		for (i = 0; i < n_hashes && st == KITH_OK; i++)
			st = put_records(bulk, i, out);
		if (st != KITH_OK)
			return st;
		blanks(&bulk->hashes);
		if (bulk->hashes.at == bulk->hashes.end) {
			*ret_turn = KITH_TURN_DONE;
			return kith_buf_add_str(out, "]\n") ? KITH_OK : KITH_E_NOMEM;
		}
	}
	*ret_turn = KITH_TURN_AGAIN;
	return out->failed ? KITH_E_NOMEM : KITH_OK;
}

const struct kith_stream_ops kith_hashlookup_bulk = {bulk_open, bulk_turn, free, NULL};
