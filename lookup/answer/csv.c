/* SPDX-License-Identifier: Apache-2.0 */
/*
 * csv.c: RFC 4180 with a head, lines end with CR LF. One record for each file that a query fits:
 * mostly one; several, each with `ambiguous` in the column flags, when the digest is ambiguous.
 * Lists are joined by `|`, and a `|` inside a text is written \x7c.
 */
#include <string.h>

#include "answer/render.h"
#include "base/hex.h"
#include "base/out.h"

#define HEAD                                                                                     \
	"query,verdict,sha256,sha1,md5,size,flags,filenames,products,distributors,data_sources," \
	"links,occurrences,truncated\r\n"

static void digest(struct kith_buf *out, const uint8_t *bytes, size_t n)
{
	char hex[2 * KITH_SHA256_SIZE];

	if (bytes != NULL) {
		(void)kith_hex_encode(bytes, n, hex);
		(void)kith_buf_add(out, hex, 2 * n);
	}
	(void)kith_buf_add_byte(out, ',');
}

/* Always quoted, so that no text can end its field. Returns whether all were written. */
static bool texts(struct kith_buf *out, const struct kith_texts *list, uint64_t limit)
{
	size_t i;

	(void)kith_buf_add_byte(out, '"');
	for (i = 0; i < list->n && (limit == 0 || i < limit); i++) {
		const uint8_t *p = list->items[i].data, *end = p + list->items[i].n;

		if (i > 0)
			(void)kith_buf_add_byte(out, '|');
		while (p < end) {
			const uint8_t *bar = memchr(p, '|', (size_t)(end - p));

			(void)kith_escape_csv(out, p, (size_t)((bar == NULL ? end : bar) - p));
			if (bar != NULL)
				(void)kith_buf_add_str(out, "\\x7c");
			p = bar == NULL ? end : bar + 1;
		}
	}
	(void)kith_buf_add_str(out, "\",");
	return i == list->n;
}

static void flags(struct kith_buf *out, uint32_t bits, bool ambiguous)
{
	const char *word, *before = "";
	uint32_t flag;
	unsigned i;

	for (i = 0; (word = kith_flag_word(i, &flag)) != NULL; i++) {
		if ((bits & flag) == 0)
			continue;
		(void)kith_buf_add_str(out, before);
		(void)kith_buf_add_str(out, word);
		before = "|";
	}
	if (ambiguous) {
		(void)kith_buf_add_str(out, before);
		(void)kith_buf_add_str(out, "ambiguous");
	}
	(void)kith_buf_add_byte(out, ',');
}

static void begin(struct kith_buf *out, const struct kith_facts *facts)
{
	(void)kith_csv_field(out, facts->query->text, facts->query->text_n);
	(void)kith_buf_add_byte(out, ',');
	(void)kith_buf_add_str(out, kith_verdict_text(facts->verdict));
	(void)kith_buf_add_byte(out, ',');
}

static enum kith_status render_csv(struct kith_asker *asker, const struct kith_facts *facts,
				   struct kith_render *render, struct kith_buf *out)
{
	const struct kith_query *query = facts->query;
	size_t i;

	if (facts->n_contents == 0) {
		begin(out, facts);
		digest(out, query->kind == KITH_SHA256 ? query->bytes : NULL, KITH_SHA256_SIZE);
		digest(out, query->kind == KITH_SHA1 ? query->bytes : NULL, KITH_SHA1_SIZE);
		digest(out, query->kind == KITH_MD5 ? query->bytes : NULL, KITH_MD5_SIZE);
		(void)kith_buf_add_str(out, ",,,,,,,0,false\r\n");
	}
	for (i = 0; i < facts->n_contents; i++) {
		const struct kith_content *c = &facts->contents[i];
		enum kith_status st = kith_ask_known(asker, c, &render->known);
		bool all;

		if (st != KITH_OK)
			return st;
		begin(out, facts);
		digest(out, c->sha256, KITH_SHA256_SIZE);
		digest(out, c->sha1, KITH_SHA1_SIZE);
		digest(out, c->md5, KITH_MD5_SIZE);
		if ((c->flags & KITH_FILE_HAS_SIZE) != 0)
			(void)kith_buf_add_number(out, c->size_bytes);
		(void)kith_buf_add_byte(out, ',');
		flags(out, c->flags, facts->n_contents > 1);
		all = texts(out, &render->known.names, render->limit);
		all = texts(out, &render->known.products, render->limit) && all;
		all = texts(out, &render->known.distributors, render->limit) && all;
		all = texts(out, &render->known.sources, render->limit) && all;
		all = texts(out, &render->known.links, render->limit) && all;
		(void)kith_buf_add_number(out, c->n_occurrences);
		(void)kith_buf_add_str(out, all ? ",false\r\n" : ",true\r\n");
	}
	return out->failed ? KITH_E_NOMEM : KITH_OK;
}

const struct kith_renderer kith_renderer_csv = {"csv", render_csv, HEAD};
