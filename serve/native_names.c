/* SPDX-License-Identifier: Apache-2.0 */
/*
 * native_names.c: the files that were seen under a name, as `kith name` tells. Whether there is any
 * is known at once; to find them all files are read. The name is the whole name, in the same case.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/out.h"
#include "native.h"
#include "walk.h"

struct names {
	struct kith_walk walk;
	uint32_t ranks[KITH_LIMIT_SETS]; /* of the name; UINT32_MAX: a set does not have it */
	struct kith_buf name;
	uint64_t limit, n; /* 0: all */
	bool begun, full;
	struct kith_buf *out; /* of this turn */
};

static void names_close(void *stream)
{
	struct names *names = stream;

	kith_walk_done(&names->walk);
	kith_buf_done(&names->name);
	free(names);
}

/* Fills ranks; KITH_NOT_FOUND: no set has the name. */
static enum kith_status find_ranks(struct kith_view *view, struct names *names)
{
	enum kith_status any = KITH_NOT_FOUND;
	size_t s;

	for (s = 0; s < kith_asker_sets(view->asker); s++) {
		enum kith_status st =
		    kith_name_find(kith_asker_reader(view->asker, s), names->name.data,
				   names->name.n, &names->ranks[s]);

		if (st < 0)
			return st;
		if (st == KITH_OK)
			any = KITH_OK;
		else
			names->ranks[s] = UINT32_MAX;
	}
	return any;
}

/* False: the reply says why. */
static bool prepare(struct names *names, struct kith_worker *worker, struct kith_view *view,
		    const struct kith_request *request, struct kith_reply *reply)
{
	struct kith_buf text = {NULL, 0, 0, false};
	struct kith_bytes value = request->rest;
	enum kith_status st;
	bool ok;

	if (value.n == 0) /* a name with slashes, or none */
		value = kith_query_param(request->query, "name", &text);
	ok = kith_buf_add(&names->name, value.data, value.n);
	names->limit = kith_query_number(request->query, "limit", KITH_LIMIT_SHOWN);
	st = ok && value.n > 0 ? find_ranks(view, names) : KITH_NOT_FOUND;
	if (value.n == 0)
		(void)kith_reply_error(reply, 400, "BadRequestError", "a name is missing");
	else if (!ok || st == KITH_E_NOMEM)
		(void)kith_reply_error(reply, 503, "TransientError", "out of memory");
	else if (st < 0)
		(void)kith_reply_error(reply, 503, "TransientError", "a set is damaged");
	else if (st == KITH_NOT_FOUND)
		(void)kith_reply_error(reply, 404, "NotFoundError", "no file has this name");
	ok = ok && st == KITH_OK;
	if (ok && !kith_walk_start(&names->walk, worker, view)) {
		(void)kith_reply_error(reply, 503, "TransientError",
				       "too many requests of this kind at a time");
		ok = false;
	}
	value = kith_query_param(request->query, "cursor", &text);
	if (ok && value.n > 0 && !kith_walk_resume(&names->walk, value)) {
		(void)kith_reply_error(reply, 400, "BadRequestError",
				       "the cursor is none of an answer");
		ok = false;
	}
	kith_buf_done(&text);
	return ok;
}

static void *names_open(struct kith_worker *worker, struct kith_view *view,
			const struct kith_request *request, struct kith_reply *reply)
{
	struct names *names = calloc(1, sizeof *names);

	if (names == NULL) {
		(void)kith_reply_error(reply, 503, "TransientError", "out of memory");
		return NULL;
	}
	if (prepare(names, worker, view, request, reply))
		return names;
	names_close(names);
	return NULL;
}

static enum kith_status has_name(void *user, size_t set, const struct kith_file *file)
{
	const struct names *names = user;
	struct kith_occurrence occurrence;
	struct kith_file_iter iter;
	enum kith_status st;

	if (names->ranks[set] == UINT32_MAX)
		return KITH_NOT_FOUND;
	st = kith_occurrences(file, &iter);
	while (st == KITH_OK && (st = kith_occurrence_next(&iter, &occurrence)) == KITH_OK) {
		if (occurrence.name == names->ranks[set])
			return KITH_OK;
	}
	return st < 0 ? st : KITH_NOT_FOUND;
}

static enum kith_status each(void *user, const struct kith_content *content)
{
	struct names *names = user;
	struct kith_buf *out = names->out;
	enum kith_status st = kith_walk_any(content, has_name, names);

	if (st != KITH_OK)
		return st < 0 ? st : KITH_OK;
	(void)kith_buf_add_str(out, names->n++ == 0 ? "{\"sha256\":" : ",{\"sha256\":");
	(void)kith_json_digest(out, content->sha256, KITH_SHA256_SIZE, false);
	(void)kith_buf_add_str(out, ",\"sha1\":");
	(void)kith_json_digest(out, content->sha1, KITH_SHA1_SIZE, false);
	(void)kith_buf_add_str(out, ",\"md5\":");
	(void)kith_json_digest(out, content->md5, KITH_MD5_SIZE, false);
	(void)kith_buf_add_str(out, ",\"size\":");
	if ((content->flags & KITH_FILE_HAS_SIZE) != 0)
		(void)kith_buf_add_number(out, content->size_bytes);
	else
		(void)kith_buf_add_str(out, "null");
	(void)kith_buf_add_byte(out, '}');
	if (out->failed)
		return KITH_E_NOMEM;
	names->full = names->limit > 0 && names->n >= names->limit;
	return names->full || out->n > ((size_t)64 << 10) ? KITH_END : KITH_OK;
}

static enum kith_status names_turn(void *stream, const uint8_t *data, size_t n, bool last,
				   size_t *ret_used, struct kith_buf *out, enum kith_turn *ret_turn)
{
	struct names *names = stream;
	enum kith_status st;

	(void)data;
	(void)last;
	*ret_used = n;
	*ret_turn = KITH_TURN_AGAIN;
	names->out = out;
	if (!names->begun) {
		struct kith_bytes name = {names->name.data, names->name.n};

		(void)kith_buf_add_str(out, "{\"name\":");
		(void)kith_json_string(out, name);
		(void)kith_buf_add_str(out, ",\"files\":[");
		names->begun = true;
	}
	st = kith_walk_turn(&names->walk, each, names);
	if (st < 0 || (st == KITH_OK && !names->full))
		return st;
	*ret_turn = KITH_TURN_DONE;
	if (st == KITH_END)
		return kith_buf_add_str(out, "],\"truncated\":false}\n") ? KITH_OK : KITH_E_NOMEM;
	(void)kith_buf_add_str(out, "],\"truncated\":true,\"cursor\":\"");
	(void)kith_walk_mark(&names->walk, out);
	return kith_buf_add_str(out, "\"}\n") && !out->failed ? KITH_OK : KITH_E_NOMEM;
}

const struct kith_stream_ops kith_native_names = {names_open, names_turn, names_close, NULL};
