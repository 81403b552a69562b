/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c: an answer for a reader at a terminal. A line `QUERY: VERDICT`, then, for what is known,
 * one indented line for each fact. Names are escaped (base/out.h), so nothing in them can steer the
 * terminal or look like another line.
 */
#include "answer/render.h"
#include "base/hex.h"
#include "base/out.h"

static void label(struct kith_buf *out, const char *text)
{
	static const char blank[] = "                ";
	size_t from = out->n;

	(void)kith_buf_add_str(out, "  ");
	(void)kith_buf_add_str(out, text);
	if (out->n - from < sizeof blank - 1)
		(void)kith_buf_add(out, blank, sizeof blank - 1 - (out->n - from));
}

static void digest(struct kith_buf *out, const char *name, const uint8_t *bytes, size_t n)
{
	char hex[2 * KITH_SHA256_SIZE];

	if (bytes == NULL)
		return;
	label(out, name);
	(void)kith_hex_encode(bytes, n, hex);
	(void)kith_buf_add(out, hex, 2 * n);
	(void)kith_buf_add_byte(out, '\n');
}

static void left_out(struct kith_buf *out, uint64_t n)
{
	label(out, "");
	(void)kith_buf_add_str(out, "... and ");
	(void)kith_buf_add_number(out, n);
	(void)kith_buf_add_str(out, " more (--limit 0 shows all)\n");
}

static void texts(struct kith_buf *out, const char *name, const struct kith_texts *list,
		  uint64_t limit)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (limit != 0 && i == limit) {
			left_out(out, list->n - i);
			break;
		}
		label(out, i == 0 ? name : "");
		(void)kith_escape_text(out, list->items[i].data, list->items[i].n);
		(void)kith_buf_add_byte(out, '\n');
	}
}

/* With versions: whoever reads this has no other list to find them in. */
static void releases(struct kith_buf *out, const struct kith_known *known, uint64_t limit)
{
	size_t i;

	for (i = 0; i < known->n_releases; i++) {
		const struct kith_release *release = &known->releases[i];

		if (limit != 0 && i == limit) {
			left_out(out, known->n_releases - i);
			break;
		}
		label(out, i == 0 ? "products" : "");
		(void)kith_escape_text(out, release->product.data, release->product.n);
		if (release->version.n > 0) {
			(void)kith_buf_add_byte(out, ' ');
			(void)kith_escape_text(out, release->version.data, release->version.n);
		}
		(void)kith_buf_add_byte(out, '\n');
	}
}

static void claims(struct kith_buf *out, const struct kith_file *file)
{
	struct kith_alternate alt;
	struct kith_file_iter iter;

	if (kith_alternates(file, &iter) < 0)
		return;
	while (kith_alternate_next(&iter, &alt) == KITH_OK) {
		label(out, "also claimed");
		if (alt.sha1 != NULL) {
			char hex[2 * KITH_SHA1_SIZE];

			(void)kith_buf_add_str(out, "sha1 ");
			(void)kith_hex_encode(alt.sha1, KITH_SHA1_SIZE, hex);
			(void)kith_buf_add(out, hex, sizeof hex);
			(void)kith_buf_add_byte(out, ' ');
		}
		if (alt.md5 != NULL) {
			char hex[2 * KITH_MD5_SIZE];

			(void)kith_buf_add_str(out, "md5 ");
			(void)kith_hex_encode(alt.md5, KITH_MD5_SIZE, hex);
			(void)kith_buf_add(out, hex, sizeof hex);
			(void)kith_buf_add_byte(out, ' ');
		}
		if (alt.has_size != 0) {
			(void)kith_buf_add_str(out, "size ");
			(void)kith_buf_add_number(out, alt.size_bytes);
			(void)kith_buf_add_byte(out, ' ');
		}
		out->data[out->n - 1] = '\n';
	}
}

static enum kith_status content(struct kith_asker *asker, const struct kith_content *c,
				struct kith_render *render, struct kith_buf *out)
{
	enum kith_status st = kith_ask_known(asker, c, &render->known);
	const char *word;
	uint32_t flag;
	unsigned i;
	size_t r;

	if (st != KITH_OK)
		return st;
	digest(out, "SHA-256", c->sha256, KITH_SHA256_SIZE);
	digest(out, "SHA-1", c->sha1, KITH_SHA1_SIZE);
	digest(out, "MD5", c->md5, KITH_MD5_SIZE);
	if ((c->flags & KITH_FILE_HAS_SIZE) != 0) {
		label(out, "size");
		(void)kith_buf_add_number(out, c->size_bytes);
		(void)kith_buf_add_byte(out, '\n');
	}
	for (r = 0; r < c->n_records && !out->failed; r++)
		claims(out, &c->records[r].file);
	for (i = 0; (word = kith_flag_word(i, &flag)) != NULL; i++) {
		if ((c->flags & flag) == 0)
			continue;
		label(out, "mark");
		(void)kith_buf_add_str(out, word);
		(void)kith_buf_add_byte(out, '\n');
	}
	texts(out, "names", &render->known.names, render->limit);
	releases(out, &render->known, render->limit);
	texts(out, "distributors", &render->known.distributors, render->limit);
	texts(out, "sources", &render->known.sources, render->limit);
	texts(out, "links", &render->known.links, render->limit);
	label(out, "occurrences");
	(void)kith_buf_add_number(out, c->n_occurrences);
	return kith_buf_add_byte(out, '\n') && !out->failed ? KITH_OK : KITH_E_NOMEM;
}

static enum kith_status render_text(struct kith_asker *asker, const struct kith_facts *facts,
				    struct kith_render *render, struct kith_buf *out)
{
	enum kith_status st = KITH_OK;
	size_t i;

	(void)kith_escape_text(out, facts->query->text, facts->query->text_n);
	(void)kith_buf_add_str(out, ": ");
	(void)kith_buf_add_str(out, kith_verdict_text(facts->verdict));
	if (facts->n_contents > 1) {
		(void)kith_buf_add_str(out, ", ambiguous: ");
		(void)kith_buf_add_number(out, facts->n_contents);
		(void)kith_buf_add_str(out, " files have this hash");
	}
	(void)kith_buf_add_byte(out, '\n');
	for (i = 0; i < facts->n_contents && st == KITH_OK; i++) {
		if (facts->n_contents > 1) {
			(void)kith_buf_add_str(out, " file ");
			(void)kith_buf_add_number(out, i + 1);
			(void)kith_buf_add_byte(out, '\n');
		}
		st = content(asker, &facts->contents[i], render, out);
	}
	return st == KITH_OK && out->failed ? KITH_E_NOMEM : st;
}

const struct kith_renderer kith_renderer_text = {"text", render_text, ""};
