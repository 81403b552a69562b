/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsonl.c: one JSON object a line, for each query in order, with everything that is known.
 *
 * A query that fits several files has `"ambiguous":true` and a list `files`; otherwise the file's
 * members stand in the object itself. A name with bytes that are not UTF-8 has U+FFFD in their
 * place and a member `name_hex` beside it that has all its bytes.
 *
 * This is the format in which lists are answered, so what occurrences share is rendered once for
 * each place (chain.h) and then copied.
 */
#include <string.h>

#include "answer/render.h"
#include "base/hex.h"
#include "base/out.h"

static void key(struct kith_buf *out, const char *name)
{
	(void)kith_buf_add_str(out, name);
}

/* "product":..,"version":..,"distributors":[..],"source":..,"evidence":.. */
static bool keep_tuple(struct kith_chain *chain, const struct kith_origin *origin,
		       struct kith_tuple *tuple)
{
	struct kith_buf buf = {NULL, 0, 0, false};

	key(&buf, "\"product\":");
	if (tuple->product.n == 0)
		(void)kith_buf_add_str(&buf, "null");
	else
		(void)kith_json_string(&buf, tuple->product);
	key(&buf, ",\"version\":");
	if (tuple->version.n == 0)
		(void)kith_buf_add_str(&buf, "null");
	else
		(void)kith_json_string(&buf, tuple->version);
	key(&buf, ",\"distributors\":");
	(void)kith_json_texts(&buf, tuple->distributors, tuple->n_distributors);
	key(&buf, ",\"source\":");
	(void)kith_json_string(&buf, origin->source.label);
	key(&buf, ",\"evidence\":\"");
	(void)kith_buf_add_str(&buf, kith_evidence_text(origin->source.evidence));
	key(&buf, "\",\"chain\":\"");
	if (!buf.failed)
		tuple->json = kith_chain_keep(chain, buf.data, buf.n);
	kith_buf_done(&buf);
	return tuple->json.data != NULL;
}

/* The chain down to a node and its separator, escaped. */
static bool keep_node(struct kith_chain *chain, struct kith_node *node)
{
	struct kith_buf buf = {NULL, 0, 0, false};

	(void)kith_escape_json(&buf, node->text.data, node->text.n, NULL);
	(void)kith_escape_json(&buf, node->separator.data, node->separator.n, NULL);
	if (!buf.failed)
		node->json = kith_chain_keep(chain, buf.data, buf.n);
	kith_buf_done(&buf);
	return node->json.data != NULL;
}

/* Appends where there is room already. */
static void put(struct kith_buf *out, const void *data, size_t n)
{
	memcpy(out->data + out->n, data, n);
	out->n += n;
}

/* " > ", "/" and the like, escaped, where there is room already. */
static void put_separator(struct kith_buf *out, struct kith_bytes separator)
{
	size_t i;

	for (i = 0; i < separator.n; i++) {
		if (separator.data[i] == '\\')
			out->data[out->n++] = '\\';
		out->data[out->n++] = separator.data[i];
	}
}

/*
 * One object for each product of the occurrence. The name and the path are escaped once, for the
 * first, and copied for the others. Most of the time of a list's answers is spent here.
 */
static bool occurrence(struct kith_chain *chain, const struct kith_seen *seen, struct kith_buf *out,
		       bool *first)
{
	static const char head[] = ",{\"name\":\"", hex_head[] = "\",\"name_hex\":\"",
			  tail[] = "\"}";
	struct kith_node *node = seen->where->node;
	struct kith_origin *origin = node->origin;
	size_t i, name_at = 0, name_n = 0, path_at = 0, path_n = 0;
	unsigned k;
	bool lossy = false;

	if (node->json.data == NULL && !keep_node(chain, node))
		return false;
	for (i = 0; i < origin->n_tuples; i++) {
		struct kith_tuple *tuple = &origin->tuples[i];

		if (tuple->json.data == NULL && !keep_tuple(chain, origin, tuple))
			return false;
		if (kith_buf_room(out, sizeof head + sizeof hex_head + sizeof tail + 16 +
					   8 * seen->name.n + 2 * name_n + path_n + tuple->json.n +
					   node->json.n) == NULL)
			return false;
		put(out, head + *first, sizeof head - 1 - *first);
		*first = false;
		if (i > 0) {
			put(out, out->data + name_at, name_n);
		} else {
			name_at = out->n;
			(void)kith_escape_json(out, seen->name.data, seen->name.n, &lossy);
			name_n = out->n - name_at;
		}
		if (lossy) {
			put(out, hex_head, sizeof hex_head - 1);
			(void)kith_hex_encode(seen->name.data, seen->name.n,
					      (char *)out->data + out->n);
			out->n += 2 * seen->name.n;
		}
		put(out, "\",", 2);
		put(out, tuple->json.data, tuple->json.n);
		put(out, node->json.data, node->json.n);
		if (i > 0) {
			put(out, out->data + path_at, path_n);
		} else {
			path_at = out->n;
			for (k = seen->where->n_parts; k > 0; k--) {
				const struct kith_part *part = &seen->where->parts[k - 1];

				(void)kith_escape_json(out, part->name.data, part->name.n, NULL);
				if (kith_buf_room(out, 2 * part->separator.n) == NULL)
					return false;
				put_separator(out, part->separator);
			}
			path_n = out->n - path_at;
			if (kith_buf_room(out, name_n + sizeof tail) == NULL)
				return false;
		}
		put(out, out->data + name_at, name_n);
		put(out, tail, 2);
	}
	return !out->failed;
}

static void alternates(struct kith_buf *out, const struct kith_content *c)
{
	const char *before = ",\"alternates\":[{\"sha1\":";
	struct kith_alternate alt;
	struct kith_file_iter iter;
	size_t i;

	if ((c->flags & KITH_FILE_CONFLICT) == 0)
		return;
	for (i = 0; i < c->n_records; i++) {
		if (kith_alternates(&c->records[i].file, &iter) < 0)
			continue;
		while (kith_alternate_next(&iter, &alt) == KITH_OK) {
			key(out, before);
			(void)kith_json_digest(out, alt.sha1, KITH_SHA1_SIZE, false);
			key(out, ",\"md5\":");
			(void)kith_json_digest(out, alt.md5, KITH_MD5_SIZE, false);
			key(out, ",\"size\":");
			if (alt.has_size != 0)
				(void)kith_buf_add_number(out, alt.size_bytes);
			else
				(void)kith_buf_add_str(out, "null");
			(void)kith_buf_add_byte(out, '}');
			before = ",{\"sha1\":";
		}
	}
	if (before[1] == '{')
		(void)kith_buf_add_byte(out, ']');
}

/* The members of one file, without braces. */
static enum kith_status content(struct kith_asker *asker, const struct kith_content *c,
				struct kith_render *render, struct kith_buf *out)
{
	enum kith_status st = kith_ask_known(asker, c, &render->known);
	struct kith_shown shown;
	struct kith_seen seen;
	bool first = true;
	const char *word;
	uint32_t flag;
	unsigned i;

	if (st != KITH_OK)
		return st;
	key(out, "\"sha256\":");
	(void)kith_json_digest(out, c->sha256, KITH_SHA256_SIZE, false);
	key(out, ",\"sha1\":");
	(void)kith_json_digest(out, c->sha1, KITH_SHA1_SIZE, false);
	key(out, ",\"md5\":");
	(void)kith_json_digest(out, c->md5, KITH_MD5_SIZE, false);
	key(out, ",\"size\":");
	if ((c->flags & KITH_FILE_HAS_SIZE) != 0)
		(void)kith_buf_add_number(out, c->size_bytes);
	else
		(void)kith_buf_add_str(out, "null");
	key(out, ",\"flags\":[");
	for (i = 0; (word = kith_flag_word(i, &flag)) != NULL; i++) {
		if ((c->flags & flag) == 0)
			continue;
		(void)kith_buf_add_str(out, first ? "\"" : ",\"");
		(void)kith_buf_add_str(out, word);
		(void)kith_buf_add_byte(out, '"');
		first = false;
	}
	(void)kith_buf_add_byte(out, ']');
	alternates(out, c);
	key(out, ",\"known_distributors\":");
	(void)kith_json_known(out, &render->known);
	key(out, ",\"occurrences\":[");
	first = true;
	kith_shown_start(&shown, c, render->limit);
	while ((st = kith_shown_next(asker, &shown, &seen)) == KITH_OK) {
		if (!occurrence(kith_asker_chain(asker, seen.set), &seen, out, &first))
			return KITH_E_NOMEM;
	}
	if (st != KITH_END)
		return st;
	key(out, "],\"occurrences_total\":");
	(void)kith_buf_add_number(out, c->n_occurrences);
	key(out, shown.pass == 0 ? ",\"truncated\":false" : ",\"truncated\":true");
	return out->failed ? KITH_E_NOMEM : KITH_OK;
}

/* Nothing is known but the digest itself; the members are those of a file all the same. */
static void nothing(const struct kith_query *query, struct kith_buf *out)
{
	key(out, "\"sha256\":");
	(void)kith_json_digest(out, query->kind == KITH_SHA256 ? query->bytes : NULL,
			       KITH_SHA256_SIZE, false);
	key(out, ",\"sha1\":");
	(void)kith_json_digest(out, query->kind == KITH_SHA1 ? query->bytes : NULL, KITH_SHA1_SIZE,
			       false);
	key(out, ",\"md5\":");
	(void)kith_json_digest(out, query->kind == KITH_MD5 ? query->bytes : NULL, KITH_MD5_SIZE,
			       false);
	key(out, ",\"size\":null,\"flags\":[],\"known_distributors\":null,\"occurrences\":[],"
		 "\"occurrences_total\":0,\"truncated\":false");
}

static enum kith_status render_jsonl(struct kith_asker *asker, const struct kith_facts *facts,
				     struct kith_render *render, struct kith_buf *out)
{
	struct kith_bytes text = {facts->query->text, facts->query->text_n};
	enum kith_status st = KITH_OK;
	size_t i;

	key(out, "{\"query\":");
	(void)kith_json_string(out, text);
	key(out, ",\"verdict\":\"");
	(void)kith_buf_add_str(out, kith_verdict_text(facts->verdict));
	key(out, "\",");
	if (facts->n_contents == 0)
		nothing(facts->query, out);
	else if (facts->n_contents == 1)
		st = content(asker, &facts->contents[0], render, out);
	else
		key(out, "\"ambiguous\":true,\"files\":[");
	for (i = 0; i < facts->n_contents && facts->n_contents > 1 && st == KITH_OK; i++) {
		key(out, i == 0 ? "{" : ",{");
		st = content(asker, &facts->contents[i], render, out);
		key(out, "}");
	}
	key(out, facts->n_contents > 1 ? "]}\n" : "}\n");
	return st == KITH_OK && out->failed ? KITH_E_NOMEM : st;
}

const struct kith_renderer kith_renderer_jsonl = {"jsonl", render_jsonl, ""};
