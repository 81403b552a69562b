/* SPDX-License-Identifier: Apache-2.0 */
/*
 * render.h: facts as text. One file per format, one row in renderers.def each. A renderer appends
 * the answer to one query, complete with its line ends, and keeps nothing between answers but the
 * lists in `known`, whose memory it uses again.
 */
#ifndef KITH_ANSWER_RENDER_H
#define KITH_ANSWER_RENDER_H

#include "answer/facts.h"
#include "base/buf.h"

struct kith_render {
	uint64_t limit; /* occurrences shown per file; 0: all */
	struct kith_known known;
	/* For vt: what links.self begins with (NULL: VirusTotal's own), and the attributes to give,
	 * with commas between (data NULL: those that are always there). */
	const char *vt_self;
	struct kith_bytes vt_attributes;
};

struct kith_renderer {
	const char *name;
	/* KITH_OK; KITH_E_NOMEM; KITH_E_CORRUPT: a set is damaged. */
	enum kith_status (*render)(struct kith_asker *asker, const struct kith_facts *facts,
				   struct kith_render *render, struct kith_buf *out);
	const char *head; /* what comes before the first answer; may be empty */
};

/* renderers.def in order; NULL behind the last. */
const struct kith_renderer *kith_renderer_at(size_t i);
const struct kith_renderer *kith_renderer_find(const char *name); /* NULL: none */

/* What several renderers share. Out of memory is remembered in out->failed. */

/* "fragment", "conflict", ...: flag i of those that answers show; NULL: no more. */
const char *kith_flag_word(unsigned i, uint32_t *ret_flag);

bool kith_json_string(struct kith_buf *out, struct kith_bytes text);
bool kith_json_texts(struct kith_buf *out, const struct kith_bytes *items, size_t n);
/* "hex", upper case on request; null where digest is NULL. */
bool kith_json_digest(struct kith_buf *out, const uint8_t *digest, size_t n, bool upper);
/* The object of the five lists, links only when there are any. */
bool kith_json_known(struct kith_buf *out, const struct kith_known *known);

/* vt_derived.c: the attributes that known_distributors replaced, from the same record; for vt.c.
 * Each is
 * ,"name":{...} or nothing, where no source of that kind has the file. */
enum kith_status kith_vt_derived(struct kith_asker *asker, const struct kith_content *content,
				 const char *name, struct kith_buf *out);

/* hashlookup.c, for whole sets: one record, without a line end. */
enum kith_status kith_hashlookup_record(struct kith_asker *asker,
					const struct kith_content *content, struct kith_buf *out);

#endif
