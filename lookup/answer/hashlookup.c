/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashlookup.c: records of CIRCL hashlookup (draft-dulaunoy-hashlookup-format), one JSON object a
 * line; values are strings, hashes are upper-case. The format has one name and one product, so
 * it shows the first occurrence, one with an extension if there is any; `kith:occurrences` tells
 * how many there are. A miss is the message of that service. A digest that fits several files gives
 * one record for each, with `kith:ambiguous`, their number.
 *
 * The answer to a query has, as that service's has, what the file lies in and a `hashlookup:trust`
 * that counts it: integers and a list of objects. They stand in the order of the set, where that
 * service picks by chance, so that equal questions have equal answers. A set's records as a whole
 * (export, bulk) lack them.
 */
#include <string.h>

#include "answer/render.h"
#include "answer/tree.h"
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

static const struct kith_tuple *first_product(const struct kith_origin *origin)
{
	size_t i;

	for (i = 0; i < origin->n_tuples; i++) {
		if (origin->tuples[i].product.n > 0)
			return &origin->tuples[i];
	}
	return NULL;
}

static void product(struct kith_buf *out, const struct kith_origin *origin)
{
	const struct kith_tuple *tuple = first_product(origin);

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

/* A record without its closing brace. */
static void record(struct kith_buf *out, const struct kith_content *c, const struct kith_seen *seen,
		   size_t n_contents)
{
	static const struct kith_bytes none = {(const uint8_t *)"", 0};

	member(out, "{\"FileName\":", seen == NULL ? none : seen->name);
	if ((c->flags & KITH_FILE_HAS_SIZE) != 0)
		number(out, ",\"FileSize\":", c->size_bytes);
	digest(out, ",\"MD5\":", c->md5, KITH_MD5_SIZE);
	digest(out, ",\"SHA-1\":", c->sha1, KITH_SHA1_SIZE);
	digest(out, ",\"SHA-256\":", c->sha256, KITH_SHA256_SIZE);
	if (seen != NULL) {
		product(out, seen->where->node->origin);
		member(out, ",\"source\":", seen->where->node->origin->source.label);
		member(out, ",\"db\":", seen->where->node->origin->source.id);
	}
	number(out, ",\"kith:occurrences\":", c->n_occurrences);
	if (n_contents > 1)
		number(out, ",\"kith:ambiguous\":", n_contents);
}

static enum kith_status first_seen(struct kith_asker *asker, const struct kith_content *content,
				   struct kith_seen *ret, bool *ret_any)
{
	struct kith_shown shown;
	enum kith_status st;

	kith_shown_start(&shown, content, 1);
	st = kith_shown_next(asker, &shown, ret);
	*ret_any = st == KITH_OK;
	return st < 0 ? st : KITH_OK;
}

enum kith_status kith_hashlookup_record(struct kith_asker *asker,
					const struct kith_content *content, struct kith_buf *out)
{
	struct kith_seen seen;
	bool any;
	enum kith_status st = first_seen(asker, content, &seen, &any);

	if (st != KITH_OK)
		return st;
	record(out, content, any ? &seen : NULL, 1);
	return kith_buf_add_byte(out, '}') && !out->failed ? KITH_OK : KITH_E_NOMEM;
}

/* ---------------------------------------------------------------- parents */

static void chain(struct kith_buf *out, const struct kith_where *where)
{
	unsigned k;

	(void)kith_buf_add_str(out, ",\"kith:chain\":\"");
	(void)kith_escape_json(out, where->node->text.data, where->node->text.n, NULL);
	for (k = where->n_parts; k > 0; k--) {
		struct kith_bytes before =
		    k == where->n_parts ? where->node->separator : where->parts[k].separator;

		(void)kith_escape_json(out, before.data, before.n, NULL);
		(void)kith_escape_json(out, where->parts[k - 1].name.data,
				       where->parts[k - 1].name.n, NULL);
	}
	(void)kith_buf_add_byte(out, '"');
}

static enum kith_status parent(struct kith_asker *asker, struct kith_parent which,
			       struct kith_buf *out)
{
	const struct kith_tuple *tuple;
	const struct kith_where *where;
	struct kith_place place;
	enum kith_status st =
	    kith_chain_at(kith_asker_chain(asker, which.set), which.place, &where);

	if (st == KITH_OK)
		st = kith_place(kith_asker_reader(asker, which.set), which.place, &place);
	if (st != KITH_OK)
		return st < 0 ? st : KITH_E_CORRUPT;
	member(out, "{\"source\":", where->node->origin->source.label);
	if (place.kind != KITH_PLACE_PRODUCT)
		member(out, ",\"FileName\":", place.name);
	tuple = first_product(where->node->origin);
	if (tuple != NULL) {
		member(out, ",\"PackageName\":", tuple->product);
		member(out, ",\"PackageVersion\":", tuple->version);
		if (tuple->n_distributors > 0)
			member(out, ",\"PackageMaintainer\":", tuple->distributors[0]);
	}
	chain(out, where);
	return kith_buf_add_byte(out, '}') && !out->failed ? KITH_OK : KITH_E_NOMEM;
}

/* Up to 15 parents are all shown, of more the first 10, as that service does with random ones. */
static enum kith_status parents(struct kith_asker *asker, const struct kith_content *content,
				struct kith_buf *out)
{
	struct kith_buf *list = kith_asker_scratch(asker, 0);
	enum kith_status st;
	size_t n, i, n_shown;

	list->n = 0;
	st = kith_tree_parents(asker, content, list);
	if (st != KITH_OK)
		return st;
	n = list->n / sizeof(struct kith_parent);
	n_shown = n <= 15 ? n : 10;
	(void)kith_buf_add_str(out, ",\"hashlookup:parent-total\":");
	(void)kith_buf_add_number(out, n);
	for (i = 0; i < n_shown && st == KITH_OK; i++) {
		struct kith_parent which;

		memcpy(&which, list->data + i * sizeof which, sizeof which);
		(void)kith_buf_add_str(out, i == 0 ? ",\"parents\":[" : ",");
		st = parent(asker, which, out);
	}
	if (n > 0)
		(void)kith_buf_add_byte(out, ']');
	(void)kith_buf_add_str(out, ",\"hashlookup:trust\":");
	(void)kith_buf_add_number(out, n >= 10 ? 100 : 50 + 5 * n);
	return st;
}

static void miss(struct kith_buf *out, const struct kith_facts *facts)
{
	static const char *const names[KITH_DIGESTS] = {"SHA-256", "SHA-1", "MD5"};
	const struct kith_query *query = facts->query;

	(void)kith_buf_add_str(out, facts->in_sets == KITH_NOT_INDEXED
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
		const struct kith_content *content = &facts->contents[i];
		struct kith_seen seen;
		bool any;
		enum kith_status st = first_seen(asker, content, &seen, &any);

		if (st == KITH_OK) {
			record(out, content, any ? &seen : NULL, facts->n_contents);
			st = parents(asker, content, out);
		}
		if (st != KITH_OK)
			return st;
		(void)kith_buf_add_str(out, "}\n");
	}
	return out->failed ? KITH_E_NOMEM : KITH_OK;
}

const struct kith_renderer kith_renderer_hashlookup = {"hashlookup", render_hashlookup, ""};
