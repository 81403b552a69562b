/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known.c: the five lists of an answer, and the choice of the occurrences that it shows. Nothing
 * here is worse than n log n in the number of a file's occurrences, which may be hundreds of
 * thousands.
 */
#include <stdlib.h>
#include <string.h>

#include "answer/facts.h"
#include "base/bytes.h"

static bool add(struct kith_texts *texts, struct kith_bytes text)
{
	if (text.n == 0)
		return true;
	return kith_buf_add(&texts->buf, &text, sizeof text);
}

static void finish(struct kith_texts *texts)
{
	texts->items = (void *)texts->buf.data;
	texts->n = kith_sort_unique(texts->items, texts->buf.n / sizeof *texts->items);
}

static void start(struct kith_texts *texts)
{
	texts->buf.n = 0;
	texts->n = 0;
}

void kith_known_done(struct kith_known *known)
{
	kith_buf_done(&known->names.buf);
	kith_buf_done(&known->products.buf);
	kith_buf_done(&known->distributors.buf);
	kith_buf_done(&known->sources.buf);
	kith_buf_done(&known->links.buf);
	kith_buf_done(&known->releases_buf);
}

static bool same_text(struct kith_bytes a, struct kith_bytes b)
{
	return kith_bytes_cmp(a.data, a.n, b.data, b.n) == 0;
}

static int compare_releases(const void *a, const void *b)
{
	const struct kith_release *x = a, *y = b;
	int c = kith_bytes_cmp(x->product.data, x->product.n, y->product.data, y->product.n);

	return c != 0
		   ? c
		   : kith_bytes_cmp(x->version.data, x->version.n, y->version.data, y->version.n);
}

/* Sorts the releases and takes the products from them. */
static bool finish_releases(struct kith_known *known)
{
	struct kith_release *releases = (void *)known->releases_buf.data;
	size_t n = known->releases_buf.n / sizeof *releases, kept = 0, i;

	if (n > 1)
		qsort(releases, n, sizeof *releases, compare_releases);
	for (i = 0; i < n; i++) {
		if (kept > 0 && compare_releases(&releases[kept - 1], &releases[i]) == 0)
			continue;
		releases[kept++] = releases[i];
		if ((kept == 1 || !same_text(releases[kept - 2].product, releases[i].product)) &&
		    !add(&known->products, releases[i].product))
			return false;
	}
	known->releases = releases;
	known->n_releases = kept;
	finish(&known->products);
	return true;
}

static int compare_ranks(const void *a, const void *b)
{
	uint32_t x, y;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return x < y ? -1 : x > y;
}

/* Sorts ranks, drops what is equal; returns how many are left. */
static size_t unique_ranks(uint32_t *ranks, size_t n)
{
	size_t i, kept = 0;

	for (i = 1; i < n && ranks[i - 1] < ranks[i]; i++)
		;
	if (i >= n)
		return n; /* in order already, as those of places are, and most names are few */
	qsort(ranks, n, sizeof *ranks, compare_ranks);
	for (i = 0; i < n; i++) {
		if (kept == 0 || ranks[kept - 1] != ranks[i])
			ranks[kept++] = ranks[i];
	}
	return kept;
}

bool kith_label_is(struct kith_bytes label, const char *text)
{
	return label.n == strlen(text) && memcmp(label.data, text, label.n) == 0;
}

/* A list of what some portal offers, and not one of those that have a name of their own there. */
static bool is_collection(const struct kith_source *source)
{
	static const char *const others[] = {KITH_LABEL_HASHDB, KITH_LABEL_NSRL, KITH_LABEL_MONITOR,
					     KITH_LABEL_TRUSTED};
	size_t i;

	for (i = 0; i < sizeof others / sizeof *others; i++) {
		if (kith_label_is(source->label, others[i]))
			return false;
	}
	return source->evidence != KITH_HASHED;
}

static bool add_origin(struct kith_known *known, const struct kith_origin *origin)
{
	size_t i, k;

	if (!add(&known->sources, origin->source.label))
		return false;
	known->in_collection = known->in_collection || is_collection(&origin->source);
	for (i = 0; i < origin->n_tuples; i++) {
		const struct kith_tuple *tuple = &origin->tuples[i];
		struct kith_release release = {tuple->product, tuple->version};

		if (release.product.n > 0 &&
		    !kith_buf_add(&known->releases_buf, &release, sizeof release))
			return false;
		for (k = 0; k < tuple->n_distributors; k++) {
			if (!add(&known->distributors, tuple->distributors[k]))
				return false;
		}
	}
	for (i = 0; i < origin->n_links; i++) {
		if (!add(&known->links, origin->links[i]))
			return false;
	}
	return true;
}

/* What one set's record adds. ranks, origins: scratch. */
static enum kith_status add_record(struct kith_asker *asker, const struct kith_record *record,
				   struct kith_known *known, struct kith_buf *ranks,
				   struct kith_buf *origins)
{
	struct kith_chain *chain = kith_asker_chain(asker, record->set);
	kith_reader *reader = kith_asker_reader(asker, record->set);
	struct kith_occurrence occ;
	struct kith_file_iter iter;
	const struct kith_where *where;
	uint32_t last_name = UINT32_MAX, last_place = KITH_NO_PLACE, last_origin = KITH_NO_PLACE;
	enum kith_status st = kith_occurrences(&record->file, &iter);
	size_t n, i;

	ranks->n = origins->n = 0;
	if (st < 0)
		return st;
	while ((st = kith_occurrence_next(&iter, &occ)) == KITH_OK) {
		if (occ.name != last_name && !kith_buf_add(ranks, &occ.name, sizeof occ.name))
			return KITH_E_NOMEM;
		last_name = occ.name;
		if (occ.place == last_place)
			continue;
		last_place = occ.place;
		st = kith_chain_at(chain, occ.place, &where);
		if (st != KITH_OK)
			return st;
		if (where->node->origin_place == last_origin)
			continue;
		last_origin = where->node->origin_place;
		if (!kith_buf_add(origins, &last_origin, sizeof last_origin))
			return KITH_E_NOMEM;
	}
	if (st < 0)
		return st;
	n = unique_ranks((void *)ranks->data, ranks->n / sizeof(uint32_t));
	for (i = 0; i < n; i++) {
		struct kith_bytes name;

		st = kith_name(reader, ((const uint32_t *)(void *)ranks->data)[i], &name);
		if (st != KITH_OK)
			return KITH_E_CORRUPT;
		if (!add(&known->names, name))
			return KITH_E_NOMEM;
	}
	n = unique_ranks((void *)origins->data, origins->n / sizeof(uint32_t));
	for (i = 0; i < n; i++) {
		st = kith_chain_at(chain, ((const uint32_t *)(void *)origins->data)[i], &where);
		if (st != KITH_OK)
			return st;
		if (!add_origin(known, where->node->origin))
			return KITH_E_NOMEM;
	}
	return KITH_OK;
}

enum kith_status kith_ask_known(struct kith_asker *asker, const struct kith_content *content,
				struct kith_known *known)
{
	struct kith_buf *ranks = kith_asker_scratch(asker, 0),
			*origins = kith_asker_scratch(asker, 1);
	enum kith_status st = KITH_OK;
	size_t i;

	start(&known->names);
	start(&known->products);
	start(&known->distributors);
	start(&known->sources);
	start(&known->links);
	known->releases_buf.n = 0;
	known->n_releases = 0;
	known->in_collection = false;
	for (i = 0; i < content->n_records && st == KITH_OK; i++)
		st = add_record(asker, &content->records[i], known, ranks, origins);
	if (st != KITH_OK)
		return st;
	finish(&known->names);
	finish(&known->distributors);
	finish(&known->sources);
	finish(&known->links);
	return finish_releases(known) ? KITH_OK : KITH_E_NOMEM;
}

/* ------------------------------------------------------------------ shown */

bool kith_has_extension(struct kith_bytes name)
{
	size_t n = 0;

	while (n < name.n && n < 9) {
		uint8_t c = name.data[name.n - 1 - n];

		if (c == '.')
			return n > 0 && n + 1 < name.n;
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
			return false;
		n++;
	}
	return false;
}

void kith_shown_start(struct kith_shown *shown, const struct kith_content *content, uint64_t limit)
{
	bool all = limit == 0 || content->n_occurrences <= limit;

	memset(shown, 0, sizeof *shown);
	shown->content = content;
	shown->left = all ? UINT64_MAX : limit;
	shown->pass = all ? 0 : 1;
}

/* The next occurrence of any record; KITH_END behind the last of this pass. */
static enum kith_status step(struct kith_shown *shown, struct kith_occurrence *ret)
{
	enum kith_status st;

	for (;;) {
		if (shown->record >= shown->content->n_records)
			return KITH_END;
		if (!shown->started) {
			st = kith_occurrences(&shown->content->records[shown->record].file,
					      &shown->iter);
			if (st < 0)
				return st;
			shown->started = true;
		}
		st = kith_occurrence_next(&shown->iter, ret);
		if (st != KITH_END)
			return st;
		shown->started = false;
		shown->name.data = NULL;
		shown->record++;
	}
}

enum kith_status kith_shown_next(struct kith_asker *asker, struct kith_shown *shown,
				 struct kith_seen *ret)
{
	struct kith_occurrence occ;
	enum kith_status st;

	while (shown->left > 0) {
		st = step(shown, &occ);
		if (st == KITH_END && shown->pass == 1) {
			shown->pass = 2;
			shown->record = 0;
			continue;
		}
		if (st != KITH_OK)
			return st;
		ret->set = shown->content->records[shown->record].set;
		/* most files have one name wherever they are */
		if (shown->name.data == NULL || occ.name != shown->name_rank) {
			st = kith_name(kith_asker_reader(asker, ret->set), occ.name, &shown->name);
			if (st != KITH_OK)
				return KITH_E_CORRUPT;
			shown->name_rank = occ.name;
		}
		ret->name = shown->name;
		if (shown->pass != 0 && kith_has_extension(ret->name) != (shown->pass == 1))
			continue;
		shown->left--;
		return kith_chain_at(kith_asker_chain(asker, ret->set), occ.place, &ret->where);
	}
	return KITH_END;
}
