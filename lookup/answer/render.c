/* SPDX-License-Identifier: Apache-2.0 */
#include "answer/render.h"

#include <string.h>

#include "base/hex.h"
#include "base/out.h"

#define KITH_RENDERER(id) extern const struct kith_renderer kith_renderer_##id;
#include "answer/renderers.def"
#undef KITH_RENDERER

static const struct kith_renderer *const renderers[] = {
#define KITH_RENDERER(id) &kith_renderer_##id,
#include "answer/renderers.def"
#undef KITH_RENDERER
    NULL,
};

const struct kith_renderer *kith_renderer_at(size_t i)
{
	size_t k = 0;

	while (k < i && renderers[k] != NULL)
		k++;
	return renderers[k];
}

const struct kith_renderer *kith_renderer_find(const char *name)
{
	const struct kith_renderer *r;
	size_t i;

	for (i = 0; (r = kith_renderer_at(i)) != NULL; i++) {
		if (strcmp(r->name, name) == 0)
			return r;
	}
	return NULL;
}

const char *kith_flag_word(unsigned i, uint32_t *ret_flag)
{
	static const struct {
		uint32_t flag;
		const char *word;
	} flags[] = {{KITH_FILE_TRIVIAL, "trivial"},
		     {KITH_FILE_FRAGMENT, "fragment"},
		     {KITH_FILE_CONFLICT, "conflict"},
		     {KITH_FILE_SHA1_ONLY, "sha1-only"}};

	if (i >= sizeof flags / sizeof *flags)
		return NULL;
	*ret_flag = flags[i].flag;
	return flags[i].word;
}

bool kith_json_string(struct kith_buf *out, struct kith_bytes text)
{
	return kith_buf_add_byte(out, '"') && kith_escape_json(out, text.data, text.n, NULL) &&
	       kith_buf_add_byte(out, '"');
}

bool kith_json_texts(struct kith_buf *out, const struct kith_bytes *items, size_t n)
{
	size_t i;

	(void)kith_buf_add_byte(out, '[');
	for (i = 0; i < n; i++) {
		if (i > 0)
			(void)kith_buf_add_byte(out, ',');
		(void)kith_json_string(out, items[i]);
	}
	return kith_buf_add_byte(out, ']');
}

bool kith_json_digest(struct kith_buf *out, const uint8_t *digest, size_t n, bool upper)
{
	uint8_t *p = kith_buf_room(out, 2 * n + 2);

	if (digest == NULL)
		return kith_buf_add_str(out, "null");
	if (p == NULL)
		return false;
	*p++ = '"';
	p = (uint8_t *)(upper ? kith_hex_encode_upper(digest, n, (char *)p)
			      : kith_hex_encode(digest, n, (char *)p));
	*p++ = '"';
	out->n = (size_t)(p - out->data);
	return true;
}

bool kith_json_known(struct kith_buf *out, const struct kith_known *known)
{
	(void)kith_buf_add_str(out, "{\"filenames\":");
	(void)kith_json_texts(out, known->names.items, known->names.n);
	(void)kith_buf_add_str(out, ",\"products\":");
	(void)kith_json_texts(out, known->products.items, known->products.n);
	(void)kith_buf_add_str(out, ",\"distributors\":");
	(void)kith_json_texts(out, known->distributors.items, known->distributors.n);
	(void)kith_buf_add_str(out, ",\"data_sources\":");
	(void)kith_json_texts(out, known->sources.items, known->sources.n);
	if (known->links.n > 0) {
		(void)kith_buf_add_str(out, ",\"links\":");
		(void)kith_json_texts(out, known->links.items, known->links.n);
	}
	return kith_buf_add_byte(out, '}');
}
