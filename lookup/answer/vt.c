/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vt.c: the file object of VirusTotal's API v3 with the attribute known_distributors, one object a
 * line. The lists are complete whatever the limit, because the object has no place to say that
 * something was left out.
 *
 * A digest that fits several files, which that API does not know, gives an error, so that no client
 * takes one of them for the answer; `data` beside it is the list of their objects. A digest of a
 * kind that no set has an index of is another error than "not found".
 */
#include <string.h>

#include "answer/render.h"
#include "base/hex.h"
#include "base/out.h"

#define SELF "https://www.virustotal.com/api/v3/files/"

/* The SHA-256; where none is known, the SHA-1. */
static void id_hex(struct kith_buf *out, const struct kith_content *c)
{
	const uint8_t *digest = c->sha256 != NULL ? c->sha256 : c->sha1;
	size_t n = c->sha256 != NULL ? KITH_SHA256_SIZE : KITH_SHA1_SIZE;
	uint8_t *p = kith_buf_room(out, 2 * n);

	if (p == NULL)
		return;
	(void)kith_hex_encode(digest, n, (char *)p);
	out->n += 2 * n;
}

/* Is the attribute wanted, by default or by name? */
static bool wants(const struct kith_render *render, const char *name, bool by_default)
{
	struct kith_bytes list = render->vt_attributes;
	size_t n = strlen(name);

	if (list.data == NULL)
		return by_default;
	while (list.n > 0) {
		const uint8_t *comma = memchr(list.data, ',', list.n);
		size_t item = comma == NULL ? list.n : (size_t)(comma - list.data);

		if (item == n && memcmp(list.data, name, n) == 0)
			return true;
		if (comma == NULL)
			break;
		list.data = comma + 1;
		list.n -= item + 1;
	}
	return false;
}

static void key(struct kith_buf *out, const char *name)
{
	(void)kith_buf_add_str(out, ",\"");
	(void)kith_buf_add_str(out, name);
	(void)kith_buf_add_str(out, "\":");
}

static void attribute(const struct kith_render *render, struct kith_buf *out, const char *name,
		      const uint8_t *digest, size_t n)
{
	if (digest == NULL || !wants(render, name, true))
		return;
	key(out, name);
	(void)kith_json_digest(out, digest, n, false);
}

static void tags(const struct kith_known *known, struct kith_buf *out)
{
	size_t i;

	key(out, "tags");
	(void)kith_buf_add_str(out, "[\"known-distributor\"");
	for (i = 0; i < known->sources.n; i++) {
		if (kith_label_is(known->sources.items[i], KITH_LABEL_NSRL))
			(void)kith_buf_add_str(out, ",\"nsrl\"");
	}
	if (known->in_collection)
		(void)kith_buf_add_str(out, ",\"software-collection\"");
	for (i = 0; i < known->sources.n; i++) {
		if (kith_label_is(known->sources.items[i], KITH_LABEL_TRUSTED))
			(void)kith_buf_add_str(out, ",\"trusted\"");
	}
	(void)kith_buf_add_byte(out, ']');
}

static enum kith_status attributes(struct kith_asker *asker, const struct kith_content *c,
				   struct kith_render *render, struct kith_buf *out)
{
	static const char *const derived[] = {"nsrl_info", "monitor_info", "trusted_verdict"};
	enum kith_status st = KITH_OK;
	size_t i, from;

	(void)kith_buf_add_byte(out, '{');
	from = out->n;
	attribute(render, out, "sha256", c->sha256, KITH_SHA256_SIZE);
	attribute(render, out, "sha1", c->sha1, KITH_SHA1_SIZE);
	attribute(render, out, "md5", c->md5, KITH_MD5_SIZE);
	if ((c->flags & KITH_FILE_HAS_SIZE) != 0 && wants(render, "size", true)) {
		key(out, "size");
		(void)kith_buf_add_number(out, c->size_bytes);
	}
	if (wants(render, "names", true)) {
		key(out, "names");
		(void)kith_json_texts(out, render->known.names.items, render->known.names.n);
	}
	if (wants(render, "tags", true))
		tags(&render->known, out);
	if (wants(render, "known_distributors", true)) {
		key(out, "known_distributors");
		(void)kith_json_known(out, &render->known);
	}
	for (i = 0; i < sizeof derived / sizeof *derived && st == KITH_OK; i++) {
		if (wants(render, derived[i], false))
			st = kith_vt_derived(asker, c, derived[i], out);
	}
	if (st == KITH_OK && !out->failed && out->n > from) { /* the first has no comma before it */
		memmove(out->data + from, out->data + from + 1, out->n - from - 1);
		out->n--;
	}
	(void)kith_buf_add_byte(out, '}');
	return st;
}

static enum kith_status object(struct kith_asker *asker, const struct kith_content *c,
			       struct kith_render *render, struct kith_buf *out)
{
	enum kith_status st = kith_ask_known(asker, c, &render->known);

	if (st != KITH_OK)
		return st;
	(void)kith_buf_add_str(out, "{\"type\":\"file\",\"id\":\"");
	id_hex(out, c);
	(void)kith_buf_add_str(out, "\",\"links\":{\"self\":\"");
	(void)kith_buf_add_str(out, render->vt_self == NULL ? SELF : render->vt_self);
	id_hex(out, c);
	(void)kith_buf_add_str(out, "\"},\"attributes\":");
	st = attributes(asker, c, render, out);
	return !kith_buf_add_byte(out, '}') || out->failed ? KITH_E_NOMEM : st;
}

static void error(struct kith_buf *out, const struct kith_facts *facts)
{
	bool no_index = facts->in_sets == KITH_NOT_INDEXED;

	(void)kith_buf_add_str(out, "{\"error\":{\"code\":\"");
	(void)kith_buf_add_str(out, no_index ? "NotAvailableYet" : "NotFoundError");
	(void)kith_buf_add_str(out, "\",\"message\":\"");
	(void)kith_buf_add_str(out,
			       no_index ? "No reference for this kind of hash: \\\"" : "File \\\"");
	(void)kith_escape_json(out, facts->query->text, facts->query->text_n, NULL);
	(void)kith_buf_add_str(out, no_index ? "\\\"\"}}\n" : "\\\" not found\"}}\n");
}

static void ambiguous(struct kith_buf *out, const struct kith_facts *facts)
{
	(void)kith_buf_add_str(out, "\"error\":{\"code\":\"AmbiguousHashError\",\"message\":\"");
	(void)kith_buf_add_number(out, facts->n_contents);
	(void)kith_buf_add_str(out, " files have the hash \\\"");
	(void)kith_escape_json(out, facts->query->text, facts->query->text_n, NULL);
	(void)kith_buf_add_str(out, "\\\"; ask by SHA-256\"},");
}

static enum kith_status render_vt(struct kith_asker *asker, const struct kith_facts *facts,
				  struct kith_render *render, struct kith_buf *out)
{
	enum kith_status st = KITH_OK;
	size_t i;

	if (facts->n_contents == 0) {
		error(out, facts);
		return out->failed ? KITH_E_NOMEM : KITH_OK;
	}
	(void)kith_buf_add_byte(out, '{');
	if (facts->n_contents > 1)
		ambiguous(out, facts);
	(void)kith_buf_add_str(out, facts->n_contents > 1 ? "\"data\":[" : "\"data\":");
	for (i = 0; i < facts->n_contents && st == KITH_OK; i++) {
		if (i > 0)
			(void)kith_buf_add_byte(out, ',');
		st = object(asker, &facts->contents[i], render, out);
	}
	if (facts->n_contents > 1) {
		(void)kith_buf_add_str(out, "],\"meta\":{\"ambiguous\":true,\"count\":");
		(void)kith_buf_add_number(out, facts->n_contents);
		(void)kith_buf_add_byte(out, '}');
	}
	(void)kith_buf_add_str(out, "}\n");
	return st == KITH_OK && out->failed ? KITH_E_NOMEM : st;
}

const struct kith_renderer kith_renderer_vt = {"vt", render_vt, ""};
