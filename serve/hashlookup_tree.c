/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashlookup_tree.c: /children and /parents of a file, told by SHA-1. The children of a container
 * are the files that lie in it, however deep. A parent of a file is a container that it lies in,
 * where the container is a file of the set itself.
 *
 * The set leads from a file to its places and not back, so both read all of it; whether there is
 * anything to find is known before.
 */
#include <stdlib.h>
#include <string.h>

#include "answer/list.h"
#include "answer/tree.h"
#include "base/limits.h"
#include "base/out.h"
#include "hashlookup.h"
#include "walk.h"

#define COUNT_DEFAULT 100u

/* An occurrence that a container has, where its places begin. */
struct target {
	uint32_t set, place, name;
};

struct family {
	struct kith_walk walk;
	const char *member; /* of the answer */
	/* children: the places in the container, by set; none: first == end. */
	struct range {
		uint32_t first, end;
	} ranges[KITH_LIMIT_SETS];
	/* parents: sorted. */
	struct kith_buf targets;
	uint64_t from, count, total;
	bool begun;
	struct kith_buf *out; /* of this turn */
	kith_match_fn match;
};

struct question {
	struct kith_bytes sha1;
	uint64_t count, cursor;
};

static bool take_number(struct kith_bytes *rest, uint64_t *ret)
{
	size_t n = 0;

	*ret = 0;
	while (n < rest->n && n < 18 && rest->data[n] >= '0' && rest->data[n] <= '9')
		*ret = 10 * *ret + (uint64_t)(rest->data[n++] - '0');
	if (n == 0 || (n < rest->n && rest->data[n] != '/'))
		return false;
	n += n < rest->n;
	rest->data += n;
	rest->n -= n;
	return true;
}

/* <sha1>/<count>/<cursor> */
static bool parse(struct kith_bytes rest, struct question *ret)
{
	const uint8_t *slash = memchr(rest.data, '/', rest.n);

	memset(ret, 0, sizeof *ret);
	ret->sha1.data = rest.data;
	ret->sha1.n = slash == NULL ? rest.n : (size_t)(slash - rest.data);
	if (slash == NULL)
		return true;
	rest.data = slash + 1;
	rest.n -= ret->sha1.n + 1;
	return take_number(&rest, &ret->count) &&
	       (rest.n == 0 || (take_number(&rest, &ret->cursor) && rest.n == 0));
}

static struct kith_bytes nothing(void)
{
	struct kith_bytes none = {NULL, 0};

	return none;
}

/* What children and parents begin with. False: the reply says why. */
static bool ask(struct kith_worker *worker, struct kith_view *view,
		const struct kith_request *request, struct question *question,
		struct kith_entry *entry, struct kith_query *query, struct kith_facts *facts,
		struct kith_reply *reply)
{
	enum kith_status st;

	if (!parse(request->rest, question)) {
		(void)kith_hashlookup_message(reply, 404, "Expected: <sha1>/<count>/<cursor>",
					      nothing());
		return false;
	}
	if (kith_query_parse(question->sha1, entry, query) != KITH_OK || query->kind != KITH_SHA1) {
		(void)kith_hashlookup_message(
		    reply, 400, "SHA1 value incorrect, expecting a SHA1 value in hex format.",
		    nothing());
		return false;
	}
	if (!kith_hashlookup_has_index(view, KITH_SHA1)) {
		(void)kith_hashlookup_message(reply, 501, "No reference for SHA-1", nothing());
		return false;
	}
	st = kith_view_ask(worker, view, query, 1);
	if (st == KITH_OK)
		st = kith_ask_facts(view->asker, 0, facts);
	if (st != KITH_OK) {
		(void)kith_hashlookup_message(reply, 503, "A set is damaged", nothing());
		return false;
	}
	return true;
}

static struct family *start(struct kith_worker *worker, struct kith_view *view,
			    const struct question *question, const char *member,
			    kith_match_fn match, struct kith_reply *reply)
{
	struct family *family = calloc(1, sizeof *family);

	if (family == NULL) {
		(void)kith_hashlookup_message(reply, 503, "Out of memory", nothing());
		return NULL;
	}
	if (!kith_walk_start(&family->walk, worker, view)) {
		(void)kith_hashlookup_message(
		    reply, 503, "Too many requests of this kind at a time", nothing());
		free(family);
		return NULL;
	}
	family->member = member;
	family->match = match;
	family->from = question->cursor;
	family->count = question->count == 0 ? COUNT_DEFAULT : question->count;
	return family;
}

static void family_close(void *stream)
{
	struct family *family = stream;

	kith_walk_done(&family->walk);
	kith_buf_done(&family->targets);
	free(family);
}

/* ------------------------------------------------------------ children */

static enum kith_status is_child(void *user, size_t set, const struct kith_file *file)
{
	const struct family *family = user;
	const struct range *range = &family->ranges[set];
	struct kith_occurrence occurrence;
	struct kith_file_iter iter;
	enum kith_status st;

	if (range->first == range->end)
		return KITH_NOT_FOUND;
	st = kith_occurrences(file, &iter);
	while (st == KITH_OK && (st = kith_occurrence_next(&iter, &occurrence)) == KITH_OK) {
		if (occurrence.place >= range->end)
			return KITH_NOT_FOUND; /* they are sorted */
		if (occurrence.place >= range->first)
			return KITH_OK;
	}
	return st < 0 ? st : KITH_NOT_FOUND;
}

/* The first place where the file was opened as a container. Equal bytes have equal content, so one
 * is enough. */
static enum kith_status find_range(struct kith_view *view, const struct kith_record *record,
				   uint64_t *looked_at, struct range *ret)
{
	kith_reader *reader = kith_asker_reader(view->asker, record->set);
	struct kith_occurrence occurrence;
	struct kith_file_iter iter;
	enum kith_status st = kith_occurrences(&record->file, &iter);

	while (st == KITH_OK && (st = kith_occurrence_next(&iter, &occurrence)) == KITH_OK) {
		struct kith_bytes name;

		if (++*looked_at > KITH_LIMIT_SERVE_PLACES)
			return KITH_E_LIMIT;
		st = kith_tree_has_children(reader, occurrence.place);
		if (st == KITH_OK)
			st = kith_name(reader, occurrence.name, &name);
		if (st == KITH_OK)
			st = kith_tree_container(reader, occurrence.place, name, &ret->first);
		if (st == KITH_OK)
			return kith_tree_end(reader, ret->first, &ret->end);
		if (st == KITH_NOT_FOUND)
			st = KITH_OK;
	}
	ret->first = ret->end = 0;
	return st == KITH_END ? KITH_NOT_FOUND : st == KITH_OK || st > 0 ? KITH_E_CORRUPT : st;
}

static void *children_open(struct kith_worker *worker, struct kith_view *view,
			   const struct kith_request *request, struct kith_reply *reply)
{
	struct range ranges[KITH_LIMIT_SETS];
	struct question question;
	struct kith_entry entry;
	struct kith_query query;
	struct kith_facts facts;
	struct family *family;
	uint64_t looked_at = 0;
	bool any = false;
	size_t i, k;

	if (!ask(worker, view, request, &question, &entry, &query, &facts, reply))
		return NULL;
	memset(ranges, 0, sizeof ranges);
	for (i = 0; i < facts.n_contents; i++) {
		for (k = 0; k < facts.contents[i].n_records; k++) {
			const struct kith_record *record = &facts.contents[i].records[k];
			struct range range;
			enum kith_status st = find_range(view, record, &looked_at, &range);

			if (st < 0) {
				(void)kith_hashlookup_message(
				    reply, 503,
				    st == KITH_E_LIMIT
					? "The file is in too many places to look at them all"
					: "A set is damaged",
				    nothing());
				return NULL;
			}
			if (st == KITH_OK)
				ranges[record->set] = range;
			any = any || st == KITH_OK;
		}
	}
	if (!any) {
		(void)kith_hashlookup_message(reply, 404, "The SHA1 value has no known child.",
					      nothing());
		return NULL;
	}
	family = start(worker, view, &question, "children", is_child, reply);
	if (family != NULL)
		memcpy(family->ranges, ranges, sizeof ranges);
	return family;
}

/* ------------------------------------------------------------- parents */

static int compare_targets(const void *a, const void *b)
{
	const struct target *x = a, *y = b;

	if (x->set != y->set)
		return x->set < y->set ? -1 : 1;
	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static enum kith_status is_parent(void *user, size_t set, const struct kith_file *file)
{
	const struct family *family = user;
	struct kith_occurrence occurrence;
	struct kith_file_iter iter;
	enum kith_status st = kith_occurrences(file, &iter);

	while (st == KITH_OK && (st = kith_occurrence_next(&iter, &occurrence)) == KITH_OK) {
		struct target target = {(uint32_t)set, occurrence.place, occurrence.name};

		if (bsearch(&target, family->targets.data, family->targets.n / sizeof target,
			    sizeof target, compare_targets) != NULL)
			return KITH_OK;
	}
	return st < 0 ? st : KITH_NOT_FOUND;
}

/* The occurrences of the containers that a content lies in. */
static enum kith_status find_targets(struct kith_view *view, const struct kith_content *content,
				     struct kith_buf *targets)
{
	struct kith_buf *places = kith_asker_scratch(view->asker, 0);
	enum kith_status st;
	size_t i;

	places->n = 0;
	st = kith_tree_parents(view->asker, content, places);
	for (i = 0; st == KITH_OK && i < places->n / sizeof(struct kith_parent); i++) {
		struct kith_parent parent;
		struct kith_place place;
		struct target target;
		kith_reader *reader;

		memcpy(&parent, places->data + i * sizeof parent, sizeof parent);
		reader = kith_asker_reader(view->asker, parent.set);
		st = kith_place(reader, parent.place, &place);
		if (st != KITH_OK)
			break;
		if (place.kind != KITH_PLACE_ARCHIVE && place.kind != KITH_PLACE_IMAGE)
			continue;
		target.set = parent.set;
		target.place = place.parent;
		st = kith_name_find(reader, place.name.data, place.name.n, &target.name);
		if (st == KITH_OK && !kith_buf_add(targets, &target, sizeof target))
			return KITH_E_NOMEM;
		if (st == KITH_NOT_FOUND)
			st = KITH_OK; /* as the containers of NSRL: named, and no file of the set */
	}
	return st > 0 ? KITH_E_CORRUPT : st;
}

static void *parents_open(struct kith_worker *worker, struct kith_view *view,
			  const struct kith_request *request, struct kith_reply *reply)
{
	struct kith_buf targets = {NULL, 0, 0, false};
	struct family *family = NULL;
	struct question question;
	struct kith_entry entry;
	struct kith_query query;
	struct kith_facts facts;
	enum kith_status st = KITH_OK;
	size_t i;

	if (!ask(worker, view, request, &question, &entry, &query, &facts, reply))
		return NULL;
	for (i = 0; i < facts.n_contents && st == KITH_OK; i++)
		st = find_targets(view, &facts.contents[i], &targets);
	if (st != KITH_OK) {
		(void)kith_hashlookup_message(reply, 503, "A set is damaged", nothing());
	} else if (targets.n == 0) {
		(void)kith_hashlookup_message(reply, 404, "The SHA1 value has no known parent.",
					      nothing());
	} else {
		qsort(targets.data, targets.n / sizeof(struct target), sizeof(struct target),
		      compare_targets);
		family = start(worker, view, &question, "parents", is_parent, reply);
	}
	if (family == NULL)
		kith_buf_done(&targets);
	else
		family->targets = targets;
	return family;
}

/* ------------------------------------------------------------- the walk */

static enum kith_status each(void *user, const struct kith_content *content)
{
	struct family *family = user;
	struct kith_buf *out = family->out;
	enum kith_status st = kith_walk_any(content, family->match, family);

	if (st != KITH_OK || content->sha1 == NULL)
		return st < 0 ? st : KITH_OK;
	family->total++;
	if (family->total <= family->from || family->total - family->from > family->count)
		return KITH_OK;
	if (family->total - family->from > 1)
		(void)kith_buf_add_byte(out, ',');
	(void)kith_json_digest(out, content->sha1, KITH_SHA1_SIZE, true);
	if (out->failed)
		return KITH_E_NOMEM;
	return out->n > ((size_t)64 << 10) ? KITH_END : KITH_OK;
}

static enum kith_status family_turn(void *stream, const uint8_t *data, size_t n, bool last,
				    size_t *ret_used, struct kith_buf *out,
				    enum kith_turn *ret_turn)
{
	struct family *family = stream;
	enum kith_status st;
	uint64_t next;

	(void)data;
	(void)last;
	*ret_used = n;
	*ret_turn = KITH_TURN_AGAIN;
	family->out = out;
	if (!family->begun) {
		(void)kith_buf_add_str(out, "{\"");
		(void)kith_buf_add_str(out, family->member);
		(void)kith_buf_add_str(out, "\":[");
		family->begun = true;
	}
	st = kith_walk_turn(&family->walk, each, family);
	if (st != KITH_END)
		return st;
	next = family->total > family->from && family->total - family->from > family->count
		   ? family->from + family->count
		   : 0;
	(void)kith_buf_add_str(out, "],\"cursor\":");
	(void)kith_buf_add_number(out, next);
	(void)kith_buf_add_str(out, ",\"total\":");
	(void)kith_buf_add_number(out, family->total);
	*ret_turn = KITH_TURN_DONE;
	return kith_buf_add_str(out, "}\n") && !out->failed ? KITH_OK : KITH_E_NOMEM;
}

const struct kith_stream_ops kith_hashlookup_children = {children_open, family_turn, family_close,
							 NULL};
const struct kith_stream_ops kith_hashlookup_parents = {parents_open, family_turn, family_close,
							NULL};
