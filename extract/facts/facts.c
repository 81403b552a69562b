/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/facts.h"

#include <stdlib.h>

#include "base/err.h"
#include "facts/inspect.h"

static enum kith_status inspect_text(const struct kith_inspector *inspector,
				     const struct kith_blob *blob,
				     const struct kith_fact_sink *sink, struct kith_err *err)
{
	enum kith_status st;
	uint8_t *text;
	size_t n;

	if (blob->size == 0 || blob->size > inspector->most)
		return KITH_OK;
	n = (size_t)blob->size;
	text = malloc(n);
	if (text == NULL)
		return kith_fail_nomem(err);
	st = kith_blob_read(blob, 0, text, n, err);
	if (st >= 0)
		inspector->text((struct kith_bytes){text, n}, sink);
	free(text);
	return st < 0 ? st : KITH_OK;
}

static const struct kith_inspector inspectors[] = {
#define KITH_INSPECTOR_TEXT(id, scope, most) \
	{#id, KITH_FACTS_OF_##scope, most, wants_##id, inspect_text, text_##id},
#define KITH_INSPECTOR(id, scope, most) \
	{#id, KITH_FACTS_OF_##scope, most, wants_##id, inspect_##id, NULL},
#include "facts/facts.def"
#undef KITH_INSPECTOR_TEXT
#undef KITH_INSPECTOR
};

const struct kith_inspector *kith_inspector_of(struct kith_bytes path, struct kith_bytes head)
{
	size_t i;

	for (i = 0; i < sizeof inspectors / sizeof *inspectors; i++)
		if (inspectors[i].wants(path, head))
			return &inspectors[i];
	return NULL;
}

enum kith_status kith_inspect(const struct kith_inspector *inspector, const struct kith_blob *blob,
			      const struct kith_fact_sink *sink, struct kith_err *err)
{
	return inspector->inspect(inspector, blob, sink, err);
}

static enum kith_status read_memory(void *user, uint64_t offset, void *buf, size_t n,
				    struct kith_err *err)
{
	const struct kith_bytes *bytes = user;

	(void)err;
	memcpy(buf, bytes->data + offset, n);
	return KITH_OK;
}

void kith_blob_memory(struct kith_blob *blob, const struct kith_bytes *bytes)
{
	union {
		/* cppcheck-suppress unusedStructMember */
		const struct kith_bytes *in;
		void *out;
	} user = {.in = bytes}; /* only read */

	kith_blob_decoded(blob, bytes->n, read_memory, user.out);
}

void kith_facts_deb_control(struct kith_bytes text, const struct kith_fact_sink *sink)
{
	text_deb_control(text, sink);
}
