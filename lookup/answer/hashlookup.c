/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashlookup.c: records of CIRCL hashlookup (draft-dulaunoy-hashlookup-format), one JSON object a
 * line; all values are strings, hashes are upper-case. The format has one name and one product, so
 * it shows the first occurrence, one with an extension if there is any; `kith:occurrences` tells
 * how many there are. A miss is the message of that service. A digest that fits several files gives
 * one record for each, with `kith:ambiguous`, their number.
 */
#include "answer/render.h"
#include "base/out.h"

static void member(struct kith_buf *out, const char *name, struct kith_bytes text)
{
	(void)kith_buf_add_str(out, name);
	(void)kith_json_string(out, text);
}

static void digest(struct kith_buf *out, const char *name, const uint8_t *bytes, size_t n)
{
	if (bytes == NULL)
		return;
	(void)kith_buf_add_str(out, name);
	(void)kith_json_digest(out, bytes, n, true);
}

static void number(struct kith_buf *out, const char *name, uint64_t v)
{
	(void)kith_buf_add_str(out, name);
	(void)kith_buf_add_byte(out, '"');
	(void)kith_buf_add_number(out, v);
	(void)kith_buf_add_byte(out, '"');
}

static void product(struct kith_buf *out, const struct kith_origin *origin)
{
	const struct kith_tuple *tuple = NULL;
	size_t i;

	for (i = 0; i < origin->n_tuples && tuple == NULL; i++) {
		if (origin->tuples[i].product.n > 0)
			tuple = &origin->tuples[i];
	}
	if (tuple == NULL)
		return;
	if (origin->n_systems > 0) {
		member(out, ",\"OpSystemCode\":{\"OpSystemName\":", origin->systems[0]);
		(void)kith_buf_add_byte(out, '}');
	}
	member(out, ",\"ProductCode\":{\"ApplicationType\":", origin->type);
	member(out, ",\"Language\":", origin->language);
	if (tuple->n_distributors > 0)
		member(out, ",\"MfgName\":", tuple->distributors[0]);
	member(out, ",\"ProductName\":", tuple->product);
	member(out, ",\"ProductVersion\":", tuple->version);
	(void)kith_buf_add_byte(out, '}');
}

bool kith_hashlookup_record(struct kith_buf *out, const struct kith_content *c,
			    const struct kith_seen *seen, size_t n_contents)
{
	static const struct kith_bytes none = {(const uint8_t *)"", 0};

	member(out, "{\"FileName\":", seen == NULL ? none : seen->name);
	if ((c->flags & KITH_FILE_HAS_SIZE) != 0)
		number(out, ",\"FileSize\":", c->size_bytes);
	digest(out, ",\"MD5\":", c->md5, KITH_MD5_SIZE);
	digest(out, ",\"SHA-1\":", c->sha1, KITH_SHA1_SIZE);
	digest(out, ",\"SHA-256\":", c->sha256, KITH_SHA256_SIZE);
	if (seen != NULL) {
		product(out, seen->where.node->origin);
		member(out, ",\"source\":", seen->where.node->origin->source.label);
		member(out, ",\"db\":", seen->where.node->origin->source.id);
	}
	number(out, ",\"kith:occurrences\":", c->n_occurrences);
	if (n_contents > 1)
		number(out, ",\"kith:ambiguous\":", n_contents);
	return kith_buf_add_str(out, "}\n") && !out->failed;
}

static void miss(struct kith_buf *out, const struct kith_facts *facts)
{
	static const char *const names[KITH_DIGESTS] = {"SHA-256", "SHA-1", "MD5"};
	const struct kith_query *query = facts->query;

	(void)kith_buf_add_str(out, facts->verdict == KITH_NOT_INDEXED
					? "{\"message\":\"No reference for "
					: "{\"message\":\"Non existing ");
	(void)kith_buf_add_str(out, names[query->kind]);
	(void)kith_buf_add_str(out, "\",\"query\":\"");
	(void)kith_escape_json(out, query->text, query->text_n, NULL);
	(void)kith_buf_add_str(out, "\"}\n");
}

static enum kith_status render_hashlookup(struct kith_asker *asker, const struct kith_facts *facts,
					  struct kith_render *render, struct kith_buf *out)
{
	size_t i;

	(void)render;
	if (facts->n_contents == 0)
		miss(out, facts);
	for (i = 0; i < facts->n_contents; i++) {
		struct kith_shown shown;
		struct kith_seen seen;
		enum kith_status st;

		kith_shown_start(&shown, &facts->contents[i], 1);
		st = kith_shown_next(asker, &shown, &seen);
		if (st < 0)
			return st;
		if (!kith_hashlookup_record(out, &facts->contents[i], st == KITH_OK ? &seen : NULL,
					    facts->n_contents))
			return KITH_E_NOMEM;
	}
	return out->failed ? KITH_E_NOMEM : KITH_OK;
}

const struct kith_renderer kith_renderer_hashlookup = {"hashlookup", render_hashlookup, ""};
