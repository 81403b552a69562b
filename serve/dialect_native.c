/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dialect_native.c: kith's own answers. /v1/files gives the objects of `kith lookup --format
 * jsonl`, byte for byte. An entry of a list that is no hash is answered in its turn, with a member
 * `error`.
 */
#include <stdlib.h>
#include <string.h>

#include "answer/info.h"
#include "answer/list.h"
#include "base/hex.h"
#include "base/limits.h"
#include "base/out.h"
#include "native.h"

#define TURN_OUT ((size_t)64 << 10) /* bytes of answers in one turn */

/* ------------------------------------------------------------- one file */

static enum kith_status ask_one(struct kith_worker *worker, struct kith_view *view,
				struct kith_bytes text, struct kith_entry *entry,
				struct kith_query *query, struct kith_facts *facts,
				struct kith_reply *reply)
{
	enum kith_status st;

	if (kith_query_parse(text, entry, query) != KITH_OK) {
		st = kith_reply_error(reply, 400, "BadRequestError", entry->reason);
		return st == KITH_OK ? KITH_E_ARG : st;
	}
	st = kith_view_ask(worker, view, query, 1);
	return st != KITH_OK ? st : kith_ask_facts(view->asker, 0, facts);
}

static enum kith_status one_file(struct kith_worker *worker, struct kith_view *view,
				 const struct kith_request *request, struct kith_reply *reply)
{
	struct kith_entry entry;
	struct kith_query query;
	struct kith_facts facts;
	enum kith_status st = ask_one(worker, view, request->rest, &entry, &query, &facts, reply);

	if (st != KITH_OK)
		return st == KITH_E_ARG ? KITH_OK : st;
	worker->render.limit = kith_query_number(request->query, "limit", KITH_LIMIT_SHOWN);
	st = kith_renderer_find("jsonl")->render(view->asker, &facts, &worker->render, reply->body);
	worker->render.limit = KITH_LIMIT_SHOWN;
	return st;
}

/* -------------------------------------------------------------------- why */

static enum kith_status chains(struct kith_view *view, const struct kith_content *content,
			       uint64_t limit, struct kith_buf *out)
{
	struct kith_shown shown;
	struct kith_seen seen;
	enum kith_status st;
	bool first = true;
	unsigned k;

	(void)kith_buf_add_str(out, "{\"sha256\":");
	(void)kith_json_digest(out, content->sha256, KITH_SHA256_SIZE, false);
	(void)kith_buf_add_str(out, ",\"sha1\":");
	(void)kith_json_digest(out, content->sha1, KITH_SHA1_SIZE, false);
	(void)kith_buf_add_str(out, ",\"chains\":[");
	kith_shown_start(&shown, content, limit);
	while ((st = kith_shown_next(view->asker, &shown, &seen)) == KITH_OK) {
		const struct kith_where *where = seen.where;

		(void)kith_buf_add_str(out, first ? "\"" : ",\"");
		first = false;
		(void)kith_escape_json(out, where->node->text.data, where->node->text.n, NULL);
		(void)kith_escape_json(out, where->node->separator.data, where->node->separator.n,
				       NULL);
		for (k = where->n_parts; k > 0; k--) {
			const struct kith_part *part = &where->parts[k - 1];

			(void)kith_escape_json(out, part->name.data, part->name.n, NULL);
			(void)kith_escape_json(out, part->separator.data, part->separator.n, NULL);
		}
		(void)kith_escape_json(out, seen.name.data, seen.name.n, NULL);
		if (!kith_buf_add_byte(out, '"'))
			return KITH_E_NOMEM;
	}
	(void)kith_buf_add_str(out, "],\"occurrences_total\":");
	(void)kith_buf_add_number(out, content->n_occurrences);
	(void)kith_buf_add_str(out,
			       shown.pass == 0 ? ",\"truncated\":false}" : ",\"truncated\":true}");
	return st == KITH_END ? KITH_OK : st;
}

static enum kith_status why(struct kith_worker *worker, struct kith_view *view,
			    const struct kith_request *request, struct kith_reply *reply)
{
	uint64_t limit = kith_query_number(request->query, "limit", KITH_LIMIT_SHOWN);
	struct kith_buf *out = reply->body;
	struct kith_entry entry;
	struct kith_query query;
	struct kith_facts facts;
	enum kith_status st = ask_one(worker, view, request->rest, &entry, &query, &facts, reply);
	size_t i;

	if (st != KITH_OK)
		return st == KITH_E_ARG ? KITH_OK : st;
	(void)kith_buf_add_str(out, "{\"query\":");
	(void)kith_json_string(out, request->rest);
	(void)kith_buf_add_str(out, ",\"verdict\":\"");
	(void)kith_buf_add_str(out, kith_verdict_text(facts.verdict));
	(void)kith_buf_add_str(out, "\",\"files\":[");
	for (i = 0; i < facts.n_contents && st == KITH_OK; i++) {
		if (i > 0)
			(void)kith_buf_add_byte(out, ',');
		st = chains(view, &facts.contents[i], limit, out);
	}
	(void)kith_buf_add_str(out, "]}\n");
	return st;
}

/* ------------------------------------------------------------------- sets */

/* The file's name alone: clients need not know how folders of the server are called. */
static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL || slash[1] == '\0' ? path : slash + 1;
}

static enum kith_status sets(struct kith_worker *worker, struct kith_view *view,
			     const struct kith_request *request, struct kith_reply *reply)
{
	const struct kith_sets *all = &view->snapshot->sets;
	struct kith_buf *out = reply->body;
	size_t i;

	(void)worker;
	(void)request;
	(void)kith_buf_add_str(out, "{\"sets\":[");
	for (i = 0; i < all->n; i++) {
		enum kith_status st;

		if (i > 0)
			(void)kith_buf_add_byte(out, ',');
		st = kith_info_json(all->sets[i], kith_asker_reader(view->asker, i),
				    base_name(all->paths[i]), false, out);
		if (st != KITH_OK)
			return st < 0 ? st : KITH_E_CORRUPT;
		out->n--; /* its line's end */
	}
	return kith_buf_add_str(out, "]}\n") && !out->failed ? KITH_OK : KITH_E_NOMEM;
}

/* ------------------------------------------------------------------- lists */

enum form { FORM_START, FORM_UNKNOWN, FORM_LINES, FORM_ARRAY, FORM_ENDED };

struct list {
	struct kith_worker *worker;
	struct kith_view *view;
	enum form form;
	uint64_t limit; /* occurrences of each answer */
	bool comma;     /* an array: an element was read, a comma or the end must follow */
};

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* An element of an array at p: its length; 0: its end has not come yet. */
static size_t element(const uint8_t *p, size_t n)
{
	unsigned depth = 0;
	bool quoted = false;
	size_t i;

	for (i = 0; i < n; i++) {
		uint8_t c = p[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (c == '}' || c == ']' || c == ',') {
			if (depth == 0)
				return i; /* of the array */
			depth -= c != ',';
		}
		if (!quoted && depth == 0 && (c == '"' || c == '}') && i < n)
			return i + 1;
	}
	return 0;
}

/* Finds the next entry of what came. Its length is *ret_n, 0 for none; what is before and behind it
 * is counted in *ret_used. False: what follows cannot be read. */
static bool next_entry(struct list *list, const uint8_t *data, size_t n, bool last,
		       const uint8_t **ret_entry, size_t *ret_n, size_t *ret_used)
{
	static const uint8_t bom[] = {0xef, 0xbb, 0xbf};
	size_t i = 0, m;

	*ret_n = 0;
	*ret_used = 0;
	if (list->form == FORM_START) {
		bool has_bom = memcmp(data, bom, n < sizeof bom ? n : sizeof bom) == 0;

		if (has_bom && n < sizeof bom && !last)
			return true;
		list->form = FORM_UNKNOWN;
		if (has_bom && n >= sizeof bom) {
			*ret_used = sizeof bom;
			return true;
		}
	}
	if (list->form != FORM_LINES) {
		while (i < n && is_blank(data[i]))
			i++;
		*ret_used = i;
		if (i == n)
			return true;
	}
	if (list->form == FORM_UNKNOWN) {
		list->form = data[i] == '[' ? FORM_ARRAY : FORM_LINES;
		if (list->form == FORM_ARRAY) {
			*ret_used = i + 1;
			return true;
		}
	}
	if (list->form == FORM_ENDED)
		return false; /* something behind the array */
	if (list->form == FORM_LINES) {
		const uint8_t *lf = memchr(data, '\n', n);

		m = lf == NULL ? n : (size_t)(lf - data);
		*ret_used = 0;
		if (lf == NULL && !last && n <= KITH_LIMIT_SERVE_ENTRY)
			return true;
		if (m > KITH_LIMIT_SERVE_ENTRY)
			return false;
		*ret_entry = data;
		*ret_n = m;
		*ret_used = m + (lf != NULL);
		return true;
	}
	if (data[i] == ']') {
		list->form = FORM_ENDED;
		*ret_used = i + 1;
		return true;
	}
	if (list->comma) {
		list->comma = false;
		*ret_used = i + 1;
		return data[i] == ',';
	}
	m = element(data + i, n - i);
	if (m == 0 && (last || n - i > KITH_LIMIT_SERVE_ENTRY || data[i] == ','))
		return false;
	if (m == 0)
		return true;
	list->comma = true;
	*ret_entry = data + i;
	*ret_n = m;
	*ret_used = i + m;
	return true;
}

static void bad_entry(struct kith_buf *out, struct kith_bytes text, const char *reason)
{
	struct kith_bytes shown = {text.data, text.n < 200 ? text.n : 200};
	struct kith_bytes why_bad = {(const uint8_t *)reason, strlen(reason)};

	(void)kith_buf_add_str(out, "{\"query\":");
	(void)kith_json_string(out, shown);
	(void)kith_buf_add_str(out, ",\"error\":");
	(void)kith_json_string(out, why_bad);
	(void)kith_buf_add_str(out, "}\n");
}

static enum kith_status entry_answer(struct list *list, struct kith_bytes text,
				     struct kith_buf *out)
{
	struct kith_worker *worker = list->worker;
	struct kith_entry entry;
	struct kith_query query;
	struct kith_facts facts;
	enum kith_status st;

	kith_list_line(text.data, text.n, &entry);
	while (text.n > 0 && is_blank(text.data[text.n - 1]))
		text.n--;
	if (entry.kind == KITH_ENTRY_NONE)
		return KITH_OK;
	if (entry.kind != KITH_ENTRY_HASH) {
		bad_entry(out, text, entry.kind == KITH_ENTRY_BAD ? entry.reason : "no hash");
		return KITH_OK;
	}
	query.kind = entry.digest;
	query.bytes = entry.bytes;
	query.text = entry.text;
	query.text_n = entry.text_n;
	st = kith_view_ask(worker, list->view, &query, 1);
	if (st == KITH_OK)
		st = kith_ask_facts(list->view->asker, 0, &facts);
	if (st != KITH_OK)
		return st;
	worker->render.limit = list->limit;
	st = kith_renderer_find("jsonl")->render(list->view->asker, &facts, &worker->render, out);
	worker->render.limit = KITH_LIMIT_SHOWN;
	return st;
}

static void *list_open(struct kith_worker *worker, struct kith_view *view,
		       const struct kith_request *request, struct kith_reply *reply)
{
	struct list *list = calloc(1, sizeof *list);

	if (list == NULL) {
		(void)kith_reply_error(reply, 503, "TransientError", "out of memory");
		return NULL;
	}
	list->worker = worker;
	list->view = view;
	list->limit = kith_query_number(request->query, "limit", KITH_LIMIT_SHOWN);
	reply->type = "application/x-ndjson";
	return list;
}

static enum kith_status list_turn(void *stream, const uint8_t *data, size_t n, bool last,
				  size_t *ret_used, struct kith_buf *out, enum kith_turn *ret_turn)
{
	struct list *list = stream;
	size_t at = 0;

	*ret_used = 0;
	while (at < n && out->n < TURN_OUT) {
		struct kith_bytes text = {NULL, 0};
		size_t used = 0;
		enum kith_status st;

		if (!next_entry(list, data + at, n - at, last, &text.data, &text.n, &used)) {
			text.data = data + at;
			text.n = n - at;
			bad_entry(out, text,
				  list->form == FORM_LINES
				      ? "the line is too long; nothing behind it was read"
				      : "not a JSON array; nothing from here on was read");
			*ret_used = n;
			*ret_turn = KITH_TURN_DONE;
			return KITH_OK;
		}
		if (used == 0)
			break;
		at += used;
		if (text.n == 0)
			continue;
		st = entry_answer(list, text, out);
		if (st != KITH_OK)
			return st;
	}
	*ret_used = at;
	if (out->n >= TURN_OUT && (at < n || !last)) {
		*ret_turn = KITH_TURN_AGAIN;
		return KITH_OK;
	}
	*ret_turn = last && at == n ? KITH_TURN_DONE : KITH_TURN_INPUT;
	if (*ret_turn == KITH_TURN_DONE && list->form == FORM_ARRAY) {
		struct kith_bytes none = {(const uint8_t *)"", 0};

		bad_entry(out, none, "the JSON array does not end");
	}
	return KITH_OK;
}

static const struct kith_stream_ops list_ops = {list_open, list_turn, free, NULL};

static const struct kith_route routes[] = {
    {.path = "/v1/files/", .methods = KITH_GET, .answer = one_file},
    {.path = "/v1/files", .methods = KITH_POST, .stream = &list_ops},
    {.path = "/v1/why/", .methods = KITH_GET, .answer = why},
    {.path = "/v1/names", .methods = KITH_GET, .stream = &kith_native_names},
    {.path = "/v1/names/", .methods = KITH_GET, .stream = &kith_native_names},
    {.path = "/v1/sets", .methods = KITH_GET, .answer = sets},
};

const struct kith_dialect kith_dialect_native = {KITH_FRONT_NATIVE, routes,
						 sizeof routes / sizeof *routes};
